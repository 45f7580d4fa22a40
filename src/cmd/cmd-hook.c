/* git dv hook NAME: what the installed hooks run (hooks/hook.sh). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/cmd.h"
#include "filter/session.h"
#include "repo/findings.h"
#include "repo/gitindex.h"
#include "repo/hooks.h"
#include "repo/indexwalk.h"
#include "repo/publish.h"
#include "watch/fsmonitor.h"

#define STDIN_MAX (64u << 20)

/*
 * git starts hooks at the top of the worktree, where the repository can be
 * opened without asking git; from elsewhere, as by hand, git is asked. The cache
 * is opened by who needs it.
 */
static int open_repo(struct dv_ctx *c)
{
	if (dv_repo_open_here(&c->repo))
		return dv_ctx_at_top(c);
	c->have_repo = 1;
	return 0;
}

static void need_cache(struct dv_ctx *c)
{
	if (!c->cache)
		c->cache = dv_cache_open(c->repo.common_dir, c->repo.git_dir);
	c->repo.cache = c->cache;
}

/*
 * "<local ref> <local id> <remote ref> <remote id>" a line. A deletion sends
 * nothing.
 */
static int read_refs(struct dv_strs *revs, struct dv_strs *there,
		     struct dv_err *err)
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
			continue;
		rc = dv_strs_add(revs, f[1], err);
		if (!rc && f[3][strspn(f[3], "0")])
			rc = dv_strs_add(there, f[3], err);
	}
	dv_buf_release(&in);
	return rc;
}

/* What the commits would bring into git itself. */
static int check_push(struct dv_ctx *c, const char *remote,
		      const struct dv_strs *revs, const struct dv_strs *there,
		      int dry_run, struct dv_err *err)
{
	struct dv_changes changes = { 0 };
	struct dv_findings found = { 0 };
	struct dv_objects *o = NULL;
	struct dv_strs known = { 0 };
	int rc = dv_objects_open(&o, &c->repo, 0, err);

	/* The other side may have commits that are not here. */
	if (!rc)
		rc = dv_known_commits(&c->repo, there, &known, err);
	if (!rc)
		rc = dv_changes_of_range(&c->repo, revs, &known, remote,
					 &changes, err);
	if (!rc)
		rc = dv_findings_look(&c->repo, o, &c->cache, &changes, 0,
				      &found, err);
	if (!rc)
		rc = dv_hook_report(c, &found, 1, dry_run, err);
	dv_findings_release(&found);
	dv_changes_release(&changes);
	dv_strs_release(&known);
	dv_objects_close(o);
	return rc;
}

static int pre_push(struct dv_ctx *c, const char *name, const char *url,
		    const struct dv_strs *revs, const struct dv_strs *there,
		    struct dv_err *err)
{
	struct dv_publish a = { .repo = &c->repo, .revs = revs,
				.quiet_if_nothing = 1 };
	int rc;

	need_cache(c);
	a.cache = c->cache;
	a.dry_run = dv_parent_is_dry_push();
	/* Without a name, git gives the URL in its place. */
	if (name && url && !strcmp(name, url))
		name = NULL;
	rc = check_push(c, name, revs, there, a.dry_run, err);
	if (rc)
		return rc;
	/* The remote helper sends content by itself, before the refs. */
	if (url && !strncmp(url, "dvstore::", 9))
		return 0;
	if (dv_ctx_store(c, 1) || dv_ctx_pool(c))
		rc = dv_err_set(err, DV_EIO,
				"the local store cannot be opened");
	a.store = &c->store;
	a.pool = c->pool;
	if (!rc)
		rc = dv_publish(&a, err);
	if (rc)
		dv_err_prefix(err, "content is not pushed, so nothing is ('git push --no-verify' would leave it behind)");
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

/*
 * May this index entry be a file that was left as a pointer? Git wrote it with
 * a pointer's size. -1: only its blob tells.
 */
static int left_as_pointer(struct dv_ctx *c, const uint8_t *blob, size_t hs,
			   uint32_t mode, uint8_t stage, uint32_t size)
{
	struct dv_oid oid;
	int is;

	if (size < 90 || size > DV_POINTER_MAX || stage ||
	    (mode & 0170000) != 0100000)
		return 0;
	is = dv_cache_blob_get(c->cache, blob, hs, &oid);
	/* Content of such a size is content. */
	return is == 1 ? size != (uint32_t)oid.size : is;
}

/* A pass over the index that costs no more than that. */
static int any_left(struct dv_ctx *c, const char *path)
{
	struct dv_indexwalk w;
	int any = 0;

	if (dv_indexwalk_open(&w, path, c->repo.algo))
		return 0;
	while (!any && dv_indexwalk_next(&w) > 0)
		any = left_as_pointer(c, w.oid, w.hash_size, w.mode, w.stage,
				      w.size) != 0;
	dv_indexwalk_close(&w);
	return any;
}

static int find_left(struct dv_ctx *c, const char *path, struct dv_ptrs *out,
		     struct dv_err *err)
{
	struct dv_gitindex ix = { 0 };
	struct dv_objects *o = NULL;
	int rc = dv_gitindex_read(&ix, path, c->repo.algo, err);

	if (!rc && ix.split) {
		dv_gitindex_release(&ix);
		return dv_ptrs_of_index(&c->repo, c->cache, out, err);
	}
	if (!rc)
		rc = dv_objects_open(&o, &c->repo, ix.n / 100, err);
	for (size_t i = 0; !rc && i < ix.n; i++) {
		const struct dv_gitentry *e = &ix.v[i];
		struct dv_oid oid;
		int is;

		if (!left_as_pointer(c, e->oid, ix.hash_size, e->mode,
				     e->stage, dv_gitentry_size(&ix, e)) ||
		    e->skip_worktree)
			continue;
		is = dv_objects_pointer(o, c->cache, e->oid, &oid, err);
		if (is > 0)
			rc = dv_ptrs_add(out, e->path, &oid, NULL, err);
		else if (is < 0 && is != DV_ENOTFOUND)
			rc = is;
	}
	dv_objects_close(o);
	dv_gitindex_release(&ix);
	return rc;
}

/*
 * The filter has placed content already when it could. What is left are
 * pointers of files whose filter ran in another process. Content that is not
 * here, or damaged, is the business of a filter that may only now see the end
 * of its input, and fetch it, or name what it leaves.
 */
static int place_rest(struct dv_ctx *c, struct dv_err *err)
{
	char *path = dv_repo_index_path(&c->repo);
	struct dv_place_list list = { .quiet = 1 };
	struct dv_place_result result;
	struct dv_ptrs ptrs = { 0 };
	int rc = 0;

	if (!path || !c->repo.top || in_rebase(&c->repo) || dv_skip_smudge())
		goto out;
	need_cache(c);
	if (!any_left(c, path))
		goto out;
	rc = find_left(c, path, &ptrs, err);
	if (rc || !ptrs.n || dv_ctx_store(c, 1) || dv_ctx_pool(c))
		goto out;
	for (size_t i = 0; !rc && i < ptrs.n; i++)
		if (dv_store_has_file(&c->store, &ptrs.v[i].oid))
			rc = dv_place_list_add(&list, ptrs.v[i].path,
					       &ptrs.v[i].oid, err);
	if (!rc && list.n)
		rc = dv_place(&c->repo, &c->store, c->pool, c->cache, &list,
			      DV_PLACE_WAIT_MS, &result, err);
out:
	dv_place_list_release(&list);
	dv_ptrs_release(&ptrs);
	free(path);
	return rc;
}

static int pre_commit(struct dv_ctx *c, struct dv_err *err)
{
	struct dv_changes changes = { 0 };
	struct dv_findings found = { 0 };
	struct dv_objects *o = NULL;
	int rc;

	if (dv_unsafe_any(&c->repo)) {
		size_t left;

		need_cache(c);
		if (dv_ctx_store(c, 1))
			return dv_err_set(err, DV_EIO,
					  "the local store cannot be opened");
		rc = dv_unsafe_check(&c->repo, &c->store, &left, err);
		if (rc) {
			dv_err_prefix(err, "an earlier git command was cut short, and whether its content is safe cannot be told");
			return rc;
		}
		if (left)
			return dv_err_set(err, DV_ENOTFOUND,
					  "the commit would name content that is nowhere");
		dv_store_close(&c->store);
		c->have_store = 0;
	}
	rc = dv_objects_open(&o, &c->repo, 0, err);
	if (!rc)
		rc = dv_changes_staged(&c->repo, o, &changes, err);
	if (!rc)
		rc = dv_findings_look(&c->repo, o, &c->cache, &changes, 1,
				      &found, err);
	dv_objects_close(o);
	if (!rc)
		rc = dv_hook_report(c, &found, 0, 0, err);
	dv_findings_release(&found);
	dv_changes_release(&changes);
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
	struct dv_strs revs = { 0 }, there = { 0 };
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };
	const char *name = argc > 1 ? argv[1] : "-h";
	int rc, push = !strcmp(name, "pre-push");
	int place = !strcmp(name, "post-checkout") ||
		    !strcmp(name, "post-merge");

	if (*name == '-')
		return dv_opt_exit(dv_opt_parse(&cmd, opts, argc, argv, NULL));
	if (!strcmp(name, "fsmonitor"))
		return fsmonitor(argc, argv);
	if (!push && !place && strcmp(name, "pre-commit")) {
		dv_log_error("git-dv has no hook '%s'", name);
		return 1;
	}
	rc = push ? read_refs(&revs, &there, &err) : 0;
	if (rc)
		rc = dv_fail(&err);
	else if (push && !revs.n)
		goto out;	/* nothing is pushed but deletions */
	if (!rc)
		rc = open_repo(&c);
	if (rc)
		goto out;
	if (push)
		rc = pre_push(&c, argc > 2 ? argv[2] : NULL,
			      argc > 3 ? argv[3] : NULL, &revs, &there, &err);
	else if (place)
		rc = place_rest(&c, &err);
	else
		rc = pre_commit(&c, &err);
	if (rc)
		rc = dv_fail(&err);
	/*
	 * hook.sh sets it where another hook runs as well. Some write theirs
	 * over ours while they run, as lefthook where its configuration is new.
	 */
	if (getenv("GIT_DV_HOOK"))
		dv_hooks_ensure(&c.repo);
	dv_ctx_close(&c);
out:
	dv_strs_release(&revs);
	dv_strs_release(&there);
	return rc;
}
