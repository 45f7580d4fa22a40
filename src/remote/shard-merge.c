#include "remote/shard-merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"

static int pack_row(struct dv_shard_merge *m, const struct dv_shard *s, uint32_t old,
		    uint32_t *row, struct dv_err *err)
{
	struct dv_id key = { { 0 } };
	uint64_t *at;
	int rc;

	memcpy(key.b, dv_shard_pack_name(s, old), 16);
	at = dv_idmap_get(&m->packs, 1, &key);
	if (at) {
		*row = (uint32_t)*at;
		return 0;
	}
	*row = dv_shard_rows(&m->b, DV_SHARD_PACKS);
	rc = dv_shard_add_pack(&m->b, key.b, dv_shard_pack_size(s, old), err);
	return rc ? rc : dv_idmap_put(&m->packs, 1, &key, *row, err);
}

/* Copy n CHUNKS rows from `first` on, and those of their bases behind them. */
static int copy_chunks(struct dv_shard_merge *m, struct dv_remote_shard *s,
		       uint32_t first, uint32_t n, struct dv_err *err)
{
	uint32_t at = dv_shard_rows(&m->b, DV_SHARD_CHUNKS), total;
	struct dv_buf rows = { 0 };
	int rc = dv_remote_run(m->remote, s, first, n, &rows, &total, err);

	for (uint32_t i = 0; !rc && i < total; i++) {
		struct dv_shard_chunk c;

		rc = dv_shard_chunk_parse(&s->view,
					  rows.p + (size_t)i *
							   DV_SHARD_CHUNK_ROW,
					  &c, err);
		if (!rc && c.base != DV_SHARD_NO_BASE)
			c.base = at + (c.base - first);
		if (!rc)
			rc = pack_row(m, &s->view, c.pack, &c.pack, err);
		if (!rc)
			rc = dv_shard_add_chunk(&m->b, &c, err);
	}
	dv_buf_release(&rows);
	return rc;
}

/* Segments, and for each its number in the new shard, or UINT32_MAX. */
static int copy_segs(struct dv_shard_merge *m, struct dv_remote_shard *s,
		     uint32_t *number, struct dv_err *err)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < s->view.n[DV_SHARD_SEGS]; i++) {
		const struct dv_id *id = (const struct dv_id *)
			(s->view.sec[DV_SHARD_SEGS] +
			 (size_t)i * DV_SHARD_SEG_ROW);
		uint32_t first, n, at = dv_shard_rows(&m->b, DV_SHARD_CHUNKS);

		number[i] = UINT32_MAX;
		if (m->keep_seg && !m->keep_seg(m->arg, s, i))
			continue;
		rc = dv_idmap_put(&m->segs, DV_KIND_SEGMENT, id, 1, err);
		if (rc == DV_EEXIST) {
			rc = 0;
			continue;
		}
		dv_shard_seg(&s->view, i, &first, &n);
		if (!rc)
			rc = copy_chunks(m, s, first, n, err);
		number[i] = dv_shard_rows(&m->b, DV_SHARD_SEGS);
		if (!rc)
			rc = dv_shard_add_seg(&m->b, id, at, n, err);
	}
	for (uint32_t i = 0; !rc && i < s->view.n[DV_SHARD_HOOKS]; i++) {
		uint32_t seg = number[dv_shard_hook_seg(&s->view, i)];
		struct dv_id chunk = { { 0 } };

		if (seg == UINT32_MAX)
			continue;
		memcpy(chunk.b, s->view.sec[DV_SHARD_HOOKS] +
				(size_t)i * DV_SHARD_HOOK_ROW, 16);
		rc = dv_shard_add_hook(&m->b, &chunk, seg, err);
	}
	return rc;
}

static int copy_files(struct dv_shard_merge *m, struct dv_remote_shard *s,
		      struct dv_err *err)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < s->view.n[DV_SHARD_FILES]; i++) {
		uint32_t first, nseg, at;
		struct dv_oid oid;

		dv_shard_file(&s->view, i, &oid, &first, &nseg);
		if (m->keep_file && !m->keep_file(m->arg, s, i))
			continue;
		rc = dv_idmap_put(&m->files, oid.scheme, &oid.id, 1, err);
		if (rc == DV_EEXIST) {
			rc = 0;
			continue;
		}
		if (!rc && !nseg) {
			at = dv_shard_rows(&m->b, DV_SHARD_CHUNKS);
			rc = copy_chunks(m, s, first, 1, err);
		} else if (!rc) {
			at = dv_shard_rows(&m->b, DV_SHARD_SEGREFS);
			rc = dv_buf_add(&m->b.sec[DV_SHARD_SEGREFS],
					s->view.sec[DV_SHARD_SEGREFS] +
						(size_t)first * DV_FILE_ROW,
					(size_t)nseg * DV_FILE_ROW, err);
		}
		if (!rc)
			rc = dv_shard_add_file(&m->b, &oid, at, nseg,
					       dv_shard_file_hours(&s->view, i),
					       err);
	}
	return rc;
}

int dv_shard_merge_old(struct dv_shard_merge *m, const uint8_t name[16],
		       struct dv_err *err)
{
	struct dv_id key = { { 0 } };
	int rc;

	memcpy(key.b, name, 16);
	rc = dv_idmap_put(&m->old, 1, &key, 1, err);
	if (rc)
		return rc == DV_EEXIST ? 0 : rc;
	return dv_shard_add_old(&m->b, name, err);
}

/*
 * With what the source itself replaced: a client that reads this shard alone
 * must know all that it holds.
 */
int dv_shard_merge_take(struct dv_shard_merge *m, struct dv_remote_shard *s,
			struct dv_err *err)
{
	uint32_t *number = calloc(s->view.n[DV_SHARD_SEGS] + 1,
				  sizeof(*number));
	uint8_t name[16];
	int rc = number ? copy_segs(m, s, number, err) : dv_err_nomem(err);

	free(number);
	if (!rc)
		rc = copy_files(m, s, err);
	m->first_push = m->taken++ ? DV_MIN(m->first_push, s->view.first_push) :
				     s->view.first_push;
	if (!rc && dv_hex_decode(name, s->name, sizeof(name)))
		rc = dv_err_set(err, DV_ECORRUPT, "a shard has a wrong name");
	if (!rc)
		rc = dv_shard_merge_old(m, name, err);
	for (uint32_t i = 0; !rc && i < s->view.n[DV_SHARD_OLD]; i++)
		rc = dv_shard_merge_old(m, s->view.sec[DV_SHARD_OLD] + 16 * (size_t)i,
			     err);
	return rc;
}

int dv_shard_merge_put(struct dv_shard_merge *m, char level,
		       struct dv_err *err)
{
	struct dv_backend *b = m->remote->backend;
	struct dv_buf bytes = { 0 };
	char name[33], key[64];
	int rc = dv_shard_finish(&m->b, m->remote->sha,
				 m->taken ? m->first_push : 0, &bytes, err);

	if (!rc)
		rc = dv_random_name(name, err);
	if (!rc) {
		snprintf(key, sizeof(key), "shards/%c/%s", level, name);
		rc = b->ops->put(b, key, bytes.p, bytes.n, DV_PUT_NEW, err);
	}
	dv_buf_release(&bytes);
	return rc;
}

void dv_shard_merge_release(struct dv_shard_merge *m)
{
	dv_shard_builder_release(&m->b);
	dv_idmap_release(&m->files);
	dv_idmap_release(&m->segs);
	dv_idmap_release(&m->packs);
	dv_idmap_release(&m->old);
}
