/* git dv list, info: what is recorded under names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cmd/named-file.h"
#include "format/json.h"

/* What git-dv-list(1) promises of a version. Members may be added. */
static cJSON *version_json(struct dv_ctx *c, const struct dv_registry *reg,
			   const struct dv_version *v)
{
	cJSON *o = cJSON_CreateObject(), *list;
	const cJSON *aliases = dv_registry_aliases(reg);

	cJSON_AddStringToObject(o, "version", v->id);
	cJSON_AddStringToObject(o, "file", v->file);
	if (v->original_file)
		cJSON_AddStringToObject(o, "original_file", v->original_file);
	cJSON_AddStringToObject(o, "created", v->created);
	cJSON_AddNumberToObject(o, "size", (double)v->size);
	if (v->sha256)
		cJSON_AddStringToObject(o, "sha256", v->sha256);
	if (v->md5)
		cJSON_AddStringToObject(o, "md5", v->md5);
	if (v->oid.scheme)
		cJSON_AddStringToObject(o, "oid", dv_oid_text(&v->oid).s);
	if (v->commit)
		cJSON_AddStringToObject(o, "commit", v->commit);
	if (v->description)
		cJSON_AddStringToObject(o, "description", v->description);
	if (v->meta)
		cJSON_AddItemToObject(o, "meta", cJSON_Duplicate(v->meta, 1));
	else
		cJSON_AddObjectToObject(o, "meta");
	list = cJSON_AddArrayToObject(o, "aliases");
	for (const cJSON *a = aliases ? aliases->child : NULL; a; a = a->next)
		if (!strcmp(a->valuestring, v->id))
			cJSON_AddItemToArray(list,
					     cJSON_CreateString(a->string));
	cJSON_AddBoolToObject(o, "latest", v == &reg->v[reg->n - 1]);
	cJSON_AddBoolToObject(o, "here", v->oid.scheme &&
			      dv_store_has_file(&c->store, &v->oid));
	return o;
}

/* Aliases of a version, "prod, test", or "". */
static void print_aliases(const struct dv_registry *reg, const char *id)
{
	const cJSON *aliases = dv_registry_aliases(reg);
	const char *sep = "";

	for (const cJSON *a = aliases ? aliases->child : NULL; a; a = a->next)
		if (!strcmp(a->valuestring, id)) {
			printf("%s%s", sep, a->string);
			sep = ", ";
		}
}

/* What would turn or overwrite what is beside it is shown by its bytes. */
static void print_safe(const char *text, const char *end)
{
	while (text < end) {
		size_t turns = dv_text_turns(text);

		if (!turns)
			putchar(*text++);
		for (; turns; turns--, text++)
			printf("\\x%02x", (unsigned char)*text);
	}
}

/* The first line. */
static void print_text(const char *text)
{
	if (text)
		print_safe(text, text + strcspn(text, "\r\n"));
}

static void print_row(const struct dv_registry *reg,
		      const struct dv_version *v, int width, int here)
{
	const cJSON *aliases = dv_registry_aliases(reg);
	int some = 0;

	printf("%-*s %10s  %.10s %.8s", width, v->id, dv_human(v->size).s,
	       v->created, v->created + 11);
	for (const cJSON *a = aliases ? aliases->child : NULL; a; a = a->next)
		some |= !strcmp(a->valuestring, v->id);
	if (some) {
		printf("  [");
		print_aliases(reg, v->id);
		printf("]");
	}
	if (v->description) {
		printf("  ");
		print_text(v->description);
	}
	if (!here)
		printf("%s", v->oid.scheme ? "  (not here)" :
					     "  (never stored)");
	printf("\n");
}

static int list_versions(struct dv_ctx *c, const char *name, int zero,
			 int json, struct dv_err *err)
{
	struct dv_registry reg = { 0 };
	cJSON *root, *list;
	int width = 0, rc = dv_catalog_load(&c->repo, name, &reg, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < reg.n; i++)
		width = DV_MAX(width, (int)strlen(reg.v[i].id));
	if (json) {
		const cJSON *aliases = dv_registry_aliases(&reg);

		root = dv_json_root();
		cJSON_AddStringToObject(root, "name", name);
		cJSON_AddItemToObject(root, "aliases", aliases ?
				      cJSON_Duplicate(aliases, 1) :
				      cJSON_CreateObject());
		list = cJSON_AddArrayToObject(root, "versions");
		for (size_t i = 0; i < reg.n; i++)
			cJSON_AddItemToArray(list, version_json(c, &reg,
								&reg.v[i]));
		rc = dv_json_show(root, err);
	}
	for (size_t i = 0; !json && i < reg.n; i++) {
		const struct dv_version *v = &reg.v[i];

		if (zero)
			printf("%s%c", v->id, '\0');
		else
			print_row(&reg, v, width, v->oid.scheme &&
				  dv_store_has_file(&c->store, &v->oid));
	}
	dv_registry_release(&reg);
	return rc;
}

/* One name; a registry that cannot be read is named, and the rest goes on. */
static int list_name(struct dv_ctx *c, const char *name, int width,
		     cJSON *json, struct dv_err *err)
{
	struct dv_registry reg = { 0 };
	const struct dv_version *v;
	int rc = dv_catalog_load(&c->repo, name, &reg, err);

	if (rc)
		return rc;
	v = reg.n ? &reg.v[reg.n - 1] : NULL;
	if (json) {
		const cJSON *aliases = dv_registry_aliases(&reg);
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "name", name);
		cJSON_AddNumberToObject(o, "versions", (double)reg.n);
		cJSON_AddItemToObject(o, "aliases", aliases ?
				      cJSON_Duplicate(aliases, 1) :
				      cJSON_CreateObject());
		cJSON_AddItemToObject(o, "latest", v ?
				      version_json(c, &reg, v) :
				      cJSON_CreateNull());
		cJSON_AddItemToArray(json, o);
	} else {
		printf("%-*s  %3zu version%s", width, name, reg.n,
		       reg.n == 1 ? " " : "s");
		if (v) {
			printf("  latest %s, %s", v->id, dv_human(v->size).s);
			if (v->description) {
				printf(", ");
				print_text(v->description);
			}
		}
		printf("\n");
	}
	dv_registry_release(&reg);
	return 0;
}

static int list_names(struct dv_ctx *c, int zero, int json,
		      struct dv_err *err)
{
	struct dv_strs names = { 0 };
	cJSON *root = NULL, *list = NULL;
	int width = 0, bad = 0, rc = dv_catalog_names(&c->repo, &names, err);

	for (size_t i = 0; i < names.n; i++)
		width = DV_MAX(width, (int)strlen(names.v[i]));
	if (!rc && json) {
		root = dv_json_root();
		list = cJSON_AddArrayToObject(root, "names");
	}
	if (!rc && !names.n && !zero && !json)
		dv_log_note("No names yet; 'git dv version FILE NAME' records one.");
	for (size_t i = 0; !rc && i < names.n; i++) {
		struct dv_err why = { 0 };

		if (zero)
			printf("%s%c", names.v[i], '\0');
		else if (list_name(c, names.v[i], width, list, &why)) {
			dv_log_error("%s", why.msg);
			bad++;
		}
	}
	if (!rc && json)
		rc = dv_json_show(root, err);
	if (!rc && bad)
		rc = dv_err_set(err, DV_EINVAL, "%d registr%s cannot be used",
				bad, bad == 1 ? "y" : "ies");
	dv_strs_release(&names);
	return rc;
}

int dv_cmd_list(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv list", "git-dv-list",
					       "[-z | --json] [<name>]" };
	int zero = 0, json = 0;
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 'z', NULL, &zero, NULL, "only names (or versions), each ended by NUL", 0 },
		{ DV_OPT_FLAG, 0, "json", &json, NULL, "for programs", 0 },
		{ 0 },
	};
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };
	int n = dv_opt_parse(&cmd, opts, argc, argv, NULL), rc;

	if (n < 0)
		return dv_opt_exit(n);
	if (n > 1 || (zero && json)) {
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	rc = dv_ctx_worktree(&c);
	if (!rc)
		rc = dv_ctx_store(&c, 1);
	if (!rc && (n ? list_versions(&c, argv[0], zero, json, &err) :
			list_names(&c, zero, json, &err)))
		rc = dv_fail(&err);
	dv_ctx_close(&c);
	return rc;
}

static void line(const char *key, const char *value)
{
	if (!value)
		return;
	printf("%-12s ", key);
	print_safe(value, value + strlen(value));
	printf("\n");
}

static void print_info(struct dv_ctx *c, const char *name,
		       const struct dv_registry *reg,
		       const struct dv_version *v)
{
	int here = v->oid.scheme && dv_store_has_file(&c->store, &v->oid);

	line("name", name);
	printf("%-12s %s%s\n", "version", v->id,
	       v == &reg->v[reg->n - 1] ? " (latest)" : "");
	printf("%-12s ", "aliases");
	print_aliases(reg, v->id);
	printf("\n");
	line("file", v->file);
	line("original", v->original_file);
	line("created", v->created);
	printf("%-12s %llu (%s)\n", "size", (unsigned long long)v->size,
	       dv_human(v->size).s);
	line("sha256", v->sha256);
	line("md5", v->md5);
	line("oid", v->oid.scheme ? dv_oid_text(&v->oid).s : NULL);
	line("commit", v->commit);
	line("content", here ? "here" : v->oid.scheme ?
	     "not here; 'git dv get' fetches it" : "never stored");
	line("description", v->description);
	for (const cJSON *m = v->meta ? v->meta->child : NULL; m; m = m->next) {
		printf("%-12s ", "meta");
		print_safe(m->string, m->string + strlen(m->string));
		printf("=");
		print_safe(m->valuestring,
			   m->valuestring + strlen(m->valuestring));
		printf("\n");
	}
}

int dv_cmd_info(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv info", "git-dv-info",
		"[--json] <name>[@<version>] [<version>]" };
	int json = 0;
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 0, "json", &json, NULL, "for programs", 0 },
		{ 0 },
	};
	struct dv_registry reg = { 0 };
	const struct dv_version *v;
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };
	int n = dv_opt_parse(&cmd, opts, argc, argv, NULL), rc;
	const char *version;

	if (n < 0)
		return dv_opt_exit(n);
	if (n > 0)
		dv_named_split(argv[0], &version);
	if (n < 1 || n > 2 || (n == 2 && version)) {
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	if (n == 2)
		version = argv[1];
	rc = dv_ctx_worktree(&c);
	if (!rc)
		rc = dv_ctx_store(&c, 1);
	if (rc)
		goto out;
	rc = dv_named_open(&c.repo, argv[0], version, &reg, &v, &err);
	if (!rc && json) {
		cJSON *root = dv_json_root();

		cJSON_AddStringToObject(root, "name", argv[0]);
		cJSON_AddItemToObject(root, "entry",
				      version_json(&c, &reg, v));
		rc = dv_json_show(root, &err);
	} else if (!rc) {
		print_info(&c, argv[0], &reg, v);
	}
	if (rc)
		rc = dv_fail(&err);
out:
	dv_registry_release(&reg);
	dv_ctx_close(&c);
	return rc;
}
