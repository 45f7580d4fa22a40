/*
 * One zstd frame (RFC 8878) a record, as git-dv-format(5) restricts it:
 * single-segment, content size = raw length, no dictionary id, filling its
 * payload exactly. Anything else is refused before decoding.
 */
#ifndef DV_CODEC_ZST_H
#define DV_CODEC_ZST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/sample.h"

#define DV_ZST_LEVEL_DEFAULT 1
#define DV_ZST_LEVEL_MAX 19

struct dv_zst;	/* one a thread */

struct dv_zst *dv_zst_open(void);	/* NULL: out of memory */
void dv_zst_close(struct dv_zst *z);

/*
 * Encode n bytes into out[0..cap). Returns the frame's length, or 0 when it
 * would not be shorter than `limit` bytes or encoding failed: then the caller
 * stores the bytes raw. The frame has been decoded and compared.
 */
size_t dv_zst_encode(struct dv_zst *z, int level, const void *p, size_t n,
		     void *out, size_t cap, size_t limit);
/*
 * The same for n bytes in so many planes of n / planes bytes each, the rest
 * behind the last (codec/group.h): each plane has blocks, and so entropy
 * tables, of its own. Any decoder reads the frame.
 */
size_t dv_zst_encode_planes(struct dv_zst *z, int level, const void *p,
			    size_t n, unsigned int planes, void *out,
			    size_t cap, size_t limit);
/* How long the frame would be, for comparing ways; 0: not below cap. */
size_t dv_zst_try(struct dv_zst *z, int level, const void *p, size_t n,
		  unsigned int planes, void *out, size_t cap);
/* Decode into exactly `raw` bytes; DV_ECORRUPT when it does not. */
int dv_zst_decode(struct dv_zst *z, const void *frame, size_t n, void *out,
		  size_t raw, struct dv_err *err) DV_MUST_USE;

/*
 * The same against a base, whose bytes the frame refers to as if they stood
 * before it (ZSTD_CCtx_refPrefix: raw content, never a dictionary). Lengths up
 * to DV_ZST_DELTA_MAX. Decoding needs the same base.
 */
#define DV_ZST_DELTA_MAX 262144u
size_t dv_zst_encode_delta(struct dv_zst *z, int level, const void *base,
			   size_t base_n, const void *p, size_t n, void *out,
			   size_t cap, size_t limit);
int dv_zst_decode_delta(struct dv_zst *z, const void *base, size_t base_n,
			const void *frame, size_t n, void *out, size_t raw,
			struct dv_err *err) DV_MUST_USE;

/*
 * A cheap look at n >= DV_SAMPLE_MIN bytes and the sample of them: 0 when they
 * are so close to noise (encrypted, or compressed already) that encoding is
 * not worth trying.
 */
int dv_looks_compressible(struct dv_zst *z, const struct dv_sample *s,
			  const void *p, size_t n);

#endif
