#include "codec/zst.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/bytes.h"

#define CHECK_SIZE 262144u	/* the largest chunk: decoded again to compare */

/*
 * The whole base must be within reach of the whole content: the window of the
 * encoder slides over the content alone, so one as long as that will do.
 */
#define DELTA_WINDOW_LOG 18
/*
 * The fast search of the lowest levels enters every third position of the base
 * into a table of 16384 entries, and steps over content in which it finds
 * nothing: of a base above 192 KiB the table has so little left of the first
 * half that it is often not found at all. This one holds most of the base.
 */
#define DELTA_FAST_HASH_LOG 16

struct dv_zst {
	ZSTD_CCtx *c;
	ZSTD_CCtx *delta;	/* made when first needed */
	ZSTD_DCtx *d;
	int level, delta_level;	/* that c and delta are set to, */
	int few;		/* and whether c for few matches */
	uint8_t *check;		/* grows to what was checked */
	size_t check_cap;
};

struct dv_zst *dv_zst_open(void)
{
	struct dv_zst *z = calloc(1, sizeof(*z));

	if (!z)
		return NULL;
	z->c = ZSTD_createCCtx();
	z->d = ZSTD_createDCtx();
	z->check = malloc(CHECK_SIZE);
	z->check_cap = CHECK_SIZE;
	z->level = -1;
	if (!z->c || !z->d || !z->check) {
		dv_zst_close(z);
		return NULL;
	}
	return z;
}

void dv_zst_close(struct dv_zst *z)
{
	if (!z)
		return;
	ZSTD_freeCCtx(z->c);
	ZSTD_freeCCtx(z->delta);
	ZSTD_freeDCtx(z->d);
	free(z->check);
	free(z);
}

static int decode_equals(struct dv_zst *z, const void *base, size_t base_n,
			 const void *frame, size_t fn, const void *p, size_t n)
{
	if (n > z->check_cap) {
		uint8_t *q = realloc(z->check, n);

		if (!q)
			return 0;
		z->check = q;
		z->check_cap = n;
	}
	return dv_zst_decode_delta(z, base, base_n, frame, fn, z->check, n,
				   NULL) == 0 &&
	       memcmp(z->check, p, n) == 0;
}

/*
 * Planes of numbers hold few matches worth having, but many short ones at
 * random, which cost more time and room than they save. With the fast search
 * of the lowest levels, a table of 256 entries passes over them and still
 * finds runs: twice as fast, and smaller by 2% for weights.
 */
static int set_params(struct dv_zst *z, int level, int few)
{
	few = few && level <= 2;
	if (level == z->level && few == z->few)
		return 0;
	z->level = -1;
	if (ZSTD_isError(ZSTD_CCtx_setParameter(z->c, ZSTD_c_compressionLevel,
						level)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(z->c, ZSTD_c_hashLog,
						few ? 8 : 0)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(z->c, ZSTD_c_minMatch,
						few ? 7 : 0)))
		return -1;
	z->level = level;
	z->few = few;
	return 0;
}

/* A block has one table for its literals: each plane gets blocks of its own. */
static size_t stream_planes(struct dv_zst *z, const uint8_t *p, size_t n,
			    unsigned int planes, void *out, size_t cap)
{
	ZSTD_outBuffer o = { out, cap, 0 };
	size_t m = n / planes;

	if (ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(z->c, n)))
		return 0;
	for (unsigned int k = 0; k < planes; k++) {
		int last = k == planes - 1;
		ZSTD_inBuffer in = { p + k * m, last ? n - k * m : m, 0 };

		/* Not 0: an error, or `out` is too small. */
		if (ZSTD_compressStream2(z->c, &o, &in,
					 last ? ZSTD_e_end : ZSTD_e_flush))
			return 0;
	}
	return o.pos;
}

size_t dv_zst_try(struct dv_zst *z, int level, const void *p, size_t n,
		  unsigned int planes, void *out, size_t cap)
{
	size_t r;

	/* What failed before may have left a frame half done. */
	ZSTD_CCtx_reset(z->c, ZSTD_reset_session_only);
	if (set_params(z, level, planes > 1))
		return 0;
	if (planes > 1)
		return stream_planes(z, p, n, planes, out, cap);
	r = ZSTD_compress2(z->c, out, cap, p, n);
	return ZSTD_isError(r) ? 0 : r;
}

size_t dv_zst_encode_planes(struct dv_zst *z, int level, const void *p,
			    size_t n, unsigned int planes, void *out,
			    size_t cap, size_t limit)
{
	size_t r = dv_zst_try(z, level, p, n, planes, out, cap);

	return r && r < limit && decode_equals(z, NULL, 0, out, r, p, n) ?
		r : 0;
}

size_t dv_zst_encode(struct dv_zst *z, int level, const void *p, size_t n,
		     void *out, size_t cap, size_t limit)
{
	return dv_zst_encode_planes(z, level, p, n, 1, out, cap, limit);
}

static int delta_context(struct dv_zst *z, int level)
{
	if (z->delta && z->delta_level == level)
		return 0;
	if (!z->delta)
		z->delta = ZSTD_createCCtx();
	if (!z->delta ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(z->delta,
						ZSTD_c_compressionLevel,
						level)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(z->delta, ZSTD_c_windowLog,
						DELTA_WINDOW_LOG)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(z->delta, ZSTD_c_hashLog,
						level <= 2 ?
						DELTA_FAST_HASH_LOG : 0)))
		return -1;
	z->delta_level = level;
	return 0;
}

size_t dv_zst_encode_delta(struct dv_zst *z, int level, const void *base,
			   size_t base_n, const void *p, size_t n, void *out,
			   size_t cap, size_t limit)
{
	size_t r;

	if (n > DV_ZST_DELTA_MAX || !base_n || base_n > DV_ZST_DELTA_MAX)
		return 0;
	/* A frame that failed is still open, and takes no prefix. */
	if (z->delta)
		ZSTD_CCtx_reset(z->delta, ZSTD_reset_session_only);
	if (delta_context(z, level) ||
	    ZSTD_isError(ZSTD_CCtx_refPrefix(z->delta, base, base_n)))
		return 0;
	r = ZSTD_compress2(z->delta, out, cap, p, n);
	if (ZSTD_isError(r) || r >= limit ||
	    !decode_equals(z, base, base_n, out, r, p, n))
		return 0;
	return r;
}

/* RFC 8878, 3.1.1.1: magic, then the frame header descriptor. */
static int header_ok(const uint8_t *f, size_t n, size_t raw)
{
	uint8_t d;

	if (n < 6 || dv_get32(f) != 0xfd2fb528u)
		return 0;
	d = f[4];
	if (!(d & 0x20) || (d & 0x0b))	/* single segment; reserved, dict id */
		return 0;
	return ZSTD_getFrameContentSize(f, n) == raw &&
	       ZSTD_findFrameCompressedSize(f, n) == n;
}

int dv_zst_decode_delta(struct dv_zst *z, const void *base, size_t base_n,
			const void *frame, size_t n, void *out, size_t raw,
			struct dv_err *err)
{
	size_t r;

	if (!header_ok(frame, n, raw))
		return dv_err_set(err, DV_ECORRUPT,
				  "a compressed record has a wrong frame");
	/* The prefix holds for one frame. */
	if (base_n && ZSTD_isError(ZSTD_DCtx_refPrefix(z->d, base, base_n)))
		return dv_err_nomem(err);
	r = ZSTD_decompressDCtx(z->d, out, raw, frame, n);
	if (ZSTD_isError(r))
		return dv_err_set(err, DV_ECORRUPT,
				  "a compressed record cannot be decoded: %s",
				  ZSTD_getErrorName(r));
	if (r != raw)
		return dv_err_set(err, DV_ECORRUPT,
				  "a compressed record has the wrong length");
	return 0;
}

int dv_zst_decode(struct dv_zst *z, const void *frame, size_t n, void *out,
		  size_t raw, struct dv_err *err)
{
	return dv_zst_decode_delta(z, NULL, 0, frame, n, out, raw, err);
}

int dv_looks_compressible(struct dv_zst *z, const struct dv_sample *s,
			  const void *p, size_t n)
{
	uint8_t out[2048 + 512];
	size_t m = 2048, r;

	/*
	 * Numbers in binary come near noise too but repeat: a fast trial on
	 * one sample tells them apart.
	 */
	if (!dv_sample_is_even(s))
		return 1;
	r = ZSTD_compressCCtx(z->c, out, sizeof(out),
			      (const uint8_t *)p + (n - m) / 2, m, 1);
	return !ZSTD_isError(r) && r < m - m / 32;
}
