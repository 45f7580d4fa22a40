/*
 * Errors: a status that callers act on, and a message that users read.
 *
 * Functions that can fail return 0 or a negative enum dv_status and take a
 * caller-owned `struct dv_err *` as their last argument. It may be NULL when
 * the caller only wants the status. Messages are in lower case, without a full
 * stop, with paths in quotes; each layer may put context in front.
 */
#ifndef DV_BASE_ERR_H
#define DV_BASE_ERR_H

#include <stdarg.h>

#define DV_MUST_USE __attribute__((warn_unused_result))
#define DV_PRINTF(a, b) __attribute__((format(printf, a, b)))

enum dv_status {
	DV_OK = 0,
	DV_ENOTFOUND = -1,	/* the thing asked for is not there */
	DV_EEXIST = -2,		/* create-if-absent found something */
	DV_ECONFLICT = -3,	/* somebody else changed it meanwhile */
	DV_ECORRUPT = -4,	/* bytes do not match their id or format */
	DV_EAGAIN = -5,		/* busy now; the same call may succeed later */
	DV_EAUTH = -6,		/* refused by permission or credentials */
	DV_ECANCEL = -7,	/* SIGINT or SIGTERM asked to stop */
	DV_EINVAL = -8,		/* the input can never be accepted */
	DV_EIO = -9,		/* the system refused (errno in sys) */
	DV_ENOMEM = -10,	/* allocation failed or passed a ceiling */
};

struct dv_err {
	int status;		/* enum dv_status */
	int sys;		/* errno, or 0 */
	char msg[1024];
};

/* Fill *err (if not NULL) and return `status`. */
int dv_err_set(struct dv_err *err, int status, const char *fmt, ...)
	DV_PRINTF(3, 4);
/*
 * The same from errno: appends ": <strerror>". ENOENT maps to DV_ENOTFOUND,
 * EEXIST to DV_EEXIST, EACCES and EPERM to DV_EAUTH, the rest to DV_EIO.
 */
int dv_err_errno(struct dv_err *err, const char *fmt, ...) DV_PRINTF(2, 3);
/* Put "context: " in front of the message; the status stays. */
void dv_err_prefix(struct dv_err *err, const char *fmt, ...) DV_PRINTF(2, 3);
int dv_err_nomem(struct dv_err *err);
void dv_err_clear(struct dv_err *err);
/* The status's name, for logs: "corrupt", "not found", ... */
const char *dv_status_name(int status);

#endif
