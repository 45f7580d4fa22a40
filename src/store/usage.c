#include "store/usage.h"

#include <stdlib.h>
#include <sys/stat.h>

/* 1: it is here and was not told before. */
static int add_record(struct dv_usage_walk *w, enum dv_kind kind,
		      const struct dv_id *id, struct dv_usage *out,
		      struct dv_loc *loc, struct dv_err *err)
{
	int rc;

	if (!dv_store_locate(w->store, kind, id, loc))
		return 0;
	rc = dv_idmap_put(&w->seen, kind, id, 1, err);
	if (rc)
		return rc == DV_EEXIST ? 0 : rc;
	out->stored += dv_row_len(&loc->row);
	return 1;
}

static int add_chunk(struct dv_usage_walk *w, const struct dv_id *id,
		     uint32_t len, struct dv_usage *out, struct dv_err *err)
{
	struct dv_loc loc;
	int rc;

	if (!dv_store_has_quick(w->store, DV_KIND_CHUNK, id)) {
		out->absent += len;
		return 0;
	}
	rc = add_record(w, DV_KIND_CHUNK, id, out, &loc, err);
	if (rc != 1)
		return rc;
	out->dedup += len;
	out->delta += loc.row.codec == DV_CODEC_DELTA ? loc.row.enc : len;
	return 0;
}

int dv_usage_add(struct dv_usage_walk *w, const struct dv_oid *oid,
		 struct dv_usage *out, struct dv_err *err)
{
	struct dv_content c;
	struct dv_loc loc;
	struct dv_id id;
	uint32_t len;
	int rc;

	*out = (struct dv_usage){ .raw = oid->size };
	rc = dv_content_open(&c, w->store, w->coder, oid, err);
	if (rc == DV_ENOTFOUND || rc == DV_ECORRUPT) {
		out->absent = oid->size;
		return 0;
	}
	if (rc)
		return rc;
	if (oid->scheme == DV_SCHEME_DV1)
		rc = add_record(w, DV_KIND_FILE, &oid->id, out, &loc, err);
	for (uint32_t i = 0; rc >= 0 && i < c.flist.n; i++)
		rc = add_record(w, DV_KIND_SEGMENT,
				dv_flist_id(&c.flist, i), out, &loc, err);
	rc = rc < 0 ? rc : 0;
	while (!rc && (rc = dv_content_next(&c, &id, &len, err)) == 1)
		rc = add_chunk(w, &id, len, out, err);
	if (rc == DV_ENOTFOUND || rc == DV_ECORRUPT) {
		out->absent += c.oid.size - c.off;
		rc = 0;
	}
	dv_content_close(&c);
	return rc;
}

void dv_usage_sum(struct dv_usage *total, const struct dv_usage *u)
{
	total->raw += u->raw;
	total->dedup += u->dedup;
	total->delta += u->delta;
	total->stored += u->stored;
	total->absent += u->absent;
}

uint64_t dv_usage_packs(struct dv_store *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->set.n; i++) {
		char *path = dv_pack_gone(s->set.v[i]) ? NULL :
			     dv_pack_path(&s->set, s->set.v[i]);
		struct stat st;

		if (path && !stat(path, &st))
			sum += (uint64_t)st.st_size;
		free(path);
	}
	return sum;
}
