#include "packlib.h"

#include "format/pack.h"
#include "store/coder.h"

static struct dv_coder coder;
static uint8_t *pack;
static size_t packn;

static int setup(void **state)
{
	(void)state;
	pack = test_golden_hex("small-pack.hex", &packn);
	return dv_coder_init(&coder, NULL);
}

static int teardown(void **state)
{
	(void)state;
	free(pack);
	dv_coder_release(&coder);
	return 0;
}

/* Every byte of a pack written by another program from the format page. */
static void golden_pack(void **state)
{
	static const int kinds[] = { DV_KIND_CHUNK, DV_KIND_CHUNK,
				     DV_KIND_SEGMENT, DV_KIND_FILE };
	struct dv_err err = { 0 };
	struct dv_row rows[4] = { 0 };
	struct dv_buf tail = { 0 };
	uint8_t head[DV_PACK_HEAD], rec_head[DV_REC_HEAD_DELTA];
	uint64_t table_off, off = DV_PACK_HEAD;
	uint32_t count;

	(void)state;
	assert_ok(dv_pack_head_check(pack, &err));
	assert_ok(dv_pack_foot_parse(pack + packn - DV_PACK_FOOT, packn,
				     &table_off, &count, &err));
	assert_int_equal(count, 4);
	assert_ok(dv_pack_table_check(coder.sha, pack, pack + table_off, count,
				      table_off, pack + packn - DV_PACK_FOOT,
				      &err));
	for (int i = 0; i < 4; i++) {
		const uint8_t *content;
		struct dv_rec rec;
		size_t h;

		assert_ok(dv_rec_parse(pack + off, packn - off, &rec, &h,
				       &err));
		assert_int_equal(rec.kind, kinds[i]);
		assert_ok(dv_coder_decode(&coder, &rec, pack + off + h,
					  &content, &err));
		if (!i)
			assert_memory_equal(content, "hello\n", 6);
		assert_int_equal(dv_rec_format(&rec, rec_head), h);
		assert_memory_equal(rec_head, pack + off, h);
		rows[3 - i].id = rec.id;
		rows[3 - i].off = off;
		rows[3 - i].raw = rec.raw;
		rows[3 - i].enc = rec.enc;
		rows[3 - i].kind = rec.kind;
		rows[3 - i].codec = rec.codec;
		off += dv_row_len(&rows[3 - i]);
	}
	assert_int_equal(off, table_off);
	dv_pack_head_format(pack + 16, head);
	assert_memory_equal(head, pack, sizeof(head));
	assert_ok(dv_pack_tail_format(coder.sha, head, rows, 4, off, &tail,
				      &err));
	assert_int_equal(tail.n, packn - off);
	assert_memory_equal(tail.p, pack + off, tail.n);
	dv_buf_release(&tail);
}

static struct dv_rec some_rec(unsigned int codec)
{
	struct dv_rec r = { .kind = DV_KIND_CHUNK, .codec = (uint8_t)codec,
			    .raw = 1000, .enc = codec ? 500 : 1000 };

	memset(r.id.b, 0x11, 32);
	memset(r.base.b, codec == DV_CODEC_DELTA ? 0x22 : 0, 32);
	return r;
}

/* Exactly n bytes on the heap. */
static int rec_parse(const uint8_t *p, size_t n, struct dv_rec *r)
{
	uint8_t *copy = test_alloc(n);
	size_t h = 0;
	int rc;

	memcpy(copy, p, n);
	rc = dv_rec_parse(copy, n, r, &h, NULL);
	if (!rc)
		assert_int_equal(h, dv_rec_head_size(r->codec));
	free(copy);
	return rc;
}

static void record_round_trip(void **state)
{
	(void)state;
	for (unsigned int codec = 0; codec < 3; codec++) {
		struct dv_rec r = some_rec(codec), back;
		uint8_t h[DV_REC_HEAD_DELTA];
		size_t n = dv_rec_format(&r, h);

		assert_int_equal(n, codec == 2 ? 88 : 56);
		assert_int_equal(rec_parse(h, n, &back), 0);
		assert_memory_equal(&r.id, &back.id, 32);
		assert_memory_equal(&r.base, &back.base, 32);
		assert_int_equal(back.raw, r.raw);
		assert_int_equal(back.enc, r.enc);
		assert_int_equal(back.kind, r.kind);
		assert_int_equal(back.codec, codec);
		/* Too few bytes to tell, so far. */
		for (size_t k = 0; k < n; k++)
			assert_int_equal(rec_parse(h, k, &back), DV_EAGAIN);
		/* One changed bit anywhere is seen. */
		for (size_t i = 0; i < n; i++)
			for (int bit = 0; bit < 8; bit++) {
				uint8_t bad[DV_REC_HEAD_DELTA] = { 0 };

				memcpy(bad, h, n);
				bad[i] ^= (uint8_t)(1 << bit);
				assert_true(rec_parse(bad, n, &back) < 0);
				assert_int_equal(rec_parse(bad, sizeof(bad),
							   &back),
						 DV_ECORRUPT);
			}
	}
}

static void record_refusals(void **state)
{
	static const struct {
		uint32_t raw, enc;
		uint8_t kind, transform, codec, flags;
		int rc;
	} t[] = {
		{ 262144, 262144, 1, 0, 0, 0, 0 },
		{ 262145, 262145, 1, 0, 0, 0, DV_ECORRUPT },
		{ 1, 1, 1, 0, 0, 0, 0 },
		{ 0, 0, 1, 0, 0, 0, DV_ECORRUPT },
		{ 10, 9, 1, 0, 0, 0, DV_ECORRUPT },
		{ 10, 11, 1, 0, 0, 0, DV_ECORRUPT },
		{ 10, 0, 1, 0, 1, 0, DV_ECORRUPT },
		{ 10, 9, 1, 0, 1, 0, 0 },
		{ 10, 10, 1, 0, 1, 0, DV_ECORRUPT },
		{ 10, 0xffffffffu, 1, 0, 1, 0, DV_ECORRUPT },
		{ 10, 9, 1, 0, 2, 0, 0 },
		{ 10, 9, 1, 3, 1, 0, 0 },
		{ 36868, 36868, 2, 0, 0, 0, 0 },
		{ 36869, 36869, 2, 0, 0, 0, DV_ECORRUPT },
		{ 256u << 20, 256u << 20, 3, 0, 0, 0, 0 },
		{ (256u << 20) + 1, (256u << 20) + 1, 3, 0, 0, 0, DV_ECORRUPT },
		{ 0xffffffffu, 0xffffffffu, 3, 0, 0, 0, DV_ECORRUPT },
		/* What a later version may write. */
		{ 10, 10, 0, 0, 0, 0, DV_EINVAL },
		{ 10, 10, 4, 0, 0, 0, DV_EINVAL },
		{ 10, 10, 1, 4, 0, 0, DV_EINVAL },
		{ 10, 9, 1, 0, 3, 0, DV_EINVAL },
		{ 10, 10, 1, 0, 0, 1, DV_EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(t); i++) {
		struct dv_rec r = { .raw = t[i].raw, .enc = t[i].enc,
			.kind = t[i].kind, .transform = t[i].transform,
			.codec = t[i].codec, .flags = t[i].flags }, back;
		uint8_t h[DV_REC_HEAD_DELTA];
		size_t n = dv_rec_format(&r, h);

		if (rec_parse(h, n, &back) != t[i].rc)
			fail_msg("case %zu: %d", i, rec_parse(h, n, &back));
	}
}

static void head_refusals(void **state)
{
	uint8_t h[DV_PACK_HEAD], nonce[16] = { 5 };
	struct dv_err err = { 0 };

	(void)state;
	dv_pack_head_format(nonce, h);
	assert_ok(dv_pack_head_check(h, &err));
	for (int i = 0; i < 8; i++) {
		h[i] ^= 1;
		assert_fails(dv_pack_head_check(h, &err), DV_ECORRUPT);
		h[i] ^= 1;
	}
	h[8] = 2;
	assert_fails(dv_pack_head_check(h, &err), DV_EINVAL);
	assert_non_null(strstr(err.msg, "version 2"));
	h[8] = 1;
	h[11] = 0x80;
	assert_fails(dv_pack_head_check(h, &err), DV_EINVAL);
	assert_non_null(strstr(err.msg, "0x8000"));
}

static int check_all(const uint8_t *p, size_t n)
{
	uint64_t off = 0;
	uint32_t count = 0;
	int rc;

	if (n < DV_PACK_HEAD + DV_PACK_FOOT)
		return DV_ECORRUPT;
	rc = dv_pack_head_check(p, NULL);
	if (!rc)
		rc = dv_pack_foot_parse(p + n - DV_PACK_FOOT, n, &off, &count,
					NULL);
	if (!rc)
		rc = dv_pack_table_check(coder.sha, p, p + off, count, off,
					 p + n - DV_PACK_FOOT, NULL);
	return rc;
}

/* Any changed bit of header, table or footer is refused. */
static void damaged_tables(void **state)
{
	uint64_t table_off = dv_get64(pack + packn - DV_PACK_FOOT);
	uint8_t *p = test_alloc(packn);

	(void)state;
	memcpy(p, pack, packn);
	assert_int_equal(check_all(p, packn), 0);
	for (size_t i = 0; i < packn; i++) {
		if (i == DV_PACK_HEAD)
			i = table_off;
		/* The footer's spare word says nothing. */
		if (i >= packn - DV_PACK_FOOT + 12 &&
		    i < packn - DV_PACK_FOOT + 16)
			continue;
		for (int bit = 0; bit < 8; bit++) {
			p[i] ^= (uint8_t)(1 << bit);
			if (!check_all(p, packn))
				fail_msg("byte %zu, bit %d", i, bit);
			p[i] ^= (uint8_t)(1 << bit);
		}
	}
	for (size_t n = 0; n < packn; n++) {
		uint8_t *q = test_alloc(n);

		memcpy(q, p, n);
		assert_true(check_all(q, n) < 0);
		free(q);
	}
	free(p);
}

static void footer_arithmetic(void **state)
{
	static const struct {
		uint64_t off;
		uint32_t n;
		uint64_t size;
		int rc;
	} t[] = {
		{ 32, 0, 88, 0 },
		{ 32, 0, 87, DV_ECORRUPT },
		{ 31, 0, 87, DV_ECORRUPT },
		{ 32, 1, 88, DV_ECORRUPT },
		{ 100, 2, 100 + 112 + 56, 0 },
		{ 100, 2, 100 + 112 + 55, DV_ECORRUPT },
		{ UINT64_MAX, 1, 88, DV_ECORRUPT },
		{ UINT64_MAX - 55, 1, 88, DV_ECORRUPT },
		/* 56 * 0x04924925 is 8 mod 2^32. */
		{ 32, 0x04924925u, 32 + 8 + 56, DV_ECORRUPT },
		{ 32, 0xffffffffu, 32 + 56, DV_ECORRUPT },
		{ 0, 0, 0, DV_ECORRUPT },
		{ 0, 0, 56, DV_ECORRUPT },
	};

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(t); i++) {
		uint8_t f[DV_PACK_FOOT];
		struct dv_err err = { 0 };
		uint64_t off;
		uint32_t n;

		memcpy(f, pack + packn - DV_PACK_FOOT, sizeof(f));
		dv_put64(f, t[i].off);
		dv_put32(f + 8, t[i].n);
		assert_fails(dv_pack_foot_parse(f, t[i].size, &off, &n, &err),
			     t[i].rc);
	}
}

/* Tables whose checksum is right, but whose rows are not. */
static void rows_out_of_place(void **state)
{
	struct dv_row rows[3], bad;
	uint64_t table_off = 2000;

	(void)state;
	for (int what = 0; what < 11; what++) {
		uint8_t nonce[16] = { 0 }, head[DV_PACK_HEAD];
		struct dv_buf tail = { 0 };
		struct dv_err err = { 0 };
		struct dv_id id;
		int want = DV_ECORRUPT;

		memset(rows, 0, sizeof(rows));
		for (int i = 0; i < 3; i++) {
			rows[i].id.b[0] = (uint8_t)(i + 1);
			rows[i].off = 32 + 300 * (uint64_t)i;
			rows[i].raw = rows[i].enc = 100;
			rows[i].kind = DV_KIND_CHUNK;
		}
		dv_pack_head_format(nonce, head);
		assert_ok(dv_pack_tail_format(coder.sha, head, rows, 3,
					      table_off, &tail, &err));
		bad = rows[1];
		switch (what) {
		case 0: want = 0; break;
		case 1: bad.off = 31; break;
		case 2: bad.off = 2000 - 155; break;
		case 3: bad.off = 2000 - 156; want = 0; break;
		case 4: bad.off = UINT64_MAX; break;
		case 5: bad.off = UINT64_MAX - 100; break;
		case 6: bad.id = rows[0].id; break;	/* twice the same */
		case 7: bad.id.b[0] = 9; break;		/* not sorted */
		case 8: bad.kind = 7; want = DV_EINVAL; break;
		case 9: bad.enc = 99; break;
		case 10: bad.id = rows[0].id; bad.kind = DV_KIND_SEGMENT;
			 want = 0; break;		/* another kind */
		}
		dv_row_format(&bad, tail.p + DV_PACK_ROW);
		dv_sha256_begin(coder.sha);
		dv_sha256_add(coder.sha, head, sizeof(head));
		dv_sha256_add(coder.sha, tail.p, 3 * DV_PACK_ROW);
		dv_sha256_end(coder.sha, &id);
		memcpy(tail.p + 3 * DV_PACK_ROW + 16, id.b, 32);
		if (dv_pack_table_check(coder.sha, head, tail.p, 3, table_off,
					tail.p + 3 * DV_PACK_ROW, &err) != want)
			fail_msg("case %d: %s", what, err.msg);
		dv_buf_release(&tail);
	}
}

static void rows_sort_and_round_trip(void **state)
{
	struct dv_row a = { .off = 0x1122334455ULL, .raw = 7, .enc = 6,
			    .kind = 3, .transform = 2, .codec = 1 }, b, rows[2];
	uint8_t h[DV_PACK_HEAD] = { 0 }, f[DV_PACK_ROW];
	struct dv_buf tail = { 0 };
	struct dv_err err = { 0 };

	(void)state;
	memset(a.id.b, 0xab, 32);
	dv_row_format(&a, f);
	memset(&b, 0, sizeof(b));
	dv_row_parse(f, &b);
	assert_int_equal(dv_row_cmp(&a, &b), 0);
	assert_true(a.off == b.off && a.raw == b.raw && a.enc == b.enc &&
		    a.transform == b.transform && a.codec == b.codec);
	assert_int_equal(dv_row_len(&a), 56 + 6);
	b.codec = DV_CODEC_DELTA;
	b.enc = 0xffffffffu;
	assert_true(dv_row_len(&b) == 88 + 0xffffffffULL);
	b.kind = 2;
	assert_true(dv_row_cmp(&b, &a) < 0);
	b.id.b[31]++;
	assert_true(dv_row_cmp(&b, &a) > 0);
	rows[0] = b;
	rows[1] = a;
	/* The tail is appended to what the buffer has. */
	assert_ok(dv_buf_addstr(&tail, "xyz", &err));
	assert_ok(dv_pack_tail_format(coder.sha, h, rows, 2, 5, &tail, &err));
	assert_int_equal(tail.n, 3 + 2 * 56 + 56);
	assert_memory_equal(tail.p + 3, a.id.b, 32);
	dv_buf_release(&tail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_pack),
		cmocka_unit_test(record_round_trip),
		cmocka_unit_test(record_refusals),
		cmocka_unit_test(head_refusals),
		cmocka_unit_test(damaged_tables),
		cmocka_unit_test(footer_arithmetic),
		cmocka_unit_test(rows_out_of_place),
		cmocka_unit_test(rows_sort_and_round_trip),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
