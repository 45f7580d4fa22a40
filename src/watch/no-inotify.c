/* Where configure found no inotify(7). */
#include "config.h"

#include "watch/monitor.h"

#ifndef HAVE_SYS_INOTIFY_H

#include <string.h>

int dv_monitor_open(struct dv_monitor **m, const struct dv_monitor_opts *o,
		    struct dv_err *err)
{
	(void)o;
	*m = NULL;
	return dv_err_set(err, DV_EINVAL,
			  "watching needs inotify(7), which only Linux has: this git-dv was configured without it");
}

void dv_monitor_close(struct dv_monitor *m)
{
	(void)m;
}

int dv_monitor_fd(const struct dv_monitor *m)
{
	(void)m;
	return -1;
}

int dv_monitor_mounts_fd(const struct dv_monitor *m)
{
	(void)m;
	return -1;
}

void dv_monitor_mounts(struct dv_monitor *m)
{
	(void)m;
}

int dv_monitor_read(struct dv_monitor *m, struct dv_err *err)
{
	(void)m;
	return dv_err_set(err, DV_EINVAL, "there is no inotify");
}

int64_t dv_monitor_due(const struct dv_monitor *m)
{
	(void)m;
	return DV_COALESCE_NEVER;
}

int dv_monitor_settle(struct dv_monitor *m, int all, struct dv_err *err)
{
	(void)m;
	(void)all;
	return dv_err_set(err, DV_EINVAL, "there is no inotify");
}

int dv_monitor_since(struct dv_monitor *m, const char *token,
		     struct dv_buf *out, struct dv_err *err)
{
	(void)m;
	(void)token;
	(void)out;
	return dv_err_set(err, DV_EINVAL, "there is no inotify");
}

int dv_monitor_nested(const struct dv_monitor *m, const char *path)
{
	(void)m;
	(void)path;
	return 0;
}

const char *dv_monitor_remote(const struct dv_monitor *m)
{
	(void)m;
	return NULL;
}

void dv_monitor_identity(const struct dv_monitor *m, uint64_t *dev,
			 uint64_t *ino)
{
	(void)m;
	*dev = *ino = 0;
}

void dv_monitor_count(const struct dv_monitor *m,
		      struct dv_monitor_counts *out)
{
	(void)m;
	memset(out, 0, sizeof(*out));
}

#endif
