/* Shards that lie about deltas under true checksums, as a stranger may. */
#include "remotelib.h"
#include "deltalib.h"

#define N 33000

/*
 * One push of three files; CHUNKS holds
 *	0 x	1 d of x	2 z			the first file
 *	3 z	4 f of y	5 y behind them		the second: y is pushed by
 *	6 y	7 u	8 v	9 w			the third, which comes first
 */
struct forged {
	struct chunk x, d, z, y, f, u, v, w;
	struct part part[3][4];
	size_t n[3];
	struct dv_oid file[3];
	char *shard;
	struct dv_buf was;
	uint32_t first[3];	/* rows */
};

static uint32_t row_of(const struct dv_buf *b, const struct dv_id *id,
		       uint32_t from)
{
	uint64_t off = dv_get64(b->p + DV_SHARD_HEAD +
				48 * (size_t)DV_SHARD_CHUNKS + 8);

	for (uint32_t i = from;; i++) {
		const uint8_t *row = b->p + off + (size_t)i * DV_SHARD_CHUNK_ROW;

		assert_true(row < b->p + b->n);
		if (!memcmp(row, id->b, DV_ID_SIZE))
			return i;
	}
}

static uint8_t *row_at(const struct dv_buf *b, uint32_t i)
{
	return b->p + dv_get64(b->p + DV_SHARD_HEAD +
			       48 * (size_t)DV_SHARD_CHUNKS + 8) +
	       (size_t)i * DV_SHARD_CHUNK_ROW;
}

static struct forged *forged_remote(struct world *w)
{
	struct forged *g = test_alloc(sizeof(*g));
	struct dv_push_file files[3] = { 0 };
	struct dv_push_result res;
	struct dv_err err = { 0 };
	static const int order[3] = { 2, 0, 1 };

	memset(g, 0, sizeof(*g));
	g->x = chunk_rows(w->a, N, 1);
	g->d = chunk_edit(w->a, &g->x, 2);
	g->z = chunk_rows(w->a, N, 3);
	g->y = chunk_rows(w->a, N, 4);
	g->f = chunk_edit(w->a, &g->y, 5);
	g->u = chunk_rows(w->a, N, 6);
	g->v = chunk_rows(w->a, N, 7);
	g->w = chunk_rows(w->a, N, 8);
	g->part[0][0] = (struct part){ &g->x, NULL };
	g->part[0][1] = (struct part){ &g->d, &g->x };
	g->part[0][2] = (struct part){ &g->z, NULL };
	g->part[1][0] = (struct part){ &g->z, NULL };
	g->part[1][1] = (struct part){ &g->f, &g->y };
	g->part[2][0] = (struct part){ &g->y, NULL };
	g->part[2][1] = (struct part){ &g->u, NULL };
	g->part[2][2] = (struct part){ &g->v, NULL };
	g->part[2][3] = (struct part){ &g->w, NULL };
	g->n[0] = 3;
	g->n[1] = 2;
	g->n[2] = 4;
	for (int k = 0; k < 3; k++) {
		int i = order[k];

		g->file[i] = store_parts(w->a, g->part[i], g->n[i]);
		files[k].oid = g->file[i];
	}
	assert_ok(try_push(w->a, w->url, files, 3, &res, &err));
	g->shard = remote_only(w, "shards");
	g->was = whole_file(g->shard);
	g->first[2] = row_of(&g->was, &g->y.id, 0);
	g->first[0] = row_of(&g->was, &g->x.id, 0);
	g->first[1] = row_of(&g->was, &g->f.id, 0) - 1;
	assert_int_equal(row_at(&g->was, g->first[0] + 1)[49], DV_CODEC_DELTA);
	assert_int_equal(row_at(&g->was, g->first[1] + 1)[49], DV_CODEC_DELTA);
	/* The base of the second file's delta stands right behind. */
	assert_int_equal(dv_get32(row_at(&g->was, g->first[1] + 1) + 52),
			 g->first[1] + 2);
	return g;
}

static void forged_release(struct forged *g)
{
	struct chunk *c[] = { &g->x, &g->d, &g->z, &g->y, &g->f, &g->u, &g->v,
			      &g->w };

	for (size_t i = 0; i < DV_ARRAY_SIZE(c); i++)
		free(c[i]->p);
	dv_buf_release(&g->was);
	free(g->shard);
	free(g);
}

/* Fetch all files by a changed shard; what is there then is right. */
static int fetch_forged(struct world *w, struct forged *g, struct dv_buf *lie,
			uint8_t have[3])
{
	struct dv_fetch_result got;
	struct dv_err err = { 0 };
	int rc;

	reseal(lie);
	replace_file(g->shard, lie->p, lie->n);
	world_fresh_b(w);
	rc = try_fetch(w->b, w->url, g->file, 3, have, &got, &err);
	if (rc)
		assert_true(strlen(err.msg) > 10);
	for (int i = 0; i < 3; i++)
		if (have[i])
			assert_parts(w->b, &g->file[i], g->part[i], g->n[i]);
	assert_sound(w->b);
	return rc;
}

static struct dv_buf copy_of(const struct dv_buf *b)
{
	struct dv_buf c = { 0 };
	struct dv_err err = { 0 };

	assert_ok(dv_buf_add(&c, b->p, b->n, &err));
	return c;
}

static void wrong_bases(void **state)
{
	struct world *w = *state;
	struct forged *g = forged_remote(w);
	uint32_t d = g->first[0] + 1, f = g->first[1] + 1, z = g->first[0] + 2;
	const struct {
		uint32_t row, base;
		int file;
	} lies[] = {
		{ d, d, 0 },			/* itself */
		{ d, z, 0 },			/* another chunk's row */
		{ d, g->first[2], 0 },		/* before its run */
		{ d, g->first[0] + 6, 0 },	/* 2n rows on */
		{ d, 1000, 0 },			/* no row at all */
		{ d, 0xfffffffe, 0 },
		{ d, DV_SHARD_NO_BASE, 0 },	/* a delta of nothing */
		{ f, f, 1 },
		{ f, f - 1, 1 },
		{ f, f + 3, 1 },		/* n + 1 behind */
		{ f, d, 1 },
	};

	for (size_t i = 0; i < DV_ARRAY_SIZE(lies); i++) {
		struct dv_buf lie = copy_of(&g->was);
		uint8_t have[3];

		dv_put32(row_at(&lie, lies[i].row) + 52, lies[i].base);
		assert_int_equal(fetch_forged(w, g, &lie, have), DV_ECORRUPT);
		for (int k = 0; k < 3; k++)
			assert_int_equal(have[k], k != lies[i].file);
		dv_buf_release(&lie);
	}
	/* A base for what needs none. */
	for (int k = 0; k < 2; k++) {
		struct dv_buf lie = copy_of(&g->was);
		uint8_t have[3];

		dv_put32(row_at(&lie, k ? z : f + 1) + 52, g->first[0]);
		assert_int_equal(fetch_forged(w, g, &lie, have), DV_ECORRUPT);
		assert_false(have[k ? 0 : 1]);
		dv_buf_release(&lie);
	}
	forged_release(g);
}

/* The row of the base calls it a delta: of the other, of itself. */
static void bases_that_are_deltas(void **state)
{
	struct world *w = *state;
	struct forged *g = forged_remote(w);
	uint32_t x = g->first[0], y = g->first[1] + 2;

	for (uint32_t k = 0; k < 4; k++) {
		struct dv_buf lie = copy_of(&g->was);
		uint8_t *row = row_at(&lie, k & 1 ? y : x), have[3];

		row[49] = DV_CODEC_DELTA;
		dv_put32(row + 44, dv_get32(row + 44) - 32);
		dv_put32(row + 52, k & 2 ? (k & 1 ? y : x) :
					   (k & 1 ? y - 1 : x + 1));
		assert_int_equal(fetch_forged(w, g, &lie, have), DV_ECORRUPT);
		assert_false(have[k & 1]);
		assert_true(have[!(k & 1)]);
		dv_buf_release(&lie);
	}
	forged_release(g);
}

/* A delta row where another record stands, and the other way round. */
static void rows_exchanged(void **state)
{
	struct world *w = *state;
	struct forged *g = forged_remote(w);
	uint8_t *x, *d, have[3];
	struct dv_buf lie;

	/* Both places; ids and bases stay. */
	lie = copy_of(&g->was);
	x = row_at(&lie, g->first[0]);
	d = row_at(&lie, g->first[0] + 1);
	for (int i = 36; i < 48; i++) {
		uint8_t t = x[i];

		x[i] = d[i];
		d[i] = t;
	}
	assert_int_equal(fetch_forged(w, g, &lie, have), DV_ECORRUPT);
	assert_false(have[0]);
	assert_true(have[1] && have[2]);
	dv_buf_release(&lie);
	/* The delta's place for the base: its own record as base of itself. */
	lie = copy_of(&g->was);
	memcpy(row_at(&lie, g->first[0]) + 36,
	       row_at(&lie, g->first[0] + 1) + 36, 12);
	assert_int_equal(fetch_forged(w, g, &lie, have), DV_ECORRUPT);
	assert_false(have[0]);
	dv_buf_release(&lie);
	/* The truth again. */
	lie = copy_of(&g->was);
	assert_int_equal(fetch_forged(w, g, &lie, have), 0);
	assert_true(have[0] && have[1] && have[2]);
	dv_buf_release(&lie);
	forged_release(g);
}

/* Any byte of any row: a pusher who reads it must survive it as well. */
static void any_byte_of_the_rows(void **state)
{
	struct world *w = *state;
	struct forged *g = forged_remote(w);
	uint64_t off = dv_get64(g->was.p + DV_SHARD_HEAD +
				48 * (size_t)DV_SHARD_CHUNKS + 8);
	struct part more[2] = { { &g->x, NULL }, { &g->u, NULL } };
	uint64_t seed = 7;

	for (uint64_t i = off; i < g->was.n; i += 3) {
		struct dv_push_file file = { .previous = g->file[0] };
		struct dv_buf lie = copy_of(&g->was);
		struct dv_push_result res;
		struct dv_err err = { 0 };
		uint8_t have[3];

		/* Lengths, codec and base more than ids. */
		if ((i - off) % DV_SHARD_CHUNK_ROW < 32 && i % 5)
			goto next;
		lie.p[i] ^= (uint8_t)(1 + test_rand(&seed) % 255);
		fetch_forged(w, g, &lie, have);
		if (i % 4)
			goto next;
		world_fresh_b(w);
		file.oid = store_parts(w->b, more, 2);
		if (!try_push(w->b, w->url, &file, 1, &res, &err)) {
			struct dv_strs now = remote_files(w, "shards");

			for (size_t k = 0; k < now.n; k++)
				if (strcmp(now.v[k], g->shard))
					unlink(now.v[k]);
			dv_strs_release(&now);
		}
next:
		dv_buf_release(&lie);
	}
	forged_release(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(wrong_bases),
		IN_WORLD(bases_that_are_deltas),
		IN_WORLD(rows_exchanged),
		IN_WORLD(any_byte_of_the_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
