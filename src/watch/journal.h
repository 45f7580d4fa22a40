/*
 * Which paths changed since a token was given: what Git's file system monitor
 * hook asks. In memory only, so that a token of another run is never known.
 * Where the answer is not certain it is "everything".
 */
#ifndef DV_WATCH_JOURNAL_H
#define DV_WATCH_JOURNAL_H

#include "base/buf.h"

#define DV_JOURNAL_TOKEN_MAX 80

struct dv_journal;

/* Keeps at most `max` paths; what passes that is forgotten, oldest first. */
int dv_journal_open(struct dv_journal **j, size_t max, struct dv_err *err)
	DV_MUST_USE;
void dv_journal_close(struct dv_journal *j);
/*
 * `dir`: a folder, with its names; folders in it are noted on their own. A path
 * that cannot be kept is a reset.
 */
void dv_journal_note(struct dv_journal *j, const char *path, int dir);
/* Tokens given so far are void. */
void dv_journal_reset(struct dv_journal *j);
/* A token for now, NUL-terminated. */
void dv_journal_token(const struct dv_journal *j,
		      char out[DV_JOURNAL_TOKEN_MAX]);
/*
 * What Git is told of a path, with NULs. Of a folder it is "d/", all that Git's
 * index has below d, and a name in d that need not exist: the untracked cache
 * looks again only at the folder that a path is in, which for "d/" is not d.
 */
int dv_journal_say(struct dv_buf *out, const char *path, int dir,
		   struct dv_err *err) DV_MUST_USE;
/*
 * Say the paths that changed since `token`. 1: that is all; 0: the token is
 * not known, or `out->max` was passed: everything may have changed, and `out`
 * is as it was.
 */
int dv_journal_since(const struct dv_journal *j, const char *token,
		     struct dv_buf *out);
size_t dv_journal_count(const struct dv_journal *j);

#endif
