/* What watch/monitor.c, events.c and scan.c share; of nobody else. */
#ifndef DV_WATCH_MONITOR_PRIV_H
#define DV_WATCH_MONITOR_PRIV_H

#include <sys/stat.h>

#include "watch/monitor.h"
#include "watch/tree.h"

/* Moved away, until its other end comes or does not. */
struct limbo {
	struct limbo *next;
	struct dv_node *node;	/* detached */
	uint32_t cookie;
	int64_t since;
	char path[];
};

struct dv_monitor {
	struct dv_monitor_opts o;
	char *top, *top_escaped;	/* as mountinfo writes it */
	int fd, top_fd, mounts_fd;
	int up_wd;		/* of the folder that holds the top, or -1 */
	struct dv_tree tree;
	struct dv_coalesce *coalesce;
	struct dv_journal *journal;
	struct limbo *limbo;
	struct stat top_st;
	const char *remote;
	uint64_t mounts;	/* a hash of the mounts below the top */
	unsigned int gen;	/* of the scan */
	int lost;		/* look at everything again */
	int gone;		/* the top itself */
	int few_watches;	/* some folder has none: it is tried again */
	int told_few;
	int starting;		/* what is found is no change */
	int64_t retry;
	size_t rescans;
	struct dv_print *links;	/* what of files with several names is new */
	size_t nlinks, links_cap;
	struct dv_buf path;	/* scratch */
};

#define LIMBO_MS 100	/* the two ends of a move come together, or nearly */

/* watch/monitor.c; `arg` is the monitor. */
void dv_monitor_look(void *arg, const char *path, struct dv_print *out);
/* Is the top still what its path leads to? */
void dv_monitor_check_top(struct dv_monitor *m);

/* watch/events.c */
struct inotify_event;
int dv_event(struct dv_monitor *m, const struct inotify_event *e,
	     struct dv_err *err) DV_MUST_USE;
/* What moved away and did not arrive by now (or `all`) is gone. */
int dv_event_expire(struct dv_monitor *m, int64_t now, int all,
		    struct dv_err *err) DV_MUST_USE;
/* What a file with several names is by now, for its other names. */
int dv_event_link(struct dv_monitor *m, const struct dv_print *now,
		  struct dv_err *err) DV_MUST_USE;
/* Mark them as linked, and note those that are not known to be so. */
int dv_event_links(struct dv_monitor *m, struct dv_err *err) DV_MUST_USE;

/* How a scan meets what is not as it was. */
enum dv_scan {
	DV_SCAN_FIRST,		/* it is what there is */
	DV_SCAN_NEW,		/* all that is there was found now */
	DV_SCAN_CHECK,		/* compare */
};

/* watch/scan.c: watch a folder and all below it, then look what is there. */
int dv_scan(struct dv_monitor *m, struct dv_node *dir, enum dv_scan how,
	    struct dv_err *err) DV_MUST_USE;
/* Drop a node with all below it; files are noted as gone where `note`. */
int dv_scan_drop(struct dv_monitor *m, struct dv_node *node, int note,
		 struct dv_err *err) DV_MUST_USE;
/* The folder of a path, opened without following a link; its name in *name. */
int dv_scan_parent(const struct dv_monitor *m, const char *path,
		   const char **name);
/*
 * What may be there and cannot be looked at is as it was last; the folders that
 * keep it from sight are blind.
 */
void dv_scan_unseen(struct dv_monitor *m, const char *path,
		    struct dv_print *out);
void dv_scan_print(const struct stat *st, struct dv_print *out);
/* A name for a file system that other machines may write to, or NULL. */
const char *dv_scan_remote(int fd);

#endif
