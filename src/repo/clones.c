#include "repo/clones.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"

#define ENTRY_MAX 65536

void dv_clones_release(struct dv_clones *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].file);
		free(c->v[i].dir);
	}
	free(c->v);
	dv_strs_release(&c->stale);
	memset(c, 0, sizeof(*c));
}

static struct dv_clone *find(const struct dv_clones *c, const char *dir)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->v[i].dir, dir))
			return &c->v[i];
	return NULL;
}

/* `file` may be NULL. */
static int add(struct dv_clones *c, const char *file, const char *dir,
	       struct dv_err *err)
{
	struct dv_clone *v = find(c, dir);

	if (!v) {
		v = dv_grow(c->v, &c->cap, c->n + 1, sizeof(*v));
		if (!v)
			return dv_err_nomem(err);
		c->v = v;
		v += c->n;
		memset(v, 0, sizeof(*v));
		v->dir = strdup(dir);
		if (!v->dir)
			return dv_err_nomem(err);
		c->n++;
	}
	if (!file || v->file)
		return 0;
	v->file = strdup(file);
	return v->file ? 0 : dv_err_nomem(err);
}

/* The clone at `dir` had the store in it, which stands elsewhere now. */
static int add_moved(struct dv_clones *c, const struct dv_store *s,
		     const char *file, struct dv_err *err)
{
	char *dir = dv_path_dir(s->path);
	int rc = dir ? add(c, NULL, dir, err) : dv_err_nomem(err);

	free(dir);
	return rc ? rc : dv_strs_add(&c->stale, file, err);
}

/*
 * An entry is the clone's Git directory, and "inside" where the store stood in
 * it as dv/. If that directory is gone while the store is here, both were
 * moved: the clone is what is around the store now.
 */
static int take_entry(struct dv_clones *c, const struct dv_store *s,
		      const char *name, struct dv_err *err)
{
	char *file = dv_fmt("%s/clones/%s", s->path, name), *dir;
	struct dv_buf text = { 0 };
	size_t end;
	int rc = file ? dv_file_read(file, &text, ENTRY_MAX, err) :
			dv_err_nomem(err), inside;

	if (rc) {
		rc = rc == DV_ENOTFOUND ? 0 : rc;
		goto out;
	}
	dir = (char *)dv_buf_str(&text);
	inside = text.n > 8 &&
		 !strcmp(dir + text.n - 8, "\ninside\n");
	end = inside ? text.n - 8 : text.n - 1;
	if (!text.n || dir[end] != '\n' || *dir != '/') {
		rc = dv_err_set(err, DV_ECORRUPT,
				"'%s' does not name a clone; remove it if no clone is lost by that",
				file);
		goto out;
	}
	/* All before it, as a path may have newlines. */
	dir[end] = '\0';
	if (inside && access(dir, F_OK) &&
	    (errno == ENOENT || errno == ENOTDIR))
		rc = add_moved(c, s, file, err);
	else
		rc = add(c, file, dir, err);
out:
	dv_buf_release(&text);
	free(file);
	return rc;
}

int dv_clones_load(struct dv_store *s, const char *own, struct dv_clones *out,
		   struct dv_err *err)
{
	char *dir = dv_fmt("%s/clones", s->path);
	struct dv_strs names = { 0 };
	int rc;

	memset(out, 0, sizeof(*out));
	rc = dir ? dv_dir_list(dir, &names, err) : dv_err_nomem(err);
	dv_strs_sort(&names);
	for (size_t i = 0; !rc && i < names.n; i++)
		if (strlen(names.v[i]) == 32 && dv_hex_valid(names.v[i], 32))
			rc = take_entry(out, s, names.v[i], err);
	if (!rc)
		rc = add(out, NULL, own, err);
	dv_strs_release(&names);
	free(dir);
	if (rc)
		dv_clones_release(out);
	return rc;
}

static int is_clone(const struct dv_clone *c, const char *path)
{
	size_t n = strlen(c->dir);
	char *top = dv_clone_top(c->dir);
	int is = !strcmp(c->dir, path) || (top && !strcmp(top, path));

	if (!is && n > 5 && !strcmp(c->dir + n - 5, "/.git"))
		is = strlen(path) == n - 5 && !strncmp(c->dir, path, n - 5);
	free(top);
	return is;
}

static int same_place(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

/* 1: the clone is there and set to this store; 0: not; negative: who knows. */
static int uses_store(const char *dir, const struct dv_store *s)
{
	struct dv_repo repo;
	struct dv_visit v;
	struct stat st;
	char *top, *path;
	int uses = DV_EIO;

	if (stat(dir, &st))
		return errno == ENOENT || errno == ENOTDIR ? 0 : DV_EIO;
	top = dv_clone_top(dir);
	if (!top || dv_visit_begin(&v, top, NULL)) {
		free(top);
		return DV_EIO;
	}
	if (!dv_repo_open(&repo, NULL)) {
		if (!same_place(repo.common_dir, dir)) {
			uses = 0;
		} else {
			path = dv_repo_store_path(&repo, NULL);
			uses = path ? same_place(path, s->path) : DV_EIO;
			free(path);
		}
		dv_repo_close(&repo);
	}
	dv_visit_end(&v);
	free(top);
	return uses;
}

int dv_clones_forget(struct dv_clones *c, const struct dv_store *s,
		     const char *path, int dry_run, struct dv_err *err)
{
	size_t n = strlen(path);
	char *plain;
	int rc, uses;

	while (n > 1 && path[n - 1] == '/')
		n--;
	plain = strndup(path, n);
	if (!plain)
		return dv_err_nomem(err);
	for (size_t i = 0; i < c->n; i++) {
		struct dv_clone *v = &c->v[i];

		if (!v->file || !is_clone(v, plain))
			continue;
		free(plain);
		uses = uses_store(v->dir, s);
		if (uses)
			return dv_err_set(err, DV_EINVAL,
					  uses > 0 ? "'%s' is there and uses this store; it is not forgotten" :
					  "'%s' is there and cannot be read, so that it may use this store; it is not forgotten",
					  v->dir);
		rc = !dry_run && unlink(v->file) && errno != ENOENT ?
		     dv_err_errno(err, "cannot remove '%s'", v->file) : 0;
		if (rc)
			return rc;
		free(v->file);
		free(v->dir);
		memmove(v, v + 1, (--c->n - i) * sizeof(*v));
		return 0;
	}
	free(plain);
	return dv_err_set(err, DV_ENOTFOUND,
			  "the store '%s' knows no clone '%s'; its folder 'clones' lists them",
			  s->path, path);
}

void dv_clones_tidy(struct dv_clones *c)
{
	for (size_t i = 0; i < c->stale.n; i++)
		unlink(c->stale.v[i]);
}

char *dv_clone_top(const char *dir)
{
	size_t n = strlen(dir);

	return n > 5 && !strcmp(dir + n - 5, "/.git") ? dv_path_dir(dir) :
							strdup(dir);
}

/* What would lead git elsewhere, and what it is told. */
static const struct {
	const char *name, *value;
} vars[] = {
	{ "GIT_DIR", NULL },
	{ "GIT_WORK_TREE", NULL },
	{ "GIT_COMMON_DIR", NULL },
	{ "GIT_INDEX_FILE", NULL },
	{ "GIT_OBJECT_DIRECTORY", NULL },
	{ "GIT_ALTERNATE_OBJECT_DIRECTORIES", NULL },
	{ "GIT_NAMESPACE", NULL },
	{ "GIT_PREFIX", NULL },
	{ "GIT_SHALLOW_FILE", NULL },
	{ "GIT_CEILING_DIRECTORIES", NULL },
	{ "GIT_DEFAULT_HASH", NULL },
	{ "GIT_NO_REPLACE_OBJECTS", "1" },
	{ "GIT_NO_LAZY_FETCH", "1" },
	{ "GIT_REF_PARANOIA", "1" },
};
_Static_assert(DV_ARRAY_SIZE(vars) <= DV_VISIT_VARS, "dv_visit is too small");

int dv_visit_begin(struct dv_visit *v, const char *dir, struct dv_err *err)
{
	memset(v, 0, sizeof(*v));
	v->cwd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (v->cwd < 0)
		return dv_err_errno(err, "cannot open the current folder");
	if (chdir(dir)) {
		dv_err_errno(err, "cannot change to '%s'", dir);
		close(v->cwd);
		v->cwd = -1;
		return err ? err->status : DV_EIO;
	}
	for (size_t i = 0; i < DV_ARRAY_SIZE(vars); i++) {
		const char *old = getenv(vars[i].name);

		v->saved[i] = old ? strdup(old) : NULL;
		if (vars[i].value)
			setenv(vars[i].name, vars[i].value, 1);
		else
			unsetenv(vars[i].name);
	}
	return 0;
}

void dv_visit_end(struct dv_visit *v)
{
	for (size_t i = 0; i < DV_ARRAY_SIZE(vars); i++) {
		if (v->saved[i])
			setenv(vars[i].name, v->saved[i], 1);
		else
			unsetenv(vars[i].name);
		free(v->saved[i]);
	}
	if (v->cwd >= 0) {
		if (fchdir(v->cwd))
			dv_log_debug("cannot go back to where it began");
		close(v->cwd);
	}
	memset(v, 0, sizeof(*v));
	v->cwd = -1;
}
