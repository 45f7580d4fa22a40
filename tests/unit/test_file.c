#include "testlib.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char *in(const char *dir, const char *name)
{
	char *p = dv_fmt("%s/%s", dir, name);

	assert_non_null(p);
	return p;
}

static size_t entries(const char *dir)
{
	struct dv_strs s = { 0 };
	struct dv_err err = { 0 };
	size_t n;

	assert_ok(dv_dir_list(dir, &s, &err));
	n = s.n;
	dv_strs_release(&s);
	return n;
}

static void write_replaces_whole(void **state)
{
	char *f = in(*state, "f");
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };
	struct stat st;

	assert_ok(dv_file_write(f, "one", 3, 0600, 0, &err));
	assert_ok(dv_file_write(f, "second", 6, 0444, DV_FILE_SYNC, &err));
	assert_ok(dv_file_read(f, &b, 6, &err));
	assert_string_equal(dv_buf_str(&b), "second");
	assert_int_equal(stat(f, &st), 0);
	assert_int_equal(st.st_mode & 0222, 0);
	assert_int_equal(entries(*state), 1);	/* no temporary is left */
	assert_fails(dv_file_read(f, &b, 5, &err), DV_EINVAL);
	assert_ok(dv_file_write(f, "", 0, 0600, 0, &err));
	assert_ok(dv_file_read(f, &b, 0, &err));
	assert_int_equal(b.n, 0);
	dv_buf_release(&b);
	free(f);
}

static void excl_keeps_the_first(void **state)
{
	char *f = in(*state, "f");
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };

	assert_ok(dv_file_write(f, "one", 3, 0600, DV_FILE_EXCL, &err));
	assert_fails(dv_file_write(f, "two", 3, 0600, DV_FILE_EXCL, &err),
		     DV_EEXIST);
	assert_ok(dv_file_read(f, &b, 100, &err));
	assert_string_equal(dv_buf_str(&b), "one");
	assert_int_equal(entries(*state), 1);
	dv_buf_release(&b);
	free(f);
}

static void only_regular_files_are_read(void **state)
{
	char *fifo = in(*state, "fifo"), *none = in(*state, "none");
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };

	assert_int_equal(mkfifo(fifo, 0600), 0);
	/* This must not wait for a writer. */
	assert_fails(dv_file_read(fifo, &b, 100, &err), DV_EINVAL);
	assert_fails(dv_file_read(*state, &b, 100, &err), DV_EINVAL);
	assert_fails(dv_file_read(none, &b, 100, &err), DV_ENOTFOUND);
	assert_non_null(strstr(err.msg, "none"));
	dv_buf_release(&b);
	free(fifo);
	free(none);
}

static void failed_write_leaves_nothing(void **state)
{
	char *sub = in(*state, "d"), *f = in(*state, "d/none/f");
	struct dv_err err = { 0 };

	assert_ok(dv_dir_make(sub, &err));
	assert_fails(dv_file_write(f, "x", 1, 0600, 0, &err), DV_ENOTFOUND);
	/* The target is a directory: the rename fails. */
	assert_true(dv_file_write(sub, "x", 1, 0600, 0, &err) < 0);
	assert_int_equal(entries(*state), 1);
	free(sub);
	free(f);
}

static void make_and_remove_trees(void **state)
{
	char *deep = in(*state, "a/b/c//d/"), *a = in(*state, "a");
	char *keep = in(*state, "keep"), *file = in(*state, "keep/file");
	char *link_in = in(*state, "a/b/link"), *x = in(*state, "a/b/x");
	struct dv_err err = { 0 };

	assert_ok(dv_dir_make(deep, &err));
	assert_ok(dv_dir_make(deep, &err));
	assert_true(dv_dir_exists(deep));
	assert_ok(dv_dir_make(keep, &err));
	assert_ok(dv_file_write(file, "x", 1, 0444, 0, &err));
	assert_ok(dv_file_write(x, "x", 1, 0444, 0, &err));
	assert_int_equal(symlink(keep, link_in), 0);
	assert_ok(dv_dir_remove(a, &err));
	assert_false(dv_file_exists(a));
	assert_true(dv_file_exists(file));	/* not through the symlink */
	assert_ok(dv_dir_remove(a, &err));	/* absence is fine */
	assert_fails(dv_dir_make("", &err), DV_ENOTFOUND);
	free(deep);
	free(a);
	free(keep);
	free(file);
	free(link_in);
	free(x);
}

/* The reason is mkdir's, not that of the look at what is in the way. */
static void make_reports_the_reason(void **state)
{
	char *dangling = in(*state, "dangling"), *f = in(*state, "f");
	char *below = in(*state, "f/sub"), *locked = in(*state, "locked");
	char *no = in(*state, "locked/no");
	struct dv_err err = { 0 };
	int st;
	pid_t pid;

	assert_int_equal(symlink("nowhere/at/all", dangling), 0);
	assert_fails(dv_dir_make(dangling, &err), DV_EEXIST);
	assert_ok(dv_file_write(f, "x", 1, 0600, 0, &err));
	assert_fails(dv_dir_make(f, &err), DV_EEXIST);
	assert_true(dv_dir_make(below, &err) < 0);

	assert_int_equal(mkdir(locked, 0555), 0);
	assert_int_equal(chmod(*state, 0755), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (!geteuid() && (setgid(65534) || setuid(65534)))
			_exit(0);	/* no way to be unprivileged here */
		_exit(dv_dir_make(no, NULL) == DV_EAUTH ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_true(WIFEXITED(st));
	assert_int_equal(WEXITSTATUS(st), 0);
	free(dangling);
	free(f);
	free(below);
	free(locked);
	free(no);
}

static void list_gives_names(void **state)
{
	char *none = in(*state, "none"), *h = in(*state, ".hidden");
	struct dv_strs s = { 0 };
	struct dv_err err = { 0 };

	assert_fails(dv_dir_list(none, &s, &err), DV_ENOTFOUND);
	assert_ok(dv_dir_list(*state, &s, &err));
	assert_int_equal(s.n, 0);
	assert_ok(dv_file_write(h, "", 0, 0600, 0, &err));
	assert_ok(dv_dir_list(*state, &s, &err));
	assert_int_equal(s.n, 1);
	assert_string_equal(s.v[0], ".hidden");
	assert_ok(dv_dir_sync(*state, &err));
	assert_fails(dv_dir_sync(none, &err), DV_ENOTFOUND);
	dv_strs_release(&s);
	free(none);
	free(h);
}

static void directory_part(void **state)
{
	static const char *const t[][2] = {
		{ "f", "." }, { "/f", "/" }, { "a/f", "a" },
		{ "/a/b/f", "/a/b" }, { "a/", "a" }, { "", "." },
	};

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(t); i++) {
		char *d = dv_path_dir(t[i][0]);

		assert_string_equal(d, t[i][1]);
		free(d);
	}
}

static void whole_reads_and_writes(void **state)
{
	char *f = in(*state, "f");
	uint8_t a[5000], b[6000];
	int p[2], fd = open(f, O_RDWR | O_CREAT, 0600);

	assert_true(fd >= 0);
	test_noise(a, sizeof(a), 1);
	assert_int_equal(dv_write_full(fd, a, sizeof(a)), 0);
	assert_int_equal(dv_pread_full(fd, b, sizeof(b), 0), sizeof(a));
	assert_memory_equal(a, b, sizeof(a));
	assert_int_equal(dv_pread_full(fd, b, 10, 4995), 5);
	assert_int_equal(dv_pread_full(fd, b, 10, 9999), 0);
	assert_int_equal(dv_pwrite_full(fd, "zz", 2, 100000), 0);
	assert_int_equal(dv_pread_full(fd, b, 3, 99999), 3);
	assert_memory_equal(b, "\0zz", 3);
	close(fd);
	errno = 0;
	assert_int_equal(dv_read_full(fd, b, 1), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(dv_write_full(p[1], "abc", 3), 0);
	assert_int_equal(dv_write_full(p[1], "def", 3), 0);
	close(p[1]);
	assert_int_equal(dv_read_full(p[0], b, 100), 6);
	assert_memory_equal(b, "abcdef", 6);
	close(p[0]);
	free(f);
}

static void random_bytes(void **state)
{
	char a[33], b[33];
	uint8_t big[1000] = { 0 };
	struct dv_err err = { 0 };
	int zeros = 0;

	(void)state;
	assert_ok(dv_random_name(a, &err));
	assert_ok(dv_random_name(b, &err));
	assert_int_equal(strlen(a), 32);
	assert_true(dv_hex_valid(a, 32));
	assert_string_not_equal(a, b);
	/* More than getentropy(3) gives at once. */
	assert_ok(dv_random(big, sizeof(big), &err));
	for (size_t i = 900; i < sizeof(big); i++)
		zeros += !big[i];
	assert_true(zeros < 50);
}

static void locks_belong_to_descriptors(void **state)
{
	char *f = in(*state, "lock");
	int a = open(f, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int b = open(f, O_RDWR | O_CLOEXEC), c = open(f, O_RDWR | O_CLOEXEC);
	struct dv_err err = { 0 };

	assert_true(a >= 0 && b >= 0 && c >= 0);
	assert_ok(dv_lock_fd(a, DV_LOCK_SHARED, 0, &err));
	assert_ok(dv_lock_fd(b, DV_LOCK_SHARED, 0, &err));
	assert_fails(dv_lock_fd(c, DV_LOCK_EXCL, 0, &err), DV_EAGAIN);
	assert_int_equal(dv_unlock_fd(a), 0);
	assert_fails(dv_lock_fd(c, DV_LOCK_EXCL, 0, &err), DV_EAGAIN);
	close(b);
	assert_ok(dv_lock_fd(c, DV_LOCK_EXCL, 0, &err));
	assert_fails(dv_lock_fd(a, DV_LOCK_SHARED, 0, &err), DV_EAGAIN);
	close(c);
	assert_ok(dv_lock_fd(a, DV_LOCK_SHARED, 1, &err));
	close(a);
	free(f);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void own_folders_decide_where_shared(void **state)
{
	char *dir = in(*state, "own"), *sub = in(*state, "own/a/b");
	char *f = in(*state, "own/a/f"), *g = in(*state, "owner");
	mode_t mask = umask(077);
	struct dv_err err = { 0 };

	assert_int_equal(mkdir(dir, 0755), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	dv_own_add(dir, 0);
	assert_ok(dv_file_write(g, "", 0, 0666, 0, &err));
	assert_ok(dv_dir_make(sub, &err));
	assert_int_equal(mode_of(sub), 0700);
	assert_ok(dv_dir_remove(sub, &err));
	assert_int_equal(chmod(dir, 02775), 0);
	assert_ok(dv_dir_make(sub, &err));
	assert_int_equal(mode_of(sub), 02775);
	assert_ok(dv_file_write(f, "", 0, 0666, 0, &err));
	assert_int_equal(mode_of(f), 0664);
	assert_ok(dv_file_write(f, "", 0, 0444, 0, &err));
	assert_int_equal(mode_of(f), 0444);
	assert_ok(dv_file_write(f, "", 0, 0777, 0, &err));
	assert_int_equal(mode_of(f), 0775);
	assert_ok(dv_file_write(f, "", 0, 0600, 0, &err));
	assert_int_equal(mode_of(f), 0600);
	/* Its name begins as that of the folder does. */
	assert_ok(dv_file_write(g, "", 0, 0666, 0, &err));
	assert_int_equal(mode_of(g), 0600);
	umask(mask);
	free(dir);
	free(sub);
	free(f);
	free(g);
}

static void own_shared_reads_what_git_reads(void **state)
{
	(void)state;
	assert_int_equal(dv_own_shared(NULL), 0);
	assert_int_equal(dv_own_shared("umask"), 0);
	assert_int_equal(dv_own_shared("false"), 0);
	assert_int_equal(dv_own_shared("0"), 0);
	assert_int_equal(dv_own_shared(""), 0660);
	assert_int_equal(dv_own_shared("True"), 0660);
	assert_int_equal(dv_own_shared("group"), 0660);
	assert_int_equal(dv_own_shared("1"), 0660);
	assert_int_equal(dv_own_shared("all"), 0664);
	assert_int_equal(dv_own_shared("world"), 0664);
	assert_int_equal(dv_own_shared("0640"), -0640);
	assert_int_equal(dv_own_shared("0777"), -0666);
	assert_int_equal(dv_own_shared("0444"), 0);
	assert_int_equal(dv_own_shared("0660x"), 0);
}

int main(void)
{
#define IN_DIR(t) \
	cmocka_unit_test_setup_teardown(t, test_dir_setup, test_dir_teardown)
	const struct CMUnitTest tests[] = {
		IN_DIR(write_replaces_whole),
		IN_DIR(excl_keeps_the_first),
		IN_DIR(only_regular_files_are_read),
		IN_DIR(failed_write_leaves_nothing),
		IN_DIR(make_and_remove_trees),
		IN_DIR(make_reports_the_reason),
		IN_DIR(list_gives_names),
		cmocka_unit_test(directory_part),
		IN_DIR(whole_reads_and_writes),
		cmocka_unit_test(random_bytes),
		IN_DIR(locks_belong_to_descriptors),
		IN_DIR(own_folders_decide_where_shared),
		cmocka_unit_test(own_shared_reads_what_git_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
