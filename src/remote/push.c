#include "remote/push.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/idmap.h"
#include "remote/compact.h"
#include "remote/known.h"
#include "remote/lease.h"
#include "remote/upload.h"

#define NAMED_MAX 20
#define SHARD_FULL (DV_SHARD_MAX / 8 * 7)	/* then another is begun */

/* Where a chunk is: in the shard that is being built. */
struct push {
	struct dv_remote *remote;
	struct dv_store *store;
	struct dv_coder coder;
	struct dv_upload up;		/* packs on their way */
	struct dv_shard_builder shard;
	struct dv_idmap rows;		/* chunk -> row of CHUNKS here */
	struct dv_idmap segs;		/* segment -> 1: described here */
	struct dv_known known;		/* what is on the remote already */
	struct dv_idmap files;		/* file -> 1: in this push */
	struct dv_idmap packs;		/* pack name (padded) -> row of PACKS */
	const struct dv_oid *previous;	/* of the file at work; NULL: loaded */
	int wait;	/* put a file off whose deltas have bases to come */
	struct dv_push_result *result;
	uint32_t hours;			/* now, since 1970 */
	int dry_run;
};

/* ---- what the new shard says ---- */

static int pack_row(struct push *p, const uint8_t name[16], uint64_t size,
		    uint32_t *row, struct dv_err *err)
{
	struct dv_id key = { { 0 } };
	uint64_t *at;
	int rc;

	memcpy(key.b, name, 16);
	at = dv_idmap_get(&p->packs, 1, &key);
	if (at) {
		*row = (uint32_t)*at;
		return 0;
	}
	*row = dv_shard_rows(&p->shard, DV_SHARD_PACKS);
	rc = dv_shard_add_pack(&p->shard, name, size, err);
	return rc ? rc : dv_idmap_put(&p->packs, 1, &key, *row, err);
}

/* A row to be: c.base is filled in when the run's rows are numbered. */
struct place {
	struct dv_shard_chunk c;
	struct dv_shard_chunk base;	/* of a delta: the row that it needs */
};

/* The rows of one segment, or of a file of one chunk. */
struct run {
	struct place *v;
	struct dv_idmap here;	/* chunk -> place in v: any, or a WHOLE one */
};

enum { ANY = 1, WHOLE = 2 };

/* A row that this shard has already. */
static void old_row(const struct push *p, uint64_t at,
		    struct dv_shard_chunk *c)
{
	const uint8_t *row = p->shard.sec[DV_SHARD_CHUNKS].p +
			     at * DV_SHARD_CHUNK_ROW;

	memcpy(c->id.b, row, DV_ID_SIZE);
	c->pack = dv_get32(row + 32);
	c->off = dv_get32(row + 36);
	c->raw = dv_get32(row + 40);
	c->enc = dv_get32(row + 44);
	c->transform = row[48];
	c->codec = row[49];
	c->base = dv_get32(row + 52);
}

static int remote_row(struct push *p, const struct dv_known_row *from,
		      struct dv_shard_chunk *c, struct dv_err *err)
{
	*c = from->c;
	return pack_row(p, from->pack, from->pack_size, &c->pack, err);
}

/*
 * 1 where the remote holds this chunk whole, or will with this shard; or 0.
 * With c NULL it only tells.
 */
static int find_whole(struct push *p, const struct run *r,
		      const struct dv_id *id, struct dv_shard_chunk *c,
		      struct dv_err *err)
{
	uint64_t *at = dv_idmap_get(&r->here, WHOLE, id);
	const struct dv_known_chunk *k;
	int rc;

	if (at) {
		if (c)
			*c = r->v[*at].c;
		return 1;
	}
	at = dv_idmap_get(&p->rows, DV_KIND_CHUNK, id);
	if (at) {
		struct dv_shard_chunk old;

		old_row(p, *at, &old);
		if (old.codec != DV_CODEC_DELTA) {
			if (c)
				*c = old;
			return 1;
		}
	}
	k = dv_known_find(&p->known, id);
	if (!k || k->at.c.codec == DV_CODEC_DELTA)
		return 0;
	rc = c ? remote_row(p, &k->at, c, err) : 0;
	return rc ? rc : 1;
}

/* The same for the base of a delta. */
static int find_base(struct push *p, const struct run *r,
		     const struct dv_loc *loc, struct dv_id *base,
		     struct dv_shard_chunk *c, struct dv_err *err)
{
	int rc = dv_store_base_id(p->store, loc, base, err);

	if (!rc)
		rc = find_whole(p, r, base, c, err);
	if (!rc && p->previous) {
		/* It may stand in a segment that did not change. */
		rc = dv_known_previous(&p->known, p->previous, NULL, err);
		p->previous = NULL;
		if (!rc)
			rc = find_whole(p, r, base, c, err);
	}
	return rc;
}

/*
 * Into a new pack. A delta stays one where its base is on the remote: a base
 * that no pushed file holds may be somebody's private data.
 */
static int place_new(struct push *p, const struct run *r,
		     const struct dv_loc *at, struct place *out,
		     struct dv_err *err)
{
	struct dv_loc loc = *at;
	struct dv_id base;
	struct dv_rec rec;
	uint8_t name[16];
	int rc = 0, whole = 0;

	if (loc.row.codec == DV_CODEC_DELTA) {
		rc = find_base(p, r, &loc, &base, &out->base, err);
		whole = !rc;
		rc = DV_MIN(rc, 0);
	}
	if (!rc)
		rc = dv_upload_chunk(&p->up, &loc, whole, &rec, name,
				     &out->c.off, err);
	if (rc)
		return rc;
	out->c.id = rec.id;
	out->c.raw = rec.raw;
	out->c.enc = rec.enc;
	out->c.transform = rec.transform;
	out->c.codec = rec.codec;
	p->result->chunks++;
	p->result->raw += rec.raw;
	p->result->bytes += dv_rec_head_size(rec.codec) + (uint64_t)rec.enc;
	/* The pack's size is filled in when it is known. */
	return pack_row(p, name, 0, &out->c.pack, err);
}

/*
 * One CHUNKS row: the chunk is there already, or goes into a new pack. 1 where
 * it would be a delta, and `deltas` says not yet.
 */
static int place_chunk(struct push *p, const struct run *r,
		       const struct dv_id *id, int deltas, struct place *out,
		       struct dv_err *err)
{
	uint64_t *at = dv_idmap_get(&r->here, ANY, id);
	const struct dv_known_chunk *k;
	struct dv_loc loc;
	int rc;

	memset(out, 0, sizeof(*out));
	if (at) {
		*out = r->v[*at];
		return 0;
	}
	at = dv_idmap_get(&p->rows, DV_KIND_CHUNK, id);
	if (at) {
		old_row(p, *at, &out->c);
		if (out->c.codec == DV_CODEC_DELTA)
			old_row(p, out->c.base, &out->base);
		return 0;
	}
	k = dv_known_find(&p->known, id);
	if (k) {
		rc = remote_row(p, &k->at, &out->c, err);
		if (!rc && out->c.codec == DV_CODEC_DELTA)
			rc = remote_row(p, &k->base, &out->base, err);
		return rc;
	}
	if (!dv_store_locate(p->store, DV_KIND_CHUNK, id, &loc))
		return dv_err_set(err, DV_ENOTFOUND,
				  "chunk %s is not in the local store",
				  dv_id_hex(id).s);
	if (loc.row.codec == DV_CODEC_DELTA && !deltas)
		return 1;
	return place_new(p, r, &loc, out, err);
}

/* v[i] has been placed. */
static int note(struct run *r, uint32_t i, struct dv_err *err)
{
	const struct dv_shard_chunk *c = &r->v[i].c;
	int rc = dv_idmap_put(&r->here, ANY, &c->id, i, err);

	if ((!rc || rc == DV_EEXIST) && c->codec != DV_CODEC_DELTA)
		rc = dv_idmap_put(&r->here, WHOLE, &c->id, i, err);
	return rc == DV_EEXIST ? 0 : rc;
}

/*
 * 1 where a chunk is a delta whose base neither is on the remote nor stands in
 * this run: the file that brings it may be still to come.
 */
static int lacks_base(struct push *p, const uint8_t *ids, size_t step,
		      uint32_t n, const struct run *r, struct dv_err *err)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct dv_id *id = (const struct dv_id *)(ids + i * step);
		struct dv_id base;
		struct dv_loc loc;
		uint32_t k = 0;
		int rc;

		if (dv_idmap_get(&p->rows, DV_KIND_CHUNK, id) ||
		    dv_known_find(&p->known, id) ||
		    !dv_store_locate(p->store, DV_KIND_CHUNK, id, &loc) ||
		    loc.row.codec != DV_CODEC_DELTA)
			continue;
		rc = find_base(p, r, &loc, &base, NULL, err);
		if (rc < 0)
			return rc;
		while (!rc && k < n && memcmp(ids + k * step, base.b, DV_ID_SIZE))
			k++;
		if (!rc && k == n)
			return 1;
	}
	return 0;
}

/* Whole chunks of a run first: they may be bases of the others. */
static int place_run(struct push *p, const uint8_t *ids, size_t step,
		     uint32_t n, struct run *r, struct dv_err *err)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < 2 * n; i++) {
		struct place *at = &r->v[i % n];

		if (at->c.raw)
			continue;	/* placed in the first round */
		rc = place_chunk(p, r, (const struct dv_id *)
				 (ids + (i % n) * step), i >= n, at, err);
		at->c.base = DV_SHARD_NO_BASE;
		if (!rc)
			rc = note(r, i % n, err);
		rc = DV_MIN(rc, 0);
	}
	return rc;
}

static int add_row(struct push *p, const struct dv_shard_chunk *c,
		   struct dv_err *err)
{
	uint32_t row = dv_shard_rows(&p->shard, DV_SHARD_CHUNKS);
	uint64_t *at = dv_idmap_get(&p->rows, DV_KIND_CHUNK, &c->id);
	int rc = dv_shard_add_chunk(&p->shard, c, err);

	if (rc)
		return rc;
	if (!at)
		return dv_idmap_put(&p->rows, DV_KIND_CHUNK, &c->id, row, err);
	if (c->codec != DV_CODEC_DELTA)
		*at = row;
	return 0;
}

/*
 * The rows of a segment's n chunks, then those of the bases that are not among
 * them, so that whoever reads the segment finds both together. 1: not yet.
 */
static int add_run(struct push *p, const uint8_t *ids, size_t step,
		   uint32_t n, struct dv_err *err)
{
	uint32_t first = dv_shard_rows(&p->shard, DV_SHARD_CHUNKS), total = n;
	struct run r = { .v = calloc(2 * (size_t)n, sizeof(*r.v)) };
	int rc = r.v ? 0 : dv_err_nomem(err);

	if (!rc && p->wait)
		rc = lacks_base(p, ids, step, n, &r, err);
	if (!rc)
		rc = place_run(p, ids, step, n, &r, err);

	for (uint32_t i = 0; !rc && i < n; i++) {
		struct place *at = &r.v[i];
		uint64_t *base;

		if (at->c.codec != DV_CODEC_DELTA)
			continue;
		base = dv_idmap_get(&r.here, WHOLE, &at->base.id);
		at->c.base = first + (base ? (uint32_t)*base : total);
		if (base)
			continue;
		r.v[total].c = at->base;
		r.v[total].c.base = DV_SHARD_NO_BASE;
		rc = note(&r, total++, err);
	}
	for (uint32_t i = 0; !rc && i < total; i++)
		rc = add_row(p, &r.v[i].c, err);
	dv_idmap_release(&r.here);
	free(r.v);
	return rc;
}

static int add_segment(struct push *p, const struct dv_id *id,
		       int first_of_file, struct dv_err *err)
{
	struct dv_remote_shard *s;
	struct dv_buf list = { 0 };
	const uint8_t *bytes;
	struct dv_seg seg;
	uint32_t row, first, number;
	size_t n;
	int rc;

	if (dv_idmap_get(&p->segs, DV_KIND_SEGMENT, id) ||
	    dv_remote_find_seg(p->remote, id, &s, &row))
		return 0;
	rc = dv_store_read(p->store, &p->coder, DV_KIND_SEGMENT, id, &bytes,
			   &n, err);
	if (!rc)
		rc = dv_buf_add(&list, bytes, n, err);
	if (!rc)
		rc = dv_seg_parse(list.p, n, &seg, err);
	for (uint32_t i = 0; !rc && i < seg.n; i++)
		if (dv_is_hook(dv_seg_id(&seg, i)) || (!i && first_of_file))
			rc = dv_known_hooked(&p->known, dv_seg_id(&seg, i),
					     err);
	if (rc)
		goto out;
	first = dv_shard_rows(&p->shard, DV_SHARD_CHUNKS);
	number = dv_shard_rows(&p->shard, DV_SHARD_SEGS);
	rc = add_run(p, dv_seg_id(&seg, 0)->b, DV_SEG_ROW, seg.n, err);
	if (!rc)
		rc = dv_shard_add_seg(&p->shard, id, first, seg.n, err);
	for (uint32_t i = 0; !rc && i < seg.n; i++)
		if (dv_is_hook(dv_seg_id(&seg, i)) || (!i && first_of_file))
			rc = dv_shard_add_hook(&p->shard, dv_seg_id(&seg, i),
					       number, err);
	if (!rc)
		rc = dv_idmap_put(&p->segs, DV_KIND_SEGMENT, id, 1, err);
out:
	dv_buf_release(&list);
	return rc;
}

static int finish_shard(struct push *p, struct dv_err *err);

/* 1: not now, since the files behind may bring bases. */
static int add_file(struct push *p, const struct dv_push_file *file,
		    struct dv_err *err)
{
	const struct dv_oid *oid = &file->oid;
	struct dv_content c;
	uint32_t first;
	int rc;

	rc = dv_content_open(&c, p->store, &p->coder, oid, err);
	if (rc)
		return rc;
	p->previous = file->previous.scheme == DV_SCHEME_DV1 ? &file->previous :
							       NULL;
	if (oid->scheme == DV_SCHEME_SHA256) {
		if (dv_shard_size(&p->shard) > SHARD_FULL)
			rc = finish_shard(p, err);
		first = dv_shard_rows(&p->shard, DV_SHARD_CHUNKS);
		if (!rc)
			rc = add_run(p, oid->id.b, sizeof(oid->id), 1, err);
		if (!rc)
			rc = dv_shard_add_file(&p->shard, oid, first, 0,
					       p->hours, err);
		goto out;
	}
	rc = dv_known_previous(&p->known, &file->previous, &p->segs, err);
	for (uint32_t i = 0; !rc && i < c.flist.n; i++) {
		rc = add_segment(p, dv_flist_id(&c.flist, i), i == 0, err);
		if (!rc && dv_shard_size(&p->shard) > SHARD_FULL)
			rc = finish_shard(p, err);
	}
	/* The list's rows and the file's stand in one shard. */
	if (!rc && dv_shard_size(&p->shard) +
			   (uint64_t)c.flist.n * DV_FILE_ROW > SHARD_FULL)
		rc = finish_shard(p, err);
	first = dv_shard_rows(&p->shard, DV_SHARD_SEGREFS);
	if (!rc)
		rc = dv_buf_add(&p->shard.sec[DV_SHARD_SEGREFS], c.flist.rows,
				(size_t)c.flist.n * DV_FILE_ROW, err);
	if (!rc)
		rc = dv_shard_add_file(&p->shard, oid, first, c.flist.n,
				       p->hours, err);
out:
	dv_content_close(&c);
	if (!rc)
		p->result->files++;
	return rc;
}

/* ---- commit ---- */

static int put_shard(struct push *p, const struct dv_buf *bytes,
		     struct dv_err *err)
{
	struct dv_backend *b = p->remote->backend;
	char *name = p->result->shard, key[64];
	int rc = dv_random_name(name, err);

	if (rc)
		return rc;
	snprintf(key, sizeof(key), "shards/0/%s", name);
	return b->ops->put(b, key, bytes->p, bytes->n, DV_PUT_NEW, err);
}

/* Everything that the shard names is durable before it is put. */
static int finish_shard(struct push *p, struct dv_err *err)
{
	struct dv_buf bytes = { 0 };
	int rc = 0;

	if (p->dry_run)
		goto reset;
	rc = dv_upload_finish(&p->up, err);
	for (uint32_t i = 0; !rc && i < dv_shard_rows(&p->shard,
						      DV_SHARD_PACKS); i++) {
		uint8_t *row = p->shard.sec[DV_SHARD_PACKS].p +
			       (size_t)i * DV_SHARD_PACK_ROW;
		uint64_t size;

		if (!dv_get64(row + 16) &&
		    dv_upload_pack_size(&p->up, row, &size))
			dv_put64(row + 16, size);
	}
	if (!rc)
		rc = dv_shard_finish(&p->shard, p->coder.sha,
				     (uint64_t)p->hours * 3600, &bytes, err);
	if (!rc)
		rc = put_shard(p, &bytes, err);
	dv_buf_release(&bytes);
reset:
	for (int i = 0; i < DV_SHARD_SECTIONS; i++)
		p->shard.sec[i].n = 0;
	dv_idmap_release(&p->rows);
	dv_idmap_release(&p->packs);
	return rc;
}

/* Which files does this push have to name? Marks them in `todo`. */
static int select_files(struct push *p, const struct dv_push_file *files,
			size_t n, uint8_t *todo, size_t *count,
			struct dv_err *err)
{
	struct dv_remote_shard *s;
	uint32_t row;

	*count = 0;
	for (size_t i = 0; i < n; i++) {
		const struct dv_oid *oid = &files[i].oid;
		int rc = dv_idmap_put(&p->files, oid->scheme, &oid->id, 1,
				      err);

		if (rc == DV_EEXIST)
			continue;
		if (rc)
			return rc;
		if (dv_remote_find_file(p->remote, oid, &s, &row)) {
			p->result->there++;
			continue;
		}
		rc = dv_content_complete(p->store, &p->coder, oid, err);
		if (rc < 0 && rc != DV_ECORRUPT && rc != DV_ENOTFOUND)
			return rc;
		if (rc != 1) {
			if (p->result->missing++ < NAMED_MAX)
				dv_log_error("content of '%s' (%s) is neither here nor on '%s'",
					     files[i].path ? files[i].path :
							     "a file",
					     dv_oid_text(oid).s,
					     p->remote->url);
			continue;
		}
		todo[i] = 1;
		++*count;
	}
	return 0;
}

int dv_push(struct dv_remote *r, struct dv_store *s, struct dv_pool *pool,
	    const struct dv_push_file *files, size_t n, int dry_run,
	    struct dv_push_result *result, struct dv_err *err)
{
	struct push p = { .remote = r, .store = s, .result = result,
			  .known = { .remote = r }, .dry_run = dry_run };
	uint8_t *todo = calloc(n + 1, 1);
	struct dv_err why = { 0 };
	char lease[64] = "";
	size_t count = 0;
	int64_t now = 0;
	int rc, locked = 0;

	memset(result, 0, sizeof(*result));
	if (!todo)
		return dv_err_nomem(err);
	rc = dv_coder_init(&p.coder, err);
	/* Records are found now and read later: no pack goes meanwhile. */
	if (!rc && !s->read_only) {
		rc = dv_store_lock_shared(s, err);
		locked = !rc;
		if (!rc)
			rc = dv_packset_rescan(&s->set, err);
	}
	if (!rc)
		rc = dv_remote_refresh(r, err);
	if (!rc)
		rc = select_files(&p, files, n, todo, &count, err);
	if (!rc && result->missing)
		rc = dv_err_set(err, DV_ENOTFOUND,
				"the content of %zu file%s is neither here nor on '%s'; 'git dv fetch' from another remote may have it",
				result->missing,
				result->missing == 1 ? "" : "s", r->url);
	if (rc || !count)
		goto out;
	if (!dry_run) {
		rc = dv_remote_writable(r, err);
		if (!rc)
			rc = r->backend->ops->now(r->backend, &now, err);
		p.hours = (uint32_t)(now / 3600);
		if (!rc)
			rc = dv_lease_take(r, now, lease, err);
	}
	if (!rc)
		rc = dv_upload_open(&p.up, r, s, pool, dry_run, err);
	/* In the order of history, but for those that wait for others. */
	p.wait = count > 1;
	for (size_t i = 0; !rc && i < 2 * n; i++) {
		if (i == n)
			p.wait = 0;
		if (!todo[i % n])
			continue;
		rc = add_file(&p, &files[i % n], err);
		todo[i % n] = rc == 1;
		rc = DV_MIN(rc, 0);
	}
	if (!rc)
		rc = finish_shard(&p, err);
	dv_upload_close(&p.up);
	/* Nothing is lost where it does not come about. */
	if (!rc && !dry_run && dv_remote_compact(r, &why))
		dv_log_debug("shards are not compacted: %s", why.msg);
	if (*lease)
		/* Left behind, it only delays a garbage collection. */
		if (r->backend->ops->remove(r->backend, lease, NULL))
			dv_log_debug("lease %s stays", lease);
out:
	if (locked)
		dv_store_unlock(s);
	dv_shard_builder_release(&p.shard);
	dv_idmap_release(&p.rows);
	dv_idmap_release(&p.segs);
	dv_known_release(&p.known);
	dv_idmap_release(&p.files);
	dv_idmap_release(&p.packs);
	dv_coder_release(&p.coder);
	free(todo);
	return rc;
}
