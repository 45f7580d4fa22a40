#include "repo/staged.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "repo/indexwalk.h"

#define LIST_MAX ((size_t)2 << 30)
#define TREE_MAX ((size_t)256 << 20)
#define DEPTH_MAX 2048	/* a path has at most 4096 bytes */

void dv_changes_release(struct dv_changes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].path);
		free(c->v[i].commit);
	}
	free(c->v);
	dv_idmap_release(&c->gone);
	memset(c, 0, sizeof(*c));
}

static int add(struct dv_changes *c, const char *path, const char *commit,
	       const uint8_t *blob, size_t hs, struct dv_err *err)
{
	struct dv_diff_entry *v = dv_grow(c->v, &c->cap, c->n + 1, sizeof(*v));

	if (!v)
		return dv_err_nomem(err);
	c->v = v;
	v += c->n;
	memset(v, 0, sizeof(*v));
	v->path = strdup(path);
	v->commit = commit ? strdup(commit) : NULL;
	if (!v->path || (commit && !v->commit)) {
		free(v->path);
		return dv_err_nomem(err);
	}
	memcpy(v->blob, blob, hs);
	c->n++;
	return 0;
}

static int add_gone(struct dv_changes *c, const uint8_t *blob, size_t hs,
		    struct dv_err *err)
{
	struct dv_id key = { { 0 } };
	int rc;

	memcpy(key.b, blob, hs);
	rc = dv_idmap_put(&c->gone, 1, &key, 1, err);
	return rc == DV_EEXIST ? 0 : rc;
}

/* One entry of a tree object: "<octal mode> <name>\0<id>". */
struct entry {
	unsigned int mode;
	const char *name;
	size_t len;
	const uint8_t *id;
};

enum { DIR_MODE = 0040000, FILE_MODE = 0100000, TYPE = 0170000 };

/* 1 with *e, 0 at the end, -1 where it is no tree. */
static int next_entry(const uint8_t **pp, const uint8_t *end, size_t hs,
		      struct entry *e)
{
	const uint8_t *p = *pp, *nul;

	if (p == end)
		return 0;
	nul = memchr(p, 0, (size_t)(end - p));
	if (!nul || (size_t)(end - nul) < hs + 1)
		return -1;
	for (e->mode = 0; *p >= '0' && *p <= '7'; p++)
		e->mode = e->mode << 3 | (unsigned int)(*p - '0');
	if (*p != ' ' || p + 1 == nul)
		return -1;
	e->name = (const char *)p + 1;
	e->len = (size_t)(nul - p) - 1;
	e->id = nul + 1;
	*pp = nul + 1 + hs;
	return 1;
}

/* Git's order of tree entries: a folder as if its name ended in '/'. */
static int order(const struct entry *a, const struct entry *b)
{
	size_t n = DV_MIN(a->len, b->len);
	int c = memcmp(a->name, b->name, n);
	unsigned char x, y;

	if (c)
		return c;
	x = a->len > n ? (unsigned char)a->name[n] :
	    (a->mode & TYPE) == DIR_MODE ? '/' : 0;
	y = b->len > n ? (unsigned char)b->name[n] :
	    (b->mode & TYPE) == DIR_MODE ? '/' : 0;
	return x - y;
}

struct walk {
	struct dv_objects *o;
	struct dv_changes *out;
	struct dv_buf path;
	size_t hs;
	int depth;
};

static int walk_trees(struct walk *w, const uint8_t *old, const uint8_t *now,
		      struct dv_err *err);

/* A side is NULL where the path is not there. */
static int visit(struct walk *w, const struct entry *old,
		 const struct entry *now, struct dv_err *err)
{
	const struct entry *e = now ? now : old;
	int old_dir = old && (old->mode & TYPE) == DIR_MODE;
	int now_dir = now && (now->mode & TYPE) == DIR_MODE;
	size_t at = w->path.n;
	int rc;

	if (old && now && !memcmp(old->id, now->id, w->hs) &&
	    (old->mode & TYPE) == (now->mode & TYPE))
		return 0;
	rc = dv_buf_add(&w->path, e->name, e->len, err);
	if (!rc && (old_dir || now_dir)) {
		rc = dv_buf_addstr(&w->path, "/", err);
		if (!rc)
			rc = walk_trees(w, old_dir ? old->id : NULL,
					now_dir ? now->id : NULL, err);
	}
	if (!rc && old && (old->mode & TYPE) == FILE_MODE)
		rc = add_gone(w->out, old->id, w->hs, err);
	if (!rc && now && (now->mode & TYPE) == FILE_MODE)
		rc = add(w->out, dv_buf_str(&w->path), NULL, now->id, w->hs,
			 err);
	w->path.n = at;
	return rc;
}

static int read_tree(struct walk *w, const uint8_t *id, struct dv_buf *out,
		     struct dv_err *err)
{
	char hex[65];

	if (!id)
		return 0;
	dv_hex_encode(hex, id, w->hs);
	hex[2 * w->hs] = '\0';
	return dv_objects_read(w->o, hex, "tree", TREE_MAX, out, err);
}

static int walk_trees(struct walk *w, const uint8_t *old, const uint8_t *now,
		      struct dv_err *err)
{
	struct dv_buf a = { 0 }, b = { 0 };
	const uint8_t *p, *q;
	struct entry x, y;
	int rc, l, r;

	if (w->depth >= DEPTH_MAX)
		return dv_err_set(err, DV_EINVAL, "folders are too deep");
	w->depth++;
	rc = read_tree(w, old, &a, err);
	if (!rc)
		rc = read_tree(w, now, &b, err);
	p = a.p;
	q = b.p;
	l = rc || !a.n ? 0 : next_entry(&p, a.p + a.n, w->hs, &x);
	r = rc || !b.n ? 0 : next_entry(&q, b.p + b.n, w->hs, &y);
	while (!rc && (l > 0 || r > 0)) {
		int c = l <= 0 ? 1 : r <= 0 ? -1 : order(&x, &y);

		rc = visit(w, c <= 0 ? &x : NULL, c >= 0 ? &y : NULL, err);
		if (c <= 0)
			l = next_entry(&p, a.p + a.n, w->hs, &x);
		if (c >= 0)
			r = next_entry(&q, b.p + b.n, w->hs, &y);
	}
	if (!rc && (l < 0 || r < 0))
		rc = dv_err_set(err, DV_ECORRUPT, "a tree cannot be read");
	dv_buf_release(&a);
	dv_buf_release(&b);
	w->depth--;
	return rc;
}

/* Everything in which a tree differs from that of a commit (NULL: none). */
static int from_trees(struct dv_repo *r, struct dv_objects *o,
		      const char *commit, const uint8_t *tree,
		      struct dv_changes *out, struct dv_err *err)
{
	struct walk w = { .o = o, .out = out, .hs = dv_repo_oid_size(r) };
	char *spec = commit ? dv_fmt("%s^{tree}", commit) : NULL, type[32];
	uint64_t size;
	uint8_t old[32];
	int rc;

	if (commit && !spec)
		return dv_err_nomem(err);
	/* HEAD is absent before the first commit. */
	rc = spec ? dv_objects_info(o, spec, old, type, &size, err) :
		    DV_ENOTFOUND;
	free(spec);
	if (rc && rc != DV_ENOTFOUND)
		return rc;
	if (rc || memcmp(old, tree, w.hs))
		rc = walk_trees(&w, rc ? NULL : old, tree, err);
	dv_buf_release(&w.path);
	return rc;
}

/*
 * By git itself, where the index has no valid tree: entries that are only
 * intended to be added, and are no part of a commit, make it so.
 */
static int from_git(struct dv_repo *r, struct dv_objects *o,
		    const char *commit, struct dv_changes *out,
		    struct dv_err *err)
{
	static const char *const empty[] = { NULL,
		"4b825dc642cb6eb9a060e54bf8d69288fbee4904",
		"6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321" };
	const char *args[] = { "--no-optional-locks", "diff-index", "--cached",
		"--raw", "-z", "-r", "--no-abbrev", "--no-renames",
		"--ita-invisible-in-index", commit, "--", NULL };
	size_t hs = dv_repo_oid_size(r), hex = 2 * hs;
	char type[32], *spec = dv_fmt("%s^{tree}", commit), *p, *end;
	struct dv_buf list = { 0 };
	uint8_t id[32];
	uint64_t size;
	int rc;

	if (!spec)
		return dv_err_nomem(err);
	if (dv_objects_info(o, spec, id, type, &size, NULL))
		args[9] = empty[r->algo == 2 ? 2 : 1];
	rc = dv_git(args, LIST_MAX, &list, err);
	p = (char *)list.p;
	end = p + list.n;
	/* ":mode mode old new status\0path\0" */
	while (!rc && p < end) {
		char *rec = p;

		p += strlen(p) + 1;
		if (p >= end || strlen(rec) < 16 + 2 * hex)
			break;
		if (!strncmp(rec + 1, "100", 3) &&
		    !dv_hex_decode(id, rec + 15, hs))
			rc = add_gone(out, id, hs, err);
		if (!rc && !strncmp(rec + 8, "100", 3) &&
		    strncmp(rec + 16 + hex, "0000000000000000", 16) &&
		    !dv_hex_decode(id, rec + 16 + hex, hs))
			rc = add(out, p, NULL, id, hs, err);
		p += strlen(p) + 1;
	}
	dv_buf_release(&list);
	free(spec);
	return rc;
}

static int against(struct dv_repo *r, struct dv_objects *o, const char *commit,
		   const uint8_t *tree, struct dv_changes *out,
		   struct dv_err *err)
{
	int rc;

	if (tree) {
		rc = from_trees(r, o, commit, tree, out, err);
		if (!rc)
			return 0;
		/* The record may name a tree that was never written. */
		if (rc != DV_ENOTFOUND && rc != DV_EINVAL)
			return rc;
		dv_changes_release(out);
		dv_err_clear(err);
	}
	return from_git(r, o, commit, out, err);
}

/* Keep what differs from this parent, too. Both lists are in order. */
static void intersect(struct dv_changes *out, const struct dv_changes *also)
{
	size_t k = 0, j = 0;

	for (size_t i = 0; i < out->n; i++) {
		while (j < also->n &&
		       strcmp(also->v[j].path, out->v[i].path) < 0)
			j++;
		if (j < also->n && !strcmp(also->v[j].path, out->v[i].path)) {
			out->v[k++] = out->v[i];
		} else {
			free(out->v[i].path);
			free(out->v[i].commit);
		}
	}
	out->n = k;
}

/* The other parents of a merge, a line each. */
static int other_parents(struct dv_repo *r, struct dv_objects *o,
			 const uint8_t *tree, struct dv_changes *out,
			 struct dv_err *err)
{
	char *path = dv_fmt("%s/MERGE_HEAD", r->git_dir), *line, *save = NULL;
	struct dv_buf text = { 0 };
	int rc = 0;

	if (!path)
		return dv_err_nomem(err);
	if (!dv_file_exists(path) || dv_file_read(path, &text, 1u << 20, NULL))
		text.n = 0;
	for (line = text.n ? strtok_r((char *)(uintptr_t)dv_buf_str(&text),
				      "\n", &save) : NULL;
	     !rc && line; line = strtok_r(NULL, "\n", &save)) {
		struct dv_changes also = { 0 };

		if (strlen(line) != 2 * dv_repo_oid_size(r) ||
		    !dv_hex_valid(line, strlen(line)))
			continue;
		rc = against(r, o, line, tree, &also, err);
		if (!rc)
			intersect(out, &also);
		/* What a parent had is not new either. */
		for (size_t i = 0; !rc && i < also.gone.cap; i++)
			if (also.gone.slots[i].kind)
				rc = add_gone(out, also.gone.slots[i].id.b,
					      sizeof(also.gone.slots[i].id.b),
					      err);
		dv_changes_release(&also);
	}
	dv_buf_release(&text);
	free(path);
	return rc;
}

int dv_changes_staged(struct dv_repo *r, struct dv_objects *o,
		      struct dv_changes *out, struct dv_err *err)
{
	char *path = dv_repo_index_path(r);
	uint8_t tree[32];
	int rc = 0, valid;

	if (!path)
		return dv_err_nomem(err);
	if (dv_file_exists(path)) {
		valid = dv_indexwalk_tree(path, r->algo, tree);
		rc = against(r, o, "HEAD", valid ? tree : NULL, out, err);
		if (!rc && out->n)
			rc = other_parents(r, o, valid ? tree : NULL, out, err);
	}
	free(path);
	return rc;
}

/* "<commit>\0" of the format, then records of --raw -z. */
int dv_changes_of_range(struct dv_repo *r, const struct dv_strs *revs,
			const struct dv_strs *not_revs, const char *remote,
			struct dv_changes *out, struct dv_err *err)
{
	char *remotes = remote ? dv_fmt("--remotes=%s", remote) : NULL;
	const char *args[] = { "--no-replace-objects", "-c",
		"log.diffMerges=separate", "log", "--stdin", "--reverse", "-m",
		"--raw", "-z", "--no-abbrev", "--no-renames",
		"--format=commit %H", "--root", "--diff-filter=d",
		"--no-ext-diff", "--no-textconv", "--no-relative",
		"--no-show-signature", "--no-notes", "--no-color",
		remotes ? "--not" : NULL, remotes, NULL };
	size_t hs = dv_repo_oid_size(r), hex = 2 * hs;
	struct dv_buf in = { 0 }, list = { 0 };
	struct dv_idmap seen = { 0 };
	char *p, *end, *commit = NULL;
	int rc = remote && !remotes ? dv_err_nomem(err) : 0;

	for (size_t i = 0; !rc && i < revs->n; i++)
		rc = dv_buf_addf(&in, err, "%s\n", revs->v[i]);
	for (size_t i = 0; !rc && i < not_revs->n; i++)
		rc = dv_buf_addf(&in, err, "^%s\n", not_revs->v[i]);
	if (!rc && in.n)
		rc = dv_git_input(args, in.p, in.n, LIST_MAX, &list, err);
	p = (char *)list.p;
	end = p + list.n;
	while (!rc && p < end) {
		char *rec = p;
		uint8_t id[32];
		struct dv_id key = { { 0 } };

		p += strlen(p) + 1;
		while (*rec == '\n')
			rec++;
		if (!strncmp(rec, "commit ", 7))
			commit = rec + 7;
		if (*rec != ':')
			continue;
		if (p >= end)
			break;
		if (strlen(rec) > 16 + 2 * hex && !strncmp(rec + 8, "100", 3) &&
		    !dv_hex_decode(id, rec + 16 + hex, hs)) {
			memcpy(key.b, id, hs);
			rc = dv_idmap_put(&seen, 1, &key, 1, err);
			if (!rc)
				rc = add(out, p, commit, id, hs, err);
			else if (rc == DV_EEXIST)
				rc = 0;
		}
		p += strlen(p) + 1;
	}
	dv_idmap_release(&seen);
	dv_buf_release(&in);
	dv_buf_release(&list);
	free(remotes);
	return rc;
}
