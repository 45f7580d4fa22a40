#include "codec/sketch.h"

#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/bytes.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HAVE_AVX2_PATH 1
#endif

#define WINDOW 32u
/* Odd constants of the golden ratio and of a well-mixing hash (xxHash). */
#define K1 0x9e3779b1u
#define K2 0x85ebca77u
#define BOUND_BITS 25		/* 1 in 128 */
#define BOUND (1u << BOUND_BITS)

static inline void sample(const uint8_t *p, uint64_t seed, struct dv_sketch *s)
{
	uint64_t h = XXH3_64bits_withSeed(p, WINDOW, seed);
	uint32_t bin = (uint32_t)(((h >> 32) * DV_SKETCH_FEATURES) >> 32);
	uint32_t v = (uint32_t)h | 1;

	if (v > s->f[bin])
		s->f[bin] = v;
}

/* Positions [from, to); each has WINDOW bytes behind it. */
static void scan(const uint8_t *p, size_t from, size_t to, uint64_t seed,
		 struct dv_sketch *s)
{
	for (size_t i = from; i < to; i++)
		if (dv_get32(p + i) * K1 + dv_get32(p + i + 4) * K2 < BOUND)
			sample(p + i, seed, s);
}

void dv_sketch_portable(const void *p, size_t n, uint64_t seed,
			struct dv_sketch *out)
{
	memset(out, 0, sizeof(*out));
	if (n >= WINDOW)
		scan(p, 0, n - WINDOW + 1, seed, out);
}

#ifdef HAVE_AVX2_PATH
/*
 * 32 positions at a time: four loads, one byte apart, of eight words each.
 * Their words four bytes on are the second halves. Reads 39 bytes from i.
 */
#define AVX2 __attribute__((target("avx2"), always_inline)) static inline

AVX2 __m256i hits(const uint8_t *x)
{
	__m256i a = _mm256_loadu_si256((const __m256i *)x);
	__m256i b = _mm256_loadu_si256((const __m256i *)(x + 4));
	__m256i h = _mm256_add_epi32(
		_mm256_mullo_epi32(a, _mm256_set1_epi32((int)K1)),
		_mm256_mullo_epi32(b, _mm256_set1_epi32((int)K2)));

	return _mm256_cmpeq_epi32(_mm256_srli_epi32(h, BOUND_BITS),
				  _mm256_setzero_si256());
}

__attribute__((target("avx2")))
static size_t scan_avx2(const uint8_t *p, size_t to, uint64_t seed,
			struct dv_sketch *s)
{
	size_t i = 0;

	for (; i + 32 <= to; i += 32) {
		__m256i a = _mm256_packs_epi32(hits(p + i), hits(p + i + 1));
		__m256i b = _mm256_packs_epi32(hits(p + i + 2),
					       hits(p + i + 3));
		unsigned int m = (unsigned int)_mm256_movemask_epi8(
			_mm256_packs_epi16(a, b));

		/* Bit j: load j / 4 % 4, its word j % 4 + j / 16 * 4. */
		for (; m; m &= m - 1) {
			unsigned int j = (unsigned int)__builtin_ctz(m);

			sample(p + i + (j >> 2 & 3) + 4 * (j & 3) +
			       (j & 16), seed, s);
		}
	}
	return i;
}
#endif

void dv_sketch(const void *p, size_t n, uint64_t seed, struct dv_sketch *out)
{
	size_t from = 0, to = n >= WINDOW ? n - WINDOW + 1 : 0;

	memset(out, 0, sizeof(*out));
#ifdef HAVE_AVX2_PATH
	/* The last 32 positions read 7 bytes past their words: none missing. */
	if (to >= 64 && __builtin_cpu_supports("avx2"))
		from = scan_avx2(p, to - 32, seed, out);
#endif
	scan(p, from, to, seed, out);
}

uint64_t dv_sketch_super(const struct dv_sketch *s, unsigned int i)
{
	uint64_t pair = (uint64_t)s->f[2 * i] << 32 | s->f[2 * i + 1];
	uint64_t h;

	if (!s->f[2 * i] || !s->f[2 * i + 1])
		return 0;
	h = XXH3_64bits_withSeed(&pair, sizeof(pair), i);
	return h ? h : 1;
}

unsigned int dv_sketch_common(const struct dv_sketch *a,
			      const struct dv_sketch *b)
{
	unsigned int n = 0;

	for (int i = 0; i < DV_SKETCH_FEATURES; i++)
		n += a->f[i] && a->f[i] == b->f[i];
	return n;
}
