#include "remotelib.h"
#include "deltalib.h"
#include "remote/prove.h"

#include "remote/compact.h"

#define N 40000

/* Records in the remote's packs: of this chunk or any, deltas or all. */
static size_t remote_records(struct world *w, const struct dv_id *id,
			     int deltas)
{
	struct dv_strs files = remote_files(w, "packs");
	size_t found = 0;

	for (size_t i = 0; i < files.n; i++) {
		struct dv_buf b = whole_file(files.v[i]);
		struct dv_err err = { 0 };
		uint64_t off;
		uint32_t n;

		assert_ok(dv_pack_foot_parse(b.p + b.n - DV_PACK_FOOT, b.n,
					     &off, &n, &err));
		for (uint32_t k = 0; k < n; k++) {
			struct dv_row row;

			dv_row_parse(b.p + off + (size_t)k * DV_PACK_ROW,
				     &row);
			found += (!id || dv_id_eq(&row.id, id)) &&
				 (!deltas || row.codec == DV_CODEC_DELTA);
		}
		dv_buf_release(&b);
	}
	dv_strs_release(&files);
	return found;
}

/* As an add does it, with a table of sketches. */
static struct dv_oid store_alike(struct env *e, const uint8_t *p, size_t n,
				 const struct dv_oid *previous)
{
	char *path = env_path(e, "sketches");
	struct dv_txn t = { 0 };
	struct dv_ingest *in;
	struct dv_err err = { 0 };
	struct dv_oid oid;

	assert_ok(dv_txn_begin(&t, &e->s, 1, &err));
	t.similar = dv_similar_open(path);
	assert_non_null(t.similar);
	assert_ok(dv_ingest_open(&in, &t, e->pool, &err));
	oid = ingest_bytes(in, p, n, SIZE_MAX, previous);
	dv_ingest_close(in);
	assert_ok(dv_txn_commit(&t, &err));
	dv_similar_close(t.similar);
	dv_txn_end(&t);
	free(path);
	return oid;
}

#define VERSIONS 5
#define SIZE ((size_t)1 << 20)

struct versions {
	uint8_t *p[VERSIONS];
	struct dv_oid oid[VERSIONS];
	struct dv_push_file file[VERSIONS];
};

static struct versions versions_in(struct env *e)
{
	struct versions v = { 0 };

	for (unsigned int i = 0; i < VERSIONS; i++) {
		v.p[i] = test_alloc(SIZE);
		if (i) {
			memcpy(v.p[i], v.p[i - 1], SIZE);
			edit_rows(v.p[i], SIZE, 40, i);
		} else {
			fill_rows(v.p[i], SIZE, 1);
		}
		v.oid[i] = store_alike(e, v.p[i], SIZE,
				       i ? &v.oid[i - 1] : NULL);
		v.file[i].oid = v.oid[i];
		v.file[i].path = "some/file";
		if (i)
			v.file[i].previous = v.oid[i - 1];
	}
	return v;
}

static void fetch_versions(struct world *w, struct versions *v)
{
	struct dv_fetch_result got;
	struct dv_err err = { 0 };
	uint8_t have[VERSIONS];

	/* All in one go; then each alone. */
	assert_ok(try_fetch(w->b, w->url, v->oid, VERSIONS, have, &got, &err));
	for (int i = 0; i < VERSIONS; i++)
		assert_content(w->b, &v->oid[i], v->p[i], SIZE);
	assert_sound(w->b);
	for (int i = VERSIONS; i-- > 0;) {
		if (i & 1)
			world_fresh_b(w);
		fetch_file(w->b, w->url, &v->oid[i]);
		assert_content(w->b, &v->oid[i], v->p[i], SIZE);
		env_reopen(w->b);
		assert_content(w->b, &v->oid[i], v->p[i], SIZE);
	}
	assert_sound(w->b);
	world_fresh_b(w);
}

static void versions_release(struct versions *v)
{
	for (int i = 0; i < VERSIONS; i++)
		free(v->p[i]);
}

static void in_one_push(void **state)
{
	struct world *w = *state;
	struct versions v = versions_in(w->a);
	struct dv_push_result res;
	struct dv_err err = { 0 };

	assert_ok(try_push(w->a, w->url, v.file, VERSIONS, &res, &err));
	assert_int_equal(res.files, VERSIONS);
	/* Four versions of deltas cost less than the first alone. */
	assert_true(remote_records(w, NULL, 1) > VERSIONS);
	assert_true(res.bytes < SIZE * 3 / 4);
	fetch_versions(w, &v);
	versions_release(&v);
}

/* History may come to a version before the one that it was coded against. */
static void newest_first(void **state)
{
	struct world *w = *state;
	struct versions v = versions_in(w->a);
	struct dv_push_file files[VERSIONS];
	struct dv_push_result res;
	struct dv_err err = { 0 };

	for (int i = 0; i < VERSIONS; i++)
		files[i] = v.file[VERSIONS - 1 - i];
	assert_ok(try_push(w->a, w->url, files, VERSIONS, &res, &err));
	assert_int_equal(res.files, VERSIONS);
	assert_true(res.bytes < SIZE * 3 / 4);
	fetch_versions(w, &v);
	versions_release(&v);
}

static void one_by_one(void **state)
{
	struct world *w = *state;
	struct versions v = versions_in(w->a);

	for (int i = 0; i < VERSIONS; i++) {
		struct dv_push_result res = push_file(w->a, w->url, &v.oid[i],
					      i ? &v.oid[i - 1] : NULL);

		assert_true(!i || res.bytes < SIZE / 10);
	}
	assert_true(remote_records(w, NULL, 1) > VERSIONS);
	fetch_versions(w, &v);
	versions_release(&v);
}

static void out_of_order(void **state)
{
	static const int order[VERSIONS] = { 3, 4, 0, 2, 1 };
	struct world *w = *state;
	struct versions v = versions_in(w->a);

	for (int k = 0; k < VERSIONS; k++) {
		int i = order[k];

		push_file(w->a, w->url, &v.oid[i], i ? &v.oid[i - 1] : NULL);
		world_fresh_b(w);
		fetch_file(w->b, w->url, &v.oid[i]);
		assert_content(w->b, &v.oid[i], v.p[i], SIZE);
		assert_sound(w->b);
	}
	world_fresh_b(w);
	fetch_versions(w, &v);
	versions_release(&v);
}

/* What no pushed file holds is nobody's business: not even as a base. */
static void base_is_private(void **state)
{
	struct world *w = *state;
	struct chunk a = chunk_rows(w->a, N, 1), b = chunk_rows(w->a, N, 2);
	struct chunk d = chunk_edit(w->a, &a, 3);
	struct part secret[] = { { &a, NULL }, { &b, NULL } };
	struct part shown[] = { { &d, &a }, { &b, NULL } };
	struct part alone[] = { { &d, &a } };
	struct dv_oid file, small;

	store_parts(w->a, secret, 2);
	file = store_parts(w->a, shown, 2);
	small = store_parts(w->a, alone, 1);
	assert_int_equal(codec_of(w->a, &d), DV_CODEC_DELTA);
	push_file(w->a, w->url, &file, NULL);
	push_file(w->a, w->url, &small, NULL);
	assert_int_equal(remote_records(w, &a.id, 0), 0);
	assert_int_equal(remote_records(w, NULL, 1), 0);
	assert_true(remote_records(w, &d.id, 0) > 0);
	fetch_file(w->b, w->url, &file);
	assert_parts(w->b, &file, shown, 2);
	world_fresh_b(w);
	fetch_file(w->b, w->url, &small);
	assert_true(has_chunk(w->b, &d));
	free(a.p);
	free(b.p);
	free(d.p);
}

/* A chunk that stands in a file many times is sent once. */
static void same_chunk_again(void **state)
{
	struct world *w = *state;
	struct chunk a = chunk_rows(w->a, N, 1), d = chunk_edit(w->a, &a, 2);
	struct part v[20];
	struct dv_push_result res;
	struct dv_oid file;

	for (int i = 0; i < 20; i++)
		v[i] = i % 3 ? (struct part){ &a, NULL } :
			       (struct part){ &d, &a };
	v[0] = v[1];
	file = store_parts(w->a, v, 20);
	assert_int_equal(codec_of(w->a, &d), DV_CODEC_DELTA);
	res = push_file(w->a, w->url, &file, NULL);
	assert_int_equal(res.chunks, 2);
	assert_int_equal(remote_records(w, NULL, 0), 2);
	fetch_file(w->b, w->url, &file);
	assert_parts(w->b, &file, v, 20);
	free(a.p);
	free(d.p);
}

/* The base stands in a segment that did not change. */
static void base_in_an_unchanged_segment(void **state)
{
	enum { MANY = 1600, LEN = 1000 };
	struct world *w = *state;
	struct chunk *c = test_alloc((MANY + 1) * sizeof(*c));
	struct part *v = test_alloc((MANY + 1) * sizeof(*v));
	struct dv_push_result res;
	struct dv_oid one, two;

	for (unsigned int i = 0; i < MANY; i++) {
		c[i] = chunk_rows(w->a, LEN, i);
		v[i] = (struct part){ &c[i], NULL };
	}
	c[MANY] = chunk_edit(w->a, &c[3], 1);
	v[MANY] = (struct part){ &c[MANY], &c[3] };
	one = store_parts(w->a, v, MANY);
	two = store_parts(w->a, v, MANY + 1);
	assert_int_equal(codec_of(w->a, &c[MANY]), DV_CODEC_DELTA);
	push_file(w->a, w->url, &one, NULL);
	res = push_file(w->a, w->url, &two, &one);
	assert_int_equal(res.chunks, 1);
	assert_int_equal(remote_records(w, &c[MANY].id, 1), 1);
	fetch_file(w->b, w->url, &two);
	assert_parts(w->b, &two, v, MANY + 1);
	for (unsigned int i = 0; i <= MANY; i++)
		free(c[i].p);
	free(c);
	free(v);
}

/* Here X is a delta of Y, there Y is one of X. */
static void the_other_way_round(void **state)
{
	struct world *w = *state;
	struct chunk x = chunk_rows(w->a, N, 1), y = chunk_edit(w->a, &x, 2);
	struct chunk d = chunk_edit(w->a, &x, 3), f = chunk_edit(w->a, &y, 4);
	struct part a[] = { { &y, NULL }, { &x, &y }, { &f, &y } };
	struct part b[] = { { &x, NULL }, { &y, &x }, { &d, &x } };
	struct dv_oid in_a = store_parts(w->a, a, 3);
	struct dv_oid in_b = store_parts(w->b, b, 3);

	assert_int_equal(codec_of(w->a, &x), DV_CODEC_DELTA);
	assert_int_equal(codec_of(w->b, &y), DV_CODEC_DELTA);
	/* Each fetches what is a delta of what it has only as a delta. */
	push_file(w->a, w->url, &in_a, NULL);
	push_file(w->b, w->url, &in_b, NULL);
	fetch_file(w->b, w->url, &in_a);
	fetch_file(w->a, w->url, &in_b);
	assert_parts(w->b, &in_a, a, 3);
	assert_parts(w->a, &in_b, b, 3);
	env_reopen(w->a);
	env_reopen(w->b);
	assert_sound(w->a);
	assert_sound(w->b);
	world_fresh_b(w);
	fetch_file(w->b, w->url, &in_b);
	fetch_file(w->b, w->url, &in_a);
	assert_sound(w->b);
	free(x.p);
	free(y.p);
	free(d.p);
	free(f.p);
}

/*
 * The remote has X as a delta of Y (file 0), and whole beside its own delta D
 * (file 2), since who pushed that could not know.
 */
struct mixed {
	struct chunk y, x, d, z, u;
	struct part part[3][3];
	struct dv_oid file[3];
};

static struct mixed *mixed_remote(struct world *w)
{
	struct mixed *m = test_alloc(sizeof(*m));
	struct env *other;
	void *p;

	env_setup(&p);
	other = p;
	m->y = chunk_rows(other, N, 1);
	m->x = chunk_edit(other, &m->y, 2);
	m->d = chunk_edit(other, &m->x, 3);
	m->z = chunk_rows(other, N, 4);
	m->u = chunk_rows(other, N, 5);
	m->part[0][0] = (struct part){ &m->y, NULL };
	m->part[0][1] = (struct part){ &m->x, &m->y };
	m->part[0][2] = (struct part){ &m->z, NULL };
	m->file[0] = store_parts(other, m->part[0], 3);
	assert_int_equal(codec_of(other, &m->x), DV_CODEC_DELTA);
	push_file(other, w->url, &m->file[0], NULL);
	m->part[2][0] = (struct part){ &m->u, NULL };
	m->part[2][1] = (struct part){ &m->x, NULL };
	m->part[2][2] = (struct part){ &m->d, &m->x };
	m->file[2] = store_parts(w->a, m->part[2], 3);
	assert_int_equal(codec_of(w->a, &m->d), DV_CODEC_DELTA);
	push_file(w->a, w->url, &m->file[2], NULL);
	assert_int_equal(remote_records(w, &m->x.id, 0), 2);
	assert_int_equal(remote_records(w, &m->d.id, 1), 1);
	env_teardown(&p);
	return m;
}

static void mixed_release(struct mixed *m)
{
	free(m->y.p);
	free(m->x.p);
	free(m->d.p);
	free(m->z.p);
	free(m->u.p);
	free(m);
}

static void whole_and_delta_in_one_fetch(void **state)
{
	struct world *w = *state;
	struct mixed *m = mixed_remote(w);

	for (int k = 0; k < 2; k++) {
		struct dv_oid oids[2] = { m->file[k ? 2 : 0],
					  m->file[k ? 0 : 2] };
		struct dv_fetch_result got;
		struct dv_err err = { 0 };
		uint8_t have[2];

		world_fresh_b(w);
		assert_ok(try_fetch(w->b, w->url, oids, 2, have, &got, &err));
		assert_int_equal(got.files, 2);
		assert_parts(w->b, &m->file[0], m->part[0], 3);
		assert_parts(w->b, &m->file[2], m->part[2], 3);
		env_reopen(w->b);
		assert_sound(w->b);
	}
	mixed_release(m);
}

/* Each of the two is read back as its file needs it. */
static void whole_and_delta_are_proven(void **state)
{
	struct world *w = *state;
	struct mixed *m = mixed_remote(w);

	for (int k = 0; k < 2; k++) {
		struct dv_oid oids[2] = { m->file[k ? 2 : 0],
					  m->file[k ? 0 : 2] };
		struct dv_err err = { 0 };
		struct dv_remote *r;
		uint8_t proven[2];

		assert_ok(dv_remote_open(&r, w->url, NULL, 0, &err));
		assert_ok(dv_remote_prove(r, oids, 2, 1, proven, &err));
		assert_true(proven[0] && proven[1]);
		dv_remote_close(r);
	}
	mixed_release(m);
}

/* A new file that holds D, pushed by somebody who looked at file 0 first. */
static void known_delta_with_a_base_known_as_delta(void **state)
{
	struct world *w = *state;
	struct mixed *m = mixed_remote(w);
	struct part v[3];
	struct dv_oid oid;

	/* Its first chunk leads to file 2's segment, the path to file 0's. */
	v[0] = (struct part){ &m->u, NULL };
	v[1] = (struct part){ &m->d, NULL };
	v[2] = (struct part){ &m->z, NULL };
	for (int k = 0; k < 3; k++) {
		/* Alone, or with X placed as a delta before, or behind. */
		struct part v4[4] = { v[0], v[1], v[2], { &m->x, NULL } };

		if (k == 2) {
			v4[1] = v4[3];
			v4[3] = v[1];
		}
		world_fresh_b(w);
		oid = store_parts(w->b, v4, k ? 4 : 3);
		push_file(w->b, w->url, &oid, &m->file[0]);
		world_fresh_b(w);
		fetch_file(w->b, w->url, &oid);
		assert_parts(w->b, &oid, v4, k ? 4 : 3);
		assert_sound(w->b);
	}
	mixed_release(m);
}

/* Small packs: most deltas stand in others than their bases. */
static void deltas_before_bases(void **state)
{
	enum { MANY = 24 };
	struct world *w = *state;
	struct chunk c[MANY + 1];
	struct part v[MANY][3];
	struct dv_oid oid[MANY];
	uint8_t have[MANY];
	struct dv_fetch_result got;
	struct dv_err err = { 0 };

	c[0] = chunk_rows(w->a, N, 1);
	for (unsigned int i = 0; i < MANY; i++) {
		/* Each a new base, and a delta of the last one. */
		c[i + 1] = i & 1 ? chunk_edit(w->a, &c[i], i) :
				   chunk_rows(w->a, N, 100 + i);
		v[i][0] = (struct part){ &c[i + 1], i & 1 ? &c[i] : NULL };
		v[i][1] = (struct part){ &c[i], NULL };
		v[i][2] = (struct part){ &c[0], NULL };
		oid[i] = store_parts(w->a, v[i], 3);
		push_file(w->a, w->url, &oid[i], i ? &oid[i - 1] : NULL);
	}
	assert_true(remote_records(w, NULL, 1) >= MANY / 2);
	for (int round = 0; round < 2; round++) {
		world_fresh_b(w);
		assert_ok(try_fetch(w->b, w->url, oid, MANY, have, &got, &err));
		for (int i = 0; i < MANY; i++)
			assert_parts(w->b, &oid[i], v[i], 3);
		assert_sound(w->b);
		for (int i = 0; i < MANY / 2 && !round; i++) {
			struct dv_oid t = oid[i];

			/* The other way round the same. */
			oid[i] = oid[MANY - 1 - i];
			oid[MANY - 1 - i] = t;
			for (int k = 0; k < 3; k++) {
				struct part q = v[i][k];

				v[i][k] = v[MANY - 1 - i][k];
				v[MANY - 1 - i][k] = q;
			}
		}
	}
	for (int i = 0; i <= MANY; i++)
		free(c[i].p);
}

/* The pack on the remote that holds this chunk. */
static char *pack_with(struct world *w, const struct dv_id *id, uint64_t *off)
{
	struct dv_strs files = remote_files(w, "packs");
	char *found = NULL;

	*off = 0;
	for (size_t i = 0; i < files.n && !found; i++) {
		struct dv_buf b = whole_file(files.v[i]);
		struct dv_err err = { 0 };
		uint64_t at;
		uint32_t n;

		assert_ok(dv_pack_foot_parse(b.p + b.n - DV_PACK_FOOT, b.n,
					     &at, &n, &err));
		for (uint32_t k = 0; k < n && !found; k++) {
			struct dv_row row;

			dv_row_parse(b.p + at + (size_t)k * DV_PACK_ROW, &row);
			if (!dv_id_eq(&row.id, id))
				continue;
			found = strdup(files.v[i]);
			*off = row.off;
		}
		dv_buf_release(&b);
	}
	dv_strs_release(&files);
	assert_non_null(found);
	return found;
}

/* Without its base a delta is nothing; what does not need it comes. */
static void base_cannot_be_had(void **state)
{
	struct world *w = *state;
	struct chunk a = chunk_rows(w->a, N, 1), b = chunk_rows(w->a, N, 2);
	struct chunk d = chunk_edit(w->a, &a, 3), f = chunk_edit(w->a, &b, 4);
	struct part v[][2] = { { { &a, NULL }, { &a, NULL } },
			       { { &b, NULL }, { &f, &b } },
			       { { &d, &a }, { &f, &b } } };
	struct dv_oid oid[3];
	uint64_t off;
	char *pack;

	for (int i = 0; i < 3; i++) {
		oid[i] = store_parts(w->a, v[i], 2);
		push_file(w->a, w->url, &oid[i], i ? &oid[0] : NULL);
	}
	assert_int_equal(remote_records(w, &d.id, 1), 1);
	pack = pack_with(w, &a.id, &off);
	damage(pack, off + DV_REC_HEAD + 1000);
	for (int gone = 0; gone < 2; gone++) {
		struct dv_fetch_result got;
		struct dv_err err = { 0 };
		uint8_t have[3];

		if (gone)
			assert_int_equal(unlink(pack), 0);
		world_fresh_b(w);
		assert_fails(try_fetch(w->b, w->url, oid, 3, have, &got, &err),
			     gone ? DV_ENOTFOUND : DV_ECORRUPT);
		assert_non_null(strstr(err.msg, "packs/"));
		assert_false(have[0]);
		assert_true(have[1]);
		assert_false(have[2]);
		assert_parts(w->b, &oid[1], v[1], 2);
		assert_false(has_chunk(w->b, &d));
		assert_sound(w->b);
	}
	free(pack);
	free(a.p);
	free(b.p);
	free(d.p);
	free(f.p);
}

/* Rows move into another shard, and those of their bases with them. */
static void compacted(void **state)
{
	enum { MANY = 2 * DV_COMPACT_MIN + 3 };
	struct world *w = *state;
	struct chunk c[MANY], base[4];
	struct part v[MANY][2];
	struct dv_oid oid[MANY];
	uint8_t have[MANY];
	struct dv_fetch_result got;
	struct dv_err err = { 0 };
	struct dv_strs old;
	struct dv_remote *r;
	size_t live = 0;

	for (unsigned int i = 0; i < 4; i++)
		base[i] = chunk_rows(w->a, N, i);
	for (unsigned int i = 0; i < MANY; i++) {
		const struct chunk *b = &base[i % 4];

		c[i] = chunk_edit(w->a, b, i);
		/* The base within the segment, or behind it. */
		v[i][0] = i < 4 ? (struct part){ b, NULL } :
				  (struct part){ &c[i], b };
		v[i][1] = i < 4 ? (struct part){ &c[i], b } :
				  (struct part){ &c[i - 4], NULL };
		oid[i] = store_parts(w->a, v[i], 2);
		push_file(w->a, w->url, &oid[i], i > 3 ? &oid[i - 4] : NULL);
	}
	assert_true(remote_records(w, NULL, 1) >= MANY);
	assert_ok(dv_remote_open(&r, w->url, NULL, 0, &err));
	assert_ok(dv_remote_refresh(r, &err));
	for (size_t i = 0; i < r->nshards; i++)
		live += !r->shards[i]->replaced;
	assert_true(live < DV_COMPACT_MIN + 2);
	/* Only the compacted ones, and those that came later. */
	old = remote_files(w, "shards/0");
	for (size_t i = 0; i < old.n; i++) {
		int keep = 0;

		for (size_t k = 0; k < r->nshards; k++)
			keep |= strstr(old.v[i], r->shards[k]->name) != NULL;
		if (!keep)
			unlink(old.v[i]);
	}
	dv_strs_release(&old);
	dv_remote_close(r);
	assert_ok(try_fetch(w->b, w->url, oid, MANY, have, &got, &err));
	for (int i = 0; i < MANY; i++)
		assert_parts(w->b, &oid[i], v[i], 2);
	assert_sound(w->b);
	for (int i = 0; i < MANY; i += 5) {
		world_fresh_b(w);
		fetch_file(w->b, w->url, &oid[i]);
		assert_parts(w->b, &oid[i], v[i], 2);
	}
	for (int i = 0; i < MANY; i++)
		free(c[i].p);
	for (int i = 0; i < 4; i++)
		free(base[i].p);
}

/*
 * The newest of many versions that one push put side by side: its frames and
 * each base once, and little of what lies between.
 */
static void newest_of_many_reads_little(void **state)
{
	enum { MANY = 24, ROWS = 4 << 20 };
	struct world *w = *state;
	struct dv_push_file file[MANY] = { 0 };
	uint8_t *p = test_alloc(ROWS);
	struct dv_fetch_result got;
	struct dv_push_result res;
	struct dv_err err = { 0 };
	uint64_t wanted = 0;

	fill_rows(p, ROWS, 1);
	for (unsigned int i = 0; i < MANY; i++) {
		if (i)
			edit_rows(p, ROWS, 500, i);
		file[i].oid = store_alike(w->a, p, ROWS,
					  i ? &file[i - 1].oid : NULL);
		file[i].path = "some/file";
		if (i)
			file[i].previous = file[i - 1].oid;
	}
	assert_ok(try_push(w->a, w->url, file, MANY, &res, &err));
	got = fetch_file(w->b, w->url, &file[MANY - 1].oid);
	assert_content(w->b, &file[MANY - 1].oid, p, ROWS);
	for (size_t i = 0; i < w->b->s.set.n; i++)
		for (uint32_t k = 0; k < w->b->s.set.v[i]->count; k++) {
			struct dv_row row;

			dv_row_parse(w->b->s.set.v[i]->table +
				     (size_t)k * DV_PACK_ROW, &row);
			if (row.kind == DV_KIND_CHUNK)
				wanted += dv_row_len(&row);
		}
	assert_true(got.bytes >= wanted);
	assert_true(got.bytes <= wanted + wanted / 10 + (256 << 10));
	/* Not a request for each chunk either. */
	assert_true(got.requests < w->b->s.set.v[0]->count);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(in_one_push),
		IN_WORLD(newest_of_many_reads_little),
		IN_WORLD(newest_first),
		IN_WORLD(one_by_one),
		IN_WORLD(out_of_order),
		IN_WORLD(base_is_private),
		IN_WORLD(same_chunk_again),
		IN_WORLD(base_in_an_unchanged_segment),
		IN_WORLD(the_other_way_round),
		IN_WORLD(whole_and_delta_in_one_fetch),
		IN_WORLD(whole_and_delta_are_proven),
		IN_WORLD(known_delta_with_a_base_known_as_delta),
		IN_WORLD(deltas_before_bases),
		IN_WORLD(base_cannot_be_had),
		IN_WORLD(compacted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
