#include "store/gc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/hex.h"
#include "store/maintain.h"

/* A pack below this is rewritten for any garbage; above, for a quarter. */
#define SMALL_PACK (8u << 20)
/* What a table takes for a record. */
#define ROW_COST DV_PACK_ROW

enum {
	LIVE = 1,	/* stays */
	DROP = 2,	/* a dropped file leads here */
	NAMED = 4,	/* a list that goes names it */
	COUNTED = 8,
};

/* 1 where the flag is new on it; negative: an error. */
static int mark(struct dv_gc *g, unsigned int kind, const struct dv_id *id,
		uint64_t flag, struct dv_err *err)
{
	uint64_t *v = dv_idmap_get(&g->marks, kind, id);
	int rc;

	if (!v) {
		rc = dv_idmap_put(&g->marks, kind, id, flag, err);
		return rc ? rc : 1;
	}
	if (*v & flag)
		return 0;
	*v |= flag;
	return 1;
}

static uint64_t flags_of(const struct dv_gc *g, unsigned int kind,
			 const struct dv_id *id)
{
	uint64_t *v = dv_idmap_get(&g->marks, kind, id);

	return v ? *v : 0;
}

int dv_gc_is_dead(const struct dv_gc *g, enum dv_kind kind,
		  const struct dv_id *id)
{
	uint64_t f = flags_of(g, kind, id);

	return !(f & LIVE) && (!g->subtract || (f & DROP));
}

/*
 * The list's bytes in the coder. 1, or 0 where it is not here. The packs were
 * listed when it began; a miss is believed.
 */
static int read_list(struct dv_gc *g, enum dv_kind kind,
		     const struct dv_id *id, const uint8_t **p, size_t *n,
		     struct dv_err *err)
{
	int rc;

	if (!dv_store_has_quick(g->store, kind, id))
		return 0;
	rc = dv_store_read(g->store, &g->coder, kind, id, p, n, err);
	return rc == DV_ENOTFOUND ? 0 : rc ? rc : 1;
}

/* 1: all of it is here; 0: some is not. */
static int mark_segment(struct dv_gc *g, const struct dv_id *id, uint64_t flag,
			struct dv_err *err)
{
	int rc = mark(g, DV_KIND_SEGMENT, id, flag, err), whole = 1;
	const uint8_t *p;
	struct dv_seg seg;
	size_t n;

	if (rc <= 0)
		return rc ? rc : 1;
	rc = read_list(g, DV_KIND_SEGMENT, id, &p, &n, err);
	if (rc <= 0)
		return rc;
	rc = dv_seg_parse(p, n, &seg, err);
	for (uint32_t i = 0; !rc && i < seg.n; i++) {
		const struct dv_id *chunk = dv_seg_id(&seg, i);
		int r = mark(g, DV_KIND_CHUNK, chunk, flag, err);

		if (r < 0)
			rc = r;
		else if (flag == LIVE && g->suspicious && whole)
			whole = dv_store_has_quick(g->store, DV_KIND_CHUNK,
						   chunk);
	}
	return rc ? rc : whole;
}

/* The same for a file's list and all below. */
static int mark_file(struct dv_gc *g, const struct dv_id *id, uint64_t flag,
		     struct dv_err *err)
{
	int rc = mark(g, DV_KIND_FILE, id, flag, err), whole = 1;
	struct dv_buf list = { 0 };
	struct dv_flist fl;
	const uint8_t *p;
	size_t n;

	if (rc <= 0)
		return rc ? rc : 1;
	rc = read_list(g, DV_KIND_FILE, id, &p, &n, err);
	if (!rc && flag == LIVE)
		g->result.absent++;
	if (rc <= 0)
		return rc;
	rc = dv_buf_add(&list, p, n, err);
	if (!rc)
		rc = dv_flist_parse(list.p, list.n, &fl, err);
	for (uint32_t i = 0; !rc && i < fl.n; i++) {
		int r = mark_segment(g, dv_flist_id(&fl, i), flag, err);

		if (r < 0)
			rc = r;
		else if (!r)
			whole = 0;
	}
	dv_buf_release(&list);
	if (!rc && !whole && flag == LIVE)
		g->result.torn++;
	return rc ? rc : whole;
}

static int mark_oid(struct dv_gc *g, const struct dv_oid *oid, uint64_t flag,
		    struct dv_err *err)
{
	int rc;

	if (oid->scheme == DV_SCHEME_DV1) {
		rc = mark_file(g, &oid->id, flag, err);
		return rc < 0 ? rc : 0;
	}
	rc = mark(g, DV_KIND_CHUNK, &oid->id, flag, err);
	if (rc == 1 && flag == LIVE &&
	    !dv_store_has_quick(g->store, DV_KIND_CHUNK, &oid->id))
		g->result.absent++;
	return rc < 0 ? rc : 0;
}

static int damaged(struct dv_err *err)
{
	if (err)
		dv_err_prefix(err, "the store is damaged, so nothing is removed from it; run 'git dv verify'");
	return DV_ECORRUPT;
}

int dv_gc_keep(struct dv_gc *g, const struct dv_oid *oid, struct dv_err *err)
{
	int rc = mark_oid(g, oid, LIVE, err);

	return rc == DV_ECORRUPT ? damaged(err) : rc;
}

int dv_gc_drop(struct dv_gc *g, const struct dv_oid *oid, struct dv_err *err)
{
	int rc = mark_oid(g, oid, DROP, err);

	/* Below a damaged list nothing is dropped; it goes by itself. */
	return rc == DV_ECORRUPT ? 0 : rc;
}

static int any_quarantine(const struct dv_store *s)
{
	char *dir = dv_fmt("%s/quarantine", s->path);
	struct dv_strs names = { 0 };
	int any = dir && !dv_dir_list(dir, &names, NULL) && names.n;

	dv_strs_release(&names);
	free(dir);
	return any;
}

/* Sizes and dates; a pack that cannot be read forbids the rest. */
static int list_packs(struct dv_gc *g, struct dv_err *err)
{
	struct dv_packset *set = &g->store->set;

	g->packs = calloc(set->n + 1, sizeof(*g->packs));
	if (!g->packs)
		return dv_err_nomem(err);
	for (size_t i = 0; i < set->n; i++) {
		struct dv_pack *p = set->v[i];
		struct stat st;
		char *path;
		int bad;

		p->doomed = 0;
		if (dv_pack_gone(p))
			continue;
		path = dv_pack_path(set, p);
		if (!path)
			return dv_err_nomem(err);
		bad = lstat(path, &st) ?
		      dv_err_errno(err, "cannot stat pack '%s'", path) : 0;
		free(path);
		if (bad == DV_ENOTFOUND && !g->locked)
			continue;	/* merged meanwhile */
		if (bad)
			return bad;
		p->size = (uint64_t)st.st_size;
		p->mtime = st.st_mtime;
		g->result.size_before += p->size;
		g->result.packs++;
		g->packs[g->npacks++].pack = p;
	}
	return 0;
}

/*
 * Under the lock every writer is dead: what they left is published before
 * anything is judged, or nothing is.
 */
static int salvage_all(struct dv_store *s, struct dv_err *err)
{
	size_t left = 0;
	int rc = dv_store_recover(s, err);

	if (!rc)
		rc = dv_store_incoming(s, &left, err);
	if (!rc && left)
		rc = dv_err_set(err, DV_EAGAIN,
				"'%s/incoming' has packs of an interrupted run that another process or user must salvage; try again later, or run 'git dv verify' as their owner",
				s->path);
	return rc;
}

int dv_gc_begin(struct dv_gc *g, struct dv_store *s, struct dv_pool *pool,
		unsigned int flags, struct dv_err *err)
{
	int rc, lock = (flags & DV_GC_LOCK) != 0;

	memset(g, 0, sizeof(*g));
	g->store = s;
	g->pool = pool;
	g->young = INT64_MIN;
	g->subtract = (flags & DV_GC_DROPPED) != 0;
	if (*s->unknown_gc)
		return dv_err_set(err, DV_EINVAL,
				  "store '%s' has the feature '%s': only a newer git-dv may remove content from it",
				  s->path, s->unknown_gc);
	rc = lock ? dv_store_writable(s, err) : 0;
	if (rc)
		return rc;
	rc = dv_coder_init(&g->coder, err);
	g->have_coder = !rc;
	if (!rc && lock) {
		rc = dv_store_lock_excl(s, err);
		if (rc == DV_EAGAIN)
			dv_err_set(err, rc,
				   "another command is writing to the store '%s'; try again when it has ended",
				   s->path);
		g->locked = !rc;
		if (!rc)
			rc = salvage_all(s, err);
	}
	if (!rc)
		rc = dv_packset_rescan(&s->set, err);
	/* What is needed is looked up there, what goes is read from tables. */
	if (!rc)
		rc = dv_store_check_index(s, err);
	if (!rc)
		rc = list_packs(g, err);
	g->suspicious = any_quarantine(s);
	if (rc)
		dv_gc_end(g);
	return rc;
}

void dv_gc_end(struct dv_gc *g)
{
	for (size_t i = 0; i < g->npacks; i++)
		g->packs[i].pack->doomed = 0;
	free(g->packs);
	g->packs = NULL;
	g->npacks = 0;
	dv_idmap_release(&g->marks);
	if (g->have_coder)
		dv_coder_release(&g->coder);
	if (g->locked)
		dv_store_unlock_excl(g->store);
	g->have_coder = g->locked = 0;
}

/* `each` for every row of every pack, in the order of the packs. */
static int each_row(struct dv_gc *g,
		    int (*each)(struct dv_gc *g, struct dv_gc_pack *p,
				const struct dv_row *row, struct dv_err *err),
		    struct dv_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < g->npacks; i++) {
		uint8_t *table = NULL;
		uint32_t n = 0;

		rc = dv_pack_read_table(&g->store->set, g->packs[i].pack,
					&table, &n, err);
		if (rc == DV_ECORRUPT)
			rc = damaged(err);
		if (rc == DV_ENOTFOUND && !g->locked)
			rc = 0;		/* merged meanwhile */
		for (uint32_t k = 0; !rc && k < n; k++) {
			struct dv_row row;

			dv_row_parse(table + (size_t)k * DV_PACK_ROW, &row);
			rc = each(g, &g->packs[i], &row, err);
		}
		free(table);
		if (!rc)
			rc = dv_cancel_check(err);
	}
	return rc;
}

/*
 * What stays without having been named: everything in young packs, with what
 * its lists lead to, since dedup only refreshes the date of the lists; or, for
 * a prune, every list that no dropped file has.
 */
static int keep_others(struct dv_gc *g, struct dv_gc_pack *p,
		       const struct dv_row *row, struct dv_err *err)
{
	uint64_t f = flags_of(g, row->kind, &row->id);
	int rc;

	if (g->subtract ? (row->kind == DV_KIND_CHUNK || (f & (LIVE | DROP))) :
			  p->pack->mtime < g->young)
		return 0;
	if (row->kind == DV_KIND_FILE)
		rc = mark_file(g, &row->id, LIVE, err);
	else if (row->kind == DV_KIND_SEGMENT)
		rc = mark_segment(g, &row->id, LIVE, err);
	else
		rc = mark(g, row->kind, &row->id, LIVE, err);
	return rc == DV_ECORRUPT ? damaged(err) : rc < 0 ? rc : 0;
}

/* Places of records that stay as deltas, and whose bases are to be marked. */
struct deltas {
	struct dv_loc *v;
	size_t n, cap;
};

static int add_delta(struct deltas *d, const struct dv_loc *loc,
		     struct dv_err *err)
{
	struct dv_loc *v = dv_grow(d->v, &d->cap, d->n + 1, sizeof(*v));

	if (!v)
		return dv_err_nomem(err);
	d->v = v;
	d->v[d->n++] = *loc;
	return 0;
}

/*
 * A record that stays as a delta keeps its base. A base is whole by the rule;
 * where it stands as a delta too, once or more, those copies stay as well, and
 * so do their bases.
 */
static int keep_base(struct dv_gc *g, const struct dv_loc *delta,
		     struct dv_err *err)
{
	struct deltas todo = { 0 };
	int rc = add_delta(&todo, delta, err);

	while (!rc && todo.n) {
		struct dv_loc loc = todo.v[--todo.n], copy;
		struct dv_id id;

		rc = dv_store_base_id(g->store, &loc, &id, err);
		if (rc == DV_ECORRUPT)
			damaged(err);
		if (!rc)
			rc = mark(g, DV_KIND_CHUNK, &id, LIVE, err);
		if (rc <= 0)
			continue;	/* an error, or marked before */
		rc = 0;
		if (!dv_store_has_quick(g->store, DV_KIND_CHUNK, &id)) {
			dv_err_set(err, DV_ECORRUPT,
				   "the base %s of a delta is missing",
				   dv_id_hex(&id).s);
			rc = damaged(err);
		}
		for (unsigned int skip = 0; !rc; skip++) {
			if (!dv_packset_find_nth(&g->store->set, DV_KIND_CHUNK,
						 &id, skip, &copy))
				break;
			if (copy.row.codec == DV_CODEC_DELTA)
				rc = add_delta(&todo, &copy, err);
		}
	}
	free(todo.v);
	return rc;
}

static int keep_bases(struct dv_gc *g, struct dv_gc_pack *p,
		      const struct dv_row *row, struct dv_err *err)
{
	struct dv_loc loc = { .pack = p->pack, .row = *row };

	if (row->codec != DV_CODEC_DELTA ||
	    dv_gc_is_dead(g, row->kind, &row->id))
		return 0;
	return keep_base(g, &loc, err);
}

/* Chunks that lists which go have named are no files of their own. */
static int name_dead(struct dv_gc *g, struct dv_gc_pack *p,
		     const struct dv_row *row, struct dv_err *err)
{
	int rc;

	(void)p;
	if (row->kind != DV_KIND_FILE || !dv_gc_is_dead(g, row->kind, &row->id))
		return 0;
	rc = mark_file(g, &row->id, NAMED, err);
	return rc == DV_ENOMEM || rc == DV_EIO ? rc : 0;
}

static int is_dead_file(const struct dv_gc *g, const struct dv_row *row)
{
	return dv_gc_is_dead(g, row->kind, &row->id) &&
	       row->kind != DV_KIND_SEGMENT &&
	       (row->kind != DV_KIND_CHUNK ||
		!(flags_of(g, row->kind, &row->id) & NAMED));
}

/* A file with a copy in a pack that is left alone stays for now. */
static int skip_waiting(struct dv_gc *g, struct dv_gc_pack *p,
			const struct dv_row *row, struct dv_err *err)
{
	int rc = 0;

	if (p->action == DV_GC_LEAVE && is_dead_file(g, row))
		rc = mark(g, row->kind, &row->id, COUNTED, err);
	return DV_MIN(rc, 0);
}

/* A file that goes counts once, however many copies of it there are. */
static int count_file(struct dv_gc *g, struct dv_gc_pack *p,
		      const struct dv_row *row, struct dv_err *err)
{
	struct dv_oid oid = { .id = row->id };
	int rc;

	(void)p;
	if (!is_dead_file(g, row))
		return 0;
	rc = mark(g, row->kind, &row->id, COUNTED, err);
	if (rc <= 0)
		return rc;
	g->result.files++;
	if (!g->lost)
		return 0;
	oid.scheme = row->kind == DV_KIND_FILE ? DV_SCHEME_DV1 :
						 DV_SCHEME_SHA256;
	if (row->kind == DV_KIND_CHUNK) {
		oid.size = row->raw;
	} else {
		struct dv_flist fl;
		const uint8_t *b;
		size_t n;

		if (read_list(g, DV_KIND_FILE, &row->id, &b, &n, NULL) == 1 &&
		    !dv_flist_parse(b, n, &fl, NULL))
			oid.size = fl.size;
	}
	return g->lost(g->lost_arg, &oid);
}

static int count_row(struct dv_gc *g, struct dv_gc_pack *p,
		     const struct dv_row *row, struct dv_err *err)
{
	(void)err;
	if (!dv_gc_is_dead(g, row->kind, &row->id)) {
		p->nlive++;
		p->live += dv_row_len(row);
		return 0;
	}
	p->ndead++;
	p->dead += dv_row_len(row);
	p->dead_lists += row->kind != DV_KIND_CHUNK;
	return 0;
}

static void decide(struct dv_gc *g, struct dv_gc_pack *p)
{
	struct dv_gc_result *r = &g->result;

	p->action = DV_GC_LEAVE;
	if (p->ndead && !p->nlive)
		p->action = DV_GC_REMOVE;
	else if (p->ndead && (p->dead_lists || p->pack->size < SMALL_PACK ||
			      p->dead >= (p->live + p->dead) / 4))
		p->action = DV_GC_REWRITE;
	else if (g->level && p->nlive)
		p->action = DV_GC_REWRITE;
	r->kept_records += p->nlive;
	r->kept_bytes += p->live;
	if (p->action == DV_GC_LEAVE) {
		r->waiting += p->dead;
		r->size_after += p->pack->size;
		return;
	}
	r->records += p->ndead;
	r->bytes += p->dead;
	if (p->action == DV_GC_REMOVE) {
		r->packs_removed++;
		return;
	}
	r->packs_rewritten++;
	r->size_after += DV_PACK_HEAD + DV_PACK_FOOT + p->live +
			 (uint64_t)p->nlive * ROW_COST;
}

int dv_gc_plan(struct dv_gc *g, struct dv_err *err)
{
	int rc;

	/* What lies in quarantine cannot be seen; it may be what is missing. */
	if (g->suspicious && (g->result.absent || g->result.torn))
		return dv_err_set(err, DV_ECORRUPT,
				  "the store lacks content that is needed, and '%s/quarantine' holds damaged packs; run 'git dv fetch --all', then remove what is in that folder",
				  g->store->path);
	rc = each_row(g, keep_others, err);
	if (!rc)
		rc = each_row(g, keep_bases, err);
	if (!rc)
		rc = each_row(g, name_dead, err);
	if (!rc)
		rc = each_row(g, count_row, err);
	for (size_t i = 0; !rc && i < g->npacks; i++)
		decide(g, &g->packs[i]);
	if (!rc && g->result.waiting)
		rc = each_row(g, skip_waiting, err);
	if (!rc && g->result.records)
		rc = each_row(g, count_file, err);
	return rc;
}
