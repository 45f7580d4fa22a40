/*
 * The index file: one sorted table over many packs, made to be mapped into
 * memory (git-dv-format(5), "Index"). It is a cache of the packs' own tables.
 *
 *	magic[8], version u16, flags u16, packs u32, rows u64, 0 u64[4],
 *	XXH3-64 of these 56 bytes
 *	pack names, 16 bytes each, sorted
 *	fan-out, 257 x u32: rows whose id's first byte is below i
 *	rows, 56 bytes each: as in a pack's table, with the pack's number as
 *	the last u32
 */
#ifndef DV_FORMAT_INDEX_H
#define DV_FORMAT_INDEX_H

#include "format/pack.h"

#define DV_INDEX_HEAD 64u
#define DV_INDEX_FAN (257u * 4)

struct dv_index_view {
	const uint8_t *names;
	const uint8_t *fan;
	const uint8_t *rows;
	uint32_t npacks;
	uint32_t nrows;
};

void dv_index_head_format(uint32_t npacks, uint64_t nrows,
			  uint8_t out[DV_INDEX_HEAD]);
/* Check the head and the sizes of a mapped index of n bytes. */
int dv_index_view(const void *p, uint64_t n, struct dv_index_view *v,
		  struct dv_err *err) DV_MUST_USE;
/*
 * Number of the first row with this id, or -1. Rows of one id (other kinds,
 * further copies) follow each other.
 */
int64_t dv_index_find(const struct dv_index_view *v, const struct dv_id *id);
/* Row i and its pack's number; 0, or -1 when that number is out of range. */
int dv_index_row(const struct dv_index_view *v, uint64_t i,
		 struct dv_row *row, uint32_t *pack);
/* Binary search in sorted 56-byte rows; the first with this id, or -1. */
int64_t dv_rows_find(const uint8_t *rows, uint32_t lo, uint32_t hi,
		     const struct dv_id *id);

#endif
