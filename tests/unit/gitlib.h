/* Real git in a scratch repository; the tests need no identity but their own. */
#ifndef TESTS_UNIT_GITLIB_H
#define TESTS_UNIT_GITLIB_H

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "testlib.h"

/* A folder of its own for HOME, and the process works in <dir>/repo. */
static inline int git_setup(void **state)
{
	static const char *const drop[] = { "GIT_DIR", "GIT_WORK_TREE",
		"GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG",
		"GIT_CONFIG_GLOBAL", "GIT_CONFIG_PARAMETERS",
		"GIT_CONFIG_COUNT", "GIT_PREFIX", "XDG_CONFIG_HOME" };
	char *dir = test_dir_new(), *repo = dv_fmt("%s/repo", dir);

	for (size_t i = 0; i < DV_ARRAY_SIZE(drop); i++)
		unsetenv(drop[i]);
	setenv("HOME", dir, 1);
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	setenv("GIT_CEILING_DIRECTORIES", dir, 1);
	setenv("LC_ALL", "C", 1);
	setenv("GIT_AUTHOR_NAME", "a", 1);
	setenv("GIT_AUTHOR_EMAIL", "a@example.com", 1);
	setenv("GIT_COMMITTER_NAME", "a", 1);
	setenv("GIT_COMMITTER_EMAIL", "a@example.com", 1);
	assert_int_equal(mkdir(repo, 0777), 0);
	assert_int_equal(chdir(repo), 0);
	free(repo);
	*state = dir;
	return 0;
}

static inline int git_teardown(void **state)
{
	assert_int_equal(chdir("/"), 0);
	test_dir_free(*state);
	return 0;
}

#define WITH_GIT(t) cmocka_unit_test_setup_teardown(t, git_setup, git_teardown)

/* Exit code of a shell command. */
static inline int sh(const char *fmt, ...) DV_PRINTF(1, 2);
static inline int sh(const char *fmt, ...)
{
	char cmd[4096];
	va_list ap;
	int status;

	va_start(ap, fmt);
	assert_true(vsnprintf(cmd, sizeof(cmd), fmt, ap) < (int)sizeof(cmd));
	va_end(ap);
	status = system(cmd);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define must_sh(...) assert_int_equal(sh(__VA_ARGS__), 0)

/* What it prints. */
static inline struct dv_buf output_of(const char *cmd)
{
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };
	FILE *f = popen(cmd, "r");
	char part[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(part, 1, sizeof(part), f)))
		assert_ok(dv_buf_add(&b, part, n, &err));
	assert_int_equal(pclose(f), 0);
	return b;
}

static inline void write_file(const char *path, const void *p, size_t n)
{
	struct dv_err err = { 0 };

	assert_ok(dv_file_write(path, p, n, 0666, 0, &err));
}

static inline struct dv_buf file_bytes(const char *path)
{
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };

	assert_ok(dv_file_read(path, &b, 64u << 20, &err));
	return b;
}

#endif
