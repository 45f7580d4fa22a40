/* data_registry.json, as scripts wrote it before there was git dv version. */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/hex.h"
#include "catalog/catalog.h"
#include "format/json.h"

#define SIZE_MAX_JSON 9007199254740991.0

void dv_old_registry_release(struct dv_old_registry *o)
{
	for (size_t i = 0; i < o->n; i++)
		cJSON_Delete(o->v[i].meta);
	free(o->v);
	cJSON_Delete(o->root);
	memset(o, 0, sizeof(*o));
}

static int bad(const struct dv_old_version *v, const char *key,
	       const char *why, struct dv_err *err)
{
	return dv_err_set(err, DV_EINVAL, "'%.120s', version '%.120s': '%s' %s",
			  v->name, v->v.id, key, why);
}

static int add_meta(struct dv_old_version *v, const cJSON *c,
		    struct dv_err *err)
{
	struct dv_buf text = { 0 };
	int rc = 0;

	if (cJSON_IsNull(c))
		return 0;
	if (!*c->string || !dv_text_ok(c->string))
		return bad(v, "a field", "has a name that is no text", err);
	if (!v->meta)
		v->meta = cJSON_CreateObject();
	if (!cJSON_IsString(c))
		rc = dv_json_print(&text, c, -1, err);
	if (!rc && (!v->meta ||
		    !cJSON_AddStringToObject(v->meta, c->string,
					     cJSON_IsString(c) ? c->valuestring :
					     dv_buf_str(&text))))
		rc = dv_err_nomem(err);
	dv_buf_release(&text);
	return rc;
}

static int field(struct dv_old_version *v, const cJSON *c, struct dv_err *err)
{
	const char *k = c->string;
	const char *s = cJSON_IsString(c) ? c->valuestring : NULL;

	if (!strcmp(k, "size_bytes")) {
		if (!cJSON_IsNumber(c) || !(c->valuedouble >= 0) ||
		    c->valuedouble > SIZE_MAX_JSON)
			return bad(v, k, "is not a number of bytes", err);
		v->v.size = (uint64_t)c->valuedouble;
		return 0;
	}
	if (!strcmp(k, "size_mb"))
		return 0;
	if (strcmp(k, "file") && strcmp(k, "original_file") &&
	    strcmp(k, "created") && strcmp(k, "checksum") &&
	    strcmp(k, "description"))
		return add_meta(v, c, err);
	if (cJSON_IsNull(c))
		return 0;
	if (!s || !(strcmp(k, "description") ? dv_text_ok : dv_lines_ok)(s))
		return bad(v, k, "is not text", err);
	if (!strcmp(k, "file")) {
		v->v.file = s;
	} else if (!strcmp(k, "original_file")) {
		v->v.original_file = s;
	} else if (!strcmp(k, "description")) {
		v->v.description = *s ? s : NULL;
	} else if (!strcmp(k, "created")) {
		if (dv_time_parse(s, 1, &v->v.created_us))
			return bad(v, k, "is not a time", err);
		v->created_known = 1;
	} else {
		/* Windows tools print capitals. */
		for (char *p = c->valuestring; *p; p++)
			if (*p >= 'A' && *p <= 'F')
				*p += 'a' - 'A';
		if (strlen(s) != 32 || !dv_hex_valid(s, 32))
			return bad(v, k, "is not an MD5", err);
		v->v.md5 = s;
	}
	return 0;
}

static int one(struct dv_old_registry *o, const char *name, const cJSON *json,
	       struct dv_err *err)
{
	struct dv_old_version *v = dv_grow(o->v, &o->cap, o->n + 1, sizeof(*v));
	int rc;

	if (!v)
		return dv_err_nomem(err);
	o->v = v;
	v += o->n++;
	memset(v, 0, sizeof(*v));
	v->name = name;
	v->v.id = json->string;
	rc = dv_name_check(v->v.id, "version", err);
	if (rc) {
		dv_err_prefix(err, "'%.120s'", name);
		return rc;
	}
	if (!cJSON_IsObject(json))
		return bad(v, "it", "is not an object", err);
	for (const cJSON *c = json->child; !rc && c; c = c->next)
		rc = field(v, c, err);
	v->v.meta = v->meta;
	if (!rc && !v->v.file)
		rc = bad(v, "file", "is missing", err);
	if (!rc && !v->v.md5)
		rc = bad(v, "checksum", "is missing", err);
	return rc;
}

int dv_old_registry_parse(struct dv_old_registry *o, const void *p, size_t n,
			  struct dv_err *err)
{
	int rc;

	memset(o, 0, sizeof(*o));
	rc = dv_json_parse(p, n, &o->root, err);
	if (!rc && !cJSON_IsObject(o->root))
		rc = dv_err_set(err, DV_EINVAL,
				"not a registry: it is no object of names");
	for (const cJSON *name = rc ? NULL : o->root->child; !rc && name;
	     name = name->next) {
		rc = dv_name_check(name->string, "name", err);
		if (!rc && !cJSON_IsObject(name))
			rc = dv_err_set(err, DV_EINVAL,
					"'%s' is not an object of versions",
					name->string);
		for (const cJSON *v = rc ? NULL : name->child; !rc && v;
		     v = v->next)
			rc = one(o, name->string, v, err);
	}
	if (rc)
		dv_old_registry_release(o);
	return rc;
}
