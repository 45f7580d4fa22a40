/* The parts of `git dv watch`; of no other command. */
#ifndef DV_CMD_WATCH_STATE_H
#define DV_CMD_WATCH_STATE_H

#include <signal.h>
#include <sys/types.h>

#include "base/proc.h"
#include "cmd/cmd.h"
#include "repo/datafiles.h"
#include "watch/changelog.h"
#include "watch/monitor.h"

/* A change that was told; owned. */
struct dv_told {
	struct dv_change c;
	char *path, *from;
	uint8_t seen, seen_from;	/* are these paths watched? */
};

/* What a path led to. */
struct dv_place_id {
	dev_t dev;
	ino_t ino;
};

struct dv_watch {
	struct dv_ctx c;
	struct dv_monitor *m;
	/* Options. */
	const char *log_file, *exec, *version;
	int no_log, keep, settle_ms, seconds, once, add, fsmonitor, oids;
	uint64_t log_max;
	struct dv_strs under;		/* the PATHs, from the top */
	struct dv_data_rules rules;
	/* watch-state.c */
	char *dir;			/* <git dir>/dv-watch */
	struct dv_place_id git_id, common_id;
	int gone;			/* the worktree or its Git directory */
	int lock, listen;
	int configured;			/* core.fsmonitor is ours */
	char *config_count;		/* for what may ask this monitor */
	struct dv_changelog log;
	int default_log;
	char *log_path;			/* from the top, or NULL: elsewhere */
	/* watch-emit.c */
	struct dv_told *told;
	size_t ntold, cap;
	struct dv_buf out;		/* for standard output */
	size_t unsaid;			/* lines that it did not take in time */
	int out_gone;
	size_t emitted;
	/* watch-act.c */
	struct dv_strs changed, removed;	/* for the next action */
	pid_t acting;			/* or 0 */
	int act_failed;
	int64_t until;			/* their last time, or DV_COALESCE_NEVER */
	sigset_t mask;			/* as it was when the program started */
};

/* Take the worktree's lock and find the log. */
int dv_watch_lock(struct dv_watch *w, struct dv_err *err) DV_MUST_USE;
int dv_watch_log(struct dv_watch *w, struct dv_err *err) DV_MUST_USE;
/* Before lines are written: a default log follows no link. */
void dv_watch_log_check(struct dv_watch *w);
int dv_watch_is_log(const struct dv_watch *w, const char *path);
/*
 * DV_ENOTFOUND where the Git directory is no more what its path leads to: then
 * nothing may be made or read there.
 */
int dv_watch_check(struct dv_watch *w, struct dv_err *err) DV_MUST_USE;
/* Was the current directory removed? No git runs there. */
int dv_watch_top_gone(void);
/* Paths must be in the worktree, and lead there by no link. */
int dv_watch_paths(struct dv_watch *w, char **argv, int n,
		   struct dv_err *err) DV_MUST_USE;
/* Make Git ask this monitor, and no more. */
int dv_watch_configure(struct dv_watch *w, struct dv_err *err) DV_MUST_USE;
void dv_watch_unconfigure(struct dv_watch *w);
/*
 * A git that this process waits for must not wait for it: from now on none
 * runs the hook, except with GIT_CONFIG_COUNT as w->config_count has it (a
 * change of the environment, as dv_proc_start takes it).
 */
int dv_watch_environment(struct dv_watch *w, struct dv_err *err) DV_MUST_USE;
void dv_watch_unlock(struct dv_watch *w);

/* For dv_monitor_opts: keep it for dv_watch_emit. */
int dv_watch_told(void *arg, const struct dv_change *change);
/* Lines for what was told, and names for what is done with it. */
int dv_watch_emit(struct dv_watch *w, struct dv_err *err) DV_MUST_USE;
/* Write what standard output takes at once, or (`wait`) all of it. */
void dv_watch_flush(struct dv_watch *w, int wait);

/* Start what is to be done with the changes, unless it runs. */
void dv_watch_act(struct dv_watch *w);
/* Has it ended? */
void dv_watch_acted(struct dv_watch *w);
/*
 * Wait until it has. After a signal, or at this time (DV_COALESCE_NEVER: none),
 * it is told to end, and is killed where it does not soon.
 */
void dv_watch_await(struct dv_watch *w, int64_t until);

#endif
