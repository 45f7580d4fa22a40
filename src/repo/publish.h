/*
 * Content of commits to a store: what `git dv push`, the pre-push hook and the
 * remote helper do before a ref moves. The content is that of their files and
 * that of the versions that their registries name.
 */
#ifndef DV_REPO_PUBLISH_H
#define DV_REPO_PUBLISH_H

#include "repo/remotes.h"

struct dv_publish {
	struct dv_repo *repo;
	struct dv_store *store;
	struct dv_cache *cache;
	struct dv_pool *pool;
	const char *name;		/* data remote; NULL: the default */
	struct dv_remote *remote;	/* or an open one, the caller's */
	const struct dv_strs *revs;	/* commits, full ids or names */
	const struct dv_strs *not_revs;	/* known to be there, or NULL */
	int (*wants)(void *arg, const char *path);	/* NULL: all paths */
	void *wants_arg;
	int dry_run;
	int quiet_if_nothing;
	int thorough;	/* ask the store about history that was pushed, too */
	/*
	 * First make the store say what it still has (remote/repair.h); then
	 * send what it lacks and is here, and name what is not.
	 */
	int repair;
};

/* DV_ENOTFOUND where content is neither here nor there: each is named. */
int dv_publish(const struct dv_publish *a, struct dv_err *err) DV_MUST_USE;

#endif
