#include "base/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct worker {
	struct dv_pool *pool;
	void *ctx;
	pthread_t thread;
	int started;
};

struct dv_pool {
	pthread_mutex_t mu;
	pthread_cond_t work;	/* a job was queued, or stop */
	pthread_cond_t done;	/* the oldest job is done */
	struct dv_job **ring;
	size_t depth;
	size_t head;		/* oldest not collected */
	size_t claim;		/* next to be run */
	size_t tail;		/* next free */
	int stop;
	const struct dv_pool_ctx_ops *ops;
	struct worker *workers;
	unsigned int threads;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct dv_pool *p = w->pool;

	pthread_mutex_lock(&p->mu);
	for (;;) {
		struct dv_job *job;
		size_t at;

		while (p->claim == p->tail && !p->stop)
			pthread_cond_wait(&p->work, &p->mu);
		if (p->stop)
			break;
		at = p->claim++;
		job = p->ring[at % p->depth];
		pthread_mutex_unlock(&p->mu);
		job->run(job, w->ctx);
		pthread_mutex_lock(&p->mu);
		job->done = 1;
		if (at == p->head)
			pthread_cond_signal(&p->done);
	}
	pthread_mutex_unlock(&p->mu);
	return NULL;
}

static unsigned int online_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > 16 ? 16 : (unsigned int)n;
}

/* Signals are the main thread's: workers are started with them blocked. */
static int start(struct worker *w)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&w->thread, NULL, work, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	w->started = rc == 0;
	return rc;
}

int dv_pool_open(struct dv_pool **out, unsigned int threads, size_t depth,
		 const struct dv_pool_ctx_ops *ops, void *arg,
		 struct dv_err *err)
{
	struct dv_pool *p = calloc(1, sizeof(*p));
	unsigned int i;

	*out = NULL;
	if (!p)
		return dv_err_nomem(err);
	p->threads = threads ? threads : online_cpus();
	p->depth = depth ? depth : 4 * p->threads;
	p->ops = ops;
	pthread_mutex_init(&p->mu, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->done, NULL);
	p->ring = calloc(p->depth, sizeof(*p->ring));
	p->workers = calloc(p->threads, sizeof(*p->workers));
	if (!p->ring || !p->workers)
		goto nomem;
	for (i = 0; i < p->threads; i++) {
		p->workers[i].pool = p;
		if (ops && !(p->workers[i].ctx = ops->open(arg)))
			goto nomem;
	}
	for (i = 0; i < p->threads; i++) {
		errno = start(&p->workers[i]);
		if (errno) {
			int rc = dv_err_errno(err, "cannot start a thread");

			dv_pool_close(p);
			return rc;
		}
	}
	*out = p;
	return 0;
nomem:
	dv_pool_close(p);
	return dv_err_nomem(err);
}

void dv_pool_close(struct dv_pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->mu);
	p->stop = 1;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->mu);
	for (unsigned int i = 0; p->workers && i < p->threads; i++)
		if (p->workers[i].started)
			pthread_join(p->workers[i].thread, NULL);
	for (unsigned int i = 0; p->workers && i < p->threads; i++)
		if (p->ops && p->workers[i].ctx)
			p->ops->close(p->workers[i].ctx);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->done);
	pthread_mutex_destroy(&p->mu);
	free(p->workers);
	free(p->ring);
	free(p);
}

int dv_pool_full(const struct dv_pool *p)
{
	/* head and tail are only moved by the submitting thread. */
	return p->tail - p->head == p->depth;
}

size_t dv_pool_pending(const struct dv_pool *p)
{
	return p->tail - p->head;
}

void dv_pool_submit(struct dv_pool *p, struct dv_job *job)
{
	pthread_mutex_lock(&p->mu);
	job->done = 0;
	p->ring[p->tail++ % p->depth] = job;
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->mu);
}

static struct dv_job *collect(struct dv_pool *p, int wait)
{
	struct dv_job *job = NULL;

	if (p->head == p->tail)
		return NULL;
	pthread_mutex_lock(&p->mu);
	job = p->ring[p->head % p->depth];
	while (!job->done && wait)
		pthread_cond_wait(&p->done, &p->mu);
	if (job->done)
		p->head++;
	else
		job = NULL;
	pthread_mutex_unlock(&p->mu);
	return job;
}

struct dv_job *dv_pool_next(struct dv_pool *p)
{
	return collect(p, 1);
}

struct dv_job *dv_pool_try_next(struct dv_pool *p)
{
	return collect(p, 0);
}

unsigned int dv_pool_threads(const struct dv_pool *p)
{
	return p->threads;
}
