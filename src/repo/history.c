#include "repo/history.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/idmap.h"
#include "repo/gitindex.h"
#include "repo/objects.h"

#define LIST_MAX ((size_t)2 << 30)
#define TIPS_MAX 200
/* Git knows them without their being stored. */
#define EMPTY_TREE_SHA1 "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
#define EMPTY_TREE_SHA256 \
	"6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"

void dv_ptrs_release(struct dv_ptrs *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].path);
	free(p->v);
	memset(p, 0, sizeof(*p));
}

int dv_ptrs_add(struct dv_ptrs *p, const char *path, const struct dv_oid *oid,
		const struct dv_oid *previous, struct dv_err *err)
{
	struct dv_ptr *v = dv_grow(p->v, &p->cap, p->n + 1, sizeof(*v));

	if (!v)
		return dv_err_nomem(err);
	p->v = v;
	v += p->n;
	memset(v, 0, sizeof(*v));
	v->path = strdup(path);
	if (!v->path)
		return dv_err_nomem(err);
	v->oid = *oid;
	if (previous)
		v->previous = *previous;
	p->n++;
	return 0;
}

/* How many of these blobs does the cache not know? libgit2 pays from there. */
static int of_index(struct dv_repo *r, struct dv_cache *c, int whole,
		    struct dv_ptrs *out, struct dv_err *err)
{
	char *path = dv_repo_index_path(r);
	struct dv_gitindex ix = { 0 };
	struct dv_objects *o = NULL;
	size_t unknown = 0, hs = dv_repo_oid_size(r);
	int rc;

	if (!path)
		return dv_err_nomem(err);
	rc = dv_gitindex_read(&ix, path, r->algo, err);
	free(path);
	if (rc == DV_ENOTFOUND)
		return 0;	/* nothing was ever staged */
	if (!rc && (ix.split || (whole && ix.sparse))) {
		dv_gitindex_release(&ix);
		return dv_ptrs_of_commit(r, c, NULL, out, err);
	}
	for (size_t i = 0; !rc && i < ix.n; i++) {
		struct dv_oid oid;

		unknown += dv_cache_blob_get(c, ix.v[i].oid, hs, &oid) < 0;
	}
	if (!rc)
		rc = dv_objects_open(&o, r, unknown, err);
	for (size_t i = 0; !rc && i < ix.n; i++) {
		const struct dv_gitentry *e = &ix.v[i];
		struct dv_oid oid;
		int is;

		if (e->stage || (e->mode & 0170000) != 0100000 ||
		    e->intent_to_add)
			continue;
		is = dv_objects_pointer(o, c, e->oid, &oid, err);
		if (is == DV_ENOTFOUND)
			continue;	/* a partial clone, offline */
		if (is < 0)
			rc = is;
		else if (is)
			rc = dv_ptrs_add(out, e->path, &oid, NULL, err);
		if (!rc && is > 0)
			out->v[out->n - 1].left_out = e->skip_worktree;
	}
	dv_objects_close(o);
	dv_gitindex_release(&ix);
	return rc;
}

int dv_ptrs_of_index(struct dv_repo *r, struct dv_cache *c,
		     struct dv_ptrs *out, struct dv_err *err)
{
	return of_index(r, c, 0, out, err);
}

int dv_ptrs_of_whole_index(struct dv_repo *r, struct dv_cache *c,
			   struct dv_ptrs *out, struct dv_err *err)
{
	return of_index(r, c, 1, out, err);
}

/*
 * "mode SP type SP id TAB path\0" or, of ls-files -t -s, "tag SP mode SP id SP
 * stage TAB path\0".
 */
int dv_ptrs_of_commit(struct dv_repo *r, struct dv_cache *c, const char *rev,
		      struct dv_ptrs *out, struct dv_err *err)
{
	const char *tree[] = { "ls-tree", "-r", "-z", "--full-tree", rev,
			       NULL };
	static const char *const index[] = { "ls-files", "-t", "-s", "-z",
					     "--full-name", ":/", NULL };
	struct dv_objects *o = NULL;
	struct dv_buf list = { 0 };
	size_t hs = dv_repo_oid_size(r);
	char *p, *end;
	int rc;

	rc = dv_git(rev ? tree : index, LIST_MAX, &list, err);
	if (!rc)
		rc = dv_objects_open(&o, r, list.n / 100, err);
	p = (char *)list.p;
	end = p + list.n;
	for (; !rc && p < end; p += strlen(p) + 1) {
		char *tab = strchr(p, '\t');
		uint8_t id[32];
		struct dv_oid oid;
		int is;

		if (!tab || strncmp(rev ? p : p + 2, "100", 3))
			continue;
		if (dv_hex_decode(id, p + (rev ? 12 : 9), hs))
			continue;
		is = dv_objects_pointer(o, c, id, &oid, err);
		if (is > 0)
			rc = dv_ptrs_add(out, tab + 1, &oid, NULL, err);
		if (!rc && is > 0)
			out->v[out->n - 1].left_out = !rev && *p == 'S';
		else if (is < 0 && is != DV_ENOTFOUND)
			rc = is;
		p = tab + 1;
	}
	dv_objects_close(o);
	dv_buf_release(&list);
	return rc;
}

int dv_known_commits(struct dv_repo *r, const struct dv_strs *revs,
		     struct dv_strs *out, struct dv_err *err)
{
	struct dv_buf in = { 0 }, res = { 0 };
	char *p, *save = NULL;
	int rc = 0;

	if (!revs->n)
		return 0;
	for (size_t i = 0; !rc && i < revs->n; i++)
		rc = dv_buf_addf(&in, err, "%s\n", revs->v[i]);
	if (!rc)
		rc = dv_objects_check(r, "%(objectname) %(objecttype) ", &in,
				      &res, err);
	if (!rc) {
		for (p = strtok_r((char *)res.p, "\n", &save); !rc && p;
		     p = strtok_r(NULL, "\n", &save)) {
			char *sp = strchr(p, ' ');

			if (!sp || (strncmp(sp, " commit ", 8) &&
				    strncmp(sp, " tag ", 5)))
				continue;
			rc = dv_strs_addn(out, p, (size_t)(sp - p), err);
		}
	}
	dv_buf_release(&in);
	dv_buf_release(&res);
	return rc;
}

/*
 * Refs may name trees and files without a commit: as if one had brought them
 * in where nothing was. git log passes over them.
 */
static int add_bare(struct dv_repo *r, const struct dv_strs *revs,
		    const char *path, struct dv_buf *out, struct dv_err *err)
{
	static const char *const check[] = { "cat-file",
		"--batch-check=%(objecttype) %(objectname)", NULL };
	const char *diff[] = { "diff-tree", "--stdin", "-r", "-z", "--raw",
			       "--no-abbrev", "--no-renames", "--", path, NULL };
	const char *empty = r->algo == 2 ? EMPTY_TREE_SHA256 : EMPTY_TREE_SHA1;
	int rc = 0, hex = (int)(2 * dv_repo_oid_size(r));
	struct dv_buf ask = { 0 }, types = { 0 }, trees = { 0 };
	char *p, *save = NULL;

	for (size_t i = 0; !rc && i < revs->n; i++)
		rc = dv_buf_addf(&ask, err, "%s^{}\n", revs->v[i]);
	if (!rc)
		rc = dv_git_input(check, ask.p, ask.n, LIST_MAX, &types, err);
	for (p = rc || !types.n ? NULL :
				  strtok_r((char *)types.p, "\n", &save);
	     !rc && p; p = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(p, "tree ", 5))
			rc = dv_buf_addf(&trees, err, "%s %s\n", empty, p + 5);
		else if (!strncmp(p, "blob ", 5) && !path)
			rc = dv_buf_addf(out, err,
					 ":000000 100644 %0*d %s A%c%s%c", hex,
					 0, p + 5, 0, p + 5, 0);
	}
	if (!rc && trees.n)
		rc = dv_git_input(diff, trees.p, trees.n, LIST_MAX, out, err);
	dv_buf_release(&ask);
	dv_buf_release(&types);
	dv_buf_release(&trees);
	return rc;
}

int dv_log_read(struct dv_repo *r, const struct dv_strs *revs,
		const struct dv_strs *not_revs, const char *path,
		struct dv_buf *out, struct dv_err *err)
{
	/*
	 * The commits as they travel, not what refs/replace shows instead, and
	 * nothing that the user's settings leave out. Parents first, whatever
	 * their dates say: newer versions build on older ones.
	 */
	const char *args[28] = { "--no-replace-objects", "-c",
		"log.diffMerges=separate", "log", "--topo-order", "--reverse",
		"-m", "--raw", "-z", "--no-abbrev", "--no-renames",
		"--format=", "--root", "--diff-filter=d", "--no-ext-diff",
		"--no-textconv", "--no-relative", "--no-show-signature",
		"--no-notes", "--no-color", "--full-history" };
	struct dv_strs known = { 0 };
	struct dv_buf in = { 0 };
	size_t n = 0;
	int rc = 0;

	while (args[n])
		n++;
	if (revs) {
		args[n++] = "--stdin";
		rc = dv_known_commits(r, not_revs, &known, err);
	} else {
		args[n++] = "--all";
		args[n++] = "--reflog";
	}
	args[n++] = "--";
	if (path)
		args[n++] = path;
	for (size_t i = 0; !rc && revs && i < revs->n; i++)
		rc = dv_buf_addf(&in, err, "%s\n", revs->v[i]);
	for (size_t i = 0; !rc && i < known.n; i++)
		rc = dv_buf_addf(&in, err, "^%s\n", known.v[i]);
	if (!rc)
		rc = dv_git_input(args, in.p, in.n, LIST_MAX, out, err);
	if (!rc && revs && revs->n)
		rc = add_bare(r, revs, path, out, err);
	dv_strs_release(&known);
	dv_buf_release(&in);
	return rc;
}

/*
 * ":mode mode old new status\0path\0" each, behind a newline between commits, or
 * a line with the trees of a diff-tree.
 */
int dv_log_each(struct dv_repo *r, const struct dv_buf *list,
		int (*each)(void *arg, const uint8_t *old_id,
			    const uint8_t *new_id, const char *path,
			    struct dv_err *err),
		void *arg, struct dv_err *err)
{
	size_t hs = dv_repo_oid_size(r), hex = 2 * hs;
	const char *p = (const char *)list->p, *end = p + list->n;
	int rc = 0;

	while (!rc && p < end) {
		const char *rec = p, *nl = strrchr(p, '\n');
		uint8_t old_id[32], new_id[32];

		p += strlen(p) + 1;
		if (nl)
			rec = nl + 1;
		if (*rec != ':')
			continue;
		if (p >= end)
			break;
		if (strlen(rec) >= 15 + 2 * hex + 2 &&
		    !strncmp(rec + 8, "100", 3) &&
		    !dv_hex_decode(old_id, rec + 15, hs) &&
		    !dv_hex_decode(new_id, rec + 16 + hex, hs))
			rc = each(arg, old_id, new_id, p, err);
		p += strlen(p) + 1;
	}
	return rc;
}

struct range {
	struct dv_repo *repo;
	struct dv_cache *cache;
	struct dv_objects *objects;
	struct dv_idmap seen;
	struct dv_ptrs *out;
};

static int one_change(void *arg, const uint8_t *old_id, const uint8_t *new_id,
		      const char *path, struct dv_err *err)
{
	struct range *g = arg;
	struct dv_oid oid, previous = { 0 };
	struct dv_id key = { { 0 } };
	int is, rc;

	is = dv_objects_pointer(g->objects, g->cache, new_id, &oid, err);
	if (is <= 0)
		return is == DV_ENOTFOUND ? 0 : is;
	memcpy(key.b, new_id, dv_repo_oid_size(g->repo));
	rc = dv_idmap_put(&g->seen, 1, &key, 1, err);
	if (rc)
		return rc == DV_EEXIST ? 0 : rc;
	if (dv_objects_pointer(g->objects, g->cache, old_id, &previous,
			       NULL) != 1)
		memset(&previous, 0, sizeof(previous));
	return dv_ptrs_add(g->out, path, &oid, &previous, err);
}

int dv_ptrs_of_range(struct dv_repo *r, struct dv_cache *c,
		     const struct dv_strs *revs,
		     const struct dv_strs *not_revs, struct dv_ptrs *out,
		     struct dv_err *err)
{
	struct range g = { .repo = r, .cache = c, .out = out };
	struct dv_buf list = { 0 };
	int rc;

	if (!revs->n)
		return 0;
	rc = dv_log_read(r, revs, not_revs, NULL, &list, err);
	if (!rc)
		rc = dv_objects_open(&g.objects, r, list.n / 100, err);
	if (!rc)
		rc = dv_log_each(r, &list, one_change, &g, err);
	dv_objects_close(g.objects);
	dv_idmap_release(&g.seen);
	dv_buf_release(&list);
	return rc;
}

int dv_all_refs(struct dv_strs *out, struct dv_err *err)
{
	static const char *const args[] = { "for-each-ref",
					    "--format=%(objectname)", NULL };
	struct dv_buf list = { 0 };
	char *p, *save = NULL;
	int rc = dv_git(args, LIST_MAX, &list, err);

	if (!rc && list.n)
		for (p = strtok_r((char *)list.p, "\n", &save); !rc && p;
		     p = strtok_r(NULL, "\n", &save))
			if (!dv_strs_has(out, p))
				rc = dv_strs_add(out, p, err);
	dv_buf_release(&list);
	return rc;
}

/* A line of dv/pushed/<uuid>: a tip, or a shard that was seen. */
#define SEEN "shard "

int dv_pushed_tips(struct dv_repo *r, const char *uuid, struct dv_strs *tips,
		   struct dv_strs *seen, struct dv_err *err)
{
	char *path = dv_fmt("%s/dv/pushed/%s", r->common_dir, uuid);
	size_t k = strlen(SEEN);
	struct dv_buf b = { 0 };
	char *p, *save = NULL;
	int rc = 0;

	if (!path)
		return dv_err_nomem(err);
	if (!dv_file_read(path, &b, 1u << 20, NULL) && b.n)
		for (p = strtok_r((char *)b.p, "\n", &save); !rc && p;
		     p = strtok_r(NULL, "\n", &save)) {
			if (seen && !strncmp(p, SEEN, k))
				rc = dv_strs_add(seen, p + k, err);
			else if (tips &&
				 strlen(p) == 2 * dv_repo_oid_size(r) &&
				 dv_hex_valid(p, strlen(p)))
				rc = dv_strs_add(tips, p, err);
		}
	dv_buf_release(&b);
	free(path);
	return rc;
}

/* Newest first; old ones fall out at the end. */
void dv_pushed_add(struct dv_repo *r, const char *uuid,
		   const struct dv_strs *tips, const struct dv_strs *seen)
{
	char *dir = dv_fmt("%s/dv/pushed", r->common_dir);
	char *path = dir ? dv_fmt("%s/%s", dir, uuid) : NULL;
	struct dv_strs old = { 0 }, was = { 0 };
	struct dv_buf b = { 0 };
	size_t n = 0;

	if (!path || dv_dir_make(dir, NULL) ||
	    dv_pushed_tips(r, uuid, &old, &was, NULL))
		goto out;
	if (!seen)
		seen = &was;
	for (size_t i = 0; i < seen->n; i++)
		if (dv_buf_addf(&b, NULL, SEEN "%s\n", seen->v[i]))
			goto out;
	for (size_t i = 0; i < tips->n; i++, n++)
		if (dv_buf_addf(&b, NULL, "%s\n", tips->v[i]))
			goto out;
	for (size_t i = 0; i < old.n && n < TIPS_MAX; i++)
		if (!dv_strs_has(tips, old.v[i])) {
			if (dv_buf_addf(&b, NULL, "%s\n", old.v[i]))
				goto out;
			n++;
		}
	if (dv_file_write(path, b.p, b.n, 0666, 0, NULL))
		goto out;
out:
	dv_strs_release(&old);
	dv_strs_release(&was);
	dv_buf_release(&b);
	free(path);
	free(dir);
}

void dv_pushed_forget(struct dv_repo *r, const char *uuid)
{
	char *path = dv_fmt("%s/dv/pushed/%s", r->common_dir, uuid);

	if (path)
		unlink(path);
	free(path);
}
