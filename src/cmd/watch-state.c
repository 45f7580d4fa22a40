/* What a monitor keeps in the Git directory: its lock, its log, its setting. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/watch-state.h"
#include "watch/fsmonitor.h"

#define HOOK "git dv hook fsmonitor"
#define LOG_NAME "data_changes.log"

static int id_of(const char *path, struct dv_place_id *id)
{
	struct stat st;

	if (stat(path, &st))
		return -1;
	id->dev = st.st_dev;
	id->ino = st.st_ino;
	return 0;
}

static int is_same(const char *path, const struct dv_place_id *id)
{
	struct dv_place_id now;

	if (id_of(path, &now))
		return 0;
	errno = ENOENT;
	return now.dev == id->dev && now.ino == id->ino;
}

int dv_watch_check(struct dv_watch *w, struct dv_err *err)
{
	if (is_same(w->c.repo.git_dir, &w->git_id) ||
	    !dv_errno_gone(errno))
		return 0;
	w->gone = 1;
	return dv_err_set(err, DV_ENOTFOUND,
			  "the Git directory '%s' was removed or moved",
			  w->c.repo.git_dir);
}

int dv_watch_lock(struct dv_watch *w, struct dv_err *err)
{
	char pid[32] = "";
	char *path = dv_fmt("%s/dv-watch/lock", w->c.repo.git_dir);
	int rc, n;

	w->dir = dv_fmt("%s/dv-watch", w->c.repo.git_dir);
	if (!path || !w->dir) {
		free(path);
		return dv_err_nomem(err);
	}
	rc = dv_dir_make(w->dir, err);
	if (!rc && (id_of(w->c.repo.git_dir, &w->git_id) ||
		    id_of(w->c.repo.common_dir, &w->common_id)))
		rc = dv_err_errno(err, "cannot look at '%s'",
				  w->c.repo.git_dir);
	if (!rc) {
		w->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			       0666);
		if (w->lock < 0)
			rc = dv_err_errno(err, "cannot open '%s'", path);
	}
	if (!rc)
		rc = dv_lock_fd(w->lock, DV_LOCK_EXCL, 0, err);
	if (rc == DV_EAGAIN) {
		ssize_t got = pread(w->lock, pid, sizeof(pid) - 1, 0);

		pid[got > 0 ? got : 0] = '\0';
		pid[strcspn(pid, "\n")] = '\0';
		dv_err_set(err, rc, "another monitor watches this worktree already%s%s%s",
			   *pid ? " (process " : "", pid, *pid ? ")" : "");
		close(w->lock);
		w->lock = -1;
	} else if (!rc) {
		n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
		if (ftruncate(w->lock, 0) ||
		    dv_pwrite_full(w->lock, pid, (size_t)n, 0))
			dv_log_debug("'%s' does not say who holds it", path);
	}
	free(path);
	return rc;
}

void dv_watch_unlock(struct dv_watch *w)
{
	if (w->lock >= 0)
		close(w->lock);
	w->lock = -1;
	free(w->dir);
	free(w->config_count);
	w->dir = w->config_count = NULL;
}

/* A folder, not a link to one. */
static int is_folder(const char *top, const char *path)
{
	char *full = dv_fmt("%s/%s", top, path);
	struct stat st;
	int yes = full && !lstat(full, &st) && S_ISDIR(st.st_mode);

	free(full);
	return yes;
}

static int has_log_folder(const struct dv_watch *w)
{
	return is_folder(w->c.repo.top, "logs") &&
	       is_folder(w->c.repo.top, "logs/data");
}

/* The log's path from the top, where it is in the worktree. */
static void find_log_path(struct dv_watch *w)
{
	char *dir = dv_path_dir(w->log.path), *real;
	const char *name = strrchr(w->log.path, '/');
	size_t top = strlen(w->c.repo.top);

	real = dir ? realpath(dir, NULL) : NULL;
	name = name ? name + 1 : w->log.path;
	free(w->log_path);
	w->log_path = NULL;
	if (real && !strcmp(real, w->c.repo.top))
		w->log_path = strdup(name);
	else if (real && !strncmp(real, w->c.repo.top, top) &&
		 real[top] == '/')
		w->log_path = dv_fmt("%s/%s", real + top + 1, name);
	free(real);
	free(dir);
}

int dv_watch_log(struct dv_watch *w, struct dv_err *err)
{
	char *path = NULL, *dir = NULL, *real;
	const char *name;
	int rc = DV_ENOTFOUND;

	if (w->no_log)
		return 0;
	if (w->log_file) {
		/* The current directory is about to change. */
		dir = dv_path_dir(w->log_file);
		name = strrchr(w->log_file, '/');
		name = name ? name + 1 : w->log_file;
		real = dir ? realpath(dir, NULL) : NULL;
		if (!real)
			rc = dv_err_errno(err, "cannot write the log '%s'",
					  w->log_file);
		else
			path = dv_fmt("%s/%s", real, name);
		if (path)
			rc = dv_changelog_open(&w->log, path, 1, w->log_max,
					       w->keep, err);
		free(real);
	} else {
		w->default_log = 1;
		if (has_log_folder(w)) {
			path = dv_fmt("%s/logs/data/" LOG_NAME, w->c.repo.top);
			rc = path ? dv_changelog_open(&w->log, path, 0,
						      w->log_max, w->keep,
						      err) : DV_ENOMEM;
			if (rc)
				dv_log_warn("%s; the log is in '%s'", err->msg,
					    w->dir);
		}
		if (rc) {
			dv_err_clear(err);
			free(path);
			path = dv_fmt("%s/" LOG_NAME, w->dir);
			rc = path ? dv_changelog_open(&w->log, path, 0,
						      w->log_max, w->keep,
						      err) : dv_err_nomem(err);
		}
	}
	free(path);
	free(dir);
	if (!rc)
		find_log_path(w);
	return rc;
}

void dv_watch_log_check(struct dv_watch *w)
{
	char *path;

	if (!w->default_log || !w->log.path || !w->log_path ||
	    strncmp(w->log_path, "logs/data/", 10) || has_log_folder(w))
		return;
	path = dv_fmt("%s/" LOG_NAME, w->dir);
	if (!path)
		return;
	dv_log_warn("the folder 'logs/data' is gone; the log goes on in '%s'",
		    path);
	if (w->log.fd >= 0)
		close(w->log.fd);
	w->log.fd = -1;
	w->log.failing = 0;
	free(w->log.path);
	w->log.path = path;
	find_log_path(w);
}

/* It, or one that was turned over. */
static int is_log(const char *log, const char *path)
{
	size_t n = strlen(log);

	return !strncmp(path, log, n) &&
	       (!path[n] || (path[n] == '.' && path[n + 1] &&
			     !path[n + 1 + strspn(path + n + 1, "0123456789")]));
}

int dv_watch_is_log(const struct dv_watch *w, const char *path)
{
	/* One that stood there before its folder went, too. */
	return (w->default_log && is_log("logs/data/" LOG_NAME, path)) ||
	       (w->log_path && is_log(w->log_path, path));
}

int dv_watch_top_gone(void)
{
	char *dir = getcwd(NULL, 0);
	int is = !dir;

	free(dir);
	return is;
}

static int check_links(const struct dv_watch *w, const char *path,
		       const char *arg, struct dv_err *err)
{
	char *full = dv_fmt("%s/%s", w->c.repo.top, path), *p;
	struct stat st;
	int rc = full ? 0 : dv_err_nomem(err);

	for (p = full ? full + strlen(w->c.repo.top) + 1 : NULL; p && !rc;) {
		char *slash = strchr(p, '/');

		if (slash)
			*slash = '\0';
		if (lstat(full, &st))
			rc = dv_err_errno(err, "cannot watch '%s'", arg);
		else if (S_ISLNK(st.st_mode))
			rc = dv_err_set(err, DV_EINVAL,
					"'%s' leads through the symbolic link '%s', which is not followed; name the folder that it leads to",
					arg, full);
		if (slash)
			*slash = '/';
		p = slash ? slash + 1 : NULL;
	}
	free(full);
	return rc;
}

static int is_git_part(const char *path)
{
	for (const char *p = path; p; p = strchr(p, '/')) {
		p += *p == '/';
		if (!strncmp(p, ".git", 4) && (!p[4] || p[4] == '/'))
			return 1;
	}
	return 0;
}

int dv_watch_paths(struct dv_watch *w, char **argv, int n, struct dv_err *err)
{
	int rc = 0;

	for (int i = 0; i < n && !rc; i++) {
		if (!*argv[i])
			return dv_err_set(err, DV_EINVAL,
					  "an empty path names nothing; '.' is the current folder");
		rc = dv_path_from_top(&w->c, argv[i], &w->under, err);
		if (!rc && is_git_part(w->under.v[w->under.n - 1]))
			rc = dv_err_set(err, DV_EINVAL,
					"'%s' is Git's own, and not watched",
					argv[i]);
		if (!rc && *w->under.v[w->under.n - 1])
			rc = check_links(w, w->under.v[w->under.n - 1],
					 argv[i], err);
	}
	return rc;
}

/* --- core.fsmonitor --- */

/*
 * git config for the clone's own core.fsmonitor. Its folder is named, since the
 * current one may be gone. *code is 1 or 5 where there is no such value.
 */
static int config(const struct dv_watch *w, const char *how, const char *value,
		  struct dv_buf *out, int *code, struct dv_err *err)
{
	const char *argv[] = { "git", "-C", w->c.repo.common_dir, "config",
		"--local", how, "core.fsmonitor", value, NULL };
	char *dir = dv_fmt("GIT_DIR=%s", w->c.repo.common_dir);
	const char *env[] = { dir, NULL };
	int rc = dir ? dv_proc_capture(argv, env, DV_PROC_QUIET, 65536, out,
				       code, err) : dv_err_nomem(err);

	free(dir);
	return rc;
}

/*
 * Ours stands behind the clone's own value, if it has one: the last counts, and
 * the own one is there when ours goes, whoever takes it away.
 */
static int set_ours(const struct dv_watch *w, int on, struct dv_err *err)
{
	struct dv_buf out = { 0 };
	int code = 0, rc;

	rc = on ? config(w, "--add", HOOK, &out, &code, err) :
		  config(w, "--unset-all", "^" HOOK "$", &out, &code, err);
	dv_buf_release(&out);
	if (!rc && code && (on || code != 5))
		rc = dv_err_set(err, DV_EIO,
				"cannot %s core.fsmonitor in '%s/config'",
				on ? "set" : "unset", w->c.repo.common_dir);
	return rc;
}

/* What counts of the clone's own values, or NULL. Caller frees. */
static char *setting(const struct dv_watch *w)
{
	struct dv_buf out = { 0 };
	int code = 1;

	if (config(w, "--get", NULL, &out, &code, NULL) || code) {
		dv_buf_release(&out);
		return NULL;
	}
	while (out.n && out.p[out.n - 1] == '\n')
		out.n--;
	return dv_buf_detach(&out);
}

/* Does somebody hold the lock of this Git directory's monitor? */
static int lives(const char *git_dir)
{
	char *path = dv_fmt("%s/dv-watch/lock", git_dir);
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1, yes = 0;

	if (fd >= 0) {
		yes = dv_lock_fd(fd, DV_LOCK_SHARED, 0, NULL) == DV_EAGAIN;
		close(fd);
	}
	free(path);
	return yes;
}

/* The setting is of all worktrees of the clone. */
static int others_live(const struct dv_watch *w)
{
	const char *common = w->c.repo.common_dir;
	char *dir = dv_fmt("%s/worktrees", common);
	struct dv_strs names = { 0 };
	int yes = strcmp(common, w->c.repo.git_dir) && lives(common);

	if (dir && !dv_dir_list(dir, &names, NULL))
		for (size_t i = 0; i < names.n && !yes; i++) {
			char *one = dv_fmt("%s/%s", dir, names.v[i]);

			yes = one && strcmp(one, w->c.repo.git_dir) &&
			      lives(one);
			free(one);
		}
	dv_strs_release(&names);
	free(dir);
	return yes;
}

int dv_watch_environment(struct dv_watch *w, struct dv_err *err)
{
	const char *had = getenv("GIT_CONFIG_COUNT");
	long n = had ? strtol(had, NULL, 10) : 0;
	char name[64], count[32];

	w->config_count = had ? dv_fmt("GIT_CONFIG_COUNT=%s", had) :
				strdup("GIT_CONFIG_COUNT");
	if (!w->config_count)
		return dv_err_nomem(err);
	n = n < 0 ? 0 : n;
	snprintf(count, sizeof(count), "%ld", n + 1);
	snprintf(name, sizeof(name), "GIT_CONFIG_KEY_%ld", n);
	setenv(name, "core.fsmonitor", 1);
	snprintf(name, sizeof(name), "GIT_CONFIG_VALUE_%ld", n);
	setenv(name, "false", 1);
	setenv("GIT_CONFIG_COUNT", count, 1);
	return 0;
}

int dv_watch_configure(struct dv_watch *w, struct dv_err *err)
{
	char *now = setting(w);
	const char *fs;
	int rc = 0;

	if (!w->fsmonitor) {
		/* One that was killed left it behind. */
		if (now && !strcmp(now, HOOK) && !others_live(w))
			rc = set_ours(w, 0, err);
		free(now);
		return rc;
	}
	fs = dv_monitor_remote(w->m);
	if (fs)
		rc = dv_err_set(err, DV_EINVAL,
				"'%s' is on a file system of kind %s, where inotify does not see what other machines write: --fsmonitor cannot be used here",
				w->c.repo.top, fs);
	else if (now && *now && strcmp(now, HOOK) && strcmp(now, "false"))
		rc = dv_err_set(err, DV_EEXIST,
				"core.fsmonitor is set to '%s' in this clone; 'git config --unset core.fsmonitor' makes room for --fsmonitor",
				now);
	if (!rc)
		rc = dv_fsmonitor_listen(w->dir, &w->listen, err);
	if (!rc && (!now || strcmp(now, HOOK)))
		rc = set_ours(w, 1, err);
	w->configured = !rc;
	free(now);
	return rc;
}

void dv_watch_unconfigure(struct dv_watch *w)
{
	struct dv_err err = { 0 };
	char *now;

	if (w->configured && is_same(w->c.repo.common_dir, &w->common_id)) {
		now = setting(w);
		if (now && !strcmp(now, HOOK) && !others_live(w) &&
		    set_ours(w, 0, &err))
			dv_log_warn("%s", err.msg);
		free(now);
	}
	w->configured = 0;
	if (w->listen >= 0 && is_same(w->c.repo.git_dir, &w->git_id))
		dv_fsmonitor_unlisten(w->dir, w->listen);
	else if (w->listen >= 0)
		close(w->listen);
	w->listen = -1;
}
