/*
 * Looking at folders. The order is: watch, then read. What is made in between
 * is seen twice, and never missed.
 */
#include "config.h"

#include "watch/monitor-priv.h"

#ifdef HAVE_SYS_INOTIFY_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"

#define MASK (IN_CREATE | IN_DELETE | IN_MODIFY | IN_ATTRIB | \
	      IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | \
	      IN_DELETE_SELF | IN_MOVE_SELF | IN_EXCL_UNLINK | IN_ONLYDIR)
#define RETRY_MS 10000
#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct stack {
	struct dv_node **v;
	size_t n, cap;
};

const char *dv_scan_remote(int fd)
{
	static const struct {
		uint32_t magic;
		const char *name;
	} kinds[] = {
		{ 0x6969, "nfs" }, { 0x517b, "smb" }, { 0xff534d42, "cifs" },
		{ 0xfe534d42, "smb2" }, { 0x65735546, "fuse" },
		{ 0x01021997, "9p" }, { 0x00c36400, "ceph" },
		{ 0x5346414f, "afs" }, { 0x6b414653, "afs" },
		{ 0x73757245, "coda" }, { 0x01161970, "gfs2" },
		{ 0x7461636f, "ocfs2" }, { 0x0bd00bd0, "lustre" },
		{ 0x47504653, "gpfs" }, { 0x786f4256, "vboxsf" },
	};
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return "unknown";
	for (size_t i = 0; i < DV_ARRAY_SIZE(kinds); i++)
		if ((uint32_t)fs.f_type == kinds[i].magic)
			return kinds[i].name;
	return NULL;
}

void dv_scan_print(const struct stat *st, struct dv_print *out)
{
	memset(out, 0, sizeof(*out));
	if (!S_ISREG(st->st_mode))
		return;
	out->exists = 1;
	out->linked = st->st_nlink > 1;
	out->size = (uint64_t)st->st_size;
	out->ino = (uint64_t)st->st_ino;
	out->mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 +
			st->st_mtim.tv_nsec;
	out->ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 +
			st->st_ctim.tv_nsec;
}

int dv_scan_parent(const struct dv_monitor *m, const char *path,
		   const char **name)
{
	int fd = fcntl(m->top_fd, F_DUPFD_CLOEXEC, 0);
	const char *s;

	while (fd >= 0 && (s = strchr(path, '/'))) {
		char part[NAME_MAX + 1];
		size_t n = (size_t)(s - path);
		int next;

		if (n > NAME_MAX) {
			close(fd);
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(part, path, n);
		part[n] = '\0';
		next = openat(fd, part, OPEN_DIR);
		n = (size_t)errno;
		close(fd);
		errno = (int)n;
		fd = next;
		path = s + 1;
	}
	*name = path;
	return fd;
}

static int open_node(struct dv_monitor *m, const struct dv_node *dir,
		     struct dv_err *err)
{
	const char *name;
	int fd, up;

	m->path.n = 0;
	/* Anew: what is duplicated has the place of the last reader. */
	if (!dir->parent)
		return openat(m->top_fd, ".", OPEN_DIR);
	if (dv_tree_path(dir, &m->path, err)) {
		errno = ENOMEM;
		return -1;
	}
	up = dv_scan_parent(m, dv_buf_str(&m->path), &name);
	if (up < 0)
		return -1;
	fd = openat(up, name, OPEN_DIR);
	if (fd < 0) {
		int e = errno;

		close(up);
		errno = e;
		return -1;
	}
	close(up);
	return fd;
}

/* Can names be looked up in it, and listed? */
static int is_open(struct dv_monitor *m, const struct dv_node *dir)
{
	int fd = open_node(m, dir, NULL), is;
	struct stat st;

	is = fd >= 0 && !fstatat(fd, ".", &st, 0);
	if (fd >= 0)
		close(fd);
	return is;
}

void dv_scan_unseen(struct dv_monitor *m, const char *path,
		    struct dv_print *out)
{
	struct dv_node *n = dv_tree_find(&m->tree, path);
	char *up = dv_path_dir(path);

	if (n && !n->dir)
		*out = n->print;
	n = n ? n->parent :
	    !up || !strcmp(up, ".") ? m->tree.root :
				      dv_tree_find(&m->tree, up);
	/* When one of them can be looked at again, an event says so. */
	for (; n && !is_open(m, n); n = n->parent)
		dv_tree_set_blind(&m->tree, n, 1);
	free(up);
}

static unsigned long long limit(const char *name)
{
	char *path = dv_fmt("/proc/sys/fs/inotify/%s", name);
	FILE *f = path ? fopen(path, "re") : NULL;
	unsigned long long v = 0;

	if (f && fscanf(f, "%llu", &v) != 1)
		v = 0;
	if (f)
		fclose(f);
	free(path);
	return v;
}

static int too_few(const struct dv_monitor *m, struct dv_err *err)
{
	unsigned long long now = limit("max_user_watches");

	return dv_err_set(err, DV_EIO,
			  "the system gives this user no more inotify watches: %zu folders have one, the next does not (the limit is %llu); raise it with 'sysctl fs.inotify.max_user_watches=%llu' (in a container also user.max_inotify_watches)",
			  m->tree.watches, now,
			  DV_MAX(now, 4096ull) * 4);
}

/* No watch for this folder: Git is told to look there itself. */
static int go_blind(struct dv_monitor *m, struct dv_node *dir, int e,
		    struct dv_err *err)
{
	struct dv_err why = { 0 };

	if (e == ENOMEM)
		return dv_err_nomem(err);
	dv_tree_set_blind(&m->tree, dir, 1);
	if (e != ENOSPC) {
		dv_log_debug("a folder cannot be watched: '%s': %s",
			     dv_buf_str(&m->path), strerror(e));
		return 0;
	}
	if (m->starting)
		return too_few(m, err);
	if (!m->told_few) {
		too_few(m, &why);
		dv_log_error("%s; until then changes in some folders are found only by looking",
			     why.msg);
	}
	m->told_few = m->few_watches = 1;
	m->retry = dv_now_ms() + RETRY_MS;
	return 0;
}

/* The watch is on what is open, whatever stands at its path by now. */
static int add_watch(struct dv_monitor *m, struct dv_node *dir, int fd,
		     struct dv_err *err)
{
	struct dv_node *other;
	char proc[64], *path;
	int wd;

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d/.", fd);
	wd = inotify_add_watch(m->fd, proc, MASK);
	if (wd < 0 && errno == ENOENT) {
		path = dv_fmt("%s/%s", m->top, dv_buf_str(&m->path));
		wd = path ? inotify_add_watch(m->fd, path,
					      MASK | IN_DONT_FOLLOW) : -1;
		free(path);
	}
	if (wd < 0) {
		dv_tree_set_wd(&m->tree, dir, -1);
		return go_blind(m, dir, errno, err);
	}
	other = dv_tree_by_wd(&m->tree, wd);
	if (other && other != dir) {
		if (other->seen == m->gen &&
		    dv_tree_top(other) == m->tree.root) {
			/* One folder in two places, by a mount. */
			dv_tree_set_blind(&m->tree, other, 1);
			dv_tree_set_blind(&m->tree, dir, 1);
			return 0;
		}
		/* It moved, and its events are still to come. */
		m->lost = 1;
	}
	if (dir->wd >= 0 && dir->wd != wd)
		inotify_rm_watch(m->fd, dir->wd);
	dv_tree_set_wd(&m->tree, dir, wd);
	dv_tree_set_blind(&m->tree, dir, 0);
	return 0;
}

static int note(struct dv_monitor *m, enum dv_note what, struct dv_node *n,
		struct dv_err *err)
{
	int rc;

	m->path.n = 0;
	rc = dv_tree_path(n, &m->path, err);
	if (!rc)
		rc = dv_coalesce_note(m->coalesce, what, dv_buf_str(&m->path),
				      &n->print, dv_now_ms(), err);
	return rc;
}

int dv_scan_drop(struct dv_monitor *m, struct dv_node *top, int noted,
		 struct dv_err *err)
{
	struct dv_node *n = top;
	int rc = 0;

	for (;;) {
		struct dv_node *up = n->parent;
		int last = n == top;

		if (n->child) {
			n = n->child;
			continue;
		}
		if (noted && !n->dir && !rc)
			rc = note(m, DV_NOTE_GONE, n, err);
		if (n->wd >= 0)
			inotify_rm_watch(m->fd, n->wd);
		dv_tree_remove(&m->tree, n);
		if (last)
			return rc;
		n = up;
	}
}

/* One name of a folder. */
static int meet(struct dv_monitor *m, struct dv_node *dir, int fd,
		const struct dirent *d, enum dv_scan how, struct stack *todo,
		struct dv_err *err)
{
	struct dv_node *n = dv_tree_child(&m->tree, dir, d->d_name);
	struct dv_print now;
	struct stat st;
	int is_dir = d->d_type == DT_DIR, rc = 0;

	if (how != DV_SCAN_NEW || d->d_type == DT_UNKNOWN) {
		if (fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW)) {
			if (n && !dv_errno_gone(errno)) {
				n->seen = m->gen;
				dv_tree_set_blind(&m->tree, dir, 1);
			}
			return 0;	/* gone: an event tells */
		}
		is_dir = S_ISDIR(st.st_mode);
	}
	if (n && n->dir != is_dir) {
		rc = dv_scan_drop(m, n, how != DV_SCAN_FIRST, err);
		n = NULL;
	}
	if (rc)
		return rc;
	if (!n) {
		n = dv_tree_add(&m->tree, dir, d->d_name, is_dir);
		if (!n)
			return dv_err_nomem(err);
	}
	n->seen = m->gen;
	if (is_dir) {
		struct dv_node **v = dv_grow(todo->v, &todo->cap, todo->n + 1,
					     sizeof(struct dv_node *));

		if (!v)
			return dv_err_nomem(err);
		todo->v = v;
		todo->v[todo->n++] = n;
		return 0;
	}
	if (how == DV_SCAN_NEW)
		return note(m, DV_NOTE_FOUND, n, err);
	dv_scan_print(&st, &now);
	if (how == DV_SCAN_FIRST)
		dv_tree_set_print(&m->tree, n, &now);
	else if (!dv_print_same(&now, &n->print))
		rc = note(m, DV_NOTE_FOUND, n, err);
	return rc;
}

static int drop_unseen(struct dv_monitor *m, struct dv_node *dir,
		       struct dv_err *err)
{
	struct dv_node *next;
	int rc = 0;

	for (struct dv_node *n = dir->child; n && !rc; n = next) {
		next = n->next;
		if (n->seen != m->gen)
			rc = dv_scan_drop(m, n, 1, err);
	}
	return rc;
}

static int scan_one(struct dv_monitor *m, struct dv_node *dir,
		    enum dv_scan how, struct stack *todo, struct dv_err *err)
{
	int fd = open_node(m, dir, err), rc, nested = 0;
	struct dirent *d;
	struct stat st;
	DIR *list;

	if (fd < 0) {
		if (dv_errno_gone(errno))
			return 0;	/* events tell where it went */
		if (errno == EMFILE || errno == ENFILE)
			return dv_err_errno(err, "cannot look at '%s'",
					    dv_buf_str(&m->path));
		return go_blind(m, dir, errno, err);
	}
	rc = add_watch(m, dir, fd, err);
	if (!rc && !fstat(fd, &st) && st.st_dev != m->top_st.st_dev &&
	    dv_scan_remote(fd))
		dv_tree_set_blind(&m->tree, dir, 1);
	list = rc ? NULL : fdopendir(fd);
	if (!list) {
		close(fd);
		return rc ? rc : go_blind(m, dir, errno, err);
	}
	while (!rc && (errno = 0, d = readdir(list))) {
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		if (!strcmp(d->d_name, ".git"))
			nested = dir != m->tree.root;
		else
			rc = meet(m, dir, fd, d, how, todo, err);
	}
	/* A folder that could not be read to its end has lost nothing. */
	if (!rc && !errno)
		rc = drop_unseen(m, dir, err);
	closedir(list);
	dir->nested = nested != 0;
	return rc;
}

/*
 * Git does not know the folders that it finds below one that was not there, or
 * knows them as they were when a folder had this path before. That the top was
 * scanned voids all tokens instead.
 */
static int journal_folders(struct dv_monitor *m, struct dv_node *top,
			   struct dv_err *err)
{
	int rc = 0;

	if (!m->journal || !top->parent)
		return 0;
	for (struct dv_node *n = top; n && !rc; n = dv_tree_walk(top, n)) {
		if (!n->dir)
			continue;
		m->path.n = 0;
		rc = dv_tree_path(n, &m->path, err);
		if (!rc)
			dv_journal_note(m->journal, dv_buf_str(&m->path), 1);
	}
	return rc;
}

int dv_scan(struct dv_monitor *m, struct dv_node *dir, enum dv_scan how,
	    struct dv_err *err)
{
	struct stack todo = { 0 };
	int rc;

	m->gen++;
	dir->seen = m->gen;
	rc = scan_one(m, dir, how, &todo, err);
	while (!rc && todo.n)
		rc = scan_one(m, todo.v[--todo.n], how, &todo, err);
	free(todo.v);
	return rc ? rc : journal_folders(m, dir, err);
}

#endif
