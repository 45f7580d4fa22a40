#include "format/pack.h"

#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "codec/chunker.h"

#define REC_MAGIC 0x31525644u	/* "DVR1" */
#define VERSION 1

static const uint8_t head_magic[8] = { 0x89, 'D', 'V', 'P', 'A', 'C', 'K',
				       '\n' };
static const uint8_t foot_magic[8] = { 0x89, 'D', 'V', 'P', 'E', 'N', 'D',
				       '\n' };

size_t dv_rec_head_size(unsigned int codec)
{
	return codec == DV_CODEC_DELTA ? DV_REC_HEAD_DELTA : DV_REC_HEAD;
}

size_t dv_rec_format(const struct dv_rec *r, uint8_t out[DV_REC_HEAD_DELTA])
{
	size_t n = dv_rec_head_size(r->codec) - 8;

	dv_put32(out, REC_MAGIC);
	out[4] = r->kind;
	out[5] = r->transform;
	out[6] = r->codec;
	out[7] = r->flags;
	dv_put32(out + 8, r->raw);
	dv_put32(out + 12, r->enc);
	memcpy(out + 16, r->id.b, DV_ID_SIZE);
	if (r->codec == DV_CODEC_DELTA)
		memcpy(out + 48, r->base.b, DV_ID_SIZE);
	dv_put64(out + n, XXH3_64bits(out, n));
	return n + 8;
}

static int corrupt(struct dv_err *err, const char *what)
{
	return dv_err_set(err, DV_ECORRUPT, "%s", what);
}

/* Limits on what any reader allocates for a record. */
static int lengths_ok(unsigned int kind, unsigned int codec, uint32_t raw,
		      uint32_t enc)
{
	uint32_t max = kind == DV_KIND_CHUNK   ? DV_CHUNK_MAX :
		       kind == DV_KIND_SEGMENT ? DV_SEG_BYTES_MAX :
						 DV_FILE_LIST_MAX;

	if (!raw || raw > max || !enc)
		return 0;
	return codec == DV_CODEC_RAW ? enc == raw : enc < raw;
}

static int known(const struct dv_row *r, struct dv_err *err)
{
	if (r->kind < DV_KIND_CHUNK || r->kind > DV_KIND_FILE ||
	    r->codec > DV_CODEC_DELTA || r->transform > DV_TRANSFORM_GROUP8 ||
	    r->flags)
		return dv_err_set(err, DV_EINVAL,
				  "a record of kind %u, transform %u, codec %u, flags %u needs a newer git-dv",
				  r->kind, r->transform, r->codec, r->flags);
	if (!lengths_ok(r->kind, r->codec, r->raw, r->enc))
		return corrupt(err, "a record has impossible lengths");
	return 0;
}

int dv_rec_parse(const void *p, size_t n, struct dv_rec *r, size_t *head,
		 struct dv_err *err)
{
	const uint8_t *b = p;
	struct dv_row row;
	size_t h;

	if (n < DV_REC_HEAD)
		return dv_err_set(err, DV_EAGAIN, "a record header is cut off");
	if (dv_get32(b) != REC_MAGIC)
		return corrupt(err, "a record does not start with its magic");
	h = dv_rec_head_size(b[6]);
	if (n < h)
		return dv_err_set(err, DV_EAGAIN, "a record header is cut off");
	if (dv_get64(b + h - 8) != XXH3_64bits(b, h - 8))
		return corrupt(err, "a record header has a wrong checksum");
	memset(r, 0, sizeof(*r));
	row.kind = r->kind = b[4];
	row.transform = r->transform = b[5];
	row.codec = r->codec = b[6];
	row.flags = r->flags = b[7];
	row.raw = r->raw = dv_get32(b + 8);
	row.enc = r->enc = dv_get32(b + 12);
	memcpy(r->id.b, b + 16, DV_ID_SIZE);
	if (r->codec == DV_CODEC_DELTA)
		memcpy(r->base.b, b + 48, DV_ID_SIZE);
	*head = h;
	return known(&row, err);
}

void dv_pack_head_format(const uint8_t nonce[16], uint8_t out[DV_PACK_HEAD])
{
	memset(out, 0, DV_PACK_HEAD);
	memcpy(out, head_magic, 8);
	dv_put16(out + 8, VERSION);
	memcpy(out + 16, nonce, 16);
}

int dv_pack_head_check(const uint8_t head[DV_PACK_HEAD], struct dv_err *err)
{
	if (memcmp(head, head_magic, 8))
		return corrupt(err, "not a pack");
	if (dv_get16(head + 8) != VERSION || dv_get16(head + 10))
		return dv_err_set(err, DV_EINVAL,
				  "a pack of version %u, flags 0x%x needs a newer git-dv",
				  dv_get16(head + 8), dv_get16(head + 10));
	return 0;
}

void dv_row_format(const struct dv_row *row, uint8_t out[DV_PACK_ROW])
{
	memcpy(out, row->id.b, DV_ID_SIZE);
	dv_put64(out + 32, row->off);
	dv_put32(out + 40, row->raw);
	dv_put32(out + 44, row->enc);
	out[48] = row->kind;
	out[49] = row->transform;
	out[50] = row->codec;
	out[51] = row->flags;
	dv_put32(out + 52, 0);
}

void dv_row_parse(const uint8_t in[DV_PACK_ROW], struct dv_row *row)
{
	memcpy(row->id.b, in, DV_ID_SIZE);
	row->off = dv_get64(in + 32);
	row->raw = dv_get32(in + 40);
	row->enc = dv_get32(in + 44);
	row->kind = in[48];
	row->transform = in[49];
	row->codec = in[50];
	row->flags = in[51];
}

int dv_row_cmp(const void *pa, const void *pb)
{
	const struct dv_row *a = pa, *b = pb;
	int c = dv_id_cmp(&a->id, &b->id);

	return c ? c : (int)a->kind - (int)b->kind;
}

uint64_t dv_row_len(const struct dv_row *row)
{
	return dv_rec_head_size(row->codec) + (uint64_t)row->enc;
}

static void tail_digest(struct dv_sha256 *s, const uint8_t *head,
			const uint8_t *table, size_t n, struct dv_id *out)
{
	dv_sha256_begin(s);
	dv_sha256_add(s, head, DV_PACK_HEAD);
	dv_sha256_add(s, table, n);
	dv_sha256_end(s, out);
}

int dv_pack_tail_format(struct dv_sha256 *s, const uint8_t head[DV_PACK_HEAD],
			struct dv_row *rows, uint32_t n, uint64_t table_off,
			struct dv_buf *out, struct dv_err *err)
{
	size_t len = (size_t)n * DV_PACK_ROW, from = out->n;
	uint8_t *foot;
	struct dv_id id;
	int rc = dv_buf_reserve(out, len + DV_PACK_FOOT, err);

	if (rc)
		return rc;
	if (n > 1)
		qsort(rows, n, sizeof(*rows), dv_row_cmp);
	for (uint32_t i = 0; i < n; i++)
		dv_row_format(&rows[i],
			      out->p + from + (size_t)i * DV_PACK_ROW);
	tail_digest(s, head, out->p + from, len, &id);
	foot = out->p + from + len;
	dv_put64(foot, table_off);
	dv_put32(foot + 8, n);
	dv_put32(foot + 12, 0);
	memcpy(foot + 16, id.b, DV_ID_SIZE);
	memcpy(foot + 48, foot_magic, 8);
	out->n += len + DV_PACK_FOOT;
	return 0;
}

int dv_pack_foot_parse(const uint8_t foot[DV_PACK_FOOT], uint64_t size,
		       uint64_t *table_off, uint32_t *count,
		       struct dv_err *err)
{
	uint64_t off = dv_get64(foot);
	uint32_t n = dv_get32(foot + 8);

	if (memcmp(foot + 48, foot_magic, 8))
		return corrupt(err, "a pack has no footer");
	if (size < DV_PACK_HEAD + DV_PACK_FOOT || off < DV_PACK_HEAD ||
	    off > size - DV_PACK_FOOT ||
	    size - DV_PACK_FOOT - off != (uint64_t)n * DV_PACK_ROW)
		return corrupt(err, "a pack's footer does not fit its size");
	*table_off = off;
	*count = n;
	return 0;
}

int dv_pack_table_check(struct dv_sha256 *s, const uint8_t *head,
			const uint8_t *table, uint32_t count,
			uint64_t table_off, const uint8_t *foot,
			struct dv_err *err)
{
	struct dv_row row, prev;
	struct dv_id id;

	tail_digest(s, head, table, (size_t)count * DV_PACK_ROW, &id);
	if (memcmp(id.b, foot + 16, DV_ID_SIZE))
		return corrupt(err, "a pack's table has a wrong checksum");
	for (uint32_t i = 0; i < count; i++, prev = row) {
		int rc;

		dv_row_parse(table + (size_t)i * DV_PACK_ROW, &row);
		if (i && dv_row_cmp(&prev, &row) >= 0)
			return corrupt(err, "a pack's table is not sorted");
		rc = known(&row, err);
		if (rc)
			return rc;
		if (row.off < DV_PACK_HEAD || row.off > table_off ||
		    dv_row_len(&row) > table_off - row.off)
			return corrupt(err,
				       "a pack's table points outside the pack");
	}
	return 0;
}
