/*
 * Bases: the chunks that delta records refer to. A base is always a whole
 * record, so reading any chunk needs at most one other. Decoded bases are kept
 * for a while, since many deltas of a file may share one.
 *
 * Any thread may call these.
 */
#ifndef DV_STORE_BASE_H
#define DV_STORE_BASE_H

#include <pthread.h>

#include "store/coder.h"

#define DV_BASES 32u		/* kept at most: 8 MiB */

struct dv_store;

/* Bytes of one chunk, shared; never changed. */
struct dv_base {
	struct dv_id id;
	uint32_t n;
	unsigned int refs;
	uint64_t used;
	uint8_t p[];
};

struct dv_bases {
	pthread_mutex_t mu;
	struct dv_base *v[DV_BASES];
	uint64_t clock;
};

void dv_bases_init(struct dv_bases *b);
void dv_bases_release(struct dv_bases *b);
/* What is kept, or NULL. Give it back with _put. */
struct dv_base *dv_bases_get(struct dv_bases *b, const struct dv_id *id);
/* Keep these bytes; the caller has verified them. NULL: out of memory. */
struct dv_base *dv_bases_add(struct dv_bases *b, const struct dv_id *id,
			     const void *p, size_t n, struct dv_err *err);
void dv_bases_put(struct dv_bases *b, struct dv_base *base);

/*
 * A chunk of the store that may serve as a base: DV_ENOTFOUND where it does
 * not stand here whole, DV_ECORRUPT where it is damaged.
 */
int dv_store_base(struct dv_store *s, struct dv_coder *c,
		  const struct dv_id *id, struct dv_base **out,
		  struct dv_err *err) DV_MUST_USE;
/*
 * Decode a record of the store and verify it: dv_coder_decode, also for
 * deltas. DV_ECORRUPT where a delta's base is absent or a delta itself.
 */
int dv_store_decode(struct dv_store *s, struct dv_coder *c,
		    const struct dv_rec *rec, const void *payload,
		    const uint8_t **p, struct dv_err *err) DV_MUST_USE;

#endif
