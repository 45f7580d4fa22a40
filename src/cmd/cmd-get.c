#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/named-file.h"
#include "store/extract.h"

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

struct get {
	const char *output;
	int link, force;
};

static int write_file(struct dv_ctx *c, const struct get *g, const char *name,
		      const struct dv_registry *reg,
		      const struct dv_version *v, struct dv_err *err)
{
	struct dv_target t = { .dir = -1 };
	char *copy = dv_target_link_name(name, v->id, v->file);
	const char *how = "";
	int rc;

	if (!copy)
		rc = dv_err_nomem(err);
	else if (g->link && g->output && !dv_dir_exists(g->output))
		rc = dv_err_set(err, DV_ENOTFOUND,
				"there is no folder '%s', which is what --link writes into",
				g->output);
	else if (g->output)
		rc = dv_target_user(&t, g->output,
				    base_of(g->link ? copy : v->file), err);
	else
		rc = dv_target_top(&t, &c->repo, g->link ? copy : v->file,
				   err);
	if (!rc)
		rc = dv_named_fetch(c, name, v, err);
	if (!rc)
		rc = dv_named_write(c, v, &t, g->force, &how, err);
	if (!rc && g->link)
		rc = dv_named_link(&t, name, reg, v, err);
	if (rc > 0)	/* an older one was asked for */
		rc = 0;
	if (!rc)
		dv_log_note("%s '%s': %s, version '%s', %s", how, t.shown,
			    name, v->id, dv_human(v->size).s);
	dv_target_close(&t);
	free(copy);
	return rc;
}

int dv_cmd_get(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv get", "git-dv-get",
		"[-o <path> | -o -] [--link] [--force] <name>[@<version>]" };
	struct get g = { 0 };
	const struct dv_opt opts[] = {
		{ DV_OPT_STR, 'o', "output", &g.output, "path", "write there; - is standard output", 0 },
		{ DV_OPT_FLAG, 'l', "link", &g.link, NULL, "write NAME_VERSION.ext, and a link NAME_latest.ext", 0 },
		{ DV_OPT_FLAG, 'f', "force", &g.force, NULL, "overwrite content that is nowhere else", 0 },
		{ 0 },
	};
	struct dv_registry reg = { 0 };
	const struct dv_version *v;
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };
	int n = dv_opt_parse(&cmd, opts, argc, argv, NULL), rc;
	const char *version;

	if (n < 0)
		return dv_opt_exit(n);
	if (n != 1 || (g.link && g.output && !strcmp(g.output, "-"))) {
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	dv_named_split(argv[0], &version);
	rc = dv_ctx_worktree(&c);
	if (!rc)
		rc = dv_ctx_store(&c, 1);
	if (!rc)
		rc = dv_ctx_pool(&c);
	if (rc)
		goto out;
	rc = dv_named_open(&c.repo, argv[0], version, &reg, &v, &err);
	if (!rc && g.output && !strcmp(g.output, "-")) {
		rc = dv_named_fetch(&c, argv[0], v, &err);
		/* Who reads no further ends us, as it ends cat(1). */
		signal(SIGPIPE, SIG_DFL);
		if (!rc)
			rc = dv_named_send(&c, v, &err);
	} else if (!rc) {
		rc = write_file(&c, &g, argv[0], &reg, v, &err);
	}
	if (rc)
		rc = dv_fail(&err);
out:
	dv_registry_release(&reg);
	dv_ctx_close(&c);
	return rc;
}
