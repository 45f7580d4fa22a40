#include "store/extract.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define RUN_CHUNKS 16

struct file {
	int fd;
	void *cookie;
	unsigned int jobs;	/* in flight */
	int all_queued;
	struct dv_err err;
};

struct run {
	struct dv_job job;
	struct dv_extract *ex;
	struct file *file;
	struct run *next_free;
	uint64_t off;
	unsigned int n;
	struct dv_id id[RUN_CHUNKS];
	uint32_t len[RUN_CHUNKS];
	struct dv_err err;
};

struct dv_extract {
	struct dv_store *store;
	struct dv_pool *pool;
	dv_extract_done *done;
	void *arg;
	struct dv_progress *progress;
	struct dv_coder coder;
	struct run *free;
};

int dv_extract_open(struct dv_extract **out, struct dv_store *s,
		    struct dv_pool *pool, dv_extract_done *done, void *arg,
		    struct dv_progress *progress, struct dv_err *err)
{
	struct dv_extract *ex = calloc(1, sizeof(*ex));
	int rc;

	*out = NULL;
	if (!ex)
		return dv_err_nomem(err);
	rc = dv_coder_init(&ex->coder, err);
	if (rc) {
		free(ex);
		return rc;
	}
	ex->store = s;
	ex->pool = pool;
	ex->done = done;
	ex->arg = arg;
	ex->progress = progress;
	*out = ex;
	return 0;
}

static void file_done(struct dv_extract *ex, struct file *f)
{
	if (!f->all_queued || f->jobs)
		return;
	ex->done(ex->arg, f->cookie, f->fd, &f->err);
	free(f);
}

static void write_run(struct dv_job *job, void *ctx)
{
	struct run *r = (struct run *)job;
	uint64_t off = r->off;

	for (unsigned int i = 0; i < r->n; i++) {
		const uint8_t *p;
		size_t n;

		if (dv_cancel_check(&r->err) ||
		    dv_store_read(r->ex->store, ctx, DV_KIND_CHUNK, &r->id[i],
				  &p, &n, &r->err))
			return;
		if (n != r->len[i]) {
			dv_err_set(&r->err, DV_ECORRUPT,
				   "a chunk has not the length in its list");
			return;
		}
		if (dv_pwrite_full(r->file->fd, p, n, off)) {
			dv_err_errno(&r->err, "cannot write");
			return;
		}
		off += n;
		if (r->ex->progress)
			dv_progress_add(r->ex->progress, n);
	}
}

static void collect(struct dv_extract *ex, struct dv_job *job)
{
	struct run *r = (struct run *)job;
	struct file *f = r->file;

	if (r->err.status && !f->err.status)
		f->err = r->err;
	f->jobs--;
	r->next_free = ex->free;
	ex->free = r;
	if (ex->progress)
		dv_progress_draw(ex->progress);
	file_done(ex, f);
}

static struct run *new_run(struct dv_extract *ex, struct file *f, uint64_t off)
{
	struct run *r;

	while (dv_pool_full(ex->pool))
		collect(ex, dv_pool_next(ex->pool));
	r = ex->free;
	if (r)
		ex->free = r->next_free;
	else
		r = malloc(sizeof(*r));
	if (!r)
		return NULL;
	r->job.run = write_run;
	r->ex = ex;
	r->file = f;
	r->off = off;
	r->n = 0;
	dv_err_clear(&r->err);
	return r;
}

static void submit(struct dv_extract *ex, struct run *r)
{
	r->file->jobs++;
	dv_pool_submit(ex->pool, &r->job);
}

static int queue_file(struct dv_extract *ex, const struct dv_oid *oid,
		      struct file *f, struct dv_err *err)
{
	struct dv_content c;
	struct run *r = NULL;
	int rc = dv_content_open(&c, ex->store, &ex->coder, oid, err);

	if (rc)
		return rc;
	for (;;) {
		uint64_t off = c.off;
		struct dv_id id;
		uint32_t len;

		rc = dv_content_next(&c, &id, &len, err);
		if (rc != 1 || f->err.status)
			break;
		if (!r) {
			r = new_run(ex, f, off);
			if (!r) {
				rc = dv_err_nomem(err);
				break;
			}
		}
		r->id[r->n] = id;
		r->len[r->n++] = len;
		if (r->n == RUN_CHUNKS) {
			submit(ex, r);
			r = NULL;
		}
	}
	if (r)
		submit(ex, r);
	dv_content_close(&c);
	return rc < 0 ? rc : 0;
}

int dv_extract_add(struct dv_extract *ex, const struct dv_oid *oid, int fd,
		   void *cookie, struct dv_err *err)
{
	struct file *f = calloc(1, sizeof(*f));
	struct dv_err own = { 0 };

	if (!f) {
		close(fd);
		return dv_err_nomem(err);
	}
	f->fd = fd;
	f->cookie = cookie;
	if (queue_file(ex, oid, f, &own) && !f->err.status)
		f->err = own;
	f->all_queued = 1;
	file_done(ex, f);
	return 0;
}

void dv_extract_finish(struct dv_extract *ex)
{
	struct dv_job *job;

	while ((job = dv_pool_next(ex->pool)))
		collect(ex, job);
}

void dv_extract_close(struct dv_extract *ex)
{
	if (!ex)
		return;
	dv_extract_finish(ex);
	while (ex->free) {
		struct run *r = ex->free;

		ex->free = r->next_free;
		free(r);
	}
	dv_coder_release(&ex->coder);
	free(ex);
}

int dv_content_each(struct dv_store *s, struct dv_coder *c,
		    const struct dv_oid *oid,
		    int (*sink)(void *arg, const void *p, size_t n,
				struct dv_err *err),
		    void *arg, struct dv_err *err)
{
	struct dv_content content;
	struct dv_id id;
	uint32_t len;
	int rc = dv_content_open(&content, s, c, oid, err);

	if (rc)
		return rc;
	while ((rc = dv_content_next(&content, &id, &len, err)) == 1) {
		const uint8_t *p;
		size_t n;

		rc = dv_store_read(s, c, DV_KIND_CHUNK, &id, &p, &n, err);
		if (!rc && n != len)
			rc = dv_err_set(err, DV_ECORRUPT,
					"a chunk has not the length in its list");
		if (!rc)
			rc = sink(arg, p, n, err);
		if (!rc)
			rc = dv_cancel_check(err);
		if (rc)
			break;
	}
	dv_content_close(&content);
	return rc;
}
