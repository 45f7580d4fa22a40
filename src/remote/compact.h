/*
 * Compaction of shards: once a level has 16, one of the next level takes them
 * in, so that a client reads a logarithmic number of them. The new shard names
 * those it replaces; they stay until a garbage collection removes them, and
 * readers that know the new one pass them over. Two clients that compact at
 * once leave two such shards, which does no harm.
 */
#ifndef DV_REMOTE_COMPACT_H
#define DV_REMOTE_COMPACT_H

#include "remote/remote.h"

#define DV_COMPACT_MIN 16

/* Compact what is due. Reads the list of shards again first. */
int dv_remote_compact(struct dv_remote *r, struct dv_err *err) DV_MUST_USE;

#endif
