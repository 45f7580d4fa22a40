#include "testlib.h"

#include "codec/sketch.h"

#define SEED 77

static void fill(uint8_t *p, size_t n, int how, uint64_t seed)
{
	if (how == 0)
		test_noise(p, n, seed);
	else if (how == 1)
		test_text(p, n, seed);
	else
		memset(p, how == 2 ? 0 : 0xff, n);
}

/* A block of exactly n bytes at each alignment, so that ASan sees more. */
static void same_both_ways(const uint8_t *p, size_t n)
{
	struct dv_sketch a, b;

	memset(&a, 1, sizeof(a));
	memset(&b, 2, sizeof(b));
	dv_sketch_portable(p, n, SEED, &b);
	dv_sketch(p, n, SEED, &a);
	assert_memory_equal(&a, &b, sizeof(a));
}

static void vectors_agree(void **state)
{
	static const size_t large[] = { 1000, 4095, 4096, 4097, 32768, 65537,
					131071, 262143, 262144 };

	(void)state;
	for (int how = 0; how < 4; how++) {
		for (size_t n = 0; n <= 300; n++) {
			for (size_t skew = 0; skew < 32; skew += n % 7 + 1) {
				uint8_t *p = test_alloc(skew + n);

				fill(p + skew, n, how, n * 32 + skew);
				same_both_ways(p + skew, n);
				free(p);
			}
		}
		for (size_t i = 0; i < DV_ARRAY_SIZE(large); i++) {
			for (size_t skew = 0; skew < 33; skew += 11) {
				uint8_t *p = test_alloc(skew + large[i]);

				fill(p + skew, large[i], how, i);
				same_both_ways(p + skew, large[i]);
				free(p);
			}
		}
	}
}

/* A sample at every place near the ends of the vectors' rounds. */
static void every_position_counts(void **state)
{
	uint8_t one[64], *p;
	size_t at = 0;

	(void)state;
	/* Find 32 bytes whose first 8 are sampled. */
	for (uint64_t seed = 0;; seed++) {
		struct dv_sketch s;
		unsigned int any = 0;

		test_noise(one, 32, seed);
		dv_sketch_portable(one, 32, SEED, &s);
		for (int i = 0; i < DV_SKETCH_FEATURES; i++)
			any |= s.f[i];
		if (any)
			break;
	}
	for (size_t n = 32; n <= 200; n++) {
		for (at = 0; at + 32 <= n; at++) {
			struct dv_sketch none, s;

			p = test_alloc(n);
			memset(p, 1, n);
			dv_sketch(p, n, SEED, &none);
			memcpy(p + at, one, 32);
			dv_sketch(p, n, SEED, &s);
			assert_memory_not_equal(&s, &none, sizeof(s));
			same_both_ways(p, n);
			free(p);
		}
	}
}

static void equal_content(void **state)
{
	uint8_t *p = test_alloc(100000), *q = test_alloc(100001);
	struct dv_sketch a, b;

	(void)state;
	test_text(p, 100000, 3);
	memcpy(q + 1, p, 100000);
	dv_sketch(p, 100000, SEED, &a);
	dv_sketch(q + 1, 100000, SEED, &b);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(dv_sketch_common(&a, &b), DV_SKETCH_FEATURES);
	for (unsigned int i = 0; i < DV_SKETCH_SUPER; i++) {
		assert_true(dv_sketch_super(&a, i) != 0);
		assert_true(dv_sketch_super(&a, i) == dv_sketch_super(&b, i));
	}
	dv_sketch(p, 100000, SEED + 1, &b);
	assert_int_equal(dv_sketch_common(&a, &b), 0);
	free(p);
	free(q);
}

static void too_short(void **state)
{
	uint8_t p[32];
	struct dv_sketch s;

	(void)state;
	for (size_t n = 0; n < 32; n++) {
		for (uint64_t seed = 0; seed < 50; seed++) {
			uint8_t *q = test_alloc(n);

			test_noise(p, 32, seed);
			memcpy(q, p, n);
			memset(&s, 1, sizeof(s));
			dv_sketch(n ? q : NULL, n, seed, &s);
			free(q);
			for (unsigned int i = 0; i < DV_SKETCH_FEATURES; i++)
				assert_int_equal(s.f[i], 0);
			for (unsigned int i = 0; i < DV_SKETCH_SUPER; i++)
				assert_true(dv_sketch_super(&s, i) == 0);
			assert_int_equal(dv_sketch_common(&s, &s), 0);
		}
	}
}

/* A super-feature needs both of its features. */
static void empty_bins(void **state)
{
	struct dv_sketch s, t;

	(void)state;
	for (unsigned int i = 0; i < DV_SKETCH_FEATURES; i++)
		s.f[i] = 2 * i + 1;
	for (unsigned int i = 0; i < DV_SKETCH_FEATURES; i++) {
		t = s;
		t.f[i] = 0;
		for (unsigned int k = 0; k < DV_SKETCH_SUPER; k++) {
			if (k == i / 2)
				assert_true(dv_sketch_super(&t, k) == 0);
			else
				assert_true(dv_sketch_super(&t, k) ==
					    dv_sketch_super(&s, k));
		}
		assert_int_equal(dv_sketch_common(&s, &t),
				 DV_SKETCH_FEATURES - 1);
		s.f[i] = 0;
		assert_int_equal(dv_sketch_common(&s, &t),
				 DV_SKETCH_FEATURES - 1);
		s.f[i] = 2 * i + 1;
	}
	/* The same two numbers elsewhere are another super-feature. */
	t = s;
	t.f[2] = s.f[0];
	t.f[3] = s.f[1];
	assert_true(dv_sketch_super(&t, 1) != dv_sketch_super(&s, 0));
}

static void small_edits_keep_most(void **state)
{
	size_t n = 100000;
	uint8_t *p = test_alloc(n), *q = test_alloc(n + 1);
	unsigned int kept = 0, moved = 0;

	(void)state;
	for (uint64_t i = 0; i < 20; i++) {
		uint64_t seed = i;
		struct dv_sketch a, b;

		test_noise(p, n, i);
		memcpy(q, p, n);
		dv_sketch(p, n, SEED, &a);
		/* A hundredth: ten stretches of a hundred bytes. */
		for (int k = 0; k < 10; k++)
			test_noise(q + test_rand(&seed) % (n - 100), 100,
				   1000 * i + (uint64_t)k);
		dv_sketch(q, n, SEED, &b);
		kept += dv_sketch_common(&a, &b);
		/* Moving everything by a byte changes next to nothing. */
		q[0] = 1;
		memcpy(q + 1, p, n);
		dv_sketch(q, n + 1, SEED, &b);
		moved += dv_sketch_common(&a, &b);
	}
	assert_true(kept > 20 * 10);
	assert_true(moved > 20 * 11);
	free(p);
	free(q);
}

static void noise_shares_nothing(void **state)
{
	enum { N = 40 };
	uint8_t *p = test_alloc(60000);
	struct dv_sketch s[N];

	(void)state;
	for (uint64_t i = 0; i < N; i++) {
		test_noise(p, 60000, i);
		dv_sketch(p, 60000, SEED, &s[i]);
		for (uint64_t k = 0; k < i; k++)
			assert_int_equal(dv_sketch_common(&s[i], &s[k]), 0);
	}
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_agree),
		cmocka_unit_test(every_position_counts),
		cmocka_unit_test(equal_content),
		cmocka_unit_test(too_short),
		cmocka_unit_test(empty_bins),
		cmocka_unit_test(small_edits_keep_most),
		cmocka_unit_test(noise_shares_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
