#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "filter/place.h"
#include "repo/gitindex.h"
#include "store/ingest.h"

/* A file that holds the content of its entry. */
struct fix {
	const struct dv_place_item *item;
	struct stat st;
};

/* The entry of this pointer, where its stat data are those of the pointer. */
static struct dv_gitentry *entry_of(struct dv_repo *r, struct dv_gitindex *ix,
				    const struct dv_place_item *item)
{
	struct dv_gitentry *e = dv_gitindex_find(ix, item->path);
	char text[DV_POINTER_MAX];
	uint8_t blob[32];

	if (!e || dv_gitentry_size(ix, e) != dv_pointer_format(&item->oid, text) ||
	    dv_repo_pointer_blob(r, &item->oid, blob) ||
	    memcmp(e->oid, blob, ix->hash_size))
		return NULL;
	return e;
}

/* 1 with *st where the file holds the content and did not change meanwhile. */
static int look(int top, struct dv_pool *pool, const struct dv_place_item *item,
		struct stat *st, struct dv_err *err)
{
	const char *name;
	struct dv_oid oid;
	struct stat after;
	int dir = dv_open_parent(top, item->path, &name), fd, rc = 0;

	if (dir < 0)
		return 0;
	if (fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW) ||
	    !S_ISREG(st->st_mode) || (uint64_t)st->st_size != item->oid.size) {
		close(dir);
		return 0;
	}
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0) {
		rc = dv_ingest_oid(pool, fd, item->path, &oid, err);
		if (!rc)
			rc = dv_oid_eq(&oid, &item->oid);
		if (rc == 1 && (fstat(fd, &after) ||
				after.st_ino != st->st_ino ||
				after.st_mtim.tv_sec != st->st_mtim.tv_sec ||
				after.st_mtim.tv_nsec != st->st_mtim.tv_nsec ||
				after.st_ctim.tv_sec != st->st_ctim.tv_sec ||
				after.st_ctim.tv_nsec != st->st_ctim.tv_nsec))
			rc = 0;
		close(fd);
	}
	close(dir);
	return rc;
}

static int is_still(int top, const struct fix *f)
{
	const char *name;
	int dir = dv_open_parent(top, f->item->path, &name), same;
	struct stat st;

	if (dir < 0)
		return 0;
	same = !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) &&
	       st.st_ino == f->st.st_ino &&
	       st.st_ctim.tv_sec == f->st.st_ctim.tv_sec &&
	       st.st_ctim.tv_nsec == f->st.st_ctim.tv_nsec;
	close(dir);
	return same;
}

/* Under the lock, against the index as it is then. */
static int patch(struct dv_repo *r, struct dv_cache *cache, const char *path,
		 int top, const struct fix *v, size_t n, int wait_ms,
		 size_t *repaired, struct dv_err *err)
{
	struct dv_gitindex ix = { 0 };
	int lock, rc = dv_gitindex_lock(path, wait_ms, &lock, err);

	if (rc)
		return rc;
	rc = dv_gitindex_read(&ix, path, r->algo, err);
	for (size_t i = 0; !rc && !ix.split && i < n; i++) {
		struct dv_gitentry *e = entry_of(r, &ix, v[i].item);
		struct dv_stat_entry known;

		if (!e || !is_still(top, &v[i]))
			continue;
		dv_gitentry_set_stat(&ix, e, &v[i].st);
		dv_stat_entry_fill(&known, &v[i].st);
		known.oid = v[i].item->oid;
		dv_cache_stat_put(cache, v[i].item->path, &known);
		++*repaired;
	}
	if (!rc && *repaired)
		rc = dv_gitindex_commit(&ix, path, lock, r->algo, err);
	else
		dv_gitindex_unlock(path, lock);
	dv_gitindex_release(&ix);
	return rc;
}

int dv_place_repair(struct dv_repo *r, struct dv_pool *pool,
		    struct dv_cache *cache, const struct dv_place_list *list,
		    int wait_ms, size_t *repaired, struct dv_err *err)
{
	int top = open(r->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;
	char *path = dv_repo_index_path(r);
	struct dv_gitindex ix = { 0 };
	struct fix *v = NULL;
	size_t n = 0, cap = 0;

	*repaired = 0;
	if (!path || top < 0)
		rc = path ? dv_err_errno(err, "cannot open '%s'", r->top) :
			    dv_err_nomem(err);
	else
		rc = dv_gitindex_read(&ix, path, r->algo, err);
	for (size_t i = 0; rc >= 0 && !ix.split && i < list->n; i++) {
		struct stat st;
		struct fix *more;

		if (!entry_of(r, &ix, &list->v[i]))
			continue;
		rc = look(top, pool, &list->v[i], &st, err);
		if (rc != 1)
			continue;
		more = dv_grow(v, &cap, n + 1, sizeof(*v));
		if (!more) {
			rc = dv_err_nomem(err);
			break;
		}
		v = more;
		v[n].item = &list->v[i];
		v[n++].st = st;
	}
	dv_gitindex_release(&ix);
	if (rc == DV_ENOTFOUND)
		rc = 0;		/* no index */
	if (rc >= 0)
		rc = n ? patch(r, cache, path, top, v, n, wait_ms, repaired,
			       err) : 0;
	if (top >= 0)
		close(top);
	free(path);
	free(v);
	return rc;
}
