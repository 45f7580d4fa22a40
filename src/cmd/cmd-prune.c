/*
 * git dv prune. What goes is content that the history of clones names, that
 * none of them works on, and that every clone's own default remote was seen to
 * have. Whatever else is in the store stays.
 *
 * 1. Without a lock, as it may take long: the files of all clones, and for
 *    each clone the proof that its remote has them.
 * 2. Under the store's exclusive lock: what is needed, once more, since work
 *    went on meanwhile. Then the sweep.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog.h"
#include "cmd/removal.h"
#include "remote/prove.h"

#define RECENT_DAYS 10

struct file {
	struct dv_oid oid;
	char *path;
	size_t seen;		/* by the clone of this number, from 1 */
	uint8_t needed, unproven;
};

struct prune {
	struct dv_removal m;
	struct file *v;
	size_t n, cap;
	struct dv_idmap by_oid;		/* (scheme, id) -> place in v */
	size_t clone;			/* the one that is looked at, from 1 */
	int recent, read_back;
};

static struct file *file_of(struct prune *p, const struct dv_oid *oid)
{
	uint64_t *at = dv_idmap_get(&p->by_oid, oid->scheme, &oid->id);

	return at ? &p->v[*at] : NULL;
}

static struct file *file_add(struct prune *p, const struct dv_oid *oid,
			     const char *path, struct dv_err *err)
{
	struct file *f = file_of(p, oid);

	if (f)
		return f;
	f = dv_grow(p->v, &p->cap, p->n + 1, sizeof(*f));
	if (!f) {
		dv_err_nomem(err);
		return NULL;
	}
	p->v = f;
	f += p->n;
	memset(f, 0, sizeof(*f));
	f->oid = *oid;
	f->path = strdup(path ? path : "");
	if (!f->path || dv_idmap_put(&p->by_oid, oid->scheme, &oid->id, p->n,
				     err)) {
		free(f->path);
		dv_err_nomem(err);
		return NULL;
	}
	p->n++;
	return f;
}

static int found(void *arg, const struct dv_oid *oid, const char *path,
		 struct dv_err *err)
{
	struct prune *p = arg;
	struct file *f = file_add(p, oid, path, err);

	if (!f)
		return DV_ENOMEM;
	f->seen = p->clone;
	return 0;
}

static int needed(void *arg, const struct dv_oid *oid, const char *path,
		  struct dv_err *err)
{
	struct file *f = file_add(arg, oid, path, err);

	if (!f)
		return DV_ENOMEM;
	f->needed = 1;
	return 0;
}

/* Is there anything of it here that could go? */
static int may_go(struct prune *p, const struct file *f)
{
	return f->seen == p->clone && !f->needed && !f->unproven &&
	       dv_store_has_quick(&p->m.c.store, dv_oid_kind(&f->oid),
				  &f->oid.id);
}

static int prove_with(struct prune *p, struct dv_remote *remote,
		      struct dv_err *err)
{
	struct dv_oid *oids = calloc(p->n + 1, sizeof(*oids));
	size_t *at = calloc(p->n + 1, sizeof(*at)), n = 0;
	uint8_t *proven = calloc(p->n + 1, 1);
	int rc = 0;

	if (!oids || !at || !proven)
		rc = dv_err_nomem(err);
	for (size_t i = 0; !rc && i < p->n; i++)
		if (may_go(p, &p->v[i])) {
			at[n] = i;
			oids[n++] = p->v[i].oid;
		}
	if (!rc && n)
		rc = dv_remote_prove(remote, oids, n, p->read_back, proven,
				     err);
	for (size_t i = 0; !rc && i < n; i++)
		p->v[at[i]].unproven = !proven[i];
	free(oids);
	free(at);
	free(proven);
	return rc;
}

/* In the clone's own worktree, by the clone's own settings. */
static int prove_clone(struct prune *p, const char *dir, struct dv_err *err)
{
	struct dv_remote *remote = NULL;
	char *top = dv_clone_top(dir);
	struct dv_repo repo;
	struct dv_visit v;
	int rc;

	if (!strcmp(dir, p->m.c.repo.common_dir)) {
		free(top);
		rc = dv_remotes_open(&p->m.c.repo, NULL, &remote, err);
		if (!rc)
			rc = prove_with(p, remote, err);
		dv_remote_close(remote);
		return rc;
	}
	rc = top ? dv_visit_begin(&v, top, err) : dv_err_nomem(err);
	free(top);
	if (rc)
		return rc;
	rc = dv_repo_open(&repo, err);
	if (!rc) {
		rc = dv_remotes_open(&repo, NULL, &remote, err);
		if (!rc)
			rc = prove_with(p, remote, err);
		dv_remote_close(remote);
		dv_repo_close(&repo);
	}
	dv_visit_end(&v);
	return rc;
}

/* Without its remote nothing that the clone names can go. */
static void keep_all_of(struct prune *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].seen == p->clone)
			p->v[i].unproven = 1;
}

static int look_at(struct prune *p, const char *dir, struct dv_err *err)
{
	struct dv_roots all = { .found = found, .arg = p,
				.named = dv_registry_oids,
				.what = DV_ROOTS_ALL };
	struct dv_roots some = { .found = needed, .arg = p,
				 .named = dv_registry_oids,
				 .what = DV_ROOTS_NEEDED,
				 .recent_days = p->recent };
	struct dv_clone one = { .dir = (char *)dir };
	struct dv_clones c = { .v = &one, .n = 1 };
	struct dv_err why = { 0 };
	int rc;

	p->clone++;
	rc = dv_roots_of_clones(&all, &c, err);
	if (!rc)
		rc = dv_roots_of_clones(&some, &c, err);
	if (rc)
		return rc;
	rc = prove_clone(p, dir, &why);
	if (rc && (!strcmp(dir, p->m.c.repo.common_dir) || rc == DV_ECANCEL ||
		   rc == DV_ENOMEM)) {
		if (err)
			*err = why;
		return rc;
	}
	if (rc) {
		dv_log_warn("everything that the clone '%s' names is kept: %s",
			    dir, why.msg);
		keep_all_of(p);
	}
	return 0;
}

static int is_known(const struct dv_strs *dirs, const char *dir)
{
	return dv_strs_has(dirs, dir);
}

/* What work that went on meanwhile needs; all of a clone that is new. */
static int look_again(struct prune *p, const struct dv_strs *dirs,
		      struct dv_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < p->m.clones.n; i++) {
		struct dv_clones c = { .v = &p->m.clones.v[i], .n = 1 };
		struct dv_roots roots = { .found = needed, .arg = p,
					  .named = dv_registry_oids,
					  .recent_days = p->recent };

		roots.what = is_known(dirs, c.v->dir) ? DV_ROOTS_NEEDED :
							DV_ROOTS_ALL;
		rc = dv_roots_of_clones(&roots, &c, err);
	}
	return rc;
}

static int divide(struct prune *p, struct dv_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < p->n; i++) {
		const struct file *f = &p->v[i];
		int here = dv_store_has_quick(&p->m.c.store,
					      dv_oid_kind(&f->oid), &f->oid.id);

		if (!f->needed && !f->unproven) {
			rc = dv_gc_drop(&p->m.gc, &f->oid, err);
			continue;
		}
		p->m.needed += here && f->needed;
		p->m.unproven += here && !f->needed;
		rc = dv_gc_keep(&p->m.gc, &f->oid, err);
	}
	return rc;
}

static int run(struct prune *p, struct dv_err *err)
{
	struct dv_strs dirs = { 0 };
	int rc = dv_clones_load(&p->m.c.store, p->m.c.repo.common_dir,
				&p->m.clones, err);

	for (size_t i = 0; !rc && i < p->m.clones.n; i++)
		rc = dv_strs_add(&dirs, p->m.clones.v[i].dir, err);
	for (size_t i = 0; !rc && i < dirs.n; i++)
		rc = look_at(p, dirs.v[i], err);
	if (!rc)
		rc = dv_removal_begin(&p->m, NULL, err);
	if (!rc && !p->m.dry_run)
		rc = look_again(p, &dirs, err);
	if (!rc)
		rc = divide(p, err);
	if (!rc)
		rc = dv_removal_run(&p->m, err);
	dv_strs_release(&dirs);
	return rc;
}

static const char *path_of(void *arg, const struct dv_oid *oid)
{
	struct file *f = file_of(arg, oid);

	return f && *f->path ? f->path : NULL;
}

static void print_kept(const struct prune *p)
{
	const struct dv_removal *m = &p->m;

	if (m->json || dv_log_verbosity() < 0)
		return;
	printf("%llu file%s kept for work in hand", (unsigned long long)m->needed,
	       m->needed == 1 ? " is" : "s are");
	if (m->unproven)
		printf(", %llu because the remote was not seen to have %s; 'git dv push --repair' sends what it lacks",
		       (unsigned long long)m->unproven,
		       m->unproven == 1 ? "it" : "them");
	putchar('\n');
}

int dv_cmd_prune(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv prune", "git-dv-prune",
		"[-n] [-q] [--json] [--recent <days>] [--verify-remote]" };
	struct prune p = { .recent = -1 };
	struct dv_err err = { 0 };
	int n, rc;
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 'n', "dry-run", &p.m.dry_run, NULL, "only show what would be removed", 0 },
		{ DV_OPT_FLAG, 0, "json", &p.m.json, NULL, "as JSON", 0 },
		{ DV_OPT_INT, 0, "recent", &p.recent, "days", "keep what commits of the last days hold (10)", 0 },
		{ DV_OPT_FLAG, 0, "verify-remote", &p.read_back, NULL, "read everything back from the remote first", 0 },
		{ 0 },
	};

	n = dv_opt_parse(&cmd, opts, argc, argv, NULL);
	if (n < 0)
		return dv_opt_exit(n);
	if (n) {
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	p.m.is_prune = 1;
	p.m.path_of = path_of;
	p.m.arg = &p;
	rc = dv_removal_open(&p.m);
	if (rc)
		goto out;
	if (p.recent < 0)
		p.recent = dv_config_int(&p.m.c.repo, "dv.prunerecent",
					 INT_MAX, RECENT_DAYS);
	rc = run(&p, &err);
	if (rc) {
		rc = dv_fail(&err);
	} else {
		rc = dv_removal_print(&p.m);
		print_kept(&p);
	}
out:
	dv_removal_close(&p.m);
	for (size_t i = 0; i < p.n; i++)
		free(p.v[i].path);
	free(p.v);
	dv_idmap_release(&p.by_oid);
	return rc;
}
