#include "store/txn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "store/delta.h"
#include "store/incoming.h"

/* So many sealed packs make a transaction long: 1 GiB. */
#define SEALED_MAX 16

struct dv_out_pack {
	struct dv_out_pack *next;
	char name[33];
	uint8_t head[DV_PACK_HEAD];
	int fd;
	uint32_t number;	/* in this transaction, from 1 */
	uint64_t off;		/* where the next record goes */
	unsigned int writing;	/* puts that have a place but are not done */
	int synced;		/* at least once: never to be dropped */
	struct dv_row *rows;
	size_t n, cap;
};

static void out_free(struct dv_out_pack *p)
{
	if (!p)
		return;
	if (p->fd >= 0)
		close(p->fd);
	free(p->rows);
	free(p);
}

int dv_txn_begin(struct dv_txn *t, struct dv_store *s, int level,
		 struct dv_err *err)
{
	int rc;

	memset(t, 0, sizeof(*t));
	t->store = s;
	t->level = level;
	t->sealed_end = &t->sealed;
	pthread_mutex_init(&t->mu, NULL);
	pthread_cond_init(&t->idle, NULL);
	rc = dv_coder_init(&t->coder, err);
	if (!rc)
		rc = dv_store_lock_shared(s, err);
	if (rc) {
		dv_txn_end(t);
		return rc;
	}
	t->locked = 1;
	return 0;
}

static int open_pack(struct dv_txn *t, struct dv_err *err)
{
	struct dv_out_pack *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return dv_err_nomem(err);
	rc = dv_incoming_create(t->store, p->name, p->head, &p->fd, err);
	if (rc) {
		out_free(p);
		return rc;
	}
	p->off = DV_PACK_HEAD;
	p->number = ++t->packs;
	t->open = p;
	return 0;
}

static void seal(struct dv_txn *t)
{
	struct dv_out_pack *p = t->open;

	if (!p)
		return;
	t->open = NULL;
	*t->sealed_end = p;
	t->sealed_end = &p->next;
	t->nsealed++;
	/* Start the write-back now; the sync later finds little to do. */
	sync_file_range(p->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

/* Under mu: a place for a record of n bytes. */
static int reserve(struct dv_txn *t, const struct dv_rec *rec, uint64_t len,
		   struct dv_out_pack **out, uint64_t *off, uint64_t *place,
		   struct dv_err *err)
{
	struct dv_out_pack *p = t->open;
	struct dv_row *rows;
	int rc;

	if (p && p->off + len > DV_PACK_HEAD + DV_PACK_DATA_MAX && p->n) {
		seal(t);
		p = NULL;
	}
	if (!p) {
		rc = open_pack(t, err);
		if (rc)
			return rc;
		p = t->open;
	}
	rows = dv_grow(p->rows, &p->cap, p->n + 1, sizeof(*rows));
	if (!rows)
		return dv_err_nomem(err);
	p->rows = rows;
	rows += p->n++;
	memset(rows, 0, sizeof(*rows));
	rows->id = rec->id;
	rows->off = p->off;
	rows->raw = rec->raw;
	rows->enc = rec->enc;
	rows->kind = rec->kind;
	rows->transform = rec->transform;
	rows->codec = rec->codec;
	rows->flags = rec->flags;
	*off = p->off;
	*place = (uint64_t)p->number << 32 | (uint32_t)p->n;
	*out = p;
	p->off += len;
	p->writing++;
	return 0;
}

static int write_record(struct dv_out_pack *p, uint64_t off,
			const struct dv_rec *rec, const void *payload)
{
	uint8_t head[DV_REC_HEAD_DELTA];
	size_t h = dv_rec_format(rec, head);
	struct iovec v[2] = { { head, h }, { (void *)payload, rec->enc } };
	ssize_t w;

	do
		w = pwritev(p->fd, v, 2, (off_t)off);
	while (w < 0 && errno == EINTR);
	if (w < 0)
		return -1;
	if ((size_t)w < h) {
		if (dv_pwrite_full(p->fd, head + w, h - (size_t)w,
				   off + (uint64_t)w))
			return -1;
		w = (ssize_t)h;
	}
	return dv_pwrite_full(p->fd, (const uint8_t *)payload + (w - (ssize_t)h),
			      rec->enc - (size_t)(w - (ssize_t)h),
			      off + (uint64_t)w);
}

static int fail(struct dv_txn *t, const struct dv_err *err)
{
	if (!t->failed.status)
		t->failed = *err;
	return err->status;
}

static int check_failed(struct dv_txn *t, struct dv_err *err)
{
	if (t->failed.status && err)
		*err = t->failed;
	return t->failed.status;
}

static int append(struct dv_txn *t, const struct dv_rec *rec,
		  const void *payload, struct dv_err *err)
{
	uint64_t len = dv_rec_head_size(rec->codec) + (uint64_t)rec->enc;
	uint64_t off = 0, place = 0, *mine;
	struct dv_err own = { 0 };
	struct dv_out_pack *p = NULL;
	int rc;

	pthread_mutex_lock(&t->mu);
	rc = check_failed(t, &own);
	if (!rc)
		rc = reserve(t, rec, len, &p, &off, &place, &own);
	if (rc)
		fail(t, &own);
	t->dirty = 1;
	pthread_mutex_unlock(&t->mu);
	if (!rc) {
		if (write_record(p, off, rec, payload))
			rc = dv_err_errno(&own, "cannot write to the store '%s'",
					  t->store->path);
		pthread_mutex_lock(&t->mu);
		if (rc)
			fail(t, &own);
		t->raw += rec->raw;
		t->stored += len;
		mine = dv_idmap_get(&t->mine, rec->kind, &rec->id);
		if (mine && !rc)
			*mine = place;
		if (!--p->writing)
			pthread_cond_signal(&t->idle);
		pthread_mutex_unlock(&t->mu);
	}
	if (rc && err)
		*err = own;
	return rc;
}

int dv_txn_has(struct dv_txn *t, enum dv_kind kind, const struct dv_id *id)
{
	int has = dv_store_has_quick(t->store, kind, id);

	if (has)
		return 1;
	pthread_mutex_lock(&t->mu);
	has = dv_idmap_get(&t->mine, kind, id) != NULL;
	pthread_mutex_unlock(&t->mu);
	return has;
}

/* `whole`: a delta does not count, since others may name it as their base. */
static int find(struct dv_txn *t, enum dv_kind kind, const struct dv_id *id,
		int whole, struct dv_loc *loc)
{
	for (unsigned int skip = 0;
	     dv_packset_find_nth(&t->store->set, kind, id, skip, loc); skip++)
		if (!loc->pack->doomed &&
		    !(whole && loc->row.codec == DV_CODEC_DELTA))
			return 1;
	return 0;
}

/* 1: it is new and now ours to write; 0: it is there; else an error. */
static int claim(struct dv_txn *t, enum dv_kind kind, const struct dv_id *id,
		 int whole, struct dv_err *err)
{
	struct dv_loc loc;
	int rc;

	if (find(t, kind, id, whole, &loc)) {
		dv_packset_touch(&t->store->set, loc.pack);
		return 0;
	}
	pthread_mutex_lock(&t->mu);
	rc = dv_idmap_put(&t->mine, kind, id, 0, err);
	if (rc && rc != DV_EEXIST && err)
		fail(t, err);
	pthread_mutex_unlock(&t->mu);
	return rc == DV_EEXIST ? 0 : rc ? rc : 1;
}

int dv_txn_stands(struct dv_txn *t, struct dv_coder *c, enum dv_kind kind,
		  const struct dv_id *id, int delta, struct dv_err *err)
{
	int whole = kind == DV_KIND_CHUNK && !delta;
	const uint8_t *payload, *content;
	struct dv_loc loc;
	struct dv_rec rec;
	int rc;

	if (!find(t, kind, id, whole, &loc))
		return 0;
	rc = dv_store_read_record(t->store, c, &loc, &rec, &payload, err);
	if (!rc)
		rc = dv_txn_decode(t, c, &rec, payload, &content, err);
	/* Without its base it is as bad as one that does not decode. */
	if (rc == DV_ENOTFOUND)
		rc = dv_err_set(err, DV_ECORRUPT,
				"chunk %s is a delta without its base",
				dv_id_hex(id).s);
	return rc ? rc : 1;
}

int dv_txn_own(struct dv_txn *t, const struct dv_id *id, int *fd,
	       struct dv_row *row)
{
	uint64_t *place;
	int found = 0;

	pthread_mutex_lock(&t->mu);
	place = dv_idmap_get(&t->mine, DV_KIND_CHUNK, id);
	if (place && *place) {
		struct dv_out_pack *p = t->sealed;
		uint32_t i = (uint32_t)*place - 1;

		while (p && p->number != *place >> 32)
			p = p->next;
		if (!p && t->open && t->open->number == *place >> 32)
			p = t->open;
		if (p && i < p->n && p->rows[i].codec != DV_CODEC_DELTA) {
			*row = p->rows[i];
			*fd = p->fd;
			found = 1;
		}
	}
	pthread_mutex_unlock(&t->mu);
	return found;
}

static int put(struct dv_txn *t, struct dv_coder *c, enum dv_kind kind,
	       const struct dv_id *id, const void *p, size_t n,
	       const struct dv_near *near, struct dv_err *err)
{
	struct dv_err own = { 0 };
	struct dv_choice choice;
	int rc;

	if (!err)
		err = &own;
	rc = claim(t, kind, id, 0, err);
	if (rc <= 0)
		return rc;
	rc = dv_delta_choose(t, c, kind, p, n, near, &choice, err);
	if (rc) {
		pthread_mutex_lock(&t->mu);
		fail(t, err);	/* the id is claimed but will not be there */
		pthread_mutex_unlock(&t->mu);
		return rc;
	}
	choice.rec.id = *id;
	rc = append(t, &choice.rec, choice.payload, err);
	if (!rc && choice.sketched)
		dv_similar_add(t->similar, &choice.sketch,
			       choice.rec.codec == DV_CODEC_DELTA ?
				       &choice.rec.base : id);
	return rc;
}

int dv_txn_put(struct dv_txn *t, struct dv_coder *c, enum dv_kind kind,
	       const struct dv_id *id, const void *p, size_t n,
	       struct dv_err *err)
{
	return put(t, c, kind, id, p, n, NULL, err);
}

int dv_txn_put_like(struct dv_txn *t, struct dv_coder *c,
		    const struct dv_id *id, const void *p, size_t n,
		    struct dv_prior *prior, uint64_t off, struct dv_err *err)
{
	struct dv_near near = { prior, off };

	return put(t, c, DV_KIND_CHUNK, id, p, n, prior ? &near : NULL, err);
}

int dv_txn_put_record(struct dv_txn *t, struct dv_coder *c,
		      const struct dv_rec *rec, const void *payload,
		      const void *content, struct dv_err *err)
{
	struct dv_err own = { 0 };
	struct dv_rec whole;
	struct dv_row row;
	int whole_chunk = rec->kind == DV_KIND_CHUNK &&
			  rec->codec != DV_CODEC_DELTA;
	int rc = claim(t, rec->kind, &rec->id, whole_chunk, err), fd;

	if (rc <= 0)
		return rc;
	if (rec->codec != DV_CODEC_DELTA ||
	    dv_txn_own(t, &rec->base, &fd, &row) ||
	    dv_store_has_whole(t->store, &rec->base))
		return append(t, rec, payload, err);
	if (!err)
		err = &own;
	/* `content` may stand in c->out, which encoding overwrites. */
	c = dv_coder_spare(c, err);
	rc = c ? dv_coder_encode(c, rec->kind,
				 t->level ? t->level : DV_ZST_LEVEL_DEFAULT,
				 content, rec->raw, &whole, &payload, err) :
		 DV_ENOMEM;
	if (rc) {
		pthread_mutex_lock(&t->mu);
		fail(t, err);
		pthread_mutex_unlock(&t->mu);
		return rc;
	}
	whole.id = rec->id;
	return append(t, &whole, payload, err);
}

static void wait_idle(struct dv_txn *t, struct dv_out_pack *p)
{
	pthread_mutex_lock(&t->mu);
	while (p->writing)
		pthread_cond_wait(&t->idle, &t->mu);
	pthread_mutex_unlock(&t->mu);
}

/*
 * Publish one sealed pack: table, fdatasync, rename. A crash before the
 * rename leaves an incoming pack that recovery finishes the same way.
 */
static int publish(struct dv_txn *t, struct dv_out_pack *p,
		   struct dv_err *err)
{
	struct dv_buf tail = { 0 };
	char *from = dv_incoming_path(t->store, p->name), *to;
	int rc;

	to = dv_fmt("%s/packs/%s", t->store->path, p->name);
	if (!from || !to) {
		rc = dv_err_nomem(err);
		goto out;
	}
	wait_idle(t, p);
	rc = dv_pack_tail_format(t->coder.sha, p->head, p->rows,
				 (uint32_t)p->n, p->off, &tail, err);
	if (rc)
		goto out;
	if (dv_pwrite_full(p->fd, tail.p, tail.n, p->off) ||
	    fdatasync(p->fd)) {
		rc = dv_err_errno(err, "cannot write '%s'", from);
		goto out;
	}
	p->synced = 1;
	/* Copies are as old as what they were made from: see gc's grace. */
	if (t->mtime) {
		struct timespec when[2] = { { .tv_nsec = UTIME_OMIT },
					    { .tv_sec = t->mtime } };

		if (futimens(p->fd, when))
			dv_log_debug("a pack keeps its date");
	}
	if (rename(from, to))
		rc = dv_err_errno(err, "cannot rename '%s' to '%s'", from, to);
out:
	dv_buf_release(&tail);
	free(from);
	free(to);
	return rc;
}

static int publish_sealed(struct dv_txn *t, struct dv_err *err)
{
	struct dv_strs done = { 0 };
	char *packs = NULL;
	int rc = 0;

	while (!rc && t->sealed) {
		struct dv_out_pack *p = t->sealed;

		rc = publish(t, p, err);
		if (!rc)
			rc = dv_strs_add(&done, p->name, err);
		if (rc)
			break;
		t->sealed = p->next;
		t->nsealed--;
		out_free(p);
	}
	if (!t->sealed)
		t->sealed_end = &t->sealed;
	if (done.n) {
		packs = dv_fmt("%s/packs", t->store->path);
		if (!packs && !rc)
			rc = dv_err_nomem(err);
		if (!rc)
			rc = dv_dir_sync(packs, err);
		free(packs);
	}
	for (size_t i = 0; i < done.n && !rc; i++)
		rc = dv_packset_add(&t->store->set, done.v[i], err);
	dv_strs_release(&done);
	if (rc && err)
		fail(t, err);
	return rc;
}

int dv_txn_sync(struct dv_txn *t, struct dv_err *err)
{
	struct dv_err own = { 0 };
	char *dir;
	int rc = check_failed(t, err);

	if (rc || !t->dirty)
		return rc;
	if (!err)
		err = &own;
	if (t->sealed)
		rc = publish_sealed(t, err);
	if (!rc && t->open) {
		wait_idle(t, t->open);
		if (fdatasync(t->open->fd))
			rc = dv_err_errno(err, "cannot sync the store '%s'",
					  t->store->path);
		if (!rc && !t->open->synced) {
			dir = dv_fmt("%s/incoming", t->store->path);
			rc = dir ? dv_dir_sync(dir, err) : dv_err_nomem(err);
			free(dir);
		}
		if (!rc)
			t->open->synced = 1;
	}
	if (rc)
		return fail(t, err);
	t->dirty = 0;
	return 0;
}

int dv_txn_is_long(struct dv_txn *t)
{
	int is_long;

	pthread_mutex_lock(&t->mu);
	is_long = t->nsealed >= SEALED_MAX;
	pthread_mutex_unlock(&t->mu);
	return is_long;
}

int dv_txn_commit(struct dv_txn *t, struct dv_err *err)
{
	struct dv_err own = { 0 };
	int rc = check_failed(t, err);

	if (rc)
		return rc;
	seal(t);
	rc = publish_sealed(t, err ? err : &own);
	if (rc)
		return rc;
	dv_idmap_release(&t->mine);
	t->dirty = 0;
	return 0;
}

void dv_txn_end(struct dv_txn *t)
{
	struct dv_out_pack *p;

	if (!t->store)
		return;
	if (t->open)
		seal(t);
	while ((p = t->sealed)) {
		wait_idle(t, p);
		if (!p->synced) {
			char *path = dv_incoming_path(t->store, p->name);

			if (path)
				unlink(path);
			free(path);
		}
		t->sealed = p->next;
		out_free(p);
	}
	if (t->locked)
		dv_store_unlock(t->store);
	dv_idmap_release(&t->mine);
	dv_coder_release(&t->coder);
	pthread_mutex_destroy(&t->mu);
	pthread_cond_destroy(&t->idle);
	memset(t, 0, sizeof(*t));
}
