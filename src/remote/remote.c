#include "remote/remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "format/storefmt.h"

#define WHOLE_SHARD_MAX (4u << 20)	/* smaller ones are read with CHUNKS */
#define FIRST_READ (64u << 10)
#define NAME 1		/* the kind of all entries of both maps */

static int url_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int dv_url_is_host_path(const char *url)
{
	const char *colon = strchr(url, ':');

	return colon && strncmp(colon, "://", 3) &&
	       !memchr(url, '/', (size_t)(colon - url));
}

char *dv_url_dir(const char *url)
{
	char *out, *w;

	if (strncmp(url, "file://", 7))
		return strstr(url, "://") || dv_url_is_host_path(url) ?
		       NULL : strdup(url);
	url += 7;
	if (!strncmp(url, "localhost/", 10))
		url += 9;
	if (*url != '/')
		return NULL;
	out = w = malloc(strlen(url) + 1);
	if (!out)
		return NULL;
	while (*url) {
		int hi, lo;

		if (*url == '%' && (hi = url_hex(url[1])) >= 0 &&
		    (lo = url_hex(url[2])) >= 0 && (hi || lo)) {
			*w++ = (char)(hi << 4 | lo);
			url += 3;
		} else {
			*w++ = *url++;
		}
	}
	*w = '\0';
	return out;
}

int dv_url_known(const char *url)
{
	char *dir = dv_url_dir(url);
	int yes = dir && *dir;

	free(dir);
	return yes;
}

static int open_backend(const char *url, int create, struct dv_backend **b,
			struct dv_err *err)
{
	char *dir = dv_url_dir(url);
	int rc;

	if (!dir || !*dir) {
		free(dir);
		return dv_err_set(err, DV_EINVAL,
				  "'%s' is not the URL of a store; a store is a directory: '/path', './path', 'file:///path'",
				  url);
	}
	rc = dv_backend_dir_open(b, dir, create, err);
	free(dir);
	return rc;
}

static int create_format(struct dv_backend *b, struct dv_err *err)
{
	struct dv_buf text = { 0 };
	struct dv_storefmt f;
	int rc = dv_storefmt_new(&f, err);

	if (!rc)
		rc = dv_storefmt_format(&f, &text, err);
	if (!rc)
		rc = b->ops->put(b, "format", text.p, text.n, DV_PUT_NEW, err);
	dv_buf_release(&text);
	return rc == DV_EEXIST ? 0 : rc;	/* another creator won */
}

/* Only an empty place may become a store, or one that is a store by now. */
static int may_create(struct dv_backend *b, const char *url,
		      struct dv_err *err)
{
	struct dv_strs names = { 0 };
	int rc = b->ops->list(b, ".", &names, err);
	uint64_t size;

	if (!rc && names.n && b->ops->size(b, "format", &size, NULL))
		rc = dv_err_set(err, DV_EINVAL,
				"'%s' is neither empty nor a git-dv store (it holds '%s'); choose another place",
				url, names.v[0]);
	dv_strs_release(&names);
	return rc;
}

static int read_format(struct dv_remote *r, const char *pinned,
		       unsigned int flags, struct dv_err *err)
{
	struct dv_backend *b = r->backend;
	char text[DV_STOREFMT_MAX + 1];
	struct dv_storefmt f;
	size_t n;
	int rc;

	rc = b->ops->get(b, "format", 0, text, sizeof(text), &n, err);
	if (rc == DV_ENOTFOUND && pinned && *pinned)
		return dv_err_set(err, DV_ENOTFOUND,
				  "there is no git-dv store at '%s', where the store %s was; is it mounted?",
				  r->url, pinned);
	if (rc == DV_ENOTFOUND && (flags & DV_REMOTE_CREATE)) {
		rc = may_create(b, r->url, err);
		if (!rc)
			rc = create_format(b, err);
		if (!rc)
			rc = b->ops->get(b, "format", 0, text, sizeof(text),
					 &n, err);
	} else if (rc == DV_ENOTFOUND) {
		return dv_err_set(err, rc,
				  "there is no git-dv store at '%s'; 'git dv remote add NAME %s' makes one",
				  r->url, r->url);
	}
	if (!rc)
		rc = dv_storefmt_parse(text, n, &f, err);
	if (rc) {
		dv_err_prefix(err, "store '%s'", r->url);
		return rc;
	}
	if (*f.unknown_read)
		return dv_err_set(err, DV_EINVAL,
				  "store '%s' needs the feature '%s' of a newer git-dv",
				  r->url, f.unknown_read);
	if (pinned && *pinned && strcmp(pinned, f.uuid))
		return dv_err_set(err, DV_ECONFLICT,
				  "the store at '%s' is %s, not the %s that was set up here; if it was replaced on purpose, run 'git dv remote remove' and 'git dv remote add'",
				  r->url, f.uuid, pinned);
	memcpy(r->uuid, f.uuid, sizeof(r->uuid));
	memcpy(r->unknown_write, f.unknown_write, sizeof(r->unknown_write));
	return 0;
}

int dv_remote_open(struct dv_remote **out, const char *url, const char *uuid,
		   unsigned int flags, struct dv_err *err)
{
	struct dv_remote *r = calloc(1, sizeof(*r));
	int rc;

	*out = NULL;
	if (!r)
		return dv_err_nomem(err);
	r->url = strdup(url);
	r->sha = dv_sha256_open();
	if (!r->url || !r->sha)
		rc = dv_err_nomem(err);
	else
		rc = open_backend(url, (flags & DV_REMOTE_CREATE) &&
					       !(uuid && *uuid),
				  &r->backend, err);
	if (!rc)
		rc = read_format(r, uuid, flags, err);
	if (rc) {
		dv_remote_close(r);
		return rc;
	}
	*out = r;
	return 0;
}

void dv_remote_close(struct dv_remote *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->nshards; i++) {
		dv_buf_release(&r->shards[i]->bytes);
		free(r->shards[i]->seg_order);
		free(r->shards[i]);
	}
	free(r->shards);
	dv_idmap_release(&r->old);
	dv_idmap_release(&r->damaged);
	if (r->backend)
		r->backend->ops->close(r->backend);
	dv_sha256_close(r->sha);
	free(r->cache_dir);
	free(r->url);
	free(r);
}

int dv_remote_set_cache(struct dv_remote *r, const char *dir,
			struct dv_err *err)
{
	free(r->cache_dir);
	r->cache_dir = dv_fmt("%s/%s", dir, r->uuid);
	return r->cache_dir ? 0 : dv_err_nomem(err);
}

int dv_remote_writable(const struct dv_remote *r, struct dv_err *err)
{
	if (*r->unknown_write)
		return dv_err_set(err, DV_EINVAL,
				  "writing to store '%s' needs the feature '%s' of a newer git-dv",
				  r->url, r->unknown_write);
	if (r->backend->read_only)
		return dv_err_set(err, DV_EAUTH,
				  "store '%s' cannot be written to", r->url);
	return 0;
}

void dv_remote_pack_key(const uint8_t name[16], char out[48])
{
	char hex[33];

	dv_hex_encode(hex, name, 16);
	snprintf(out, 48, "packs/%.2s/%s", hex, hex);
}

int dv_remote_read(struct dv_remote *r, const char *key, size_t max,
		   struct dv_buf *out, struct dv_err *err)
{
	size_t piece = 64u << 10, got;
	int rc;

	out->n = 0;
	do {
		rc = dv_buf_reserve(out, piece, err);
		if (!rc)
			rc = r->backend->ops->get(r->backend, key, out->n,
						  out->p + out->n, piece, &got,
						  err);
		if (rc)
			return rc;
		out->n += got;
		if (out->n > max)
			return dv_err_set(err, DV_ECORRUPT,
					  "'%s' in '%s' is larger than it may be",
					  key, r->url);
		if (got < piece)
			return 0;
		piece = 4u << 20;
	} while (1);
}

/* ---- shards ---- */

static int read_cached(struct dv_remote *r, struct dv_remote_shard *s)
{
	char *path;
	int rc = -1;

	if (!r->cache_dir)
		return -1;
	path = dv_fmt("%s/%s", r->cache_dir, s->name);
	if (path && !dv_file_read(path, &s->bytes, DV_SHARD_MAX, NULL))
		rc = dv_shard_view(s->bytes.p, s->bytes.n, r->sha, &s->view,
				   NULL);
	free(path);
	return rc;
}

static void write_cached(struct dv_remote *r, struct dv_remote_shard *s)
{
	char *path;

	if (!r->cache_dir || dv_dir_make(r->cache_dir, NULL))
		return;
	path = dv_fmt("%s/%s", r->cache_dir, s->name);
	if (path && dv_file_write(path, s->bytes.p, s->bytes.n, 0444, 0, NULL))
		dv_log_debug("shard %s is not cached", s->name);
	free(path);
}

/* Another shard holds all of it. */
static void drop_cached(struct dv_remote *r, const char *name)
{
	char *path = r->cache_dir ? dv_fmt("%s/%s", r->cache_dir, name) : NULL;

	if (path)
		unlink(path);
	free(path);
}

/* One read tells the sizes and, of most shards, everything. */
static int read_shard(struct dv_remote *r, struct dv_remote_shard *s,
		      struct dv_err *err)
{
	struct dv_backend *b = r->backend;
	uint64_t chunks_off, size;
	char key[64];
	size_t n, want;
	int rc;

	snprintf(key, sizeof(key), "shards/%c/%s", s->level, s->name);
	rc = dv_buf_reserve(&s->bytes, FIRST_READ, err);
	if (!rc)
		rc = b->ops->get(b, key, 0, s->bytes.p, FIRST_READ, &n, err);
	if (!rc)
		rc = dv_shard_sizes(s->bytes.p, n, &chunks_off, &size, err);
	if (rc)
		goto out;
	want = (size_t)(size <= WHOLE_SHARD_MAX ? size : chunks_off);
	if (n > want)
		n = want;
	s->bytes.n = n;
	if (n < want) {
		size_t more;

		rc = dv_buf_reserve(&s->bytes, want - n, err);
		if (!rc)
			rc = b->ops->get(b, key, n, s->bytes.p + n, want - n,
					 &more, err);
		if (!rc)
			s->bytes.n += more;
	}
	if (!rc)
		rc = dv_shard_view(s->bytes.p, s->bytes.n, r->sha, &s->view,
				   err);
out:
	if (rc) {
		dv_err_prefix(err, "%s in '%s'", key, r->url);
		return rc;
	}
	write_cached(r, s);
	return 0;
}

static int have_shard(const struct dv_remote *r, const char *name)
{
	for (size_t i = 0; i < r->nshards; i++)
		if (!strcmp(r->shards[i]->name, name))
			return 1;
	return 0;
}

/* A shard's name as a key of an idmap. */
static int name_key(const char *name, struct dv_id *key)
{
	memset(key, 0, sizeof(*key));
	return strlen(name) != 32 || dv_hex_decode(key->b, name, 16);
}

/* What a shard says is held by it, too. */
static int note_old(struct dv_remote *r, const struct dv_shard *v,
		    struct dv_err *err)
{
	int rc = 0;

	for (uint32_t k = 0; !rc && k < v->n[DV_SHARD_OLD]; k++) {
		struct dv_id key = { { 0 } };

		memcpy(key.b, v->sec[DV_SHARD_OLD] + 16 * (size_t)k, 16);
		rc = dv_idmap_put(&r->old, NAME, &key, 1, err);
		if (rc == DV_EEXIST)
			rc = 0;
	}
	return rc;
}

static int add_shard(struct dv_remote *r, char level, const char *name,
		     struct dv_err *err)
{
	struct dv_remote_shard **v, *s;
	int rc = 0;

	v = dv_grow(r->shards, &r->cap, r->nshards + 1, sizeof(*v));
	if (!v)
		return dv_err_nomem(err);
	r->shards = v;
	s = calloc(1, sizeof(*s));
	if (!s)
		return dv_err_nomem(err);
	s->level = level;
	memcpy(s->name, name, 33);
	if (read_cached(r, s)) {
		s->bytes.n = 0;
		rc = read_shard(r, s, err);
	}
	if (!rc)
		rc = note_old(r, &s->view, err);
	if (rc) {
		dv_buf_release(&s->bytes);
		free(s);
		return rc;
	}
	r->shards[r->nshards++] = s;
	return 0;
}

/* Named once; a lack of memory is an error all the same. */
static int pass_over(struct dv_remote *r, const struct dv_id *key,
		     const struct dv_err *why, struct dv_err *err)
{
	int rc = dv_idmap_put(&r->damaged, NAME, key,
			      why->status == DV_ECORRUPT ? DV_SHARD_CORRUPT :
							   DV_SHARD_UNREAD,
			      err);

	if (!rc)
		dv_log_warn("%s; it is passed over; 'git dv push --repair' from a clone that has the content puts it right",
			    why->msg);
	return rc == DV_EEXIST ? 0 : rc;
}

static int is_damage(const struct dv_err *why)
{
	return why->status == DV_ECORRUPT || why->sys == EIO ||
	       why->sys == EISDIR;
}

static int look_at(struct dv_remote *r, char level, const char *name,
		   int *vanished, struct dv_err *err)
{
	struct dv_err why = { 0 };
	struct dv_id key;
	int rc;

	if (name_key(name, &key) || !dv_hex_valid(name, 32) ||
	    have_shard(r, name) || dv_idmap_get(&r->damaged, NAME, &key))
		return 0;
	if (dv_idmap_get(&r->old, NAME, &key)) {
		drop_cached(r, name);
		return 0;
	}
	rc = add_shard(r, level, name, &why);
	if (rc == DV_ENOTFOUND) {
		*vanished = 1;
		return 0;
	}
	if (rc && is_damage(&why))
		return pass_over(r, &key, &why, err);
	if (rc && err)
		*err = why;
	return rc;
}

/*
 * Levels are listed in ascending order: a compaction puts the higher shard
 * before anything removes the lower ones, so none is missed. They are read in
 * descending order, so that what was replaced need not be read at all.
 */
static int list_shards(struct dv_remote *r, int *vanished, struct dv_err *err)
{
	static const char levels[] = "0123456789abcdef";
	struct dv_strs have = { 0 }, names[16] = { 0 };
	int rc;

	*vanished = 0;
	rc = r->backend->ops->list(r->backend, "shards", &have, err);
	for (int l = 0; !rc && l < 16; l++) {
		char level[2] = { levels[l], 0 }, prefix[16];

		if (!dv_strs_has(&have, level))
			continue;
		snprintf(prefix, sizeof(prefix), "shards/%c", levels[l]);
		rc = r->backend->ops->list(r->backend, prefix, &names[l], err);
	}
	for (int l = 15; l >= 0; l--) {
		for (size_t i = 0; !rc && i < names[l].n; i++)
			rc = look_at(r, levels[l], names[l].v[i], vanished,
				     err);
		dv_strs_release(&names[l]);
	}
	for (size_t i = 0; !rc && i < r->nshards; i++) {
		struct dv_remote_shard *s = r->shards[i];
		struct dv_id key;

		s->replaced = !name_key(s->name, &key) &&
			      dv_idmap_get(&r->old, NAME, &key);
		if (s->replaced)
			drop_cached(r, s->name);
	}
	dv_strs_release(&have);
	return rc;
}

int dv_remote_refresh(struct dv_remote *r, struct dv_err *err)
{
	int vanished, rc = list_shards(r, &vanished, err);

	if (!rc && vanished)
		rc = list_shards(r, &vanished, err);
	if (!rc)
		r->loaded = 1;
	return rc;
}

int dv_remote_refresh_fully(struct dv_remote *r, struct dv_err *err)
{
	if (r->loaded)
		return dv_err_set(err, DV_EINVAL,
				  "the remote was read from a cache before");
	free(r->cache_dir);
	r->cache_dir = NULL;
	return dv_remote_refresh(r, err);
}

int dv_remote_seen(const struct dv_remote *r, struct dv_strs *names,
		   struct dv_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < r->nshards; i++)
		if (!r->shards[i]->replaced)
			rc = dv_strs_add(names, r->shards[i]->name, err);
	return rc;
}

int dv_remote_still(struct dv_remote *r, const struct dv_strs *names,
		    struct dv_err *err)
{
	int rc = dv_remote_refresh(r, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < names->n; i++) {
		struct dv_id key;

		if (!have_shard(r, names->v[i]) &&
		    (name_key(names->v[i], &key) ||
		     !dv_idmap_get(&r->old, NAME, &key)))
			return 0;
	}
	return 1;
}

int dv_remote_find_file(struct dv_remote *r, const struct dv_oid *oid,
			struct dv_remote_shard **shard, uint32_t *row)
{
	for (size_t i = r->nshards; i-- > 0;) {
		int64_t at = r->shards[i]->replaced ? -1 :
			     dv_shard_find_file(&r->shards[i]->view, oid);

		if (at >= 0) {
			*shard = r->shards[i];
			*row = (uint32_t)at;
			return 1;
		}
	}
	return 0;
}

int dv_remote_find_seg(struct dv_remote *r, const struct dv_id *id,
		       struct dv_remote_shard **shard, uint32_t *row)
{
	for (size_t i = r->nshards; i-- > 0;) {
		int64_t at = r->shards[i]->replaced ? -1 :
			     dv_shard_find_seg(&r->shards[i]->view, id);

		if (at >= 0) {
			*shard = r->shards[i];
			*row = (uint32_t)at;
			return 1;
		}
	}
	return 0;
}

int dv_remote_find_hook(struct dv_remote *r, const struct dv_id *chunk,
			struct dv_remote_shard **shard, uint32_t *row)
{
	for (size_t i = r->nshards; i-- > 0;) {
		int64_t at = r->shards[i]->replaced ? -1 :
			     dv_shard_find_hook(&r->shards[i]->view, chunk);

		if (at >= 0) {
			*shard = r->shards[i];
			*row = dv_shard_hook_seg(&r->shards[i]->view,
						 (uint32_t)at);
			return 1;
		}
	}
	return 0;
}

int dv_remote_chunks(struct dv_remote *r, struct dv_remote_shard *s,
		     uint32_t first, uint32_t n, struct dv_buf *out,
		     struct dv_err *err)
{
	size_t len = (size_t)n * DV_SHARD_CHUNK_ROW, got;
	uint64_t off = (uint64_t)first * DV_SHARD_CHUNK_ROW;
	char key[64];
	int rc;

	if (first > s->view.n[DV_SHARD_CHUNKS] ||
	    n > s->view.n[DV_SHARD_CHUNKS] - first)
		return dv_err_set(err, DV_ECORRUPT,
				  "a shard points outside its chunks");
	if (s->view.sec[DV_SHARD_CHUNKS])
		return dv_buf_add(out, s->view.sec[DV_SHARD_CHUNKS] + off, len,
				  err);
	rc = dv_buf_reserve(out, len, err);
	if (rc)
		return rc;
	snprintf(key, sizeof(key), "shards/%c/%s", s->level, s->name);
	rc = r->backend->ops->get(r->backend, key, s->view.chunks_off + off,
				  out->p + out->n, len, &got, err);
	if (!rc && got != len)
		rc = dv_err_set(err, DV_ECORRUPT, "%s in '%s' is cut off", key,
				r->url);
	if (!rc)
		out->n += len;
	return rc;
}

int dv_remote_run(struct dv_remote *r, struct dv_remote_shard *s,
		  uint32_t first, uint32_t n, struct dv_buf *out,
		  uint32_t *total, struct dv_err *err)
{
	uint64_t end = (uint64_t)first + n;
	struct dv_shard_chunk c;
	size_t at = out->n;
	int rc = dv_remote_chunks(r, s, first, n, out, err);

	for (uint32_t i = 0; !rc && i < n; i++) {
		rc = dv_shard_chunk_parse(&s->view, out->p + at +
					  (size_t)i * DV_SHARD_CHUNK_ROW, &c,
					  err);
		if (rc || c.base == DV_SHARD_NO_BASE)
			continue;
		if (c.base < first || c.base - first >= 2 * (uint64_t)n)
			rc = dv_err_set(err, DV_ECORRUPT,
					"a shard has a delta's base in the wrong place");
		end = DV_MAX(end, (uint64_t)c.base + 1);
	}
	*total = (uint32_t)(end - first);
	if (!rc && *total > n)
		rc = dv_remote_chunks(r, s, first + n, *total - n, out, err);
	for (uint32_t i = 0; !rc && i < *total; i++) {
		const uint8_t *rows = out->p + at;
		struct dv_shard_chunk base;

		rc = dv_shard_chunk_parse(&s->view,
			rows + (size_t)i * DV_SHARD_CHUNK_ROW, &c, err);
		if (rc || c.base == DV_SHARD_NO_BASE)
			continue;
		if (i < n)
			rc = dv_shard_chunk_parse(&s->view,
				rows + (size_t)(c.base - first) *
					       DV_SHARD_CHUNK_ROW, &base, err);
		if (i >= n || (!rc && base.base != DV_SHARD_NO_BASE))
			rc = dv_err_set(err, DV_ECORRUPT,
					"a shard has a base that is a delta");
	}
	return rc;
}
