/* git dv rename, remove. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "cmd/named-file.h"

int dv_cmd_rename(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv rename",
		"git-dv-rename", "<name> <new name>" };
	const struct dv_opt opts[] = { { 0 } };
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };
	int n = dv_opt_parse(&cmd, opts, argc, argv, NULL), rc, lock = -1;

	if (n < 0)
		return dv_opt_exit(n);
	if (n != 2) {
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	rc = dv_ctx_worktree(&c);
	if (!rc && (dv_catalog_lock(&c.repo, &lock, &err) ||
		    dv_catalog_rename(&c.repo, argv[0], argv[1], &err)))
		rc = dv_fail(&err);
	if (!rc)
		dv_log_note("'%s' is '%s' now; commit '" DV_REGISTRY_DIR
			    "' to share it.", argv[0], argv[1]);
	if (!rc)
		dv_named_warn_unshared(&c.repo, argv[1]);
	if (lock >= 0)
		close(lock);
	dv_ctx_close(&c);
	return rc;
}

/* 1: yes. Without a terminal nobody can be asked. */
static int sure(const char *question, struct dv_err *err)
{
	char line[16];

	if (!isatty(STDIN_FILENO))
		return dv_err_set(err, DV_EINVAL,
				  "nothing is removed: nobody can be asked here, so it needs --yes");
	fprintf(stderr, "%s [y/N] ", question);
	fflush(stderr);
	if (!fgets(line, sizeof(line), stdin))
		return 0;
	return *line == 'y' || *line == 'Y';
}

static int remove_version(struct dv_registry *reg, const char *name,
			  const char *id, struct dv_err *err)
{
	const cJSON *aliases = dv_registry_aliases(reg);

	for (const cJSON *a = aliases ? aliases->child : NULL; a; a = a->next)
		if (!strcmp(a->valuestring, id))
			return dv_err_set(err, DV_EINVAL,
					  "alias '%s' points at version '%s'; move it by 'git dv alias %s %s VERSION', or --delete it",
					  a->string, id, name, a->string);
	dv_registry_remove(reg, id);
	return 0;
}

int dv_cmd_remove(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv remove",
		"git-dv-remove", "[--yes] <name> [<version>]" };
	int yes = 0, agreed;
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 'y', "yes", &yes, NULL, "do not ask", 0 },
		{ 0 },
	};
	struct dv_registry reg = { 0 };
	const struct dv_version *v = NULL;
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };
	char question[512];
	int n = dv_opt_parse(&cmd, opts, argc, argv, NULL), rc, lock = -1;

	if (n < 0)
		return dv_opt_exit(n);
	if (n < 1 || n > 2) {
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	rc = dv_ctx_worktree(&c);
	if (rc)
		goto out;
	/* A whole registry can go also if it cannot be read. */
	rc = dv_catalog_load(&c.repo, argv[0], &reg, &err);
	if (n == 1 && rc == DV_EINVAL && !dv_name_check(argv[0], "name", NULL))
		rc = 0;
	if (!rc && n == 2)
		rc = dv_registry_resolve(&reg, argv[1], &v, &err);
	if (!rc && n == 2)
		snprintf(question, sizeof(question),
			 "Remove version '%s' of '%s'?", v->id, argv[0]);
	else
		snprintf(question, sizeof(question),
			 "Remove '%.120s' with its %zu version%s?", argv[0],
			 reg.n, reg.n == 1 ? "" : "s");
	agreed = rc ? rc : yes ? 1 : sure(question, &err);
	if (agreed < 0)
		rc = agreed;
	/* Nothing is held while somebody thinks; look again. */
	if (!rc && agreed)
		rc = dv_catalog_lock(&c.repo, &lock, &err);
	if (!rc && agreed && n == 1) {
		rc = dv_catalog_remove(&c.repo, argv[0], &err);
	} else if (!rc && agreed) {
		char id[DV_NAME_MAX + 1];

		snprintf(id, sizeof(id), "%s", v->id);
		dv_registry_release(&reg);
		rc = dv_catalog_load(&c.repo, argv[0], &reg, &err);
		if (!rc)
			rc = remove_version(&reg, argv[0], id, &err);
		if (!rc && !reg.n)
			rc = dv_catalog_remove(&c.repo, argv[0], &err);
		else if (!rc)
			rc = dv_catalog_save(&c.repo, argv[0], &reg, &err);
	}
	if (rc)
		rc = dv_fail(&err);
	else if (!agreed)
		rc = 1;
	else
		dv_log_note("Removed; commits that name it keep its content.");
	if (lock >= 0)
		close(lock);
out:
	dv_registry_release(&reg);
	dv_ctx_close(&c);
	return rc;
}
