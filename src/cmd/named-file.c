#include "cmd/named-file.h"
#include "repo/attrs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/proc.h"
#include "codec/sha256.h"
#include "codec/sums.h"
#include "store/extract.h"
#include "store/ingest.h"
#include "store/maintain.h"

#define BLOCK 65536u

/* ---- into the store ---- */

struct summed {
	int fd;
	struct dv_sums *sums;
};

static int read_summed(void *arg, uint8_t *p, size_t cap, size_t *n,
		       struct dv_err *err)
{
	struct summed *s = arg;
	ssize_t r;

	do
		r = read(s->fd, p, cap);
	while (r < 0 && errno == EINTR && !dv_cancelled());
	if (r < 0)
		return dv_err_errno(err, "cannot read");
	*n = (size_t)r;
	dv_sums_add(s->sums, p, *n);
	return dv_cancel_check(err);
}

static int open_in_top(const char *path, struct stat *st, struct dv_err *err)
{
	int top = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *name;
	int dir = top < 0 ? -1 : dv_open_parent(top, path, &name), fd = -1;

	if (dir >= 0)
		fd = openat(dir, name,
			    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		dv_err_set(err, DV_EINVAL,
			   "'%s' is a symbolic link, or behind one; name the file itself",
			   path);
	else if (fd < 0)
		dv_err_errno(err, "cannot open '%s'", path);
	if (top >= 0)
		close(top);
	if (dir >= 0)
		close(dir);
	if (fd >= 0 && (fstat(fd, st) || !S_ISREG(st->st_mode))) {
		dv_err_set(err, DV_EINVAL, "'%s' is not a regular file", path);
		close(fd);
		fd = -1;
	}
	return fd;
}

int dv_named_store(struct dv_session *s, const char *path,
		   struct dv_stored *out, struct dv_err *err)
{
	enum dv_clean_kind kind = DV_CLEAN_POINTER;
	struct dv_source src = { .read = read_summed };
	struct dv_buf as_is = { 0 };
	struct summed sum = { .fd = -1 };
	struct dv_err first = { 0 };
	struct stat after;
	int rc;

	memset(out, 0, sizeof(*out));
	if (dv_attrs_never(path))
		return dv_err_set(err, DV_EINVAL,
				  "'%s' is for Git and git-dv themselves; such files are never versioned",
				  path);
	sum.fd = open_in_top(path, &out->st, &first);
	if (sum.fd < 0) {
		if (err)
			*err = first;
		return first.status;
	}
	posix_fadvise(sum.fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	rc = dv_sums_open(&sum.sums, err);
	if (rc)
		goto out;
	dv_sums_begin(sum.sums);
	src.arg = &sum;
	rc = dv_clean(s, path, &src, &kind, &out->oid, &as_is, err);
	if (rc) {
		dv_err_prefix(err, "'%s'", path);
		goto out;
	}
	dv_sums_end(sum.sums, out->sha256, out->md5);
	if (kind == DV_CLEAN_EMPTY)
		rc = dv_err_set(err, DV_EINVAL,
				"'%s' is empty, so there is nothing to record",
				path);
	else if (kind != DV_CLEAN_POINTER ||
		 out->oid.size != (uint64_t)out->st.st_size ||
		 (out->oid.scheme == DV_SCHEME_SHA256 &&
		  strcmp(out->sha256, dv_id_hex(&out->oid.id).s) != 0))
		rc = dv_err_set(err, DV_EINVAL,
				"'%s' is a pointer, not its content; 'git dv pull -- %s' first",
				path, path);
	else if (fstat(sum.fd, &after) ||
		 after.st_size != out->st.st_size ||
		 after.st_mtim.tv_sec != out->st.st_mtim.tv_sec ||
		 after.st_mtim.tv_nsec != out->st.st_mtim.tv_nsec)
		rc = dv_err_set(err, DV_ECONFLICT,
				"'%s' was changed while it was read; try again",
				path);
out:
	dv_buf_release(&as_is);
	dv_sums_close(sum.sums);
	close(sum.fd);
	return rc;
}

int dv_named_hold(struct dv_session *s, struct dv_err *err)
{
	return s->store.read_only ? 0 : dv_store_lock_shared(&s->store, err);
}

int dv_named_still(struct dv_session *s, const struct dv_oid *oid,
		   struct dv_err *err)
{
	int rc = dv_content_complete(&s->store, &s->coder, oid, err);

	return rc < 0 ? rc : rc ? 0 :
	       dv_err_set(err, DV_EAGAIN,
			  "the content was removed from the store meanwhile; try again");
}

void dv_named_drop(struct dv_session *s)
{
	if (!s->store.read_only)
		dv_store_unlock(&s->store);
}

/* ---- places ---- */

void dv_target_close(struct dv_target *t)
{
	if (t->dir >= 0)
		close(t->dir);
	free(t->name);
	free(t->shown);
	*t = (struct dv_target){ .dir = -1 };
}

int dv_target_top(struct dv_target *t, const struct dv_repo *r,
		  const char *path, struct dv_err *err)
{
	char *copy = NULL, *save = NULL, *part, *next;
	int rc = dv_top_path_check(path, err);

	*t = (struct dv_target){ .dir = -1 };
	if (rc)
		return rc;
	copy = strdup(path);
	t->shown = strdup(path);
	if (!copy || !t->shown) {
		free(copy);
		dv_target_close(t);
		return dv_err_nomem(err);
	}
	t->dir = open(r->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->dir < 0)
		rc = dv_err_errno(err, "cannot open '%s'", r->top);
	part = strtok_r(copy, "/", &save);
	for (; !rc && (next = strtok_r(NULL, "/", &save)); part = next) {
		int dir;

		if (mkdirat(t->dir, part, 0777) && errno != EEXIST) {
			rc = dv_err_errno(err, "cannot make the folder of '%s'",
					  path);
			break;
		}
		dir = openat(t->dir, part, O_RDONLY | O_DIRECTORY |
					   O_NOFOLLOW | O_CLOEXEC);
		if (dir < 0)
			rc = dv_err_set(err, DV_EINVAL,
					"'%s' is not a folder, or a symbolic link, so '%s' cannot be written; use -o",
					part, path);
		else {
			close(t->dir);
			t->dir = dir;
		}
	}
	if (!rc && !(t->name = strdup(part)))
		rc = dv_err_nomem(err);
	if (rc)
		dv_target_close(t);
	free(copy);
	return rc;
}

int dv_target_user(struct dv_target *t, const char *path, const char *base,
		   struct dv_err *err)
{
	const char *slash = strrchr(path, '/');
	int rc = 0, folder = dv_dir_exists(path);
	char *dir;

	*t = (struct dv_target){ .dir = -1 };
	if (!*path || (slash && !slash[1] && !folder))
		return dv_err_set(err, DV_ENOTFOUND, "there is no folder '%s'",
				  path);
	dir = folder ? strdup(path) : dv_path_dir(path);
	t->name = strdup(folder ? base : slash ? slash + 1 : path);
	t->shown = folder ? dv_fmt("%s%s%s", path, slash && !slash[1] ? "" : "/",
				   base) : strdup(path);
	if (!dir || !t->name || !t->shown) {
		rc = dv_err_nomem(err);
	} else {
		t->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (t->dir < 0)
			rc = dv_err_errno(err, "cannot open the folder '%s'",
					  dir);
	}
	if (rc)
		dv_target_close(t);
	free(dir);
	return rc;
}

char *dv_target_link_name(const char *name, const char *version,
			  const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *base = slash ? slash + 1 : file;
	const char *dot = strrchr(base, '.');

	return dv_fmt("%.*s%s_%s%s", slash ? (int)(slash + 1 - file) : 0, file,
		      name, version ? version : "latest",
		      dot && dot != base ? dot : "");
}

/* ---- out of the store ---- */

int dv_named_fetch(struct dv_ctx *c, const char *name,
		   const struct dv_version *v, struct dv_err *err)
{
	int rc;

	if (!v->oid.scheme)
		return dv_err_set(err, DV_ENOTFOUND,
				  "the content of '%s' version '%s' was never stored; find the file with MD5 %s and import its registry again",
				  name, v->id, v->md5 ? v->md5 : "(unknown)");
	if (dv_content_complete(&c->store, &c->coder, &v->oid, NULL) == 1)
		return 0;
	rc = dv_remotes_fetch(&c->repo, &c->store, c->pool, c->cache, NULL,
			      &v->oid, 1, err);
	if (rc)
		dv_err_prefix(err, "'%s' version '%s' is not here", name,
			      v->id);
	else
		dv_store_maintain(&c->store);
	return rc;
}

static int in_git(struct dv_ctx *c, const char *fd_path)
{
	const char *hash[] = { "hash-object", "--no-filters", "--", fd_path,
			       NULL };
	const char *has[] = { "git", "cat-file", "-e", NULL, NULL };
	struct dv_buf out = { 0 }, none = { 0 };
	int code = 1;

	(void)c;
	if (!dv_git(hash, 4096, &out, NULL) && out.n) {
		out.n--;
		has[3] = dv_buf_str(&out);
		if (dv_proc_capture(has, NULL, DV_PROC_QUIET, 4096, &none,
				    &code, NULL))
			code = 1;
	}
	dv_buf_release(&out);
	dv_buf_release(&none);
	return !code;
}

static int oid_of_fd(struct dv_ctx *c, int fd, const char *name,
		     struct dv_oid *oid, int *pointer, struct dv_err *err)
{
	struct dv_ingest *in = NULL;
	int rc = dv_ingest_open(&in, NULL, c->pool, err);

	*pointer = 0;
	if (!rc)
		rc = dv_ingest_begin(in, NULL, 0, err);
	if (!rc)
		rc = dv_ingest_fd(in, fd, name, err);
	if (!rc && dv_ingest_size(in) <= DV_FOREIGN_MAX)
		*pointer = dv_pointer_parse(dv_ingest_whole(in),
					    (size_t)dv_ingest_size(in),
					    oid) == DV_PTR_OK;
	if (!rc)
		rc = dv_ingest_finish(in, oid, err);
	dv_ingest_close(in);
	return rc;
}

/* 1: replace it; 2: it holds the version already; or negative. */
static int may_replace(struct dv_ctx *c, const struct dv_version *v,
		       struct dv_target *t, const struct stat *st, int force,
		       struct dv_err *err)
{
	int fd, rc, pointer;
	struct dv_oid oid;
	char *path;

	if (S_ISLNK(st->st_mode) && !force)
		return dv_err_set(err, DV_EEXIST,
				  "'%s' is a symbolic link; --force replaces it",
				  t->shown);
	if (S_ISLNK(st->st_mode))
		return 1;
	if (!S_ISREG(st->st_mode))
		return dv_err_set(err, DV_EEXIST,
				  "'%s' is there and is not a regular file",
				  t->shown);
	if (!st->st_size)
		return 1;
	fd = openat(t->dir, t->name,
		    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return dv_err_errno(err, "cannot open '%s'", t->shown);
	rc = oid_of_fd(c, fd, t->shown, &oid, &pointer, err);
	if (!rc && dv_oid_eq(&oid, &v->oid))
		rc = 2;
	else if (!rc && (force || pointer ||
			 dv_content_complete(&c->store, &c->coder, &oid,
					     NULL) == 1))
		rc = 1;
	if (!rc) {
		path = dv_fmt("/proc/%ld/fd/%d", (long)getpid(), fd);
		if (path && in_git(c, path))
			rc = 1;
		free(path);
	}
	if (!rc)
		rc = dv_err_set(err, DV_EEXIST,
				"'%s' holds content that is nowhere else; 'git dv version' or 'git add' keeps it, --force overwrites it",
				t->shown);
	close(fd);
	return rc;
}

struct sink {
	int fd;
	const char *shown;
	struct dv_sha256 *sha;
	struct dv_progress *progress;
};

static int to_sink(void *arg, const void *p, size_t n, struct dv_err *err)
{
	struct sink *s = arg;

	if (dv_write_full(s->fd, p, n))
		return dv_err_errno(err, "cannot write %s", s->shown);
	dv_sha256_add(s->sha, p, n);
	dv_progress_add(s->progress, n);
	dv_progress_draw(s->progress);
	return dv_cancel_check(err);
}

/*
 * The file that the version was made of may hold it still: then blocks can be
 * shared. What was cloned is read and compared; 1 where it is the content.
 */
static int clone_file(struct dv_ctx *c, const struct dv_version *v, int to,
		      struct dv_sha256 *sha)
{
	int top = open(c->repo.top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *name;
	int dir, from = -1, ok = 0;
	uint8_t *buf = NULL;
	struct dv_id id;
	struct stat st;
	ssize_t n;

	if (top < 0 || !v->sha256)
		goto out;
	dir = dv_open_parent(top, v->file, &name);
	if (dir >= 0) {
		from = openat(dir, name,
			      O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
		close(dir);
	}
	if (from < 0 || fstat(from, &st) || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size != v->size || ioctl(to, FICLONE, from))
		goto out;
	buf = malloc(BLOCK);
	dv_sha256_begin(sha);
	while (buf && (n = dv_read_full(to, buf, BLOCK)) > 0)
		dv_sha256_add(sha, buf, (size_t)n);
	dv_sha256_end(sha, &id);
	ok = buf && !n && !strcmp(dv_id_hex(&id).s, v->sha256);
	if (!ok && (ftruncate(to, 0) || lseek(to, 0, SEEK_SET)))
		dv_log_debug("a clone that differs could not be undone");
out:
	free(buf);
	if (from >= 0)
		close(from);
	if (top >= 0)
		close(top);
	return ok;
}

static int send(struct dv_ctx *c, const struct dv_version *v, struct sink *s,
		struct dv_err *err)
{
	struct dv_id id;
	int rc;

	dv_sha256_begin(s->sha);
	rc = dv_content_each(&c->store, &c->coder, &v->oid, to_sink, s, err);
	dv_sha256_end(s->sha, &id);
	if (!rc && v->sha256 && strcmp(dv_id_hex(&id).s, v->sha256) != 0)
		rc = dv_err_set(err, DV_ECORRUPT,
				"the content of version '%s' has SHA-256 %s, and its registry says %s; one of them was changed",
				v->id, dv_id_hex(&id).s, v->sha256);
	return rc;
}

/*
 * Whoever reads a pipe may want only its beginning, or want it now, so nothing
 * is read twice to know the sum before.
 */
int dv_named_send(struct dv_ctx *c, const struct dv_version *v,
		  struct dv_err *err)
{
	struct dv_progress none = { 0 };
	struct sink s = { .fd = STDOUT_FILENO, .shown = "standard output",
			  .sha = dv_sha256_open(), .progress = &none };
	int rc = s.sha ? send(c, v, &s, err) : dv_err_nomem(err);

	if (rc == DV_ECORRUPT)
		dv_err_prefix(err, "what was written is not to be used");
	dv_sha256_close(s.sha);
	return rc;
}

static int fill(struct dv_ctx *c, const struct dv_version *v, int fd,
		const char **how, struct dv_err *err)
{
	struct dv_progress progress = { 0 };
	struct sink s = { .fd = fd, .shown = "it", .sha = dv_sha256_open(),
			  .progress = &progress };
	int rc = 0;

	if (!s.sha)
		return dv_err_nomem(err);
	*how = "cloned";
	if (!c->repo.top || !clone_file(c, v, fd, s.sha)) {
		*how = "wrote";
		dv_progress_start(&progress, "Writing content", v->size);
		rc = send(c, v, &s, err);
		dv_progress_stop(&progress);
	}
	dv_sha256_close(s.sha);
	return rc;
}

static int same_stat(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
	       a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* A file that came or changed since it was looked at is somebody's. */
static int put_in_place(struct dv_target *t, const char *tmp,
			const struct stat *was, int force, struct dv_err *err)
{
	struct stat now;

	if (!was && !force) {
		if (!renameat2(t->dir, tmp, t->dir, t->name, RENAME_NOREPLACE))
			return 0;
		if (errno == EEXIST)
			return dv_err_set(err, DV_EEXIST,
					  "'%s' came up meanwhile; try again",
					  t->shown);
		if (errno != EINVAL && errno != ENOSYS)
			return dv_err_errno(err, "cannot put '%s' in place",
					    t->shown);
	}
	if (was && !force &&
	    (fstatat(t->dir, t->name, &now, AT_SYMLINK_NOFOLLOW) ||
	     !same_stat(was, &now)))
		return dv_err_set(err, DV_ECONFLICT,
				  "'%s' was changed meanwhile; try again",
				  t->shown);
	if (renameat(t->dir, tmp, t->dir, t->name))
		return dv_err_errno(err, "cannot put '%s' in place", t->shown);
	return 0;
}

int dv_named_write(struct dv_ctx *c, const struct dv_version *v,
		   struct dv_target *t, int force, const char **how,
		   struct dv_err *err)
{
	char tmp[64], random[33];
	int had, fd, rc;
	struct stat st;

	had = !fstatat(t->dir, t->name, &st, AT_SYMLINK_NOFOLLOW);
	if (!had && errno != ENOENT)
		return dv_err_errno(err, "cannot look at '%s'", t->shown);
	if (had) {
		rc = may_replace(c, v, t, &st, force, err);
		if (rc == 2)
			*how = "kept";
		if (rc != 1)
			return rc < 0 ? rc : 0;
	}
	rc = dv_random_name(random, err);
	if (rc)
		return rc;
	snprintf(tmp, sizeof(tmp), ".git-dv-tmp-%.16s", random);
	fd = openat(t->dir, tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return dv_err_errno(err, "cannot write beside '%s'", t->shown);
	rc = fill(c, v, fd, how, err);
	if (!rc && had && S_ISREG(st.st_mode) &&
	    fchmod(fd, st.st_mode & 0777))
		rc = dv_err_errno(err, "cannot set the mode of '%s'", t->shown);
	if (close(fd) && !rc)
		rc = dv_err_errno(err, "cannot write '%s'", t->shown);
	if (!rc)
		rc = put_in_place(t, tmp, had ? &st : NULL, force, err);
	if (rc)
		unlinkat(t->dir, tmp, 0);
	return rc;
}

static int point(struct dv_target *t, const char *link, struct dv_err *err)
{
	char tmp[64], random[33];
	struct stat st;
	int rc;

	if (!fstatat(t->dir, link, &st, AT_SYMLINK_NOFOLLOW) &&
	    !S_ISLNK(st.st_mode))
		return dv_err_set(err, DV_EEXIST,
				  "'%s' is there and is no symbolic link; move it away",
				  link);
	rc = dv_random_name(random, err);
	if (rc)
		return rc;
	snprintf(tmp, sizeof(tmp), ".git-dv-tmp-%.16s", random);
	if (symlinkat(t->name, t->dir, tmp))
		return dv_err_errno(err, "cannot make the link '%s'", link);
	if (renameat(t->dir, tmp, t->dir, link)) {
		rc = dv_err_errno(err, "cannot make the link '%s'", link);
		unlinkat(t->dir, tmp, 0);
	}
	return rc;
}

int dv_named_link(struct dv_target *t, const char *name,
		  const struct dv_registry *reg, const struct dv_version *v,
		  struct dv_err *err)
{
	const char *slash;
	char *link;
	int rc;

	if (v != &reg->v[reg->n - 1])
		return 1;
	link = dv_target_link_name(name, NULL, v->file);
	if (!link)
		return dv_err_nomem(err);
	slash = strrchr(link, '/');
	rc = point(t, slash ? slash + 1 : link, err);
	free(link);
	return rc;
}

/* ---- registries ---- */

void dv_named_warn_unshared(struct dv_repo *r, const char *name)
{
	struct dv_strs names = { 0 }, why = { 0 };
	struct dv_err err = { 0 };
	int rc = name ? dv_strs_add(&names, name, &err) :
			dv_catalog_names(r, &names, &err);

	if (!rc)
		rc = dv_catalog_unshared(r, &names, &why, &err);
	if (rc)
		dv_log_warn("%s", err.msg);
	for (size_t i = 0; i < why.n; i++)
		dv_log_warn("%s", why.v[i]);
	dv_strs_release(&names);
	dv_strs_release(&why);
}

/* ---- operands ---- */

void dv_named_split(char *arg, const char **version)
{
	char *at = strrchr(arg, '@');

	*version = NULL;
	if (at) {
		*at = '\0';
		*version = at + 1;
	}
}

int dv_named_open(struct dv_repo *r, const char *name, const char *version,
		  struct dv_registry *reg, const struct dv_version **v,
		  struct dv_err *err)
{
	int rc = dv_catalog_load(r, name, reg, err);

	if (rc)
		return rc;
	rc = dv_registry_resolve(reg, version, v, err);
	if (rc) {
		dv_err_prefix(err, "'%s'", name);
		dv_registry_release(reg);
	}
	return rc;
}
