/*
 * Content to records and back: digest, compression and their scratch memory.
 * One a thread (the pool's worker context). Records that come out of
 * dv_coder_decode match their id; nothing unverified is handed on.
 */
#ifndef DV_STORE_CODER_H
#define DV_STORE_CODER_H

#include "base/pool.h"
#include "codec/zst.h"
#include "format/pack.h"

struct dv_coder {
	struct dv_sha256 *sha;
	struct dv_zst *zst;
	struct dv_buf in;	/* a record as it stands in a pack */
	struct dv_buf out;	/* its content, or a payload */
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
 * Decode and verify. *p gets rec->raw bytes: the payload itself when raw, else
 * c->out (until the next call). DV_ECORRUPT when they do not match rec->id.
 */
int dv_coder_decode(struct dv_coder *c, const struct dv_rec *rec,
		    const void *payload, const uint8_t **p,
		    struct dv_err *err) DV_MUST_USE;

#endif
