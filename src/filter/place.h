/*
 * Placing content: a worktree file that still is a pointer becomes the
 * content, and Git's index is told, so that `git status` stays clean and
 * instant. Done when Git has closed the filter (its index.lock is free then),
 * by `git dv checkout`, and by hooks.
 *
 * 1. All contents are written to temporary files and verified.
 * 2. index.lock is taken.
 * 3. For each file: the worktree file must still be exactly the pointer; the
 *    two are exchanged, and exchanged back if an edit slipped in between.
 * 4. The entry's stat data are patched where its blob is that pointer.
 * 5. The index replaces the old one, with the old one's time.
 *
 * A crash before 3 leaves temporary files, which later runs remove; between 3
 * and 5 files that Git takes for modified until the next `git add` of them, or
 * dv_place_repair, which `git dv checkout` and `pull` run: never lost content.
 */
#ifndef DV_FILTER_PLACE_H
#define DV_FILTER_PLACE_H

#include "base/log.h"
#include "repo/cache.h"
#include "repo/repo.h"

struct dv_place_item {
	char *path;		/* from the top of the worktree; owned */
	struct dv_oid oid;
};

struct dv_place_list {
	struct dv_place_item *v;
	size_t n, cap;
	int quiet;		/* what is left is not named: another does it */
};

void dv_place_list_release(struct dv_place_list *l);
int dv_place_list_add(struct dv_place_list *l, const char *path,
		      const struct dv_oid *oid, struct dv_err *err)
	DV_MUST_USE;

struct dv_place_result {
	size_t placed;
	size_t left;		/* still pointers: content missing or damaged, */
	size_t refused;		/* or, of these, the system refuses to replace them */
	size_t edited;		/* no longer the pointer: left alone */
};

#define DV_PLACE_WAIT_MS 3000	/* for index.lock: what a user waits for */

/*
 * Place what is in the local store. Files whose content is not are counted in
 * `left` and named in a warning, unless the list is quiet. `wait_ms`: how long
 * to wait for index.lock.
 */
int dv_place(struct dv_repo *r, struct dv_store *s, struct dv_pool *pool,
	     struct dv_cache *cache, const struct dv_place_list *list,
	     int wait_ms, struct dv_place_result *result, struct dv_err *err)
	DV_MUST_USE;

/*
 * Files that Git itself has just written with their content. Git takes entries
 * as young as the index for possibly changed and would clean all of them again
 * at the next status; this dates the files back, and the index with them. The
 * cache learns what they hold.
 */
int dv_place_backdate(struct dv_repo *r, struct dv_cache *cache,
		      const struct dv_place_list *list, int wait_ms,
		      struct dv_err *err) DV_MUST_USE;

/*
 * filter/place-repair.c: entries whose size is that of their pointer, beside a file
 * that has the size of the content, as a placement that was cut short leaves
 * them, or a file that was made a pointer of by other means. Git calls it
 * modified without a look. Where the file holds just that content, its entry
 * gets its stat data. *repaired counts them. Items that are none of this cost
 * nothing but a look at the index.
 */
int dv_place_repair(struct dv_repo *r, struct dv_pool *pool,
		    struct dv_cache *cache, const struct dv_place_list *list,
		    int wait_ms, size_t *repaired, struct dv_err *err)
	DV_MUST_USE;

/*
 * Open the folder that holds `path` (from the top), following no symlink on
 * the way; *name gets the last component. The descriptor, or -1 with errno.
 */
int dv_open_parent(int top_fd, const char *path, const char **name);
/*
 * Is the worktree file exactly this pointer's text? 1 with *st, 0, or -1 with
 * errno where it may be and cannot be read; never follows a symlink.
 */
int dv_is_pointer_file(int dir_fd, const char *name, const struct dv_oid *oid,
		       struct stat *st);

#endif
