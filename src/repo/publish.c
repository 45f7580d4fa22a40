#include "repo/publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "remote/push.h"
#include "repo/named.h"

/* In place of a uuid: tips in whose whole history there is no pointer. */
#define NO_POINTER "none"

/*
 * What history says was pushed saves work; the store itself is asked about
 * every file that is left.
 */
int dv_publish(const struct dv_publish *a, struct dv_err *err)
{
	struct dv_remote *remote = a->remote;
	struct dv_push_result result;
	struct dv_push_file *files = NULL;
	struct dv_strs known = { 0 };
	struct dv_unread unread = { 0 };
	struct dv_ptrs ptrs = { 0 };
	struct dv_remotes rs;
	const struct dv_remote_info *info;
	size_t n = 0;
	int rc;

	rc = dv_remotes_load(a->repo, &rs, err);
	if (rc)
		return rc;
	info = dv_remotes_find(&rs, a->name);
	if (remote)
		rc = dv_pushed_tips(a->repo, remote->uuid, &known, err);
	else if (info && info->uuid)
		rc = dv_pushed_tips(a->repo, info->uuid, &known, err);
	if (!rc)
		rc = dv_pushed_tips(a->repo, NO_POINTER, &known, err);
	for (size_t i = 0; !rc && a->not_revs && i < a->not_revs->n; i++)
		rc = dv_strs_add(&known, a->not_revs->v[i], err);
	if (!rc)
		rc = dv_ptrs_of_range(a->repo, a->cache, a->revs, &known,
				      &ptrs, err);
	/* Versions that a registry names go with the commits that name them. */
	if (!rc)
		rc = dv_named_of_range(a->repo, a->revs, &known, &ptrs,
				       &unread, err);
	dv_unread_warn(&unread);
	/* Else a push would walk a history without pointers every time. */
	if (!rc && !ptrs.n && a->quiet_if_nothing && !a->dry_run &&
	    !a->not_revs)
		dv_pushed_add(a->repo, remote ? remote->uuid :
			      info && info->uuid ? info->uuid : NO_POINTER,
			      a->revs);
	dv_remotes_release(&rs);
	if (rc || (!ptrs.n && a->quiet_if_nothing))
		goto out;
	if (!remote)
		rc = dv_remotes_open(a->repo, a->name, &remote, err);
	if (rc)
		goto out;
	files = calloc(ptrs.n + 1, sizeof(*files));
	if (!files) {
		rc = dv_err_nomem(err);
		goto out;
	}
	for (size_t i = 0; i < ptrs.n; i++) {
		if (a->wants && !a->wants(a->wants_arg, ptrs.v[i].path))
			continue;
		files[n].oid = ptrs.v[i].oid;
		files[n].previous = ptrs.v[i].previous;
		files[n++].path = ptrs.v[i].path;
	}
	rc = dv_push(remote, a->store, a->pool, files, n, a->dry_run, &result,
		     err);
	if (rc)
		goto out;
	if (a->dry_run) {
		if (!a->quiet_if_nothing)
			printf("would push %zu file%s, %s in %llu chunks, to '%s'\n",
		       result.files, result.files == 1 ? "" : "s",
		       dv_human(result.bytes).s,
		       (unsigned long long)result.chunks, remote->url);
		goto out;
	}
	for (size_t i = 0; i < n; i++)
		dv_cache_pushed_put(a->cache, remote->uuid, &files[i].oid);
	/* Only a push of everything says something about whole histories. */
	if (!a->wants)
		dv_pushed_add(a->repo, remote->uuid, a->revs);
	if (result.files)
		dv_log_note("pushed %zu file%s to '%s': %s in %llu chunk%s of %s new content",
			    result.files, result.files == 1 ? "" : "s",
			    remote->url, dv_human(result.bytes).s,
			    (unsigned long long)result.chunks,
			    result.chunks == 1 ? "" : "s",
			    dv_human(result.raw).s);
	else if (!a->quiet_if_nothing)
		dv_log_note("everything is on '%s' already", remote->url);
out:
	if (remote != a->remote)
		dv_remote_close(remote);
	dv_unread_release(&unread);
	dv_ptrs_release(&ptrs);
	dv_strs_release(&known);
	free(files);
	return rc;
}
