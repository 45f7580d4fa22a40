#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/proc.h"
#include "filter/session.h"
#include "repo/attrs.h"

/* Entries that wait for publication are flushed in groups. */
#define PUBLISH_FILES 20000

/* Git reads no attributes from a file that is larger than this. */
#define SETTINGS_MAX ((size_t)100 << 20)

/* Names that differ from the last version of the path. */
static const struct dv_oid *expected(struct dv_session *s, const char *path,
				     struct dv_stat_entry *e)
{
	return dv_cache_stat_get(dv_session_cache(s), path, e) ? &e->oid : NULL;
}

/* The first bytes of the content, however large it is. */
struct head {
	uint8_t p[DV_SPOILT_HEAD];
	size_t n;
};

static int read_all(struct dv_session *s, const struct dv_source *src,
		    struct head *head, struct dv_err *err)
{
	for (;;) {
		size_t first;
		uint8_t *p;
		size_t cap, n;
		int rc = dv_ingest_space(s->ingest, &p, &cap, err);

		if (!rc)
			rc = src->read(src->arg, p, cap, &n, err);
		if (rc || !n)
			return rc;
		first = DV_MIN(n, sizeof(head->p) - head->n);
		memcpy(head->p + head->n, p, first);
		head->n += first;
		rc = dv_ingest_got(s->ingest, n, err);
		if (rc)
			return rc;
		if (s->progress.on) {
			dv_progress_add(&s->progress, n);
			dv_progress_draw(&s->progress);
		}
	}
}

/* What a clean must leave untouched: pointers, of ours or of others. */
static int is_pointer(struct dv_session *s, const char *path,
		      enum dv_clean_kind *kind, struct dv_oid *oid,
		      struct dv_buf *text, struct dv_err *err)
{
	const uint8_t *p = dv_ingest_whole(s->ingest);
	size_t n = (size_t)dv_ingest_size(s->ingest);
	int rc;

	if (!p || n > DV_FOREIGN_MAX)
		return 0;
	switch (dv_pointer_parse(p, n, oid)) {
	case DV_PTR_OK:
		*kind = DV_CLEAN_POINTER;
		return 1;
	case DV_PTR_FOREIGN:
		dv_log_warn("'%s' holds a pointer of another tool or a newer git-dv; it is stored as it is",
			    path);
		rc = dv_buf_add(text, p, n, err);
		*kind = DV_CLEAN_AS_IS;
		return rc ? rc : 1;
	case DV_PTR_NONE:
		break;
	}
	return 0;
}

/* The index has just this text for the file: it was there before. */
static int is_staged(struct dv_session *s, const char *path, const uint8_t *p,
		     size_t n)
{
	char *spec = dv_fmt(":0:%s", path), head[32], hex[65];
	const char *argv[] = { "git", "rev-parse", "--verify", "-q", spec, NULL };
	size_t hs = dv_repo_oid_size(&s->repo);
	struct dv_buf out = { 0 };
	uint8_t blob[32];
	int code, yes, h = snprintf(head, sizeof(head), "blob %zu", n);

	yes = spec && !dv_git_hash(s->repo.algo, head, (size_t)h + 1, p, n,
				   blob) &&
	      !dv_proc_capture(argv, NULL, DV_PROC_QUIET, 4096, &out, &code,
			       NULL) && !code && out.n >= 2 * hs;
	if (yes) {
		dv_hex_encode(hex, blob, hs);
		yes = !memcmp(out.p, hex, 2 * hs);
	}
	dv_buf_release(&out);
	free(spec);
	return yes;
}

static int stages(struct dv_session *s)
{
	if (!s->stages_known)
		s->stages = dv_parent_stages(&s->repo);
	s->stages_known = 1;
	return s->stages;
}

/*
 * A file that was left as a pointer and then written to, or merged as text. As
 * content it would look like any other from now on, and what it was would be
 * lost without a word: it is not staged. Whoever only looks (status, diff), or
 * takes away and brings back (stash), gets the text as it is. 1: *text has it;
 * 0: nothing of this, or text too long to be in Git, which goes on as content;
 * *forget is set then, so that the next add looks at it again.
 */
static int check_spoilt(struct dv_session *s, const char *path,
			const struct head *head, enum dv_clean_kind *kind,
			struct dv_buf *text, int *forget, struct dv_err *err)
{
	const uint8_t *p = dv_ingest_whole(s->ingest);
	size_t n = (size_t)dv_ingest_size(s->ingest);
	int small = p && n <= DV_FOREIGN_MAX, rc;
	enum dv_spoilt how = dv_pointer_is_spoilt(small ? p : head->p, n);
	const char *what = how == DV_SPOILT_CONFLICT ?
		"has conflict markers between two pointers; 'git checkout --ours FILE' or 'git checkout --theirs FILE' takes one of them" :
		"is a pointer that was written to, not the content; 'git checkout -- FILE' brings that back, or 'git dv pull FILE' after it, to be changed again";

	if (how == DV_SPOILT_NOT)
		return 0;
	if (stages(s) && !(small && is_staged(s, path, p, n)))
		return dv_err_set(err, DV_EINVAL, "'%s' %s", path, what);
	dv_log_warn("'%s' %s", path, what);
	*forget = !small;
	if (!small)
		return 0;
	*kind = DV_CLEAN_AS_IS;
	rc = dv_buf_add(text, p, n, err);
	return rc ? rc : 1;
}

static void remember(struct dv_session *s, const char *path,
		     const struct stat *before, int had_before,
		     const uint8_t *digest, uint64_t size,
		     const struct dv_oid *oid)
{
	struct dv_cache *cache = dv_session_cache(s);
	struct dv_stat_entry e;
	uint8_t blob[32];
	struct stat now;

	if (!cache)
		return;
	if (!dv_repo_pointer_blob(&s->repo, oid, blob))
		dv_cache_blob_put(cache, blob, dv_repo_oid_size(&s->repo),
				  oid);
	/* The stream may be another than the file: then it says nothing. */
	if (!had_before || lstat(path, &now) ||
	    (uint64_t)now.st_size != size || now.st_ino != before->st_ino ||
	    now.st_mtim.tv_sec != before->st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != before->st_mtim.tv_nsec)
		return;
	dv_stat_entry_fill(&e, &now);
	e.oid = *oid;
	e.cut_here = 1;
	if (digest) {
		memcpy(e.digest, digest, 16);
		e.has_digest = 1;
	}
	dv_cache_stat_put(cache, path, &e);
}

/*
 * A pattern that was written by hand may match a file that Git or git-dv reads.
 * As a pointer it would break every clone: it goes through.
 */
static int pass(const char *path, const struct dv_source *src,
		struct dv_buf *text, struct dv_err *err)
{
	for (;;) {
		size_t n;
		int rc = dv_buf_reserve(text, 65536, err);

		if (!rc)
			rc = src->read(src->arg, text->p + text->n, 65536, &n,
				       err);
		if (rc || !n)
			return rc;
		text->n += n;
		if (text->n > SETTINGS_MAX)
			return dv_err_set(err, DV_EINVAL,
					  "'%s' is read by git or git-dv itself, is never stored as data, and is too large for that",
					  path);
	}
}

int dv_clean(struct dv_session *s, const char *path,
	     const struct dv_source *src, enum dv_clean_kind *kind,
	     struct dv_oid *oid, struct dv_buf *text, struct dv_err *err)
{
	struct dv_stat_entry known;
	struct head head = { 0 };
	const struct dv_oid *previous;
	uint8_t digest[16];
	struct stat st;
	int have_st, rc, hit = 0, whole, forget = 0;
	uint64_t size;

	text->n = 0;
	if (dv_attrs_never(path)) {
		*kind = DV_CLEAN_AS_IS;
		return pass(path, src, text, err);
	}
	rc = dv_session_writer(s, err);
	if (rc)
		return rc;
	have_st = !lstat(path, &st) && S_ISREG(st.st_mode);
	previous = expected(s, path, &known);
	rc = dv_ingest_begin(s->ingest, previous,
			     previous && known.cut_here ? known.when_s : 0, err);
	if (!rc)
		rc = read_all(s, src, &head, err);
	if (rc)
		return rc;
	rc = is_pointer(s, path, kind, oid, text, err);
	if (!rc)
		rc = check_spoilt(s, path, &head, kind, text, &forget, err);
	if (rc) {
		dv_ingest_abort(s->ingest);
		return rc < 0 ? rc : 0;
	}
	size = dv_ingest_size(s->ingest);
	if (!size) {
		*kind = DV_CLEAN_EMPTY;
		return 0;
	}
	whole = dv_ingest_whole(s->ingest) != NULL;
	if (whole && s->cache) {
		dv_ingest_digest(s->ingest, dv_cache_seed(s->cache), digest);
		hit = previous && known.has_digest && have_st &&
		      dv_stat_entry_fits(&known, &st) && size == known.size &&
		      !memcmp(digest, known.digest, 16) &&
		      dv_session_holds(s, &known.oid);
	}
	*kind = DV_CLEAN_POINTER;
	if (hit) {
		*oid = known.oid;
		dv_ingest_abort(s->ingest);
		return 0;
	}
	rc = dv_ingest_finish(s->ingest, oid, err);
	if (!rc && !s->have_txn && !dv_store_has_file(&s->store, oid))
		rc = dv_store_writable(&s->store, err);
	if (!rc && s->have_txn && s->sync_each)
		rc = dv_txn_sync(&s->txn, err);
	if (rc)
		return rc;
	if (s->have_txn) {
		rc = dv_place_list_add(&s->pending, path, oid, err);
		if (rc)
			return rc;
	}
	remember(s, path, &st, have_st && !forget, whole && s->cache ? digest : NULL,
		 size, oid);
	if (++s->cleaned % PUBLISH_FILES == 0)
		rc = dv_session_publish(s, err);
	return rc;
}
