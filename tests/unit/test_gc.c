#include "gclib.h"

static void dead_goes_and_live_stays(void **state)
{
	struct env *e = *state;
	uint8_t *a = test_alloc(BIG), *b = test_alloc(BIG), *c;
	struct dv_oid live = store_file(e, a, 1), dead = store_file(e, b, 2);
	struct dv_oid both;
	struct dv_gc_result r;
	struct dv_gc g;

	/* Shares most of its chunks with one that goes. */
	c = test_alloc(BIG);
	memcpy(c, b, BIG);
	memset(c + BIG - 1000, 7, 1000);
	both = store_bytes(e, c, BIG, &dead);
	begin(e, &g, 0);
	keep(&g, &live);
	keep(&g, &both);
	r = finish(&g);
	assert_int_equal(r.files, 1);
	assert_true(r.records >= 3);	/* a chunk, a segment, the list */
	assert_content(e, &live, a, BIG);
	assert_content(e, &both, c, BIG);
	assert_false(dv_store_has_file(&e->s, &dead));
	assert_lists_whole(e);
	env_reopen(e);
	assert_content(e, &live, a, BIG);
	assert_content(e, &both, c, BIG);
	assert_int_equal(env_count(e, "incoming"), 0);
	assert_int_equal(env_count(e, "index"), 1);
	assert_int_equal(e->s.writers, 0);
	/* It can be stored again. */
	assert_true(dv_oid_eq(&dead, &(struct dv_oid){ 0 }) == 0);
	dead = store_file(e, b, 2);
	assert_content(e, &dead, b, BIG);
	/* Nothing to do: nothing is done. */
	begin(e, &g, 0);
	keep(&g, &live);
	keep(&g, &both);
	keep(&g, &dead);
	r = finish(&g);
	assert_int_equal(r.files + r.packs_removed + r.packs_rewritten, 0);
	free(a);
	free(b);
	free(c);
}

/* A new list names chunks of old packs, whose dates nobody refreshed. */
static void young_lists_keep_old_chunks(void **state)
{
	struct env *e = *state;
	uint8_t *a = test_alloc(BIG);
	struct dv_oid old = store_file(e, a, 3), new;
	struct dv_gc_result r;
	struct dv_gc g;

	age_all(e, 30);
	env_reopen(e);
	a[BIG - 1] ^= 1;
	new = store_bytes(e, a, BIG, &old);
	for (size_t i = 0; i < env_count(e, "packs"); i++) {
		char *f = env_file(e, "packs", i);
		struct stat st;

		/* As if dedup had not refreshed anything. */
		assert_int_equal(stat(f, &st), 0);
		if (st.st_size > BIG / 2)
			set_age(f, 30);
		free(f);
	}
	begin(e, &g, 0);
	g.young = time(NULL) - 14 * 86400;
	r = finish(&g);
	assert_int_equal(r.files, 1);
	assert_content(e, &new, a, BIG);
	assert_false(dv_store_has_file(&e->s, &old));
	assert_lists_whole(e);
	/* What was copied is as old as before, so that garbage is not young. */
	age_all(e, 30);
	begin(e, &g, 0);
	g.young = time(NULL) - 14 * 86400;
	r = finish(&g);
	assert_int_equal(r.files, 1);
	assert_int_equal(env_count(e, "packs"), 0);
	free(a);
}

static void copies_keep_their_age(void **state)
{
	struct env *e = *state;
	struct dv_gc g;
	struct stat st;
	uint8_t b[SOME];
	struct dv_oid oid;
	char *f;

	commit_some(e, 0, 10);
	oid = chunk_oid(some_chunk(e, 3, b, SOME));
	age_all(e, 40);
	begin(e, &g, 0);
	keep(&g, &oid);
	assert_int_equal(finish(&g).packs_rewritten, 1);
	f = env_file(e, "packs", 0);
	assert_int_equal(stat(f, &st), 0);
	assert_true(st.st_mtime < time(NULL) - 39 * 86400);
	free(f);
}

static void little_garbage_waits(void **state)
{
	struct env *e = *state;
	char *hidden = dv_fmt("%s/hidden", e->dir), *large;
	struct dv_gc_result r;
	struct dv_gc g;
	uint8_t b[SOME];

	/* Half of these are noise: 9 MB in one pack. A few have a copy. */
	commit_some(e, 0, 5000);
	large = env_file(e, "packs", 0);
	assert_int_equal(rename(large, hidden), 0);
	env_reopen(e);
	commit_some(e, 0, 3);
	assert_int_equal(rename(hidden, large), 0);
	env_reopen(e);
	begin(e, &g, 0);
	for (uint64_t i = 100; i < 5000; i++) {
		struct dv_oid oid = chunk_oid(some_chunk(e, i, b, SOME));

		keep(&g, &oid);
	}
	r = finish(&g);
	assert_int_equal(r.packs_rewritten, 0);
	assert_int_equal(r.packs_removed, 1);
	assert_int_equal(r.files, 0);
	assert_true(r.waiting > 100 * SOME / 2);
	assert_true(has_some(e, 1));
	assert_true(has_some(e, 5));
	begin(e, &g, 0);
	for (uint64_t i = 3000; i < 5000; i++) {
		struct dv_oid oid = chunk_oid(some_chunk(e, i, b, SOME));

		keep(&g, &oid);
	}
	r = finish(&g);
	assert_int_equal(r.packs_rewritten, 1);
	assert_int_equal(r.waiting, 0);
	assert_int_equal(r.files, 3000);
	assert_false(has_some(e, 5));
	for (uint64_t i = 3000; i < 5000; i++)
		assert_true(has_some(e, i));
	free(hidden);
	free(large);
}

/* A chunk like some_chunk(base), put as a delta against it. */
static struct dv_oid put_delta(struct env *e, uint64_t seed, uint64_t base)
{
	struct dv_err err = { 0 };
	struct dv_txn t = { 0 };
	struct dv_rec rec;
	uint8_t b[SOME], like[SOME];
	const void *payload;
	struct dv_id base_id = some_chunk(e, base, b, SOME);

	memcpy(like, b, SOME);
	dv_put64(like + 100, seed);
	assert_int_equal(dv_coder_encode_delta(&e->c, 3, b, SOME, like, SOME,
					       SOME, &rec, &payload, &err), 1);
	rec.base = base_id;
	dv_sha256_of(e->c.sha, like, SOME, &rec.id);
	assert_ok(dv_txn_begin(&t, &e->s, 0, &err));
	assert_ok(dv_txn_put_record(&t, &e->c, &rec, payload, like, &err));
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
	return chunk_oid(rec.id);
}

/* The base's own file is dead, and the base stands in a pack full of garbage. */
static void base_of_a_delta_stays(void **state)
{
	struct env *e = *state;
	struct dv_gc_result r;
	struct dv_oid delta;
	struct dv_gc g;

	commit_some(e, 0, 10);
	delta = put_delta(e, 99, 4);
	begin(e, &g, 0);
	keep(&g, &delta);
	r = finish(&g);
	assert_int_equal(r.packs_rewritten, 1);
	assert_true(has_some(e, 4));
	assert_false(has_some(e, 5));
	assert_true(dv_store_has_file(&e->s, &delta));
	/* A delta that nothing needs keeps nothing. */
	begin(e, &g, 0);
	r = finish(&g);
	assert_int_equal(env_count(e, "packs"), 0);
}

static void base_of_an_unknown_delta_is_not_dropped(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct dv_oid delta, drop;
	struct dv_gc g;
	uint8_t b[SOME];
	struct dv_id base;

	commit_some(e, 0, 10);
	base = some_chunk(e, 4, b, SOME);
	delta = put_delta(e, 99, 4);
	begin(e, &g, DV_GC_DROPPED);
	drop = chunk_oid(base);
	assert_ok(dv_gc_drop(&g, &drop, &err));
	drop = chunk_oid(some_chunk(e, 5, b, SOME));
	assert_ok(dv_gc_drop(&g, &drop, &err));
	finish(&g);
	assert_true(has_some(e, 4));
	assert_false(has_some(e, 5));
	assert_true(dv_store_has_file(&e->s, &delta));
}

static void missing_base_stops(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct dv_oid delta;
	struct dv_gc g;
	char *path;

	commit_some(e, 50, 1);
	path = env_file(e, "packs", 0);
	commit_some(e, 0, 10);
	delta = put_delta(e, 99, 50);
	assert_int_equal(unlink(path), 0);
	free(path);
	env_reopen(e);
	begin(e, &g, 0);
	keep(&g, &delta);
	assert_fails(dv_gc_plan(&g, &err), DV_ECORRUPT);
	dv_gc_end(&g);
	assert_true(has_some(e, 5));
}

/* What cannot be verified is not copied, and then nothing is removed. */
static void what_cannot_be_read_stays(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct dv_rec rec = { .kind = DV_KIND_CHUNK, .raw = SOME, .enc = 100,
			      .codec = DV_CODEC_ZSTD };
	struct dv_oid bad, dead;
	struct dv_txn t = { 0 };
	struct dv_gc g;
	uint8_t b[SOME];

	test_noise(b, SOME, 1);
	memset(&rec.id, 9, sizeof(rec.id));
	assert_ok(dv_txn_begin(&t, &e->s, 0, &err));
	assert_ok(dv_txn_put_record(&t, &e->c, &rec, b, b, &err));
	dead = chunk_oid(put_some(e, &t, 7));
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
	bad = chunk_oid(rec.id);
	begin(e, &g, 0);
	keep(&g, &bad);
	assert_ok(dv_gc_plan(&g, &err));
	assert_fails(dv_gc_sweep(&g, &err), DV_ECORRUPT);
	dv_gc_end(&g);
	assert_true(dv_store_has_file(&e->s, &bad));
	assert_true(dv_store_has_file(&e->s, &dead));
	env_reopen(e);
	assert_true(dv_store_has_file(&e->s, &bad));
	assert_int_equal(env_count(e, "packs"), 1);
	/* Afterwards the store works as before. */
	commit_some(e, 100, 3);
	assert_true(has_some(e, 101));
}

/* The other copy of a needed record is bad: the good one is not given up. */
static void a_bad_copy_does_not_count(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct dv_rec rec = { .kind = DV_KIND_CHUNK, .raw = SOME, .enc = 100,
			      .codec = DV_CODEC_ZSTD };
	struct dv_txn t = { 0 };
	struct dv_oid oid;
	struct dv_gc g;
	uint8_t b[SOME];
	char *hidden = dv_fmt("%s/hidden", e->dir), *good;

	commit_some(e, 0, 2);
	oid = chunk_oid(some_chunk(e, 0, b, SOME));
	good = env_file(e, "packs", 0);
	assert_int_equal(rename(good, hidden), 0);
	env_reopen(e);
	rec.id = oid.id;
	assert_ok(dv_txn_begin(&t, &e->s, 0, &err));
	assert_ok(dv_txn_put_record(&t, &e->c, &rec, b, b, &err));
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
	assert_int_equal(rename(hidden, good), 0);
	env_reopen(e);
	begin(e, &g, 0);
	keep(&g, &oid);
	assert_ok(dv_gc_plan(&g, &err));
	assert_fails(dv_gc_sweep(&g, &err), DV_ECORRUPT);
	dv_gc_end(&g);
	assert_true(has_some(e, 0));
	free(hidden);
	free(good);
}

static void damaged_lists_stop(void **state)
{
	struct env *e = *state;
	uint8_t *a = test_alloc(BIG);
	struct dv_oid oid = store_file(e, a, 1);
	struct dv_err err = { 0 };
	struct dv_loc loc;
	struct dv_gc g;
	char *path;

	assert_true(dv_store_locate(&e->s, DV_KIND_FILE, &oid.id, &loc));
	path = dv_pack_path(&e->s.set, loc.pack);
	damage(path, loc.row.off + DV_REC_HEAD + 20);
	begin(e, &g, 0);
	assert_fails(dv_gc_keep(&g, &oid, &err), DV_ECORRUPT);
	assert_non_null(strstr(err.msg, "git dv verify"));
	dv_gc_end(&g);
	free(path);
	free(a);
}

static void unreadable_packs_stop(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct dv_gc g;
	char *f;

	commit_some(e, 0, 10);
	f = env_file(e, "packs", 0);
	commit_some(e, 10, 10);
	cut_file(f, 100);
	env_reopen(e);
	begin(e, &g, 0);
	assert_fails(dv_gc_plan(&g, &err), DV_ECORRUPT);
	dv_gc_end(&g);
	assert_int_equal(env_count(e, "packs"), 2);
	free(f);
}

/* What is missing may lie in quarantine, whose good parts nobody sees. */
static void quarantine_stops(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct dv_gc g;
	struct dv_oid oid = { .scheme = DV_SCHEME_DV1, .size = BIG };
	char *q = env_path(e, "quarantine/x");

	commit_some(e, 0, 10);
	assert_ok(dv_file_write(q, "x", 1, 0666, 0, &err));
	begin(e, &g, 0);
	keep(&g, &oid);
	assert_fails(dv_gc_plan(&g, &err), DV_ECORRUPT);
	dv_gc_end(&g);
	/* Where nothing is missing it says nothing. */
	begin(e, &g, 0);
	finish(&g);
	free(q);
}

static void only_what_is_dropped_goes(void **state)
{
	struct env *e = *state;
	uint8_t *a = test_alloc(BIG), *b = test_alloc(BIG);
	struct dv_oid drop = store_file(e, a, 1), other;
	struct dv_err err = { 0 };
	struct dv_gc_result r;
	struct dv_gc g;

	memcpy(b, a, BIG);
	b[BIG / 2] ^= 1;
	other = store_bytes(e, b, BIG, &drop);
	commit_some(e, 0, 10);
	/* Nothing is dropped: nothing goes. */
	begin(e, &g, DV_GC_DROPPED);
	r = finish(&g);
	assert_int_equal(r.records, 0);
	begin(e, &g, DV_GC_DROPPED);
	assert_ok(dv_gc_drop(&g, &drop, &err));
	r = finish(&g);
	assert_int_equal(r.files, 1);
	assert_content(e, &other, b, BIG);
	assert_false(dv_store_has_file(&e->s, &drop));
	assert_lists_whole(e);
	for (uint64_t i = 0; i < 10; i++)
		assert_true(has_some(e, i));
	/* Kept and dropped is kept. */
	begin(e, &g, DV_GC_DROPPED);
	assert_ok(dv_gc_drop(&g, &other, &err));
	keep(&g, &other);
	r = finish(&g);
	assert_int_equal(r.records, 0);
	assert_content(e, &other, b, BIG);
	free(a);
	free(b);
}

static void recompressed_is_the_same(void **state)
{
	struct env *e = *state;
	uint8_t *a = test_alloc(BIG);
	struct dv_gc_result r;
	struct dv_oid oid;
	struct dv_gc g;

	test_text(a, BIG, 5);
	oid = store_bytes(e, a, BIG, NULL);
	commit_some(e, 0, 20);
	begin(e, &g, 0);
	g.young = 0;		/* all of it is young, and stays */
	g.level = 19;
	r = finish(&g);
	assert_true(r.size_after < r.size_before);
	assert_int_equal(r.records, 0);
	assert_content(e, &oid, a, BIG);
	for (uint64_t i = 0; i < 20; i++)
		assert_true(has_some(e, i));
	env_reopen(e);
	assert_content(e, &oid, a, BIG);
	assert_lists_whole(e);
	free(a);
}

static void features_forbid_it(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct dv_buf text = { 0 };
	struct dv_gc g;
	char *f = env_path(e, "format");

	assert_ok(dv_file_read(f, &text, 4096, &err));
	while (text.n && text.p[text.n - 1] == '\n')
		text.n--;
	assert_ok(dv_buf_addstr(&text, " leases\n", &err));
	assert_ok(dv_file_write(f, text.p, text.n, 0444, 0, &err));
	env_reopen(e);
	assert_fails(dv_gc_begin(&g, &e->s, e->pool, DV_GC_LOCK, &err),
		     DV_EINVAL);
	assert_non_null(strstr(err.msg, "leases"));
	dv_buf_release(&text);
	free(f);
}

/* All packs are young before anybody says what is. */
static void without_a_date_all_stays(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct dv_gc g;

	commit_some(e, 0, 10);
	assert_ok(dv_gc_begin(&g, &e->s, e->pool, DV_GC_LOCK, &err));
	assert_int_equal(finish(&g).records, 0);
	assert_true(has_some(e, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STORE(dead_goes_and_live_stays),
		IN_STORE(young_lists_keep_old_chunks),
		IN_STORE(copies_keep_their_age),
		IN_STORE(little_garbage_waits),
		IN_STORE(base_of_a_delta_stays),
		IN_STORE(base_of_an_unknown_delta_is_not_dropped),
		IN_STORE(missing_base_stops),
		IN_STORE(what_cannot_be_read_stays),
		IN_STORE(a_bad_copy_does_not_count),
		IN_STORE(damaged_lists_stop),
		IN_STORE(unreadable_packs_stop),
		IN_STORE(quarantine_stops),
		IN_STORE(only_what_is_dropped_goes),
		IN_STORE(recompressed_is_the_same),
		IN_STORE(features_forbid_it),
		IN_STORE(without_a_date_all_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
