/*
 * A log of whole lines that turns over by size: FILE, FILE.1, ... A disk that
 * is full, or a folder that is gone, stops nobody: lines wait in memory and
 * are tried again; what had to be dropped is counted, and the log says so.
 */
#ifndef DV_WATCH_CHANGELOG_H
#define DV_WATCH_CHANGELOG_H

#include <sys/types.h>

#include "base/buf.h"

struct dv_changelog {
	char *path;
	int fd;
	int follow;		/* a link at its end is followed */
	uint64_t max;		/* bytes, or 0: never turn over */
	int keep;		/* old ones */
	struct dv_buf held;	/* lines that are not written */
	size_t lost;		/* lines that were dropped */
	dev_t dev;
	ino_t ino;
	int failing;
	int64_t retry_ms;
};

/* Opened at once, so that a wrong name is an error. */
int dv_changelog_open(struct dv_changelog *l, const char *path, int follow,
		      uint64_t max, int keep, struct dv_err *err) DV_MUST_USE;
/* A line with its newline. What cannot be written is held. */
void dv_changelog_add(struct dv_changelog *l, const char *line, size_t n);
/* Write what is held, if there is any and its time has come (or `now`). */
void dv_changelog_flush(struct dv_changelog *l, int now);
/* When to flush again, or INT64_MAX. */
int64_t dv_changelog_due(const struct dv_changelog *l);
/* The last try. DV_EIO where lines are lost. */
int dv_changelog_close(struct dv_changelog *l, struct dv_err *err);

#endif
