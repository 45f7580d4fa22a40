#include "codec/sample.h"

#include <string.h>

#define PIECES 16u
#define PIECE 256u
#define TOTAL (PIECES * PIECE)

void dv_sample_take(struct dv_sample *s, const uint8_t *p, size_t n)
{
	uint16_t count[8][256];

	memset(count, 0, sizeof(count));
	for (size_t k = 0; k < PIECES; k++) {
		/* A multiple of 8, to keep the place modulo 8. */
		const uint8_t *q = p + (k * (n / PIECES) & ~(size_t)7);

		for (size_t i = 0; i < PIECE; i += 8)
			for (size_t j = 0; j < 8; j++)
				count[j][q[i + j]]++;
	}
	memset(s, 0, sizeof(*s));
	/* Folding the second half onto the first halves the width. */
	for (int w = 8, i = 3; i >= 0; w /= 2, i--) {
		uint32_t sum = 0;

		for (int j = 0; j < w; j++)
			for (int b = 0; b < 256; b++)
				sum += (uint32_t)count[j][b] * count[j][b];
		s->sum[i] = sum;
		for (int j = 0; j < w / 2; j++)
			for (int b = 0; b < 256; b++)
				count[j][b] = (uint16_t)(count[j][b] +
						count[j + w / 2][b]);
	}
}

/*
 * The sum of the squared counts is n + n^2/256 for noise (the collision count;
 * Renyi entropy of order 2) and more for anything else; a tenth above that is
 * not noise.
 */
int dv_sample_is_even(const struct dv_sample *s)
{
	return s->sum[0] * 10ull <
	       (TOTAL + (uint64_t)TOTAL * TOTAL / 256) * 11;
}

/*
 * The probability, in units of 2^-32, that two bytes at places of the same
 * remainder modulo the width 2^i are equal. Without bias, whatever the number
 * of places.
 */
static uint64_t collision(const struct dv_sample *s, int i)
{
	uint64_t pairs = (uint64_t)TOTAL * ((TOTAL >> i) - 1);

	return ((uint64_t)(s->sum[i] - TOTAL) << 32) / pairs;
}

/*
 * It is the same for every width where the place says nothing about a byte,
 * and rises where planes differ: by the variance of the frequencies from plane
 * to plane. An eighth is eight standard deviations for noise.
 */
unsigned int dv_sample_width(const struct dv_sample *s)
{
	uint64_t whole = collision(s, 0), least = whole / 8, best;
	unsigned int width = 0;

	/* Mostly zeros, say: there is not that much to rise. */
	if (least > (uint64_t)1 << 27)
		least = (uint64_t)1 << 27;
	best = whole + least;
	for (int i = 1; i <= 3; i++) {
		uint64_t c = collision(s, i);

		if (c < best)
			continue;
		width = 1u << i;
		/* A wider one must be clearly better. */
		best = c + (c - whole) / 8;
	}
	return width;
}

int dv_sample_alike(const struct dv_sample *a, const struct dv_sample *b)
{
	for (int i = 0; i < 4; i++) {
		uint64_t x = a->sum[i], y = b->sum[i];

		if (x * 7 > y * 8 || y * 7 > x * 8)
			return 0;
	}
	return 1;
}
