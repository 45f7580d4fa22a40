#include "testlib.h"

#include "format/shard.h"

#define NCHUNKS 40u
#define NSEGS 3u

/* Tests that share one digest. */
static int sha_setup(void **state)
{
	*state = dv_sha256_open();
	assert_non_null(*state);
	return 0;
}

static int sha_teardown(void **state)
{
	dv_sha256_close(*state);
	return 0;
}

#define WITH_SHA(t) cmocka_unit_test_setup_teardown(t, sha_setup, sha_teardown)

/* Ids that fall as i grows, so that sorting has work to do. */
static struct dv_id id_of(unsigned int kind, uint32_t i)
{
	struct dv_id id;

	test_noise(id.b, sizeof(id.b), kind * 1000 + i);
	id.b[0] = (uint8_t)(200 - i);
	id.b[1] = (uint8_t)kind;
	return id;
}

static struct dv_shard_chunk chunk_of(uint32_t i)
{
	struct dv_shard_chunk c = { .id = id_of(1, i), .pack = i & 1,
		.off = DV_PACK_HEAD + i * 1000, .raw = 900 + i, .enc = 800 + i,
		.transform = i % 4, .codec = i % 3,
		.base = i % 3 == DV_CODEC_DELTA ? i - 1 : DV_SHARD_NO_BASE };

	return c;
}

static struct dv_oid file_of(uint32_t i)
{
	struct dv_oid oid = { .id = id_of(3, i), .scheme = DV_SCHEME_DV1,
			      .size = 100000 + i };

	if (i & 1) {
		oid.scheme = DV_SCHEME_SHA256;
		oid.size = 100 + i;
	}
	return oid;
}

#define NFILES 6u
#define FIRST_PUSH 1234567890u

static void build(struct dv_shard_builder *b)
{
	static const uint8_t old[] = "the replaced one";
	uint8_t name[] = "pack number ?...";
	struct dv_err err = { 0 };

	for (uint32_t i = 0; i < 2; i++) {
		name[12] = (uint8_t)('0' + i);
		assert_ok(dv_shard_add_pack(b, name, 100000 + i, &err));
	}
	for (uint32_t i = 0; i < NCHUNKS; i++) {
		struct dv_shard_chunk c = chunk_of(i);

		assert_ok(dv_shard_add_chunk(b, &c, &err));
	}
	for (uint32_t i = 0; i < NSEGS; i++) {
		struct dv_id id = id_of(2, i);
		struct dv_id first = id_of(1, i * 10);

		assert_int_equal(dv_shard_rows(b, DV_SHARD_SEGS), i);
		assert_ok(dv_shard_add_seg(b, &id, i * 10, 10, &err));
		assert_ok(dv_shard_add_hook(b, &first, i, &err));
		first = id_of(1, i * 10 + 5);
		assert_ok(dv_shard_add_hook(b, &first, i, &err));
	}
	for (uint32_t i = 0; i < NFILES; i++) {
		struct dv_oid oid = file_of(i);
		uint8_t ref[DV_FILE_ROW];
		struct dv_id seg = id_of(2, i % NSEGS);

		if (oid.scheme == DV_SCHEME_SHA256) {
			assert_ok(dv_shard_add_file(b, &oid, i, 0, 1000 + i,
						    &err));
			continue;
		}
		assert_ok(dv_shard_add_file(b, &oid,
					    dv_shard_rows(b, DV_SHARD_SEGREFS),
					    1, 1000 + i, &err));
		dv_put64(ref, oid.size);
		memcpy(ref + 8, seg.b, sizeof(seg.b));
		assert_ok(dv_buf_add(&b->sec[DV_SHARD_SEGREFS], ref,
				     sizeof(ref), &err));
	}
	assert_ok(dv_shard_add_old(b, old, &err));
}

static struct dv_buf built(struct dv_sha256 *sha)
{
	struct dv_shard_builder b = { 0 };
	struct dv_buf out = { 0 };
	struct dv_err err = { 0 };

	build(&b);
	assert_ok(dv_shard_finish(&b, sha, FIRST_PUSH, &out, &err));
	dv_shard_builder_release(&b);
	return out;
}

/* Everything that build put in, wherever it stands now. */
static void assert_same(const struct dv_shard *s, int chunks)
{
	struct dv_err err = { 0 };

	assert_int_equal(s->first_push, FIRST_PUSH);
	assert_int_equal(s->n[DV_SHARD_FILES], NFILES);
	assert_int_equal(s->n[DV_SHARD_CHUNKS], NCHUNKS);
	assert_int_equal(s->n[DV_SHARD_PACKS], 2);
	assert_int_equal(s->n[DV_SHARD_OLD], 1);
	assert_memory_equal(s->sec[DV_SHARD_OLD], "the replaced one", 16);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(dv_shard_pack_size(s, i), 100000 + i);
		assert_int_equal(dv_shard_pack_name(s, i)[12], '0' + i);
	}
	for (uint32_t i = 0; i < NFILES; i++) {
		struct dv_oid oid = file_of(i), found, other = oid;
		uint32_t first, nseg;
		int64_t at = dv_shard_find_file(s, &oid);

		assert_true(at >= 0);
		dv_shard_file(s, (uint32_t)at, &found, &first, &nseg);
		assert_true(dv_oid_eq(&found, &oid));
		assert_int_equal(found.size, oid.size);
		assert_int_equal(dv_shard_file_hours(s, (uint32_t)at),
				 1000 + i);
		if (oid.scheme == DV_SCHEME_SHA256) {
			assert_int_equal(nseg, 0);
			assert_int_equal(first, i);
		} else {
			struct dv_id seg = id_of(2, i % NSEGS);

			assert_int_equal(nseg, 1);
			assert_memory_equal(s->sec[DV_SHARD_SEGREFS] +
					    first * DV_FILE_ROW + 8, seg.b, 32);
		}
		other.scheme = oid.scheme == DV_SCHEME_DV1 ?
			       DV_SCHEME_SHA256 : DV_SCHEME_DV1;
		assert_int_equal(dv_shard_find_file(s, &other), -1);
		other = oid;
		other.size++;
		assert_int_equal(dv_shard_find_file(s, &other), -1);
	}
	for (uint32_t i = 0; i < NSEGS; i++) {
		struct dv_id id = id_of(2, i), none = id_of(2, i + 50);
		struct dv_id hook = id_of(1, i * 10 + 5);
		uint32_t first, n;
		int64_t at = dv_shard_find_seg(s, &id);

		assert_true(at >= 0);
		dv_shard_seg(s, (uint32_t)at, &first, &n);
		assert_int_equal(first, i * 10);
		assert_int_equal(n, 10);
		assert_int_equal(dv_shard_find_seg(s, &none), -1);
		/* Hooks follow their segments to the new numbers. */
		at = dv_shard_find_hook(s, &hook);
		assert_true(at >= 0);
		dv_shard_seg(s, dv_shard_hook_seg(s, (uint32_t)at), &first,
			     &n);
		assert_int_equal(first, i * 10);
		hook = id_of(1, i * 10 + 6);
		assert_int_equal(dv_shard_find_hook(s, &hook), -1);
	}
	for (uint32_t i = 0; chunks && i < NCHUNKS; i++) {
		struct dv_shard_chunk want = chunk_of(i), c;

		assert_ok(dv_shard_chunk_parse(s, s->sec[DV_SHARD_CHUNKS] +
					       i * DV_SHARD_CHUNK_ROW, &c,
					       &err));
		assert_true(dv_id_eq(&c.id, &want.id));
		assert_int_equal(c.pack, want.pack);
		assert_int_equal(c.off, want.off);
		assert_int_equal(c.raw, want.raw);
		assert_int_equal(c.enc, want.enc);
		assert_int_equal(c.base, want.base);
		assert_int_equal(c.transform, want.transform);
		assert_int_equal(c.codec, want.codec);
	}
}

static void round_trip(void **state)
{
	struct dv_buf out = built(*state);
	struct dv_shard s;
	struct dv_err err = { 0 };
	uint64_t chunks_off, size;

	assert_ok(dv_shard_sizes(out.p, DV_SHARD_HEAD + DV_SHARD_TABLE,
				 &chunks_off, &size, &err));
	assert_int_equal(size, out.n);
	assert_int_equal(size - chunks_off, NCHUNKS * DV_SHARD_CHUNK_ROW);
	assert_ok(dv_shard_view(out.p, out.n, *state, &s, &err));
	assert_same(&s, 1);
	/* All before CHUNKS is enough for everything but the places. */
	assert_ok(dv_shard_view(out.p, (size_t)chunks_off, *state, &s, &err));
	assert_null(s.sec[DV_SHARD_CHUNKS]);
	assert_int_equal(s.chunks_off, chunks_off);
	assert_same(&s, 0);
	dv_buf_release(&out);
}

static void empty(void **state)
{
	struct dv_shard_builder b = { 0 };
	struct dv_buf out = { 0 };
	struct dv_err err = { 0 };
	struct dv_oid oid = file_of(0);
	struct dv_shard s;

	assert_ok(dv_shard_finish(&b, *state, 0, &out, &err));
	assert_int_equal(out.n, DV_SHARD_HEAD + DV_SHARD_TABLE);
	assert_ok(dv_shard_view(out.p, out.n, *state, &s, &err));
	assert_int_equal(dv_shard_find_file(&s, &oid), -1);
	assert_int_equal(dv_shard_find_seg(&s, &oid.id), -1);
	assert_int_equal(dv_shard_find_hook(&s, &oid.id), -1);
	dv_buf_release(&out);
	dv_shard_builder_release(&b);
}

/*
 * A changed byte is found, but in the time of the first push, which no
 * checksum covers and which only delays what a garbage collection may drop.
 */
static void every_byte_counts(void **state)
{
	struct dv_buf out = built(*state);
	struct dv_shard s;
	struct dv_err err = { 0 };

	for (size_t i = 0; i < out.n; i++) {
		uint8_t was = out.p[i];

		for (int bit = 0; bit < 8; bit += i < 400 ? 1 : 5) {
			int rc;

			out.p[i] = (uint8_t)(was ^ 1 << bit);
			rc = dv_shard_view(out.p, out.n, *state, &s, &err);
			if (i >= 24 && i < 32)
				assert_ok(rc);
			else if (i >= 8 && i < 16)
				assert_fails(rc, DV_EINVAL);
			else
				assert_fails(rc, DV_ECORRUPT);
		}
		out.p[i] = was;
	}
	dv_buf_release(&out);
}

static void every_length_counts(void **state)
{
	struct dv_buf out = built(*state);
	struct dv_shard s;
	struct dv_err err = { 0 };
	uint64_t chunks_off, size;

	assert_ok(dv_shard_sizes(out.p, out.n, &chunks_off, &size, &err));
	for (size_t n = 0; n < out.n; n++) {
		/* Exactly n bytes, so that a sanitizer sees any further look. */
		uint8_t *p = test_alloc(n);

		memcpy(p, out.p, n);
		if (n != chunks_off)
			assert_fails(dv_shard_view(p, n, *state, &s, &err),
				     DV_ECORRUPT);
		free(p);
	}
	assert_ok(dv_buf_add(&out, "x", 1, &err));
	assert_fails(dv_shard_view(out.p, out.n, *state, &s, &err),
		     DV_ECORRUPT);
	dv_buf_release(&out);
}

/* Make all checksums true again after a change. */
static void reseal(struct dv_buf *b, struct dv_sha256 *sha)
{
	struct dv_id id;

	for (size_t i = 0; i < DV_SHARD_SECTIONS; i++) {
		uint8_t *row = b->p + DV_SHARD_HEAD + 48 * i;
		uint64_t off = dv_get64(row + 8);
		uint64_t end = i + 1 < DV_SHARD_SECTIONS ?
			       dv_get64(row + 48 + 8) : b->n;

		dv_sha256_of(sha, b->p + off, (size_t)(end - off), &id);
		memcpy(row + 16, id.b, DV_ID_SIZE);
	}
	dv_sha256_of(sha, b->p + DV_SHARD_HEAD, DV_SHARD_TABLE, &id);
	memcpy(b->p + 32, id.b, DV_ID_SIZE);
}

static uint8_t *row_of(struct dv_buf *b, enum dv_shard_section s, uint32_t w,
		       uint32_t i)
{
	return b->p + dv_get64(b->p + DV_SHARD_HEAD + 48 * (size_t)s + 8) +
	       (size_t)w * i;
}

/* Rows that lie, under true checksums. */
static void impossible_rows(void **state)
{
	static const struct {
		enum dv_shard_section sec;
		uint32_t w, at;
		uint32_t value;
	} lie[] = {
		{ DV_SHARD_FILES, DV_SHARD_FILE_ROW, 40, 0xffffffff },
		{ DV_SHARD_FILES, DV_SHARD_FILE_ROW, 44, 0xffffffff },
		{ DV_SHARD_FILES, DV_SHARD_FILE_ROW, 44, 100 },
		{ DV_SHARD_FILES, DV_SHARD_FILE_ROW, 48, 0 },
		{ DV_SHARD_FILES, DV_SHARD_FILE_ROW, 48, 7 },
		{ DV_SHARD_FILES, DV_SHARD_FILE_ROW, 36, 0xffffffff },
		{ DV_SHARD_SEGS, DV_SHARD_SEG_ROW, 32, NCHUNKS },
		{ DV_SHARD_SEGS, DV_SHARD_SEG_ROW, 32, 0xfffffff8 },
		{ DV_SHARD_SEGS, DV_SHARD_SEG_ROW, 36, 0 },
		{ DV_SHARD_SEGS, DV_SHARD_SEG_ROW, 36, 1025 },
		{ DV_SHARD_SEGS, DV_SHARD_SEG_ROW, 36, NCHUNKS + 1 },
		{ DV_SHARD_HOOKS, DV_SHARD_HOOK_ROW, 16, NSEGS },
		{ DV_SHARD_HOOKS, DV_SHARD_HOOK_ROW, 16, 0xffffffff },
	};
	struct dv_shard s;
	struct dv_err err = { 0 };

	for (size_t i = 0; i < DV_ARRAY_SIZE(lie); i++) {
		struct dv_buf out = built(*state);

		dv_put32(row_of(&out, lie[i].sec, lie[i].w, 1) + lie[i].at,
			 lie[i].value);
		reseal(&out, *state);
		assert_fails(dv_shard_view(out.p, out.n, *state, &s, &err),
			     DV_ECORRUPT);
		dv_buf_release(&out);
	}
}

static void unsorted_rows(void **state)
{
	static const struct {
		enum dv_shard_section sec;
		uint32_t w;
	} v[] = {
		{ DV_SHARD_FILES, DV_SHARD_FILE_ROW },
		{ DV_SHARD_SEGS, DV_SHARD_SEG_ROW },
		{ DV_SHARD_HOOKS, DV_SHARD_HOOK_ROW },
	};
	struct dv_shard s;
	struct dv_err err = { 0 };

	for (size_t i = 0; i < DV_ARRAY_SIZE(v); i++) {
		struct dv_buf out = built(*state);
		uint8_t was[64], *a = row_of(&out, v[i].sec, v[i].w, 0);

		memcpy(was, a, v[i].w);
		memcpy(a, a + v[i].w, v[i].w);
		memcpy(a + v[i].w, was, v[i].w);
		reseal(&out, *state);
		assert_fails(dv_shard_view(out.p, out.n, *state, &s, &err),
			     DV_ECORRUPT);
		dv_buf_release(&out);
	}
}

static void impossible_chunks(void **state)
{
	static const struct {
		uint32_t at, value;
		int width;
	} lie[] = {
		{ 32, 2, 4 },			/* pack */
		{ 32, 0xffffffff, 4 },
		{ 36, DV_PACK_HEAD - 1, 4 },	/* offset */
		{ 36, 100000, 4 },
		{ 36, 0xffffffff, 4 },
		{ 40, 0, 4 },			/* raw */
		{ 40, 262145, 4 },
		{ 40, 10, 4 },			/* less than encoded */
		{ 44, 0, 4 },			/* encoded */
		{ 44, 0xffffffff, 4 },
		{ 49, DV_CODEC_DELTA, 1 },	/* without a base */
		{ 52, 0, 4 },			/* a base without a delta */
	};
	struct dv_buf out = built(*state);
	struct dv_shard s;
	struct dv_shard_chunk c;
	struct dv_err err = { 0 };
	uint8_t row[DV_SHARD_CHUNK_ROW];

	assert_ok(dv_shard_view(out.p, out.n, *state, &s, &err));
	for (size_t i = 0; i < DV_ARRAY_SIZE(lie); i++) {
		memcpy(row, s.sec[DV_SHARD_CHUNKS], sizeof(row));
		assert_ok(dv_shard_chunk_parse(&s, row, &c, &err));
		if (lie[i].width == 1)
			row[lie[i].at] = (uint8_t)lie[i].value;
		else
			dv_put32(row + lie[i].at, lie[i].value);
		assert_fails(dv_shard_chunk_parse(&s, row, &c, &err),
			     DV_ECORRUPT);
	}
	memcpy(row, s.sec[DV_SHARD_CHUNKS] + 2 * DV_SHARD_CHUNK_ROW,
	       sizeof(row));
	assert_ok(dv_shard_chunk_parse(&s, row, &c, &err));
	assert_int_equal(c.codec, DV_CODEC_DELTA);
	dv_put32(row + 52, NCHUNKS);
	assert_fails(dv_shard_chunk_parse(&s, row, &c, &err), DV_ECORRUPT);
	/* The last byte of the pack is still inside, the next is not. */
	memcpy(row, s.sec[DV_SHARD_CHUNKS], sizeof(row));
	dv_put32(row + 36, 100000 - DV_REC_HEAD - dv_get32(row + 44));
	assert_ok(dv_shard_chunk_parse(&s, row, &c, &err));
	dv_put32(row + 36, dv_get32(row + 36) + 1);
	assert_fails(dv_shard_chunk_parse(&s, row, &c, &err), DV_ECORRUPT);
	dv_buf_release(&out);
}

static void version(void **state)
{
	struct dv_buf out = built(*state);
	struct dv_err err = { 0 };
	struct dv_shard s;

	out.p[8] = 2;
	assert_fails(dv_shard_view(out.p, out.n, *state, &s, &err), DV_EINVAL);
	assert_non_null(strstr(err.msg, "version 2"));
	out.p[8] = 1;
	out.p[11] = 0x80;
	assert_fails(dv_shard_view(out.p, out.n, *state, &s, &err), DV_EINVAL);
	assert_non_null(strstr(err.msg, "0x8000"));
	dv_buf_release(&out);
}

/* What no reader would take must not be made: it would close the store. */
static void too_large(void **state)
{
	struct dv_shard_builder b = { 0 };
	struct dv_buf out = { 0 };
	struct dv_err err = { 0 };
	struct dv_buf *old = &b.sec[DV_SHARD_OLD];

	assert_ok(dv_buf_reserve(old, DV_SHARD_MAX, &err));
	memset(old->p, 0, DV_SHARD_MAX);
	old->n = DV_SHARD_MAX;
	assert_fails(dv_shard_finish(&b, *state, 0, &out, &err), DV_EINVAL);
	assert_int_equal(out.n, 0);
	dv_buf_release(&out);
	dv_shard_builder_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SHA(round_trip),
		WITH_SHA(empty),
		WITH_SHA(every_byte_counts),
		WITH_SHA(every_length_counts),
		WITH_SHA(impossible_rows),
		WITH_SHA(unsorted_rows),
		WITH_SHA(impossible_chunks),
		WITH_SHA(version),
		WITH_SHA(too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
