/*
 * One worker pool with a bounded queue. Jobs are embedded in the caller's own
 * struct; they come back to the submitting thread in the order they went in.
 *
 *	while (more work) {
 *		if (dv_pool_full(pool))
 *			handle(dv_pool_next(pool));
 *		dv_pool_submit(pool, &mine->job);
 *	}
 *	while ((job = dv_pool_next(pool)))
 *		handle(job);
 *
 * Only one thread submits and collects. `run` is called on a worker thread
 * with that worker's own context (compression and digest state).
 */
#ifndef DV_BASE_POOL_H
#define DV_BASE_POOL_H

#include <stddef.h>

#include "base/err.h"

struct dv_pool;

struct dv_job {
	void (*run)(struct dv_job *job, void *worker_ctx);
	int done;	/* the pool's */
};

struct dv_pool_ctx_ops {
	void *(*open)(void *arg);	/* NULL: out of memory */
	void (*close)(void *ctx);
};

/*
 * `threads` 0 means one per online CPU (at most 16). `depth` is the most jobs
 * in flight. Worker contexts are made by ops->open(arg), here, before any job.
 */
int dv_pool_open(struct dv_pool **pool, unsigned int threads, size_t depth,
		 const struct dv_pool_ctx_ops *ops, void *arg,
		 struct dv_err *err) DV_MUST_USE;
/* Waits for running jobs. Jobs not collected are the caller's still. */
void dv_pool_close(struct dv_pool *pool);

int dv_pool_full(const struct dv_pool *pool);
size_t dv_pool_pending(const struct dv_pool *pool);
/* Precondition: not full. */
void dv_pool_submit(struct dv_pool *pool, struct dv_job *job);
/* The oldest job, waiting until it is done; NULL when none is pending. */
struct dv_job *dv_pool_next(struct dv_pool *pool);
/* The oldest job if it is done already, else NULL. */
struct dv_job *dv_pool_try_next(struct dv_pool *pool);
unsigned int dv_pool_threads(const struct dv_pool *pool);

#endif
