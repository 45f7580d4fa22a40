#include "store/maintain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "store/txn.h"

#define SMALL_PACK (32u << 20)
#define MERGE_MIN 8	/* fewer small packs are left alone */
#define UNINDEXED_MAX 16

static int cmp_size(const void *a, const void *b)
{
	const struct dv_pack *x = *(struct dv_pack *const *)a;
	const struct dv_pack *y = *(struct dv_pack *const *)b;

	return x->size < y->size ? -1 : x->size > y->size;
}

/* Small packs, smallest first; sizes are looked up. */
static size_t small_packs(struct dv_store *s, struct dv_pack **out)
{
	size_t n = 0;

	for (size_t i = 0; i < s->set.n; i++) {
		struct dv_pack *p = s->set.v[i];
		char *path;
		struct stat st;

		if (p->gone)
			continue;
		path = dv_pack_path(&s->set, p);
		if (path && !lstat(path, &st) && st.st_size < SMALL_PACK) {
			p->size = (uint64_t)st.st_size;
			p->mtime = st.st_mtime;
			out[n++] = p;
		}
		free(path);
	}
	if (n > 1)
		qsort(out, n, sizeof(*out), cmp_size);
	return n;
}

/* How many of the n smallest to merge: see the header. */
static size_t to_merge(struct dv_pack **v, size_t n)
{
	uint64_t sum = 0;
	size_t take = 0;

	for (size_t i = 0; i < n; i++) {
		if (i && v[i]->size < 2 * sum)
			take = i + 1;
		sum += v[i]->size;
	}
	return take;
}

/* Whole records, or else deltas: their bases have to be there before them. */
static int copy_pack(struct dv_txn *t, struct dv_pack *p, int deltas,
		     struct dv_err *err)
{
	uint8_t *table = NULL;
	uint32_t n = 0;
	int rc = dv_pack_read_table(&t->store->set, p, &table, &n, err);

	for (uint32_t i = 0; !rc && i < n; i++) {
		struct dv_loc loc = { .pack = p };
		const uint8_t *payload, *content;
		struct dv_rec rec;

		dv_row_parse(table + (size_t)i * DV_PACK_ROW, &loc.row);
		if ((loc.row.codec == DV_CODEC_DELTA) != deltas)
			continue;
		rc = dv_txn_stands(t, &t->coder, loc.row.kind, &loc.row.id,
				   deltas, err);
		if (rc > 0) {
			rc = 0;
			continue;
		}
		if (!rc)
			rc = dv_store_read_record(t->store, &t->coder, &loc,
						  &rec, &payload, err);
		/* What is damaged must not be copied as if it were whole. */
		if (!rc)
			rc = dv_txn_decode(t, &t->coder, &rec, payload,
					   &content, err);
		if (!rc)
			rc = dv_txn_put_record(t, &t->coder, &rec, payload,
					       content, err);
	}
	free(table);
	return rc;
}

int dv_store_merge_small(struct dv_store *s, struct dv_err *err)
{
	struct dv_pack **v = malloc((s->set.n + 1) * sizeof(*v));
	struct dv_txn t = { 0 };
	size_t n, take;
	int rc;

	if (!v)
		return dv_err_nomem(err);
	rc = dv_store_lock_excl(s, err);
	if (rc) {
		free(v);
		return rc;
	}
	/* Nobody else writes from here on; see what they left. */
	rc = dv_packset_rescan(&s->set, err);
	free(v);
	v = rc ? NULL : malloc((s->set.n + 1) * sizeof(*v));
	if (!v) {
		dv_store_unlock_excl(s);
		return rc ? rc : dv_err_nomem(err);
	}
	n = small_packs(s, v);
	take = to_merge(v, n);
	if (n < MERGE_MIN || take < 2)
		goto out;
	s->writers++;	/* the exclusive lock covers the transaction */
	rc = dv_txn_begin(&t, s, 0, err);
	/* The sources must not count as places where a record already is. */
	for (size_t i = 0; i < take; i++) {
		dv_packset_leave(&s->set, v[i], 1);
		t.mtime = DV_MAX(t.mtime, v[i]->mtime);
	}
	for (size_t i = 0; !rc && i < 2 * take; i++)
		rc = copy_pack(&t, v[i % take], i >= take, err);
	if (!rc)
		rc = dv_txn_commit(&t, err);
	dv_txn_end(&t);
	s->writers--;
	for (size_t i = 0; i < take; i++) {
		char *path = rc ? NULL : dv_pack_path(&s->set, v[i]);

		if (path)
			unlink(path);
		else
			dv_packset_leave(&s->set, v[i], 0);
		free(path);
	}
	if (!rc)
		dv_log_debug("merged %zu small packs", take);
	else if (dv_packset_rescan(&s->set, NULL))
		dv_log_debug("packs could not be listed again");
out:
	dv_store_unlock_excl(s);
	free(v);
	return rc;
}

/* A sorted source of rows: an index file or a pack's own table. */
struct cursor {
	const uint8_t *rows;
	uint64_t i, n;
	uint32_t pack;			/* number in the new index, or */
	const uint32_t *renumber;	/* old index: old number to new */
};

static void sift(struct cursor **heap, size_t n, size_t i)
{
	for (;;) {
		size_t k = 2 * i + 1;
		struct cursor *c;

		if (k >= n)
			return;
		if (k + 1 < n &&
		    memcmp(heap[k + 1]->rows + heap[k + 1]->i * DV_PACK_ROW,
			   heap[k]->rows + heap[k]->i * DV_PACK_ROW, 32) < 0)
			k++;
		if (memcmp(heap[i]->rows + heap[i]->i * DV_PACK_ROW,
			   heap[k]->rows + heap[k]->i * DV_PACK_ROW, 32) <= 0)
			return;
		c = heap[i];
		heap[i] = heap[k];
		heap[k] = c;
		i = k;
	}
}

/* Rows of packs that are gone are dropped on the way. */
static int skip_gone(struct cursor *c)
{
	while (c->i < c->n && c->renumber &&
	       c->renumber[dv_get32(c->rows + c->i * DV_PACK_ROW + 52)] ==
		       UINT32_MAX)
		c->i++;
	return c->i < c->n;
}

struct index_build {
	struct dv_pack **packs;		/* by new number, sorted by name */
	uint32_t npacks;
	struct cursor *cur;
	size_t ncur;
	uint32_t **renumber;		/* per old index taken in */
	size_t *old;			/* their places in set.idx */
	size_t nold;
};

static int write_rows(FILE *f, struct index_build *b, uint32_t fan[257],
		      uint64_t *nrows)
{
	struct cursor **heap = malloc((b->ncur + 1) * sizeof(*heap));
	uint8_t prev[DV_PACK_ROW] = { 0 };
	size_t n = 0;

	if (!heap)
		return -1;
	for (size_t i = 0; i < b->ncur; i++)
		if (skip_gone(&b->cur[i]))
			heap[n++] = &b->cur[i];
	for (size_t i = n; i-- > 0;)
		sift(heap, n, i);
	*nrows = 0;
	memset(fan, 0, 257 * sizeof(*fan));
	while (n) {
		struct cursor *c = heap[0];
		uint8_t row[DV_PACK_ROW];

		memcpy(row, c->rows + c->i * DV_PACK_ROW, sizeof(row));
		dv_put32(row + 52, c->renumber ?
			 c->renumber[dv_get32(row + 52)] : c->pack);
		if (!*nrows || memcmp(prev, row, sizeof(row))) {
			if (fwrite(row, sizeof(row), 1, f) != 1)
				break;
			fan[row[0] + 1]++;
			++*nrows;
			memcpy(prev, row, sizeof(row));
		}
		c->i++;
		if (!skip_gone(c))
			heap[0] = heap[--n];
		sift(heap, n, 0);
	}
	free(heap);
	for (int i = 1; i < 257; i++)
		fan[i] += fan[i - 1];
	return n || *nrows > UINT32_MAX ? -1 : 0;
}

/* Under the index lock: whoever left these has crashed. */
static void drop_unfinished(const char *dir)
{
	struct dv_strs names = { 0 };

	if (!dv_dir_list(dir, &names, NULL)) {
		for (size_t i = 0; i < names.n; i++) {
			char *path = strncmp(names.v[i], ".tmp-", 5) ? NULL :
				     dv_fmt("%s/%s", dir, names.v[i]);

			if (path)
				unlink(path);
			free(path);
		}
	}
	dv_strs_release(&names);
}

static int write_index(struct dv_store *s, struct index_build *b,
		       struct dv_err *err)
{
	uint8_t head[DV_INDEX_HEAD], fanb[DV_INDEX_FAN];
	char name[33], *tmp = NULL, *path = NULL;
	uint32_t fan[257];
	uint64_t nrows;
	FILE *f = NULL;
	int fd, rc = dv_random_name(name, err);

	if (rc)
		return rc;
	tmp = dv_fmt("%s/.tmp-%s", s->set.index_dir, name);
	path = dv_fmt("%s/%s", s->set.index_dir, name);
	if (!tmp || !path) {
		rc = dv_err_nomem(err);
		goto out;
	}
	fd = dv_own_open(tmp, O_WRONLY | O_EXCL, 0666);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		if (fd >= 0)
			close(fd);
		goto fail;
	}
	memset(head, 0, sizeof(head));
	memset(fanb, 0, sizeof(fanb));
	if (fwrite(head, sizeof(head), 1, f) != 1)
		goto fail;
	for (uint32_t i = 0; i < b->npacks; i++)
		if (fwrite(b->packs[i]->raw_name, 16, 1, f) != 1)
			goto fail;
	if (fwrite(fanb, sizeof(fanb), 1, f) != 1 ||
	    write_rows(f, b, fan, &nrows))
		goto fail;
	dv_index_head_format(b->npacks, nrows, head);
	for (int i = 0; i < 257; i++)
		dv_put32(fanb + 4 * i, fan[i]);
	if (fflush(f) || dv_pwrite_full(fileno(f), head, sizeof(head), 0) ||
	    dv_pwrite_full(fileno(f), fanb, sizeof(fanb),
			   DV_INDEX_HEAD + (uint64_t)b->npacks * 16) ||
	    fdatasync(fileno(f)))
		goto fail;
	if (fclose(f)) {
		f = NULL;
		goto fail;
	}
	f = NULL;
	if (rename(tmp, path))
		goto fail;
	goto out;
fail:
	rc = dv_err_errno(err, "cannot write an index in '%s'",
			  s->set.index_dir);
	if (f)
		fclose(f);
	unlink(tmp);
out:
	free(tmp);
	free(path);
	return rc;
}

static uint32_t pack_number(const struct index_build *b,
			    const struct dv_pack *p)
{
	uint32_t lo = 0, hi = b->npacks;

	while (p && lo < hi) {
		uint32_t mid = (lo + hi) / 2;
		int c = strcmp(b->packs[mid]->name, p->name);

		if (!c)
			return mid;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return UINT32_MAX;
}

static int cmp_idx_rows(const void *a, const void *b, void *set)
{
	const struct dv_packset *s = set;
	uint32_t x = s->idx[*(const size_t *)a].view.nrows;
	uint32_t y = s->idx[*(const size_t *)b].view.nrows;

	return x < y ? -1 : x > y;
}

/* Decide what the new index takes in and make the cursors. */
static int plan(struct dv_store *s, int all, struct index_build *b,
		struct dv_err *err)
{
	struct dv_packset *set = &s->set;
	uint64_t rows = 0;
	size_t *order, nold = set->nidx;

	memset(b, 0, sizeof(*b));
	b->packs = calloc(set->n + 1, sizeof(*b->packs));
	b->cur = calloc(set->n + nold + 1, sizeof(*b->cur));
	b->renumber = calloc(nold + 1, sizeof(*b->renumber));
	order = b->old = calloc(nold + 1, sizeof(*b->old));
	if (!b->packs || !b->cur || !b->renumber || !order)
		return dv_err_nomem(err);
	for (size_t i = 0; i < set->n; i++)
		if (!set->v[i]->gone && !set->v[i]->indexed)
			rows += set->v[i]->count;
	for (size_t i = 0; i < nold; i++)
		order[i] = i;
	qsort_r(order, nold, sizeof(*order), cmp_idx_rows, set);
	for (; b->nold < nold; b->nold++) {
		uint32_t n = set->idx[order[b->nold]].view.nrows;

		if (!all && n > 2 * rows)
			break;
		rows += n;
	}
	for (size_t k = 0; k < b->nold; k++) {
		struct dv_index_file *f = &set->idx[order[k]];

		for (uint32_t m = 0; m < f->view.npacks; m++)
			if (f->packs[m])
				f->packs[m]->mark = 1;
	}
	/* set->v is sorted by name, so the numbers are too. */
	for (size_t i = 0; i < set->n; i++) {
		struct dv_pack *p = set->v[i];

		if (!p->gone && (!p->indexed || p->mark))
			b->packs[b->npacks++] = p;
		p->mark = 0;
	}
	for (uint32_t i = 0; i < b->npacks; i++) {
		struct dv_pack *p = b->packs[i];

		if (p->table && !p->indexed)
			b->cur[b->ncur++] = (struct cursor){
				.rows = p->table, .n = p->count, .pack = i };
	}
	for (size_t k = 0; k < b->nold; k++) {
		struct dv_index_file *f = &set->idx[order[k]];
		uint32_t *map = malloc((f->view.npacks + 1) * sizeof(*map));

		if (!map)
			return dv_err_nomem(err);
		for (uint32_t m = 0; m < f->view.npacks; m++)
			map[m] = pack_number(b, f->packs[m] &&
					     !f->packs[m]->gone ?
					     f->packs[m] : NULL);
		b->renumber[k] = map;
		b->cur[b->ncur++] = (struct cursor){ .rows = f->view.rows,
			.n = f->view.nrows, .renumber = map };
	}
	return 0;
}

static int check_rows(const struct index_build *b, const struct dv_packset *s)
{
	for (size_t k = 0; k < b->nold; k++) {
		const struct dv_index_view *v = &s->idx[b->old[k]].view;

		for (uint64_t i = 0; i < v->nrows; i++)
			if (dv_get32(v->rows + i * DV_PACK_ROW + 52) >=
			    v->npacks)
				return -1;
	}
	return 0;
}

int dv_store_lock_index(struct dv_store *s, int wait, int *fd,
			struct dv_err *err)
{
	char *path = dv_fmt("%s/index/lock", s->path);
	int rc;

	*fd = path ? dv_own_open(path, O_RDWR, 0666) : -1;
	rc = *fd < 0 ? dv_err_errno(err, "cannot lock the index of '%s'",
				    s->path) :
		       dv_lock_fd(*fd, DV_LOCK_EXCL, wait, err);
	if (rc && *fd >= 0)
		close(*fd);
	if (rc)
		*fd = -1;
	free(path);
	return rc;
}

int dv_store_index(struct dv_store *s, int all, struct dv_err *err)
{
	struct index_build b = { 0 };
	struct dv_strs drop = { 0 };
	size_t unindexed = 0;
	int rc, fd;

	for (size_t i = 0; i < s->set.n; i++)
		unindexed += !s->set.v[i]->gone && !s->set.v[i]->indexed;
	if (!all && unindexed <= UNINDEXED_MAX)
		return 0;
	rc = dv_store_lock_index(s, all, &fd, err);
	if (rc)
		return rc;
	drop_unfinished(s->set.index_dir);
	rc = dv_packset_rescan(&s->set, err);
	if (!rc)
		rc = plan(s, all, &b, err);
	if (!rc && check_rows(&b, &s->set))
		rc = dv_err_set(err, DV_ECORRUPT,
				"an index in '%s' is damaged; remove that folder's files, they are a cache",
				s->set.index_dir);
	if (!rc)
		rc = write_index(s, &b, err);
	for (size_t k = 0; !rc && k < b.nold; k++)
		rc = dv_strs_add(&drop, s->set.idx[b.old[k]].name, err);
	for (size_t k = 0; !rc && k < drop.n; k++) {
		char *old = dv_fmt("%s/%s", s->set.index_dir, drop.v[k]);

		if (old)
			unlink(old);
		free(old);
	}
	if (!rc)
		rc = dv_packset_rescan(&s->set, err);
	for (size_t k = 0; b.renumber && k < b.nold; k++)
		free(b.renumber[k]);
	free(b.renumber);
	free(b.old);
	free(b.cur);
	free(b.packs);
	dv_strs_release(&drop);
	close(fd);
	return rc;
}

void dv_store_maintain(struct dv_store *s)
{
	struct dv_err why = { 0 };
	size_t live = 0;

	if (s->read_only || s->writers)
		return;
	for (size_t i = 0; i < s->set.n; i++)
		live += !s->set.v[i]->gone && !s->set.v[i]->indexed;
	if (live >= MERGE_MIN && dv_store_merge_small(s, &why))
		dv_log_debug("packs were not merged: %s", why.msg);
	if (dv_store_index(s, 0, &why))
		dv_log_debug("packs were not indexed: %s", why.msg);
}
