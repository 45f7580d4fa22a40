/*
 * Segments and file lists, and the ids they give. Frozen; see
 * git-dv-format(5), "Lists".
 *
 * segment:	n u32, n x (len u32, chunk id[32])
 * file:	profile u8 = 1, size u64, nseg u32, nseg x (bytes u64, id[32])
 *
 * The id is the SHA-256 of a tag and these bytes; stores keep the bytes
 * without the tag. A segment ends after a chunk whose id starts with a zero
 * byte once it has 64 chunks, at 1024 chunks, or at the end of the file.
 */
#ifndef DV_FORMAT_LIST_H
#define DV_FORMAT_LIST_H

#include "base/buf.h"
#include "codec/sha256.h"
#include "format/pointer.h"

enum dv_kind {
	DV_KIND_CHUNK = 1,
	DV_KIND_SEGMENT = 2,
	DV_KIND_FILE = 3,
};

/* Of the record that a file starts from: its one chunk, or its list. */
static inline enum dv_kind dv_oid_kind(const struct dv_oid *oid)
{
	return oid->scheme == DV_SCHEME_DV1 ? DV_KIND_FILE : DV_KIND_CHUNK;
}

#define DV_SEG_MIN 64u
#define DV_SEG_MAX 1024u
#define DV_SEG_ROW 36u
#define DV_SEG_BYTES_MAX (4 + DV_SEG_MAX * DV_SEG_ROW)
#define DV_FILE_HEAD 13u
#define DV_FILE_ROW 40u
#define DV_FILE_LIST_MAX (256u << 20)	/* about 150 TB of content */

/* The id of any record's bytes: a chunk's, or a tagged list's. */
void dv_record_id(struct dv_sha256 *s, enum dv_kind kind, const void *p,
		  size_t n, struct dv_id *out);
/* "chunk", "segment", "file" */
const char *dv_kind_name(unsigned int kind);

/*
 * Builds the lists of one file from its chunks in order. After each add that
 * returns 1, and after finish when *last_seg is 1, `seg` holds a complete
 * segment's bytes and `seg_id` its id, until the next call.
 */
struct dv_list_builder {
	struct dv_buf seg;
	struct dv_id seg_id;
	struct dv_buf file;
	uint64_t size;		/* bytes so far */
	uint64_t seg_bytes;	/* of the open segment */
	uint64_t nchunks;
	uint32_t seg_n, nseg;
	int closed;		/* seg holds a finished segment */
	uint32_t first_len;	/* of the first chunk: a file of one has no list */
	struct dv_id first;
};

void dv_list_init(struct dv_list_builder *b);
void dv_list_release(struct dv_list_builder *b);
int dv_list_add(struct dv_list_builder *b, struct dv_sha256 *s, uint32_t len,
		const struct dv_id *id, struct dv_err *err);
/*
 * The file's id. With two chunks or more, b->file holds the file list's bytes
 * (its id is oid->id). At least one chunk must have been added.
 */
int dv_list_finish(struct dv_list_builder *b, struct dv_sha256 *s,
		   struct dv_oid *oid, int *last_seg, struct dv_err *err);

/* Checked views of stored bytes; they borrow them. */
struct dv_seg {
	const uint8_t *rows;
	uint32_t n;
	uint64_t bytes;		/* sum of the chunk lengths */
	int ended;		/* by rule, not by the end of the file */
};

int dv_seg_parse(const void *p, size_t n, struct dv_seg *seg,
		 struct dv_err *err) DV_MUST_USE;
uint32_t dv_seg_len(const struct dv_seg *seg, uint32_t i);
const struct dv_id *dv_seg_id(const struct dv_seg *seg, uint32_t i);

struct dv_flist {
	const uint8_t *rows;
	uint32_t n;
	uint64_t size;
};

int dv_flist_parse(const void *p, size_t n, struct dv_flist *f,
		   struct dv_err *err) DV_MUST_USE;
uint64_t dv_flist_bytes(const struct dv_flist *f, uint32_t i);
const struct dv_id *dv_flist_id(const struct dv_flist *f, uint32_t i);

#endif
