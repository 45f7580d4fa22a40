/*
 * Shards: what a push put on a remote store, so that any client finds it
 * (git-dv-format(5), "Shards"). Putting one is the commit point of a push.
 *
 *	header	64 bytes: magic[8], version u16, flags u16, sections u32,
 *		size u64, first push u64 (seconds since 1970), SHA-256 of the
 *		section table
 *	table	48 bytes a section: type u32, 0 u32, offset u64, then 32 bytes
 *		SHA-256 of the section; its length follows from the next offset
 *	FILES	56 bytes: oid[32], size u64, first u32, nseg u32, scheme u8,
 *		0[3], hours u32 from 1970 to its first push; sorted by oid,
 *		then scheme. `first` is a row of SEGREFS, or for a file of one
 *		chunk (nseg 0) of CHUNKS.
 *	SEGREFS	40 bytes: bytes u64, segment id[32]: the rows of file lists
 *	SEGS	40 bytes: segment id[32], first row of CHUNKS u32, n u32;
 *		sorted by id
 *	PACKS	24 bytes: name[16], size u64
 *	HOOKS	20 bytes: first 16 bytes of a chunk id, row of SEGS u32; sorted
 *	OLD	16 bytes: names of shards that this one replaces
 *	CHUNKS	56 bytes: chunk id[32], pack u32, offset u32, raw u32,
 *		encoded u32, transform u8, codec u8, 0 u16, base row u32
 *		(0xffffffff: none). The base of a delta has a row of its own
 *		among the n rows of the segment (or the one of the file), or
 *		right behind them, at most n more: one read gets both
 *
 * Sections stand in this order without gaps, so that all but CHUNKS is one
 * range. A segment that an earlier shard describes is only referred to.
 */
#ifndef DV_FORMAT_SHARD_H
#define DV_FORMAT_SHARD_H

#include "format/pack.h"

enum dv_shard_section {
	DV_SHARD_FILES, DV_SHARD_SEGREFS, DV_SHARD_SEGS, DV_SHARD_PACKS,
	DV_SHARD_HOOKS, DV_SHARD_OLD, DV_SHARD_CHUNKS,
	DV_SHARD_SECTIONS
};

#define DV_SHARD_HEAD 64u
#define DV_SHARD_TABLE (48u * DV_SHARD_SECTIONS)
#define DV_SHARD_MAX (256u << 20)
#define DV_SHARD_NO_BASE 0xffffffffu

#define DV_SHARD_FILE_ROW 56u
#define DV_SHARD_SEG_ROW 40u
#define DV_SHARD_PACK_ROW 24u
#define DV_SHARD_HOOK_ROW 20u
#define DV_SHARD_CHUNK_ROW 56u

struct dv_shard_chunk {
	struct dv_id id;
	uint32_t pack;		/* row of PACKS */
	uint32_t off, raw, enc, base;
	uint8_t transform, codec;
};

/* Built in memory, section by section; `{0}` is empty. */
struct dv_shard_builder {
	struct dv_buf sec[DV_SHARD_SECTIONS];
};

void dv_shard_builder_release(struct dv_shard_builder *b);
int dv_shard_add_file(struct dv_shard_builder *b, const struct dv_oid *oid,
		      uint32_t first, uint32_t nseg, uint32_t hours,
		      struct dv_err *err)
	DV_MUST_USE;
int dv_shard_add_seg(struct dv_shard_builder *b, const struct dv_id *id,
		     uint32_t first, uint32_t n, struct dv_err *err)
	DV_MUST_USE;
int dv_shard_add_pack(struct dv_shard_builder *b, const uint8_t name[16],
		      uint64_t size, struct dv_err *err) DV_MUST_USE;
/* A shard that this one replaces: it holds all of it. */
int dv_shard_add_old(struct dv_shard_builder *b, const uint8_t name[16],
		     struct dv_err *err) DV_MUST_USE;
int dv_shard_add_hook(struct dv_shard_builder *b, const struct dv_id *chunk,
		      uint32_t seg, struct dv_err *err) DV_MUST_USE;
int dv_shard_add_chunk(struct dv_shard_builder *b,
		       const struct dv_shard_chunk *c, struct dv_err *err)
	DV_MUST_USE;
/* Rows in a section so far. */
uint32_t dv_shard_rows(const struct dv_shard_builder *b,
		       enum dv_shard_section s);
/* Bytes that it would take now. */
uint64_t dv_shard_size(const struct dv_shard_builder *b);
/*
 * Sorts and joins everything; HOOKS rows name SEGS by id order afterwards.
 * DV_EINVAL above DV_SHARD_MAX.
 */
int dv_shard_finish(struct dv_shard_builder *b, struct dv_sha256 *sha,
		    uint64_t first_push, struct dv_buf *out,
		    struct dv_err *err) DV_MUST_USE;

/* A checked view of a shard's bytes, or of all before its CHUNKS. */
struct dv_shard {
	const uint8_t *sec[DV_SHARD_SECTIONS];	/* CHUNKS: NULL if not here */
	uint32_t n[DV_SHARD_SECTIONS];		/* rows */
	uint64_t chunks_off;	/* of CHUNKS in the object */
	uint64_t size;		/* of the object */
	uint64_t first_push;
};

/*
 * From the first DV_SHARD_HEAD + DV_SHARD_TABLE bytes: offset of CHUNKS and
 * size of the whole; both checked.
 */
int dv_shard_sizes(const void *p, size_t n, uint64_t *chunks_off,
		   uint64_t *size, struct dv_err *err) DV_MUST_USE;
/* n is chunks_off or size. Checks every section's SHA-256 and every row. */
int dv_shard_view(const void *p, size_t n, struct dv_sha256 *sha,
		  struct dv_shard *s, struct dv_err *err) DV_MUST_USE;

/* Row number, or -1. */
int64_t dv_shard_find_file(const struct dv_shard *s, const struct dv_oid *oid);
int64_t dv_shard_find_seg(const struct dv_shard *s, const struct dv_id *id);
/* The first hook with this chunk: its row, or -1. */
int64_t dv_shard_find_hook(const struct dv_shard *s, const struct dv_id *id);

void dv_shard_file(const struct dv_shard *s, uint32_t i, struct dv_oid *oid,
		   uint32_t *first, uint32_t *nseg);
uint32_t dv_shard_file_hours(const struct dv_shard *s, uint32_t i);
void dv_shard_seg(const struct dv_shard *s, uint32_t i, uint32_t *first,
		  uint32_t *n);
uint32_t dv_shard_hook_seg(const struct dv_shard *s, uint32_t i);
const uint8_t *dv_shard_pack_name(const struct dv_shard *s, uint32_t i);
uint64_t dv_shard_pack_size(const struct dv_shard *s, uint32_t i);
/*
 * Read one CHUNKS row; DV_ECORRUPT where it points outside its pack or has
 * impossible lengths.
 */
int dv_shard_chunk_parse(const struct dv_shard *s, const uint8_t *row,
			 struct dv_shard_chunk *c, struct dv_err *err)
	DV_MUST_USE;

/* Is this chunk one that is hooked, wherever it stands in its file? */
static inline int dv_is_hook(const struct dv_id *id)
{
	return id->b[0] == 0;
}

#endif
