/*
 * Reading a store again: every record of every pack is decoded and compared
 * with its id. What is damaged can be taken out of the way (quarantine), so
 * that a fetch brings a good copy.
 */
#ifndef DV_STORE_VERIFY_H
#define DV_STORE_VERIFY_H

#include "base/idmap.h"
#include "base/log.h"
#include "store/store.h"

struct dv_verify {
	struct dv_idmap bad;	/* (kind, id) of records that have no good copy */
	struct dv_idmap good;
	uint64_t packs, records, bytes;
	uint64_t bad_records, bad_packs;
};

/*
 * `quick`: only the packs' tables and sizes. Damage is counted, no error; a pack
 * of a newer version is DV_EINVAL, and nobody may touch this store.
 */
int dv_store_verify(struct dv_store *s, struct dv_pool *pool, int quick,
		    struct dv_verify *v, struct dv_err *err) DV_MUST_USE;
void dv_verify_release(struct dv_verify *v);
/*
 * Copy the good records of packs that hold bad ones into new packs and move
 * the old packs to quarantine/. DV_EAGAIN while another process writes.
 */
int dv_store_quarantine(struct dv_store *s, const struct dv_verify *v,
			size_t *moved, struct dv_err *err) DV_MUST_USE;
/*
 * Does the file's content cut at the places that its lists say? Other cuts
 * would give another id for the same content. 1 yes, 0 no, negative.
 */
int dv_verify_cuts(struct dv_store *s, struct dv_coder *c,
		   const struct dv_oid *oid, struct dv_err *err);

#endif
