/*
 * Which record to write for a chunk: whole, or a delta against a stored chunk
 * that it resembles. Part of a transaction; the resemblance is found as in
 * Shilane et al. (see codec/sketch.h), the delta is zstd with a prefix.
 */
#ifndef DV_STORE_DELTA_H
#define DV_STORE_DELTA_H

#include "store/txn.h"

/* Where to look when the table suggests nothing. */
struct dv_near {
	struct dv_prior *prior;
	uint64_t off;
};

struct dv_choice {
	struct dv_rec rec;
	const void *payload;
	struct dv_sketch sketch;
	int sketched;
};

/*
 * The shortest record for these bytes, but for its id; the payload is p, or
 * stands in c until its next use.
 */
int dv_delta_choose(struct dv_txn *t, struct dv_coder *c, enum dv_kind kind,
		    const void *p, size_t n, const struct dv_near *near,
		    struct dv_choice *out, struct dv_err *err) DV_MUST_USE;

#endif
