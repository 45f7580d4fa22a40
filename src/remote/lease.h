/*
 * Leases of pushers: what a garbage collection looks at, so that it leaves
 * alone packs that no shard names yet.
 */
#ifndef DV_REMOTE_LEASE_H
#define DV_REMOTE_LEASE_H

#include "remote/remote.h"

/*
 * Put one that lasts a week from `now`, in seconds since 1970, and give its
 * key, to be removed at the end. Removes those that have run out.
 */
int dv_lease_take(struct dv_remote *r, int64_t now, char key[64],
		  struct dv_err *err) DV_MUST_USE;

#endif
