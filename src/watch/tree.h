/*
 * What a worktree holds, as far as a monitor knows: names in memory, with what
 * stood there when last looked at, and the watch of each folder. No I/O.
 */
#ifndef DV_WATCH_TREE_H
#define DV_WATCH_TREE_H

#include "base/buf.h"
#include "watch/coalesce.h"

struct dv_node {
	struct dv_node *parent, *next, *prev;	/* siblings */
	struct dv_node *child;		/* the first; folders only */
	struct dv_node *hash_next, *wd_next;
	struct dv_print print;		/* of a file, when last settled */
	int wd;				/* of a folder, or -1 */
	unsigned int seen;		/* the scan that last saw it */
	uint8_t dir;
	uint8_t blind;			/* a folder that cannot be watched */
	uint8_t nested;			/* a folder with a .git of its own */
	uint8_t linked;			/* a file that has other names */
	char name[];
};

struct dv_tree {
	struct dv_node *root;
	struct dv_node **slots, **wds;
	size_t nslots, nwds, n, watches;
	size_t blind, linked;		/* how many nodes are so */
};

int dv_tree_open(struct dv_tree *t, struct dv_err *err) DV_MUST_USE;
void dv_tree_close(struct dv_tree *t);

struct dv_node *dv_tree_child(const struct dv_tree *t,
			      const struct dv_node *parent, const char *name);
/* By its path from the top; "" is the root. */
struct dv_node *dv_tree_find(const struct dv_tree *t, const char *path);
/* NULL: out of memory. The name must not be there. */
struct dv_node *dv_tree_add(struct dv_tree *t, struct dv_node *parent,
			    const char *name, int dir);
/* Remove a node that has no children. */
void dv_tree_remove(struct dv_tree *t, struct dv_node *node);
/* Take it out with all below it, to be put elsewhere or dropped. */
void dv_tree_detach(struct dv_tree *t, struct dv_node *node);
/* Returns the node, which may have moved in memory, or NULL (dropped). */
struct dv_node *dv_tree_attach(struct dv_tree *t, struct dv_node *parent,
			       struct dv_node *node, const char *name);
/* The path from the top (without a slash at its ends). */
int dv_tree_path(const struct dv_node *node, struct dv_buf *out,
		 struct dv_err *err) DV_MUST_USE;
/* The topmost node above it that has no parent: the root, or a detached one. */
struct dv_node *dv_tree_top(struct dv_node *node);
/* The next node of the subtree of `top` in depth-first order, or NULL. */
struct dv_node *dv_tree_walk(struct dv_node *top, struct dv_node *node);

struct dv_node *dv_tree_by_wd(const struct dv_tree *t, int wd);
/* wd -1: none. A node that had this one before has none then. */
void dv_tree_set_wd(struct dv_tree *t, struct dv_node *node, int wd);
void dv_tree_set_blind(struct dv_tree *t, struct dv_node *node, int blind);
void dv_tree_set_linked(struct dv_tree *t, struct dv_node *node, int linked);
void dv_tree_set_print(struct dv_tree *t, struct dv_node *node,
		       const struct dv_print *print);

#endif
