#include "testlib.h"

#include "base/bytes.h"
#include "base/quote.h"

static void as_git_does(void **state)
{
	static const struct {
		const char *path, *high, *low;
	} t[] = {
		{ "", "", "" },
		{ "a b/c'd$", "a b/c'd$", "a b/c'd$" },
		{ "a\nb", "\"a\\nb\"", "\"a\\nb\"" },
		{ "\x1b[2J\x7f", "\"\\033[2J\\177\"", "\"\\033[2J\\177\"" },
		{ "\a\b\t\v\f\r\"\\\x01", "\"\\a\\b\\t\\v\\f\\r\\\"\\\\\\001\"",
		  "\"\\a\\b\\t\\v\\f\\r\\\"\\\\\\001\"" },
		{ "\xc3\xa4", "\"\\303\\244\"", "\xc3\xa4" },
		{ "\xc3\xa4\"", "\"\\303\\244\\\"\"", "\"\xc3\xa4\\\"\"" },
	};

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(t); i++) {
		struct dv_buf b = { 0 };
		struct dv_err err = { 0 };

		assert_ok(dv_quote_path(t[i].path, 1, &b, &err));
		assert_string_equal(dv_buf_str(&b), t[i].high);
		b.n = 0;
		assert_ok(dv_quote_path(t[i].path, 0, &b, &err));
		assert_string_equal(dv_buf_str(&b), t[i].low);
		dv_buf_release(&b);
	}
}

static void disarmed(void **state)
{
	char text[] = "a\tb\n\x1b[2J\x7f\r\xc3\xa4\xc2\x9b" "2J\xc2\xa0\xc2";

	(void)state;
	dv_disarm(text, sizeof(text) - 1);
	assert_string_equal(text,
			    "a\tb\n?[2J??\xc3\xa4??2J\xc2\xa0\xc2");
	dv_disarm(text, 0);
	dv_disarm(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_git_does),
		cmocka_unit_test(disarmed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
