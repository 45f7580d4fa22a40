#include "remote/share.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"

static mode_t file_mode(mode_t root)
{
	return S_IRUSR | (root & 0444);
}

static mode_t dir_mode(mode_t root)
{
	return S_IRWXU | (root & (S_ISGID | 0777));
}

void dv_share_file(int fd, mode_t root)
{
	mode_t want = file_mode(root);
	struct stat st;

	if (!fstat(fd, &st) && (st.st_mode & 07777) != want &&
	    fchmod(fd, want))
		dv_log_debug("the mode of a file cannot be set: %s",
			     strerror(errno));
}

void dv_share_dir(const char *path, mode_t root)
{
	mode_t want = dir_mode(root);
	struct stat st;

	if (!stat(path, &st) && (st.st_mode & (S_ISGID | 0777)) != want &&
	    chmod(path, want))
		dv_log_debug("the mode of '%s' cannot be set: %s", path,
			     strerror(errno));
}

/* ---- looking at what is there ---- */

struct look {
	const struct stat *root;
	size_t max, n;
	struct dv_strs *names;
};

/* The bits of `want` that are of somebody whom the entry's mode keeps out. */
static int keeps_out(const struct look *l, const struct stat *st)
{
	mode_t root = l->root->st_mode, want, lacks;

	want = S_ISDIR(st->st_mode) ? root & 0777 : root & 0444;
	/* The owner sees to his own bits. */
	lacks = want & ~st->st_mode & 0077;
	/* Of another owner, his bits say nothing to the root's. root needs none. */
	if (l->root->st_uid && st->st_uid != l->root->st_uid)
		lacks |= (want >> 6 & 0007) &
			 ~(st->st_mode >> 3 | st->st_mode);
	/* Nor those of another group. */
	if ((want & 0070) && st->st_gid != l->root->st_gid)
		lacks |= (want >> 3 & 0007) & ~st->st_mode;
	return lacks != 0;
}

static int look_at(struct look *l, const char *root, const char *name,
		   struct dv_err *err)
{
	char *path = dv_fmt("%s%s%s", root, *name ? "/" : "", name);
	struct dv_strs names = { 0 };
	struct stat st;
	int rc = path ? 0 : dv_err_nomem(err);

	if (rc || lstat(path, &st) ||
	    (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		goto out;
	if (keeps_out(l, &st) && l->n++ < l->max)
		rc = dv_strs_add(l->names, name, err);
	/* One that we cannot read ourselves was named just now. */
	if (S_ISDIR(st.st_mode) && !dv_dir_list(path, &names, NULL)) {
		dv_strs_sort(&names);
		for (size_t i = 0; !rc && i < names.n; i++) {
			char *sub = dv_fmt("%s%s%s", name, *name ? "/" : "",
					   names.v[i]);

			/* A dot file is one that is being written. */
			if (!sub)
				rc = dv_err_nomem(err);
			else if (names.v[i][0] != '.')
				rc = look_at(l, root, sub, err);
			free(sub);
		}
	}
out:
	dv_strs_release(&names);
	free(path);
	return rc;
}

int dv_share_check(const char *root, size_t max, struct dv_strs *names,
		   size_t *n, struct dv_err *err)
{
	struct stat st;
	struct look l = { .root = &st, .max = max, .names = names };
	int rc;

	*n = 0;
	if (stat(root, &st))
		return dv_err_errno(err, "cannot stat '%s'", root);
	rc = look_at(&l, root, "", err);
	*n = l.n;
	return rc;
}
