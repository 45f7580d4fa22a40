/* .gitattributes: the patterns that git-dv versions. */
#ifndef DV_REPO_ATTRS_H
#define DV_REPO_ATTRS_H

#include "repo/repo.h"

/* What a tracked pattern gets. */
#define DV_ATTRS "filter=dv diff=dv merge=dv -text !working-tree-encoding"
/* And what takes a file out again. */
#define DV_ATTRS_NOT "!filter !diff !merge !text"

/*
 * A path (from the top) that is never data, whatever a pattern says: what Git
 * and git-dv read from the worktree, and registries.
 */
int dv_attrs_never(const char *path);

/* A pattern as .gitattributes spells it (quoted where needed). */
int dv_attrs_quote(const char *pattern, struct dv_buf *out,
		   struct dv_err *err) DV_MUST_USE;
/* "[attr]x", quoted or not, defines a macro x for git. */
int dv_attrs_is_macro(const char *pattern);
/* A literal path as an anchored pattern: "/a\[1\].json". */
int dv_attrs_literal(const char *path, struct dv_buf *out,
		     struct dv_err *err) DV_MUST_USE;
/*
 * Add lines to `file` for patterns that have none with filter=dv there;
 * *added counts. Behind these stand lines that take out again what
 * dv_attrs_never names, where a pattern would match it. All other lines stay as
 * they are.
 */
int dv_attrs_add(const char *file, const struct dv_strs *patterns,
		 size_t *added, struct dv_err *err) DV_MUST_USE;
/*
 * Remove our lines for these patterns, *removed counts, and those behind them
 * that nothing calls for any more.
 */
int dv_attrs_remove(const char *file, const struct dv_strs *patterns,
		    size_t *removed, struct dv_err *err) DV_MUST_USE;
/* Patterns with filter=dv in a file, unquoted. Absence is an empty list. */
int dv_attrs_list(const char *file, struct dv_strs *out, struct dv_err *err)
	DV_MUST_USE;
/*
 * Which of these paths (from the top) have filter=dv? yes[i] is set. One
 * `git check-attr`.
 */
int dv_attrs_check(const struct dv_strs *paths, uint8_t *yes,
		   struct dv_err *err) DV_MUST_USE;
/* The same by the .gitattributes of the index: what a clone would say. */
int dv_attrs_check_staged(const struct dv_strs *paths, uint8_t *yes,
			  struct dv_err *err) DV_MUST_USE;
/*
 * Do they have a working-tree-encoding in which a pointer is not ASCII? Git
 * converts what the filter answers.
 */
int dv_attrs_check_wide(const struct dv_strs *paths, uint8_t *yes,
			struct dv_err *err) DV_MUST_USE;

/*
 * A guess without running git, for callers that must cost next to nothing: 0
 * where no attributes file can give the path filter=dv, 1 where one may. Paths
 * in order are cheapest. `{ 0 }` is ready.
 */
#define DV_ATTRS_LEVELS 32

struct dv_attrs_level {
	char *dir;		/* with its '/' at the end; "" is the top */
	struct dv_strs patterns;
	int all;		/* it defines macros: any path may match */
};

struct dv_attrs_guess {
	struct dv_attrs_level level[DV_ATTRS_LEVELS];
	struct dv_attrs_level user, info;
	int begun;
};

int dv_attrs_may(struct dv_attrs_guess *g, const struct dv_repo *r,
		 const char *path);
void dv_attrs_guess_release(struct dv_attrs_guess *g);

#endif
