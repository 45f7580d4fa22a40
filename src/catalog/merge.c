#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

#include "base/file.h"
#include "catalog/catalog.h"
#include "format/json.h"

/*
 * Numbers that a double does not hold have their text, see format/json.h, which
 * cJSON_Compare does not look at.
 */
static int same_value(const cJSON *a, const cJSON *b)
{
	const cJSON *x, *y;

	if ((a->type & 0xff) != (b->type & 0xff))
		return 0;
	if (cJSON_IsString(a) || (a->valuestring && b->valuestring))
		return !strcmp(a->valuestring, b->valuestring);
	if (cJSON_IsNumber(a))
		return a->valuedouble <= b->valuedouble &&
		       a->valuedouble >= b->valuedouble;
	if (cJSON_GetArraySize(a) != cJSON_GetArraySize(b))
		return 0;
	for (x = a->child, y = b->child; x; x = x->next, y = y->next) {
		const cJSON *other = cJSON_IsObject(a) ?
			cJSON_GetObjectItemCaseSensitive(b, x->string) : y;

		if (!other || !same_value(x, other))
			return 0;
	}
	return 1;
}

static int same(const cJSON *a, const cJSON *b)
{
	return (!a && !b) || (a && b && same_value(a, b));
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

/* An alias that points at this version, or NULL. */
static const char *alias_of(const struct dv_registry *r, const char *id)
{
	const cJSON *aliases = dv_registry_aliases(r);

	for (const cJSON *a = aliases ? aliases->child : NULL; a; a = a->next)
		if (!strcmp(a->valuestring, id))
			return a->string;
	return NULL;
}

/* Add a version of theirs, unless ours has its name for something else. */
static int take_version(struct dv_registry *ours, const char *id,
			const cJSON *json, struct dv_strs *conflicts,
			struct dv_err *err)
{
	if (dv_registry_alias(ours, id))
		return complain(conflicts, err,
			dv_fmt("'%s' is a version on their side and an alias on ours",
			       id));
	for (size_t i = 0; i < ours->n; i++)
		if (!strcasecmp(ours->v[i].id, id))
			return complain(conflicts, err,
				dv_fmt("version '%s' of their side and '%s' of ours differ only in case",
				       id, ours->v[i].id));
	return dv_registry_add_json(ours, id, json, err);
}

/* The aliases are merged: what one of them points at stays, or comes back. */
static int merge_version(const struct dv_registry *base,
			 struct dv_registry *ours,
			 const struct dv_registry *theirs, const char *id,
			 struct dv_strs *conflicts, struct dv_err *err)
{
	const cJSON *new = json_of(theirs, id);
	const char *alias = alias_of(ours, id);
	enum choice how = choose(json_of(base, id), json_of(ours, id), new);
	int mine = json_of(ours, id) != NULL, rc = 0;

	if (how == CONFLICT)
		rc = version_conflict(id, ours, theirs, conflicts, err);
	else if (alias && ((how == THEIRS && !new) ||
			   (how == OURS && !mine && new)))
		rc = complain(conflicts, err,
			dv_fmt("alias '%s' points at version '%s', which was removed on %s side",
			       alias, id, new ? "our" : "their"));
	else if (how == THEIRS && mine)
		dv_registry_remove(ours, id);
	if (rc || !new)
		return rc;
	if (how == THEIRS && mine)
		return dv_registry_add_json(ours, id, new, err);
	return how == THEIRS || (!mine && alias) ?
	       take_version(ours, id, new, conflicts, err) : 0;
}

static int merge_versions(const struct dv_registry *base,
			  struct dv_registry *ours,
			  const struct dv_registry *theirs,
			  struct dv_strs *conflicts, struct dv_err *err)
{
	struct dv_strs ids = { 0 };
	int rc = 0;

	/* Ours first: what they removed of it makes room for what they added. */
	for (size_t i = 0; !rc && i < ours->n; i++)
		rc = dv_strs_add(&ids, ours->v[i].id, err);
	for (size_t i = 0; !rc && i < theirs->n; i++)
		if (!dv_registry_find(ours, theirs->v[i].id))
			rc = dv_strs_add(&ids, theirs->v[i].id, err);
	for (size_t i = 0; !rc && i < ids.n; i++)
		rc = merge_version(base, ours, theirs, ids.v[i], conflicts,
				   err);
	dv_strs_release(&ids);
	return rc;
}

/*
 * Aliases of theirs that cannot be: a version of ours has that name, or their
 * version was not taken. Ours was as in the ancestor, else it had stayed.
 */
static int settle_aliases(const struct dv_registry *base,
			  struct dv_registry *ours,
			  const struct dv_registry *theirs,
			  struct dv_strs *conflicts, struct dv_err *err)
{
	const cJSON *a = dv_registry_aliases(ours)->child, *next;
	int rc = 0;

	for (; !rc && a; a = next) {
		const char *old = dv_registry_alias(base, a->string);
		char *name;

		next = a->next;
		if (dv_registry_find(ours, a->string))
			rc = complain(conflicts, err,
				dv_fmt("'%s' is a version on our side and an alias on theirs",
				       a->string));
		else if (!dv_registry_find(ours, a->valuestring) &&
			 dv_registry_find(theirs, a->valuestring))
			rc = complain(conflicts, err,
				dv_fmt("alias '%s' points at version '%s' of their side, which is not taken",
				       a->string, a->valuestring));
		else
			continue;
		if (rc)
			break;
		/* Setting one appends it, so that it is met again, and fine. */
		name = strdup(a->string);
		if (!name)
			return dv_err_nomem(err);
		rc = dv_registry_alias_set(ours, name, NULL, err);
		if (!rc && old && dv_registry_find(ours, old) &&
		    !dv_registry_find(ours, name))
			rc = dv_registry_alias_set(ours, name, old, err);
		free(name);
	}
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
	int rc = 0;

	if (!aliases)
		aliases = cJSON_AddObjectToObject(ours->root, "aliases");
	if (!aliases)
		return dv_err_nomem(err);
	rc = merge_members(dv_registry_aliases(base), aliases,
			   dv_registry_aliases(theirs), "alias", 0, conflicts,
			   err);
	if (!rc)
		rc = merge_versions(base, ours, theirs, conflicts, err);
	if (!rc)
		rc = settle_aliases(base, ours, theirs, conflicts, err);
	if (!rc)
		rc = merge_members(base->root, ours->root, theirs->root,
				   "field", 1, conflicts, err);
	return rc;
}
