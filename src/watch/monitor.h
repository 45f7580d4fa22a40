/*
 * A worktree under inotify(7): a watch on each of its folders but `.git`, what
 * stood there in memory, and the changes that come of the events. No link is
 * followed. Where events were lost, or what they said does not fit, everything
 * is looked at again, so that what is told is right in the end.
 *
 *	dv_monitor_open(&m, &o, &err)
 *	poll dv_monitor_fd for POLLIN and dv_monitor_mounts_fd for POLLPRI,
 *	until dv_monitor_due:
 *		dv_monitor_read		takes what is queued
 *		dv_monitor_settle	tells what is due
 *
 * One thread. Times are those of dv_now_ms().
 */
#ifndef DV_WATCH_MONITOR_H
#define DV_WATCH_MONITOR_H

#include "watch/coalesce.h"
#include "watch/journal.h"

struct dv_monitor;

struct dv_monitor_opts {
	const char *top;
	int64_t quiet_ms;
	size_t journal;		/* paths to keep for dv_monitor_since, or 0 */
	int (*told)(void *arg, const struct dv_change *change);
	void *arg;
};

/*
 * When this returns, every folder has its watch. DV_EINVAL where the system
 * has no inotify; the errors of its limits say which setting to raise.
 */
int dv_monitor_open(struct dv_monitor **m, const struct dv_monitor_opts *o,
		    struct dv_err *err) DV_MUST_USE;
void dv_monitor_close(struct dv_monitor *m);
int dv_monitor_fd(const struct dv_monitor *m);
int dv_monitor_mounts_fd(const struct dv_monitor *m);	/* or -1 */
/* DV_ENOTFOUND: the worktree itself was removed or moved. */
int dv_monitor_read(struct dv_monitor *m, struct dv_err *err) DV_MUST_USE;
/* The mounts changed, poll says (which it says but once). */
void dv_monitor_mounts(struct dv_monitor *m);
int64_t dv_monitor_due(const struct dv_monitor *m);
int dv_monitor_settle(struct dv_monitor *m, int all, struct dv_err *err)
	DV_MUST_USE;
/*
 * Append a token for now and, with their NULs, the paths that changed since
 * `token`, or "/" where that is not known: the answer to Git's hook.
 */
int dv_monitor_since(struct dv_monitor *m, const char *token,
		     struct dv_buf *out, struct dv_err *err) DV_MUST_USE;

/* Is the path in a repository of its own, below the worktree? */
int dv_monitor_nested(const struct dv_monitor *m, const char *path);
/* The kind of network file system that the top is on, or NULL. */
const char *dv_monitor_remote(const struct dv_monitor *m);
/* Device and inode of the top. */
void dv_monitor_identity(const struct dv_monitor *m, uint64_t *dev,
			 uint64_t *ino);

struct dv_monitor_counts {
	size_t folders, files, rescans;
};
void dv_monitor_count(const struct dv_monitor *m,
		      struct dv_monitor_counts *out);

#endif
