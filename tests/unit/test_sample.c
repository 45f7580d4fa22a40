#include "numbers.h"

#include "codec/sample.h"

#define N 65536u

static uint8_t p[N + 8];

static struct dv_sample take(size_t n)
{
	struct dv_sample s;

	dv_sample_take(&s, p, n);
	return s;
}

static unsigned int width(size_t n)
{
	struct dv_sample s = take(n);

	return dv_sample_width(&s);
}

static void no_numbers(void **state)
{
	static const size_t sizes[] = { DV_SAMPLE_MIN, 4097, 5000, 32768, N };

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(sizes); i++) {
		for (uint64_t seed = 0; seed < 200; seed++) {
			struct dv_sample s;

			test_noise(p, sizes[i], seed);
			s = take(sizes[i]);
			assert_true(dv_sample_is_even(&s));
			assert_int_equal(dv_sample_width(&s), 0);
		}
		test_text(p, sizes[i], i);
		assert_int_equal(width(sizes[i]), 0);
		memset(p, (int)i, sizes[i]);
		assert_int_equal(width(sizes[i]), 0);
	}
}

/* Wherever in a number the chunk begins. */
static void numbers(void **state)
{
	(void)state;
	for (size_t phase = 0; phase < 8; phase++) {
		struct dv_sample s;

		test_bf16(p + phase, N, 1);
		assert_int_equal(width(N), 2);
		assert_int_equal(width(DV_SAMPLE_MIN), 2);
		test_fp32(p + phase, N, 1);
		assert_int_equal(width(N), 4);
		assert_int_equal(width(DV_SAMPLE_MIN), 4);
		s = take(N);
		assert_false(dv_sample_is_even(&s));
		test_fp64(p + phase, N, 1);
		assert_int_equal(width(N), 8);
		for (size_t i = 0; i < N; i += 8)
			dv_put64(p + phase + i, i / 8 * 7);
		assert_int_equal(width(N), 8);
		for (size_t i = 0; i < N; i += 4)
			dv_put32(p + phase + i, (uint32_t)i % 10);
		assert_int_equal(width(N), 4);
	}
}

static void kinds_are_told_apart(void **state)
{
	struct dv_sample a, b;

	(void)state;
	test_fp32(p, N, 1);
	a = take(N);
	test_fp32(p, N, 2);
	b = take(N);
	assert_true(dv_sample_alike(&a, &b));
	test_bf16(p, N, 2);
	b = take(N);
	assert_false(dv_sample_alike(&a, &b));
	assert_false(dv_sample_alike(&b, &a));
	test_text(p, N, 2);
	b = take(N);
	assert_false(dv_sample_alike(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_numbers),
		cmocka_unit_test(numbers),
		cmocka_unit_test(kinds_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
