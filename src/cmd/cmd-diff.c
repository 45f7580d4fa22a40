/* git dv diff: two versions of a name. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/file.h"
#include "base/idmap.h"
#include "base/proc.h"
#include "cmd/named-file.h"
#include "store/extract.h"

#define TEXT_MAX ((uint64_t)64 << 20)	/* larger ones are not text to read */
#define LOOK 8000			/* as Git does */

struct shared {
	uint64_t chunks[2], common, bytes;
};

static int chunks_of(struct dv_ctx *c, const struct dv_version *v,
		     struct dv_idmap *map, int second, struct shared *s,
		     struct dv_err *err)
{
	struct dv_content content;
	struct dv_id id;
	uint32_t len;
	int rc = dv_content_open(&content, &c->store, &c->coder, &v->oid, err);

	if (rc)
		return rc;
	while ((rc = dv_content_next(&content, &id, &len, err)) == 1) {
		s->chunks[second]++;
		if (second) {
			int in = dv_idmap_get(map, 1, &id) != NULL;

			s->common += in;
			s->bytes += in ? len : 0;
			continue;
		}
		rc = dv_idmap_put(map, 1, &id, 1, err);
		if (rc && rc != DV_EEXIST)
			break;
	}
	dv_content_close(&content);
	return rc;
}

struct probe {
	size_t n;
	int nul;
};

static int probe(void *arg, const void *p, size_t n, struct dv_err *err)
{
	struct probe *s = arg;
	size_t k = DV_MIN(n, LOOK - s->n);

	(void)err;
	s->nul |= memchr(p, 0, k) != NULL;
	s->n += k;
	return s->nul || s->n == LOOK ? DV_ECANCEL : 0;
}

static int is_text(struct dv_ctx *c, const struct dv_version *v)
{
	struct probe s = { 0 };
	int rc;

	if (v->size > TEXT_MAX)
		return 0;
	rc = dv_content_each(&c->store, &c->coder, &v->oid, probe, &s, NULL);
	return !s.nul && (!rc || rc == DV_ECANCEL);
}

/* Git compares files: two of them, in a folder of the store's tmp/. */
static int diff_text(struct dv_ctx *c, const struct dv_version *const v[2],
		     struct dv_err *err)
{
	char *dir = NULL, random[33];
	struct dv_target t = { .dir = -1 };
	const char *how;
	int rc = dv_random_name(random, err), code;
	struct dv_proc p;

	/* A terminal that closes must not leave the files behind. */
	dv_cancel_on(SIGHUP);
	if (!rc && !(dir = dv_fmt("%s/tmp/%.16s-d", c->store.path, random)))
		rc = dv_err_nomem(err);
	if (!rc)
		rc = dv_dir_make(dir, err);
	for (int i = 0; !rc && i < 2; i++) {
		char *path = dv_fmt("%s/%s", dir, v[i]->id);

		rc = path ? dv_target_user(&t, path, "", err) :
			    dv_err_nomem(err);
		if (!rc)
			rc = dv_named_write(c, v[i], &t, 1, &how, err);
		dv_target_close(&t);
		free(path);
	}
	if (!rc) {
		const char *argv[] = { "git", "-C", dir, "diff", "--no-index",
				       "--no-ext-diff", "--", v[0]->id,
				       v[1]->id, NULL };

		fflush(stdout);
		rc = dv_proc_start(&p, argv, NULL, DV_PROC_INHERIT, err);
		if (!rc) {
			code = dv_proc_wait(&p);
			/* 1: they differ. 141: a pager that was left. */
			if (code != 0 && code != 1 && code != 141)
				rc = dv_err_set(err, DV_EIO,
						"git diff failed with exit code %d",
						code);
		}
	}
	if (dir && dv_dir_remove(dir, NULL))
		dv_log_warn("'%s' stays behind", dir);
	free(dir);
	return rc;
}

static int print_json(const char *name, const struct dv_version *const v[2],
		      const struct shared *s, struct dv_err *err)
{
	cJSON *root = dv_json_root(), *list;

	cJSON_AddStringToObject(root, "name", name);
	list = cJSON_AddArrayToObject(root, "versions");
	for (int i = 0; i < 2; i++) {
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "version", v[i]->id);
		cJSON_AddNumberToObject(o, "size", (double)v[i]->size);
		cJSON_AddNumberToObject(o, "chunks", (double)s->chunks[i]);
		cJSON_AddItemToArray(list, o);
	}
	cJSON_AddNumberToObject(root, "common_chunks", (double)s->common);
	cJSON_AddNumberToObject(root, "common_bytes", (double)s->bytes);
	cJSON_AddBoolToObject(root, "equal", dv_oid_eq(&v[0]->oid,
						       &v[1]->oid));
	return dv_json_show(root, err);
}

static void print_human(const char *name, const struct dv_version *const v[2],
			const struct shared *s)
{
	for (int i = 0; i < 2; i++)
		printf("%c %s version %s: %s in %llu chunk%s, %s\n",
		       "-+"[i], name, v[i]->id, dv_human(v[i]->size).s,
		       (unsigned long long)s->chunks[i],
		       s->chunks[i] == 1 ? "" : "s", v[i]->created);
	if (dv_oid_eq(&v[0]->oid, &v[1]->oid))
		printf("  the content is the same\n");
	else
		printf("  %llu chunk%s in common, %s of %s\n",
		       (unsigned long long)s->common, s->common == 1 ? "" : "s",
		       dv_human(s->bytes).s, dv_human(v[1]->size).s);
}

int dv_cmd_diff(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv diff", "git-dv-diff",
		"[--stat | --json] <name> <version> [<version>]" };
	int stat = 0, json = 0;
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 0, "stat", &stat, NULL, "sizes and chunks only, also of text", 0 },
		{ DV_OPT_FLAG, 0, "json", &json, NULL, "the same, for programs", 0 },
		{ 0 },
	};
	const struct dv_version *v[2] = { NULL, NULL };
	struct dv_registry reg = { 0 };
	struct dv_idmap map = { 0 };
	struct shared s = { 0 };
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };
	int n = dv_opt_parse(&cmd, opts, argc, argv, NULL), rc;

	if (n < 0)
		return dv_opt_exit(n);
	if (n < 2 || n > 3 || (stat && json)) {
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	rc = dv_ctx_worktree(&c);
	if (!rc)
		rc = dv_ctx_store(&c, 1);
	if (!rc)
		rc = dv_ctx_pool(&c);
	if (rc)
		goto out;
	rc = dv_named_open(&c.repo, argv[0], argv[1], &reg, &v[0], &err);
	if (!rc) {
		rc = dv_registry_resolve(&reg, n == 3 ? argv[2] : NULL, &v[1],
					 &err);
		if (rc)
			dv_err_prefix(&err, "'%s'", argv[0]);
	}
	for (int i = 0; !rc && i < 2; i++) {
		rc = dv_named_fetch(&c, argv[0], v[i], &err);
		if (!rc)
			rc = chunks_of(&c, v[i], &map, i, &s, &err);
	}
	if (!rc && json)
		rc = print_json(argv[0], v, &s, &err);
	else if (!rc)
		print_human(argv[0], v, &s);
	if (!rc && !json && !stat && !dv_oid_eq(&v[0]->oid, &v[1]->oid) &&
	    is_text(&c, v[0]) && is_text(&c, v[1]))
		rc = diff_text(&c, v, &err);
	if (rc)
		rc = dv_fail(&err);
out:
	dv_idmap_release(&map);
	dv_registry_release(&reg);
	dv_ctx_close(&c);
	return rc;
}
