#include "deltalib.h"

#include "store/usage.h"

#define ROWS 100000

static struct dv_usage add(struct dv_usage_walk *w, const struct dv_oid *oid)
{
	struct dv_err err = { 0 };
	struct dv_usage u;

	assert_ok(dv_usage_add(w, oid, &u, &err));
	return u;
}

/* Bytes of every record in the store. */
static uint64_t all_records(struct env *e)
{
	struct dv_err err = { 0 };
	uint64_t sum = 0;

	for (size_t i = 0; i < e->s.set.n; i++) {
		uint8_t *table;
		uint32_t n;

		assert_ok(dv_pack_read_table(&e->s.set, e->s.set.v[i], &table,
					     &n, &err));
		for (uint32_t k = 0; k < n; k++) {
			struct dv_row row;

			dv_row_parse(table + (size_t)k * DV_PACK_ROW, &row);
			sum += dv_row_len(&row);
		}
		free(table);
	}
	return sum;
}

/* A base that no file has, as a prune leaves it, is stored all the same. */
static void bases_count_as_stored(void **state)
{
	struct env *e = *state;
	struct dv_usage_walk w = { .store = &e->s, .coder = &e->c };
	struct chunk base = chunk_rows(e, ROWS, 1);
	struct chunk one = chunk_edit(e, &base, 2), two = chunk_edit(e, &base, 3);
	struct part v[] = { { &one, &base }, { &two, &base } };
	struct dv_usage u, again;
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };
	struct dv_oid oid;

	assert_ok(dv_txn_begin(&t, &e->s, 3, &err));
	put_made(e, &t, &base, make_whole(e, &base));
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
	oid = store_parts(e, v, 2);
	assert_int_equal(codec_of(e, &one), DV_CODEC_DELTA);
	u = add(&w, &oid);
	assert_int_equal(u.raw, 2 * ROWS);
	assert_int_equal(u.dedup, 2 * ROWS);
	assert_true(u.delta < ROWS / 10);
	assert_int_equal(u.stored, all_records(e));

	/* A file that has it too finds it stored, but is the first to have it. */
	again = add(&w, &(struct dv_oid){ .scheme = DV_SCHEME_SHA256,
					  .id = base.id, .size = ROWS });
	assert_int_equal(again.dedup, ROWS);
	assert_int_equal(again.delta, ROWS);
	assert_int_equal(again.stored, 0);
	dv_idmap_release(&w.seen);
	free(base.p);
	free(one.p);
	free(two.p);
}

/* Without its base a delta is no content. */
static void deltas_without_base_are_absent(void **state)
{
	struct env *e = *state;
	struct dv_usage_walk w = { .store = &e->s, .coder = &e->c };
	struct chunk base = chunk_rows(e, ROWS, 1), one = chunk_edit(e, &base, 2);
	struct maker m = { 0 };
	struct dv_usage u;

	maker_delta(&m, e, &one, &base);
	maker_publish(e, &m, 'a');
	env_reopen(e);
	u = add(&w, &(struct dv_oid){ .scheme = DV_SCHEME_SHA256,
				      .id = one.id, .size = ROWS });
	assert_int_equal(u.absent, ROWS);
	assert_int_equal(u.dedup + u.delta + u.stored, 0);
	dv_idmap_release(&w.seen);
	maker_release(&m);
	free(base.p);
	free(one.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STORE(bases_count_as_stored),
		IN_STORE(deltas_without_base_are_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
