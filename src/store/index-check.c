/*
 * Is an index what the packs' own tables say? Rows of an index carry no
 * checksum, so that a look-up need not read all of it; whoever is about to
 * remove content, or to call it good, asks here before.
 *
 * Per pack, the rows are counted and their hashes added up, once over the
 * index and once over the table, which has a checksum. Together with the order
 * of the rows, equal counts and sums mean equal rows.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "store/maintain.h"

#define ROW_BYTES (DV_PACK_ROW - 4)	/* without the pack's number */

struct sum {
	uint64_t rows, hash;
};

static void add(struct sum *s, const uint8_t *row)
{
	s->rows++;
	s->hash += XXH3_64bits(row, ROW_BYTES);
}

/* Sums by number of pack. 0 where the index itself is not in order. */
static int sum_index(const struct dv_index_view *v, struct sum *sums)
{
	const uint8_t *prev = NULL;

	for (uint32_t i = 0; i < v->nrows; i++) {
		const uint8_t *row = v->rows + (size_t)i * DV_PACK_ROW;
		uint32_t pack = dv_get32(row + ROW_BYTES);

		if (pack >= v->npacks ||
		    (prev && memcmp(prev, row, DV_ID_SIZE) > 0) ||
		    i < dv_get32(v->fan + 4 * (size_t)row[0]) ||
		    i >= dv_get32(v->fan + 4 * (size_t)row[0] + 4))
			return 0;
		add(&sums[pack], row);
		prev = row;
	}
	return 1;
}

/* 1 right, 0 wrong; negative: an error of ours. */
static int check(struct dv_packset *set, const struct dv_index_file *f,
		 struct dv_err *err)
{
	struct sum *sums = calloc((size_t)f->view.npacks + 1, sizeof(*sums));
	int rc;

	if (!sums)
		return dv_err_nomem(err);
	rc = sum_index(&f->view, sums);
	for (uint32_t k = 0; rc == 1 && k < f->view.npacks; k++) {
		struct dv_pack *p = f->packs[k];
		struct dv_err why = { 0 };
		struct sum own = { 0 };
		uint8_t *table = NULL;
		uint32_t n = 0;

		/* What is gone is found no more; damage is for verify to say. */
		if (!p || dv_pack_gone(p) ||
		    dv_pack_read_table(set, p, &table, &n, &why)) {
			if (why.status == DV_ENOMEM)
				rc = dv_err_nomem(err);
			continue;
		}
		for (uint32_t i = 0; i < n; i++)
			add(&own, table + (size_t)i * DV_PACK_ROW);
		free(table);
		rc = own.rows == sums[k].rows && own.hash == sums[k].hash;
	}
	free(sums);
	return rc;
}

static int is_mapped(const struct dv_packset *set, const char *name)
{
	for (size_t i = 0; i < set->nidx; i++)
		if (!strcmp(set->idx[i].name, name))
			return 1;
	return 0;
}

/* Names of files that are no index, or a wrong one. */
static int find_bad(struct dv_store *s, struct dv_strs *bad,
		    struct dv_err *err)
{
	struct dv_strs names = { 0 };
	int rc = dv_dir_list(s->set.index_dir, &names, err);

	if (rc == DV_ENOTFOUND)
		rc = 0;
	for (size_t i = 0; !rc && i < names.n; i++)
		if (strlen(names.v[i]) == 32 && dv_hex_valid(names.v[i], 32) &&
		    !is_mapped(&s->set, names.v[i]))
			rc = dv_strs_add(bad, names.v[i], err);
	for (size_t i = 0; !rc && i < s->set.nidx; i++) {
		rc = check(&s->set, &s->set.idx[i], err);
		if (!rc)
			rc = dv_strs_add(bad, s->set.idx[i].name, err);
		rc = DV_MIN(rc, 0);
		if (!rc)
			rc = dv_cancel_check(err);
	}
	dv_strs_release(&names);
	return rc;
}

static int drop(struct dv_store *s, const struct dv_strs *bad,
		struct dv_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < bad->n; i++) {
		char *path = dv_fmt("%s/%s", s->set.index_dir, bad->v[i]);

		if (!path)
			rc = dv_err_nomem(err);
		else if (unlink(path) && errno != ENOENT)
			rc = dv_err_errno(err, "cannot remove '%s'", path);
		free(path);
	}
	return rc;
}

int dv_store_check_index(struct dv_store *s, struct dv_err *err)
{
	struct dv_strs bad = { 0 };
	struct dv_err why = { 0 };
	int rc, lock = -1;

	if (!s->read_only) {
		rc = dv_store_lock_index(s, 1, &lock, err);
		if (!rc)
			rc = dv_packset_rescan(&s->set, err);
		if (rc)
			goto out;
	}
	rc = find_bad(s, &bad, err);
	if (rc || !bad.n)
		goto out;
	dv_log_warn("%zu index file%s of '%s' %s damaged; the packs' own tables are used%s",
		    bad.n, bad.n == 1 ? "" : "s", s->path,
		    bad.n == 1 ? "is" : "are",
		    s->read_only ? "" : ", and it is made anew");
	if (s->read_only)
		s->set.no_index = 1;
	else
		rc = drop(s, &bad, err);
	if (!rc)
		rc = dv_packset_rescan(&s->set, err);
	if (lock >= 0)
		close(lock);
	lock = -1;
	if (!rc && !s->read_only && dv_store_index(s, 0, &why))
		dv_log_debug("packs were not indexed: %s", why.msg);
out:
	if (lock >= 0)
		close(lock);
	dv_strs_release(&bad);
	return rc;
}
