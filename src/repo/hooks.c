#include "repo/hooks.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "repo/hookcall.h"
#include "repo/hookconf.h"
#include "repo/hookdir.h"
#include "repo/hooktext.h"

#define KEPT ".before-git-dv"
#define HOOK_MAX (1u << 20)

const char *const dv_hook_names[] = { "pre-commit", "pre-push",
				      "post-checkout", "post-merge", NULL };

/* A dangling link is there, too. */
static int is_there(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static int is_link(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISLNK(st.st_mode);
}

static int is_ours(const char *path)
{
	return dv_hook_is_ours(dv_hooktext_kind(path));
}

/* Git passes over a hook that is not executable. */
static int runs_ours(const char *path)
{
	return !access(path, X_OK) && is_ours(path);
}

/* For all who may read it. */
static int make_executable(const char *path, int *changed, struct dv_err *err)
{
	struct stat st;

	if (!access(path, X_OK))
		return 0;
	if (stat(path, &st) ||
	    chmod(path, (st.st_mode & 07777) | ((st.st_mode & 0444) >> 2)))
		return dv_err_errno(err, "cannot make '%s' executable", path);
	++*changed;
	return 0;
}

/* Empty where it cannot be read. */
static const char *read_hook(const char *path, struct dv_buf *out)
{
	if (dv_file_read(path, out, HOOK_MAX, NULL))
		out->n = 0;
	return dv_buf_str(out);
}

/* Does it run our part, as the manual tells people to write it? */
static int calls_us(const char *path, const char *name)
{
	struct dv_buf b = { 0 };
	int yes = !access(path, X_OK) &&
		  dv_hookcall_is_in(read_hook(path, &b), name);

	dv_buf_release(&b);
	return yes;
}

static int is_pre_commits(const char *path)
{
	struct dv_buf b = { 0 };
	int yes = dv_hookcall_runs_legacy(read_hook(path, &b));

	dv_buf_release(&b);
	return yes;
}

static int same_link(const char *a, const char *b)
{
	char x[PATH_MAX], y[PATH_MAX];
	ssize_t n = readlink(a, x, sizeof(x));

	return n > 0 && readlink(b, y, sizeof(y)) == n &&
	       !memcmp(x, y, (size_t)n);
}

static int same(const char *a, const char *b)
{
	struct dv_buf x = { 0 }, y = { 0 };
	int yes;

	if (is_link(a) || is_link(b))
		return same_link(a, b);
	yes = !dv_file_read(a, &x, HOOK_MAX, NULL) &&
	      !dv_file_read(b, &y, HOOK_MAX, NULL) && x.n == y.n &&
	      (!x.n || !memcmp(x.p, y.p, x.n));
	dv_buf_release(&x);
	dv_buf_release(&y);
	return yes;
}

/*
 * Under which names others keep our hook. pre-commit runs what it keeps;
 * lefthook, and people, do not.
 */
#define LEGACY ".legacy"
static const char *const kept_by_others[] = { LEGACY, ".old", NULL };

/* The framework itself must be there to run it. */
static int runs_by_pre_commit(const char *path)
{
	char *legacy = dv_fmt("%s" LEGACY, path);
	int yes = legacy && dv_hooktext_kind(path) == DV_HOOK_FOREIGN &&
		  !access(path, X_OK) && runs_ours(legacy) &&
		  is_pre_commits(path);

	free(legacy);
	return yes;
}

static int runs_already(struct dv_repo *r, const char *dir, const char *name)
{
	char *path = dv_fmt("%s/%s", dir, name);
	int yes = path && (runs_ours(path) || calls_us(path, name) ||
			   runs_by_pre_commit(path));

	free(path);
	return yes || dv_hookconf_has(r, name);
}

/*
 * Copies of ours that nobody runs: lefthook does not install itself again
 * where there is one. Who names it may run it.
 */
static void drop_copies(const char *path, const char *front)
{
	struct dv_buf text = { 0 };

	read_hook(front, &text);
	for (int i = 0; kept_by_others[i]; i++) {
		char *copy = dv_fmt("%s%s", path, kept_by_others[i]);
		enum dv_hook_kind kind = copy ? dv_hooktext_kind(copy) :
						DV_HOOK_ABSENT;

		if ((kind == DV_HOOK_OLD || kind == DV_HOOK_CURRENT) &&
		    !strstr(dv_buf_str(&text), kept_by_others[i]))
			unlink(copy);
		free(copy);
	}
	dv_buf_release(&text);
}

/*
 * Is what we kept written anew in front? A tool that came again does so; for
 * pre-commit, which then runs us, keeping it would be a circle.
 */
static int superseded(const char *path, const char *kept)
{
	return dv_hooktext_kind(path) == DV_HOOK_FOREIGN && is_there(kept) &&
	       (same(path, kept) ||
		(is_pre_commits(path) && is_pre_commits(kept)));
}

/* Out of the way, under a name that nobody has: nothing is ever lost. */
static int set_aside(const char *path, const char *suffix, char **to,
		     struct dv_err *err)
{
	*to = dv_fmt("%s%s", path, suffix);
	for (int i = 2; *to && is_there(*to); i++) {
		free(*to);
		*to = dv_fmt("%s%s.%d", path, suffix, i);
	}
	if (!*to)
		return dv_err_nomem(err);
	if (rename(path, *to))
		return dv_err_errno(err, "cannot rename '%s'", path);
	return 0;
}

/*
 * Where ours stands. Where pre-commit's is in front, behind that: it writes
 * over what it keeps when it comes again and is not in front.
 */
static char *our_place(const char *dir, const char *name)
{
	char *path = dv_fmt("%s/%s", dir, name);
	char *legacy = dv_fmt("%s/%s" LEGACY, dir, name);
	int behind = path && dv_hooktext_kind(path) == DV_HOOK_FOREIGN &&
		     !access(path, X_OK) && is_pre_commits(path);

	free(behind ? path : legacy);
	return behind ? legacy : path;
}

/* A sample is no hook. */
static int install_one(const char *dir, const char *name, int *changed,
		       struct dv_err *err)
{
	char *path = our_place(dir, name);
	char *kept = dv_fmt("%s/%s" KEPT, dir, name);
	enum dv_hook_kind kind;
	char *old = NULL;
	int rc = 0;

	if (!path || !kept) {
		rc = dv_err_nomem(err);
		goto out;
	}
	kind = dv_hooktext_kind(path);
	if (kind == DV_HOOK_EDITED)
		dv_log_warn("'%s' is git-dv's hook with changes, and stays as it is; lines of your own belong in '%s', which it runs",
			    path, kept);
	if (kind == DV_HOOK_CURRENT || kind == DV_HOOK_EDITED) {
		rc = make_executable(path, changed, err);
		goto out;
	}
	if (kind == DV_HOOK_FOREIGN) {
		/*
		 * Somebody wrote over ours. husky and others write the same
		 * again now and then; anything else that was kept has not been
		 * run since, and is not run again.
		 */
		if (is_there(kept) && !same(path, kept)) {
			rc = set_aside(kept, ".old", &old, err);
			if (rc)
				goto out;
			dv_log_warn("'%s' took the place of git-dv's hook and is run by it now; what that ran before is in '%s', which git does not run",
				    path, old);
		}
		if (rename(path, kept)) {
			rc = dv_err_errno(err, "cannot rename '%s'", path);
			goto out;
		}
	}
	rc = dv_hooktext_write(path, err);
	if (!rc) {
		++*changed;
		if (kind == DV_HOOK_FOREIGN)
			drop_copies(path, kept);
	} else if (kind == DV_HOOK_FOREIGN && rename(kept, path)) {
		rc = dv_err_errno(err, "cannot put '%s' back", path);
	}
out:
	free(path);
	free(kept);
	free(old);
	return rc;
}

static char *made_mark(const char *dir)
{
	return dv_fmt("%s/.made-by-git-dv", dir);
}

/* Hooks that call us by hand are nothing that we would remove. */
static void join(struct dv_repo *r, const char *dir)
{
	int any = 0;

	for (int i = 0; !any && dv_hook_names[i]; i++) {
		char *path = dv_fmt("%s/%s", dir, dv_hook_names[i]);

		any = path && is_ours(path);
		free(path);
	}
	if (any)
		dv_hookdir_join(r, dir);
}

/* One that cannot be installed is no reason to go without the others. */
static int install_all(struct dv_repo *r, const char *dir, int *changed,
		       struct dv_err *err)
{
	int rc = 0;

	for (int i = 0; dv_hook_names[i]; i++) {
		char *path = dv_fmt("%s/%s", dir, dv_hook_names[i]);
		char *kept = dv_fmt("%s/%s" KEPT, dir, dv_hook_names[i]);
		struct dv_err *first = rc ? NULL : err;
		int one = 0;

		if (path && kept && runs_by_pre_commit(path) &&
		    superseded(path, kept))
			unlink(kept);
		if (!path || !kept)
			one = dv_err_nomem(first);
		else if (is_ours(path) ||
			 !runs_already(r, dir, dv_hook_names[i]))
			one = install_one(dir, dv_hook_names[i], changed, first);
		if (!rc)
			rc = one;
		free(kept);
		free(path);
	}
	return rc;
}

/* In git's configuration, what neither that nor the folder runs yet. */
static int configure_all(struct dv_repo *r, const char *dir, int *changed,
			 struct dv_err *err)
{
	int rc = 0;

	for (int i = 0; !rc && dv_hook_names[i]; i++) {
		if (runs_already(r, dir, dv_hook_names[i]))
			continue;
		rc = dv_hookconf_add(r, dv_hook_names[i], err);
		++*changed;
	}
	return rc;
}

/* An older git installed files beside it: they are enough. */
static int deconfigure(struct dv_repo *r, const char *dir, int *changed,
		       struct dv_err *err)
{
	int rc = 0;

	for (int i = 0; !rc && dv_hook_names[i]; i++) {
		char *path = dir ? dv_fmt("%s/%s", dir, dv_hook_names[i]) : NULL;

		if (!dir || (path && is_ours(path)))
			rc = dv_hookconf_remove(r, dv_hook_names[i], changed,
						err);
		free(path);
	}
	return rc;
}

/* What is no folder at all, as /dev/null, is somebody's wish to have none. */
static int may_configure(const char *dir)
{
	return (dv_dir_exists(dir) || access(dir, F_OK)) &&
	       dv_hookconf_works();
}

int dv_hooks_install(struct dv_repo *r, int *changed, struct dv_err *err)
{
	char *dir = dv_hookdir_path(r), *mark = dir ? made_mark(dir) : NULL;
	int rc = 0, made;

	*changed = 0;
	if (!mark) {
		free(dir);
		return dv_err_nomem(err);
	}
	if (!dv_hooks_installed(r) && dv_hookdir_is_versioned(r, dir)) {
		if (may_configure(dir)) {
			rc = configure_all(r, dir, changed, err);
			goto out;
		}
		rc = dv_err_set(err, DV_EINVAL,
				"'%s' is part of the worktree and not ignored",
				dir);
		goto out;
	}
	made = !dv_dir_exists(dir);
	rc = dv_dir_make(dir, err);
	if (!rc && made)
		rc = dv_file_write(mark, "", 0, 0666, 0, err);
	if (!rc)
		rc = install_all(r, dir, changed, err);
	if (!rc)
		rc = deconfigure(r, dir, changed, err);
	else if (may_configure(dir) && !configure_all(r, dir, changed, NULL)) {
		dv_err_clear(err);
		rc = 0;
		goto out;
	}
	if (!rc && dv_hookdir_is_shared(r, dir)) {
		join(r, dir);
		if (*changed)
			dv_log_note("The hooks are in '%s', which may serve other repositories; they do nothing where git-dv is not used.",
				    dir);
	}
out:
	if (rc)
		dv_err_prefix(err, "hooks are not installed (add 'git dv hook NAME \"$@\"' to them by hand, or do without by 'git dv init --no-hooks')");
	free(dir);
	free(mark);
	return rc;
}

/* Ours away, and what we kept back in its place. */
static int remove_at(const char *path, const char *kept, int *changed,
		     struct dv_err *err)
{
	enum dv_hook_kind kind = dv_hooktext_kind(path);
	char *aside = NULL;
	int rc = 0;

	if (!dv_hook_is_ours(kind))
		return 0;
	if (kind == DV_HOOK_EDITED) {
		rc = set_aside(path, ".edited", &aside, err);
		if (!rc)
			dv_log_warn("'%s' was git-dv's hook with changes; they are in '%s', which git does not run",
				    path, aside);
		free(aside);
	}
	if (!rc && (is_there(kept) ? rename(kept, path) :
		    kind != DV_HOOK_EDITED && unlink(path)))
		rc = dv_err_errno(err, "cannot remove '%s'", path);
	if (!rc)
		++*changed;
	return rc;
}

/* The folder of links by which hook.sh runs what was kept. */
static void remove_links(const char *dir)
{
	char *links = dv_fmt("%s" KEPT, dir);
	struct dv_strs names = { 0 };

	if (!links || dv_dir_list(links, &names, NULL))
		names.n = 0;
	for (size_t i = 0; i < names.n; i++) {
		char *path = dv_fmt("%s/%s", links, names.v[i]);

		if (path && (is_link(path) ||
			     !strcmp(names.v[i], ".gitignore")))
			unlink(path);
		free(path);
	}
	/* What a hook may have put there stays. */
	if (links)
		rmdir(links);
	dv_strs_release(&names);
	free(links);
}

static int remove_in(const char *dir, int *changed, struct dv_err *err)
{
	char *mark = made_mark(dir);
	int rc = mark ? 0 : dv_err_nomem(err);

	for (int i = 0; !rc && dv_hook_names[i]; i++) {
		char *path = dv_fmt("%s/%s", dir, dv_hook_names[i]);
		char *kept = dv_fmt("%s/%s" KEPT, dir, dv_hook_names[i]);

		if (path && kept && superseded(path, kept))
			unlink(kept);
		rc = path && kept ? remove_at(path, kept, changed, err) :
				    dv_err_nomem(err);
		for (int k = 0; !rc && kept_by_others[k]; k++) {
			char *other = dv_fmt("%s%s", path, kept_by_others[k]);

			rc = other ? remove_at(other, kept, changed, err) :
				     dv_err_nomem(err);
			free(other);
		}
		free(path);
		free(kept);
	}
	if (!rc)
		remove_links(dir);
	/* A folder that was not there before goes, if nobody else uses it. */
	if (!rc && !unlink(mark))
		rmdir(dir);
	free(mark);
	return rc;
}

static int leave(struct dv_repo *r, const char *dir, int *changed, int *stay,
		 struct dv_err *err)
{
	char *other = NULL;
	int rc = 0;

	if (dv_hookdir_is_shared(r, dir))
		rc = dv_hookdir_leave(r, dir, &other, err);
	if (!rc && other) {
		*stay = 1;
		dv_log_note("The hooks in '%s' stay, since '%s' uses them as well; here they do nothing.",
			    dir, other);
	} else if (!rc) {
		rc = remove_in(dir, changed, err);
	}
	free(other);
	return rc;
}

int dv_hooks_uninstall(struct dv_repo *r, int *changed, int *stay,
		       struct dv_err *err)
{
	char *dir = dv_hookdir_path(r);
	char *usual = dv_fmt("%s/hooks", r->common_dir);
	int rc = dir && usual ? 0 : dv_err_nomem(err);

	*changed = *stay = 0;
	if (!rc)
		rc = leave(r, dir, changed, stay, err);
	/* core.hooksPath may have been set since. */
	if (!rc && strcmp(dir, usual))
		rc = leave(r, usual, changed, stay, err);
	if (!rc)
		rc = deconfigure(r, NULL, changed, err);
	free(dir);
	free(usual);
	return rc;
}

int dv_hooks_installed(struct dv_repo *r)
{
	char *dir = dv_hookdir_path(r);
	int all = dir != NULL;

	for (int i = 0; all && dv_hook_names[i]; i++)
		all = runs_already(r, dir, dv_hook_names[i]);
	free(dir);
	return all;
}

void dv_hooks_ensure(struct dv_repo *r)
{
	char *dir = dv_hookdir_path(r);
	struct dv_err why = { 0 };
	int changed = 0, shared;

	if (!dir || !dv_config_bool(r, "dv.hooks", 1))
		goto out;
	shared = dv_hookdir_is_shared(r, dir);
	if (dv_hooks_installed(r)) {
		if (shared)
			join(r, dir);
	} else if (shared && may_configure(dir)) {
		if (configure_all(r, dir, &changed, &why))
			dv_log_warn("%s", why.msg);
	} else if (shared) {
		dv_log_warn("a push will leave content behind: git-dv's hooks are not installed, as '%s' may be the hooks folder of other repositories, too; 'git dv init' installs them there, 'git dv init --no-hooks' does without",
			    dir);
	} else if (dv_hooks_install(r, &changed, &why)) {
		dv_log_warn("%s", why.msg);
	}
out:
	free(dir);
}

int dv_hooks_foreign(struct dv_repo *r, const char *name)
{
	char *dir = dv_hookdir_path(r);
	char *path = dir ? dv_fmt("%s/%s", dir, name) : NULL;
	int foreign = path && !access(path, X_OK) &&
		      dv_hooktext_kind(path) == DV_HOOK_FOREIGN;

	free(path);
	free(dir);
	return foreign;
}
