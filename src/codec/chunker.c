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

size_t dv_chunk_cut(const uint8_t *p, size_t n)
{
	const uint64_t *t = dv_gear_table();
	size_t end = DV_MIN(n, (size_t)DV_CHUNK_MAX);
	const uint8_t *x = p + DV_CHUNK_MIN - WINDOW, *stop = p + end;
	uint64_t h = 0;

	if (end <= DV_CHUNK_MIN)
		return end;
	for (int i = 0; i < WINDOW; i++)
		h = (h << 1) + t[*x++];
	/* Here h = H(x - p). e = end is a cut anyway, so it is not tested. */
	while (stop - x >= 8) {
#define STEP(k) \
	if (!(h >> CUT_SHIFT)) \
		return (size_t)(x - p) + (k); \
	h = (h << 1) + t[x[k]]
		STEP(0);
		STEP(1);
		STEP(2);
		STEP(3);
		STEP(4);
		STEP(5);
		STEP(6);
		STEP(7);
#undef STEP
		x += 8;
	}
	while (x < stop) {
		if (!(h >> CUT_SHIFT))
			return (size_t)(x - p);
		h = (h << 1) + t[*x++];
	}
	return end;
}
