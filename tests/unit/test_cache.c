#include "testlib.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "repo/cache.h"

static struct dv_oid oid_of(uint64_t i)
{
	struct dv_oid oid = { .scheme = 1 + (i & 1), .size = 1000 + i };

	test_noise(oid.id.b, sizeof(oid.id.b), i);
	return oid;
}

static struct dv_stat_entry entry_of(uint64_t i)
{
	struct dv_stat_entry e = { .dev = i + 1, .ino = ~i, .size = i << 40,
		.mtime_s = -(int64_t)i, .ctime_s = (int64_t)i << 33,
		.mtime_ns = 999999999, .ctime_ns = (uint32_t)i, .when_s = 77,
		.has_digest = i & 1, .oid = oid_of(i) };

	test_noise(e.digest, sizeof(e.digest), i);
	return e;
}

static void assert_entry(struct dv_cache *c, const char *path, uint64_t i)
{
	struct dv_stat_entry e, want = entry_of(i);

	memset(&e, 0xee, sizeof(e));
	assert_int_equal(dv_cache_stat_get(c, path, &e), 1);
	assert_true(e.dev == want.dev && e.ino == want.ino &&
		    e.size == want.size && e.mtime_s == want.mtime_s &&
		    e.ctime_s == want.ctime_s && e.mtime_ns == want.mtime_ns &&
		    e.ctime_ns == want.ctime_ns && e.when_s == want.when_s &&
		    e.has_digest == want.has_digest);
	assert_memory_equal(e.digest, want.digest, sizeof(e.digest));
	assert_true(dv_oid_eq(&e.oid, &want.oid));
	assert_int_equal(e.oid.size, want.oid.size);
}

static struct dv_cache *open_cache(const char *dir)
{
	struct dv_cache *c = dv_cache_open(dir, "/some/tree/.git");

	assert_non_null(c);
	return c;
}

static void stat_table(void **state)
{
	struct dv_cache *c = open_cache(*state), *other;
	struct dv_stat_entry e = entry_of(1);
	uint64_t seed = dv_cache_seed(c);
	char *away = dv_fmt("%s/away", (char *)*state);

	assert_int_equal(dv_cache_stat_get(c, "a", &e), 0);
	for (uint64_t i = 0; i < 500; i++) {
		char path[32];

		e = entry_of(i);
		snprintf(path, sizeof(path), "dir/%d", (int)i);
		dv_cache_stat_put(c, path, &e);
	}
	dv_cache_close(c);
	c = open_cache(*state);
	assert_true(dv_cache_seed(c) == seed);
	for (uint64_t i = 0; i < 500; i++) {
		char path[32];

		snprintf(path, sizeof(path), "dir/%d", (int)i);
		assert_entry(c, path, i);
	}
	assert_int_equal(dv_cache_stat_get(c, "dir/500", &e), 0);
	/* The later one counts. */
	e = entry_of(900);
	dv_cache_stat_put(c, "dir/7", &e);
	dv_cache_flush(c);
	assert_entry(c, "dir/7", 900);
	dv_cache_close(c);
	/* Another worktree of the clone has paths of its own. */
	other = dv_cache_open(*state, "/some/other/.git");
	assert_non_null(other);
	assert_int_equal(dv_cache_stat_get(other, "dir/7", &e), 0);
	e = entry_of(901);
	dv_cache_stat_put(other, "dir/7", &e);
	dv_cache_close(other);
	c = open_cache(*state);
	assert_entry(c, "dir/7", 900);
	dv_cache_close(c);
	/* Another clone has another seed. */
	assert_int_equal(mkdir(away, 0777), 0);
	c = open_cache(away);
	assert_true(dv_cache_seed(c) != seed);
	dv_cache_close(c);
	free(away);
}

static void blob_table(void **state)
{
	struct dv_cache *c = open_cache(*state);
	struct dv_oid oid = oid_of(5), got;
	uint8_t sha1[20], sha256[32];

	test_noise(sha1, sizeof(sha1), 1);
	test_noise(sha256, sizeof(sha256), 1);
	assert_int_equal(dv_cache_blob_get(c, sha1, 20, &got), -1);
	dv_cache_blob_put(c, sha1, 20, &oid);
	dv_cache_blob_put(c, sha256, 32, NULL);
	dv_cache_flush(c);
	for (int pass = 0; pass < 2; pass++) {
		assert_int_equal(dv_cache_blob_get(c, sha1, 20, &got), 1);
		assert_true(dv_oid_eq(&got, &oid));
		assert_int_equal(got.size, oid.size);
		assert_int_equal(dv_cache_blob_get(c, sha256, 32, &got), 0);
		sha1[0]++;
		assert_int_equal(dv_cache_blob_get(c, sha1, 20, &got), -1);
		sha1[0]--;
		dv_cache_close(c);
		c = open_cache(*state);
	}
	dv_cache_close(c);
}

static void pushed_table(void **state)
{
	static const char a[] = "0123456789abcdef0123456789abcdef";
	static const char b[] = "0123456789abcdef0123456789abcdee";
	struct dv_cache *c = open_cache(*state);
	struct dv_oid one = oid_of(1), two = oid_of(2), twin = one;
	uint8_t blob[20] = { 1 };
	struct dv_stat_entry e = entry_of(3);

	twin.scheme = 3 - one.scheme;
	assert_int_equal(dv_cache_pushed_get(c, a, &one), 0);
	dv_cache_pushed_put(c, a, &one);
	dv_cache_blob_put(c, blob, 20, &one);
	dv_cache_stat_put(c, "p", &e);
	dv_cache_close(c);
	c = open_cache(*state);
	assert_int_equal(dv_cache_pushed_get(c, a, &one), 1);
	assert_int_equal(dv_cache_pushed_get(c, b, &one), 0);
	assert_int_equal(dv_cache_pushed_get(c, a, &two), 0);
	assert_int_equal(dv_cache_pushed_get(c, a, &twin), 0);
	/* Forgetting drops what waits too, and nothing else. */
	dv_cache_pushed_put(c, b, &two);
	dv_cache_pushed_forget(c);
	assert_int_equal(dv_cache_pushed_get(c, a, &one), 0);
	assert_int_equal(dv_cache_pushed_get(c, b, &two), 0);
	assert_int_equal(dv_cache_blob_get(c, blob, 20, &two), 1);
	assert_entry(c, "p", 3);
	dv_cache_close(c);
	c = open_cache(*state);
	assert_int_equal(dv_cache_pushed_get(c, a, &one), 0);
	dv_cache_close(c);
}

static void text_table(void **state)
{
	struct dv_cache *c = open_cache(*state);
	struct dv_buf text = { 0 }, got = { 0 };
	struct dv_err err = { 0 };
	struct dv_id key = { { 1, 2, 3 } };

	assert_int_equal(dv_cache_text_get(c, &key, &got), 0);
	assert_ok(dv_buf_add(&text, "a\0b\n", 4, &err));
	assert_ok(dv_buf_addstr(&got, ">", &err));
	dv_cache_text_put(c, &key, &text);
	dv_cache_close(c);
	c = open_cache(*state);
	assert_int_equal(dv_cache_text_get(c, &key, &got), 1);
	assert_int_equal(got.n, 5);
	assert_memory_equal(got.p, ">a\0b\n", 5);
	dv_cache_close(c);
	dv_buf_release(&text);
	dv_buf_release(&got);
}

/* An entry counts only once its times are two seconds old. */
static void racy(void **state)
{
	struct stat st = { .st_dev = 1, .st_ino = 2, .st_size = 3,
			   .st_mtim = { 1000, 5 }, .st_ctim = { 1001, 6 } };
	struct dv_stat_entry e;
	struct stat x;

	(void)state;
	dv_stat_entry_fill(&e, &st);
	assert_true(e.when_s > 1700000000);
	e.when_s = 1004;
	assert_int_equal(dv_stat_entry_fits(&e, &st), 1);
	e.when_s = 1001;
	assert_int_equal(dv_stat_entry_fits(&e, &st), 0);
	e.when_s = 1002;
	assert_int_equal(dv_stat_entry_fits(&e, &st), 0);
	e.when_s = 1004;
#define OTHER(field) do { \
	x = st; \
	x.field++; \
	assert_int_equal(dv_stat_entry_fits(&e, &x), 0); \
} while (0)
	OTHER(st_dev);
	OTHER(st_ino);
	OTHER(st_size);
	OTHER(st_mtim.tv_sec);
	OTHER(st_mtim.tv_nsec);
	OTHER(st_ctim.tv_sec);
	OTHER(st_ctim.tv_nsec);
#undef OTHER
	st.st_mtim.tv_sec = 5000;	/* in the future of the entry */
	e.mtime_s = 5000;
	assert_int_equal(dv_stat_entry_fits(&e, &st), 0);
}

static void use_all(struct dv_cache *c)
{
	struct dv_stat_entry e = entry_of(1);
	struct dv_oid oid = oid_of(1);
	struct dv_buf text = { 0 };
	struct dv_id key = { { 0 } };
	uint8_t blob[20] = { 0 };

	dv_cache_stat_put(c, "p", &e);
	dv_cache_blob_put(c, blob, 20, &oid);
	dv_cache_pushed_put(c, "0123456789abcdef0123456789abcdef", &oid);
	dv_cache_text_put(c, &key, &text);
	dv_cache_flush(c);
	dv_cache_stat_get(c, "p", &e);
	dv_cache_blob_get(c, blob, 20, &oid);
	dv_cache_pushed_get(c, "0123456789abcdef0123456789abcdef", &oid);
	dv_cache_text_get(c, &key, &text);
	dv_cache_pushed_forget(c);
	dv_buf_release(&text);
}

/* A cache that cannot be had knows nothing and fails nobody. */
static void unusable(void **state)
{
	char *dv = dv_fmt("%s/dv", (char *)*state);
	char *cache = dv_fmt("%s/dv/cache", (char *)*state);
	char *data = dv_fmt("%s/dv/cache/data.mdb", (char *)*state);
	struct dv_err err = { 0 };
	struct dv_stat_entry e;
	struct dv_oid oid;
	uint8_t blob[20] = { 0 }, noise[20000];
	struct dv_cache *c;
	char *path;

	assert_null(dv_cache_open("/proc/no/such/folder", "x"));
	/* Nothing is begun where the repository is gone. */
	path = dv_fmt("%s/gone", (char *)*state);
	assert_null(dv_cache_open(path, "x"));
	assert_false(dv_file_exists(path));
	free(path);
	assert_ok(dv_file_write(dv, "", 0, 0644, 0, &err));
	assert_null(dv_cache_open(*state, "x"));
	assert_int_equal(unlink(dv), 0);
	assert_int_equal(mkdir(dv, 0777), 0);
	assert_ok(dv_file_write(cache, "", 0, 0644, 0, &err));
	assert_null(dv_cache_open(*state, "x"));
	assert_int_equal(unlink(cache), 0);
	assert_int_equal(mkdir(cache, 0777), 0);
	test_noise(noise, sizeof(noise), 1);
	/* Noise in its place is thrown away: it is only a cache. */
	assert_ok(dv_file_write(data, noise, sizeof(noise), 0644, 0, &err));
	c = open_cache(*state);
	use_all(c);
	dv_cache_close(c);
	/* NULL is such a cache. */
	use_all(NULL);
	dv_cache_close(NULL);
	assert_int_equal(dv_cache_stat_get(NULL, "p", &e), 0);
	assert_int_equal(dv_cache_blob_get(NULL, blob, 20, &oid), -1);
	assert_true(dv_cache_seed(NULL) == 0);
	/* Removing it is the way out. */
	assert_ok(dv_dir_remove(cache, &err));
	c = open_cache(*state);
	use_all(c);
	dv_cache_close(c);
	free(dv);
	free(cache);
	free(data);
}

/* A file system that lost the end of the file must not end the process. */
static void cut_off(void **state)
{
	char *data = dv_fmt("%s/dv/cache/data.mdb", (char *)*state);
	struct dv_err err = { 0 };
	struct dv_buf was = { 0 };
	struct dv_cache *c = open_cache(*state);
	int status;

	for (uint64_t i = 0; i < 3000; i++) {
		struct dv_stat_entry e = entry_of(i);
		char path[32];

		snprintf(path, sizeof(path), "%d", (int)i);
		dv_cache_stat_put(c, path, &e);
	}
	dv_cache_close(c);
	assert_ok(dv_file_read(data, &was, 64u << 20, &err));
	for (size_t n = 0; n < was.n; n += was.n / 9) {
		pid_t pid;

		assert_ok(dv_file_write(data, was.p, n & ~(size_t)4095, 0644,
					0, &err));
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			/* At the latest the second time there is one. */
			for (int i = 0; i < 2; i++) {
				c = dv_cache_open(*state, "x");
				use_all(c);
				dv_cache_close(c);
			}
			_exit(!c);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	dv_buf_release(&was);
	free(data);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/*
 * Bits flip anywhere: a value is right or not there, and a process that LMDB
 * leads astray takes the cache along, so that the next one is well.
 */
static void flipped_bits(void **state)
{
	char *data = dv_fmt("%s/dv/cache/data.mdb", (char *)*state);
	struct dv_err err = { 0 };
	struct dv_buf was = { 0 };
	struct dv_cache *c = open_cache(*state);
	uint64_t seed = 7;
	int wrong = 0;

	for (uint64_t i = 0; i < 3000; i++) {
		struct dv_stat_entry e = entry_of(i);
		char path[32];

		snprintf(path, sizeof(path), "%d", (int)i);
		dv_cache_stat_put(c, path, &e);
	}
	dv_cache_close(c);
	assert_ok(dv_file_read(data, &was, 64u << 20, &err));
	for (int round = 0; round < 40; round++) {
		struct dv_buf b = { 0 };
		int died = 0, status;

		assert_ok(dv_buf_add(&b, was.p, was.n, &err));
		for (int i = 0; i < 200; i++)
			b.p[test_rand(&seed) % b.n] ^=
				(uint8_t)(1 << test_rand(&seed) % 8);
		assert_ok(dv_file_write(data, b.p, b.n, 0644, 0, &err));
		dv_buf_release(&b);
		for (int try = 0; try < 2; try++) {
			pid_t pid = fork();

			assert_true(pid >= 0);
			if (!pid) {
				/* cmocka catches what is to be caught. */
				signal(SIGSEGV, SIG_DFL);
				signal(SIGBUS, SIG_DFL);
				signal(SIGFPE, SIG_DFL);
				signal(SIGABRT, SIG_DFL);
				c = dv_cache_open(*state, "x");
				for (uint64_t i = 0; i < 3000; i++) {
					struct dv_stat_entry e, want;
					char path[32];

					snprintf(path, sizeof(path), "%d",
						 (int)i);
					want = entry_of(i);
					if (dv_cache_stat_get(c, path, &e) &&
					    (e.size != want.size ||
					     !dv_oid_eq(&e.oid, &want.oid)))
						_exit(3);
				}
				use_all(c);
				dv_cache_close(c);
				_exit(0);
			}
			assert_int_equal(waitpid(pid, &status, 0), pid);
			if (WIFSIGNALED(status)) {
				assert_int_equal(died++, 0);
				assert_false(dv_file_exists(data));
			} else {
				wrong |= WEXITSTATUS(status);
			}
		}
	}
	assert_int_equal(wrong, 0);
	dv_buf_release(&was);
	free(data);
}
#endif

/* Writers at once, each in a process of its own. */
static void several_writers(void **state)
{
	enum { N = 6, EACH = 200 };
	struct dv_cache *c = NULL;
	pid_t pid[N];
	int status;

	for (int i = 0; i < N; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (pid[i])
			continue;
		for (int k = 0; k < EACH; k++) {
			struct dv_stat_entry e =
				entry_of((uint64_t)(i * EACH + k));
			char path[32];

			c = k % 50 ? c : dv_cache_open(*state,
						"/some/tree/.git");
			if (!c)
				_exit(1);
			snprintf(path, sizeof(path), "%d/%d", i, k);
			dv_cache_stat_put(c, path, &e);
			if (k % 50 == 49)
				dv_cache_close(c);
		}
		_exit(0);
	}
	for (int i = 0; i < N; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	c = open_cache(*state);
	for (int i = 0; i < N * EACH; i++) {
		char path[32];

		snprintf(path, sizeof(path), "%d/%d", i / EACH, i % EACH);
		assert_entry(c, path, (uint64_t)i);
	}
	dv_cache_close(c);
}

int main(void)
{
#define IN_DIR(t) \
	cmocka_unit_test_setup_teardown(t, test_dir_setup, test_dir_teardown)
	const struct CMUnitTest tests[] = {
		IN_DIR(stat_table),
		IN_DIR(blob_table),
		IN_DIR(pushed_table),
		IN_DIR(text_table),
		cmocka_unit_test(racy),
		IN_DIR(unusable),
		IN_DIR(cut_off),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
		IN_DIR(flipped_bits),
#endif
		IN_DIR(several_writers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
