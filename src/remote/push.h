/*
 * Content from the local store to a remote.
 *
 * 1. lease: writers/<name>, so that a garbage collection sees the push;
 * 2. packs of the chunks that are not there yet;
 * 3. the shard, which names every file of the push: the commit point;
 * 4. the lease is removed. Only then may a Git ref move.
 *
 * A crash before 3 leaves packs that nothing names; a later push uploads
 * again. Several pushers do not disturb each other: names are random.
 *
 * What is there already is found without reading the remote's chunk index:
 * the file in a shard; its segments; the chunks of the previous version's
 * segments; hooks, which bring in the segment that holds a hooked chunk and
 * its neighbours.
 */
#ifndef DV_REMOTE_PUSH_H
#define DV_REMOTE_PUSH_H

#include "base/log.h"
#include "remote/remote.h"
#include "store/content.h"

struct dv_push_file {
	struct dv_oid oid;
	struct dv_oid previous;		/* what the path held before; or {0} */
	const char *path;		/* for messages; borrowed; may be NULL */
};

struct dv_push_result {
	size_t files;		/* named by the new shard */
	size_t there;		/* were on the remote before */
	size_t missing;		/* neither here nor there */
	uint64_t chunks, bytes;	/* uploaded: records, their bytes in packs */
	uint64_t raw;		/* their content */
	char shard[33];		/* the last one that was put, or "" */
};

/*
 * DV_ENOTFOUND where content is neither here nor there (each is named in a
 * warning): then nothing is put. With `dry_run` nothing is written.
 */
int dv_push(struct dv_remote *r, struct dv_store *s, struct dv_pool *pool,
	    const struct dv_push_file *files, size_t n, int dry_run,
	    struct dv_push_result *result, struct dv_err *err) DV_MUST_USE;

#endif
