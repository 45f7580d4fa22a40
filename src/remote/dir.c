#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "remote/backend.h"
#include "remote/share.h"

struct dir {
	struct dv_backend b;
	char *root;
	mode_t mode;	/* of the root: who shares it */
};

struct upload {
	char *tmp, *path;
	int fd;
	uint64_t flushed, n;
};

#define FLUSH_EVERY (8u << 20)	/* start write-back early: the sync is short */
#define TMP ".tmp-"
#define TMP_SECONDS (7 * 86400)	/* as long as a lease: nobody writes on */

static char *path_of(struct dv_backend *b, const char *key)
{
	return dv_fmt("%s/%s", ((struct dir *)b)->root, key);
}

static void dir_close(struct dv_backend *b)
{
	free(((struct dir *)b)->root);
	free(b);
}

static int dir_get(struct dv_backend *b, const char *key, uint64_t off,
		   void *p, size_t n, size_t *got, struct dv_err *err)
{
	char *path = path_of(b, key);
	ssize_t r;
	int fd, rc = 0;

	*got = 0;
	if (!path)
		return dv_err_nomem(err);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		rc = dv_err_errno(err, "cannot open '%s'", path);
	} else {
		r = dv_pread_full(fd, p, n, off);
		if (r < 0)
			rc = dv_err_errno(err, "cannot read '%s'", path);
		else
			*got = (size_t)r;
		close(fd);
	}
	free(path);
	return rc;
}

static void upload_free(struct upload *u)
{
	if (u->fd >= 0)
		close(u->fd);
	free(u->tmp);
	free(u->path);
	free(u);
}

/*
 * The folder `dir` below the root, which is there. A new one is durable once
 * those above it know it.
 */
static int make_dirs(const struct dir *d, const char *dir, struct dv_err *err)
{
	char *path = strdup(dir), *p;
	int rc = 0;

	if (!path)
		return dv_err_nomem(err);
	for (p = path + strlen(d->root); !rc && *p;) {
		char end;

		p += strspn(p, "/");
		p += strcspn(p, "/");
		end = *p;
		*p = '\0';
		if (!mkdir(path, 0777))
			dv_share_dir(path, d->mode);
		else if (errno != EEXIST)
			rc = dv_err_errno(err, "cannot make folder '%s'", path);
		*p = end;
	}
	while (!rc && strlen(path) > strlen(d->root)) {
		char *up = dv_path_dir(path);

		free(path);
		path = up;
		rc = path ? dv_dir_sync(path, err) : dv_err_nomem(err);
	}
	free(path);
	return rc;
}

static int dir_upload_begin(struct dv_backend *b, const char *key, void **out,
			    struct dv_err *err)
{
	const struct dir *d = (struct dir *)b;
	struct upload *u = calloc(1, sizeof(*u));
	char name[33], *dir = NULL;
	int rc;

	if (!u)
		return dv_err_nomem(err);
	u->fd = -1;
	rc = dv_random_name(name, err);
	if (rc)
		goto fail;
	u->path = path_of(b, key);
	dir = u->path ? dv_path_dir(u->path) : NULL;
	u->tmp = dir ? dv_fmt("%s/" TMP "%s", dir, name) : NULL;
	if (!u->tmp) {
		rc = dv_err_nomem(err);
		goto fail;
	}
	u->fd = open(u->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (u->fd < 0 && errno == ENOENT) {
		/* The root must be there: an unmounted one is not made. */
		if (!dv_dir_exists(d->root)) {
			rc = dv_err_set(err, DV_ENOTFOUND,
					"the directory '%s' is gone; is it mounted?",
					d->root);
			goto fail;
		}
		rc = make_dirs(d, dir, err);
		if (rc)
			goto fail;
		u->fd = open(u->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			     0444);
	}
	if (u->fd < 0) {
		rc = dv_err_errno(err, "cannot create '%s'", u->tmp);
		goto fail;
	}
	dv_share_file(u->fd, d->mode);
	free(dir);
	*out = u;
	return 0;
fail:
	free(dir);
	upload_free(u);
	return rc;
}

static int dir_upload_write(struct dv_backend *b, void *up, const void *p,
			    size_t n, struct dv_err *err)
{
	struct upload *u = up;

	(void)b;
	if (dv_write_full(u->fd, p, n))
		return dv_err_errno(err, "cannot write '%s'", u->tmp);
	u->n += n;
	if (u->n - u->flushed >= FLUSH_EVERY) {
		sync_file_range(u->fd, (off_t)u->flushed,
				(off_t)(u->n - u->flushed),
				SYNC_FILE_RANGE_WRITE);
		u->flushed = u->n;
	}
	return 0;
}

static void dir_upload_abort(struct dv_backend *b, void *up)
{
	struct upload *u = up;

	(void)b;
	unlink(u->tmp);
	upload_free(u);
}

static int same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

/*
 * Create-if-absent: link(2), which is atomic also on NFS, where a lost answer
 * may turn success into EEXIST (then both names are one file). Where there
 * are no links, renameat2 without replacing; else it cannot be promised.
 */
static int publish_new(const char *tmp, const char *path, struct dv_err *err)
{
	if (!link(tmp, path) || (errno == EEXIST && same_file(tmp, path))) {
		unlink(tmp);
		return 0;
	}
	if (errno == EEXIST)
		return dv_err_errno(err, "cannot create '%s'", path);
	if (errno != EPERM && errno != EOPNOTSUPP && errno != EMLINK)
		return dv_err_errno(err, "cannot create '%s'", path);
	if (!renameat2(AT_FDCWD, tmp, AT_FDCWD, path, RENAME_NOREPLACE))
		return 0;
	if (errno == EEXIST)
		return dv_err_errno(err, "cannot create '%s'", path);
	return dv_err_set(err, DV_EINVAL,
			  "the file system of '%s' can neither link nor rename without replacing; it cannot hold a store",
			  path);
}

static int finish_upload(struct upload *u, unsigned int flags,
			 struct dv_err *err)
{
	char *dir = dv_path_dir(u->path);
	int rc = 0;

	if (!dir)
		return dv_err_nomem(err);
	if (fdatasync(u->fd)) {
		rc = dv_err_errno(err, "cannot sync '%s'", u->tmp);
	} else if (close(u->fd)) {
		u->fd = -1;
		rc = dv_err_errno(err, "cannot write '%s'", u->tmp);
	} else {
		u->fd = -1;
		if (flags & DV_PUT_NEW)
			rc = publish_new(u->tmp, u->path, err);
		else if (rename(u->tmp, u->path))
			rc = dv_err_errno(err, "cannot rename to '%s'",
					  u->path);
	}
	if (!rc)
		rc = dv_dir_sync(dir, err);
	else
		unlink(u->tmp);
	free(dir);
	return rc;
}

/*
 * What uploads that were killed left beside this one. Both dates are of the
 * clock that serves the directory.
 */
static void drop_leftovers(const char *path)
{
	char *dir = dv_path_dir(path);
	struct dv_strs names = { 0 };
	struct stat mine, st;

	if (!dir || stat(path, &mine) || dv_dir_list(dir, &names, NULL))
		goto out;
	for (size_t i = 0; i < names.n; i++) {
		char *old;

		if (strncmp(names.v[i], TMP, strlen(TMP)))
			continue;
		old = dv_fmt("%s/%s", dir, names.v[i]);
		if (old && !lstat(old, &st) && S_ISREG(st.st_mode) &&
		    st.st_mtime < mine.st_mtime - TMP_SECONDS && unlink(old))
			dv_log_debug("'%s' stays", old);
		free(old);
	}
out:
	dv_strs_release(&names);
	free(dir);
}

static int dir_upload_commit(struct dv_backend *b, void *up,
			     struct dv_err *err)
{
	struct upload *u = up;
	int rc = finish_upload(u, DV_PUT_NEW, err);

	(void)b;
	if (!rc)
		drop_leftovers(u->path);
	upload_free(u);
	return rc;
}

static int dir_put(struct dv_backend *b, const char *key, const void *p,
		   size_t n, unsigned int flags, struct dv_err *err)
{
	void *u;
	int rc = dir_upload_begin(b, key, &u, err);

	if (rc)
		return rc;
	rc = dir_upload_write(b, u, p, n, err);
	if (rc) {
		dir_upload_abort(b, u);
		return rc;
	}
	rc = finish_upload(u, flags, err);
	upload_free(u);
	return rc;
}

static int dir_size(struct dv_backend *b, const char *key, uint64_t *size,
		    struct dv_err *err)
{
	char *path = path_of(b, key);
	struct stat st;
	int rc = 0;

	if (!path)
		return dv_err_nomem(err);
	if (stat(path, &st))
		rc = dv_err_errno(err, "cannot stat '%s'", path);
	else
		*size = (uint64_t)st.st_size;
	free(path);
	return rc;
}

static int dir_list(struct dv_backend *b, const char *prefix,
		    struct dv_strs *names, struct dv_err *err)
{
	char *path = path_of(b, prefix);
	struct dv_strs all = { 0 };
	int rc;

	if (!path)
		return dv_err_nomem(err);
	rc = dv_dir_list(path, &all, err);
	if (rc == DV_ENOTFOUND)
		rc = 0;
	dv_strs_sort(&all);
	for (size_t i = 0; !rc && i < all.n; i++)
		if (all.v[i][0] != '.')
			rc = dv_strs_add(names, all.v[i], err);
	dv_strs_release(&all);
	free(path);
	return rc;
}

static int dir_remove(struct dv_backend *b, const char *key,
		      struct dv_err *err)
{
	char *path = path_of(b, key);
	int rc = 0;

	if (!path)
		return dv_err_nomem(err);
	if (unlink(path) && errno != ENOENT)
		rc = dv_err_errno(err, "cannot remove '%s'", path);
	free(path);
	return rc;
}

static int dir_now(struct dv_backend *b, int64_t *seconds, struct dv_err *err)
{
	(void)b;
	(void)err;
	*seconds = time(NULL);
	return 0;
}

static const struct dv_backend_ops dir_ops = {
	.name = "directory",
	.close = dir_close,
	.get = dir_get,
	.put = dir_put,
	.upload_begin = dir_upload_begin,
	.upload_write = dir_upload_write,
	.upload_commit = dir_upload_commit,
	.upload_abort = dir_upload_abort,
	.size = dir_size,
	.list = dir_list,
	.remove = dir_remove,
	.now = dir_now,
};

int dv_backend_dir_open(struct dv_backend **out, const char *path, int create,
			struct dv_err *err)
{
	struct stat st;
	struct dir *d;
	int rc;

	*out = NULL;
	if (create) {
		rc = dv_dir_make_synced(path, err);
		if (rc)
			return rc;
	}
	if (stat(path, &st) || !S_ISDIR(st.st_mode))
		return dv_err_set(err, DV_ENOTFOUND,
				  "there is no directory '%s'; is it mounted?",
				  path);
	d = calloc(1, sizeof(*d));
	if (d)
		d->root = strdup(path);
	if (!d || !d->root) {
		free(d);
		return dv_err_nomem(err);
	}
	d->mode = st.st_mode;
	d->b.ops = &dir_ops;
	d->b.read_only = access(path, W_OK) != 0;
	*out = &d->b;
	return 0;
}
