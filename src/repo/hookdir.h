/*
 * The folder that Git takes a repository's hooks from (core.hooksPath), and
 * who else does.
 */
#ifndef DV_REPO_HOOKDIR_H
#define DV_REPO_HOOKDIR_H

#include "repo/repo.h"

/* Caller frees; NULL: out of memory. */
char *dv_hookdir_path(struct dv_repo *r);
/* Part of the worktree and not ignored: then its hooks are the team's. */
int dv_hookdir_is_versioned(struct dv_repo *r, const char *dir);
/*
 * Neither in the git dir nor in the worktree: other repositories may have the
 * same, as with a core.hooksPath of a person.
 */
int dv_hookdir_is_shared(struct dv_repo *r, const char *dir);
/*
 * Who uses git-dv's hooks in such a folder is listed in it. hook.sh knows by
 * the list that it stands in one. A list that cannot be written is no error.
 */
void dv_hookdir_join(struct dv_repo *r, const char *dir);
/*
 * No longer this repository. *other: one that still does, or NULL, when the
 * list is gone; caller frees.
 */
int dv_hookdir_leave(struct dv_repo *r, const char *dir, char **other,
		     struct dv_err *err) DV_MUST_USE;

#endif
