/*
 * What a commit would bring in: the regular files of the index that differ from
 * HEAD, and from every other parent of a merge. The index's own record of its
 * trees is compared with HEAD's, tree by tree through one `git cat-file`, so
 * that the cost follows what changed and not the size of the repository.
 */
#ifndef DV_REPO_STAGED_H
#define DV_REPO_STAGED_H

#include "base/idmap.h"
#include "repo/objects.h"

struct dv_diff_entry {
	char *path;		/* from the top; owned */
	char *commit;		/* that brought it (hex), or NULL: staged; owned */
	uint8_t blob[32];
};

struct dv_changes {
	struct dv_diff_entry *v;	/* staged ones in the index's order */
	size_t n, cap;
	struct dv_idmap gone;	/* blobs that it takes from a path, kind 1 */
};

/* No lock is taken, and GIT_INDEX_FILE is honoured. */
int dv_changes_staged(struct dv_repo *r, struct dv_objects *o,
		      struct dv_changes *out, struct dv_err *err) DV_MUST_USE;
/*
 * What the commits brought in that are reachable from `revs` and neither from
 * `not_revs` nor from the remote-tracking refs of the Git remote `remote`
 * (may be NULL): each blob once, with the first commit that has it.
 */
int dv_changes_of_range(struct dv_repo *r, const struct dv_strs *revs,
			const struct dv_strs *not_revs, const char *remote,
			struct dv_changes *out, struct dv_err *err) DV_MUST_USE;
void dv_changes_release(struct dv_changes *c);

#endif
