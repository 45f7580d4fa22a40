#include "repo/objects.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/proc.h"
#include "repo/git2.h"

/* Starting libgit2 costs more than so many objects through a pipe. */
#define LIBGIT2_FROM 500
#define LIST_MAX ((size_t)2 << 30)

struct dv_objects {
	struct dv_repo *repo;
	const struct dv_git2_ops *ops;
	struct dv_git2 *git2;
	struct dv_proc cat;
	int cat_on;
	FILE *from;
};

/* Partial clones fetch what they lack only through git itself. */
static int may_use_libgit2(struct dv_repo *r)
{
	return r->algo == 1 &&
	       !dv_config_get_own(r, "extensions.partialclone") &&
	       !getenv("GIT_OBJECT_DIRECTORY") &&
	       !getenv("GIT_ALTERNATE_OBJECT_DIRECTORIES");
}

/*
 * libgit2 drags a dozen libraries into a process, which costs more than most
 * commands do. So it stands behind a plug-in that is loaded when it pays; a
 * place without it works by git alone.
 */
static const struct dv_git2_ops *load_plugin(void)
{
	static const struct dv_git2_ops *ops;
	static int tried;
	const char *own = getenv("GIT_DV_PLUGIN_DIR");
	char *path = own && *own ? dv_fmt("%s/dv-git2.so", own) :
				   strdup(DV_PLUGIN_DIR "/dv-git2.so");
	void *so;

	if (!tried && path) {
		tried = 1;
		so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		if (so)
			ops = dlsym(so, "dv_git2_ops");
		else
			dv_log_debug("git reads its objects itself: %s",
				     dlerror());
	}
	free(path);
	return ops;
}

static int is_partial(struct dv_repo *r)
{
	if (dv_config_get_own(r, "extensions.partialclone"))
		return 1;
	for (size_t i = 0; i < r->config.keys.n; i++) {
		const char *key = r->config.keys.v[i];
		size_t n = strlen(key);

		if (n > 16 && !strncmp(key, "remote.", 7) &&
		    !strcmp(key + n - 9, ".promisor"))
			return 1;
	}
	return 0;
}

static int write_in(const char *dir, const char *name, const char *text,
		    struct dv_err *err)
{
	char *path = dv_fmt("%s/%s", dir, name);
	int rc = path ? dv_file_write(path, text, strlen(text), 0600, 0, err) :
			dv_err_nomem(err);

	free(path);
	return rc;
}

/*
 * A repository with the same objects that knows of no promisor. GIT_NO_LAZY_FETCH
 * is of git 2.45, and no setting can take a promisor away.
 */
static int make_view(struct dv_repo *r, char **dir, struct dv_err *err)
{
	const char *tmp = getenv("TMPDIR");
	char *refs;
	int rc;

	*dir = dv_fmt("%s/git-dv-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!*dir)
		return dv_err_nomem(err);
	if (!mkdtemp(*dir)) {
		rc = dv_err_errno(err, "cannot make a temporary folder");
		free(*dir);
		*dir = NULL;
		return rc;
	}
	refs = dv_fmt("%s/refs", *dir);
	rc = refs ? dv_dir_make(refs, err) : dv_err_nomem(err);
	free(refs);
	if (!rc)
		rc = write_in(*dir, "HEAD", "ref: refs/heads/main\n", err);
	if (!rc)
		rc = write_in(*dir, "config", r->algo == 2 ?
			      "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n" :
			      "[core]\n\trepositoryformatversion = 0\n", err);
	return rc;
}

int dv_objects_check(struct dv_repo *r, const char *format,
		     const struct dv_buf *ids, struct dv_buf *out,
		     struct dv_err *err)
{
	char *check = dv_fmt("--batch-check=%s", format);
	const char *argv[] = { "git", "cat-file", check, NULL };
	const char *env[] = { "GIT_WORK_TREE", "GIT_COMMON_DIR", NULL, NULL,
			      NULL };
	char *dir = NULL, *at = NULL, *objects = NULL;
	int rc = check ? 0 : dv_err_nomem(err), code = 0, view;

	view = !rc && ids->n && is_partial(r);
	if (view)
		rc = make_view(r, &dir, err);
	if (!rc && view) {
		env[2] = at = dv_fmt("GIT_DIR=%s", dir);
		objects = dv_fmt("GIT_OBJECT_DIRECTORY=%s/objects",
				 r->common_dir);
		env[3] = getenv("GIT_OBJECT_DIRECTORY") ? NULL : objects;
		rc = at && objects ? 0 : dv_err_nomem(err);
	}
	if (!rc && ids->n)
		rc = dv_proc_filter(argv, view ? env : NULL, 0, ids->p, ids->n,
				    LIST_MAX, out, &code, err);
	if (!rc && code)
		rc = dv_err_set(err, DV_EIO,
				"git cat-file failed with exit code %d", code);
	if (dir && dv_dir_remove(dir, NULL))
		dv_log_debug("'%s' stays behind", dir);
	free(objects);
	free(check);
	free(dir);
	free(at);
	return rc;
}

int dv_objects_open(struct dv_objects **out, struct dv_repo *r,
		    size_t expected, struct dv_err *err)
{
	struct dv_objects *o = calloc(1, sizeof(*o));

	*out = o;
	if (!o)
		return dv_err_nomem(err);
	o->repo = r;
	if (expected >= LIBGIT2_FROM && may_use_libgit2(r))
		o->ops = load_plugin();
	if (o->ops)
		o->git2 = o->ops->open(r->common_dir);
	return 0;
}

void dv_objects_close(struct dv_objects *o)
{
	if (!o)
		return;
	if (o->git2)
		o->ops->close(o->git2);
	if (o->from)
		fclose(o->from);
	if (o->cat_on)
		dv_proc_wait(&o->cat);
	free(o);
}

static int start_cat(struct dv_objects *o, struct dv_err *err)
{
	static const char *const argv[] = { "git", "cat-file",
					    "--batch-command", NULL };
	int rc;

	if (o->cat_on)
		return 0;
	rc = dv_proc_start(&o->cat, argv, NULL, DV_PROC_IN | DV_PROC_OUT, err);
	if (rc)
		return rc;
	o->cat_on = 1;
	o->from = fdopen(o->cat.out, "r");
	if (!o->from)
		return dv_err_nomem(err);
	o->cat.out = -1;
	return 0;
}

static int cat_broken(struct dv_err *err)
{
	return dv_err_set(err, DV_EIO, "git cat-file ended unexpectedly");
}

/*
 * Ask for "info" or "contents" of an object by any name. The answer is
 * "<id> <type> <size>\n", and "<bytes>\n" behind it, or "<name> missing\n".
 */
static int ask(struct dv_objects *o, const char *what, const char *spec,
	       char id[65], char type[32], uint64_t *size, struct dv_err *err)
{
	char line[256];
	unsigned long long n;
	int rc = start_cat(o, err), len;

	if (rc)
		return rc;
	len = snprintf(line, sizeof(line), "%s %s\n", what, spec);
	if (len < 0 || (size_t)len >= sizeof(line))
		return dv_err_set(err, DV_EINVAL, "a name is too long");
	if (dv_write_full(o->cat.in, line, (size_t)len) ||
	    !fgets(line, sizeof(line), o->from))
		return cat_broken(err);
	if (sscanf(line, "%64s %31s %llu", id, type, &n) != 3) {
		line[strcspn(line, "\n")] = '\0';
		return dv_err_set(err, DV_ENOTFOUND,
				  "git does not have object %s", line);
	}
	*size = n;
	return 0;
}

int dv_objects_info(struct dv_objects *o, const char *spec, uint8_t *id,
		    char type[32], uint64_t *size, struct dv_err *err)
{
	char hex[65];
	int rc = ask(o, "info", spec, hex, type, size, err);

	if (!rc && id && (strlen(hex) != 2 * dv_repo_oid_size(o->repo) ||
			  dv_hex_decode(id, hex, dv_repo_oid_size(o->repo))))
		rc = cat_broken(err);
	return rc;
}

int dv_objects_read(struct dv_objects *o, const char *spec, const char *want,
		    size_t max, struct dv_buf *out, struct dv_err *err)
{
	char hex[65], type[32];
	uint64_t size, left;
	int rc = ask(o, "contents", spec, hex, type, &size, err);

	if (rc)
		return rc;
	out->n = 0;
	if (!strcmp(type, want) && size <= max) {
		rc = dv_buf_reserve(out, (size_t)size, err);
		if (rc)
			return rc;
		if (fread(out->p, 1, (size_t)size, o->from) != size)
			return cat_broken(err);
		out->n = (size_t)size;
	} else {
		for (left = size; left; left--)
			if (getc_unlocked(o->from) == EOF)
				return cat_broken(err);
		rc = dv_err_set(err, DV_EINVAL, "%s is no %s, or too large",
				hex, want);
	}
	if (getc_unlocked(o->from) != '\n')
		return cat_broken(err);
	return rc;
}

static int read_cat(struct dv_objects *o, const uint8_t *id,
		    struct dv_buf *out, struct dv_err *err)
{
	char hex[65];
	size_t n = dv_repo_oid_size(o->repo);

	dv_hex_encode(hex, id, n);
	hex[2 * n] = '\0';
	return dv_objects_read(o, hex, "blob", DV_FOREIGN_MAX, out, err);
}

int dv_objects_read_small(struct dv_objects *o, const uint8_t *id,
			  struct dv_buf *out, struct dv_err *err)
{
	uint8_t small[DV_FOREIGN_MAX];
	long n = DV_GIT2_ABSENT;

	if (o->git2)
		n = o->ops->read_small(o->git2, id, small, sizeof(small));
	if (n == DV_GIT2_ABSENT)
		return read_cat(o, id, out, err);
	if (n < 0)
		return dv_err_set(err, DV_EINVAL, "not a small blob");
	out->n = 0;
	return dv_buf_add(out, small, (size_t)n, err);
}

int dv_objects_pointer(struct dv_objects *o, struct dv_cache *cache,
		       const uint8_t *id, struct dv_oid *oid,
		       struct dv_err *err)
{
	size_t n = dv_repo_oid_size(o->repo);
	int known = dv_cache_blob_get(cache, id, n, oid), rc;
	struct dv_buf text = { 0 };

	if (known >= 0)
		return known;
	rc = dv_objects_read_small(o, id, &text, err);
	if (!rc)
		known = dv_pointer_parse(text.p, text.n, oid) == DV_PTR_OK;
	dv_buf_release(&text);
	if (rc == DV_EINVAL) {
		known = 0;
		rc = 0;
	}
	if (rc)
		return rc;
	dv_cache_blob_put(cache, id, n, known ? oid : NULL);
	return known;
}
