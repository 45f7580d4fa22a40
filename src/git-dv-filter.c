/*
 * git-dv-filter: what Git runs as filter.dv.process (and .clean, .smudge, for
 * programs that know only those). See git-dv-filter(1).
 */
#include <stdio.h>
#include <string.h>

#include "base/proc.h"
#include "filter/session.h"

static int usage(void)
{
	fputs("usage: git-dv-filter process\n"
	      "   or: git-dv-filter clean [--] PATH <CONTENT >POINTER\n"
	      "   or: git-dv-filter smudge [--] PATH <POINTER >CONTENT\n\n"
	      "Git runs this program; 'git dv install' sets it up.\n",
	      stderr);
	return 129;
}

int main(int argc, char **argv)
{
	struct dv_err err = { 0 };
	const char *path;
	int rc;

	if (dv_proc_std())
		return 1;
	if (argc == 2 && !strcmp(argv[1], "-h")) {
		usage();
		return 0;
	}
	if (argc < 2)
		return usage();
	dv_cancel_install();
	path = argc > 2 && !strcmp(argv[2], "--") ? argv[3] : argv[2];
	if (!strcmp(argv[1], "process") && argc == 2)
		rc = dv_filter_process(&err);
	else if (!strcmp(argv[1], "clean") && argc >= 3 && path)
		rc = dv_filter_clean_once(path, &err);
	else if (!strcmp(argv[1], "smudge") && argc >= 3 && path)
		rc = dv_filter_smudge_once(path, &err);
	else
		return usage();
	if (rc && rc != DV_ECANCEL)
		dv_log_error("%s", err.msg);
	return rc ? 1 : 0;
}
