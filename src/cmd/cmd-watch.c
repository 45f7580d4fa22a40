/*
 * git dv watch: tell of changes to data while they happen. The work is done in
 * watch/; here are the options, and the loop that waits for whatever comes
 * first.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/watch-state.h"
#include "format/registry.h"
#include "watch/fsmonitor.h"

#define JOURNAL_PATHS 100000
#define SETTLE_MS 200
#define ACT_MS 10000	/* for actions when the time of --for is over */
#define LOG_MAX (10u << 20)
#define LOG_KEEP 5

static const struct dv_opt_cmd cmd = { "git dv watch", "git-dv-watch",
				       "[<options>] [--] [<path>...]" };

static void on_child(int sig)
{
	(void)sig;	/* only wakes the loop */
}

/* Signals are taken while the loop waits, so that none comes in between. */
static void set_signals(struct dv_watch *w)
{
	struct sigaction sa = { .sa_handler = on_child };
	sigset_t block;

	dv_cancel_on(SIGHUP);
	sigaction(SIGCHLD, &sa, NULL);
	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGHUP);
	sigaddset(&block, SIGCHLD);
	sigprocmask(SIG_BLOCK, &block, &w->mask);
}

/* Git writes what it learns from the hook into its index only by and by. */
static void prime(const struct dv_watch *w, struct dv_proc *git)
{
	const char *const env[] = { w->config_count, NULL };
	static const char *const argv[] = { "git", "update-index", "-q",
					    "--refresh", NULL };

	if (dv_proc_start(git, argv, env, DV_PROC_QUIET, NULL))
		git->pid = -1;
}

static int64_t soonest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void wait_for(struct dv_watch *w, int64_t due, int *asked)
{
	struct pollfd p[4] = {
		{ .fd = dv_monitor_fd(w->m), .events = POLLIN },
		{ .fd = w->listen, .events = POLLIN },
		{ .fd = dv_monitor_mounts_fd(w->m), .events = POLLPRI },
		/* Also without events wanted, that nobody reads is told. */
		{ .fd = w->out_gone ? -1 : STDOUT_FILENO,
		  .events = w->out.n ? POLLOUT : 0 },
	};
	int64_t left = due - dv_now_ms();
	struct timespec ts = { 0 };

	if (left > 0) {
		ts.tv_sec = (time_t)(left / 1000);
		ts.tv_nsec = (long)(left % 1000) * 1000000;
	}
	*asked = 0;
	if (ppoll(p, 4, due == DV_COALESCE_NEVER ? NULL : &ts, &w->mask) < 0)
		return;
	*asked = p[1].revents != 0;
	if (p[2].revents)
		dv_monitor_mounts(w->m);
	if (p[3].revents & (POLLERR | POLLHUP | POLLNVAL) &&
	    !(p[3].revents & POLLOUT))
		w->out_gone = EPIPE;
}

/* Until the end that was asked for; DV_ECANCEL where a signal ended it. */
static int loop(struct dv_watch *w, struct dv_err *err)
{
	int64_t end = DV_COALESCE_NEVER, batch = 0;
	struct dv_proc git = { .pid = -1, .in = -1, .out = -1 };
	int rc = 0, asked = 0;

	if (w->seconds >= 0)
		end = dv_now_ms() + (int64_t)w->seconds * 1000;
	w->until = w->seconds >= 0 ? end + ACT_MS : DV_COALESCE_NEVER;
	if (w->configured)
		prime(w, &git);
	while (!rc) {
		int64_t now, due;

		rc = dv_monitor_read(w->m, err);
		if (rc == DV_ENOTFOUND)
			w->gone = 1;
		if (!rc)
			rc = dv_watch_check(w, err);
		if (!rc && asked)
			rc = dv_fsmonitor_serve(w->listen, w->m, err);
		now = dv_now_ms();
		/* A pause between batches, so that there are not too many. */
		if (!rc && now >= batch && now >= dv_monitor_due(w->m)) {
			rc = dv_monitor_settle(w->m, 0, err);
			if (rc == DV_ENOMEM)
				dv_err_nomem(err);
			if (!rc && w->ntold) {
				rc = dv_watch_emit(w, err);
				batch = dv_now_ms() + w->settle_ms;
			}
		}
		dv_changelog_flush(&w->log, 0);
		dv_watch_flush(w, 0);
		dv_watch_acted(w);
		if (git.pid > 0 && waitpid(git.pid, NULL, WNOHANG) == git.pid)
			git.pid = -1;
		if (!rc)
			dv_watch_act(w);
		if (rc || w->out_gone || (w->once && w->emitted) ||
		    dv_now_ms() >= end || dv_cancelled())
			break;
		due = dv_monitor_due(w->m);
		if (due != DV_COALESCE_NEVER && due < batch)
			due = batch;
		due = soonest(due, soonest(end, dv_changelog_due(&w->log)));
		wait_for(w, due, &asked);
	}
	if (git.pid > 0) {
		/* It may be asking this monitor, which answers no more. */
		kill(git.pid, SIGTERM);
		dv_proc_wait(&git);
	}
	return rc;
}

/* What is known by now is told; without an error or a signal it is acted on. */
static int finish(struct dv_watch *w, int rc, struct dv_err *err)
{
	struct dv_err why = { 0 }, *e = rc ? &why : err;
	int r = 0;

	if (!w->once || !w->emitted) {
		if (!rc)
			r = dv_monitor_read(w->m, e);
		if (dv_monitor_settle(w->m, 1, e) && !r)
			r = DV_ENOMEM;
	}
	if (dv_watch_emit(w, e) && !r)
		r = DV_ENOMEM;
	/* Nobody answers the hook from here on: it must not wait for us. */
	dv_watch_unconfigure(w);
	dv_watch_await(w, w->until);
	if (!dv_cancelled() && !rc && dv_now_ms() < w->until)
		dv_watch_act(w);
	dv_watch_await(w, w->until);
	if (!dv_cancelled() && !rc && (w->changed.n || w->removed.n))
		dv_log_warn("nothing was done any more with what changed last");
	dv_watch_flush(w, !dv_cancelled());
	if (dv_changelog_close(&w->log, e) && !r)
		r = DV_EIO;
	return rc ? rc : r;
}

static int start(struct dv_watch *w, char **argv, int n, struct dv_err *err)
{
	struct dv_monitor_opts o = { .quiet_ms = w->settle_ms,
		.journal = w->fsmonitor ? JOURNAL_PATHS : 0,
		.told = dv_watch_told, .arg = w };
	struct dv_monitor_counts count;
	int rc = dv_watch_paths(w, argv, n, err);

	if (!rc && w->version)
		rc = dv_name_check(w->version, "name", err);
	if (!rc)
		rc = dv_data_rules_load(&w->rules, &w->c.repo, err);
	if (!rc)
		rc = dv_watch_lock(w, err);
	if (!rc)
		rc = dv_watch_log(w, err);
	if (rc)
		return rc;
	rc = dv_repo_go_top(&w->c.repo, err);
	if (rc)
		return rc;
	/* Where GIT_DIR is set, the folder that one stands in is taken for the top. */
	if (getenv("GIT_DIR"))
		setenv("GIT_WORK_TREE", w->c.repo.top, 1);
	unsetenv("GIT_PREFIX");
	o.top = w->c.repo.top;
	rc = dv_watch_environment(w, err);
	if (!rc)
		rc = dv_monitor_open(&w->m, &o, err);
	if (!rc)
		rc = dv_watch_configure(w, err);
	if (rc)
		return rc;
	if (dv_monitor_remote(w->m))
		dv_log_warn("'%s' is on a file system of kind %s: what other machines write there is not seen",
			    w->c.repo.top, dv_monitor_remote(w->m));
	dv_monitor_count(w->m, &count);
	dv_log_note("watching %zu folders of '%s'%s%s", count.folders,
		    w->c.repo.top, w->log.path ? ", log in " : "",
		    w->log.path ? w->log.path : "");
	return 0;
}

static int check_options(const struct dv_watch *w)
{
	const char *why = NULL;

	if (w->no_log && w->log_file)
		why = "--log and --no-log exclude each other";
	else if (w->log_file && !*w->log_file)
		why = "--log needs the name of a file";
	else if (w->settle_ms < 1 || w->settle_ms > 3600000)
		why = "--settle takes 1 to 3600000 milliseconds";
	else if (w->keep > 1000)
		why = "--log-keep takes at most 1000";
	if (why)
		dv_log_error("%s", why);
	return why ? 129 : 0;
}

int dv_cmd_watch(int argc, char **argv)
{
	struct dv_watch w = { .lock = -1, .listen = -1, .seconds = -1,
		.settle_ms = SETTLE_MS, .keep = LOG_KEEP, .log_max = LOG_MAX };
	const struct dv_opt opts[] = {
		{ DV_OPT_STR, 0, "log", &w.log_file, "file", "write the log here", 0 },
		{ DV_OPT_SET, 0, "no-log", &w.no_log, NULL, "write no log", 1 },
		{ DV_OPT_SIZE, 0, "log-max", &w.log_max, "size", "turn the log over at this size (10M); 0: never", 0 },
		{ DV_OPT_INT, 0, "log-keep", &w.keep, "n", "keep so many old logs (5)", 0 },
		{ DV_OPT_INT, 0, "settle", &w.settle_ms, "ms", "tell of a file when it was quiet for so long (200)", 0 },
		{ DV_OPT_FLAG, 0, "oid", &w.oids, NULL, "read changed files to know their ids", 0 },
		{ DV_OPT_STR, 0, "exec", &w.exec, "command", "run it for each batch, paths on its standard input", 0 },
		{ DV_OPT_FLAG, 0, "auto-add", &w.add, NULL, "run git add for each batch", 0 },
		{ DV_OPT_STR, 0, "auto-version", &w.version, "name", "run git dv version for each changed file", 0 },
		{ DV_OPT_FLAG, 0, "fsmonitor", &w.fsmonitor, NULL, "answer git's file system monitor hook", 0 },
		{ DV_OPT_FLAG, 0, "once", &w.once, NULL, "end after the first batch", 0 },
		{ DV_OPT_INT, 0, "for", &w.seconds, "seconds", "end after so long", 0 },
		{ 0 },
	};
	struct dv_err err = { 0 };
	int n = dv_opt_parse(&cmd, opts, argc, argv, NULL), rc;

	if (n < 0)
		return dv_opt_exit(n);
	rc = check_options(&w);
	if (rc)
		return rc;
	rc = dv_ctx_worktree(&w.c);
	if (rc)
		goto out;
	/* Each batch opens it anew; a process that lives long does not hold it. */
	dv_cache_close(w.c.cache);
	w.c.cache = w.c.repo.cache = NULL;
	set_signals(&w);
	rc = start(&w, argv, n, &err);
	if (!rc) {
		rc = loop(&w, &err);
		rc = finish(&w, rc, &err);
	}
	dv_watch_unconfigure(&w);
	if (w.log.path && dv_changelog_close(&w.log, NULL))
		dv_log_debug("the log has no room");
	if (rc)
		rc = dv_fail(&err);
	else if (dv_cancelled())
		rc = 130;
	else if (w.out_gone) {
		dv_log_error("cannot write standard output: %s",
			     strerror(w.out_gone));
		rc = 1;
	} else if (w.act_failed && w.once) {
		rc = 1;
	}
	dv_monitor_close(w.m);
	dv_watch_unlock(&w);
	free(w.told);
	free(w.log_path);
	dv_buf_release(&w.out);
	dv_strs_release(&w.under);
	dv_data_rules_release(&w.rules);
	dv_strs_release(&w.changed);
	dv_strs_release(&w.removed);
out:
	dv_ctx_close(&w.c);
	return rc;
}
