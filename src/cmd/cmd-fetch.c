/* fetch, checkout, pull: content from stores to here, from here into files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/idmap.h"
#include "cmd/cmd.h"
#include "filter/place.h"
#include "repo/named.h"
#include "store/maintain.h"

#define NAMED_MAX 10

int dv_cmd_fetch(struct dv_ctx *c, const struct dv_select *s,
		 const struct dv_ptrs *ptrs, int dry_run, size_t *missing,
		 struct dv_err *err)
{
	struct dv_oid *want = malloc((ptrs->n + 1) * sizeof(*want));
	struct dv_idmap seen = { 0 };
	uint64_t bytes = 0;
	size_t n = 0;
	int rc = 0;

	*missing = 0;
	if (!want)
		return dv_err_nomem(err);
	for (size_t i = 0; !rc && i < ptrs->n; i++) {
		const struct dv_ptr *p = &ptrs->v[i];

		if (!dv_select_has(s, p->path) ||
		    dv_content_complete(&c->store, &c->coder, &p->oid,
					NULL) == 1)
			continue;
		/* A file and the version of it that a registry names: once. */
		rc = dv_idmap_put(&seen, p->oid.scheme, &p->oid.id, 1, err);
		if (rc == DV_EEXIST) {
			rc = 0;
			continue;
		}
		want[n++] = p->oid;
		bytes += p->oid.size;
		if (dry_run)
			printf("would fetch %s (%s)\n", dv_ctx_named(c, p->path),
			       dv_human(p->oid.size).s);
	}
	*missing = n;
	dv_idmap_release(&seen);
	if (!rc && n && !dry_run) {
		rc = dv_remotes_fetch(&c->repo, &c->store, c->pool, c->cache,
				      s->remote, want, n, err);
		if (!rc)
			dv_log_note("fetched %zu file%s, %s of content", n,
				    n == 1 ? "" : "s", dv_human(bytes).s);
		dv_store_maintain(&c->store);
	}
	free(want);
	return rc;
}

static void note_blocked(struct dv_checkout *how, const char *path,
			 const char *why)
{
	if (how->blocked++ < NAMED_MAX && how->name_blocked)
		dv_log_error("'%s' is not placed: %s", path, why);
}

/*
 * Does something stand where the file or a folder above it belongs? What is
 * absent was deleted or is not in a sparse checkout; a file may be an edit.
 */
static const char *in_the_way(int dir, const char *name)
{
	struct stat st;

	if (dir < 0)
		return errno == ELOOP || errno == ENOTDIR ?
		       "a folder of its path is a link or a file" :
		       errno == ENOENT ? NULL : strerror(errno);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? NULL : strerror(errno);
	return S_ISREG(st.st_mode) ? NULL :
	       S_ISDIR(st.st_mode) ? "a folder is in its place" :
	       S_ISLNK(st.st_mode) ? "a link is in its place" :
				     "what is in its place is no regular file";
}

/* The files of the selection that are pointers. */
static int find_left(struct dv_ctx *c, const struct dv_select *s,
		     const struct dv_ptrs *ptrs, struct dv_place_list *list,
		     struct dv_checkout *how, struct dv_err *err)
{
	int top = open(c->repo.top, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (top < 0)
		return dv_err_errno(err, "cannot open '%s'", c->repo.top);
	for (size_t i = 0; !rc && i < ptrs->n; i++) {
		const struct dv_ptr *p = &ptrs->v[i];
		const char *name, *why;
		struct stat st;
		int dir, is = 0;

		if (!dv_select_has(s, p->path))
			continue;
		dir = dv_open_parent(top, p->path, &name);
		if (dir >= 0)
			is = dv_is_pointer_file(dir, name, &p->oid, &st);
		/* What cannot be read is named when it is to be placed. */
		if (is)
			rc = dv_place_list_add(list, p->path, &p->oid, err);
		else if ((why = in_the_way(dir, name)))
			note_blocked(how, p->path, why);
		else if (dir >= 0 && dv_file_is_spoilt(dir, name))
			note_blocked(how, p->path,
				     "it is a pointer that was written to");
		if (dir >= 0)
			close(dir);
	}
	close(top);
	return rc;
}

static void show_only(struct dv_ctx *c, const struct dv_place_list *list,
		      struct dv_checkout *how)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct dv_place_item *it = &list->v[i];

		if (how->fetch || dv_content_complete(&c->store, &c->coder,
						      &it->oid, NULL) == 1)
			printf("would place %s (%s)\n",
			       dv_ctx_named(c, it->path),
			       dv_human(it->oid.size).s);
		else if (how->left++ < NAMED_MAX)
			dv_log_warn("'%s' would be left as a pointer: its content is not here",
				    it->path);
	}
}

int dv_cmd_checkout(struct dv_ctx *c, const struct dv_select *s,
		    const struct dv_ptrs *ptrs, struct dv_checkout *how,
		    struct dv_err *err)
{
	struct dv_place_result result = { 0 };
	struct dv_place_list list = { 0 };
	int rc = find_left(c, s, ptrs, &list, how, err);

	if (!rc && how->dry_run) {
		show_only(c, &list, how);
	} else if (!rc && list.n) {
		rc = dv_place(&c->repo, &c->store, c->pool, c->cache, &list,
			      DV_PLACE_WAIT_MS, &result, err);
		how->placed = result.placed;
		how->left = result.left;
		how->refused = result.refused;
	}
	dv_place_list_release(&list);
	return rc;
}

/* Files that are in place, and that Git does not know of. */
static int repair(struct dv_ctx *c, const struct dv_select *s,
		  const struct dv_ptrs *ptrs, struct dv_err *err)
{
	struct dv_place_list list = { 0 };
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < ptrs->n; i++)
		if (dv_select_has(s, ptrs->v[i].path))
			rc = dv_place_list_add(&list, ptrs->v[i].path,
					       &ptrs->v[i].oid, err);
	if (!rc)
		rc = dv_place_repair(&c->repo, c->pool, c->cache, &list,
				     DV_PLACE_WAIT_MS, &n, err);
	if (!rc && n)
		dv_log_note("%zu file%s in place, and Git knows it now", n,
			    n == 1 ? " is" : "s are");
	dv_place_list_release(&list);
	return rc;
}

enum verb { FETCH, CHECKOUT, PULL };

/* What a sparse checkout leaves out comes where a path names it. */
static int of_index(struct dv_ctx *c, int named, struct dv_ptrs *ptrs,
		    struct dv_err *err)
{
	size_t from = ptrs->n, to = from;
	int rc;

	if (named)
		return dv_ptrs_of_whole_index(&c->repo, c->cache, ptrs, err);
	rc = dv_ptrs_of_index(&c->repo, c->cache, ptrs, err);
	for (size_t i = from; i < ptrs->n; i++) {
		if (ptrs->v[i].left_out)
			free(ptrs->v[i].path);
		else
			ptrs->v[to++] = ptrs->v[i];
	}
	ptrs->n = to;
	return rc;
}

/*
 * The pointers that a command is about: of commits, of all refs, or staged;
 * and, where `named` is set, the versions that registries there name.
 */
static int collect(struct dv_ctx *c, const struct dv_select *s, int all,
		   int named, struct dv_ptrs *ptrs, struct dv_err *err)
{
	struct dv_strs none = { 0 }, refs = { 0 };
	struct dv_unread unread = { 0 };
	int rc = 0;

	if (all) {
		rc = dv_all_refs(&refs, err);
		if (!rc)
			rc = dv_ptrs_of_range(&c->repo, c->cache, &refs, &none,
					      ptrs, err);
		if (!rc && named)
			rc = dv_named_of_range(&c->repo, &refs, &none, ptrs,
					       &unread, err);
		dv_strs_release(&refs);
	}
	for (size_t i = 0; !rc && i < s->revs.n; i++) {
		rc = dv_ptrs_of_commit(&c->repo, c->cache, s->revs.v[i], ptrs,
				       err);
		if (!rc && named)
			rc = dv_named_of_commit(&c->repo, s->revs.v[i], ptrs,
						&unread, err);
	}
	if (!rc && (!s->revs.n || all)) {
		rc = of_index(c, s->paths.n > 0, ptrs, err);
		if (!rc && named)
			rc = dv_named_of_index(&c->repo, NULL, ptrs, &unread,
					       err);
	}
	dv_unread_warn(&unread);
	dv_unread_release(&unread);
	return rc;
}

static int left_over(const struct dv_checkout *how, enum verb verb,
		     struct dv_err *err)
{
	if (how->left)
		return dv_err_set(err, DV_ENOTFOUND,
				  "%zu file%s%s", how->left,
				  how->left == 1 ? " is left as a pointer" :
						   "s are left as pointers",
				  verb == CHECKOUT && how->left > how->refused ?
				  "; 'git dv pull' fetches their content" : "");
	if (how->blocked)
		return dv_err_set(err, DV_EEXIST,
				  "%zu file%s not placed; move away what is in the way, then 'git checkout' them",
				  how->blocked,
				  how->blocked == 1 ? " is" : "s are");
	return 0;
}

static int run(enum verb verb, const struct dv_opt_cmd *cmd, int argc,
	       char **argv)
{
	int all = 0, dry_run = 0, dashdash, n, rc;
	struct dv_select sel = { 0 };
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 'a', "all", &all, NULL, "the content of all refs and their history", 0 },
		{ DV_OPT_FLAG, 'n', "dry-run", &dry_run, NULL, "only show what would be done", 0 },
		{ DV_OPT_LIST, 'I', "include", &sel.include, "pattern", "only files that match (dv.include)", 0 },
		{ DV_OPT_LIST, 'X', "exclude", &sel.exclude, "pattern", "not files that match (dv.exclude)", 0 },
		{ 0 },
	};
	struct dv_checkout how = { .name_blocked = 1, .fetch = verb == PULL };
	size_t missing = 0;
	struct dv_ptrs ptrs = { 0 };
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 }, first = { 0 };

	n = dv_opt_parse(cmd, opts, argc, argv, &dashdash);
	if (n < 0)
		return dv_opt_exit(n);
	rc = verb == FETCH ? dv_ctx_repo(&c) : dv_ctx_worktree(&c);
	if (!rc)
		rc = dv_ctx_store(&c, 1);
	if (!rc)
		rc = dv_ctx_pool(&c);
	if (rc)
		goto out;
	if (verb != FETCH)
		dv_have_filter(&c.repo, NULL);
	/* What is checked out is what the index says. */
	sel.only_paths = verb == CHECKOUT;
	rc = dv_select_parse(&c, &sel, argv, n, dashdash, &err);
	if (!rc)
		rc = dv_select_defaults(&c, &sel, &err);
	if (!rc)
		rc = collect(&c, &sel, all && verb != CHECKOUT,
			     verb != CHECKOUT, &ptrs, &err);
	if (!rc)
		rc = dv_select_check(&c, &sel, &ptrs, &err);
	if (!rc && verb != CHECKOUT) {
		rc = dv_cmd_fetch(&c, &sel, &ptrs, dry_run, &missing, &err);
		/* Place what there is all the same, then report. */
		if (rc && verb == PULL && rc != DV_ECANCEL) {
			first = err;
			rc = 0;
		}
	}
	if (!rc && verb != FETCH) {
		how.dry_run = dry_run;
		/* Files are what the index says, whichever commits were named. */
		dv_ptrs_release(&ptrs);
		rc = dv_ptrs_of_index(&c.repo, c.cache, &ptrs, &err);
		if (!rc)
			rc = dv_cmd_checkout(&c, &sel, &ptrs, &how, &err);
		if (!rc && !dry_run)
			rc = repair(&c, &sel, &ptrs, &err);
		if (!rc && how.placed)
			dv_log_note("placed the content of %zu file%s",
				    how.placed, how.placed == 1 ? "" : "s");
		if (!rc && !first.status)
			rc = left_over(&how, verb, &err);
	}
	if (!rc && first.status) {
		err = first;
		rc = first.status;
	}
	if (rc)
		rc = dv_fail(&err);
out:
	dv_ptrs_release(&ptrs);
	dv_select_release(&sel);
	dv_ctx_close(&c);
	return rc;
}

int dv_cmd_fetch_main(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv fetch", "git-dv-fetch",
		"[<options>] [<remote>] [<revision>...] [--] [<path>...]" };

	return run(FETCH, &cmd, argc, argv);
}

int dv_cmd_checkout_main(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv checkout",
		"git-dv-checkout", "[<options>] [--] [<path>...]" };

	return run(CHECKOUT, &cmd, argc, argv);
}

int dv_cmd_pull(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv pull", "git-dv-pull",
		"[<options>] [<remote>] [<revision>...] [--] [<path>...]" };

	return run(PULL, &cmd, argc, argv);
}
