/*
 * A remote store: a backend, the identity in its `format` file, and what its
 * shards say. The layout is the same on every backend; see
 * git-dv-format(5), "Remote store".
 */
#ifndef DV_REMOTE_REMOTE_H
#define DV_REMOTE_REMOTE_H

#include "base/idmap.h"
#include "format/shard.h"
#include "remote/backend.h"

struct dv_remote_shard {
	char level;		/* hex digit */
	char name[33];
	struct dv_buf bytes;	/* all of it, or all before CHUNKS */
	struct dv_shard view;
	int replaced;		/* a later shard holds all of it */
	/* Ascending, made by remote/known.c: first row of CHUNKS << 32 | SEGS. */
	uint64_t *seg_order;
};

struct dv_remote {
	struct dv_backend *backend;
	char *url;
	char uuid[33];
	char unknown_write[64];	/* a feature that forbids writing, or "" */
	char *cache_dir;	/* of shards, or NULL */
	struct dv_sha256 *sha;
	struct dv_remote_shard **shards;
	size_t nshards, cap;
	struct dv_idmap old;	/* names (padded) of shards that were replaced */
	struct dv_idmap damaged;	/* of those that cannot be read, and how */
	int loaded;
};

/* Values in `damaged`. */
enum dv_shard_damage {
	DV_SHARD_CORRUPT = 1,	/* its bytes are wrong */
	DV_SHARD_UNREAD = 2,	/* reading it fails, for now at least */
};

enum dv_remote_flags {
	DV_REMOTE_CREATE = 1,	/* make a store where there is none */
};

/*
 * Open by URL: a path, file:///path. `uuid` is what was recorded for it, or
 * NULL: another one there is an error, and so is none at all, since an
 * unmounted folder must not be taken for an empty store. DV_ENOTFOUND: no
 * store there.
 */
int dv_remote_open(struct dv_remote **r, const char *url, const char *uuid,
		   unsigned int flags, struct dv_err *err) DV_MUST_USE;
void dv_remote_close(struct dv_remote *r);
/* Keep shards between runs in this folder (they are immutable). */
int dv_remote_set_cache(struct dv_remote *r, const char *dir,
			struct dv_err *err) DV_MUST_USE;
/*
 * The path of a URL that names a directory, or NULL where it names something
 * else. Caller frees.
 */
char *dv_url_dir(const char *url);
/*
 * host:path, or helper::anything, as Git reads it: a colon before any slash.
 * A path with a colon is given as ./a:b.
 */
int dv_url_is_host_path(const char *url);
/* 1 where git-dv can open this kind of URL. */
int dv_url_known(const char *url);

/* May it be written to: by its features, and from here? */
int dv_remote_writable(const struct dv_remote *r, struct dv_err *err)
	DV_MUST_USE;

/*
 * List and read the shards that are not here yet. One that is damaged is named
 * and passed over: what only it describes is not found, so that it is fetched
 * from elsewhere, or pushed again, and is never taken for proven.
 */
int dv_remote_refresh(struct dv_remote *r, struct dv_err *err) DV_MUST_USE;
/* The first time: all of them from the store itself, past any cache. */
int dv_remote_refresh_fully(struct dv_remote *r, struct dv_err *err)
	DV_MUST_USE;

/*
 * What a store was seen to hold, as names of shards, for a later look. A copy of
 * a store, and one that was put back from a copy, have its uuid and yet lack
 * what came after: dv_remote_still is 1 where every one of these shards is there,
 * or one that replaced it, else 0. It refreshes. dv_remote_seen adds those that
 * were read and are in force.
 */
int dv_remote_seen(const struct dv_remote *r, struct dv_strs *names,
		   struct dv_err *err) DV_MUST_USE;
int dv_remote_still(struct dv_remote *r, const struct dv_strs *names,
		    struct dv_err *err) DV_MUST_USE;

/* Where a file, a segment, a hooked chunk is: shard and row. 1 or 0. */
int dv_remote_find_file(struct dv_remote *r, const struct dv_oid *oid,
			struct dv_remote_shard **shard, uint32_t *row);
int dv_remote_find_seg(struct dv_remote *r, const struct dv_id *id,
		       struct dv_remote_shard **shard, uint32_t *row);
int dv_remote_find_hook(struct dv_remote *r, const struct dv_id *chunk,
			struct dv_remote_shard **shard, uint32_t *row);
/*
 * CHUNKS rows [first, first + n) of a shard, appended to *out, read from the
 * remote where they are not here.
 */
int dv_remote_chunks(struct dv_remote *r, struct dv_remote_shard *shard,
		     uint32_t first, uint32_t n, struct dv_buf *out,
		     struct dv_err *err) DV_MUST_USE;

/*
 * The CHUNKS rows of one segment (or of a file of one chunk) with those of the
 * bases behind them: *total rows from `first`, of which n are the segment's.
 * Bases are checked to stand among them, as whole records.
 */
int dv_remote_run(struct dv_remote *r, struct dv_remote_shard *shard,
		  uint32_t first, uint32_t n, struct dv_buf *out,
		  uint32_t *total, struct dv_err *err) DV_MUST_USE;

/* A whole object of at most `max` bytes. DV_ENOTFOUND: absent. */
int dv_remote_read(struct dv_remote *r, const char *key, size_t max,
		   struct dv_buf *out, struct dv_err *err) DV_MUST_USE;

/* "packs/ab/abcd..." */
void dv_remote_pack_key(const uint8_t name[16], char out[48]);

#endif
