#include "testlib.h"

#include <zstd.h>

#include "codec/zst.h"

#define CAP (1u << 20)

static struct dv_zst *z;
static uint8_t *raw, *frame, *back;

static int setup(void **state)
{
	(void)state;
	z = dv_zst_open();
	raw = malloc(CAP);
	frame = malloc(CAP);
	back = malloc(CAP);
	return z && raw && frame && back ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	dv_zst_close(z);
	dv_zst_close(NULL);
	free(raw);
	free(frame);
	free(back);
	return 0;
}

/* The decoder must get a block of exactly n bytes, so that ASan sees more. */
static int decode(const void *f, size_t n, size_t want)
{
	uint8_t *copy = test_alloc(n);
	int rc;

	memcpy(copy, f, n);
	rc = dv_zst_decode(z, copy, n, back, want, NULL);
	free(copy);
	return rc;
}

static void round_trip(void **state)
{
	static const size_t sizes[] = { 64, 255, 256, 257, 4096, 65791, 65792,
					262144, 700000 };
	static const int levels[] = { 1, 3, 19, 3 };
	struct dv_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(sizes); i++)
		for (size_t l = 0; l < DV_ARRAY_SIZE(levels); l++) {
			size_t n = sizes[i], m;

			test_text(raw, n, i);
			m = dv_zst_encode(z, levels[l], raw, n, frame, CAP, n);
			/* The largest chunk always has one segment. */
			if (n >= 4096 && n <= 262144)
				assert_true(m > 0 && m < n / 2);
			if (!m)
				continue;
			memset(back, 0xee, n + 1);
			assert_ok(dv_zst_decode(z, frame, m, back, n, &err));
			assert_memory_equal(raw, back, n);
			assert_int_equal(back[n], 0xee);
		}
}

static void refuses_to_grow(void **state)
{
	size_t m;

	(void)state;
	test_noise(raw, 65536, 1);
	assert_int_equal(dv_zst_encode(z, 3, raw, 65536, frame, CAP, 65536), 0);
	test_text(raw, 65536, 1);
	m = dv_zst_encode(z, 3, raw, 65536, frame, CAP, 65536);
	assert_true(m > 0);
	assert_int_equal(dv_zst_encode(z, 3, raw, 65536, frame, CAP, m), 0);
	assert_int_equal(dv_zst_encode(z, 3, raw, 65536, frame, CAP, m + 1), m);
	assert_int_equal(dv_zst_encode(z, 3, raw, 65536, frame, m / 2, 65536),
			 0);
}

/* What is asked for must not change by what was asked before. */
static void level_is_kept(void **state)
{
	size_t a, b;

	(void)state;
	test_text(raw, 200000, 3);
	a = dv_zst_encode(z, 19, raw, 200000, frame, CAP, CAP);
	test_noise(raw + 300000, 100000, 1);
	assert_false(dv_looks_compressible(z, raw + 300000, 100000));
	b = dv_zst_encode(z, 19, raw, 200000, frame, CAP, CAP);
	assert_true(a > 0);
	assert_int_equal(a, b);
	assert_true(dv_zst_encode(z, 1, raw, 200000, frame, CAP, CAP) > a);
	assert_int_equal(dv_zst_encode(z, 19, raw, 200000, frame, CAP, CAP), a);
}

static size_t good_frame(size_t n)
{
	size_t m;

	test_text(raw, n, 9);
	m = dv_zst_encode(z, 3, raw, n, frame, CAP, n);
	assert_true(m > 0);
	return m;
}

static void wrong_sizes(void **state)
{
	size_t n = 50000, m = good_frame(n);

	(void)state;
	assert_int_equal(decode(frame, m, n), 0);
	assert_int_equal(decode(frame, m, n - 1), DV_ECORRUPT);
	assert_int_equal(decode(frame, m, n + 1), DV_ECORRUPT);
	assert_int_equal(decode(frame, m, 0), DV_ECORRUPT);
	assert_int_equal(decode(frame, m, CAP), DV_ECORRUPT);
	/* Cut anywhere, or with bytes behind it. */
	for (size_t k = 0; k < m; k += k < 40 ? 1 : 97)
		assert_int_equal(decode(frame, k, n), DV_ECORRUPT);
	assert_int_equal(decode(frame, m - 1, n), DV_ECORRUPT);
	frame[m] = 0;
	assert_int_equal(decode(frame, m + 1, n), DV_ECORRUPT);
}

static void further_frames(void **state)
{
	size_t n = 50000, m = good_frame(n), k;

	(void)state;
	memcpy(frame + m, frame, m);
	assert_int_equal(decode(frame, 2 * m, n), DV_ECORRUPT);
	assert_int_equal(decode(frame, 2 * m, 2 * n), DV_ECORRUPT);
	/* A skippable frame behind, and in front. */
	memcpy(frame + m, "\x50\x2a\x4d\x18\x04\0\0\0skip", 12);
	assert_int_equal(decode(frame, m + 12, n), DV_ECORRUPT);
	memmove(frame + 12, frame, m);
	memcpy(frame, "\x5f\x2a\x4d\x18\x04\0\0\0skip", 12);
	assert_int_equal(decode(frame, m + 12, n), DV_ECORRUPT);
	/* An empty frame behind. */
	m = good_frame(n);
	k = ZSTD_compress(frame + m, CAP - m, "", 0, 3);
	assert_false(ZSTD_isError(k));
	assert_int_equal(decode(frame, m + k, n), DV_ECORRUPT);
}

static size_t compress_with(ZSTD_CCtx *c, size_t n)
{
	size_t m = ZSTD_compress2(c, frame, CAP, raw, n);

	assert_false(ZSTD_isError(m));
	return m;
}

static void header_restrictions(void **state)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_outBuffer out = { frame, CAP, 0 };
	ZSTD_inBuffer in;
	size_t n = 50000, m;

	(void)state;
	test_text(raw, CAP, 2);
	m = compress_with(c, n);
	assert_int_equal(decode(frame, m, n), 0);
	/* With its checksum it is one frame still, and may stand. */
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	m = compress_with(c, n);
	assert_int_equal(decode(frame, m, n), 0);
	frame[m - 1] ^= 1;
	assert_int_equal(decode(frame, m, n), DV_ECORRUPT);
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 0);
	/* No content size. */
	ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);
	m = compress_with(c, n);
	assert_int_equal(decode(frame, m, n), DV_ECORRUPT);
	ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 1);
	/* A window smaller than the content: not single-segment. */
	ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, 10);
	m = compress_with(c, n);
	assert_false(frame[4] & 0x20);
	assert_int_equal(decode(frame, m, n), DV_ECORRUPT);
	ZSTD_CCtx_reset(c, ZSTD_reset_session_and_parameters);
	/* Streamed, without a known size. */
	in = (ZSTD_inBuffer){ raw, n, 0 };
	assert_false(ZSTD_isError(ZSTD_compressStream2(c, &out, &in,
						       ZSTD_e_flush)));
	while (ZSTD_compressStream2(c, &out, &in, ZSTD_e_end))
		;
	assert_int_equal(decode(frame, out.pos, n), DV_ECORRUPT);
	ZSTD_freeCCtx(c);
}

/*
 * A dictionary id of one byte, put into a good header by hand: the
 * descriptor's low bits are its size, its place is before the content size.
 */
static void dictionary_id(void **state)
{
	size_t n = 50000, m = good_frame(n);

	(void)state;
	assert_int_equal(frame[4] & 3, 0);
	memmove(frame + 6, frame + 5, m - 5);
	frame[4] |= 1;
	frame[5] = 0;	/* id 0: zstd itself would take it as "none" */
	assert_int_equal(decode(frame, m + 1, n), DV_ECORRUPT);
	frame[5] = 77;
	assert_int_equal(decode(frame, m + 1, n), DV_ECORRUPT);
}

static void damaged_bytes_never_pass(void **state)
{
	size_t n = 50000, m = good_frame(n);

	(void)state;
	for (size_t i = 0; i < m; i += i < 30 ? 1 : 61) {
		for (int bit = 0; bit < 8; bit++) {
			frame[i] ^= (uint8_t)(1 << bit);
			/*
			 * A payload may decode to other bytes: ids tell. In
			 * the header only the bit that RFC 8878 leaves unused
			 * may change, and then it changes nothing.
			 */
			if (i < 6 && !decode(frame, m, n)) {
				assert_true(i == 4 && bit == 4);
				assert_memory_equal(back, raw, n);
			}
			frame[i] ^= (uint8_t)(1 << bit);
		}
	}
	assert_int_equal(decode(frame, m, n), 0);
	assert_memory_equal(back, raw, n);
}

static void noise_is_noticed(void **state)
{
	(void)state;
	test_noise(raw, 262144, 7);
	assert_false(dv_looks_compressible(z, raw, 262144));
	assert_false(dv_looks_compressible(z, raw, 65537));
	test_text(raw, 262144, 7);
	assert_true(dv_looks_compressible(z, raw, 262144));
	memset(raw, 0, 262144);
	assert_true(dv_looks_compressible(z, raw, 262144));
	assert_true(dv_looks_compressible(z, raw, 1));
	/* Small numbers in 4 bytes each are not noise. */
	for (uint32_t i = 0; i < 65536; i++)
		dv_put32(raw + 4 * i, i * 7);
	assert_true(dv_looks_compressible(z, raw, 262144));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(refuses_to_grow),
		cmocka_unit_test(level_is_kept),
		cmocka_unit_test(wrong_sizes),
		cmocka_unit_test(further_frames),
		cmocka_unit_test(header_restrictions),
		cmocka_unit_test(dictionary_id),
		cmocka_unit_test(damaged_bytes_never_pass),
		cmocka_unit_test(noise_is_noticed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
