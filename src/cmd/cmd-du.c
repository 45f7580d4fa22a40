#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/hex.h"
#include "cmd/cmd.h"
#include "repo/named.h"
#include "store/usage.h"

/* One path with all its versions, oldest first. */
struct file {
	const char *path;
	struct dv_usage sum;
	size_t first, n;	/* its versions in du.v */
};

struct version {
	const struct dv_ptr *ptr;
	struct dv_usage usage;
	size_t order;		/* in history */
};

struct du {
	struct version *v;
	size_t n;
	struct file *files;
	size_t nfiles;
	struct dv_usage total;
	uint64_t packs;
};

static int by_path(const void *a, const void *b)
{
	const struct version *x = a, *y = b;
	int c = strcmp(x->ptr->path, y->ptr->path);

	if (c)
		return c;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* Equal content of one path together, the oldest first. */
static int by_content(const void *a, const void *b)
{
	const struct version *x = a, *y = b;
	int c = strcmp(x->ptr->path, y->ptr->path);

	if (!c)
		c = x->ptr->oid.scheme - y->ptr->oid.scheme;
	if (!c)
		c = memcmp(&x->ptr->oid.id, &y->ptr->oid.id, DV_ID_SIZE);
	return c ? c : x->order < y->order ? -1 : x->order > y->order;
}

static int by_stored(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	if (x->sum.stored != y->sum.stored)
		return x->sum.stored > y->sum.stored ? -1 : 1;
	return strcmp(x->path, y->path);
}

static int by_order(const void *a, const void *b)
{
	const struct version *x = a, *y = b;

	return x->order < y->order ? -1 : x->order > y->order;
}

/*
 * The versions of all paths. What a path had more than once, committed or
 * staged, is one version.
 */
static void collect(const struct dv_select *s, const struct dv_ptrs *ptrs,
		    struct du *d)
{
	size_t n = 0;

	for (size_t i = 0; i < ptrs->n; i++)
		if (dv_select_has(s, ptrs->v[i].path))
			d->v[n++] = (struct version){ .ptr = &ptrs->v[i],
						      .order = i };
	if (n > 1)
		qsort(d->v, n, sizeof(*d->v), by_content);
	for (size_t i = 0; i < n; i++) {
		const struct dv_ptr *p = d->v[i].ptr;
		const struct dv_ptr *last = d->n ? d->v[d->n - 1].ptr : NULL;

		if (!last || strcmp(last->path, p->path) ||
		    !dv_oid_eq(&last->oid, &p->oid))
			d->v[d->n++] = d->v[i];
	}
	if (d->n > 1)
		qsort(d->v, d->n, sizeof(*d->v), by_order);
}

static int measure(struct dv_ctx *c, struct du *d, struct dv_err *err)
{
	struct dv_usage_walk w = { .store = &c->store, .coder = &c->coder };
	int rc = 0;

	for (size_t i = 0; !rc && i < d->n; i++) {
		rc = dv_usage_add(&w, &d->v[i].ptr->oid, &d->v[i].usage, err);
		dv_usage_sum(&d->total, &d->v[i].usage);
		if (!rc)
			rc = dv_cancel_check(err);
	}
	dv_idmap_release(&w.seen);
	if (d->n > 1)
		qsort(d->v, d->n, sizeof(*d->v), by_path);
	for (size_t i = 0; i < d->n; i++) {
		struct file *f = d->nfiles ? &d->files[d->nfiles - 1] : NULL;

		if (!f || strcmp(f->path, d->v[i].ptr->path)) {
			f = &d->files[d->nfiles++];
			f->path = d->v[i].ptr->path;
			f->first = i;
		}
		f->n++;
		dv_usage_sum(&f->sum, &d->v[i].usage);
	}
	if (d->nfiles > 1)
		qsort(d->files, d->nfiles, sizeof(*d->files), by_stored);
	d->packs = dv_usage_packs(&c->store);
	return rc;
}

static void print_row(const struct dv_usage *u)
{
	printf("%10s %10s %10s %10s", dv_human(u->raw).s,
	       dv_human(u->dedup).s, dv_human(u->delta).s,
	       dv_human(u->stored).s);
}

static void print_human(struct dv_ctx *c, const struct du *d, int versions)
{
	if (d->n)
		printf("%10s %10s %10s %10s  %s\n", "content", "dedup",
		       "delta", "stored", versions ? "path and version" : "path");
	for (size_t i = 0; i < d->nfiles; i++) {
		const struct file *f = &d->files[i];

		print_row(&f->sum);
		printf("  %s", dv_ctx_path(c, f->path));
		if (!versions && f->n > 1)
			printf(" (%zu versions)", f->n);
		if (f->sum.absent)
			printf(" (%s not here)", dv_human(f->sum.absent).s);
		printf("\n");
		for (size_t k = 0; versions && k < f->n; k++) {
			const struct version *v = &d->v[f->first + k];

			print_row(&v->usage);
			printf("    %.12s%s\n",
			       dv_id_hex(&v->ptr->oid.id).s,
			       v->usage.absent ? " (not here)" : "");
		}
	}
	if (d->nfiles > 1) {
		print_row(&d->total);
		printf("  all of %zu files\n", d->nfiles);
	}
	printf("the store takes %s", dv_human(d->packs).s);
	if (d->total.stored && d->total.raw > d->total.absent)
		printf("; the content shown is stored in 1/%.1f of its bytes",
		       (double)(d->total.raw - d->total.absent) /
			       (double)d->total.stored);
	printf("\n");
}

static void add_usage(cJSON *o, const struct dv_usage *u)
{
	cJSON_AddNumberToObject(o, "content", (double)u->raw);
	cJSON_AddNumberToObject(o, "dedup", (double)u->dedup);
	cJSON_AddNumberToObject(o, "delta", (double)u->delta);
	cJSON_AddNumberToObject(o, "stored", (double)u->stored);
	cJSON_AddNumberToObject(o, "absent", (double)u->absent);
}

static int print_json(const struct du *d, struct dv_err *err)
{
	cJSON *root = dv_json_root(), *files;

	cJSON_AddNumberToObject(root, "packs", (double)d->packs);
	add_usage(cJSON_AddObjectToObject(root, "total"), &d->total);
	files = cJSON_AddArrayToObject(root, "files");
	for (size_t i = 0; i < d->nfiles; i++) {
		const struct file *f = &d->files[i];
		cJSON *o = cJSON_CreateObject(), *list;

		dv_json_path(o, f->path);
		add_usage(o, &f->sum);
		list = cJSON_AddArrayToObject(o, "versions");
		for (size_t k = 0; k < f->n; k++) {
			const struct version *v = &d->v[f->first + k];
			cJSON *one = cJSON_CreateObject();

			cJSON_AddStringToObject(one, "oid",
				dv_oid_text(&v->ptr->oid).s);
			add_usage(one, &v->usage);
			cJSON_AddItemToArray(list, one);
		}
		cJSON_AddItemToArray(files, o);
	}
	return dv_json_show(root, err);
}

int dv_cmd_du(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv du", "git-dv-du",
		"[--versions] [--json] [<revision>...] [--] [<path>...]" };
	int versions = 0, json = 0, dashdash = -1, n, rc;
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 0, "versions", &versions, NULL, "also each version of each file", 0 },
		{ DV_OPT_FLAG, 0, "json", &json, NULL, "for programs", 0 },
		{ 0 },
	};
	struct dv_strs refs = { 0 }, none = { 0 };
	struct dv_unread unread = { 0 };
	struct dv_ptrs ptrs = { 0 };
	struct dv_select s = { 0 };
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };
	struct du d = { 0 };

	n = dv_opt_parse(&cmd, opts, argc, argv, &dashdash);
	if (n < 0)
		return dv_opt_exit(n);
	rc = dv_ctx_store(&c, 1);
	if (rc)
		goto out;
	rc = dv_select_parse(&c, &s, argv, n, dashdash, &err);
	if (!rc && !s.revs.n)
		rc = dv_all_refs(&refs, &err);
	if (!rc)
		rc = dv_ptrs_of_range(&c.repo, c.cache,
				      s.revs.n ? &s.revs : &refs, &none, &ptrs,
				      &err);
	if (!rc && c.repo.top && !s.revs.n)
		rc = dv_ptrs_of_index(&c.repo, c.cache, &ptrs, &err);
	/* Behind the files: what these have as well is theirs. */
	if (!rc)
		rc = dv_named_of_range(&c.repo, s.revs.n ? &s.revs : &refs,
				       &none, &ptrs, &unread, &err);
	if (!rc && c.repo.top && !s.revs.n)
		rc = dv_named_of_index(&c.repo, NULL, &ptrs, &unread, &err);
	if (!rc)
		rc = dv_select_check(&c, &s, &ptrs, &err);
	d.v = calloc(ptrs.n + 1, sizeof(*d.v));
	d.files = calloc(ptrs.n + 1, sizeof(*d.files));
	if (!rc && (!d.v || !d.files))
		rc = dv_err_nomem(&err);
	if (!rc) {
		collect(&s, &ptrs, &d);
		rc = measure(&c, &d, &err);
	}
	if (!rc && json)
		rc = print_json(&d, &err);
	else if (!rc)
		print_human(&c, &d, versions);
	if (rc)
		rc = dv_fail(&err);
out:
	free(d.v);
	free(d.files);
	dv_unread_release(&unread);
	dv_ptrs_release(&ptrs);
	dv_strs_release(&refs);
	dv_select_release(&s);
	dv_ctx_close(&c);
	return rc;
}
