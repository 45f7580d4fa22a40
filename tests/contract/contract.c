/*
 * What remote/backend.h promises, asked of every backend. To add one, give it
 * an entry in `places`: how to make an empty place, and how to open it.
 */
#include "../unit/testlib.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "remote/backend.h"

struct place {
	const char *name;
	/* Make an empty place in this folder; NULL: cannot be had here. */
	char *(*make)(const char *dir);
	void (*unmake)(char *where);
	int (*open)(struct dv_backend **b, const char *where,
		    struct dv_err *err);
};

static char *make_dir(const char *dir)
{
	return dv_fmt("%s/place", dir);
}

static void unmake_dir(char *where)
{
	free(where);
}

static int open_dir(struct dv_backend **b, const char *where,
		    struct dv_err *err)
{
	return dv_backend_dir_open(b, where, 1, err);
}

static const struct place places[] = {
	{ "directory", make_dir, unmake_dir, open_dir },
};

static const struct place *place;	/* under test */

struct env {
	char *dir, *where;
	struct dv_backend *b;
};

static int setup(void **state)
{
	struct env *e = calloc(1, sizeof(*e));
	struct dv_err err = { 0 };

	assert_non_null(e);
	e->dir = test_dir_new();
	e->where = place->make(e->dir);
	assert_non_null(e->where);
	assert_ok(place->open(&e->b, e->where, &err));
	*state = e;
	return 0;
}

static int teardown(void **state)
{
	struct env *e = *state;

	e->b->ops->close(e->b);
	place->unmake(e->where);
	test_dir_free(e->dir);
	free(e);
	return 0;
}

/* ---- short forms ---- */

static int put(struct dv_backend *b, const char *key, const void *p, size_t n,
	       unsigned int flags, struct dv_err *err)
{
	return b->ops->put(b, key, p, n, flags, err);
}

/* The object is exactly these bytes. */
static void assert_object(struct dv_backend *b, const char *key, const void *p,
			  size_t n)
{
	uint8_t *got = test_alloc(n + 10);
	struct dv_err err = { 0 };
	uint64_t size = 1;
	size_t m;

	assert_ok(b->ops->size(b, key, &size, &err));
	assert_true(size == n);
	assert_ok(b->ops->get(b, key, 0, got, n + 10, &m, &err));
	assert_int_equal(m, n);
	assert_memory_equal(got, p, n);
	free(got);
}

static void assert_absent(struct dv_backend *b, const char *key)
{
	struct dv_err err = { 0 };
	uint64_t size;
	uint8_t buf[4];
	size_t m = 7;

	assert_fails(b->ops->get(b, key, 0, buf, sizeof(buf), &m, &err),
		     DV_ENOTFOUND);
	assert_int_equal(m, 0);
	assert_true(err.msg[0]);
	assert_fails(b->ops->size(b, key, &size, &err), DV_ENOTFOUND);
}

static void assert_list(struct dv_backend *b, const char *prefix,
			const char *const *want, size_t n)
{
	struct dv_strs names = { 0 };
	struct dv_err err = { 0 };

	assert_ok(b->ops->list(b, prefix, &names, &err));
	assert_int_equal(names.n, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(names.v[i], want[i]);
	dv_strs_release(&names);
}

/* ---- the contract ---- */

static void put_and_get(void **state)
{
	static const size_t sizes[] = { 0, 1, 4095, 4096, 300000 };
	struct env *e = *state;
	struct dv_err err = { 0 };
	uint8_t *p = test_alloc(300000);

	assert_true(e->b->ops->name[0]);
	test_noise(p, 300000, 1);
	for (size_t i = 0; i < DV_ARRAY_SIZE(sizes); i++) {
		char key[32];

		snprintf(key, sizeof(key), "a/b/%d", (int)i);
		assert_absent(e->b, key);
		assert_ok(put(e->b, key, p, sizes[i], DV_PUT_NEW, &err));
		assert_object(e->b, key, p, sizes[i]);
	}
	/* And it is there for whoever opens the place next. */
	e->b->ops->close(e->b);
	assert_ok(place->open(&e->b, e->where, &err));
	for (size_t i = 0; i < DV_ARRAY_SIZE(sizes); i++) {
		char key[32];

		snprintf(key, sizeof(key), "a/b/%d", (int)i);
		assert_object(e->b, key, p, sizes[i]);
	}
	free(p);
}

static void ranges(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	uint8_t p[10000], got[10000];
	static const struct {
		uint64_t off;
		size_t n, want;
	} v[] = {
		{ 0, 1, 1 }, { 0, 10000, 10000 }, { 1, 10000, 9999 },
		{ 9999, 5, 1 }, { 5000, 100, 100 }, { 10000, 10, 0 },
		{ 20000, 10, 0 }, { 1ULL << 40, 10, 0 }, { 3, 0, 0 },
	};

	test_noise(p, sizeof(p), 1);
	assert_ok(put(e->b, "x", p, sizeof(p), DV_PUT_NEW, &err));
	for (size_t i = 0; i < DV_ARRAY_SIZE(v); i++) {
		size_t m = 99;

		assert_ok(e->b->ops->get(e->b, "x", v[i].off, got, v[i].n, &m,
					 &err));
		assert_int_equal(m, v[i].want);
		if (m)
			assert_memory_equal(got, p + v[i].off, m);
	}
}

static void put_new_keeps_the_first(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	void *up;

	assert_ok(put(e->b, "k", "first", 5, DV_PUT_NEW, &err));
	assert_fails(put(e->b, "k", "second", 6, DV_PUT_NEW, &err),
		     DV_EEXIST);
	assert_fails(put(e->b, "k", "first", 5, DV_PUT_NEW, &err), DV_EEXIST);
	assert_object(e->b, "k", "first", 5);
	assert_ok(e->b->ops->upload_begin(e->b, "k", &up, &err));
	assert_ok(e->b->ops->upload_write(e->b, up, "third", 5, &err));
	assert_fails(e->b->ops->upload_commit(e->b, up, &err), DV_EEXIST);
	assert_object(e->b, "k", "first", 5);
	/* Without the flag it is replaced, whole. */
	assert_ok(put(e->b, "k", "4", 1, 0, &err));
	assert_object(e->b, "k", "4", 1);
	assert_ok(put(e->b, "new", "5", 1, 0, &err));
	assert_object(e->b, "new", "5", 1);
	assert_list(e->b, ".", (const char *const[]){ "k", "new" }, 2);
}

/* Sixteen processes create one key; one wins, and its bytes are there. */
static void sixteen_creators(void **state)
{
	enum { N = 16, ROUNDS = 5, SIZE = 70000 };
	struct env *e = *state;
	uint8_t *p = test_alloc(SIZE), *want = test_alloc(SIZE);

	for (int round = 0; round < ROUNDS; round++) {
		int gate[2], winner = -1;
		char key[32];
		pid_t pid[N];

		snprintf(key, sizeof(key), "race/%d", round);
		assert_int_equal(pipe(gate), 0);
		for (int i = 0; i < N; i++) {
			struct dv_err err = { 0 };
			struct dv_backend *b;
			char c;
			int rc;

			pid[i] = fork();
			assert_true(pid[i] >= 0);
			if (pid[i])
				continue;
			close(gate[1]);
			rc = place->open(&b, e->where, &err);
			if (rc)
				_exit(100);
			test_noise(p, SIZE, (uint64_t)i);
			/* Until the parent lets all go. */
			if (read(gate[0], &c, 1) < 0)
				_exit(101);
			rc = put(b, key, p, SIZE, DV_PUT_NEW, &err);
			_exit(rc == 0 ? 0 : rc == DV_EEXIST ? 1 : 102);
		}
		close(gate[0]);
		close(gate[1]);
		for (int i = 0; i < N; i++) {
			int status;

			assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
			assert_true(WIFEXITED(status));
			assert_true(WEXITSTATUS(status) <= 1);
			if (!WEXITSTATUS(status)) {
				assert_int_equal(winner, -1);
				winner = i;
			}
		}
		assert_true(winner >= 0);
		test_noise(want, SIZE, (uint64_t)winner);
		assert_object(e->b, key, want, SIZE);
	}
	assert_list(e->b, "race",
		    (const char *const[]){ "0", "1", "2", "3", "4" }, ROUNDS);
	free(p);
	free(want);
}

/* A reader beside a writer that replaces sees one or the other, never a mix. */
static void replaced_whole(void **state)
{
	enum { SIZE = 200000 };
	struct env *e = *state;
	struct dv_err err = { 0 };
	uint8_t *p = test_alloc(SIZE), *got = test_alloc(SIZE);
	int status;
	pid_t pid;

	memset(p, 0, SIZE);
	assert_ok(put(e->b, "latest", p, SIZE, 0, &err));
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct dv_backend *b;

		if (place->open(&b, e->where, &err))
			_exit(1);
		for (int i = 1; i < 60; i++) {
			memset(p, i, SIZE);
			if (put(b, "latest", p, SIZE, 0, &err))
				_exit(2);
		}
		_exit(0);
	}
	do {
		size_t m;

		assert_ok(e->b->ops->get(e->b, "latest", 0, got, SIZE, &m,
					 &err));
		assert_int_equal(m, SIZE);
		for (size_t i = 1; i < SIZE; i++)
			if (got[i] != got[0])
				fail_msg("a mix of %d and %d", got[0], got[i]);
	} while (!waitpid(pid, &status, WNOHANG));
	assert_int_equal(status, 0);
	free(p);
	free(got);
}

static void listing(void **state)
{
	static const char *const keys[] = {
		"shards/0/b", "shards/0/a", "shards/1/c", "shards/0/ab",
		"packs/ab/ab12", "format", "shards/0/0", "shards/0/a.b-c",
	};
	struct env *e = *state;
	struct dv_err err = { 0 };

	assert_list(e->b, "shards", NULL, 0);
	assert_list(e->b, "no/such", NULL, 0);
	for (size_t i = 0; i < DV_ARRAY_SIZE(keys); i++)
		assert_ok(put(e->b, keys[i], keys[i], strlen(keys[i]),
			      DV_PUT_NEW, &err));
	assert_list(e->b, "shards", (const char *const[]){ "0", "1" }, 2);
	assert_list(e->b, "shards/0",
		    (const char *const[]){ "0", "a", "a.b-c", "ab", "b" }, 5);
	assert_list(e->b, "packs", (const char *const[]){ "ab" }, 1);
	assert_list(e->b, "packs/a", NULL, 0);
	assert_list(e->b, ".", (const char *const[]){ "format", "packs",
						      "shards" }, 3);
	assert_ok(e->b->ops->remove(e->b, "shards/0/ab", &err));
	assert_list(e->b, "shards/0",
		    (const char *const[]){ "0", "a", "a.b-c", "b" }, 4);
	for (size_t i = 0; i < DV_ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i], "shards/0/ab"))
			assert_object(e->b, keys[i], keys[i], strlen(keys[i]));
}

/* More than one page of whatever lists in pages. */
static void long_listing(void **state)
{
	enum { N = 2300 };
	struct env *e = *state;
	struct dv_strs names = { 0 };
	struct dv_err err = { 0 };

	for (unsigned int i = 0; i < N; i++) {
		char key[64];

		snprintf(key, sizeof(key), "many/%08x", i * 2654435761u);
		assert_ok(put(e->b, key, "", 0, DV_PUT_NEW, &err));
	}
	assert_ok(e->b->ops->list(e->b, "many", &names, &err));
	assert_int_equal(names.n, N);
	for (size_t i = 1; i < names.n; i++)
		assert_true(strcmp(names.v[i - 1], names.v[i]) < 0);
	dv_strs_release(&names);
}

static void removal(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };

	assert_ok(e->b->ops->remove(e->b, "a/b", &err));
	assert_ok(put(e->b, "a/b", "x", 1, DV_PUT_NEW, &err));
	assert_ok(put(e->b, "a/c", "y", 1, DV_PUT_NEW, &err));
	assert_ok(e->b->ops->remove(e->b, "a/b", &err));
	assert_absent(e->b, "a/b");
	assert_object(e->b, "a/c", "y", 1);
	assert_ok(e->b->ops->remove(e->b, "a/b", &err));
	assert_ok(put(e->b, "a/b", "z", 1, DV_PUT_NEW, &err));
	assert_object(e->b, "a/b", "z", 1);
}

static void upload(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	size_t n = 3000000, at = 0;
	uint8_t *p = test_alloc(n);
	void *up;

	test_noise(p, n, 1);
	assert_ok(e->b->ops->upload_begin(e->b, "packs/0a/0a", &up, &err));
	while (at < n) {
		size_t m = DV_MIN(n - at, 1 + at / 3);

		assert_ok(e->b->ops->upload_write(e->b, up, p + at, m, &err));
		at += m;
		assert_absent(e->b, "packs/0a/0a");
	}
	assert_list(e->b, "packs/0a", NULL, 0);
	assert_ok(e->b->ops->upload_commit(e->b, up, &err));
	assert_object(e->b, "packs/0a/0a", p, n);
	assert_list(e->b, "packs/0a", (const char *const[]){ "0a" }, 1);
	/* An empty one is an object too. */
	assert_ok(e->b->ops->upload_begin(e->b, "packs/0b/0b", &up, &err));
	assert_ok(e->b->ops->upload_commit(e->b, up, &err));
	assert_object(e->b, "packs/0b/0b", "", 0);
	free(p);
}

static void upload_given_up(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	void *up, *other;

	assert_ok(e->b->ops->upload_begin(e->b, "packs/aa/aa", &up, &err));
	assert_ok(e->b->ops->upload_write(e->b, up, "part", 4, &err));
	assert_ok(e->b->ops->upload_begin(e->b, "packs/aa/aa", &other, &err));
	assert_ok(e->b->ops->upload_write(e->b, other, "whole", 5, &err));
	e->b->ops->upload_abort(e->b, up);
	assert_absent(e->b, "packs/aa/aa");
	assert_list(e->b, "packs/aa", NULL, 0);
	assert_ok(e->b->ops->upload_commit(e->b, other, &err));
	assert_object(e->b, "packs/aa/aa", "whole", 5);
}

/* kill -9 at any moment: the name holds all of it or does not exist. */
static void uploader_killed(void **state)
{
	enum { SIZE = 6000000, TRIES = 12 };
	struct env *e = *state;
	struct dv_err err = { 0 };
	uint8_t *p = test_alloc(SIZE);

	test_noise(p, SIZE, 1);
	for (int i = 0; i < TRIES; i++) {
		struct timespec t = { .tv_nsec = i * 1500000L };
		char key[32];
		uint64_t size;
		int status, rc;
		pid_t pid;

		snprintf(key, sizeof(key), "packs/ff/%d", i);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			struct dv_backend *b;
			void *up;

			if (place->open(&b, e->where, &err) ||
			    b->ops->upload_begin(b, key, &up, &err))
				_exit(1);
			for (size_t at = 0; at < SIZE; at += 100000)
				if (b->ops->upload_write(b, up, p + at,
							 100000, &err))
					_exit(1);
			_exit(b->ops->upload_commit(b, up, &err) != 0);
		}
		nanosleep(&t, NULL);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) || !WEXITSTATUS(status));
		rc = e->b->ops->size(e->b, key, &size, &err);
		if (!rc)
			assert_object(e->b, key, p, SIZE);
		else
			assert_fails(rc, DV_ENOTFOUND);
		/* Nobody is kept from doing it again. */
		rc = put(e->b, key, p, SIZE, DV_PUT_NEW, &err);
		assert_true(rc == 0 || rc == DV_EEXIST);
		assert_object(e->b, key, p, SIZE);
	}
	/* What is left of the dead is no key. */
	{
		struct dv_strs names = { 0 };

		assert_ok(e->b->ops->list(e->b, "packs/ff", &names, &err));
		assert_int_equal(names.n, TRIES);
		dv_strs_release(&names);
	}
	free(p);
}

static void big_object(void **state)
{
	enum { PART = 1 << 20, PARTS = 96 };
	struct env *e = *state;
	struct dv_err err = { 0 };
	uint8_t *p = test_alloc(PART), *got = test_alloc(PART);
	uint64_t size;
	size_t m;
	void *up;

	test_noise(p, PART, 1);
	assert_ok(e->b->ops->upload_begin(e->b, "big", &up, &err));
	for (uint32_t i = 0; i < PARTS; i++) {
		dv_put32(p, i);
		assert_ok(e->b->ops->upload_write(e->b, up, p, PART, &err));
	}
	assert_ok(e->b->ops->upload_commit(e->b, up, &err));
	assert_ok(e->b->ops->size(e->b, "big", &size, &err));
	assert_true(size == (uint64_t)PART * PARTS);
	for (uint32_t i = 0; i < PARTS; i += 19) {
		assert_ok(e->b->ops->get(e->b, "big", (uint64_t)i * PART, got,
					 PART, &m, &err));
		dv_put32(p, i);
		assert_int_equal(m, PART);
		assert_memory_equal(got, p, PART);
	}
	free(p);
	free(got);
}

static void odd_keys(void **state)
{
	static const char *const keys[] = {
		"0", "a.b", "a-b", "a..b", "a", "x/y/z/0/1/2/3/4/5/6/7/8/9",
		"git/refs/ffffffffffffffff", "con", "nul.txt", "-", "--help",
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	};
	struct env *e = *state;
	struct dv_err err = { 0 };

	for (size_t i = 0; i < DV_ARRAY_SIZE(keys); i++) {
		char key[256];

		snprintf(key, sizeof(key), "odd/%s", keys[i]);
		assert_ok(put(e->b, key, keys[i], strlen(keys[i]), DV_PUT_NEW,
			      &err));
	}
	for (size_t i = 0; i < DV_ARRAY_SIZE(keys); i++) {
		char key[256];

		snprintf(key, sizeof(key), "odd/%s", keys[i]);
		assert_object(e->b, key, keys[i], strlen(keys[i]));
		assert_ok(e->b->ops->remove(e->b, key, &err));
		assert_absent(e->b, key);
	}
}

struct worker {
	pthread_t thread;
	struct dv_backend *b;
	int number, rc;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	uint8_t p[5000], got[5000];
	struct dv_err err = { 0 };

	for (int i = 0; !w->rc && i < 20; i++) {
		char key[64];
		uint64_t size;
		size_t m;

		test_noise(p, sizeof(p), (uint64_t)(w->number * 100 + i));
		snprintf(key, sizeof(key), "t/%d/%d", w->number, i);
		w->rc = put(w->b, key, p, sizeof(p), DV_PUT_NEW, &err);
		if (!w->rc)
			w->rc = w->b->ops->get(w->b, key, 0, got, sizeof(got),
					       &m, &err);
		if (!w->rc && (m != sizeof(p) || memcmp(p, got, m)))
			w->rc = DV_ECORRUPT;
		if (!w->rc)
			w->rc = w->b->ops->size(w->b, key, &size, &err);
		if (!w->rc && i & 1)
			w->rc = w->b->ops->remove(w->b, key, &err);
	}
	return NULL;
}

static void threads(void **state)
{
	enum { N = 8 };
	struct env *e = *state;
	struct worker w[N] = { 0 };
	struct dv_err err = { 0 };

	for (int i = 0; i < N; i++) {
		w[i].b = e->b;
		w[i].number = i;
		assert_int_equal(pthread_create(&w[i].thread, NULL, work,
						&w[i]), 0);
	}
	for (int i = 0; i < N; i++) {
		struct dv_strs names = { 0 };
		char prefix[16];

		assert_int_equal(pthread_join(w[i].thread, NULL), 0);
		assert_int_equal(w[i].rc, 0);
		snprintf(prefix, sizeof(prefix), "t/%d", i);
		assert_ok(e->b->ops->list(e->b, prefix, &names, &err));
		assert_int_equal(names.n, 10);
		dv_strs_release(&names);
	}
}

static void clock_goes(void **state)
{
	struct env *e = *state;
	struct dv_err err = { 0 };
	int64_t a = 0, b = 0;

	assert_ok(e->b->ops->now(e->b, &a, &err));
	assert_ok(e->b->ops->now(e->b, &b, &err));
	assert_true(a > 1600000000);
	assert_true(b >= a);
}

int main(void)
{
#define AT(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		AT(put_and_get),
		AT(ranges),
		AT(put_new_keeps_the_first),
		AT(sixteen_creators),
		AT(replaced_whole),
		AT(listing),
		AT(long_listing),
		AT(removal),
		AT(upload),
		AT(upload_given_up),
		AT(uploader_killed),
		AT(big_object),
		AT(odd_keys),
		AT(threads),
		AT(clock_goes),
	};
	int failed = 0;

	for (size_t i = 0; i < DV_ARRAY_SIZE(places); i++) {
		place = &places[i];
		failed += cmocka_run_group_tests_name(place->name, tests, NULL,
						      NULL);
	}
	return failed;
}
