#include "filter/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "repo/gitindex.h"
#include "store/extract.h"

#define NAMED_MAX 10	/* files named in warnings before a count ends them */
#define BESIDE ".git-dv-tmp-"	/* begins names of temporary neighbours */

void dv_place_list_release(struct dv_place_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].path);
	free(l->v);
	memset(l, 0, sizeof(*l));
}

int dv_place_list_add(struct dv_place_list *l, const char *path,
		      const struct dv_oid *oid, struct dv_err *err)
{
	struct dv_place_item *v = dv_grow(l->v, &l->cap, l->n + 1, sizeof(*v));

	if (!v)
		return dv_err_nomem(err);
	l->v = v;
	v[l->n].path = strdup(path);
	v[l->n].oid = *oid;
	if (!v[l->n].path)
		return dv_err_nomem(err);
	l->n++;
	return 0;
}

int dv_open_parent(int top_fd, const char *path, const char **name)
{
	int fd = dup(top_fd);
	const char *s;

	while (fd >= 0 && (s = strchr(path, '/'))) {
		char part[NAME_MAX + 1];
		size_t n = (size_t)(s - path);
		int next;

		if (!n || n > NAME_MAX || (n == 1 && path[0] == '.') ||
		    (n == 2 && path[0] == '.' && path[1] == '.')) {
			close(fd);
			errno = EINVAL;
			return -1;
		}
		memcpy(part, path, n);
		part[n] = '\0';
		next = openat(fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
						O_CLOEXEC);
		close(fd);
		fd = next;
		path = s + 1;
	}
	*name = path;
	return fd;
}

static int holds_pointer(int fd, const struct dv_oid *oid)
{
	char buf[DV_POINTER_MAX + 8];
	ssize_t n = dv_pread_full(fd, buf, sizeof(buf), 0);
	struct dv_oid found;

	return n > 0 && dv_pointer_parse(buf, (size_t)n, &found) == DV_PTR_OK &&
	       dv_oid_eq(&found, oid);
}

int dv_is_pointer_file(int dir_fd, const char *name, const struct dv_oid *oid,
		       struct stat *st)
{
	char text[DV_POINTER_MAX];
	off_t more;
	int fd, yes;

	if (fstatat(dir_fd, name, st, AT_SYMLINK_NOFOLLOW))
		return dv_errno_gone(errno) ? 0 : -1;
	/* As it is written, or with a CR in some of its three lines. */
	more = st->st_size - (off_t)dv_pointer_format(oid, text);
	if (!S_ISREG(st->st_mode) || more < 0 || more > 3)
		return 0;
	fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return dv_errno_gone(errno) ? 0 : -1;
	yes = !fstat(fd, st) && holds_pointer(fd, oid);
	close(fd);
	return yes;
}

struct target {
	const struct dv_place_item *item;
	char *tmp;		/* path of the temporary file, or NULL */
	int ready;		/* it holds the verified content */
	int known;		/* the index names it by this pointer */
};

struct place {
	struct dv_repo *repo;
	struct dv_store *store;
	struct target *v;
	size_t n, named;
	int quiet;
	int top_fd;
	int beside;		/* the store's tmp/ is on another file system */
	char name[33];
	struct timespec mtime;	/* of placed files: before the index's */
	struct dv_place_result *result;
};

static void warn_file(struct place *p, const char *path, const char *why)
{
	if (!p->quiet && p->named++ < NAMED_MAX)
		dv_log_warn("'%s' is left as a pointer: %s", path, why);
}

/* errno says why nobody may replace the file. */
static void refused(struct place *p, const char *path)
{
	warn_file(p, path, strerror(errno));
	p->result->left++;
	p->result->refused++;
}

/*
 * The temporary file must be on the worktree's file system. The store's tmp/
 * usually is; else a hidden neighbour of the target, which info/exclude keeps
 * out of `git status` for the moment that it exists.
 */
static int open_tmp(struct place *p, struct target *t, size_t i,
		    const struct stat *pointer)
{
	struct stat st;
	int fd;

	if (p->beside) {
		const char *slash = strrchr(t->item->path, '/');
		int dirlen = slash ? (int)(slash - t->item->path + 1) : 0;

		t->tmp = dv_fmt("%s/%.*s" BESIDE "%.16s-%zu", p->repo->top,
				dirlen, t->item->path, p->name, i);
	} else {
		t->tmp = dv_fmt("%s/tmp/%.16s-%zu", p->store->path, p->name, i);
	}
	if (!t->tmp)
		return -1;
	fd = open(t->tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		  0600);
	/* The folder of stores may hand down a group of its own. */
	if (fd >= 0 && !fstat(fd, &st) && st.st_gid != pointer->st_gid &&
	    fchown(fd, (uid_t)-1, pointer->st_gid))
		dv_log_debug("'%s' keeps its group", t->item->path);
	if (fd >= 0 && fchmod(fd, pointer->st_mode & 0777)) {
		close(fd);
		unlink(t->tmp);
		fd = -1;
	}
	if (fd < 0) {
		free(t->tmp);
		t->tmp = NULL;
	}
	return fd;
}

/* What placements that were killed left beside these files. */
static void drop_beside(struct dv_repo *r, const struct dv_place_list *list)
{
	char *last = NULL;

	for (size_t i = 0; i < list->n; i++) {
		char *path = dv_fmt("%s/%s", r->top, list->v[i].path);
		char *dir = path ? dv_path_dir(path) : NULL;

		free(path);
		if (dir && (!last || strcmp(dir, last))) {
			dv_dir_drop_stale(dir, BESIDE);
			free(last);
			last = dir;
		} else {
			free(dir);
		}
	}
	free(last);
}

static void exclude_tmp(struct dv_repo *r)
{
	static const char line[] = BESIDE "*";
	char *path = dv_fmt("%s/info/exclude", r->common_dir);
	char *dir = dv_fmt("%s/info", r->common_dir);
	struct dv_buf b = { 0 };

	if (path && dir && !dv_dir_make(dir, NULL)) {
		if (dv_file_read(path, &b, 1u << 20, NULL))
			b.n = 0;
		if (!strstr(dv_buf_str(&b), line) &&
		    !dv_buf_addf(&b, NULL, "%s%s\n",
				 b.n && b.p[b.n - 1] != '\n' ? "\n" : "",
				 line) &&
		    dv_file_write(path, b.p, b.n, 0666, 0, NULL))
			dv_log_debug("'%s' cannot be written", path);
	}
	dv_buf_release(&b);
	free(path);
	free(dir);
}

static void extracted(void *arg, void *cookie, int fd,
		      const struct dv_err *err)
{
	struct place *p = arg;
	struct target *t = cookie;
	struct timespec times[2] = { p->mtime, p->mtime };
	struct stat st;

	if (err->status) {
		if (err->status != DV_ECANCEL)
			warn_file(p, t->item->path, err->msg);
		p->result->left++;
	} else if (fstat(fd, &st) ||
		   (uint64_t)st.st_size != t->item->oid.size) {
		warn_file(p, t->item->path, "its content was not written whole");
		p->result->left++;
	} else {
		futimens(fd, times);
		t->ready = 1;
	}
	if (close(fd) && t->ready) {
		warn_file(p, t->item->path, strerror(errno));
		p->result->left++;
		t->ready = 0;
	}
	if (!t->ready) {
		unlink(t->tmp);
		free(t->tmp);
		t->tmp = NULL;
	}
}

static int extract_all(struct place *p, struct dv_pool *pool,
		       const struct dv_place_list *list, struct dv_err *err)
{
	struct dv_progress progress;
	struct dv_extract *ex;
	uint64_t total = 0;
	int rc;

	for (size_t i = 0; i < list->n; i++)
		total += list->v[i].oid.size;
	dv_progress_start(&progress, "Placing content", total);
	rc = dv_extract_open(&ex, p->store, pool, extracted, p, &progress,
			     err);
	for (size_t i = 0; !rc && i < list->n; i++) {
		struct target *t = &p->v[i];
		const char *name;
		struct stat st;
		int dir, fd, is;

		t->item = &list->v[i];
		dir = dv_open_parent(p->top_fd, t->item->path, &name);
		if (dir >= 0)
			is = dv_is_pointer_file(dir, name, &t->item->oid, &st);
		else
			is = dv_errno_gone(errno) ? 0 : -1;
		if (is < 0)
			refused(p, t->item->path);
		else if (!is)
			p->result->edited++;
		if (dir >= 0)
			close(dir);
		if (is <= 0)
			continue;
		fd = open_tmp(p, t, i, &st);
		if (fd < 0) {
			refused(p, t->item->path);
			continue;
		}
		rc = dv_extract_add(ex, &t->item->oid, fd, t, err);
		if (!rc)
			rc = dv_cancel_check(err);
	}
	dv_extract_close(ex);
	dv_progress_stop(&progress);
	return rc;
}

/*
 * t->tmp holds an edit that came in between, and it could not be exchanged
 * back: to its name if that is free by now, else beside it. Never removed.
 */
static void rescue(struct place *p, struct target *t, int dir,
		   const char *name)
{
	char *other = dv_fmt("%s.edited-%.8s", name, p->name);

	if (!renameat2(AT_FDCWD, t->tmp, dir, name, RENAME_NOREPLACE))
		dv_log_debug("'%s' was edited meanwhile", t->item->path);
	else if (other && !renameat2(AT_FDCWD, t->tmp, dir, other,
				     RENAME_NOREPLACE))
		dv_log_error("'%s' was edited meanwhile; the edit is beside it, in '%s'",
			     t->item->path, other);
	else
		dv_log_error("'%s' was edited meanwhile; the edit is in '%s': move it away, that folder is emptied after a day",
			     t->item->path, t->tmp);
	free(other);
	free(t->tmp);
	t->tmp = NULL;
}

/*
 * Put the content where the pointer is. 1 placed, with *was and *now; 0 the
 * file is no longer that pointer; -1 with errno: it is, and cannot be replaced.
 */
static int swap_in(struct place *p, struct target *t, struct stat *was,
		   struct stat *now)
{
	const char *name;
	int dir = dv_open_parent(p->top_fd, t->item->path, &name), rc, why;
	struct stat st;

	if (dir < 0)
		return dv_errno_gone(errno) ? 0 : -1;
	rc = dv_is_pointer_file(dir, name, &t->item->oid, was);
	if (rc <= 0)
		goto out;
	rc = -1;
	/* Its mode may have been changed since the temporary file was made. */
	if (chmod(t->tmp, was->st_mode & 0777))
		goto out;
	if (!renameat2(AT_FDCWD, t->tmp, dir, name, RENAME_EXCHANGE)) {
		/* What came out must be the pointer; else an edit came in. */
		if (dv_is_pointer_file(AT_FDCWD, t->tmp, &t->item->oid,
				       &st) != 1) {
			if (renameat2(AT_FDCWD, t->tmp, dir, name,
				      RENAME_EXCHANGE))
				rescue(p, t, dir, name);
			rc = 0;
			goto out;
		}
		unlink(t->tmp);
	} else if (errno != EINVAL && errno != ENOSYS) {
		rc = dv_errno_gone(errno) ? 0 : -1;
		goto out;
	} else if (renameat(AT_FDCWD, t->tmp, dir, name)) {
		rc = dv_errno_gone(errno) ? 0 : -1;
		goto out;
	}
	free(t->tmp);
	t->tmp = NULL;
	rc = !fstatat(dir, name, now, AT_SYMLINK_NOFOLLOW);
out:
	why = errno;
	close(dir);
	errno = why;
	return rc;
}

/*
 * The index names other content for this file, and may hold the very time that
 * files are dated back to: with equal size, and an inode that is used again,
 * Git would not see the change.
 */
static void date_now(struct place *p, const struct target *t, struct stat *now)
{
	const char *name;
	int dir = dv_open_parent(p->top_fd, t->item->path, &name);

	if (dir < 0)
		return;
	if (utimensat(dir, name, NULL, AT_SYMLINK_NOFOLLOW) ||
	    fstatat(dir, name, now, AT_SYMLINK_NOFOLLOW))
		dv_log_debug("'%s' keeps its date", t->item->path);
	close(dir);
}

static void remember(struct dv_cache *cache, const struct dv_place_item *item,
		     const struct stat *st)
{
	struct dv_stat_entry e;

	dv_stat_entry_fill(&e, st);
	e.oid = item->oid;
	dv_cache_stat_put(cache, item->path, &e);
}

/*
 * The entries of a split index are not all in the file that we read: git says
 * which of the files it names by this pointer. (A path with a newline cannot
 * be told apart in the answer, and is looked at by the next `git add`.)
 */
static int ask_split(struct place *p, size_t hash_size, struct dv_err *err)
{
	static const char *const args[] = { "cat-file", "-z",
		"--batch-check=%(objectname)", NULL };
	struct dv_buf in = { 0 }, out = { 0 };
	const char *line;
	int rc = 0;

	for (size_t i = 0; !rc && i < p->n; i++)
		if (p->v[i].ready && !strchr(p->v[i].item->path, '\n'))
			rc = dv_buf_addf(&in, err, ":0:%s%c",
					 p->v[i].item->path, 0);
	if (!rc && in.n)
		rc = dv_git_input(args, in.p, in.n, (size_t)1 << 30, &out,
				  err);
	line = dv_buf_str(&out);
	for (size_t i = 0; !rc && i < p->n; i++) {
		const struct dv_oid *oid = &p->v[i].item->oid;
		size_t n = strcspn(line, "\n");
		char hex[DV_ID_HEX + 1];
		uint8_t blob[32];

		if (!p->v[i].ready || strchr(p->v[i].item->path, '\n'))
			continue;
		if (!dv_repo_pointer_blob(p->repo, oid, blob)) {
			dv_hex_encode(hex, blob, hash_size);
			p->v[i].known = n == 2 * hash_size &&
					!memcmp(line, hex, n);
		}
		line += n + (line[n] == '\n');
	}
	dv_buf_release(&in);
	dv_buf_release(&out);
	return rc;
}

static int update_split(struct place *p, struct dv_err *err)
{
	static const char *const args[] = { "update-index", "-z", "--stdin",
					    NULL };
	struct dv_buf in = { 0 }, out = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < p->n; i++)
		if (p->v[i].ready && p->v[i].known)
			rc = dv_buf_add(&in, p->v[i].item->path,
					strlen(p->v[i].item->path) + 1, err);
	if (!rc && in.n)
		rc = dv_git_input(args, in.p, in.n, 4096, &out, err);
	dv_buf_release(&in);
	dv_buf_release(&out);
	return rc;
}

static int swap_all(struct place *p, struct dv_cache *cache, int wait_ms,
		    struct dv_err *err)
{
	char *path = dv_repo_index_path(p->repo);
	struct dv_gitindex ix = { 0 };
	int rc, lock = -1, patched = 0;
	uint8_t blob[32];

	if (!path)
		return dv_err_nomem(err);
	rc = dv_gitindex_lock(path, wait_ms, &lock, err);
	if (rc) {
		free(path);
		return rc;
	}
	rc = dv_gitindex_read(&ix, path, p->repo->algo, err);
	if (!rc && ix.split)
		rc = ask_split(p, ix.hash_size, err);
	for (size_t i = 0; !rc && i < p->n; i++) {
		struct target *t = &p->v[i];
		struct stat was, now;
		struct dv_gitentry *e;
		int done;

		if (!t->ready)
			continue;
		e = dv_gitindex_find(&ix, t->item->path);
		/*
		 * Staged otherwise meanwhile, or unknown: the file is placed
		 * all the same, and Git sees it as what it is.
		 */
		if (e && (dv_repo_pointer_blob(p->repo, &t->item->oid, blob) ||
			  memcmp(e->oid, blob, ix.hash_size)))
			e = NULL;
		if (!ix.split)
			t->known = e != NULL;
		done = swap_in(p, t, &was, &now);
		if (done <= 0) {
			if (done < 0)
				refused(p, t->item->path);
			else
				p->result->edited++;
			t->known = 0;
			continue;
		}
		p->result->placed++;
		if (!t->known)
			date_now(p, t, &now);
		remember(cache, t->item, &now);
		/*
		 * The file was that pointer, whatever its dates were, and the
		 * entry names it: it stands for the file that is there now.
		 */
		if (t->known && !ix.split) {
			dv_gitentry_set_stat(&ix, e, &now);
			patched = 1;
		}
	}
	if (!rc && patched)
		rc = dv_gitindex_commit(&ix, path, lock, p->repo->algo, err);
	else
		dv_gitindex_unlock(path, lock);
	if (!rc && ix.split)
		rc = update_split(p, err);
	dv_gitindex_release(&ix);
	free(path);
	return rc;
}

/* A second before the index's time, so that Git takes no entry for racy. */
static void choose_mtime(struct place *p)
{
	char *path = dv_repo_index_path(p->repo);
	struct stat st;

	clock_gettime(CLOCK_REALTIME, &p->mtime);
	if (path && !stat(path, &st) && st.st_mtim.tv_sec < p->mtime.tv_sec)
		p->mtime = st.st_mtim;
	p->mtime.tv_sec -= 2;
	free(path);
}

int dv_place(struct dv_repo *r, struct dv_store *s, struct dv_pool *pool,
	     struct dv_cache *cache, const struct dv_place_list *list,
	     int wait_ms, struct dv_place_result *result, struct dv_err *err)
{
	struct place p = { .repo = r, .store = s, .n = list->n,
			   .quiet = list->quiet, .result = result };
	char *tmp = dv_fmt("%s/tmp", s->path);
	struct stat a, b;
	int rc;

	memset(result, 0, sizeof(*result));
	p.v = calloc(list->n + 1, sizeof(*p.v));
	p.top_fd = open(r->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!tmp || !p.v)
		rc = dv_err_nomem(err);
	else if (p.top_fd < 0)
		rc = dv_err_errno(err, "cannot open '%s'", r->top);
	else
		rc = dv_random_name(p.name, err);
	if (rc)
		goto out;
	dv_dir_drop_stale(tmp, "");
	p.beside = s->read_only || fstat(p.top_fd, &a) || stat(tmp, &b) ||
		   a.st_dev != b.st_dev;
	if (p.beside) {
		exclude_tmp(r);
		drop_beside(r, list);
	}
	choose_mtime(&p);
	rc = extract_all(&p, pool, list, err);
	if (!rc) {
		size_t ready = 0;

		for (size_t i = 0; i < p.n; i++)
			ready += p.v[i].ready;
		if (ready)
			rc = swap_all(&p, cache, wait_ms, err);
	}
	if (p.named > NAMED_MAX)
		dv_log_warn("and %zu more files are left as pointers",
			    p.named - NAMED_MAX);
out:
	for (size_t i = 0; p.v && i < p.n; i++) {
		if (p.v[i].tmp) {
			unlink(p.v[i].tmp);
			free(p.v[i].tmp);
		}
	}
	if (p.top_fd >= 0)
		close(p.top_fd);
	free(p.v);
	free(tmp);
	return rc;
}

/* One file: only where index and file agree, so that no edit is hidden. */
static int backdate_one(struct place *p, struct dv_gitindex *ix,
			const struct dv_place_item *item,
			struct dv_cache *cache)
{
	struct dv_gitentry *e = dv_gitindex_find(ix, item->path);
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, p->mtime };
	struct stat was, now;
	const char *name;
	uint8_t blob[32];
	int dir, done = 0;

	if (!e || dv_repo_pointer_blob(p->repo, &item->oid, blob) ||
	    memcmp(e->oid, blob, ix->hash_size))
		return 0;
	dir = dv_open_parent(p->top_fd, item->path, &name);
	if (dir < 0)
		return 0;
	if (!fstatat(dir, name, &was, AT_SYMLINK_NOFOLLOW) &&
	    S_ISREG(was.st_mode) && dv_gitentry_fits(ix, e, &was) &&
	    (uint64_t)was.st_size == item->oid.size &&
	    was.st_mtim.tv_sec >= p->mtime.tv_sec &&
	    !utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) &&
	    !fstatat(dir, name, &now, AT_SYMLINK_NOFOLLOW) &&
	    now.st_ino == was.st_ino && now.st_size == was.st_size) {
		dv_gitentry_set_stat(ix, e, &now);
		remember(cache, item, &now);
		done = 1;
	}
	close(dir);
	return done;
}

int dv_place_backdate(struct dv_repo *r, struct dv_cache *cache,
		      const struct dv_place_list *list, int wait_ms,
		      struct dv_err *err)
{
	struct place p = { .repo = r };
	char *path = dv_repo_index_path(r);
	struct dv_gitindex ix = { 0 };
	int rc, lock, changed = 0;

	p.top_fd = open(r->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!path || p.top_fd < 0) {
		rc = path ? dv_err_errno(err, "cannot open '%s'", r->top) :
			    dv_err_nomem(err);
		goto out;
	}
	choose_mtime(&p);
	rc = dv_gitindex_lock(path, wait_ms, &lock, err);
	if (rc)
		goto out;
	rc = dv_gitindex_read(&ix, path, r->algo, err);
	for (size_t i = 0; !rc && !ix.split && i < list->n; i++)
		changed += backdate_one(&p, &ix, &list->v[i], cache);
	if (!rc && changed)
		rc = dv_gitindex_commit(&ix, path, lock, r->algo, err);
	else
		dv_gitindex_unlock(path, lock);
	dv_gitindex_release(&ix);
out:
	if (p.top_fd >= 0)
		close(p.top_fd);
	free(path);
	return rc;
}
