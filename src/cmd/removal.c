#include "cmd/removal.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static int open_to_look(struct dv_ctx *c, struct dv_err *err)
{
	char *path = dv_repo_store_path(&c->repo, err);
	int rc = path ? dv_store_open(&c->store, path, DV_STORE_READ, err) :
			err->status;

	if (rc == DV_ENOTFOUND)
		dv_err_set(err, rc,
			   "there is no local store at '%s'; 'git dv init' makes one",
			   path);
	free(path);
	return rc;
}

int dv_removal_open(struct dv_removal *m)
{
	struct dv_err err = { 0 };
	int rc = dv_ctx_repo(&m->c);

	if (rc)
		return rc;
	if (m->dry_run)
		rc = open_to_look(&m->c, &err);
	else
		rc = dv_repo_store_open(&m->c.repo, &m->c.store, 0, &err);
	m->c.have_store = !rc;
	if (!rc && !m->dry_run && !m->c.store.read_only)
		rc = dv_store_register(&m->c.store, m->c.repo.common_dir,
				       &err);
	return rc ? dv_fail(&err) : dv_ctx_pool(&m->c);
}

static int lost(void *arg, const struct dv_oid *oid)
{
	struct dv_removal *m = arg;
	const char *path = m->path_of ? m->path_of(m->arg, oid) : NULL;
	struct dv_ptr *v = dv_grow(m->lost.v, &m->lost.cap, m->lost.n + 1,
				   sizeof(*v));

	if (!v)
		return DV_ENOMEM;
	m->lost.v = v;
	v += m->lost.n;
	memset(v, 0, sizeof(*v));
	v->oid = *oid;
	v->path = strdup(path ? path : "");
	if (!v->path)
		return DV_ENOMEM;
	m->lost.n++;
	return 0;
}

int dv_removal_begin(struct dv_removal *m, const struct dv_strs *forget,
		     struct dv_err *err)
{
	unsigned int flags = (m->dry_run ? 0 : DV_GC_LOCK) |
			     (m->is_prune ? DV_GC_DROPPED : 0);
	int rc;

	dv_clones_release(&m->clones);
	rc = dv_gc_begin(&m->gc, &m->c.store, m->c.pool, flags, err);
	if (rc)
		return rc;
	m->begun = 1;
	m->gc.lost = lost;
	m->gc.lost_arg = m;
	rc = dv_clones_load(&m->c.store, m->c.repo.common_dir, &m->clones,
			    err);
	for (size_t i = 0; !rc && forget && i < forget->n; i++)
		rc = dv_clones_forget(&m->clones, &m->c.store, forget->v[i],
				      m->dry_run, err);
	if (!rc && !m->dry_run)
		rc = dv_roots_quiet(&m->clones, err);
	return rc;
}

int dv_removal_run(struct dv_removal *m, struct dv_err *err)
{
	int rc = dv_gc_plan(&m->gc, err);
	char *tmp;

	if (rc || m->dry_run)
		return rc;
	rc = dv_gc_sweep(&m->gc, err);
	if (rc)
		return rc;
	dv_clones_tidy(&m->clones);
	tmp = dv_fmt("%s/tmp", m->c.store.path);
	if (tmp)
		dv_dir_drop_stale(tmp, "");
	free(tmp);
	return 0;
}

static void add_files(const struct dv_removal *m, cJSON *root)
{
	cJSON *a = cJSON_AddArrayToObject(root, "removed");

	for (size_t i = 0; a && i < m->lost.n; i++) {
		const struct dv_ptr *p = &m->lost.v[i];
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "oid", dv_oid_text(&p->oid).s);
		cJSON_AddNumberToObject(o, "size", (double)p->oid.size);
		if (*p->path)
			dv_json_path(o, p->path);
		cJSON_AddItemToArray(a, o);
	}
}

static int print_json(const struct dv_removal *m)
{
	const struct dv_gc_result *r = &m->gc.result;
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{ "files", r->files },
		{ "records", r->records },
		{ "bytes", r->bytes },
		{ "kept_records", r->kept_records },
		{ "kept_bytes", r->kept_bytes },
		{ "waiting_bytes", r->waiting },
		{ "packs_removed", r->packs_removed },
		{ "packs_rewritten", r->packs_rewritten },
		{ "size_before", r->size_before },
		{ "size_after", r->size_after },
	};
	cJSON *root = dv_json_root();
	struct dv_err err = { 0 };

	cJSON_AddBoolToObject(root, "dry_run", m->dry_run);
	cJSON_AddStringToObject(root, "store", m->c.store.path);
	for (size_t i = 0; i < DV_ARRAY_SIZE(numbers); i++)
		cJSON_AddNumberToObject(root, numbers[i].name,
					(double)numbers[i].value);
	if (m->is_prune) {
		cJSON_AddNumberToObject(root, "kept_needed",
					(double)m->needed);
		cJSON_AddNumberToObject(root, "kept_not_on_remote",
					(double)m->unproven);
	}
	add_files(m, root);
	return dv_json_show(root, &err) ? dv_fail(&err) : 0;
}

static void print_files(struct dv_removal *m)
{
	const char *verb = m->dry_run ? "would remove" : "removed";

	for (size_t i = 0; i < m->lost.n; i++) {
		const struct dv_ptr *p = &m->lost.v[i];

		if (*p->path)
			printf("%s %s (%s, %s)\n", verb,
			       dv_ctx_named(&m->c, p->path),
			       dv_oid_text(&p->oid).s,
			       dv_human(p->oid.size).s);
		else
			printf("%s %s (%s)\n", verb, dv_oid_text(&p->oid).s,
			       dv_human(p->oid.size).s);
	}
}

static void print_sum(const struct dv_removal *m)
{
	const struct dv_gc_result *r = &m->gc.result;
	int guess = m->dry_run && m->gc.level && r->packs_rewritten;

	if (!r->packs_removed && !r->packs_rewritten) {
		printf("nothing to remove\n");
		return;
	}
	if (r->records)
		printf("%s the content of %llu file%s, %s; ",
		       m->dry_run ? "would remove" : "removed",
		       (unsigned long long)r->files, r->files == 1 ? "" : "s",
		       dv_human(r->bytes).s);
	else
		printf("nothing to remove; ");
	printf("packs %s from %s to %s%s%s\n",
	       m->dry_run ? "would go" : "went", dv_human(r->size_before).s,
	       guess ? "at most " : "", dv_human(r->size_after).s,
	       guess ? "; what compressing again saves shows only when it is done" : "");
}

int dv_removal_print(struct dv_removal *m)
{
	const struct dv_gc_result *r = &m->gc.result;

	if (m->json)
		return print_json(m) || fflush(stdout) ? 1 : 0;
	if (dv_log_verbosity() < 0)
		return 0;
	if (m->dry_run || dv_log_verbosity() > 0)
		print_files(m);
	print_sum(m);
	if (r->waiting)
		printf("%s more lie in packs that are mostly needed; they go when more of these packs is garbage\n",
		       dv_human(r->waiting).s);
	if (r->torn)
		printf("%llu needed file%s here only in part; 'git dv fetch --all' completes %s\n",
		       (unsigned long long)r->torn, r->torn == 1 ? " is" : "s are",
		       r->torn == 1 ? "it" : "them");
	return fflush(stdout) ? 1 : 0;
}

void dv_removal_close(struct dv_removal *m)
{
	if (m->begun)
		dv_gc_end(&m->gc);
	dv_clones_release(&m->clones);
	dv_ptrs_release(&m->lost);
	dv_ctx_close(&m->c);
}
