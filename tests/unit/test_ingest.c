#include "refchunk.h"
#include "storelib.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static void assert_ref(const struct dv_oid *oid, const uint8_t *p, size_t n)
{
	char want[80];

	ref_oid(p, n, want);
	if (!n) {
		assert_int_equal(oid->scheme, 0);
		assert_int_equal(oid->size, 0);
		return;
	}
	assert_string_equal(dv_oid_text(oid).s, want);
	assert_true(oid->size == n);
}

static void equals_the_reference(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 32767, 32768, 32769, 65536,
		100000, 262143, 262144, 262145, 300000, 1 << 20, (2 << 20) - 1,
		2 << 20, (2 << 20) + 1, (4 << 20) - 1, 4 << 20, (4 << 20) + 1,
		5000000 };
	static const size_t steps[] = { SIZE_MAX, 65536, 65516, 1000003 };
	struct env *e = *state;
	uint8_t *b = test_alloc(5000000);
	struct dv_txn t = { 0 };
	struct dv_ingest *with, *without;
	struct dv_err err = { 0 };

	assert_ok(dv_txn_begin(&t, &e->s, 1, &err));
	assert_ok(dv_ingest_open(&with, &t, e->pool, &err));
	assert_ok(dv_ingest_open(&without, NULL, e->pool, &err));
	for (size_t i = 0; i < DV_ARRAY_SIZE(sizes); i++) {
		size_t n = sizes[i], step = steps[i % DV_ARRAY_SIZE(steps)];
		struct dv_oid oid, again;

		if (i % 3 == 2)
			memset(b, 0, n);
		else if (i % 3)
			test_text(b, n, i);
		else
			test_noise(b, n, i);
		oid = ingest_bytes(with, b, n, step, NULL);
		assert_ref(&oid, b, n);
		again = ingest_bytes(without, b, n, SIZE_MAX, NULL);
		assert_true(dv_oid_eq(&oid, &again));
		assert_ok(dv_txn_commit(&t, &err));
		if (n)
			assert_content(e, &oid, b, n);
	}
	dv_ingest_close(with);
	dv_ingest_close(without);
	dv_ingest_close(NULL);
	dv_txn_end(&t);
	free(b);
}

static void frozen_vectors(void **state)
{
	struct env *e = *state;
	uint8_t *z = calloc(1, 600000);
	uint8_t *v = test_alloc(2 << 20), in[29] = "git-dv test vector 1";
	struct dv_oid oid;
	struct dv_id id;

	assert_non_null(z);
	oid = store_bytes(e, z, 262145, NULL);
	assert_string_equal(dv_oid_text(&oid).s,
		"dv1:846743c374a140baf6e9b4274893c0624940adcae294b52fad1b7ef84a6e89a3");
	oid = store_bytes(e, z, 600000, NULL);
	assert_string_equal(dv_oid_text(&oid).s,
		"dv1:d1866a4c94d88972a941cd208c58d37ac0524ec0a661c976442793171061cd42");
	for (uint64_t i = 0; i < 65536; i++) {
		dv_put64(in + 21, i);
		dv_sha256_of(e->c.sha, in, sizeof(in), &id);
		memcpy(v + 32 * i, id.b, 32);
	}
	oid = store_bytes(e, v, 2 << 20, NULL);
	assert_string_equal(dv_oid_text(&oid).s,
		"dv1:f789aaa9a4724a5e533157a4fbf22be844a80527ee4592f5964ebb0671506539");
	free(z);
	free(v);
}

/* Trickled bytes and memory that is used many times over. */
static void many_regions(void **state)
{
	struct env *e = *state;
	size_t n = 40 << 20;
	uint8_t *b = test_alloc(n);
	struct dv_txn t = { 0 };
	struct dv_ingest *in;
	struct dv_err err = { 0 };
	struct dv_oid oid, again;

	/* Too much for the slow reference: the plain cutter stands in. */
	test_noise(b, n, 11);
	assert_ok(dv_txn_begin(&t, &e->s, 0, &err));
	assert_ok(dv_ingest_open(&in, &t, e->pool, &err));
	oid = ingest_bytes(in, b, n, 65516, NULL);
	again = ingest_bytes(in, b, n, 3333333, NULL);
	assert_true(dv_oid_eq(&oid, &again));
	assert_ok(dv_txn_commit(&t, &err));
	again = ingest_like(in, b, n, 65516, &oid, 1);
	assert_true(dv_oid_eq(&oid, &again));
	assert_int_equal(t.dirty, 0);
	dv_ingest_close(in);
	dv_txn_end(&t);
	assert_content(e, &oid, b, n);
	free(b);
}

/*
 * With a previous version the id is what it is without. Versions are stored
 * raw, so that the comparison takes part. `ours`: their cuts are by the rule.
 */
static void assert_predicted_as(struct env *e, const struct dv_oid *previous,
				const uint8_t *b, size_t n, int ours)
{
	static const size_t steps[] = { 65516, SIZE_MAX, 65516, 700001 };
	struct dv_txn t = { 0 };
	struct dv_ingest *in, *plain;
	struct dv_err err = { 0 };
	struct dv_oid oid, want;

	assert_ok(dv_ingest_open(&plain, NULL, e->pool, &err));
	want = ingest_bytes(plain, b, n, SIZE_MAX, NULL);
	dv_ingest_close(plain);
	assert_ok(dv_txn_begin(&t, &e->s, 0, &err));
	assert_ok(dv_ingest_open(&in, &t, e->pool, &err));
	for (int i = 0; i < (ours ? 4 : 2); i++) {
		oid = ingest_like(in, b, n, steps[i], previous, i >= 2);
		assert_string_equal(dv_oid_text(&oid).s, dv_oid_text(&want).s);
		assert_true(dv_oid_eq(&oid, &want));
	}
	assert_ok(dv_txn_commit(&t, &err));
	dv_ingest_close(in);
	dv_txn_end(&t);
	if (n)
		assert_content(e, &oid, b, n);
}

static void assert_predicted(struct env *e, const struct dv_oid *previous,
			     const uint8_t *b, size_t n)
{
	assert_predicted_as(e, previous, b, n, 1);
}

static struct dv_oid store_raw(struct env *e, const uint8_t *b, size_t n)
{
	struct dv_txn t = { 0 };
	struct dv_ingest *in;
	struct dv_err err = { 0 };
	struct dv_oid oid;

	assert_ok(dv_txn_begin(&t, &e->s, 0, &err));
	assert_ok(dv_ingest_open(&in, &t, e->pool, &err));
	oid = ingest_bytes(in, b, n, SIZE_MAX, NULL);
	assert_ok(dv_txn_commit(&t, &err));
	dv_ingest_close(in);
	dv_txn_end(&t);
	return oid;
}

static void previous_version(void **state)
{
	struct env *e = *state;
	size_t n = 6 << 20, room = n + (1 << 20), last, at;
	uint8_t *v0 = test_alloc(room), *b = test_alloc(room);
	struct dv_oid prev, none = { .scheme = DV_SCHEME_DV1, .size = 99999 };

	test_noise(v0, room, 21);
	prev = store_raw(e, v0, n);
	for (at = last = 0; at < n; at += last)
		last = dv_chunk_cut(v0 + at, n - at);

	memcpy(b, v0, room);
	assert_predicted(e, &prev, b, n);		/* the same */
	assert_predicted(e, &prev, b, room);		/* append */
	assert_predicted(e, &prev, b, n + 1);
	assert_predicted(e, &prev, b, n - 1);		/* truncate */
	assert_predicted(e, &prev, b, n - last);	/* at a boundary */
	assert_predicted(e, &prev, b, n - last + 1);
	assert_predicted(e, &prev, b, 3 << 20);
	assert_predicted(e, &prev, b, 100000);
	assert_predicted(e, &prev, b, 1);
	assert_predicted(e, &prev, b, 0);
	assert_predicted(e, &none, b, n);		/* not in the store */

	b[0] ^= 1;					/* overwrite */
	assert_predicted(e, &prev, b, n);
	b[n / 2] ^= 1;
	b[n / 2 + 200000] ^= 1;
	b[n - 1] ^= 1;
	assert_predicted(e, &prev, b, n);
	memset(b + (3 << 20), 0, 900000);
	assert_predicted(e, &prev, b, n);

	memcpy(b, v0, 1 << 20);				/* insert */
	b[1 << 20] = 'x';
	memcpy(b + (1 << 20) + 1, v0 + (1 << 20), n - (1 << 20));
	assert_predicted(e, &prev, b, n + 1);
	test_noise(b, 500000, 5);			/* in front */
	memcpy(b + 500000, v0, n);
	assert_predicted(e, &prev, b, n + 500000);

	memcpy(b, v0 + 12345, n - 12345);		/* delete in front */
	assert_predicted(e, &prev, b, n - 12345);
	memcpy(b, v0, 2 << 20);				/* in the middle */
	memcpy(b + (2 << 20), v0 + (3 << 20), 3 << 20);
	assert_predicted(e, &prev, b, 5 << 20);
	memcpy(b, v0 + (3 << 20), 3 << 20);		/* halves swapped */
	memcpy(b + (3 << 20), v0, 3 << 20);
	assert_predicted(e, &prev, b, n);
	test_noise(b, n, 99);				/* nothing alike */
	assert_predicted(e, &prev, b, n);
	free(v0);
	free(b);
}

/* The reference agrees with what prediction makes, not only the cutter. */
static void previous_against_reference(void **state)
{
	struct env *e = *state;
	size_t n = 3 << 20;
	uint8_t *b = test_alloc(n + 100);
	struct dv_txn t = { 0 };
	struct dv_ingest *in;
	struct dv_err err = { 0 };
	struct dv_oid prev, oid;

	test_noise(b, n + 100, 31);
	prev = store_raw(e, b, n);
	memmove(b + 1000100, b + 1000000, n - 1000000);
	assert_ok(dv_txn_begin(&t, &e->s, 0, &err));
	assert_ok(dv_ingest_open(&in, &t, e->pool, &err));
	oid = ingest_bytes(in, b, n + 100, SIZE_MAX, &prev);
	assert_ref(&oid, b, n + 100);
	/* Most of it was there: little is new. */
	assert_ok(dv_txn_commit(&t, &err));
	assert_true(t.raw < 800000);
	dv_ingest_close(in);
	dv_txn_end(&t);
	free(b);
}

/* Runs of equal chunks: the window must not skip what is still to come. */
static void repetitive_content(void **state)
{
	struct env *e = *state;
	size_t n = 8 << 20;
	uint8_t *b = calloc(1, n);
	struct dv_oid prev;

	assert_non_null(b);
	test_noise(b + (2 << 20), 300000, 1);
	test_noise(b + (5 << 20), 70000, 2);
	prev = store_raw(e, b, n);
	assert_predicted(e, &prev, b, n);
	assert_predicted(e, &prev, b, n - 100000);
	memset(b + (2 << 20), 0, 300000);
	assert_predicted(e, &prev, b, n);
	test_noise(b + 1000, 50, 3);
	assert_predicted(e, &prev, b, n);
	free(b);
}

/*
 * A list whose cuts are not those of the rule has a valid id all the same
 * (only a full verify rechunks). The id of new content must not follow it.
 */
static void foreign_cuts_do_not_spread(void **state)
{
	struct env *e = *state;
	size_t n = 1 << 20, step = 50000;
	uint8_t *b = test_alloc(n);
	struct dv_list_builder list = { 0 };
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };
	struct dv_oid prev;
	int last, rc = 0;

	test_noise(b, n, 41);
	assert_ok(dv_txn_begin(&t, &e->s, 0, &err));
	dv_list_init(&list);
	for (size_t at = 0; at < n; at += step) {
		size_t len = DV_MIN(step, n - at);
		struct dv_id id;

		dv_sha256_of(e->c.sha, b + at, len, &id);
		assert_ok(dv_txn_put(&t, &e->c, DV_KIND_CHUNK, &id, b + at,
				     len, &err));
		rc = dv_list_add(&list, e->c.sha, (uint32_t)len, &id, &err);
		assert_int_equal(rc, 0);
	}
	assert_ok(dv_list_finish(&list, e->c.sha, &prev, &last, &err));
	assert_int_equal(last, 1);
	assert_ok(dv_txn_put(&t, &e->c, DV_KIND_SEGMENT, &list.seg_id,
			     list.seg.p, list.seg.n, &err));
	assert_ok(dv_txn_put(&t, &e->c, DV_KIND_FILE, &prev.id, list.file.p,
			     list.file.n, &err));
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
	dv_list_release(&list);
	assert_content(e, &prev, b, n);
	assert_predicted_as(e, &prev, b, n, 0);
	free(b);
}

static void whole_and_digest(void **state)
{
	struct env *e = *state;
	size_t n = 2 << 20;
	uint8_t *b = test_alloc(n + 1), *to, out[16];
	struct dv_ingest *in;
	struct dv_err err = { 0 };
	XXH128_canonical_t canon;
	size_t cap;

	test_noise(b, n + 1, 1);
	assert_ok(dv_ingest_open(&in, NULL, e->pool, &err));
	for (size_t len = n; len <= n + 1; len++) {
		struct dv_oid oid;

		assert_ok(dv_ingest_begin(in, NULL, 0, &err));
		for (size_t at = 0, m; at < len; at += m) {
			assert_ok(dv_ingest_space(in, &to, &cap, &err));
			m = DV_MIN(DV_MIN(cap, (size_t)99999), len - at);
			memcpy(to, b + at, m);
			assert_ok(dv_ingest_got(in, m, &err));
		}
		if (len == n) {
			assert_non_null(dv_ingest_whole(in));
			assert_memory_equal(dv_ingest_whole(in), b, n);
			dv_ingest_digest(in, 77, out);
			XXH128_canonicalFromHash(&canon,
				XXH3_128bits_withSeed(b, n, 77));
			assert_memory_equal(out, canon.digest, 16);
		} else {
			assert_null(dv_ingest_whole(in));
		}
		assert_ok(dv_ingest_finish(in, &oid, &err));
	}
	dv_ingest_close(in);
	free(b);
}

/* A file given up half way leaves nothing in the next one. */
static void abort_forgets(void **state)
{
	struct env *e = *state;
	size_t n = 7 << 20;
	uint8_t *b = test_alloc(n), *to;
	struct dv_txn t = { 0 };
	struct dv_ingest *in;
	struct dv_err err = { 0 };
	struct dv_oid oid;
	size_t cap;

	test_noise(b, n, 3);
	assert_ok(dv_txn_begin(&t, &e->s, 1, &err));
	assert_ok(dv_ingest_open(&in, &t, e->pool, &err));
	for (int round = 0; round < 3; round++) {
		assert_ok(dv_ingest_begin(in, NULL, 0, &err));
		for (size_t at = 0, m; at < n - 1000; at += m) {
			assert_ok(dv_ingest_space(in, &to, &cap, &err));
			m = DV_MIN(cap, n - 1000 - at);
			memcpy(to, b + 1000 + at, m);
			assert_ok(dv_ingest_got(in, m, &err));
		}
		if (round != 1)		/* begin alone must do as well */
			dv_ingest_abort(in);
	}
	oid = ingest_bytes(in, b, 400000, SIZE_MAX, NULL);
	assert_ref(&oid, b, 400000);
	dv_ingest_close(in);
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
	assert_content(e, &oid, b, 400000);
	free(b);
}

/* Small files are answered first; a flush and a commit put them all. */
static void deferred(void **state)
{
	enum { FILES = 400, EACH = 9001 };
	struct env *e = *state;
	uint8_t *b = test_alloc(FILES * EACH);
	struct dv_oid *oid = calloc(FILES, sizeof(*oid)), big;
	struct dv_txn t = { 0 };
	struct dv_ingest *in;
	struct dv_err err = { 0 };

	assert_non_null(oid);
	test_noise(b, FILES * EACH, 8);
	assert_ok(dv_txn_begin(&t, &e->s, 1, &err));
	assert_ok(dv_ingest_open(&in, &t, e->pool, &err));
	dv_ingest_defer(in);
	for (size_t i = 0; i < FILES; i++) {
		/* Also equal ones, and a large one between them. */
		oid[i] = ingest_bytes(in, b + i / 2 * EACH, EACH - i % 2,
				      SIZE_MAX, NULL);
		if (i == FILES / 2)
			big = ingest_bytes(in, b, FILES * EACH, 65516, NULL);
		if (i % 7 == 0)
			(void)ingest_bytes(in, b, EACH, SIZE_MAX, NULL);
		if (i == FILES / 4) {
			assert_ok(dv_ingest_flush(in, &err));
			assert_ok(dv_txn_sync(&t, &err));
		}
	}
	assert_ok(dv_ingest_flush(in, &err));
	assert_ok(dv_txn_commit(&t, &err));
	for (size_t i = 0; i < FILES; i++)
		assert_content(e, &oid[i], b + i / 2 * EACH, EACH - i % 2);
	assert_content(e, &big, b, FILES * EACH);
	dv_ingest_close(in);
	dv_txn_end(&t);
	free(oid);
	free(b);
}

/* What fails behind an answer fails the commit. */
static void deferred_failure(void **state)
{
	struct env *e = *state;
	char *incoming = env_path(e, "incoming"), *away = env_path(e, "away");
	struct dv_txn t = { 0 };
	struct dv_ingest *in;
	struct dv_err err = { 0 };
	struct dv_oid oid;
	uint8_t b[1000];

	test_noise(b, sizeof(b), 3);
	assert_ok(dv_txn_begin(&t, &e->s, 1, &err));
	assert_ok(dv_ingest_open(&in, &t, e->pool, &err));
	dv_ingest_defer(in);
	oid = ingest_bytes(in, b, sizeof(b), SIZE_MAX, NULL);
	assert_int_equal(oid.scheme, DV_SCHEME_SHA256);
	assert_int_equal(rename(incoming, away), 0);
	assert_true(dv_ingest_flush(in, &err) < 0);
	assert_true(dv_txn_commit(&t, NULL) < 0);
	dv_ingest_close(in);
	dv_txn_end(&t);
	assert_int_equal(rename(away, incoming), 0);
	/* What was answered is salvaged all the same. */
	env_reopen(e);
	assert_content(e, &oid, b, sizeof(b));
	free(incoming);
	free(away);
}

/* A transaction that has failed gives no id. */
static void failed_transaction(void **state)
{
	struct env *e = *state;
	size_t n = 5 << 20;
	uint8_t *b = test_alloc(n), *to;
	char *incoming = env_path(e, "incoming"), *away = env_path(e, "away");
	struct dv_txn t = { 0 };
	struct dv_ingest *in;
	struct dv_err err = { 0 };
	struct dv_oid oid;
	size_t cap;
	int rc = 0;

	test_noise(b, n, 3);
	assert_ok(dv_txn_begin(&t, &e->s, 1, &err));
	assert_ok(dv_ingest_open(&in, &t, e->pool, &err));
	assert_int_equal(rename(incoming, away), 0);
	assert_ok(dv_ingest_begin(in, NULL, 0, &err));
	for (size_t at = 0, m; at < n && !rc; at += m) {
		rc = dv_ingest_space(in, &to, &cap, &err);
		m = DV_MIN(cap, n - at);
		if (rc)
			break;
		memcpy(to, b + at, m);
		rc = dv_ingest_got(in, m, &err);
	}
	if (!rc)
		rc = dv_ingest_finish(in, &oid, &err);
	assert_true(rc < 0);
	assert_int_equal(err.status, rc);
	assert_true(dv_txn_commit(&t, NULL) < 0);
	dv_ingest_close(in);
	dv_txn_end(&t);
	assert_int_equal(rename(away, incoming), 0);
	free(incoming);
	free(away);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STORE(equals_the_reference),
		IN_STORE(frozen_vectors),
		IN_STORE(many_regions),
		IN_STORE(previous_version),
		IN_STORE(previous_against_reference),
		IN_STORE(repetitive_content),
		IN_STORE(foreign_cuts_do_not_spread),
		IN_STORE(whole_and_digest),
		IN_STORE(abort_forgets),
		IN_STORE(deferred),
		IN_STORE(deferred_failure),
		IN_STORE(failed_transaction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
