#include "format/list.h"

#include <string.h>

#include "codec/chunker.h"

static const char seg_tag[8] = "dv-seg1";	/* with its NUL */
static const char file_tag[9] = "dv-file1";

const char *dv_kind_name(unsigned int kind)
{
	return kind == DV_KIND_CHUNK   ? "chunk" :
	       kind == DV_KIND_SEGMENT ? "segment" :
	       kind == DV_KIND_FILE    ? "file list" : "unknown";
}

void dv_record_id(struct dv_sha256 *s, enum dv_kind kind, const void *p,
		  size_t n, struct dv_id *out)
{
	dv_sha256_begin(s);
	if (kind == DV_KIND_SEGMENT)
		dv_sha256_add(s, seg_tag, sizeof(seg_tag));
	else if (kind == DV_KIND_FILE)
		dv_sha256_add(s, file_tag, sizeof(file_tag));
	dv_sha256_add(s, p, n);
	dv_sha256_end(s, out);
}

void dv_list_init(struct dv_list_builder *b)
{
	struct dv_buf seg = b->seg, file = b->file;

	memset(b, 0, sizeof(*b));
	b->seg = seg;
	b->file = file;
	b->seg.n = b->file.n = 0;
}

void dv_list_release(struct dv_list_builder *b)
{
	dv_buf_release(&b->seg);
	dv_buf_release(&b->file);
}

static int close_segment(struct dv_list_builder *b, struct dv_sha256 *s,
			 struct dv_err *err)
{
	uint8_t row[DV_FILE_ROW];
	int rc;

	dv_put32(b->seg.p, b->seg_n);
	dv_record_id(s, DV_KIND_SEGMENT, b->seg.p, b->seg.n, &b->seg_id);
	if (b->nseg == (DV_FILE_LIST_MAX - DV_FILE_HEAD) / DV_FILE_ROW)
		return dv_err_set(err, DV_EINVAL,
				  "a file of more than %u segments is too large",
				  b->nseg);
	if (!b->file.n) {
		uint8_t head[DV_FILE_HEAD] = { 0 };

		rc = dv_buf_add(&b->file, head, sizeof(head), err);
		if (rc)
			return rc;
	}
	dv_put64(row, b->seg_bytes);
	memcpy(row + 8, b->seg_id.b, DV_ID_SIZE);
	rc = dv_buf_add(&b->file, row, sizeof(row), err);
	if (rc)
		return rc;
	b->nseg++;
	b->closed = 1;
	return 1;
}

int dv_list_add(struct dv_list_builder *b, struct dv_sha256 *s, uint32_t len,
		const struct dv_id *id, struct dv_err *err)
{
	uint8_t row[DV_SEG_ROW];
	int rc;

	if (!b->nchunks) {
		b->first = *id;
		b->first_len = len;
	}
	if (b->closed || !b->nchunks) {
		static const uint8_t count[4];

		b->seg.n = 0;
		b->seg_n = 0;
		b->seg_bytes = 0;
		b->closed = 0;
		rc = dv_buf_add(&b->seg, count, sizeof(count), err);
		if (rc)
			return rc;
	}
	dv_put32(row, len);
	memcpy(row + 4, id->b, DV_ID_SIZE);
	rc = dv_buf_add(&b->seg, row, sizeof(row), err);
	if (rc)
		return rc;
	b->seg_n++;
	b->seg_bytes += len;
	b->size += len;
	b->nchunks++;
	if ((id->b[0] == 0 && b->seg_n >= DV_SEG_MIN) ||
	    b->seg_n == DV_SEG_MAX)
		return close_segment(b, s, err);
	return 0;
}

int dv_list_finish(struct dv_list_builder *b, struct dv_sha256 *s,
		   struct dv_oid *oid, int *last_seg, struct dv_err *err)
{
	int rc;

	memset(oid, 0, sizeof(*oid));
	*last_seg = 0;
	oid->size = b->size;
	if (b->nchunks == 1) {
		oid->scheme = DV_SCHEME_SHA256;
		oid->id = b->first;
		return 0;
	}
	if (!b->closed) {
		rc = close_segment(b, s, err);
		if (rc < 0)
			return rc;
		*last_seg = 1;
	}
	b->file.p[0] = 1;
	dv_put64(b->file.p + 1, b->size);
	dv_put32(b->file.p + 9, b->nseg);
	oid->scheme = DV_SCHEME_DV1;
	dv_record_id(s, DV_KIND_FILE, b->file.p, b->file.n, &oid->id);
	return 0;
}

uint32_t dv_seg_len(const struct dv_seg *seg, uint32_t i)
{
	return dv_get32(seg->rows + (size_t)i * DV_SEG_ROW);
}

const struct dv_id *dv_seg_id(const struct dv_seg *seg, uint32_t i)
{
	return (const struct dv_id *)(seg->rows + (size_t)i * DV_SEG_ROW + 4);
}

static int bad(struct dv_err *err, const char *what)
{
	return dv_err_set(err, DV_ECORRUPT, "%s", what);
}

int dv_seg_parse(const void *p, size_t n, struct dv_seg *seg,
		 struct dv_err *err)
{
	memset(seg, 0, sizeof(*seg));
	if (n < 4)
		return bad(err, "a segment is cut off");
	seg->n = dv_get32(p);
	if (!seg->n || seg->n > DV_SEG_MAX ||
	    n != 4 + (size_t)seg->n * DV_SEG_ROW)
		return bad(err, "a segment has a wrong count");
	seg->rows = (const uint8_t *)p + 4;
	for (uint32_t i = 0; i < seg->n; i++) {
		uint32_t len = dv_seg_len(seg, i);
		int ends = (dv_seg_id(seg, i)->b[0] == 0 &&
			    i + 1 >= DV_SEG_MIN) || i + 1 == DV_SEG_MAX;

		if (!len || len > DV_CHUNK_MAX)
			return bad(err, "a segment has a wrong chunk length");
		if (ends && i + 1 < seg->n)
			return bad(err, "a segment goes on behind its end");
		seg->ended = ends;
		seg->bytes += len;
	}
	return 0;
}

uint64_t dv_flist_bytes(const struct dv_flist *f, uint32_t i)
{
	return dv_get64(f->rows + (size_t)i * DV_FILE_ROW);
}

const struct dv_id *dv_flist_id(const struct dv_flist *f, uint32_t i)
{
	return (const struct dv_id *)(f->rows + (size_t)i * DV_FILE_ROW + 8);
}

int dv_flist_parse(const void *p, size_t n, struct dv_flist *f,
		   struct dv_err *err)
{
	const uint8_t *b = p;
	uint64_t sum = 0;

	memset(f, 0, sizeof(*f));
	if (n < DV_FILE_HEAD)
		return bad(err, "a file list is cut off");
	if (b[0] != 1)
		return dv_err_set(err, DV_ECORRUPT,
				  "a file list has chunking profile %u; this git-dv knows 1",
				  b[0]);
	f->size = dv_get64(b + 1);
	f->n = dv_get32(b + 9);
	if (!f->n || (n - DV_FILE_HEAD) / DV_FILE_ROW != f->n ||
	    (n - DV_FILE_HEAD) % DV_FILE_ROW)
		return bad(err, "a file list has a wrong count");
	f->rows = b + DV_FILE_HEAD;
	for (uint32_t i = 0; i < f->n; i++) {
		uint64_t bytes = dv_flist_bytes(f, i);

		if (!bytes || bytes > (uint64_t)DV_SEG_MAX * DV_CHUNK_MAX ||
		    bytes > f->size - sum)
			return bad(err, "a file list has wrong sums");
		sum += bytes;
	}
	if (sum != f->size || f->size > INT64_MAX)
		return bad(err, "a file list has wrong sums");
	return 0;
}
