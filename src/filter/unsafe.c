#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/idmap.h"
#include "base/own.h"
#include "filter/session.h"
#include "repo/history.h"

#define NOTE_MAX (64u << 20)
#define NAMED_MAX 20
#define TMP "tmp-"
#define TMP_SECONDS 3600

static char *note_path(const struct dv_repo *r)
{
	return dv_fmt("%s/dv/unsafe", r->common_dir);
}

/*
 * 1. create tmp-<name> and lock it; 2. rename it to <name>: whoever looks sees
 * it only locked, or without a process. A crash between leaves a tmp- file.
 */
int dv_unsafe_begin(struct dv_unsafe *u, const struct dv_repo *r,
		    struct dv_err *err)
{
	char *dir = dv_fmt("%s/dv/running", r->common_dir), name[33];
	char *tmp = NULL;
	int rc = dir ? dv_dir_make(dir, err) : dv_err_nomem(err);

	u->fd = -1;
	if (!rc)
		rc = dv_random_name(name, err);
	if (!rc) {
		tmp = dv_fmt("%s/" TMP "%s", dir, name);
		u->path = dv_fmt("%s/%s", dir, name);
		if (!tmp || !u->path)
			rc = dv_err_nomem(err);
	}
	if (!rc) {
		u->fd = dv_own_open(tmp, O_RDWR | O_EXCL, 0666);
		if (u->fd < 0)
			rc = dv_err_errno(err, "cannot create '%s'", tmp);
	}
	if (!rc)
		rc = dv_lock_fd(u->fd, DV_LOCK_EXCL, 0, err);
	if (!rc && rename(tmp, u->path))
		rc = dv_err_errno(err, "cannot rename to '%s'", u->path);
	if (rc) {
		if (u->fd >= 0)
			unlink(tmp);
		dv_unsafe_end(u, 1);
	}
	free(tmp);
	free(dir);
	return rc;
}

void dv_unsafe_end(struct dv_unsafe *u, int safe)
{
	if (!u->path)
		return;
	if (safe)
		unlink(u->path);
	if (u->fd >= 0)
		close(u->fd);
	free(u->path);
	u->path = NULL;
}

/* Its process died before it answered anything. */
static void drop_stale(const char *path)
{
	struct stat st;

	if (!lstat(path, &st) && st.st_mtime < time(NULL) - TMP_SECONDS)
		unlink(path);
}

/* Those in dv/running without a process, by path. */
static int left_running(const struct dv_repo *r, struct dv_strs *left,
			struct dv_err *err)
{
	char *dir = dv_fmt("%s/dv/running", r->common_dir);
	struct dv_strs names = { 0 };
	int rc = dir ? dv_dir_list(dir, &names, err) : dv_err_nomem(err);

	if (rc == DV_ENOTFOUND)
		rc = 0;
	for (size_t i = 0; !rc && i < names.n; i++) {
		char *path;
		int fd;

		path = dv_fmt("%s/%s", dir, names.v[i]);
		if (!path) {
			rc = dv_err_nomem(err);
			break;
		}
		if (!strncmp(names.v[i], TMP, strlen(TMP))) {
			drop_stale(path);
			free(path);
			continue;
		}
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0 && errno != ENOENT)
			rc = dv_err_errno(err, "cannot open '%s'", path);
		else if (fd >= 0 && !dv_lock_fd(fd, DV_LOCK_EXCL, 0, NULL))
			rc = dv_strs_add(left, path, err);
		if (fd >= 0)
			close(fd);
		free(path);
	}
	dv_strs_release(&names);
	free(dir);
	return rc;
}

/* Pointers that HEAD does not have and whose content is not here. */
static int check_index(struct dv_repo *r, struct dv_store *s, size_t *left,
		       struct dv_err *err)
{
	struct dv_ptrs now = { 0 }, head = { 0 };
	struct dv_idmap known = { 0 };
	int rc = dv_ptrs_of_index(r, NULL, &now, err);

	/* Without HEAD's, as before the first commit, more is asked for. */
	if (!rc && dv_ptrs_of_commit(r, NULL, "HEAD", &head, NULL))
		dv_ptrs_release(&head);
	for (size_t i = 0; !rc && i < head.n; i++) {
		rc = dv_idmap_put(&known, head.v[i].oid.scheme,
				  &head.v[i].oid.id, 1, err);
		if (rc == DV_EEXIST)
			rc = 0;
	}
	for (size_t i = 0; !rc && i < now.n; i++) {
		const struct dv_oid *oid = &now.v[i].oid;

		if (dv_idmap_get(&known, oid->scheme, &oid->id) ||
		    dv_store_has_file(s, oid))
			continue;
		if ((*left)++ < NAMED_MAX)
			dv_log_error("the content of '%s' did not reach the store; run 'git add --renormalize' on it",
				     now.v[i].path);
	}
	dv_idmap_release(&known);
	dv_ptrs_release(&now);
	dv_ptrs_release(&head);
	return rc;
}

int dv_unsafe_any(const struct dv_repo *r)
{
	struct dv_strs left = { 0 };
	char *path = note_path(r);
	/* In doubt, look. */
	int yes = !path || dv_file_exists(path) ||
		  left_running(r, &left, NULL) || left.n;

	dv_strs_release(&left);
	free(path);
	return yes;
}

/* Lines "<scheme>:<hex> <path>"; a newline in a path ends it early there. */
void dv_unsafe_note(struct dv_repo *r, const struct dv_place_list *pending)
{
	char *path = note_path(r);
	struct dv_buf b = { 0 };
	int top;

	if (!path || !pending->n)
		goto out;
	if (dv_file_read(path, &b, NOTE_MAX, NULL))
		b.n = 0;
	for (size_t i = 0; i < pending->n; i++)
		if (dv_buf_addf(&b, NULL, "%s %s\n",
				dv_oid_text(&pending->v[i].oid).s,
				pending->v[i].path))
			break;
	if (dv_file_write(path, b.p, b.n, 0666, 0, NULL))
		dv_log_error("'%s' cannot be written either: do not commit before 'git dv verify' finds all well",
			     path);
	top = r->top ? open(r->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	for (size_t i = 0; top >= 0 && i < pending->n; i++) {
		const char *name;
		int dir = dv_open_parent(top, pending->v[i].path, &name);

		if (dir < 0)
			continue;
		if (utimensat(dir, name, NULL, AT_SYMLINK_NOFOLLOW))
			dv_log_debug("'%s' keeps its date",
				     pending->v[i].path);
		close(dir);
	}
	if (top >= 0)
		close(top);
out:
	dv_buf_release(&b);
	free(path);
}

/* What a failed publication noted. */
static int check_note(struct dv_repo *r, struct dv_store *s, size_t *left,
		      struct dv_err *err)
{
	char *path = note_path(r), *line, *save = NULL;
	struct dv_buf b = { 0 };
	int rc = path ? dv_file_read(path, &b, NOTE_MAX, err) :
			dv_err_nomem(err);

	if (rc == DV_ENOTFOUND) {
		rc = 0;
		goto out;
	}
	for (line = !rc && b.n ? strtok_r((char *)b.p, "\n", &save) : NULL;
	     line; line = strtok_r(NULL, "\n", &save)) {
		char *sp = strchr(line, ' ');
		struct dv_oid oid;

		if (!sp)
			continue;
		*sp++ = '\0';
		if (dv_oid_parse(line, &oid) || !oid.scheme ||
		    dv_store_has_file(s, &oid))
			continue;
		if ((*left)++ < NAMED_MAX)
			dv_log_error("the content of '%s' did not reach the store; run 'git add --renormalize' on it",
				     sp);
	}
	if (!rc && !*left)
		unlink(path);
out:
	dv_buf_release(&b);
	free(path);
	return rc;
}

int dv_unsafe_check(struct dv_repo *r, struct dv_store *s, size_t *left,
		    struct dv_err *err)
{
	struct dv_strs dead = { 0 };
	size_t more = 0;
	int rc;

	*left = 0;
	rc = check_note(r, s, left, err);
	/* Who dies after this list was made is looked at the next time. */
	if (!rc)
		rc = left_running(r, &dead, err);
	if (!rc && dead.n)
		rc = check_index(r, s, &more, err);
	for (size_t i = 0; !rc && !more && i < dead.n; i++)
		unlink(dead.v[i]);
	*left = DV_MAX(*left, more);
	dv_strs_release(&dead);
	return rc;
}
