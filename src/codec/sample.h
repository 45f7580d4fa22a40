/*
 * A look at 4 KiB of a chunk: how evenly its bytes are spread, and whether
 * the spread depends on their place in numbers of 2, 4 or 8 bytes. Costs some
 * microseconds, so that it may be asked of everything.
 */
#ifndef DV_CODEC_SAMPLE_H
#define DV_CODEC_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#define DV_SAMPLE_MIN 4096u	/* bytes that a chunk must have for it */

struct dv_sample {
	/*
	 * Sums of the squared counts of byte values, counted apart for each
	 * place modulo 1, 2, 4 and 8: n and more, where a higher sum means
	 * bytes that repeat.
	 */
	uint32_t sum[4];
};

/* n >= DV_SAMPLE_MIN. */
void dv_sample_take(struct dv_sample *s, const uint8_t *p, size_t n);
/* Are the bytes spread as those of noise? */
int dv_sample_is_even(const struct dv_sample *s);
/* 2, 4 or 8: numbers of that width may be there. 0: none. */
unsigned int dv_sample_width(const struct dv_sample *s);
/* Do two samples look as if they were of the same kind of data? */
int dv_sample_alike(const struct dv_sample *a, const struct dv_sample *b);

#endif
