/*
 * A Git repository as git-dv sees it: where it is and what it is set to.
 * Found by one `git rev-parse`, so that every repository that Git opens works.
 */
#ifndef DV_REPO_REPO_H
#define DV_REPO_REPO_H

#include "base/buf.h"
#include "base/err.h"
#include "store/store.h"

/* Settings in Git's spelling: lower-case section and name. Sorted lists. */
struct dv_config {
	struct dv_strs keys, values;	/* parallel, in Git's order */
	struct dv_strs team_keys, team_values;	/* of .dvconfig, allowed only */
	int loaded, broken;	/* broken: some of it cannot be read */
	int team_staged;	/* the team's are those of the index */
};

struct dv_cache;

struct dv_repo {
	char *top;		/* worktree, or NULL in a bare repository */
	char *git_dir;		/* absolute; of this worktree */
	char *common_dir;	/* absolute; of all worktrees */
	char *prefix;		/* of the current folder in top: "" or "a/b/" */
	int algo;		/* object ids: 1 SHA-1, 2 SHA-256 */
	struct dv_config config;
	struct dv_cache *cache;	/* borrowed, or NULL: remembers .dvconfig */
};

/* DV_ENOTFOUND: not in a repository (with Git's own words). */
int dv_repo_open(struct dv_repo *r, struct dv_err *err) DV_MUST_USE;
/*
 * The same without running git, for hooks, which git starts at the top of the
 * worktree: 0, or -1 where the repository is not of the plain kind and
 * dv_repo_open must look.
 */
int dv_repo_open_here(struct dv_repo *r);
void dv_repo_close(struct dv_repo *r);
/*
 * The variables that change what a pathspec means. Opening a repository unsets
 * them: pathspecs of ours are what they are. NULL is the last.
 */
extern const char *const dv_pathspec_vars[];

/*
 * Change to the top of the worktree, and have the environment say from there
 * what it said of the repository's place from here.
 */
int dv_repo_go_top(const struct dv_repo *r, struct dv_err *err) DV_MUST_USE;
/* 20 or 32 */
size_t dv_repo_oid_size(const struct dv_repo *r);

/*
 * The last value of a key, or NULL; borrowed. The person's settings (git
 * config) come before the team's (.dvconfig). Of a struct that was never
 * opened, `{0}`, they are what git says here, also outside of repositories.
 */
const char *dv_config_get(struct dv_repo *r, const char *key);
/* Of git config alone, never of .dvconfig. */
const char *dv_config_get_own(struct dv_repo *r, const char *key);
/* The team's value alone. */
const char *dv_config_get_team(struct dv_repo *r, const char *key);
/* All values of a key, team's first. Borrowed strings, appended. */
int dv_config_all(struct dv_repo *r, const char *key, struct dv_strs *out,
		  struct dv_err *err) DV_MUST_USE;
int dv_config_bool(struct dv_repo *r, const char *key, int fallback);
/* Bytes; `fallback` when unset or unreadable (which is warned of). */
uint64_t dv_config_size(struct dv_repo *r, const char *key, uint64_t fallback);
/* The same for a whole number from 0 to `max`. */
int dv_config_int(struct dv_repo *r, const char *key, int max, int fallback);
/* Do dv.include and dv.exclude let this path's content come by itself? */
int dv_config_wants(struct dv_repo *r, const char *path);
/*
 * What git makes of a URL by url.<base>.insteadOf and, for a push, pushInsteadOf.
 * Caller frees; NULL: out of memory.
 */
char *dv_config_rewrite(struct dv_repo *r, const char *url, int push);
/* Is a key allowed in .dvconfig? */
int dv_config_team_allowed(const char *key);
/*
 * May this place be set? Not a file that is a link or no file at all. Whoever
 * does other work before setting asks first.
 */
int dv_config_writable(const char *where, struct dv_err *err) DV_MUST_USE;
/*
 * Is .dvconfig left out of the worktree by a sparse checkout? One that was made
 * there would stand for all that the index has in it.
 */
int dv_config_team_left_out(struct dv_repo *r);
/* The same of .dvconfig, which such a checkout must not begin anew. */
int dv_config_team_writable(struct dv_repo *r, struct dv_err *err) DV_MUST_USE;
/* Set in one place: "--local", "--global", or a file's path. */
int dv_config_set(const char *where, const char *key, const char *value,
		  struct dv_err *err) DV_MUST_USE;
/* Unset all values; absence is no error. */
int dv_config_unset(const char *where, const char *key, struct dv_err *err)
	DV_MUST_USE;
/* 0, or DV_EINVAL where .dvconfig or git's configuration cannot be read. */
int dv_config_check(struct dv_repo *r, struct dv_err *err) DV_MUST_USE;
/* Forget what was read. */
void dv_config_reload(struct dv_repo *r);

/* The place of the local store. Caller frees; NULL with *err. */
char *dv_repo_store_path(struct dv_repo *r, struct dv_err *err);
/* Open it, making it (and listing this clone in it) where `create` is set. */
int dv_repo_store_open(struct dv_repo *r, struct dv_store *s, int create,
		       struct dv_err *err) DV_MUST_USE;
/* The compression level for new content: dv.compression. */
int dv_repo_level(struct dv_repo *r);
/* The id that Git gives the blob of a pointer. */
int dv_repo_pointer_blob(const struct dv_repo *r, const struct dv_oid *oid,
			 uint8_t out[32]);
/* The path of this worktree's index file; caller frees. */
char *dv_repo_index_path(const struct dv_repo *r);

/* For the environment of a git whose hints are not for whoever runs us. */
#define DV_GIT_NO_ADVICE "GIT_ADVICE=0"
/*
 * Run git with these arguments (NULL-terminated, without "git") and collect
 * its output; it gives no advice. A non-zero exit gives DV_EIO.
 */
int dv_git(const char *const *args, size_t max, struct dv_buf *out,
	   struct dv_err *err) DV_MUST_USE;
int dv_git_input(const char *const *args, const void *in, size_t n,
		 size_t max, struct dv_buf *out, struct dv_err *err)
	DV_MUST_USE;

#endif
