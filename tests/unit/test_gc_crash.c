/* Collections beside writers that live, died, or hold an old list of packs. */
#include "gclib.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "store/verify.h"

/* Opened by the next call that takes a pack away, just before it does. */
static struct dv_store *late;
static char *late_path;

static void open_late(const char *from)
{
	struct dv_store *s = late;
	struct dv_err err = { 0 };

	if (!s || !strstr(from, "/packs/"))
		return;
	late = NULL;
	assert_ok(dv_store_open(s, late_path, 0, &err));
}

/* Instead of libc's. */
int unlink(const char *path)
{
	open_late(path);
	return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int rename(const char *from, const char *to)
{
	open_late(from);
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* Who has listed the packs before must not find there what is gone. */
static void stale_writers_store_again(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct env other = { 0 };
	struct dv_gc g;
	char *path = env_path(e, "");

	commit_some(e, 0, 10);
	path[strlen(path) - 1] = '\0';
	assert_ok(dv_store_open(&other.s, path, 0, &err));
	assert_ok(dv_coder_init(&other.c, &err));
	begin(e, &g, 0);
	finish(&g);
	assert_int_equal(env_count(e, "packs"), 0);
	commit_some(&other, 0, 10);
	assert_int_equal(env_count(e, "packs"), 1);
	env_reopen(e);
	for (uint64_t i = 0; i < 10; i++)
		assert_true(has_some(e, i));
	dv_coder_release(&other.c);
	dv_store_close(&other.s);
	free(path);
}

/* Nor who lists them while it goes on, and then waits for its end. */
static void late_writers_store_again(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct dv_store other = { 0 };
	struct dv_gc g;
	uint8_t b[SOME];
	struct dv_id id = some_chunk(e, 5, b, SOME);

	for (int how = 0; how < 3; how++) {
		commit_some(e, 0, 10);
		late_path = dv_fmt("%s/dv", e->dir);
		late = &other;
		if (how == 0) {			/* a collection */
			begin(e, &g, 0);
			finish(&g);
		} else if (how == 1) {		/* a quarantine */
			char *pack = env_file(e, "packs", 0);
			struct dv_verify v;
			size_t moved;

			damage(pack, DV_PACK_HEAD + 3);
			env_reopen(e);
			assert_ok(dv_store_verify(&e->s, e->pool, 0, &v, &err));
			assert_int_equal(v.bad_records, 1);
			assert_ok(dv_store_quarantine(&e->s, &v, &moved, &err));
			dv_verify_release(&v);
			free(pack);
		} else {			/* a collection that is killed */
			assert_ok(dv_store_new_epoch(&e->s, 1, &err));
			while (env_count(e, "packs")) {
				char *pack = env_file(e, "packs", 0);

				assert_int_equal(unlink(pack), 0);
				free(pack);
			}
		}
		assert_null(late);
		assert_ok(dv_store_lock_shared(&other, &err));
		assert_int_equal(dv_store_has_quick(&other, DV_KIND_CHUNK,
						    &id),
				 how == 1);
		if (how == 1) {
			struct dv_id first = some_chunk(e, 0, b, SOME);

			assert_false(dv_store_has_quick(&other, DV_KIND_CHUNK,
							&first));
		}
		dv_store_unlock(&other);
		dv_store_close(&other);
		free(late_path);
		env_reopen(e);
	}
}

__attribute__((unused))
static void a_writer_keeps_it_away(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct dv_gc g;
	int go[2], st;
	char c = 0;
	pid_t pid;

	commit_some(e, 0, 1);
	assert_int_equal(pipe(go), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct dv_store other;
		char *path = dv_fmt("%s/dv", e->dir);

		if (dv_store_open(&other, path, 0, NULL) ||
		    dv_store_lock_shared(&other, NULL))
			_exit(1);
		if (write(go[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(go[0], &c, 1), 1);
	assert_fails(dv_gc_begin(&g, &e->s, e->pool, DV_GC_LOCK, &err),
		     DV_EAGAIN);
	/* A look needs no lock, and only looks. */
	assert_ok(dv_gc_begin(&g, &e->s, e->pool, 0, &err));
	g.young = INT64_MAX;
	assert_ok(dv_gc_plan(&g, &err));
	assert_int_equal(g.result.files, 1);
	assert_fails(dv_gc_sweep(&g, &err), DV_EINVAL);
	dv_gc_end(&g);
	assert_true(has_some(e, 0));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	close(go[0]);
	close(go[1]);
	begin(e, &g, 0);
	finish(&g);
	assert_false(has_some(e, 0));
}

/* A crash after the new packs are published leaves copies. */
static void copies_of_a_crash_go_next_time(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct dv_buf old = { 0 };
	struct dv_gc_result r;
	struct dv_gc g;
	struct dv_oid oid;
	uint8_t b[SOME];
	char *f;

	commit_some(e, 0, 10);
	oid = chunk_oid(some_chunk(e, 3, b, SOME));
	f = env_file(e, "packs", 0);
	assert_ok(dv_file_read(f, &old, 1 << 20, &err));
	begin(e, &g, 0);
	keep(&g, &oid);
	finish(&g);
	assert_ok(dv_file_write(f, old.p, old.n, 0444, 0, &err));
	env_reopen(e);
	assert_true(has_some(e, 3) && has_some(e, 5));
	begin(e, &g, 0);
	keep(&g, &oid);
	r = finish(&g);
	assert_int_equal(r.packs_rewritten, 1);
	assert_true(has_some(e, 3));
	assert_false(has_some(e, 5));
	assert_int_equal(env_count(e, "packs"), 1);
	dv_buf_release(&old);
	free(f);
}

/*
 * A writer that synced and died after we opened: Git may have committed what
 * it wrote, so that is published before anything is judged.
 */
static void what_a_dead_writer_left_counts(void **state)
{
	struct env *e = *state;
	uint8_t *a = test_alloc(BIG);
	struct dv_err err = { 0 };
	struct dv_oid oid;
	struct dv_gc g;
	char *from, *to;
	int fd;

	test_noise(a, BIG, 5);
	oid = store_bytes(e, a, BIG, NULL);
	from = env_file(e, "packs", 0);
	to = dv_fmt("%s/dv/incoming%s", e->dir, strrchr(from, '/'));
	assert_int_equal(rename(from, to), 0);
	assert_ok(dv_packset_rescan(&e->s.set, &err));
	assert_false(dv_store_has_file(&e->s, &oid));
	/* Held by a process that is not one of the store's writers. */
	assert_int_equal(chmod(to, 0644), 0);
	fd = open(to, O_RDWR | O_CLOEXEC);
	assert_ok(dv_lock_fd(fd, DV_LOCK_EXCL, 0, &err));
	assert_fails(dv_gc_begin(&g, &e->s, e->pool, DV_GC_LOCK, &err),
		     DV_EAGAIN);
	close(fd);
	begin(e, &g, 0);
	assert_int_equal(env_count(e, "incoming"), 0);
	keep(&g, &oid);
	finish(&g);
	assert_content(e, &oid, a, BIG);
	free(from);
	free(to);
	free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STORE(stale_writers_store_again),
		IN_STORE(late_writers_store_again),
#ifndef __SANITIZE_ADDRESS__
		/* It forks beside the pool's threads. */
		IN_STORE(a_writer_keeps_it_away),
#endif
		IN_STORE(copies_of_a_crash_go_next_time),
		IN_STORE(what_a_dead_writer_left_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
