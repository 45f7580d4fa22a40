#include "testlib.h"

#include "codec/group.h"

#define BIG 262144u

static const unsigned int widths[] = { 2, 4, 8 };

/* Exactly n bytes each, so that a sanitizer sees a step outside. */
static void check(unsigned int width, const uint8_t *p, size_t n)
{
	uint8_t *in = test_alloc(n), *a = test_alloc(n), *b = test_alloc(n);
	size_t m = n / width;

	memcpy(in, p, n);
	memset(a, 0xaa, n);
	memset(b, 0x55, n);
	dv_group(width, in, n, a);
	dv_group_plain(width, in, n, b);
	assert_memory_equal(a, b, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(in[i], i < m * width ?
				 a[i % width * m + i / width] : a[i]);
	memset(b, 0x55, n);
	dv_ungroup(width, a, n, b);
	assert_memory_equal(b, in, n);
	memset(b, 0x55, n);
	dv_ungroup_plain(width, a, n, b);
	assert_memory_equal(b, in, n);
	free(in);
	free(a);
	free(b);
}

/* Also those bytes that are no planes yet may be ungrouped and grouped. */
static void check_backwards(unsigned int width, const uint8_t *p, size_t n)
{
	uint8_t *a = test_alloc(n), *b = test_alloc(n);

	dv_ungroup(width, p, n, a);
	dv_ungroup_plain(width, p, n, b);
	assert_memory_equal(a, b, n);
	dv_group(width, a, n, b);
	assert_memory_equal(b, p, n);
	free(a);
	free(b);
}

static void all_sizes_and_phases(void **state)
{
	uint8_t *p = test_alloc(BIG + 8);

	(void)state;
	test_noise(p, BIG + 8, 1);
	for (size_t w = 0; w < DV_ARRAY_SIZE(widths); w++) {
		for (size_t phase = 0; phase < 8; phase++) {
			for (size_t n = 0; n <= 300; n++) {
				check(widths[w], p + phase, n);
				check_backwards(widths[w], p + phase, n);
			}
			check(widths[w], p + phase, 65536 + 13 * phase);
			check(widths[w], p + phase, BIG - phase);
			check_backwards(widths[w], p + phase, BIG);
		}
	}
	free(p);
}

/* The example of git-dv-format(5). */
static void example(void **state)
{
	uint8_t out[11];

	(void)state;
	dv_group(4, "\x00\x01\x02\x03\x10\x11\x12\x13\xa0\xa1\xa2", 11, out);
	assert_hex(out, 11, "0010011102120313a0a1a2");
	dv_group(2, "\x00\x01\x02\x03\x10\x11\x12\x13\xa0\xa1\xa2", 11, out);
	assert_hex(out, 11, "000210" "12a0" "010311" "13a1" "a2");
	dv_group(8, "\x00\x01\x02\x03\x10\x11\x12\x13\xa0\xa1\xa2", 11, out);
	assert_hex(out, 11, "0001020310111213a0a1a2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_sizes_and_phases),
		cmocka_unit_test(example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
