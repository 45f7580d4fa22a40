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

/* What is to be sent, as far as history says; `seen` is what that rests on. */
struct plan {
	struct dv_ptrs ptrs;
	struct dv_strs seen;
	struct dv_unread unread;
};

static void plan_release(struct plan *p)
{
	dv_unread_release(&p->unread);
	dv_strs_release(&p->seen);
	dv_ptrs_release(&p->ptrs);
	memset(p, 0, sizeof(*p));
}

/* `uuid` is NULL where nothing is known of the store. */
static int plan(const struct dv_publish *a, const char *uuid, struct plan *p,
		struct dv_err *err)
{
	struct dv_strs known = { 0 };
	int rc = 0;

	if (uuid && !a->thorough && !a->repair)
		rc = dv_pushed_tips(a->repo, uuid, &known, &p->seen, err);
	if (!rc)
		rc = dv_pushed_tips(a->repo, NO_POINTER, &known, NULL, err);
	for (size_t i = 0; !rc && a->not_revs && i < a->not_revs->n; i++)
		rc = dv_strs_add(&known, a->not_revs->v[i], err);
	if (!rc)
		rc = dv_ptrs_of_range(a->repo, a->cache, a->revs, &known,
				      &p->ptrs, err);
	/* Versions that a registry names go with the commits that name them. */
	if (!rc)
		rc = dv_named_of_range(a->repo, a->revs, &known, &p->ptrs,
				       &p->unread, err);
	dv_strs_release(&known);
	return rc;
}

/* Does the store still have what the plan rests on? Else it is made anew. */
static int confirm(const struct dv_publish *a, struct dv_remote *remote,
		   struct plan *p, struct dv_err *err)
{
	int still = p->seen.n ? dv_remote_still(remote, &p->seen, err) : 1;

	if (still)
		return DV_MIN(still, 0);
	dv_log_note("'%s' lacks what was pushed to it, or to a copy of it, before; looking at all that is pushed",
		    remote->url);
	dv_pushed_forget(a->repo, remote->uuid);
	dv_cache_pushed_forget(a->cache);
	plan_release(p);
	return plan(a, remote->uuid, p, err);
}

/* What was pushed, and the shards that prove it. */
static void remember(const struct dv_publish *a, struct dv_remote *remote,
		     const struct dv_push_file *files, size_t n, int all,
		     const char *shard)
{
	struct dv_strs seen = { 0 };
	int rc;

	for (size_t i = 0; i < n; i++)
		dv_cache_pushed_put(a->cache, remote->uuid, &files[i].oid);
	/* Only a push of everything says something about whole histories. */
	if (all) {
		rc = dv_remote_seen(remote, &seen, NULL);
		if (!rc && *shard)
			rc = dv_strs_add(&seen, shard, NULL);
		if (!rc)
			dv_pushed_add(a->repo, remote->uuid, a->revs, &seen);
	}
	dv_strs_release(&seen);
}

/*
 * What history says was pushed saves work; the store itself is asked about
 * every file that is left. A push without any content does not open it, but
 * where the refs stand in it too: a copy of a store has its uuid.
 */
int dv_publish(const struct dv_publish *a, struct dv_err *err)
{
	struct dv_remote *remote = a->remote;
	struct dv_push_result result;
	struct dv_push_file *files = NULL;
	struct plan p = { 0 };
	struct dv_remotes rs;
	const struct dv_remote_info *info;
	const char *uuid;
	size_t n = 0, lost = 0;
	int rc;

	rc = dv_remotes_load(a->repo, &rs, err);
	if (rc)
		return rc;
	info = dv_remotes_find(&rs, a->name);
	uuid = remote ? remote->uuid : info && info->uuid ? info->uuid : NULL;
	rc = plan(a, uuid, &p, err);
	if (!rc && remote)
		rc = confirm(a, remote, &p, err);
	/* Else a push would walk a history without pointers every time. */
	if (!rc && !p.ptrs.n && a->quiet_if_nothing && !a->dry_run &&
	    !a->not_revs)
		dv_pushed_add(a->repo, uuid ? uuid : NO_POINTER, a->revs, NULL);
	dv_remotes_release(&rs);
	dv_unread_warn(&p.unread);
	if (rc || (!p.ptrs.n && a->quiet_if_nothing))
		goto out;
	if (!remote)
		rc = dv_remotes_open(a->repo, a->name, &remote, err);
	if (!rc && !a->remote)
		rc = confirm(a, remote, &p, err);
	if (!rc && a->repair)
		rc = repair(a, remote, err);
	if (rc)
		goto out;
	files = calloc(p.ptrs.n + 1, sizeof(*files));
	if (!files) {
		rc = dv_err_nomem(err);
		goto out;
	}
	for (size_t i = 0; i < p.ptrs.n; i++) {
		const struct dv_ptr *ptr = &p.ptrs.v[i];

		if (a->wants && !a->wants(a->wants_arg, ptr->path))
			continue;
		files[n].oid = ptr->oid;
		files[n].previous = ptr->previous;
		files[n++].path = ptr->path;
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
	remember(a, remote, files, n, !a->wants && !lost, result.shard);
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
	plan_release(&p);
	free(files);
	return rc;
}
