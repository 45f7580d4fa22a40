/*
 * What the clones of a store need: the content that their Git repositories
 * name. These are the roots of a garbage collection.
 *
 * Whatever cannot be read is an error, never "nothing": what is not named here
 * is removed.
 */
#ifndef DV_REPO_ROOTS_H
#define DV_REPO_ROOTS_H

#include "repo/clones.h"
#include "repo/history.h"

enum dv_roots_what {
	/*
	 * All that git itself would keep: refs, reflogs and indexes of all
	 * worktrees, heads of work in progress (merge, rebase, cherry-pick,
	 * revert, bisect, am), with their whole history.
	 */
	DV_ROOTS_ALL,
	/*
	 * What is worked on: indexes and heads of all worktrees, work in
	 * progress, stashes, commits of the last days, and what commits hold
	 * that no Git remote has (in a clone that has Git remotes).
	 */
	DV_ROOTS_NEEDED,
};

struct dv_roots {
	/* Each pointer, perhaps several times. `path` may be NULL. */
	int (*found)(void *arg, const struct dv_oid *oid, const char *path,
		     struct dv_err *err);
	void *arg;
	/*
	 * What the registries of this repository name, from the layer that
	 * reads them; NULL: they are not looked at. `tips` are ids of objects
	 * that count beside refs, HEADs and reflogs.
	 */
	int (*named)(struct dv_repo *r, const struct dv_strs *tips,
		     struct dv_ptrs *out, struct dv_err *err);
	enum dv_roots_what what;
	int recent_days;	/* DV_ROOTS_NEEDED */
};

/* `dir` is the clone's common Git directory. */
int dv_roots_of_clone(const struct dv_roots *r, const char *dir,
		      struct dv_err *err) DV_MUST_USE;
/* Of all of them; errors say which clone and what to do. */
int dv_roots_of_clones(const struct dv_roots *r, const struct dv_clones *c,
		       struct dv_err *err) DV_MUST_USE;
/*
 * DV_EAGAIN where a git command works on an index of these clones: what it
 * will name may not be named yet.
 */
int dv_roots_quiet(const struct dv_clones *c, struct dv_err *err) DV_MUST_USE;

#endif
