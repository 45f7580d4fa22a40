#include "storelib.h"

/* Lists by hand: what a store may hold that no ingest would write. */
static struct dv_id put_record(struct env *e, enum dv_kind kind,
			       const void *p, size_t n)
{
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };
	struct dv_id id;

	dv_record_id(e->c.sha, kind, p, n, &id);
	assert_ok(dv_txn_begin(&t, &e->s, 3, &err));
	assert_ok(dv_txn_put(&t, &e->c, kind, &id, p, n, &err));
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
	return id;
}

static size_t seg_of(uint8_t *p, const uint32_t *lens, const struct dv_id *ids,
		     uint32_t n)
{
	dv_put32(p, n);
	for (uint32_t i = 0; i < n; i++) {
		dv_put32(p + 4 + 36 * i, lens[i]);
		memcpy(p + 8 + 36 * i, ids[i].b, 32);
	}
	return 4 + 36 * (size_t)n;
}

static struct dv_oid put_list(struct env *e, const uint64_t *bytes,
			      const struct dv_id *segs, uint32_t n)
{
	uint8_t p[13 + 40 * 8] = { 1 };
	struct dv_oid oid = { .scheme = DV_SCHEME_DV1 };

	for (uint32_t i = 0; i < n; i++) {
		oid.size += bytes[i];
		dv_put64(p + 13 + 40 * i, bytes[i]);
		memcpy(p + 21 + 40 * i, segs[i].b, 32);
	}
	dv_put64(p + 1, oid.size);
	dv_put32(p + 9, n);
	oid.id = put_record(e, DV_KIND_FILE, p, 13 + 40 * (size_t)n);
	return oid;
}

static void walks_in_order(void **state)
{
	struct env *e = *state;
	size_t n = 9 << 20;
	uint8_t *b = test_alloc(n);
	struct dv_content c;
	struct dv_err err = { 0 };
	struct dv_oid oid;
	struct dv_id id, want;
	uint32_t len;
	size_t at = 0;
	int rc;

	test_noise(b, n, 3);
	oid = store_bytes(e, b, n, NULL);
	assert_int_equal(oid.scheme, DV_SCHEME_DV1);
	assert_int_equal(dv_content_complete(&e->s, &e->c, &oid, &err), 1);
	assert_true(dv_store_has_file(&e->s, &oid));
	assert_ok(dv_content_open(&c, &e->s, &e->c, &oid, &err));
	while ((rc = dv_content_next(&c, &id, &len, &err)) == 1) {
		assert_int_equal(len, dv_chunk_cut(b + at, n - at));
		dv_sha256_of(e->c.sha, b + at, len, &want);
		assert_true(dv_id_eq(&id, &want));
		at += len;
		assert_true(c.off == at);
	}
	assert_int_equal(rc, 0);
	assert_int_equal(at, n);
	assert_int_equal(dv_content_next(&c, &id, &len, &err), 0);
	dv_content_close(&c);
	assert_content(e, &oid, b, n);
	free(b);
}

static void one_chunk(void **state)
{
	struct env *e = *state;
	struct dv_oid oid = store_bytes(e, (const uint8_t *)"hello\n", 6, NULL);
	struct dv_oid bare = oid;
	struct dv_content c;
	struct dv_err err = { 0 };
	struct dv_id id;
	uint32_t len;

	assert_int_equal(oid.scheme, DV_SCHEME_SHA256);
	assert_content(e, &oid, (const uint8_t *)"hello\n", 6);
	bare.size = 0;		/* named on a command line */
	assert_ok(dv_content_open(&c, &e->s, &e->c, &bare, &err));
	assert_int_equal(dv_content_next(&c, &id, &len, &err), 1);
	assert_int_equal(len, 6);
	assert_int_equal(dv_content_next(&c, &id, &len, &err), 0);
	dv_content_close(&c);
	oid.size = 7;
	assert_fails(dv_content_open(&c, &e->s, &e->c, &oid, &err),
		     DV_ECORRUPT);
	oid.size = 6;
	oid.id.b[0] ^= 1;
	assert_fails(dv_content_open(&c, &e->s, &e->c, &oid, &err),
		     DV_ENOTFOUND);
	assert_int_equal(dv_content_complete(&e->s, &e->c, &oid, &err), 0);
}

static int count_kinds(enum dv_kind kind, const struct dv_id *id, void *arg)
{
	int *n = arg;

	(void)id;
	n[kind]++;
	return 0;
}

static int stop_at_second(enum dv_kind kind, const struct dv_id *id, void *arg)
{
	int *n = arg;

	(void)kind;
	(void)id;
	return ++*n == 2 ? 17 : 0;
}

static void missing_is_named(void **state)
{
	struct env *e = *state;
	struct dv_id chunk[3], seg[2];
	uint32_t len[64];
	struct dv_id ids[64];
	uint64_t bytes[2];
	uint8_t p[4 + 36 * 64];
	struct dv_oid oid, gone;
	struct dv_err err = { 0 };
	int n[4] = { 0 }, calls = 0;

	for (int i = 0; i < 3; i++) {
		uint8_t b[100];

		memset(b, i, sizeof(b));
		dv_sha256_of(e->c.sha, b, sizeof(b), &chunk[i]);
		if (i == 1)
			put_record(e, DV_KIND_CHUNK, b, sizeof(b));
	}
	/* A first segment that ends by rule: its 64th id starts with zero. */
	for (int i = 0; i < 64; i++) {
		len[i] = 100;
		ids[i] = chunk[i < 60 ? 1 : 0];
	}
	memset(ids[63].b, 0, 32);
	seg[0] = put_record(e, DV_KIND_SEGMENT, p, seg_of(p, len, ids, 64));
	bytes[0] = 6400;
	seg_of(p, len, chunk, 3);
	dv_record_id(e->c.sha, DV_KIND_SEGMENT, p, 4 + 36 * 3, &seg[1]);
	bytes[1] = 300;
	oid = put_list(e, bytes, seg, 2);
	assert_int_equal(dv_content_missing(&e->s, &e->c, &oid, count_kinds, n,
					    &err), 0);
	assert_int_equal(n[DV_KIND_CHUNK], 4);
	assert_int_equal(n[DV_KIND_SEGMENT], 1);
	assert_int_equal(n[DV_KIND_FILE], 0);
	assert_int_equal(dv_content_missing(&e->s, &e->c, &oid, stop_at_second,
					    &calls, &err), 17);
	assert_int_equal(calls, 2);
	assert_int_equal(dv_content_complete(&e->s, &e->c, &oid, &err), 0);
	gone = oid;
	gone.id.b[3] ^= 1;
	memset(n, 0, sizeof(n));
	assert_int_equal(dv_content_missing(&e->s, &e->c, &gone, count_kinds,
					    n, &err), 0);
	assert_int_equal(n[DV_KIND_FILE], 1);
}

static int walk(struct env *e, const struct dv_oid *oid)
{
	struct dv_content c;
	struct dv_id id;
	uint32_t len;
	int rc = dv_content_open(&c, &e->s, &e->c, oid, NULL);

	if (rc)
		return rc;
	while ((rc = dv_content_next(&c, &id, &len, NULL)) == 1)
		;
	dv_content_close(&c);
	return rc;
}

/* Lists that match their ids, but not each other. */
static void lists_that_lie(void **state)
{
	struct env *e = *state;
	struct dv_id ids[3], seg[3];
	uint32_t len[3] = { 40000, 40000, 40000 };
	uint64_t bytes[3];
	uint8_t p[4 + 36 * 3], junk[50] = { 9 };
	struct dv_oid oid;

	for (int i = 0; i < 3; i++)
		memset(ids[i].b, i + 1, 32);
	seg[0] = put_record(e, DV_KIND_SEGMENT, p, seg_of(p, len, ids, 3));
	bytes[0] = 120000;
	oid = put_list(e, bytes, seg, 1);
	assert_int_equal(walk(e, &oid), 0);
	oid.size++;
	assert_int_equal(walk(e, &oid), DV_ECORRUPT);
	/* The sum of a segment is not what the list says. */
	bytes[0] = 120001;
	oid = put_list(e, bytes, seg, 1);
	assert_int_equal(walk(e, &oid), DV_ECORRUPT);
	/* A segment in the middle that only the end of a file could end. */
	bytes[0] = bytes[1] = 120000;
	seg[1] = seg[0];
	oid = put_list(e, bytes, seg, 2);
	assert_int_equal(walk(e, &oid), DV_ECORRUPT);
	/* A record of the right kind that is no segment. */
	seg[0] = put_record(e, DV_KIND_SEGMENT, junk, sizeof(junk));
	oid = put_list(e, bytes, seg, 1);
	assert_int_equal(walk(e, &oid), DV_ECORRUPT);
	/* One that is no file list. */
	oid.id = put_record(e, DV_KIND_FILE, junk, sizeof(junk));
	assert_int_equal(walk(e, &oid), DV_ECORRUPT);
	/* Named only. */
	memset(seg[0].b, 0x55, 32);
	oid = put_list(e, bytes, seg, 1);
	assert_int_equal(walk(e, &oid), DV_ENOTFOUND);
}

/* A segment's preimage is a file too; the kinds stay apart. */
static void kinds_stay_apart(void **state)
{
	struct env *e = *state;
	struct dv_id ids[1] = { { { 7 } } }, seg;
	uint32_t len[1] = { 5 };
	uint8_t p[8 + 40];
	struct dv_oid oid = { .scheme = DV_SCHEME_SHA256 };

	memcpy(p, "dv-seg1", 8);
	seg = put_record(e, DV_KIND_SEGMENT, p + 8, seg_of(p + 8, len, ids, 1));
	dv_sha256_of(e->c.sha, p, sizeof(p), &oid.id);
	assert_true(dv_id_eq(&oid.id, &seg));
	oid.size = sizeof(p);
	assert_false(dv_store_has_file(&e->s, &oid));
	oid = store_bytes(e, p, sizeof(p), NULL);
	assert_true(dv_id_eq(&oid.id, &seg));
	assert_content(e, &oid, p, sizeof(p));
	assert_true(dv_store_has(&e->s, DV_KIND_SEGMENT, &seg));
}

static int fail_at_third(void *arg, const void *p, size_t n,
			 struct dv_err *err)
{
	int *calls = arg;

	(void)p;
	(void)n;
	return ++*calls == 3 ? dv_err_set(err, DV_EIO, "full") : 0;
}

static void sink_errors_come_back(void **state)
{
	struct env *e = *state;
	size_t n = 2 << 20;
	uint8_t *b = test_alloc(n);
	struct dv_err err = { 0 };
	struct dv_oid oid;
	int calls = 0;

	test_noise(b, n, 1);
	oid = store_bytes(e, b, n, NULL);
	assert_fails(dv_content_each(&e->s, &e->c, &oid, fail_at_third, &calls,
				     &err), DV_EIO);
	assert_int_equal(calls, 3);
	assert_string_equal(err.msg, "full");
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STORE(walks_in_order),
		IN_STORE(one_chunk),
		IN_STORE(missing_is_named),
		IN_STORE(lists_that_lie),
		IN_STORE(kinds_stay_apart),
		IN_STORE(sink_errors_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
