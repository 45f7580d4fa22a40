/*
 * Pointers in Git: of the index, of a commit's tree, of a range of history.
 */
#ifndef DV_REPO_HISTORY_H
#define DV_REPO_HISTORY_H

#include "repo/cache.h"
#include "repo/repo.h"

struct dv_ptr {
	char *path;		/* from the top; owned */
	struct dv_oid oid;
	struct dv_oid previous;	/* what the path held before; scheme 0: none */
	int left_out;		/* of an index: by a sparse checkout */
};

struct dv_ptrs {
	struct dv_ptr *v;
	size_t n, cap;
};

void dv_ptrs_release(struct dv_ptrs *p);
/* `previous` may be NULL. */
int dv_ptrs_add(struct dv_ptrs *p, const char *path, const struct dv_oid *oid,
		const struct dv_oid *previous, struct dv_err *err) DV_MUST_USE;

/*
 * Every path of the index that is a pointer (stage 0). A sparse index has no
 * paths outside of the checkout; dv_ptrs_of_whole_index has them.
 */
int dv_ptrs_of_index(struct dv_repo *r, struct dv_cache *c,
		     struct dv_ptrs *out, struct dv_err *err) DV_MUST_USE;
int dv_ptrs_of_whole_index(struct dv_repo *r, struct dv_cache *c,
			   struct dv_ptrs *out, struct dv_err *err) DV_MUST_USE;
/* Every path of a commit (or tree) that is a pointer. */
int dv_ptrs_of_commit(struct dv_repo *r, struct dv_cache *c, const char *rev,
		      struct dv_ptrs *out, struct dv_err *err) DV_MUST_USE;
/*
 * Every pointer that the commits reachable from `revs` but not from `not_revs`
 * brought in, intermediate commits included, once each per path; and those of
 * trees, and the files, among `revs`. Names that do not exist here are left out
 * of `not_revs`.
 */
int dv_ptrs_of_range(struct dv_repo *r, struct dv_cache *c,
		     const struct dv_strs *revs,
		     const struct dv_strs *not_revs, struct dv_ptrs *out,
		     struct dv_err *err) DV_MUST_USE;
/*
 * What the commits reachable from `revs` but not from `not_revs` changed, as
 * dv_log_each reads it; `revs` NULL: from all refs, HEADs and reflogs. Names
 * that do not exist here are left out of `not_revs`. Merges are followed into
 * all parents and compared with each. What among `revs` is a tree, a file, or a
 * tag of one counts as new, all of it. `path` is a pathspec, or NULL.
 */
int dv_log_read(struct dv_repo *r, const struct dv_strs *revs,
		const struct dv_strs *not_revs, const char *path,
		struct dv_buf *out, struct dv_err *err) DV_MUST_USE;
/*
 * Each regular file that a commit has otherwise than a parent, with Git's ids
 * of both sides: so every blob that a commit brought in is once the new one.
 * Stops when `each` returns not 0, and returns that.
 */
int dv_log_each(struct dv_repo *r, const struct dv_buf *list,
		int (*each)(void *arg, const uint8_t *old_id,
			    const uint8_t *new_id, const char *path,
			    struct dv_err *err),
		void *arg, struct dv_err *err) DV_MUST_USE;
/* Those of the ids that are commits or tags here. Fetches none. */
int dv_known_commits(struct dv_repo *r, const struct dv_strs *revs,
		     struct dv_strs *out, struct dv_err *err) DV_MUST_USE;
/* All refs, for --all. */
int dv_all_refs(struct dv_strs *out, struct dv_err *err) DV_MUST_USE;

/*
 * Tips whose whole history was seen to be on a store, and the shards that it had
 * then (see dv_remote_still): without them the tips say nothing. Kept in
 * dv/pushed/<uuid>; a cache that saves walking the same commits again. To add
 * tips without `seen` leaves the shards as they were: nothing more was looked
 * at. Either list of dv_pushed_tips may be NULL.
 */
int dv_pushed_tips(struct dv_repo *r, const char *uuid, struct dv_strs *tips,
		   struct dv_strs *seen, struct dv_err *err) DV_MUST_USE;
void dv_pushed_add(struct dv_repo *r, const char *uuid,
		   const struct dv_strs *tips, const struct dv_strs *seen);
/* The store lost something, or is another copy of it. */
void dv_pushed_forget(struct dv_repo *r, const char *uuid);

#endif
