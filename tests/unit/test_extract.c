#include "storelib.h"

#define FILES 12

struct got {
	int fd, calls, status;
};

static void done(void *arg, void *cookie, int fd, const struct dv_err *err)
{
	struct got *g = cookie;
	int *total = arg;

	g->fd = fd;
	g->calls++;
	g->status = err ? err->status : 0;
	++*total;
}

static int scratch(struct env *e)
{
	char *path = env_path(e, "tmp/XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	free(path);
	return fd;
}

static void assert_file(int fd, const uint8_t *p, size_t n)
{
	uint8_t *b = test_alloc(n + 1);

	assert_int_equal(dv_pread_full(fd, b, n + 1, 0), n);
	assert_memory_equal(b, p, n);
	free(b);
}

static void many_files(void **state)
{
	static const size_t sizes[FILES] = { 1, 6, 40000, 262144, 262145,
		1 << 20, 3 << 20, 100, 5 << 20, 700000, 2, 9 << 20 };
	struct env *e = *state;
	uint8_t *b = test_alloc(9 << 20);
	struct dv_oid oid[FILES];
	struct got got[FILES] = { { 0, 0, 0 } };
	struct dv_progress progress = { 0 };
	struct dv_extract *ex;
	struct dv_err err = { 0 };
	uint64_t sum = 0;
	int total = 0;

	for (int i = 0; i < FILES; i++) {
		test_noise(b, sizes[i], (uint64_t)i);
		oid[i] = store_bytes(e, b, sizes[i], NULL);
		sum += sizes[i];
	}
	env_reopen(e);
	assert_ok(dv_extract_open(&ex, &e->s, e->pool, done, &total, &progress,
				  &err));
	for (int i = 0; i < FILES; i++)
		assert_ok(dv_extract_add(ex, &oid[i], scratch(e), &got[i],
					 &err));
	dv_extract_finish(ex);
	assert_int_equal(total, FILES);
	assert_true(progress.done == sum);
	for (int i = 0; i < FILES; i++) {
		assert_int_equal(got[i].calls, 1);
		assert_int_equal(got[i].status, 0);
		test_noise(b, sizes[i], (uint64_t)i);
		assert_file(got[i].fd, b, sizes[i]);
		close(got[i].fd);
	}
	/* It can be used again, also with files that wait at its close. */
	got[8].calls = 0;
	assert_ok(dv_extract_add(ex, &oid[8], scratch(e), &got[8], &err));
	dv_extract_close(ex);
	assert_int_equal(got[8].calls, 1);
	test_noise(b, sizes[8], 8);
	assert_file(got[8].fd, b, sizes[8]);
	close(got[8].fd);
	dv_extract_close(NULL);
	free(b);
}

/* One file's trouble stays its own. */
static void errors_stay_with_their_file(void **state)
{
	struct env *e = *state;
	size_t n = 3 << 20;
	uint8_t *b = test_alloc(n);
	struct dv_oid good, bad, absent = { .scheme = DV_SCHEME_DV1,
					    .size = 50000 };
	struct got got[5] = { { 0, 0, 0 } };
	struct dv_extract *ex;
	struct dv_err err = { 0 };
	struct dv_loc loc;
	struct dv_id id;
	char *path;
	int total = 0, ro;

	test_noise(b, n, 1);
	good = store_bytes(e, b, n, NULL);
	test_noise(b, n, 2);
	bad = store_bytes(e, b, n, NULL);
	dv_sha256_of(e->c.sha, b, dv_chunk_cut(b, n), &id);
	assert_true(dv_store_locate(&e->s, DV_KIND_CHUNK, &id, &loc));
	path = dv_pack_path(&e->s.set, loc.pack);
	damage(path, loc.row.off + 100);
	assert_ok(dv_extract_open(&ex, &e->s, e->pool, done, &total, NULL,
				  &err));
	ro = open("/dev/null", O_RDONLY);
	assert_ok(dv_extract_add(ex, &bad, scratch(e), &got[0], &err));
	assert_ok(dv_extract_add(ex, &good, scratch(e), &got[1], &err));
	assert_ok(dv_extract_add(ex, &absent, scratch(e), &got[2], &err));
	assert_ok(dv_extract_add(ex, &good, ro, &got[3], &err));
	assert_ok(dv_extract_add(ex, &good, scratch(e), &got[4], &err));
	dv_extract_finish(ex);
	dv_extract_close(ex);
	assert_int_equal(total, 5);
	assert_int_equal(got[0].status, DV_ECORRUPT);
	assert_int_equal(got[1].status, 0);
	assert_int_equal(got[2].status, DV_ENOTFOUND);
	assert_int_equal(got[3].status, DV_EIO);
	assert_int_equal(got[4].status, 0);
	test_noise(b, n, 1);
	assert_file(got[1].fd, b, n);
	assert_file(got[4].fd, b, n);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(got[i].calls, 1);
		close(got[i].fd);
	}
	free(path);
	free(b);
}

/* More packs than descriptors are kept open, read from several threads. */
static void many_packs(void **state)
{
	struct env *e = *state;
	size_t n = 13 << 20, at, len, count = 0;
	uint8_t *b = test_alloc(n);
	struct got got[3] = { { 0, 0, 0 } };
	struct dv_extract *ex;
	struct dv_err err = { 0 };
	struct dv_oid oid;
	int total = 0;

	test_noise(b, n, 9);
	for (at = 0; at < n; at += len) {	/* a pack for each chunk */
		struct dv_txn t = { 0 };
		struct dv_id id;

		len = dv_chunk_cut(b + at, n - at);
		dv_sha256_of(e->c.sha, b + at, len, &id);
		assert_ok(dv_txn_begin(&t, &e->s, 0, &err));
		assert_ok(dv_txn_put(&t, &e->c, DV_KIND_CHUNK, &id, b + at,
				     len, &err));
		assert_ok(dv_txn_commit(&t, &err));
		dv_txn_end(&t);
		count++;
	}
	oid = store_bytes(e, b, n, NULL);
	assert_true(count > 140);
	assert_int_equal(env_count(e, "packs"), count + 1);
	env_reopen(e);
	assert_ok(dv_extract_open(&ex, &e->s, e->pool, done, &total, NULL,
				  &err));
	for (int i = 0; i < 3; i++)
		assert_ok(dv_extract_add(ex, &oid, scratch(e), &got[i], &err));
	dv_extract_close(ex);
	assert_true(e->s.set.open_fds <= 140);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(got[i].status, 0);
		assert_file(got[i].fd, b, n);
		close(got[i].fd);
	}
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STORE(many_files),
		IN_STORE(errors_stay_with_their_file),
		IN_STORE(many_packs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
