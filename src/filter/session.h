/*
 * What a filter process holds while Git talks to it. Everything is opened when
 * it is first needed: a `git status` that cleans nothing opens no store.
 */
#ifndef DV_FILTER_SESSION_H
#define DV_FILTER_SESSION_H

#include "filter/place.h"
#include "store/ingest.h"

/*
 * A locked file in dv/running, for as long as answers were given whose content
 * is not durable. One that nobody locks was left by a process that failed or
 * died then: `{ 0 }` is none.
 */
struct dv_unsafe {
	char *path;
	int fd;
};

struct dv_session {
	struct dv_repo repo;
	struct dv_store store;
	struct dv_pool *pool;
	struct dv_cache *cache;
	struct dv_txn txn;
	struct dv_similar *similar;	/* opened with the transaction */
	struct dv_ingest *ingest;
	struct dv_coder coder;
	struct dv_place_list place;	/* answered by pointers: place at EOF */
	struct dv_place_list written;	/* answered by content, into the worktree */
	struct dv_place_list pending;	/* cleaned, not yet published */
	struct dv_progress progress;
	int have_repo, have_store, have_txn, have_coder, cache_tried;
	int sync_each;		/* answers must be durable one by one */
	int stages, stages_known;	/* damaged pointers are refused */
	struct dv_unsafe unsafe;	/* held while they are not */
	int skip_smudge;	/* GIT_DV_SKIP_SMUDGE */
	int inline_all;		/* 1: hooks or rebase --exec need content now */
	int inline_known;
	int in_clone;		/* no index file yet: smudge installs no hooks */
	int unpublished;	/* the last publication failed */
	size_t cleaned, failed;
};

int dv_session_open(struct dv_session *s, struct dv_err *err) DV_MUST_USE;
/* The store, made when absent. */
int dv_session_store(struct dv_session *s, struct dv_err *err) DV_MUST_USE;
struct dv_cache *dv_session_cache(struct dv_session *s);
/* Pool, transaction and ingest, for clean. */
int dv_session_writer(struct dv_session *s, struct dv_err *err) DV_MUST_USE;
/*
 * Is all of this content in the store, to stay there? Asked by who answers
 * with a file id without storing anything: the lock for writing is held from
 * here on, and the grace of a garbage collection begins anew. 1 or 0.
 */
int dv_session_holds(struct dv_session *s, const struct dv_oid *oid);
/* Publish what clean wrote, so that it can be read. */
int dv_session_publish(struct dv_session *s, struct dv_err *err) DV_MUST_USE;
/*
 * filter/unsafe.c: Git waits for the filter's end but does not ask how it
 * went, so an index may name content that could not be made durable then (a
 * disk that failed at the last sync). These files are noted in dv/unsafe and
 * dated anew, so that Git cleans them again; pre-commit refuses them until
 * their content is there.
 */
void dv_unsafe_note(struct dv_repo *r, const struct dv_place_list *pending);
/*
 * A full disk takes no note, and a killed process writes none. So dv/running
 * is asked too: where something was left there, every pointer of the index
 * that HEAD does not have is looked for.
 */
int dv_unsafe_begin(struct dv_unsafe *u, const struct dv_repo *r,
		    struct dv_err *err) DV_MUST_USE;
/* `safe`: all that was answered is durable. */
void dv_unsafe_end(struct dv_unsafe *u, int safe);
/*
 * *left: how many noted files are still without content; they are named. On an
 * error nothing is known, and the notes stay.
 */
int dv_unsafe_check(struct dv_repo *r, struct dv_store *s, size_t *left,
		    struct dv_err *err) DV_MUST_USE;
/* 1 where anything is noted, or that cannot be told: cheap. */
int dv_unsafe_any(const struct dv_repo *r);

/* What is left to do when Git has closed the filter. */
int dv_session_finish(struct dv_session *s, struct dv_err *err) DV_MUST_USE;
void dv_session_close(struct dv_session *s);

/* GIT_DV_SKIP_SMUDGE is set, and not to 0. */
int dv_skip_smudge(void);

/* Content up to this size is smudged through the pipe. */
#define DV_INLINE_MAX (1u << 20)

/*
 * filter/clean.c: where the content comes from. read() gives up to cap bytes;
 * *n = 0 at the end.
 */
struct dv_source {
	int (*read)(void *arg, uint8_t *p, size_t cap, size_t *n,
		    struct dv_err *err);
	void *arg;
};

enum dv_clean_kind {
	DV_CLEAN_POINTER,	/* *oid names the content now in the store */
	DV_CLEAN_EMPTY,
	DV_CLEAN_AS_IS,		/* no data (another tool's pointer, a file of
				   Git's own): *text as it came */
};

/*
 * Content into the store. `path` is from the top of the worktree, for the
 * caches and messages. The source is read to its end unless reading fails.
 */
int dv_clean(struct dv_session *s, const char *path,
	     const struct dv_source *src, enum dv_clean_kind *kind,
	     struct dv_oid *oid, struct dv_buf *text, struct dv_err *err)
	DV_MUST_USE;

enum dv_smudge_kind {
	DV_SMUDGE_CONTENT,	/* call dv_smudge_send */
	DV_SMUDGE_LATER,	/* answer with the pointer; it is placed at EOF */
	DV_SMUDGE_AS_IS,	/* answer with what came */
};

/* How to answer for this pointer. May fetch its content. */
int dv_smudge(struct dv_session *s, const char *path, int can_delay,
	      const struct dv_oid *oid, enum dv_smudge_kind *kind,
	      struct dv_err *err) DV_MUST_USE;
int dv_smudge_send(struct dv_session *s, const struct dv_oid *oid,
		   int (*sink)(void *arg, const void *p, size_t n,
			       struct dv_err *err),
		   void *arg, struct dv_err *err) DV_MUST_USE;

/* filter/process.c: the long-running protocol on stdin and stdout. */
int dv_filter_process(struct dv_err *err) DV_MUST_USE;
/* Single-shot: stdin to stdout. */
int dv_filter_clean_once(const char *path, struct dv_err *err) DV_MUST_USE;
int dv_filter_smudge_once(const char *path, struct dv_err *err) DV_MUST_USE;

/* filter/ancestor.c: the git command that runs us moves no ref at its end. */
int dv_parent_moves_no_ref(void);
/*
 * It stages what a person has named: what must not enter the index may be
 * refused. Whatever else cleans (status, diff, stash, apply, a merge) would be
 * stuck then.
 */
int dv_parent_stages(struct dv_repo *r);
/*
 * `git push --dry-run` runs pre-push as if it meant it; only its command line
 * tells.
 */
int dv_parent_is_dry_push(void);

#endif
