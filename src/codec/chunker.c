#include "codec/chunker.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "codec/sha256.h"

#define WINDOW 64
#define CUT_SHIFT 49	/* H < 2^49: one position in 2^15 */

static uint64_t table[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
	uint8_t text[16] = "git-dv gear v1";	/* its NUL is part of it */
	struct dv_sha256 *s = dv_sha256_open();

	if (!s)
		abort();
	for (int b = 0; b < 256; b++) {
		struct dv_id id;

		text[15] = (uint8_t)b;
		dv_sha256_of(s, text, sizeof(text), &id);
		table[b] = dv_get64(id.b);
	}
	dv_sha256_close(s);
}

const uint64_t *dv_gear_table(void)
{
	pthread_once(&once, make_table);
	return table;
}

/*
 * One hash waits for the one before it, so a single scan leaves most of the
 * CPU idle. Two blocks that follow each other are scanned at once; the second
 * one's hash starts from the 64 bytes before it. What the second finds counts
 * only when the first finds nothing, so the result is that of a plain scan.
 */
#define BLOCK 2048u

static inline uint64_t warm(const uint64_t *t, const uint8_t *x)
{
	uint64_t h = 0;

	for (int i = -WINDOW; i < 0; i++)
		h = (h << 1) + t[x[i]];
	return h;
}

/* The first of n positions from x on whose hash is a cut, or n. */
static size_t scan(const uint64_t *t, const uint8_t *x, size_t n, uint64_t h)
{
	for (size_t i = 0; i < n; i++) {
		if (!(h >> CUT_SHIFT))
			return i;
		h = (h << 1) + t[x[i]];
	}
	return n;
}

size_t dv_chunk_cut(const uint8_t *p, size_t n)
{
	const uint64_t *t = dv_gear_table();
	size_t end = DV_MIN(n, (size_t)DV_CHUNK_MAX), e = DV_CHUNK_MIN;
	uint64_t a, b;

	if (end <= DV_CHUNK_MIN)
		return end;
	a = warm(t, p + e);
	/* e = end is a cut anyway, so it is not tested. */
	for (; end - e >= 2 * BLOCK; e += 2 * BLOCK) {
		const uint8_t *x = p + e, *y = x + BLOCK;
		uint64_t at_x = a;

		b = warm(t, y);
		for (size_t i = 0; i < BLOCK; i += 4) {
			int hit = 0;
#define STEP(k) \
	hit |= !(a >> CUT_SHIFT) | !(b >> CUT_SHIFT); \
	a = (a << 1) + t[x[i + (k)]]; \
	b = (b << 1) + t[y[i + (k)]]
			STEP(0);
			STEP(1);
			STEP(2);
			STEP(3);
#undef STEP
			if (__builtin_expect(hit, 0))
				return e + scan(t, x, 2 * BLOCK, at_x);
		}
		a = b;
	}
	return e + scan(t, p + e, end - e, a);
}
