/* git dv hook NAME: what the installed hooks run (hooks/hook.sh). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/cmd.h"
#include "filter/session.h"
#include "repo/attrs.h"
#include "repo/gitindex.h"
#include "repo/publish.h"
#include "watch/fsmonitor.h"

#define NAMED_MAX 10
#define STDIN_MAX (64u << 20)

/* "<local ref> <local id> <remote ref> <remote id>" a line. */
static int read_refs(struct dv_strs *revs, struct dv_err *err)
{
	struct dv_buf in = { .max = STDIN_MAX };
	char *line, *save = NULL;
	int rc = 0;

	for (;;) {
		ssize_t n;

		rc = dv_buf_reserve(&in, 65536, err);
		if (rc)
			break;
		n = dv_read_full(STDIN_FILENO, in.p + in.n, 65536);
		if (n < 0)
			rc = dv_err_errno(err, "cannot read what is pushed");
		if (n <= 0)
			break;
		in.n += (size_t)n;
	}
	dv_buf_str(&in);
	for (line = in.n ? strtok_r((char *)in.p, "\n", &save) : NULL;
	     !rc && line; line = strtok_r(NULL, "\n", &save)) {
		char *f[4], *s2 = NULL;
		int n = 0;

		for (char *w = strtok_r(line, " ", &s2); w && n < 4;
		     w = strtok_r(NULL, " ", &s2))
			f[n++] = w;
		if (n < 4 || !f[1][strspn(f[1], "0")])
			continue;	/* a deletion sends nothing */
		rc = dv_strs_add(revs, f[1], err);
	}
	dv_buf_release(&in);
	return rc;
}

static int pre_push(struct dv_ctx *c, const char *url, struct dv_err *err)
{
	struct dv_strs revs = { 0 };
	struct dv_publish a = { .repo = &c->repo, .cache = c->cache,
				.revs = &revs, .quiet_if_nothing = 1 };
	int rc = read_refs(&revs, err);

	a.dry_run = dv_parent_is_dry_push();
	/* The remote helper sends content by itself, before the refs. */
	if (!rc && revs.n && (!url || strncmp(url, "dvstore::", 9))) {
		if (dv_ctx_store(c, 1) || dv_ctx_pool(c))
			rc = dv_err_set(err, DV_EIO,
					"the local store cannot be opened");
		a.store = &c->store;
		a.pool = c->pool;
		if (!rc)
			rc = dv_publish(&a, err);
	}
	if (rc)
		dv_err_prefix(err, "content is not pushed, so nothing is ('git push --no-verify' would leave it behind)");
	dv_strs_release(&revs);
	return rc;
}

/* During a rebase the sequencer holds a stale index: leave it alone. */
static int in_rebase(struct dv_repo *r)
{
	char *a = dv_fmt("%s/rebase-merge", r->git_dir);
	char *b = dv_fmt("%s/rebase-apply", r->git_dir);
	int yes = (a && dv_dir_exists(a)) || (b && dv_dir_exists(b));

	free(a);
	free(b);
	return yes;
}

static void drop_absent(struct dv_ctx *c, struct dv_ptrs *ptrs)
{
	size_t n = 0;

	for (size_t i = 0; i < ptrs->n; i++) {
		if (dv_store_has_file(&c->store, &ptrs->v[i].oid))
			ptrs->v[n++] = ptrs->v[i];
		else
			free(ptrs->v[i].path);
	}
	ptrs->n = n;
}

/*
 * The filter has placed content already when it could. What is left are
 * pointers of files whose filter ran in another process; only entries that
 * Git wrote with a pointer's size are looked at. Content that is not here is
 * the business of a filter that may only now see the end of its input, and
 * fetch it.
 */
static int place_rest(struct dv_ctx *c, struct dv_err *err)
{
	char *path = dv_repo_index_path(&c->repo);
	struct dv_gitindex ix = { 0 };
	struct dv_select none = { 0 };
	struct dv_ptrs ptrs = { 0 };
	size_t small = 0, placed, left;
	int rc = 0;

	if (!path || !c->repo.top || in_rebase(&c->repo) ||
	    dv_gitindex_read(&ix, path, c->repo.algo, NULL)) {
		free(path);
		return 0;
	}
	for (size_t i = 0; i < ix.n; i++) {
		uint32_t size = dv_gitentry_size(&ix, &ix.v[i]);
		struct dv_oid oid;

		if (size < 90 || size > DV_POINTER_MAX || ix.v[i].stage)
			continue;
		small += dv_cache_blob_get(c->cache, ix.v[i].oid, ix.hash_size,
					   &oid) != 0;
	}
	dv_gitindex_release(&ix);
	free(path);
	if (!small || dv_skip_smudge())
		return 0;
	if (dv_ctx_store(c, 1) || dv_ctx_pool(c))
		return 0;
	rc = dv_ptrs_of_index(&c->repo, c->cache, &ptrs, err);
	if (!rc)
		drop_absent(c, &ptrs);
	if (!rc)
		rc = dv_cmd_checkout(c, &none, &ptrs, 0, &placed, &left, err);
	dv_ptrs_release(&ptrs);
	return rc;
}

/* Large content that is about to enter Git itself. */
static int pre_commit(struct dv_ctx *c, struct dv_err *err)
{
	static const char *const args[] = { "diff", "--cached", "--raw", "-z",
		"--no-abbrev", "--no-renames", "--diff-filter=AM",
		"--no-ext-diff", NULL };
	static const char *const check[] = { "cat-file", "--batch-check",
					     NULL };
	uint64_t above = dv_config_size(&c->repo, "dv.above", 10u << 20);
	struct dv_buf list = { 0 }, ids = { 0 }, sizes = { 0 };
	struct dv_strs paths = { 0 };
	size_t unsafe = 0;
	size_t hex = 2 * dv_repo_oid_size(&c->repo), i = 0, named = 0;
	char *p, *end, *line, *save = NULL;
	int rc;

	if (dv_unsafe_any(&c->repo)) {
		if (dv_ctx_store(c, 1))
			return dv_err_set(err, DV_EIO,
					  "the local store cannot be opened");
		unsafe = dv_unsafe_check(&c->repo, &c->store);
	}
	if (unsafe)
		return dv_err_set(err, DV_ENOTFOUND,
				  "the commit would name content that is nowhere");
	rc = dv_git(args, (size_t)1 << 30, &list, err);
	p = (char *)list.p;
	end = p + list.n;
	while (!rc && p < end) {
		char *rec = p;

		p += strlen(p) + 1;
		if (p >= end || strlen(rec) < 16 + 2 * hex)
			break;
		if (!strncmp(rec + 8, "100", 3)) {
			rc = dv_buf_addf(&ids, err, "%.*s\n", (int)hex,
					 rec + 16 + hex);
			if (!rc)
				rc = dv_strs_add(&paths, p, err);
		}
		p += strlen(p) + 1;
	}
	if (!rc && ids.n)
		rc = dv_git_input(check, ids.p, ids.n, (size_t)1 << 30, &sizes,
				  err);
	for (line = !rc && sizes.n ? strtok_r((char *)sizes.p, "\n", &save) :
				     NULL;
	     line && i < paths.n; line = strtok_r(NULL, "\n", &save), i++) {
		unsigned long long size;

		if (sscanf(line, "%*s blob %llu", &size) != 1 || size <= above)
			continue;
		if (named++ < NAMED_MAX)
			dv_log_warn("'%s' (%s) enters git itself; 'git dv track' it to keep only a pointer there",
				    paths.v[i], dv_human(size).s);
	}
	if (named > NAMED_MAX)
		dv_log_warn("and %zu more", named - NAMED_MAX);
	dv_strs_release(&paths);
	dv_buf_release(&list);
	dv_buf_release(&ids);
	dv_buf_release(&sizes);
	return rc;
}

/*
 * Where Git keeps the state of the worktree that is the current directory.
 * Git asks this before each status: what needs no program is not run. A wrong
 * answer does no harm, as the monitor answers for its own worktree alone.
 */
static char *git_dir_here(void)
{
	const char *env = getenv("GIT_DIR");
	struct dv_buf b = { 0 };
	struct dv_repo r;
	char *dir = NULL;

	if (env && *env)
		dir = dv_dir_exists(env) ? strdup(env) : NULL;
	else if (dv_dir_exists(".git"))
		dir = strdup(".git");
	else if (!dv_file_read(".git", &b, 65536, NULL) && b.n > 9 &&
		 !memcmp(b.p, "gitdir: ", 8) && b.p[b.n - 1] == '\n')
		dir = strndup((char *)b.p + 8, b.n - 9);
	dv_buf_release(&b);
	if (!dir && !dv_repo_open(&r, NULL)) {
		dir = strdup(r.git_dir);
		dv_repo_close(&r);
	}
	return dir;
}

/* "2 <token>", from Git; see githooks(5). Version 1 is refused. */
static int fsmonitor(int argc, char **argv)
{
	char *git_dir = NULL, *dir = NULL;
	struct dv_buf out = { 0 };
	struct dv_err err = { 0 };
	int rc;

	if (argc < 3 || strcmp(argv[2], "2"))
		return 1;
	git_dir = git_dir_here();
	dir = git_dir ? dv_fmt("%s/dv-watch", git_dir) : NULL;
	rc = dv_fsmonitor_ask(dir ? dir : "/", argc > 3 ? argv[3] : "", &out,
			      &err);
	if (!rc)
		fwrite(out.p, 1, out.n, stdout);
	dv_buf_release(&out);
	free(git_dir);
	free(dir);
	return rc ? dv_fail(&err) : 0;
}

int dv_cmd_hook(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv hook", "git-dv-hook",
					       "<name> [<arguments of the hook>]" };
	const struct dv_opt opts[] = { { 0 } };
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };
	const char *name = argc > 1 ? argv[1] : "-h";
	int rc;

	if (*name == '-')
		return dv_opt_exit(dv_opt_parse(&cmd, opts, argc, argv, NULL));
	if (!strcmp(name, "fsmonitor"))
		return fsmonitor(argc, argv);
	rc = dv_ctx_repo(&c);
	if (rc)
		return rc;
	if (!strcmp(name, "pre-push")) {
		rc = pre_push(&c, argc > 3 ? argv[3] : NULL, &err);
	} else if (!strcmp(name, "pre-commit")) {
		rc = pre_commit(&c, &err);
	} else if (!strcmp(name, "post-checkout") ||
		   !strcmp(name, "post-merge")) {
		rc = place_rest(&c, &err);
	} else {
		rc = dv_err_set(&err, DV_EINVAL,
				"git-dv has no hook '%s'", name);
	}
	if (rc)
		rc = dv_fail(&err);
	dv_ctx_close(&c);
	return rc;
}
