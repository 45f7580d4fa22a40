#include "gitlib.h"

#include "repo/attrs.h"

#define ATTRS ".gitattributes"

static const char *const odd_paths[] = {
	"plain.bin", "a/b/c.bin", "with space", " leading", "trailing ",
	"tab\there", "new\nline", "cr\rhere", "ends in cr\r", "quote\"d",
	"\"quoted\"", "back\\slash", "back\\\\slash", "trailing\\", "star*",
	"what?", "[a]", "[!a]", "br[acket", "#hash", "!bang", "-dash", "a/#b",
	"a/!b", "\xc3\xa4\xc3\xb6", "\xff\xfe", "\x01\x02\x7f", "{a,b}", "~",
	"$HOME", "a=b", "filter=dv", "[attr]x", "**", "a/**/b", "*.bin",
	"dir/ sp", "x\\ y", "\v\f",
};

#define N DV_ARRAY_SIZE(odd_paths)

/* Each literal path is what git then sees as tracked, and no other. */
static void literal_round_trip(void **state)
{
	struct dv_err err = { 0 };
	struct dv_strs paths = { 0 };
	uint8_t yes[N + 8];

	(void)state;
	must_sh("git init -q .");
	for (size_t i = 0; i < N; i++)
		assert_ok(dv_strs_add(&paths, odd_paths[i], &err));
	/* Names that a pattern taken for more than itself would match. */
	assert_ok(dv_strs_add(&paths, "starry", &err));
	assert_ok(dv_strs_add(&paths, "whatx", &err));
	assert_ok(dv_strs_add(&paths, "a", &err));
	assert_ok(dv_strs_add(&paths, "cr", &err));
	assert_ok(dv_strs_add(&paths, "sub/plain.bin", &err));
	assert_ok(dv_strs_add(&paths, "with", &err));
	for (size_t i = 0; i < N; i++) {
		struct dv_strs patterns = { 0 }, list = { 0 };
		struct dv_buf b = { 0 };
		size_t n;

		unlink(ATTRS);
		assert_ok(dv_attrs_literal(odd_paths[i], &b, &err));
		assert_ok(dv_strs_add(&patterns, dv_buf_str(&b), &err));
		assert_ok(dv_attrs_add(ATTRS, &patterns, &n, &err));
		assert_int_equal(n, 1);
		memset(yes, 9, sizeof(yes));
		assert_ok(dv_attrs_check(&paths, yes, &err));
		for (size_t k = 0; k < paths.n; k++) {
			if (yes[k] != (k == i))
				print_error("pattern '%s', path '%s': %d\n",
					    patterns.v[0], paths.v[k], yes[k]);
			assert_int_equal(yes[k], k == i);
		}
		/* And it is read back as it was given, so not added again. */
		assert_ok(dv_attrs_list(ATTRS, &list, &err));
		assert_int_equal(list.n, 1);
		assert_string_equal(list.v[0], patterns.v[0]);
		assert_ok(dv_attrs_add(ATTRS, &patterns, &n, &err));
		assert_int_equal(n, 0);
		assert_ok(dv_attrs_remove(ATTRS, &patterns, &n, &err));
		assert_int_equal(n, 1);
		dv_strs_release(&patterns);
		dv_strs_release(&list);
		dv_buf_release(&b);
	}
	dv_strs_release(&paths);
}

/* All attributes that a pattern gets, as git reads them. */
static void what_git_sees(void **state)
{
	struct dv_strs p = { 0 };
	struct dv_err err = { 0 };
	struct dv_buf out;
	size_t n;

	(void)state;
	must_sh("git init -q .");
	assert_ok(dv_strs_add(&p, "*.bin", &err));
	assert_ok(dv_strs_add(&p, "data dir/**", &err));
	assert_ok(dv_attrs_add(ATTRS, &p, &n, &err));
	assert_int_equal(n, 2);
	out = output_of("git check-attr -a x.bin 'data dir/y/z' x.txt");
	assert_string_equal(dv_buf_str(&out),
			    "x.bin: diff: dv\nx.bin: merge: dv\n"
			    "x.bin: text: unset\nx.bin: filter: dv\n"
			    "data dir/y/z: diff: dv\ndata dir/y/z: merge: dv\n"
			    "data dir/y/z: text: unset\n"
			    "data dir/y/z: filter: dv\n");
	dv_buf_release(&out);
	dv_strs_release(&p);
}

/* What others wrote stays, byte for byte. */
static void other_lines_stay(void **state)
{
	static const char before[] =
		"# a comment\n\n*.txt text\r\n  *.c  diff=cpp \n"
		"\"with space\" filter=dv diff=dv\n*.png filter=lfs -text\n"
		"[attr]binary -diff\n*.dat filter=dvx\n*.z filter=dv";
	struct dv_strs p = { 0 }, list = { 0 };
	struct dv_err err = { 0 };
	struct dv_buf b;
	size_t n;

	(void)state;
	write_file(ATTRS, before, strlen(before));
	assert_ok(dv_attrs_list(ATTRS, &list, &err));
	assert_int_equal(list.n, 2);
	assert_string_equal(list.v[0], "with space");
	assert_string_equal(list.v[1], "*.z");
	assert_ok(dv_strs_add(&p, "*.new", &err));
	assert_ok(dv_strs_add(&p, "*.z", &err));
	assert_ok(dv_strs_add(&p, "*.new", &err));
	assert_ok(dv_attrs_add(ATTRS, &p, &n, &err));
	assert_int_equal(n, 1);
	b = file_bytes(ATTRS);
	assert_memory_equal(b.p, before, strlen(before));
	assert_string_equal(dv_buf_str(&b) + strlen(before),
			    "\n*.new " DV_ATTRS "\n");
	dv_buf_release(&b);
	dv_strs_release(&p);
	assert_ok(dv_strs_add(&p, "*.new", &err));
	assert_ok(dv_attrs_remove(ATTRS, &p, &n, &err));
	assert_int_equal(n, 1);
	b = file_bytes(ATTRS);
	assert_int_equal(b.n, strlen(before) + 1);
	assert_memory_equal(b.p, before, strlen(before));
	dv_buf_release(&b);
	dv_strs_release(&p);
	/* Not ours, so not removed. */
	assert_ok(dv_strs_add(&p, "*.png", &err));
	assert_ok(dv_strs_add(&p, "*.dat", &err));
	assert_ok(dv_attrs_remove(ATTRS, &p, &n, &err));
	assert_int_equal(n, 0);
	dv_strs_release(&p);
	dv_strs_release(&list);
}

static void absent(void **state)
{
	struct dv_strs list = { 0 };
	struct dv_err err = { 0 };
	size_t n;

	(void)state;
	assert_ok(dv_attrs_list(ATTRS, &list, &err));
	assert_int_equal(list.n, 0);
	assert_ok(dv_attrs_add(ATTRS, &list, &n, &err));
	assert_int_equal(n, 0);
	assert_false(dv_file_exists(ATTRS));
	assert_ok(dv_attrs_remove(ATTRS, &list, &n, &err));
	assert_false(dv_file_exists(ATTRS));
}

/* Git's C-style quoting, as other tools write it. */
static void quoted_by_others(void **state)
{
	static const char text[] =
		"\"\\303\\244\" filter=dv\n\"a\\tb\\nc\" filter=dv\n"
		"\"q\\\"\\\\\" filter=dv\n\"cut\\\n\"open filter=dv\n"
		"\"\\30\" filter=dv\n";
	struct dv_strs list = { 0 };
	struct dv_err err = { 0 };

	(void)state;
	write_file(ATTRS, text, strlen(text));
	assert_ok(dv_attrs_list(ATTRS, &list, &err));
	assert_true(list.n >= 3);
	assert_string_equal(list.v[0], "\xc3\xa4");
	assert_string_equal(list.v[1], "a\tb\nc");
	assert_string_equal(list.v[2], "q\"\\");
	dv_strs_release(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_GIT(literal_round_trip),
		WITH_GIT(what_git_sees),
		WITH_GIT(other_lines_stay),
		WITH_GIT(absent),
		WITH_GIT(quoted_by_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
