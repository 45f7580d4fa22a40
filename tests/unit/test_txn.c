#include "storelib.h"

#include <signal.h>
#include <sys/wait.h>

static void commit_publishes(void **state)
{
	struct env *e = *state;
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };
	struct dv_id id;

	assert_ok(dv_txn_begin(&t, &e->s, 3, &err));
	id = put_some(e, &t, 1);
	put_some(e, &t, 2);
	assert_true(dv_txn_has(&t, DV_KIND_CHUNK, &id));
	assert_false(dv_txn_has(&t, DV_KIND_SEGMENT, &id));
	assert_false(dv_store_has_quick(&e->s, DV_KIND_CHUNK, &id));
	assert_int_equal(env_count(e, "packs"), 0);
	assert_int_equal(env_count(e, "incoming"), 1);
	assert_ok(dv_txn_commit(&t, &err));
	assert_int_equal(env_count(e, "packs"), 1);
	assert_int_equal(env_count(e, "incoming"), 0);
	assert_true(has_some(e, 1) && has_some(e, 2));
	/* It goes on after a commit; what is there is not put again. */
	put_some(e, &t, 1);
	assert_ok(dv_txn_commit(&t, &err));
	assert_int_equal(env_count(e, "packs"), 1);
	put_some(e, &t, 3);
	assert_ok(dv_txn_commit(&t, &err));
	assert_int_equal(env_count(e, "packs"), 2);
	assert_int_equal(t.raw, 3 * SOME);
	assert_true(t.stored > 0 && t.stored < 3 * (SOME + 56));
	dv_txn_end(&t);
	env_reopen(e);
	assert_true(has_some(e, 1) && has_some(e, 2) && has_some(e, 3));
}

static void end_drops_what_was_not_synced(void **state)
{
	struct env *e = *state;
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };

	dv_txn_end(&t);
	assert_ok(dv_txn_begin(&t, &e->s, 3, &err));
	put_some(e, &t, 1);
	assert_ok(dv_txn_commit(&t, &err));
	put_some(e, &t, 2);
	dv_txn_end(&t);
	assert_int_equal(env_count(e, "incoming"), 0);
	env_reopen(e);
	assert_true(has_some(e, 1));
	assert_false(has_some(e, 2));
}

static void synced_is_left_for_recovery(void **state)
{
	struct env *e = *state;
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };

	assert_ok(dv_txn_begin(&t, &e->s, 3, &err));
	put_some(e, &t, 1);
	assert_ok(dv_txn_sync(&t, &err));
	put_some(e, &t, 2);
	dv_txn_end(&t);
	assert_int_equal(env_count(e, "packs"), 0);
	env_reopen(e);
	assert_true(has_some(e, 1));
	assert_int_equal(env_count(e, "packs"), 1);
	assert_int_equal(env_count(e, "incoming"), 0);
}

static void sync_then_commit(void **state)
{
	struct env *e = *state;
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };

	assert_ok(dv_txn_begin(&t, &e->s, 0, &err));
	assert_ok(dv_txn_sync(&t, &err));
	assert_ok(dv_txn_commit(&t, &err));
	for (uint64_t i = 0; i < 20; i++) {
		put_some(e, &t, i);
		assert_ok(dv_txn_sync(&t, &err));
	}
	assert_int_equal(env_count(e, "packs"), 0);
	assert_ok(dv_txn_commit(&t, &err));
	assert_int_equal(env_count(e, "packs"), 1);
	dv_txn_end(&t);
	for (uint64_t i = 0; i < 20; i++)
		assert_true(has_some(e, i));
}

/* A writer in the same process and one in another do not hinder each other. */
static void live_packs_are_left_alone(void **state)
{
	struct env *e = *state;
	struct dv_txn t = { 0 };
	struct dv_store other;
	struct dv_err err = { 0 };
	char *path = env_path(e, "");

	assert_ok(dv_txn_begin(&t, &e->s, 3, &err));
	put_some(e, &t, 1);
	assert_ok(dv_txn_sync(&t, &err));
	assert_ok(dv_store_open(&other, path, 0, &err));
	assert_int_equal(env_count(e, "incoming"), 1);
	assert_int_equal(other.set.n, 0);
	assert_fails(dv_store_lock_excl(&other, &err), DV_EAGAIN);
	put_some(e, &t, 2);
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
	assert_ok(dv_store_lock_excl(&other, &err));
	dv_store_unlock_excl(&other);
	dv_store_close(&other);
	assert_true(has_some(e, 1) && has_some(e, 2));
	free(path);
}

/* A put that fails must not count as stored: the next one may rely on it. */
static void failure_is_sticky(void **state)
{
	struct env *e = *state;
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };
	struct dv_coder small = { 0 };
	uint8_t b[SOME];
	struct dv_id id;
	int put, commit;

	assert_ok(dv_coder_init(&small, &err));
	small.out.max = 16;	/* encoding runs out of memory */
	assert_ok(dv_txn_begin(&t, &e->s, 3, &err));
	id = some_chunk(e, 1, b, SOME);
	assert_fails(dv_txn_put(&t, &small, DV_KIND_CHUNK, &id, b, SOME, &err),
		     DV_ENOMEM);
	put = dv_txn_put(&t, &e->c, DV_KIND_CHUNK, &id, b, SOME, &err);
	commit = dv_txn_commit(&t, &err);
	if (!put && !commit)
		assert_true(has_some(e, 1));
	else
		assert_true(commit < 0);
	dv_txn_end(&t);
	dv_coder_release(&small);
}

static void write_errors_fail_the_commit(void **state)
{
	struct env *e = *state;
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };
	char *incoming = env_path(e, "incoming"), *away = env_path(e, "away");
	uint8_t b[SOME];
	struct dv_id id = some_chunk(e, 1, b, SOME);

	assert_ok(dv_txn_begin(&t, &e->s, 3, &err));
	assert_int_equal(rename(incoming, away), 0);
	assert_true(dv_txn_put(&t, &e->c, DV_KIND_CHUNK, &id, b, SOME, &err) <
		    0);
	assert_int_equal(rename(away, incoming), 0);
	err.status = 0;
	assert_true(dv_txn_sync(&t, &err) < 0);
	assert_true(err.status < 0);
	assert_true(dv_txn_commit(&t, NULL) < 0);
	assert_true(dv_txn_put(&t, &e->c, DV_KIND_CHUNK, &id, b, SOME, &err) <=
		    0);
	assert_true(dv_txn_commit(&t, NULL) < 0);
	dv_txn_end(&t);
	assert_int_equal(env_count(e, "packs"), 0);
	env_reopen(e);
	assert_false(has_some(e, 1));
	free(incoming);
	free(away);
}

struct putter {
	struct dv_job job;
	struct dv_txn *t;
	struct env *e;
	uint64_t from;
	int rc;
};

static void run_putter(struct dv_job *job, void *ctx)
{
	struct putter *p = (struct putter *)job;
	struct dv_coder *c = ctx;
	uint8_t b[SOME];

	for (uint64_t i = p->from; i < p->from + 40 && !p->rc; i++) {
		struct dv_id id;

		if (i & 1)
			test_text(b, SOME, i);
		else
			test_noise(b, SOME, i);
		dv_put64(b, i);
		dv_sha256_of(c->sha, b, SOME, &id);
		p->rc = dv_txn_put(p->t, c, DV_KIND_CHUNK, &id, b, SOME, NULL);
	}
}

static void puts_from_many_threads(void **state)
{
	struct env *e = *state;
	struct putter p[8];
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };

	assert_ok(dv_txn_begin(&t, &e->s, 3, &err));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 8; i++) {
			/* Each number is put by two of them. */
			p[i] = (struct putter){ .job.run = run_putter, .t = &t,
				.e = e, .from = 1000 * (uint64_t)round +
					20 * (uint64_t)i };
			dv_pool_submit(e->pool, &p[i].job);
		}
		while (dv_pool_next(e->pool))
			;
		for (int i = 0; i < 8; i++)
			assert_int_equal(p[i].rc, 0);
		assert_ok(dv_txn_commit(&t, &err));
	}
	assert_int_equal(t.raw, 3 * 180 * SOME);
	dv_txn_end(&t);
	env_reopen(e);
	for (uint64_t i = 0; i < 2000; i++)
		assert_int_equal(has_some(e, i), i % 1000 < 180);
	assert_int_equal(env_count(e, "packs"), 3);
}

/* More than a pack holds: sealed, published in order, all found. */
static void full_packs_are_sealed(void **state)
{
	struct env *e = *state;
	size_t n = DV_CHUNK_MAX;
	uint8_t *b = test_alloc(n);
	struct dv_txn t = { 0 };
	struct dv_err err = { 0 };
	struct dv_id id;
	uint64_t i;

	assert_ok(dv_txn_begin(&t, &e->s, 0, &err));
	test_noise(b, n, 1);
	for (i = 0; i < 300; i++) {
		dv_put64(b, i);
		dv_sha256_of(e->c.sha, b, n, &id);
		assert_ok(dv_txn_put(&t, &e->c, DV_KIND_CHUNK, &id, b, n,
				     &err));
	}
	assert_int_equal(env_count(e, "incoming"), 2);
	assert_false(dv_txn_is_long(&t));
	assert_ok(dv_txn_sync(&t, &err));
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
	assert_int_equal(env_count(e, "packs"), 2);
	for (i = 0; i < 2; i++) {
		char *f = env_file(e, "packs", i);
		struct stat st;

		assert_int_equal(stat(f, &st), 0);
		assert_true(st.st_size <= (64 << 20) + 32 + 56 * 400);
		assert_int_equal(st.st_mode & 0222, 0);
		free(f);
	}
	for (i = 0; i < 300; i += 23) {
		dv_put64(b, i);
		dv_sha256_of(e->c.sha, b, n, &id);
		assert_true(dv_store_has(&e->s, DV_KIND_CHUNK, &id));
	}
	free(b);
}

/*
 * In a child process: a store of its own over the same folder, `n` chunks,
 * with a sync after each tenth. `up` is told how many are synced.
 */
static void child_writes(const char *path, uint64_t from, uint64_t n, int up)
{
	struct env e = { 0 };
	struct dv_txn t = { 0 };
	uint8_t b[SOME];

	if (dv_store_open(&e.s, path, 0, NULL) || dv_coder_init(&e.c, NULL) ||
	    dv_txn_begin(&t, &e.s, 3, NULL))
		_exit(2);
	for (uint64_t i = from; i < from + n; i++) {
		struct dv_id id = some_chunk(&e, i, b, SOME);
		uint64_t count = i + 1 - from;

		if (dv_txn_put(&t, &e.c, DV_KIND_CHUNK, &id, b, SOME, NULL))
			_exit(3);
		if (count % 10)
			continue;
		if (dv_txn_sync(&t, NULL))
			_exit(4);
		if (up >= 0 && dv_write_full(up, &count, sizeof(count)))
			_exit(5);
	}
	if (dv_txn_commit(&t, NULL))
		_exit(6);
	dv_txn_end(&t);
	dv_coder_release(&e.c);
	dv_store_close(&e.s);
	_exit(0);
}

static void two_processes_at_once(void **state)
{
	FORKS_BESIDE_THREADS();

	struct env *e = *state;
	char *path = env_path(e, "");
	pid_t pid[3];
	int st;

	for (int k = 0; k < 3; k++) {
		pid[k] = fork();
		assert_true(pid[k] >= 0);
		if (!pid[k])	/* they share a half with their neighbour */
			child_writes(path, 100 * (uint64_t)k, 200, -1);
	}
	for (int k = 0; k < 3; k++) {
		assert_int_equal(waitpid(pid[k], &st, 0), pid[k]);
		assert_int_equal(st, 0);
	}
	assert_int_equal(env_count(e, "incoming"), 0);
	/* This process finds them without opening the store anew. */
	for (uint64_t i = 0; i < 400; i++)
		assert_true(has_some(e, i));
	assert_int_equal(dv_store_lock_excl(&e->s, NULL), 0);
	dv_store_unlock_excl(&e->s);
	free(path);
}

static void killed_in_the_middle(void **state)
{
	FORKS_BESIDE_THREADS();

	struct env *e = *state;
	char *path = env_path(e, "");

	for (uint64_t round = 0; round < 8; round++) {
		uint64_t from = 1000000 * round, synced = 0, k;
		int p[2], st;
		pid_t pid;

		assert_int_equal(pipe(p), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			close(p[0]);
			child_writes(path, from, 1000000, p[1]);
		}
		close(p[1]);
		/* Kill it once `round` + 1 syncs were promised. */
		for (k = 0; k <= round; k++)
			assert_int_equal(dv_read_full(p[0], &synced,
						      sizeof(synced)),
					 sizeof(synced));
		kill(pid, SIGKILL);
		while (dv_read_full(p[0], &k, sizeof(k)) == sizeof(k))
			synced = k;
		assert_int_equal(waitpid(pid, &st, 0), pid);
		assert_true(WIFSIGNALED(st));
		close(p[0]);
		env_reopen(e);
		assert_int_equal(env_count(e, "incoming"), 0);
		assert_int_equal(env_count(e, "packs"), round + 1);
		for (k = 0; k < synced; k++)
			assert_true(has_some(e, from + k));
	}
	/* The dead left no lock. */
	assert_int_equal(dv_store_lock_excl(&e->s, NULL), 0);
	dv_store_unlock_excl(&e->s);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STORE(commit_publishes),
		IN_STORE(end_drops_what_was_not_synced),
		IN_STORE(synced_is_left_for_recovery),
		IN_STORE(sync_then_commit),
		IN_STORE(live_packs_are_left_alone),
		IN_STORE(failure_is_sticky),
		IN_STORE(write_errors_fail_the_commit),
		IN_STORE(puts_from_many_threads),
		IN_STORE(full_packs_are_sealed),
		IN_STORE(two_processes_at_once),
		IN_STORE(killed_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
