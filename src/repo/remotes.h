/*
 * The stores that a repository is set to use: dv.remote.<name>.url and .uuid,
 * dv.remote (the default), Git remotes on a local path, and `dvstore::` Git
 * remotes. In git config they are the person's, in .dvconfig the team's; the
 * latter are opened only with the uuid that stands beside them.
 */
#ifndef DV_REPO_REMOTES_H
#define DV_REPO_REMOTES_H

#include "remote/fetch.h"
#include "remote/remote.h"
#include "repo/cache.h"
#include "repo/repo.h"

struct dv_remote_info {
	char *name, *url, *uuid;	/* uuid NULL: not pinned */
	int team;			/* from .dvconfig */
};

struct dv_remotes {
	struct dv_remote_info *v;
	size_t n, cap;
	const char *default_name;	/* borrowed from the settings, or NULL */
};

int dv_remotes_load(struct dv_repo *r, struct dv_remotes *out,
		    struct dv_err *err) DV_MUST_USE;
void dv_remotes_release(struct dv_remotes *rs);
/* By name; NULL name: the default. NULL when there is none. */
const struct dv_remote_info *dv_remotes_find(const struct dv_remotes *rs,
					     const char *name);
/*
 * Open the remote of this name (NULL: the default). DV_ENOTFOUND where none is
 * set, with the next step.
 */
int dv_remotes_open(struct dv_repo *r, const char *name,
		    struct dv_remote **out, struct dv_err *err) DV_MUST_USE;

/*
 * The store that a Git remote had at `url` (without dvstore::) when it was first
 * used, or "". Kept as remote.<name>.dvstore, "<uuid> <url>", so that it goes
 * with the remote, and not along to another URL.
 */
void dv_remotes_pinned(struct dv_repo *r, const char *name, const char *url,
		       char uuid[33]);
/*
 * Note it, once, where the repository's settings have the remote's URL. What cannot
 * be noted is noted the next time.
 */
void dv_remotes_pin(struct dv_repo *r, const char *name, const char *url,
		    const char *uuid);

/*
 * Bring the content of these files into the local store, from the named
 * remote, or (NULL) from wherever it is: the default first, then the other
 * stores, then Git remotes on a local path. DV_ENOTFOUND where some is
 * nowhere; what was found is here all the same. The cache (may be NULL) learns
 * which files are on which store.
 */
int dv_remotes_fetch(struct dv_repo *r, struct dv_store *s,
		     struct dv_pool *pool, struct dv_cache *cache,
		     const char *name, const struct dv_oid *oids, size_t n,
		     struct dv_err *err);

#endif
