/*
 * Content to records and back: digest, compression and their scratch memory.
 * One a thread (the pool's worker context). Records that come out of
 * dv_coder_decode match their id; nothing unverified is handed on.
 */
#ifndef DV_STORE_CODER_H
#define DV_STORE_CODER_H

#include "base/pool.h"
#include "codec/sample.h"
#include "codec/zst.h"
#include "format/pack.h"

/*
 * What the chunks before say about grouping: neighbours are mostly alike, so
 * that few have to be tried both ways.
 */
struct dv_coder_hint {
	struct dv_sample gained;	/* the last trial that gained, */
	unsigned int width;		/* the width that did, or 0, */
	int level;			/* the level for its planes, */
	unsigned int trust;		/* and more like it to take on trust */
	struct dv_sample failed;	/* the last that did not, */
	unsigned int fails;		/* how many in a row, */
	unsigned int wait;		/* and more like it not to try */
	size_t budget;			/* bytes to compress in vain */
};

struct dv_coder {
	struct dv_sha256 *sha;
	struct dv_zst *zst;
	struct dv_coder_hint hint;
	struct dv_buf in;	/* a record as it stands in a pack */
	struct dv_buf out;	/* its content, or a payload */
	struct dv_buf delta;	/* a payload against a base */
	struct dv_buf planes;	/* its content, grouped */
	struct dv_coder *spare;	/* for a base, while this one is in use */
};

int dv_coder_init(struct dv_coder *c, struct dv_err *err) DV_MUST_USE;
void dv_coder_release(struct dv_coder *c);
/* For dv_pool_open: contexts are `struct dv_coder *`. */
extern const struct dv_pool_ctx_ops dv_coder_pool_ops;

/*
 * Fill *rec but for its id and give the payload: p itself when it is stored
 * raw, else c->out (until the next call).
 */
int dv_coder_encode(struct dv_coder *c, enum dv_kind kind, int level,
		    const void *p, size_t n, struct dv_rec *rec,
		    const void **payload, struct dv_err *err) DV_MUST_USE;
/*
 * The same against a base, at a level of at least DV_DELTA_LEVEL: *payload is
 * in c->delta. 0 where it would not be shorter than `limit` bytes, else 1.
 * rec->id and rec->base are the caller's to fill.
 */
#define DV_DELTA_LEVEL 3
int dv_coder_encode_delta(struct dv_coder *c, int level, const void *base,
			  size_t base_n, const void *p, size_t n, size_t limit,
			  struct dv_rec *rec, const void **payload,
			  struct dv_err *err) DV_MUST_USE;
/*
 * Decode and verify. *p gets rec->raw bytes: the payload itself when raw, else
 * c->out (until the next call). DV_ECORRUPT when they do not match rec->id.
 */
int dv_coder_decode(struct dv_coder *c, const struct dv_rec *rec,
		    const void *payload, const uint8_t **p,
		    struct dv_err *err) DV_MUST_USE;
/* A delta, with the bytes of its base (store/base.h finds them). */
int dv_coder_decode_delta(struct dv_coder *c, const struct dv_rec *rec,
			  const void *base, size_t base_n, const void *payload,
			  const uint8_t **p, struct dv_err *err) DV_MUST_USE;
/* c->spare, made when it is first needed; NULL: out of memory. */
struct dv_coder *dv_coder_spare(struct dv_coder *c, struct dv_err *err);

#endif
