/*
 * The clones that use a store, as its clones/ folder lists them
 * (git-dv-format(5), "Local store"), and running git inside one of them.
 *
 * A clone that is listed counts until somebody says that it is gone: a disk
 * that is not mounted looks the same.
 */
#ifndef DV_REPO_CLONES_H
#define DV_REPO_CLONES_H

#include "repo/repo.h"

struct dv_clone {
	char *file;	/* its entry, absolute; NULL: not listed */
	char *dir;	/* its Git directory, common to its worktrees */
};

struct dv_clones {
	struct dv_clone *v;		/* each once */
	size_t n, cap;
	struct dv_strs stale;		/* entries of where a clone was before */
};

/*
 * All clones of the store, and `own` (the caller's, a common dir) even where
 * it is not listed. DV_ECORRUPT: an entry cannot be read.
 */
int dv_clones_load(struct dv_store *s, const char *own, struct dv_clones *out,
		   struct dv_err *err) DV_MUST_USE;
void dv_clones_release(struct dv_clones *c);
/*
 * Take out of the list the clone whose Git directory or worktree `path` is.
 * DV_ENOTFOUND: not listed; DV_EINVAL: it is there and uses the store. Its
 * entry is removed unless `dry_run`.
 */
int dv_clones_forget(struct dv_clones *c, const struct dv_store *s,
		     const char *path, int dry_run, struct dv_err *err)
	DV_MUST_USE;
/* Remove the entries of clones that were moved: they are listed anew. */
void dv_clones_tidy(struct dv_clones *c);

#define DV_VISIT_VARS 16

/* Where and in which environment the process was. */
struct dv_visit {
	int cwd;
	char *saved[DV_VISIT_VARS];
};

/*
 * From here to dv_visit_end every git that is run works in this Git directory
 * or worktree, and reads objects as they are: no replacements, nothing fetched
 * from afar. For one thread. Visits nest.
 */
int dv_visit_begin(struct dv_visit *v, const char *dir, struct dv_err *err)
	DV_MUST_USE;
void dv_visit_end(struct dv_visit *v);

/* The worktree of a clone, or the Git directory where there is none. */
char *dv_clone_top(const char *dir);

#endif
