/* .gitignore: what git-dv makes in a worktree and nobody should commit. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cmd/cmd.h"
#include "repo/attrs.h"

#define IGNORE_MAX (16u << 20)

/* A pattern for a folder of the worktree; nothing for one that is elsewhere. */
static int add_folder(struct dv_repo *r, const char *path,
		      struct dv_strs *out, struct dv_err *err)
{
	char *real = realpath(path, NULL), *top = realpath(r->top, NULL);
	char *common = realpath(r->common_dir, NULL);
	size_t n = top ? strlen(top) : 0, m = common ? strlen(common) : 0;
	const char *full = real ? real : path;
	struct dv_buf b = { 0 };
	int rc = 0;

	if (n && m && !strncmp(full, top, n) && full[n] == '/' &&
	    full[n + 1] && !strpbrk(full, "\r\n") &&
	    !(!strncmp(full, common, m) && (full[m] == '/' || !full[m]))) {
		rc = dv_attrs_literal(full + n + 1, &b, err);
		if (!rc)
			rc = dv_buf_addstr(&b, "/", err);
		if (!rc && !dv_strs_has(out, dv_buf_str(&b)))
			rc = dv_strs_add(out, dv_buf_str(&b), err);
	}
	dv_buf_release(&b);
	free(real);
	free(top);
	free(common);
	return rc;
}

static int wanted(struct dv_repo *r, struct dv_strs *out, struct dv_err *err)
{
	/* Links to the latest version are no folders; somebody's data may be. */
	static const char *const fixed[] = { ".git-dv-tmp-*", "*_latest.*",
					     "*_latest", "!*_latest/" };
	struct dv_err why = { 0 };
	char *store = dv_repo_store_path(r, &why);
	struct dv_remotes rs = { 0 };
	int rc = store ? add_folder(r, store, out, err) :
			 dv_err_set(err, why.status, "%s", why.msg);

	free(store);
	if (!rc)
		rc = dv_remotes_load(r, &rs, err);
	for (size_t i = 0; !rc && i < rs.n; i++) {
		const char *url = rs.v[i].url;
		char *path;

		if (!url || (strstr(url, "://") && strncmp(url, "file://", 7)))
			continue;
		if (!strncmp(url, "file://", 7))
			url += 7;
		path = *url == '/' ? strdup(url) :
				     dv_fmt("%s/%s", r->top, url);
		rc = path ? add_folder(r, path, out, err) : dv_err_nomem(err);
		free(path);
	}
	dv_remotes_release(&rs);
	for (size_t i = 0; !rc && i < DV_ARRAY_SIZE(fixed); i++)
		rc = dv_strs_add(out, fixed[i], err);
	return rc;
}

static int has_line(const char *text, const char *line)
{
	size_t n = strlen(line);

	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (!strncmp(p, line, n) &&
		    (!p[n] || p[n] == '\n' || p[n] == '\r'))
			return 1;
	}
	return 0;
}

static int read_ignore(struct dv_repo *r, char **path, struct dv_buf *text,
		       struct dv_err *err)
{
	int rc;

	*path = dv_fmt("%s/.gitignore", r->top);
	if (!*path)
		return dv_err_nomem(err);
	rc = dv_file_read(*path, text, IGNORE_MAX, err);
	if (rc == DV_ENOTFOUND) {
		text->n = 0;
		dv_err_clear(err);
		rc = 0;
	}
	return rc;
}

int dv_ignore_missing(struct dv_repo *r, struct dv_strs *out,
		      struct dv_err *err)
{
	struct dv_strs all = { 0 };
	struct dv_buf text = { 0 };
	char *path = NULL;
	int rc = wanted(r, &all, err);

	if (!rc)
		rc = read_ignore(r, &path, &text, err);
	for (size_t i = 0; !rc && i < all.n; i++)
		if (!text.n || !has_line(dv_buf_str(&text), all.v[i]))
			rc = dv_strs_add(out, all.v[i], err);
	dv_strs_release(&all);
	dv_buf_release(&text);
	free(path);
	return rc;
}

int dv_ignore_add(struct dv_repo *r, const struct dv_strs *lines,
		  struct dv_err *err)
{
	struct dv_buf text = { 0 };
	char *path = NULL;
	int rc = read_ignore(r, &path, &text, err);

	if (!rc && text.n && text.p[text.n - 1] != '\n')
		rc = dv_buf_addstr(&text, "\n", err);
	for (size_t i = 0; !rc && i < lines->n; i++)
		rc = dv_buf_addf(&text, err, "%s\n", lines->v[i]);
	if (!rc)
		rc = dv_file_write(path, text.p, text.n, 0666, 0, err);
	dv_buf_release(&text);
	free(path);
	return rc;
}
