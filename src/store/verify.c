#include "store/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "codec/chunker.h"
#include "store/content.h"
#include "store/maintain.h"
#include "store/txn.h"

#define RUN 64

struct run {
	struct dv_job job;
	struct dv_store *store;
	struct dv_loc loc[RUN];
	int bad[RUN];
	unsigned int n;
	struct dv_err why;	/* of the last bad one */
	struct dv_err stop;	/* what says nothing about any record */
	struct dv_progress *progress;
};

/* 1 good, 0 bad; negative: it could not be looked at. */
static int check_record(struct run *r, struct dv_coder *c,
			const struct dv_loc *loc, struct dv_err *why)
{
	const uint8_t *payload, *content;
	struct dv_rec rec;
	size_t n;
	int rc = dv_store_read_record(r->store, c, loc, &rec, &payload, why);

	if (!rc)
		rc = dv_store_decode(r->store, c, &rec, payload, &content,
				     why);
	/* A merge took the pack away; the record stands elsewhere. */
	if (rc && dv_pack_gone(loc->pack))
		rc = dv_store_read(r->store, c, loc->row.kind, &loc->row.id,
				   &content, &n, why);
	if (rc == DV_ENOMEM || rc == DV_ECANCEL || rc == DV_EAUTH ||
	    (rc && (why->sys == EMFILE || why->sys == ENFILE)))
		return rc;
	return !rc;
}

static void check_run(struct dv_job *job, void *ctx)
{
	struct run *r = (struct run *)job;

	for (unsigned int i = 0; i < r->n; i++) {
		struct dv_err why = { 0 };
		int rc;

		if (dv_cancelled())
			return;
		rc = check_record(r, ctx, &r->loc[i], &why);
		if (rc < 0) {
			r->stop = why;
			return;
		}
		r->bad[i] = !rc;
		if (!rc)
			r->why = why;
		dv_progress_add(r->progress, r->loc[i].row.enc);
	}
}

static int collect(struct dv_verify *v, struct dv_job *job, struct dv_err *err)
{
	struct run *r = (struct run *)job;
	int rc = r->stop.status;

	if (rc && err)
		*err = r->stop;
	for (unsigned int i = 0; !rc && i < r->n; i++) {
		const struct dv_row *row = &r->loc[i].row;

		v->records++;
		v->bytes += row->enc;
		if (r->bad[i]) {
			if (!v->bad_records++)
				dv_log_error("%s", r->why.msg);
			r->loc[i].pack->mark = 1;
		}
		rc = dv_idmap_put(r->bad[i] ? &v->bad : &v->good, row->kind,
				  &row->id, 1, err);
		if (rc == DV_EEXIST)
			rc = 0;
	}
	dv_progress_draw(r->progress);
	free(r);
	return rc;
}

static int queue_pack(struct dv_store *s, struct dv_pool *pool,
		      struct dv_pack *p, const uint8_t *table, uint32_t n,
		      struct dv_verify *v, struct dv_progress *progress,
		      struct dv_err *err)
{
	struct run *r = NULL;
	int rc = 0;

	for (uint32_t i = 0; !rc && i < n; i++) {
		if (!r) {
			while (!rc && dv_pool_full(pool))
				rc = collect(v, dv_pool_next(pool), err);
			r = calloc(1, sizeof(*r));
			if (!r)
				return dv_err_nomem(err);
			r->job.run = check_run;
			r->store = s;
			r->progress = progress;
		}
		r->loc[r->n].pack = p;
		dv_row_parse(table + (size_t)i * DV_PACK_ROW,
			     &r->loc[r->n++].row);
		if (r->n == RUN || i + 1 == n) {
			dv_pool_submit(pool, &r->job);
			r = NULL;
		}
	}
	free(r);
	return rc ? rc : dv_cancel_check(err);
}

int dv_store_verify(struct dv_store *s, struct dv_pool *pool, int quick,
		    struct dv_verify *v, struct dv_err *err)
{
	struct dv_progress progress;
	struct dv_pack **packs = NULL;
	struct dv_job *job;
	size_t npacks;
	int rc;

	memset(v, 0, sizeof(*v));
	rc = dv_packset_rescan(&s->set, err);
	if (!rc)
		rc = dv_store_check_index(s, err);
	/* A worker that misses a base looks for new packs: keep these. */
	npacks = s->set.n;
	if (!rc) {
		packs = malloc((npacks + 1) * sizeof(*packs));
		if (!packs)
			rc = dv_err_nomem(err);
		else if (npacks)
			memcpy(packs, s->set.v, npacks * sizeof(*packs));
	}
	dv_progress_start(&progress, "Verifying", 0);
	for (size_t i = 0; !rc && i < npacks; i++) {
		struct dv_pack *p = packs[i];
		struct dv_err why = { 0 };
		uint8_t *table = NULL;
		uint32_t n = 0;

		p->mark = 0;
		if (dv_pack_gone(p))
			continue;
		if (dv_pack_read_table(&s->set, p, &table, &n, &why)) {
			if (why.status == DV_ENOTFOUND)
				continue;	/* merged meanwhile */
			/* Not damaged, but of a newer version: hands off. */
			if (why.status == DV_EINVAL) {
				rc = why.status;
				if (err)
					*err = why;
				break;
			}
			dv_log_error("%s", why.msg);
			v->bad_packs++;
			p->mark = 2;
			continue;
		}
		v->packs++;
		if (!quick)
			rc = queue_pack(s, pool, p, table, n, v, &progress,
					err);
		free(table);
	}
	while ((job = dv_pool_next(pool))) {
		int r = collect(v, job, rc ? NULL : err);

		if (!rc)
			rc = r;
	}
	dv_progress_stop(&progress);
	free(packs);
	/* What a signal kept from being read was not verified. */
	return rc ? rc : dv_cancel_check(err);
}

void dv_verify_release(struct dv_verify *v)
{
	dv_idmap_release(&v->bad);
	dv_idmap_release(&v->good);
}

/* Good records of a pack whose table is unreadable are found by scanning. */
static int keep_by_scan(struct dv_txn *t, struct dv_pack *p, int deltas,
			struct dv_err *err)
{
	uint64_t off = DV_PACK_HEAD;
	struct dv_rec rec;
	int fd, rc;

	rc = dv_packset_fd(&t->store->set, p, &fd, err);
	/* Merged meanwhile (its good records stand there), or no file at all. */
	if (rc)
		return rc == DV_ENOTFOUND || rc == DV_ECORRUPT ? 0 : rc;
	while (off + DV_REC_HEAD <= p->size) {
		uint8_t head[DV_REC_HEAD_DELTA];
		const uint8_t *content;
		ssize_t got = dv_pread_full(fd, head, sizeof(head), off);
		size_t h;

		if (got < 0 || dv_rec_parse(head, (size_t)got, &rec, &h, NULL)) {
			off++;		/* damaged: look for the next magic */
			continue;
		}
		rc = (rec.codec == DV_CODEC_DELTA) == deltas ?
		     dv_txn_stands(t, &t->coder, rec.kind, &rec.id, deltas,
				   err) : 1;
		if (rc > 0) {
			rc = 0;
			off += h + rec.enc;
			continue;
		}
		t->coder.in.n = 0;
		if (!rc)
			rc = dv_buf_reserve(&t->coder.in, rec.enc, err);
		if (rc)
			break;
		if (dv_pread_full(fd, t->coder.in.p, rec.enc, off + h) ==
			    (ssize_t)rec.enc &&
		    !dv_txn_decode(t, &t->coder, &rec, t->coder.in.p, &content,
				   NULL))
			rc = dv_txn_put_record(t, &t->coder, &rec,
					       t->coder.in.p, content, err);
		if (rc)
			break;
		off += h + rec.enc;
	}
	dv_packset_fd_done(&t->store->set, p);
	return rc;
}

int dv_store_quarantine(struct dv_store *s, const struct dv_verify *v,
			size_t *moved, struct dv_err *err)
{
	struct dv_err why = { 0 };
	struct dv_txn t = { 0 };
	int rc;

	*moved = 0;
	if (!v->bad_records && !v->bad_packs)
		return 0;
	rc = dv_store_lock_excl(s, err);
	if (rc)
		return rc;
	s->writers++;
	/* Another process may have taken away what stood elsewhere. */
	rc = dv_packset_rescan(&s->set, err);
	if (!rc)
		rc = dv_txn_begin(&t, s, 0, err);
	for (size_t i = 0; i < s->set.n; i++)
		if (s->set.v[i]->mark)
			dv_packset_leave(&s->set, s->set.v[i], 1);
	/* Bases before what needs them. */
	for (int deltas = 0; !rc && deltas < 2; deltas++)
		for (size_t i = 0; !rc && i < s->set.n; i++)
			if (s->set.v[i]->mark)
				rc = keep_by_scan(&t, s->set.v[i], deltas,
						  err);
	if (!rc)
		rc = dv_txn_commit(&t, err);
	dv_txn_end(&t);
	s->writers--;
	/* Who adds the damaged content again must not find it "there". */
	if (!rc)
		rc = dv_store_new_epoch(s, 1, err);
	for (size_t i = 0; !rc && i < s->set.n; i++) {
		struct dv_pack *p = s->set.v[i];
		char *from, *to;

		if (!p->mark)
			continue;
		from = dv_pack_path(&s->set, p);
		to = dv_fmt("%s/quarantine/%s", s->path, p->name);
		if (!from || !to)
			rc = dv_err_nomem(err);
		else if (rename(from, to) && errno != ENOENT)
			rc = dv_err_errno(err, "cannot move '%s'", from);
		else
			++*moved;
		free(from);
		free(to);
	}
	if (!rc && dv_store_new_epoch(s, 0, &why))
		dv_log_debug("packs are listed each time: %s", why.msg);
	dv_store_unlock_excl(s);
	for (size_t i = 0; i < s->set.n; i++)
		if (s->set.v[i]->leaving)
			dv_packset_leave(&s->set, s->set.v[i], 0);
	if (rc) {
		(void)!dv_packset_rescan(&s->set, NULL);
		return rc;
	}
	return dv_packset_rescan(&s->set, err);
}

struct cutter {
	uint8_t *buf;
	size_t n;
	struct dv_list_builder list;
	struct dv_sha256 *sha;
};

static int feed(struct cutter *k, int last, struct dv_err *err)
{
	size_t at = 0;
	int rc = 0;

	while (at < k->n && (last || k->n - at >= DV_CHUNK_MAX)) {
		size_t len = dv_chunk_cut(k->buf + at, k->n - at);
		struct dv_id id;

		dv_sha256_of(k->sha, k->buf + at, len, &id);
		rc = dv_list_add(&k->list, k->sha, (uint32_t)len, &id, err);
		if (rc < 0)
			return rc;
		at += len;
	}
	memmove(k->buf, k->buf + at, k->n - at);
	k->n -= at;
	return 0;
}

int dv_verify_cuts(struct dv_store *s, struct dv_coder *c,
		   const struct dv_oid *oid, struct dv_err *err)
{
	struct cutter k = { 0 };
	struct dv_content ct;
	struct dv_oid found;
	struct dv_id id;
	uint32_t len;
	int rc, last_seg;

	if (oid->scheme != DV_SCHEME_DV1)
		return 1;
	rc = dv_content_open(&ct, s, c, oid, err);
	if (rc)
		return rc;
	k.buf = malloc(2 * DV_CHUNK_MAX);
	k.sha = dv_sha256_open();
	if (!k.buf || !k.sha)
		rc = dv_err_nomem(err);
	while (!rc && (rc = dv_content_next(&ct, &id, &len, err)) == 1) {
		const uint8_t *p;
		size_t n;

		rc = dv_store_read(s, c, DV_KIND_CHUNK, &id, &p, &n, err);
		if (rc)
			break;
		memcpy(k.buf + k.n, p, n);
		k.n += n;
		rc = feed(&k, 0, err);
		if (!rc)
			rc = dv_cancel_check(err);
	}
	if (!rc)
		rc = feed(&k, 1, err);
	if (!rc)
		rc = dv_list_finish(&k.list, k.sha, &found, &last_seg, err);
	if (!rc)
		rc = dv_id_eq(&found.id, &oid->id);
	dv_list_release(&k.list);
	dv_sha256_close(k.sha);
	free(k.buf);
	dv_content_close(&ct);
	return rc;
}
