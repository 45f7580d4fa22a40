/*
 * Packs: immutable files of records (git-dv-format(5), "Packs"). The same
 * bytes in the local store and on a remote.
 *
 *	header	 32 bytes: magic[8], version u16, flags u16, 0 u32, nonce[16]
 *	records	 header (56 bytes, 88 for a delta), payload
 *	table	 56 bytes a record, sorted by id, then kind
 *	footer	 56 bytes: table offset u64, count u32, 0 u32, SHA-256 over
 *		 pack header and table, magic[8]
 *
 * Record header: magic u32, kind u8, transform u8, codec u8, flags u8, raw
 * length u32, encoded length u32, id[32], for a delta base id[32], then
 * XXH3-64 of all before it.
 */
#ifndef DV_FORMAT_PACK_H
#define DV_FORMAT_PACK_H

#include "base/buf.h"
#include "codec/sha256.h"
#include "format/list.h"

#define DV_PACK_HEAD 32u
#define DV_PACK_FOOT 56u
#define DV_PACK_ROW 56u
#define DV_REC_HEAD 56u
#define DV_REC_HEAD_DELTA 88u
#define DV_PACK_DATA_MAX (64u << 20)	/* record bytes, or one list */

enum dv_codec {
	DV_CODEC_RAW = 0,
	DV_CODEC_ZSTD = 1,
	DV_CODEC_DELTA = 2,	/* zstd with the base's bytes as prefix */
};

enum dv_transform {
	DV_TRANSFORM_NONE = 0,
	DV_TRANSFORM_GROUP2 = 1,	/* bytes of 2-byte numbers, grouped */
	DV_TRANSFORM_GROUP4 = 2,
	DV_TRANSFORM_GROUP8 = 3,
};

struct dv_rec {
	struct dv_id id;
	struct dv_id base;	/* DV_CODEC_DELTA only */
	uint32_t raw;		/* bytes of content */
	uint32_t enc;		/* bytes of payload */
	uint8_t kind, transform, codec, flags;
};

/* Where a record stands in a pack: a table row. */
struct dv_row {
	struct dv_id id;
	uint64_t off;		/* of its header, from the pack's start */
	uint32_t raw, enc;
	uint8_t kind, transform, codec, flags;
};

size_t dv_rec_head_size(unsigned int codec);
/* Writes the header; returns its size. */
size_t dv_rec_format(const struct dv_rec *r, uint8_t out[DV_REC_HEAD_DELTA]);
/*
 * Reads a header from p[0..n). DV_EAGAIN when n is too small to tell,
 * DV_ECORRUPT when it is not one, DV_EINVAL for what a later version wrote.
 */
int dv_rec_parse(const void *p, size_t n, struct dv_rec *r, size_t *head,
		 struct dv_err *err) DV_MUST_USE;

void dv_pack_head_format(const uint8_t nonce[16], uint8_t out[DV_PACK_HEAD]);
int dv_pack_head_check(const uint8_t head[DV_PACK_HEAD], struct dv_err *err)
	DV_MUST_USE;

/* Sorts the rows; appends table and footer to *out. */
int dv_pack_tail_format(struct dv_sha256 *s, const uint8_t head[DV_PACK_HEAD],
			struct dv_row *rows, uint32_t n, uint64_t table_off,
			struct dv_buf *out, struct dv_err *err) DV_MUST_USE;
/* From the footer: where the table is. `size` is the pack's. */
int dv_pack_foot_parse(const uint8_t foot[DV_PACK_FOOT], uint64_t size,
		       uint64_t *table_off, uint32_t *count,
		       struct dv_err *err) DV_MUST_USE;
/*
 * Checks the table against footer and header, and that rows are sorted, in
 * bounds and of known kinds.
 */
int dv_pack_table_check(struct dv_sha256 *s, const uint8_t *head,
			const uint8_t *table, uint32_t count,
			uint64_t table_off, const uint8_t *foot,
			struct dv_err *err) DV_MUST_USE;
void dv_row_format(const struct dv_row *row, uint8_t out[DV_PACK_ROW]);
void dv_row_parse(const uint8_t in[DV_PACK_ROW], struct dv_row *row);
/* Sort order of tables and of the index: id, then kind. */
int dv_row_cmp(const void *a, const void *b);
/* Bytes that the record takes in its pack. */
uint64_t dv_row_len(const struct dv_row *row);

#endif
