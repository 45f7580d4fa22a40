/*
 * The folder that Git takes a repository's hooks from (core.hooksPath).
 */
#ifndef DV_REPO_HOOKDIR_H
#define DV_REPO_HOOKDIR_H

#include "repo/repo.h"

/* Caller frees; NULL: out of memory. */
char *dv_hookdir_path(struct dv_repo *r);
/* Part of the worktree and not ignored: then its hooks are the team's. */
int dv_hookdir_is_versioned(struct dv_repo *r, const char *dir);

#endif
