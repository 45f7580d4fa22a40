/*
 * The sweep: packs with garbage are replaced by packs without it.
 *
 * 1. The epoch changes, and says that packs go, so that no process finds
 *    "there already" by a list of packs that is older than the end of this.
 * 2. Records that stay are read, verified and copied to new packs.
 * 3. These are synced and published.
 * 4. Only then are the packs unlinked whose records they hold.
 *
 * 2 to 4 repeat, about a gigabyte at a time. A crash before 3 leaves packs in
 * incoming/ that recovery publishes or drops: copies, at most. One before or
 * in 4 leaves copies and garbage, which the next sweep finds.
 *
 * 5. The epoch changes again and says that it is over. After a crash before
 *    that, writers list the packs each time until the next sweep.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "store/gc.h"
#include "store/maintain.h"

#define RUN 64

struct sweep {
	struct dv_gc *g;
	struct dv_txn txn;
	struct dv_gc_pack **waiting;	/* copied or empty: to be unlinked */
	size_t nwaiting;
	struct dv_progress progress;
};

/* Some records of one pack, in the order in which they stand there. */
struct run {
	struct dv_job job;
	struct sweep *s;
	struct dv_loc loc[RUN];
	unsigned int n;
	struct dv_buf plain;
	struct dv_err err;
};

static int verified(struct dv_store *s, struct dv_coder *c,
		    const struct dv_loc *loc, struct dv_rec *rec,
		    const uint8_t **payload, const uint8_t **content,
		    struct dv_err *err)
{
	int rc = dv_store_read_record(s, c, loc, rec, payload, err);

	return rc ? rc : dv_store_decode(s, c, rec, *payload, content, err);
}

/*
 * Does the record stand elsewhere, so that this copy can go? A copy in a pack
 * that stays counts, and for a delta also any whole one, since that is copied
 * where it must be. Only what was read and is good is relied upon.
 */
static int stands_elsewhere(struct run *r, struct dv_coder *c,
			    const struct dv_loc *loc)
{
	struct dv_store *store = r->s->g->store;
	const uint8_t *payload, *content;
	int delta = loc->row.codec == DV_CODEC_DELTA;
	struct dv_loc l;
	struct dv_rec rec;

	for (unsigned int skip = 0;
	     dv_packset_find_nth(&store->set, loc->row.kind, &loc->row.id,
				 skip, &l); skip++) {
		int whole = l.row.codec != DV_CODEC_DELTA;

		if (l.pack == loc->pack)
			continue;
		/* A whole record is never given up for a delta. */
		if (delta ? !whole && l.pack->doomed : l.pack->doomed || !whole)
			continue;
		if (!verified(store, c, &l, &rec, &payload, &content, &r->err))
			return 1;
		/* A bad copy would hide the good one: stop. */
		return r->err.status;
	}
	return 0;
}

/* At the level asked for: 1 where that is shorter than it was, else 0. */
static int encode_again(struct run *r, struct dv_coder *c,
			const struct dv_rec *rec, struct dv_rec *again,
			const void **payload)
{
	struct dv_store *store = r->s->g->store;
	int rc, level = r->s->g->level;
	struct dv_base *base;

	if (rec->codec != DV_CODEC_DELTA) {
		rc = dv_coder_encode(c, rec->kind, level, r->plain.p, rec->raw,
				     again, payload, &r->err);
		again->id = rec->id;
		return rc ? rc : again->enc < rec->enc;
	}
	rc = dv_store_base(store, c, &rec->base, &base, &r->err);
	if (rc)
		return rc;
	rc = dv_coder_encode_delta(c, level, base->p, base->n, r->plain.p,
				   rec->raw, rec->enc, again, payload,
				   &r->err);
	dv_bases_put(&store->bases, base);
	again->id = rec->id;
	again->base = rec->base;
	return rc;
}

/* Smaller at the level asked for? Then put that, else the record as it is. */
static int put(struct run *r, struct dv_coder *c, const struct dv_rec *rec,
	       const uint8_t *payload, const uint8_t *content)
{
	struct dv_txn *txn = &r->s->txn;
	struct dv_rec again;
	const void *p;
	int rc;

	if (r->s->g->level && rec->kind == DV_KIND_CHUNK) {
		r->plain.n = 0;
		rc = dv_buf_add(&r->plain, content, rec->raw, &r->err);
		if (!rc)
			rc = encode_again(r, c, rec, &again, &p);
		if (rc < 0)
			return rc;
		if (rc)
			return dv_txn_put_record(txn, c, &again, p, r->plain.p,
						 &r->err);
		content = r->plain.p;
	}
	/* The payload is in c->in, which encoding leaves alone. */
	return dv_txn_put_record(txn, c, rec, payload, content, &r->err);
}

static void copy_run(struct dv_job *job, void *ctx)
{
	struct run *r = (struct run *)job;
	struct dv_store *store = r->s->g->store;
	const uint8_t *payload, *content;
	struct dv_rec rec;
	int rc = 0;

	for (unsigned int i = 0; !rc && i < r->n; i++) {
		rc = dv_cancel_check(&r->err);
		if (!rc)
			rc = stands_elsewhere(r, ctx, &r->loc[i]);
		if (rc > 0) {
			rc = 0;
			continue;
		}
		if (!rc)
			rc = verified(store, ctx, &r->loc[i], &rec, &payload,
				      &content, &r->err);
		if (!rc)
			rc = put(r, ctx, &rec, payload, content);
		dv_progress_add(&r->s->progress, r->loc[i].row.enc);
	}
	dv_buf_release(&r->plain);
}

static int collect(struct sweep *s, struct dv_job *job, struct dv_err *err)
{
	struct run *r = (struct run *)job;
	int rc = r->err.status;

	if (rc && err)
		*err = r->err;
	free(r);
	dv_progress_draw(&s->progress);
	return rc;
}

/* Wait for all; the first error counts. */
static int drain(struct sweep *s, int rc, struct dv_err *err)
{
	struct dv_job *job;

	while ((job = dv_pool_next(s->g->pool))) {
		int r = collect(s, job, rc ? NULL : err);

		if (!rc)
			rc = r;
	}
	return rc;
}

static int cmp_off(const void *a, const void *b)
{
	const struct dv_row *x = a, *y = b;

	return x->off < y->off ? -1 : x->off > y->off;
}

/* The rows that stay, in the order of the pack. Caller frees. */
static struct dv_row *live_rows(struct dv_gc *g, struct dv_pack *p,
				uint32_t *n, struct dv_err *err)
{
	uint8_t *table = NULL;
	struct dv_row *rows;
	uint32_t all = 0;

	*n = 0;
	if (dv_pack_read_table(&g->store->set, p, &table, &all, err))
		return NULL;
	rows = calloc((size_t)all + 1, sizeof(*rows));
	if (!rows)
		dv_err_nomem(err);
	for (uint32_t i = 0; rows && i < all; i++) {
		struct dv_row *row = &rows[*n];

		dv_row_parse(table + (size_t)i * DV_PACK_ROW, row);
		*n += !dv_gc_is_dead(g, row->kind, &row->id);
	}
	free(table);
	if (*n > 1)
		qsort(rows, *n, sizeof(*rows), cmp_off);
	return rows;
}

static int copy_pack(struct sweep *s, struct dv_pack *p, struct dv_err *err)
{
	struct dv_err own = { 0 };
	struct dv_row *rows;
	uint32_t n;
	int rc = 0;

	rows = live_rows(s->g, p, &n, &own);
	if (!rows) {
		if (err)
			*err = own;
		return own.status;
	}
	for (uint32_t i = 0; !rc && i < n;) {
		struct run *r;

		while (!rc && dv_pool_full(s->g->pool))
			rc = collect(s, dv_pool_next(s->g->pool), err);
		r = rc ? NULL : calloc(1, sizeof(*r));
		if (!r) {
			rc = rc ? rc : dv_err_nomem(err);
			break;
		}
		r->job.run = copy_run;
		r->s = s;
		for (; i < n && r->n < RUN; i++) {
			r->loc[r->n].pack = p;
			r->loc[r->n++].row = rows[i];
		}
		dv_pool_submit(s->g->pool, &r->job);
	}
	free(rows);
	return rc;
}

/* Publish what was copied; then what it was copied from can go. */
static int commit(struct sweep *s, struct dv_err *err)
{
	struct dv_packset *set = &s->g->store->set;
	int rc;

	for (size_t i = 0; i < s->nwaiting; i++)
		s->txn.mtime = DV_MAX(s->txn.mtime,
				      s->waiting[i]->pack->mtime);
	rc = dv_txn_commit(&s->txn, err);
	s->txn.mtime = 0;
	for (size_t i = 0; !rc && i < s->nwaiting; i++) {
		struct dv_pack *p = s->waiting[i]->pack;
		char *path = dv_pack_path(set, p);

		if (!path)
			rc = dv_err_nomem(err);
		else if (unlink(path) && errno != ENOENT)
			rc = dv_err_errno(err, "cannot remove pack '%s'",
					  path);
		else
			__atomic_store_n(&p->gone, 1, __ATOMIC_RELAXED);
		free(path);
	}
	s->nwaiting = 0;
	return rc;
}

/*
 * Lists go before what they name where that can be had: packs with lists that
 * go first, and the newest first of all.
 */
static int cmp_order(const void *a, const void *b)
{
	const struct dv_gc_pack *x = *(struct dv_gc_pack *const *)a;
	const struct dv_gc_pack *y = *(struct dv_gc_pack *const *)b;

	if (!x->dead_lists != !y->dead_lists)
		return !x->dead_lists - !y->dead_lists;
	if (x->pack->mtime != y->pack->mtime)
		return x->pack->mtime > y->pack->mtime ? -1 : 1;
	return strcmp(x->pack->name, y->pack->name);
}

static int sweep_packs(struct sweep *s, struct dv_gc_pack **v, size_t n,
		       struct dv_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++) {
		if (v[i]->action == DV_GC_REWRITE)
			rc = copy_pack(s, v[i]->pack, err);
		s->waiting[s->nwaiting++] = v[i];
		if (!rc && dv_txn_is_long(&s->txn)) {
			rc = drain(s, 0, err);
			if (!rc)
				rc = commit(s, err);
		}
		if (!rc)
			rc = dv_cancel_check(err);
	}
	rc = drain(s, rc, err);
	return rc ? rc : commit(s, err);
}

static uint64_t packs_size(struct dv_store *s, uint64_t *n)
{
	uint64_t sum = 0;

	*n = 0;
	for (size_t i = 0; i < s->set.n; i++) {
		char *path = dv_pack_gone(s->set.v[i]) ? NULL :
			     dv_pack_path(&s->set, s->set.v[i]);
		struct stat st;

		if (path && !lstat(path, &st)) {
			sum += (uint64_t)st.st_size;
			++*n;
		}
		free(path);
	}
	return sum;
}

int dv_gc_sweep(struct dv_gc *g, struct dv_err *err)
{
	struct dv_gc_pack **v = calloc(g->npacks + 1, sizeof(*v));
	struct sweep s = { .g = g };
	struct dv_err why = { 0 };
	uint64_t total = 0;
	size_t n = 0;
	int rc = 0;

	s.waiting = calloc(g->npacks + 1, sizeof(*s.waiting));
	if (!g->locked)
		rc = dv_err_set(err, DV_EINVAL, "the store is not locked");
	else if (!v || !s.waiting)
		rc = dv_err_nomem(err);
	for (size_t i = 0; !rc && i < g->npacks; i++)
		if (g->packs[i].action != DV_GC_LEAVE) {
			v[n++] = &g->packs[i];
			if (g->packs[i].action == DV_GC_REWRITE)
				total += g->packs[i].live;
		}
	if (rc || !n)
		goto out;
	qsort(v, n, sizeof(*v), cmp_order);
	rc = dv_store_new_epoch(g->store, 1, err);
	if (rc)
		goto out;
	g->store->writers++;	/* the exclusive lock covers the transaction */
	rc = dv_txn_begin(&s.txn, g->store, 0, err);
	/* Still readable, but no place where a record "is already". */
	for (size_t i = 0; i < n; i++)
		v[i]->pack->doomed = 1;
	dv_progress_start(&s.progress, "Rewriting", total);
	if (!rc)
		rc = sweep_packs(&s, v, n, err);
	dv_progress_stop(&s.progress);
	dv_txn_end(&s.txn);
	g->store->writers--;
	for (size_t i = 0; i < n; i++)
		v[i]->pack->doomed = 0;
	if (dv_store_new_epoch(g->store, 0, &why))
		dv_log_debug("packs are listed each time: %s", why.msg);
	/* Also after an error: some may be done. The index is only a cache. */
	if (dv_packset_rescan(&g->store->set, &why) ||
	    dv_store_index(g->store, 1, &why))
		dv_log_debug("packs were not indexed: %s", why.msg);
	g->result.size_after = packs_size(g->store, &g->result.packs);
out:
	free(v);
	free(s.waiting);
	if (rc == DV_ECORRUPT && err)
		dv_err_prefix(err, "the store is damaged; run 'git dv verify'");
	return rc;
}
