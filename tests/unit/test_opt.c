#include "testlib.h"

#include <fcntl.h>

#include "base/opt.h"

static int flag, flag2, count, set, number;
static const char *str, *optstr;
static struct dv_strs list;
static uint64_t size;

static const struct dv_opt opts[] = {
	{ DV_OPT_FLAG, 'f', "flag", &flag, NULL, "a flag", 0 },
	{ DV_OPT_FLAG, 0, "flame", &flag2, NULL, "another", 0 },
	{ DV_OPT_COUNT, 'v', "verbose", &count, NULL, "more", 0 },
	{ DV_OPT_SET, 'q', "quiet", &set, NULL, "less", 42 },
	{ DV_OPT_STR, 's', "string", &str, "text", "a text", 0 },
	{ DV_OPT_LIST, 'l', "list", &list, "item", "items", 0 },
	{ DV_OPT_INT, 'n', "number", &number, "n", "a number", 0 },
	{ DV_OPT_SIZE, 'b', "bytes", &size, "size", "a size", 0 },
	{ DV_OPT_OPTSTR, 0, "opt", &optstr, "how", "perhaps", 0 },
	{ DV_OPT_FLAG, 0, "hidden", &flag2, NULL, NULL, 0 },
	{ DV_OPT_END, 0, NULL, NULL, NULL, NULL, 0 },
};
static const struct dv_opt_cmd cmd = {
	.name = "git dv test", .man = "git-dv-test-none",
	.usage = "[<options>] <path>...\n--other",
};

static char **args;
static int nargs, dashdash;

static int setup(void **state)
{
	(void)state;
	flag = flag2 = count = set = number = 0;
	str = optstr = NULL;
	size = 0;
	dv_strs_release(&list);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dv_strs_release(&list);
	free(args);
	args = NULL;
	return 0;
}

/* Usage errors print to stderr; a test's output stays clean without them. */
static int parse_v(const char *const *v)
{
	int keep[2], null = open("/dev/null", O_WRONLY), rc;

	for (nargs = 0; v[nargs];)
		nargs++;
	free(args);
	args = test_alloc(((size_t)nargs + 1) * sizeof(*args));
	memcpy(args, v, ((size_t)nargs + 1) * sizeof(*args));
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		keep[i] = dup(i + 1);
		dup2(null, i + 1);
	}
	rc = dv_opt_parse(&cmd, opts, nargs, args, &dashdash);
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		dup2(keep[i], i + 1);
		close(keep[i]);
	}
	close(null);
	return rc;
}

#define PARSE(...) parse_v((const char *const[]){ "x", __VA_ARGS__, NULL })

static void every_type(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--flag", "-vv", "--verbose", "-q", "--string",
			       "a b", "-lone", "-l", "two", "--list=three",
			       "-n7", "--bytes", "2k"), 0);
	assert_int_equal(flag, 1);
	assert_int_equal(count, 3);
	assert_int_equal(set, 42);
	assert_string_equal(str, "a b");
	assert_int_equal(list.n, 3);
	assert_string_equal(list.v[2], "three");
	assert_int_equal(number, 7);
	assert_int_equal(size, 2048);
	assert_int_equal(dashdash, -1);
	assert_int_equal(PARSE("--no-flag", "--string=", "-vfs", "-x"), 0);
	assert_int_equal(flag, 1);	/* -f came later */
	assert_string_equal(str, "-x");
	assert_int_equal(PARSE("-f", "--no-flag"), 0);
	assert_int_equal(flag, 0);
}

static void optional_value(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--opt", "path"), 1);
	assert_string_equal(optstr, "");
	assert_string_equal(args[0], "path");
	assert_int_equal(PARSE("--opt=how"), 0);
	assert_string_equal(optstr, "how");
}

static void operands_move_to_the_front(void **state)
{
	(void)state;
	assert_int_equal(PARSE("a", "-f", "b", "-", "--string", "s", "--",
			       "-v", "--", "c"), 6);
	assert_string_equal(args[0], "a");
	assert_string_equal(args[1], "b");
	assert_string_equal(args[2], "-");
	assert_string_equal(args[3], "-v");
	assert_string_equal(args[4], "--");
	assert_string_equal(args[5], "c");
	assert_int_equal(dashdash, 3);
	assert_int_equal(count, 0);
	assert_int_equal(PARSE("--"), 0);
	assert_int_equal(dashdash, 0);
}

static void prefixes_as_git_has_them(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--verb", "--str=x"), 0);
	assert_int_equal(count, 1);
	assert_string_equal(str, "x");
	assert_int_equal(PARSE("--fla"), -2);	/* flag or flame */
	assert_int_equal(PARSE("--flam"), 0);
	assert_int_equal(flag2, 1);
}

static void usage_errors(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--none"), -2);
	assert_int_equal(PARSE("-x"), -2);
	assert_int_equal(PARSE("-fx"), -2);
	assert_int_equal(PARSE("--string"), -2);
	assert_int_equal(PARSE("-s"), -2);
	assert_int_equal(PARSE("--flag=1"), -2);
	assert_int_equal(PARSE("--number", "x"), -2);
	assert_int_equal(PARSE("--number=-1"), -2);
	assert_int_equal(PARSE("--number=2147483648"), -2);
	assert_int_equal(PARSE("--bytes=1x"), -2);
	assert_int_equal(PARSE("--no-verbose"), -2);
	assert_int_equal(PARSE("--=x"), -2);
	assert_int_equal(PARSE("-h"), -1);
	assert_int_equal(PARSE("--git-completion-helper"), -1);
}

static void sizes(void **state)
{
	static const struct {
		const char *s;
		uint64_t v;
	} good[] = {
		{ "0", 0 }, { "10", 10 }, { "1k", 1024 }, { "1K", 1024 },
		{ "3M", 3 << 20 }, { "2g", 2ULL << 30 }, { "1T", 1ULL << 40 },
		{ "5MiB", 5 << 20 }, { "5MB", 5 << 20 }, { "5mb", 5 << 20 },
		{ "18446744073709551615", UINT64_MAX },
		{ "16777215T", 16777215ULL << 40 }, { "007", 7 },
	};
	static const char *const bad[] = {
		"", "k", "-1", "+1", " 1", "1 k", "1kk", "1kiBx", "1x", "0x10",
		"18446744073709551616", "16777216T", "99999999999999999999",
		"1.5M", "1KI", "1\x0b",
	};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(good); i++) {
		v = 1;
		assert_int_equal(dv_size_parse(good[i].s, &v), 0);
		assert_true(v == good[i].v);
	}
	for (size_t i = 0; i < DV_ARRAY_SIZE(bad); i++)
		if (dv_size_parse(bad[i], &v) != -1)
			fail_msg("'%s' was taken as a size", bad[i]);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(every_type),
		T(optional_value),
		T(operands_move_to_the_front),
		T(prefixes_as_git_has_them),
		T(usage_errors),
		T(sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
