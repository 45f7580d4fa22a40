/*
 * A file's content as its chunks in order, from the lists in a store. Lists
 * are verified by their ids; sizes are checked against each other and the oid.
 */
#ifndef DV_STORE_CONTENT_H
#define DV_STORE_CONTENT_H

#include "store/store.h"

struct dv_content {
	struct dv_store *store;
	struct dv_coder *coder;		/* borrowed */
	struct dv_oid oid;
	struct dv_buf list, segbuf;
	struct dv_flist flist;
	struct dv_seg seg;
	uint32_t seg_i, chunk_i;
	uint64_t off;			/* of the next chunk */
};

/* DV_ENOTFOUND where the file's list (or one chunk) is not in the store. */
int dv_content_open(struct dv_content *c, struct dv_store *s,
		    struct dv_coder *coder, const struct dv_oid *oid,
		    struct dv_err *err) DV_MUST_USE;
void dv_content_close(struct dv_content *c);
/* 1: one more chunk; 0: the end; negative: an error. */
int dv_content_next(struct dv_content *c, struct dv_id *id, uint32_t *len,
		    struct dv_err *err) DV_MUST_USE;
/*
 * Which records of the file are not here? Calls `miss` for each chunk or list
 * (kind) that is not, and for each chunk that stands only as a delta whose base
 * is not; lists that are not here hide what they name. Stops when
 * it returns not 0, and returns that.
 */
int dv_content_missing(struct dv_store *s, struct dv_coder *coder,
		       const struct dv_oid *oid,
		       int (*miss)(enum dv_kind kind, const struct dv_id *id,
				   void *arg),
		       void *arg, struct dv_err *err);
/* 1 where every list and chunk of the file is here; 0; or negative. */
int dv_content_complete(struct dv_store *s, struct dv_coder *coder,
			const struct dv_oid *oid, struct dv_err *err);

#endif
