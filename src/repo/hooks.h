/*
 * git-dv's hooks in a clone: thin sh that calls `git dv hook NAME`, beside
 * whatever hooks stand there. A foreign hook of the same name is kept as
 * NAME.before-git-dv and run first, by its own name; its exit code is honoured.
 */
#ifndef DV_REPO_HOOKS_H
#define DV_REPO_HOOKS_H

#include "repo/repo.h"

/* NULL-terminated. */
extern const char *const dv_hook_names[];

/*
 * Install what is missing. Repeatable; *changed counts. A hooks folder that
 * cannot be written to is an error that says what to add by hand.
 */
int dv_hooks_install(struct dv_repo *r, int *changed, struct dv_err *err)
	DV_MUST_USE;
/*
 * Remove ours and put foreign ones back as they were. *stay: they are in a
 * folder that another repository uses, and obey dv.hooks here.
 */
int dv_hooks_uninstall(struct dv_repo *r, int *changed, int *stay,
		       struct dv_err *err) DV_MUST_USE;
/*
 * What the filter, and commands that prepare for content, do by themselves:
 * the same unless dv.hooks is false, or the folder is not the repository's
 * alone. What is not done is a warning.
 */
void dv_hooks_ensure(struct dv_repo *r);
/* 1 where all are there. */
int dv_hooks_installed(struct dv_repo *r);
/* Is there a foreign hook of this name that would see pointers? */
int dv_hooks_foreign(struct dv_repo *r, const char *name);

#endif
