#include "storelib.h"

#include <pthread.h>
#include <sys/wait.h>

static void assert_all(struct env *e, uint64_t from, uint64_t n)
{
	for (uint64_t i = from; i < from + n; i++)
		assert_true(has_some(e, i));
}

/* Sizes of the packs that stay, smallest first: each twice those before. */
static void assert_geometric(struct env *e)
{
	struct dv_strs names = env_names(e, "packs");
	uint64_t size[200], sum = 0;
	size_t n = names.n;

	assert_true(n < DV_ARRAY_SIZE(size));
	for (size_t i = 0; i < n; i++) {
		char *f = env_file(e, "packs", i);
		struct stat st;

		assert_int_equal(stat(f, &st), 0);
		size[i] = (uint64_t)st.st_size;
		free(f);
		for (size_t k = i; k && size[k - 1] > size[k]; k--) {
			uint64_t x = size[k];

			size[k] = size[k - 1];
			size[k - 1] = x;
		}
	}
	for (size_t i = 0; i < n; i++) {
		assert_true(size[i] >= 2 * sum);
		sum += size[i];
	}
	dv_strs_release(&names);
}

static void merge_is_geometric(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };

	commit_some(e, 1000, 400);	/* one that is large enough to stay */
	for (uint64_t i = 0; i < 12; i++)
		commit_some(e, 10 * i, 5);
	assert_int_equal(env_count(e, "packs"), 13);
	assert_ok(dv_store_merge_small(&e->s, &err));
	assert_int_equal(env_count(e, "packs"), 2);
	assert_geometric(e);
	assert_int_equal(env_count(e, "incoming"), 0);
	for (uint64_t i = 0; i < 12; i++)
		assert_all(e, 10 * i, 5);
	assert_all(e, 1000, 400);
	env_reopen(e);
	for (uint64_t i = 0; i < 12; i++)
		assert_all(e, 10 * i, 5);
	assert_all(e, 1000, 400);
	/* Nothing to do: nothing is done. */
	assert_ok(dv_store_merge_small(&e->s, &err));
	assert_int_equal(env_count(e, "packs"), 2);
	/* It is a writer again as before. */
	assert_int_equal(e->s.writers, 0);
	commit_some(e, 5000, 1);
	assert_all(e, 5000, 1);
}

static void copies_become_one(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct dv_loc loc;
	struct dv_id id;
	uint8_t b[SOME];
	char *f, *copy;

	for (uint64_t i = 0; i < 10; i++)
		commit_some(e, 10 * i, 10);
	/* The same packs under further names, as a crash may leave them. */
	for (int i = 0; i < 3; i++) {
		struct dv_buf p = { 0 };
		char name[33];

		f = env_file(e, "packs", 0);
		assert_ok(dv_random_name(name, &err));
		copy = dv_fmt("%s/dv/packs/%s", e->dir, name);
		assert_ok(dv_file_read(f, &p, 1 << 20, &err));
		assert_ok(dv_file_write(copy, p.p, p.n, 0444, 0, &err));
		dv_buf_release(&p);
		free(f);
		free(copy);
	}
	assert_ok(dv_store_merge_small(&e->s, &err));
	assert_int_equal(env_count(e, "packs"), 1);
	assert_all(e, 0, 100);
	for (uint64_t i = 0; i < 100; i++) {
		id = some_chunk(e, i, b, SOME);
		assert_true(dv_packset_find_nth(&e->s.set, DV_KIND_CHUNK, &id,
						0, &loc));
		assert_false(dv_packset_find_nth(&e->s.set, DV_KIND_CHUNK, &id,
						 1, &loc));
	}
}

/* What is damaged is not copied, and nothing is unlinked then. */
static void damage_stops_a_merge(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct dv_loc loc;
	struct dv_id id;
	uint8_t b[SOME];
	char *path;

	for (uint64_t i = 0; i < 10; i++)
		commit_some(e, 10 * i, 10);
	id = some_chunk(e, 42, b, SOME);
	assert_true(dv_store_locate(&e->s, DV_KIND_CHUNK, &id, &loc));
	path = dv_pack_path(&e->s.set, loc.pack);
	damage(path, loc.row.off + 200);
	assert_fails(dv_store_merge_small(&e->s, &err), DV_ECORRUPT);
	assert_int_equal(env_count(e, "packs"), 10);
	assert_int_equal(env_count(e, "incoming"), 0);
	for (uint64_t i = 0; i < 100; i++)
		if (i != 42)
			assert_true(has_some(e, i));
	env_reopen(e);
	assert_true(has_some(e, 41) && has_some(e, 43));
	free(path);
}

/* A good record is not given up for a copy elsewhere that is damaged. */
static void a_bad_copy_stops_a_merge(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct dv_store early;
	struct dv_txn t = { 0 };
	struct dv_loc loc;
	struct dv_id id;
	uint8_t b[SOME];
	char *dir = env_path(e, ""), *path;

	/* Two writers at once: the large pack and a small one have chunk 7. */
	assert_ok(dv_store_open(&early, dir, 0, &err));
	commit_some(e, 0, 400);
	assert_ok(dv_txn_begin(&t, &early, 3, &err));
	id = put_some(e, &t, 7);
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
	dv_store_close(&early);
	for (uint64_t i = 0; i < 10; i++)
		commit_some(e, 1000 + i, 1);
	(void)some_chunk(e, 7, b, SOME);
	assert_true(dv_store_locate(&e->s, DV_KIND_CHUNK, &id, &loc));
	path = dv_pack_path(&e->s.set, loc.pack);
	damage(path, loc.row.off + 200);
	assert_fails(dv_store_merge_small(&e->s, &err), DV_ECORRUPT);
	assert_int_equal(env_count(e, "packs"), 12);
	env_reopen(e);
	assert_true(has_some(e, 7));
	/* With a good one elsewhere it goes. */
	damage(path, loc.row.off + 200);
	env_reopen(e);
	assert_ok(dv_store_merge_small(&e->s, &err));
	assert_int_equal(env_count(e, "packs"), 2);
	assert_all(e, 0, 400);
	assert_all(e, 1000, 10);
	assert_true(dv_packset_find_nth(&e->s.set, DV_KIND_CHUNK, &id, 0,
					&loc));
	assert_false(dv_packset_find_nth(&e->s.set, DV_KIND_CHUNK, &id, 1,
					 &loc));
	free(path);
	free(dir);
}

static void merge_waits_for_no_writer(void **state)
{
	struct env *e = *state;
	struct dv_txn t = { 0 };
	struct dv_store other;
	struct dv_err err = { 0 };
	char *path = env_path(e, "");

	for (uint64_t i = 0; i < 10; i++)
		commit_some(e, i, 1);
	assert_ok(dv_store_open(&other, path, 0, &err));
	assert_ok(dv_txn_begin(&t, &other, 0, &err));
	assert_fails(dv_store_merge_small(&e->s, &err), DV_EAGAIN);
	dv_store_maintain(&e->s);
	assert_int_equal(env_count(e, "packs"), 10);
	dv_txn_end(&t);
	assert_ok(dv_store_merge_small(&e->s, &err));
	assert_int_equal(env_count(e, "packs"), 1);
	dv_store_close(&other);
	free(path);
}

static void one_index_over_many_packs(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };

	for (uint64_t i = 0; i < 40; i++)
		commit_some(e, 10 * i, 10);
	assert_ok(dv_store_index(&e->s, 0, &err));
	assert_int_equal(env_count(e, "index"), 1);
	assert_int_equal(e->s.set.nidx, 1);
	assert_int_equal(e->s.set.idx[0].view.nrows, 400);
	for (size_t i = 0; i < e->s.set.n; i++)
		assert_true(e->s.set.v[i]->indexed);
	assert_all(e, 0, 400);
	assert_false(has_some(e, 400));
	env_reopen(e);
	for (size_t i = 0; i < e->s.set.n; i++)
		assert_null(e->s.set.v[i]->table);	/* not even read */
	assert_all(e, 0, 400);
	/* A few more are answered by their own tables. */
	for (uint64_t i = 40; i < 50; i++)
		commit_some(e, 10 * i, 10);
	assert_ok(dv_store_index(&e->s, 0, &err));
	assert_int_equal(e->s.set.idx[0].view.nrows, 400);
	assert_all(e, 0, 500);
	assert_ok(dv_store_index(&e->s, 1, &err));
	assert_int_equal(env_count(e, "index"), 1);
	assert_int_equal(e->s.set.idx[0].view.nrows, 500);
	assert_all(e, 0, 500);
}

static void index_files_stay_few(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	uint64_t at = 0;

	for (int round = 0; round < 12; round++) {
		for (int i = 0; i < 17; i++, at += 3)
			commit_some(e, at, 3);
		assert_ok(dv_store_index(&e->s, 0, &err));
		assert_within(env_count(e, "index"), 1, 4);
	}
	assert_all(e, 0, at);
	env_reopen(e);
	assert_all(e, 0, at);
}

/* Packs that a merge took away leave the next index. */
static void index_after_merge(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };

	for (uint64_t i = 0; i < 30; i++)
		commit_some(e, 10 * i, 10);
	assert_ok(dv_store_index(&e->s, 1, &err));
	assert_ok(dv_store_merge_small(&e->s, &err));
	assert_int_equal(env_count(e, "packs"), 1);
	assert_all(e, 0, 300);
	env_reopen(e);
	assert_all(e, 0, 300);		/* the old index names none of it */
	assert_ok(dv_store_index(&e->s, 1, &err));
	assert_int_equal(e->s.set.nidx, 1);
	assert_int_equal(e->s.set.idx[0].view.npacks, 1);
	assert_int_equal(e->s.set.idx[0].view.nrows, 300);
	assert_all(e, 0, 300);
}

/* An index is a cache: a damaged or foreign one is passed over. */
static void damaged_index_is_passed_over(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	char *f;

	for (uint64_t i = 0; i < 20; i++)
		commit_some(e, 10 * i, 10);
	assert_ok(dv_store_index(&e->s, 1, &err));
	f = env_file(e, "index", 0);
	damage(f, 20);			/* in the head's counts */
	env_reopen(e);
	assert_int_equal(e->s.set.nidx, 0);
	assert_all(e, 0, 200);
	cut_file(f, 0);
	env_reopen(e);
	assert_all(e, 0, 200);
	free(f);
}

/*
 * A damaged row in an index must cost neither much memory nor the content,
 * which the pack's own table still leads to.
 */
static void damaged_index_rows(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct dv_id id;
	uint8_t b[SOME];
	size_t rows_at;
	int64_t row;
	char *f;

	commit_some(e, 0, 200);
	assert_ok(dv_store_index(&e->s, 1, &err));
	f = env_file(e, "index", 0);
	id = some_chunk(e, 7, b, SOME);
	row = dv_index_find(&e->s.set.idx[0].view, &id);
	assert_true(row >= 0);
	rows_at = DV_INDEX_HEAD + 16 + DV_INDEX_FAN;
	/* The high byte of the encoded length: 1 GiB, in a small pack. */
	damage(f, rows_at + (size_t)row * DV_PACK_ROW + 47);
	dv_coder_release(&e->c);
	assert_ok(dv_coder_init(&e->c, &err));
	env_reopen(e);
	assert_true(has_some(e, 7));
	assert_true(e->c.in.cap < (1 << 20));
	assert_true(has_some(e, 8));
	free(f);
}

/* Whatever byte of an index changes: it is found, and replaced by the tables. */
static void wrong_index_is_dropped(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct dv_buf was = { 0 };
	size_t names = DV_INDEX_HEAD + 20 * 16;
	char *f;

	for (uint64_t i = 0; i < 20; i++)
		commit_some(e, 2 * i, 2);
	assert_ok(dv_store_index(&e->s, 1, &err));
	f = env_file(e, "index", 0);
	assert_ok(dv_file_read(f, &was, 1 << 20, &err));
	assert_ok(dv_store_check_index(&e->s, &err));
	assert_true(dv_file_exists(f));
	for (size_t i = 0; i < was.n; i += 3) {
		/* A pack of another name is one that is gone, and not found. */
		if (i >= DV_INDEX_HEAD && i < names)
			continue;
		was.p[i] ^= 0x04;
		assert_ok(dv_file_write(f, was.p, was.n, 0644, 0, &err));
		was.p[i] ^= 0x04;
		env_reopen(e);
		assert_ok(dv_store_check_index(&e->s, &err));
		assert_false(dv_file_exists(f));
		assert_true(e->s.set.nidx == 0 || env_count(e, "index") == 1);
		if (i % 64 == 0)
			assert_all(e, 0, 40);
		for (size_t k = env_count(e, "index"); k-- > 0;) {
			char *new = env_file(e, "index", k);

			assert_int_equal(unlink(new), 0);
			free(new);
		}
	}
	/* Where it cannot be removed, it is not used. */
	was.p[names + DV_INDEX_FAN + 33] ^= 0x04;
	assert_ok(dv_file_write(f, was.p, was.n, 0644, 0, &err));
	env_reopen(e);
	assert_int_equal(e->s.set.nidx, 1);
	e->s.read_only = 1;
	assert_ok(dv_store_check_index(&e->s, &err));
	assert_true(dv_file_exists(f));
	assert_int_equal(e->s.set.nidx, 0);
	assert_all(e, 0, 40);
	e->s.read_only = 0;
	dv_buf_release(&was);
	free(f);
}

static void maintain_does_both(void **state)
{
	struct env *e = *state;
	uint64_t at = 0;

	for (int i = 0; i < 60; i++, at += 4) {
		commit_some(e, at, 4);
		dv_store_maintain(&e->s);
		/* Between two merges at most eight small ones gather. */
		assert_within(env_count(e, "packs"), 1, 16);
	}
	assert_all(e, 0, at);
	env_reopen(e);
	assert_all(e, 0, at);
}

/* A reader that knows only packs which a merge has unlinked since. */
static void reader_with_an_old_list(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	struct env reader = { 0 };
	struct dv_loc loc;
	struct dv_id id;
	uint8_t b[SOME];
	char *path = env_path(e, "");
	int fd;

	for (uint64_t i = 0; i < 10; i++)
		commit_some(e, 10 * i, 10);
	assert_ok(dv_store_open(&reader.s, path, 0, &err));
	assert_ok(dv_coder_init(&reader.c, &err));
	assert_true(has_some(&reader, 5));	/* this one is open */
	assert_ok(dv_store_merge_small(&e->s, &err));
	assert_int_equal(env_count(e, "packs"), 1);
	assert_all(&reader, 0, 100);
	dv_coder_release(&reader.c);
	dv_store_close(&reader.s);

	/* The same where an index led there. */
	commit_some(e, 500, 1);
	for (uint64_t i = 51; i < 60; i++)
		commit_some(e, 10 * i, 10);
	assert_ok(dv_store_index(&e->s, 1, &err));
	assert_ok(dv_store_open(&reader.s, path, 0, &err));
	assert_ok(dv_coder_init(&reader.c, &err));
	assert_ok(dv_store_merge_small(&e->s, &err));
	assert_ok(dv_store_index(&e->s, 1, &err));
	/* A place that was looked up before is gone, and says so. */
	id = some_chunk(e, 577, b, SOME);
	assert_true(dv_store_locate(&reader.s, DV_KIND_CHUNK, &id, &loc));
	assert_fails(dv_packset_fd(&reader.s.set, loc.pack, &fd, &err),
		     DV_ENOTFOUND);
	assert_true(loc.pack->gone);
	assert_all(&reader, 510, 90);
	dv_coder_release(&reader.c);
	dv_store_close(&reader.s);
	free(path);
}

struct reading {
	pthread_t thread;
	struct env *e;
	uint64_t n;
	int *stop, bad;
};

static void *read_on(void *arg)
{
	struct reading *r = arg;
	struct dv_coder c;
	uint64_t seed = (uint64_t)(uintptr_t)r;

	if (dv_coder_init(&c, NULL)) {
		r->bad = 1;
		return NULL;
	}
	while (!__atomic_load_n(r->stop, __ATOMIC_RELAXED) && !r->bad) {
		uint64_t i = test_rand(&seed) % r->n;
		uint8_t b[SOME];
		struct dv_id id;
		const uint8_t *p;
		size_t n;

		if (i & 1)
			test_text(b, SOME, i);
		else
			test_noise(b, SOME, i);
		dv_put64(b, i);
		dv_sha256_of(c.sha, b, SOME, &id);
		if (dv_store_read(&r->e->s, &c, DV_KIND_CHUNK, &id, &p, &n,
				  NULL) || n != SOME || memcmp(p, b, SOME))
			r->bad = 1;
	}
	dv_coder_release(&c);
	return NULL;
}

/*
 * Threads that read without pause while packs appear, are merged and indexed
 * by another process, and the list is rescanned here. With more packs than
 * descriptors are kept open, idle ones are closed on the way.
 */
__attribute__((unused))
static void readers_go_on(void **state)
{
	struct env *e = *state;
	struct reading r[3];
	struct dv_err err = { 0 };
	char *path = env_path(e, "");
	int stop = 0, st;
	pid_t pid;

	for (uint64_t i = 0; i < 150; i++)
		commit_some(e, 2 * i, 2);
	for (int i = 0; i < 3; i++) {
		r[i] = (struct reading){ .e = e, .n = 300, .stop = &stop };
		assert_int_equal(pthread_create(&r[i].thread, NULL, read_on,
						&r[i]), 0);
	}
	for (uint64_t round = 0; round < 4; round++) {
		/* Own packs make the list move. */
		for (uint64_t i = 0; i < 40; i++)
			commit_some(e, 10000 + 1000 * round + i, 1);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			struct dv_store other;

			if (dv_store_open(&other, path, 0, NULL) ||
			    dv_store_merge_small(&other, NULL) ||
			    dv_store_index(&other, 1, NULL))
				_exit(1);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &st, 0), pid);
		assert_int_equal(st, 0);
		assert_ok(dv_packset_rescan(&e->s.set, &err));
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 3; i++) {
		pthread_join(r[i].thread, NULL);
		assert_int_equal(r[i].bad, 0);
	}
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STORE(merge_is_geometric),
		IN_STORE(copies_become_one),
		IN_STORE(damage_stops_a_merge),
		IN_STORE(a_bad_copy_stops_a_merge),
		IN_STORE(merge_waits_for_no_writer),
		IN_STORE(one_index_over_many_packs),
		IN_STORE(index_files_stay_few),
		IN_STORE(index_after_merge),
		IN_STORE(damaged_index_is_passed_over),
		IN_STORE(damaged_index_rows),
		IN_STORE(wrong_index_is_dropped),
		IN_STORE(maintain_does_both),
		IN_STORE(reader_with_an_old_list),
#ifndef __SANITIZE_ADDRESS__
		/* Its fork beside running threads can deadlock in ASan's allocator. */
		IN_STORE(readers_go_on),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
