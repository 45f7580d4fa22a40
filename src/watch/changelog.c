#include "watch/changelog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

#define HELD_MAX ((size_t)4 << 20)
#define WRITE_MAX ((size_t)64 << 10)
#define RETRY_MS 1000

static int open_file(struct dv_changelog *l, struct dv_err *err)
{
	struct stat st;

	l->fd = open(l->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
			      O_NOCTTY | O_NONBLOCK |
			      (l->follow ? 0 : O_NOFOLLOW), 0666);
	if (l->fd < 0)
		return dv_err_errno(err, "cannot write the log '%s'", l->path);
	if (fstat(l->fd, &st)) {
		close(l->fd);
		l->fd = -1;
		return dv_err_errno(err, "cannot write the log '%s'", l->path);
	}
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return 0;
}

int dv_changelog_open(struct dv_changelog *l, const char *path, int follow,
		      uint64_t max, int keep, struct dv_err *err)
{
	int rc;

	memset(l, 0, sizeof(*l));
	l->fd = -1;
	l->follow = follow;
	l->max = max;
	l->keep = keep;
	l->path = strdup(path);
	if (!l->path)
		return dv_err_nomem(err);
	rc = open_file(l, err);
	if (rc) {
		free(l->path);
		l->path = NULL;
	}
	return rc;
}

static int numbered(const struct dv_changelog *l, int i, char **out)
{
	*out = i ? dv_fmt("%s.%d", l->path, i) : strdup(l->path);
	return *out ? 0 : -1;
}

/* Oldest first, so that each rename overwrites only what is given up. */
static void turn_over(struct dv_changelog *l)
{
	for (int i = l->keep; i > 0; i--) {
		char *from, *to = NULL;

		if (!numbered(l, i - 1, &from) && !numbered(l, i, &to) &&
		    rename(from, to) && errno != ENOENT)
			dv_log_debug("cannot rename '%s': %s", from,
				     strerror(errno));
		free(from);
		free(to);
	}
	if (!l->keep)
		unlink(l->path);
	close(l->fd);
	l->fd = -1;
}

/* Somebody else may have renamed or removed it. */
static int is_there(const struct dv_changelog *l, struct stat *st)
{
	struct stat named;

	if (fstat(l->fd, st))
		return 0;
	if (!S_ISREG(st->st_mode))
		return 1;
	return !stat(l->path, &named) && named.st_dev == l->dev &&
	       named.st_ino == l->ino;
}

/* Up to WRITE_MAX bytes of whole lines. */
static size_t next_part(const struct dv_buf *b)
{
	size_t n = b->n < WRITE_MAX ? b->n : WRITE_MAX;
	const uint8_t *end = memrchr(b->p, '\n', n);

	if (!end)
		end = memchr(b->p, '\n', b->n);
	return end ? (size_t)(end - b->p) + 1 : b->n;
}

static int write_part(struct dv_changelog *l, struct dv_err *err)
{
	struct stat st;
	size_t n;
	int e;

	if (l->fd >= 0 && !is_there(l, &st)) {
		close(l->fd);
		l->fd = -1;
	}
	if (l->fd < 0 && open_file(l, err))
		return DV_EIO;
	if (fstat(l->fd, &st))
		return dv_err_errno(err, "cannot write the log '%s'", l->path);
	n = next_part(&l->held);
	if (l->max && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    (uint64_t)st.st_size + n > l->max) {
		turn_over(l);
		if (open_file(l, err))
			return DV_EIO;
		st.st_size = 0;
	}
	errno = 0;
	if (dv_write_full(l->fd, l->held.p, n)) {
		e = errno;
		/* No part of a line stays. */
		if (S_ISREG(st.st_mode) && ftruncate(l->fd, st.st_size))
			dv_log_debug("the log '%s' ends in a part of a line",
				     l->path);
		errno = e;
		return dv_err_errno(err, "cannot write the log '%s'", l->path);
	}
	memmove(l->held.p, l->held.p + n, l->held.n - n);
	l->held.n -= n;
	return 0;
}

static int note_lost(struct dv_changelog *l)
{
	char line[160];
	int n;

	if (!l->lost)
		return 0;
	n = snprintf(line, sizeof(line),
		     "{\"error\":\"the log could not be written\",\"lost_records\":%zu}\n",
		     l->lost);
	return dv_buf_add(&l->held, line, (size_t)n, NULL);
}

void dv_changelog_flush(struct dv_changelog *l, int now)
{
	struct dv_err err = { 0 };

	if (!l->path || !l->held.n ||
	    (l->failing && !now && dv_now_ms() < l->retry_ms))
		return;
	while (l->held.n) {
		if (write_part(l, &err)) {
			if (!l->failing)
				dv_log_warn("%s; lines wait in memory until it can be",
					    err.msg);
			l->failing = 1;
			l->retry_ms = dv_now_ms() + RETRY_MS;
			return;
		}
		if (!l->held.n && l->lost && !note_lost(l))
			l->lost = 0;
	}
	if (l->failing)
		dv_log_note("the log '%s' is written again", l->path);
	l->failing = 0;
}

void dv_changelog_add(struct dv_changelog *l, const char *line, size_t n)
{
	if (!l->path)
		return;
	/* The latest is dropped: what stands before the gap stays in order. */
	if (l->lost || l->held.n + n > HELD_MAX ||
	    dv_buf_add(&l->held, line, n, NULL))
		l->lost++;
	else if (!l->failing && l->held.n >= WRITE_MAX)
		dv_changelog_flush(l, 0);
}

int64_t dv_changelog_due(const struct dv_changelog *l)
{
	if (!l->path || !l->held.n)
		return INT64_MAX;
	return l->failing ? l->retry_ms : 0;
}

int dv_changelog_close(struct dv_changelog *l, struct dv_err *err)
{
	size_t left = 0;
	int rc = 0;

	if (!l->path)
		return 0;
	dv_changelog_flush(l, 1);
	for (size_t i = 0; i < l->held.n; i++)
		left += l->held.p[i] == '\n';
	if (left + l->lost)
		rc = dv_err_set(err, DV_EIO,
				"%zu lines did not reach the log '%s'",
				left + l->lost, l->path);
	if (l->fd >= 0 && close(l->fd) && !rc)
		rc = dv_err_errno(err, "cannot write the log '%s'", l->path);
	dv_buf_release(&l->held);
	free(l->path);
	memset(l, 0, sizeof(*l));
	l->fd = -1;
	return rc;
}
