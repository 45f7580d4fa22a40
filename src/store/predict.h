/*
 * Re-adding a file that changed a little: the chunks of its previous version
 * are expected at their places, and found again behind an edit. Only chunks
 * that stand raw in the store take part: reading one back costs less than
 * hashing it. Equality of bytes decides, never a checksum.
 */
#ifndef DV_STORE_PREDICT_H
#define DV_STORE_PREDICT_H

#include "store/content.h"

#define DV_PREDICT_WINDOW 1024	/* chunks that are looked ahead: 64 MiB */

struct dv_predict_chunk {
	struct dv_id id;
	uint32_t len;
	uint8_t last;		/* of its file: cut by the end */
	uint8_t state;		/* 0 not looked up, 1 raw at loc, 2 not usable */
	struct dv_loc loc;
};

struct dv_predict {
	struct dv_store *store;
	struct dv_coder coder;
	struct dv_content content;
	struct dv_predict_chunk *w;	/* ring of DV_PREDICT_WINDOW */
	size_t head, n;
	uint8_t *old;			/* a chunk read back */
	int on, more, have_coder, idle;
};

/* A previous version that is not here simply predicts nothing. */
int dv_predict_start(struct dv_predict *p, struct dv_store *s,
		     const struct dv_oid *previous, struct dv_err *err)
	DV_MUST_USE;
void dv_predict_stop(struct dv_predict *p);
void dv_predict_release(struct dv_predict *p);
/*
 * Do the bytes go on with the expected chunk? Its length and id, or 0. `last`:
 * the n bytes are all that is left of the file.
 */
uint32_t dv_predict_match(struct dv_predict *p, const uint8_t *b, size_t n,
			  int last, const struct dv_id **id);
/*
 * After a chunk of `len` bytes was cut the ordinary way: is it one of the
 * chunks ahead? Its id (and the ones before are given up), or NULL.
 */
const struct dv_id *dv_predict_resync(struct dv_predict *p, const uint8_t *b,
				      uint32_t len, int at_end);

#endif
