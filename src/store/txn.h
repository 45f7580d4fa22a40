/*
 * A transaction: records on their way into the local store.
 *
 * Records are appended to packs in incoming/. dv_txn_sync makes all that was
 * put so far durable (a crash would salvage it); dv_txn_commit also publishes
 * it. Packs are published in the order they were begun, and a record is put
 * after those it names, so a published list never names an absent chunk.
 *
 * With a table of sketches (t->similar) a chunk that resembles a stored one is
 * put as a delta against it, where that saves at least a third. A base is a
 * whole record that was put before: it is published before its deltas, or with
 * them. A delta record from elsewhere is kept as such only on that condition,
 * else its chunk is encoded anew.
 *
 * dv_txn_put may run on any thread; the others on one, with no put running.
 * After an error the transaction stays failed: what was not synced before is
 * not promised.
 */
#ifndef DV_STORE_TXN_H
#define DV_STORE_TXN_H

#include "store/prior.h"
#include "store/store.h"

struct dv_out_pack;

struct dv_txn {
	struct dv_store *store;
	int level;		/* zstd level; 0 stores raw */
	struct dv_similar *similar;	/* the caller's; NULL: no new deltas */
	int locked;
	pthread_mutex_t mu;
	pthread_cond_t idle;
	struct dv_idmap mine;	/* put here, not yet found by the store */
	struct dv_out_pack *open, *sealed, **sealed_end;
	size_t nsealed;
	struct dv_err failed;	/* sticky */
	uint32_t packs;		/* begun so far */
	uint64_t raw, stored;	/* bytes of new records: content, in packs */
	int dirty;		/* puts since the last sync */
	int64_t mtime;		/* of the packs to publish; 0: now */
	struct dv_coder coder;	/* of the owning thread */
};

/* Takes the store's lock, shared. */
int dv_txn_begin(struct dv_txn *t, struct dv_store *s, int level,
		 struct dv_err *err) DV_MUST_USE;
/*
 * Store these bytes under their id unless they are there. DV_EEXIST is not
 * returned: being there is success.
 */
int dv_txn_put(struct dv_txn *t, struct dv_coder *c, enum dv_kind kind,
	       const struct dv_id *id, const void *p, size_t n,
	       struct dv_err *err) DV_MUST_USE;
/*
 * The same for a chunk that stands at `off` in a file whose previous version
 * is `prior` (NULL: there is none, or the table has its chunks).
 */
int dv_txn_put_like(struct dv_txn *t, struct dv_coder *c,
		    const struct dv_id *id, const void *p, size_t n,
		    struct dv_prior *prior, uint64_t off, struct dv_err *err)
	DV_MUST_USE;
/*
 * The same for a record encoded elsewhere; `content` is what it decodes to. A
 * whole record is stored also where the chunk is there as a delta.
 */
int dv_txn_put_record(struct dv_txn *t, struct dv_coder *c,
		      const struct dv_rec *rec, const void *payload,
		      const void *content, struct dv_err *err) DV_MUST_USE;
/*
 * dv_store_decode for a record that is not in the store yet: its base may have
 * been put here, or stand in the store as a delta itself. DV_ENOTFOUND where
 * there is no base.
 */
int dv_txn_decode(struct dv_txn *t, struct dv_coder *c,
		  const struct dv_rec *rec, const void *payload,
		  const uint8_t **p, struct dv_err *err) DV_MUST_USE;
/*
 * Where a whole record of this chunk stands in a pack that is being written,
 * for reading while a put runs: 1 or 0.
 */
int dv_txn_own(struct dv_txn *t, const struct dv_id *id, int *fd,
	       struct dv_row *row);
/*
 * Before a copy of a record is given up: 1 where dv_txn_put_record would find
 * the record in the store, and it was read there and is good; 0 where it would
 * write it. A bad copy that would hide the good one is an error.
 */
int dv_txn_stands(struct dv_txn *t, struct dv_coder *c, enum dv_kind kind,
		  const struct dv_id *id, int delta, struct dv_err *err)
	DV_MUST_USE;
/* In the store, or put here. */
int dv_txn_has(struct dv_txn *t, enum dv_kind kind, const struct dv_id *id);
int dv_txn_sync(struct dv_txn *t, struct dv_err *err) DV_MUST_USE;
int dv_txn_commit(struct dv_txn *t, struct dv_err *err) DV_MUST_USE;
/*
 * So much waits to be published (1 GiB) that the owner should commit now, to
 * keep memory flat and a crash cheap.
 */
int dv_txn_is_long(struct dv_txn *t);
/*
 * Ends it. What was put since the last commit is dropped if nothing of it was
 * synced, else left for recovery. Safe on `{0}` and after a failed begin.
 */
void dv_txn_end(struct dv_txn *t);

#endif
