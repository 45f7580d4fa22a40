#include "store/content.h"

#include <string.h>

#include "base/hex.h"

int dv_content_open(struct dv_content *c, struct dv_store *s,
		    struct dv_coder *coder, const struct dv_oid *oid,
		    struct dv_err *err)
{
	const uint8_t *p;
	size_t n;
	int rc;

	memset(c, 0, sizeof(*c));
	c->store = s;
	c->coder = coder;
	c->oid = *oid;
	if (oid->scheme == DV_SCHEME_SHA256) {
		struct dv_loc loc;

		if (!dv_store_has(s, DV_KIND_CHUNK, &oid->id) ||
		    !dv_store_locate(s, DV_KIND_CHUNK, &oid->id, &loc))
			return dv_err_set(err, DV_ENOTFOUND,
					  "content %s is not in the local store",
					  dv_oid_text(oid).s);
		if (oid->size && loc.row.raw != oid->size)
			return dv_err_set(err, DV_ECORRUPT,
					  "content %s has %u bytes, not the %llu of its pointer",
					  dv_oid_text(oid).s, loc.row.raw,
					  (unsigned long long)oid->size);
		c->oid.size = loc.row.raw;
		return 0;
	}
	rc = dv_store_read(s, coder, DV_KIND_FILE, &oid->id, &p, &n, err);
	if (rc == DV_ENOTFOUND)
		dv_err_set(err, rc, "content %s is not in the local store",
			   dv_oid_text(oid).s);
	if (!rc)
		rc = dv_buf_add(&c->list, p, n, err);
	if (!rc)
		rc = dv_flist_parse(c->list.p, c->list.n, &c->flist, err);
	if (!rc && oid->size && c->flist.size != oid->size)
		rc = dv_err_set(err, DV_ECORRUPT,
				"content %s has %llu bytes, not the %llu of its pointer",
				dv_oid_text(oid).s,
				(unsigned long long)c->flist.size,
				(unsigned long long)oid->size);
	if (!rc)
		c->oid.size = c->flist.size;
	if (rc)
		dv_content_close(c);
	return rc;
}

void dv_content_close(struct dv_content *c)
{
	dv_buf_release(&c->list);
	dv_buf_release(&c->segbuf);
}

static int next_segment(struct dv_content *c, struct dv_err *err)
{
	const struct dv_id *id = dv_flist_id(&c->flist, c->seg_i);
	const uint8_t *p;
	size_t n;
	int rc = dv_store_read(c->store, c->coder, DV_KIND_SEGMENT, id, &p, &n,
			       err);

	if (rc)
		return rc;
	c->segbuf.n = 0;
	rc = dv_buf_add(&c->segbuf, p, n, err);
	if (!rc)
		rc = dv_seg_parse(c->segbuf.p, n, &c->seg, err);
	if (!rc && (c->seg.bytes != dv_flist_bytes(&c->flist, c->seg_i) ||
		    (!c->seg.ended && c->seg_i + 1 < c->flist.n)))
		rc = dv_err_set(err, DV_ECORRUPT,
				"segment %s does not fit its file list",
				dv_id_hex(id).s);
	/* One chunk alone is named by its own id. */
	if (!rc && c->flist.n == 1 && c->seg.n == 1)
		rc = dv_err_set(err, DV_ECORRUPT,
				"file list %s has only one chunk",
				dv_id_hex(&c->oid.id).s);
	c->seg_i++;
	c->chunk_i = 0;
	return rc;
}

int dv_content_next(struct dv_content *c, struct dv_id *id, uint32_t *len,
		    struct dv_err *err)
{
	int rc;

	if (c->off == c->oid.size)
		return 0;
	if (c->oid.scheme == DV_SCHEME_SHA256) {
		*id = c->oid.id;
		*len = (uint32_t)c->oid.size;
		c->off = c->oid.size;
		return 1;
	}
	if (!c->seg.rows || c->chunk_i == c->seg.n) {
		rc = next_segment(c, err);
		if (rc)
			return rc;
	}
	*id = *dv_seg_id(&c->seg, c->chunk_i);
	*len = dv_seg_len(&c->seg, c->chunk_i);
	c->chunk_i++;
	c->off += *len;
	return 1;
}

int dv_content_missing(struct dv_store *s, struct dv_coder *coder,
		       const struct dv_oid *oid,
		       int (*miss)(enum dv_kind kind, const struct dv_id *id,
				   void *arg),
		       void *arg, struct dv_err *err)
{
	struct dv_content c;
	struct dv_seg seg;
	int rc;

	if (!dv_store_has_file(s, oid))
		return miss(dv_oid_kind(oid), &oid->id, arg);
	if (oid->scheme == DV_SCHEME_SHA256)
		return dv_store_can_read(s, &oid->id) ? 0 :
		       miss(DV_KIND_CHUNK, &oid->id, arg);
	rc = dv_content_open(&c, s, coder, oid, err);
	for (uint32_t i = 0; !rc && i < c.flist.n; i++) {
		const struct dv_id *id = dv_flist_id(&c.flist, i);
		const uint8_t *p;
		size_t n;

		rc = dv_store_read(s, coder, DV_KIND_SEGMENT, id, &p, &n, err);
		if (rc == DV_ENOTFOUND) {
			rc = miss(DV_KIND_SEGMENT, id, arg);
			continue;
		}
		if (!rc)
			rc = dv_seg_parse(p, n, &seg, err);
		for (uint32_t k = 0; !rc && k < seg.n; k++)
			if (!dv_store_can_read(s, dv_seg_id(&seg, k)))
				rc = miss(DV_KIND_CHUNK, dv_seg_id(&seg, k),
					  arg);
	}
	dv_content_close(&c);
	return rc;
}

static int stop_at_first(enum dv_kind kind, const struct dv_id *id, void *arg)
{
	(void)kind;
	(void)id;
	(void)arg;
	return 1;
}

int dv_content_complete(struct dv_store *s, struct dv_coder *coder,
			const struct dv_oid *oid, struct dv_err *err)
{
	int rc = dv_content_missing(s, coder, oid, stop_at_first, NULL, err);

	return rc < 0 ? rc : !rc;
}
