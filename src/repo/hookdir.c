#include "repo/hookdir.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"

char *dv_hookdir_path(struct dv_repo *r)
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

int dv_hookdir_is_versioned(struct dv_repo *r, const char *dir)
{
	size_t n = r->top ? strlen(r->top) : 0, m = strlen(r->common_dir);
	char *probe = dv_fmt("%s/pre-push", dir);
	const char *argv[] = { "git", "check-ignore", "-q", "--", probe, NULL };
	struct dv_buf out = { 0 };
	int code = 0;

	if (!n || !probe || strncmp(dir, r->top, n) || dir[n] != '/' ||
	    (!strncmp(dir, r->common_dir, m) && dir[m] == '/') ||
	    dv_proc_capture(argv, NULL, DV_PROC_QUIET, 4096, &out, &code, NULL))
		code = 0;
	dv_buf_release(&out);
	free(probe);
	return code == 1;
}
