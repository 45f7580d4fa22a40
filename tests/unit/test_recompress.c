#include "deltalib.h"

#include "store/gc.h"

#define N 200000

static struct dv_row row_of(struct env *e, const struct chunk *c)
{
	struct dv_loc loc;

	assert_true(dv_store_locate(&e->s, DV_KIND_CHUNK, &c->id, &loc));
	return loc.row;
}

/* Everything is kept, at this level. */
static struct dv_gc_result recompress(struct env *e, int level)
{
	struct dv_err err = { 0 };
	struct dv_gc_result r;
	struct dv_gc g;

	assert_ok(dv_gc_begin(&g, &e->s, e->pool, DV_GC_LOCK, &err));
	g.level = level;
	assert_ok(dv_gc_plan(&g, &err));
	assert_ok(dv_gc_sweep(&g, &err));
	r = g.result;
	dv_gc_end(&g);
	return r;
}

/* Against the same base: a delta is never given up for what is longer. */
static void deltas_too(void **state)
{
	struct env *e = *state;
	struct chunk base = chunk_rows(e, N, 1);
	struct chunk far = { .p = test_alloc(N), .n = N };
	struct chunk near = chunk_edit(e, &base, 2);
	struct part v[] = { { &base, NULL }, { &far, &base }, { &near, &base } };
	struct dv_row before, after;
	struct dv_gc_result r;
	struct dv_oid oid;

	/* New rows of text, which a higher level finds more in. */
	memcpy(far.p, base.p, N);
	test_text(far.p + N / 4, N / 2, 3);
	dv_sha256_of(e->c.sha, far.p, N, &far.id);
	oid = store_parts(e, v, 3);
	before = row_of(e, &far);
	assert_int_equal(before.codec, DV_CODEC_DELTA);
	r = recompress(e, 19);
	assert_int_equal(r.packs_rewritten, 1);
	assert_true(r.size_after < r.size_before);
	after = row_of(e, &far);
	assert_int_equal(after.codec, DV_CODEC_DELTA);
	assert_true(after.enc < before.enc);
	assert_int_equal(codec_of(e, &near), DV_CODEC_DELTA);
	assert_parts(e, &oid, v, 3);
	env_reopen(e);
	assert_parts(e, &oid, v, 3);
	/* At a lower one nothing gets longer. */
	before = after;
	recompress(e, 1);
	after = row_of(e, &far);
	assert_int_equal(after.enc, before.enc);
	assert_parts(e, &oid, v, 3);
	free(base.p);
	free(far.p);
	free(near.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STORE(deltas_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
