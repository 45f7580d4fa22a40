#include "format/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

#include "base/hex.h"
#include "format/json.h"

#define SIZE_MAX_JSON 9007199254740991.0	/* 2^53 - 1: a double is exact */

/* The order in the file. */
static const char *const fields[] = { "file", "original_file", "created",
	"size", "sha256", "md5", "oid", "commit", "description", "meta" };

static cJSON *member(const cJSON *o, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(o, key);
}

void dv_registry_release(struct dv_registry *r)
{
	cJSON_Delete(r->root);
	free(r->v);
	memset(r, 0, sizeof(*r));
}

int dv_registry_init(struct dv_registry *r, struct dv_err *err)
{
	memset(r, 0, sizeof(*r));
	r->root = cJSON_CreateObject();
	if (!r->root ||
	    !cJSON_AddNumberToObject(r->root, "format", DV_REGISTRY_FORMAT) ||
	    !cJSON_AddObjectToObject(r->root, "versions")) {
		dv_registry_release(r);
		return dv_err_nomem(err);
	}
	return 0;
}

static int bad_field(const char *id, const char *key, const char *why,
		     struct dv_err *err)
{
	return dv_err_set(err, DV_EINVAL, "version '%.120s': '%s' %s", id, key,
			  why);
}

/* A string, or NULL where there is none; one with control characters is bad. */
static int text(const cJSON *o, const char *id, const char *key, int multiline,
		const char **out, struct dv_err *err)
{
	const cJSON *v = member(o, key);

	*out = NULL;
	if (!v)
		return 0;
	if (!cJSON_IsString(v))
		return bad_field(id, key, "is not a string", err);
	if (!(multiline ? dv_lines_ok : dv_text_ok)(v->valuestring))
		return bad_field(id, key, "holds control characters", err);
	*out = v->valuestring;
	return 0;
}

static int hex(const cJSON *o, const char *id, const char *key, size_t a,
	       size_t b, const char **out, struct dv_err *err)
{
	int rc = text(o, id, key, 0, out, err);
	size_t n = *out ? strlen(*out) : 0;

	if (!rc && *out && ((n != a && n != b) || !dv_hex_valid(*out, n)))
		rc = bad_field(id, key, "is not lower-case hexadecimal of the right length",
			       err);
	return rc;
}

static int size_of(const cJSON *o, uint64_t *size)
{
	const cJSON *v = member(o, "size");

	if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0) ||
	    v->valuedouble > SIZE_MAX_JSON ||
	    (double)(uint64_t)v->valuedouble != v->valuedouble)
		return -1;
	*size = (uint64_t)v->valuedouble;
	return 0;
}

static int oid_of(const cJSON *o, uint64_t size, struct dv_oid *oid)
{
	const cJSON *v = member(o, "oid");

	if (!cJSON_IsString(v) || dv_oid_parse(v->valuestring, oid) ||
	    !oid->scheme || !size)
		return -1;
	oid->size = size;
	return 0;
}

static int check_meta(const struct dv_version *v, struct dv_err *err)
{
	if (v->meta && !cJSON_IsObject(v->meta))
		return bad_field(v->id, "meta", "is not an object", err);
	for (const cJSON *c = v->meta ? v->meta->child : NULL; c; c = c->next)
		if (!cJSON_IsString(c) || !*c->string ||
		    !dv_text_ok(c->string) || !dv_lines_ok(c->valuestring))
			return bad_field(v->id, "meta",
					 "has a member that is not text", err);
	return 0;
}

static int read_version(struct dv_version *v, cJSON *o, struct dv_err *err)
{
	const char *id = o->string;
	int rc = dv_name_check(id, "version", err);

	memset(v, 0, sizeof(*v));
	v->id = id;
	v->json = o;
	if (!rc && !strcasecmp(id, "latest"))
		rc = dv_err_set(err, DV_EINVAL, "'%s' cannot name a version",
				id);
	if (!rc && !cJSON_IsObject(o))
		rc = dv_err_set(err, DV_EINVAL,
				"version '%.120s' is not an object", id);
	if (!rc)
		rc = text(o, id, "file", 0, &v->file, err);
	if (!rc && !v->file)
		rc = bad_field(id, "file", "is missing", err);
	if (!rc && dv_top_path_check(v->file, err)) {
		dv_err_prefix(err, "version '%.120s'", id);
		rc = DV_EINVAL;
	}
	if (!rc)
		rc = text(o, id, "original_file", 0, &v->original_file, err);
	if (!rc)
		rc = text(o, id, "created", 0, &v->created, err);
	if (!rc && (!v->created ||
		    dv_time_parse(v->created, 0, &v->created_us)))
		rc = bad_field(id, "created",
			       "is not a time like 2026-01-31T12:00:00+01:00",
			       err);
	if (!rc && size_of(o, &v->size))
		rc = bad_field(id, "size", "is not a number of bytes", err);
	if (!rc)
		rc = hex(o, id, "sha256", 64, 64, &v->sha256, err);
	if (!rc)
		rc = hex(o, id, "md5", 32, 32, &v->md5, err);
	if (!rc && member(o, "oid") && oid_of(o, v->size, &v->oid))
		rc = bad_field(id, "oid", "is not a file id with a size", err);
	if (!rc && v->oid.scheme == DV_SCHEME_SHA256 && v->sha256 &&
	    strcmp(v->sha256, dv_id_hex(&v->oid.id).s))
		rc = bad_field(id, "sha256", "is not that of the file id", err);
	if (!rc)
		rc = hex(o, id, "commit", 40, 64, &v->commit, err);
	if (!rc)
		rc = text(o, id, "description", 1, &v->description, err);
	v->meta = member(o, "meta");
	return rc ? rc : check_meta(v, err);
}

static int by_time(const void *a, const void *b)
{
	const struct dv_version *x = a, *y = b;

	if (x->created_us != y->created_us)
		return x->created_us < y->created_us ? -1 : 1;
	return strcmp(x->id, y->id);
}

static int add_view(struct dv_registry *r, cJSON *o, struct dv_err *err)
{
	struct dv_version *v = dv_grow(r->v, &r->cap, r->n + 1, sizeof(*v));
	int rc;

	if (!v)
		return dv_err_nomem(err);
	r->v = v;
	rc = read_version(&r->v[r->n], o, err);
	r->n += !rc;
	return rc;
}

static int check_aliases(const cJSON *aliases, struct dv_err *err)
{
	if (!aliases)
		return 0;
	if (!cJSON_IsObject(aliases))
		return dv_err_set(err, DV_EINVAL, "'aliases' is not an object");
	for (const cJSON *a = aliases->child; a; a = a->next) {
		int rc = dv_name_check(a->string, "alias", err);

		if (!rc && !cJSON_IsString(a))
			rc = dv_err_set(err, DV_EINVAL,
					"alias '%.120s' is not a string",
					a->string);
		if (!rc)
			rc = dv_name_check(a->valuestring, "version", err);
		if (rc)
			return rc;
	}
	return 0;
}

int dv_registry_parse(struct dv_registry *r, const void *p, size_t n,
		      struct dv_err *err)
{
	cJSON *versions, *format;
	int rc;

	memset(r, 0, sizeof(*r));
	rc = dv_json_parse(p, n, &r->root, err);
	if (rc)
		return rc;
	format = member(r->root, "format");
	versions = member(r->root, "versions");
	if (!cJSON_IsObject(r->root) || !cJSON_IsNumber(format) ||
	    !cJSON_IsObject(versions))
		rc = dv_err_set(err, DV_EINVAL,
				"not a registry: it needs the number 'format' and the object 'versions'");
	else if (format->valuedouble > DV_REGISTRY_FORMAT)
		rc = dv_err_set(err, DV_EINVAL,
				"of a later format; a newer git-dv reads it");
	else if (format->valuedouble != DV_REGISTRY_FORMAT)
		rc = dv_err_set(err, DV_EINVAL, "'format' is not %d",
				DV_REGISTRY_FORMAT);
	if (!rc)
		rc = check_aliases(member(r->root, "aliases"), err);
	for (cJSON *o = rc ? NULL : versions->child; !rc && o; o = o->next)
		rc = add_view(r, o, err);
	if (r->n > 1)
		qsort(r->v, r->n, sizeof(*r->v), by_time);
	if (rc)
		dv_registry_release(r);
	return rc;
}

int dv_registry_named(const void *p, size_t n,
		      int (*each)(void *arg, const char *id,
				  const struct dv_oid *oid),
		      void *arg, struct dv_err *err)
{
	const cJSON *versions;
	struct dv_oid oid;
	cJSON *root;
	uint64_t size;
	int rc = dv_json_parse(p, n, &root, err);

	if (rc)
		return rc;
	versions = member(root, "versions");
	if (!cJSON_IsObject(root) || !cJSON_IsObject(versions))
		rc = dv_err_set(err, DV_EINVAL, "not a registry");
	for (const cJSON *o = rc ? NULL : versions->child; !rc && o; o = o->next)
		if (cJSON_IsObject(o) && !size_of(o, &size) &&
		    !oid_of(o, size, &oid))
			rc = each(arg, o->string, &oid);
	cJSON_Delete(root);
	return rc;
}

static int rank(const char *key)
{
	for (size_t i = 0; i < DV_ARRAY_SIZE(fields); i++)
		if (!strcmp(key, fields[i]))
			return (int)i;
	return (int)DV_ARRAY_SIZE(fields);
}

/* Ties keep their order: qsort of glibc is not promised to be stable. */
struct ordered {
	cJSON *item;
	int rank, at;
};

static int by_rank(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;

	return x->rank != y->rank ? x->rank - y->rank : x->at - y->at;
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(cJSON *const *)a)->string,
		      (*(cJSON *const *)b)->string);
}

/* Known fields first, then what else there is, as it came. */
static int print_version(struct dv_buf *out, const cJSON *o, struct dv_err *err)
{
	size_t n = (size_t)cJSON_GetArraySize(o), i = 0;
	struct ordered *v = calloc(n + 1, sizeof(*v));
	cJSON **items = calloc(n + 1, sizeof(*items));
	int rc;

	if (!v || !items) {
		free(v);
		free(items);
		return dv_err_nomem(err);
	}
	for (cJSON *c = o->child; c; c = c->next, i++)
		v[i] = (struct ordered){ c, rank(c->string), (int)i };
	qsort(v, n, sizeof(*v), by_rank);
	for (i = 0; i < n; i++)
		items[i] = v[i].item;
	rc = dv_json_members(out, items, n, 2, err);
	free(items);
	free(v);
	return rc;
}

static int print_sorted(struct dv_buf *out, const cJSON *o, struct dv_err *err)
{
	size_t n = (size_t)cJSON_GetArraySize(o), i = 0;
	cJSON **items = calloc(n + 1, sizeof(*items));
	int rc;

	if (!items)
		return dv_err_nomem(err);
	for (cJSON *c = o->child; c; c = c->next)
		items[i++] = c;
	qsort(items, n, sizeof(*items), by_key);
	rc = dv_json_members(out, items, n, 1, err);
	free(items);
	return rc;
}

int dv_registry_format(const struct dv_registry *r, struct dv_buf *out,
		       struct dv_err *err)
{
	const cJSON *aliases = dv_registry_aliases(r);
	int rc = dv_buf_addf(out, err, "{\n  \"format\": %d",
			     DV_REGISTRY_FORMAT);

	if (!rc && aliases && aliases->child) {
		rc = dv_buf_addstr(out, ",\n  \"aliases\": ", err);
		if (!rc)
			rc = print_sorted(out, aliases, err);
	}
	if (!rc)
		rc = dv_buf_addstr(out, ",\n  \"versions\": {", err);
	for (size_t i = 0; !rc && i < r->n; i++) {
		rc = dv_buf_addstr(out, i ? ",\n    " : "\n    ", err);
		if (!rc)
			rc = dv_json_string(out, r->v[i].id, err);
		if (!rc)
			rc = dv_buf_addstr(out, ": ", err);
		if (!rc)
			rc = print_version(out, r->v[i].json, err);
	}
	if (!rc)
		rc = dv_buf_addstr(out, r->n ? "\n  }" : "}", err);
	for (const cJSON *c = r->root->child; !rc && c; c = c->next) {
		if (!strcmp(c->string, "format") ||
		    !strcmp(c->string, "aliases") ||
		    !strcmp(c->string, "versions"))
			continue;
		rc = dv_buf_addstr(out, ",\n  ", err);
		if (!rc)
			rc = dv_json_string(out, c->string, err);
		if (!rc)
			rc = dv_buf_addstr(out, ": ", err);
		if (!rc)
			rc = dv_json_print(out, c, 1, err);
	}
	return rc ? rc : dv_buf_addstr(out, "\n}\n", err);
}

const struct dv_version *dv_registry_find(const struct dv_registry *r,
					  const char *id)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->v[i].id, id))
			return &r->v[i];
	return NULL;
}

struct cJSON *dv_registry_aliases(const struct dv_registry *r)
{
	return member(r->root, "aliases");
}

const char *dv_registry_alias(const struct dv_registry *r, const char *alias)
{
	const cJSON *a = member(dv_registry_aliases(r), alias);

	return cJSON_IsString(a) ? a->valuestring : NULL;
}

int dv_registry_resolve(const struct dv_registry *r, const char *what,
			const struct dv_version **out, struct dv_err *err)
{
	const char *to;

	*out = NULL;
	if (!what || !strcmp(what, "latest")) {
		if (!r->n)
			return dv_err_set(err, DV_ENOTFOUND,
					  "it has no versions");
		*out = &r->v[r->n - 1];
		return 0;
	}
	*out = dv_registry_find(r, what);
	if (*out)
		return 0;
	to = dv_registry_alias(r, what);
	if (!to)
		return dv_err_set(err, DV_ENOTFOUND,
				  "it has no version and no alias '%s'",
				  dv_name_show(what).s);
	*out = dv_registry_find(r, to);
	if (!*out)
		return dv_err_set(err, DV_ENOTFOUND,
				  "its alias '%s' points at '%s', which is no version",
				  what, to);
	return 0;
}

/* Copies of versions become files whose names some systems fold. */
static int taken(const struct dv_registry *r, const char *id,
		 struct dv_err *err)
{
	if (!strcasecmp(id, "latest"))
		return dv_err_set(err, DV_EINVAL,
				  "'%s' always is the newest version; choose another",
				  id);
	for (size_t i = 0; i < r->n; i++)
		if (!strcasecmp(r->v[i].id, id))
			return dv_err_set(err, DV_EEXIST,
					  "it has version '%s' already; versions never change, so choose another",
					  r->v[i].id);
	if (dv_registry_alias(r, id))
		return dv_err_set(err, DV_EEXIST, "'%s' is an alias of it", id);
	return 0;
}

int dv_registry_add_json(struct dv_registry *r, const char *id,
			 const struct cJSON *json, struct dv_err *err)
{
	cJSON *copy = cJSON_Duplicate(json, 1);
	cJSON *versions = member(r->root, "versions");
	int rc;

	if (!copy || !cJSON_AddItemToObject(versions, id, copy)) {
		cJSON_Delete(copy);
		return dv_err_nomem(err);
	}
	rc = add_view(r, copy, err);
	if (rc)
		cJSON_Delete(cJSON_DetachItemViaPointer(versions, copy));
	else if (r->n > 1)
		qsort(r->v, r->n, sizeof(*r->v), by_time);
	return rc;
}

static int put(cJSON *o, const char *key, const char *s)
{
	return !s || cJSON_AddStringToObject(o, key, s);
}

int dv_registry_add(struct dv_registry *r, const struct dv_version *v,
		    struct dv_err *err)
{
	int rc = dv_name_check(v->id, "version", err);
	cJSON *o, *meta = NULL;

	if (!rc)
		rc = taken(r, v->id, err);
	if (rc)
		return rc;
	o = cJSON_CreateObject();
	if (o && v->meta && v->meta->child) {
		meta = cJSON_Duplicate(v->meta, 1);
		if (!meta || !cJSON_AddItemToObject(o, "meta", meta)) {
			cJSON_Delete(meta);
			cJSON_Delete(o);
			return dv_err_nomem(err);
		}
	}
	if (!o || !put(o, "file", v->file) ||
	    !put(o, "original_file", v->original_file) ||
	    !put(o, "created", v->created) ||
	    !cJSON_AddNumberToObject(o, "size", (double)v->size) ||
	    !put(o, "sha256", v->sha256) || !put(o, "md5", v->md5) ||
	    !put(o, "oid", v->oid.scheme ? dv_oid_text(&v->oid).s : NULL) ||
	    !put(o, "commit", v->commit) ||
	    !put(o, "description", v->description))
		rc = dv_err_nomem(err);
	if (!rc)
		rc = dv_registry_add_json(r, v->id, o, err);
	cJSON_Delete(o);
	return rc;
}

void dv_registry_remove(struct dv_registry *r, const char *id)
{
	for (size_t i = 0; i < r->n; i++) {
		if (strcmp(r->v[i].id, id))
			continue;
		cJSON_Delete(cJSON_DetachItemViaPointer(
			member(r->root, "versions"), r->v[i].json));
		memmove(&r->v[i], &r->v[i + 1],
			(r->n - i - 1) * sizeof(*r->v));
		r->n--;
		return;
	}
}

int dv_registry_alias_set(struct dv_registry *r, const char *alias,
			  const char *id, struct dv_err *err)
{
	cJSON *aliases = dv_registry_aliases(r);
	int rc = dv_name_check(alias, "alias", err);

	if (rc)
		return rc;
	if (!id) {
		if (!dv_registry_alias(r, alias))
			return dv_err_set(err, DV_ENOTFOUND,
					  "it has no alias '%s'", alias);
		cJSON_DeleteItemFromObjectCaseSensitive(aliases, alias);
		return 0;
	}
	if (!strcasecmp(alias, "latest"))
		return dv_err_set(err, DV_EINVAL,
				  "'%s' always is the newest version; choose another alias",
				  alias);
	if (dv_registry_find(r, alias))
		return dv_err_set(err, DV_EEXIST,
				  "it has a version '%s', so that cannot be an alias",
				  alias);
	if (!aliases)
		aliases = cJSON_AddObjectToObject(r->root, "aliases");
	cJSON_DeleteItemFromObjectCaseSensitive(aliases, alias);
	if (!aliases || !cJSON_AddStringToObject(aliases, alias, id))
		return dv_err_nomem(err);
	return 0;
}
