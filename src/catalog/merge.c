#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/file.h"
#include "catalog/catalog.h"
#include "format/json.h"

static int same(const cJSON *a, const cJSON *b)
{
	return (!a && !b) || (a && b && cJSON_Compare(a, b, 1));
}

enum choice { OURS, THEIRS, CONFLICT };

/* NULL is absence. What only one side changed is that side's. */
static enum choice choose(const cJSON *base, const cJSON *ours,
			  const cJSON *theirs)
{
	if (same(ours, theirs) || same(base, theirs))
		return OURS;
	return same(base, ours) ? THEIRS : CONFLICT;
}

static int complain(struct dv_strs *out, struct dv_err *err, char *text)
{
	int rc = text ? dv_strs_add(out, text, err) : dv_err_nomem(err);

	free(text);
	return rc;
}

static const cJSON *json_of(const struct dv_registry *r, const char *id)
{
	const struct dv_version *v = dv_registry_find(r, id);

	return v ? v->json : NULL;
}

static int version_conflict(const char *id, const struct dv_registry *ours,
			    const struct dv_registry *theirs,
			    struct dv_strs *out, struct dv_err *err)
{
	const struct dv_version *a = dv_registry_find(ours, id);
	const struct dv_version *b = dv_registry_find(theirs, id);

	if (!a || !b)
		return complain(out, err,
			dv_fmt("version '%s' was removed on %s side and changed on %s",
			       id, a ? "their" : "our", a ? "ours" : "theirs"));
	if (!dv_oid_eq(&a->oid, &b->oid) || a->size != b->size)
		return complain(out, err,
			dv_fmt("version '%s' has different content on both sides: ours of %s is %llu bytes, theirs of %s is %llu",
			       id, a->created, (unsigned long long)a->size,
			       b->created, (unsigned long long)b->size));
	return complain(out, err,
			dv_fmt("version '%s' has the same content on both sides, but is described differently",
			       id));
}

static int merge_versions(const struct dv_registry *base,
			  struct dv_registry *ours,
			  const struct dv_registry *theirs,
			  struct dv_strs *conflicts, struct dv_err *err)
{
	struct dv_strs ids = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < theirs->n; i++)
		rc = dv_strs_add(&ids, theirs->v[i].id, err);
	for (size_t i = 0; !rc && i < ours->n; i++)
		if (!dv_registry_find(theirs, ours->v[i].id))
			rc = dv_strs_add(&ids, ours->v[i].id, err);
	for (size_t i = 0; !rc && i < ids.n; i++) {
		const char *id = ids.v[i];
		const cJSON *new = json_of(theirs, id);

		switch (choose(json_of(base, id), json_of(ours, id), new)) {
		case OURS:
			break;
		case THEIRS:
			dv_registry_remove(ours, id);
			if (new)
				rc = dv_registry_add_json(ours, id, new, err);
			break;
		case CONFLICT:
			rc = version_conflict(id, ours, theirs, conflicts, err);
			break;
		}
	}
	dv_strs_release(&ids);
	return rc;
}

/* Members of one object, each as a whole; `what` is for the message. */
static int merge_members(const cJSON *base, cJSON *ours, const cJSON *theirs,
			 const char *what, int top, struct dv_strs *conflicts,
			 struct dv_err *err)
{
	struct dv_strs keys = { 0 };
	int rc = 0;

	for (const cJSON *c = theirs ? theirs->child : NULL; !rc && c;
	     c = c->next)
		rc = dv_strs_add(&keys, c->string, err);
	for (const cJSON *c = ours->child; !rc && c; c = c->next)
		if (!cJSON_GetObjectItemCaseSensitive(theirs, c->string))
			rc = dv_strs_add(&keys, c->string, err);
	for (size_t i = 0; !rc && i < keys.n; i++) {
		const char *k = keys.v[i];
		const cJSON *new = cJSON_GetObjectItemCaseSensitive(theirs, k);
		enum choice how;
		cJSON *copy;

		if (top && (!strcmp(k, "format") || !strcmp(k, "versions") ||
			    !strcmp(k, "aliases")))
			continue;
		how = choose(cJSON_GetObjectItemCaseSensitive(base, k),
			     cJSON_GetObjectItemCaseSensitive(ours, k), new);
		if (how == CONFLICT)
			rc = complain(conflicts, err,
				dv_fmt("%s '%.100s' was changed on both sides",
				       what, dv_text_ok(k) ? k : "(bytes)"));
		if (how != THEIRS)
			continue;
		cJSON_DeleteItemFromObjectCaseSensitive(ours, k);
		copy = new ? cJSON_Duplicate(new, 1) : NULL;
		if (new && (!copy || !cJSON_AddItemToObject(ours, k, copy))) {
			cJSON_Delete(copy);
			rc = dv_err_nomem(err);
		}
	}
	dv_strs_release(&keys);
	return rc;
}

int dv_catalog_merge(const struct dv_registry *base, struct dv_registry *ours,
		     const struct dv_registry *theirs,
		     struct dv_strs *conflicts, struct dv_err *err)
{
	cJSON *aliases = dv_registry_aliases(ours);
	int rc = merge_versions(base, ours, theirs, conflicts, err);

	if (!aliases)
		aliases = cJSON_AddObjectToObject(ours->root, "aliases");
	if (!rc && !aliases)
		rc = dv_err_nomem(err);
	if (!rc)
		rc = merge_members(dv_registry_aliases(base), aliases,
				   dv_registry_aliases(theirs), "alias", 0,
				   conflicts, err);
	if (!rc)
		rc = merge_members(base->root, ours->root, theirs->root,
				   "field", 1, conflicts, err);
	for (const cJSON *a = rc ? NULL : aliases->child; !rc && a; a = a->next)
		if (!dv_registry_find(ours, a->valuestring))
			rc = complain(conflicts, err,
				dv_fmt("alias '%s' points at version '%s', which one side removed",
				       a->string, a->valuestring));
	return rc;
}
