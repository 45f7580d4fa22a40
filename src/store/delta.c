#include "store/delta.h"

#include <string.h>

#include "base/file.h"
#include "base/hex.h"

#define TRIALS 2		/* bases tried for a chunk */

static int read_own(struct dv_txn *t, struct dv_coder *c, int fd,
		    const struct dv_row *row, struct dv_base **out,
		    struct dv_err *err)
{
	size_t len = (size_t)dv_row_len(row), h;
	const uint8_t *p;
	struct dv_rec rec;
	int rc;

	c->in.n = 0;
	rc = dv_buf_reserve(&c->in, len, err);
	if (rc)
		return rc;
	if (dv_pread_full(fd, c->in.p, len, row->off) != (ssize_t)len)
		return dv_err_errno(err, "cannot read the store '%s' back",
				    t->store->path);
	rc = dv_rec_parse(c->in.p, len, &rec, &h, err);
	if (!rc)
		rc = dv_coder_decode(c, &rec, c->in.p + h, &p, err);
	if (rc)
		return rc;
	*out = dv_bases_add(&t->store->bases, &row->id, p, rec.raw, err);
	return *out ? 0 : DV_ENOMEM;
}

/* A base that a new delta may name; DV_ENOTFOUND where there is none. */
static int txn_base(struct dv_txn *t, struct dv_coder *c,
		    const struct dv_id *id, struct dv_base **out,
		    struct dv_err *err)
{
	struct dv_coder *spare;
	struct dv_row row;
	int fd;

	*out = NULL;
	if (dv_txn_own(t, id, &fd, &row)) {
		*out = dv_bases_get(&t->store->bases, id);
		if (*out)
			return 0;
		spare = dv_coder_spare(c, err);
		return spare ? read_own(t, spare, fd, &row, out, err) :
			       DV_ENOMEM;
	}
	if (!dv_store_has_whole(t->store, id))
		return dv_err_set(err, DV_ENOTFOUND,
				  "chunk %s is not in the local store",
				  dv_id_hex(id).s);
	return dv_store_base(t->store, c, id, out, err);
}

int dv_txn_decode(struct dv_txn *t, struct dv_coder *c,
		  const struct dv_rec *rec, const void *payload,
		  const uint8_t **p, struct dv_err *err)
{
	struct dv_coder *spare;
	struct dv_base *base;
	const uint8_t *b;
	size_t n;
	int rc;

	if (rec->codec != DV_CODEC_DELTA)
		return dv_coder_decode(c, rec, payload, p, err);
	rc = txn_base(t, c, &rec->base, &base, err);
	if (!rc) {
		rc = dv_coder_decode_delta(c, rec, base->p, base->n, payload,
					   p, err);
		dv_bases_put(&t->store->bases, base);
		return rc;
	}
	if (rc != DV_ENOTFOUND ||
	    !dv_store_has_quick(t->store, DV_KIND_CHUNK, &rec->base))
		return rc;
	spare = dv_coder_spare(c, err);
	if (!spare)
		return DV_ENOMEM;
	rc = dv_store_read(t->store, spare, DV_KIND_CHUNK, &rec->base, &b, &n,
			   err);
	return rc ? rc : dv_coder_decode_delta(c, rec, b, n, payload, p, err);
}

/* A delta against one of these: 1 where it saves a third of `whole`. */
static int try_hits(struct dv_txn *t, struct dv_coder *c, const void *p,
		    size_t n, const struct dv_similar_hit *hit,
		    unsigned int hits, uint32_t whole, struct dv_choice *out)
{
	for (unsigned int i = 0; i < hits; i++) {
		const void *payload;
		struct dv_base *base;
		struct dv_rec rec;
		int done;

		if (txn_base(t, c, &hit[i].base, &base, NULL))
			continue;
		done = dv_coder_encode_delta(c, t->level, base->p, base->n, p,
					     n, whole - whole / 3, &rec,
					     &payload, NULL) == 1;
		dv_bases_put(&t->store->bases, base);
		if (!done)
			continue;
		out->rec = rec;
		out->rec.base = hit[i].base;
		out->payload = payload;
		return 1;
	}
	return 0;
}

/*
 * A delta against one of what the table suggests, most alike first. Then *out
 * changes to it. Failures only cost bytes.
 */
static void try_deltas(struct dv_txn *t, struct dv_coder *c, const void *p,
		       size_t n, const struct dv_near *near, struct dv_choice *out)
{
	struct dv_similar_hit hit[TRIALS], more[TRIALS];
	unsigned int hits, found;
	uint32_t whole = out->rec.enc;
	struct dv_coder *spare;

	hits = dv_similar_find(t->similar, &out->sketch, hit, TRIALS);
	if (try_hits(t, c, p, n, hit, hits, whole, out) || !near)
		return;
	/* The new record's payload stands in c: another one reads. */
	spare = dv_coder_spare(c, NULL);
	if (!spare)
		return;
	dv_prior_cover(near->prior, t->similar, spare, near->off);
	/* Also where another thread was first to cover it. */
	found = dv_similar_find(t->similar, &out->sketch, more, TRIALS);
	if (found != hits || memcmp(more, hit, found * sizeof(*more)))
		try_hits(t, c, p, n, more, found, whole, out);
}

int dv_delta_choose(struct dv_txn *t, struct dv_coder *c, enum dv_kind kind,
		    const void *p, size_t n, const struct dv_near *near,
		    struct dv_choice *out, struct dv_err *err)
{
	int rc = dv_coder_encode(c, kind, t->level, p, n, &out->rec,
				 &out->payload, err);

	out->sketched = 0;
	/* Noise resembles nothing, or is the same: looking costs more. */
	if (rc || !t->similar || out->rec.codec != DV_CODEC_ZSTD)
		return rc;
	dv_similar_sketch(t->similar, p, n, &out->sketch);
	out->sketched = 1;
	try_deltas(t, c, p, n, near, out);
	return 0;
}
