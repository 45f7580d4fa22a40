/* Deltas whose bases are damaged, missing, or none. */
#include "remotelib.h"
#include "deltalib.h"
#include "store/gc.h"

#include <pthread.h>

#define N 60000

static void free_chunks(struct chunk *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(c[i].p);
}

static struct dv_verify verified(struct env *e)
{
	struct dv_err err = { 0 };
	struct dv_verify v;

	assert_ok(dv_store_verify(&e->s, e->pool, 0, &v, &err));
	return v;
}

static int named(const struct dv_verify *v, const struct chunk *c)
{
	return dv_idmap_get(&v->bad, DV_KIND_CHUNK, &c->id) != NULL;
}

/* The chunk cannot be read, and the message says so without going round. */
static void assert_unreadable(struct env *e, const struct chunk *c)
{
	struct dv_err err = { 0 };

	assert_fails(read_chunk(e, c, &err), DV_ECORRUPT);
	assert_non_null(strstr(err.msg, "pack '"));
	assert_true(strlen(err.msg) < 500);
}

/* What is bad goes; good[] stays, also for the next process. */
static void quarantined(struct env *e, struct dv_verify *v, size_t want,
			const struct chunk *const *good, size_t n)
{
	struct dv_err err = { 0 };
	size_t moved;

	assert_ok(dv_store_quarantine(&e->s, v, &moved, &err));
	assert_int_equal(moved, want);
	dv_verify_release(v);
	assert_sound(e);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < n; i++)
			assert_true(has_chunk(e, good[i]));
		env_reopen(e);
	}
	assert_sound(e);
}

static void base_is_missing(void **state)
{
	struct env *e = *state;
	struct chunk a = chunk_rows(e, N, 1), b = chunk_rows(e, N, 2);
	struct chunk d = chunk_edit(e, &a, 3), f = chunk_edit(e, &b, 4);
	const struct chunk *good[] = { &b, &f };
	struct maker m = { 0 };
	struct dv_verify v;

	maker_whole(&m, e, &b);
	maker_delta(&m, e, &d, &a);
	maker_delta(&m, e, &f, &b);
	maker_publish(e, &m, '1');
	maker_release(&m);
	env_reopen(e);
	assert_unreadable(e, &d);
	v = verified(e);
	assert_int_equal(v.bad_records, 1);
	assert_true(named(&v, &d));
	quarantined(e, &v, 1, good, 2);
	assert_false(has_chunk(e, &d));
	free(a.p);
	free(b.p);
	free(d.p);
	free(f.p);
}

static void base_is_a_delta(void **state)
{
	struct env *e = *state;
	struct chunk z = chunk_rows(e, N, 1), y = chunk_edit(e, &z, 2);
	struct chunk x = chunk_edit(e, &y, 3);
	const struct chunk *good[] = { &z, &y, &x };
	struct maker m = { 0 };
	struct dv_verify v;

	maker_whole(&m, e, &z);
	maker_delta(&m, e, &y, &z);
	maker_delta(&m, e, &x, &y);
	maker_publish(e, &m, '1');
	maker_release(&m);
	env_reopen(e);
	assert_true(has_chunk(e, &y));
	assert_unreadable(e, &x);
	v = verified(e);
	assert_int_equal(v.bad_records, 1);
	assert_true(named(&v, &x));
	quarantined(e, &v, 1, good, 2);
	free(z.p);
	free(y.p);
	free(x.p);
}

static void cycle(void **state)
{
	struct env *e = *state;
	struct chunk x = chunk_rows(e, N, 1), y = chunk_edit(e, &x, 2);
	struct chunk s = chunk_edit(e, &x, 3), b = chunk_rows(e, N, 4);
	const struct chunk *good[] = { &b };
	struct made self = make_delta(e, &s, &x);
	struct maker m = { 0 };
	struct dv_verify v;

	self.rec.base = s.id;
	maker_whole(&m, e, &b);
	maker_delta(&m, e, &x, &y);
	maker_delta(&m, e, &y, &x);
	maker_add(&m, self);
	maker_publish(e, &m, '1');
	maker_release(&m);
	env_reopen(e);
	assert_unreadable(e, &x);
	assert_unreadable(e, &y);
	assert_unreadable(e, &s);
	v = verified(e);
	assert_int_equal(v.bad_records, 3);
	assert_true(named(&v, &x) && named(&v, &y) && named(&v, &s));
	quarantined(e, &v, 1, good, 1);
	free(x.p);
	free(y.p);
	free(s.p);
	free(b.p);
}

/* The table calls deltas whole; their lengths fit, since headers differ. */
static void table_hides_a_cycle(void **state)
{
	struct env *e = *state;
	struct chunk x = chunk_rows(e, N, 1), y = chunk_edit(e, &x, 2);
	struct chunk b = chunk_rows(e, N, 4);
	const struct chunk *good[] = { &b };
	struct maker m = { 0 };
	struct dv_verify v;

	maker_whole(&m, e, &b);
	maker_delta(&m, e, &x, &y);
	maker_delta(&m, e, &y, &x);
	for (int i = 1; i < 3; i++) {
		m.rows[i].codec = DV_CODEC_ZSTD;
		m.rows[i].enc += DV_REC_HEAD_DELTA - DV_REC_HEAD;
	}
	maker_publish(e, &m, '1');
	maker_release(&m);
	env_reopen(e);
	assert_unreadable(e, &x);
	assert_unreadable(e, &y);
	v = verified(e);
	assert_int_equal(v.bad_records, 2);
	quarantined(e, &v, 1, good, 1);
	free(x.p);
	free(y.p);
	free(b.p);
}

/* The delta was made against other bytes than its base has. */
static void other_base(void **state)
{
	struct env *e = *state;
	struct chunk a = chunk_rows(e, N, 1), other = chunk_rows(e, N, 7);
	struct chunk shorter = { .p = a.p, .n = N / 2 };
	const struct chunk *good[] = { &a };
	struct maker m = { 0 };
	struct dv_verify v;

	for (int k = 0; k < 2; k++) {
		struct chunk d = chunk_edit(e, k ? &other : &a, 2);
		struct made made = make_delta(e, &d, k ? &other : &shorter);
		char *pack = maker_path(e, "packs", '1');

		made.rec.base = a.id;
		maker_whole(&m, e, &a);
		maker_add(&m, made);
		maker_publish(e, &m, '1');
		maker_release(&m);
		env_reopen(e);
		assert_unreadable(e, &d);
		v = verified(e);
		assert_int_equal(v.bad_records, 1);
		assert_true(named(&v, &d));
		if (k)
			quarantined(e, &v, 1, good, 1);
		else
			dv_verify_release(&v);
		unlink(pack);
		free(pack);
		free(d.p);
	}
	free(a.p);
	free(other.p);
}

static void damaged_base(void **state)
{
	enum { MANY = 5 };
	struct env *e = *state;
	struct chunk a = chunk_rows(e, N, 1), b = chunk_rows(e, N, 2), d[MANY];
	struct chunk f = chunk_edit(e, &b, 4);
	const struct chunk *good[] = { &b, &f };
	char *pack = maker_path(e, "packs", '1');
	struct maker m = { 0 };
	struct dv_verify v;

	maker_whole(&m, e, &a);
	maker_whole(&m, e, &b);
	maker_publish(e, &m, '1');
	maker_release(&m);
	maker_delta(&m, e, &f, &b);
	for (int i = 0; i < MANY; i++) {
		d[i] = chunk_edit(e, &a, 10 + (uint64_t)i);
		maker_delta(&m, e, &d[i], &a);
	}
	maker_publish(e, &m, '2');
	maker_release(&m);
	damage(pack, DV_PACK_HEAD + DV_REC_HEAD + 5000);
	env_reopen(e);
	v = verified(e);
	assert_int_equal(v.bad_records, 1 + MANY);
	assert_true(named(&v, &a));
	for (int i = 0; i < MANY; i++) {
		assert_true(named(&v, &d[i]));
		assert_unreadable(e, &d[i]);
	}
	assert_false(named(&v, &b) || named(&v, &f));
	quarantined(e, &v, 2, good, 2);
	assert_false(has_chunk(e, &d[0]));
	free(pack);
	free_chunks(d, MANY);
	free(a.p);
	free(b.p);
	free(f.p);
}

/* The base's pack is bad elsewhere: the base stays whole, in a new pack. */
static void base_moves_in_quarantine(void **state)
{
	struct env *e = *state;
	struct chunk y = chunk_rows(e, N, 1), x = chunk_edit(e, &y, 2);
	struct chunk d = chunk_edit(e, &x, 3), bad = chunk_rows(e, N, 4);
	const struct chunk *good[] = { &x, &y, &d };
	char *pack = maker_path(e, "packs", '1');
	struct maker m = { 0 };
	struct dv_verify v;

	maker_whole(&m, e, &bad);
	maker_whole(&m, e, &x);
	maker_publish(e, &m, '1');
	maker_release(&m);
	/* A second copy of the base, as a delta, must not make it superfluous. */
	maker_whole(&m, e, &y);
	maker_delta(&m, e, &x, &y);
	maker_delta(&m, e, &d, &x);
	maker_publish(e, &m, '2');
	maker_release(&m);
	damage(pack, DV_PACK_HEAD + DV_REC_HEAD + 5000);
	env_reopen(e);
	v = verified(e);
	assert_int_equal(v.bad_records, 1);
	quarantined(e, &v, 1, good, 3);
	free(pack);
	free(x.p);
	free(y.p);
	free(d.p);
	free(bad.p);
}

/*
 * Reading a base through a delta looks for packs once more: those that are
 * being moved away must not come back by that, or their records are lost.
 */
static void rescan_in_quarantine(void **state)
{
	struct env *e = *state;
	struct chunk y = chunk_rows(e, N, 1), x = chunk_edit(e, &y, 2);
	struct chunk d = chunk_edit(e, &x, 3), z = chunk_rows(e, N, 4);
	struct chunk f = chunk_edit(e, &z, 5);
	const struct chunk *good[] = { &x, &y, &z, &f };
	char *pack = maker_path(e, "packs", '1');
	struct maker m = { 0 };
	struct dv_verify v;

	maker_whole(&m, e, &x);
	maker_whole(&m, e, &y);
	maker_whole(&m, e, &z);
	maker_publish(e, &m, '1');
	maker_release(&m);
	maker_delta(&m, e, &x, &y);
	maker_publish(e, &m, '2');
	maker_release(&m);
	maker_delta(&m, e, &d, &x);
	maker_delta(&m, e, &f, &z);
	maker_publish(e, &m, '3');
	maker_release(&m);
	damage(pack, DV_PACK_HEAD + DV_REC_HEAD + 5000);
	env_reopen(e);
	v = verified(e);
	assert_true(named(&v, &d));
	/* As after many others. */
	dv_bases_release(&e->s.bases);
	dv_bases_init(&e->s.bases);
	quarantined(e, &v, 2, good, 4);
	free(pack);
	free(x.p);
	free(y.p);
	free(z.p);
	free(d.p);
	free(f.p);
}

/* Workers that miss bases look for new packs, and there are some. */
struct publisher {
	pthread_t thread;
	struct env *e;
	int done;
};

static void *publish_many(void *arg)
{
	struct publisher *p = arg;
	char *path = dv_fmt("%s/dv", p->e->dir);
	struct dv_err err = { 0 };
	struct dv_coder c;
	struct dv_store s;
	uint8_t b[64];
	int rc = dv_coder_init(&c, &err);

	if (!rc)
		rc = dv_store_open(&s, path, 0, &err);
	for (uint64_t i = 0; !rc && i < 200; i++) {
		struct dv_txn t = { 0 };
		struct dv_id id;

		test_noise(b, sizeof(b), i);
		dv_sha256_of(c.sha, b, sizeof(b), &id);
		rc = dv_txn_begin(&t, &s, 0, &err);
		if (!rc)
			rc = dv_txn_put(&t, &c, DV_KIND_CHUNK, &id, b,
					sizeof(b), &err);
		if (!rc)
			rc = dv_txn_commit(&t, &err);
		dv_txn_end(&t);
	}
	dv_store_close(&s);
	dv_coder_release(&c);
	free(path);
	__atomic_store_n(&p->done, 1, __ATOMIC_RELAXED);
	return rc ? arg : NULL;
}

static void verify_beside_a_writer(void **state)
{
	enum { MANY = 12 };
	struct env *e = *state;
	struct chunk a = chunk_rows(e, 4000, 1);
	struct publisher p = { .e = e };
	void *failed;

	for (int i = 0; i < MANY; i++) {
		struct maker m = { 0 };

		for (int k = 0; k < 10; k++) {
			struct chunk d = chunk_edit(e, &a,
						    (uint64_t)(100 * i + k));

			maker_delta(&m, e, &d, &a);
			free(d.p);
		}
		maker_publish(e, &m, (char)(i < 10 ? '0' + i : 'a' + i - 10));
		maker_release(&m);
	}
	env_reopen(e);
	assert_int_equal(pthread_create(&p.thread, NULL, publish_many, &p), 0);
	while (!__atomic_load_n(&p.done, __ATOMIC_RELAXED)) {
		struct dv_verify v = verified(e);

		assert_int_equal(v.bad_records, 10 * MANY);
		assert_int_equal(v.bad_packs, 0);
		dv_verify_release(&v);
	}
	assert_int_equal(pthread_join(p.thread, &failed), 0);
	assert_null(failed);
	free(a.p);
}

/*
 * A base that stands whole and also as a delta of two others: gc keeps all of
 * its copies, and what they need, whichever pack comes first.
 */
static void gc_keeps_bases_of_all_copies(void **state)
{
	struct env *e = *state;
	struct chunk c[4];	/* two bases, the one between, and its delta */
	struct dv_oid keep = { .scheme = DV_SCHEME_SHA256, .size = N };
	struct dv_err err = { 0 };
	struct dv_verify v;
	struct dv_gc g;

	c[0] = chunk_rows(e, N, 1);
	c[2] = chunk_edit(e, &c[0], 2);
	c[1] = chunk_edit(e, &c[2], 3);
	c[3] = chunk_edit(e, &c[2], 4);
	for (int order = 0; order < 2; order++) {
		static const char *const digits[2] = { "1234", "4321" };
		struct maker m = { 0 };

		maker_whole(&m, e, &c[0]);
		maker_whole(&m, e, &c[1]);
		maker_publish(e, &m, '0');
		maker_release(&m);
		maker_delta(&m, e, &c[2], &c[0]);
		maker_publish(e, &m, digits[order][0]);
		maker_release(&m);
		maker_delta(&m, e, &c[2], &c[1]);
		maker_publish(e, &m, digits[order][1]);
		maker_release(&m);
		maker_whole(&m, e, &c[2]);
		maker_publish(e, &m, digits[order][2]);
		maker_release(&m);
		maker_delta(&m, e, &c[3], &c[2]);
		maker_publish(e, &m, digits[order][3]);
		maker_release(&m);
		env_reopen(e);
		keep.id = c[3].id;
		assert_ok(dv_gc_begin(&g, &e->s, e->pool, DV_GC_LOCK, &err));
		g.young = INT64_MAX;
		assert_ok(dv_gc_keep(&g, &keep, &err));
		assert_ok(dv_gc_plan(&g, &err));
		assert_ok(dv_gc_sweep(&g, &err));
		dv_gc_end(&g);
		env_reopen(e);
		v = verified(e);
		assert_int_equal(v.bad_records, 0);
		dv_verify_release(&v);
		assert_true(has_chunk(e, &c[3]));
		/* All of it goes at last. */
		assert_ok(dv_gc_begin(&g, &e->s, e->pool, DV_GC_LOCK, &err));
		g.young = INT64_MAX;
		assert_ok(dv_gc_plan(&g, &err));
		assert_ok(dv_gc_sweep(&g, &err));
		dv_gc_end(&g);
		assert_int_equal(env_count(e, "packs"), 0);
	}
	free_chunks(c, 4);
}

/* A delta without its base is not content that is here, whoever asks. */
static void delta_without_base_is_not_here(void **state)
{
	struct env *e = *state;
	struct chunk base = chunk_rows(e, N, 1);
	struct chunk delta = chunk_edit(e, &base, 2);
	struct dv_oid oid = { .scheme = DV_SCHEME_SHA256, .size = N };
	struct dv_err err = { 0 };
	struct maker m = { 0 };

	maker_delta(&m, e, &delta, &base);
	maker_publish(e, &m, '1');
	maker_release(&m);
	env_reopen(e);
	oid.id = delta.id;
	assert_int_equal(dv_content_complete(&e->s, &e->c, &oid, &err), 0);
	maker_whole(&m, e, &base);
	maker_publish(e, &m, '2');
	maker_release(&m);
	env_reopen(e);
	assert_int_equal(dv_content_complete(&e->s, &e->c, &oid, &err), 1);
	free(base.p);
	free(delta.p);
}

/* The copy that is relied upon may have its base among the merged packs. */
static void merge_reads_a_copy_with_a_base(void **state)
{
	struct env *e = *state;
	struct chunk y = chunk_rows(e, N, 1), x = chunk_edit(e, &y, 2);
	struct maker big = { 0 }, m = { 0 };
	struct dv_err err = { 0 };

	maker_delta(&big, e, &x, &y);
	maker_fill(&big, e, N);
	maker_publish(e, &big, '1');
	maker_whole(&m, e, &y);
	maker_publish(e, &m, '3');
	maker_release(&m);
	maker_delta(&m, e, &x, &y);
	maker_publish(e, &m, '2');
	maker_release(&m);
	publish_small(e, '4');
	env_reopen(e);
	assert_ok(dv_store_merge_small(&e->s, &err));
	env_reopen(e);
	assert_int_equal(env_count(e, "packs"), 2);
	assert_true(has_chunk(e, &x) && has_chunk(e, &y));
	assert_sound(e);
	maker_release(&big);
	free(x.p);
	free(y.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STORE(base_is_missing),
		IN_STORE(gc_keeps_bases_of_all_copies),
		IN_STORE(delta_without_base_is_not_here),
		IN_STORE(base_is_a_delta),
		IN_STORE(cycle),
		IN_STORE(table_hides_a_cycle),
		IN_STORE(other_base),
		IN_STORE(damaged_base),
		IN_STORE(base_moves_in_quarantine),
		IN_STORE(rescan_in_quarantine),
		IN_STORE(verify_beside_a_writer),
		IN_STORE(merge_reads_a_copy_with_a_base),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
