#include "store/ingest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/file.h"
#include "base/log.h"
#include "codec/chunker.h"
#include "store/incoming.h"
#include "store/predict.h"

#define REGION_SIZE (4u << 20)
#define REGIONS 6
#define WHOLE_MAX (REGION_SIZE / 2)	/* smaller files are at hand to the end */
#define BATCH_CHUNKS 16
#define BATCH_BYTES (1u << 20)
#define SMALL_MAX 65536u	/* larger files are stored before their answer */
#define SMALL_REGION (512u << 10)
#define SMALL_REGIONS 4

/* A stretch of the stream; chunks in flight point into it. */
struct region {
	uint8_t *p;
	unsigned int users;	/* batches in flight */
	struct dv_spool spool;	/* of small files, instead of p */
};

struct part {
	const uint8_t *p;
	uint32_t len;
	uint64_t off;		/* in the file */
	int known;		/* it is in the store, by its id */
	int expected;		/* probably it is `like` */
	struct dv_predict_chunk like;
	struct dv_id id;
};

struct batch {
	struct dv_job job;
	struct dv_ingest *in;
	struct region *region;
	struct batch *next_free;
	unsigned int n;
	size_t bytes;
	int small;		/* chunks of small files, hashed: only put */
	struct part part[BATCH_CHUNKS];
	struct dv_err err;
};

struct dv_ingest {
	struct dv_txn *txn;
	struct dv_pool *pool;
	struct dv_coder coder;
	struct region region[REGIONS];
	struct region *cur;
	size_t start, end;	/* unchunked bytes in cur: [start, end) */
	uint64_t size;		/* bytes received */
	uint64_t cut;		/* bytes in chunks so far */
	struct batch *batch;	/* being filled */
	struct batch *free;
	int deferring;		/* dv_ingest_defer */
	struct region small[SMALL_REGIONS];
	struct batch *small_batch;	/* being filled, across files */
	struct dv_list_builder list;
	struct dv_predict predict;
	struct dv_prior prior;	/* .store NULL: none */
};

int dv_ingest_open(struct dv_ingest **out, struct dv_txn *txn,
		   struct dv_pool *pool, struct dv_err *err)
{
	struct dv_ingest *in = calloc(1, sizeof(*in));
	int rc;

	*out = NULL;
	if (!in)
		return dv_err_nomem(err);
	in->txn = txn;
	in->pool = pool;
	rc = dv_coder_init(&in->coder, err);
	if (rc) {
		dv_ingest_close(in);
		return rc;
	}
	*out = in;
	return 0;
}

static void release_batch(struct dv_ingest *in, struct batch *b)
{
	b->region->users--;
	b->next_free = in->free;
	in->free = b;
}

void dv_ingest_defer(struct dv_ingest *in)
{
	in->deferring = in->txn != NULL;
}

/* Chunks that were fetched, or stored before the table was begun anew. */
static int is_not_sketched(const struct dv_similar *t, int64_t cut_when)
{
	return !cut_when || dv_similar_born(t) >= cut_when;
}

int dv_ingest_begin(struct dv_ingest *in, const struct dv_oid *previous,
		    int64_t cut_when, struct dv_err *err)
{
	dv_ingest_abort(in);
	dv_list_init(&in->list);
	in->size = in->cut = 0;
	in->start = in->end = 0;
	dv_predict_stop(&in->predict);
	if (in->txn && in->txn->similar && previous &&
	    is_not_sketched(in->txn->similar, cut_when))
		dv_prior_init(&in->prior, in->txn->store, previous);
	if (in->txn && previous && previous->scheme == DV_SCHEME_DV1)
		return dv_predict_start(&in->predict, in->txn->store, previous,
					cut_when != 0, err);
	return 0;
}

static struct dv_prior *prior(struct dv_ingest *in)
{
	return in->prior.store ? &in->prior : NULL;
}

/* A failure stays with the transaction: no commit succeeds after it. */
static void put_batch(struct dv_job *job, void *ctx)
{
	struct batch *b = (struct batch *)job;

	for (unsigned int i = 0; i < b->n && !b->err.status; i++)
		if (dv_txn_put(b->in->txn, ctx, DV_KIND_CHUNK, &b->part[i].id,
			       b->part[i].p, b->part[i].len, &b->err))
			break;
}

static void hash_batch(struct dv_job *job, void *ctx)
{
	struct batch *b = (struct batch *)job;
	struct dv_coder *c = ctx;
	struct dv_txn *txn = b->in->txn;

	for (unsigned int i = 0; i < b->n && !b->err.status; i++) {
		struct part *p = &b->part[i];

		if (p->known)
			continue;
		if (p->expected && dv_predict_same(txn->store, &p->like, p->p,
						   &c->in)) {
			p->id = p->like.id;
			continue;
		}
		dv_sha256_of(c->sha, p->p, p->len, &p->id);
		if (txn && dv_txn_put_like(txn, c, &p->id, p->p, p->len,
					   prior(b->in), p->off, &b->err))
			break;
	}
}

static int put_list(struct dv_ingest *in, enum dv_kind kind,
		    const struct dv_id *id, const struct dv_buf *buf,
		    struct dv_err *err)
{
	if (!in->txn)
		return 0;
	return dv_txn_put(in->txn, &in->coder, kind, id, buf->p, buf->n, err);
}

static int add_chunk(struct dv_ingest *in, uint32_t len,
		     const struct dv_id *id, struct dv_err *err)
{
	int rc = dv_list_add(&in->list, in->coder.sha, len, id, err);

	if (rc == 1)
		rc = put_list(in, DV_KIND_SEGMENT, &in->list.seg_id,
			      &in->list.seg, err);
	return rc;
}

/* A batch has come back: its chunks are the next ones of the file. */
static int collect(struct dv_ingest *in, struct dv_job *job,
		   struct dv_err *err)
{
	struct batch *b = (struct batch *)job;
	int rc = b->err.status;

	if (rc && err)
		*err = b->err;
	for (unsigned int i = 0; !rc && !b->small && i < b->n; i++)
		rc = add_chunk(in, b->part[i].len, &b->part[i].id, err);
	release_batch(in, b);
	return rc;
}

static int drain(struct dv_ingest *in, struct dv_err *err)
{
	struct dv_job *job;
	int rc = 0;

	while ((job = dv_pool_next(in->pool))) {
		int r = collect(in, job, rc ? NULL : err);

		if (!rc)
			rc = r;
	}
	return rc;
}

void dv_ingest_abort(struct dv_ingest *in)
{
	if (in->batch)
		release_batch(in, in->batch);
	in->batch = NULL;
	/* Jobs of small files go on: they belong to files that ended. */
	if (in->cut && drain(in, NULL))
		in->size = 0;	/* forgotten anyway */
	in->cur = NULL;
	in->start = in->end = 0;
	dv_predict_stop(&in->predict);
	dv_prior_release(&in->prior);
}

void dv_ingest_close(struct dv_ingest *in)
{
	if (!in)
		return;
	dv_ingest_abort(in);
	(void)drain(in, NULL);	/* who wants them kept has called _flush */
	if (in->small_batch)
		release_batch(in, in->small_batch);
	for (int i = 0; i < REGIONS; i++)
		free(in->region[i].p);
	/* What a failed transaction did not store is left to be salvaged. */
	for (int i = 0; i < SMALL_REGIONS; i++)
		dv_spool_close(&in->small[i].spool,
			       in->txn && in->txn->failed.status);
	while (in->free) {
		struct batch *b = in->free;

		in->free = b->next_free;
		free(b);
	}
	dv_list_release(&in->list);
	dv_predict_release(&in->predict);
	dv_coder_release(&in->coder);
	free(in);
}

static int submit(struct dv_ingest *in, struct batch *b, struct dv_err *err)
{
	int rc = 0;

	if (dv_pool_full(in->pool))
		rc = collect(in, dv_pool_next(in->pool), err);
	b->job.run = b->small ? put_batch : hash_batch;
	dv_pool_submit(in->pool, &b->job);
	if (!rc && in->txn && dv_txn_is_long(in->txn)) {
		rc = drain(in, err);
		if (!rc)
			rc = dv_txn_commit(in->txn, err);
	}
	return rc;
}

static int flush_batch(struct dv_ingest *in, struct dv_err *err)
{
	struct batch *b = in->batch;

	in->batch = NULL;
	return b ? submit(in, b, err) : 0;
}

static struct batch *new_batch(struct dv_ingest *in, struct region *r,
			       struct dv_err *err)
{
	struct batch *b = in->free;

	if (b)
		in->free = b->next_free;
	else
		b = malloc(sizeof(*b));
	if (!b) {
		dv_err_nomem(err);
		return NULL;
	}
	b->in = in;
	b->region = r;
	b->n = 0;
	b->bytes = 0;
	b->small = 0;
	dv_err_clear(&b->err);
	r->users++;
	return b;
}

/* known: the chunk that it is, compared already, or NULL. */
static int queue_chunk(struct dv_ingest *in, const uint8_t *p, uint32_t len,
		       const struct dv_predict_chunk *known,
		       struct dv_err *err)
{
	struct batch *b = in->batch;
	struct part *part;

	if (!b) {
		b = in->batch = new_batch(in, in->cur, err);
		if (!b)
			return err ? err->status : DV_ENOMEM;
	}
	part = &b->part[b->n++];
	part->p = p;
	part->len = len;
	part->off = in->cut;
	part->known = known != NULL;
	if (known)
		part->id = known->id;
	part->expected = !known && in->txn &&
			 dv_predict_next(&in->predict, len, &part->like);
	b->bytes += len;
	in->cut += len;
	if (b->n == BATCH_CHUNKS || b->bytes >= BATCH_BYTES)
		return flush_batch(in, err);
	return 0;
}

/* Cut off chunks while enough bytes are at hand to be sure of the cut. */
static int cut(struct dv_ingest *in, int last, struct dv_err *err)
{
	int rc = 0;

	while (!rc && in->start < in->end) {
		const uint8_t *p = in->cur->p + in->start;
		size_t n = in->end - in->start;
		struct dv_predict_chunk same;
		uint32_t len;

		if (dv_predict_here(&in->predict, p, n, last, &same)) {
			rc = queue_chunk(in, p, same.len, &same, err);
			in->start += same.len;
			continue;
		}
		if (n < DV_CHUNK_MAX && !last)
			break;
		len = (uint32_t)dv_chunk_cut(p, n);
		rc = queue_chunk(in, p, len, NULL, err);
		in->start += len;
	}
	return rc;
}

/* A region that nobody uses, with the tail of the old one moved to its start. */
static int next_region(struct dv_ingest *in, struct dv_err *err)
{
	struct region *r = NULL;
	size_t tail = in->end - in->start;
	int rc;

	for (;;) {
		struct dv_job *job;

		for (int i = 0; i < REGIONS && !r; i++)
			if (!in->region[i].users && &in->region[i] != in->cur)
				r = &in->region[i];
		if (r)
			break;
		/* All are in flight: flush what is ours and wait for one. */
		rc = flush_batch(in, err);
		if (rc)
			return rc;
		job = dv_pool_next(in->pool);
		if (!job)
			return dv_err_set(err, DV_EINVAL,
					  "no region can become free");
		rc = collect(in, job, err);
		if (rc)
			return rc;
	}
	if (!r->p && !(r->p = malloc(REGION_SIZE)))
		return dv_err_nomem(err);
	if (in->cur && tail)
		memcpy(r->p, in->cur->p + in->start, tail);
	if (in->batch) {
		rc = flush_batch(in, err);
		if (rc)
			return rc;
	}
	in->cur = r;
	in->start = 0;
	in->end = tail;
	return 0;
}

int dv_ingest_space(struct dv_ingest *in, uint8_t **p, size_t *cap,
		    struct dv_err *err)
{
	int rc;

	if (!in->cur) {
		rc = next_region(in, err);
		if (rc)
			return rc;
	}
	if (REGION_SIZE - in->end < 65536) {
		rc = cut(in, 0, err);
		if (!rc)
			rc = next_region(in, err);
		if (rc)
			return rc;
	}
	*p = in->cur->p + in->end;
	*cap = REGION_SIZE - in->end;
	return 0;
}

int dv_ingest_got(struct dv_ingest *in, size_t n, struct dv_err *err)
{
	in->end += n;
	in->size += n;
	/*
	 * Small files stay whole until the end; larger ones are worked on as
	 * they come, so that the pool starts early.
	 */
	if (in->size > WHOLE_MAX)
		return cut(in, 0, err);
	return 0;
}

int dv_ingest_fd(struct dv_ingest *in, int fd, const char *name,
		 struct dv_err *err)
{
	for (;;) {
		uint8_t *p;
		size_t cap;
		ssize_t n;
		int rc = dv_ingest_space(in, &p, &cap, err);

		if (rc)
			return rc;
		do
			n = read(fd, p, cap);
		while (n < 0 && errno == EINTR && !dv_cancelled());
		if (n < 0)
			return dv_err_errno(err, "cannot read '%s'", name);
		if (!n)
			return 0;
		rc = dv_ingest_got(in, (size_t)n, err);
		if (rc)
			return rc;
	}
}

uint64_t dv_ingest_size(const struct dv_ingest *in)
{
	return in->size;
}

const uint8_t *dv_ingest_whole(const struct dv_ingest *in)
{
	return !in->cur || in->size > WHOLE_MAX ? NULL : in->cur->p;
}

void dv_ingest_digest(const struct dv_ingest *in, uint64_t seed, uint8_t out[16])
{
	XXH128_canonical_t canon;

	XXH128_canonicalFromHash(&canon,
				 XXH3_128bits_withSeed(in->cur->p, in->end,
						       seed));
	memcpy(out, canon.digest, 16);
}

/*
 * A region for small files; those in flight come back in their order. NULL
 * with *rc 0: there is no room for it on the disk.
 */
static struct region *small_region(struct dv_ingest *in, int *rc,
				   struct dv_err *err)
{
	struct dv_err why = { 0 };
	struct dv_job *job;

	for (*rc = 0; !*rc;) {
		for (int i = 0; i < SMALL_REGIONS; i++) {
			struct region *r = &in->small[i];

			if (r->users)
				continue;
			if (r->spool.map) {
				dv_spool_reset(&r->spool);
				return r;
			}
			if (!dv_spool_open(&r->spool, in->txn->store,
					   SMALL_REGION, &why))
				return r;
			dv_log_debug("small files are stored at once: %s",
				     why.msg);
			return NULL;
		}
		job = dv_pool_next(in->pool);
		*rc = job ? collect(in, job, err) :
			    dv_err_set(err, DV_EINVAL,
				       "no region can become free");
	}
	return NULL;
}

int dv_ingest_flush(struct dv_ingest *in, struct dv_err *err)
{
	struct batch *b = in->small_batch;
	int rc = 0, r;

	in->small_batch = NULL;
	if (b)
		rc = submit(in, b, err);
	r = drain(in, rc ? NULL : err);
	return rc ? rc : r;
}

/*
 * Keep a copy of the chunk for a worker to store, and go on. Git may act on
 * the answer, and the process may be killed: the copy outlives it. 1 where
 * that cannot be had.
 */
static int defer(struct dv_ingest *in, const uint8_t *p, uint32_t len,
		 const struct dv_id *id, struct dv_err *err)
{
	struct batch *b = in->small_batch;
	const uint8_t *copy = NULL;
	struct part *part;
	int rc;

	if (b) {
		copy = dv_spool_add(&b->region->spool, id, p, len);
		if (!copy) {
			in->small_batch = NULL;
			rc = submit(in, b, err);
			if (rc)
				return rc;
		}
	}
	if (!copy) {
		struct region *r = small_region(in, &rc, err);

		if (!r)
			return rc ? rc : 1;
		b = new_batch(in, r, err);
		if (!b)
			return err && err->status ? err->status : DV_ENOMEM;
		b->small = 1;
		in->small_batch = b;
		copy = dv_spool_add(&r->spool, id, p, len);
		if (!copy)
			return 1;	/* larger than a whole spool */
	}
	part = &b->part[b->n++];
	part->p = copy;
	part->len = len;
	part->id = *id;
	if (b->n < BATCH_CHUNKS)
		return 0;
	in->small_batch = NULL;
	return submit(in, b, err);
}

/* One chunk, nothing in flight: no thread is worth waking for it alone. */
static int finish_small(struct dv_ingest *in, struct dv_err *err)
{
	const uint8_t *p = in->cur->p + in->start;
	uint32_t len = (uint32_t)(in->end - in->start);
	struct dv_id id;
	int rc = 0;

	dv_sha256_of(in->coder.sha, p, len, &id);
	/* What is put later cannot look at the previous version any more. */
	if (in->deferring && len <= SMALL_MAX && !prior(in))
		rc = defer(in, p, len, &id, err);
	else
		rc = 1;
	if (rc == 1 && in->txn)
		rc = dv_txn_put_like(in->txn, &in->coder, &id, p, len,
				     prior(in), 0, err);
	in->start = in->end;
	return rc < 0 ? rc : add_chunk(in, len, &id, err);
}

int dv_ingest_finish(struct dv_ingest *in, struct dv_oid *oid,
		     struct dv_err *err)
{
	int rc = 0, last_seg;

	memset(oid, 0, sizeof(*oid));
	if (!in->size)
		return 0;
	if (!in->cut && in->size <= DV_CHUNK_MAX &&
	    dv_chunk_cut(in->cur->p, in->size) == in->size) {
		rc = finish_small(in, err);
	} else {
		rc = cut(in, 1, err);
		if (!rc)
			rc = flush_batch(in, err);
		if (!rc)
			rc = drain(in, err);
	}
	if (!rc)
		rc = dv_list_finish(&in->list, in->coder.sha, oid, &last_seg,
				    err);
	if (!rc && last_seg)
		rc = put_list(in, DV_KIND_SEGMENT, &in->list.seg_id,
			      &in->list.seg, err);
	if (!rc && oid->scheme == DV_SCHEME_DV1)
		rc = put_list(in, DV_KIND_FILE, &oid->id, &in->list.file, err);
	dv_ingest_abort(in);
	return rc;
}

int dv_ingest_oid(struct dv_pool *pool, int fd, const char *name,
		  struct dv_oid *oid, struct dv_err *err)
{
	struct dv_ingest *in = NULL;
	int rc = dv_ingest_open(&in, NULL, pool, err);

	if (!rc)
		rc = dv_ingest_begin(in, NULL, 0, err);
	if (!rc)
		rc = dv_ingest_fd(in, fd, name, err);
	if (!rc)
		rc = dv_ingest_finish(in, oid, err);
	dv_ingest_close(in);
	return rc;
}
