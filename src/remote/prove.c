#include "remote/prove.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/idmap.h"

#define GAP_MAX (256u << 10)
#define RANGE_MAX (4u << 20)

/* Kinds in `shards`, which is keyed by the shard's name. */
enum { SHARD = 1 };
/* Kinds in `bad`. */
enum { CHUNK = 1 };

struct want {
	struct dv_shard_chunk c;
	uint8_t pack[16];
};

struct prove {
	struct dv_remote *remote;
	struct dv_idmap shards;		/* 1: all its packs are there; 2: not */
	struct dv_idmap bad;		/* chunks that cannot be had */
	struct dv_idmap seen;		/* what is in `want`: id and place, mixed */
	struct dv_idmap where;		/* whole chunks, once it is sorted */
	struct dv_bases bases;		/* of deltas read lately */
	struct want *want;
	size_t n, cap;
	int read_back;
};

static void named(const char *name, struct dv_id *key)
{
	memset(key, 0, sizeof(*key));
	memcpy(key->b, name, DV_MIN(strlen(name), (size_t)DV_ID_SIZE));
}

/* 1: there and whole; 0: not; negative: who knows. */
static int pack_is_there(struct prove *p, const uint8_t name[16],
			 uint64_t want, struct dv_err *err)
{
	struct dv_backend *b = p->remote->backend;
	uint64_t size = 0;
	char key[48];
	int rc;

	dv_remote_pack_key(name, key);
	rc = b->ops->size(b, key, &size, err);
	if (!rc && size == want)
		return 1;
	if (rc && rc != DV_ENOTFOUND)
		return rc;
	dv_log_warn("'%s' of '%s' is %s", key, p->remote->url,
		    rc ? "missing" : "of the wrong size");
	return 0;
}

/* Every pack that the shard refers to; asked once a shard. */
static int packs_are_there(struct prove *p, const struct dv_remote_shard *s,
			   struct dv_err *err)
{
	const struct dv_shard *v = &s->view;
	struct dv_id key;
	uint64_t *known;
	int there = 1, rc;

	named(s->name, &key);
	known = dv_idmap_get(&p->shards, SHARD, &key);
	if (known)
		return *known == 1;
	for (uint32_t i = 0; i < v->n[DV_SHARD_PACKS]; i++) {
		rc = dv_cancel_check(err);
		if (!rc)
			rc = pack_is_there(p, dv_shard_pack_name(v, i),
					   dv_shard_pack_size(v, i), err);
		if (rc < 0)
			return rc;
		there &= rc;
	}
	rc = dv_idmap_put(&p->shards, SHARD, &key, there ? 1 : 2, err);
	return rc ? rc : there;
}

static int add_want(struct prove *p, const struct dv_shard *s,
		    const struct dv_shard_chunk *c, struct dv_err *err)
{
	const uint8_t *pack = dv_shard_pack_name(s, c->pack);
	struct dv_id key = c->id;
	struct want *w;
	int rc;

	/* A chunk may stand there twice, whole and as a delta. */
	for (int i = 0; i < 16; i++)
		key.b[i] ^= pack[i];
	dv_put32(key.b + 16, dv_get32(key.b + 16) ^ c->off);
	rc = dv_idmap_put(&p->seen, CHUNK, &key, 1, err);
	if (rc)
		return rc == DV_EEXIST ? 0 : rc;
	w = dv_grow(p->want, &p->cap, p->n + 1, sizeof(*w));
	if (!w)
		return dv_err_nomem(err);
	p->want = w;
	w += p->n++;
	w->c = *c;
	memcpy(w->pack, pack, 16);
	return 0;
}

/* Rows of CHUNKS [first, first + n) are to be read back, if anything is. */
static int take_chunks(struct prove *p, struct dv_remote_shard *s,
		       uint32_t first, uint32_t n, const struct dv_id *only,
		       struct dv_err *err)
{
	struct dv_buf rows = { 0 };
	uint32_t total;
	int rc;

	if (!p->read_back)
		return 0;
	/* With the bases, without which deltas are nothing. */
	rc = dv_remote_run(p->remote, s, first, n, &rows, &total, err);
	for (uint32_t i = 0; !rc && i < total; i++) {
		struct dv_shard_chunk c;

		rc = dv_shard_chunk_parse(&s->view, rows.p +
					  (size_t)i * DV_SHARD_CHUNK_ROW, &c,
					  err);
		if (!rc && i < n && only && !dv_id_eq(&c.id, only))
			rc = dv_err_set(err, DV_ECORRUPT,
					"a shard names the wrong chunk");
		if (!rc)
			rc = add_want(p, &s->view, &c, err);
	}
	dv_buf_release(&rows);
	return rc;
}

/* Of one file, `each` segment by its id. Stops when it returns not 1. */
static int each_seg(struct prove *p, struct dv_remote_shard *s, uint32_t row,
		    int (*each)(struct prove *p, const struct dv_id *id,
				struct dv_err *err), struct dv_err *err)
{
	struct dv_oid oid;
	uint32_t first, nseg;
	int rc = 1;

	dv_shard_file(&s->view, row, &oid, &first, &nseg);
	for (uint32_t i = 0; rc == 1 && i < nseg; i++)
		rc = each(p, (const struct dv_id *)
			  (s->view.sec[DV_SHARD_SEGREFS] +
			   (size_t)(first + i) * DV_FILE_ROW + 8), err);
	return rc;
}

static int check_seg(struct prove *p, const struct dv_id *id,
		     struct dv_err *err)
{
	struct dv_remote_shard *s;
	uint32_t row, first, n;
	int rc;

	if (!dv_remote_find_seg(p->remote, id, &s, &row))
		return 0;
	rc = packs_are_there(p, s, err);
	if (rc != 1)
		return rc;
	dv_shard_seg(&s->view, row, &first, &n);
	rc = take_chunks(p, s, first, n, NULL, err);
	return rc ? rc : 1;
}

/* 1, 0 or negative. */
static int check_file(struct prove *p, const struct dv_oid *oid,
		      struct dv_err *err)
{
	struct dv_remote_shard *s;
	struct dv_oid found;
	uint32_t row, first, nseg;
	int rc;

	if (!dv_remote_find_file(p->remote, oid, &s, &row))
		return 0;
	dv_shard_file(&s->view, row, &found, &first, &nseg);
	if (oid->size && found.size != oid->size)
		return 0;
	rc = packs_are_there(p, s, err);
	if (rc != 1)
		return rc;
	if (oid->scheme == DV_SCHEME_DV1)
		return each_seg(p, s, row, check_seg, err);
	rc = take_chunks(p, s, first, 1, &oid->id, err);
	return rc ? rc : 1;
}

static int cmp_want(const void *pa, const void *pb)
{
	const struct want *a = pa, *b = pb;
	int c = memcmp(a->pack, b->pack, 16);

	if (c)
		return c;
	return a->c.off < b->c.off ? -1 : a->c.off > b->c.off;
}

static uint64_t rec_len(const struct dv_shard_chunk *c)
{
	return dv_rec_head_size(c->codec) + (uint64_t)c->enc;
}

static int parse(const struct want *w, const uint8_t *p, struct dv_rec *rec,
		 size_t *head, struct dv_err *err)
{
	return !dv_rec_parse(p, (size_t)rec_len(&w->c), rec, head, err) &&
	       dv_id_eq(&rec->id, &w->c.id) && rec->enc == w->c.enc &&
	       rec->raw == w->c.raw && rec->codec == w->c.codec &&
	       rec->kind == DV_KIND_CHUNK;
}

/* The base of a delta, read on its own unless it was a moment ago. */
static struct dv_base *base_of(struct prove *p, struct dv_coder *coder,
			       const struct dv_id *id, struct dv_err *err)
{
	uint64_t *at = dv_idmap_get(&p->where, CHUNK, id);
	struct dv_base *base = dv_bases_get(&p->bases, id);
	struct dv_backend *b = p->remote->backend;
	struct dv_coder *spare = dv_coder_spare(coder, err);
	const struct want *w = at ? &p->want[*at] : NULL;
	struct dv_buf buf = { 0 };
	const uint8_t *content;
	struct dv_rec rec;
	size_t len, got, head;
	char key[48];

	if (base || !w || !spare)
		return base;
	len = (size_t)rec_len(&w->c);
	dv_remote_pack_key(w->pack, key);
	if (!dv_buf_reserve(&buf, len, err) &&
	    !b->ops->get(b, key, w->c.off, buf.p, len, &got, err) &&
	    got == len && parse(w, buf.p, &rec, &head, err) &&
	    !dv_coder_decode(spare, &rec, buf.p + head, &content, err))
		base = dv_bases_add(&p->bases, id, content, rec.raw, err);
	dv_buf_release(&buf);
	return base;
}

static int is_good(struct prove *p, struct dv_coder *coder,
		   const struct want *w, const uint8_t *b, struct dv_err *err)
{
	const uint8_t *content;
	struct dv_base *base;
	struct dv_rec rec;
	size_t head;
	int good;

	if (!parse(w, b, &rec, &head, err))
		return 0;
	if (rec.codec != DV_CODEC_DELTA)
		return !dv_coder_decode(coder, &rec, b + head, &content, err);
	base = base_of(p, coder, &rec.base, err);
	good = base && !dv_coder_decode_delta(coder, &rec, base->p, base->n,
					      b + head, &content, err);
	dv_bases_put(&p->bases, base);
	return good;
}

/* One read of the wants [i, k) of a pack. */
static int read_range(struct prove *p, struct dv_coder *coder, size_t i,
		      size_t k, struct dv_buf *buf, struct dv_err *err)
{
	struct dv_backend *b = p->remote->backend;
	uint64_t off = p->want[i].c.off;
	uint64_t len = p->want[k - 1].c.off + rec_len(&p->want[k - 1].c) - off;
	char key[48];
	size_t got = 0;
	int rc;

	dv_remote_pack_key(p->want[i].pack, key);
	buf->n = 0;
	rc = dv_buf_reserve(buf, (size_t)len, err);
	if (!rc)
		rc = b->ops->get(b, key, off, buf->p, (size_t)len, &got, err);
	if (rc == DV_ENOTFOUND)
		rc = 0;
	for (; !rc && i < k; i++) {
		const struct want *w = &p->want[i];
		uint64_t at = w->c.off - off;
		struct dv_err why = { 0 };

		if (at + rec_len(&w->c) <= got &&
		    is_good(p, coder, w, buf->p + at, &why))
			continue;
		if (why.status == DV_ENOMEM) {
			*err = why;
			return why.status;
		}
		dv_log_warn("%s in '%s': chunk %s cannot be read back", key,
			    p->remote->url, dv_id_hex(&w->c.id).s);
		rc = dv_idmap_put(&p->bad, CHUNK, &w->c.id, 1, err);
		rc = rc == DV_EEXIST ? 0 : rc;
	}
	return rc;
}

static int read_back(struct prove *p, struct dv_err *err)
{
	struct dv_progress progress;
	struct dv_buf buf = { 0 };
	struct dv_coder coder;
	uint64_t total = 0;
	int rc = dv_coder_init(&coder, err);

	if (rc)
		return rc;
	if (p->n > 1)
		qsort(p->want, p->n, sizeof(*p->want), cmp_want);
	for (size_t i = 0; !rc && i < p->n; i++) {
		total += rec_len(&p->want[i].c);
		if (p->want[i].c.codec == DV_CODEC_DELTA)
			continue;
		rc = dv_idmap_put(&p->where, CHUNK, &p->want[i].c.id, i, err);
		rc = rc == DV_EEXIST ? 0 : rc;
	}
	dv_progress_start(&progress, "Reading back", total);
	for (size_t i = 0, k; !rc && i < p->n; i = k) {
		const struct want *w = p->want;
		uint64_t end = w[i].c.off + rec_len(&w[i].c);

		for (k = i + 1; k < p->n && !memcmp(w[k].pack, w[i].pack, 16);
		     k++) {
			uint64_t next = w[k].c.off + rec_len(&w[k].c);

			/* Ranges of a pack do not overlap, says its writer. */
			if (w[k].c.off < end || w[k].c.off > end + GAP_MAX ||
			    next - w[i].c.off > RANGE_MAX)
				break;
			end = next;
		}
		rc = read_range(p, &coder, i, k, &buf, err);
		dv_progress_add(&progress, end - w[i].c.off);
		dv_progress_draw(&progress);
		if (!rc)
			rc = dv_cancel_check(err);
	}
	dv_progress_stop(&progress);
	dv_buf_release(&buf);
	dv_coder_release(&coder);
	return rc;
}

/* 1 where none of the segment's chunks is bad. */
static int good_seg(struct prove *p, const struct dv_id *id,
		    struct dv_err *err)
{
	struct dv_remote_shard *s;
	struct dv_buf rows = { 0 };
	uint32_t row, first, n;
	int rc, good = 1;

	if (!dv_remote_find_seg(p->remote, id, &s, &row))
		return 0;
	dv_shard_seg(&s->view, row, &first, &n);
	rc = dv_remote_chunks(p->remote, s, first, n, &rows, err);
	for (uint32_t i = 0; !rc && good && i < n; i++)
		good = !dv_idmap_get(&p->bad, CHUNK, (const struct dv_id *)
				     (rows.p + (size_t)i *
				      DV_SHARD_CHUNK_ROW));
	dv_buf_release(&rows);
	return rc ? rc : good;
}

static int good_file(struct prove *p, const struct dv_oid *oid,
		     struct dv_err *err)
{
	struct dv_remote_shard *s;
	uint32_t row;

	if (oid->scheme == DV_SCHEME_SHA256)
		return !dv_idmap_get(&p->bad, CHUNK, &oid->id);
	if (!dv_remote_find_file(p->remote, oid, &s, &row))
		return 0;
	return each_seg(p, s, row, good_seg, err);
}

/* Damage proves nothing and stops nothing. */
static int verdict(int rc, uint8_t *proven)
{
	*proven = rc == 1;
	return rc < 0 && rc != DV_ECORRUPT && rc != DV_ENOTFOUND &&
	       rc != DV_EINVAL ? rc : 0;
}

int dv_remote_prove(struct dv_remote *r, const struct dv_oid *oids, size_t n,
		    int read_all, uint8_t *proven, struct dv_err *err)
{
	struct prove p = { .remote = r, .read_back = read_all };
	int rc;

	memset(proven, 0, n);
	dv_bases_init(&p.bases);
	rc = dv_remote_refresh_fully(r, err);
	for (size_t i = 0; !rc && i < n; i++)
		rc = verdict(check_file(&p, &oids[i], err), &proven[i]);
	if (!rc && read_all)
		rc = read_back(&p, err);
	for (size_t i = 0; !rc && p.bad.n && i < n; i++)
		if (proven[i])
			rc = verdict(good_file(&p, &oids[i], err), &proven[i]);
	if (rc)
		memset(proven, 0, n);
	dv_idmap_release(&p.shards);
	dv_idmap_release(&p.bad);
	dv_idmap_release(&p.seen);
	dv_idmap_release(&p.where);
	dv_bases_release(&p.bases);
	free(p.want);
	return rc;
}
