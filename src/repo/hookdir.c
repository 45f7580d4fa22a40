#include "repo/hookdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"

#define LIST_MAX (1u << 20)

char *dv_hookdir_path(struct dv_repo *r)
{
	const char *path = dv_config_get_own(r, "core.hookspath");
	const char *home = getenv("HOME");

	if (!path || !*path)
		return dv_fmt("%s/hooks", r->common_dir);
	if (!strncmp(path, "~/", 2) && home)
		return dv_fmt("%s/%s", home, path + 2);
	if (*path == '/')
		return strdup(path);
	return dv_fmt("%s/%s", r->top ? r->top : r->git_dir, path);
}

int dv_hookdir_is_versioned(struct dv_repo *r, const char *dir)
{
	size_t n = r->top ? strlen(r->top) : 0, m = strlen(r->common_dir);
	char *probe = dv_fmt("%s/pre-push", dir);
	const char *argv[] = { "git", "check-ignore", "-q", "--", probe, NULL };
	struct dv_buf out = { 0 };
	int code = 0;

	if (!n || !probe || strncmp(dir, r->top, n) || dir[n] != '/' ||
	    (!strncmp(dir, r->common_dir, m) && dir[m] == '/') ||
	    dv_proc_capture(argv, NULL, DV_PROC_QUIET, 4096, &out, &code, NULL))
		code = 0;
	dv_buf_release(&out);
	free(probe);
	return code == 1;
}

/* What is not there has only its name. */
static char *real(const char *path)
{
	char *s = realpath(path, NULL);

	return s ? s : strdup(path);
}

static int is_below(const char *path, const char *root)
{
	char *p = real(path), *q = real(root);
	size_t n = q ? strlen(q) : 0;
	int yes = p && q && !strncmp(p, q, n) && (!p[n] || p[n] == '/') &&
		  !strstr(p, "/../");

	free(p);
	free(q);
	return yes;
}

int dv_hookdir_is_shared(struct dv_repo *r, const char *dir)
{
	return !is_below(dir, r->common_dir) &&
	       (!r->top || !is_below(dir, r->top));
}

/* Common directories, each with a NUL at its end. */
static char *list_path(const char *dir)
{
	return dv_fmt("%s/.used-by-git-dv", dir);
}

static int read_list(const char *path, struct dv_strs *out, struct dv_err *err)
{
	struct dv_buf b = { 0 };
	int rc = 0;

	if (dv_file_exists(path))
		rc = dv_file_read(path, &b, LIST_MAX, err);
	for (size_t i = 0, n; !rc && i < b.n; i += n + 1) {
		n = strnlen((char *)b.p + i, b.n - i);
		if (!dv_strs_has(out, (char *)b.p + i))
			rc = dv_strs_addn(out, (char *)b.p + i, n, err);
	}
	dv_buf_release(&b);
	return rc;
}

void dv_hookdir_join(struct dv_repo *r, const char *dir)
{
	size_t n = strlen(r->common_dir) + 1;
	char *path = list_path(dir);
	struct dv_strs list = { 0 };
	int fd = -1;

	if (!path || read_list(path, &list, NULL) ||
	    dv_strs_has(&list, r->common_dir))
		goto out;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || dv_write_full(fd, r->common_dir, n))
		dv_log_debug("'%s' does not list this repository: %s", path,
			     strerror(errno));
	if (fd >= 0)
		close(fd);
out:
	dv_strs_release(&list);
	free(path);
}

int dv_hookdir_leave(struct dv_repo *r, const char *dir, char **other,
		     struct dv_err *err)
{
	char *path = list_path(dir);
	struct dv_strs list = { 0 };
	struct dv_buf left = { 0 };
	int rc = path ? read_list(path, &list, err) : dv_err_nomem(err);

	*other = NULL;
	for (size_t i = 0; !rc && i < list.n; i++) {
		if (!strcmp(list.v[i], r->common_dir) ||
		    !dv_dir_exists(list.v[i]))
			continue;
		rc = dv_buf_add(&left, list.v[i], strlen(list.v[i]) + 1, err);
		if (!rc && !*other)
			*other = strdup(list.v[i]);
	}
	if (!rc && left.n)
		rc = dv_file_write(path, left.p, left.n, 0666, 0, err);
	else if (!rc && dv_file_exists(path) && unlink(path))
		rc = dv_err_errno(err, "cannot remove '%s'", path);
	dv_buf_release(&left);
	dv_strs_release(&list);
	free(path);
	return rc;
}
