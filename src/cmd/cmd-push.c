#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "remote/push.h"

/*
 * What history says was pushed saves work; the store itself is asked about
 * every file that is left.
 */
int dv_cmd_push(struct dv_ctx *c, const struct dv_push_args *a,
		struct dv_err *err)
{
	struct dv_remote *remote = NULL;
	struct dv_push_result result;
	struct dv_push_file *files = NULL;
	struct dv_strs known = { 0 };
	struct dv_ptrs ptrs = { 0 };
	struct dv_remotes rs;
	const struct dv_remote_info *info;
	size_t n = 0;
	int rc;

	rc = dv_remotes_load(&c->repo, &rs, err);
	if (rc)
		return rc;
	info = dv_remotes_find(&rs, a->remote);
	if (info && info->uuid)
		rc = dv_pushed_tips(&c->repo, info->uuid, &known, err);
	for (size_t i = 0; !rc && a->not_revs && i < a->not_revs->n; i++)
		rc = dv_strs_add(&known, a->not_revs->v[i], err);
	dv_remotes_release(&rs);
	if (!rc)
		rc = dv_ptrs_of_range(&c->repo, c->cache, a->revs, &known,
				      &ptrs, err);
	if (!rc && a->select)
		rc = dv_select_check(c, a->select, &ptrs, err);
	if (rc || (!ptrs.n && a->quiet_if_nothing))
		goto out;
	rc = dv_remotes_open(&c->repo, a->remote, &remote, err);
	if (rc)
		goto out;
	files = calloc(ptrs.n + 1, sizeof(*files));
	if (!files) {
		rc = dv_err_nomem(err);
		goto out;
	}
	for (size_t i = 0; i < ptrs.n; i++) {
		if (a->select && !dv_select_has(a->select, ptrs.v[i].path))
			continue;
		files[n].oid = ptrs.v[i].oid;
		files[n].previous = ptrs.v[i].previous;
		files[n++].path = ptrs.v[i].path;
	}
	rc = dv_push(remote, &c->store, c->pool, files, n, a->dry_run, &result,
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
		dv_cache_pushed_put(c->cache, remote->uuid, &files[i].oid);
	/* Only a push of everything says something about whole histories. */
	if (!a->select || (!a->select->paths.n && !a->select->include.n &&
			   !a->select->exclude.n))
		dv_pushed_add(&c->repo, remote->uuid, a->revs);
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
	dv_remote_close(remote);
	dv_ptrs_release(&ptrs);
	dv_strs_release(&known);
	free(files);
	return rc;
}

/* HEAD, where there is one. */
static int head(struct dv_strs *revs, struct dv_err *err)
{
	static const char *const args[] = { "rev-parse", "--verify", "-q",
					    "HEAD^{commit}", NULL };
	struct dv_buf out = { 0 };
	int rc = 0;

	if (!dv_git(args, 4096, &out, NULL) && out.n) {
		while (out.n && out.p[out.n - 1] == '\n')
			out.n--;
		rc = dv_strs_add(revs, dv_buf_str(&out), err);
	}
	dv_buf_release(&out);
	return rc;
}

int dv_cmd_push_main(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv push", "git-dv-push",
		"[<options>] [<remote>] [<revision>...] [--] [<path>...]" };
	int all = 0, dry_run = 0, dashdash, n, rc;
	struct dv_select sel = { 0 };
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 'a', "all", &all, NULL, "the content of all refs and their history", 0 },
		{ DV_OPT_FLAG, 'n', "dry-run", &dry_run, NULL, "only show what would be pushed", 0 },
		{ DV_OPT_LIST, 'I', "include", &sel.include, "pattern", "only files that match", 0 },
		{ DV_OPT_LIST, 'X', "exclude", &sel.exclude, "pattern", "not files that match", 0 },
		{ 0 },
	};
	struct dv_push_args a = { .revs = &sel.revs, .select = &sel };
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };

	n = dv_opt_parse(&cmd, opts, argc, argv, &dashdash);
	if (n < 0)
		return dv_opt_exit(n);
	rc = dv_ctx_store(&c, 1);
	if (!rc)
		rc = dv_ctx_pool(&c);
	if (rc)
		goto out;
	rc = dv_select_parse(&c, &sel, argv, n, dashdash, &err);
	if (!rc && all)
		rc = dv_all_refs(&sel.revs, &err);
	else if (!rc && !sel.revs.n)
		rc = head(&sel.revs, &err);
	a.remote = sel.remote;
	a.dry_run = dry_run;
	if (!rc)
		rc = dv_cmd_push(&c, &a, &err);
	if (rc)
		rc = dv_fail(&err);
out:
	dv_select_release(&sel);
	dv_ctx_close(&c);
	return rc;
}
