/*
 * Git's file system monitor hook, protocol version 2 (githooks(5)): the hook
 * asks the running monitor of the worktree over a socket in its Git directory.
 * Where nobody answers, or not in time, the answer is "everything".
 */
#ifndef DV_WATCH_FSMONITOR_H
#define DV_WATCH_FSMONITOR_H

#include "watch/monitor.h"

/* Listen at `dir`/socket; the caller holds the lock of `dir`. */
int dv_fsmonitor_listen(const char *dir, int *fd, struct dv_err *err)
	DV_MUST_USE;
void dv_fsmonitor_unlisten(const char *dir, int fd);
/* Answer who waits. What a client does wrong is no error. */
int dv_fsmonitor_serve(int fd, struct dv_monitor *m, struct dv_err *err)
	DV_MUST_USE;
/*
 * What the hook prints, with the worktree's top as the current directory:
 * a token and paths, or a token that nobody knows and "/".
 */
int dv_fsmonitor_ask(const char *dir, const char *token, struct dv_buf *out,
		     struct dv_err *err) DV_MUST_USE;

#endif
