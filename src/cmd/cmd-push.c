#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "repo/publish.h"

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

/* A path that neither history nor the worktree knows is a mistake. */
static int check_operands(struct dv_ctx *c, const struct dv_select *sel,
			  struct dv_err *err)
{
	struct dv_ptrs ptrs = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && sel->paths.n && i < sel->revs.n; i++)
		rc = dv_ptrs_of_commit(&c->repo, c->cache, sel->revs.v[i],
				       &ptrs, err);
	if (!rc)
		rc = dv_select_check(c, sel, &ptrs, err);
	dv_ptrs_release(&ptrs);
	return rc;
}

static int wants(void *arg, const char *path)
{
	return dv_select_has(arg, path);
}

int dv_cmd_push_main(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv push", "git-dv-push",
		"[<options>] [<remote>] [<revision>...] [--] [<path>...]" };
	int all = 0, dry_run = 0, repair = 0, dashdash, n, rc;
	struct dv_select sel = { 0 };
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 'a', "all", &all, NULL, "the content of all refs and their history", 0 },
		{ DV_OPT_FLAG, 'n', "dry-run", &dry_run, NULL, "only show what would be pushed", 0 },
		{ DV_OPT_FLAG, 0, "repair", &repair, NULL, "send again what the store has lost", 0 },
		{ DV_OPT_LIST, 'I', "include", &sel.include, "pattern", "only files that match", 0 },
		{ DV_OPT_LIST, 'X', "exclude", &sel.exclude, "pattern", "not files that match", 0 },
		{ 0 },
	};
	struct dv_ctx c = { 0 };
	struct dv_publish a = { .repo = &c.repo, .store = &c.store,
				.cache = c.cache, .revs = &sel.revs };
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
	if (!rc && repair && (dry_run || sel.revs.n || sel.paths.n ||
			      sel.include.n || sel.exclude.n))
		rc = dv_err_set(&err, DV_EINVAL,
				"--repair is about all that the store holds: it takes a remote, and nothing else");
	all |= repair;
	if (!rc && all)
		rc = dv_all_refs(&sel.revs, &err);
	else if (!rc && !sel.revs.n)
		rc = head(&sel.revs, &err);
	a.name = sel.remote;
	a.dry_run = dry_run;
	a.thorough = all;
	a.repair = repair;
	a.pool = c.pool;
	a.cache = c.cache;
	if (sel.paths.n || sel.include.n || sel.exclude.n) {
		a.wants = wants;
		a.wants_arg = &sel;
	}
	if (!rc)
		rc = check_operands(&c, &sel, &err);
	if (!rc)
		rc = dv_publish(&a, &err);
	if (rc)
		rc = dv_fail(&err);
out:
	dv_select_release(&sel);
	dv_ctx_close(&c);
	return rc;
}
