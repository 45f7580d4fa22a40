#include "repo/findings.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "repo/attrs.h"
#include "repo/remotes.h"

#define MANY_FROM 64	/* changes that are worth two more processes */
#define MANY_TO 8192	/* at once: of a KiB each at most */
#define MANY_MAX ((size_t)64 << 20)

/* A change that the blob alone does not clear. */
struct suspect {
	struct dv_finding f;
	int maybe_raw;
};

struct look {
	struct dv_repo *repo;
	struct dv_objects *objects;
	struct dv_cache **cache;
	const struct dv_changes *changes;
	struct suspect *v;
	size_t n, cap;
	struct suspect *pointers;	/* staged ones, of whatever content */
	size_t npointers, pointers_cap;
	struct dv_attrs_guess guess;
	struct dv_store store;
	struct dv_remotes remotes;
	int content, store_tried, have_store, have_remotes;
};

static int put(struct suspect **list, size_t *n, size_t *cap,
	       const struct dv_diff_entry *c, uint64_t size,
	       enum dv_finding_kind kind, int maybe_raw, struct dv_err *err)
{
	struct suspect *v = dv_grow(*list, cap, *n + 1, sizeof(*v));

	if (!v)
		return dv_err_nomem(err);
	*list = v;
	v += (*n)++;
	memset(v, 0, sizeof(*v));
	v->f.change = c;
	v->f.size = size;
	v->f.kind = kind;
	v->maybe_raw = maybe_raw;
	return 0;
}

static int suspect(struct look *l, const struct dv_diff_entry *c, uint64_t size,
		   enum dv_finding_kind kind, int maybe_raw,
		   struct dv_err *err)
{
	return put(&l->v, &l->n, &l->cap, c, size, kind, maybe_raw, err);
}

static struct dv_cache *need_cache(struct look *l)
{
	if (!*l->cache) {
		*l->cache = dv_cache_open(l->repo->common_dir,
					  l->repo->git_dir);
		l->repo->cache = *l->cache;
	}
	return *l->cache;
}

static int known_on_a_store(struct look *l, const struct dv_oid *oid)
{
	if (!l->have_remotes) {
		/* Before the settings: .dvconfig is remembered there. */
		need_cache(l);
		l->have_remotes = 1;
		if (dv_remotes_load(l->repo, &l->remotes, NULL))
			memset(&l->remotes, 0, sizeof(l->remotes));
	}
	for (size_t i = 0; i < l->remotes.n; i++)
		if (l->remotes.v[i].uuid &&
		    dv_cache_pushed_get(need_cache(l), l->remotes.v[i].uuid,
					oid))
			return 1;
	return 0;
}

/* Renaming, copying back and deleting need no content. */
static int was_there(const struct look *l, const struct dv_diff_entry *c)
{
	struct dv_id key = { { 0 } };

	memcpy(key.b, c->blob, dv_repo_oid_size(l->repo));
	return dv_idmap_get(&l->changes->gone, 1, &key) != NULL;
}

/* Record by record: what a live writer has put so far. */
static int is_in(const char *path, enum dv_kind kind, const struct dv_id *id)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), found = 0;
	uint64_t off = DV_PACK_HEAD;
	uint8_t head[DV_REC_HEAD_DELTA];
	struct dv_rec rec;
	ssize_t got;
	size_t h;

	while (fd >= 0 && !found &&
	       (got = dv_pread_full(fd, head, sizeof(head), off)) > 0 &&
	       !dv_rec_parse(head, (size_t)got, &rec, &h, NULL)) {
		found = rec.kind == kind && dv_id_eq(&rec.id, id);
		off += h + rec.enc;
	}
	if (fd >= 0)
		close(fd);
	return found;
}

/*
 * Is it on its way? In `git commit -a` the filter has stored and synced the
 * content; it is published when git closes the filter, after the hook.
 */
static int is_incoming(const struct look *l, const struct dv_oid *oid)
{
	char *dir = l->have_store ? dv_fmt("%s/incoming", l->store.path) : NULL;
	enum dv_kind kind = dv_oid_kind(oid);
	struct dv_strs names = { 0 };
	int found = 0;

	if (dir && dv_dir_list(dir, &names, NULL))
		names.n = 0;
	for (size_t i = 0; !found && i < names.n; i++) {
		char *path = dv_fmt("%s/%s", dir, names.v[i]);

		found = path && is_in(path, kind, &oid->id);
		free(path);
	}
	dv_strs_release(&names);
	free(dir);
	return found;
}

static int look_at_pointer(struct look *l, const struct dv_diff_entry *c,
			   const struct dv_oid *oid, struct dv_err *err)
{
	int rc = 0;

	if (l->content && !c->commit && l->repo->top)
		rc = put(&l->pointers, &l->npointers, &l->pointers_cap, c,
			 oid->size, DV_FOUND_UNCOVERED, 0, err);
	if (rc || !l->content || was_there(l, c))
		return rc;
	if (!l->store_tried) {
		l->store_tried = 1;
		l->have_store = !dv_repo_store_open(l->repo, &l->store, 0,
						    NULL);
	}
	if ((l->have_store && dv_store_has_file(&l->store, oid)) ||
	    known_on_a_store(l, oid) || is_incoming(l, oid))
		return 0;
	return suspect(l, c, oid->size, DV_FOUND_NOWHERE, 0, err);
}

/* May blobs of this size be pointers, or what was one? */
static int is_small(uint64_t size)
{
	return size >= DV_POINTER_HEAD && size <= DV_FOREIGN_MAX;
}

/* A blob that is no pointer as far as the cache knows; its text if it is small. */
static int look_at_blob(struct look *l, const struct dv_diff_entry *c,
			uint64_t size, const struct dv_buf *text,
			struct dv_err *err)
{
	enum dv_pointer_kind kind;
	struct dv_oid oid;
	int raw;

	if (!size)
		return 0;
	if (size > DV_FOREIGN_MAX)
		dv_cache_blob_put(*l->cache, c->blob,
				  dv_repo_oid_size(l->repo), NULL);
	if (is_small(size)) {
		kind = dv_pointer_parse(text->p, text->n, &oid);
		if (kind == DV_PTR_FOREIGN)
			return 0;
		if (kind == DV_PTR_OK)
			return look_at_pointer(l, c, &oid, err);
		if (dv_pointer_is_spoilt(text->p, text->n))
			return suspect(l, c, size, DV_FOUND_DAMAGED, 0, err);
	}
	raw = l->repo->top && dv_attrs_may(&l->guess, l->repo, c->path);
	/* What was only renamed does not enter git now. */
	if (raw || (size > DV_DATA_FLOOR && !was_there(l, c)))
		return suspect(l, c, size, DV_FOUND_DATA, raw, err);
	return 0;
}

/* 1 where the cache knew it, and no more is to do. */
static int look_in_cache(struct look *l, const struct dv_diff_entry *c,
			 struct dv_err *err)
{
	struct dv_oid oid;
	int rc;

	if (!*l->cache ||
	    dv_cache_blob_get(*l->cache, c->blob, dv_repo_oid_size(l->repo),
			      &oid) != 1)
		return 0;
	rc = look_at_pointer(l, c, &oid, err);
	return rc ? rc : 1;
}

static int look_at(struct look *l, const struct dv_diff_entry *c,
		   struct dv_err *err)
{
	size_t hs = dv_repo_oid_size(l->repo);
	int rc = look_in_cache(l, c, err);
	struct dv_buf text = { 0 };
	char hex[65], type[32];
	uint64_t size;

	if (rc)
		return rc < 0 ? rc : 0;
	dv_hex_encode(hex, c->blob, hs);
	hex[2 * hs] = '\0';
	rc = dv_objects_info(l->objects, hex, NULL, type, &size, err);
	if (rc == DV_ENOTFOUND)
		return 0;	/* a partial clone, offline */
	if (rc || strcmp(type, "blob"))
		return rc;
	if (is_small(size))
		rc = dv_objects_read(l->objects, hex, "blob", DV_FOREIGN_MAX,
				     &text, err);
	if (!rc)
		rc = look_at_blob(l, c, size, &text, err);
	dv_buf_release(&text);
	return rc;
}

static int ask_for(struct look *l, const struct dv_diff_entry *c,
		   struct dv_buf *ids, struct dv_err *err)
{
	char hex[66];
	size_t hs = dv_repo_oid_size(l->repo);

	dv_hex_encode(hex, c->blob, hs);
	hex[2 * hs] = '\n';
	return dv_buf_add(ids, hex, 2 * hs + 1, err);
}

/*
 * One line "<id> <type> <size>" of an answer; *p moves behind it. The size, or
 * -1 where it is no blob that is here.
 */
static int64_t next_size(char **p, const char *end)
{
	char *line = *p, *nl = memchr(line, '\n', (size_t)(end - line)), type[32];
	unsigned long long size;

	*p = nl ? nl + 1 : line + (end - line);
	if (!nl)
		return -1;
	*nl = '\0';
	if (sscanf(line, "%*s %31s %llu", type, &size) != 2 ||
	    strcmp(type, "blob") || size > INT64_MAX)
		return -1;
	return (int64_t)size;
}

/* Many at once, as in a first commit: asking one by one takes too long. */
static int look_at_many(struct look *l, const struct dv_diff_entry *c, size_t n,
			struct dv_err *err)
{
	static const char *const check[] = { "cat-file", "--batch-check", NULL };
	static const char *const batch[] = { "cat-file", "--batch", NULL };
	struct dv_buf ids = { 0 }, out = { 0 }, none = { 0 };
	int64_t *size = calloc(n, sizeof(*size));
	char *p, *end;
	int rc = size ? 0 : dv_err_nomem(err);

	for (size_t i = 0; !rc && i < n; i++) {
		rc = look_in_cache(l, &c[i], err);
		size[i] = rc == 1 ? -1 : 0;
		rc = rc == 1 ? 0 : rc ? rc : ask_for(l, &c[i], &ids, err);
	}
	if (!rc && ids.n)
		rc = dv_git_input(check, ids.p, ids.n, MANY_MAX, &out, err);
	ids.n = 0;
	p = (char *)out.p;
	end = p + out.n;
	for (size_t i = 0; !rc && i < n; i++) {
		if (size[i] < 0)
			continue;
		size[i] = next_size(&p, end);
		if (size[i] >= 0 && is_small((uint64_t)size[i]))
			rc = ask_for(l, &c[i], &ids, err);
		else if (size[i] >= 0)
			rc = look_at_blob(l, &c[i], (uint64_t)size[i], &none,
					  err);
	}
	out.n = 0;
	if (!rc && ids.n)
		rc = dv_git_input(batch, ids.p, ids.n, MANY_MAX, &out, err);
	p = (char *)out.p;
	end = p + out.n;
	for (size_t i = 0; !rc && i < n; i++) {
		struct dv_buf text;
		int64_t got;

		if (size[i] < 0 || !is_small((uint64_t)size[i]))
			continue;
		got = next_size(&p, end);
		if (got != size[i] || end - p <= got) {
			rc = dv_err_set(err, DV_EIO,
					"git cat-file ended unexpectedly");
			break;
		}
		text = (struct dv_buf){ .p = (uint8_t *)p, .n = (size_t)got };
		rc = look_at_blob(l, &c[i], (uint64_t)got, &text, err);
		p += got + 1;
	}
	free(size);
	dv_buf_release(&ids);
	dv_buf_release(&out);
	return rc;
}

/*
 * Who forgets to commit .gitattributes gets content, and everybody else pointers:
 * one more process where a commit has pointers.
 */
static int look_for_attributes(struct look *l, struct dv_err *err)
{
	struct dv_strs paths = { 0 };
	uint8_t *covered = calloc(l->npointers + 1, 1);
	int rc = covered ? 0 : dv_err_nomem(err);

	for (size_t i = 0; !rc && i < l->npointers; i++)
		rc = dv_strs_add(&paths, l->pointers[i].f.change->path, err);
	if (!rc)
		rc = dv_attrs_check_staged(&paths, covered, err);
	for (size_t i = 0; !rc && i < l->npointers; i++)
		if (!covered[i])
			rc = suspect(l, l->pointers[i].f.change,
				     l->pointers[i].f.size, DV_FOUND_UNCOVERED,
				     0, err);
	free(covered);
	dv_strs_release(&paths);
	return rc;
}

/* The settings and the attributes have the last word. */
static int judge(struct look *l, struct dv_findings *out, struct dv_err *err)
{
	struct dv_strs paths = { 0 };
	uint8_t *tracked;
	size_t k = 0;
	int rc;

	need_cache(l);
	rc = dv_data_rules_load(&out->rules, l->repo, err);
	for (size_t i = 0; !rc && i < l->n; i++) {
		struct suspect *s = &l->v[i];
		const char *path = s->f.change->path;

		if (s->f.kind == DV_FOUND_DATA)
			s->f.why = dv_data_classify(&out->rules, path,
						    s->f.size);
		if (s->f.kind == DV_FOUND_DATA ?
		    s->f.why == DV_DATA_NO && !s->maybe_raw :
		    dv_data_excluded(&out->rules, path))
			continue;
		if (s->f.kind == DV_FOUND_DATA && l->repo->top)
			rc = dv_strs_add(&paths, path, err);
		l->v[k++] = *s;
	}
	l->n = k;
	tracked = calloc(paths.n + 1, 1);
	if (!rc && !tracked)
		rc = dv_err_nomem(err);
	if (!rc && paths.n)
		rc = dv_attrs_check(&paths, tracked, err);
	k = 0;
	for (size_t i = 0; !rc && i < l->n; i++) {
		struct dv_finding *v, f = l->v[i].f;

		if (f.kind == DV_FOUND_DATA && l->repo->top && tracked[k++])
			f.kind = DV_FOUND_RAW;
		if ((f.kind == DV_FOUND_DATA && f.why == DV_DATA_NO) ||
		    (f.kind == DV_FOUND_RAW &&
		     dv_data_excluded(&out->rules, f.change->path)))
			continue;
		v = dv_grow(out->v, &out->cap, out->n + 1, sizeof(*v));
		if (!v) {
			rc = dv_err_nomem(err);
			break;
		}
		out->v = v;
		v[out->n++] = f;
	}
	free(tracked);
	dv_strs_release(&paths);
	return rc;
}

int dv_findings_look(struct dv_repo *r, struct dv_objects *o,
		     struct dv_cache **cache, const struct dv_changes *changes,
		     int content, struct dv_findings *out, struct dv_err *err)
{
	struct look l = { .repo = r, .objects = o, .cache = cache,
			  .changes = changes, .content = content };
	int rc = 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; !rc && i < changes->n;) {
		size_t n = DV_MIN(changes->n - i, (size_t)MANY_TO);

		rc = dv_cancel_check(err);
		if (!rc && n >= MANY_FROM)
			rc = look_at_many(&l, &changes->v[i], n, err);
		for (size_t k = 0; !rc && n < MANY_FROM && k < n; k++)
			rc = look_at(&l, &changes->v[i + k], err);
		i += n;
	}
	if (!rc && l.npointers)
		rc = look_for_attributes(&l, err);
	if (!rc && l.n)
		rc = judge(&l, out, err);
	if (l.have_store)
		dv_store_close(&l.store);
	dv_remotes_release(&l.remotes);
	dv_attrs_guess_release(&l.guess);
	free(l.v);
	free(l.pointers);
	if (rc)
		dv_findings_release(out);
	return rc;
}

void dv_findings_release(struct dv_findings *f)
{
	free(f->v);
	dv_data_rules_release(&f->rules);
	memset(f, 0, sizeof(*f));
}
