/*
 * Packs on their way to a remote. A place in a pack is given at once; reading
 * the record from the local store, verifying it and writing follow in order,
 * with the reading done ahead by a pool.
 */
#ifndef DV_REMOTE_UPLOAD_H
#define DV_REMOTE_UPLOAD_H

#include "base/idmap.h"
#include "base/log.h"
#include "base/pool.h"
#include "remote/remote.h"
#include "store/store.h"

struct dv_upload_pack;
struct dv_upload_run;

struct dv_upload {
	struct dv_remote *remote;
	struct dv_store *store;
	struct dv_pool *pool;
	struct dv_coder coder;
	struct dv_upload_pack *head, *tail;	/* in order; the head is written */
	struct dv_upload_run *run;		/* being filled */
	struct dv_idmap sizes;			/* finished packs */
	struct dv_progress progress;
	struct dv_err failed;
	int dry_run, open;
};

int dv_upload_open(struct dv_upload *u, struct dv_remote *r,
		   struct dv_store *s, struct dv_pool *pool, int dry_run,
		   struct dv_err *err) DV_MUST_USE;
/*
 * Give a chunk of the local store its place. `loc` is one record of it; a
 * delta is sent as it is, unless `whole`: then the chunk is encoded anew,
 * because the remote does not hold the base.
 */
int dv_upload_chunk(struct dv_upload *u, const struct dv_loc *loc, int whole,
		    struct dv_rec *rec, uint8_t pack[16], uint32_t *off,
		    struct dv_err *err) DV_MUST_USE;
/* All packs are complete and durable on the remote when this returns. */
int dv_upload_finish(struct dv_upload *u, struct dv_err *err) DV_MUST_USE;
/* 1 with the size of a pack that was finished. */
int dv_upload_pack_size(struct dv_upload *u, const uint8_t name[16],
			uint64_t *size);
/* Ends it; what was not finished is dropped. Safe on `{0}`. */
void dv_upload_close(struct dv_upload *u);

#endif
