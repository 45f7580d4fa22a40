/* git dv registry check; and the merge driver of registries. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/file.h"
#include "cmd/named-file.h"
#include "format/json.h"
#include "remote/prove.h"

/* ---- check ---- */

struct tally {
	size_t versions, elsewhere, unknown, never, bad;
	int asks;
	struct dv_ptrs ask;	/* of the remote; the path says of what */
};

static int by_folded_id(const void *a, const void *b)
{
	const struct dv_version *const *x = a, *const *y = b;

	return strcasecmp((*x)->id, (*y)->id);
}

/* Names that mean two things: git dv version refuses them, an edit does not. */
static void check_ids(const char *name, const struct dv_registry *reg,
		      struct tally *t)
{
	const struct dv_version **v = calloc(reg->n + 1, sizeof(*v));

	for (size_t i = 0; i < reg->n; i++) {
		if (dv_registry_alias(reg, reg->v[i].id)) {
			printf("'%s' alias '%s': is the name of a version, too, which is what it gives; 'git dv alias --delete' removes it\n",
			       name, reg->v[i].id);
			t->bad++;
		}
		if (v)
			v[i] = &reg->v[i];
	}
	if (v && reg->n > 1)
		qsort(v, reg->n, sizeof(*v), by_folded_id);
	for (size_t i = 1; v && i < reg->n; i++)
		if (!by_folded_id(&v[i - 1], &v[i])) {
			printf("'%s' versions '%s' and '%s': differ only in case, so that some file systems take copies of them for the same; rename one in '" DV_REGISTRY_DIR "/%s" DV_REGISTRY_SUFFIX "'\n",
			       name, v[i - 1]->id, v[i]->id, name);
			t->bad++;
		}
	free(v);
}

static void check_name(struct dv_ctx *c, const char *name, const char *uuid,
		       struct tally *t)
{
	struct dv_registry reg = { 0 };
	struct dv_err err = { 0 };
	const cJSON *aliases;

	if (dv_catalog_load(&c->repo, name, &reg, &err)) {
		printf("%s\n", err.msg);
		t->bad++;
		return;
	}
	for (size_t i = 0; i < reg.n; i++) {
		const struct dv_version *v = &reg.v[i];

		t->versions++;
		if (!v->oid.scheme) {
			t->never++;
		} else if (dv_content_complete(&c->store, &c->coder, &v->oid,
					       NULL) == 1) {
			continue;
		} else if (t->asks) {
			char *what = dv_fmt("'%s' version '%s'", name, v->id);

			if (!what || dv_ptrs_add(&t->ask, what, &v->oid, NULL,
						 NULL))
				t->unknown++;
			free(what);
		} else if (uuid &&
			   dv_cache_pushed_get(c->cache, uuid, &v->oid)) {
			t->elsewhere++;
		} else if (uuid) {
			/* A fresh clone knows of nothing what is there. */
			t->unknown++;
		} else {
			printf("'%s' version '%s': its content is not here, and there is no default remote to have it\n",
			       name, v->id);
			t->bad++;
		}
	}
	check_ids(name, &reg, t);
	aliases = dv_registry_aliases(&reg);
	for (const cJSON *a = aliases ? aliases->child : NULL; a; a = a->next)
		if (!dv_registry_find(&reg, a->valuestring)) {
			printf("'%s' alias '%s': points at '%s', which is no version; 'git dv alias' moves it\n",
			       name, a->string, a->valuestring);
			t->bad++;
		}
	dv_registry_release(&reg);
}

static int ask_remote(struct dv_ctx *c, struct tally *t, struct dv_err *err)
{
	struct dv_oid *oids = calloc(t->ask.n + 1, sizeof(*oids));
	uint8_t *proven = calloc(t->ask.n + 1, 1);
	struct dv_remote *remote = NULL;
	int rc = oids && proven ? 0 : dv_err_nomem(err);

	for (size_t i = 0; !rc && i < t->ask.n; i++)
		oids[i] = t->ask.v[i].oid;
	if (!rc && t->ask.n)
		rc = dv_remotes_open(&c->repo, NULL, &remote, err);
	if (!rc && t->ask.n)
		rc = dv_remote_prove(remote, oids, t->ask.n, 0, proven, err);
	for (size_t i = 0; !rc && i < t->ask.n; i++) {
		if (proven[i]) {
			t->elsewhere++;
			continue;
		}
		printf("%s: its content is neither here nor on the default remote; 'git dv push' where it is sends it there\n",
		       t->ask.v[i].path);
		t->bad++;
	}
	dv_remote_close(remote);
	free(oids);
	free(proven);
	return rc;
}

static int run_check(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv registry check",
		"git-dv-registry", "[--remote]" };
	struct tally t = { 0 };
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 0, "remote", &t.asks, NULL, "ask the default remote for what is not here", 0 },
		{ 0 },
	};
	const struct dv_remote_info *def;
	struct dv_strs names = { 0 }, unshared = { 0 };
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };
	struct dv_remotes rs;
	int n = dv_opt_parse(&cmd, opts, argc, argv, NULL), rc;

	if (n < 0)
		return dv_opt_exit(n);
	if (n) {
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	rc = dv_ctx_worktree(&c);
	if (!rc)
		rc = dv_ctx_store(&c, 1);
	if (rc)
		goto out;
	rc = dv_catalog_names(&c.repo, &names, &err);
	if (!rc)
		rc = dv_catalog_unshared(&c.repo, &names, &unshared, &err);
	if (!rc)
		rc = dv_remotes_load(&c.repo, &rs, &err);
	if (rc) {
		rc = dv_fail(&err);
		goto out;
	}
	def = dv_remotes_find(&rs, NULL);
	for (size_t i = 0; i < names.n; i++)
		check_name(&c, names.v[i], def ? def->uuid : NULL, &t);
	dv_remotes_release(&rs);
	rc = ask_remote(&c, &t, &err);
	if (rc) {
		rc = dv_fail(&err);
		goto out;
	}
	for (size_t i = 0; i < unshared.n; i++, t.bad++)
		printf("%s\n", unshared.v[i]);
	printf("%zu name%s, %zu version%s: ", names.n,
	       names.n == 1 ? "" : "s", t.versions,
	       t.versions == 1 ? "" : "s");
	if (t.elsewhere)
		printf("%zu not here but on the default remote, ", t.elsewhere);
	if (t.unknown)
		printf("%zu not here and not asked for, ", t.unknown);
	if (t.never)
		printf("%zu never stored, ", t.never);
	printf(t.bad ? "%zu problem%s\n" : "all good\n", t.bad,
	       t.bad == 1 ? "" : "s");
	if (t.unknown)
		dv_log_note("Whether the default remote has what is not here is not known in this clone; 'git dv registry check --remote' asks it.");
	rc = t.bad != 0;
out:
	dv_ptrs_release(&t.ask);
	dv_strs_release(&unshared);
	dv_strs_release(&names);
	dv_ctx_close(&c);
	return rc;
}

int dv_cmd_registry(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv registry",
		"git-dv-registry",
		"import [--allow-missing] [--dry-run] <file>\ncheck [--remote]" };
	const struct dv_opt opts[] = { { 0 } };
	int n;

	if (argc > 1 && !strcmp(argv[1], "import"))
		return dv_registry_import(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "check"))
		return run_check(argc - 1, argv + 1);
	n = dv_opt_parse(&cmd, opts, argc, argv, NULL);
	if (n < 0)
		return dv_opt_exit(n);
	if (n)
		dv_log_error("git dv registry has no '%s'", argv[0]);
	dv_opt_usage(&cmd, opts, 1);
	return 129;
}

/* ---- the merge driver ---- */

static int load_side(const char *path, const char *side,
		     struct dv_registry *out, struct dv_err *err)
{
	struct dv_buf text = { 0 };
	int rc = dv_file_read(path, &text, DV_JSON_MAX, err);

	/* Where both sides added the file, Git gives an empty ancestor. */
	if (!rc && !text.n)
		rc = dv_registry_init(out, err);
	else if (!rc)
		rc = dv_registry_parse(out, text.p, text.n, err);
	if (rc)
		dv_err_prefix(err, "%s", side);
	dv_buf_release(&text);
	return rc;
}

/*
 * git-dv merge-registry %O %A %B %P: the result goes to %A. A conflict leaves
 * ours, a whole registry, there; Git keeps both sides in its index.
 */
int dv_cmd_merge_registry(int argc, char **argv)
{
	struct dv_registry base = { 0 }, ours = { 0 }, theirs = { 0 };
	const char *path = argc > 4 ? argv[4] : "the registry";
	struct dv_strs conflicts = { 0 };
	struct dv_buf out = { 0 };
	struct dv_err err = { 0 };
	int rc;

	if (argc < 4) {
		fputs("usage: git-dv merge-registry %O %A %B %P\n", stderr);
		return 129;
	}
	rc = load_side(argv[1], "their common ancestor", &base, &err);
	if (!rc)
		rc = load_side(argv[2], "our side", &ours, &err);
	if (!rc)
		rc = load_side(argv[3], "their side", &theirs, &err);
	if (!rc)
		rc = dv_catalog_merge(&base, &ours, &theirs, &conflicts, &err);
	if (!rc)
		rc = dv_registry_format(&ours, &out, &err);
	if (!rc)
		rc = dv_file_write(argv[2], out.p, out.n, 0666, 0, &err);
	if (rc)
		dv_log_error("'%s' cannot be merged: %s", path, err.msg);
	for (size_t i = 0; !rc && i < conflicts.n; i++)
		dv_log_error("'%s': %s", path, conflicts.v[i]);
	if (!rc && conflicts.n)
		dv_log_note("'%s' has the versions of both sides, and ours where they conflict. 'git show :3:%s' shows theirs; record what is needed of it under another version, then 'git add' the file.",
			    path, path);
	dv_registry_release(&base);
	dv_registry_release(&ours);
	dv_registry_release(&theirs);
	dv_buf_release(&out);
	rc = rc || conflicts.n;
	dv_strs_release(&conflicts);
	return rc;
}
