/*
 * What is done with changes: git add, git dv version, a command. It runs in a
 * process of its own, so that events are read meanwhile; what changes by then
 * is for the next one.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "cmd/watch-state.h"
#include "repo/gitindex.h"

#define LIST_MAX ((size_t)256 << 20)
#define TRY_MS 100
#define FREE_MS 300	/* so long no git had the index: a script is between two */
#define LOCKED_MS 60000	/* its lock may be one that was left behind */
#define SINGLES_MAX 1000
#define GRACE_MS 10000	/* from SIGTERM to SIGKILL */
#define ECHO_MS 1000	/* git hands on what the terminal sent to both */

/* What was told to end fails, which is no news. */
#define warn(...) do { if (!dv_cancelled()) dv_log_warn(__VA_ARGS__); } while (0)

/* The paths that a git command prints, each with its NUL. */
static int listed(const char *const *args, const struct dv_buf *in,
		  struct dv_strs *out)
{
	const char *argv[12] = { "git" };
	struct dv_buf text = { 0 };
	int code = 0, rc;

	for (int i = 0; args[i] && i < 10; i++)
		argv[i + 1] = args[i];
	rc = dv_proc_filter(argv, NULL, 0, in ? in->p : NULL, in ? in->n : 0,
			    LIST_MAX, &text, &code, NULL);
	if (!rc && code > 1)
		rc = DV_EIO;
	for (char *p = (char *)text.p; !rc && p && p < (char *)text.p + text.n;
	     p += strlen(p) + 1)
		rc = dv_strs_add(out, p, NULL);
	dv_strs_sort(out);
	dv_buf_release(&text);
	return rc;
}

static int cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int has(const struct dv_strs *sorted, const char *s)
{
	return sorted->n && bsearch(&s, sorted->v, sorted->n,
				    sizeof(*sorted->v), cmp);
}

/* Does another git work on the index? */
static int locked(struct dv_watch *w)
{
	char *index = dv_repo_index_path(&w->c.repo);
	char *lock = index ? dv_fmt("%s.lock", index) : NULL;
	int yes = lock && dv_file_exists(lock);

	free(lock);
	free(index);
	return yes;
}

/* While it lasts, what is staged is said by Git and by who resolves conflicts. */
static int in_operation(const struct dv_watch *w)
{
	static const char *const names[] = { "MERGE_HEAD", "CHERRY_PICK_HEAD",
		"REVERT_HEAD", "rebase-merge", "rebase-apply", "sequencer" };
	int yes = 0;

	for (size_t i = 0; i < DV_ARRAY_SIZE(names) && !yes; i++) {
		char *path = dv_fmt("%s/%s", w->c.repo.git_dir, names[i]);

		yes = path && dv_file_exists(path);
		free(path);
	}
	return yes;
}

/* 0, or DV_ECANCEL: nothing may begin any more. */
static int wait_for_index(struct dv_watch *w)
{
	int was_free = 0, was_locked = 0, said = 0;

	while (!dv_cancelled() && was_free < FREE_MS && was_locked < LOCKED_MS) {
		if (in_operation(w)) {
			was_free = 0;
			if (!said++)
				dv_log_note("a merge, a rebase or the like is in progress; git add waits for its end");
		} else if (locked(w)) {
			was_free = 0;
			was_locked += TRY_MS;
		} else {
			was_free += TRY_MS;
		}
		usleep(TRY_MS * 1000);
	}
	return dv_cancel_check(NULL);
}

static int git_with(const char *const *argv, const struct dv_buf *in,
		    unsigned int flags)
{
	struct dv_buf out = { 0 };
	int code = 1;

	if (dv_proc_filter(argv, NULL, flags, in->p, in->n, LIST_MAX, &out,
			   &code, NULL))
		code = 1;
	dv_buf_release(&out);
	return code;
}

static int add_files(struct dv_watch *w, const struct dv_strs *paths)
{
	static const char *const all[] = { "git", "add",
		"--pathspec-from-file=-", "--pathspec-file-nul", NULL };
	struct dv_buf in = { 0 };
	int bad = 0;

	for (size_t i = 0; i < paths->n; i++)
		if (dv_buf_addz(&in, ":(top,literal)", paths->v[i], NULL))
			bad = 1;
	if (in.n && !bad && git_with(all, &in, DV_PROC_QUIET) &&
	    !wait_for_index(w) && git_with(all, &in, DV_PROC_QUIET)) {
		/* One is gone by now, or cannot be read: the others one by one. */
		for (size_t i = 0; i < paths->n && i < SINGLES_MAX &&
				   !dv_cancelled(); i++) {
			char *spec = dv_fmt(":(top,literal)%s", paths->v[i]);
			const char *one[] = { "git", "add", "--", spec, NULL };
			struct dv_buf out = { 0 };
			int code = 1;

			if (!dv_file_exists(paths->v[i])) {
				free(spec);
				continue;	/* its own change comes */
			}
			if (!bad && wait_for_index(w)) {
				free(spec);
				break;
			}
			if (!spec || dv_proc_capture(one, NULL, 0, LIST_MAX,
						     &out, &code, NULL) || code) {
				warn("git add failed for '%s'",
					    paths->v[i]);
				bad = 1;
			}
			dv_buf_release(&out);
			free(spec);
		}
	}
	dv_buf_release(&in);
	return bad | dv_cancelled();
}

static int read_index(struct dv_watch *w, struct dv_gitindex *ix)
{
	char *path = dv_repo_index_path(&w->c.repo);
	int rc = path ? dv_gitindex_read(ix, path, w->c.repo.algo, NULL) :
			DV_ENOMEM;

	free(path);
	return rc;
}

/*
 * Ignored files stay out, as with git add. So do those with a conflict: adding
 * them would say that it is solved. And nothing takes the lock of the index,
 * which makes other gits fail, for what they changed themselves: after a
 * checkout there is nothing to add.
 */
static int auto_add(struct dv_watch *w)
{
	static const char *const ignored_args[] = { "check-ignore", "-z",
						    "--stdin", NULL };
	static const char *const dirty_args[] = { "diff-files", "--name-only",
						  "-z", NULL };
	static const char *const unmerged_args[] = { "diff-files",
		"--name-only", "-z", "--diff-filter=U", NULL };
	static const char *const remove_args[] = { "git", "update-index",
		"--remove", "-z", "--stdin", NULL };
	struct dv_strs ignored = { 0 }, unmerged = { 0 }, dirty = { 0 },
		       paths = { 0 };
	struct dv_buf in = { 0 }, gone = { 0 };
	struct dv_gitindex ix = { 0 };
	int bad = 0;

	if (wait_for_index(w))
		return 1;
	for (size_t i = 0; i < w->changed.n; i++)
		bad |= dv_buf_addz(&in, "", w->changed.v[i], NULL) != 0;
	if (in.n)
		bad |= listed(ignored_args, &in, &ignored) != 0;
	/* The index before what differs from it: what is in neither is new. */
	if (read_index(w, &ix))
		dv_gitindex_release(&ix);
	bad |= listed(dirty_args, NULL, &dirty) != 0;
	bad |= listed(unmerged_args, NULL, &unmerged) != 0;
	for (size_t i = 0; i < w->changed.n; i++) {
		const char *p = w->changed.v[i];

		if (has(&unmerged, p))
			dv_log_note("'%s' has a conflict and is not added", p);
		else if (!has(&ignored, p) && dv_file_exists(p) &&
			 (has(&dirty, p) || !dv_gitindex_find(&ix, p)))
			bad |= dv_strs_add(&paths, p, NULL) != 0;
	}
	if (paths.n)
		bad |= add_files(w, &paths);
	for (size_t i = 0; i < w->removed.n; i++)
		if (has(&dirty, w->removed.v[i]) &&
		    !has(&unmerged, w->removed.v[i]))
			bad |= dv_buf_addz(&gone, "", w->removed.v[i], NULL) != 0;
	if (gone.n && !dv_cancelled() && git_with(remove_args, &gone, 0)) {
		warn("deleted files could not be removed from the index");
		bad = 1;
	}
	dv_gitindex_release(&ix);
	dv_strs_release(&ignored);
	dv_strs_release(&unmerged);
	dv_strs_release(&dirty);
	dv_strs_release(&paths);
	dv_buf_release(&in);
	dv_buf_release(&gone);
	return bad;
}

static int auto_version(struct dv_watch *w)
{
	int bad = 0;

	for (size_t i = 0; i < w->changed.n && !dv_cancelled(); i++) {
		const char *p = w->changed.v[i];
		const char *argv[] = { "git", "dv", "version", "--", p,
				       w->version, NULL };
		struct dv_proc git;
		int code = -1;

		if (dv_file_exists(p) &&
		    !dv_proc_start(&git, argv, NULL, 0, NULL))
			code = dv_proc_wait(&git);
		else if (!dv_file_exists(p))
			code = 0;
		if (code) {
			warn("'git dv version' failed for '%s' (exit code %d)",
			     p, code);
			bad = 1;
		}
	}
	return bad;
}

static int command(struct dv_watch *w)
{
	const char *argv[] = { "sh", "-c", w->exec, NULL };
	struct dv_buf in = { 0 };
	struct dv_err err = { 0 };
	struct dv_proc sh;
	int bad = 0, code;

	for (size_t i = 0; i < w->changed.n; i++)
		bad |= dv_buf_addz(&in, "", w->changed.v[i], NULL) != 0;
	for (size_t i = 0; i < w->removed.n; i++)
		bad |= dv_buf_addz(&in, "", w->removed.v[i], NULL) != 0;
	if (bad || dv_proc_start(&sh, argv, NULL, DV_PROC_IN, &err)) {
		dv_log_warn("the command was not run: %s",
			    bad ? "out of memory" : err.msg);
		dv_buf_release(&in);
		return 1;
	}
	/* It need not read what it is given. */
	if (dv_write_full(sh.in, in.p, in.n) && errno != EPIPE)
		dv_log_debug("the command did not get all paths");
	code = dv_proc_wait(&sh);
	if (code)
		warn("the command ended with exit code %d", code);
	dv_buf_release(&in);
	return code != 0;
}

static int act(struct dv_watch *w)
{
	int bad = 0;

	if (w->add)
		bad |= auto_add(w);
	if (w->version)
		bad |= auto_version(w);
	if (w->exec && !dv_cancelled())
		bad |= command(w);
	return bad | dv_cancelled();
}

static void unique(struct dv_strs *s)
{
	size_t k = 0;

	dv_strs_sort(s);
	for (size_t i = 0; i < s->n; i++) {
		if (k && !strcmp(s->v[k - 1], s->v[i]))
			free(s->v[i]);
		else
			s->v[k++] = s->v[i];
	}
	s->n = k;
}

void dv_watch_act(struct dv_watch *w)
{
	pid_t pid;

	if (w->acting || (!w->changed.n && !w->removed.n) ||
	    dv_watch_top_gone())
		return;
	unique(&w->changed);
	unique(&w->removed);
	pid = fork();
	if (pid < 0) {
		dv_log_warn("cannot start a process: %s", strerror(errno));
		return;		/* with the next batch */
	}
	if (!pid) {
		/*
		 * A group that can be ended with all in it. In a session of its
		 * own it finds no terminal to ask on, where it would be stopped.
		 */
		setsid();
		/* The lock and the socket end with the monitor, not with this. */
		if (w->lock >= 0)
			close(w->lock);
		if (w->listen >= 0)
			close(w->listen);
		sigprocmask(SIG_SETMASK, &w->mask, NULL);
		/* What it runs may ask the monitor, which does not wait. */
		if (strchr(w->config_count, '='))
			putenv(w->config_count);
		else
			unsetenv(w->config_count);
		_exit(act(w));
	}
	w->acting = pid;
	dv_strs_release(&w->changed);
	dv_strs_release(&w->removed);
}

void dv_watch_acted(struct dv_watch *w)
{
	int st;
	pid_t pid;

	if (!w->acting)
		return;
	do
		pid = waitpid(w->acting, &st, WNOHANG);
	while (pid < 0 && errno == EINTR);
	if (!pid)
		return;
	w->acting = 0;
	if (pid < 0 || !WIFEXITED(st) || WEXITSTATUS(st))
		w->act_failed = 1;
}

static volatile sig_atomic_t signals;

static void on_another(int sig)
{
	(void)sig;
	signals = 1;
}

static void end_action(const struct dv_watch *w, int sig)
{
	/* It may not have its group yet. */
	if (kill(-w->acting, sig))
		kill(w->acting, sig);
	/* What is stopped gets no other signal. */
	kill(-w->acting, SIGCONT);
}

static int tell_to_end(const struct dv_watch *w)
{
	struct sigaction sa = { .sa_handler = on_another };

	if (dv_cancelled())
		dv_log_note("waiting for the running action; another signal kills it");
	else
		dv_log_warn("the time is over: the running action is told to end");
	signals = 0;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	end_action(w, SIGTERM);
	return 1;
}

void dv_watch_await(struct dv_watch *w, int64_t until)
{
	int64_t began = 0;
	int told = 0;

	for (dv_watch_acted(w); w->acting; dv_watch_acted(w)) {
		int64_t now = dv_now_ms(), left;
		struct timespec ts;

		if (!told && (dv_cancelled() || now >= until)) {
			told = tell_to_end(w);
			began = now;
			until = now + GRACE_MS;
		} else if (told && (now >= until ||
				    (signals && now - began >= ECHO_MS))) {
			end_action(w, SIGKILL);
			until = DV_COALESCE_NEVER;
		}
		signals = 0;
		left = until == DV_COALESCE_NEVER ? 0 : until - now;
		ts.tv_sec = (time_t)(left / 1000);
		ts.tv_nsec = (long)(left % 1000) * 1000000;
		ppoll(NULL, 0, until == DV_COALESCE_NEVER ? NULL : &ts,
		      &w->mask);
	}
}
