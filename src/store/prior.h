/*
 * The previous version of a file as a source of bases. Chunks that were added
 * here are in the table of sketches already; those that a fetch brought, or
 * that are older than the table, are not, and are sketched when a chunk near
 * their place finds nothing else.
 */
#ifndef DV_STORE_PRIOR_H
#define DV_STORE_PRIOR_H

#include <pthread.h>

#include "store/content.h"
#include "store/similar.h"

struct dv_prior {
	struct dv_store *store;
	struct dv_oid oid;
	pthread_mutex_t mu;
	struct dv_buf list;		/* its file list, once it was needed */
	struct dv_flist flist;
	uint64_t *start;		/* of each segment, and the end */
	struct dv_buf segbuf;		/* the segment read last */
	struct dv_seg seg;
	uint32_t seg_i;			/* its number; flist.n: none */
	struct dv_idmap done;		/* chunks in the table by now */
	int loaded;			/* 1 yes, -1 not to be had */
};

/* Its lists are read when they are first needed. */
void dv_prior_init(struct dv_prior *p, struct dv_store *s,
		   const struct dv_oid *previous);
void dv_prior_release(struct dv_prior *p);
/*
 * When it returns, the chunks within DV_PRIOR_REACH bytes of `off` are in the
 * table, but for those that cannot be read. On any thread.
 */
#define DV_PRIOR_REACH (2u << 20)
void dv_prior_cover(struct dv_prior *p, struct dv_similar *t,
		    struct dv_coder *c, uint64_t off);

#endif
