/* What `git dv gc` and `git dv prune` share: opening, and telling. */
#ifndef DV_CMD_REMOVAL_H
#define DV_CMD_REMOVAL_H

#include "cmd/cmd.h"
#include "repo/roots.h"
#include "store/gc.h"

struct dv_removal {
	struct dv_ctx c;
	struct dv_clones clones;
	struct dv_gc gc;
	struct dv_ptrs lost;	/* what goes; path "" where it is not known */
	/* The path of a file that goes, borrowed, or NULL; may be NULL. */
	const char *(*path_of)(void *arg, const struct dv_oid *oid);
	void *arg;
	int dry_run, json, begun;
	/* Only `git dv prune`: files that stay. */
	int is_prune;
	uint64_t needed, unproven;
};

/*
 * Repository, store and pool. A dry run opens the store so that nothing in it
 * changes. Prints its error; an exit code, or 0.
 */
int dv_removal_open(struct dv_removal *m);
/*
 * Begin the collection, then list the clones: in this order, so that none
 * joins unseen. `forget` may be NULL.
 */
int dv_removal_begin(struct dv_removal *m, const struct dv_strs *forget,
		     struct dv_err *err) DV_MUST_USE;
/* Plan; sweep unless it is a dry run. */
int dv_removal_run(struct dv_removal *m, struct dv_err *err) DV_MUST_USE;
/* On standard output. 0, or 1 where that fails. */
int dv_removal_print(struct dv_removal *m);
void dv_removal_close(struct dv_removal *m);

#endif
