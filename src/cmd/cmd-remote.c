#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/cmd.h"
#include "helper/helper.h"
#include "repo/hooks.h"

static const char usage[] =
	"add [--local] <name> <url>\n"
	"list [--json]\n"
	"default [<name>]\n"
	"remove <name>\n"
	"check [<name> | <url>]\n"
	"set-head <git-remote> <branch>";

/* Where a remote's settings are kept: the team's file, or git config. */
static char *team_file(struct dv_repo *r)
{
	return dv_fmt("%s/.dvconfig", r->top);
}

static int valid_name(const char *name)
{
	size_t n = strlen(name);

	return n && n <= 64 && name[0] != '-' && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

/* A plain path without '.', '..' and links, now that it is there. */
static int real_path(char **url)
{
	char *full = **url == '/' ? realpath(*url, NULL) : strdup(*url);

	if (!full)
		return -1;
	free(*url);
	*url = full;
	return 0;
}

/* A relative directory is made absolute: it is meant from here. */
static char *absolute_url(const char *url)
{
	char *cwd, *out;

	if (*url == '/' || strstr(url, "://") || dv_url_is_host_path(url))
		return strdup(url);
	while (!strncmp(url, "./", 2))
		url += 2;
	cwd = getcwd(NULL, 0);
	out = cwd ? dv_fmt("%s/%s", cwd, url) : NULL;
	free(cwd);
	return out;
}

static int set_all(const char *where, const char *name, const char *url,
		   const char *uuid, struct dv_err *err)
{
	char *k1 = dv_fmt("dv.remote.%s.url", name);
	char *k2 = dv_fmt("dv.remote.%s.uuid", name);
	int rc = k1 && k2 ? dv_config_set(where, k1, url, err) :
			    dv_err_nomem(err);

	if (!rc)
		rc = dv_config_set(where, k2, uuid, err);
	free(k1);
	free(k2);
	return rc;
}

static int add(struct dv_ctx *c, const char *name, const char *given,
	       int local, struct dv_err *err)
{
	char *url = absolute_url(given), *file = NULL;
	struct dv_remote *remote = NULL;
	struct dv_remotes rs = { 0 };
	int rc = url ? 0 : dv_err_nomem(err);

	if (!rc && !*given)
		rc = dv_err_set(err, DV_EINVAL,
				"the URL is empty; '.' would be this folder");
	if (!rc && !valid_name(name))
		rc = dv_err_set(err, DV_EINVAL,
				"'%s' is not a name for a remote; use letters, digits, '.', '_' and '-'",
				name);
	if (!rc)
		rc = dv_remotes_load(&c->repo, &rs, err);
	for (size_t i = 0; !rc && i < rs.n; i++)
		if (!strcmp(rs.v[i].name, name) && rs.v[i].url &&
		    strcmp(rs.v[i].url, url))
			rc = dv_err_set(err, DV_EEXIST,
					"there is a remote '%s' at '%s'; 'git dv remote remove %s' removes it",
					name, rs.v[i].url, name);
	file = local ? strdup("--local") : team_file(&c->repo);
	if (!rc && !file)
		rc = dv_err_nomem(err);
	if (!rc)
		rc = local ? dv_config_writable(file, err) :
			     dv_config_team_writable(&c->repo, err);
	if (!rc)
		rc = dv_remote_open(&remote, url, NULL, DV_REMOTE_CREATE, err);
	if (!rc && real_path(&url))
		rc = dv_err_nomem(err);
	if (rc)
		goto out;
	rc = set_all(file, name, url, remote->uuid, err);
	/* The first remote becomes the default. */
	if (!rc && !dv_config_get(&c->repo, "dv.remote"))
		rc = dv_config_set(file, "dv.remote", name, err);
	if (!rc) {
		dv_log_note("remote '%s' is the store %s at '%s'%s", name,
			    remote->uuid, url,
			    local ? "" : " (in .dvconfig: commit it for everybody)");
		dv_hooks_ensure(&c->repo);
	}
out:
	dv_remote_close(remote);
	dv_remotes_release(&rs);
	free(file);
	free(url);
	return rc;
}

static void json_string(const char *key, const char *value, const char *end)
{
	printf("\"%s\": \"", key);
	for (const char *p = value; *p; p++) {
		if (*p == '"' || *p == '\\')
			putchar('\\');
		if ((unsigned char)*p < 32)
			printf("\\u%04x", *p);
		else
			putchar(*p);
	}
	printf("\"%s", end);
}

static int list(struct dv_ctx *c, int json, struct dv_err *err)
{
	const struct dv_remote_info *def;
	struct dv_remotes rs;
	int rc = dv_remotes_load(&c->repo, &rs, err), first = 1;

	if (rc)
		return rc;
	def = dv_remotes_find(&rs, NULL);
	if (json)
		printf("[");
	for (size_t i = 0; i < rs.n; i++) {
		const struct dv_remote_info *v = &rs.v[i];

		if (!v->url)
			continue;
		if (!json) {
			printf("%s%s\t%s\n", v->name,
			       v == def ? " (default)" : "",
			       dv_ctx_path(c, v->url));
			continue;
		}
		printf("%s{", first ? "" : ", ");
		first = 0;
		json_string("name", v->name, ", ");
		json_string("url", v->url, ", ");
		json_string("uuid", v->uuid ? v->uuid : "", ", ");
		printf("\"default\": %s, \"team\": %s}",
		       v == def ? "true" : "false", v->team ? "true" : "false");
	}
	if (json)
		printf("]\n");
	dv_remotes_release(&rs);
	return 0;
}

static int set_default(struct dv_ctx *c, const char *name, struct dv_err *err)
{
	const struct dv_remote_info *info;
	struct dv_remotes rs;
	char *file = team_file(&c->repo);
	int rc = dv_remotes_load(&c->repo, &rs, err);

	if (!rc) {
		info = dv_remotes_find(&rs, name);
		if (!info)
			rc = dv_err_set(err, DV_ENOTFOUND,
					name ? "there is no remote '%s'" :
					       "there is no default remote; 'git dv remote add NAME URL' adds one",
					name);
		else if (!name)
			puts(info->name);
		else
			/* One's own setting hides the team's: set what counts. */
			rc = dv_config_set(info->team &&
					   !dv_config_get_own(&c->repo,
							      "dv.remote") ?
					   file : "--local",
					   "dv.remote", name, err);
		dv_remotes_release(&rs);
	}
	free(file);
	return rc;
}

static int remove_remote(struct dv_ctx *c, const char *name,
			 struct dv_err *err)
{
	char *file = team_file(&c->repo), *keys[2];
	struct dv_remotes rs;
	int rc = dv_remotes_load(&c->repo, &rs, err);

	keys[0] = dv_fmt("dv.remote.%s.url", name);
	keys[1] = dv_fmt("dv.remote.%s.uuid", name);
	if (!rc && (!file || !keys[0] || !keys[1]))
		rc = dv_err_nomem(err);
	if (!rc && !dv_remotes_find(&rs, name))
		rc = dv_err_set(err, DV_ENOTFOUND, "there is no remote '%s'",
				name);
	for (int i = 0; !rc && i < 2; i++) {
		rc = dv_config_unset("--local", keys[i], err);
		if (!rc && dv_file_exists(file))
			rc = dv_config_unset(file, keys[i], err);
	}
	if (!rc) {
		const char *own = dv_config_get_own(&c->repo, "dv.remote");
		const char *team = dv_config_get_team(&c->repo, "dv.remote");

		if (own && !strcmp(own, name))
			rc = dv_config_unset("--local", "dv.remote", err);
		if (!rc && team && !strcmp(team, name))
			rc = dv_config_unset(file, "dv.remote", err);
	}
	if (!rc)
		dv_log_note("remote '%s' is removed here; the store itself stays",
			    name);
	dv_remotes_release(&rs);
	free(keys[0]);
	free(keys[1]);
	free(file);
	return rc;
}

/* `name` is a remote of git, or its URL. */
static int set_head(const char *name, const char *branch, struct dv_err *err)
{
	const char *args[] = { "ls-remote", "--get-url", name, NULL };
	struct dv_buf url = { 0 };
	int changed = 0, rc = 0;

	if (*name == '-')
		rc = dv_err_set(err, DV_EINVAL,
				"'%s' is not the name of a remote", name);
	if (!rc)
		rc = dv_git(args, 65536, &url, err);
	while (url.n && url.p[url.n - 1] == '\n')
		url.n--;
	if (!rc && (!url.n || strncmp(dv_buf_str(&url), "dvstore::", 9)))
		rc = dv_err_set(err, DV_EINVAL,
				"'%s' is no remote of git with a URL that starts with 'dvstore::'",
				name);
	if (!rc)
		rc = dv_hosted_set_head(dv_buf_str(&url) + 9, branch, &changed,
					err);
	if (!rc)
		dv_log_note(changed ? "clones of '%s' start on '%s' now" :
				      "clones of '%s' start on '%s' already",
			    name, branch);
	dv_buf_release(&url);
	return rc;
}

int dv_cmd_remote(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv remote",
					       "git-dv-remote", usage };
	int local = 0, json = 0, n, rc = 0;
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 0, "local", &local, NULL, "add: for this clone alone, not in .dvconfig", 0 },
		{ DV_OPT_FLAG, 0, "json", &json, NULL, "list: as JSON", 0 },
		{ 0 },
	};
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };
	const char *verb;

	n = dv_opt_parse(&cmd, opts, argc, argv, NULL);
	if (n < 0)
		return dv_opt_exit(n);
	verb = n ? argv[0] : "list";
	if (!strcmp(verb, "check") && n == 2 &&
	    (strchr(argv[1], '/') || strstr(argv[1], "://")))
		return dv_remote_check_url(argv[1], &err) ? dv_fail(&err) : 0;
	if (!strcmp(verb, "set-head") && n == 3)
		return set_head(argv[1], argv[2], &err) ? dv_fail(&err) : 0;
	/* What only reads takes a bare repository's .dvconfig, of HEAD. */
	rc = !strcmp(verb, "list") || !strcmp(verb, "check") ||
	     (!strcmp(verb, "default") && n == 1) ? dv_ctx_repo(&c) :
						    dv_ctx_worktree(&c);
	if (rc) {
		dv_ctx_close(&c);
		return rc;
	}
	if (!strcmp(verb, "add") && n == 3)
		rc = add(&c, argv[1], argv[2], local, &err);
	else if (!strcmp(verb, "list") && n <= 1)
		rc = list(&c, json, &err);
	else if (!strcmp(verb, "default") && n <= 2)
		rc = set_default(&c, n == 2 ? argv[1] : NULL, &err);
	else if (!strcmp(verb, "remove") && n == 2)
		rc = remove_remote(&c, argv[1], &err);
	else if (!strcmp(verb, "check") && n <= 2)
		rc = dv_remote_check_name(&c, n == 2 ? argv[1] : NULL, &err);
	else {
		dv_ctx_close(&c);
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	if (rc)
		rc = dv_fail(&err);
	dv_ctx_close(&c);
	return rc;
}
