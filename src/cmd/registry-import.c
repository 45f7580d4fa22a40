/* git dv registry import: data_registry.json becomes registries of git-dv. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/named-file.h"
#include "format/json.h"

enum state { NEW, FILL, SAME, ABSENT };

struct entry {
	const struct dv_old_version *old;
	struct dv_stored stored;	/* NEW and FILL */
	char *file;			/* from the top */
	enum state state;
};

struct name {
	const char *name;
	size_t from, to;		/* its entries */
	struct dv_registry reg;
	int changed;
};

struct import {
	struct dv_session s;
	struct dv_old_registry old;
	struct entry *v;		/* one an old version */
	struct name *names;
	size_t n;
	char *base;			/* folder of the old registry, "" or "a/" */
	int allow_missing, dry_run;
	size_t problems, count[4];
};

/*
 * As it would be spelled here: without "." and empty parts and, if `windows`,
 * with its slashes.
 */
static char *spelled(const char *file, int windows)
{
	char *s = strdup(file), *to = s;
	const char *p = s;

	for (char *c = s; windows && c && *c; c++)
		if (*c == '\\')
			*c = '/';
	while (p && *p) {
		size_t n = strcspn(p, "/");

		if (n && (n != 1 || *p != '.')) {
			if (to != s)
				*to++ = '/';
			memmove(to, p, n);
			to += n;
		}
		p += n + (p[n] == '/');
	}
	if (s)
		*to = '\0';
	return s;
}

/* From the top, then beside the registry; e->file is where it should be. */
static int find_spelled(struct import *m, struct entry *e, const char *file,
			struct dv_err *err)
{
	for (int beside = 0; beside < 2; beside++) {
		char *path = dv_fmt("%s%s", beside ? m->base : "", file);
		struct stat st;

		if (!path)
			return dv_err_nomem(err);
		if (!dv_top_path_check(path, NULL)) {
			if (!lstat(path, &st)) {
				free(e->file);
				e->file = path;
				return 0;
			}
			if (!e->file) {
				e->file = path;
				continue;
			}
		}
		free(path);
	}
	return DV_ENOTFOUND;
}

/* Scripts wrote paths from where they ran: the top, or beside the registry. */
static int find_file(struct import *m, struct entry *e, struct dv_err *err)
{
	const char *file = e->old->v.file;
	size_t top = strlen(m->s.repo.top);
	int rc = DV_ENOTFOUND;

	if (*file == '/' && !strncmp(file, m->s.repo.top, top) &&
	    file[top] == '/')
		file += top + 1;
	else if (*file == '/')
		goto outside;
	/* Here a name may have a backslash; there it had none. */
	for (int windows = 0; rc == DV_ENOTFOUND && windows < 2; windows++) {
		char *path;

		if (windows && !strchr(file, '\\'))
			break;
		path = spelled(file, windows);
		free(e->file);
		e->file = NULL;
		rc = path ? find_spelled(m, e, path, err) : dv_err_nomem(err);
		free(path);
	}
	if (rc != DV_ENOTFOUND)
		return rc;
outside:
	/* A path outside of the worktree is nothing that we read or keep. */
	if (!e->file) {
		for (const char *p = file; *p; p++)
			if (*p == '/' || *p == '\\')
				file = p + 1;
		if (dv_top_path_check(file, err))
			return DV_EINVAL;
		e->file = strdup(file);
		if (!e->file)
			return dv_err_nomem(err);
	}
	return DV_ENOTFOUND;
}

static void complain(struct import *m, const struct entry *e, const char *why)
{
	const struct dv_old_version *o = e->old;

	e->state == ABSENT && m->allow_missing ?
		dv_log_warn("'%s' version '%s': %s; recorded without content",
			    o->name, o->v.id, why) :
		dv_log_error("'%s' version '%s': %s", o->name, o->v.id, why);
	m->problems += !(e->state == ABSENT && m->allow_missing);
}

/* Is the version recorded already? 1: nothing is left to do for it. */
static int known(struct import *m, struct entry *e,
		 const struct dv_registry *reg)
{
	const struct dv_version *v = dv_registry_find(reg, e->old->v.id);

	e->state = NEW;
	if (!v)
		return 0;
	if (!v->md5 || strcmp(v->md5, e->old->v.md5) != 0) {
		complain(m, e, "is recorded with other content already");
		return 1;
	}
	e->state = v->oid.scheme ? SAME : FILL;
	return e->state == SAME;
}

static int look(struct import *m, struct entry *e,
		const struct dv_registry *reg, struct dv_err *err)
{
	struct dv_err why = { 0 };
	enum state state;
	char text[400];
	int rc;

	if (known(m, e, reg))
		return 0;
	state = e->state;
	e->state = ABSENT;
	rc = find_file(m, e, err);
	if (rc == DV_ENOTFOUND)
		snprintf(text, sizeof(text),
			 "its file '%.300s' is not in the worktree",
			 dv_name_show(e->old->v.file).s);
	else if (rc)
		return rc;
	else
		rc = dv_named_store(&m->s, e->file, &e->stored, &why);
	if (rc && rc != DV_EINVAL && rc != DV_ENOTFOUND) {
		if (err)
			*err = why;
		return rc;
	}
	if (why.status)
		snprintf(text, sizeof(text), "%.390s", why.msg);
	else if (!rc && strcmp(e->stored.md5, e->old->v.md5) != 0)
		snprintf(text, sizeof(text),
			 "'%.300s' has changed since, its MD5 is %s", e->file,
			 e->stored.md5);
	else if (!rc)
		e->state = state;
	/* An import that still lacks the file changes nothing. */
	if (e->state == ABSENT && state == FILL)
		e->state = SAME;
	else if (e->state == ABSENT)
		complain(m, e, text);
	return 0;
}

static int add_entry(struct dv_registry *reg, const struct entry *e,
		     struct dv_err *err)
{
	struct dv_version v = e->old->v;
	struct dv_time_text created;
	struct timeval now;
	int has = e->state != ABSENT;

	gettimeofday(&now, NULL);
	if (!e->old->created_known)
		v.created_us = has ? e->stored.st.st_mtim.tv_sec * 1000000 :
				     now.tv_sec * 1000000 + now.tv_usec;
	created = dv_time_text(v.created_us);
	v.created = created.s;
	v.file = e->file;
	if (has) {
		v.size = e->stored.oid.size;
		v.oid = e->stored.oid;
		v.sha256 = e->stored.sha256;
	}
	if (e->state == FILL)
		dv_registry_remove(reg, v.id);
	return dv_registry_add(reg, &v, err);
}

/* ---- a name at a time ---- */

/* What can be said before content is read, which may take long. */
static int check_one(struct import *m, struct name *n, struct dv_err *err)
{
	int rc = 0;

	for (const struct name *o = m->names; !rc && o < n; o++)
		if (!strcasecmp(o->name, n->name))
			rc = dv_err_set(err, DV_EEXIST,
					"the names '%s' and '%s' differ only in case; rename one",
					o->name, n->name);
	for (size_t i = n->from; !rc && i < n->to; i++) {
		const struct dv_version v = { .id = m->v[i].old->v.id,
			.file = "x", .created = "2000-01-01T00:00:00Z" };

		if (dv_registry_find(&n->reg, v.id))
			continue;
		rc = dv_registry_add(&n->reg, &v, err);
		if (rc)
			dv_err_prefix(err, "'%s'", n->name);
	}
	return rc;
}

static int look_one(struct import *m, struct name *n, struct dv_err *err)
{
	int rc = 0;

	for (size_t i = n->from; !rc && i < n->to; i++)
		rc = look(m, &m->v[i], &n->reg, err);
	return rc;
}

static int build_one(struct import *m, struct name *n, struct dv_err *err)
{
	struct dv_buf text = { 0 };
	int rc = 0;

	for (size_t i = n->from; !rc && i < n->to; i++) {
		if (m->v[i].state == SAME)
			continue;
		rc = add_entry(&n->reg, &m->v[i], err);
		n->changed = 1;
	}
	if (rc)
		dv_err_prefix(err, "'%s'", n->name);
	else if (n->changed)
		rc = dv_catalog_text(n->name, &n->reg, &text, err);
	dv_buf_release(&text);
	return rc;
}

/* For each name, with its registry as it is now. */
static int each_name(struct import *m,
		     int (*one)(struct import *m, struct name *n,
				struct dv_err *err), struct dv_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < m->n; i++) {
		struct name *n = &m->names[i];

		dv_registry_release(&n->reg);
		rc = dv_catalog_load_new(&m->s.repo, n->name, &n->reg, err);
		if (!rc)
			rc = one(m, n, err);
	}
	return rc;
}

/* All were built, so that only the disk can fail. */
static int save_all(struct import *m, struct dv_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < m->n; i++) {
		struct name *n = &m->names[i];

		if (n->changed)
			rc = dv_catalog_save(&m->s.repo, n->name, &n->reg, err);
	}
	if (rc)
		dv_err_prefix(err, "perhaps only some names are imported, do it again");
	return rc;
}

static int group_names(struct import *m, struct dv_err *err)
{
	m->v = calloc(m->old.n + 1, sizeof(*m->v));
	m->names = calloc(m->old.n + 1, sizeof(*m->names));
	if (!m->v || !m->names)
		return dv_err_nomem(err);
	for (size_t i = 0; i < m->old.n; i++) {
		const char *name = m->old.v[i].name;

		m->v[i].old = &m->old.v[i];
		if (!m->n || strcmp(m->names[m->n - 1].name, name) != 0)
			m->names[m->n++] = (struct name){ .name = name,
							  .from = i };
		m->names[m->n - 1].to = i + 1;
	}
	return 0;
}

static int read_old(struct import *m, const char *path, struct dv_err *err)
{
	struct dv_buf text = { 0 }, top = { 0 };
	int rc = dv_file_read(path, &text, DV_JSON_MAX, err);

	if (!rc && dv_old_registry_parse(&m->old, text.p, text.n, err)) {
		dv_err_prefix(err, "'%s' cannot be imported", path);
		rc = DV_EINVAL;
	}
	if (!rc)
		rc = group_names(m, err);
	/* One from elsewhere has no files beside it. */
	if (!rc && dv_top_path(&m->s.repo, path, &top, NULL))
		top.n = 0;
	if (!rc) {
		const char *s = dv_buf_str(&top), *slash = strrchr(s, '/');

		m->base = strndup(s, slash ? (size_t)(slash + 1 - s) : 0);
		if (!m->base)
			rc = dv_err_nomem(err);
	}
	dv_buf_release(&text);
	dv_buf_release(&top);
	return rc;
}

static int import(struct import *m, const char *path, struct dv_err *err)
{
	struct dv_err why = { 0 };
	int lock = -1, rc = read_old(m, path, err);

	if (!rc)
		rc = dv_repo_go_top(&m->s.repo, err);
	if (!rc)
		rc = each_name(m, check_one, err);
	if (!rc)
		rc = dv_session_store(&m->s, err);
	dv_progress_start(&m->s.progress, "Storing content", 0);
	if (!rc)
		rc = each_name(m, look_one, err);
	dv_progress_stop(&m->s.progress);
	/* Durable before a registry names it. */
	if (!rc)
		rc = dv_session_publish(&m->s, err);
	if (dv_session_finish(&m->s, rc ? &why : err) && !rc)
		rc = err->status;
	if (!rc && m->problems)
		return dv_err_set(err, DV_EINVAL,
				  "nothing is imported; --allow-missing records what is missing without its content");
	for (size_t i = 0; !rc && i < m->old.n; i++)
		m->count[m->v[i].state]++;
	if (rc || m->dry_run)
		return rc ? rc : each_name(m, build_one, err);
	rc = dv_named_hold(&m->s, err);
	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < m->old.n; i++)
		if (m->v[i].state == NEW || m->v[i].state == FILL)
			rc = dv_named_still(&m->s, &m->v[i].stored.oid, err);
	if (!rc)
		rc = dv_catalog_lock(&m->s.repo, &lock, err);
	if (!rc)
		rc = each_name(m, build_one, err);
	if (!rc)
		rc = save_all(m, err);
	if (lock >= 0)
		close(lock);
	dv_named_drop(&m->s);
	return rc;
}

int dv_registry_import(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv registry import",
		"git-dv-registry", "[--allow-missing] [--dry-run] <file>" };
	struct import *m = calloc(1, sizeof(*m));
	struct dv_err err = { 0 };
	int n, rc;

	if (!m)
		return 1;
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 0, "allow-missing", &m->allow_missing, NULL, "also versions whose file is gone or changed, without content", 0 },
		{ DV_OPT_FLAG, 'n', "dry-run", &m->dry_run, NULL, "write no registry", 0 },
		{ 0 },
	};

	n = dv_opt_parse(&cmd, opts, argc, argv, NULL);
	if (n != 1) {
		free(m);
		if (n >= 0)
			dv_opt_usage(&cmd, opts, 1);
		return n >= 0 ? 129 : dv_opt_exit(n);
	}
	rc = dv_session_open(&m->s, &err);
	if (!rc && !m->s.repo.top)
		rc = dv_err_set(&err, DV_EINVAL,
				"this command needs a worktree");
	m->s.sync_each = 0;
	if (!rc)
		rc = import(m, argv[0], &err);
	if (!rc && !m->dry_run && dv_setup_registry_merge(&m->s.repo, &err)) {
		dv_log_warn("%s", err.msg);
		dv_err_clear(&err);
	}
	if (!rc)
		dv_log_note("%s %zu version%s, %zu without content; %zu recorded before.",
			    m->dry_run ? "Would import" : "Imported",
			    m->count[NEW] + m->count[FILL] + m->count[ABSENT],
			    m->count[NEW] + m->count[FILL] + m->count[ABSENT] ==
			    1 ? "" : "s", m->count[ABSENT], m->count[SAME]);
	if (!rc && !m->dry_run)
		dv_named_warn_unshared(&m->s.repo, NULL);
	dv_session_close(&m->s);
	for (size_t i = 0; m->v && i < m->old.n; i++)
		free(m->v[i].file);
	for (size_t i = 0; i < m->n; i++)
		dv_registry_release(&m->names[i].reg);
	free(m->names);
	free(m->v);
	free(m->base);
	dv_old_registry_release(&m->old);
	free(m);
	return rc ? dv_fail(&err) : 0;
}
