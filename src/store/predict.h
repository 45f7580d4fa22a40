/*
 * Re-adding a file that changed a little: the chunks of its previous version
 * are expected in their order, and found again behind an edit by their
 * lengths. Only chunks that stand raw in the store take part: reading one back
 * and comparing costs less than hashing it. Equality of bytes decides, never
 * a length or a checksum.
 *
 * A cut is a function of the chunk's own bytes, unless the file's end made it.
 * So where the previous version was cut here, by this program, equal bytes
 * need no search for the cut either (dv_predict_here). A list from elsewhere
 * may have other cuts: then they are always found from the content.
 */
#ifndef DV_STORE_PREDICT_H
#define DV_STORE_PREDICT_H

#include "store/content.h"

#define DV_PREDICT_WINDOW 1024	/* chunks that are looked ahead: 64 MiB */

struct dv_predict_chunk {
	struct dv_id id;
	uint32_t len;
	uint8_t state;		/* 0 not looked up, 1 raw at loc, 2 not usable */
	uint8_t last;		/* of its file */
	struct dv_loc loc;
};

struct dv_predict {
	struct dv_store *store;
	struct dv_coder coder;
	struct dv_content content;
	struct dv_predict_chunk *w;	/* ring of DV_PREDICT_WINDOW */
	size_t head, n;
	int on, more, have_coder, idle;
	int cut_here;		/* the previous version's cuts are our own */
	void *map;		/* a stretch of a pack */
	size_t map_len;
	const struct dv_pack *map_pack;
	uint64_t map_off;
	uint64_t read_from, read_to;	/* of the pack: known to be readable */
};

/*
 * A previous version that is not here simply predicts nothing. `cut_here`: its
 * list was made by this program from its content.
 */
int dv_predict_start(struct dv_predict *p, struct dv_store *s,
		     const struct dv_oid *previous, int cut_here,
		     struct dv_err *err) DV_MUST_USE;
void dv_predict_stop(struct dv_predict *p);
void dv_predict_release(struct dv_predict *p);
/*
 * Do the n bytes at b start with the very chunk that is expected next, and is
 * its cut right here too? 1 with *out, which then is behind us. `at_end`: the
 * file ends after the n bytes.
 */
int dv_predict_here(struct dv_predict *p, const uint8_t *b, size_t n,
		    int at_end, struct dv_predict_chunk *out);
/*
 * A chunk of this length was cut: which of the chunks ahead may it be? 1 with
 * *out (the ones before it are given up), or 0.
 */
int dv_predict_next(struct dv_predict *p, uint32_t len,
		    struct dv_predict_chunk *out);
/* Are these bytes that chunk? On any thread. `room` has DV_CHUNK_MAX bytes. */
int dv_predict_same(struct dv_store *s, const struct dv_predict_chunk *c,
		    const uint8_t *b, struct dv_buf *room);

#endif
