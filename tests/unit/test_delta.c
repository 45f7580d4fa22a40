#include "remotelib.h"
#include "deltalib.h"

#include <pthread.h>

#include "store/gc.h"

#define N 60000

static struct dv_similar *sketches(struct env *e)
{
	char *path = env_path(e, "sketches");
	struct dv_similar *t = dv_similar_open(path);

	assert_non_null(t);
	free(path);
	return t;
}

static void free_chunks(struct chunk *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(c[i].p);
}

/* A pack of its own for each chunk, with deltas where something is alike. */
static void commit_alike(struct env *e, const struct chunk *c, size_t n)
{
	struct dv_similar *sim = sketches(e);

	for (size_t i = 0; i < n; i++) {
		struct dv_txn t = { 0 };
		struct dv_err err = { 0 };

		assert_ok(dv_txn_begin(&t, &e->s, 1, &err));
		t.similar = sim;
		put_chunk(e, &t, &c[i]);
		assert_ok(dv_txn_commit(&t, &err));
		dv_txn_end(&t);
	}
	dv_similar_close(sim);
}

static void like_a_stored_one(void **state)
{
	struct env *e = *state;
	struct chunk c[4];

	c[0] = chunk_rows(e, N, 1);
	c[1] = chunk_edit(e, &c[0], 2);
	c[2] = chunk_edit(e, &c[1], 3);
	c[3] = chunk_rows(e, N, 4);
	commit_alike(e, c, 4);
	assert_int_equal(codec_of(e, &c[0]), DV_CODEC_ZSTD);
	assert_int_equal(codec_of(e, &c[1]), DV_CODEC_DELTA);
	assert_int_equal(codec_of(e, &c[2]), DV_CODEC_DELTA);
	assert_int_equal(codec_of(e, &c[3]), DV_CODEC_ZSTD);
	for (int i = 0; i < 4; i++)
		assert_true(has_chunk(e, &c[i]));
	env_reopen(e);
	for (int i = 4; i-- > 0;)
		assert_true(has_chunk(e, &c[i]));
	/* No delta of a delta: both name the first. */
	for (int i = 1; i < 3; i++) {
		struct dv_err err = { 0 };
		struct dv_loc loc;
		struct dv_id base;

		assert_true(dv_store_locate(&e->s, DV_KIND_CHUNK, &c[i].id,
					    &loc));
		assert_true(loc.row.enc < N / 50);
		assert_ok(dv_store_base_id(&e->s, &loc, &base, &err));
		assert_true(dv_id_eq(&base, &c[0].id));
	}
	assert_sound(e);
	free_chunks(c, 4);
}

/* A suggestion that is not there, or is but a delta, is passed over. */
static void useless_suggestions(void **state)
{
	struct env *e = *state;
	struct dv_similar *sim = sketches(e);
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };
	struct dv_sketch s;
	struct chunk c[3];

	c[0] = chunk_rows(e, N, 1);
	c[1] = chunk_edit(e, &c[0], 2);
	c[2] = chunk_edit(e, &c[0], 3);
	commit_alike(e, c, 2);
	assert_int_equal(codec_of(e, &c[1]), DV_CODEC_DELTA);
	dv_similar_sketch(sim, c[2].p, N, &s);
	dv_similar_add(sim, &s, &c[2].id);	/* itself */
	dv_similar_add(sim, &s, &c[1].id);	/* a delta */
	assert_ok(dv_txn_begin(&t, &e->s, 1, &err));
	t.similar = sim;
	put_chunk(e, &t, &c[2]);
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
	assert_int_equal(codec_of(e, &c[2]), DV_CODEC_ZSTD);
	env_reopen(e);
	assert_true(has_chunk(e, &c[2]));
	dv_similar_close(sim);
	free_chunks(c, 3);
}

/* Within one transaction, before anything is published. */
static void base_put_just_now(void **state)
{
	struct env *e = *state;
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };
	struct chunk c[3], noise = { .p = test_alloc(DV_CHUNK_MAX),
				     .n = DV_CHUNK_MAX };

	c[0] = chunk_rows(e, N, 1);
	c[1] = chunk_edit(e, &c[0], 2);
	c[2] = chunk_edit(e, &c[0], 3);
	assert_ok(dv_txn_begin(&t, &e->s, 1, &err));
	t.similar = sketches(e);
	put_chunk(e, &t, &c[0]);
	put_chunk(e, &t, &c[1]);
	/* So much that the pack with the base is sealed. */
	for (uint64_t i = 0; t.nsealed < 1; i++) {
		test_noise(noise.p, noise.n, 100);
		dv_put64(noise.p, i);
		dv_sha256_of(e->c.sha, noise.p, noise.n, &noise.id);
		put_chunk(e, &t, &noise);
	}
	dv_bases_release(&e->s.bases);
	dv_bases_init(&e->s.bases);
	put_chunk(e, &t, &c[2]);
	assert_int_equal(env_count(e, "packs"), 0);
	assert_ok(dv_txn_commit(&t, &err));
	dv_similar_close(t.similar);
	dv_txn_end(&t);
	assert_int_equal(env_count(e, "packs"), 2);
	assert_int_equal(codec_of(e, &c[1]), DV_CODEC_DELTA);
	assert_int_equal(codec_of(e, &c[2]), DV_CODEC_DELTA);
	env_reopen(e);
	for (int i = 0; i < 3; i++)
		assert_true(has_chunk(e, &c[i]));
	free_chunks(c, 3);
	free(noise.p);
}

static void record_without_its_base(void **state)
{
	struct env *e = *state;
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };
	struct chunk c[4];

	c[0] = chunk_rows(e, N, 1);
	for (int i = 1; i < 4; i++)
		c[i] = chunk_edit(e, &c[0], (uint64_t)i);
	assert_ok(dv_txn_begin(&t, &e->s, 0, &err));
	/* The base is nowhere. */
	put_made(e, &t, &c[1], make_delta(e, &c[1], &c[0]));
	/* Here it is, in this transaction. */
	put_made(e, &t, &c[0], make_whole(e, &c[0]));
	put_made(e, &t, &c[2], make_delta(e, &c[2], &c[0]));
	assert_ok(dv_txn_commit(&t, &err));
	/* And here published. */
	put_made(e, &t, &c[3], make_delta(e, &c[3], &c[0]));
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
	assert_int_equal(codec_of(e, &c[1]), DV_CODEC_ZSTD);
	assert_int_equal(codec_of(e, &c[2]), DV_CODEC_DELTA);
	assert_int_equal(codec_of(e, &c[3]), DV_CODEC_DELTA);
	env_reopen(e);
	for (int i = 0; i < 4; i++)
		assert_true(has_chunk(e, &c[i]));
	free_chunks(c, 4);
}

/* A base that stands here as a delta: its deltas are stored whole. */
static void record_whose_base_is_a_delta(void **state)
{
	struct env *e = *state;
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };
	const uint8_t *p;
	struct made m;
	struct chunk c[3];

	c[0] = chunk_rows(e, N, 1);
	c[1] = chunk_edit(e, &c[0], 2);
	c[2] = chunk_edit(e, &c[1], 3);
	commit_alike(e, c, 2);
	assert_int_equal(codec_of(e, &c[1]), DV_CODEC_DELTA);
	m = make_delta(e, &c[2], &c[1]);
	assert_ok(dv_txn_begin(&t, &e->s, 0, &err));
	assert_ok(dv_txn_decode(&t, &e->c, &m.rec, m.payload.p, &p, &err));
	assert_memory_equal(p, c[2].p, N);
	/* `p` stands in the coder that puts it. */
	assert_ok(dv_txn_put_record(&t, &e->c, &m.rec, m.payload.p, p, &err));
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
	dv_buf_release(&m.payload);
	assert_int_equal(codec_of(e, &c[2]), DV_CODEC_ZSTD);
	env_reopen(e);
	assert_true(has_chunk(e, &c[2]));
	assert_sound(e);
	free_chunks(c, 3);
}

/* ---- merging ---- */

static void merge_keeps_deltas(void **state)
{
	enum { MANY = 12 };
	struct env *e = *state;
	struct chunk c[MANY], out[2], noise = { .p = test_alloc(DV_CHUNK_MAX),
						.n = DV_CHUNK_MAX };
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };
	struct dv_similar *sim = sketches(e);

	/* A pack that is too large to be merged holds one of the bases. */
	out[0] = chunk_rows(e, N, 77);
	assert_ok(dv_txn_begin(&t, &e->s, 1, &err));
	t.similar = sim;
	put_chunk(e, &t, &out[0]);
	for (uint64_t i = 0; i < 130; i++) {
		test_noise(noise.p, noise.n, 100);
		dv_put64(noise.p, i);
		dv_sha256_of(e->c.sha, noise.p, noise.n, &noise.id);
		put_chunk(e, &t, &noise);
	}
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
	dv_similar_close(sim);
	out[1] = chunk_edit(e, &out[0], 5);
	commit_alike(e, &out[1], 1);
	c[0] = chunk_rows(e, N, 1);
	for (int i = 1; i < MANY; i++)
		c[i] = chunk_edit(e, &c[0], (uint64_t)i);
	commit_alike(e, c, MANY);
	assert_int_equal(env_count(e, "packs"), MANY + 2);
	assert_ok(dv_store_merge_small(&e->s, &err));
	env_reopen(e);
	assert_true(env_count(e, "packs") <= 3);
	assert_int_equal(codec_of(e, &out[1]), DV_CODEC_DELTA);
	for (int i = 1; i < MANY; i++)
		assert_int_equal(codec_of(e, &c[i]), DV_CODEC_DELTA);
	for (int i = 0; i < MANY; i++)
		assert_true(has_chunk(e, &c[i]));
	assert_true(has_chunk(e, &out[1]));
	assert_sound(e);
	free_chunks(c, MANY);
	free_chunks(out, 2);
	free(noise.p);
}

/*
 * Two processes stored the same chunk, one whole and one as a delta, and a
 * third used it as a base. A merge must not take the whole one for a copy.
 */
static void merge_keeps_the_whole_one(void **state)
{
	struct env *e = *state;
	struct chunk y = chunk_rows(e, N, 1), x = chunk_edit(e, &y, 2);
	struct chunk d = chunk_edit(e, &x, 3);
	struct maker big = { 0 }, m = { 0 };
	struct dv_err err = { 0 };

	maker_whole(&big, e, &y);
	maker_delta(&big, e, &x, &y);
	maker_delta(&big, e, &d, &x);
	maker_fill(&big, e, N);
	maker_publish(e, &big, '1');
	maker_whole(&m, e, &x);
	maker_publish(e, &m, '2');
	maker_release(&m);
	publish_small(e, '3');
	env_reopen(e);
	assert_true(has_chunk(e, &x) && has_chunk(e, &y) && has_chunk(e, &d));
	assert_ok(dv_store_merge_small(&e->s, &err));
	env_reopen(e);
	assert_int_equal(env_count(e, "packs"), 2);
	assert_true(has_chunk(e, &x) && has_chunk(e, &y));
	assert_true(has_chunk(e, &d));
	assert_sound(e);
	maker_release(&big);
	free(x.p);
	free(y.p);
	free(d.p);
}

/* Nor must a collection of garbage. */
static void gc_keeps_the_whole_one(void **state)
{
	struct env *e = *state;
	struct chunk y = chunk_rows(e, N, 1), x = chunk_edit(e, &y, 2);
	struct chunk d = chunk_edit(e, &x, 3), dead = chunk_rows(e, N, 4);
	const struct chunk *live[] = { &x, &y, &d };
	struct maker m = { 0 };
	struct dv_err err = { 0 };
	struct dv_gc g;

	maker_whole(&m, e, &y);
	maker_delta(&m, e, &x, &y);
	maker_delta(&m, e, &d, &x);
	maker_publish(e, &m, '1');
	maker_release(&m);
	maker_whole(&m, e, &x);
	maker_whole(&m, e, &dead);
	maker_publish(e, &m, '2');
	maker_release(&m);
	env_reopen(e);
	assert_ok(dv_gc_begin(&g, &e->s, e->pool, DV_GC_LOCK, &err));
	g.young = INT64_MAX;
	for (size_t i = 0; i < DV_ARRAY_SIZE(live); i++)
		assert_ok(dv_gc_keep(&g, &(struct dv_oid){
			.scheme = DV_SCHEME_SHA256, .id = live[i]->id,
			.size = N }, &err));
	assert_ok(dv_gc_plan(&g, &err));
	assert_ok(dv_gc_sweep(&g, &err));
	dv_gc_end(&g);
	env_reopen(e);
	assert_false(has_chunk(e, &dead));
	for (size_t i = 0; i < DV_ARRAY_SIZE(live); i++)
		assert_true(has_chunk(e, live[i]));
	assert_sound(e);
	free(x.p);
	free(y.p);
	free(d.p);
	free(dead.p);
}

/* ---- recovery ---- */

/* All records that end before the cut are kept, wherever it is. */
static void torn_with_deltas(void **state)
{
	enum { MANY = 7 };
	struct env *e = *state;
	struct chunk c[MANY], base = chunk_rows(e, 5000, 50);
	struct maker m = { 0 };

	/* One base in a published pack, one earlier in the file. */
	maker_whole(&m, e, &base);
	maker_publish(e, &m, '1');
	maker_release(&m);
	c[0] = chunk_rows(e, 4000, 1);
	for (int i = 1; i < MANY; i++)
		c[i] = chunk_edit(e, i & 1 ? &c[0] : &base, (uint64_t)i);
	maker_whole(&m, e, &c[0]);
	for (int i = 1; i < MANY; i++)
		maker_delta(&m, e, &c[i], i & 1 ? &c[0] : &base);
	for (size_t cut = 0; cut <= m.b.n; cut++) {
		size_t want = 0, near = 0;
		char *pack;

		for (int i = 0; i < MANY; i++) {
			want += m.end[i] <= cut;
			near |= cut + 2 >= m.end[i] && cut <= m.end[i] + 2;
			near |= cut >= m.end[i] + 54 && cut <= m.end[i] + 90;
		}
		if (!near && cut % 37)
			continue;
		maker_leave(e, &m, '2', cut);
		env_reopen(e);
		assert_int_equal(env_count(e, "incoming"), 0);
		assert_int_equal(env_count(e, "packs"), 1 + (want > 0));
		for (size_t i = 0; i < MANY; i++)
			assert_int_equal(has_chunk(e, &c[i]), i < want);
		pack = maker_path(e, "packs", '2');
		unlink(pack);
		free(pack);
	}
	maker_release(&m);
	free_chunks(c, MANY);
	free(base.p);
}

/* Names say nothing of the order in which packs were begun. */
static void base_in_another_incoming(void **state)
{
	enum { MANY = 6 };
	struct env *e = *state;
	struct chunk c[MANY], d[MANY];

	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < MANY; i++) {
			struct maker m = { 0 };
			char digit = (char)(round & 1 ? 'f' - i : '1' + i);
			uint64_t seed = (uint64_t)(100 * round + i);

			c[i] = chunk_rows(e, 6000, seed);
			d[i] = chunk_edit(e, i ? &c[i - 1] : &c[i], seed + 50);
			/* The delta first: all behind it depends on it. */
			if (round & 2 && i)
				maker_delta(&m, e, &d[i], &c[i - 1]);
			maker_whole(&m, e, &c[i]);
			if (!(round & 2) || !i)
				maker_delta(&m, e, &d[i],
					    i ? &c[i - 1] : &c[i]);
			maker_leave(e, &m, digit, m.b.n);
			maker_release(&m);
		}
		env_reopen(e);
		assert_int_equal(env_count(e, "incoming"), 0);
		for (int i = 0; i < MANY; i++)
			assert_true(has_chunk(e, &c[i]) &&
				    has_chunk(e, &d[i]));
		free_chunks(c, MANY);
		free_chunks(d, MANY);
	}
	assert_sound(e);
}

/* What never comes is cut off, like anything torn; twice is the same. */
static void base_nowhere(void **state)
{
	struct env *e = *state;
	struct chunk a = chunk_rows(e, N, 1), b = chunk_rows(e, N, 2);
	struct chunk d = chunk_edit(e, &a, 3);
	struct maker m = { 0 };

	maker_whole(&m, e, &b);
	maker_delta(&m, e, &d, &a);
	maker_leave(e, &m, '1', m.b.n);
	maker_leave(e, &m, '2', m.b.n);
	env_reopen(e);
	assert_int_equal(env_count(e, "incoming"), 0);
	assert_true(has_chunk(e, &b));
	assert_false(has_chunk(e, &d));
	assert_sound(e);
	/* Where it is the first, nothing is left of the file. */
	maker_release(&m);
	maker_delta(&m, e, &d, &a);
	maker_leave(e, &m, '3', m.b.n);
	env_reopen(e);
	assert_int_equal(env_count(e, "incoming"), 0);
	assert_int_equal(env_count(e, "packs"), 2);
	maker_release(&m);
	free(a.p);
	free(b.p);
	free(d.p);
}

/*
 * Another process salvages the file with the base at this moment, or writes it
 * still: what needs the base must wait, not be cut off.
 */
static void base_in_a_locked_file(void **state)
{
	struct env *e = *state;
	struct chunk a = chunk_rows(e, N, 1), b = chunk_rows(e, N, 2);
	struct chunk d = chunk_edit(e, &a, 3);
	char *held = maker_path(e, "incoming", '2');
	struct maker m = { 0 };
	struct dv_err err = { 0 };
	int fd;

	maker_delta(&m, e, &d, &a);
	maker_whole(&m, e, &b);
	maker_leave(e, &m, '1', m.b.n);
	maker_release(&m);
	maker_whole(&m, e, &a);
	maker_leave(e, &m, '2', m.b.n);
	maker_release(&m);
	assert_int_equal(chmod(held, 0644), 0);
	fd = open(held, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_ok(dv_lock_fd(fd, DV_LOCK_EXCL, 0, &err));
	env_reopen(e);
	assert_int_equal(env_count(e, "incoming"), 2);
	close(fd);
	env_reopen(e);
	assert_int_equal(env_count(e, "incoming"), 0);
	assert_true(has_chunk(e, &a) && has_chunk(e, &b));
	assert_true(has_chunk(e, &d));
	free(held);
	free(a.p);
	free(b.p);
	free(d.p);
}

/* A base that cannot be read just now is no reason to drop what needs it. */
static void base_cannot_be_read(void **state)
{
	struct env *e = *state;
	struct chunk a = chunk_rows(e, N, 1), d = chunk_edit(e, &a, 3);
	char *pack = maker_path(e, "packs", '1');
	char *aside = dv_fmt("%s/aside", e->dir);
	char *path = dv_fmt("%s/dv", e->dir);
	struct maker m = { 0 };
	struct dv_err err = { 0 };
	struct dv_store s;

	maker_whole(&m, e, &a);
	maker_publish(e, &m, '1');
	maker_release(&m);
	env_reopen(e);
	/* An index answers for the pack, whatever the file is. */
	assert_ok(dv_store_index(&e->s, 1, &err));
	maker_delta(&m, e, &d, &a);
	maker_leave(e, &m, '2', m.b.n);
	maker_release(&m);
	assert_int_equal(rename(pack, aside), 0);
	assert_int_equal(symlink(aside, pack), 0);	/* ELOOP */
	assert_fails(dv_store_open(&s, path, 0, &err), DV_EIO);
	assert_int_equal(env_count(e, "incoming"), 1);
	assert_int_equal(unlink(pack), 0);
	assert_int_equal(rename(aside, pack), 0);
	env_reopen(e);
	assert_int_equal(env_count(e, "incoming"), 0);
	assert_true(has_chunk(e, &d));
	free(pack);
	free(aside);
	free(path);
	free(a.p);
	free(d.p);
}

/* ---- the cache of bases ---- */

#define BASES (DV_BASES + 8)

struct reader {
	pthread_t thread;
	struct env *e;
	const struct chunk *d;
	uint64_t seed;
};

static void *read_many(void *arg)
{
	struct reader *r = arg;
	struct dv_err err = { 0 };
	struct dv_coder c;
	uintptr_t wrong = 0;

	if (dv_coder_init(&c, &err))
		return r;
	for (int i = 0; i < 150; i++) {
		const struct chunk *d = &r->d[test_rand(&r->seed) % BASES];
		const uint8_t *p;
		size_t n;

		wrong += dv_store_read(&r->e->s, &c, DV_KIND_CHUNK, &d->id, &p,
				       &n, &err) ||
			 n != d->n || memcmp(p, d->p, n);
	}
	dv_coder_release(&c);
	return (void *)wrong;
}

static void more_bases_than_are_kept(void **state)
{
	enum { THREADS = 4 };
	struct env *e = *state;
	struct chunk a[BASES], d[BASES];
	struct dv_base *held[BASES];
	struct reader r[THREADS];
	struct maker m = { 0 };
	struct dv_err err = { 0 };

	for (unsigned int i = 0; i < BASES; i++) {
		a[i] = chunk_rows(e, 5000, i);
		d[i] = chunk_edit(e, &a[i], i);
		maker_whole(&m, e, &a[i]);
		maker_delta(&m, e, &d[i], &a[i]);
	}
	maker_publish(e, &m, '1');
	maker_release(&m);
	env_reopen(e);
	/* All in use at once: some are not kept, none is taken away. */
	for (unsigned int i = 0; i < BASES; i++)
		assert_ok(dv_store_base(&e->s, &e->c, &a[i].id, &held[i],
					&err));
	for (unsigned int i = 0; i < BASES; i++) {
		assert_int_equal(held[i]->n, a[i].n);
		assert_memory_equal(held[i]->p, a[i].p, a[i].n);
	}
	for (unsigned int i = 0; i < THREADS; i++) {
		r[i] = (struct reader){ .e = e, .d = d, .seed = i };
		assert_int_equal(pthread_create(&r[i].thread, NULL, read_many,
						&r[i]), 0);
	}
	for (unsigned int i = 0; i < BASES; i += 2)
		dv_bases_put(&e->s.bases, held[i]);
	for (unsigned int i = 0; i < THREADS; i++) {
		void *wrong;

		assert_int_equal(pthread_join(r[i].thread, &wrong), 0);
		assert_null(wrong);
	}
	for (unsigned int i = 1; i < BASES; i += 2) {
		assert_memory_equal(held[i]->p, a[i].p, a[i].n);
		dv_bases_put(&e->s.bases, held[i]);
	}
	dv_bases_put(&e->s.bases, NULL);
	free_chunks(a, BASES);
	free_chunks(d, BASES);
}

/* Puts on several threads; what one stores another may build upon. */
struct putter {
	struct dv_job job;
	struct dv_txn *t;
	const struct chunk *c;
	int rc;
};

static void put_job(struct dv_job *job, void *ctx)
{
	struct putter *p = (struct putter *)job;

	p->rc = dv_txn_put(p->t, ctx, DV_KIND_CHUNK, &p->c->id, p->c->p,
			   p->c->n, NULL);
}

static void puts_on_threads(void **state)
{
	enum { FAMILIES = 6, EACH = 12, ALL = FAMILIES * EACH };
	struct env *e = *state;
	struct chunk c[ALL];
	struct putter p[ALL];
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };
	unsigned int deltas = 0;

	for (int i = 0; i < ALL; i++)
		c[i] = i < FAMILIES ? chunk_rows(e, 20000, (uint64_t)i) :
				      chunk_edit(e, &c[i % FAMILIES],
						 (uint64_t)i);
	assert_ok(dv_txn_begin(&t, &e->s, 1, &err));
	t.similar = sketches(e);
	for (int i = 0; i < ALL; i++) {
		p[i] = (struct putter){ .job.run = put_job, .t = &t,
					.c = &c[i] };
		while (dv_pool_full(e->pool))
			dv_pool_next(e->pool);
		dv_pool_submit(e->pool, &p[i].job);
	}
	while (dv_pool_next(e->pool))
		;
	for (int i = 0; i < ALL; i++)
		assert_int_equal(p[i].rc, 0);
	assert_ok(dv_txn_commit(&t, &err));
	dv_similar_close(t.similar);
	dv_txn_end(&t);
	env_reopen(e);
	for (int i = 0; i < ALL; i++) {
		deltas += codec_of(e, &c[i]) == DV_CODEC_DELTA;
		assert_true(has_chunk(e, &c[i]));
	}
	assert_true(deltas > ALL / 2);
	assert_sound(e);
	free_chunks(c, ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STORE(like_a_stored_one),
		IN_STORE(useless_suggestions),
		IN_STORE(base_put_just_now),
		IN_STORE(record_without_its_base),
		IN_STORE(record_whose_base_is_a_delta),
		IN_STORE(merge_keeps_deltas),
		IN_STORE(merge_keeps_the_whole_one),
		IN_STORE(gc_keeps_the_whole_one),
		IN_STORE(torn_with_deltas),
		IN_STORE(base_in_another_incoming),
		IN_STORE(base_nowhere),
		IN_STORE(base_in_a_locked_file),
		IN_STORE(base_cannot_be_read),
		IN_STORE(more_bases_than_are_kept),
		IN_STORE(puts_on_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
