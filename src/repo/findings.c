#include "repo/findings.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "repo/attrs.h"
#include "repo/remotes.h"

#define HEAD "version git-dv/"
#define CONFLICT "<<<<<<< "

/* A change that the blob alone does not clear. */
struct suspect {
	struct dv_finding f;
	int maybe_raw;
};

struct look {
	struct dv_repo *repo;
	struct dv_objects *objects;
	struct dv_cache **cache;
	const struct dv_changes *changes;
	struct suspect *v;
	size_t n, cap;
	struct dv_attrs_guess guess;
	struct dv_store store;
	struct dv_remotes remotes;
	int content, store_tried, have_store, have_remotes;
};

static int suspect(struct look *l, const struct dv_diff_entry *c, uint64_t size,
		   enum dv_finding_kind kind, int maybe_raw,
		   struct dv_err *err)
{
	struct suspect *v = dv_grow(l->v, &l->cap, l->n + 1, sizeof(*v));

	if (!v)
		return dv_err_nomem(err);
	l->v = v;
	v += l->n++;
	memset(v, 0, sizeof(*v));
	v->f.change = c;
	v->f.size = size;
	v->f.kind = kind;
	v->maybe_raw = maybe_raw;
	return 0;
}

static struct dv_cache *need_cache(struct look *l)
{
	if (!*l->cache) {
		*l->cache = dv_cache_open(l->repo->common_dir,
					  l->repo->git_dir);
		l->repo->cache = *l->cache;
	}
	return *l->cache;
}

static int known_on_a_store(struct look *l, const struct dv_oid *oid)
{
	if (!l->have_remotes) {
		/* Before the settings: .dvconfig is remembered there. */
		need_cache(l);
		l->have_remotes = 1;
		if (dv_remotes_load(l->repo, &l->remotes, NULL))
			memset(&l->remotes, 0, sizeof(l->remotes));
	}
	for (size_t i = 0; i < l->remotes.n; i++)
		if (l->remotes.v[i].uuid &&
		    dv_cache_pushed_get(need_cache(l), l->remotes.v[i].uuid,
					oid))
			return 1;
	return 0;
}

/* Renaming, copying back and deleting need no content. */
static int was_there(const struct look *l, const struct dv_diff_entry *c)
{
	struct dv_id key = { { 0 } };

	memcpy(key.b, c->blob, dv_repo_oid_size(l->repo));
	return dv_idmap_get(&l->changes->gone, 1, &key) != NULL;
}

static int look_at_pointer(struct look *l, const struct dv_diff_entry *c,
			   const struct dv_oid *oid, struct dv_err *err)
{
	if (!l->content || was_there(l, c))
		return 0;
	if (!l->store_tried) {
		l->store_tried = 1;
		l->have_store = !dv_repo_store_open(l->repo, &l->store, 0,
						    NULL);
	}
	if ((l->have_store && dv_store_has_file(&l->store, oid)) ||
	    known_on_a_store(l, oid))
		return 0;
	return suspect(l, c, oid->size, DV_FOUND_NOWHERE, 0, err);
}

/* A pointer that somebody's editor, merge or transfer has spoilt. */
static int is_spoilt(const struct dv_buf *text)
{
	if (text->n >= sizeof(HEAD) - 1 &&
	    !memcmp(text->p, HEAD, sizeof(HEAD) - 1))
		return 1;
	return text->n >= sizeof(CONFLICT) - 1 &&
	       !memcmp(text->p, CONFLICT, sizeof(CONFLICT) - 1) &&
	       memmem(text->p, text->n, "\n" HEAD "1\noid ",
		      sizeof("\n" HEAD "1\noid ") - 1);
}

static int look_at(struct look *l, const struct dv_diff_entry *c,
		   struct dv_err *err)
{
	size_t hs = dv_repo_oid_size(l->repo);
	char hex[65], type[32];
	struct dv_buf text = { 0 };
	struct dv_oid oid;
	uint64_t size;
	int rc, raw;

	if (*l->cache && dv_cache_blob_get(*l->cache, c->blob, hs, &oid) == 1)
		return look_at_pointer(l, c, &oid, err);
	dv_hex_encode(hex, c->blob, hs);
	hex[2 * hs] = '\0';
	rc = dv_objects_info(l->objects, hex, NULL, type, &size, err);
	if (rc == DV_ENOTFOUND)
		return 0;	/* a partial clone, offline */
	if (rc || !size || strcmp(type, "blob"))
		return rc;
	if (size > DV_FOREIGN_MAX) {
		dv_cache_blob_put(*l->cache, c->blob, hs, NULL);
	} else if (size >= sizeof(HEAD) - 1) {
		enum dv_pointer_kind kind;

		rc = dv_objects_read(l->objects, hex, "blob", DV_FOREIGN_MAX,
				     &text, err);
		if (rc) {
			dv_buf_release(&text);
			return rc;
		}
		kind = dv_pointer_parse(text.p, text.n, &oid);
		if (kind == DV_PTR_NONE && is_spoilt(&text))
			rc = suspect(l, c, size, DV_FOUND_DAMAGED, 0, err);
		else if (kind == DV_PTR_OK)
			rc = look_at_pointer(l, c, &oid, err);
		else if (kind == DV_PTR_NONE)
			rc = 1;
		dv_buf_release(&text);
		if (rc <= 0)
			return rc;
	}
	raw = l->repo->top && dv_attrs_may(&l->guess, l->repo, c->path);
	if (raw || size > DV_DATA_FLOOR)
		return suspect(l, c, size, DV_FOUND_DATA, raw, err);
	return 0;
}

/* The settings and the attributes have the last word. */
static int judge(struct look *l, struct dv_findings *out, struct dv_err *err)
{
	struct dv_strs paths = { 0 };
	uint8_t *tracked;
	size_t k = 0;
	int rc;

	need_cache(l);
	rc = dv_data_rules_load(&out->rules, l->repo, err);
	for (size_t i = 0; !rc && i < l->n; i++) {
		struct suspect *s = &l->v[i];
		const char *path = s->f.change->path;

		if (s->f.kind == DV_FOUND_DATA)
			s->f.why = dv_data_classify(&out->rules, path,
						    s->f.size);
		if (s->f.kind == DV_FOUND_DATA ?
		    s->f.why == DV_DATA_NO && !s->maybe_raw :
		    dv_data_excluded(&out->rules, path))
			continue;
		if (s->f.kind == DV_FOUND_DATA && l->repo->top)
			rc = dv_strs_add(&paths, path, err);
		l->v[k++] = *s;
	}
	l->n = k;
	tracked = calloc(paths.n + 1, 1);
	if (!rc && !tracked)
		rc = dv_err_nomem(err);
	if (!rc && paths.n)
		rc = dv_attrs_check(&paths, tracked, err);
	k = 0;
	for (size_t i = 0; !rc && i < l->n; i++) {
		struct dv_finding *v, f = l->v[i].f;

		if (f.kind == DV_FOUND_DATA && l->repo->top && tracked[k++])
			f.kind = DV_FOUND_RAW;
		if ((f.kind == DV_FOUND_DATA && f.why == DV_DATA_NO) ||
		    (f.kind == DV_FOUND_RAW &&
		     dv_data_excluded(&out->rules, f.change->path)))
			continue;
		v = dv_grow(out->v, &out->cap, out->n + 1, sizeof(*v));
		if (!v) {
			rc = dv_err_nomem(err);
			break;
		}
		out->v = v;
		v[out->n++] = f;
	}
	free(tracked);
	dv_strs_release(&paths);
	return rc;
}

int dv_findings_look(struct dv_repo *r, struct dv_objects *o,
		     struct dv_cache **cache, const struct dv_changes *changes,
		     int content, struct dv_findings *out, struct dv_err *err)
{
	struct look l = { .repo = r, .objects = o, .cache = cache,
			  .changes = changes, .content = content };
	int rc = 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; !rc && i < changes->n; i++) {
		rc = dv_cancel_check(err);
		if (!rc)
			rc = look_at(&l, &changes->v[i], err);
	}
	if (!rc && l.n)
		rc = judge(&l, out, err);
	if (l.have_store)
		dv_store_close(&l.store);
	dv_remotes_release(&l.remotes);
	dv_attrs_guess_release(&l.guess);
	free(l.v);
	if (rc)
		dv_findings_release(out);
	return rc;
}

void dv_findings_release(struct dv_findings *f)
{
	free(f->v);
	dv_data_rules_release(&f->rules);
	memset(f, 0, sizeof(*f));
}
