#include "repo/remotes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"

#define PREFIX "dv.remote."

static struct dv_remote_info *info_of(struct dv_remotes *rs, const char *name,
				      size_t n, int team)
{
	struct dv_remote_info *v;

	for (size_t i = 0; i < rs->n; i++)
		if (!strncmp(rs->v[i].name, name, n) && !rs->v[i].name[n])
			return &rs->v[i];
	v = dv_grow(rs->v, &rs->cap, rs->n + 1, sizeof(*v));
	if (!v)
		return NULL;
	rs->v = v;
	v += rs->n;
	memset(v, 0, sizeof(*v));
	v->name = strndup(name, n);
	v->team = team;
	if (!v->name)
		return NULL;
	rs->n++;
	return v;
}

/* dv.remote.<name>.url and .uuid; what comes later wins. */
static int take(struct dv_remotes *rs, const struct dv_strs *keys,
		const struct dv_strs *values, int team, struct dv_err *err)
{
	for (size_t i = 0; i < keys->n; i++) {
		const char *key = keys->v[i], *dot = strrchr(key, '.');
		struct dv_remote_info *v;
		size_t n;
		char **field;

		if (strncmp(key, PREFIX, sizeof(PREFIX) - 1) ||
		    dot < key + sizeof(PREFIX) ||
		    (strcmp(dot, ".url") && strcmp(dot, ".uuid")))
			continue;
		n = (size_t)(dot - key) - (sizeof(PREFIX) - 1);
		v = info_of(rs, key + sizeof(PREFIX) - 1, n, team);
		if (!v)
			return dv_err_nomem(err);
		field = !strcmp(dot, ".url") ? &v->url : &v->uuid;
		/*
		 * One's own URL replaces the team's, and its uuid does not
		 * speak of it any more.
		 */
		if (field == &v->url && v->team && !team) {
			v->team = 0;
			free(v->uuid);
			v->uuid = NULL;
		}
		free(*field);
		*field = strdup(values->v[i]);
		if (!*field)
			return dv_err_nomem(err);
	}
	return 0;
}

void dv_remotes_pinned(struct dv_repo *r, const char *name, const char *url,
		       char uuid[33])
{
	char *key = dv_fmt("remote.%s.dvstore", name);
	struct dv_strs pins = { 0 };

	*uuid = '\0';
	if (key && !dv_config_all(r, key, &pins, NULL))
		for (size_t i = 0; i < pins.n; i++)
			if (strlen(pins.v[i]) > 33 && pins.v[i][32] == ' ' &&
			    !strcmp(pins.v[i] + 33, url))
				snprintf(uuid, 33, "%.32s", pins.v[i]);
	dv_strs_release(&pins);
	free(key);
}

/*
 * Where the repository's own settings say what the remote's URL is. One of a
 * command line, or of the user for all repositories, is gone from here some day:
 * what was noted of it would be a remote without a URL.
 */
static const char *own_scope(const char *name)
{
	char *key = dv_fmt("remote.%s.url", name);
	const char *argv[] = { "git", "config", "-z", "--show-scope",
			       "--get-all", key, NULL };
	struct dv_buf out = { 0 };
	const char *scope = NULL;
	int code;

	if (key && !dv_proc_capture(argv, NULL, DV_PROC_QUIET, 1u << 20, &out,
				    &code, NULL) && !code) {
		const char *p = (const char *)out.p, *end = p + out.n;

		/* "<scope>\0<value>\0" */
		while (p < end) {
			if (!strcmp(p, "local"))
				scope = "--local";
			else if (!strcmp(p, "worktree"))
				scope = "--worktree";
			p += strlen(p) + 1;
			if (p < end)
				p += strlen(p) + 1;
		}
	}
	dv_buf_release(&out);
	free(key);
	return scope;
}

void dv_remotes_pin(struct dv_repo *r, const char *name, const char *url,
		    const char *uuid)
{
	char *key = dv_fmt("remote.%s.dvstore", name);
	char *value = dv_fmt("%s %s", uuid, url), pinned[33];
	const char *argv[] = { "git", "config", NULL, "--add", key, value,
			       NULL };
	struct dv_buf out = { 0 };
	int code;

	dv_remotes_pinned(r, name, url, pinned);
	if (key && value && !*pinned && (argv[2] = own_scope(name)) &&
	    dv_proc_capture(argv, NULL, DV_PROC_QUIET, 4096, &out, &code, NULL))
		dv_log_debug("'%s' is not set", key);
	dv_buf_release(&out);
	free(key);
	free(value);
}

#define HELPER "dvstore::"

/* The setting `i`, remote.<name>.url, leads to `url` behind the prefix. */
static int one_hosted(struct dv_remotes *rs, struct dv_repo *r, size_t i,
		      const char *url, struct dv_err *err)
{
	const char *key = r->config.keys.v[i], *value = r->config.values.v[i];
	char *dir = dv_url_dir(url), *name, pinned[33] = "";
	char *format = dir ? dv_fmt("%s/format", dir) : NULL;
	int hosted = format && dv_file_exists(format);
	size_t n = strlen(key) - 11;
	struct dv_remote_info *v;

	free(format);
	free(dir);
	if (!hosted)
		return 0;
	v = info_of(rs, key + 7, n, 0);
	if (v && v->url && strcmp(v->url, url))
		v = info_of(rs, value, strlen(value), 0);
	if (!v)
		return dv_err_nomem(err);
	if (v->url)
		return 0;
	v->url = strdup(url);
	name = strndup(key + 7, n);
	if (v->url && name) {
		dv_remotes_pinned(r, name, url, pinned);
		if (!v->uuid && *pinned)
			v->uuid = strdup(pinned);
	}
	free(name);
	return v->url && name && (v->uuid || !*pinned) ? 0 : dv_err_nomem(err);
}

/*
 * Git remotes whose URL is dvstore::<store>, as git rewrites it, are data
 * remotes too, under their own names, or their URLs where another data remote
 * has that name.
 */
static int take_hosted(struct dv_remotes *rs, struct dv_repo *r,
		       struct dv_err *err)
{
	const struct dv_config *c = &r->config;

	int rc = 0;

	for (size_t i = 0; !rc && i < c->keys.n; i++) {
		const char *key = c->keys.v[i];
		size_t n = strlen(key);
		char *url;

		if (strncmp(key, "remote.", 7) || n < 12 ||
		    strcmp(key + n - 4, ".url"))
			continue;
		url = dv_config_rewrite(r, c->values.v[i], 0);
		if (!url)
			rc = dv_err_nomem(err);
		else if (!strncmp(url, HELPER, sizeof(HELPER) - 1))
			rc = one_hosted(rs, r, i, url + sizeof(HELPER) - 1,
					err);
		free(url);
	}
	return rc;
}

int dv_remotes_load(struct dv_repo *r, struct dv_remotes *out,
		    struct dv_err *err)
{
	int rc;

	memset(out, 0, sizeof(*out));
	out->default_name = dv_config_get(r, "dv.remote");
	rc = dv_config_check(r, err);
	if (!rc)
		rc = take(out, &r->config.team_keys, &r->config.team_values, 1, err);
	if (!rc)
		rc = take(out, &r->config.keys, &r->config.values, 0, err);
	if (!rc)
		rc = take_hosted(out, r, err);
	if (rc)
		dv_remotes_release(out);
	return rc;
}

void dv_remotes_release(struct dv_remotes *rs)
{
	for (size_t i = 0; i < rs->n; i++) {
		free(rs->v[i].name);
		free(rs->v[i].url);
		free(rs->v[i].uuid);
	}
	free(rs->v);
	memset(rs, 0, sizeof(*rs));
}

const struct dv_remote_info *dv_remotes_find(const struct dv_remotes *rs,
					     const char *name)
{
	if (!name)
		name = rs->default_name;
	for (size_t i = 0; i < rs->n; i++)
		if (rs->v[i].url && (!name || !strcmp(rs->v[i].name, name)))
			return &rs->v[i];
	return NULL;
}

/* A relative path in a setting starts at the top of the worktree. */
static char *absolute(struct dv_repo *r, const char *url)
{
	if (*url == '/' || strstr(url, "://") || !r->top)
		return strdup(url);
	return dv_fmt("%s/%s", r->top, url);
}

static int open_info(struct dv_repo *r, const struct dv_remote_info *info,
		     struct dv_remote **out, struct dv_err *err)
{
	char *url, *cache;
	int rc;

	if (info->team && (!info->uuid || !*info->uuid))
		return dv_err_set(err, DV_EINVAL,
				  "remote '%s' in .dvconfig has no uuid beside its url; run 'git dv remote add %s %s' to say that you trust it",
				  info->name, info->name, info->url);
	url = absolute(r, info->url);
	cache = dv_fmt("%s/dv/cache/shards", r->common_dir);
	if (!url || !cache)
		rc = dv_err_nomem(err);
	else
		rc = dv_remote_open(out, url, info->uuid, 0, err);
	if (!rc)
		rc = dv_remote_set_cache(*out, cache, err);
	else
		dv_err_prefix(err, "remote '%s'", info->name);
	free(url);
	free(cache);
	return rc;
}

int dv_remotes_open(struct dv_repo *r, const char *name,
		    struct dv_remote **out, struct dv_err *err)
{
	const struct dv_remote_info *info;
	struct dv_remotes rs;
	int rc = dv_remotes_load(r, &rs, err);

	*out = NULL;
	if (rc)
		return rc;
	info = dv_remotes_find(&rs, name);
	if (info)
		rc = open_info(r, info, out, err);
	else if (name)
		rc = dv_err_set(err, DV_ENOTFOUND,
				"there is no data remote '%s'; 'git dv remote list' shows those there are",
				name);
	else
		rc = dv_err_set(err, DV_ENOTFOUND,
				"no data remote is set up; 'git dv remote add NAME URL' adds one");
	dv_remotes_release(&rs);
	return rc;
}

/* The local store of a Git repository at this path, or NULL. */
static char *store_in(const char *path)
{
	static const char *const inside[] = { "/.git/dv", "/dv", ".git/dv" };

	for (size_t i = 0; i < DV_ARRAY_SIZE(inside); i++) {
		char *dir = dv_fmt("%s%s", path, inside[i]);
		char *format = dir ? dv_fmt("%s/format", dir) : NULL;
		int there = format && dv_file_exists(format);

		free(format);
		if (there)
			return dir;
		free(dir);
	}
	return NULL;
}

/*
 * Git remotes on a local path. Their stores are read in place: a clone of a
 * working repository on this machine needs no data remote.
 */
static int fetch_local(struct dv_repo *r, struct dv_store *s,
		       const struct dv_oid *oids, size_t n, uint8_t *have,
		       struct dv_err *err)
{
	const struct dv_config *c = &r->config;
	int rc = 0;

	for (size_t i = 0; !rc && i < c->keys.n; i++) {
		const char *key = c->keys.v[i];
		size_t len = strlen(key);
		struct dv_fetch_result res;
		struct dv_store from;
		char *path, *dir;

		if (strncmp(key, "remote.", 7) || len < 12 ||
		    strcmp(key + len - 4, ".url"))
			continue;
		path = dv_url_dir(c->values.v[i]);
		if (path && *path != '/' && r->top) {
			char *full = dv_fmt("%s/%s", r->top, path);

			free(path);
			path = full;
		}
		dir = path ? store_in(path) : NULL;
		if (dir && !dv_store_open(&from, dir, DV_STORE_READ, NULL)) {
			rc = dv_fetch_store(&from, s, oids, n, have, &res,
					    err);
			dv_store_close(&from);
		}
		free(dir);
		free(path);
	}
	return rc;
}

static size_t count_missing(const uint8_t *have, size_t n)
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++)
		m += !have[i];
	return m;
}

static void remember_pushed(struct dv_cache *cache, struct dv_remote *remote,
			    const struct dv_oid *oids, size_t n)
{
	struct dv_remote_shard *shard;
	uint32_t row;

	for (size_t i = 0; cache && i < n; i++)
		if (dv_remote_find_file(remote, &oids[i], &shard, &row))
			dv_cache_pushed_put(cache, remote->uuid, &oids[i]);
}

int dv_remotes_fetch(struct dv_repo *r, struct dv_store *s,
		     struct dv_pool *pool, struct dv_cache *cache,
		     const char *name, const struct dv_oid *oids, size_t n,
		     struct dv_err *err)
{
	uint8_t *have = calloc(n + 1, 1);
	struct dv_err first = { 0 };
	struct dv_remotes rs;
	size_t missing;
	int rc, tried = 0;

	if (!have)
		return dv_err_nomem(err);
	rc = dv_remotes_load(r, &rs, err);
	if (rc) {
		free(have);
		return rc;
	}
	/* The default first, then the others. */
	for (size_t pass = 0; pass < 2; pass++) {
		const struct dv_remote_info *def = dv_remotes_find(&rs, name);

		for (size_t i = 0; i < rs.n && count_missing(have, n); i++) {
			struct dv_fetch_result res;
			struct dv_remote *remote;
			struct dv_err why = { 0 };

			if (!rs.v[i].url || (&rs.v[i] == def) == (pass == 1) ||
			    (name && pass == 1))
				continue;
			tried = 1;
			if (open_info(r, &rs.v[i], &remote, &why)) {
				if (!first.status)
					first = why;
				continue;
			}
			rc = dv_fetch(remote, s, pool, oids, n, have, &res,
				      &why);
			remember_pushed(cache, remote, oids, n);
			dv_remote_close(remote);
			if (rc && !first.status)
				first = why;
			/* Another remote would not help. */
			if (rc == DV_ECANCEL || rc == DV_EIO ||
			    rc == DV_ENOMEM)
				goto out;
		}
	}
	rc = 0;
	if (!name && count_missing(have, n))
		rc = fetch_local(r, s, oids, n, have, &first);
out:
	missing = count_missing(have, n);
	if (missing && !first.status)
		dv_err_set(&first, DV_ENOTFOUND,
			   tried ? "the content of %zu file%s is on no remote that is set up here" :
				   "the content of %zu file%s is not here, and no data remote is set up; 'git dv remote add NAME URL' adds one",
			   missing, missing == 1 ? "" : "s");
	rc = missing ? first.status : 0;
	if (missing && err)
		*err = first;
	dv_remotes_release(&rs);
	free(have);
	return rc;
}
