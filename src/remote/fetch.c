#include "remote/fetch.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/idmap.h"
#include "store/content.h"

#define STASH_MAX (64u << 20)
#define GAP_MAX (512u << 10)
#define WASTE_MIN (256u << 10)	/* so much more than what is wanted, or ... */
#define WASTE_PART 10		/* ... a tenth of it, may be read */
#define RANGE_MAX (8u << 20)

/* A chunk to be read: where it stands on the remote. */
struct want {
	struct dv_shard_chunk c;
	struct dv_id base;	/* of a delta */
	uint8_t pack[16];
	uint8_t late;		/* its pack holds no base of another */
};

/* A delta that came before its base: the record as it stands in a pack. */
struct stashed {
	struct stashed *next;
	size_t n;
	uint8_t rec[];
};

struct fetch {
	struct dv_remote *remote;
	struct dv_store *store;
	struct dv_txn txn;
	struct dv_coder coder;
	struct dv_idmap seen;		/* chunks already in `want`: where */
	struct dv_idmap base_packs;	/* packs (padded) that hold bases */
	pthread_mutex_t mu;
	struct stashed *stash;		/* under mu */
	size_t stash_bytes;
	struct want *want;
	size_t n, cap;
	uint64_t gap_max;		/* wider gaps end a range */
	struct dv_progress progress;
	struct dv_fetch_result *result;
	struct dv_err bad;		/* the first damage; others go on */
};

/* One read from one pack, and the chunks of interest in it. */
struct range {
	struct dv_job job;
	struct fetch *f;
	const struct want *want;
	size_t n;
	uint64_t off, len;
	int unread;		/* err is the remote's: others may do better */
	struct dv_err err;
};

static void set_want(struct want *w, const struct dv_shard *s,
		     const struct dv_shard_chunk *c, const struct dv_id *base)
{
	memset(w, 0, sizeof(*w));
	w->c = *c;
	if (base)
		w->base = *base;
	memcpy(w->pack, dv_shard_pack_name(s, c->pack), 16);
}

/*
 * `base` is that of a delta. What serves as a base itself is wanted whole, also
 * where another segment has offered it as a delta.
 */
static int add_want(struct fetch *f, const struct dv_shard *s,
		    const struct dv_shard_chunk *c, const struct dv_id *base,
		    int is_base, struct dv_err *err)
{
	uint64_t *at = dv_idmap_get(&f->seen, DV_KIND_CHUNK, &c->id);
	struct want *w;
	int rc;

	if (at) {
		w = &f->want[*at];
		if (is_base && w->c.codec == DV_CODEC_DELTA)
			set_want(w, s, c, NULL);
		return 0;
	}
	rc = dv_idmap_put(&f->seen, DV_KIND_CHUNK, &c->id, f->n, err);
	if (rc)
		return rc;
	w = dv_grow(f->want, &f->cap, f->n + 1, sizeof(*w));
	if (!w)
		return dv_err_nomem(err);
	f->want = w;
	set_want(&w[f->n++], s, c, base);
	return 0;
}

static int add_base(struct fetch *f, const struct dv_shard *s,
		    const uint8_t *row, struct dv_err *err)
{
	struct dv_id key = { { 0 } };
	struct dv_shard_chunk c;
	int rc = dv_shard_chunk_parse(s, row, &c, err);

	if (rc || dv_store_has_whole(f->store, &c.id))
		return rc;
	memcpy(key.b, dv_shard_pack_name(s, c.pack), 16);
	rc = dv_idmap_put(&f->base_packs, 1, &key, 1, err);
	if (!rc || rc == DV_EEXIST)
		rc = add_want(f, s, &c, NULL, 1, err);
	return rc;
}

/* The chunks of a run that are not here, and the bases that they need. */
static int want_run(struct fetch *f, struct dv_remote_shard *s, uint32_t first,
		    uint32_t n, const struct dv_id *only, struct dv_err *err)
{
	struct dv_buf rows = { 0 };
	uint32_t total;
	int rc = dv_remote_run(f->remote, s, first, n, &rows, &total, err);

	for (uint32_t i = 0; !rc && i < n; i++) {
		const uint8_t *base = NULL;
		struct dv_shard_chunk c;

		rc = dv_shard_chunk_parse(&s->view,
					  rows.p + (size_t)i *
							   DV_SHARD_CHUNK_ROW,
					  &c, err);
		if (!rc && only && !dv_id_eq(&c.id, only))
			rc = dv_err_set(err, DV_ECORRUPT,
					"a shard names the wrong chunk");
		if (rc || dv_store_can_read(f->store, &c.id))
			continue;
		if (c.base != DV_SHARD_NO_BASE)
			base = rows.p + (size_t)(c.base - first) *
						DV_SHARD_CHUNK_ROW;
		rc = add_want(f, &s->view, &c, (const struct dv_id *)base, 0,
			      err);
		if (!rc && base)
			rc = add_base(f, &s->view, base, err);
	}
	dv_buf_release(&rows);
	return rc;
}

/* Packs with bases first, so that few deltas have to wait for theirs. */
static void mark_late(struct fetch *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct dv_id key = { { 0 } };

		memcpy(key.b, f->want[i].pack, 16);
		f->want[i].late = !dv_idmap_get(&f->base_packs, 1, &key);
	}
}

static int cmp_want(const void *pa, const void *pb)
{
	const struct want *a = pa, *b = pb;
	int c = a->late - b->late;

	if (!c)
		c = memcmp(a->pack, b->pack, 16);
	if (c)
		return c;
	return a->c.off < b->c.off ? -1 : a->c.off > b->c.off;
}

static uint64_t rec_len(const struct dv_shard_chunk *c)
{
	return dv_rec_head_size(c->codec) + (uint64_t)c->enc;
}

/* Damage is told at the end; a full disk or a signal stops at once. */
static int stops(int rc)
{
	return rc && rc != DV_ECORRUPT && rc != DV_ENOTFOUND &&
	       rc != DV_EINVAL;
}

/*
 * An error of the remote alone: what else is wanted may still be had, from
 * there or from another one. The caller is told DV_EAGAIN.
 */
static int of_remote(int rc, struct dv_err *err)
{
	if (!stops(rc) || rc == DV_ENOMEM || rc == DV_ECANCEL)
		return rc;
	err->status = DV_EAGAIN;
	return DV_EAGAIN;
}

static int stash(struct fetch *f, const uint8_t *p, size_t n,
		 struct dv_err *err)
{
	struct stashed *x = malloc(sizeof(*x) + n);

	if (!x)
		return dv_err_nomem(err);
	x->n = n;
	memcpy(x->rec, p, n);
	pthread_mutex_lock(&f->mu);
	x->next = f->stash;
	f->stash = x;
	f->stash_bytes += n;
	pthread_mutex_unlock(&f->mu);
	return 0;
}

static int stash_is_full(struct fetch *f)
{
	int full;

	pthread_mutex_lock(&f->mu);
	full = f->stash_bytes > STASH_MAX;
	pthread_mutex_unlock(&f->mu);
	return full;
}

static int decode_and_put(struct fetch *f, struct dv_coder *c,
			  const struct dv_rec *rec, const uint8_t *payload,
			  struct dv_err *err)
{
	const uint8_t *content;
	int rc = dv_txn_decode(&f->txn, c, rec, payload, &content, err);

	return rc ? rc : dv_txn_put_record(&f->txn, c, rec, payload, content,
					   err);
}

/* Verify one record out of a range and keep it. */
static int keep(struct range *g, struct dv_coder *c, const struct want *w,
		const uint8_t *p, struct dv_err *err)
{
	struct dv_rec rec;
	size_t head;
	int rc;

	rc = dv_rec_parse(p, rec_len(&w->c), &rec, &head, err);
	if (!rc && (!dv_id_eq(&rec.id, &w->c.id) || rec.enc != w->c.enc ||
		    rec.raw != w->c.raw || rec.codec != w->c.codec ||
		    rec.kind != DV_KIND_CHUNK ||
		    !dv_id_eq(&rec.base, &w->base)))
		rc = dv_err_set(err, DV_ECORRUPT,
				"chunk %s is not where its shard says",
				dv_id_hex(&w->c.id).s);
	if (rc)
		return rc;
	rc = decode_and_put(g->f, c, &rec, p + head, err);
	if (rc == DV_ENOTFOUND && rec.codec == DV_CODEC_DELTA)
		rc = stash(g->f, p, rec_len(&w->c), err);
	return rc;
}

/*
 * Deltas that waited. With `last` nothing more will come: what has no base
 * then could not be had. Runs while no job does.
 */
static int settle(struct fetch *f, int last, struct dv_err *err)
{
	struct stashed *x = f->stash, *next;
	int rc = 0;

	f->stash = NULL;
	f->stash_bytes = 0;
	for (; x; x = next) {
		struct dv_err why = { 0 };
		struct dv_rec rec;
		size_t head;
		int one = rc;

		next = x->next;
		if (!one)
			one = dv_rec_parse(x->rec, x->n, &rec, &head, &why);
		if (!one)
			one = decode_and_put(f, &f->coder, &rec,
					     x->rec + head, &why);
		if (one == DV_ENOTFOUND && !last && !rc)
			one = stash(f, x->rec, x->n, &why);
		if (!rc && stops(one)) {
			rc = one;
			if (err)
				*err = why;
		} else if (!rc && one && !f->bad.status) {
			f->bad = why;
		}
		free(x);
	}
	return rc;
}

static void read_range(struct dv_job *job, void *ctx)
{
	struct range *g = (struct range *)job;
	struct dv_backend *b = g->f->remote->backend;
	uint8_t *buf;
	char key[48];
	size_t got;
	int rc;

	if (dv_cancel_check(&g->err))
		return;
	buf = malloc((size_t)g->len);
	if (!buf) {
		dv_err_nomem(&g->err);
		return;
	}
	dv_remote_pack_key(g->want->pack, key);
	rc = b->ops->get(b, key, g->off, buf, (size_t)g->len, &got, &g->err);
	rc = of_remote(rc, &g->err);
	g->unread = rc == DV_EAGAIN;
	for (size_t i = 0; !stops(rc) && i < g->n; i++) {
		const struct want *w = &g->want[i];
		uint64_t at = w->c.off - g->off;
		struct dv_err why = { 0 };
		int one;

		if (rc && !got)
			break;
		if (at + rec_len(&w->c) > got)
			one = dv_err_set(&why, DV_ECORRUPT, "it is cut off");
		else
			one = keep(g, ctx, w, buf + at, &why);
		if (one && (!rc || stops(one))) {
			rc = one;
			g->err = why;
		}
	}
	if (rc)
		dv_err_prefix(&g->err, "%s in '%s'", key, g->f->remote->url);
	dv_progress_add(&g->f->progress, got);
	free(buf);
}

static int collect(struct fetch *f, struct dv_job *job, struct dv_err *err)
{
	struct range *g = (struct range *)job;
	int rc = g->err.status;

	if (rc && (g->unread || !stops(rc))) {
		if (!f->bad.status)
			f->bad = g->err;
		rc = 0;
	}
	if (rc)
		*err = g->err;
	f->result->bytes += g->len;
	f->result->requests++;
	free(g);
	dv_progress_draw(&f->progress);
	return rc;
}

static int cmp_gap(const void *pa, const void *pb)
{
	const uint32_t *a = pa, *b = pb;

	return *a < *b ? -1 : *a > *b;
}

/*
 * Reading across a gap saves a request and wastes its bytes. The narrowest gaps
 * first, as many as the waste that is allowed pays for.
 */
static int choose_gaps(struct fetch *f, struct dv_err *err)
{
	uint32_t *gap = malloc((f->n + 1) * sizeof(*gap));
	uint64_t end = 0, wanted = 0, sum = 0;
	size_t n = 0;

	if (!gap)
		return dv_err_nomem(err);
	for (size_t i = 0; i < f->n; i++) {
		const struct want *w = &f->want[i];

		wanted += rec_len(&w->c);
		if (i && !memcmp(w->pack, w[-1].pack, 16) && w->c.off > end &&
		    w->c.off - end <= GAP_MAX)
			gap[n++] = (uint32_t)(w->c.off - end);
		end = w->c.off + rec_len(&w->c);
	}
	if (n > 1)
		qsort(gap, n, sizeof(*gap), cmp_gap);
	f->gap_max = 0;
	for (size_t i = 0; i < n; i++) {
		sum += gap[i];
		if (sum > DV_MAX(wanted / WASTE_PART, (uint64_t)WASTE_MIN))
			break;
		f->gap_max = gap[i];
	}
	free(gap);
	return 0;
}

/* From the sorted wants at i: the next range. Returns how many it takes. */
static size_t plan(const struct fetch *f, size_t i, uint64_t *off,
		   uint64_t *len)
{
	const struct want *w = f->want;
	uint64_t end = w[i].c.off + rec_len(&w[i].c);
	size_t k = i + 1;

	*off = w[i].c.off;
	for (; k < f->n && !memcmp(w[k].pack, w[i].pack, 16); k++) {
		uint64_t next = w[k].c.off + rec_len(&w[k].c);

		if (w[k].c.off > end + f->gap_max || next - *off > RANGE_MAX)
			break;
		end = DV_MAX(end, next);
	}
	*len = end - *off;
	return k - i;
}

static int read_all(struct fetch *f, struct dv_pool *pool, struct dv_err *err)
{
	struct dv_job *job;
	int rc, r;

	mark_late(f);
	if (f->n > 1)
		qsort(f->want, f->n, sizeof(*f->want), cmp_want);
	rc = choose_gaps(f, err);
	for (size_t i = 0; !rc && i < f->n;) {
		struct range *g = calloc(1, sizeof(*g));

		if (!g) {
			rc = dv_err_nomem(err);
			break;
		}
		g->job.run = read_range;
		g->f = f;
		g->want = &f->want[i];
		g->n = plan(f, i, &g->off, &g->len);
		i += g->n;
		/* Few in flight: each holds up to RANGE_MAX in memory. */
		while (!rc && dv_pool_pending(pool) >= 2 * dv_pool_threads(pool))
			rc = collect(f, dv_pool_next(pool), err);
		if (rc) {
			free(g);
			break;
		}
		dv_pool_submit(pool, &g->job);
		if (dv_txn_is_long(&f->txn) || stash_is_full(f)) {
			while (!rc && (job = dv_pool_next(pool)))
				rc = collect(f, job, err);
			if (!rc)
				rc = settle(f, 0, err);
			if (!rc && dv_txn_is_long(&f->txn))
				rc = dv_txn_commit(&f->txn, err);
		}
	}
	while ((job = dv_pool_next(pool))) {
		struct dv_err own = { 0 };

		r = collect(f, job, rc ? &own : err);
		if (!rc)
			rc = r;
	}
	r = settle(f, 1, rc ? NULL : err);
	return rc ? rc : r;
}

/* All chunks of one segment, from whichever shard describes it. */
static int want_segment(struct fetch *f, const struct dv_id *id,
			struct dv_err *err)
{
	struct dv_remote_shard *s;
	uint32_t row, first, n;

	if (!dv_remote_find_seg(f->remote, id, &s, &row))
		return dv_err_set(err, DV_ECORRUPT,
				  "store '%s' does not say where segment %s is",
				  f->remote->url, dv_id_hex(id).s);
	dv_shard_seg(&s->view, row, &first, &n);
	return want_run(f, s, first, n, NULL, err);
}

static int want_file(struct fetch *f, const struct dv_oid *oid,
		     struct dv_remote_shard *s, uint32_t row,
		     struct dv_err *err)
{
	struct dv_oid found;
	uint32_t first, nseg;
	int rc = 0;

	dv_shard_file(&s->view, row, &found, &first, &nseg);
	if (oid->scheme == DV_SCHEME_SHA256)
		return want_run(f, s, first, 1, &oid->id, err);
	for (uint32_t i = 0; !rc && i < nseg; i++)
		rc = want_segment(f, (const struct dv_id *)
				  (s->view.sec[DV_SHARD_SEGREFS] +
				   (size_t)(first + i) * DV_FILE_ROW + 8), err);
	return rc;
}

/* Make a segment's list from its CHUNKS rows; its id proves it. */
static int put_segment(struct fetch *f, const struct dv_id *id,
		       struct dv_err *err)
{
	struct dv_buf rows = { 0 }, list = { 0 };
	struct dv_remote_shard *s;
	struct dv_id check;
	uint8_t head[4];
	uint32_t row, first, n;
	int rc;

	if (dv_txn_has(&f->txn, DV_KIND_SEGMENT, id))
		return 0;
	if (!dv_remote_find_seg(f->remote, id, &s, &row))
		return DV_ECORRUPT;	/* said by want_segment */
	dv_shard_seg(&s->view, row, &first, &n);
	rc = dv_remote_chunks(f->remote, s, first, n, &rows, err);
	dv_put32(head, n);
	if (!rc)
		rc = dv_buf_add(&list, head, 4, err);
	for (uint32_t i = 0; !rc && i < n; i++) {
		const uint8_t *p = rows.p + (size_t)i * DV_SHARD_CHUNK_ROW;

		if (!dv_txn_has(&f->txn, DV_KIND_CHUNK,
				(const struct dv_id *)p))
			rc = dv_err_set(err, DV_ENOTFOUND,
					"chunk %s could not be had",
					dv_id_hex((const struct dv_id *)p).s);
		if (!rc)
			rc = dv_buf_add(&list, p + 40, 4, err);
		if (!rc)
			rc = dv_buf_add(&list, p, DV_ID_SIZE, err);
	}
	if (!rc) {
		dv_record_id(f->coder.sha, DV_KIND_SEGMENT, list.p, list.n,
			     &check);
		if (!dv_id_eq(&check, id))
			rc = dv_err_set(err, DV_ECORRUPT,
					"a shard describes segment %s wrongly",
					dv_id_hex(id).s);
	}
	if (!rc)
		rc = dv_txn_put(&f->txn, &f->coder, DV_KIND_SEGMENT, id,
				list.p, list.n, err);
	dv_buf_release(&rows);
	dv_buf_release(&list);
	return rc;
}

static int put_lists(struct fetch *f, const struct dv_oid *oid,
		     struct dv_remote_shard *s, uint32_t row,
		     struct dv_err *err)
{
	struct dv_buf list = { 0 };
	struct dv_oid found;
	struct dv_flist fl;
	struct dv_id check;
	uint8_t head[DV_FILE_HEAD];
	uint32_t first, nseg;
	const uint8_t *refs;
	int rc = 0;

	if (oid->scheme == DV_SCHEME_SHA256)
		return dv_txn_has(&f->txn, DV_KIND_CHUNK, &oid->id) ? 0 :
		       dv_err_set(err, DV_ENOTFOUND,
				  "content %s could not be had",
				  dv_oid_text(oid).s);
	dv_shard_file(&s->view, row, &found, &first, &nseg);
	refs = s->view.sec[DV_SHARD_SEGREFS] + (size_t)first * DV_FILE_ROW;
	for (uint32_t i = 0; !rc && i < nseg; i++)
		rc = put_segment(f, (const struct dv_id *)
				 (refs + (size_t)i * DV_FILE_ROW + 8), err);
	head[0] = 1;
	dv_put64(head + 1, found.size);
	dv_put32(head + 9, nseg);
	if (!rc)
		rc = dv_buf_add(&list, head, sizeof(head), err);
	if (!rc)
		rc = dv_buf_add(&list, refs, (size_t)nseg * DV_FILE_ROW, err);
	if (!rc)
		rc = dv_flist_parse(list.p, list.n, &fl, err);
	if (!rc) {
		dv_record_id(f->coder.sha, DV_KIND_FILE, list.p, list.n,
			     &check);
		if (!dv_id_eq(&check, &oid->id))
			rc = dv_err_set(err, DV_ECORRUPT,
					"a shard describes content %s wrongly",
					dv_oid_text(oid).s);
	}
	if (!rc)
		rc = dv_txn_put(&f->txn, &f->coder, DV_KIND_FILE, &oid->id,
				list.p, list.n, err);
	dv_buf_release(&list);
	return rc;
}

int dv_fetch(struct dv_remote *r, struct dv_store *s, struct dv_pool *pool,
	     const struct dv_oid *oids, size_t n, uint8_t *have,
	     struct dv_fetch_result *result, struct dv_err *err)
{
	struct fetch f = { .remote = r, .store = s, .result = result };
	struct dv_remote_shard **shard = calloc(n + 1, sizeof(*shard));
	uint32_t *row = calloc(n + 1, sizeof(*row));
	uint64_t total = 0;
	int rc;

	memset(result, 0, sizeof(*result));
	pthread_mutex_init(&f.mu, NULL);
	rc = shard && row ? dv_coder_init(&f.coder, err) : dv_err_nomem(err);
	if (rc)
		goto out;
	rc = dv_txn_begin(&f.txn, s, 0, err);
	if (!rc)
		rc = of_remote(dv_remote_refresh(r, err), err);
	for (size_t i = 0; !rc && i < n; i++) {
		int here = have[i] ? 1 : dv_content_complete(s, &f.coder,
							     &oids[i], NULL);

		have[i] = here == 1;
		if (have[i])
			continue;
		if (!dv_remote_find_file(r, &oids[i], &shard[i], &row[i])) {
			result->absent++;
			continue;
		}
		rc = of_remote(want_file(&f, &oids[i], shard[i], row[i], err),
			       err);
		if (rc && rc != DV_ENOMEM && rc != DV_ECANCEL) {
			f.bad = *err;
			shard[i] = NULL;
			rc = 0;
		}
	}
	for (size_t i = 0; i < f.n; i++)
		total += rec_len(&f.want[i].c);
	dv_progress_start(&f.progress, "Fetching content", total);
	if (!rc)
		rc = read_all(&f, pool, err);
	dv_progress_stop(&f.progress);
	for (size_t i = 0; !rc && i < n; i++) {
		struct dv_err why = { 0 };

		if (have[i] || !shard[i])
			continue;
		if (put_lists(&f, &oids[i], shard[i], row[i], &why)) {
			if (f.txn.failed.status || why.status == DV_ENOMEM ||
			    why.status == DV_ECANCEL) {
				*err = why;
				rc = why.status;
			} else if (!f.bad.status) {
				of_remote(why.status, &why);
				f.bad = why;
			}
			continue;
		}
		have[i] = 1;
		result->files++;
	}
	/* What was fetched is kept, also when some of it could not be had. */
	if (rc != DV_EIO && rc != DV_ENOMEM) {
		struct dv_err own = { 0 };
		int c = dv_txn_commit(&f.txn, rc ? &own : err);

		if (!rc)
			rc = c;
	}
	if (!rc && !f.bad.status && result->absent && r->damaged.n)
		dv_err_set(&f.bad, DV_ECORRUPT,
			   "store '%s' has %zu damaged shard%s, which may have described what is not found there",
			   r->url, r->damaged.n, r->damaged.n == 1 ? "" : "s");
	if (!rc && f.bad.status) {
		*err = f.bad;
		rc = f.bad.status;
	}
	dv_txn_end(&f.txn);
	dv_coder_release(&f.coder);
	dv_idmap_release(&f.seen);
	dv_idmap_release(&f.base_packs);
	free(f.want);
out:
	pthread_mutex_destroy(&f.mu);
	free(shard);
	free(row);
	return rc;
}
