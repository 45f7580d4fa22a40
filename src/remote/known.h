/*
 * What a push knows to be on the remote: the chunks of segments that it had a
 * reason to read. Not thread-safe. `{ .remote = r }` knows nothing.
 */
#ifndef DV_REMOTE_KNOWN_H
#define DV_REMOTE_KNOWN_H

#include "remote/remote.h"

/* A row of a shard that is on the remote. */
struct dv_known_row {
	struct dv_shard_chunk c;
	uint8_t pack[16];
	uint64_t pack_size;
};

struct dv_known_chunk {
	struct dv_known_row at, base;	/* base: of a delta */
};

struct dv_known {
	struct dv_remote *remote;
	struct dv_idmap chunks;		/* chunk -> place in v */
	struct dv_idmap loaded;		/* segment -> flags of known.c */
	struct dv_known_chunk *v;
	size_t n, cap;
};

void dv_known_release(struct dv_known *k);
/* NULL, or where it is; valid until more is read. */
const struct dv_known_chunk *dv_known_find(const struct dv_known *k,
					   const struct dv_id *id);
/* Read the segment that a hooked chunk leads to, and those beside it. */
int dv_known_hooked(struct dv_known *k, const struct dv_id *chunk,
		    struct dv_err *err) DV_MUST_USE;
/*
 * Read the segments of what a path held before: those that are not among
 * `described`, which are the changed ones, or with NULL all.
 */
int dv_known_previous(struct dv_known *k, const struct dv_oid *previous,
		      const struct dv_idmap *described, struct dv_err *err)
	DV_MUST_USE;

#endif
