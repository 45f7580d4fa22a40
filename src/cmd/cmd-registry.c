/* git dv registry import, check; and the merge driver of registries. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/file.h"
#include "cmd/named-file.h"
#include "format/json.h"

/* ---- import ---- */

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

/* Scripts wrote paths from where they ran: the top, or beside the registry. */
static int find_file(struct import *m, struct entry *e, struct dv_err *err)
{
	const char *file = e->old->v.file;
	size_t top = strlen(m->s.repo.top);

	if (*file == '/' && !strncmp(file, m->s.repo.top, top) &&
	    file[top] == '/')
		file += top + 1;
	while (!strncmp(file, "./", 2))
		file += 2;
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
	/* A path outside of the worktree is nothing that we read or keep. */
	if (!e->file) {
		const char *slash = strrchr(file, '/');

		file = slash ? slash + 1 : file;
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
		snprintf(text, sizeof(text), "its file is not in the worktree");
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

	if (!rc && chdir(m->s.repo.top))
		rc = dv_err_errno(err, "cannot change to '%s'",
				  m->s.repo.top);
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

static int run_import(int argc, char **argv)
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

/* ---- check ---- */

struct tally {
	size_t versions, elsewhere, never, bad;
};

static int by_folded_id(const void *a, const void *b)
{
	const struct dv_version *const *x = a, *const *y = b;

	return strcasecmp((*x)->id, (*y)->id);
}

/* Names that mean two things: git dv version refuses them, an edit does not. */
static void check_ids(const char *name, const struct dv_registry *reg,
		      struct tally *t)
{
	const struct dv_version **v = calloc(reg->n + 1, sizeof(*v));

	for (size_t i = 0; i < reg->n; i++) {
		if (dv_registry_alias(reg, reg->v[i].id)) {
			printf("'%s' alias '%s': is the name of a version, too, which is what it gives; 'git dv alias --delete' removes it\n",
			       name, reg->v[i].id);
			t->bad++;
		}
		if (v)
			v[i] = &reg->v[i];
	}
	if (v && reg->n > 1)
		qsort(v, reg->n, sizeof(*v), by_folded_id);
	for (size_t i = 1; v && i < reg->n; i++)
		if (!by_folded_id(&v[i - 1], &v[i])) {
			printf("'%s' versions '%s' and '%s': differ only in case, so that some file systems take copies of them for the same; rename one in '" DV_REGISTRY_DIR "/%s" DV_REGISTRY_SUFFIX "'\n",
			       name, v[i - 1]->id, v[i]->id, name);
			t->bad++;
		}
	free(v);
}

static void check_name(struct dv_ctx *c, const char *name, const char *uuid,
		       struct tally *t)
{
	struct dv_registry reg = { 0 };
	struct dv_err err = { 0 };
	const cJSON *aliases;

	if (dv_catalog_load(&c->repo, name, &reg, &err)) {
		printf("%s\n", err.msg);
		t->bad++;
		return;
	}
	for (size_t i = 0; i < reg.n; i++) {
		const struct dv_version *v = &reg.v[i];

		t->versions++;
		if (!v->oid.scheme) {
			t->never++;
		} else if (dv_content_complete(&c->store, &c->coder, &v->oid,
					       NULL) == 1) {
			continue;
		} else if (uuid &&
			   dv_cache_pushed_get(c->cache, uuid, &v->oid)) {
			t->elsewhere++;
		} else {
			printf("'%s' version '%s': its content is not here, and not known to be on the default remote; 'git dv get' looks for it\n",
			       name, v->id);
			t->bad++;
		}
	}
	check_ids(name, &reg, t);
	aliases = dv_registry_aliases(&reg);
	for (const cJSON *a = aliases ? aliases->child : NULL; a; a = a->next)
		if (!dv_registry_find(&reg, a->valuestring)) {
			printf("'%s' alias '%s': points at '%s', which is no version; 'git dv alias' moves it\n",
			       name, a->string, a->valuestring);
			t->bad++;
		}
	dv_registry_release(&reg);
}

static int run_check(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv registry check",
		"git-dv-registry", "" };
	const struct dv_opt opts[] = { { 0 } };
	const struct dv_remote_info *def;
	struct dv_strs names = { 0 }, unshared = { 0 };
	struct tally t = { 0 };
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };
	struct dv_remotes rs;
	int n = dv_opt_parse(&cmd, opts, argc, argv, NULL), rc;

	if (n < 0)
		return dv_opt_exit(n);
	if (n) {
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	rc = dv_ctx_worktree(&c);
	if (!rc)
		rc = dv_ctx_store(&c, 1);
	if (rc)
		goto out;
	rc = dv_catalog_names(&c.repo, &names, &err);
	if (!rc)
		rc = dv_catalog_unshared(&c.repo, &names, &unshared, &err);
	if (!rc)
		rc = dv_remotes_load(&c.repo, &rs, &err);
	if (rc) {
		rc = dv_fail(&err);
		goto out;
	}
	def = dv_remotes_find(&rs, NULL);
	for (size_t i = 0; i < names.n; i++)
		check_name(&c, names.v[i], def ? def->uuid : NULL, &t);
	dv_remotes_release(&rs);
	for (size_t i = 0; i < unshared.n; i++, t.bad++)
		printf("%s\n", unshared.v[i]);
	printf("%zu name%s, %zu version%s: ", names.n,
	       names.n == 1 ? "" : "s", t.versions,
	       t.versions == 1 ? "" : "s");
	if (t.elsewhere)
		printf("%zu not here but on the default remote, ", t.elsewhere);
	if (t.never)
		printf("%zu never stored, ", t.never);
	printf(t.bad ? "%zu problem%s\n" : "all good\n", t.bad,
	       t.bad == 1 ? "" : "s");
	rc = t.bad != 0;
out:
	dv_strs_release(&unshared);
	dv_strs_release(&names);
	dv_ctx_close(&c);
	return rc;
}

int dv_cmd_registry(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv registry",
		"git-dv-registry",
		"import [--allow-missing] [--dry-run] <file>\ncheck" };
	const struct dv_opt opts[] = { { 0 } };
	int n;

	if (argc > 1 && !strcmp(argv[1], "import"))
		return run_import(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "check"))
		return run_check(argc - 1, argv + 1);
	n = dv_opt_parse(&cmd, opts, argc, argv, NULL);
	if (n < 0)
		return dv_opt_exit(n);
	if (n)
		dv_log_error("git dv registry has no '%s'", argv[0]);
	dv_opt_usage(&cmd, opts, 1);
	return 129;
}

/* ---- the merge driver ---- */

static int load_side(const char *path, const char *side,
		     struct dv_registry *out, struct dv_err *err)
{
	struct dv_buf text = { 0 };
	int rc = dv_file_read(path, &text, DV_JSON_MAX, err);

	/* Where both sides added the file, Git gives an empty ancestor. */
	if (!rc && !text.n)
		rc = dv_registry_init(out, err);
	else if (!rc)
		rc = dv_registry_parse(out, text.p, text.n, err);
	if (rc)
		dv_err_prefix(err, "%s", side);
	dv_buf_release(&text);
	return rc;
}

/*
 * git-dv merge-registry %O %A %B %P: the result goes to %A. A conflict leaves
 * ours, a whole registry, there; Git keeps both sides in its index.
 */
int dv_cmd_merge_registry(int argc, char **argv)
{
	struct dv_registry base = { 0 }, ours = { 0 }, theirs = { 0 };
	const char *path = argc > 4 ? argv[4] : "the registry";
	struct dv_strs conflicts = { 0 };
	struct dv_buf out = { 0 };
	struct dv_err err = { 0 };
	int rc;

	if (argc < 4) {
		fputs("usage: git-dv merge-registry %O %A %B %P\n", stderr);
		return 129;
	}
	rc = load_side(argv[1], "their common ancestor", &base, &err);
	if (!rc)
		rc = load_side(argv[2], "our side", &ours, &err);
	if (!rc)
		rc = load_side(argv[3], "their side", &theirs, &err);
	if (!rc)
		rc = dv_catalog_merge(&base, &ours, &theirs, &conflicts, &err);
	if (!rc)
		rc = dv_registry_format(&ours, &out, &err);
	if (!rc)
		rc = dv_file_write(argv[2], out.p, out.n, 0666, 0, &err);
	if (rc)
		dv_log_error("'%s' cannot be merged: %s", path, err.msg);
	for (size_t i = 0; !rc && i < conflicts.n; i++)
		dv_log_error("'%s': %s", path, conflicts.v[i]);
	if (!rc && conflicts.n)
		dv_log_note("'%s' has the versions of both sides, and ours where they conflict. 'git show :3:%s' shows theirs; record what is needed of it under another version, then 'git add' the file.",
			    path, path);
	dv_registry_release(&base);
	dv_registry_release(&ours);
	dv_registry_release(&theirs);
	dv_buf_release(&out);
	rc = rc || conflicts.n;
	dv_strs_release(&conflicts);
	return rc;
}
