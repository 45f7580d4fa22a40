#include "testlib.h"

#include <sys/stat.h>

#include "watch/changelog.h"

static char *in(void **state, const char *name)
{
	char *s = dv_fmt("%s/%s", (char *)*state, name);

	assert_non_null(s);
	return s;
}

static size_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (size_t)st.st_size;
}

static void lines_turn_over_and_none_is_cut(void **state)
{
	char *path = in(state, "log"), *old;
	struct dv_changelog l;
	struct dv_err err = { 0 };
	char line[32];
	int lines = 0;

	assert_ok(dv_changelog_open(&l, path, 0, 100, 3, &err));
	for (int i = 0; i < 40; i++) {
		int n = snprintf(line, sizeof(line), "line %04d\n", i);

		dv_changelog_add(&l, line, (size_t)n);
		dv_changelog_flush(&l, 0);
	}
	assert_ok(dv_changelog_close(&l, &err));
	/* Ten lines a file, the latest in the one without a number. */
	for (int i = 3; i >= 0; i--) {
		struct dv_buf b = { 0 };
		char name[16];

		snprintf(name, sizeof(name), i ? "log.%d" : "log", i);
		old = in(state, name);
		assert_ok(dv_file_read(old, &b, 1000, &err));
		assert_int_equal(b.n, 100);
		for (size_t at = 0; at < b.n; at += 10) {
			snprintf(line, sizeof(line), "line %04d\n", lines++);
			assert_memory_equal(b.p + at, line, 10);
		}
		dv_buf_release(&b);
		free(old);
	}
	old = in(state, "log.4");
	assert_false(dv_file_exists(old));
	free(old);
	free(path);
}

static void it_comes_back_when_removed(void **state)
{
	char *path = in(state, "log");
	struct dv_changelog l;
	struct dv_err err = { 0 };

	assert_ok(dv_changelog_open(&l, path, 0, 0, 3, &err));
	dv_changelog_add(&l, "one\n", 4);
	dv_changelog_flush(&l, 0);
	assert_int_equal(unlink(path), 0);
	dv_changelog_add(&l, "two\n", 4);
	assert_ok(dv_changelog_close(&l, &err));
	assert_int_equal(size_of(path), 4);
	free(path);
}

static void lines_wait_for_a_folder(void **state)
{
	char *dir = in(state, "dir"), *path = in(state, "dir/log");
	struct dv_changelog l;
	struct dv_err err = { 0 };

	assert_int_equal(mkdir(dir, 0777), 0);
	assert_ok(dv_changelog_open(&l, path, 0, 0, 3, &err));
	assert_ok(dv_dir_remove(dir, &err));
	dv_changelog_add(&l, "one\n", 4);
	dv_changelog_flush(&l, 0);
	assert_int_equal(l.failing, 1);
	assert_int_equal(l.held.n, 4);
	dv_changelog_add(&l, "two\n", 4);
	assert_int_equal(mkdir(dir, 0777), 0);
	dv_changelog_flush(&l, 1);
	assert_int_equal(l.failing, 0);
	assert_int_equal(size_of(path), 8);
	/* And are counted where they wait in vain. */
	assert_ok(dv_dir_remove(dir, &err));
	dv_changelog_add(&l, "three\n", 6);
	assert_fails(dv_changelog_close(&l, &err), DV_EIO);
	free(dir);
	free(path);
}

static void what_is_dropped_is_told(void **state)
{
	char *dir = in(state, "dir"), *path = in(state, "dir/log");
	static char line[1000];
	struct dv_changelog l;
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };

	memset(line, 'x', sizeof(line));
	line[999] = '\n';
	assert_int_equal(mkdir(dir, 0777), 0);
	assert_ok(dv_changelog_open(&l, path, 0, 0, 3, &err));
	assert_ok(dv_dir_remove(dir, &err));
	for (int i = 0; i < 10000; i++)
		dv_changelog_add(&l, line, sizeof(line));
	dv_changelog_flush(&l, 1);
	assert_true(l.held.n < 5000000);
	assert_true(l.lost > 0);
	assert_int_equal(mkdir(dir, 0777), 0);
	assert_ok(dv_changelog_close(&l, &err));
	assert_ok(dv_file_read(path, &b, 20000000, &err));
	assert_non_null(strstr(dv_buf_str(&b), "\"lost_records\":"));
	dv_buf_release(&b);
	free(dir);
	free(path);
}

static void a_link_is_not_followed(void **state)
{
	char *path = in(state, "log"), *other = in(state, "other");
	struct dv_changelog l;
	struct dv_err err = { 0 };

	assert_int_equal(symlink(other, path), 0);
	assert_int_not_equal(dv_changelog_open(&l, path, 0, 0, 3, &err), 0);
	assert_false(dv_file_exists(other));
	assert_ok(dv_changelog_open(&l, path, 1, 0, 3, &err));
	assert_ok(dv_changelog_close(&l, &err));
	assert_true(dv_file_exists(other));
	free(path);
	free(other);
}

#define T(f) cmocka_unit_test_setup_teardown(f, test_dir_setup, \
					     test_dir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(lines_turn_over_and_none_is_cut),
		T(it_comes_back_when_removed),
		T(lines_wait_for_a_folder),
		T(what_is_dropped_is_told),
		T(a_link_is_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
