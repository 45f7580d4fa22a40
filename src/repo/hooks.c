#include "repo/hooks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define MARK "# git-dv hook, version 1"
#define KEPT ".before-git-dv"
#define HOOK_MAX (1u << 20)

const char *const dv_hook_names[] = { "pre-commit", "pre-push",
				      "post-checkout", "post-merge", NULL };

/* hooks/hook.sh, made a C string by the build. */
static const char text[] =
#include "repo/hook-text.h"
	;

char *dv_hooks_dir(struct dv_repo *r)
{
	const char *path = dv_config_get_own(r, "core.hookspath");
	const char *home = getenv("HOME");

	if (!path || !*path)
		return dv_fmt("%s/hooks", r->common_dir);
	if (!strncmp(path, "~/", 2) && home)
		return dv_fmt("%s/%s", home, path + 2);
	if (*path == '/')
		return strdup(path);
	return dv_fmt("%s/%s", r->top ? r->top : r->git_dir, path);
}

/* 1 ours, 0 foreign, -1 absent; *current: byte for byte what we would write. */
static int whose(const char *path, int *current)
{
	struct dv_buf b = { 0 };
	int rc;

	*current = 0;
	if (access(path, F_OK))
		return -1;
	if (dv_file_read(path, &b, HOOK_MAX, NULL)) {
		dv_buf_release(&b);
		return 0;
	}
	rc = strstr(dv_buf_str(&b), "\n" MARK) != NULL;
	*current = b.n == sizeof(text) - 1 && !memcmp(b.p, text, b.n);
	dv_buf_release(&b);
	return rc;
}

/* Git runs a hook only where it is executable; a sample is no hook. */
static int install_one(const char *dir, const char *name, int *changed,
		       struct dv_err *err)
{
	char *path = dv_fmt("%s/%s", dir, name);
	char *kept = dv_fmt("%s/%s" KEPT, dir, name);
	int current, rc = 0, who;

	if (!path || !kept) {
		rc = dv_err_nomem(err);
		goto out;
	}
	who = whose(path, &current);
	if (who == 1 && current)
		goto out;
	if (who == 0) {
		if (!access(kept, F_OK)) {
			rc = dv_err_set(err, DV_EEXIST,
					"both '%s' and '%s' are there; remove one of them",
					path, kept);
			goto out;
		}
		if (rename(path, kept)) {
			rc = dv_err_errno(err, "cannot rename '%s'", path);
			goto out;
		}
	}
	rc = dv_file_write(path, text, sizeof(text) - 1, 0777, 0, err);
	if (!rc)
		++*changed;
	else if (who == 0 && rename(kept, path))
		rc = dv_err_errno(err, "cannot put '%s' back", path);
out:
	free(path);
	free(kept);
	return rc;
}

int dv_hooks_install(struct dv_repo *r, int *changed, struct dv_err *err)
{
	char *dir = dv_hooks_dir(r);
	int rc;

	*changed = 0;
	if (!dir)
		return dv_err_nomem(err);
	rc = dv_dir_make(dir, err);
	for (int i = 0; !rc && dv_hook_names[i]; i++)
		rc = install_one(dir, dv_hook_names[i], changed, err);
	if (rc)
		dv_err_prefix(err, "hooks are not installed (add 'git dv hook NAME \"$@\"' to them by hand)");
	free(dir);
	return rc;
}

int dv_hooks_uninstall(struct dv_repo *r, int *changed, struct dv_err *err)
{
	char *dir = dv_hooks_dir(r);
	int rc = 0, current;

	*changed = 0;
	if (!dir)
		return dv_err_nomem(err);
	for (int i = 0; !rc && dv_hook_names[i]; i++) {
		char *path = dv_fmt("%s/%s", dir, dv_hook_names[i]);
		char *kept = dv_fmt("%s/%s" KEPT, dir, dv_hook_names[i]);

		if (!path || !kept) {
			rc = dv_err_nomem(err);
		} else if (whose(path, &current) == 1) {
			if (!access(kept, F_OK) ? rename(kept, path) :
						  unlink(path))
				rc = dv_err_errno(err, "cannot remove '%s'",
						  path);
			else
				++*changed;
		}
		free(path);
		free(kept);
	}
	free(dir);
	return rc;
}

int dv_hooks_installed(struct dv_repo *r)
{
	char *dir = dv_hooks_dir(r);
	int all = dir != NULL, current;

	for (int i = 0; all && dv_hook_names[i]; i++) {
		char *path = dv_fmt("%s/%s", dir, dv_hook_names[i]);

		all = path && whose(path, &current) == 1;
		free(path);
	}
	free(dir);
	return all;
}

int dv_hooks_foreign(struct dv_repo *r, const char *name)
{
	char *dir = dv_hooks_dir(r);
	char *path = dir ? dv_fmt("%s/%s", dir, name) : NULL;
	int current, foreign;

	foreign = path && !access(path, X_OK) && whose(path, &current) == 0;
	free(path);
	free(dir);
	return foreign;
}
