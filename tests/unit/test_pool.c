#include "testlib.h"

#include <pthread.h>
#include <sched.h>

#include "base/pool.h"

struct ctx {
	int *open;
	uint64_t used;
};

static void *ctx_open(void *arg)
{
	struct ctx *c = calloc(1, sizeof(*c));

	if (c) {
		c->open = arg;
		++*c->open;
	}
	return c;
}

static void ctx_close(void *p)
{
	struct ctx *c = p;

	--*c->open;
	free(c);
}

static const struct dv_pool_ctx_ops ops = { ctx_open, ctx_close };

struct mine {
	struct dv_job job;
	int i, ran;
	uint64_t sum;
};

static void run(struct dv_job *job, void *ctx)
{
	struct mine *m = (struct mine *)job;
	struct ctx *c = ctx;

	/* Uneven work, so that later jobs end before earlier ones. */
	for (int k = 0; k < (m->i % 7) * 2000; k++)
		m->sum += (uint64_t)k;
	if (m->i % 3 == 0)
		sched_yield();
	if (c)
		c->used++;
	m->ran++;
}

static void order_is_kept(void **state)
{
	struct mine *m = calloc(3000, sizeof(*m));
	struct dv_pool *p;
	struct dv_job *job;
	struct dv_err err = { 0 };
	int open = 0, next = 0;

	(void)state;
	assert_non_null(m);
	assert_ok(dv_pool_open(&p, 4, 9, &ops, &open, &err));
	assert_int_equal(open, 4);
	assert_int_equal(dv_pool_threads(p), 4);
	assert_null(dv_pool_next(p));
	assert_null(dv_pool_try_next(p));
	for (int i = 0; i < 3000; i++) {
		m[i].i = i;
		m[i].job.run = run;
		if (dv_pool_full(p)) {
			assert_int_equal(dv_pool_pending(p), 9);
			job = dv_pool_next(p);
			assert_ptr_equal(job, &m[next].job);
			assert_int_equal(m[next++].ran, 1);
		} else if (i % 5 == 0 && (job = dv_pool_try_next(p))) {
			assert_ptr_equal(job, &m[next].job);
			assert_int_equal(m[next++].ran, 1);
		}
		dv_pool_submit(p, &m[i].job);
	}
	while ((job = dv_pool_next(p))) {
		assert_ptr_equal(job, &m[next].job);
		assert_int_equal(m[next++].ran, 1);
	}
	assert_int_equal(next, 3000);
	assert_int_equal(dv_pool_pending(p), 0);
	dv_pool_close(p);
	assert_int_equal(open, 0);
	free(m);
}

struct gate {
	struct dv_job job;
	pthread_mutex_t mu;
	pthread_cond_t cond;
	int open, entered;
};

static void wait_at_gate(struct dv_job *job, void *ctx)
{
	struct gate *g = (struct gate *)job;

	(void)ctx;
	pthread_mutex_lock(&g->mu);
	g->entered = 1;
	pthread_cond_broadcast(&g->cond);
	while (!g->open)
		pthread_cond_wait(&g->cond, &g->mu);
	pthread_mutex_unlock(&g->mu);
}

/* The oldest one blocks the line, though a later job is done. */
static void try_next_does_not_wait(void **state)
{
	struct gate g = { .job.run = wait_at_gate,
			  .mu = PTHREAD_MUTEX_INITIALIZER,
			  .cond = PTHREAD_COND_INITIALIZER };
	struct mine m = { .job.run = run };
	struct dv_pool *p;
	struct dv_err err = { 0 };

	(void)state;
	assert_ok(dv_pool_open(&p, 2, 2, NULL, NULL, &err));
	dv_pool_submit(p, &g.job);
	dv_pool_submit(p, &m.job);
	assert_true(dv_pool_full(p));
	assert_null(dv_pool_try_next(p));
	assert_int_equal(dv_pool_pending(p), 2);
	pthread_mutex_lock(&g.mu);
	g.open = 1;
	pthread_cond_broadcast(&g.cond);
	pthread_mutex_unlock(&g.mu);
	assert_ptr_equal(dv_pool_next(p), &g.job);
	assert_ptr_equal(dv_pool_next(p), &m.job);
	assert_null(dv_pool_next(p));
	dv_pool_close(p);
}

static void close_waits_for_running(void **state)
{
	struct gate g = { .job.run = wait_at_gate, .open = 1,
			  .mu = PTHREAD_MUTEX_INITIALIZER,
			  .cond = PTHREAD_COND_INITIALIZER };
	struct mine m[4] = { { .job.run = run } };
	struct dv_pool *p;
	struct dv_err err = { 0 };

	(void)state;
	for (int i = 0; i < 4; i++)
		m[i].job.run = run;
	assert_ok(dv_pool_open(&p, 1, 8, NULL, NULL, &err));
	dv_pool_submit(p, &g.job);
	for (int i = 0; i < 4; i++)
		dv_pool_submit(p, &m[i].job);
	pthread_mutex_lock(&g.mu);
	while (!g.entered)
		pthread_cond_wait(&g.cond, &g.mu);
	pthread_mutex_unlock(&g.mu);
	dv_pool_close(p);
	for (int i = 0; i < 4; i++)
		assert_true(m[i].ran == 0 || m[i].ran == 1);
	dv_pool_close(NULL);
}

static void *fail_third(void *arg)
{
	int *n = arg;

	return *n < 2 ? ctx_open(arg) : NULL;
}

static void a_context_that_fails(void **state)
{
	static const struct dv_pool_ctx_ops bad = { fail_third, ctx_close };
	struct dv_pool *p;
	struct dv_err err = { 0 };
	int open = 0;

	(void)state;
	assert_fails(dv_pool_open(&p, 3, 0, &bad, &open, &err), DV_ENOMEM);
	assert_null(p);
	assert_int_equal(open, 0);
}

static void defaults(void **state)
{
	struct dv_pool *p;
	struct dv_err err = { 0 };

	(void)state;
	assert_ok(dv_pool_open(&p, 0, 0, NULL, NULL, &err));
	assert_within(dv_pool_threads(p), 1, 16);
	assert_false(dv_pool_full(p));
	dv_pool_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_kept),
		cmocka_unit_test(try_next_does_not_wait),
		cmocka_unit_test(close_waits_for_running),
		cmocka_unit_test(a_context_that_fails),
		cmocka_unit_test(defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
