#include "store/prior.h"

#include <string.h>

void dv_prior_init(struct dv_prior *p, struct dv_store *s,
		   const struct dv_oid *previous)
{
	memset(p, 0, sizeof(*p));
	pthread_mutex_init(&p->mu, NULL);
	p->store = s;
	p->oid = *previous;
}

void dv_prior_release(struct dv_prior *p)
{
	if (!p->store)
		return;
	dv_buf_release(&p->list);
	dv_idmap_release(&p->done);
	pthread_mutex_destroy(&p->mu);
	memset(p, 0, sizeof(*p));
}

static int load(struct dv_prior *p, struct dv_coder *c)
{
	const uint8_t *b;
	size_t n;

	if (p->loaded)
		return p->loaded;
	p->loaded = -1;
	if (p->oid.scheme == DV_SCHEME_SHA256 ||
	    (!dv_store_read(p->store, c, DV_KIND_FILE, &p->oid.id, &b, &n,
			    NULL) &&
	     !dv_buf_add(&p->list, b, n, NULL) &&
	     !dv_flist_parse(p->list.p, p->list.n, &p->flist, NULL)))
		p->loaded = 1;
	return p->loaded;
}

static int put_chunk(struct dv_prior *p, struct dv_similar *t,
		     struct dv_coder *c, const struct dv_id *id)
{
	struct dv_id base = *id;
	struct dv_sketch sketch;
	struct dv_loc loc;
	const uint8_t *b;
	size_t n;

	if (dv_idmap_put(&p->done, DV_KIND_CHUNK, id, 1, NULL) ||
	    !dv_store_locate(p->store, DV_KIND_CHUNK, id, &loc) ||
	    loc.row.codec == DV_CODEC_RAW ||
	    (loc.row.codec == DV_CODEC_DELTA &&
	     dv_store_base_id(p->store, &loc, &base, NULL)) ||
	    dv_store_read(p->store, c, DV_KIND_CHUNK, id, &b, &n, NULL))
		return 0;
	dv_similar_sketch(t, b, n, &sketch);
	dv_similar_add(t, &sketch, &base);
	return 1;
}

static int put_segment(struct dv_prior *p, struct dv_similar *t,
		       struct dv_coder *c, uint32_t i, uint64_t at,
		       uint64_t from, uint64_t to)
{
	struct dv_buf list = { 0 };
	struct dv_seg seg;
	const uint8_t *b;
	size_t n;
	int any = 0;

	if (dv_store_read(p->store, c, DV_KIND_SEGMENT,
			  dv_flist_id(&p->flist, i), &b, &n, NULL) ||
	    dv_buf_add(&list, b, n, NULL) ||
	    dv_seg_parse(list.p, list.n, &seg, NULL)) {
		dv_buf_release(&list);
		return 0;
	}
	for (uint32_t k = 0; k < seg.n && at < to; k++) {
		uint32_t len = dv_seg_len(&seg, k);

		if (at + len > from)
			any |= put_chunk(p, t, c, dv_seg_id(&seg, k));
		at += len;
	}
	dv_buf_release(&list);
	return any;
}

int dv_prior_cover(struct dv_prior *p, struct dv_similar *t,
		   struct dv_coder *c, uint64_t off)
{
	uint64_t from = off - DV_MIN(off, (uint64_t)DV_PRIOR_REACH);
	uint64_t to = off + DV_PRIOR_REACH, at = 0;
	int any = 0;

	pthread_mutex_lock(&p->mu);
	if (load(p, c) < 0) {
		;
	} else if (p->oid.scheme == DV_SCHEME_SHA256) {
		any = put_chunk(p, t, c, &p->oid.id);
	} else {
		for (uint32_t i = 0; i < p->flist.n && at < to; i++) {
			uint64_t n = dv_flist_bytes(&p->flist, i);

			if (at + n > from)
				any |= put_segment(p, t, c, i, at, from, to);
			at += n;
		}
	}
	pthread_mutex_unlock(&p->mu);
	return any;
}
