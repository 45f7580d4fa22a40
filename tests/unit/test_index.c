#include "packlib.h"

#include "format/index.h"

/* An index over `npacks` packs with n rows; ids spread over all first bytes. */
static uint8_t *make_index(uint32_t npacks, uint32_t n, size_t *size)
{
	size_t fan_at = DV_INDEX_HEAD + (size_t)npacks * 16;
	uint8_t *p, *rows;

	*size = fan_at + DV_INDEX_FAN + (size_t)n * DV_PACK_ROW;
	p = calloc(1, *size);
	assert_non_null(p);
	dv_index_head_format(npacks, n, p);
	for (uint32_t i = 0; i < npacks; i++)
		memset(p + DV_INDEX_HEAD + 16 * (size_t)i, (int)i + 1, 16);
	rows = p + fan_at + DV_INDEX_FAN;
	for (uint32_t i = 0; i < n; i++) {
		struct dv_row r = { .off = 32 + i, .raw = 10, .enc = 10,
				    .kind = DV_KIND_CHUNK };

		/* Sorted: the first two bytes rise with i. */
		r.id.b[0] = (uint8_t)(i * 256ULL / n);
		dv_put32be(r.id.b + 1, i);
		dv_row_format(&r, rows + (size_t)i * DV_PACK_ROW);
		dv_put32(rows + (size_t)i * DV_PACK_ROW + 52, i % npacks);
		for (int b = r.id.b[0] + 1; b < 257; b++)
			dv_put32(p + fan_at + 4 * b, i + 1);
	}
	return p;
}

static void finds_every_row(void **state)
{
	size_t size;
	uint8_t *p = make_index(3, 2000, &size);
	struct dv_index_view v;
	struct dv_err err = { 0 };

	(void)state;
	assert_ok(dv_index_view(p, size, &v, &err));
	assert_int_equal(v.npacks, 3);
	assert_int_equal(v.nrows, 2000);
	for (uint32_t i = 0; i < 2000; i++) {
		struct dv_row r, want;
		uint32_t pack;

		dv_row_parse(v.rows + (size_t)i * DV_PACK_ROW, &want);
		assert_int_equal(dv_index_find(&v, &want.id), i);
		assert_int_equal(dv_index_row(&v, i, &r, &pack), 0);
		assert_int_equal(pack, i % 3);
		assert_int_equal(r.off, 32 + i);
		want.id.b[31] ^= 1;
		assert_int_equal(dv_index_find(&v, &want.id), -1);
	}
	assert_memory_equal(v.names + 16, "\2\2\2\2\2\2\2\2", 8);
	free(p);
}

static void first_of_equal_ids(void **state)
{
	uint8_t rows[10 * DV_PACK_ROW];
	struct dv_row r = { .kind = DV_KIND_CHUNK };

	(void)state;
	for (int i = 0; i < 10; i++) {
		r.id.b[0] = i < 2 ? 1 : i < 7 ? 2 : 3;
		dv_row_format(&r, rows + i * DV_PACK_ROW);
	}
	r.id.b[0] = 2;
	assert_int_equal(dv_rows_find(rows, 0, 10, &r.id), 2);
	assert_int_equal(dv_rows_find(rows, 0, 2, &r.id), -1);
	assert_int_equal(dv_rows_find(rows, 4, 10, &r.id), 4);
	assert_int_equal(dv_rows_find(rows, 7, 10, &r.id), -1);
	r.id.b[0] = 3;
	assert_int_equal(dv_rows_find(rows, 0, 10, &r.id), 7);
	r.id.b[0] = 4;
	assert_int_equal(dv_rows_find(rows, 0, 10, &r.id), -1);
	assert_int_equal(dv_rows_find(rows, 0, 0, &r.id), -1);
}

static void golden_index(void **state)
{
	size_t n, packn;
	uint8_t *p = test_golden_hex("small-index.hex", &n);
	uint8_t *pack = test_golden_hex("small-pack.hex", &packn);
	struct dv_index_view v;
	struct dv_err err = { 0 };
	uint8_t head[DV_INDEX_HEAD];

	(void)state;
	assert_ok(dv_index_view(p, n, &v, &err));
	assert_int_equal(v.npacks, 1);
	assert_int_equal(v.nrows, 4);
	/* Its rows are those of the pack's own table. */
	assert_memory_equal(v.rows, pack + packn - DV_PACK_FOOT -
			    4 * DV_PACK_ROW, 4 * DV_PACK_ROW);
	dv_index_head_format(1, 4, head);
	assert_memory_equal(head, p, sizeof(head));
	free(p);
	free(pack);
}

static int view(const uint8_t *p, size_t n)
{
	uint8_t *copy = test_alloc(n);
	struct dv_index_view v;
	int rc;

	memcpy(copy, p, n);
	rc = dv_index_view(copy, n, &v, NULL);
	free(copy);
	return rc;
}

static void refusals(void **state)
{
	size_t size, fan = DV_INDEX_HEAD + 2 * 16;
	uint8_t *p = make_index(2, 50, &size);

	(void)state;
	assert_int_equal(view(p, size), 0);
	for (size_t n = 0; n < size; n += n < 70 ? 1 : 13)
		assert_true(view(p, n) < 0);
	assert_int_equal(view(p, size - 1), DV_ECORRUPT);
	for (int i = 0; i < 64; i++) {
		p[i] ^= 0x10;
		assert_true(view(p, size) < 0);
		p[i] ^= 0x10;
	}
	/* Honest checksums over wrong heads. */
	p[8] = 2;
	test_reseal(p, DV_INDEX_HEAD);
	assert_int_equal(view(p, size), DV_EINVAL);
	p[8] = 1;
	p[10] = 1;
	test_reseal(p, DV_INDEX_HEAD);
	assert_int_equal(view(p, size), DV_EINVAL);
	p[10] = 0;
	for (int delta = -1; delta <= 1; delta += 2) {
		dv_index_head_format(2, (uint64_t)(50 + delta), p);
		assert_int_equal(view(p, size), DV_ECORRUPT);
		dv_index_head_format((uint32_t)(2 + delta), 50, p);
		assert_int_equal(view(p, size), DV_ECORRUPT);
	}
	dv_index_head_format(2, 50 + (1ULL << 32), p);
	assert_int_equal(view(p, size), DV_ECORRUPT);
	dv_index_head_format(2, UINT64_MAX, p);
	assert_int_equal(view(p, size), DV_ECORRUPT);
	/* 56 * r is 50 rows again mod 2^64: the product must not be used. */
	dv_index_head_format(2, 50 + (1ULL << 61), p);
	assert_int_equal(view(p, size), DV_ECORRUPT);
	dv_index_head_format(0xffffffffu, 50, p);
	assert_int_equal(view(p, size), DV_ECORRUPT);
	dv_index_head_format(2, 50, p);
	assert_int_equal(view(p, size), 0);
	/* A fan-out that falls, or leads out of the rows. */
	dv_put32(p + fan + 4 * 256, 51);
	assert_int_equal(view(p, size), DV_ECORRUPT);
	dv_put32(p + fan + 4 * 256, 50);
	dv_put32(p + fan + 4 * 100, 0);
	assert_int_equal(view(p, size), DV_ECORRUPT);
	dv_put32(p + fan + 4 * 100, 0xffffffffu);
	assert_int_equal(view(p, size), DV_ECORRUPT);
	free(p);
}

static void pack_numbers_are_checked(void **state)
{
	size_t size;
	uint8_t *p = make_index(2, 5, &size);
	struct dv_index_view v;
	struct dv_err err = { 0 };
	struct dv_row r;
	uint32_t pack;

	(void)state;
	assert_ok(dv_index_view(p, size, &v, &err));
	dv_put32(p + size - 4, 2);
	assert_int_equal(dv_index_row(&v, 4, &r, &pack), -1);
	dv_put32(p + size - 4, 1);
	assert_int_equal(dv_index_row(&v, 4, &r, &pack), 0);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_every_row),
		cmocka_unit_test(first_of_equal_ids),
		cmocka_unit_test(golden_index),
		cmocka_unit_test(refusals),
		cmocka_unit_test(pack_numbers_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
