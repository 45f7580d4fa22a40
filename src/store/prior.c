#include "store/prior.h"

#include <stdlib.h>
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
	dv_buf_release(&p->segbuf);
	free(p->start);
	dv_idmap_release(&p->done);
	pthread_mutex_destroy(&p->mu);
	memset(p, 0, sizeof(*p));
}

static int load_list(struct dv_prior *p, struct dv_coder *c)
{
	const uint8_t *b;
	size_t n;

	if (dv_store_read(p->store, c, DV_KIND_FILE, &p->oid.id, &b, &n,
			  NULL) ||
	    dv_buf_add(&p->list, b, n, NULL) ||
	    dv_flist_parse(p->list.p, p->list.n, &p->flist, NULL))
		return -1;
	p->start = calloc((size_t)p->flist.n + 1, sizeof(*p->start));
	if (!p->start)
		return -1;
	for (uint32_t i = 0; i < p->flist.n; i++)
		p->start[i + 1] = p->start[i] + dv_flist_bytes(&p->flist, i);
	p->seg_i = p->flist.n;
	return 1;
}

static int load(struct dv_prior *p, struct dv_coder *c)
{
	if (!p->loaded)
		p->loaded = p->oid.scheme == DV_SCHEME_SHA256 ?
			    1 : load_list(p, c);
	return p->loaded;
}

static void put_chunk(struct dv_prior *p, struct dv_similar *t,
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
		return;
	dv_similar_sketch(t, b, n, &sketch);
	dv_similar_add(t, &sketch, &base);
}

/* Chunks come in order: mostly it is the one that was read last. */
static int read_segment(struct dv_prior *p, struct dv_coder *c, uint32_t i)
{
	const uint8_t *b;
	size_t n;

	if (p->seg_i == i)
		return 0;
	p->seg_i = p->flist.n;
	p->segbuf.n = 0;
	if (dv_store_read(p->store, c, DV_KIND_SEGMENT,
			  dv_flist_id(&p->flist, i), &b, &n, NULL) ||
	    dv_buf_add(&p->segbuf, b, n, NULL) ||
	    dv_seg_parse(p->segbuf.p, p->segbuf.n, &p->seg, NULL))
		return -1;
	p->seg_i = i;
	return 0;
}

static void put_segment(struct dv_prior *p, struct dv_similar *t,
			struct dv_coder *c, uint32_t i, uint64_t from,
			uint64_t to)
{
	uint64_t at = p->start[i];

	if (read_segment(p, c, i))
		return;
	for (uint32_t k = 0; k < p->seg.n && at < to; k++) {
		uint32_t len = dv_seg_len(&p->seg, k);

		if (at + len > from)
			put_chunk(p, t, c, dv_seg_id(&p->seg, k));
		at += len;
	}
}

/* The first segment that ends behind `off`. */
static uint32_t find_segment(const struct dv_prior *p, uint64_t off)
{
	uint32_t low = 0, high = p->flist.n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (p->start[mid + 1] > off)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

void dv_prior_cover(struct dv_prior *p, struct dv_similar *t,
		    struct dv_coder *c, uint64_t off)
{
	uint64_t from = off - DV_MIN(off, (uint64_t)DV_PRIOR_REACH);
	uint64_t to = off + DV_PRIOR_REACH;

	pthread_mutex_lock(&p->mu);
	if (load(p, c) < 0)
		;
	else if (p->oid.scheme == DV_SCHEME_SHA256)
		put_chunk(p, t, c, &p->oid.id);
	else
		for (uint32_t i = find_segment(p, from);
		     i < p->flist.n && p->start[i] < to; i++)
			put_segment(p, t, c, i, from, to);
	pthread_mutex_unlock(&p->mu);
}
