#include "testlib.h"

#include "format/storefmt.h"

#define UUID "0123456789abcdef0123456789abcdef"
#define HEAD "git-dv store 1\nuuid " UUID "\nprofile 1\nhash sha256\n"
#define TAIL "read-features\nwrite-features\ngc-features\n"

static int parse(const char *s, struct dv_storefmt *f)
{
	size_t n = strlen(s);
	char *copy = test_alloc(n);
	int rc;

	memcpy(copy, s, n);
	rc = dv_storefmt_parse(copy, n, f, NULL);
	free(copy);
	return rc;
}

static void round_trip(void **state)
{
	struct dv_storefmt f, g, other;
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };

	(void)state;
	assert_ok(dv_storefmt_new(&f, &err));
	assert_ok(dv_storefmt_new(&other, &err));
	assert_string_not_equal(f.uuid, other.uuid);
	assert_int_equal(strlen(f.uuid), 32);
	assert_ok(dv_storefmt_format(&f, &b, &err));
	assert_ok(dv_storefmt_parse((char *)b.p, b.n, &g, &err));
	assert_string_equal(f.uuid, g.uuid);
	assert_string_equal(g.unknown_read, "");
	assert_string_equal(g.unknown_write, "");
	assert_string_equal(g.unknown_gc, "");
	dv_buf_release(&b);
}

static void text_is_as_documented(void **state)
{
	struct dv_storefmt f = { .uuid = UUID };
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };

	(void)state;
	assert_ok(dv_storefmt_format(&f, &b, &err));
	assert_string_equal(dv_buf_str(&b), HEAD TAIL);
	dv_buf_release(&b);
}

static void features_are_named(void **state)
{
	struct dv_storefmt f;
	char big[400] = HEAD "read-features ";

	(void)state;
	assert_int_equal(parse(HEAD "read-features  alpha beta\n"
			       "write-features gamma\ngc-features \n", &f), 0);
	assert_string_equal(f.unknown_read, "alpha");
	assert_string_equal(f.unknown_write, "gamma");
	assert_string_equal(f.unknown_gc, "");
	/* A long name is cut, but still there. */
	memset(big + strlen(big), 'n', 200);
	strcat(big, "\nwrite-features\ngc-features\n");
	assert_int_equal(parse(big, &f), 0);
	assert_int_equal(strlen(f.unknown_read), 63);
}

static void unknown_lines_pass(void **state)
{
	struct dv_storefmt f;

	(void)state;
	assert_int_equal(parse(HEAD TAIL "colour blue\nalone\n", &f), 0);
	assert_string_equal(f.uuid, UUID);
}

static void refusals(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} t[] = {
		{ "", DV_ECORRUPT }, { "\n", DV_ECORRUPT },
		{ "git-dv store\n", DV_ECORRUPT },
		{ "something else\n", DV_ECORRUPT },
		{ "git-dv store 2\n" TAIL, DV_EINVAL },
		{ "git-dv store 10\n", DV_EINVAL },
		{ "git-dv store 1\n", DV_ECORRUPT },
		{ "git-dv store 1\nuuid " UUID "\nprofile 1\n", DV_ECORRUPT },
		/* Cut off, it would seem to forbid nothing. */
		{ HEAD, DV_ECORRUPT }, { HEAD "read-features\n", DV_ECORRUPT },
		{ HEAD "read-features\nwrite-features\ngc-features",
		  DV_ECORRUPT },
		{ "git-dv store 1\nuuid " UUID "0\nprofile 1\nhash sha256\n",
		  DV_ECORRUPT },
		{ "git-dv store 1\nuuid 0123\nprofile 1\nhash sha256\n",
		  DV_ECORRUPT },
		{ "git-dv store 1\nuuid 0123456789ABCDEF0123456789abcdef\n"
		  "profile 1\nhash sha256\n", DV_ECORRUPT },
		{ "git-dv store 1\nuuid ../../../../../../../etc/passwd\n"
		  "profile 1\nhash sha256\n", DV_ECORRUPT },
		{ "git-dv store 1\nuuid\nprofile 1\nhash sha256\n",
		  DV_ECORRUPT },
		{ "git-dv store 1\nuuid " UUID "\nprofile 2\nhash sha256\n",
		  DV_EINVAL },
		{ "git-dv store 1\nuuid " UUID "\nprofile 1\nhash blake3\n",
		  DV_EINVAL },
	};
	struct dv_storefmt f;
	struct dv_err err = { 0 };
	char *big = test_alloc(DV_STOREFMT_MAX + 2);

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(t); i++)
		if (parse(t[i].text, &f) != t[i].rc)
			fail_msg("case %zu: %d", i, parse(t[i].text, &f));
	assert_fails(dv_storefmt_parse(HEAD "\0" TAIL,
				       sizeof(HEAD) + sizeof(TAIL) - 1, &f,
				       &err), DV_ECORRUPT);
	memset(big, '\n', DV_STOREFMT_MAX + 2);
	memcpy(big, HEAD TAIL, strlen(HEAD TAIL));
	assert_ok(dv_storefmt_parse(big, DV_STOREFMT_MAX, &f, &err));
	assert_fails(dv_storefmt_parse(big, DV_STOREFMT_MAX + 1, &f, &err),
		     DV_ECORRUPT);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(text_is_as_documented),
		cmocka_unit_test(features_are_named),
		cmocka_unit_test(unknown_lines_pass),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
