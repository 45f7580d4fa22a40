/*
 * Git's index file, read as bytes (gitformat-index(5), versions 2 to 4), and
 * changed only in the cached stat data of single entries: all else, extensions
 * included, stays as it is. libgit2 is not used for this: it would drop
 * extensions that it does not know.
 */
#ifndef DV_REPO_GITINDEX_H
#define DV_REPO_GITINDEX_H

#include <sys/stat.h>

#include "base/buf.h"

struct dv_gitentry {
	const char *path;	/* owned by the index; NUL-terminated */
	const uint8_t *oid;	/* of the blob */
	size_t off;		/* of the entry in the file */
	uint32_t mode;
	uint8_t stage;
	uint8_t intent_to_add, skip_worktree;
};

struct dv_gitindex {
	struct dv_buf raw;
	struct dv_gitentry *v;	/* in Git's order: path bytes, then stage */
	size_t n;
	char *paths;		/* version 4: the paths, uncompressed */
	size_t hash_size;
	int version;
	int split;		/* has a `link`: entries are not all here */
	int sparse;		/* has folders as entries */
	struct stat st;		/* of the file when it was read */
};

/*
 * DV_ENOTFOUND: there is none. DV_ECORRUPT: not an index of a known version.
 * A torn one cannot be seen: Git replaces it by rename.
 */
int dv_gitindex_read(struct dv_gitindex *ix, const char *path, int algo,
		     struct dv_err *err) DV_MUST_USE;
void dv_gitindex_release(struct dv_gitindex *ix);
/* The stage-0 entry of a path, or NULL. */
struct dv_gitentry *dv_gitindex_find(struct dv_gitindex *ix, const char *path);

/* Size in bytes and modification time that the entry has cached. */
uint32_t dv_gitentry_size(const struct dv_gitindex *ix,
			  const struct dv_gitentry *e);
/* The entry's cached stat data are those of *st. */
int dv_gitentry_fits(const struct dv_gitindex *ix,
		     const struct dv_gitentry *e, const struct stat *st);
void dv_gitentry_set_stat(struct dv_gitindex *ix, struct dv_gitentry *e,
			  const struct stat *st);

/*
 * Take <path>.lock as Git does, waiting up to `wait_ms` for another holder
 * (DV_EAGAIN). Returns the descriptor.
 */
int dv_gitindex_lock(const char *path, int wait_ms, int *fd,
		     struct dv_err *err) DV_MUST_USE;
/*
 * Write the index to the lock file, give it the old modification time (Git
 * takes entries as recent as that for racy; a newer time would hide an edit
 * made in the same second), and rename it into place. Ends the lock.
 */
int dv_gitindex_commit(struct dv_gitindex *ix, const char *path, int fd,
		       int algo, struct dv_err *err) DV_MUST_USE;
void dv_gitindex_unlock(const char *path, int fd);

#endif
