#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "filter/session.h"
#include "repo/hooks.h"
#include "repo/remotes.h"
#include "store/extract.h"

/* A command in the todo list of a rebase would see pointers. */
static int rebase_runs_commands(struct dv_repo *r)
{
	char *path = dv_fmt("%s/rebase-merge/git-rebase-todo", r->git_dir);
	struct dv_buf todo = { 0 };
	int yes = 0;

	if (path && !dv_file_read(path, &todo, 16u << 20, NULL)) {
		const char *p = dv_buf_str(&todo);

		while (p && !yes) {
			yes = !strncmp(p, "exec ", 5) || !strncmp(p, "x ", 2);
			p = strchr(p, '\n');
			if (p)
				p++;
		}
	}
	dv_buf_release(&todo);
	free(path);
	return yes;
}

static int must_be_inline(struct dv_session *s)
{
	if (!s->inline_known) {
		s->inline_all = rebase_runs_commands(&s->repo) ||
				dv_hooks_foreign(&s->repo, "post-checkout") ||
				dv_hooks_foreign(&s->repo, "post-merge");
		s->inline_known = 1;
	}
	return s->inline_all;
}

static int later(struct dv_session *s, const char *path,
		 const struct dv_oid *oid, enum dv_smudge_kind *kind,
		 struct dv_err *err)
{
	*kind = DV_SMUDGE_LATER;
	return dv_place_list_add(&s->place, path, oid, err);
}

static void remember_blob(struct dv_session *s, const struct dv_oid *oid)
{
	struct dv_cache *cache = dv_session_cache(s);
	uint8_t blob[32];

	if (cache && !dv_repo_pointer_blob(&s->repo, oid, blob))
		dv_cache_blob_put(cache, blob, dv_repo_oid_size(&s->repo),
				  oid);
}

static int fetch_one(struct dv_session *s, const struct dv_oid *oid,
		     struct dv_err *err)
{
	if (!s->pool && dv_pool_open(&s->pool, 0, 24, &dv_coder_pool_ops, NULL,
				     err))
		return DV_ENOMEM;
	return dv_remotes_fetch(&s->repo, &s->store, s->pool,
				dv_session_cache(s), NULL, oid, 1, err);
}

int dv_smudge(struct dv_session *s, const char *path, int can_delay,
	      const struct dv_oid *oid, enum dv_smudge_kind *kind,
	      struct dv_err *err)
{
	int rc, here;

	*kind = DV_SMUDGE_AS_IS;
	if (s->skip_smudge || (can_delay && !dv_config_wants(&s->repo, path)))
		return 0;
	rc = dv_session_publish(s, err);
	if (!rc)
		rc = dv_session_store(s, err);
	if (rc)
		return rc;
	remember_blob(s, oid);
	here = dv_content_complete(&s->store, &s->coder, oid, NULL) == 1;
	if (can_delay && (!here || oid->size > DV_INLINE_MAX) &&
	    !must_be_inline(s))
		return later(s, path, oid, kind, err);
	*kind = DV_SMUDGE_CONTENT;
	if (can_delay) {
		rc = dv_place_list_add(&s->written, path, oid, err);
		if (rc)
			return rc;
	}
	if (here)
		return 0;
	rc = fetch_one(s, oid, err);
	if (rc && can_delay) {
		dv_log_warn("'%s' is left as a pointer: %s", path, err->msg);
		*kind = DV_SMUDGE_AS_IS;
		return 0;
	}
	if (rc)
		dv_err_prefix(err, "'%s'", path);
	return rc;
}

int dv_smudge_send(struct dv_session *s, const struct dv_oid *oid,
		   int (*sink)(void *arg, const void *p, size_t n,
			       struct dv_err *err),
		   void *arg, struct dv_err *err)
{
	return dv_content_each(&s->store, &s->coder, oid, sink, arg, err);
}
