/*
 * The table of sketches: which stored chunk does this one resemble?
 *
 * One file a clone, mapped into memory: a ring of entries, each a sketch and
 * the chunk that may serve as base for what resembles it, and a hash table
 * from super-features to entries. It starts with 1,024 entries and doubles up
 * to 1,048,576 (120 MiB; with one entry a chunk the last 64 GiB);
 * then new entries take the place of the oldest. It is a cache: whatever it
 * holds is only a suggestion, entries carry a checksum, and losing the file
 * loses nothing but some bytes. Several processes may use it at once.
 *
 *	header	64 bytes: magic[8], version u32, entries u32, seed u64,
 *		next u64 (entries ever added), born u64 (when the table was
 *		begun, in seconds; 0: long ago), 0[24]
 *	entries	84 bytes: base id[32], 12 features u32, check u32: the low
 *		half of XXH3-64 of all before it
 *	slots	u32, eight an entry: 1 + entry, 0 free; in buckets of four,
 *		newest first
 */
#ifndef DV_STORE_SIMILAR_H
#define DV_STORE_SIMILAR_H

#include "base/bytes.h"
#include "codec/sketch.h"

struct dv_similar;

#define DV_SIMILAR_MIN 6	/* features in common to be suggested */

struct dv_similar_hit {
	struct dv_id base;
	unsigned int common;	/* features: DV_SIMILAR_MIN to 12 */
};

/* Opens or makes the file. NULL where it cannot be had: then no deltas. */
struct dv_similar *dv_similar_open(const char *path);
void dv_similar_close(struct dv_similar *t);

/* When it was begun empty, by time(2): what was stored before is not in it. */
int64_t dv_similar_born(const struct dv_similar *t);

/* These may run on any thread. */
void dv_similar_sketch(const struct dv_similar *t, const void *p, size_t n,
		       struct dv_sketch *out);
/* Up to `max` different bases, most in common first. How many. */
unsigned int dv_similar_find(struct dv_similar *t, const struct dv_sketch *s,
			     struct dv_similar_hit *out, unsigned int max);
/* What resembles this sketch may be coded against `base`. */
void dv_similar_add(struct dv_similar *t, const struct dv_sketch *s,
		    const struct dv_id *base);

#endif
