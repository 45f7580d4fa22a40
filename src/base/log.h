/*
 * What a person sees on stderr: warnings, notes, progress. Verbosity is the
 * process's one setting: -1 quiet (errors only), 0 normal, 1 verbose.
 */
#ifndef DV_BASE_LOG_H
#define DV_BASE_LOG_H

#include <stdint.h>

#include "base/err.h"

void dv_log_set_verbosity(int level);
int dv_log_verbosity(void);
/* "error: ...", always shown. */
void dv_log_error(const char *fmt, ...) DV_PRINTF(1, 2);
/* "warning: ...", hidden by quiet. */
void dv_log_warn(const char *fmt, ...) DV_PRINTF(1, 2);
/* A plain line, hidden by quiet. */
void dv_log_note(const char *fmt, ...) DV_PRINTF(1, 2);
/* A plain line, shown by verbose only. */
void dv_log_debug(const char *fmt, ...) DV_PRINTF(1, 2);

/*
 * A progress line "<title>: 12.3 MiB of 1.0 GiB, 80 MiB/s" on stderr, shown
 * once work has lasted a second and only where stderr is a terminal, unless
 * quiet. `{0}` is idle. dv_progress_add may be called from any thread.
 */
struct dv_progress {
	const char *title;	/* borrowed */
	uint64_t total;		/* bytes; 0: not known */
	uint64_t done;		/* atomic */
	int64_t start_ms, shown_ms;
	int on, drawn;
};

void dv_progress_start(struct dv_progress *p, const char *title,
		       uint64_t total);
void dv_progress_add(struct dv_progress *p, uint64_t n);
/* Redraw if it is time; the thread that calls it owns the line. */
void dv_progress_draw(struct dv_progress *p);
/* Clear the line; the summary is the caller's. */
void dv_progress_stop(struct dv_progress *p);

/* "12.3 MiB" in a static-size struct: dv_human(n).s */
struct dv_human_text {
	char s[24];
};
struct dv_human_text dv_human(uint64_t bytes);

/* Monotonic milliseconds. */
int64_t dv_now_ms(void);

/*
 * SIGINT and SIGTERM set one flag that long work looks at; a second one of
 * them ends the process at once. SIGPIPE and SIGXFSZ are ignored: the write
 * fails.
 */
void dv_cancel_install(void);
/* Another signal as well, unless it is ignored. */
void dv_cancel_on(int sig);
int dv_cancelled(void);
int dv_cancel_check(struct dv_err *err);

#endif
