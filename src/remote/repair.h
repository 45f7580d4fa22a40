/*
 * Repair of a store that lost packs, or whose shards are damaged: its shards
 * are made to say what is still there, so that the next push sends the rest
 * again, from any clone that has it.
 *
 * A shard that names a pack which is missing or short is replaced by one
 * without the segments and files that need it, and so is one that names files
 * whose segments nobody describes any more. A shard that cannot be parsed is
 * replaced by an empty one; those that it had replaced itself count again.
 * Nothing is removed.
 */
#ifndef DV_REMOTE_REPAIR_H
#define DV_REMOTE_REPAIR_H

#include "remote/remote.h"

struct dv_repair_result {
	size_t packs;		/* missing, or of another size */
	size_t shards;		/* replaced */
	size_t files;		/* that the store no longer claims to hold */
};

/*
 * `r` was just opened: its shards are read from the store itself, past any
 * cache.
 */
int dv_remote_repair(struct dv_remote *r, struct dv_repair_result *result,
		     struct dv_err *err) DV_MUST_USE;

#endif
