/*
 * git dv add: stage files past Git's pipe. Content is read straight from the
 * file by the same code that the filter uses; Git gets pointer blobs and index
 * entries, with the stat data that make it take the files for unchanged.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/proc.h"
#include "base/quote.h"
#include "cmd/add-list.h"
#include "cmd/cmd.h"
#include "filter/session.h"
#include "repo/attrs.h"
#include "repo/gitindex.h"

#define LIST_MAX ((size_t)1 << 30)

struct added {
	char *path;
	struct dv_oid oid;
	struct stat st;
	uint8_t blob[32];
	int pointer;		/* else: left to git add */
};

struct add {
	struct dv_session s;
	struct dv_add_list list;
	struct added *v;
	size_t n, cap;
};

static int read_file(void *arg, uint8_t *p, size_t cap, size_t *n,
		     struct dv_err *err)
{
	int fd = *(int *)arg;
	ssize_t r;

	do
		r = read(fd, p, cap);
	while (r < 0 && errno == EINTR && !dv_cancelled());
	if (r < 0)
		return dv_err_errno(err, "cannot read");
	*n = (size_t)r;
	return dv_cancel_check(err);
}

/* Was the file known, and is it as it was? Then it need not be read. */
static int unchanged(struct dv_session *s, const char *path,
		     const struct stat *st, struct dv_oid *oid)
{
	struct dv_stat_entry e;

	if (!dv_cache_stat_get(dv_session_cache(s), path, &e) ||
	    !dv_stat_entry_fits(&e, st) || e.oid.size != e.size ||
	    !dv_session_holds(s, &e.oid))
		return 0;
	*oid = e.oid;
	return 1;
}

static int add_one(struct add *a, const char *path, struct dv_err *err)
{
	struct dv_source src;
	struct dv_buf as_is = { 0 };
	enum dv_clean_kind kind = DV_CLEAN_POINTER;
	struct stat after;
	struct added *v;
	const char *name;
	int top, dir, fd = -1, rc = 0;

	v = dv_grow(a->v, &a->cap, a->n + 1, sizeof(*v));
	if (!v)
		return dv_err_nomem(err);
	a->v = v;
	v += a->n;
	memset(v, 0, sizeof(*v));
	top = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = top < 0 ? -1 : dv_open_parent(top, path, &name);
	if (dir >= 0)
		fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC |
						O_NONBLOCK);
	if (top >= 0)
		close(top);
	if (dir >= 0)
		close(dir);
	if (fd < 0 || fstat(fd, &v->st)) {
		rc = dv_err_errno(err, "cannot open '%s'", path);
		goto out;
	}
	if (!S_ISREG(v->st.st_mode))
		goto out;	/* git add knows what to do with it */
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	src.read = read_file;
	src.arg = &fd;
	if (!unchanged(&a->s, path, &v->st, &v->oid))
		rc = dv_clean(&a->s, path, &src, &kind, &v->oid, &as_is, err);
	dv_buf_release(&as_is);
	if (rc) {
		if (!strstr(err->msg, path))
			dv_err_prefix(err, "'%s'", path);
		goto out;
	}
	if (fstat(fd, &after) || after.st_size != v->st.st_size ||
	    after.st_mtim.tv_sec != v->st.st_mtim.tv_sec ||
	    after.st_mtim.tv_nsec != v->st.st_mtim.tv_nsec) {
		rc = dv_err_set(err, DV_ECONFLICT,
				"'%s' was changed while it was read; add it again",
				path);
		goto out;
	}
	v->path = strdup(path);
	if (!v->path) {
		rc = dv_err_nomem(err);
		goto out;
	}
	v->pointer = kind == DV_CLEAN_POINTER;
	a->n++;
out:
	if (fd >= 0)
		close(fd);
	return rc;
}

/* Pointer blobs: one `git hash-object` reads them all from small files. */
static int write_blobs(struct add *a, struct dv_err *err)
{
	static const char *const args[] = { "hash-object", "-w", "-t", "blob",
		"--no-filters", "--stdin-paths", NULL };
	struct dv_buf in = { 0 }, out = { 0 };
	char *dir = dv_fmt("%s/tmp", a->s.store.path), name[33];
	struct dv_strs tmp = { 0 };
	int rc = dir ? dv_random_name(name, err) : dv_err_nomem(err);

	for (size_t i = 0; !rc && i < a->n; i++) {
		char text[DV_POINTER_MAX], *file;
		size_t n;

		if (!a->v[i].pointer)
			continue;
		n = dv_pointer_format(&a->v[i].oid, text);
		file = dv_fmt("%s/%.16s-p%zu", dir, name, i);
		rc = file ? dv_file_write(file, text, n, 0600, 0, err) :
			    dv_err_nomem(err);
		if (!rc)
			rc = dv_strs_add(&tmp, file, err);
		if (!rc)
			rc = dv_buf_addf(&in, err, "%s\n", file);
		if (!rc && dv_repo_pointer_blob(&a->s.repo, &a->v[i].oid,
						a->v[i].blob))
			rc = dv_err_nomem(err);
		free(file);
	}
	if (!rc && in.n)
		rc = dv_git_input(args, in.p, in.n, LIST_MAX, &out, err);
	for (size_t i = 0; i < tmp.n; i++)
		unlink(tmp.v[i]);
	dv_strs_release(&tmp);
	dv_buf_release(&in);
	dv_buf_release(&out);
	free(dir);
	return rc;
}

/* By core.fileMode, the file's or what the index says. */
static const char *mode_of(const struct added *v, int by_file,
			   struct dv_gitindex *ix)
{
	const struct dv_gitentry *e;

	if (by_file)
		return v->st.st_mode & 0100 ? "100755" : "100644";
	e = dv_gitindex_find(ix, v->path);
	return e && (e->mode & 0170000) == 0100000 && (e->mode & 0100) ?
	       "100755" : "100644";
}

static int stage(struct add *a, struct dv_err *err)
{
	static const char *const args[] = { "update-index", "-z", "--add",
					    "--index-info", NULL };
	size_t hs = dv_repo_oid_size(&a->s.repo);
	struct dv_buf in = { 0 }, out = { 0 };
	int by_file = dv_config_bool(&a->s.repo, "core.filemode", 1), rc = 0;
	char *path = by_file ? NULL : dv_repo_index_path(&a->s.repo);
	struct dv_gitindex ix = { 0 };

	if (path)
		rc = dv_gitindex_read(&ix, path, a->s.repo.algo, err);
	if (rc == DV_ENOTFOUND)
		rc = 0;

	for (size_t i = 0; !rc && i < a->n; i++) {
		char hex[65];

		if (!a->v[i].pointer)
			continue;
		dv_hex_encode(hex, a->v[i].blob, hs);
		rc = dv_buf_addf(&in, err, "%s %s\t%s",
				 mode_of(&a->v[i], by_file, &ix), hex,
				 a->v[i].path);
		if (!rc)
			rc = dv_buf_add(&in, "", 1, err);
	}
	if (!rc && in.n)
		rc = dv_git_input(args, in.p, in.n, 65536, &out, err);
	dv_buf_release(&in);
	dv_gitindex_release(&ix);
	free(path);
	dv_buf_release(&out);
	return rc;
}

/* The entries have no stat data yet: give them those of the files. */
static int patch_index(struct add *a, struct dv_err *err)
{
	char *path = dv_repo_index_path(&a->s.repo);
	struct dv_gitindex ix = { 0 };
	int rc, lock;

	if (!path)
		return dv_err_nomem(err);
	rc = dv_gitindex_lock(path, 3000, &lock, err);
	if (rc)
		goto out;
	rc = dv_gitindex_read(&ix, path, a->s.repo.algo, err);
	for (size_t i = 0; !rc && i < a->n; i++) {
		struct dv_gitentry *e;

		if (!a->v[i].pointer)
			continue;
		e = dv_gitindex_find(&ix, a->v[i].path);
		/* A file as young as the index could change unseen: leave it. */
		if (e && !memcmp(e->oid, a->v[i].blob, ix.hash_size) &&
		    a->v[i].st.st_mtim.tv_sec < ix.st.st_mtim.tv_sec)
			dv_gitentry_set_stat(&ix, e, &a->v[i].st);
	}
	if (!rc && !ix.split)
		rc = dv_gitindex_commit(&ix, path, lock, a->s.repo.algo, err);
	else
		dv_gitindex_unlock(path, lock);
	dv_gitindex_release(&ix);
out:
	free(path);
	return rc;
}

/* By git, with `what` in front of each path. */
static int feed(const char *const *argv, unsigned int flags, const char *what,
		const struct dv_strs *paths, int *code, struct dv_err *err)
{
	struct dv_buf in = { 0 }, out = { 0 };
	int rc = 0;

	*code = 0;
	for (size_t i = 0; !rc && i < paths->n; i++)
		rc = dv_buf_addz(&in, what, paths->v[i], err);
	if (!rc && in.n)
		rc = dv_proc_filter(argv, NULL, flags, in.p, in.n, 65536, &out,
				    code, err);
	dv_buf_release(&in);
	dv_buf_release(&out);
	return rc;
}

/*
 * What is no longer a file, lest it be in the way of one that is added. Outside
 * of a sparse checkout git leaves it where it is, and only git knows; but what
 * is behind a link it does not take.
 */
static int unstage(const struct dv_add_list *l, struct dv_err *err)
{
	static const char *const update[] = { "git", "add", "--update",
		"--pathspec-from-file=-", "--pathspec-file-nul", NULL };
	static const char *const forget[] = { "git", "update-index",
		"--force-remove", "-z", "--stdin", NULL };
	int code = 128, rc = 0;

	if (l->sparse)
		rc = feed(update, DV_PROC_QUIET, ":(top,literal)", &l->gone,
			  &code, err);
	if (!rc && code > 1)
		rc = feed(forget, 0, "", &l->gone, &code, err);
	if (!rc && code > 1)
		rc = dv_err_set(err, DV_EIO,
				"git update-index failed with exit code %d", code);
	return rc;
}

static int is_dir(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISDIR(st.st_mode);
}

/*
 * The rest is Git's own business: files that git-dv does not version. git add
 * compares each path with each pathspec, so it gets folders alone: repositories.
 */
static int git_add(const struct dv_strs *paths, int *ended,
		   struct dv_err *err)
{
	static const char *const update[] = { "git", "update-index", "--add",
					      "-z", "--stdin", NULL };
	static const char *const add[] = { "git", "add",
		"--pathspec-from-file=-", "--pathspec-file-nul", NULL };
	struct dv_strs files = { 0 }, dirs = { 0 };
	int code = 0, rc = 0;

	for (size_t i = 0; !rc && i < paths->n; i++)
		rc = dv_strs_add(is_dir(paths->v[i]) ? &dirs : &files,
				 paths->v[i], err);
	if (!rc)
		rc = feed(add, 0, ":(top,literal)", &dirs, &code, err);
	if (!rc && !code)
		rc = feed(update, 0, "", &files, &code, err);
	if (!rc && code) {
		*ended = code;
		rc = dv_err_set(err, DV_EIO, "git add failed with exit code %d",
				code);
	}
	dv_strs_release(&files);
	dv_strs_release(&dirs);
	return rc;
}

static int show(struct add *a, const char *path, struct dv_err *err)
{
	struct dv_buf b = { 0 };
	int rc = dv_quote_path(path, dv_config_bool(&a->s.repo,
						    "core.quotepath", 1),
			       &b, err);

	if (!rc)
		printf(b.n && *b.p == '"' ? "add %s\n" : "add '%s'\n",
		       dv_buf_str(&b));
	dv_buf_release(&b);
	return rc;
}

/* git add would fail on each of these, with words about a byte order mark. */
static int check_encoding(const struct dv_strs *paths, const uint8_t *dv,
			  struct dv_err *err)
{
	struct dv_strs ask = { 0 };
	uint8_t *wide = NULL;
	int rc = 0;

	for (size_t i = 0; !rc && i < paths->n; i++)
		if (dv[i])
			rc = dv_strs_add(&ask, paths->v[i], err);
	wide = calloc(ask.n + 1, 1);
	if (!rc)
		rc = wide ? dv_attrs_check_wide(&ask, wide, err) :
			    dv_err_nomem(err);
	for (size_t i = 0; !rc && i < ask.n; i++)
		if (wide[i])
			rc = dv_err_set(err, DV_EINVAL,
					"'%s' has a working-tree-encoding that git would apply to its pointer; put '!working-tree-encoding' for it into .gitattributes, behind the line that sets it",
					ask.v[i]);
	free(wide);
	dv_strs_release(&ask);
	return rc;
}

static int add_all(struct add *a, char **argv, int n, int dry_run,
		   struct dv_err *err)
{
	struct dv_strs *paths = &a->list.there, others = { 0 };
	uint8_t *dv = NULL;
	int rc = dv_add_list_fill(&a->list, &a->s.repo, argv, n, err);

	if (!rc)
		rc = dv_repo_go_top(&a->s.repo, err);
	dv = calloc(paths->n + 1, 1);
	if (!rc && !dv)
		rc = dv_err_nomem(err);
	if (!rc)
		rc = dv_attrs_check(paths, dv, err);
	if (!rc)
		rc = check_encoding(paths, dv, err);
	for (size_t i = 0; !rc && i < paths->n; i++) {
		struct stat st;

		/* A link in place of it: git add stages that. */
		if (!dv[i] || lstat(paths->v[i], &st) ||
		    !S_ISREG(st.st_mode) || !st.st_size)
			rc = dv_strs_add(&others, paths->v[i], err);
		else if (dry_run)
			rc = show(a, paths->v[i], err);
		else
			rc = add_one(a, paths->v[i], err);
	}
	dv_progress_stop(&a->s.progress);
	/* Durable before the index names it. */
	if (!rc)
		rc = dv_session_publish(&a->s, err);
	for (size_t i = 0; !rc && i < a->n; i++)
		if (!a->v[i].pointer)
			rc = dv_strs_add(&others, a->v[i].path, err);
	if (!rc && !dry_run && a->n)
		rc = write_blobs(a, err);
	if (!rc && !dry_run)
		rc = unstage(&a->list, err);
	if (!rc && !dry_run)
		rc = git_add(&others, &a->list.code, err);
	if (!rc && !dry_run && a->n) {
		rc = stage(a, err);
		if (!rc)
			rc = patch_index(a, err);
	}
	free(dv);
	dv_strs_release(&others);
	return rc;
}

int dv_cmd_add(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv add", "git-dv-add",
					       "[--dry-run] [--] <path>..." };
	int dry_run = 0, n, rc;
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 'n', "dry-run", &dry_run, NULL, "only show what would be added", 0 },
		{ 0 },
	};
	struct dv_err err = { 0 };
	struct add *a;

	n = dv_opt_parse(&cmd, opts, argc, argv, NULL);
	if (n < 0)
		return dv_opt_exit(n);
	if (!n) {
		dv_log_error("nothing is named; 'git dv add .' adds everything here");
		return 129;
	}
	a = calloc(1, sizeof(*a));
	if (!a)
		return 1;
	rc = dv_add_list_env(&a->list, &err);
	if (!rc)
		rc = dv_session_open(&a->s, &err);
	if (!rc && !a->s.repo.top)
		rc = dv_err_set(&err, DV_EINVAL,
				"this command needs a worktree");
	if (!rc)
		rc = dv_session_store(&a->s, &err);
	if (!rc)
		dv_have_filter(&a->s.repo, NULL);
	a->s.sync_each = 0;
	a->s.stages = a->s.stages_known = 1;
	dv_progress_start(&a->s.progress, "Storing content", 0);
	if (!rc)
		rc = add_all(a, argv, n, dry_run, &err);
	if (a->s.have_repo) {
		struct dv_err why = { 0 };

		if (dv_session_finish(&a->s, rc ? &why : &err) && !rc)
			rc = err.status;
	}
	for (size_t i = 0; i < a->n; i++)
		free(a->v[i].path);
	free(a->v);
	dv_session_close(&a->s);
	rc = rc ? dv_fail(&err) : 0;
	rc = DV_MAX(rc, a->list.code);
	dv_add_list_release(&a->list);
	free(a);
	return rc;
}
