/*
 * What every kind of remote store can do: objects under keys, nothing more.
 * Finding what is missing, verifying, packing, retrying and progress stand
 * once, above (remote/push.h, remote/fetch.h).
 *
 * Keys are relative, '/' between parts, of [a-z0-9.-] alone; names are lower
 * case hex. Objects are immutable unless put without DV_PUT_NEW.
 *
 * Contract, the same for every backend (tests/contract runs it on each):
 *  - put is whole or absent, also after a crash of either side, and durable
 *    when it returns. With DV_PUT_NEW exactly one of several creators
 *    succeeds; the others get DV_EEXIST.
 *  - get of an absent object gives DV_ENOTFOUND; a range that reaches behind
 *    the object's end gives what is there.
 *  - list gives each key under a prefix once, sorted by bytes; what is put or
 *    removed meanwhile may be there or not. An absent prefix lists nothing.
 *  - remove of an absent object succeeds.
 *  - get, put, size and remove may run on several threads at once; each
 *    upload handle belongs to one thread.
 */
#ifndef DV_REMOTE_BACKEND_H
#define DV_REMOTE_BACKEND_H

#include <stdint.h>

#include "base/buf.h"

struct dv_backend;

enum dv_put_flags {
	DV_PUT_NEW = 1,
};

struct dv_backend_ops {
	const char *name;	/* "directory" */
	void (*close)(struct dv_backend *b);
	/*
	 * Read up to n bytes from `off` into p; *got gets how many there were.
	 */
	int (*get)(struct dv_backend *b, const char *key, uint64_t off,
		   void *p, size_t n, size_t *got, struct dv_err *err);
	int (*put)(struct dv_backend *b, const char *key, const void *p,
		   size_t n, unsigned int flags, struct dv_err *err);
	/*
	 * A large object in pieces, for packs: begin, write..., then commit
	 * (as put with DV_PUT_NEW) or abort. Commit and abort end the handle.
	 */
	int (*upload_begin)(struct dv_backend *b, const char *key, void **up,
			    struct dv_err *err);
	int (*upload_write)(struct dv_backend *b, void *up, const void *p,
			    size_t n, struct dv_err *err);
	int (*upload_commit)(struct dv_backend *b, void *up,
			     struct dv_err *err);
	void (*upload_abort)(struct dv_backend *b, void *up);
	int (*size)(struct dv_backend *b, const char *key, uint64_t *size,
		    struct dv_err *err);
	/* Keys below `prefix` (a folder, without a last '/'), one level. */
	int (*list)(struct dv_backend *b, const char *prefix,
		    struct dv_strs *names, struct dv_err *err);
	int (*remove)(struct dv_backend *b, const char *key,
		      struct dv_err *err);
	/* The store's clock, in seconds since 1970. */
	int (*now)(struct dv_backend *b, int64_t *seconds,
		   struct dv_err *err);
};

struct dv_backend {
	const struct dv_backend_ops *ops;
	int read_only;
};

/*
 * remote/dir.c: a directory, local or mounted. With `create` it is made when
 * absent; without, DV_ENOTFOUND.
 */
int dv_backend_dir_open(struct dv_backend **b, const char *path, int create,
			struct dv_err *err) DV_MUST_USE;

#endif
