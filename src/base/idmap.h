/*
 * A hash map from (kind, id) to a 64-bit value. Ids are SHA-256 values, so
 * their first bytes serve as the hash; `seed` keeps a stranger who can choose
 * content from choosing the slots too. Not thread-safe. `{0}` is empty.
 */
#ifndef DV_BASE_IDMAP_H
#define DV_BASE_IDMAP_H

#include "base/bytes.h"
#include "base/err.h"

struct dv_idmap_slot {
	struct dv_id id;
	uint64_t value;
	uint8_t kind;	/* 0: free */
};

struct dv_idmap {
	struct dv_idmap_slot *slots;
	size_t cap, n;
	uint64_t seed;
};

void dv_idmap_release(struct dv_idmap *m);
/* The value's place, or NULL. Valid until the next put. `kind` is 1..255. */
uint64_t *dv_idmap_get(const struct dv_idmap *m, unsigned int kind,
		       const struct dv_id *id);
/* Insert; DV_EEXIST (value kept) when it is there already. */
int dv_idmap_put(struct dv_idmap *m, unsigned int kind, const struct dv_id *id,
		 uint64_t value, struct dv_err *err);

#endif
