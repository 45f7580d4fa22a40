/*
 * Many events become one change: a file is told of once its writer has closed
 * it and it was quiet for a while, a rename is one change, and what came and
 * went in between is none. A state machine without I/O: time is given to it,
 * and what stands at a path it asks its owner.
 *
 *	dv_coalesce_note, _moved	for each event, in their order
 *	dv_coalesce_due			when to come again
 *	dv_coalesce_settle		reports what is due by then
 *
 * Times are milliseconds of one clock that never goes back.
 */
#ifndef DV_WATCH_COALESCE_H
#define DV_WATCH_COALESCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* What stands at a path. Only regular files exist; all else is absence. */
struct dv_print {
	uint64_t size, ino;
	int64_t mtime_ns, ctime_ns;
	uint8_t exists;
	uint8_t linked;		/* has other names */
};

/* But for the ctime, which attributes and other names change too. */
int dv_print_same(const struct dv_print *a, const struct dv_print *b);

enum dv_change_type { DV_CREATED, DV_MODIFIED, DV_DELETED, DV_MOVED };

struct dv_change {
	enum dv_change_type type;
	const char *path;
	const char *from;	/* of a move, else NULL */
	struct dv_print base;	/* what stood at the path when last told */
	struct dv_print now;
	int64_t when_ms;	/* the last event */
	int open;		/* told before its writer had closed it */
};

enum dv_note {
	DV_NOTE_TOUCHED,	/* attributes; says nothing of writers */
	DV_NOTE_FOUND,		/* it is there; writers are not known */
	DV_NOTE_WROTE,		/* somebody writes */
	DV_NOTE_CLOSED,		/* a writer has closed it */
	DV_NOTE_GONE,
};

struct dv_coalesce_ops {
	/* What stands there now; `exists` 0 where nothing does. */
	void (*look)(void *arg, const char *path, struct dv_print *out);
	/* 1: somebody has it open for writing; 0: nobody; -1: cannot say. */
	int (*writer)(void *arg, const char *path);
	/* A change; negative ends settling. Strings live until it returns. */
	int (*told)(void *arg, const struct dv_change *change);
	/* What was noted of this path is over, told or not. */
	void (*over)(void *arg, const char *path, const struct dv_print *now);
};

struct dv_coalesce;

#define DV_COALESCE_NEVER INT64_MAX

int dv_coalesce_open(struct dv_coalesce **c, int64_t quiet_ms,
		     const struct dv_coalesce_ops *ops, void *arg,
		     struct dv_err *err) DV_MUST_USE;
void dv_coalesce_close(struct dv_coalesce *c);

/*
 * `base` (NULL: nothing) is what stood at the path before this event; it
 * counts where nothing is noted of the path so far.
 */
int dv_coalesce_note(struct dv_coalesce *c, enum dv_note what,
		     const char *path, const struct dv_print *base,
		     int64_t now, struct dv_err *err) DV_MUST_USE;
int dv_coalesce_moved(struct dv_coalesce *c, const char *from,
		      const struct dv_print *from_base, const char *to,
		      const struct dv_print *to_base, int64_t now,
		      struct dv_err *err) DV_MUST_USE;
/* Events were lost: nothing is known of writers any more. */
void dv_coalesce_doubt(struct dv_coalesce *c);
/* When something can be due, or DV_COALESCE_NEVER. */
int64_t dv_coalesce_due(const struct dv_coalesce *c);
/* Report what is due; `all`: everything, as at the end. 0, or what told gave. */
int dv_coalesce_settle(struct dv_coalesce *c, int64_t now, int all);
size_t dv_coalesce_pending(const struct dv_coalesce *c);

#endif
