#include "remote/upload.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"

#define RUN_CHUNKS 16
#define RUN_BYTES (1u << 20)

/* A pack that has places given away; written when its turn comes. */
struct dv_upload_pack {
	struct dv_upload_pack *next;
	uint8_t name[16];
	uint8_t head[DV_PACK_HEAD];
	struct dv_row *rows;
	size_t n, cap;
	uint64_t off;		/* of the next record */
	uint64_t written;	/* bytes that reached the backend */
	int sealed;		/* gets no more records */
	void *handle;		/* of the backend */
};

/* Some records of one pack, read and verified by a worker. */
struct dv_upload_run {
	struct dv_job job;
	struct dv_upload *u;
	struct dv_upload_pack *pack;
	unsigned int n;
	struct dv_loc loc[RUN_CHUNKS];
	size_t bytes;
	struct dv_buf out;	/* records, joined */
	struct dv_err err;
};

int dv_upload_open(struct dv_upload *u, struct dv_remote *r,
		   struct dv_store *s, struct dv_pool *pool, int dry_run,
		   struct dv_err *err)
{
	int rc;

	memset(u, 0, sizeof(*u));
	rc = dv_coder_init(&u->coder, err);
	if (rc)
		return rc;
	u->remote = r;
	u->store = s;
	u->pool = pool;
	u->dry_run = dry_run;
	u->open = 1;
	dv_progress_start(&u->progress, "Pushing content", 0);
	return 0;
}

static void read_run(struct dv_job *job, void *ctx)
{
	struct dv_upload_run *r = (struct dv_upload_run *)job;
	struct dv_coder *c = ctx;

	for (unsigned int i = 0; i < r->n; i++) {
		const uint8_t *payload, *content;
		uint8_t head[DV_REC_HEAD_DELTA];
		struct dv_rec rec;

		if (dv_cancel_check(&r->err) ||
		    dv_store_read_record(r->u->store, c, &r->loc[i], &rec,
					 &payload, &r->err) ||
		    dv_store_decode(r->u->store, c, &rec, payload, &content,
				    &r->err) ||
		    dv_buf_add(&r->out, head, dv_rec_format(&rec, head),
			       &r->err) ||
		    dv_buf_add(&r->out, payload, rec.enc, &r->err))
			return;
	}
}

static int new_pack(struct dv_upload *u, struct dv_err *err)
{
	struct dv_upload_pack *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return dv_err_nomem(err);
	rc = dv_random(p->name, sizeof(p->name), err);
	if (rc) {
		free(p);
		return rc;
	}
	dv_pack_head_format(p->name, p->head);
	p->off = DV_PACK_HEAD;
	if (u->tail)
		u->tail->next = p;
	else
		u->head = p;
	u->tail = p;
	return 0;
}

static int begin_pack(struct dv_upload *u, struct dv_upload_pack *p,
		      struct dv_err *err)
{
	struct dv_backend *b = u->remote->backend;
	char key[48];
	int rc;

	if (p->handle)
		return 0;
	dv_remote_pack_key(p->name, key);
	rc = b->ops->upload_begin(b, key, &p->handle, err);
	if (!rc)
		rc = b->ops->upload_write(b, p->handle, p->head,
					  sizeof(p->head), err);
	if (!rc)
		p->written = DV_PACK_HEAD;
	return rc;
}

/* The head of the list is complete: table, footer, commit. */
static int end_pack(struct dv_upload *u, struct dv_err *err)
{
	struct dv_backend *b = u->remote->backend;
	struct dv_upload_pack *p = u->head;
	struct dv_buf tail = { 0 };
	struct dv_id key = { { 0 } };
	int rc;

	rc = dv_pack_tail_format(u->coder.sha, p->head, p->rows,
				 (uint32_t)p->n, p->off, &tail, err);
	if (!rc)
		rc = b->ops->upload_write(b, p->handle, tail.p, tail.n, err);
	if (!rc) {
		rc = b->ops->upload_commit(b, p->handle, err);
		p->handle = NULL;
	}
	memcpy(key.b, p->name, sizeof(p->name));
	if (!rc)
		rc = dv_idmap_put(&u->sizes, 1, &key, p->off + tail.n, err);
	dv_buf_release(&tail);
	if (rc)
		return rc;
	u->head = p->next;
	if (!u->head)
		u->tail = NULL;
	free(p->rows);
	free(p);
	return 0;
}

static int end_complete(struct dv_upload *u, struct dv_err *err)
{
	int rc = 0;

	while (!rc && u->head && u->head->sealed &&
	       u->head->written == u->head->off)
		rc = end_pack(u, err);
	return rc;
}

/* A run has been read: its bytes are the next ones of its pack. */
static int collect(struct dv_upload *u, struct dv_job *job,
		   struct dv_err *err)
{
	struct dv_upload_run *r = (struct dv_upload_run *)job;
	struct dv_backend *b = u->remote->backend;
	int rc = r->err.status;

	if (rc)
		*err = r->err;
	if (!rc)
		rc = begin_pack(u, r->pack, err);
	if (!rc)
		rc = b->ops->upload_write(b, r->pack->handle, r->out.p,
					  r->out.n, err);
	if (!rc) {
		r->pack->written += r->out.n;
		dv_progress_add(&u->progress, r->out.n);
		dv_progress_draw(&u->progress);
		rc = end_complete(u, err);
	}
	if (rc && !u->failed.status)
		u->failed = *err;
	dv_buf_release(&r->out);
	free(r);
	return rc;
}

static int flush_run(struct dv_upload *u, struct dv_err *err)
{
	struct dv_upload_run *r = u->run;
	int rc = 0;

	u->run = NULL;
	if (!r)
		return 0;
	while (!rc && dv_pool_full(u->pool))
		rc = collect(u, dv_pool_next(u->pool), err);
	if (rc) {
		free(r);
		return rc;
	}
	r->job.run = read_run;
	dv_pool_submit(u->pool, &r->job);
	return 0;
}

static int drain(struct dv_upload *u, struct dv_err *err)
{
	struct dv_job *job;
	int rc = 0;

	while ((job = dv_pool_next(u->pool))) {
		struct dv_err own = { 0 };
		int c = collect(u, job, rc ? &own : err);

		if (!rc)
			rc = c;
	}
	return rc;
}

/* A place for a record with these lengths; its row's offset is set here. */
static int give_place(struct dv_upload *u, const struct dv_row *row,
		      uint8_t pack[16], uint32_t *off, struct dv_err *err)
{
	struct dv_upload_pack *p = u->tail;
	uint64_t len = dv_row_len(row);
	struct dv_row *rows;
	int rc;

	if (!p || p->sealed || p->off + len > DV_PACK_HEAD + DV_PACK_DATA_MAX) {
		if (p && !p->sealed) {
			rc = flush_run(u, err);
			if (rc)
				return rc;
			p->sealed = 1;
			rc = end_complete(u, err);
			if (rc)
				return rc;
		}
		rc = new_pack(u, err);
		if (rc)
			return rc;
		p = u->tail;
	}
	rows = dv_grow(p->rows, &p->cap, p->n + 1, sizeof(*rows));
	if (!rows)
		return dv_err_nomem(err);
	p->rows = rows;
	rows[p->n] = *row;
	rows[p->n++].off = p->off;
	*off = (uint32_t)p->off;
	memcpy(pack, p->name, sizeof(p->name));
	p->off += len;
	return 0;
}

static struct dv_upload_run *new_run(struct dv_upload *u, struct dv_err *err)
{
	u->run = calloc(1, sizeof(*u->run));
	if (!u->run) {
		dv_err_nomem(err);
		return NULL;
	}
	u->run->u = u;
	u->run->pack = u->tail;
	return u->run;
}

/* Encode the chunk of a delta record without its base, here and now. */
static int upload_whole(struct dv_upload *u, struct dv_rec *rec,
			uint8_t pack[16], uint32_t *off, struct dv_err *err)
{
	uint8_t head[DV_REC_HEAD_DELTA];
	struct dv_row row = { .id = rec->id };
	struct dv_id id = rec->id;
	const uint8_t *content;
	const void *payload;
	size_t n;
	int rc;

	rc = dv_store_read(u->store, &u->coder, DV_KIND_CHUNK, &id, &content,
			   &n, err);
	/* The content stands in u->coder: another one encodes. */
	if (!rc && !dv_coder_spare(&u->coder, err))
		rc = DV_ENOMEM;
	if (!rc)
		rc = dv_coder_encode(u->coder.spare, DV_KIND_CHUNK,
				     DV_ZST_LEVEL_DEFAULT, content, n, rec,
				     &payload, err);
	if (rc)
		return rc;
	rec->id = id;
	row.raw = rec->raw;
	row.enc = rec->enc;
	row.kind = rec->kind;
	row.transform = rec->transform;
	row.codec = rec->codec;
	if (u->dry_run)
		return 0;
	rc = flush_run(u, err);
	if (!rc)
		rc = give_place(u, &row, pack, off, err);
	if (!rc && !new_run(u, err))
		rc = DV_ENOMEM;
	if (!rc)
		rc = dv_buf_add(&u->run->out, head, dv_rec_format(rec, head),
				err);
	if (!rc)
		rc = dv_buf_add(&u->run->out, payload, rec->enc, err);
	return rc ? rc : flush_run(u, err);
}

int dv_upload_chunk(struct dv_upload *u, const struct dv_loc *loc, int whole,
		    struct dv_rec *rec, uint8_t pack[16], uint32_t *off,
		    struct dv_err *err)
{
	int rc;

	memset(rec, 0, sizeof(*rec));
	if (u->failed.status) {
		*err = u->failed;
		return u->failed.status;
	}
	rec->id = loc->row.id;
	rec->raw = loc->row.raw;
	rec->enc = loc->row.enc;
	rec->kind = loc->row.kind;
	rec->transform = loc->row.transform;
	rec->codec = loc->row.codec;
	memset(pack, 0, 16);
	*off = DV_PACK_HEAD;
	if (whole && rec->codec == DV_CODEC_DELTA)
		return upload_whole(u, rec, pack, off, err);
	if (u->dry_run)
		return 0;
	rc = give_place(u, &loc->row, pack, off, err);
	if (rc)
		return rc;
	if (!u->run && !new_run(u, err))
		return DV_ENOMEM;
	u->run->loc[u->run->n++] = *loc;
	u->run->bytes += loc->row.enc;
	if (u->run->n == RUN_CHUNKS || u->run->bytes >= RUN_BYTES)
		return flush_run(u, err);
	return 0;
}

int dv_upload_finish(struct dv_upload *u, struct dv_err *err)
{
	int rc = flush_run(u, err);

	if (!rc)
		rc = drain(u, err);
	if (!rc && u->tail) {
		u->tail->sealed = 1;
		rc = end_complete(u, err);
	}
	return rc;
}

int dv_upload_pack_size(struct dv_upload *u, const uint8_t name[16],
			uint64_t *size)
{
	struct dv_id key = { { 0 } };
	uint64_t *at;

	memcpy(key.b, name, 16);
	at = dv_idmap_get(&u->sizes, 1, &key);
	if (at)
		*size = *at;
	return at != NULL;
}

void dv_upload_close(struct dv_upload *u)
{
	struct dv_err own = { 0 };

	if (!u->open)
		return;
	if (u->run)
		dv_buf_release(&u->run->out);
	free(u->run);
	u->run = NULL;
	if (drain(u, &own))
		dv_log_debug("an upload was not finished: %s", own.msg);
	while (u->head) {
		struct dv_upload_pack *p = u->head;

		if (p->handle)
			u->remote->backend->ops->upload_abort(
				u->remote->backend, p->handle);
		u->head = p->next;
		free(p->rows);
		free(p);
	}
	dv_progress_stop(&u->progress);
	dv_idmap_release(&u->sizes);
	dv_coder_release(&u->coder);
	memset(u, 0, sizeof(*u));
}
