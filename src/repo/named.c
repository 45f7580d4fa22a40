#include "repo/named.h"

#include <stdlib.h>
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
	int perhaps;		/* what is no registry is no error */
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

static int has_suffix(const char *path)
{
	size_t n = strlen(path), s = sizeof(DV_REGISTRY_SUFFIX) - 1;

	return n > s && !strcmp(path + n - s, DV_REGISTRY_SUFFIX);
}

static int is_registry(const char *path)
{
	static const char dir[] = DV_REGISTRY_DIR "/";
	size_t d = sizeof(dir) - 1;

	return !strncmp(path, dir, d) && !strchr(path + d, '/') &&
	       has_suffix(path + d);
}

static int one_blob(struct walk *w, const char *hex, const char *path,
		    struct dv_err *err)
{
	size_t hs = dv_repo_oid_size(w->repo);
	struct dv_id key = { { 0 } };
	struct dv_buf text = { 0 };
	char spec[65];
	int rc;

	if ((!w->perhaps && !is_registry(path)) || strlen(hex) < 2 * hs ||
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
	if (rc == DV_EINVAL && w->perhaps)
		return 0;
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

/* As of a commit, and as of the folders that such a tree has. */
static int of_tree(struct walk *w, const char *hex, struct dv_err *err)
{
	const char *below[] = { "ls-tree", "-r", "-z", "--full-tree", hex, "--",
				DV_REGISTRY_DIR, "registry", NULL };
	const char *top[] = { "ls-tree", "-z", "--full-tree", hex, NULL };
	struct dv_buf list = { 0 };
	int rc = dv_git(below, LIST_MAX, &list, err);

	if (!rc)
		rc = dv_git(top, LIST_MAX, &list, err);
	for (char *p = (char *)list.p, *stop = p + list.n; !rc && p < stop;
	     p += strlen(p) + 1) {
		char *tab = strchr(p, '\t');

		if (!tab || strncmp(p, "100", 3) || tab - p <= 12)
			continue;
		w->perhaps = !is_registry(tab + 1);
		if (!w->perhaps || has_suffix(tab + 1))
			rc = one_blob(w, p + 12, tab + 1, err);
	}
	w->perhaps = 0;
	dv_buf_release(&list);
	return rc;
}

static int of_file(struct walk *w, const char *hex, uint64_t size,
		   struct dv_err *err)
{
	int rc;

	if (size > DV_JSON_MAX)
		return 0;
	w->perhaps = 1;
	rc = one_blob(w, hex, hex, err);
	w->perhaps = 0;
	return rc;
}

/* All commits among refs, to have no history twice; what else refs name. */
static int divide_refs(struct dv_strs *commits, struct dv_buf *others,
		       struct dv_err *err)
{
	static const char *const args[] = { "for-each-ref",
		"--format=%(objectname) %(objecttype) %(*objecttype)", NULL };
	struct dv_buf list = { 0 };
	char *p, *save = NULL;
	int rc = dv_git(args, LIST_MAX, &list, err);

	for (p = rc || !list.n ? NULL :
				 strtok_r((char *)list.p, "\n", &save);
	     !rc && p; p = strtok_r(NULL, "\n", &save)) {
		int n = (int)strcspn(p, " ");

		if (!strcmp(p + n, " commit ") || !strcmp(p + n, " tag commit"))
			rc = dv_strs_addn(commits, p, (size_t)n, err);
		else
			rc = dv_buf_addf(others, err, "%.*s^{}\n", n, p);
	}
	dv_buf_release(&list);
	return rc;
}

int dv_named_of_tips(struct dv_repo *r, const struct dv_strs *tips,
		     struct dv_ptrs *out, struct dv_unread *unread,
		     struct dv_err *err)
{
	struct dv_strs refs = { 0 }, commits = { 0 };
	struct dv_buf ask = { 0 }, types = { 0 };
	char *p, *save = NULL;
	struct walk w;
	int rc = begin(&w, r, out, unread, err);

	if (!rc)
		rc = divide_refs(&refs, &ask, err);
	for (size_t i = 0; !rc && i < tips->n; i++)
		rc = dv_buf_addf(&ask, err, "%s^{}\n", tips->v[i]);
	if (!rc && ask.n)
		rc = dv_objects_check(r, "%(objecttype) %(objectsize) %(objectname)",
				      &ask, &types, err);
	for (p = rc || !types.n ? NULL :
				  strtok_r((char *)types.p, "\n", &save);
	     !rc && p; p = strtok_r(NULL, "\n", &save)) {
		const char *hex = strrchr(p, ' ');

		if (!hex)
			continue;
		hex++;
		if (!strncmp(p, "commit ", 7))
			rc = dv_strs_add(&commits, hex, err);
		else if (!strncmp(p, "tree ", 5))
			rc = of_tree(&w, hex, err);
		else if (!strncmp(p, "blob ", 5))
			rc = of_file(&w, hex, strtoull(p + 5, NULL, 10), err);
	}
	if (!rc && commits.n)
		rc = of_log(r, &commits, &refs, out, unread, err);
	end(&w);
	dv_buf_release(&ask);
	dv_buf_release(&types);
	dv_strs_release(&commits);
	dv_strs_release(&refs);
	return rc;
}
