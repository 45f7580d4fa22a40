#include "repo/named.h"

#include <string.h>

#include "base/hex.h"
#include "base/idmap.h"
#include "base/log.h"
#include "base/proc.h"
#include "format/json.h"
#include "format/registry.h"
#include "repo/objects.h"

#define LIST_MAX ((size_t)1 << 30)
#define SPEC ":(top,literal)" DV_REGISTRY_DIR

enum seen_kind { SEEN_BLOB = 1, SEEN_CONTENT = 2 };

struct walk {
	struct dv_repo *repo;
	struct dv_objects *objects;
	struct dv_idmap seen;
	struct dv_ptrs *out;
	struct dv_unread *unread;
	const char *path;	/* of the file that is read */
};

void dv_unread_release(struct dv_unread *u)
{
	dv_strs_release(&u->paths);
	dv_strs_release(&u->blobs);
}

void dv_unread_warn(const struct dv_unread *u)
{
	for (size_t i = 0; i < u->paths.n; i++)
		dv_log_warn("'%s' (blob %.12s) is no registry, so it names no content",
			    u->paths.v[i], u->blobs.v[i]);
}

/*
 * Once each per path. Ids are SHA-256 values, or Git's, which nobody can make
 * differ by just this.
 */
static int seen(struct walk *w, unsigned int kind, struct dv_id id,
		struct dv_err *err)
{
	uint64_t h = 0xcbf29ce484222325u;	/* FNV-1a */

	for (const char *p = w->path; *p; p++)
		h = (h ^ (uint8_t)*p) * 0x100000001b3u;
	dv_put64(id.b, dv_get64(id.b) ^ h);
	return dv_idmap_put(&w->seen, kind, &id, 1, err);
}

static int one_content(void *arg, const char *id, const struct dv_oid *oid)
{
	struct walk *w = arg;
	int rc = seen(w, SEEN_CONTENT + oid->scheme, oid->id, NULL);

	(void)id;
	if (rc)
		return rc == DV_EEXIST ? 0 : rc;
	return dv_ptrs_add(w->out, w->path, oid, NULL, NULL);
}

static int is_registry(const char *path)
{
	static const char dir[] = DV_REGISTRY_DIR "/";
	size_t n = strlen(path), d = sizeof(dir) - 1;
	size_t s = sizeof(DV_REGISTRY_SUFFIX) - 1;

	return n > d + s && !strncmp(path, dir, d) && !strchr(path + d, '/') &&
	       !strcmp(path + n - s, DV_REGISTRY_SUFFIX);
}

static int one_blob(struct walk *w, const char *hex, const char *path,
		    struct dv_err *err)
{
	size_t hs = dv_repo_oid_size(w->repo);
	struct dv_id key = { { 0 } };
	struct dv_buf text = { 0 };
	char spec[65];
	int rc;

	if (!is_registry(path) || strlen(hex) < 2 * hs ||
	    dv_hex_decode(key.b, hex, hs))
		return 0;
	w->path = path;
	rc = seen(w, SEEN_BLOB, key, err);
	if (rc)
		return rc == DV_EEXIST ? 0 : rc;
	memcpy(spec, hex, 2 * hs);
	spec[2 * hs] = '\0';
	rc = dv_objects_read(w->objects, spec, "blob", DV_JSON_MAX, &text,
			     err);
	if (!rc)
		rc = dv_registry_named(text.p, text.n, one_content, w, err);
	dv_buf_release(&text);
	/* A partial clone without its promisor lacks blobs. */
	if (rc == DV_EINVAL || rc == DV_ENOTFOUND) {
		rc = dv_strs_add(&w->unread->paths, path, err);
		if (!rc)
			rc = dv_strs_addn(&w->unread->blobs, hex, 2 * hs, err);
	}
	return rc;
}

static int begin(struct walk *w, struct dv_repo *r, struct dv_ptrs *out,
		 struct dv_unread *unread, struct dv_err *err)
{
	*w = (struct walk){ .repo = r, .out = out, .unread = unread };
	return dv_objects_open(&w->objects, r, 0, err);
}

static void end(struct walk *w)
{
	dv_objects_close(w->objects);
	dv_idmap_release(&w->seen);
}

/*
 * "mode SP type SP id TAB path\0" of ls-tree, or of ls-files -s "mode SP id SP
 * stage TAB path\0". Links and folders name nothing.
 */
static int listed(struct walk *w, struct dv_buf *list, size_t at,
		  struct dv_err *err)
{
	char *p = (char *)list->p, *stop = p + list->n;
	int rc = 0;

	for (; !rc && p < stop; p += strlen(p) + 1) {
		char *tab = strchr(p, '\t');

		if (tab && !strncmp(p, "100", 3) && (size_t)(tab - p) > at)
			rc = one_blob(w, p + at, tab + 1, err);
	}
	return rc;
}

int dv_named_of_index(struct dv_repo *r, const char *index,
		      struct dv_ptrs *out, struct dv_unread *unread,
		      struct dv_err *err)
{
	static const char *const argv[] = { "git", "ls-files", "-s", "-z",
		"--full-name", "--", SPEC, NULL };
	char var[4200];
	const char *const env[] = { DV_GIT_NO_ADVICE, index ? var : NULL, NULL };
	struct dv_buf list = { 0 };
	struct walk w;
	int code, rc;

	if (index && strlen(index) > 4096)
		return dv_err_set(err, DV_EINVAL, "the path '%.100s...' is too long",
				  index);
	if (index) {
		memcpy(var, "GIT_INDEX_FILE=", 15);
		memcpy(var + 15, index, strlen(index) + 1);
	}
	rc = begin(&w, r, out, unread, err);
	if (!rc)
		rc = dv_proc_capture(argv, env, 0, LIST_MAX,
				     &list, &code, err);
	if (!rc && code)
		rc = dv_err_set(err, DV_EIO, "git ls-files failed");
	if (!rc)
		rc = listed(&w, &list, 7, err);
	dv_buf_release(&list);
	end(&w);
	return rc;
}

int dv_named_of_commit(struct dv_repo *r, const char *rev,
		       struct dv_ptrs *out, struct dv_unread *unread,
		       struct dv_err *err)
{
	const char *args[] = { "ls-tree", "-r", "-z", "--full-tree", rev, "--",
			       DV_REGISTRY_DIR, NULL };
	struct dv_buf list = { 0 };
	struct walk w;
	int rc = begin(&w, r, out, unread, err);

	if (!rc)
		rc = dv_git(args, LIST_MAX, &list, err);
	if (!rc)
		rc = listed(&w, &list, 12, err);
	dv_buf_release(&list);
	end(&w);
	return rc;
}

static int one_change(void *arg, const uint8_t *old_id, const uint8_t *new_id,
		      const char *path, struct dv_err *err)
{
	struct walk *w = arg;
	char hex[65];

	(void)old_id;
	dv_hex_encode(hex, new_id, dv_repo_oid_size(w->repo));
	return one_blob(w, hex, path, err);
}

/* revs NULL: all. */
static int of_log(struct dv_repo *r, const struct dv_strs *revs,
		  const struct dv_strs *not_revs, struct dv_ptrs *out,
		  struct dv_unread *unread, struct dv_err *err)
{
	struct dv_buf list = { 0 };
	struct walk w;
	int rc = begin(&w, r, out, unread, err);

	if (!rc)
		rc = dv_log_read(r, revs, not_revs, SPEC, &list, err);
	if (!rc)
		rc = dv_log_each(r, &list, one_change, &w, err);
	dv_buf_release(&list);
	end(&w);
	return rc;
}

int dv_named_of_range(struct dv_repo *r, const struct dv_strs *revs,
		      const struct dv_strs *not_revs, struct dv_ptrs *out,
		      struct dv_unread *unread, struct dv_err *err)
{
	return revs->n ? of_log(r, revs, not_revs, out, unread, err) : 0;
}

int dv_named_of_all(struct dv_repo *r, struct dv_ptrs *out,
		    struct dv_unread *unread, struct dv_err *err)
{
	return of_log(r, NULL, NULL, out, unread, err);
}
