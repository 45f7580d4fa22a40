#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/idmap.h"
#include "filter/session.h"
#include "repo/history.h"

#define NOTE_MAX (64u << 20)
#define NAMED_MAX 20

static char *note_path(const struct dv_repo *r)
{
	return dv_fmt("%s/dv/unsafe", r->common_dir);
}

int dv_unsafe_begin(struct dv_unsafe *u, const struct dv_repo *r,
		    struct dv_err *err)
{
	char *dir = dv_fmt("%s/dv/running", r->common_dir), name[33];
	int rc = dir ? dv_dir_make(dir, err) : dv_err_nomem(err);

	u->fd = -1;
	if (!rc)
		rc = dv_random_name(name, err);
	if (!rc) {
		u->path = dv_fmt("%s/%s", dir, name);
		u->fd = u->path ? open(u->path, O_RDWR | O_CREAT | O_EXCL |
					       O_CLOEXEC, 0666) : -1;
		if (u->fd < 0)
			rc = u->path ? dv_err_errno(err, "cannot create '%s'",
						    u->path) :
				       dv_err_nomem(err);
	}
	if (!rc)
		rc = dv_lock_fd(u->fd, DV_LOCK_EXCL, 0, err);
	if (rc)
		dv_unsafe_end(u, 1);
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

/* How many are in dv/running without a process; with `drop` they go. */
static size_t left_running(const struct dv_repo *r, int drop)
{
	char *dir = dv_fmt("%s/dv/running", r->common_dir);
	struct dv_strs names = { 0 };
	size_t left = 0;

	if (dir && dv_dir_list(dir, &names, NULL))
		names.n = 0;
	for (size_t i = 0; i < names.n; i++) {
		char *path = dv_fmt("%s/%s", dir, names.v[i]);
		int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

		if (fd >= 0 && !dv_lock_fd(fd, DV_LOCK_EXCL, 0, NULL)) {
			left++;
			if (drop)
				unlink(path);
		}
		if (fd >= 0)
			close(fd);
		free(path);
	}
	dv_strs_release(&names);
	free(dir);
	return left;
}

/* Pointers that HEAD does not have and whose content is not here. */
static size_t check_index(struct dv_repo *r, struct dv_store *s)
{
	struct dv_ptrs now = { 0 }, head = { 0 };
	struct dv_idmap known = { 0 };
	size_t left = 0;

	if (dv_ptrs_of_commit(r, NULL, "HEAD", &head, NULL))
		dv_ptrs_release(&head);		/* the first commit */
	if (dv_ptrs_of_index(r, NULL, &now, NULL))
		dv_ptrs_release(&now);
	for (size_t i = 0; i < head.n; i++)
		if (dv_idmap_put(&known, head.v[i].oid.scheme,
				 &head.v[i].oid.id, 1, NULL) == DV_ENOMEM)
			break;
	for (size_t i = 0; i < now.n; i++) {
		const struct dv_oid *oid = &now.v[i].oid;

		if (dv_idmap_get(&known, oid->scheme, &oid->id) ||
		    dv_store_has_file(s, oid))
			continue;
		if (left++ < NAMED_MAX)
			dv_log_error("the content of '%s' did not reach the store; run 'git add --renormalize' on it",
				     now.v[i].path);
	}
	dv_idmap_release(&known);
	dv_ptrs_release(&now);
	dv_ptrs_release(&head);
	return left;
}

int dv_unsafe_any(const struct dv_repo *r)
{
	char *path = note_path(r);
	int yes = (path && dv_file_exists(path)) || left_running(r, 0);

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

size_t dv_unsafe_check(struct dv_repo *r, struct dv_store *s)
{
	char *path = note_path(r), *line, *save = NULL;
	struct dv_buf b = { 0 };
	size_t left = 0;

	if (path && !dv_file_read(path, &b, NOTE_MAX, NULL) && b.n) {
		for (line = strtok_r((char *)b.p, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save)) {
			char *sp = strchr(line, ' ');
			struct dv_oid oid;

			if (!sp)
				continue;
			*sp++ = '\0';
			if (dv_oid_parse(line, &oid) || !oid.scheme ||
			    dv_store_has_file(s, &oid))
				continue;
			if (left++ < NAMED_MAX)
				dv_log_error("the content of '%s' did not reach the store; run 'git add --renormalize' on it",
					     sp);
		}
		if (!left)
			unlink(path);
	}
	if (left_running(r, 0)) {
		size_t more = check_index(r, s);

		if (!more)
			left_running(r, 1);
		left = DV_MAX(left, more);
	}
	dv_buf_release(&b);
	free(path);
	return left;
}
