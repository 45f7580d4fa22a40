#include "testlib.h"

#include "format/list.h"

static struct dv_sha256 *sha;

static int setup(void **state)
{
	(void)state;
	sha = dv_sha256_open();
	return sha ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	dv_sha256_close(sha);
	return 0;
}

struct built {
	struct dv_list_builder b;
	struct dv_oid oid;
	uint32_t seg[64];	/* chunks of each segment */
	uint32_t nseg;
};

static void seg_done(struct built *t)
{
	struct dv_err err = { 0 };
	struct dv_seg seg;
	struct dv_id id;

	assert_ok(dv_seg_parse(t->b.seg.p, t->b.seg.n, &seg, &err));
	dv_record_id(sha, DV_KIND_SEGMENT, t->b.seg.p, t->b.seg.n, &id);
	assert_true(dv_id_eq(&id, &t->b.seg_id));
	assert_true(t->nseg < DV_ARRAY_SIZE(t->seg));
	t->seg[t->nseg++] = seg.n;
}

static void add(struct built *t, uint32_t len, const struct dv_id *id)
{
	struct dv_err err = { 0 };
	int rc = dv_list_add(&t->b, sha, len, id, &err);

	assert_within(rc, 0, 1);
	if (rc)
		seg_done(t);
}

static void finish(struct built *t)
{
	struct dv_err err = { 0 };
	int last = -1;

	assert_ok(dv_list_finish(&t->b, sha, &t->oid, &last, &err));
	if (last)
		seg_done(t);
}

/* `n` chunks of 32768 bytes with id SHA-256(LE32 i), i = from.. */
static void counted(struct built *t, uint32_t from, uint32_t n)
{
	memset(t, 0, sizeof(*t));
	dv_list_init(&t->b);
	for (uint32_t i = from; i < from + n; i++) {
		uint8_t le[4];
		struct dv_id id;

		dv_put32(le, i);
		dv_sha256_of(sha, le, 4, &id);
		add(t, 32768, &id);
	}
	finish(t);
}

static void frozen_vectors(void **state)
{
	static const uint32_t segs[] = { 86, 352, 325, 1024, 195, 322, 419, 948,
					 1024, 76, 125, 78, 26 };
	struct dv_err err = { 0 };
	struct dv_flist f;
	struct built t;

	(void)state;
	counted(&t, 0, 5000);
	assert_int_equal(t.nseg, DV_ARRAY_SIZE(segs));
	assert_memory_equal(t.seg, segs, sizeof(segs));
	assert_string_equal(dv_oid_text(&t.oid).s,
		"dv1:792498a2d77f51dcf52d49ebc8014e9621e9c989f7326057b8d123b405be4fc0");
	assert_true(t.oid.size == 5000ULL * 32768);
	assert_ok(dv_flist_parse(t.b.file.p, t.b.file.n, &f, &err));
	assert_int_equal(f.n, 13);
	assert_true(f.size == t.oid.size);
	assert_true(dv_flist_bytes(&f, 12) == 26 * 32768);
	assert_true(dv_id_eq(dv_flist_id(&f, 12), &t.b.seg_id));
	dv_list_release(&t.b);

	/* The second segment ends by rule exactly where the file ends. */
	counted(&t, 40139, 200);
	assert_int_equal(t.nseg, 2);
	assert_int_equal(t.seg[0], 64);
	assert_int_equal(t.seg[1], 136);
	assert_string_equal(dv_oid_text(&t.oid).s,
		"dv1:cfd5b0a0ba5b235440fb8ce1ccdfdf2c630b197daa558e0611b6dd0301fe1e16");
	dv_list_release(&t.b);
}

static void zeros_vectors(void **state)
{
	uint8_t *z = calloc(1, 262144);
	struct built t = { 0 };
	struct dv_id full, part;

	(void)state;
	assert_non_null(z);
	dv_sha256_of(sha, z, 262144, &full);
	dv_list_init(&t.b);
	dv_sha256_of(sha, z, 1, &part);
	add(&t, 262144, &full);
	add(&t, 1, &part);
	finish(&t);
	assert_string_equal(dv_oid_text(&t.oid).s,
		"dv1:846743c374a140baf6e9b4274893c0624940adcae294b52fad1b7ef84a6e89a3");
	/* A builder is used again, with what it had before forgotten. */
	dv_list_init(&t.b);
	dv_sha256_of(sha, z, 75712, &part);
	add(&t, 262144, &full);
	add(&t, 262144, &full);
	add(&t, 75712, &part);
	finish(&t);
	assert_string_equal(dv_oid_text(&t.oid).s,
		"dv1:d1866a4c94d88972a941cd208c58d37ac0524ec0a661c976442793171061cd42");
	dv_list_release(&t.b);
	free(z);
}

static void one_chunk_has_no_list(void **state)
{
	struct built t = { 0 };
	struct dv_id id;

	(void)state;
	dv_sha256_of(sha, "x", 1, &id);
	dv_list_init(&t.b);
	add(&t, 1, &id);
	finish(&t);
	assert_int_equal(t.oid.scheme, DV_SCHEME_SHA256);
	assert_int_equal(t.oid.size, 1);
	assert_true(dv_id_eq(&t.oid.id, &id));
	assert_int_equal(t.nseg, 0);
	dv_list_release(&t.b);
}

/* Where segments end, with ids chosen by hand. */
static void segment_ends(void **state)
{
	struct dv_id zero = { { 0 } }, one = { { 1 } };
	struct built t = { 0 };

	(void)state;
	dv_list_init(&t.b);
	for (int i = 0; i < 63; i++)	/* zeros before the 64th end nothing */
		add(&t, 40000, &zero);
	assert_int_equal(t.nseg, 0);
	add(&t, 40000, &one);
	assert_int_equal(t.nseg, 0);
	add(&t, 40000, &zero);		/* the 65th */
	assert_int_equal(t.nseg, 1);
	for (int i = 0; i < 63; i++)
		add(&t, 40000, &one);
	add(&t, 40000, &zero);		/* exactly the 64th */
	for (int i = 0; i < 1024; i++)
		add(&t, 40000, &one);
	assert_int_equal(t.nseg, 3);
	add(&t, 40000, &zero);
	finish(&t);
	assert_int_equal(t.nseg, 4);
	assert_int_equal(t.seg[0], 65);
	assert_int_equal(t.seg[1], 64);
	assert_int_equal(t.seg[2], 1024);
	assert_int_equal(t.seg[3], 1);
	dv_list_release(&t.b);
}

static void ids_are_tagged(void **state)
{
	struct dv_id chunk, seg, file;

	(void)state;
	dv_record_id(sha, DV_KIND_CHUNK, "abc", 3, &chunk);
	dv_record_id(sha, DV_KIND_SEGMENT, "abc", 3, &seg);
	dv_record_id(sha, DV_KIND_FILE, "abc", 3, &file);
	assert_string_equal(dv_id_hex(&chunk).s,
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	dv_sha256_of(sha, "dv-seg1\0abc", 11, &chunk);
	assert_true(dv_id_eq(&chunk, &seg));
	dv_sha256_of(sha, "dv-file1\0abc", 12, &chunk);
	assert_true(dv_id_eq(&chunk, &file));
}

/* A segment of n rows; each has length `len` and an id of `first` bytes. */
static uint8_t *make_seg(uint32_t n, uint32_t len, uint8_t first)
{
	uint8_t *p = test_alloc(4 + (size_t)n * 36);

	dv_put32(p, n);
	for (uint32_t i = 0; i < n; i++) {
		dv_put32(p + 4 + 36 * (size_t)i, len);
		memset(p + 8 + 36 * (size_t)i, first, 32);
	}
	return p;
}

static void seg_refusals(void **state)
{
	struct dv_err err = { 0 };
	struct dv_seg seg;
	uint8_t *p = make_seg(100, 5, 1);
	size_t n = 4 + 100 * 36;

	(void)state;
	assert_ok(dv_seg_parse(p, n, &seg, &err));
	assert_int_equal(seg.n, 100);
	assert_int_equal(seg.bytes, 500);
	assert_false(seg.ended);
	for (size_t k = 0; k < n; k += k < 8 ? 1 : 35)
		assert_fails(dv_seg_parse(p, k, &seg, &err), DV_ECORRUPT);
	dv_put32(p, 99);
	assert_fails(dv_seg_parse(p, n, &seg, &err), DV_ECORRUPT);
	dv_put32(p, 101);
	assert_fails(dv_seg_parse(p, n, &seg, &err), DV_ECORRUPT);
	dv_put32(p, 0);
	assert_fails(dv_seg_parse(p, 4, &seg, &err), DV_ECORRUPT);
	assert_fails(dv_seg_parse(p, n, &seg, &err), DV_ECORRUPT);
	dv_put32(p, 0xffffffffu);
	assert_fails(dv_seg_parse(p, n, &seg, &err), DV_ECORRUPT);
	/* 36 * 0x1c71c71d wraps to 20 in 32 bits. */
	dv_put32(p, 0x1c71c71du);
	assert_fails(dv_seg_parse(p, 24, &seg, &err), DV_ECORRUPT);
	dv_put32(p, 100);
	dv_put32(p + 4 + 36 * 50, 0);
	assert_fails(dv_seg_parse(p, n, &seg, &err), DV_ECORRUPT);
	dv_put32(p + 4 + 36 * 50, 262145);
	assert_fails(dv_seg_parse(p, n, &seg, &err), DV_ECORRUPT);
	dv_put32(p + 4 + 36 * 50, 262144);
	assert_ok(dv_seg_parse(p, n, &seg, &err));
	/* A zero id in rows 0..62 ends nothing, in 63..98 it must have. */
	p[8 + 36 * 62] = 0;
	assert_ok(dv_seg_parse(p, n, &seg, &err));
	p[8 + 36 * 63] = 0;
	assert_fails(dv_seg_parse(p, n, &seg, &err), DV_ECORRUPT);
	p[8 + 36 * 63] = 1;
	p[8 + 36 * 98] = 0;
	assert_fails(dv_seg_parse(p, n, &seg, &err), DV_ECORRUPT);
	p[8 + 36 * 98] = 1;
	p[8 + 36 * 99] = 0;
	assert_ok(dv_seg_parse(p, n, &seg, &err));
	assert_true(seg.ended);
	free(p);

	p = make_seg(1024, 262144, 1);
	assert_ok(dv_seg_parse(p, 4 + 1024 * 36, &seg, &err));
	assert_true(seg.ended);
	assert_true(seg.bytes == 1024ULL * 262144);
	free(p);
	p = make_seg(1025, 1, 1);
	assert_fails(dv_seg_parse(p, 4 + 1025 * 36, &seg, &err), DV_ECORRUPT);
	free(p);
}

static void flist_refusals(void **state)
{
	struct dv_err err = { 0 };
	struct dv_flist f;
	uint8_t p[13 + 40 * 3];
	size_t n = sizeof(p);

	(void)state;
#define RESET() do { \
	memset(p, 7, n); \
	p[0] = 1; \
	dv_put64(p + 1, 600000); \
	dv_put32(p + 9, 3); \
	for (int i_ = 0; i_ < 3; i_++) \
		dv_put64(p + 13 + 40 * i_, 200000); \
} while (0)
	RESET();
	assert_ok(dv_flist_parse(p, n, &f, &err));
	assert_int_equal(f.n, 3);
	for (size_t k = 0; k < n; k++)
		assert_fails(dv_flist_parse(p, k, &f, &err), DV_ECORRUPT);
	for (int profile = 0; profile < 256; profile++) {
		p[0] = (uint8_t)profile;
		assert_int_equal(dv_flist_parse(p, n, &f, &err),
				 profile == 1 ? 0 : DV_ECORRUPT);
	}
	assert_non_null(strstr(err.msg, "255"));
	RESET();
	dv_put32(p + 9, 2);
	assert_fails(dv_flist_parse(p, n, &f, &err), DV_ECORRUPT);
	dv_put32(p + 9, 4);
	assert_fails(dv_flist_parse(p, n, &f, &err), DV_ECORRUPT);
	dv_put32(p + 9, 0);
	assert_fails(dv_flist_parse(p, n, &f, &err), DV_ECORRUPT);
	assert_fails(dv_flist_parse(p, 13, &f, &err), DV_ECORRUPT);
	RESET();
	dv_put64(p + 1, 600001);
	assert_fails(dv_flist_parse(p, n, &f, &err), DV_ECORRUPT);
	dv_put64(p + 1, 599999);
	assert_fails(dv_flist_parse(p, n, &f, &err), DV_ECORRUPT);
	RESET();
	dv_put64(p + 13 + 40, 0);
	dv_put64(p + 1, 400000);
	assert_fails(dv_flist_parse(p, n, &f, &err), DV_ECORRUPT);
	/* More than 1024 chunks of MAX can hold. */
	RESET();
	dv_put64(p + 13, 1024ULL * 262144 + 1);
	dv_put64(p + 1, 1024ULL * 262144 + 1 + 400000);
	assert_fails(dv_flist_parse(p, n, &f, &err), DV_ECORRUPT);
	dv_put64(p + 13, 1024ULL * 262144);
	dv_put64(p + 1, 1024ULL * 262144 + 400000);
	assert_ok(dv_flist_parse(p, n, &f, &err));
	/* Sums that wrap. */
	RESET();
	dv_put64(p + 13, UINT64_MAX - 399999);
	dv_put64(p + 1, 0);
	assert_fails(dv_flist_parse(p, n, &f, &err), DV_ECORRUPT);
	dv_put64(p + 1, UINT64_MAX);
	assert_fails(dv_flist_parse(p, n, &f, &err), DV_ECORRUPT);
}

static void kind_names(void **state)
{
	(void)state;
	assert_string_equal(dv_kind_name(DV_KIND_CHUNK), "chunk");
	assert_string_equal(dv_kind_name(DV_KIND_SEGMENT), "segment");
	assert_non_null(strstr(dv_kind_name(DV_KIND_FILE), "file"));
	assert_string_equal(dv_kind_name(77), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frozen_vectors),
		cmocka_unit_test(zeros_vectors),
		cmocka_unit_test(one_chunk_has_no_list),
		cmocka_unit_test(segment_ends),
		cmocka_unit_test(ids_are_tagged),
		cmocka_unit_test(seg_refusals),
		cmocka_unit_test(flist_refusals),
		cmocka_unit_test(kind_names),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
