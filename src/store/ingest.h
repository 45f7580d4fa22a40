/*
 * Bytes into chunks, ids and records: the way of a file into the store.
 *
 *	dv_ingest_begin(in, previous)
 *	loop: dv_ingest_space(in, &p, &cap); read up to cap bytes to p;
 *	      dv_ingest_got(in, n)
 *	dv_ingest_finish(in, &oid)
 *
 * The owning thread finds the cuts; a pool hashes, compresses and writes.
 * Memory is a fixed number of regions. Where the previous version of the file
 * is known and stands raw in the store, bytes are compared with the chunks
 * expected next instead of being cut and hashed (store/predict.h).
 */
#ifndef DV_STORE_INGEST_H
#define DV_STORE_INGEST_H

#include "store/content.h"
#include "store/txn.h"

struct dv_ingest;

/*
 * With txn NULL only the id is computed. `pool` has coders as contexts; the
 * ingest is its only user while a file is open. Both are borrowed.
 */
int dv_ingest_open(struct dv_ingest **in, struct dv_txn *txn,
		   struct dv_pool *pool, struct dv_err *err) DV_MUST_USE;
void dv_ingest_close(struct dv_ingest *in);

/*
 * previous: what this file probably resembles, or NULL. cut_when: its list was
 * made by an ingest, from its content, at this time in seconds; 0: it was not.
 */
int dv_ingest_begin(struct dv_ingest *in, const struct dv_oid *previous,
		    int64_t cut_when, struct dv_err *err) DV_MUST_USE;
/* Where to put the next bytes: at least 64 KiB of room. */
int dv_ingest_space(struct dv_ingest *in, uint8_t **p, size_t *cap,
		    struct dv_err *err) DV_MUST_USE;
int dv_ingest_got(struct dv_ingest *in, size_t n, struct dv_err *err)
	DV_MUST_USE;
/* Both, for all that `fd` gives; `name` is for the error. */
int dv_ingest_fd(struct dv_ingest *in, int fd, const char *name,
		 struct dv_err *err) DV_MUST_USE;
/* Bytes so far. */
uint64_t dv_ingest_size(const struct dv_ingest *in);
/* All bytes so far if they are at hand (up to 2 MiB), else NULL. */
const uint8_t *dv_ingest_whole(const struct dv_ingest *in);
/* Their seeded XXH3-128, for the stat cache; only where _whole is not NULL. */
void dv_ingest_digest(const struct dv_ingest *in, uint64_t seed,
		      uint8_t out[16]);
/* The end. An empty file gives scheme 0, size 0. */
int dv_ingest_finish(struct dv_ingest *in, struct dv_oid *oid,
		     struct dv_err *err) DV_MUST_USE;
/*
 * From now on small files of one chunk are only hashed by _finish; workers
 * store them while the caller goes on. An error then shows in the
 * transaction's commit. Call _flush before every sync or commit.
 */
void dv_ingest_defer(struct dv_ingest *in);
/* All content of files that ended is put. With no file open. */
int dv_ingest_flush(struct dv_ingest *in, struct dv_err *err) DV_MUST_USE;
/*
 * Only the id of all that `fd` gives; an empty file gives scheme 0. Nothing is
 * stored.
 */
int dv_ingest_oid(struct dv_pool *pool, int fd, const char *name,
		  struct dv_oid *oid, struct dv_err *err) DV_MUST_USE;
/* Forget the bytes; finish and this end a file. Waits for jobs. */
void dv_ingest_abort(struct dv_ingest *in);

#endif
