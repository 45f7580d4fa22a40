/*
 * Housekeeping that a writer does at its end, when it is cheap: small packs
 * are merged geometrically, and packs that no index covers get one. Both are
 * skipped, without harm, while another process works on the store.
 *
 * Merging: packs below 32 MiB, smallest first; as many as it takes until each
 * that stays is at least twice the sum of those before it (the rule of git
 * repack --geometric). The merged pack is published before its sources are
 * unlinked, under the store's exclusive lock; a crash in between leaves
 * copies, which do no harm.
 *
 * Indexing: when more than 16 packs have none, one new index file takes them
 * in, together with every older index file that is at most twice as large as
 * what is taken in so far. So the number of index files stays logarithmic,
 * and each row is rewritten a logarithmic number of times.
 */
#ifndef DV_STORE_MAINTAIN_H
#define DV_STORE_MAINTAIN_H

#include "store/store.h"

/* Never fails the caller's work; what goes wrong is logged when verbose. */
void dv_store_maintain(struct dv_store *s);

int dv_store_merge_small(struct dv_store *s, struct dv_err *err) DV_MUST_USE;
/*
 * store/index-check.c: compare every index with the tables of its packs. A
 * wrong one is dropped, and said: it is a cache. Where it cannot be dropped,
 * no index is used by this process any more.
 */
int dv_store_check_index(struct dv_store *s, struct dv_err *err) DV_MUST_USE;
/*
 * Only its holder writes or drops an index. *fd is closed to give it back.
 * DV_EAGAIN where another one has it and `wait` is 0.
 */
int dv_store_lock_index(struct dv_store *s, int wait, int *fd,
			struct dv_err *err) DV_MUST_USE;
/* `all`: one index over everything, whatever is there. */
int dv_store_index(struct dv_store *s, int all, struct dv_err *err)
	DV_MUST_USE;

#endif
