/*
 * Arrays of numbers as files have them, the same on every machine: values
 * around 0 of the deviation 0.02, like the weights of a model.
 */
#ifndef TESTS_UNIT_NUMBERS_H
#define TESTS_UNIT_NUMBERS_H

#include "testlib.h"

/* Twelve even ones are nearly normal, and need no libm. */
static inline double test_normal(uint64_t *seed)
{
	double sum = -6;

	for (int i = 0; i < 12; i++)
		sum += (double)(test_rand(seed) >> 11) / 9007199254740992.0;
	return 0.02 * sum;
}

static inline void test_fp32(uint8_t *p, size_t n, uint64_t seed)
{
	for (size_t i = 0; i + 4 <= n; i += 4) {
		float f = (float)test_normal(&seed);

		memcpy(p + i, &f, 4);
	}
}

static inline void test_fp64(uint8_t *p, size_t n, uint64_t seed)
{
	for (size_t i = 0; i + 8 <= n; i += 8) {
		double f = test_normal(&seed);

		memcpy(p + i, &f, 8);
	}
}

/* The upper halves of fp32. */
static inline void test_bf16(uint8_t *p, size_t n, uint64_t seed)
{
	for (size_t i = 0; i + 2 <= n; i += 2) {
		float f = (float)test_normal(&seed);
		uint32_t x;

		memcpy(&x, &f, 4);
		dv_put16(p + i, (uint16_t)(x >> 16));
	}
}

#endif
