/* A store of its own for each test, and content put in and read back. */
#ifndef TESTS_UNIT_STORELIB_H
#define TESTS_UNIT_STORELIB_H

#include <fcntl.h>
#include <sys/stat.h>

#include "testlib.h"

#include "codec/chunker.h"
#include "store/extract.h"
#include "store/ingest.h"
#include "store/maintain.h"

struct env {
	char *dir;
	struct dv_store s;
	struct dv_coder c;
	struct dv_pool *pool;
};

static inline int env_setup(void **state)
{
	struct env *e = calloc(1, sizeof(*e));
	struct dv_err err = { 0 };
	char *path;

	assert_non_null(e);
	e->dir = test_dir_new();
	path = dv_fmt("%s/dv", e->dir);
	assert_non_null(path);
	assert_ok(dv_store_open(&e->s, path, DV_STORE_CREATE, &err));
	assert_ok(dv_coder_init(&e->c, &err));
	assert_ok(dv_pool_open(&e->pool, 3, 8, &dv_coder_pool_ops, NULL,
			       &err));
	free(path);
	*state = e;
	return 0;
}

static inline int env_teardown(void **state)
{
	struct env *e = *state;

	dv_pool_close(e->pool);
	dv_coder_release(&e->c);
	dv_store_close(&e->s);
	test_dir_free(e->dir);
	free(e);
	return 0;
}

#define IN_STORE(t) cmocka_unit_test_setup_teardown(t, env_setup, env_teardown)

static inline char *env_path(struct env *e, const char *sub)
{
	char *p = dv_fmt("%s/dv/%s", e->dir, sub);

	assert_non_null(p);
	return p;
}

/* Close and open the store, as the next process would. */
static inline void env_reopen(struct env *e)
{
	struct dv_err err = { 0 };
	char *path = dv_fmt("%s/dv", e->dir);

	dv_store_close(&e->s);
	assert_ok(dv_store_open(&e->s, path, 0, &err));
	free(path);
}

/* Names of 32 hex digits in a folder of the store. */
static inline struct dv_strs env_names(struct env *e, const char *sub)
{
	struct dv_strs all = { 0 }, names = { 0 };
	struct dv_err err = { 0 };
	char *dir = env_path(e, sub);

	assert_ok(dv_dir_list(dir, &all, &err));
	for (size_t i = 0; i < all.n; i++)
		if (strlen(all.v[i]) == 32 && dv_hex_valid(all.v[i], 32))
			assert_ok(dv_strs_add(&names, all.v[i], &err));
	dv_strs_sort(&names);
	dv_strs_release(&all);
	free(dir);
	return names;
}

static inline size_t env_count(struct env *e, const char *sub)
{
	struct dv_strs names = env_names(e, sub);
	size_t n = names.n;

	dv_strs_release(&names);
	return n;
}

/* The path of the i-th of them. */
static inline char *env_file(struct env *e, const char *sub, size_t i)
{
	struct dv_strs names = env_names(e, sub);
	char *dir = env_path(e, sub), *p;

	assert_true(i < names.n);
	p = dv_fmt("%s/%s", dir, names.v[i]);
	assert_non_null(p);
	dv_strs_release(&names);
	free(dir);
	return p;
}

/* Chunk number i: `n` bytes that depend on i alone, and their id. */
static inline struct dv_id some_chunk(struct env *e, uint64_t i, uint8_t *p,
				      size_t n)
{
	struct dv_id id;

	if (i & 1)
		test_text(p, n, i);
	else
		test_noise(p, n, i);
	dv_put64(p, i);
	dv_sha256_of(e->c.sha, p, n, &id);
	return id;
}

#define SOME 3000

static inline struct dv_id put_some(struct env *e, struct dv_txn *t, uint64_t i)
{
	struct dv_err err = { 0 };
	uint8_t b[SOME];
	struct dv_id id = some_chunk(e, i, b, SOME);

	assert_ok(dv_txn_put(t, &e->c, DV_KIND_CHUNK, &id, b, SOME, &err));
	return id;
}

/* One pack with chunks from..from+n-1. */
static inline void commit_some(struct env *e, uint64_t from, uint64_t n)
{
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };

	assert_ok(dv_txn_begin(&t, &e->s, 3, &err));
	for (uint64_t i = from; i < from + n; i++)
		put_some(e, &t, i);
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
}

/* 1 where chunk i is here, and then its bytes are right. */
static inline int has_some(struct env *e, uint64_t i)
{
	uint8_t b[SOME];
	struct dv_id id = some_chunk(e, i, b, SOME);
	struct dv_err err = { 0 };
	const uint8_t *p;
	size_t n;
	int rc = dv_store_read(&e->s, &e->c, DV_KIND_CHUNK, &id, &p, &n, &err);

	if (rc == DV_ENOTFOUND)
		return 0;
	assert_ok(rc);
	assert_int_equal(n, SOME);
	assert_memory_equal(p, b, SOME);
	return 1;
}

/* Feed bytes in pieces of at most `step`. */
static inline struct dv_oid ingest_like(struct dv_ingest *in,
					const uint8_t *p, size_t n,
					size_t step,
					const struct dv_oid *previous,
					int cut_here)
{
	struct dv_err err = { 0 };
	struct dv_oid oid;

	assert_ok(dv_ingest_begin(in, previous, cut_here, &err));
	for (size_t at = 0, m; at < n; at += m) {
		uint8_t *to;
		size_t cap;

		assert_ok(dv_ingest_space(in, &to, &cap, &err));
		assert_true(cap >= 65536);
		m = DV_MIN(DV_MIN(cap, step), n - at);
		memcpy(to, p + at, m);
		assert_ok(dv_ingest_got(in, m, &err));
		assert_true(dv_ingest_size(in) == at + m);
	}
	assert_ok(dv_ingest_finish(in, &oid, &err));
	return oid;
}

static inline struct dv_oid ingest_bytes(struct dv_ingest *in,
					 const uint8_t *p, size_t n,
					 size_t step,
					 const struct dv_oid *previous)
{
	return ingest_like(in, p, n, step, previous, 0);
}

/* The same in a transaction of its own. */
static inline struct dv_oid store_bytes(struct env *e, const uint8_t *p,
					size_t n,
					const struct dv_oid *previous)
{
	struct dv_txn t = { 0 };
	struct dv_ingest *in;
	struct dv_err err = { 0 };
	struct dv_oid oid;

	assert_ok(dv_txn_begin(&t, &e->s, 3, &err));
	assert_ok(dv_ingest_open(&in, &t, e->pool, &err));
	oid = ingest_bytes(in, p, n, SIZE_MAX, previous);
	dv_ingest_close(in);
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
	return oid;
}

struct compare {
	const uint8_t *p;
	size_t n, at;
};

static inline int compare_sink(void *arg, const void *p, size_t n,
			       struct dv_err *err)
{
	struct compare *c = arg;

	if (n > c->n - c->at || memcmp(c->p + c->at, p, n))
		return dv_err_set(err, DV_ECONFLICT, "other bytes at %zu",
				  c->at);
	c->at += n;
	return 0;
}

static inline void assert_content(struct env *e, const struct dv_oid *oid,
				  const uint8_t *p, size_t n)
{
	struct compare c = { .p = p, .n = n };
	struct dv_err err = { 0 };

	assert_ok(dv_content_each(&e->s, &e->c, oid, compare_sink, &c, &err));
	assert_int_equal(c.at, n);
}

static inline void damage(const char *path, uint64_t off)
{
	uint8_t b;
	int fd;

	assert_int_equal(chmod(path, 0644), 0);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(dv_pread_full(fd, &b, 1, off), 1);
	b ^= 0x40;
	assert_int_equal(dv_pwrite_full(fd, &b, 1, off), 0);
	close(fd);
}

/* Files of a store are read-only: a cut has to open them up first, or only root can make it. */
static inline void cut_file(const char *path, off_t n)
{
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(truncate(path, n), 0);
}

#endif
