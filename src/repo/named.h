/*
 * Content that registries name, in Git: each version of .dv/registry/NAME.json
 * with a content is a pointer whose path is that of the registry file. So what
 * selects, pushes and fetches pointers does so with named versions.
 */
#ifndef DV_REPO_NAMED_H
#define DV_REPO_NAMED_H

#include "repo/history.h"

#define DV_REGISTRY_DIR ".dv/registry"
#define DV_REGISTRY_SUFFIX ".json"

/* Registry files that could not be read: path, and Git's id of the blob. */
struct dv_unread {
	struct dv_strs paths, blobs;
};

void dv_unread_release(struct dv_unread *u);

/* Of the index, all stages. `index` NULL: this worktree's; else its path. */
int dv_named_of_index(struct dv_repo *r, const char *index,
		      struct dv_ptrs *out, struct dv_unread *unread,
		      struct dv_err *err) DV_MUST_USE;
int dv_named_of_commit(struct dv_repo *r, const char *rev,
		       struct dv_ptrs *out, struct dv_unread *unread,
		       struct dv_err *err) DV_MUST_USE;
/* As dv_ptrs_of_range: intermediate commits included, each content once a path. */
int dv_named_of_range(struct dv_repo *r, const struct dv_strs *revs,
		      const struct dv_strs *not_revs, struct dv_ptrs *out,
		      struct dv_unread *unread, struct dv_err *err)
	DV_MUST_USE;
/* Of all refs, HEADs and reflogs of all worktrees, with their history. */
int dv_named_of_all(struct dv_repo *r, struct dv_ptrs *out,
		    struct dv_unread *unread, struct dv_err *err) DV_MUST_USE;
/*
 * Of any objects, and of all refs where these are trees or files: of commits,
 * what no ref reaches; of trees, also those of the folders .dv and .dv/registry;
 * of files, where they are registries. Ids that are not here name nothing.
 */
int dv_named_of_tips(struct dv_repo *r, const struct dv_strs *tips,
		     struct dv_ptrs *out, struct dv_unread *unread,
		     struct dv_err *err) DV_MUST_USE;
/* "warning: ..." for each. */
void dv_unread_warn(const struct dv_unread *u);

#endif
