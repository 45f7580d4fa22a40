/* Chunks that resemble each other, and packs of them made by hand. */
#ifndef TESTS_UNIT_DELTALIB_H
#define TESTS_UNIT_DELTALIB_H

#include "storelib.h"

#include "store/txn.h"

struct chunk {
	uint8_t *p;
	size_t n;
	struct dv_id id;
};

/* Rows of hex digits: they compress by nearly a half, and differ by seed. */
static inline void fill_rows(void *out, size_t n, uint64_t seed)
{
	uint8_t *p = out;

	while (n) {
		char row[64];
		size_t m = (size_t)snprintf(row, sizeof(row),
			"{\"id\":\"%016llx\",\"v\":%llu},\n",
			(unsigned long long)test_rand(&seed),
			(unsigned long long)test_rand(&seed) % 100000);

		m = DV_MIN(m, n);
		memcpy(p, row, m);
		p += m;
		n -= m;
	}
}

/* `edits` places get other digits; the length stays. */
static inline void edit_rows(uint8_t *p, size_t n, unsigned int edits,
			     uint64_t seed)
{
	for (unsigned int i = 0; i < edits; i++) {
		size_t at = test_rand(&seed) % (n - 8);
		char digits[9];

		snprintf(digits, sizeof(digits), "%08x",
			 (unsigned int)test_rand(&seed));
		memcpy(p + at, digits, 8);
	}
}

static inline struct chunk chunk_rows(struct env *e, size_t n, uint64_t seed)
{
	struct chunk c = { .p = test_alloc(n), .n = n };

	fill_rows(c.p, n, seed);
	dv_sha256_of(e->c.sha, c.p, n, &c.id);
	return c;
}

static inline struct chunk chunk_edit(struct env *e, const struct chunk *of,
				      uint64_t seed)
{
	struct chunk c = { .p = test_alloc(of->n), .n = of->n };

	memcpy(c.p, of->p, of->n);
	edit_rows(c.p, c.n, 4, seed);
	dv_sha256_of(e->c.sha, c.p, c.n, &c.id);
	return c;
}

/* A record and its payload, made by hand; free payload.p with dv_buf_release. */
struct made {
	struct dv_rec rec;
	struct dv_buf payload;
};

static inline struct made make_whole(struct env *e, const struct chunk *c)
{
	struct made m = { 0 };
	struct dv_err err = { 0 };
	const void *payload;

	assert_ok(dv_coder_encode(&e->c, DV_KIND_CHUNK, 3, c->p, c->n, &m.rec,
				  &payload, &err));
	m.rec.id = c->id;
	assert_ok(dv_buf_add(&m.payload, payload, m.rec.enc, &err));
	return m;
}

static inline struct made make_delta(struct env *e, const struct chunk *c,
				     const struct chunk *base)
{
	struct made m = { 0 };
	struct dv_err err = { 0 };
	const void *payload;

	assert_int_equal(dv_coder_encode_delta(&e->c, 3, base->p, base->n,
					       c->p, c->n, c->n, &m.rec,
					       &payload, &err), 1);
	m.rec.id = c->id;
	m.rec.base = base->id;
	assert_ok(dv_buf_add(&m.payload, payload, m.rec.enc, &err));
	return m;
}

#define MAKER_MAX 128

/* A pack in memory. */
struct maker {
	struct dv_buf b;
	struct dv_row rows[MAKER_MAX];
	size_t end[MAKER_MAX];	/* of record i */
	uint32_t n;
};

static inline void maker_add(struct maker *m, struct made made)
{
	struct dv_row *row = &m->rows[m->n];
	uint8_t head[DV_REC_HEAD_DELTA];
	struct dv_err err = { 0 };
	size_t h = dv_rec_format(&made.rec, head);

	assert_true(m->n < MAKER_MAX);
	if (!m->b.n) {
		uint8_t ph[DV_PACK_HEAD], nonce[16] = { 0 };

		dv_pack_head_format(nonce, ph);
		assert_ok(dv_buf_add(&m->b, ph, sizeof(ph), &err));
	}
	memset(row, 0, sizeof(*row));
	row->id = made.rec.id;
	row->off = m->b.n;
	row->raw = made.rec.raw;
	row->enc = made.rec.enc;
	row->kind = made.rec.kind;
	row->codec = made.rec.codec;
	assert_ok(dv_buf_add(&m->b, head, h, &err));
	assert_ok(dv_buf_add(&m->b, made.payload.p, made.rec.enc, &err));
	m->end[m->n++] = m->b.n;
	dv_buf_release(&made.payload);
}

static inline void maker_whole(struct maker *m, struct env *e,
			       const struct chunk *c)
{
	maker_add(m, make_whole(e, c));
}

static inline void maker_delta(struct maker *m, struct env *e,
			       const struct chunk *c, const struct chunk *base)
{
	maker_add(m, make_delta(e, c, base));
}

/* A file of the store: dv/<sub>/ and the name, 32 times one hex digit. */
static inline char *maker_path(struct env *e, const char *sub, char digit)
{
	char name[33], *p;

	memset(name, digit, 32);
	name[32] = 0;
	p = dv_fmt("%s/dv/%s/%s", e->dir, sub, name);
	assert_non_null(p);
	return p;
}

static inline void maker_write(struct env *e, const char *sub, char digit,
			       const void *p, size_t n)
{
	char *path = maker_path(e, sub, digit);
	struct dv_err err = { 0 };

	assert_ok(dv_file_write(path, p, n, 0444, 0, &err));
	free(path);
}

/* The first `n` bytes of the records, as a crash leaves them. */
static inline void maker_leave(struct env *e, const struct maker *m,
			       char digit, size_t n)
{
	maker_write(e, "incoming", digit, m->b.p, n);
}

/* Table and footer too; the store sees it once it is opened again. */
static inline void maker_publish(struct env *e, struct maker *m, char digit)
{
	struct dv_buf tail = { 0 };
	struct dv_err err = { 0 };

	assert_ok(dv_pack_tail_format(e->c.sha, m->b.p, m->rows, m->n, m->b.n,
				      &tail, &err));
	assert_ok(dv_buf_add(&m->b, tail.p, tail.n, &err));
	dv_buf_release(&tail);
	maker_write(e, "packs", digit, m->b.p, m->b.n);
}

static inline void maker_release(struct maker *m)
{
	dv_buf_release(&m->b);
	memset(m, 0, sizeof(*m));
}

/* Whole chunks of n bytes that make a pack too large to be merged with small ones. */
static inline void maker_fill(struct maker *m, struct env *e, size_t n)
{
	for (uint64_t i = 0; i < 100; i++) {
		struct chunk more = chunk_rows(e, n, 100 + i);

		maker_whole(m, e, &more);
		free(more.p);
	}
}

/* Small packs, from this digit to '9'. */
static inline void publish_small(struct env *e, char digit)
{
	struct maker m = { 0 };

	for (; digit <= '9'; digit++) {
		struct chunk more = chunk_rows(e, 20000, (uint64_t)digit);

		maker_whole(&m, e, &more);
		maker_publish(e, &m, digit);
		maker_release(&m);
		free(more.p);
	}
}

/* 0 where the chunk is read and right, else the error. */
static inline int read_chunk(struct env *e, const struct chunk *c,
			     struct dv_err *err)
{
	const uint8_t *p;
	size_t n;
	int rc = dv_store_read(&e->s, &e->c, DV_KIND_CHUNK, &c->id, &p, &n,
			       err);

	if (!rc) {
		assert_int_equal(n, c->n);
		assert_memory_equal(p, c->p, n);
	}
	return rc;
}

static inline int has_chunk(struct env *e, const struct chunk *c)
{
	struct dv_err err = { 0 };
	int rc = read_chunk(e, c, &err);

	if (rc == DV_ENOTFOUND)
		return 0;
	assert_ok(rc);
	return 1;
}

/* The codec of a record of it in the store, -1 where there is none. */
static inline int codec_of(struct env *e, const struct chunk *c)
{
	struct dv_loc loc;

	return dv_store_locate(&e->s, DV_KIND_CHUNK, &c->id, &loc) ?
	       loc.row.codec : -1;
}

static inline void put_chunk(struct env *e, struct dv_txn *t,
			     const struct chunk *c)
{
	struct dv_err err = { 0 };

	assert_ok(dv_txn_put(t, &e->c, DV_KIND_CHUNK, &c->id, c->p, c->n,
			     &err));
}

/* The record as it is, unless the transaction encodes it anew. */
static inline void put_made(struct env *e, struct dv_txn *t,
			    const struct chunk *c, struct made m)
{
	struct dv_err err = { 0 };

	assert_ok(dv_txn_put_record(t, &e->c, &m.rec, m.payload.p, c->p,
				    &err));
	dv_buf_release(&m.payload);
}

/* A chunk of a file, stored as a delta where a base is named. */
struct part {
	const struct chunk *c, *base;
};

static inline void put_list(struct env *e, struct dv_txn *t,
			    enum dv_kind kind, const struct dv_id *id,
			    const struct dv_buf *b)
{
	struct dv_err err = { 0 };

	assert_ok(dv_txn_put(t, &e->c, kind, id, b->p, b->n, &err));
}

static inline struct dv_oid store_parts(struct env *e, const struct part *v,
					size_t n)
{
	struct dv_list_builder b = { 0 };
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };
	struct dv_oid oid;
	int last;

	assert_ok(dv_txn_begin(&t, &e->s, 1, &err));
	for (size_t i = 0; i < n; i++) {
		put_made(e, &t, v[i].c, v[i].base ?
			 make_delta(e, v[i].c, v[i].base) :
			 make_whole(e, v[i].c));
		if (dv_list_add(&b, e->c.sha, (uint32_t)v[i].c->n, &v[i].c->id,
				&err) == 1)
			put_list(e, &t, DV_KIND_SEGMENT, &b.seg_id, &b.seg);
	}
	assert_ok(dv_list_finish(&b, e->c.sha, &oid, &last, &err));
	if (last)
		put_list(e, &t, DV_KIND_SEGMENT, &b.seg_id, &b.seg);
	if (oid.scheme == DV_SCHEME_DV1)
		put_list(e, &t, DV_KIND_FILE, &oid.id, &b.file);
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
	dv_list_release(&b);
	return oid;
}

static inline void assert_parts(struct env *e, const struct dv_oid *oid,
				const struct part *v, size_t n)
{
	struct dv_buf all = { 0 };
	struct dv_err err = { 0 };

	for (size_t i = 0; i < n; i++)
		assert_ok(dv_buf_add(&all, v[i].c->p, v[i].c->n, &err));
	assert_content(e, oid, all.p, all.n);
	dv_buf_release(&all);
}

#endif
