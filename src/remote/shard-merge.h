/*
 * A shard made of others: what compaction and repair put in their place. The
 * new one names those it was made of, and all that they had replaced, so that
 * a reader that knows it passes them over.
 */
#ifndef DV_REMOTE_SHARD_MERGE_H
#define DV_REMOTE_SHARD_MERGE_H

#include "remote/remote.h"

/* `{0}` but for `remote` is a valid start. */
struct dv_shard_merge {
	struct dv_remote *remote;	/* borrowed */
	/* 1 to take over this row of SEGS, FILES; NULL: all of them. */
	int (*keep_seg)(void *arg, struct dv_remote_shard *s, uint32_t row);
	int (*keep_file)(void *arg, struct dv_remote_shard *s, uint32_t row);
	void *arg;

	struct dv_shard_builder b;
	struct dv_idmap files, segs, packs, old;
	uint64_t first_push;
	size_t taken;
};

/* Take over what it describes, and its name as a replaced one. */
int dv_shard_merge_take(struct dv_shard_merge *m, struct dv_remote_shard *s,
			struct dv_err *err) DV_MUST_USE;
/* The name of one that is replaced without being read. */
int dv_shard_merge_old(struct dv_shard_merge *m, const uint8_t name[16],
		       struct dv_err *err) DV_MUST_USE;
/* Put it: from then on the others are replaced. */
int dv_shard_merge_put(struct dv_shard_merge *m, char level,
		       struct dv_err *err) DV_MUST_USE;
void dv_shard_merge_release(struct dv_shard_merge *m);

#endif
