#include "repo/publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "remote/push.h"
#include "remote/repair.h"
#include "store/content.h"
#include "repo/named.h"

/* In place of a uuid: tips in whose whole history there is no pointer. */
#define NO_POINTER "none"
#define NAMED_MAX 20

/* What was known to be there is not known any more. */
static int repair(const struct dv_publish *a, struct dv_remote *remote,
		  struct dv_err *err)
{
	struct dv_repair_result result;
	int rc = dv_remote_repair(remote, &result, err);

	if (rc || !result.shards)
		return rc;
	dv_pushed_forget(a->repo, remote->uuid);
	dv_cache_pushed_forget(a->cache);
	dv_log_note("'%s' lost %zu pack%s: %zu shard%s made anew, without %zu file%s that it does not hold any more",
		    remote->url, result.packs, result.packs == 1 ? "" : "s",
		    result.shards, result.shards == 1 ? " is" : "s are",
		    result.files, result.files == 1 ? "" : "s");
	return 0;
}

/* Leave out what is nowhere; *lost counts that. */
static int drop_lost(const struct dv_publish *a, struct dv_remote *remote,
		     struct dv_push_file *files, size_t *n, size_t *lost,
		     struct dv_err *err)
{
	struct dv_coder coder = { 0 };
	size_t kept = 0;
	int rc = dv_coder_init(&coder, err);

	for (size_t i = 0; !rc && i < *n; i++) {
		struct dv_remote_shard *s;
		uint32_t row;

		if (dv_remote_find_file(remote, &files[i].oid, &s, &row) ||
		    dv_content_complete(a->store, &coder, &files[i].oid,
					NULL) == 1) {
			files[kept++] = files[i];
			continue;
		}
		if ((*lost)++ < NAMED_MAX)
			dv_log_warn("content of '%s' (%s) is neither here nor on '%s'",
				    files[i].path, dv_oid_text(&files[i].oid).s,
				    remote->url);
	}
	*n = kept;
	dv_coder_release(&coder);
	return rc;
}

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
	size_t n = 0, lost = 0;
	int rc;

	rc = dv_remotes_load(a->repo, &rs, err);
	if (rc)
		return rc;
	info = dv_remotes_find(&rs, a->name);
	if (a->thorough || a->repair)
		rc = 0;
	else if (remote)
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
	if (!rc && a->repair)
		rc = repair(a, remote, err);
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
	if (a->repair)
		rc = drop_lost(a, remote, files, &n, &lost, err);
	if (!rc)
		rc = dv_push(remote, a->store, a->pool, files, n, a->dry_run,
			     &result, err);
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
	if (!a->wants && !lost)
		dv_pushed_add(a->repo, remote->uuid, a->revs);
	if (result.files)
		dv_log_note("pushed %zu file%s to '%s': %s in %llu chunk%s of %s new content",
			    result.files, result.files == 1 ? "" : "s",
			    remote->url, dv_human(result.bytes).s,
			    (unsigned long long)result.chunks,
			    result.chunks == 1 ? "" : "s",
			    dv_human(result.raw).s);
	else if (!a->quiet_if_nothing && !lost)
		dv_log_note("everything is on '%s' already", remote->url);
	if (lost)
		rc = dv_err_set(err, DV_ENOTFOUND,
				"%zu file%s neither here nor on '%s'; run 'git dv push --repair' in a clone that has %s",
				lost, lost == 1 ? " is" : "s are", remote->url,
				lost == 1 ? "it" : "them");
out:
	if (remote != a->remote)
		dv_remote_close(remote);
	dv_unread_release(&unread);
	dv_ptrs_release(&ptrs);
	dv_strs_release(&known);
	free(files);
	return rc;
}
