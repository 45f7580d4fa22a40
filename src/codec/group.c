#include "codec/group.h"

#include <string.h>

/*
 * SSE2 is in every x86-64. Loops over single bytes become vectors only at -O3
 * and by some compilers, and are five to ten times slower without.
 */
#ifdef __SSE2__
#include <emmintrin.h>
#define VEC 16u
#else
#define VEC 0u
#endif

/* Numbers [from, m) alone, and the bytes behind the last. */
static void group_rest(unsigned int w, const uint8_t *in, size_t n,
		       size_t from, uint8_t *out)
{
	size_t m = n / w;

	for (unsigned int k = 0; k < w; k++)
		for (size_t i = from; i < m; i++)
			out[k * m + i] = in[i * w + k];
	memcpy(out + m * w, in + m * w, n - m * w);
}

static void ungroup_rest(unsigned int w, const uint8_t *in, size_t n,
			 size_t from, uint8_t *out)
{
	size_t m = n / w;

	for (unsigned int k = 0; k < w; k++)
		for (size_t i = from; i < m; i++)
			out[i * w + k] = in[k * m + i];
	memcpy(out + m * w, in + m * w, n - m * w);
}

void dv_group_plain(unsigned int w, const void *in, size_t n, void *out)
{
	group_rest(w, in, n, 0, out);
}

void dv_ungroup_plain(unsigned int w, const void *in, size_t n, void *out)
{
	ungroup_rest(w, in, n, 0, out);
}

#if VEC
static inline __m128i load(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

static inline void store(uint8_t *p, __m128i v)
{
	_mm_storeu_si128((__m128i *)p, v);
}

/*
 * 16 numbers, w vectors. Each round parts even from odd bytes, so that after
 * log2(w) rounds vector k holds byte k of each number.
 */
static inline __attribute__((always_inline))
size_t group_vec(unsigned int w, const uint8_t *in, size_t m, uint8_t *out)
{
	const __m128i low = _mm_set1_epi16(0xff);
	__m128i v[8], t[8];
	size_t i;

	for (i = 0; i + VEC <= m; i += VEC) {
		for (unsigned int k = 0; k < w; k++)
			v[k] = load(in + i * w + k * VEC);
		for (unsigned int r = 1; r < w; r *= 2) {
			for (unsigned int k = 0; k < w / 2; k++) {
				__m128i a = v[2 * k], b = v[2 * k + 1];

				t[k] = _mm_packus_epi16(_mm_and_si128(a, low),
							_mm_and_si128(b, low));
				t[k + w / 2] =
					_mm_packus_epi16(_mm_srli_epi16(a, 8),
							 _mm_srli_epi16(b, 8));
			}
			memcpy(v, t, w * sizeof(*v));
		}
		for (unsigned int k = 0; k < w; k++)
			store(out + k * m + i, v[k]);
	}
	return i;
}

/* The rounds backwards: vectors of the halves are interleaved. */
static inline __attribute__((always_inline))
size_t ungroup_vec(unsigned int w, const uint8_t *in, size_t m, uint8_t *out)
{
	__m128i v[8], t[8];
	size_t i;

	for (i = 0; i + VEC <= m; i += VEC) {
		for (unsigned int k = 0; k < w; k++)
			v[k] = load(in + k * m + i);
		for (unsigned int r = 1; r < w; r *= 2) {
			for (unsigned int k = 0; k < w / 2; k++) {
				__m128i a = v[k], b = v[k + w / 2];

				t[2 * k] = _mm_unpacklo_epi8(a, b);
				t[2 * k + 1] = _mm_unpackhi_epi8(a, b);
			}
			memcpy(v, t, w * sizeof(*v));
		}
		for (unsigned int k = 0; k < w; k++)
			store(out + i * w + k * VEC, v[k]);
	}
	return i;
}
#else
static size_t group_vec(unsigned int w, const uint8_t *in, size_t m,
			uint8_t *out)
{
	(void)w, (void)in, (void)m, (void)out;
	return 0;
}

static size_t ungroup_vec(unsigned int w, const uint8_t *in, size_t m,
			  uint8_t *out)
{
	(void)w, (void)in, (void)m, (void)out;
	return 0;
}
#endif

/* Each width as a constant, so that the loops over it are unrolled. */
void dv_group(unsigned int w, const void *in, size_t n, void *out)
{
	size_t at = w == 2 ? group_vec(2, in, n / 2, out) :
		    w == 4 ? group_vec(4, in, n / 4, out) :
			     group_vec(8, in, n / 8, out);

	group_rest(w, in, n, at, out);
}

void dv_ungroup(unsigned int w, const void *in, size_t n, void *out)
{
	size_t at = w == 2 ? ungroup_vec(2, in, n / 2, out) :
		    w == 4 ? ungroup_vec(4, in, n / 4, out) :
			     ungroup_vec(8, in, n / 8, out);

	ungroup_rest(w, in, n, at, out);
}
