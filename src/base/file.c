#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#ifdef __linux__
#include <sys/vfs.h>
#endif
#include <time.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/own.h"

ssize_t dv_read_full(int fd, void *p, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = read(fd, (char *)p + got, n - got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (!r)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

ssize_t dv_pread_full(int fd, void *p, size_t n, uint64_t off)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = pread(fd, (char *)p + got, n - got,
				  (off_t)(off + got));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (!r)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

int dv_write_full(int fd, const void *p, size_t n)
{
	const char *c = p;

	while (n) {
		ssize_t w = write(fd, c, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		c += w;
		n -= (size_t)w;
	}
	return 0;
}

int dv_pwrite_full(int fd, const void *p, size_t n, uint64_t off)
{
	const char *c = p;

	while (n) {
		ssize_t w = pwrite(fd, c, n, (off_t)off);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		c += w;
		off += (uint64_t)w;
		n -= (size_t)w;
	}
	return 0;
}

int dv_file_read(const char *path, struct dv_buf *out, size_t max,
		 struct dv_err *err)
{
	struct stat st;
	ssize_t got;
	int rc, fd;

	out->n = 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return dv_err_errno(err, "cannot open '%s'", path);
	if (fstat(fd, &st)) {
		rc = dv_err_errno(err, "cannot stat '%s'", path);
	} else if (!S_ISREG(st.st_mode)) {
		rc = dv_err_set(err, DV_EINVAL, "'%s' is not a regular file",
				path);
	} else if ((uint64_t)st.st_size > max) {
		rc = dv_err_set(err, DV_EINVAL,
				"'%s' has %lld bytes, more than the %zu allowed",
				path, (long long)st.st_size, max);
	} else {
		rc = dv_buf_reserve(out, (size_t)st.st_size, err);
		if (!rc) {
			got = dv_read_full(fd, out->p, (size_t)st.st_size);
			if (got < 0)
				rc = dv_err_errno(err, "cannot read '%s'",
						  path);
			else
				out->n = (size_t)got;
		}
	}
	close(fd);
	if (!rc)
		dv_buf_str(out);
	return rc;
}

int dv_file_write(const char *path, const void *p, size_t n, mode_t mode,
		  unsigned int flags, struct dv_err *err)
{
	char name[33], *tmp = NULL, *dir = NULL;
	int fd = -1, rc;

	rc = dv_random_name(name, err);
	if (rc)
		return rc;
	dir = dv_path_dir(path);
	tmp = dir ? dv_fmt("%s/.tmp-%.16s", dir, name) : NULL;
	if (!tmp) {
		free(dir);
		return dv_err_nomem(err);
	}
	fd = dv_own_open(tmp, O_WRONLY | O_EXCL, mode);
	if (fd < 0) {
		rc = dv_err_errno(err, "cannot create '%s'", tmp);
		goto out;
	}
	if (dv_write_full(fd, p, n) ||
	    ((flags & DV_FILE_SYNC) && fdatasync(fd))) {
		rc = dv_err_errno(err, "cannot write '%s'", tmp);
		close(fd);
		goto out_unlink;
	}
	if (close(fd)) {
		rc = dv_err_errno(err, "cannot write '%s'", tmp);
		goto out_unlink;
	}
	if (flags & DV_FILE_EXCL) {
		if (link(tmp, path)) {
			rc = dv_err_errno(err, "cannot create '%s'", path);
			goto out_unlink;
		}
		unlink(tmp);
	} else if (rename(tmp, path)) {
		rc = dv_err_errno(err, "cannot rename to '%s'", path);
		goto out_unlink;
	}
	if (flags & DV_FILE_SYNC)
		rc = dv_dir_sync(dir, err);
	goto out;
out_unlink:
	unlink(tmp);
out:
	free(tmp);
	free(dir);
	return rc;
}

int dv_dir_sync(const char *dir, struct dv_err *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return dv_err_errno(err, "cannot open '%s'", dir);
	/* Some file systems cannot sync a directory and say EINVAL. */
	if (fsync(fd) && errno != EINVAL && errno != EROFS)
		rc = dv_err_errno(err, "cannot sync '%s'", dir);
	close(fd);
	return rc;
}

/* The folder that the new one stands in may be one that cannot be read. */
static int sync_above(const char *dir, struct dv_err *err)
{
	char *up = dv_path_dir(dir);
	int rc = up ? dv_dir_sync(up, err) : dv_err_nomem(err);

	free(up);
	return rc == DV_EAUTH ? 0 : rc;
}

static int make_dirs(const char *dir, int sync, struct dv_err *err)
{
	char *p, *c;
	int rc = 0, sys;

	if (!mkdir(dir, 0777)) {
		dv_own_adopt(dir);
		return sync ? sync_above(dir, err) : 0;
	}
	if (errno == EEXIST && dv_dir_exists(dir))
		return 0;
	if (!*dir)
		return dv_err_errno(err, "cannot create directory ''");
	p = strdup(dir);
	if (!p)
		return dv_err_nomem(err);
	for (c = p + 1;; c++) {
		char was = *c;

		if (was && was != '/')
			continue;
		*c = '\0';
		sys = mkdir(p, 0777) ? errno : 0;
		if (!sys) {
			dv_own_adopt(p);
			rc = sync ? sync_above(p, err) : 0;
		} else if (!dv_dir_exists(p)) {
			errno = sys;
			rc = dv_err_errno(err, "cannot create directory '%s'",
					  p);
		}
		*c = was;
		if (rc || !was)
			break;
	}
	free(p);
	return rc;
}

int dv_dir_make(const char *dir, struct dv_err *err)
{
	return make_dirs(dir, 0, err);
}

int dv_dir_make_synced(const char *dir, struct dv_err *err)
{
	return make_dirs(dir, 1, err);
}

#define STALE_SECONDS 86400

static int remove_at(int at, const char *name)
{
	struct dirent *e;
	DIR *d;
	int fd;

	if (!unlinkat(at, name, 0) || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return -1;
	}
	while ((e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (remove_at(fd, e->d_name)) {
			closedir(d);
			return -1;
		}
	}
	closedir(d);
	return unlinkat(at, name, AT_REMOVEDIR);
}

int dv_dir_remove(const char *dir, struct dv_err *err)
{
	if (remove_at(AT_FDCWD, dir))
		return dv_err_errno(err, "cannot remove '%s'", dir);
	return 0;
}

void dv_dir_drop_stale(const char *dir, const char *prefix)
{
	struct dv_strs names = { 0 };

	if (!dv_dir_list(dir, &names, NULL)) {
		for (size_t i = 0; i < names.n; i++) {
			char *path;
			struct stat st;

			if (strncmp(names.v[i], prefix, strlen(prefix)))
				continue;
			path = dv_fmt("%s/%s", dir, names.v[i]);
			if (path && !lstat(path, &st) &&
			    st.st_mtime < time(NULL) - STALE_SECONDS)
				(void)!remove_at(AT_FDCWD, path);
			free(path);
		}
	}
	dv_strs_release(&names);
}

int dv_dir_exists(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

int dv_file_exists(const char *path)
{
	struct stat st;

	return !stat(path, &st);
}

int dv_dir_list(const char *dir, struct dv_strs *out, struct dv_err *err)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	int rc = 0;

	if (!d)
		return dv_err_errno(err, "cannot read directory '%s'", dir);
	while (errno = 0, !rc && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			rc = dv_strs_add(out, e->d_name, err);
	if (!rc && errno)
		rc = dv_err_errno(err, "cannot read directory '%s'", dir);
	closedir(d);
	return rc;
}

int dv_errno_gone(int e)
{
	return e == ENOENT || e == ENOTDIR || e == ELOOP;
}

char *dv_fmt(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return n < 0 ? NULL : s;
}

char *dv_path_dir(const char *path)
{
	const char *s = strrchr(path, '/');

	if (!s)
		return strdup(".");
	if (s == path)
		return strdup("/");
	return strndup(path, (size_t)(s - path));
}

int dv_random(void *p, size_t n, struct dv_err *err)
{
	for (size_t at = 0, m; at < n; at += m) {
		m = n - at < 256 ? n - at : 256;	/* getentropy's limit */
		if (getentropy((uint8_t *)p + at, m))
			return dv_err_errno(err, "cannot get random bytes");
	}
	return 0;
}

int dv_random_name(char out[33], struct dv_err *err)
{
	uint8_t raw[16];
	int rc = dv_random(raw, sizeof(raw), err);

	if (!rc)
		dv_hex_encode(out, raw, sizeof(raw));
	return rc;
}

int dv_lock_fd(int fd, enum dv_lock_kind kind, int wait, struct dv_err *err)
{
	struct flock fl = {
		.l_type = kind == DV_LOCK_EXCL ? F_WRLCK : F_RDLCK,
		.l_whence = SEEK_SET,
	};

	while (fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &fl)) {
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN || errno == EACCES)
			return dv_err_set(err, DV_EAGAIN,
					  "locked by another process");
		return dv_err_errno(err, "cannot lock");
	}
	return 0;
}

int dv_unlock_fd(int fd)
{
	struct flock fl = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &fl);
}

int dv_fs_is_network(const char *path)
{
#ifdef __linux__
	/* Magic numbers of linux/magic.h and of file systems outside of it. */
	static const uint32_t magic[] = {
		0x6969,		/* NFS */
		0x517b,		/* SMB */
		0xff534d42,	/* CIFS */
		0xfe534d42,	/* SMB 2 and 3 */
		0x01021997,	/* 9P */
		0x00c36400,	/* Ceph */
		0x5346414f,	/* AFS */
		0x73757245,	/* Coda */
		0x0bd00bd0,	/* Lustre */
		0x47504653,	/* GPFS */
	};
	struct statfs st;

	if (statfs(path, &st))
		return 0;
	for (size_t i = 0; i < DV_ARRAY_SIZE(magic); i++)
		if ((uint32_t)st.f_type == magic[i])
			return 1;
#endif
	(void)path;
	return 0;
}
