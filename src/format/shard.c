#include "format/shard.h"

#include <stdlib.h>
#include <string.h>

#include "codec/chunker.h"

#define VERSION 1

static const uint8_t magic[8] = { 0x89, 'D', 'V', 'S', 'H', 'R', 'D', '\n' };

static const uint32_t row_size[DV_SHARD_SECTIONS] = {
	DV_SHARD_FILE_ROW, DV_FILE_ROW, DV_SHARD_SEG_ROW, DV_SHARD_PACK_ROW,
	DV_SHARD_HOOK_ROW, 16, DV_SHARD_CHUNK_ROW,
};

void dv_shard_builder_release(struct dv_shard_builder *b)
{
	for (int i = 0; i < DV_SHARD_SECTIONS; i++)
		dv_buf_release(&b->sec[i]);
}

uint32_t dv_shard_rows(const struct dv_shard_builder *b,
		       enum dv_shard_section s)
{
	return (uint32_t)(b->sec[s].n / row_size[s]);
}

uint64_t dv_shard_size(const struct dv_shard_builder *b)
{
	uint64_t n = DV_SHARD_HEAD + DV_SHARD_TABLE;

	for (int i = 0; i < DV_SHARD_SECTIONS; i++)
		n += b->sec[i].n;
	return n;
}

int dv_shard_add_file(struct dv_shard_builder *b, const struct dv_oid *oid,
		      uint32_t first, uint32_t nseg, uint32_t hours,
		      struct dv_err *err)
{
	uint8_t row[DV_SHARD_FILE_ROW] = { 0 };

	memcpy(row, oid->id.b, DV_ID_SIZE);
	dv_put64(row + 32, oid->size);
	dv_put32(row + 40, first);
	dv_put32(row + 44, nseg);
	row[48] = oid->scheme;
	dv_put32(row + 52, hours);
	return dv_buf_add(&b->sec[DV_SHARD_FILES], row, sizeof(row), err);
}

int dv_shard_add_seg(struct dv_shard_builder *b, const struct dv_id *id,
		     uint32_t first, uint32_t n, struct dv_err *err)
{
	uint8_t row[DV_SHARD_SEG_ROW];

	memcpy(row, id->b, DV_ID_SIZE);
	dv_put32(row + 32, first);
	dv_put32(row + 36, n);
	return dv_buf_add(&b->sec[DV_SHARD_SEGS], row, sizeof(row), err);
}

int dv_shard_add_pack(struct dv_shard_builder *b, const uint8_t name[16],
		      uint64_t size, struct dv_err *err)
{
	uint8_t row[DV_SHARD_PACK_ROW];

	memcpy(row, name, 16);
	dv_put64(row + 16, size);
	return dv_buf_add(&b->sec[DV_SHARD_PACKS], row, sizeof(row), err);
}

int dv_shard_add_old(struct dv_shard_builder *b, const uint8_t name[16],
		     struct dv_err *err)
{
	return dv_buf_add(&b->sec[DV_SHARD_OLD], name, 16, err);
}

int dv_shard_add_hook(struct dv_shard_builder *b, const struct dv_id *chunk,
		      uint32_t seg, struct dv_err *err)
{
	uint8_t row[DV_SHARD_HOOK_ROW];

	memcpy(row, chunk->b, 16);
	dv_put32(row + 16, seg);
	return dv_buf_add(&b->sec[DV_SHARD_HOOKS], row, sizeof(row), err);
}

int dv_shard_add_chunk(struct dv_shard_builder *b,
		       const struct dv_shard_chunk *c, struct dv_err *err)
{
	uint8_t row[DV_SHARD_CHUNK_ROW] = { 0 };

	memcpy(row, c->id.b, DV_ID_SIZE);
	dv_put32(row + 32, c->pack);
	dv_put32(row + 36, c->off);
	dv_put32(row + 40, c->raw);
	dv_put32(row + 44, c->enc);
	row[48] = c->transform;
	row[49] = c->codec;
	dv_put32(row + 52, c->base);
	return dv_buf_add(&b->sec[DV_SHARD_CHUNKS], row, sizeof(row), err);
}

static int cmp_file(const void *a, const void *b)
{
	int c = memcmp(a, b, DV_ID_SIZE);

	return c ? c : (int)((const uint8_t *)a)[48] -
		       (int)((const uint8_t *)b)[48];
}

static int cmp_id(const void *a, const void *b)
{
	return memcmp(a, b, DV_ID_SIZE);
}

static int cmp_hook(const void *a, const void *b)
{
	return memcmp(a, b, DV_SHARD_HOOK_ROW);
}

/*
 * Hooks name segments by the order of adding; sorting the segments gives them
 * new numbers. Each row is tagged with its old number for the sort.
 */
static int sort_segs(struct dv_shard_builder *b, struct dv_err *err)
{
	struct dv_buf *segs = &b->sec[DV_SHARD_SEGS];
	struct dv_buf *hooks = &b->sec[DV_SHARD_HOOKS];
	uint32_t n = dv_shard_rows(b, DV_SHARD_SEGS);
	uint32_t m = dv_shard_rows(b, DV_SHARD_HOOKS);
	size_t w = DV_SHARD_SEG_ROW + 4;
	uint8_t *tagged;
	uint32_t *now;

	if (!n)
		return 0;
	tagged = malloc(n * w);
	now = malloc(n * sizeof(*now));
	if (!tagged || !now) {
		free(tagged);
		free(now);
		return dv_err_nomem(err);
	}
	for (uint32_t i = 0; i < n; i++) {
		memcpy(tagged + i * w, segs->p + (size_t)i * DV_SHARD_SEG_ROW,
		       DV_SHARD_SEG_ROW);
		dv_put32(tagged + i * w + DV_SHARD_SEG_ROW, i);
	}
	qsort(tagged, n, w, cmp_id);
	for (uint32_t i = 0; i < n; i++) {
		memcpy(segs->p + (size_t)i * DV_SHARD_SEG_ROW, tagged + i * w,
		       DV_SHARD_SEG_ROW);
		now[dv_get32(tagged + i * w + DV_SHARD_SEG_ROW)] = i;
	}
	for (uint32_t i = 0; i < m; i++) {
		uint8_t *row = hooks->p + (size_t)i * DV_SHARD_HOOK_ROW;

		dv_put32(row + 16, now[dv_get32(row + 16)]);
	}
	if (m > 1)
		qsort(hooks->p, m, DV_SHARD_HOOK_ROW, cmp_hook);
	free(tagged);
	free(now);
	return 0;
}

int dv_shard_finish(struct dv_shard_builder *b, struct dv_sha256 *sha,
		    uint64_t first_push, struct dv_buf *out,
		    struct dv_err *err)
{
	uint8_t head[DV_SHARD_HEAD] = { 0 }, table[DV_SHARD_TABLE] = { 0 };
	uint64_t off = DV_SHARD_HEAD + DV_SHARD_TABLE;
	uint32_t files = dv_shard_rows(b, DV_SHARD_FILES);
	struct dv_id id;
	int rc;

	if (files > 1)
		qsort(b->sec[DV_SHARD_FILES].p, files, DV_SHARD_FILE_ROW,
		      cmp_file);
	if (dv_shard_size(b) > DV_SHARD_MAX)
		return dv_err_set(err, DV_EINVAL,
				  "a shard would be larger than any may be");
	rc = sort_segs(b, err);
	if (rc)
		return rc;
	for (uint32_t i = 0; i < DV_SHARD_SECTIONS; i++) {
		uint8_t *row = table + 48 * (size_t)i;

		dv_put32(row, i);
		dv_put64(row + 8, off);
		dv_sha256_of(sha, b->sec[i].p, b->sec[i].n, &id);
		memcpy(row + 16, id.b, DV_ID_SIZE);
		off += b->sec[i].n;
	}
	memcpy(head, magic, 8);
	dv_put16(head + 8, VERSION);
	dv_put32(head + 12, DV_SHARD_SECTIONS);
	dv_put64(head + 16, off);
	dv_put64(head + 24, first_push);
	dv_sha256_of(sha, table, sizeof(table), &id);
	memcpy(head + 32, id.b, DV_ID_SIZE);
	rc = dv_buf_add(out, head, sizeof(head), err);
	if (!rc)
		rc = dv_buf_add(out, table, sizeof(table), err);
	for (int i = 0; !rc && i < DV_SHARD_SECTIONS; i++)
		rc = dv_buf_add(out, b->sec[i].p, b->sec[i].n, err);
	return rc;
}

static int corrupt(struct dv_err *err, const char *what)
{
	return dv_err_set(err, DV_ECORRUPT, "%s", what);
}

static uint64_t sec_off(const uint8_t *p, int i)
{
	return i == DV_SHARD_SECTIONS ?
	       dv_get64(p + 16) :
	       dv_get64(p + DV_SHARD_HEAD + 48 * (size_t)i + 8);
}

int dv_shard_sizes(const void *v, size_t n, uint64_t *chunks_off,
		   uint64_t *size, struct dv_err *err)
{
	const uint8_t *p = v;
	uint64_t at = DV_SHARD_HEAD + DV_SHARD_TABLE;

	if (n < 16 || memcmp(p, magic, 8))
		return corrupt(err, "not a shard");
	if (dv_get16(p + 8) != VERSION || dv_get16(p + 10) ||
	    dv_get32(p + 12) != DV_SHARD_SECTIONS)
		return dv_err_set(err, DV_EINVAL,
				  "a shard of version %u, flags 0x%x, %u sections needs a newer git-dv",
				  dv_get16(p + 8), dv_get16(p + 10),
				  dv_get32(p + 12));
	if (n < DV_SHARD_HEAD + DV_SHARD_TABLE)
		return corrupt(err, "a shard is cut off");
	*size = dv_get64(p + 16);
	if (*size > DV_SHARD_MAX)
		return corrupt(err, "a shard is larger than any may be");
	for (int i = 0; i < DV_SHARD_SECTIONS; i++) {
		uint64_t off = sec_off(p, i), next = sec_off(p, i + 1);

		if (off != at || next < off || next > *size ||
		    (next - off) % row_size[i] ||
		    dv_get32(p + DV_SHARD_HEAD + 48 * (size_t)i) !=
			    (uint32_t)i)
			return corrupt(err, "a shard's sections do not fit");
		at = next;
	}
	*chunks_off = sec_off(p, DV_SHARD_CHUNKS);
	return 0;
}

/* Rows that point at others must point inside, and sorted ones be sorted. */
static int check_rows(const struct dv_shard *s, struct dv_err *err)
{
	for (uint32_t i = 0; i < s->n[DV_SHARD_FILES]; i++) {
		const uint8_t *row = s->sec[DV_SHARD_FILES] +
				     (size_t)i * DV_SHARD_FILE_ROW;
		uint32_t first, nseg;
		struct dv_oid oid;

		dv_shard_file(s, i, &oid, &first, &nseg);
		if (i && cmp_file(row - DV_SHARD_FILE_ROW, row) > 0)
			return corrupt(err, "a shard's files are not sorted");
		if (oid.scheme == DV_SCHEME_SHA256) {
			if (nseg || first >= s->n[DV_SHARD_CHUNKS] ||
			    !oid.size || oid.size > DV_CHUNK_MAX)
				return corrupt(err,
					       "a shard has an impossible file");
		} else if (oid.scheme != DV_SCHEME_DV1 || !nseg ||
			   oid.size <= DV_CHUNK_MIN || oid.size > INT64_MAX ||
			   first > s->n[DV_SHARD_SEGREFS] ||
			   nseg > s->n[DV_SHARD_SEGREFS] - first) {
			return corrupt(err, "a shard has an impossible file");
		}
	}
	for (uint32_t i = 0; i < s->n[DV_SHARD_SEGS]; i++) {
		const uint8_t *row = s->sec[DV_SHARD_SEGS] +
				     (size_t)i * DV_SHARD_SEG_ROW;
		uint32_t first, n;

		dv_shard_seg(s, i, &first, &n);
		if (!n || n > DV_SEG_MAX || first > s->n[DV_SHARD_CHUNKS] ||
		    n > s->n[DV_SHARD_CHUNKS] - first ||
		    (i && cmp_id(row - DV_SHARD_SEG_ROW, row) > 0))
			return corrupt(err,
				       "a shard has an impossible segment");
	}
	for (uint32_t i = 0; i < s->n[DV_SHARD_HOOKS]; i++) {
		const uint8_t *row = s->sec[DV_SHARD_HOOKS] +
				     (size_t)i * DV_SHARD_HOOK_ROW;

		if (dv_shard_hook_seg(s, i) >= s->n[DV_SHARD_SEGS] ||
		    (i && memcmp(row - DV_SHARD_HOOK_ROW, row, 16) > 0))
			return corrupt(err, "a shard has an impossible hook");
	}
	return 0;
}

int dv_shard_view(const void *v, size_t n, struct dv_sha256 *sha,
		  struct dv_shard *s, struct dv_err *err)
{
	const uint8_t *p = v;
	struct dv_id id;
	int rc, last;

	memset(s, 0, sizeof(*s));
	rc = dv_shard_sizes(p, n, &s->chunks_off, &s->size, err);
	if (rc)
		return rc;
	if (n != s->chunks_off && n != s->size)
		return corrupt(err, "a shard is cut off");
	dv_sha256_of(sha, p + DV_SHARD_HEAD, DV_SHARD_TABLE, &id);
	if (memcmp(id.b, p + 32, DV_ID_SIZE))
		return corrupt(err, "a shard's table has a wrong checksum");
	last = n == s->size ? DV_SHARD_SECTIONS : DV_SHARD_CHUNKS;
	for (int i = 0; i < DV_SHARD_SECTIONS; i++) {
		const uint8_t *row = p + DV_SHARD_HEAD + 48 * (size_t)i;
		uint64_t off = sec_off(p, i), len = sec_off(p, i + 1) - off;

		s->n[i] = (uint32_t)(len / row_size[i]);
		if (i >= last)
			continue;
		dv_sha256_of(sha, p + off, (size_t)len, &id);
		if (memcmp(id.b, row + 16, DV_ID_SIZE))
			return corrupt(err, "a shard has a wrong checksum");
		s->sec[i] = p + off;
	}
	s->first_push = dv_get64(p + 24);
	return check_rows(s, err);
}

static int64_t find(const uint8_t *rows, uint32_t n, size_t w, const void *key,
		    size_t kn)
{
	uint32_t lo = 0, hi = n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (memcmp(rows + mid * w, key, kn) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && !memcmp(rows + lo * w, key, kn) ? (int64_t)lo : -1;
}

int64_t dv_shard_find_file(const struct dv_shard *s, const struct dv_oid *oid)
{
	int64_t i = find(s->sec[DV_SHARD_FILES], s->n[DV_SHARD_FILES],
			 DV_SHARD_FILE_ROW, oid->id.b, DV_ID_SIZE);

	for (; i >= 0 && i < s->n[DV_SHARD_FILES]; i++) {
		struct dv_oid here;
		uint32_t a, b;

		dv_shard_file(s, (uint32_t)i, &here, &a, &b);
		if (!dv_id_eq(&here.id, &oid->id))
			break;
		if (here.scheme == oid->scheme &&
		    (!oid->size || here.size == oid->size))
			return i;
	}
	return -1;
}

int64_t dv_shard_find_seg(const struct dv_shard *s, const struct dv_id *id)
{
	return find(s->sec[DV_SHARD_SEGS], s->n[DV_SHARD_SEGS],
		    DV_SHARD_SEG_ROW, id->b, DV_ID_SIZE);
}

int64_t dv_shard_find_hook(const struct dv_shard *s, const struct dv_id *id)
{
	return find(s->sec[DV_SHARD_HOOKS], s->n[DV_SHARD_HOOKS],
		    DV_SHARD_HOOK_ROW, id->b, 16);
}

void dv_shard_file(const struct dv_shard *s, uint32_t i, struct dv_oid *oid,
		   uint32_t *first, uint32_t *nseg)
{
	const uint8_t *row = s->sec[DV_SHARD_FILES] +
			     (size_t)i * DV_SHARD_FILE_ROW;

	memset(oid, 0, sizeof(*oid));
	memcpy(oid->id.b, row, DV_ID_SIZE);
	oid->size = dv_get64(row + 32);
	*first = dv_get32(row + 40);
	*nseg = dv_get32(row + 44);
	oid->scheme = row[48];
}

uint32_t dv_shard_file_hours(const struct dv_shard *s, uint32_t i)
{
	return dv_get32(s->sec[DV_SHARD_FILES] +
			(size_t)i * DV_SHARD_FILE_ROW + 52);
}

void dv_shard_seg(const struct dv_shard *s, uint32_t i, uint32_t *first,
		  uint32_t *n)
{
	const uint8_t *row = s->sec[DV_SHARD_SEGS] +
			     (size_t)i * DV_SHARD_SEG_ROW;

	*first = dv_get32(row + 32);
	*n = dv_get32(row + 36);
}

uint32_t dv_shard_hook_seg(const struct dv_shard *s, uint32_t i)
{
	return dv_get32(s->sec[DV_SHARD_HOOKS] +
			(size_t)i * DV_SHARD_HOOK_ROW + 16);
}

const uint8_t *dv_shard_pack_name(const struct dv_shard *s, uint32_t i)
{
	return s->sec[DV_SHARD_PACKS] + (size_t)i * DV_SHARD_PACK_ROW;
}

uint64_t dv_shard_pack_size(const struct dv_shard *s, uint32_t i)
{
	return dv_get64(dv_shard_pack_name(s, i) + 16);
}

int dv_shard_chunk_parse(const struct dv_shard *s, const uint8_t *row,
			 struct dv_shard_chunk *c, struct dv_err *err)
{
	uint64_t end;

	memcpy(c->id.b, row, DV_ID_SIZE);
	c->pack = dv_get32(row + 32);
	c->off = dv_get32(row + 36);
	c->raw = dv_get32(row + 40);
	c->enc = dv_get32(row + 44);
	c->transform = row[48];
	c->codec = row[49];
	c->base = dv_get32(row + 52);
	end = (uint64_t)c->off + dv_rec_head_size(c->codec) + c->enc;
	if (c->pack >= s->n[DV_SHARD_PACKS] || c->off < DV_PACK_HEAD ||
	    end > dv_shard_pack_size(s, c->pack))
		return corrupt(err, "a shard places a chunk outside its pack");
	if (!c->raw || c->raw > DV_CHUNK_MAX || !c->enc || c->enc > c->raw)
		return corrupt(err, "a shard has impossible chunk lengths");
	if ((c->codec == DV_CODEC_DELTA) != (c->base != DV_SHARD_NO_BASE) ||
	    (c->base != DV_SHARD_NO_BASE && c->base >= s->n[DV_SHARD_CHUNKS]))
		return corrupt(err, "a shard gives a chunk an impossible base");
	return 0;
}
