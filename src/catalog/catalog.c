#include "catalog/catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "base/log.h"
#include "format/json.h"

int dv_catalog_lock(struct dv_repo *r, int *fd, struct dv_err *err)
{
	char *dir = dv_fmt("%s/dv", r->common_dir);
	char *path = dv_fmt("%s/dv/registry.lock", r->common_dir);
	int rc = dir && path ? dv_dir_make(dir, err) : dv_err_nomem(err);

	*fd = -1;
	if (!rc) {
		*fd = dv_own_open(path, O_RDWR, 0666);
		if (*fd < 0)
			rc = dv_err_errno(err, "cannot open '%s'", path);
		else
			rc = dv_lock_fd(*fd, DV_LOCK_EXCL, 1, err);
	}
	if (rc && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	free(path);
	free(dir);
	return rc;
}

/*
 * The folder, each part of it a real one: a repository may come with `.dv` as
 * a link to somewhere. DV_ENOTFOUND where it is absent.
 */
static int folder(struct dv_repo *r, int make, char **out, struct dv_err *err)
{
	static const char *const parts[] = { ".dv", DV_REGISTRY_DIR };

	*out = NULL;
	for (size_t i = 0; i < DV_ARRAY_SIZE(parts); i++) {
		char *path = dv_fmt("%s/%s", r->top, parts[i]);
		struct stat st;
		int rc = 0;

		free(*out);
		*out = path;
		if (!path)
			return dv_err_nomem(err);
		if (make && mkdir(path, 0777) && errno != EEXIST)
			rc = dv_err_errno(err, "cannot make '%s'", parts[i]);
		if (!rc && lstat(path, &st))
			rc = dv_err_errno(err, "cannot look at '%s'", parts[i]);
		else if (!rc && !S_ISDIR(st.st_mode))
			rc = dv_err_set(err, DV_EINVAL,
					"'%s' is not a folder, so there can be no registry; remove it",
					parts[i]);
		if (rc) {
			free(*out);
			*out = NULL;
			return rc;
		}
	}
	return 0;
}

static char *file_in(const char *dir, const char *name)
{
	return dv_fmt("%s/%s" DV_REGISTRY_SUFFIX, dir, name);
}

/*
 * Are there registries that a sparse checkout leaves out? Then "there is none"
 * would be wrong, and a new one would hide all its versions. `what` is a path
 * from the top.
 */
static int hidden(struct dv_repo *r, const char *what, struct dv_err *err)
{
	struct dv_buf list = { 0 };
	char *spec;
	int rc;

	if (!r->common_dir || !dv_config_bool(r, "core.sparsecheckout", 0))
		return 0;
	spec = dv_fmt(":(top,literal)%s", what);
	if (!spec)
		return dv_err_nomem(err);
	const char *args[] = { "ls-files", "-t", "-z", "--", spec, NULL };

	rc = dv_git(args, 64u << 20, &list, err);
	for (const char *p = (char *)list.p, *end = p + list.n; !rc && p < end;
	     p += strlen(p) + 1)
		if (!strncmp(p, "S ", 2))
			rc = dv_err_set(err, DV_EINVAL,
					"the sparse checkout leaves out '%s'; 'git sparse-checkout add .dv' brings it",
					what);
	dv_buf_release(&list);
	free(spec);
	return rc;
}

int dv_catalog_names(struct dv_repo *r, struct dv_strs *out,
		     struct dv_err *err)
{
	const size_t tail = sizeof(DV_REGISTRY_SUFFIX) - 1;
	struct dv_strs files = { 0 };
	char *dir;
	int rc = folder(r, 0, &dir, err);

	if (!rc)
		rc = dv_dir_list(dir, &files, err);
	if (rc == DV_ENOTFOUND)
		rc = hidden(r, DV_REGISTRY_DIR, err);
	for (size_t i = 0; !rc && i < files.n; i++) {
		char *f = files.v[i];
		size_t n = strlen(f);
		struct dv_err why = { 0 };

		if (*f == '.' || n <= tail ||
		    strcmp(f + n - tail, DV_REGISTRY_SUFFIX))
			continue;
		f[n - tail] = '\0';
		if (dv_name_check(f, "name", &why))
			dv_log_warn("a file in '" DV_REGISTRY_DIR "' is left out: %s",
				    why.msg);
		else
			rc = dv_strs_add(out, f, err);
	}
	dv_strs_sort(out);
	for (size_t i = 1; !rc && i < out->n; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcasecmp(out->v[i], out->v[k]))
				dv_log_warn("the names '%s' and '%s' differ only in case, which not every file system can keep; 'git dv rename' one",
					    out->v[k], out->v[i]);
	dv_strs_release(&files);
	free(dir);
	return rc;
}

static int unknown(struct dv_repo *r, const char *name, struct dv_err *err)
{
	char *path = dv_fmt(DV_REGISTRY_DIR "/%s" DV_REGISTRY_SUFFIX, name);
	int rc = path ? hidden(r, path, err) : dv_err_nomem(err);

	free(path);
	return rc ? rc : dv_err_set(err, DV_ENOTFOUND,
			  "no version is recorded under the name '%s'; 'git dv list' shows the names",
			  name);
}

int dv_catalog_load(struct dv_repo *r, const char *name,
		    struct dv_registry *out, struct dv_err *err)
{
	char *dir = NULL, *path = NULL;
	struct dv_buf text = { 0 };
	struct stat st;
	int rc = dv_name_check(name, "name", err);

	memset(out, 0, sizeof(*out));
	if (rc)
		return rc;
	rc = folder(r, 0, &dir, err);
	if (rc == DV_ENOTFOUND)
		return unknown(r, name, err);
	if (rc)
		return rc;
	path = file_in(dir, name);
	free(dir);
	if (!path)
		return dv_err_nomem(err);
	if (lstat(path, &st)) {
		rc = errno == ENOENT ? unknown(r, name, err) :
		     dv_err_errno(err, "cannot look at '%s'", path);
		goto out;
	}
	if (!S_ISREG(st.st_mode))
		rc = dv_err_set(err, DV_EINVAL, "not a regular file");
	else if (st.st_size > DV_JSON_MAX)
		rc = dv_err_set(err, DV_EINVAL, "larger than %u MiB",
				DV_JSON_MAX >> 20);
	else
		rc = dv_file_read(path, &text, DV_JSON_MAX, err);
	if (!rc)
		rc = dv_registry_parse(out, text.p, text.n, err);
	if (rc == DV_EINVAL && err) {
		char why[sizeof(err->msg)];

		snprintf(why, sizeof(why), "%s", err->msg);
		/* It is whole, and says itself what to do. */
		dv_err_set(err, rc,
			   "'" DV_REGISTRY_DIR "/%s" DV_REGISTRY_SUFFIX "' cannot be used: %.600s%s",
			   name, why, strstr(why, "later format") ? "" :
			   "; repair it, or 'git checkout' an older one");
	}
out:
	dv_buf_release(&text);
	free(path);
	return rc;
}

int dv_catalog_load_new(struct dv_repo *r, const char *name,
			struct dv_registry *out, struct dv_err *err)
{
	struct dv_strs names = { 0 };
	int rc = dv_name_check(name, "name", err);

	memset(out, 0, sizeof(*out));
	if (!rc)
		rc = dv_catalog_names(r, &names, err);
	for (size_t i = 0; !rc && i < names.n; i++)
		if (strcasecmp(names.v[i], name) == 0 &&
		    strcmp(names.v[i], name) != 0)
			rc = dv_err_set(err, DV_EEXIST,
					"there is the name '%s', which differs only in case; use that or another one",
					names.v[i]);
	dv_strs_release(&names);
	if (rc)
		return rc;
	rc = dv_catalog_load(r, name, out, err);
	if (rc != DV_ENOTFOUND)
		return rc;
	dv_err_clear(err);
	return dv_registry_init(out, err);
}

/*
 * In the folder itself, where they win over lines further up that would hand
 * JSON files to the filter, or keep them out of commits.
 */
static int write_rules(const char *dir, struct dv_err *err)
{
	static const char *const files[][2] = {
		{ ".gitattributes", "*.json " DV_REGISTRY_ATTRS "\n" },
		{ ".gitignore", "!*.json\n!.gitattributes\n!.gitignore\n" },
	};
	int rc = 0;

	for (size_t i = 0; !rc && i < DV_ARRAY_SIZE(files); i++) {
		char *path = dv_fmt("%s/%s", dir, files[i][0]);

		rc = path ? dv_file_write(path, files[i][1],
					  strlen(files[i][1]), 0666,
					  DV_FILE_EXCL, err) :
			    dv_err_nomem(err);
		if (rc == DV_EEXIST) {
			dv_err_clear(err);
			rc = 0;
		}
		free(path);
	}
	return rc;
}

int dv_catalog_text(const char *name, const struct dv_registry *reg,
		    struct dv_buf *out, struct dv_err *err)
{
	struct dv_registry again = { 0 };
	int rc = dv_name_check(name, "name", err);

	if (!rc)
		rc = dv_registry_format(reg, out, err);
	if (!rc && out->n > DV_JSON_MAX)
		rc = dv_err_set(err, DV_EINVAL,
				"the registry of '%s' would pass %u MiB; 'git dv remove' old versions",
				name, DV_JSON_MAX >> 20);
	/* What is written can be read. */
	if (!rc)
		rc = dv_registry_parse(&again, out->p, out->n, err);
	dv_registry_release(&again);
	return rc;
}

int dv_catalog_save(struct dv_repo *r, const char *name,
		    const struct dv_registry *reg, struct dv_err *err)
{
	char *dir = NULL, *path = NULL;
	struct dv_buf text = { 0 };
	int rc = dv_catalog_text(name, reg, &text, err);

	if (!rc)
		rc = folder(r, 1, &dir, err);
	if (!rc)
		rc = write_rules(dir, err);
	if (!rc && !(path = file_in(dir, name)))
		rc = dv_err_nomem(err);
	if (!rc)
		rc = dv_file_write(path, text.p, text.n, 0666, DV_FILE_SYNC,
				   err);
	dv_buf_release(&text);
	free(path);
	free(dir);
	return rc;
}

int dv_catalog_remove(struct dv_repo *r, const char *name, struct dv_err *err)
{
	char *dir = NULL, *path = NULL;
	int rc = dv_name_check(name, "name", err);

	if (!rc)
		rc = folder(r, 0, &dir, err);
	if (!rc && !(path = file_in(dir, name)))
		rc = dv_err_nomem(err);
	if (!rc && unlink(path))
		rc = errno == ENOENT ? unknown(r, name, err) :
		     dv_err_errno(err, "cannot remove '%s'", path);
	if (!rc)
		rc = dv_dir_sync(dir, err);
	free(path);
	free(dir);
	return rc;
}

int dv_catalog_rename(struct dv_repo *r, const char *from, const char *to,
		      struct dv_err *err)
{
	char *dir = NULL, *a = NULL, *b = NULL;
	struct dv_strs names = { 0 };
	int rc = dv_name_check(from, "name", err);

	if (!rc)
		rc = dv_name_check(to, "name", err);
	if (!rc)
		rc = dv_catalog_names(r, &names, err);
	if (!rc && !dv_strs_has(&names, from))
		rc = unknown(r, from, err);
	for (size_t i = 0; !rc && i < names.n; i++)
		/* Only the case of the name itself may change. */
		if (!strcasecmp(names.v[i], to) &&
		    (strcmp(names.v[i], from) != 0 || !strcmp(from, to)))
			rc = dv_err_set(err, DV_EEXIST,
					"there is the name '%s' already; 'git dv rename' it first",
					names.v[i]);
	if (!rc)
		rc = folder(r, 0, &dir, err);
	if (!rc && (!(a = file_in(dir, from)) || !(b = file_in(dir, to))))
		rc = dv_err_nomem(err);
	if (!rc && rename(a, b))
		rc = dv_err_errno(err, "cannot rename '%s'", a);
	if (!rc)
		rc = dv_dir_sync(dir, err);
	dv_strs_release(&names);
	free(a);
	free(b);
	free(dir);
	return rc;
}

char *dv_catalog_fresh_id(const struct dv_registry *reg, int64_t now_us)
{
	time_t t = (time_t)(now_us / 1000000);
	char stamp[32], *id;
	struct tm tm;

	if (!localtime_r(&t, &tm) ||
	    !strftime(stamp, sizeof(stamp), "v%Y%m%d_%H%M%S", &tm))
		return NULL;
	id = strdup(stamp);
	for (int i = 2; id; i++) {
		if (!dv_registry_find(reg, id) && !dv_registry_alias(reg, id))
			break;
		free(id);
		id = dv_fmt("%s_%d", stamp, i);
	}
	return id;
}
