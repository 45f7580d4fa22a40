#include "remote/lease.h"

#include <stdio.h>

#include "base/file.h"
#include "base/log.h"

#define LEASE_SECONDS (7 * 86400)

/* Leases of pushers that crashed long ago. What cannot be removed stays. */
static void drop_expired(struct dv_remote *r, int64_t now)
{
	struct dv_strs names = { 0 };

	if (r->backend->ops->list(r->backend, "writers", &names, NULL)) {
		dv_strs_release(&names);
		return;
	}
	for (size_t i = 0; i < names.n; i++) {
		struct dv_buf text = { 0 };
		long long until;
		char key[64];

		snprintf(key, sizeof(key), "writers/%.50s", names.v[i]);
		if (!dv_remote_read(r, key, 64, &text, NULL) &&
		    sscanf(dv_buf_str(&text), "until %lld", &until) == 1 &&
		    until < now && r->backend->ops->remove(r->backend, key,
							   NULL))
			dv_log_debug("lease %s stays", key);
		dv_buf_release(&text);
	}
	dv_strs_release(&names);
}

int dv_lease_take(struct dv_remote *r, int64_t now, char key[64],
		  struct dv_err *err)
{
	char name[33], text[64];
	int rc = dv_random_name(name, err), n;

	if (rc)
		return rc;
	drop_expired(r, now);
	snprintf(key, 64, "writers/%s", name);
	n = snprintf(text, sizeof(text), "until %lld\n",
		     (long long)now + LEASE_SECONDS);
	return r->backend->ops->put(r->backend, key, text, (size_t)n,
				    DV_PUT_NEW, err);
}
