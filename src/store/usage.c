#include "store/usage.h"

#include <stdlib.h>
#include <sys/stat.h>

enum {
	STORED = 1,	/* its record is counted */
	TOLD = 2,	/* a file had it: no base alone */
};

/* 1 where the flag is new on it; negative: an error. */
static int note(struct dv_usage_walk *w, enum dv_kind kind,
		const struct dv_id *id, uint64_t flag, struct dv_err *err)
{
	uint64_t *v = dv_idmap_get(&w->seen, kind, id);
	int rc;

	if (!v) {
		rc = dv_idmap_put(&w->seen, kind, id, flag, err);
		return rc ? rc : 1;
	}
	if (*v & flag)
		return 0;
	*v |= flag;
	return 1;
}

/* A whole record, where there is one too: a delta may need that. */
static int locate(struct dv_store *s, enum dv_kind kind,
		  const struct dv_id *id, struct dv_loc *loc)
{
	for (unsigned int skip = 0;
	     dv_packset_find_nth(&s->set, kind, id, skip, loc); skip++)
		if (loc->row.codec != DV_CODEC_DELTA)
			return 1;
	return dv_store_locate(s, kind, id, loc);
}

static int add_stored(struct dv_usage_walk *w, const struct dv_row *row,
		      struct dv_usage *out, struct dv_err *err)
{
	int rc = note(w, row->kind, &row->id, STORED, err);

	if (rc == 1)
		out->stored += dv_row_len(row);
	return rc < 0 ? rc : 0;
}

static int add_list(struct dv_usage_walk *w, enum dv_kind kind,
		    const struct dv_id *id, struct dv_usage *out,
		    struct dv_err *err)
{
	struct dv_loc loc;

	return locate(w->store, kind, id, &loc) ?
	       add_stored(w, &loc.row, out, err) : 0;
}

/* Where the record stands, and that of its base if it is a delta. */
static int find_chunk(struct dv_usage_walk *w, const struct dv_id *id,
		      struct dv_loc *loc, struct dv_loc *base)
{
	struct dv_id base_id;

	if (!locate(w->store, DV_KIND_CHUNK, id, loc))
		return 0;
	return loc->row.codec != DV_CODEC_DELTA ||
	       (!dv_store_base_id(w->store, loc, &base_id, NULL) &&
		locate(w->store, DV_KIND_CHUNK, &base_id, base));
}

static int add_chunk(struct dv_usage_walk *w, const struct dv_id *id,
		     uint32_t len, struct dv_usage *out, struct dv_err *err)
{
	struct dv_loc loc, base;
	int rc;

	if (!find_chunk(w, id, &loc, &base)) {
		out->absent += len;
		return 0;
	}
	rc = note(w, DV_KIND_CHUNK, id, TOLD, err);
	if (rc <= 0)
		return rc;
	out->dedup += len;
	rc = add_stored(w, &loc.row, out, err);
	if (rc || loc.row.codec != DV_CODEC_DELTA) {
		out->delta += len;
		return rc;
	}
	out->delta += loc.row.enc;
	return add_stored(w, &base.row, out, err);
}

int dv_usage_add(struct dv_usage_walk *w, const struct dv_oid *oid,
		 struct dv_usage *out, struct dv_err *err)
{
	struct dv_content c;
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
		rc = add_list(w, DV_KIND_FILE, &oid->id, out, err);
	for (uint32_t i = 0; !rc && i < c.flist.n; i++)
		rc = add_list(w, DV_KIND_SEGMENT, dv_flist_id(&c.flist, i),
			      out, err);
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
