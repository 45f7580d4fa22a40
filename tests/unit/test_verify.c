#include "remotelib.h"

static struct dv_verify verified(struct env *e, int quick)
{
	struct dv_err err = { 0 };
	struct dv_verify v;

	assert_ok(dv_store_verify(&e->s, e->pool, quick, &v, &err));
	return v;
}

static void sound(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct dv_verify v;
	size_t moved;

	v = verified(e, 0);
	assert_int_equal(v.packs, 0);
	assert_int_equal(v.records, 0);
	dv_verify_release(&v);
	commit_some(e, 0, 50);
	commit_some(e, 50, 150);
	v = verified(e, 0);
	assert_int_equal(v.packs, 2);
	assert_int_equal(v.records, 200);
	assert_int_equal(v.good.n, 200);
	assert_int_equal(v.bad.n, 0);
	assert_ok(dv_store_quarantine(&e->s, &v, &moved, &err));
	assert_int_equal(moved, 0);
	dv_verify_release(&v);
	v = verified(e, 1);
	assert_int_equal(v.packs, 2);
	assert_int_equal(v.bad_packs, 0);
	dv_verify_release(&v);
	assert_int_equal(env_count(e, "packs"), 2);
}

/* Wherever a byte of a pack changes, it is found, but for 4 that say nothing. */
static void damage_is_found(void **state)
{
	struct env *e = *state;
	struct dv_buf was;
	char *pack;

	commit_some(e, 0, 6);
	pack = env_file(e, "packs", 0);
	assert_int_equal(chmod(pack, 0644), 0);
	was = whole_file(pack);
	for (size_t i = 0; i < was.n; i += i % 64 < 3 ? 1 : 29) {
		struct dv_verify v;

		if (i >= was.n - DV_PACK_FOOT + 12 &&
		    i < was.n - DV_PACK_FOOT + 16)
			continue;
		damage(pack, i);
		env_reopen(e);
		v = verified(e, 0);
		assert_true(v.bad_records + v.bad_packs > 0);
		assert_true(v.bad_records <= 1);
		dv_verify_release(&v);
		damage(pack, i);
	}
	env_reopen(e);
	assert_sound(e);
	dv_buf_release(&was);
	free(pack);
}

/* A writer that listed the packs before finds nothing "there" after. */
static void quarantine_is_seen_by_writers(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct dv_store writer;
	struct dv_txn t = { 0 };
	struct dv_verify v;
	uint8_t b[SOME];
	struct dv_id id = some_chunk(e, 0, b, SOME);
	char *path = dv_fmt("%s/dv", e->dir), *pack;
	size_t moved;

	commit_some(e, 0, 1);
	pack = env_file(e, "packs", 0);
	damage(pack, DV_PACK_HEAD + DV_REC_HEAD + 500);
	assert_ok(dv_store_open(&writer, path, 0, &err));
	v = verified(e, 0);
	assert_ok(dv_store_quarantine(&e->s, &v, &moved, &err));
	assert_int_equal(moved, 1);
	dv_verify_release(&v);
	assert_ok(dv_txn_begin(&t, &writer, 0, &err));
	assert_ok(dv_txn_put(&t, &e->c, DV_KIND_CHUNK, &id, b, SOME, &err));
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
	dv_store_close(&writer);
	env_reopen(e);
	assert_true(has_some(e, 0));
	free(pack);
	free(path);
}

static void cut_off(void **state)
{
	struct env *e = *state;
	struct dv_verify v;
	char *pack;
	struct stat st;

	commit_some(e, 0, 6);
	pack = env_file(e, "packs", 0);
	assert_int_equal(chmod(pack, 0644), 0);
	assert_int_equal(stat(pack, &st), 0);
	for (off_t n = st.st_size - 1; n >= 0; n -= 1 + n / 9) {
		cut_file(pack, n);
		env_reopen(e);
		for (int quick = 0; quick < 2; quick++) {
			v = verified(e, quick);
			assert_int_equal(v.bad_packs, 1);
			dv_verify_release(&v);
		}
	}
	free(pack);
}

/* Take what is bad away; return how many of chunks 0..n-1 are left. */
static unsigned int after_quarantine(struct env *e, unsigned int n)
{
	struct dv_verify v = verified(e, 0);
	struct dv_err err = { 0 };
	unsigned int left = 0;
	size_t moved;

	assert_true(v.bad_records + v.bad_packs > 0);
	assert_ok(dv_store_quarantine(&e->s, &v, &moved, &err));
	assert_int_equal(moved, 1);
	dv_verify_release(&v);
	assert_int_equal(env_count(e, "quarantine"), 1);
	assert_sound(e);
	for (unsigned int i = 0; i < n; i++)
		left += (unsigned int)has_some(e, i);
	env_reopen(e);
	assert_sound(e);
	for (unsigned int i = 0; i < n; i++)
		left -= (unsigned int)has_some(e, i);
	assert_int_equal(left, 0);
	for (unsigned int i = 0; i < n; i++)
		left += (unsigned int)has_some(e, i);
	return left;
}

static void quarantine_keeps_the_good(void **state)
{
	struct env *e = *state;
	char *pack;

	commit_some(e, 0, 40);
	pack = env_file(e, "packs", 0);
	damage(pack, DV_PACK_HEAD + 60);	/* one payload */
	env_reopen(e);
	assert_int_equal(after_quarantine(e, 40), 39);
	assert_false(dv_file_exists(pack));
	free(pack);
}

static void quarantine_of_a_header(void **state)
{
	struct env *e = *state;
	char *pack;

	commit_some(e, 0, 40);
	pack = env_file(e, "packs", 0);
	damage(pack, DV_PACK_HEAD + 3);
	env_reopen(e);
	assert_int_equal(after_quarantine(e, 40), 39);
	free(pack);
}

/* Without its table every record is found by its header. */
static void quarantine_of_a_table(void **state)
{
	struct env *e = *state;
	char *pack;
	struct stat st;

	commit_some(e, 0, 40);
	pack = env_file(e, "packs", 0);
	assert_int_equal(stat(pack, &st), 0);
	damage(pack, (uint64_t)st.st_size - 300);
	env_reopen(e);
	assert_int_equal(after_quarantine(e, 40), 40);
	free(pack);
}

static void quarantine_of_a_torn_pack(void **state)
{
	struct env *e = *state;
	unsigned int left;
	char *pack;
	struct stat st;

	commit_some(e, 0, 40);
	pack = env_file(e, "packs", 0);
	assert_int_equal(chmod(pack, 0644), 0);
	assert_int_equal(stat(pack, &st), 0);
	cut_file(pack, st.st_size / 2);
	env_reopen(e);
	left = after_quarantine(e, 40);
	assert_true(left >= 10);
	assert_true(left < 40);
	free(pack);
}

/* The pack's first bytes are gone; its records tell what they are. */
static void quarantine_of_a_pack_head(void **state)
{
	struct env *e = *state;
	char *pack;

	commit_some(e, 0, 40);
	pack = env_file(e, "packs", 0);
	damage(pack, 2);
	env_reopen(e);
	assert_int_equal(after_quarantine(e, 40), 40);
	free(pack);
}

/* Another good copy: then nothing is lost at all. */
static void two_copies(void **state)
{
	struct env *e = *state, *other;
	char *pack, *from, *to;
	struct dv_buf b;
	void *p;

	commit_some(e, 0, 10);
	env_setup(&p);
	other = p;
	commit_some(other, 0, 20);
	from = env_file(other, "packs", 0);
	b = whole_file(from);
	to = dv_fmt("%s/dv/packs%s", e->dir, strrchr(from, '/'));
	pack = env_file(e, "packs", 0);
	replace_file(to, b.p, b.n);
	env_reopen(e);
	damage(pack, DV_PACK_HEAD + 60);
	assert_int_equal(after_quarantine(e, 20), 20);
	env_teardown(&p);
	dv_buf_release(&b);
	free(from);
	free(to);
	free(pack);
}

/* The same record in a pack of its own, as two writers at once leave it. */
static void store_again(struct env *e, struct dv_store *early, uint64_t i)
{
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };

	assert_ok(dv_txn_begin(&t, early, 3, &err));
	(void)put_some(e, &t, i);
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
}

/* Between looking and locking another process may take a copy away. */
static void quarantine_looks_again(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct dv_store early, other;
	char *path = dv_fmt("%s/dv", e->dir), *pack;
	struct dv_verify v;
	size_t moved;

	assert_ok(dv_store_open(&early, path, 0, &err));
	commit_some(e, 0, 400);
	pack = env_file(e, "packs", 0);
	store_again(e, &early, 7);
	dv_store_close(&early);
	for (uint64_t i = 0; i < 10; i++)
		commit_some(e, 1000 + i, 1);
	damage(pack, DV_PACK_HEAD + 60);
	env_reopen(e);
	v = verified(e, 0);
	assert_int_equal(v.bad_records, 1);
	/* The copy of chunk 7 goes, for the one in the pack with damage. */
	assert_ok(dv_store_open(&other, path, 0, &err));
	assert_ok(dv_store_merge_small(&other, &err));
	dv_store_close(&other);
	assert_int_equal(env_count(e, "packs"), 2);
	assert_ok(dv_store_quarantine(&e->s, &v, &moved, &err));
	assert_int_equal(moved, 1);
	dv_verify_release(&v);
	env_reopen(e);
	assert_sound(e);
	for (uint64_t i = 1; i < 400; i++)
		assert_true(has_some(e, i));
	for (uint64_t i = 0; i < 10; i++)
		assert_true(has_some(e, 1000 + i));
	free(pack);
	free(path);
}

/* Whoever has read only the tables does not give a record up for another. */
static void a_quick_look_relies_on_nothing(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct dv_store early;
	char *path = dv_fmt("%s/dv", e->dir), *large;
	struct dv_verify v;
	struct stat st;
	size_t moved;

	assert_ok(dv_store_open(&early, path, 0, &err));
	commit_some(e, 0, 40);
	large = env_file(e, "packs", 0);
	store_again(e, &early, 0);
	dv_store_close(&early);
	for (size_t i = 0; i < 2; i++) {
		char *pack = env_file(e, "packs", i);

		/* Chunk 0 stands first in both: bad in one, good in the other. */
		if (strcmp(pack, large))
			damage(pack, DV_PACK_HEAD + 60);
		free(pack);
	}
	assert_int_equal(stat(large, &st), 0);
	damage(large, (uint64_t)st.st_size - 300);
	env_reopen(e);
	v = verified(e, 1);
	assert_int_equal(v.bad_packs, 1);
	assert_fails(dv_store_quarantine(&e->s, &v, &moved, &err),
		     DV_ECORRUPT);
	assert_true(dv_file_exists(large));
	dv_verify_release(&v);
	/* Reading all of it tells which is good. */
	v = verified(e, 0);
	err = (struct dv_err){ 0 };
	assert_ok(dv_store_quarantine(&e->s, &v, &moved, &err));
	assert_int_equal(moved, 2);
	dv_verify_release(&v);
	env_reopen(e);
	assert_sound(e);
	for (uint64_t i = 0; i < 40; i++)
		assert_true(has_some(e, i));
	free(large);
	free(path);
}

static void while_another_writes(void **state)
{
	struct env *e = *state;
	struct dv_store other = { 0 };
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };
	struct dv_verify v;
	char *pack, *path = dv_fmt("%s/dv", e->dir);
	size_t moved;

	commit_some(e, 0, 10);
	pack = env_file(e, "packs", 0);
	damage(pack, DV_PACK_HEAD + 60);
	env_reopen(e);
	v = verified(e, 0);
	assert_ok(dv_store_open(&other, path, 0, &err));
	assert_ok(dv_txn_begin(&t, &other, 3, &err));
	assert_fails(dv_store_quarantine(&e->s, &v, &moved, &err), DV_EAGAIN);
	assert_true(dv_file_exists(pack));
	dv_txn_end(&t);
	dv_store_close(&other);
	assert_ok(dv_store_quarantine(&e->s, &v, &moved, &err));
	assert_int_equal(moved, 1);
	dv_verify_release(&v);
	free(path);
	free(pack);
}

/* What quarantine took away a fetch brings again. */
static void fetched_again(void **state)
{
	struct world *w = *state;
	struct sample s = sample_of(w->a, 2000000, 1);
	struct dv_err err = { 0 };
	struct dv_verify v;
	struct dv_fetch_result got;
	char *pack;
	size_t moved;

	push_file(w->a, w->url, &s.oid, NULL);
	pack = env_file(w->a, "packs", 0);
	damage(pack, 900000);
	env_reopen(w->a);
	v = verified(w->a, 0);
	assert_int_equal(v.bad_records, 1);
	assert_ok(dv_store_quarantine(&w->a->s, &v, &moved, &err));
	dv_verify_release(&v);
	assert_int_equal(dv_content_complete(&w->a->s, &w->a->c, &s.oid,
					     &err), 0);
	got = fetch_file(w->a, w->url, &s.oid);
	assert_true(got.bytes <= DV_CHUNK_MAX + DV_REC_HEAD);
	assert_content(w->a, &s.oid, s.p, s.n);
	assert_sound(w->a);
	free(pack);
	free(s.p);
}

static void cuts(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	uint8_t *p = test_alloc(3000000);
	struct dv_list_builder b = { 0 };
	struct dv_txn t = { 0 };
	struct dv_oid oid;
	int last;

	test_noise(p, 3000000, 1);
	oid = store_bytes(e, p, 3000000, NULL);
	assert_int_equal(dv_verify_cuts(&e->s, &e->c, &oid, &err), 1);
	oid = store_bytes(e, p, 100, NULL);
	assert_int_equal(dv_verify_cuts(&e->s, &e->c, &oid, &err), 1);
	/* The same content cut where the rule does not cut. */
	assert_ok(dv_txn_begin(&t, &e->s, 3, &err));
	for (size_t at = 0; at < 3000000; at += 100000) {
		struct dv_id id;

		dv_sha256_of(e->c.sha, p + at, 100000, &id);
		assert_ok(dv_txn_put(&t, &e->c, DV_KIND_CHUNK, &id, p + at,
				     100000, &err));
		assert_int_equal(dv_list_add(&b, e->c.sha, 100000, &id, &err),
				 0);
	}
	assert_ok(dv_list_finish(&b, e->c.sha, &oid, &last, &err));
	assert_int_equal(last, 1);
	assert_ok(dv_txn_put(&t, &e->c, DV_KIND_SEGMENT, &b.seg_id, b.seg.p,
			     b.seg.n, &err));
	assert_ok(dv_txn_put(&t, &e->c, DV_KIND_FILE, &oid.id, b.file.p,
			     b.file.n, &err));
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
	dv_list_release(&b);
	assert_content(e, &oid, p, 3000000);
	assert_int_equal(dv_verify_cuts(&e->s, &e->c, &oid, &err), 0);
	test_noise(oid.id.b, DV_ID_SIZE, 3);
	assert_int_equal(dv_verify_cuts(&e->s, &e->c, &oid, &err),
			 DV_ENOTFOUND);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STORE(sound),
		IN_STORE(damage_is_found),
		IN_STORE(quarantine_is_seen_by_writers),
		IN_STORE(cut_off),
		IN_STORE(quarantine_keeps_the_good),
		IN_STORE(quarantine_of_a_header),
		IN_STORE(quarantine_of_a_table),
		IN_STORE(quarantine_of_a_torn_pack),
		IN_STORE(quarantine_of_a_pack_head),
		IN_STORE(two_copies),
		IN_STORE(quarantine_looks_again),
		IN_STORE(a_quick_look_relies_on_nothing),
		IN_STORE(while_another_writes),
		IN_WORLD(fetched_again),
		IN_STORE(cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
