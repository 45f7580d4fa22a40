#include "testlib.h"

#include "codec/glob.h"

static const struct {
	const char *pattern, *path;
	int match;
} cases[] = {
	{ "*.bin", "a.bin", 1 }, { "*.bin", "d/e/a.bin", 1 },
	{ "*.bin", "a.bin.txt", 0 }, { "*.bin", ".bin", 1 },
	{ "*.bin", "x.bin/y", 1 },	/* a directory: all below it */
	{ "a", "a", 1 }, { "a", "b/a", 1 }, { "a", "ab", 0 },
	{ "a", "a/b/c", 1 }, { "a/", "x/a/b", 1 },
	{ "/a", "a", 1 }, { "/a", "b/a", 0 }, { "/a", "a/b", 1 },
	{ "a/b", "a/b", 1 }, { "a/b", "x/a/b", 0 }, { "a/b", "a/b/c", 1 },
	{ "a/*", "a/b", 1 }, { "a/*", "a/b/c", 1 }, { "a/*", "a", 0 },
	{ "a/*.x", "a/b/c.x", 0 }, { "a/*.x", "a/c.x", 1 },
	{ "a?c", "abc", 1 }, { "a?c", "a/c", 0 }, { "a?c", "ac", 0 },
	{ "**/a", "a", 1 }, { "**/a", "x/y/a", 1 }, { "**/a", "xa", 0 },
	{ "a/**", "a/b", 1 }, { "a/**", "a/b/c", 1 }, { "a/**", "a", 0 },
	{ "a/**/b", "a/b", 1 }, { "a/**/b", "a/x/b", 1 },
	{ "a/**/b", "a/x/y/b", 1 }, { "a/**/b", "a/xb", 0 },
	{ "a/**/b", "ab", 0 }, { "**", "x/y", 1 },
	/* Only as a whole component is `**` more than a `*`. */
	{ "/a**/b", "a1/b", 1 }, { "x/a**b", "x/ab", 1 },
	{ "x/a**b", "x/a/b", 0 }, { "x/**b", "x/y/b", 0 },
	{ "?**/b", "ab", 0 }, { "/a**", "a1", 1 },
	{ "[abc]", "b", 1 }, { "[abc]", "d", 0 }, { "[!abc]", "d", 1 },
	{ "[^abc]", "b", 0 }, { "[a-c]x", "bx", 1 }, { "[a-c]x", "dx", 0 },
	{ "[]]", "]", 1 }, { "[!]]", "]", 0 }, { "[!]]", "x", 1 },
	{ "[a-]", "-", 1 }, { "[\\]]", "]", 1 }, { "[!a]", "/", 0 },
	{ "x[!a]y", "x/y", 0 }, { "[a", "a", 0 }, { "[a", "[a", 0 },
	{ "[\xc3\xa4]", "a", 0 }, { "\xc3\xa4*", "\xc3\xa4x", 1 },
	{ "\\*", "*", 1 }, { "\\*", "a", 0 }, { "a\\?b", "a?b", 1 },
	{ "a\\?b", "axb", 0 }, { "*", "a/b", 1 }, { "", "a", 0 },
	{ "/", "a", 0 }, { "a*b*c", "aXbYc", 1 }, { "a*b*c", "aXbY", 0 },
	{ "*a*", "bab", 1 }, { "foo*", "foo", 1 },
};

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(cases); i++)
		if (dv_glob_path(cases[i].pattern, cases[i].path) !=
		    cases[i].match)
			fail_msg("'%s' on '%s' should be %d", cases[i].pattern,
				 cases[i].path, cases[i].match);
}

/* Patterns come from files that strangers write: the work is bounded. */
static void hostile_patterns_end(void **state)
{
	char pattern[2001], path[4001];

	(void)state;
	for (int i = 0; i < 2000; i += 2)
		memcpy(pattern + i, i % 200 ? "*a" : "**", 2);
	pattern[2000] = '\0';
	memset(path, 'a', 4000);
	path[4000] = '\0';
	for (int i = 50; i < 4000; i += 50)
		path[i] = '/';
	path[3999] = 'b';
	assert_within(dv_glob_path(pattern, path), 0, 1);
	assert_within(dv_glob_path("*a*a*a*a*a*a*a*a*a*a*a*a*a*b/x", path),
		      0, 1);
}

static void long_patterns_match_nothing(void **state)
{
	char *p = test_alloc(10000);

	(void)state;
	memset(p, 'a', 9999);
	p[9999] = '\0';
	assert_int_equal(dv_glob_path(p, p), 0);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(hostile_patterns_end),
		cmocka_unit_test(long_patterns_match_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
