#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "filter/session.h"

#define NOTE_MAX (64u << 20)
#define NAMED_MAX 20

static char *note_path(const struct dv_repo *r)
{
	return dv_fmt("%s/dv/unsafe", r->common_dir);
}

int dv_unsafe_any(const struct dv_repo *r)
{
	char *path = note_path(r);
	int yes = path && dv_file_exists(path);

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
	dv_buf_release(&b);
	free(path);
	return left;
}
