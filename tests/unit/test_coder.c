#include "testlib.h"

#include "codec/chunker.h"
#include "store/coder.h"

static struct dv_coder c;
static uint8_t *raw;

static int setup(void **state)
{
	(void)state;
	raw = malloc(DV_CHUNK_MAX);
	return !raw || dv_coder_init(&c, NULL) ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	free(raw);
	dv_coder_release(&c);
	dv_coder_release(&c);
	return 0;
}

/* Encode, copy the payload away, decode, compare; returns the codec. */
static int trip(enum dv_kind kind, int level, size_t n)
{
	struct dv_err err = { 0 };
	const void *payload;
	const uint8_t *back;
	struct dv_rec rec;
	uint8_t head[DV_REC_HEAD_DELTA], *copy;
	size_t h;

	assert_ok(dv_coder_encode(&c, kind, level, raw, n, &rec, &payload,
				  &err));
	assert_int_equal(rec.kind, kind);
	assert_int_equal(rec.raw, n);
	if (rec.codec == DV_CODEC_RAW)
		assert_ptr_equal(payload, raw);
	dv_record_id(c.sha, kind, raw, n, &rec.id);
	/* What it makes must be what the format admits. */
	h = dv_rec_format(&rec, head);
	assert_ok(dv_rec_parse(head, h, &rec, &h, &err));
	copy = test_alloc(rec.enc);
	memcpy(copy, payload, rec.enc);
	assert_ok(dv_coder_decode(&c, &rec, copy, &back, &err));
	assert_memory_equal(back, raw, n);
	free(copy);
	return rec.codec;
}

static void round_trips(void **state)
{
	static const size_t sizes[] = { 1, 2, 31, 32, 33, 63, 64, 65, 255, 4095,
					4096, 4097, 65536, DV_CHUNK_MAX };

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(sizes); i++) {
		size_t n = sizes[i];

		test_text(raw, n, i);
		for (int level = 0; level <= 19; level += 3) {
			int codec = trip(DV_KIND_CHUNK, level, n);

			assert_int_equal(codec, level && n >= 255 ?
					 DV_CODEC_ZSTD :
					 level ? codec : DV_CODEC_RAW);
		}
		test_noise(raw, n, i);
		assert_int_equal(trip(DV_KIND_CHUNK, 3, n), DV_CODEC_RAW);
		memset(raw, 0, n);
		trip(DV_KIND_CHUNK, 3, n);
	}
	test_text(raw, 4 + 36 * 100, 1);
	assert_int_equal(trip(DV_KIND_SEGMENT, 3, 4 + 36 * 100), DV_CODEC_RAW);
	assert_int_equal(trip(DV_KIND_FILE, 3, 13 + 40 * 10), DV_CODEC_RAW);
}

/* Less than a 32nd saved: raw, since reading it back is worth more. */
static void little_saved_is_raw(void **state)
{
	(void)state;
	test_noise(raw, 100000, 1);
	memset(raw, 0, 2000);
	assert_int_equal(trip(DV_KIND_CHUNK, 3, 100000), DV_CODEC_RAW);
}

static void nothing_unverified(void **state)
{
	struct dv_err err = { 0 };
	const void *payload;
	const uint8_t *back;
	struct dv_rec rec, r;
	uint8_t *copy;

	(void)state;
	for (int level = 0; level <= 3; level += 3) {
		test_text(raw, 5000, 4);
		assert_ok(dv_coder_encode(&c, DV_KIND_CHUNK, level, raw, 5000,
					  &rec, &payload, &err));
		dv_record_id(c.sha, DV_KIND_CHUNK, raw, 5000, &rec.id);
		copy = test_alloc(rec.enc);
		memcpy(copy, payload, rec.enc);
		for (uint32_t i = 0; i < rec.enc; i += 37) {
			copy[i] ^= 0x20;
			back = NULL;
			r = rec;
			/*
			 * In a frame's own header one bit is unused; all else
			 * is caught by zstd or by the id.
			 */
			assert_fails(dv_coder_decode(&c, &r, copy, &back,
						     &err), DV_ECORRUPT);
			copy[i] ^= 0x20;
		}
		r = rec;
		r.id.b[31] ^= 1;
		assert_fails(dv_coder_decode(&c, &r, copy, &back, &err),
			     DV_ECORRUPT);
		/* The same bytes as another kind have another id. */
		r = rec;
		r.kind = DV_KIND_SEGMENT;
		assert_fails(dv_coder_decode(&c, &r, copy, &back, &err),
			     DV_ECORRUPT);
		assert_ok(dv_coder_decode(&c, &rec, copy, &back, &err));
		free(copy);
	}
}

static void later_encodings_are_named(void **state)
{
	struct dv_rec rec = { .kind = DV_KIND_CHUNK, .raw = 8, .enc = 7,
			      .codec = DV_CODEC_DELTA };
	struct dv_err err = { 0 };
	const uint8_t *back;

	(void)state;
	assert_fails(dv_coder_decode(&c, &rec, "1234567", &back, &err),
		     DV_EINVAL);
	rec.codec = DV_CODEC_ZSTD;
	rec.transform = DV_TRANSFORM_GROUP4;
	assert_fails(dv_coder_decode(&c, &rec, "1234567", &back, &err),
		     DV_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trips),
		cmocka_unit_test(little_saved_is_raw),
		cmocka_unit_test(nothing_unverified),
		cmocka_unit_test(later_encodings_are_named),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
