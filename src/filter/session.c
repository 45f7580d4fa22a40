#include "filter/session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "repo/hooks.h"
#include "repo/remotes.h"
#include "store/maintain.h"

#define POOL_DEPTH 24

int dv_skip_smudge(void)
{
	const char *skip = getenv("GIT_DV_SKIP_SMUDGE");

	return skip && *skip && strcmp(skip, "0");
}

int dv_session_open(struct dv_session *s, struct dv_err *err)
{
	char *index;
	int rc;

	memset(s, 0, sizeof(*s));
	rc = dv_repo_open(&s->repo, err);
	if (rc)
		return rc;
	s->have_repo = 1;
	s->skip_smudge = dv_skip_smudge();
	s->sync_each = !dv_parent_moves_no_ref();
	index = dv_repo_index_path(&s->repo);
	s->in_clone = !index || !dv_file_exists(index);
	free(index);
	return 0;
}

struct dv_cache *dv_session_cache(struct dv_session *s)
{
	if (!s->cache_tried)
		s->cache = dv_cache_open(s->repo.common_dir, s->repo.git_dir);
	s->repo.cache = s->cache;
	s->cache_tried = 1;
	return s->cache;
}

static int open_pool(struct dv_session *s, struct dv_err *err)
{
	if (s->pool)
		return 0;
	return dv_pool_open(&s->pool, 0, POOL_DEPTH, &dv_coder_pool_ops, NULL,
			    err);
}

int dv_session_store(struct dv_session *s, struct dv_err *err)
{
	int rc;

	if (!s->have_store) {
		rc = dv_repo_store_open(&s->repo, &s->store, 1, err);
		if (rc)
			return rc;
		s->have_store = 1;
	}
	if (!s->have_coder) {
		rc = dv_coder_init(&s->coder, err);
		if (rc)
			return rc;
		s->have_coder = 1;
	}
	return 0;
}

/* NULL: no deltas. */
static struct dv_similar *open_similar(struct dv_session *s)
{
	struct dv_similar *t;
	char *path;

	if (!dv_config_bool(&s->repo, "dv.delta", 1) ||
	    dv_fs_is_network(s->repo.common_dir))
		return NULL;
	path = dv_fmt("%s/dv/sketches", s->repo.common_dir);
	t = path ? dv_similar_open(path) : NULL;
	free(path);
	return t;
}

int dv_session_writer(struct dv_session *s, struct dv_err *err)
{
	int rc;

	if (s->ingest)
		return 0;
	rc = dv_session_store(s, err);
	if (!rc)
		rc = open_pool(s, err);
	/* A store that is read-only can still tell what it holds. */
	if (!rc && !s->have_txn && !s->store.read_only) {
		rc = dv_txn_begin(&s->txn, &s->store, dv_repo_level(&s->repo),
				  err);
		s->have_txn = !rc;
		if (!rc)
			s->txn.similar = s->similar = open_similar(s);
		if (!rc && !s->sync_each && !s->unsafe.path)
			rc = dv_unsafe_begin(&s->unsafe, &s->repo, err);
	}
	if (!rc)
		rc = dv_ingest_open(&s->ingest, s->have_txn ? &s->txn : NULL,
				    s->pool, err);
	if (!rc && s->have_txn && !s->sync_each)
		dv_ingest_defer(s->ingest);
	return rc;
}

int dv_session_holds(struct dv_session *s, const struct dv_oid *oid)
{
	struct dv_loc loc;

	/* Without a writer, nothing keeps a collection away. */
	if (dv_session_writer(s, NULL) ||
	    dv_content_complete(&s->store, &s->coder, oid, NULL) != 1)
		return 0;
	if (!s->store.read_only &&
	    dv_store_locate(&s->store, dv_oid_kind(oid), &oid->id, &loc))
		dv_packset_touch(&s->store.set, loc.pack);
	return 1;
}

int dv_session_publish(struct dv_session *s, struct dv_err *err)
{
	int rc;

	if (!s->have_txn)
		return 0;
	rc = s->ingest ? dv_ingest_flush(s->ingest, err) : 0;
	if (!rc)
		rc = dv_txn_commit(&s->txn, err);
	s->unpublished = rc != 0;
	if (rc) {
		dv_unsafe_note(&s->repo, &s->pending);
		dv_cache_discard(s->cache);
	} else {
		/* Only what is published may be remembered. */
		dv_cache_flush(s->cache);
	}
	dv_place_list_release(&s->pending);
	return rc;
}

static void end_writer(struct dv_session *s)
{
	dv_ingest_close(s->ingest);
	s->ingest = NULL;
	if (s->have_txn)
		dv_txn_end(&s->txn);
	s->have_txn = 0;
	dv_similar_close(s->similar);
	s->similar = NULL;
	dv_unsafe_end(&s->unsafe, !s->unpublished && !s->pending.n);
}

/* Bring here what is not, then put everything in its place. */
static int place_all(struct dv_session *s, struct dv_err *err)
{
	struct dv_place_result result;
	struct dv_oid *want;
	size_t n = 0;
	int rc = dv_session_store(s, err);

	if (!rc)
		rc = open_pool(s, err);
	if (rc)
		return rc;
	want = malloc((s->place.n + 1) * sizeof(*want));
	if (!want)
		return dv_err_nomem(err);
	for (size_t i = 0; i < s->place.n; i++)
		if (dv_content_complete(&s->store, &s->coder,
					&s->place.v[i].oid, NULL) != 1)
			want[n++] = s->place.v[i].oid;
	if (n) {
		/* Where git reads it for us, it has just been replaced. */
		if (s->repo.config.team_staged)
			dv_config_reload(&s->repo);
		/* What cannot be had leaves pointers, which dv_place names. */
		if (dv_remotes_fetch(&s->repo, &s->store, s->pool,
				     dv_session_cache(s), NULL, want, n, err))
			dv_log_warn("%s", err->msg);
	}
	free(want);
	rc = dv_place(&s->repo, &s->store, s->pool, dv_session_cache(s),
		      &s->place, DV_PLACE_WAIT_MS, &result, err);
	if (!rc && result.left)
		dv_log_warn("%zu file%s; 'git dv pull' tries again",
			    result.left, result.left == 1 ?
			    " is left as a pointer" :
			    "s are left as pointers");
	return rc;
}

int dv_session_finish(struct dv_session *s, struct dv_err *err)
{
	int cleaned = s->ingest != NULL, rc;

	rc = dv_session_publish(s, err);
	end_writer(s);
	if (rc && s->cleaned)
		dv_err_prefix(err, "the content of %zu file%s is not safe in the store; add again",
			      s->cleaned, s->cleaned == 1 ? "" : "s");
	if (rc)
		return rc;
	if (s->place.n && !dv_cancelled())
		rc = place_all(s, err);
	if (rc)
		dv_err_prefix(err, "files are left as pointers; run 'git dv checkout'");
	if (!rc && s->written.n && !dv_cancelled()) {
		struct dv_err why = { 0 };

		/* Only speed is lost where it cannot be done. */
		if (dv_place_backdate(&s->repo, dv_session_cache(s),
				      &s->written, DV_PLACE_WAIT_MS, &why))
			dv_log_debug("files are not dated back: %s", why.msg);
	}
	if (s->have_store && !dv_cancelled())
		dv_store_maintain(&s->store);
	/* A clone's checkout asks for smudge alone. */
	if (cleaned || (s->have_store && !s->in_clone))
		dv_hooks_ensure(&s->repo);
	return rc;
}

void dv_session_close(struct dv_session *s)
{
	if (s->unpublished || s->pending.n)
		dv_cache_discard(s->cache);
	end_writer(s);
	dv_pool_close(s->pool);
	dv_cache_close(s->cache);
	if (s->have_coder)
		dv_coder_release(&s->coder);
	if (s->have_store)
		dv_store_close(&s->store);
	dv_place_list_release(&s->place);
	dv_place_list_release(&s->written);
	dv_place_list_release(&s->pending);
	if (s->have_repo)
		dv_repo_close(&s->repo);
	memset(s, 0, sizeof(*s));
}
