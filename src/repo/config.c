/* Settings: one `git config --list`, and the team's .dvconfig. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/proc.h"
#include "codec/glob.h"
#include "codec/sha256.h"
#include "repo/cache.h"
#include "repo/gitindex.h"
#include "repo/repo.h"

#define CONFIG_MAX (16u << 20)
#define TEAM_MAX (1u << 20)

/*
 * .dvconfig comes with a clone, from strangers. Nothing in this list names a
 * command, a credential, or a place on this machine other than a store's URL,
 * which is opened as a store alone and only with the uuid beside it.
 */
static const char *const team_keys[] = {
	"dv.remote", "dv.above", "dv.include", "dv.exclude", "dv.compression",
	"dv.delta", "dv.hookmode", "dv.hookmin", "dv.hookextensions",
	"dv.hookfolders", "dv.hookexclude",
};

int dv_config_team_allowed(const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < DV_ARRAY_SIZE(team_keys); i++)
		if (!strcmp(key, team_keys[i]))
			return 1;
	return n > 14 && !strncmp(key, "dv.remote.", 10) &&
	       (!strcmp(key + n - 4, ".url") ||
		(n > 15 && !strcmp(key + n - 5, ".uuid")));
}

/* "key\nvalue\0", or "key\0" for a value that is just true. */
static int parse_list(const struct dv_buf *b, int team, struct dv_strs *keys,
		      struct dv_strs *values, struct dv_err *err)
{
	const char *p = (const char *)b->p, *end = p + b->n;

	while (p < end) {
		size_t n = strnlen(p, (size_t)(end - p));
		const char *nl = memchr(p, '\n', n);
		size_t k = nl ? (size_t)(nl - p) : n;
		int rc = dv_strs_addn(keys, p, k, err);

		if (!rc)
			rc = dv_strs_addn(values, nl ? nl + 1 : "true",
					  nl ? n - k - 1 : 4, err);
		if (rc)
			return rc;
		if (team && !dv_config_team_allowed(keys->v[keys->n - 1])) {
			dv_log_debug(".dvconfig: '%s' is not read from there",
				     keys->v[keys->n - 1]);
			free(keys->v[--keys->n]);
			free(values->v[--values->n]);
		}
		p += n + 1;
	}
	return 0;
}

/* By git itself, or as it was read the last time the text was the same. */
static int parse_team(struct dv_repo *r, const struct dv_buf *text,
		      struct dv_buf *out, int *code, struct dv_err *err)
{
	static const char *const argv[] = { "git", "config", "-z",
		"--no-includes", "--list", "-f", "-", NULL };
	struct dv_sha256 *sha = dv_sha256_open();
	struct dv_id key;
	int rc;

	if (!sha)
		return dv_err_nomem(err);
	dv_sha256_of(sha, text->p, text->n, &key);
	dv_sha256_close(sha);
	*code = 0;
	if (dv_cache_text_get(r->cache, &key, out))
		return 0;
	rc = dv_proc_filter(argv, NULL, 0, text->p, text->n, TEAM_MAX, out,
			    code, err);
	if (!rc && !*code)
		dv_cache_text_put(r->cache, &key, out);
	return rc;
}

static const char *last(const struct dv_strs *keys,
			const struct dv_strs *values, const char *key)
{
	for (size_t i = keys->n; i-- > 0;)
		if (!strcmp(keys->v[i], key))
			return values->v[i];
	return NULL;
}

/*
 * Where git has it, when it is not in the worktree: in HEAD during a clone's
 * checkout, which has no index yet, and in the index where a sparse checkout
 * leaves it out. NULL: it is absent because somebody removed it.
 */
static const char *elsewhere(struct dv_repo *r)
{
	char *path = dv_repo_index_path(r);
	const struct dv_gitentry *e;
	struct dv_gitindex ix = { 0 };
	const char *rev = NULL, *sparse = last(&r->config.keys,
					       &r->config.values,
					       "core.sparsecheckout");

	if (!path || !r->top || !dv_file_exists(path)) {
		rev = path ? "HEAD:.dvconfig" : NULL;
	} else if (sparse && strcasecmp(sparse, "false") &&
		   !dv_gitindex_read(&ix, path, r->algo, NULL)) {
		e = dv_gitindex_find(&ix, ".dvconfig");
		/* Of a split index, the file that we read has only a part. */
		if (e ? e->skip_worktree && (e->mode & 0170000) == 0100000 :
			ix.split)
			rev = ":0:.dvconfig";
	}
	dv_gitindex_release(&ix);
	free(path);
	return rev;
}

/* The file in the worktree, or what git has for it. */
static int read_team(struct dv_repo *r, struct dv_buf *out,
		     struct dv_err *err)
{
	struct dv_buf text = { 0 };
	char *path = r->top ? dv_fmt("%s/.dvconfig", r->top) : NULL;
	const char *blob[] = { "git", "config", "-z", "--no-includes",
			       "--list", "--blob", NULL, NULL };
	/*
	 * In a partial clone git fetches the blob first, and may start the
	 * remote helper for it, which must not come here again.
	 */
	static const char *const env[] = { "GIT_DV_READS_TEAM=1", NULL };
	struct stat st;
	int code, rc = 0;

	if (path && !lstat(path, &st)) {
		if (!S_ISREG(st.st_mode)) {
			dv_log_warn("'.dvconfig' is not a regular file and is not read");
			free(path);
			return 0;
		}
		rc = dv_file_read(path, &text, TEAM_MAX, err);
		if (!rc && text.n)
			rc = parse_team(r, &text, out, &code, err);
		else
			code = 0;
		if (!rc && code)
			rc = dv_err_set(err, DV_EINVAL,
					"'.dvconfig' cannot be read by 'git config'; mend or remove it");
	} else {
		blob[6] = getenv("GIT_DV_READS_TEAM") ? NULL : elsewhere(r);
		if (blob[6]) {
			r->config.team_staged = *blob[6] == ':';
			rc = dv_proc_capture(blob, env, DV_PROC_QUIET,
					     TEAM_MAX, out, &code, err);
			if (!rc && code)
				out->n = 0;
		}
	}
	dv_buf_release(&text);
	free(path);
	return rc;
}

static int load(struct dv_repo *r)
{
	static const char *const argv[] = { "git", "config", "-z", "--list",
					    NULL };
	struct dv_config *c = &r->config;
	struct dv_buf out = { 0 };
	struct dv_err err = { 0 };
	int code, rc;

	if (c->loaded)
		return 0;
	c->loaded = 1;
	c->team_staged = 0;
	rc = dv_proc_capture(argv, NULL, 0, CONFIG_MAX, &out, &code, &err);
	if (!rc && code)
		rc = dv_err_set(&err, DV_EINVAL,
				"'git config --list' failed");
	if (!rc)
		rc = parse_list(&out, 0, &c->keys, &c->values, &err);
	out.n = 0;
	if (!rc && r->common_dir)
		rc = read_team(r, &out, &err);
	if (!rc)
		rc = parse_list(&out, 1, &c->team_keys, &c->team_values, &err);
	if (rc)
		dv_log_warn("%s", err.msg);
	c->broken = rc != 0;
	dv_buf_release(&out);
	return rc;
}

int dv_config_check(struct dv_repo *r, struct dv_err *err)
{
	load(r);
	return r->config.broken ?
	       dv_err_set(err, DV_EINVAL,
			  "the settings of this repository cannot be read, see above") :
	       0;
}

void dv_config_reload(struct dv_repo *r)
{
	struct dv_config *c = &r->config;

	dv_strs_release(&c->keys);
	dv_strs_release(&c->values);
	dv_strs_release(&c->team_keys);
	dv_strs_release(&c->team_values);
	c->loaded = 0;
}

const char *dv_config_get_own(struct dv_repo *r, const char *key)
{
	load(r);
	return last(&r->config.keys, &r->config.values, key);
}

const char *dv_config_get_team(struct dv_repo *r, const char *key)
{
	load(r);
	return last(&r->config.team_keys, &r->config.team_values, key);
}

const char *dv_config_get(struct dv_repo *r, const char *key)
{
	const char *own = dv_config_get_own(r, key);

	return own ? own : dv_config_get_team(r, key);
}

int dv_config_all(struct dv_repo *r, const char *key, struct dv_strs *out,
		  struct dv_err *err)
{
	struct dv_config *c = &r->config;
	int rc = 0;

	load(r);
	for (size_t i = 0; !rc && i < c->team_keys.n; i++)
		if (!strcmp(c->team_keys.v[i], key))
			rc = dv_strs_add(out, c->team_values.v[i], err);
	for (size_t i = 0; !rc && i < c->keys.n; i++)
		if (!strcmp(c->keys.v[i], key))
			rc = dv_strs_add(out, c->values.v[i], err);
	return rc;
}

/* The longest prefix wins, and of two the first; NULL: none is one. */
static char *rewrite(const struct dv_config *c, const char *url,
		     const char *name)
{
	const char *base = NULL;
	size_t longest = 0, n = strlen(name), base_n = 0;

	for (size_t i = 0; i < c->keys.n; i++) {
		const char *key = c->keys.v[i], *prefix = c->values.v[i];
		size_t k = strlen(key), p = strlen(prefix);

		if (k < 4 + n || strncmp(key, "url.", 4) ||
		    strcmp(key + k - n, name) || strncmp(url, prefix, p) ||
		    (base && p <= longest))
			continue;
		base = key + 4;
		base_n = k - n - 4;
		longest = p;
	}
	return base ? dv_fmt("%.*s%s", (int)base_n, base, url + longest) : NULL;
}

char *dv_config_rewrite(struct dv_repo *r, const char *url, int push)
{
	char *out;

	load(r);
	out = push ? rewrite(&r->config, url, ".pushinsteadof") : NULL;
	if (!out)
		out = rewrite(&r->config, url, ".insteadof");
	return out ? out : strdup(url);
}

/* Git gives keys in lower case; people know them as the manual has them. */
static const char *shown(const char *key)
{
	static const char *const keys[] = { "dv.hookMin", "dv.hookMode",
		"dv.hookExtensions", "dv.hookFolders", "dv.hookExclude" };

	for (size_t i = 0; i < DV_ARRAY_SIZE(keys); i++)
		if (!strcasecmp(key, keys[i]))
			return keys[i];
	return key;
}

int dv_config_bool(struct dv_repo *r, const char *key, int fallback)
{
	const char *v = dv_config_get(r, key);

	if (!v)
		return fallback;
	if (!strcasecmp(v, "true") || !strcasecmp(v, "yes") ||
	    !strcasecmp(v, "on") || !strcmp(v, "1"))
		return 1;
	if (!*v || !strcasecmp(v, "false") || !strcasecmp(v, "no") ||
	    !strcasecmp(v, "off") || !strcmp(v, "0"))
		return 0;
	dv_log_warn("setting %s is '%s', neither true nor false",
		    shown(key), v);
	return fallback;
}

uint64_t dv_config_size(struct dv_repo *r, const char *key, uint64_t fallback)
{
	const char *v = dv_config_get(r, key);
	uint64_t n;

	if (!v)
		return fallback;
	if (dv_size_parse(v, &n)) {
		dv_log_warn("setting %s is '%s', not a size such as 500k or 10M",
			    shown(key), v);
		return fallback;
	}
	return n;
}

int dv_config_int(struct dv_repo *r, const char *key, int max, int fallback)
{
	const char *v = dv_config_get(r, key);
	char *end;
	long n;

	if (!v)
		return fallback;
	errno = 0;
	n = strtol(v, &end, 10);
	if (*v >= '0' && *v <= '9' && !*end && !errno && n <= max)
		return (int)n;
	dv_log_warn("setting %s is '%s', not a whole number from 0 to %d; %d is used",
		    shown(key), v, max, fallback);
	return fallback;
}

int dv_config_wants(struct dv_repo *r, const char *path)
{
	struct dv_strs in = { 0 }, out = { 0 };
	int yes = 1;

	if (!dv_config_all(r, "dv.include", &in, NULL) &&
	    !dv_config_all(r, "dv.exclude", &out, NULL)) {
		yes = !in.n;
		for (size_t i = 0; !yes && i < in.n; i++)
			yes = dv_glob_path(in.v[i], path);
		for (size_t i = 0; yes && i < out.n; i++)
			yes = !dv_glob_path(out.v[i], path);
	}
	dv_strs_release(&in);
	dv_strs_release(&out);
	return yes;
}

static int run_config(const char *const *argv, int ok_code,
		      struct dv_err *err)
{
	struct dv_buf out = { 0 };
	int code, rc;

	rc = dv_proc_capture(argv, NULL, 0, 65536, &out, &code, err);
	dv_buf_release(&out);
	if (!rc && code && code != ok_code)
		rc = dv_err_set(err, DV_EIO, "cannot set '%s' in git's configuration",
				argv[argv[2][0] == '-' && argv[2][1] == 'f' ? 5 : 4]);
	return rc;
}

int dv_config_writable(const char *where, struct dv_err *err)
{
	struct stat st;

	/* git config follows links: out of the worktree, for one. */
	if (where[0] != '-' && !lstat(where, &st) && !S_ISREG(st.st_mode))
		return dv_err_set(err, DV_EINVAL,
				  "'%s' is not a regular file and is not written to; put a file in its place",
				  where);
	return 0;
}

int dv_config_team_left_out(struct dv_repo *r)
{
	load(r);
	return r->config.team_staged;
}

int dv_config_team_writable(struct dv_repo *r, struct dv_err *err)
{
	char *path;
	int rc;

	if (dv_config_team_left_out(r))
		return dv_err_set(err, DV_EINVAL,
				  "'.dvconfig' is left out by the sparse checkout; 'git sparse-checkout add /.dvconfig' brings it into the worktree");
	path = dv_fmt("%s/.dvconfig", r->top);
	rc = path ? dv_config_writable(path, err) : dv_err_nomem(err);
	free(path);
	return rc;
}

int dv_config_set(const char *where, const char *key, const char *value,
		  struct dv_err *err)
{
	const char *scope[] = { "git", "config", where, "--replace-all", key,
				value, NULL };
	const char *file[] = { "git", "config", "-f", where, "--replace-all",
			       key, value, NULL };
	int rc = dv_config_writable(where, err);

	return rc ? rc : run_config(where[0] == '-' ? scope : file, 0, err);
}

int dv_config_unset(const char *where, const char *key, struct dv_err *err)
{
	const char *scope[] = { "git", "config", where, "--unset-all", key,
				NULL };
	const char *file[] = { "git", "config", "-f", where, "--unset-all",
			       key, NULL };
	int rc = dv_config_writable(where, err);

	/* 5: it was not set. */
	return rc ? rc : run_config(where[0] == '-' ? scope : file, 5, err);
}
