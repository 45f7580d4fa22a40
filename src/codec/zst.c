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

struct dv_zst {
	ZSTD_CCtx *c;
	ZSTD_CCtx *delta;	/* made when first needed */
	ZSTD_DCtx *d;
	int level, delta_level;
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

size_t dv_zst_encode(struct dv_zst *z, int level, const void *p, size_t n,
		     void *out, size_t cap, size_t limit)
{
	size_t r;

	if (level != z->level) {
		r = ZSTD_CCtx_setParameter(z->c, ZSTD_c_compressionLevel,
					   level);
		if (ZSTD_isError(r))
			return 0;
		z->level = level;
	}
	r = ZSTD_compress2(z->c, out, cap, p, n);
	if (ZSTD_isError(r) || r >= limit || 
	    !decode_equals(z, NULL, 0, out, r, p, n))
		return 0;
	return r;
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
						DELTA_WINDOW_LOG)))
		return -1;
	z->delta_level = level;
	return 0;
}

size_t dv_zst_encode_delta(struct dv_zst *z, int level, const void *base,
			   size_t base_n, const void *p, size_t n, void *out,
			   size_t cap, size_t limit)
{
	size_t r;

	if (n > DV_ZST_DELTA_MAX || !base_n || base_n > DV_ZST_DELTA_MAX ||
	    delta_context(z, level) ||
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

/*
 * Do the bytes of a sample of 4 KiB look evenly spread? The sum of the squared
 * counts is n + n^2/256 for noise (the collision count; Renyi entropy of order
 * 2) and more for anything else; a tenth above that is not noise.
 */
static int sample_is_even(const uint8_t *p, size_t n)
{
	uint16_t count[256] = { 0 };
	size_t piece = 256, step = n / 16, total = 16 * piece;
	uint64_t sum = 0;

	for (size_t at = 0; at + piece <= n && at < 16 * step; at += step)
		for (size_t i = 0; i < piece; i++)
			count[p[at + i]]++;
	for (int i = 0; i < 256; i++)
		sum += (uint64_t)count[i] * count[i];
	return sum * 10 < (total + (uint64_t)total * total / 256) * 11;
}

int dv_looks_compressible(struct dv_zst *z, const void *p, size_t n)
{
	uint8_t out[2048 + 512];
	size_t m = 2048, r;

	/*
	 * Numbers in binary come near noise too but repeat: a fast trial on
	 * one sample tells them apart.
	 */
	if (n < 4096 || !sample_is_even(p, n))
		return 1;
	r = ZSTD_compressCCtx(z->c, out, sizeof(out),
			      (const uint8_t *)p + (n - m) / 2, m, 1);
	return !ZSTD_isError(r) && r < m - m / 32;
}
