#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int vset(struct dv_err *err, int status, int sys, const char *fmt,
		va_list ap)
{
	if (!err)
		return status;
	err->status = status;
	err->sys = sys;
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	return status;
}

int dv_err_set(struct dv_err *err, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vset(err, status, 0, fmt, ap);
	va_end(ap);
	return status;
}

int dv_err_errno(struct dv_err *err, const char *fmt, ...)
{
	int sys = errno, status;
	va_list ap;
	size_t n;

	switch (sys) {
	case ENOENT: status = DV_ENOTFOUND; break;
	case EEXIST: status = DV_EEXIST; break;
	case EACCES:
	case EPERM: status = DV_EAUTH; break;
	case ENOMEM: status = DV_ENOMEM; break;
	default: status = DV_EIO; break;
	}
	if (!err)
		return status;
	va_start(ap, fmt);
	vset(err, status, sys, fmt, ap);
	va_end(ap);
	n = strlen(err->msg);
	snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", strerror(sys));
	return status;
}

void dv_err_prefix(struct dv_err *err, const char *fmt, ...)
{
	char old[sizeof(err->msg)];
	va_list ap;
	size_t n;

	if (!err)
		return;
	memcpy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	n = strlen(err->msg);
	snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", old);
}

int dv_err_nomem(struct dv_err *err)
{
	return dv_err_set(err, DV_ENOMEM, "out of memory");
}

void dv_err_clear(struct dv_err *err)
{
	if (!err)
		return;
	err->status = 0;
	err->sys = 0;
	err->msg[0] = '\0';
}

const char *dv_status_name(int status)
{
	switch (status) {
	case DV_OK: return "ok";
	case DV_ENOTFOUND: return "not found";
	case DV_EEXIST: return "exists";
	case DV_ECONFLICT: return "conflict";
	case DV_ECORRUPT: return "corrupt";
	case DV_EAGAIN: return "busy";
	case DV_EAUTH: return "permission";
	case DV_ECANCEL: return "cancelled";
	case DV_EINVAL: return "invalid";
	case DV_EIO: return "i/o";
	case DV_ENOMEM: return "memory";
	}
	return "unknown";
}
