/*
 * Is content really on a remote? More than a look into a cache or a shard:
 * what would be needed to read it back is looked for on the store itself.
 */
#ifndef DV_REMOTE_PROVE_H
#define DV_REMOTE_PROVE_H

#include "base/log.h"
#include "remote/remote.h"
#include "store/base.h"

/*
 * `r` was just opened: its shards are read from the store itself, past any
 * cache. Sets proven[i] for each file that a shard names
 * whose segments are all described, and where every pack that these shards
 * refer to is there in its full size. With `read_back`, each chunk is also
 * read, decoded and compared with its id. proven[i] stays 0 for everything
 * else, damage included; an error means that the remote could not be asked.
 */
int dv_remote_prove(struct dv_remote *r, const struct dv_oid *oids, size_t n,
		    int read_back, uint8_t *proven, struct dv_err *err)
	DV_MUST_USE;

#endif
