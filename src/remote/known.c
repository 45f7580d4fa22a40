#include "remote/known.h"

#include <stdlib.h>
#include <string.h>

enum {
	READ = 1,
	BESIDE = 2,	/* and the segments beside it */
};

void dv_known_release(struct dv_known *k)
{
	dv_idmap_release(&k->chunks);
	dv_idmap_release(&k->loaded);
	free(k->v);
	memset(k, 0, sizeof(*k));
}

const struct dv_known_chunk *dv_known_find(const struct dv_known *k,
					   const struct dv_id *id)
{
	uint64_t *at = dv_idmap_get(&k->chunks, DV_KIND_CHUNK, id);

	return at ? &k->v[*at] : NULL;
}

static void remember(struct dv_known_row *v, const struct dv_remote_shard *s,
		     const struct dv_shard_chunk *c)
{
	v->c = *c;
	memcpy(v->pack, dv_shard_pack_name(&s->view, c->pack), 16);
	v->pack_size = dv_shard_pack_size(&s->view, c->pack);
}

/* What is known as a delta may turn out to be there whole too. */
static int add_known(struct dv_known *k, struct dv_remote_shard *s,
		     const struct dv_shard_chunk *c,
		     const struct dv_shard_chunk *base, struct dv_err *err)
{
	uint64_t *at = dv_idmap_get(&k->chunks, DV_KIND_CHUNK, &c->id);
	struct dv_known_chunk *v;
	int rc;

	if (at) {
		v = &k->v[*at];
		if (!base && v->at.c.codec == DV_CODEC_DELTA)
			remember(&v->at, s, c);
		return 0;
	}
	v = dv_grow(k->v, &k->cap, k->n + 1, sizeof(*v));
	if (!v)
		return dv_err_nomem(err);
	k->v = v;
	v += k->n;
	memset(v, 0, sizeof(*v));
	remember(&v->at, s, c);
	if (base)
		remember(&v->base, s, base);
	rc = dv_idmap_put(&k->chunks, DV_KIND_CHUNK, &c->id, k->n, err);
	if (!rc)
		k->n++;
	return rc;
}

/* Remember where the chunks of one remote segment are, and their bases. */
static int load_segment(struct dv_known *k, struct dv_remote_shard *s,
			uint32_t row, struct dv_err *err)
{
	const struct dv_id *id = (const struct dv_id *)
		(s->view.sec[DV_SHARD_SEGS] + (size_t)row * DV_SHARD_SEG_ROW);
	struct dv_buf rows = { 0 };
	uint32_t first, n, total = 0;
	int rc = dv_idmap_put(&k->loaded, DV_KIND_SEGMENT, id, READ, err);

	if (rc)
		return rc == DV_EEXIST ? 0 : rc;
	dv_shard_seg(&s->view, row, &first, &n);
	rc = dv_remote_run(k->remote, s, first, n, &rows, &total, err);
	for (uint32_t i = 0; !rc && i < total; i++) {
		struct dv_shard_chunk c, base;
		int is_delta;

		rc = dv_shard_chunk_parse(&s->view, rows.p + (size_t)i *
						DV_SHARD_CHUNK_ROW, &c, err);
		is_delta = !rc && c.base != DV_SHARD_NO_BASE;
		if (is_delta)
			rc = dv_shard_chunk_parse(&s->view, rows.p +
						  (size_t)(c.base - first) *
						  DV_SHARD_CHUNK_ROW, &base,
						  err);
		if (!rc)
			rc = add_known(k, s, &c, is_delta ? &base : NULL, err);
	}
	dv_buf_release(&rows);
	return rc;
}

static int cmp_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int order_segs(struct dv_remote_shard *s, struct dv_err *err)
{
	uint32_t n = s->view.n[DV_SHARD_SEGS];

	if (s->seg_order)
		return 0;
	s->seg_order = calloc((size_t)n + 1, sizeof(*s->seg_order));
	if (!s->seg_order)
		return dv_err_nomem(err);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t first, m;

		dv_shard_seg(&s->view, i, &first, &m);
		s->seg_order[i] = (uint64_t)first << 32 | i;
	}
	qsort(s->seg_order, n, sizeof(*s->seg_order), cmp_u64);
	return 0;
}

/*
 * Neighbours stand before and behind it in CHUNKS, not in SEGS; rows of bases,
 * at most one a chunk, may stand between them.
 */
static int load_beside(struct dv_known *k, struct dv_remote_shard *s,
		       uint32_t row, struct dv_err *err)
{
	uint32_t first, n, f, m, segs = s->view.n[DV_SHARD_SEGS];
	const uint64_t *order, *at;
	uint64_t key;
	int rc = order_segs(s, err);

	if (rc)
		return rc;
	dv_shard_seg(&s->view, row, &first, &n);
	key = (uint64_t)first << 32 | row;
	order = s->seg_order;
	at = bsearch(&key, order, segs, sizeof(*order), cmp_u64);
	for (const uint64_t *v = at; !rc && v > order; v--) {
		uint32_t r = (uint32_t)v[-1];

		dv_shard_seg(&s->view, r, &f, &m);
		if (f + 2 * (uint64_t)DV_SEG_MAX < first)
			break;
		if (f < first && f + 2 * (uint64_t)m >= first)
			rc = load_segment(k, s, r, err);
	}
	for (const uint64_t *v = at + 1; !rc && v < order + segs; v++) {
		f = (uint32_t)(*v >> 32);
		if (f - first > 2 * (uint64_t)n)
			break;
		if (f > first)
			rc = load_segment(k, s, (uint32_t)*v, err);
	}
	return rc;
}

int dv_known_hooked(struct dv_known *k, const struct dv_id *chunk,
		    struct dv_err *err)
{
	struct dv_remote_shard *s;
	const struct dv_id *id;
	uint64_t *v;
	uint32_t row;
	int rc;

	if (!dv_remote_find_hook(k->remote, chunk, &s, &row))
		return 0;
	rc = load_segment(k, s, row, err);
	if (rc)
		return rc;
	id = (const struct dv_id *)
		(s->view.sec[DV_SHARD_SEGS] + (size_t)row * DV_SHARD_SEG_ROW);
	v = dv_idmap_get(&k->loaded, DV_KIND_SEGMENT, id);
	if (*v == BESIDE)
		return 0;
	*v = BESIDE;
	return load_beside(k, s, row, err);
}

int dv_known_previous(struct dv_known *k, const struct dv_oid *previous,
		      const struct dv_idmap *described, struct dv_err *err)
{
	struct dv_remote_shard *s, *t;
	uint32_t row, first, nseg, at;
	struct dv_oid found;
	int rc = 0;

	if (previous->scheme != DV_SCHEME_DV1 ||
	    !dv_remote_find_file(k->remote, previous, &s, &row))
		return 0;
	dv_shard_file(&s->view, row, &found, &first, &nseg);
	for (uint32_t i = 0; !rc && i < nseg; i++) {
		const struct dv_id *id = (const struct dv_id *)
			(s->view.sec[DV_SHARD_SEGREFS] +
			 (size_t)(first + i) * DV_FILE_ROW + 8);

		if (!(described &&
		      dv_idmap_get(described, DV_KIND_SEGMENT, id)) &&
		    dv_remote_find_seg(k->remote, id, &t, &at))
			rc = load_segment(k, t, at, err);
	}
	return rc;
}
