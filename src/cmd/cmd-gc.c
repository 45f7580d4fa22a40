#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "catalog/catalog.h"
#include "cmd/removal.h"

#define GRACE_DAYS 14

static int keep(void *arg, const struct dv_oid *oid, const char *path,
		struct dv_err *err)
{
	(void)path;
	return dv_gc_keep(arg, oid, err);
}

/* From the lock on, in this order: clones, what they need, the rest. */
static int collect(struct dv_removal *m, const struct dv_strs *forget,
		   int grace, int level, struct dv_err *err)
{
	const struct dv_roots roots = { .found = keep, .arg = &m->gc,
					.named = dv_registry_oids,
					.what = DV_ROOTS_ALL };
	int rc = dv_removal_begin(m, forget, err);

	if (rc)
		return rc;
	m->gc.young = grace ? (int64_t)time(NULL) - (int64_t)grace * 86400 :
			      INT64_MAX;
	m->gc.level = level;
	rc = dv_roots_of_clones(&roots, &m->clones, err);
	return rc ? rc : dv_removal_run(m, err);
}

static int wrong(const char *what)
{
	dv_log_error("%s", what);
	return 129;
}

int dv_cmd_gc(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv gc", "git-dv-gc",
		"[-n] [-q] [--json] [--grace <days>] [--recompress <level>]\n[-n] [-q] --forget-clone <path>..." };
	struct dv_removal m = { 0 };
	struct dv_strs forget = { 0 };
	struct dv_err err = { 0 };
	int grace = -1, level = -1, n, rc;
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 'n', "dry-run", &m.dry_run, NULL, "only show what would be removed", 0 },
		{ DV_OPT_FLAG, 0, "json", &m.json, NULL, "as JSON", 0 },
		{ DV_OPT_INT, 0, "grace", &grace, "days", "keep what was stored in the last days (14); 0: nothing", 0 },
		{ DV_OPT_INT, 0, "recompress", &level, "level", "also compress everything again, if that is smaller (1 to 19)", 0 },
		{ DV_OPT_LIST, 0, "forget-clone", &forget, "path", "a clone that shared the store and is gone for good", 0 },
		{ 0 },
	};

	n = dv_opt_parse(&cmd, opts, argc, argv, NULL);
	if (n < 0) {
		dv_strs_release(&forget);
		return dv_opt_exit(n);
	}
	if (n) {
		dv_opt_usage(&cmd, opts, 1);
		rc = 129;
		goto out;
	}
	if (!level || level > DV_ZST_LEVEL_MAX) {
		rc = wrong("--recompress takes a level from 1 to 19");
		goto out;
	}
	rc = dv_removal_open(&m);
	if (rc)
		goto out;
	if (grace < 0)
		grace = dv_config_int(&m.c.repo, "dv.gcgrace", INT_MAX,
				      GRACE_DAYS);
	rc = collect(&m, &forget, grace, level < 0 ? 0 : level, &err);
	rc = rc ? dv_fail(&err) : dv_removal_print(&m);
out:
	dv_removal_close(&m);
	dv_strs_release(&forget);
	return rc;
}
