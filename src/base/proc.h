/* Running other programs (git, ssh): no shell, explicit pipes. */
#ifndef DV_BASE_PROC_H
#define DV_BASE_PROC_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

enum dv_proc_flags {
	DV_PROC_IN = 1,		/* a pipe to its stdin; else /dev/null */
	DV_PROC_OUT = 2,	/* a pipe from its stdout; else our stderr */
	DV_PROC_QUIET = 4,	/* its stderr goes to /dev/null */
	DV_PROC_INHERIT = 8,	/* our own stdin and stdout */
};

/*
 * First of all in main(): a descriptor 0, 1 or 2 that is closed would be that of
 * the first file that is opened, and what is printed would go into it. These
 * become /dev/null, as with git. 0, or -1 with errno.
 */
int dv_proc_std(void) DV_MUST_USE;
/*
 * Signals that the programs ignore (dv_cancel_install) as they are by default:
 * before the process becomes another program. dv_proc_start does this itself.
 */
void dv_proc_signals(void);

struct dv_proc {
	pid_t pid;
	int in;		/* write end of its stdin, or -1 */
	int out;	/* read end of its stdout, or -1 */
};

/*
 * Start argv[0], looked up in PATH. `env` is a NULL-terminated list of
 * "NAME=value" to set or "NAME" to unset, or NULL. The caller closes
 * (dv_proc_close_in) and waits.
 */
int dv_proc_start(struct dv_proc *p, const char *const *argv,
		  const char *const *env, unsigned int flags,
		  struct dv_err *err) DV_MUST_USE;
void dv_proc_close_in(struct dv_proc *p);
/* Close the pipes and wait. The exit code; 128+n for signal n; -1 on error. */
int dv_proc_wait(struct dv_proc *p);

/*
 * Run to its end and collect stdout (at most `max` bytes). *code gets the
 * exit code; that it is not 0 is no error here.
 */
int dv_proc_capture(const char *const *argv, const char *const *env,
		    unsigned int flags, size_t max, struct dv_buf *out,
		    int *code, struct dv_err *err) DV_MUST_USE;
/*
 * Run with `input` on stdin and collect stdout, reading and writing at once,
 * so that neither side can block the other. SIGPIPE must be ignored
 * (dv_cancel_install does that).
 */
int dv_proc_filter(const char *const *argv, const char *const *env,
		   unsigned int flags, const void *input, size_t input_len,
		   size_t max, struct dv_buf *out, int *code,
		   struct dv_err *err) DV_MUST_USE;

#endif
