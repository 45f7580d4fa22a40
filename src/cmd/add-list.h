/* What `git add` would look at, for `git dv add`. Paths are from the top. */
#ifndef DV_CMD_ADD_LIST_H
#define DV_CMD_ADD_LIST_H

#include "repo/repo.h"

struct dv_add_list {
	struct dv_strs there;	/* changed or not, and new ones */
	struct dv_strs gone;	/* in the index, and no file or link any more */
	char *env[8];		/* what the caller set for pathspecs, and NULL */
	int sparse;		/* git takes nothing outside of a part */
	int code;		/* of git add, which judged these pathspecs */
};

/* Before the repository is opened, which forgets it. */
int dv_add_list_env(struct dv_add_list *l, struct dv_err *err) DV_MUST_USE;
/*
 * From the folder that the arguments are relative to. A `code` of 1 is git's
 * for pathspecs of which it adds a part; above, nothing is listed. It has said
 * why.
 */
int dv_add_list_fill(struct dv_add_list *l, struct dv_repo *r, char **argv,
		     int n, struct dv_err *err) DV_MUST_USE;
void dv_add_list_release(struct dv_add_list *l);

#endif
