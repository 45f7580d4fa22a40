#include "remote/compact.h"

#include <stdlib.h>

#include "base/log.h"
#include "remote/shard-merge.h"

/* A shard beyond this is left as it is: it costs one read anyway. */
#define FULL (DV_SHARD_MAX / 4)

static int cmp_size(const void *pa, const void *pb)
{
	const struct dv_remote_shard *const *a = pa, *const *b = pb;
	uint64_t x = (*a)->view.size, y = (*b)->view.size;

	return x < y ? -1 : x > y;
}

/* The smallest of a level that together make a shard; *n of them, or 0. */
static int choose(struct dv_remote *r, char level,
		  struct dv_remote_shard ***out, size_t *n, struct dv_err *err)
{
	struct dv_remote_shard **v = calloc(r->nshards + 1, sizeof(*v));
	uint64_t sum = 0;
	size_t all = 0;

	*out = v;
	*n = 0;
	if (!v)
		return dv_err_nomem(err);
	for (size_t i = 0; i < r->nshards; i++)
		if (r->shards[i]->level == level && !r->shards[i]->replaced &&
		    r->shards[i]->view.size < FULL)
			v[all++] = r->shards[i];
	if (all > 1)
		qsort(v, all, sizeof(*v), cmp_size);
	while (*n < all && sum + v[*n]->view.size <= DV_SHARD_MAX / 2)
		sum += v[(*n)++]->view.size;
	if (*n < DV_COMPACT_MIN)
		*n = 0;
	return 0;
}

static int compact_level(struct dv_remote *r, char level, char next,
			 int *done, struct dv_err *err)
{
	struct dv_shard_merge m = { .remote = r };
	struct dv_remote_shard **v;
	size_t n;
	int rc = choose(r, level, &v, &n, err);

	*done = 0;
	for (size_t i = 0; !rc && i < n; i++)
		rc = dv_shard_merge_take(&m, v[i], err);
	if (!rc && n)
		rc = dv_shard_merge_put(&m, next, err);
	if (!rc && n) {
		dv_log_debug("compacted %zu shards", n);
		*done = 1;
	}
	free(v);
	dv_shard_merge_release(&m);
	return rc;
}

int dv_remote_compact(struct dv_remote *r, struct dv_err *err)
{
	static const char levels[] = "0123456789abcdef";
	int rc = dv_remote_refresh(r, err), done = 1;

	for (int i = 0; !rc && levels[i + 1] && done; i++) {
		rc = compact_level(r, levels[i], levels[i + 1], &done, err);
		if (!rc && done)
			rc = dv_remote_refresh(r, err);
	}
	return rc;
}
