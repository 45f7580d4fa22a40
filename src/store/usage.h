/*
 * What files take in a store, step by step: their bytes, what is left after
 * equal chunks are counted once, after deltas, and in the packs.
 */
#ifndef DV_STORE_USAGE_H
#define DV_STORE_USAGE_H

#include "store/content.h"

struct dv_usage {
	uint64_t raw;		/* bytes of content */
	uint64_t dedup;		/* of chunks that no file before had */
	uint64_t delta;		/* the same, deltas by their own length */
	uint64_t stored;	/* in packs; headers, lists, bases included */
	uint64_t absent;	/* bytes of content that is not here */
};

/*
 * Files are told in an order: the first with a chunk pays for it, and the first
 * with a delta for its base.
 */
struct dv_usage_walk {
	struct dv_store *store;
	struct dv_coder *coder;
	struct dv_idmap seen;
};

/* *out gets what this file adds. Damage counts as absent. */
int dv_usage_add(struct dv_usage_walk *w, const struct dv_oid *oid,
		 struct dv_usage *out, struct dv_err *err) DV_MUST_USE;
void dv_usage_sum(struct dv_usage *total, const struct dv_usage *u);
/* Bytes of all packs of the store. */
uint64_t dv_usage_packs(struct dv_store *s);

#endif
