#include "numbers.h"

#include <zstd.h>

#include "codec/group.h"
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

static int compressible(const uint8_t *p, size_t n)
{
	struct dv_sample s;

	dv_sample_take(&s, p, n);
	return dv_looks_compressible(z, &s, p, n);
}

/* What is asked for must not change by what was asked before. */
static void level_is_kept(void **state)
{
	size_t a, b;

	(void)state;
	test_text(raw, 200000, 3);
	a = dv_zst_encode(z, 19, raw, 200000, frame, CAP, CAP);
	test_noise(raw + 300000, 100000, 1);
	assert_false(compressible(raw + 300000, 100000));
	b = dv_zst_encode(z, 19, raw, 200000, frame, CAP, CAP);
	assert_true(a > 0);
	assert_int_equal(a, b);
	assert_true(dv_zst_encode(z, 1, raw, 200000, frame, CAP, CAP) > a);
	assert_int_equal(dv_zst_encode(z, 19, raw, 200000, frame, CAP, CAP), a);
}

/* The number of blocks of a frame, by their headers (RFC 8878, 3.1.1.2). */
static int blocks(const uint8_t *f, size_t n)
{
	static const size_t size_len[] = { 1, 2, 4, 8 };
	size_t at = 5 + size_len[f[4] >> 6];
	int count = 0, last = 0;

	while (!last) {
		uint32_t h, type;

		assert_true(at + 3 <= n);
		h = f[at] | (uint32_t)f[at + 1] << 8 | (uint32_t)f[at + 2] << 16;
		last = h & 1;
		type = h >> 1 & 3;
		assert_true(type < 3);
		at += 3 + (type == 1 ? 1 : h >> 3);
		count++;
	}
	assert_int_equal(at, n);
	return count;
}

static void planes(void **state)
{
	static const size_t sizes[] = { 100, 4097, 65791, 65792, 131075, 262143,
					262144 };
	static const int levels[] = { 1, 2, 3, 9, 19, 1 };
	size_t m, whole;

	(void)state;
	for (unsigned int w = 2; w <= 8; w *= 2)
		for (size_t i = 0; i < DV_ARRAY_SIZE(sizes); i++)
			for (size_t l = 0; l < DV_ARRAY_SIZE(levels); l++) {
				size_t n = sizes[i];

				test_fp32(raw, n, i);
				raw[n - 1] = 1;
				dv_group(w, raw, n, back);
				memcpy(raw, back, n);
				m = dv_zst_encode_planes(z, levels[l], raw, n,
							 w, frame, CAP, CAP);
				assert_true(m > 0);
				memset(back, 0, n);
				assert_int_equal(decode(frame, m, n), 0);
				assert_memory_equal(raw, back, n);
				/* zstd may part a block, but joins none. */
				assert_true(blocks(frame, m) >= (int)w);
			}
	/* What is gained is gained by blocks of their own. */
	test_fp32(raw, 262144, 1);
	dv_group(4, raw, 262144, back);
	m = dv_zst_encode_planes(z, 1, back, 262144, 4, frame, CAP, CAP);
	whole = dv_zst_encode(z, 1, back, 262144, frame, CAP, CAP);
	assert_true(m > 0 && m < 262144 * 85 / 100 && m < whole);
}

/* Too little room, and what comes after it. */
static void planes_refuse_to_grow(void **state)
{
	size_t n = 65536, m, plain;

	(void)state;
	test_text(raw, n, 1);
	plain = dv_zst_encode(z, 1, raw, n, frame, CAP, n);
	m = dv_zst_encode_planes(z, 1, raw, n, 4, frame, CAP, n);
	assert_true(m > 0);
	assert_int_equal(dv_zst_try(z, 1, raw, n, 4, frame, CAP), m);
	assert_int_equal(dv_zst_encode_planes(z, 1, raw, n, 4, frame, CAP, m),
			 0);
	for (size_t cap = 0; cap < m; cap += cap < 20 ? 1 : m / 9) {
		uint8_t *out = test_alloc(cap);

		assert_int_equal(dv_zst_encode_planes(z, 1, raw, n, 4, out, cap,
						      n), 0);
		assert_int_equal(dv_zst_try(z, 1, raw, n, 1, out,
					    DV_MIN(cap, plain - 1)), 0);
		free(out);
		assert_int_equal(dv_zst_encode(z, 1, raw, n, frame, CAP, n),
				 plain);
		assert_int_equal(dv_zst_encode_planes(z, 1, raw, n, 4, frame,
						      CAP, n), m);
	}
	test_noise(raw, n, 1);
	assert_int_equal(dv_zst_encode_planes(z, 1, raw, n, 4, frame, CAP, n),
			 0);
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
	assert_false(compressible(raw, 262144));
	assert_false(compressible(raw, 65537));
	test_text(raw, 262144, 7);
	assert_true(compressible(raw, 262144));
	memset(raw, 0, 262144);
	assert_true(compressible(raw, 262144));
	/* Small numbers in 4 bytes each are not noise. */
	for (uint32_t i = 0; i < 65536; i++)
		dv_put32(raw + 4 * i, i * 7);
	assert_true(compressible(raw, 262144));
}

/* ---- against a base ---- */

static int decode_delta(const uint8_t *base, size_t bn, const void *f,
			size_t n, size_t want)
{
	uint8_t *copy = test_alloc(n), *b = test_alloc(bn);
	int rc;

	memcpy(copy, f, n);
	memcpy(b, base, bn);
	rc = dv_zst_decode_delta(z, b, bn, copy, n, back, want, NULL);
	free(copy);
	free(b);
	return rc;
}

#define BASE_MAX DV_ZST_DELTA_MAX

static void delta_round_trip(void **state)
{
	static const size_t sizes[] = { 1, 2, 7, 8, 31, 64, 255, 256, 1000,
					65791, 131072, 262143, 262144 };
	uint8_t *base = test_alloc(BASE_MAX);
	int level = 3;

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(sizes); i++) {
		for (size_t k = 0; k < DV_ARRAY_SIZE(sizes); k++) {
			size_t bn = sizes[i], n = sizes[k], m;

			/* Noise, so that only the base can help. */
			test_noise(base, bn, i);
			test_noise(raw, n, 1000 + k);
			memcpy(raw, base, DV_MIN(bn, n) * 3 / 4);
			level = level == 3 ? 1 : level == 1 ? 19 : 3;
			m = dv_zst_encode_delta(z, level, base, bn, raw, n,
						frame, CAP, n);
			if (n >= 1000 && bn >= n)
				assert_true(m > 0 && m < n / 2);
			if (!m)
				continue;
			assert_true(m < n);
			memset(back, 0xee, n + 1);
			assert_int_equal(decode_delta(base, bn, frame, m, n),
					 0);
			assert_memory_equal(raw, back, n);
			assert_int_equal(back[n], 0xee);
		}
	}
	/* Longer than any chunk, or nothing to refer to. */
	assert_int_equal(dv_zst_encode_delta(z, 3, raw, BASE_MAX + 1, raw, 1000,
					     frame, CAP, CAP), 0);
	assert_int_equal(dv_zst_encode_delta(z, 3, raw, 1000, raw, BASE_MAX + 1,
					     frame, CAP, CAP), 0);
	assert_int_equal(dv_zst_encode_delta(z, 3, raw, 0, raw, 1000, frame,
					     CAP, CAP), 0);
	free(base);
}

/* Some bytes changed, or are gone: of no base is much stored again. */
static void delta_of_large_bases(void **state)
{
	uint8_t *base = test_alloc(BASE_MAX);
	uint64_t seed = 3;

	(void)state;
	for (size_t bn = 131072; bn <= BASE_MAX; bn += 8192) {
		test_noise(base, bn, bn);
		for (int level = 1; level <= 3; level++) {
			size_t n = bn - 100, at = test_rand(&seed) % n;

			memcpy(raw, base, bn);
			for (int i = 0; i < 20; i++)
				raw[test_rand(&seed) % bn] ^= 1;
			assert_within(dv_zst_encode_delta(z, level, base, bn,
							  raw, bn, frame, CAP,
							  CAP), 1, bn / 100);
			memcpy(raw, base, at);
			memcpy(raw + at, base + at + 100, n - at);
			assert_within(dv_zst_encode_delta(z, level, base, bn,
							  raw, n, frame, CAP,
							  CAP), 1, bn / 100);
		}
	}
	free(base);
}

/* The start of the largest base is in reach of the end of the largest chunk. */
static void delta_reaches_everything(void **state)
{
	static const int levels[] = { 3, 9, 19 };
	uint8_t *base = test_alloc(BASE_MAX);
	size_t part = 4096;

	(void)state;
	for (size_t l = 0; l < DV_ARRAY_SIZE(levels); l++) {
		size_t whole, m;

		test_noise(base, BASE_MAX, 1);
		memcpy(raw, base, BASE_MAX);
		m = dv_zst_encode_delta(z, levels[l], base, BASE_MAX, raw,
					BASE_MAX, frame, CAP, CAP);
		assert_true(m > 0 && m < 100);
		test_noise(raw, BASE_MAX, 2);
		whole = dv_zst_encode(z, levels[l], raw, BASE_MAX, frame, CAP,
				      CAP);
		assert_true(whole > BASE_MAX - 100);
		memcpy(raw + BASE_MAX - part, base, part);
		m = dv_zst_encode_delta(z, levels[l], base, BASE_MAX, raw,
					BASE_MAX, frame, CAP, CAP);
		assert_true(m > 0 && m < whole - part * 9 / 10);
		assert_int_equal(decode_delta(base, BASE_MAX, frame, m,
					      BASE_MAX), 0);
		assert_memory_equal(raw, back, BASE_MAX);
	}
	free(base);
}

static size_t delta_frame(uint8_t *base, size_t n)
{
	size_t m;

	test_text(base, n, 1);
	test_noise(base + n / 2, n / 4, 3);
	memcpy(raw, base, n);
	test_noise(raw + n / 3, 500, 4);
	m = dv_zst_encode_delta(z, 3, base, n, raw, n, frame, CAP, n);
	assert_true(m > 500 && m < n / 10);
	return m;
}

static void delta_limit(void **state)
{
	uint8_t *base = test_alloc(BASE_MAX);
	size_t n = 100000, m = delta_frame(base, n);

	(void)state;
	for (int k = 0; k < 2; k++) {
		assert_int_equal(dv_zst_encode_delta(z, 3, base, n, raw, n,
						     frame, CAP, m), 0);
		assert_int_equal(dv_zst_encode_delta(z, 3, base, n, raw, n,
						     frame, CAP, 0), 0);
		/* No room is no error that lasts. */
		assert_int_equal(dv_zst_encode_delta(z, 3, base, n, raw, n,
						     frame, m / 2, n), 0);
		assert_int_equal(dv_zst_encode_delta(z, 3, base, n, raw, n,
						     frame, CAP, m + 1), m);
		/* Whole and delta in turns do not disturb each other. */
		assert_true(dv_zst_encode(z, 3, base, n / 2, back, CAP, CAP) >
			    0);
	}
	free(base);
}

/* Other bytes, or an error; in no case the right ones. */
static void delta_wrong_base(void **state)
{
	uint8_t *base = test_alloc(BASE_MAX), *other = test_alloc(BASE_MAX);
	size_t n = 100000, m = delta_frame(base, n), got = 0;
	static const size_t lens[] = { 1, 100, 50000, 99999, 100001, 262144 };

	(void)state;
	for (uint64_t i = 0; i < DV_ARRAY_SIZE(lens); i++) {
		memset(other, (int)i, BASE_MAX);
		memcpy(other, base, DV_MIN(n, lens[i]));
		if (!decode_delta(other, lens[i], frame, m, n)) {
			assert_memory_not_equal(raw, back, n);
			got++;
		}
		test_noise(other, BASE_MAX, i);
		if (!decode_delta(other, lens[i], frame, m, n)) {
			assert_memory_not_equal(raw, back, n);
			got++;
		}
	}
	/* Without any base it has nothing to refer to. */
	assert_int_equal(decode(frame, m, n), DV_ECORRUPT);
	assert_true(got < 2 * DV_ARRAY_SIZE(lens));
	/* The base of one call is not that of the next. */
	assert_int_equal(decode_delta(base, n, frame, m, n), 0);
	assert_int_equal(decode(frame, m, n), DV_ECORRUPT);
	assert_int_equal(decode_delta(base, n, frame, m - 1, n), DV_ECORRUPT);
	assert_int_equal(decode(frame, m, n), DV_ECORRUPT);
	assert_int_equal(decode_delta(base, n, frame, m, n - 1), DV_ECORRUPT);
	assert_int_equal(decode_delta(base, n, frame, m, n), 0);
	assert_memory_equal(raw, back, n);
	free(base);
	free(other);
}

static void delta_hostile_frames(void **state)
{
	uint8_t *base = test_alloc(BASE_MAX);
	size_t n = 100000, m = delta_frame(base, n);
	uint64_t seed = 5;

	(void)state;
	for (size_t i = 0; i < m; i++) {
		for (int k = 0; k < 4; k++) {
			uint8_t was = frame[i];

			frame[i] ^= (uint8_t)(1 + test_rand(&seed) % 255);
			/* Ids tell what passes here. */
			(void)!decode_delta(base, n, frame, m, n);
			(void)!decode_delta(base, 10, frame, m, n);
			frame[i] = was;
		}
		assert_int_equal(decode_delta(base, n, frame, i, n),
				 DV_ECORRUPT);
	}
	for (size_t i = 0; i < 500; i++) {
		test_noise(frame + 9, 200, i);
		(void)!decode_delta(base, n, frame, 209, n);
	}
	m = delta_frame(base, n);
	assert_int_equal(decode_delta(base, n, frame, m, n), 0);
	assert_memory_equal(raw, back, n);
	free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(refuses_to_grow),
		cmocka_unit_test(level_is_kept),
		cmocka_unit_test(planes),
		cmocka_unit_test(planes_refuse_to_grow),
		cmocka_unit_test(wrong_sizes),
		cmocka_unit_test(further_frames),
		cmocka_unit_test(header_restrictions),
		cmocka_unit_test(dictionary_id),
		cmocka_unit_test(damaged_bytes_never_pass),
		cmocka_unit_test(noise_is_noticed),
		cmocka_unit_test(delta_round_trip),
		cmocka_unit_test(delta_of_large_bases),
		cmocka_unit_test(delta_reaches_everything),
		cmocka_unit_test(delta_limit),
		cmocka_unit_test(delta_wrong_base),
		cmocka_unit_test(delta_hostile_frames),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
