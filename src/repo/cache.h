/*
 * What this clone remembers to be fast: an LMDB environment in
 * $GIT_COMMON_DIR/dv/cache. Losing it loses nothing, so nothing here fails its
 * caller: a cache that cannot be opened knows nothing and learns nothing.
 *
 *	stat	seeded XXH3-128 of worktree and path -> struct dv_stat_entry
 *	blob	Git's blob id -> file id, or "not a pointer"
 *	pushed	store uuid and file id -> "is on that store"
 *
 * Writes are collected and applied by dv_cache_flush in one transaction.
 */
#ifndef DV_REPO_CACHE_H
#define DV_REPO_CACHE_H

#include <sys/stat.h>

#include "base/buf.h"
#include "format/pointer.h"

struct dv_cache;

/* What a file was when its content was cleaned. */
struct dv_stat_entry {
	uint64_t dev, ino, size;
	int64_t mtime_s, ctime_s;
	uint32_t mtime_ns, ctime_ns;
	int64_t when_s;		/* when the entry was made */
	uint8_t digest[16];	/* seeded XXH3-128 of the stream; 0: not taken */
	uint8_t has_digest;
	uint8_t cut_here;	/* oid was made here from the content */
	struct dv_oid oid;
};

/* NULL when it cannot be had; every function takes NULL. */
struct dv_cache *dv_cache_open(const char *common_dir, const char *git_dir);
void dv_cache_close(struct dv_cache *c);	/* flushes */
void dv_cache_flush(struct dv_cache *c);
/* What was not flushed is forgotten: its content was not published. */
void dv_cache_discard(struct dv_cache *c);
/* The seed of this clone's digests. */
uint64_t dv_cache_seed(const struct dv_cache *c);

/* 1 found, 0 not. */
int dv_cache_stat_get(struct dv_cache *c, const char *path,
		      struct dv_stat_entry *e);
void dv_cache_stat_put(struct dv_cache *c, const char *path,
		       const struct dv_stat_entry *e);
/*
 * The file is what it was when the entry was made: device, inode, size, times,
 * and both times at least two seconds older than the entry.
 */
int dv_stat_entry_fits(const struct dv_stat_entry *e, const struct stat *st);
void dv_stat_entry_fill(struct dv_stat_entry *e, const struct stat *st);

/* 1: a pointer, *oid filled; 0: known not to be one; -1: not known. */
int dv_cache_blob_get(struct dv_cache *c, const uint8_t *blob, size_t n,
		      struct dv_oid *oid);
/* oid NULL: not a pointer. */
void dv_cache_blob_put(struct dv_cache *c, const uint8_t *blob, size_t n,
		       const struct dv_oid *oid);
int dv_cache_pushed_get(struct dv_cache *c, const char *uuid,
			const struct dv_oid *oid);
void dv_cache_pushed_put(struct dv_cache *c, const char *uuid,
			 const struct dv_oid *oid);
/*
 * A text of ours that depends on another one, named by that one's SHA-256:
 * the settings in .dvconfig as git reads them. 1 with *out appended, 0.
 */
int dv_cache_text_get(struct dv_cache *c, const struct dv_id *key,
		      struct dv_buf *out);
void dv_cache_text_put(struct dv_cache *c, const struct dv_id *key,
		       const struct dv_buf *text);
/* Everything that says what some store holds. */
void dv_cache_pushed_forget(struct dv_cache *c);

#endif
