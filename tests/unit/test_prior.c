#include "deltalib.h"

#define SIZE (3u << 20)

/* Every chunk gets other digits, and no cut moves far. */
static uint8_t *next_version(const uint8_t *p)
{
	uint8_t *q = test_alloc(SIZE);

	memcpy(q, p, SIZE);
	for (size_t at = 5000; at < SIZE; at += 16000)
		edit_rows(q + at, 64, 1, at);
	return q;
}

/* Stored with a table of its own; the chunks that stand whole. */
static unsigned int whole_chunks(struct env *e, const uint8_t *p,
				 const struct dv_oid *previous,
				 const char *table)
{
	char *path = env_path(e, table);
	struct dv_similar *sim = dv_similar_open(path);
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };
	struct dv_content c;
	struct dv_ingest *in;
	struct dv_oid oid;
	struct dv_id id;
	unsigned int n = 0;
	uint32_t len;
	int rc;

	assert_non_null(sim);
	assert_ok(dv_txn_begin(&t, &e->s, 3, &err));
	t.similar = sim;
	assert_ok(dv_ingest_open(&in, &t, e->pool, &err));
	oid = ingest_bytes(in, p, SIZE, SIZE_MAX, previous);
	dv_ingest_close(in);
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
	dv_similar_close(sim);
	free(path);
	assert_content(e, &oid, p, SIZE);
	assert_ok(dv_content_open(&c, &e->s, &e->c, &oid, &err));
	while ((rc = dv_content_next(&c, &id, &len, &err)) == 1) {
		struct dv_loc loc;

		assert_true(dv_store_locate(&e->s, DV_KIND_CHUNK, &id, &loc));
		n += loc.row.codec != DV_CODEC_DELTA;
	}
	assert_ok(rc);
	dv_content_close(&c);
	return n;
}

/*
 * A fetched version is in no table. Whichever thread is the first to sketch
 * its chunks, all of them find the bases, as one thread does in another store
 * (but for a chunk that has another base by then).
 */
static void all_threads_find_it(void **state)
{
	struct env *e = *state, *one;
	struct dv_err err = { 0 };

	assert_int_equal(env_setup((void **)&one), 0);
	dv_pool_close(one->pool);
	assert_ok(dv_pool_open(&one->pool, 1, 2, &dv_coder_pool_ops, NULL,
			       &err));
	for (uint64_t i = 0; i < 8; i++) {
		uint8_t *p = test_alloc(SIZE), *q;
		char table[16];
		struct dv_oid oid;
		unsigned int want;

		snprintf(table, sizeof(table), "table%d", (int)i);
		fill_rows(p, SIZE, 100 + i);
		q = next_version(p);
		oid = store_bytes(one, p, SIZE, NULL);
		want = whole_chunks(one, q, &oid, table);
		assert_true(want < 4);
		oid = store_bytes(e, p, SIZE, NULL);
		assert_true(whole_chunks(e, q, &oid, table) <= want + 1);
		free(p);
		free(q);
	}
	env_teardown((void **)&one);
}

/* It is covered bit by bit, from any place, also past its end. */
static void near_a_place(void **state)
{
	struct env *e = *state;
	size_t n = 24u << 20;
	uint8_t *p = test_alloc(n);
	struct dv_prior prior;
	struct dv_similar *sim;
	struct dv_sketch sketch;
	struct dv_similar_hit hit;
	struct dv_content c;
	struct dv_err err = { 0 };
	char *path = env_path(e, "table");
	struct dv_oid oid;
	struct dv_id id;
	uint32_t len;
	uint64_t off = 0;

	fill_rows(p, n, 1);
	oid = store_bytes(e, p, n, NULL);
	sim = dv_similar_open(path);
	assert_non_null(sim);
	dv_prior_init(&prior, &e->s, &oid);
	dv_prior_cover(&prior, sim, &e->c, n + (64u << 20));
	assert_int_equal(prior.done.n, 0);
	dv_prior_cover(&prior, sim, &e->c, n / 2);
	dv_prior_cover(&prior, sim, &e->c, n);
	assert_ok(dv_content_open(&c, &e->s, &e->c, &oid, &err));
	assert_true(c.flist.n > 1);
	while (dv_content_next(&c, &id, &len, &err) == 1) {
		uint64_t end = off + len;
		int near = (end > n / 2 - DV_PRIOR_REACH &&
			    off < n / 2 + DV_PRIOR_REACH) ||
			   end > n - DV_PRIOR_REACH;

		dv_similar_sketch(sim, p + off, len, &sketch);
		assert_int_equal(dv_similar_find(sim, &sketch, &hit, 1), near);
		if (near)
			assert_true(dv_id_eq(&hit.base, &id));
		off = end;
	}
	assert_int_equal(off, n);
	dv_content_close(&c);
	dv_prior_release(&prior);
	dv_similar_close(sim);
	free(path);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STORE(all_threads_find_it),
		IN_STORE(near_a_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
