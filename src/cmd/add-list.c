#include "cmd/add-list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "filter/place.h"

#define LIST_MAX ((size_t)1 << 30)

struct fill {
	struct dv_add_list *l;
	struct dv_repo *repo;
	size_t fresh;		/* not in the index: the first ones */
	int behind;		/* something is behind a link, or a file */
	int top;
	char *dir;		/* the folder that was looked at last */
	int dir_fd, dir_errno;
};

int dv_add_list_env(struct dv_add_list *l, struct dv_err *err)
{
	size_t k = 0;

	for (size_t i = 0; dv_pathspec_vars[i]; i++) {
		const char *value = getenv(dv_pathspec_vars[i]);

		if (!value)
			continue;
		l->env[k] = dv_fmt("%s=%s", dv_pathspec_vars[i], value);
		if (!l->env[k++])
			return dv_err_nomem(err);
	}
	return 0;
}

void dv_add_list_release(struct dv_add_list *l)
{
	dv_strs_release(&l->there);
	dv_strs_release(&l->gone);
	for (size_t i = 0; i < DV_ARRAY_SIZE(l->env); i++)
		free(l->env[i]);
	memset(l, 0, sizeof(*l));
}

static const char *const *env_of(const struct dv_add_list *l)
{
	return (const char *const *)l->env;
}

/* ':!path', ':^path', ':(exclude)path', also with other magic. */
static int leaves_out(const struct dv_add_list *l, const char *arg)
{
	const char *end, *p;

	for (size_t i = 0; l->env[i]; i++)
		if (!strncmp(l->env[i], "GIT_LITERAL_PATHSPECS=", 22) &&
		    strcmp(l->env[i] + 22, "0"))
			return 0;
	if (*arg != ':')
		return 0;
	if (arg[1] != '(') {
		arg += 1 + strspn(arg + 1, "/");
		return *arg == '!' || *arg == '^';
	}
	end = strchr(arg, ')');
	for (p = arg + 2; end && p < end; p += strcspn(p, ",)") + 1)
		if (!strncmp(p, "exclude", 7) && (p[7] == ',' || p[7] == ')'))
			return 1;
	return 0;
}

/* `git` with these options, "--" and the pathspecs. */
static int run(const struct dv_add_list *l, const char *const *options,
	       char **argv, int n, unsigned int flags, struct dv_buf *out,
	       int *code, struct dv_err *err)
{
	const char **args = calloc((size_t)n + 16, sizeof(*args));
	int i = 0, k, out_only = 1, rc;

	if (!args)
		return dv_err_nomem(err);
	for (k = 0; options[k]; k++)
		args[i++] = options[k];
	args[i++] = "--";
	for (k = 0; k < n; k++) {
		args[i++] = argv[k];
		out_only &= leaves_out(l, argv[k]);
	}
	/* What is left out is left out of all, for git add; not for ls-files. */
	if (out_only)
		args[i++] = ":/";
	rc = dv_proc_capture(args, env_of(l), flags, LIST_MAX, out, code, err);
	free(args);
	return rc;
}

/*
 * git's own judgement of the pathspecs, and its words. With -N it reads no
 * content.
 */
static int judge(struct dv_add_list *l, char **argv, int n, struct dv_err *err)
{
	static const char *const add[] = { "git", "add", "--dry-run",
					   "--intent-to-add", NULL };
	struct dv_buf out = { 0 };
	int rc = run(l, add, argv, n, 0, &out, &l->code, err);

	dv_buf_release(&out);
	return rc;
}

/*
 * In a sparse checkout git takes nothing outside of it, and says so only of
 * what is named. What is inside it tells with an index of its own, in which it
 * notes the files and reads none.
 */
static int keep_inside(struct fill *f, struct dv_err *err)
{
	static const char *const add[] = { "git", "-c", "core.splitIndex=false",
		"-c", "core.fsmonitor=false", "add", "--force", "--intent-to-add",
		"--pathspec-from-file=-", "--pathspec-file-nul", NULL };
	static const char *const list[] = { "git", "ls-files", "-z", "--full-name",
					    ":/", NULL };
	char name[33], *dir = dv_repo_store_path(f->repo, err), *var = NULL;
	struct dv_strs *there = &f->l->there;
	struct dv_buf in = { 0 }, out = { 0 };
	int code, rc = dir ? dv_random_name(name, err) : DV_EINVAL;

	if (!rc && !(var = dv_fmt("GIT_INDEX_FILE=%s/tmp/%.16s-index", dir, name)))
		rc = dv_err_nomem(err);
	for (size_t i = 0; !rc && i < there->n; i++)
		rc = dv_buf_addz(&in, ":(top,literal)", there->v[i], err);
	if (!rc && in.n) {
		const char *const env[] = { var, NULL };

		rc = dv_proc_filter(add, env, DV_PROC_QUIET, in.p, in.n,
				    LIST_MAX, &out, &code, err);
		out.n = 0;
		if (!rc)
			rc = dv_proc_capture(list, env, 0, LIST_MAX, &out,
					     &code, err);
	}
	dv_strs_release(there);
	for (const char *p = (char *)out.p, *end = p + out.n; !rc && p < end;
	     p += strlen(p) + 1)
		rc = dv_strs_add(there, p, err);
	if (var)
		unlink(var + strlen("GIT_INDEX_FILE="));
	dv_buf_release(&in);
	dv_buf_release(&out);
	free(dir);
	free(var);
	return rc;
}

/* In a sparse checkout: of what is in the index, only what is changed. */
static int keep_changed(struct fill *f, struct dv_err *err)
{
	static const char *const argv[] = { "git", "diff-files", "-z",
		"--name-only", "--no-relative", "--ignore-submodules=dirty",
		NULL };
	struct dv_strs *there = &f->l->there;
	struct dv_buf out = { 0 };
	const char *p, *end;
	size_t to = f->fresh;
	int code, rc = dv_proc_capture(argv, NULL, 0, LIST_MAX, &out, &code, err);

	if (!rc && code)
		rc = dv_err_set(err, DV_EIO,
				"git diff-files failed with exit code %d", code);
	/* Both are in the index's order. */
	p = (char *)out.p;
	end = p + out.n;
	for (size_t i = f->fresh; !rc && i < there->n; i++) {
		while (p < end && strcmp(p, there->v[i]) < 0)
			p += strlen(p) + 1;
		if (p < end && !strcmp(p, there->v[i]))
			there->v[to++] = there->v[i];
		else
			free(there->v[i]);
	}
	if (!rc)
		there->n = to;
	dv_buf_release(&out);
	return rc;
}

/* lstat(2), but what is behind a link to a folder is not there. */
static int look(struct fill *f, const char *path, struct stat *st)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (!n)
		return fstatat(f->top, name, st, AT_SYMLINK_NOFOLLOW);
	if (!f->dir || strncmp(f->dir, path, n) || f->dir[n]) {
		if (f->dir_fd >= 0)
			close(f->dir_fd);
		free(f->dir);
		f->dir_fd = dv_open_parent(f->top, path, &name);
		f->dir_errno = errno;
		f->dir = strndup(path, n);
	}
	if (f->dir_fd < 0) {
		errno = f->dir_errno;
		return -1;
	}
	return fstatat(f->dir_fd, name, st, AT_SYMLINK_NOFOLLOW);
}

static int is_gone(struct fill *f, const char *path, int repository)
{
	struct stat st;

	if (!look(f, path, &st))
		return S_ISDIR(st.st_mode) && !repository;
	if (errno == ENOENT)
		return 1;
	if (errno != ENOTDIR && errno != ELOOP)
		return 0;
	return f->behind = 1;
}

/* "? <path>", or "<tag> <mode> <id> <stage>\t<path>". */
static int take(struct fill *f, const char *line, struct dv_err *err)
{
	const char *path = *line == '?' ? line + 2 : strchr(line, '\t');
	struct dv_strs *to = &f->l->there;

	if (!path)
		return dv_err_set(err, DV_EINVAL,
				  "git ls-files prints what is not known");
	if (*line == '?') {
		f->fresh++;
		return dv_strs_add(to, path, err);
	}
	/*
	 * Neither what a sparse checkout leaves out nor what is assumed to be
	 * unchanged.
	 */
	if (*line == 'S' || (*line >= 'a' && *line <= 'z'))
		return 0;
	path++;
	if (is_gone(f, path, !strncmp(line + 2, "160000", 6)))
		to = &f->l->gone;
	/* An unmerged one has a line a stage. */
	if (to->n && !strcmp(to->v[to->n - 1], path))
		return 0;
	return dv_strs_add(to, path, err);
}

static int list(struct fill *f, char **argv, int n, struct dv_err *err)
{
	static const char *const fast[] = { "git", "ls-files", "-z", "-v", "-s",
		"--full-name", "--cached", "--others", "--exclude-standard",
		"--error-unmatch", NULL };
	static const char *const all[] = { "git", "ls-files", "-z", "-v", "-s",
		"--full-name", "--cached", "--others", "--exclude-standard",
		NULL };
	struct dv_buf out = { 0 };
	int code = -1, judged, rc = 0;

	f->l->sparse = dv_config_bool(f->repo, "core.sparsecheckout", 0);
	if (!f->l->sparse)
		rc = run(f->l, fast, argv, n, DV_PROC_QUIET, &out, &code, err);
	judged = code != 0;
	if (!rc && judged) {
		rc = judge(f->l, argv, n, err);
		out.n = 0;
		code = 0;
		if (!rc && f->l->code <= 1)
			rc = run(f->l, all, argv, n, 0, &out, &code, err);
		if (!rc && code)
			rc = dv_err_set(err, DV_EIO,
					"git ls-files failed with exit code %d",
					code);
	}
	for (const char *p = (char *)out.p, *end = p + out.n; !rc && p < end;
	     p += strlen(p) + 1)
		rc = take(f, p, err);
	dv_buf_release(&out);
	/* What is behind a link git refuses only where it is named so. */
	if (!rc && f->behind && !judged)
		rc = judge(f->l, argv, n, err);
	if (f->l->code > 1) {
		dv_strs_release(&f->l->there);
		dv_strs_release(&f->l->gone);
		return rc;
	}
	if (!rc && f->l->sparse)
		rc = keep_changed(f, err);
	return !rc && f->l->sparse ? keep_inside(f, err) : rc;
}

int dv_add_list_fill(struct dv_add_list *l, struct dv_repo *r, char **argv,
		     int n, struct dv_err *err)
{
	struct fill f = { .l = l, .repo = r, .dir_fd = -1 };
	int rc = 0;

	f.top = open(r->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f.top < 0)
		rc = dv_err_errno(err, "cannot open '%s'", r->top);
	if (!rc)
		rc = list(&f, argv, n, err);
	if (f.dir_fd >= 0)
		close(f.dir_fd);
	if (f.top >= 0)
		close(f.top);
	free(f.dir);
	return rc;
}
