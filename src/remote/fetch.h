/*
 * Content from a remote into the local store. The shard that names a file
 * leads to its segments and these to places in packs; what the local store
 * lacks is read in ranges, coalesced across gaps of up to 512 KiB, several at
 * once; every record is verified before it is kept, and the lists are made
 * anew and verified by their ids.
 */
#ifndef DV_REMOTE_FETCH_H
#define DV_REMOTE_FETCH_H

#include "base/log.h"
#include "remote/remote.h"
#include "store/txn.h"

struct dv_fetch_result {
	size_t files;		/* now complete here */
	size_t absent;		/* this remote does not have them */
	uint64_t bytes;		/* read from packs */
	uint64_t requests;
};

/*
 * have[i] is set to 1 for each file that is complete in the local store
 * afterwards. A file that the remote does not know is no error; damaged
 * content is, after all others were fetched.
 */
int dv_fetch(struct dv_remote *r, struct dv_store *s, struct dv_pool *pool,
	     const struct dv_oid *oids, size_t n, uint8_t *have,
	     struct dv_fetch_result *result, struct dv_err *err) DV_MUST_USE;
/* The same from another local store (a Git remote on a local path). */
int dv_fetch_store(struct dv_store *from, struct dv_store *s,
		   const struct dv_oid *oids, size_t n, uint8_t *have,
		   struct dv_fetch_result *result, struct dv_err *err)
	DV_MUST_USE;

#endif
