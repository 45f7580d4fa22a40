/* Two local stores and a remote one in a directory between them. */
#ifndef TESTS_UNIT_REMOTELIB_H
#define TESTS_UNIT_REMOTELIB_H

#include "storelib.h"

#include "remote/fetch.h"
#include "remote/push.h"
#include "store/verify.h"

struct world {
	struct env *a, *b;
	char *dir, *url;
};

static inline int world_setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	void *p;

	assert_non_null(w);
	env_setup(&p);
	w->a = p;
	env_setup(&p);
	w->b = p;
	w->dir = test_dir_new();
	w->url = dv_fmt("%s/remote", w->dir);
	assert_non_null(w->url);
	*state = w;
	return 0;
}

static inline int world_teardown(void **state)
{
	struct world *w = *state;
	void *p = w->a;

	env_teardown(&p);
	p = w->b;
	env_teardown(&p);
	test_dir_free(w->dir);
	free(w->url);
	free(w);
	return 0;
}

#define IN_WORLD(t) \
	cmocka_unit_test_setup_teardown(t, world_setup, world_teardown)

/* The receiving store, empty again. */
static inline void world_fresh_b(struct world *w)
{
	void *p = w->b;

	env_teardown(&p);
	env_setup(&p);
	w->b = p;
}

static inline int try_push(struct env *e, const char *url,
			   const struct dv_push_file *files, size_t n,
			   struct dv_push_result *res, struct dv_err *err)
{
	struct dv_remote *r;
	int rc = dv_remote_open(&r, url, NULL, DV_REMOTE_CREATE, err);

	if (rc)
		return rc;
	rc = dv_push(r, &e->s, e->pool, files, n, 0, res, err);
	dv_remote_close(r);
	return rc;
}

/* Push one file; the result must be a success. */
static inline struct dv_push_result push_file(struct env *e, const char *url,
					      const struct dv_oid *oid,
					      const struct dv_oid *previous)
{
	struct dv_push_file f = { .oid = *oid, .path = "some/file" };
	struct dv_push_result res;
	struct dv_err err = { 0 };

	if (previous)
		f.previous = *previous;
	assert_ok(try_push(e, url, &f, 1, &res, &err));
	return res;
}

static inline int try_fetch(struct env *e, const char *url,
			    const struct dv_oid *oids, size_t n, uint8_t *have,
			    struct dv_fetch_result *res, struct dv_err *err)
{
	struct dv_remote *r;
	int rc = dv_remote_open(&r, url, NULL, 0, err);

	if (rc)
		return rc;
	memset(have, 0, n);
	rc = dv_fetch(r, &e->s, e->pool, oids, n, have, res, err);
	dv_remote_close(r);
	return rc;
}

static inline struct dv_fetch_result fetch_file(struct env *e, const char *url,
						const struct dv_oid *oid)
{
	struct dv_fetch_result res;
	struct dv_err err = { 0 };
	uint8_t have;

	assert_ok(try_fetch(e, url, oid, 1, &have, &res, &err));
	assert_int_equal(have, 1);
	return res;
}

/* No record of the store is damaged. */
static inline void assert_sound(struct env *e)
{
	struct dv_err err = { 0 };
	struct dv_verify v;

	assert_ok(dv_store_verify(&e->s, e->pool, 0, &v, &err));
	assert_int_equal(v.bad_records, 0);
	assert_int_equal(v.bad_packs, 0);
	dv_verify_release(&v);
}

/* Paths of all files below a folder of the remote, sorted. */
static inline struct dv_strs remote_files(struct world *w, const char *sub)
{
	struct dv_strs todo = { 0 }, files = { 0 };
	struct dv_err err = { 0 };
	char *top = dv_fmt("%s/%s", w->url, sub);

	assert_ok(dv_strs_add(&todo, top, &err));
	free(top);
	for (size_t i = 0; i < todo.n; i++) {
		struct dv_strs names = { 0 };
		int rc = dv_dir_list(todo.v[i], &names, &err);

		if (rc != DV_ENOTFOUND)
			assert_ok(rc);
		for (size_t k = 0; k < names.n; k++) {
			char *p = dv_fmt("%s/%s", todo.v[i], names.v[k]);

			assert_ok(dv_strs_add(dv_dir_exists(p) ? &todo :
							&files, p, &err));
			free(p);
		}
		dv_strs_release(&names);
	}
	dv_strs_release(&todo);
	dv_strs_sort(&files);
	return files;
}

static inline size_t remote_count(struct world *w, const char *sub)
{
	struct dv_strs files = remote_files(w, sub);
	size_t n = files.n;

	dv_strs_release(&files);
	return n;
}

/* The only file below a folder of the remote. */
static inline char *remote_only(struct world *w, const char *sub)
{
	struct dv_strs files = remote_files(w, sub);
	char *p;

	assert_int_equal(files.n, 1);
	p = strdup(files.v[0]);
	assert_non_null(p);
	dv_strs_release(&files);
	return p;
}

static inline struct dv_buf whole_file(const char *path)
{
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };

	assert_ok(dv_file_read(path, &b, 1u << 30, &err));
	return b;
}

static inline void replace_file(const char *path, const void *p, size_t n)
{
	struct dv_err err = { 0 };

	assert_ok(dv_file_write(path, p, n, 0644, 0, &err));
}

/* Make all checksums of a shard true again after a change. */
static inline void reseal(struct dv_buf *b)
{
	struct dv_sha256 *sha = dv_sha256_open();
	struct dv_id id;

	assert_non_null(sha);
	for (size_t i = 0; i < DV_SHARD_SECTIONS; i++) {
		uint8_t *row = b->p + DV_SHARD_HEAD + 48 * i;
		uint64_t off = dv_get64(row + 8);
		uint64_t end = i + 1 < DV_SHARD_SECTIONS ?
			       dv_get64(row + 48 + 8) : b->n;

		dv_sha256_of(sha, b->p + off, (size_t)(end - off), &id);
		memcpy(row + 16, id.b, DV_ID_SIZE);
	}
	dv_sha256_of(sha, b->p + DV_SHARD_HEAD, DV_SHARD_TABLE, &id);
	memcpy(b->p + 32, id.b, DV_ID_SIZE);
	dv_sha256_close(sha);
}

/* Content in store a, kept for comparison; the caller frees p. */
struct sample {
	uint8_t *p;
	size_t n;
	struct dv_oid oid;
};

static inline struct sample sample_of(struct env *e, size_t n, uint64_t seed)
{
	struct sample s = { .p = test_alloc(n), .n = n };

	test_noise(s.p, n, seed);
	s.oid = store_bytes(e, s.p, n, NULL);
	return s;
}

#endif
