#include "testlib.h"

static void round_trip(void **state)
{
	uint8_t all[256], back[256];
	char hex[513];

	(void)state;
	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	dv_hex_encode(hex, all, 256);
	assert_int_equal(strlen(hex), 512);
	assert_memory_equal(hex, "000102", 6);
	assert_string_equal(hex + 506, "fdfeff");
	assert_true(dv_hex_valid(hex, 512));
	assert_int_equal(dv_hex_decode(back, hex, 256), 0);
	assert_memory_equal(all, back, 256);
}

static void only_lower_case_digits(void **state)
{
	uint8_t out;

	(void)state;
	for (int c = 1; c < 256; c++) {
		char s[3] = { (char)c, '0', 0 }, r[3] = { '0', (char)c, 0 };
		int good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');

		assert_int_equal(dv_hex_decode(&out, s, 1), good ? 0 : -1);
		assert_int_equal(dv_hex_decode(&out, r, 1), good ? 0 : -1);
		assert_int_equal(dv_hex_valid(s, 2), good);
		assert_int_equal(dv_hex_valid(r, 2), good);
	}
	/* A NUL ends it; nothing behind it is read. */
	assert_int_equal(dv_hex_decode(&out, "", 1), -1);
	assert_int_equal(dv_hex_decode(&out, "a", 1), -1);
}

static void ids(void **state)
{
	struct dv_id a = { { 0 } }, b = { { 0 } };

	(void)state;
	b.b[31] = 0xab;
	assert_string_equal(dv_id_hex(&b).s,
		"00000000000000000000000000000000000000000000000000000000000000ab");
	assert_true(dv_id_eq(&a, &a));
	assert_false(dv_id_eq(&a, &b));
	assert_true(dv_id_cmp(&a, &b) < 0);
	b.b[31] = 0;
	assert_int_equal(dv_id_cmp(&a, &b), 0);
}

static void byte_order(void **state)
{
	uint8_t b[9] = { 0 };

	(void)state;
	dv_put64(b + 1, 0x1122334455667788ULL);
	assert_hex(b, 9, "008877665544332211");
	assert_true(dv_get64(b + 1) == 0x1122334455667788ULL);
	dv_put32(b + 1, 0xfedcba98u);
	assert_int_equal(dv_get32(b + 1), 0xfedcba98u);
	assert_int_equal(dv_get32be(b + 1), 0x98badcfeu);
	dv_put32be(b + 1, 0xfedcba98u);
	assert_hex(b + 1, 4, "fedcba98");
	dv_put16(b + 3, 0xfe01);
	assert_int_equal(dv_get16(b + 3), 0xfe01);
	assert_hex(b + 3, 2, "01fe");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(only_lower_case_digits),
		cmocka_unit_test(ids),
		cmocka_unit_test(byte_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
