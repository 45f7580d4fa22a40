/* What stands behind dvstore:: and where that is. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "helper/helper.h"

/* Of a worktree, and of a submodule. */
static int has_git_file(const char *path)
{
	static const char says[] = "gitdir: ";
	char *file = dv_fmt("%s/.git", path);
	struct dv_buf text = { 0 };
	int yes = file && !dv_file_read(file, &text, 65536, NULL) &&
		  text.n > sizeof(says) &&
		  !memcmp(text.p, says, sizeof(says) - 1);

	dv_buf_release(&text);
	free(file);
	return yes;
}

int dv_helper_is_git(const char *path)
{
	static const char *const inside[] = { "", "/.git", ".git" };

	for (size_t i = 0; i < DV_ARRAY_SIZE(inside); i++) {
		char *head = dv_fmt("%s%s/HEAD", path, inside[i]);
		char *objects = dv_fmt("%s%s/objects", path, inside[i]);
		int yes = head && objects && dv_file_exists(head) &&
			  dv_dir_exists(objects);

		free(head);
		free(objects);
		if (yes)
			return 1;
	}
	return has_git_file(path);
}

/* Is there nothing? What cannot be looked at may hold anything. */
static int check_empty(const char *dir, struct dv_err *err)
{
	struct dv_strs names = { 0 };
	int rc = dv_dir_list(dir, &names, err);

	if (rc == DV_ENOTFOUND) {
		dv_err_clear(err);
		rc = 0;
	}
	/* A dot file is what a killed creator leaves. */
	for (size_t i = 0; !rc && i < names.n; i++)
		if (names.v[i][0] != '.')
			rc = dv_err_set(err, DV_EINVAL,
					"'%s' is neither a git-dv store, nor a Git repository, nor empty",
					dir);
	dv_strs_release(&names);
	return rc;
}

int dv_helper_kind(const char *url, enum dv_url_kind *kind,
		   struct dv_err *err)
{
	char *dir, *format;
	struct stat st;
	int rc = 0;

	*kind = DV_URL_PAIRED;
	if (!strncmp(url, "https://", 8) || !strncmp(url, "http://", 7) ||
	    !strncmp(url, "ssh://", 6) || !strncmp(url, "git://", 6) ||
	    dv_url_is_host_path(url))
		return 0;
	dir = dv_url_dir(url);
	if (!dir || !*dir) {
		free(dir);
		return dv_err_set(err, DV_EINVAL,
				  "'dvstore::%s' names no store and no Git repository; use a directory, file://, https:// or ssh://",
				  url);
	}
	format = dv_fmt("%s/format", dir);
	if (!format) {
		rc = dv_err_nomem(err);
	} else if (!stat(format, &st) && S_ISREG(st.st_mode)) {
		*kind = DV_URL_HOSTED;
	} else if (!dv_helper_is_git(dir)) {
		*kind = DV_URL_HOSTED;
		rc = check_empty(dir, err);
	}
	free(format);
	free(dir);
	return rc;
}

/*
 * Is this within git clone? It says so to `fetch` alone, not to `connect`. A clone
 * is empty, and git is not in its worktree, as else.
 */
static int is_cloning(void)
{
	static const char *const then[] = { "index", "packed-refs", "FETCH_HEAD",
					    "refs/remotes" };
	const char *git_dir = getenv("GIT_DIR");
	char *heads = git_dir ? dv_fmt("%s/refs/heads", git_dir) : NULL;
	struct dv_strs names = { 0 };
	int yes = heads && *git_dir == '/';

	for (size_t i = 0; yes && i < DV_ARRAY_SIZE(then); i++) {
		char *path = dv_fmt("%s/%s", git_dir, then[i]);

		yes = path && access(path, F_OK);
		free(path);
	}
	if (yes && !dv_dir_list(heads, &names, NULL))
		yes = !names.n;
	dv_strs_release(&names);
	free(heads);
	return yes;
}

int dv_helper_settle(struct dv_helper *h, struct dv_err *err)
{
	char *dir = dv_url_dir(h->url), *key = NULL, *value = NULL, *real;
	const char *set;
	int rc = 0;

	if (!dir || *dir == '/' || !h->remote_name || !is_cloning())
		goto out;
	real = realpath(dir, NULL);
	key = dv_fmt("remote.%s.url", h->remote_name);
	value = real ? dv_fmt("dvstore::%s", real) : NULL;
	free(real);
	set = key ? dv_config_get_own(&h->settings, key) : NULL;
	/* Not what git made of another URL, or what is not there. */
	if (!value || !set || strncmp(set, "dvstore::", 9) ||
	    strcmp(set + 9, h->url))
		goto out;
	rc = dv_config_set("--local", key, value, err);
	if (!rc) {
		dv_config_reload(&h->settings);
		h->absolute = value;
		h->url = value + 9;
		value = NULL;
	}
out:
	free(value);
	free(key);
	free(dir);
	return rc;
}
