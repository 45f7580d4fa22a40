/*
 * Hooks by Git's configuration, hook.<name>.command on hook.<name>.event, which
 * git-hook(1) of 2.54 and newer runs before the hook of the folder, if any. Older
 * ones do not know the settings, so that files are what git-dv installs, and this
 * is for folders that it does not write to.
 */
#ifndef DV_REPO_HOOKCONF_H
#define DV_REPO_HOOKCONF_H

#include "repo/repo.h"

/* Does this git run them? It is asked once. */
int dv_hookconf_works(void);
/* Does the configuration run our part of this hook, and this git the configuration? */
int dv_hookconf_has(struct dv_repo *r, const char *name);
/* Set what runs our part of this hook, for this repository. */
int dv_hookconf_add(struct dv_repo *r, const char *name, struct dv_err *err)
	DV_MUST_USE;
/* What dv_hookconf_add set goes; *changed counts. */
int dv_hookconf_remove(struct dv_repo *r, const char *name, int *changed,
		       struct dv_err *err) DV_MUST_USE;

#endif
