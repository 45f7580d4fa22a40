/*
 * Reading Git's objects, for the pointers in its history. libgit2 where it
 * can open the repository and there is much to read; else `git cat-file`.
 */
#ifndef DV_REPO_OBJECTS_H
#define DV_REPO_OBJECTS_H

#include "repo/cache.h"
#include "repo/repo.h"

struct dv_objects;

/* `expected` objects will be read, roughly. */
int dv_objects_open(struct dv_objects **o, struct dv_repo *r, size_t expected,
		    struct dv_err *err) DV_MUST_USE;
void dv_objects_close(struct dv_objects *o);
/*
 * A blob of at most DV_FOREIGN_MAX bytes into out. DV_ENOTFOUND: no such
 * object; DV_EINVAL: not a blob, or larger.
 */
int dv_objects_read_small(struct dv_objects *o, const uint8_t *id,
			  struct dv_buf *out, struct dv_err *err) DV_MUST_USE;
/*
 * What `git cat-file --batch-check=<format>` says of these ids, one a line. What
 * is not here is "<id> missing": a partial clone does not go and fetch it, one
 * process each.
 */
int dv_objects_check(struct dv_repo *r, const char *format,
		     const struct dv_buf *ids, struct dv_buf *out,
		     struct dv_err *err) DV_MUST_USE;
/*
 * By any name without a newline that git knows, through git itself: id (may be
 * NULL), type and size. DV_ENOTFOUND: no such object.
 */
int dv_objects_info(struct dv_objects *o, const char *spec, uint8_t *id,
		    char type[32], uint64_t *size, struct dv_err *err)
	DV_MUST_USE;
/* The whole of it; DV_EINVAL: of another type, or larger than `max`. */
int dv_objects_read(struct dv_objects *o, const char *spec, const char *type,
		    size_t max, struct dv_buf *out, struct dv_err *err)
	DV_MUST_USE;
/* Is this blob a pointer? 1 with *oid, 0, or negative. Asks the cache first. */
int dv_objects_pointer(struct dv_objects *o, struct dv_cache *cache,
		       const uint8_t *id, struct dv_oid *oid,
		       struct dv_err *err);

#endif
