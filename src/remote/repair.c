#include "remote/repair.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "remote/shard-merge.h"

/* Kinds in `packs`: what is known of one. */
enum { THERE = 1, LOST = 2 };

struct repair {
	struct dv_remote *remote;
	struct dv_idmap packs;		/* (THERE or LOST, name): 1 */
	struct dv_idmap segs;		/* (kind, id): described by good rows */
	struct dv_repair_result *result;
	struct dv_err err;		/* of a callback */
};

/* 1 there, 0 lost; negative: who knows. Asked once a pack. */
static int pack_is_there(struct repair *p, const uint8_t name[16],
			 uint64_t want, struct dv_err *err)
{
	struct dv_backend *b = p->remote->backend;
	struct dv_id key = { { 0 } };
	uint64_t size = 0;
	char path[48];
	int rc, there;

	memcpy(key.b, name, 16);
	if (dv_idmap_get(&p->packs, THERE, &key))
		return 1;
	if (dv_idmap_get(&p->packs, LOST, &key))
		return 0;
	dv_remote_pack_key(name, path);
	rc = b->ops->size(b, path, &size, err);
	if (rc && rc != DV_ENOTFOUND)
		return rc;
	there = !rc && size == want;
	if (!there) {
		dv_log_warn("'%s' of '%s' is %s", path, p->remote->url,
			    rc ? "missing" : "of the wrong size");
		p->result->packs++;
	}
	rc = dv_idmap_put(&p->packs, there ? THERE : LOST, &key, 1, err);
	return rc ? rc : there;
}

/* 1 where all packs of CHUNKS rows [first, first + n) are there; 0; or < 0. */
static int run_is_good(struct repair *p, struct dv_remote_shard *s,
		       uint32_t first, uint32_t n, struct dv_err *err)
{
	struct dv_buf rows = { 0 };
	uint32_t total = 0;
	int rc = dv_remote_run(p->remote, s, first, n, &rows, &total, err);
	int good = rc != DV_ECORRUPT;

	rc = good ? rc : 0;
	for (uint32_t i = 0; !rc && good && i < total; i++) {
		struct dv_shard_chunk c;

		rc = dv_shard_chunk_parse(&s->view, rows.p + (size_t)i *
					  DV_SHARD_CHUNK_ROW, &c, err);
		if (!rc)
			rc = pack_is_there(p,
				dv_shard_pack_name(&s->view, c.pack),
				dv_shard_pack_size(&s->view, c.pack), err);
		good = rc == 1;
		rc = rc == DV_ECORRUPT ? 0 : DV_MIN(rc, 0);
	}
	dv_buf_release(&rows);
	return rc ? rc : good;
}

static const struct dv_id *seg_id(const struct dv_remote_shard *s,
				  uint32_t row)
{
	return (const struct dv_id *)(s->view.sec[DV_SHARD_SEGS] +
				      (size_t)row * DV_SHARD_SEG_ROW);
}

static int seg_is_good(struct repair *p, struct dv_remote_shard *s,
		       uint32_t row, struct dv_err *err)
{
	uint32_t first, n;

	dv_shard_seg(&s->view, row, &first, &n);
	return run_is_good(p, s, first, n, err);
}

static int file_is_good(struct repair *p, struct dv_remote_shard *s,
			uint32_t row, struct dv_err *err)
{
	struct dv_oid oid;
	uint32_t first, nseg;

	dv_shard_file(&s->view, row, &oid, &first, &nseg);
	if (!nseg)
		return run_is_good(p, s, first, 1, err);
	for (uint32_t i = 0; i < nseg; i++)
		if (!dv_idmap_get(&p->segs, DV_KIND_SEGMENT,
				  (const struct dv_id *)
				  (s->view.sec[DV_SHARD_SEGREFS] +
				   (size_t)(first + i) * DV_FILE_ROW + 8)))
			return 0;
	return 1;
}

/* For the merge: an error counts as not good, and is kept. */
static int keep_seg(void *arg, struct dv_remote_shard *s, uint32_t row)
{
	struct repair *p = arg;
	struct dv_err why = { 0 };
	int rc = seg_is_good(p, s, row, &why);

	if (rc < 0 && !p->err.status)
		p->err = why;
	return rc == 1;
}

static int keep_file(void *arg, struct dv_remote_shard *s, uint32_t row)
{
	struct repair *p = arg;
	struct dv_err why = { 0 };
	int rc = file_is_good(p, s, row, &why);

	if (rc < 0 && !p->err.status)
		p->err = why;
	if (!rc)
		p->result->files++;
	return rc == 1;
}

/* Segments that some shard describes by packs that are there. */
static int find_good(struct repair *p, struct dv_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < p->remote->nshards; i++) {
		struct dv_remote_shard *s = p->remote->shards[i];

		for (uint32_t k = 0; !rc && !s->replaced &&
		     k < s->view.n[DV_SHARD_SEGS]; k++) {
			rc = seg_is_good(p, s, k, err);
			if (rc == 1)
				rc = dv_idmap_put(&p->segs, DV_KIND_SEGMENT,
						  seg_id(s, k), 1, err);
			if (rc == DV_EEXIST)
				rc = 0;
			if (!rc)
				rc = dv_cancel_check(err);
		}
	}
	return rc;
}

/* 1 where the shard says something that is not so. */
static int is_wrong(struct repair *p, struct dv_remote_shard *s,
		    struct dv_err *err)
{
	int rc = 1;

	for (uint32_t k = 0; rc == 1 && k < s->view.n[DV_SHARD_SEGS]; k++)
		rc = seg_is_good(p, s, k, err);
	for (uint32_t k = 0; rc == 1 && k < s->view.n[DV_SHARD_FILES]; k++)
		rc = file_is_good(p, s, k, err);
	return rc < 0 ? rc : !rc;
}

static int replace(struct repair *p, struct dv_remote_shard *s,
		   struct dv_err *err)
{
	struct dv_shard_merge m = { .remote = p->remote, .keep_seg = keep_seg,
				    .keep_file = keep_file, .arg = p };
	int rc = dv_shard_merge_take(&m, s, err);

	if (!rc && p->err.status) {
		*err = p->err;
		rc = p->err.status;
	}
	if (!rc)
		rc = dv_shard_merge_put(&m, s->level, err);
	if (!rc)
		p->result->shards++;
	dv_shard_merge_release(&m);
	return rc;
}

/* One empty shard in place of all whose bytes are wrong. */
static int replace_damaged(struct repair *p, struct dv_err *err)
{
	struct dv_shard_merge m = { .remote = p->remote };
	const struct dv_idmap *bad = &p->remote->damaged;
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < bad->cap; i++)
		if (bad->slots[i].kind &&
		    bad->slots[i].value == DV_SHARD_CORRUPT) {
			rc = dv_shard_merge_old(&m, bad->slots[i].id.b, err);
			n++;
		}
	/* The highest level is read first: nobody looks at them again. */
	if (!rc && n)
		rc = dv_shard_merge_put(&m, 'f', err);
	if (!rc)
		p->result->shards += n;
	dv_shard_merge_release(&m);
	return rc;
}

int dv_remote_repair(struct dv_remote *r, struct dv_repair_result *result,
		     struct dv_err *err)
{
	struct repair p = { .remote = r, .result = result };
	size_t n;
	int rc;

	memset(result, 0, sizeof(*result));
	rc = dv_remote_writable(r, err);
	if (!rc)
		rc = dv_remote_refresh_fully(r, err);
	if (!rc)
		rc = find_good(&p, err);
	/* What is put here is right; look at those that were there before. */
	n = r->nshards;
	for (size_t i = 0; !rc && i < n; i++) {
		if (r->shards[i]->replaced)
			continue;
		rc = is_wrong(&p, r->shards[i], err);
		if (rc == 1)
			rc = replace(&p, r->shards[i], err);
	}
	if (!rc && r->damaged.n)
		rc = replace_damaged(&p, err);
	if (!rc && result->shards)
		rc = dv_remote_refresh(r, err);
	dv_idmap_release(&p.packs);
	dv_idmap_release(&p.segs);
	return rc;
}
