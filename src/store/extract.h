/*
 * Content out of the store, verified: many files at once, each a run of
 * chunks that a pool reads, checks and writes to its place.
 *
 *	dv_extract_open(&ex, store, pool, done, arg)
 *	dv_extract_add(ex, oid, fd, cookie) ...	 takes the descriptor
 *	dv_extract_finish(ex)
 *
 * `done` is called on the calling thread once per file, in no promised order,
 * with the descriptor (still open; the callee's to close) and the result.
 */
#ifndef DV_STORE_EXTRACT_H
#define DV_STORE_EXTRACT_H

#include "base/log.h"
#include "store/content.h"

struct dv_extract;

typedef void dv_extract_done(void *arg, void *cookie, int fd,
			     const struct dv_err *err);

int dv_extract_open(struct dv_extract **ex, struct dv_store *s,
		    struct dv_pool *pool, dv_extract_done *done, void *arg,
		    struct dv_progress *progress, struct dv_err *err)
	DV_MUST_USE;
/* Errors of one file go to `done`; this fails only when nothing can go on. */
int dv_extract_add(struct dv_extract *ex, const struct dv_oid *oid, int fd,
		   void *cookie, struct dv_err *err) DV_MUST_USE;
/* Waits for all. */
void dv_extract_finish(struct dv_extract *ex);
void dv_extract_close(struct dv_extract *ex);

/* One file's content to a function, in order, on this thread. */
int dv_content_each(struct dv_store *s, struct dv_coder *c,
		    const struct dv_oid *oid,
		    int (*sink)(void *arg, const void *p, size_t n,
				struct dv_err *err),
		    void *arg, struct dv_err *err) DV_MUST_USE;

#endif
