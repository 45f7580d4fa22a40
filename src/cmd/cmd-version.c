/* git dv version, alias: record what is in a file, point at a version. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/file.h"
#include "base/proc.h"
#include "cmd/named-file.h"
#include "format/json.h"

#define CLOCK_US 10000000

struct request {
	const char *name, *version, *description;
	struct dv_strs meta, aliases;
	int link, force;
	struct dv_buf file;	/* from the top */
};

static int parse_meta(const struct request *q, cJSON **out,
		      struct dv_err *err)
{
	cJSON *o = cJSON_CreateObject();
	int rc = o ? 0 : dv_err_nomem(err);

	for (size_t i = 0; !rc && i < q->meta.n; i++) {
		const char *eq = strchr(q->meta.v[i], '=');
		const char *why = dv_lines_why(q->meta.v[i]);
		char *key;

		if (why || !eq || eq == q->meta.v[i]) {
			rc = dv_err_set(err, DV_EINVAL,
					"--meta takes KEY=VALUE, and '%.100s' %s",
					dv_name_show(q->meta.v[i]).s,
					why ? why : "is none");
			break;
		}
		key = strndup(q->meta.v[i], (size_t)(eq - q->meta.v[i]));
		if (key && cJSON_GetObjectItemCaseSensitive(o, key))
			rc = dv_err_set(err, DV_EINVAL,
					"--meta %s is given twice", key);
		else if (!key || !cJSON_AddStringToObject(o, key, eq + 1))
			rc = dv_err_nomem(err);
		free(key);
	}
	if (rc) {
		cJSON_Delete(o);
		o = NULL;
	}
	*out = o;
	return rc;
}

/* What can be said before content is read, which may take long. */
static int check(struct dv_repo *r, const struct request *q,
		 struct dv_registry *reg, struct dv_err *err)
{
	int rc = dv_catalog_load_new(r, q->name, reg, err);
	const char *why;

	why = q->description ? dv_lines_why(q->description) : NULL;
	if (!rc && why)
		rc = dv_err_set(err, DV_EINVAL, "the description %s", why);
	if (!rc) {
		cJSON *meta;

		rc = parse_meta(q, &meta, err);
		cJSON_Delete(meta);
	}
	if (!rc && q->version) {
		struct dv_oid none = { 0 };
		const struct dv_version v = { .id = q->version,
			.file = "x", .created = "2000-01-01T00:00:00Z",
			.oid = none };

		rc = dv_registry_add(reg, &v, err);
		if (!rc)
			dv_registry_remove(reg, q->version);
	}
	for (size_t i = 0; !rc && i < q->aliases.n; i++) {
		rc = dv_registry_alias_set(reg, q->aliases.v[i], "x", err);
		if (!rc && q->version && !strcmp(q->version, q->aliases.v[i]))
			rc = dv_err_set(err, DV_EINVAL,
					"'%s' cannot be the version and its alias",
					q->version);
	}
	if (rc && reg->root)
		dv_err_prefix(err, "'%s'", q->name);
	return rc;
}

/* HEAD, where the file is there as it is here; else NULL. Caller frees. */
static char *commit_of_file(const char *file, const struct dv_oid *oid)
{
	char *spec = dv_fmt("HEAD:%s", file);
	char *path = dv_fmt(":(top,literal)%s", file);
	const char *blob[] = { "git", "cat-file", "blob", spec, NULL };
	const char *diff[] = { "git", "diff", "--quiet", "HEAD", "--", path,
			       NULL };
	static const char *const head[] = { "rev-parse", "HEAD", NULL };
	struct dv_buf out = { 0 };
	struct dv_oid there;
	int code = 1, clean = 0;

	if (spec && path &&
	    !dv_proc_capture(blob, NULL, DV_PROC_QUIET, 1u << 20, &out, &code,
			     NULL) && !code)
		clean = dv_pointer_parse(out.p, out.n, &there) == DV_PTR_OK &&
			dv_oid_eq(&there, oid);
	/* Git's own content may be converted, so git compares. */
	if (!clean && !code && out.n &&
	    dv_pointer_parse(out.p, out.n, &there) == DV_PTR_NONE) {
		dv_buf_release(&out);
		clean = !dv_proc_capture(diff, NULL, DV_PROC_QUIET, 4096, &out,
					 &code, NULL) && !code;
	}
	dv_buf_release(&out);
	if (clean && !dv_git(head, 4096, &out, NULL) && out.n)
		out.n--;
	else
		dv_buf_release(&out);
	free(spec);
	free(path);
	return out.n ? dv_buf_detach(&out) : NULL;
}

static int64_t now_us(void)
{
	struct timeval tv;

	gettimeofday(&tv, NULL);
	return (int64_t)tv.tv_sec * 1000000 + tv.tv_usec;
}

/*
 * Clocks are set back a little, and two processors need not agree: the version
 * that is recorded last is the latest.
 */
static int64_t after(const struct dv_version *last, int64_t now)
{
	return last && last->created_us >= now &&
	       last->created_us - now < CLOCK_US ? last->created_us + 1 : now;
}

/* Under the lock: the registry may have changed since it was checked. */
static int record(struct dv_repo *r, const struct request *q,
		  const struct dv_stored *stored, char **id,
		  struct dv_err *err)
{
	const char *file = dv_buf_str((struct dv_buf *)&q->file);
	const char *slash = strrchr(file, '/');
	struct dv_registry reg = { 0 };
	const struct dv_version *last;
	struct dv_version v = { .file = file,
		.original_file = slash ? slash + 1 : file,
		.size = stored->oid.size, .sha256 = stored->sha256,
		.md5 = stored->md5, .oid = stored->oid,
		.description = q->description };
	struct dv_time_text created;
	cJSON *meta = NULL;
	int64_t now;
	char *commit = commit_of_file(file, &stored->oid);
	int lock, rc = dv_catalog_lock(r, &lock, err);

	*id = NULL;
	if (!rc)
		rc = parse_meta(q, &meta, err);
	if (!rc)
		rc = dv_catalog_load_new(r, q->name, &reg, err);
	if (rc)
		goto out;
	last = reg.n ? &reg.v[reg.n - 1] : NULL;
	now = after(last, now_us());
	created = dv_time_text(now);
	*id = q->version ? strdup(q->version) : dv_catalog_fresh_id(&reg, now);
	v.id = *id;
	v.created = created.s;
	v.commit = commit;
	v.meta = meta;
	if (last && last->created_us > now)
		dv_log_warn("version '%s' is dated %s, in the future, so it stays the latest",
			    last->id, last->created);
	else if (last && dv_oid_eq(&last->oid, &v.oid))
		dv_log_note("The content is that of version '%s'.", last->id);
	rc = *id ? dv_registry_add(&reg, &v, err) : dv_err_nomem(err);
	for (size_t i = 0; !rc && i < q->aliases.n; i++)
		rc = dv_registry_alias_set(&reg, q->aliases.v[i], *id, err);
	if (!rc)
		rc = dv_catalog_save(r, q->name, &reg, err);
	else
		dv_err_prefix(err, "'%s'", q->name);
out:
	if (lock >= 0)
		close(lock);
	dv_registry_release(&reg);
	cJSON_Delete(meta);
	free(commit);
	return rc;
}

/* NAME_VERSION.ext and NAME_latest.ext beside the file. */
static int link_files(const struct request *q, const char *id)
{
	struct dv_target t = { .dir = -1 };
	struct dv_registry reg = { 0 };
	const struct dv_version *v;
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };
	char *path = NULL, *link = NULL;
	const char *how;
	int rc = dv_ctx_worktree(&c);

	if (!rc)
		rc = dv_ctx_store(&c, 1);
	if (!rc)
		rc = dv_ctx_pool(&c);
	if (rc) {
		dv_ctx_close(&c);
		return rc;
	}
	rc = dv_named_open(&c.repo, q->name, id, &reg, &v, &err);
	if (!rc) {
		path = dv_target_link_name(q->name, id, v->file);
		link = dv_target_link_name(q->name, NULL, v->file);
		rc = path && link ? dv_target_top(&t, &c.repo, path, &err) :
				    dv_err_nomem(&err);
	}
	if (!rc)
		rc = dv_named_write(&c, v, &t, q->force, &how, &err);
	if (!rc)
		rc = dv_named_link(&t, q->name, &reg, v, &err);
	if (rc > 0)
		dv_log_note("'%s' is a copy of it; '%s' is left to version '%s', which is the latest.",
			    path, link, reg.v[reg.n - 1].id);
	else if (!rc)
		dv_log_note("'%s' is a copy of it, and '%s' leads there.",
			    path, link);
	else
		dv_err_prefix(&err, "it is recorded, but not linked ('git dv get --link %s@%s' does that later)",
			      q->name, id);
	dv_target_close(&t);
	dv_registry_release(&reg);
	free(path);
	free(link);
	dv_ctx_close(&c);
	return rc < 0 ? dv_fail(&err) : 0;
}

static int store(struct dv_session *s, const struct request *q,
		 struct dv_stored *stored, struct dv_err *err)
{
	struct dv_err why = { 0 };
	int rc;

	dv_progress_start(&s->progress, "Storing content", 0);
	rc = dv_named_store(s, dv_buf_str((struct dv_buf *)&q->file), stored,
			    err);
	dv_progress_stop(&s->progress);
	/* Durable before a registry names it. */
	if (!rc)
		rc = dv_session_publish(s, err);
	if (dv_session_finish(s, rc ? &why : err) && !rc)
		rc = err->status;
	return rc;
}

int dv_cmd_version(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv version",
		"git-dv-version", "[<options>] <file> <name>" };
	struct request q = { 0 };
	const struct dv_opt opts[] = {
		{ DV_OPT_STR, 0, "version", &q.version, "version", "its version (default: the date and time)", 0 },
		{ DV_OPT_STR, 'd', "description", &q.description, "text", "what it is", 0 },
		{ DV_OPT_LIST, 'm', "meta", &q.meta, "key=value", "anything else to keep with it", 0 },
		{ DV_OPT_LIST, 'a', "alias", &q.aliases, "alias", "point this alias at it", 0 },
		{ DV_OPT_FLAG, 'l', "link", &q.link, NULL, "also keep a copy NAME_VERSION.ext, and a link NAME_latest.ext", 0 },
		{ DV_OPT_FLAG, 'f', "force", &q.force, NULL, "with --link, overwrite a file that is nowhere else", 0 },
		{ 0 },
	};
	struct dv_registry reg = { 0 };
	struct dv_stored stored;
	struct dv_err err = { 0 };
	struct dv_session *s;
	int n = dv_opt_parse(&cmd, opts, argc, argv, NULL), rc;
	char *id = NULL;

	if (n < 0)
		return dv_opt_exit(n);
	if (n != 2) {
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	q.name = argv[1];
	s = calloc(1, sizeof(*s));
	if (!s)
		return 1;
	rc = dv_session_open(s, &err);
	if (!rc && !s->repo.top)
		rc = dv_err_set(&err, DV_EINVAL,
				"this command needs a worktree");
	s->sync_each = 0;
	if (!rc)
		rc = dv_top_path(&s->repo, argv[0], &q.file, &err);
	if (!rc)
		rc = dv_top_path_check(dv_buf_str(&q.file), &err);
	if (!rc)
		rc = check(&s->repo, &q, &reg, &err);
	if (!rc)
		rc = dv_repo_go_top(&s->repo, &err);
	if (!rc)
		rc = dv_session_store(s, &err);
	if (!rc)
		rc = store(s, &q, &stored, &err);
	if (!rc)
		rc = dv_named_hold(s, &err);
	if (!rc) {
		rc = dv_named_still(s, &stored.oid, &err);
		if (!rc)
			rc = record(&s->repo, &q, &stored, &id, &err);
		dv_named_drop(s);
	}
	if (!rc && dv_setup_registry_merge(&s->repo, &err)) {
		dv_log_warn("%s", err.msg);
		dv_err_clear(&err);
	}
	if (!rc) {
		printf("%s %s\n", q.name, id);
		dv_log_note("Recorded '%s' (%s); commit '" DV_REGISTRY_DIR
			    "' to share it.", dv_buf_str(&q.file),
			    dv_human(stored.oid.size).s);
		dv_named_warn_unshared(&s->repo, q.name);
	}
	dv_session_close(s);
	free(s);
	dv_registry_release(&reg);
	if (rc)
		rc = dv_fail(&err);
	else if (q.link)
		rc = link_files(&q, id);
	free(id);
	dv_buf_release(&q.file);
	dv_strs_release(&q.meta);
	dv_strs_release(&q.aliases);
	return rc;
}

static void list_aliases(const struct dv_registry *reg)
{
	const cJSON *aliases = dv_registry_aliases(reg);
	struct dv_strs names = { 0 };

	for (const cJSON *a = aliases ? aliases->child : NULL; a; a = a->next)
		if (dv_strs_add(&names, a->string, NULL))
			break;
	dv_strs_sort(&names);
	for (size_t i = 0; i < names.n; i++)
		printf("%s %s\n", names.v[i],
		       dv_registry_alias(reg, names.v[i]));
	dv_strs_release(&names);
}

int dv_cmd_alias(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv alias", "git-dv-alias",
		"<name>\n<name> <alias> <version>\n--delete <name> <alias>" };
	int del = 0;
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 'd', "delete", &del, NULL, "remove the alias", 0 },
		{ 0 },
	};
	struct dv_registry reg = { 0 };
	const struct dv_version *v;
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };
	int n = dv_opt_parse(&cmd, opts, argc, argv, NULL), rc, lock = -1;

	if (n < 0)
		return dv_opt_exit(n);
	if (del ? n != 2 : n != 1 && n != 3) {
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	rc = dv_ctx_worktree(&c);
	if (rc)
		goto out;
	if (n > 1)
		rc = dv_catalog_lock(&c.repo, &lock, &err);
	if (!rc)
		rc = dv_catalog_load(&c.repo, argv[0], &reg, &err);
	if (!rc && n == 1)
		list_aliases(&reg);
	if (!rc && n == 3)
		rc = dv_registry_resolve(&reg, argv[2], &v, &err);
	if (!rc && n > 1)
		rc = dv_registry_alias_set(&reg, argv[1], del ? NULL : v->id,
					   &err);
	if (rc && reg.root)
		dv_err_prefix(&err, "'%s'", argv[0]);
	if (!rc && n > 1)
		rc = dv_catalog_save(&c.repo, argv[0], &reg, &err);
	if (rc)
		rc = dv_fail(&err);
	else if (n == 3)
		dv_log_note("'%s' of '%s' is version '%s' now.", argv[1],
			    argv[0], v->id);
	if (!rc && n > 1)
		dv_named_warn_unshared(&c.repo, argv[0]);
	if (lock >= 0)
		close(lock);
out:
	dv_registry_release(&reg);
	dv_ctx_close(&c);
	return rc;
}
