#include "refchunk.h"

#include "codec/chunker.h"
#include "codec/sha256.h"

static uint8_t *vector1(void)
{
	struct dv_sha256 *s = dv_sha256_open();
	uint8_t *v = test_alloc(2 << 20), in[29] = "git-dv test vector 1";
	struct dv_id id;

	for (uint64_t i = 0; i < 65536; i++) {
		dv_put64(in + 21, i);
		dv_sha256_of(s, in, sizeof(in), &id);
		memcpy(v + 32 * i, id.b, 32);
	}
	dv_sha256_close(s);
	return v;
}

static void gear_table(void **state)
{
	const uint64_t *t = dv_gear_table();
	struct dv_sha256 *s = dv_sha256_open();
	uint8_t le[2048];
	struct dv_id id;

	(void)state;
	assert_true(t[0] == 0x4e36f5536b278028ULL);
	assert_true(t[1] == 0x9747708c1f9275fbULL);
	assert_true(t[255] == 0x884f24eca4cd31b1ULL);
	for (int i = 0; i < 256; i++)
		dv_put64(le + 8 * i, t[i]);
	dv_sha256_of(s, le, sizeof(le), &id);
	assert_string_equal(dv_id_hex(&id).s,
		"aaa1b73a0e92f32f4da98e7656f77b4be97a168bf043cde3e0a4b79bf1d60ece");
	dv_sha256_close(s);
}

/* Against tests/golden/<name>: a line "<length> <chunk id>" each. */
static void assert_golden(const char *name, const uint8_t *p, size_t n)
{
	struct dv_buf want = test_golden(name), got = { 0 };
	struct dv_sha256 *s = dv_sha256_open();
	struct dv_err err = { 0 };

	for (size_t at = 0, len; at < n; at += len) {
		struct dv_id id;

		len = dv_chunk_cut(p + at, n - at);
		dv_sha256_of(s, p + at, len, &id);
		assert_ok(dv_buf_addf(&got, &err, "%zu %s\n", len,
				      dv_id_hex(&id).s));
	}
	assert_string_equal(dv_buf_str(&got), dv_buf_str(&want));
	dv_buf_release(&got);
	dv_buf_release(&want);
	dv_sha256_close(s);
}

static void golden_boundaries(void **state)
{
	uint8_t *v = vector1(), *z = calloc(1, 600000);

	(void)state;
	assert_non_null(z);
	assert_golden("v1.chunks", v, 2 << 20);
	assert_golden("zeros-600000.chunks", z, 600000);
	free(v);
	free(z);
}

static void vector1_sizes(void **state)
{
	uint8_t *v = vector1(), sizes[31 * 4];
	struct dv_sha256 *s = dv_sha256_open();
	size_t at = 0, n = 2 << 20;
	int i;
	struct dv_id id;

	(void)state;
	for (i = 0; at < n; i++) {
		size_t len = dv_chunk_cut(v + at, n - at);

		assert_true(i < 31);
		dv_put32(sizes + 4 * i, (uint32_t)len);
		at += len;
	}
	assert_int_equal(i, 31);
	dv_sha256_of(s, sizes, sizeof(sizes), &id);
	assert_string_equal(dv_id_hex(&id).s,
		"a5a048a6b48f9d2a060a621660bd07156bd20bdf2981a9e85f4f102a03bca4e0");
	dv_sha256_close(s);
	free(v);
}

static void limits(void **state)
{
	uint8_t *z = calloc(1, DV_CHUNK_MAX + 100);

	(void)state;
	assert_non_null(z);
	assert_int_equal(dv_chunk_cut(z, 1), 1);
	for (size_t n = DV_CHUNK_MIN - 65; n < DV_CHUNK_MIN + 20; n++)
		assert_int_equal(dv_chunk_cut(z, n), n);
	for (size_t n = DV_CHUNK_MAX - 10; n < DV_CHUNK_MAX + 100; n++)
		assert_int_equal(dv_chunk_cut(z, n),
				 DV_MIN(n, (size_t)DV_CHUNK_MAX));
	free(z);
}

/* The cut must depend on no byte behind it, and on each length alike. */
static void equals_the_plain_definition(void **state)
{
	size_t n = DV_CHUNK_MAX + 4096;
	uint8_t *b = test_alloc(n), *copy;

	(void)state;
	for (uint64_t seed = 0; seed < 24; seed++) {
		size_t want, len;

		test_noise(b, n, seed + 1000);
		if (seed & 1)
			test_text(b, n / 2, seed);
		want = ref_cut(b, n);
		assert_int_equal(dv_chunk_cut(b, n), want);
		if (want == DV_CHUNK_MAX)
			continue;
		/* Exactly the chunk: e = size is a cut, found or not. */
		for (len = want - 3; len <= want + 3; len++) {
			copy = test_alloc(len);
			memcpy(copy, b, len);
			assert_int_equal(dv_chunk_cut(copy, len),
					 DV_MIN(want, len));
			free(copy);
		}
	}
	free(b);
}

/*
 * A boundary right at MIN, and one at MAX - 1, found by searching for a
 * 64-byte window that hashes low and planting it.
 */
static void planted_boundaries(void **state)
{
	static const size_t at[] = { DV_CHUNK_MIN, DV_CHUNK_MIN + 1,
		DV_CHUNK_MIN + 7, DV_CHUNK_MIN + 8, DV_CHUNK_MAX - 1 };
	uint8_t *b = test_alloc(DV_CHUNK_MAX + 64), win[64];
	const uint64_t *t = ref_table();
	uint64_t seed = 5, h;

	(void)state;
	do {
		test_noise(win, sizeof(win), seed++);
		h = 0;
		for (int i = 0; i < 64; i++)
			h = (h << 1) + t[win[i]];
	} while (h >> 49);
	for (size_t i = 0; i < DV_ARRAY_SIZE(at); i++) {
		memset(b, 0, DV_CHUNK_MAX + 64);
		memcpy(b + at[i] - 64, win, 64);
		assert_int_equal(ref_cut(b, DV_CHUNK_MAX + 64), at[i]);
		assert_int_equal(dv_chunk_cut(b, DV_CHUNK_MAX + 64), at[i]);
		assert_int_equal(dv_chunk_cut(b, at[i] + 1), at[i]);
		assert_int_equal(dv_chunk_cut(b, at[i]), at[i]);
	}
	/* One byte too early does not count. */
	memset(b, 0, DV_CHUNK_MAX);
	memcpy(b + DV_CHUNK_MIN - 65, win, 64);
	assert_int_equal(dv_chunk_cut(b, DV_CHUNK_MAX), DV_CHUNK_MAX);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gear_table),
		cmocka_unit_test(golden_boundaries),
		cmocka_unit_test(vector1_sizes),
		cmocka_unit_test(limits),
		cmocka_unit_test(equals_the_plain_definition),
		cmocka_unit_test(planted_boundaries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
