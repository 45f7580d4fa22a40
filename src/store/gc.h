/*
 * Garbage collection of a store: mark, plan, sweep. No Git in here: what is
 * needed comes as file ids.
 *
 *	dv_gc_begin(&g, store, pool, DV_GC_LOCK)  the lock, from here on
 *	dv_gc_keep(&g, oid) ...			  what must stay
 *	dv_gc_drop(&g, oid) ...			  or, for a prune, what may go
 *	dv_gc_plan(&g)				  what would go: g.result
 *	dv_gc_sweep(&g)				  store/sweep.c
 *	dv_gc_end(&g)
 *
 * Everything goes that dv_gc_keep does not lead to and that does not stand in
 * a young pack. With DV_GC_DROPPED, young or not, only what a dropped file
 * leads to goes, and of that nothing that any other file of the store needs,
 * whether anybody knows that file or not.
 *
 * Invariants, also after a crash at any point:
 * - No record that is needed is ever without a published copy that was read
 *   and verified.
 * - The base of a delta record that stays stays too, as a whole record.
 * - No list is left behind by a sweep that ends without what it names. (One
 *   that is killed while it unlinks may leave such lists of content that was
 *   to go; dv_content_complete tells.)
 *
 * A store with damage is not collected: `git dv verify` comes first.
 */
#ifndef DV_STORE_GC_H
#define DV_STORE_GC_H

#include "base/log.h"
#include "store/txn.h"

struct dv_gc_pack {
	struct dv_pack *pack;
	uint64_t live, dead;		/* bytes of records */
	uint32_t nlive, ndead;
	uint32_t dead_lists;
	enum { DV_GC_LEAVE, DV_GC_REMOVE, DV_GC_REWRITE } action;
};

/* Bytes are bytes on disk. */
struct dv_gc_result {
	uint64_t files;			/* contents that go */
	uint64_t records, bytes;	/* that go */
	uint64_t kept_records, kept_bytes;
	uint64_t waiting;		/* bytes of garbage in packs left alone */
	uint64_t packs, packs_removed, packs_rewritten;
	uint64_t size_before, size_after;	/* all packs; a plan estimates */
	uint64_t absent, torn;		/* files to keep: not here, in part */
};

struct dv_gc {
	struct dv_store *store;		/* borrowed */
	struct dv_pool *pool;		/* of coders; borrowed; for the sweep */
	/* Set before dv_gc_plan. */
	int64_t young;		/* packs modified at this time or later stay;
				 * from the start that is all of them */
	int level;		/* encode again at this zstd level; 0: no */
	/* Results. */
	struct dv_gc_result result;
	/* Called by the plan for each file list that goes; may be NULL. */
	int (*lost)(void *arg, const struct dv_oid *oid);
	void *lost_arg;

	struct dv_coder coder;
	struct dv_idmap marks;		/* (kind, id) -> flags of gc.c */
	struct dv_gc_pack *packs;
	size_t npacks;
	int subtract, locked, have_coder, suspicious;
};

enum dv_gc_flags {
	DV_GC_LOCK = 1,		/* take the store's exclusive lock */
	DV_GC_DROPPED = 2,	/* only dropped files go */
};

/*
 * DV_EAGAIN while anybody writes. Without the lock only a plan can be made.
 * DV_EINVAL where a newer git-dv must do this.
 */
int dv_gc_begin(struct dv_gc *g, struct dv_store *s, struct dv_pool *pool,
		unsigned int flags, struct dv_err *err) DV_MUST_USE;
/* Content that is not here is no error. DV_ECORRUPT: a list is damaged. */
int dv_gc_keep(struct dv_gc *g, const struct dv_oid *oid, struct dv_err *err)
	DV_MUST_USE;
int dv_gc_drop(struct dv_gc *g, const struct dv_oid *oid, struct dv_err *err)
	DV_MUST_USE;
int dv_gc_plan(struct dv_gc *g, struct dv_err *err) DV_MUST_USE;
/* DV_ECORRUPT where a needed record is damaged: then its pack stays. */
int dv_gc_sweep(struct dv_gc *g, struct dv_err *err) DV_MUST_USE;
void dv_gc_end(struct dv_gc *g);

/* For store/sweep.c: does this record go? */
int dv_gc_is_dead(const struct dv_gc *g, enum dv_kind kind,
		  const struct dv_id *id);

#endif
