/* install, uninstall, init: what git is told, and how it is taken back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "cmd/cmd.h"
#include "repo/hooks.h"

static const char *const filter_settings[][2] = {
	{ "filter.dv.process", "git-dv-filter process" },
	{ "filter.dv.clean", "git-dv-filter clean -- %f" },
	{ "filter.dv.smudge", "git-dv-filter smudge -- %f" },
	{ "filter.dv.required", "true" },
	{ "merge.dv.name", "git-dv: content is never merged, one side is kept" },
	{ "merge.dv.driver", "git-dv merge-driver %O %A %B %P" },
	/* Where merge bases are merged: a guess could pass for a side's content. */
	{ "merge.dv.recursive", "binary" },
	{ "merge.dvregistry.name", "git-dv: the versions of both sides" },
	{ "merge.dvregistry.driver", "git-dv merge-registry %O %A %B %P" },
};

int dv_setup_filters(const char *where, struct dv_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < DV_ARRAY_SIZE(filter_settings); i++)
		rc = dv_config_set(where, filter_settings[i][0],
				   filter_settings[i][1], err);
	return rc;
}

int dv_have_filter(struct dv_repo *r, struct dv_err *err)
{
	static const char none[] =
		"git does not run git-dv's filter here; 'git dv install' sets it up for you, 'git dv init' for this repository alone";
	const char *process = dv_config_get_own(r, "filter.dv.process");
	const char *clean = dv_config_get_own(r, "filter.dv.clean");

	if ((process && *process) || (clean && *clean))
		return 1;
	if (err)
		dv_err_set(err, DV_ENOTFOUND, "%s", none);
	else
		dv_log_warn("%s", none);
	return 0;
}

int dv_setup_registry_merge(struct dv_repo *r, struct dv_err *err)
{
	static const char section[] = "merge.dvregistry.";
	int rc = 0;

	if (dv_config_get_own(r, "merge.dvregistry.driver"))
		return 0;
	for (size_t i = 0; !rc && i < DV_ARRAY_SIZE(filter_settings); i++)
		if (!strncmp(filter_settings[i][0], section,
			     sizeof(section) - 1))
			rc = dv_config_set("--local", filter_settings[i][0],
					   filter_settings[i][1], err);
	return rc;
}

/*
 * Only the values that we set: what somebody changed is theirs. Git removes a
 * section with its last value, unless there is a comment in it.
 */
int dv_remove_filters(const char *where, struct dv_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < DV_ARRAY_SIZE(filter_settings); i++) {
		const char *key = filter_settings[i][0];
		const char *get[] = { "git", "config", where, "--get", key,
				      NULL };
		struct dv_buf out = { 0 };
		int code;

		rc = dv_proc_capture(get, NULL, DV_PROC_QUIET, 65536, &out,
				     &code, err);
		if (!rc && !code) {
			while (out.n && out.p[out.n - 1] == '\n')
				out.n--;
			if (!strcmp(dv_buf_str(&out), filter_settings[i][1]))
				rc = dv_config_unset(where, key, err);
			else
				dv_log_warn("%s was changed and stays", key);
		}
		dv_buf_release(&out);
	}
	return rc;
}

struct scope {
	int local, global, system;
};

static const char *scope_name(const struct scope *s)
{
	return s->local ? "--local" : s->system ? "--system" : "--global";
}

int dv_cmd_install(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv install",
		"git-dv-install", "[--local | --global | --system]" };
	struct scope s = { 0 };
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 0, "local", &s.local, NULL, "for this repository alone", 0 },
		{ DV_OPT_FLAG, 0, "global", &s.global, NULL, "for this user (the default)", 0 },
		{ DV_OPT_FLAG, 0, "system", &s.system, NULL, "for every user of this machine", 0 },
		{ 0 },
	};
	int n = dv_opt_parse(&cmd, opts, argc, argv, NULL);
	struct dv_err err = { 0 };

	if (n < 0)
		return dv_opt_exit(n);
	if (n || s.local + s.global + s.system > 1) {
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	if (dv_setup_filters(scope_name(&s), &err))
		return dv_fail(&err);
	dv_log_note("git-dv's filters are set up (%s).", scope_name(&s) + 2);
	return 0;
}

/* Lines of .git/info/exclude that we wrote. */
static void clean_exclude(struct dv_repo *r)
{
	static const char line[] = ".git-dv-tmp-*\n";
	char *path = dv_fmt("%s/info/exclude", r->common_dir);
	const char *at, *rest;
	struct dv_buf b = { 0 };

	if (path && !dv_file_read(path, &b, 1u << 20, NULL) &&
	    (at = strstr(dv_buf_str(&b), line))) {
		rest = at + strlen(line);
		memmove(b.p + (at - (const char *)b.p), rest, strlen(rest) + 1);
		if (dv_file_write(path, b.p, strlen((char *)b.p), 0666, 0,
				  NULL))
			dv_log_debug("'%s' stays as it is", path);
	}
	dv_buf_release(&b);
	free(path);
}

int dv_cmd_uninstall(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv uninstall",
		"git-dv-install", "[--local | --global | --system]" };
	struct scope s = { 0 };
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 0, "local", &s.local, NULL, "what 'git dv init' set up here", 0 },
		{ DV_OPT_FLAG, 0, "global", &s.global, NULL, "what 'git dv install' set up (the default)", 0 },
		{ DV_OPT_FLAG, 0, "system", &s.system, NULL, "what 'git dv install --system' set up", 0 },
		{ 0 },
	};
	int n = dv_opt_parse(&cmd, opts, argc, argv, NULL), changed, stay = 0;
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };

	if (n < 0)
		return dv_opt_exit(n);
	if (n || s.local + s.global + s.system > 1) {
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	if (dv_remove_filters(scope_name(&s), &err))
		return dv_fail(&err);
	if (s.local) {
		n = dv_ctx_repo(&c);
		if (!n && (dv_hooks_uninstall(&c.repo, &changed, &stay, &err) ||
			   (stay ? dv_config_set("--local", "dv.hooks", "false",
						 &err) :
				   dv_config_unset("--local", "dv.hooks",
						   &err))))
			n = dv_fail(&err);
		if (!n)
			clean_exclude(&c.repo);
		dv_ctx_close(&c);
		if (n)
			return n;
	}
	dv_log_note("git-dv's filters%s are removed (%s); stored content stays.",
		    s.local && !stay ? " and hooks" : "", scope_name(&s) + 2);
	return 0;
}

static int write_dvconfig(struct dv_repo *r, struct dv_err *err)
{
	static const char text[] =
		"# Settings of git-dv for everybody who clones this repository.\n"
		"# See git-dv-config(5). 'git dv remote add NAME URL' adds a store.\n";
	char *path;
	int rc = 0;

	if (dv_config_team_left_out(r))
		return 0;
	path = dv_fmt("%s/.dvconfig", r->top);
	if (!path)
		return dv_err_nomem(err);
	if (access(path, F_OK))
		rc = dv_file_write(path, text, sizeof(text) - 1, 0666,
				   DV_FILE_EXCL, err);
	if (rc == DV_EEXIST)
		rc = 0;
	free(path);
	return rc;
}

/*
 * .gitignore is the team's file: it is written where somebody says so, on the
 * command line or on a terminal. `say`: 1, 0, or -1 for "ask".
 */
static int offer_ignore(struct dv_repo *r, int say, struct dv_err *err)
{
	struct dv_strs lines = { 0 };
	int rc = dv_ignore_missing(r, &lines, err);

	if (rc || !lines.n || !say)
		goto out;
	if (say < 0) {
		/* A script that runs init did not come to answer. */
		if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO) ||
		    dv_log_verbosity() < 0)
			goto out;
		dv_log_note("These lines in .gitignore keep stores and temporary files out of commits:");
		for (size_t i = 0; i < lines.n; i++)
			dv_log_note("\t%s", lines.v[i]);
		if (dv_ask("Add them?") <= 0)
			goto out;
	}
	rc = dv_ignore_add(r, &lines, err);
	if (!rc)
		dv_log_note("%zu line%s added to .gitignore.", lines.n,
			    lines.n == 1 ? " is" : "s are");
out:
	dv_strs_release(&lines);
	return rc;
}

static int set_hooks(struct dv_repo *r, int on, struct dv_err *err)
{
	int changed, stay, rc;

	if (on) {
		rc = dv_config_unset("--local", "dv.hooks", err);
		return rc ? rc : dv_hooks_install(r, &changed, err);
	}
	rc = dv_config_set("--local", "dv.hooks", "false", err);
	return rc ? rc : dv_hooks_uninstall(r, &changed, &stay, err);
}

int dv_cmd_init(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv init", "git-dv-init",
					       "[--no-hooks] [--[no-]gitignore]" };
	int hooks = 1, ignore = -1, rc;
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 0, "hooks", &hooks, NULL, "install git-dv's hooks (the default)", 0 },
		{ DV_OPT_FLAG, 0, "gitignore", &ignore, NULL, "add to .gitignore what must not be committed", 0 },
		{ 0 },
	};
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };
	int n = dv_opt_parse(&cmd, opts, argc, argv, NULL);

	if (n < 0)
		return dv_opt_exit(n);
	if (n) {
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	rc = dv_ctx_repo(&c);
	if (!rc)
		rc = dv_ctx_outside(&c);
	if (!rc && dv_setup_filters("--local", &err))
		rc = dv_fail(&err);
	if (!rc)
		rc = dv_ctx_store(&c, 1);
	if (!rc && c.repo.top && (write_dvconfig(&c.repo, &err) ||
				  offer_ignore(&c.repo, ignore, &err)))
		rc = dv_fail(&err);
	/* Last: where hooks cannot be installed, all else is there. */
	if (!rc && set_hooks(&c.repo, hooks, &err))
		rc = dv_fail(&err);
	if (!rc) {
		dv_log_note("git-dv is set up in '%s'.",
			    c.repo.top ? c.repo.top : c.repo.git_dir);
		if (c.repo.top)
			dv_log_note("Next: git dv track '*.parquet' 'data/**', then git add as always.");
	}
	dv_ctx_close(&c);
	return rc;
}
