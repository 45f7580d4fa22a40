#include "testlib.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "store/similar.h"

#define FIRST 1024u		/* entries of a new file */
#define FIRST_SIZE (64 + (off_t)FIRST * (84 + 32))

static char *in(void **state, const char *name)
{
	char *p = dv_fmt("%s/%s", (const char *)*state, name);

	assert_non_null(p);
	return p;
}

static struct dv_id id_of(uint64_t i)
{
	struct dv_id id;

	test_noise(id.b, DV_ID_SIZE, i + 1000000);
	return id;
}

/* Twelve features that depend on i alone; the first `other` on `j` too. */
static struct dv_sketch sketch_of(uint64_t i, unsigned int other, uint64_t j)
{
	uint64_t seed = i * 977;
	struct dv_sketch s;

	for (unsigned int k = 0; k < DV_SKETCH_FEATURES; k++)
		s.f[k] = (uint32_t)test_rand(&seed) | 1;
	seed = j * 1013 + 7;
	for (unsigned int k = 0; k < other; k++)
		s.f[k] = (uint32_t)test_rand(&seed) | 1;
	return s;
}

static void add(struct dv_similar *t, uint64_t i)
{
	struct dv_sketch s = sketch_of(i, 0, 0);
	struct dv_id id = id_of(i);

	dv_similar_add(t, &s, &id);
}

static int knows(struct dv_similar *t, uint64_t i)
{
	struct dv_sketch s = sketch_of(i, 0, 0);
	struct dv_id id = id_of(i);
	struct dv_similar_hit hit[4];
	unsigned int n = dv_similar_find(t, &s, hit, 4);

	for (unsigned int k = 0; k < n; k++)
		if (dv_id_eq(&hit[k].base, &id))
			return hit[k].common == DV_SKETCH_FEATURES;
	return 0;
}

static off_t size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void found_after_add(void **state)
{
	char *path = in(state, "sketches");
	struct dv_similar *t = dv_similar_open(path);

	assert_non_null(t);
	assert_false(knows(t, 1));
	for (uint64_t i = 0; i < 500; i++) {
		add(t, i);
		assert_true(knows(t, i));
	}
	for (uint64_t i = 0; i < 500; i++)
		assert_true(knows(t, i));
	assert_false(knows(t, 501));
	dv_similar_close(t);
	t = dv_similar_open(path);
	assert_non_null(t);
	for (uint64_t i = 0; i < 500; i++)
		assert_true(knows(t, i));
	dv_similar_close(t);
	dv_similar_close(NULL);
	assert_true(size_of(path) == FIRST_SIZE);
	free(path);
}

/* The seed stands in the file: sketches are the same for every process. */
static void same_sketches(void **state)
{
	char *path = in(state, "sketches"), *other = in(state, "other");
	struct dv_similar *t = dv_similar_open(path);
	struct dv_similar *u = dv_similar_open(path);
	struct dv_similar *v = dv_similar_open(other);
	uint8_t *p = test_alloc(50000);
	struct dv_sketch a, b, c;

	assert_true(t && u && v);
	test_noise(p, 50000, 1);
	dv_similar_sketch(t, p, 50000, &a);
	dv_similar_sketch(u, p, 50000, &b);
	dv_similar_sketch(v, p, 50000, &c);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(dv_sketch_common(&a, &c), 0);
	dv_similar_close(t);
	dv_similar_close(u);
	dv_similar_close(v);
	free(p);
	free(path);
	free(other);
}

static void best_first(void **state)
{
	char *path = in(state, "sketches");
	struct dv_similar *t = dv_similar_open(path);
	struct dv_sketch all = sketch_of(1, 0, 0);
	struct dv_similar_hit hit[8];
	unsigned int n;

	assert_non_null(t);
	/* Base 20 + k has 12 - k features in common. */
	for (unsigned int k = 10; k > 0; k -= 2) {
		struct dv_sketch s = sketch_of(1, k, k);
		struct dv_id id = id_of(20 + k);

		dv_similar_add(t, &s, &id);
	}
	n = dv_similar_find(t, &all, hit, 8);
	/* With few features in common nothing is suggested. */
	assert_int_equal(n, (12 - DV_SIMILAR_MIN) / 2);
	for (unsigned int i = 0; i < n; i++) {
		struct dv_id id = id_of(20 + 2 * (i + 1));

		assert_int_equal(hit[i].common, 10 - 2 * i);
		assert_true(dv_id_eq(&hit[i].base, &id));
	}
	for (unsigned int max = 0; max < n; max++) {
		struct dv_similar_hit *few = test_alloc(max * sizeof(*few));

		assert_int_equal(dv_similar_find(t, &all, few, max), max);
		assert_memory_equal(few, hit, max * sizeof(*few));
		free(few);
	}
	dv_similar_close(t);
	free(path);
}

static void one_hit_a_base(void **state)
{
	char *path = in(state, "sketches");
	struct dv_similar *t = dv_similar_open(path);
	struct dv_sketch all = sketch_of(1, 0, 0);
	struct dv_id id = id_of(5), id2 = id_of(6);
	struct dv_similar_hit hit[8];

	assert_non_null(t);
	/* Worse, best, and in between: the best counts. */
	for (unsigned int k = 0; k < 3; k++) {
		struct dv_sketch s = sketch_of(1, (unsigned int[]){ 6, 0, 3 }[k],
					       k);

		dv_similar_add(t, &s, &id);
		s = sketch_of(1, 4, 9);
		dv_similar_add(t, &s, &id2);
	}
	assert_int_equal(dv_similar_find(t, &all, hit, 8), 2);
	assert_true(dv_id_eq(&hit[0].base, &id));
	assert_int_equal(hit[0].common, 12);
	assert_true(dv_id_eq(&hit[1].base, &id2));
	assert_int_equal(hit[1].common, 8);
	assert_int_equal(dv_similar_find(t, &all, hit, 1), 1);
	assert_true(dv_id_eq(&hit[0].base, &id));
	dv_similar_close(t);
	free(path);
}

/* Nothing to find it by: it takes no place. */
static void empty_sketch(void **state)
{
	char *path = in(state, "sketches");
	struct dv_similar *t = dv_similar_open(path);
	struct dv_sketch none = { { 0 } };
	struct dv_similar_hit hit[2];
	struct dv_id id = id_of(1);

	assert_non_null(t);
	add(t, 1);
	for (unsigned int i = 0; i < 2 * FIRST; i++)
		dv_similar_add(t, &none, &id);
	assert_int_equal(dv_similar_find(t, &none, hit, 2), 0);
	assert_true(knows(t, 1));
	assert_true(size_of(path) == FIRST_SIZE);
	dv_similar_close(t);
	free(path);
}

static void growth_keeps(void **state)
{
	enum { N = 3 * FIRST };
	char *path = in(state, "sketches");
	struct dv_similar *t = dv_similar_open(path);
	unsigned int kept = 0;

	assert_non_null(t);
	for (uint64_t i = 0; i < N; i++)
		add(t, i);
	assert_true(size_of(path) > FIRST_SIZE);
	/* Some fell out of full buckets. */
	for (uint64_t i = 0; i < N; i++)
		kept += (unsigned int)knows(t, i);
	assert_true(kept > N - N / 50);
	dv_similar_close(t);
	t = dv_similar_open(path);
	assert_non_null(t);
	for (uint64_t i = 0; i < N; i++)
		kept -= (unsigned int)knows(t, i);
	assert_int_equal(kept, 0);
	dv_similar_close(t);
	free(path);
}

/*
 * Two processes at the edge of the first size may count past it together, and
 * a file may have any number there: it grows all the same.
 */
static void growth_after_a_race(void **state)
{
	char *path = in(state, "sketches");
	struct dv_similar *t = dv_similar_open(path);
	uint64_t next = FIRST + 1;
	unsigned int kept = 0;
	int fd;

	assert_non_null(t);
	for (uint64_t i = 0; i < FIRST; i++)
		add(t, i);
	dv_similar_close(t);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(dv_pwrite_full(fd, &next, sizeof(next), 24), 0);
	close(fd);
	t = dv_similar_open(path);
	assert_non_null(t);
	for (uint64_t i = FIRST; i < 2 * FIRST; i++)
		add(t, i);
	for (uint64_t i = 0; i < 2 * FIRST; i++)
		kept += (unsigned int)knows(t, i);
	assert_true(kept > 2 * FIRST - FIRST / 25);
	dv_similar_close(t);
	free(path);
}

/* A file that cannot grow forgets the oldest. */
static void ring_forgets_the_oldest(void **state)
{
	enum { MORE = 1000 };
	char *path = in(state, "sub/sketches"), *dir = in(state, "sub");
	unsigned int first = 0, last = 0;
	struct dv_similar *t;

	assert_int_equal(mkdir(dir, 0777), 0);
	t = dv_similar_open(path);
	assert_non_null(t);
	for (uint64_t i = 0; i < FIRST; i++)
		add(t, i);
	/* No folder, no larger file. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	for (uint64_t i = FIRST; i < FIRST + MORE; i++)
		add(t, i);
	for (uint64_t i = 0; i < MORE; i++)
		first += (unsigned int)knows(t, i);
	for (uint64_t i = FIRST; i < FIRST + MORE; i++)
		last += (unsigned int)knows(t, i);
	assert_int_equal(first, 0);
	assert_true(last > MORE - MORE / 10);
	dv_similar_close(t);
	free(path);
	free(dir);
}

/* Whatever stands there: suggestions may be lost, and nothing else happens. */
static void use_it(const char *path)
{
	struct dv_similar *t = dv_similar_open(path);
	struct dv_similar_hit hit[2];

	assert_non_null(t);
	for (uint64_t i = 0; i < 300; i++) {
		struct dv_sketch s = sketch_of(i, 0, 0);
		struct dv_id id = id_of(i);
		unsigned int n = dv_similar_find(t, &s, hit, 2);

		/* Entries carry a checksum: no base that never was. */
		assert_true(n <= 1);
		assert_true(!n || dv_id_eq(&hit[0].base, &id));
	}
	add(t, 9999);
	assert_true(knows(t, 9999));
	dv_similar_close(t);
}

static struct dv_buf good_file(const char *path)
{
	struct dv_similar *t = dv_similar_open(path);
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };

	assert_non_null(t);
	for (uint64_t i = 0; i < 300; i++)
		add(t, i);
	dv_similar_close(t);
	assert_ok(dv_file_read(path, &b, 1u << 24, &err));
	return b;
}

static void replace(const char *path, const void *p, size_t n)
{
	struct dv_err err = { 0 };

	assert_ok(dv_file_write(path, p, n, 0666, 0, &err));
}

static void damaged(void **state)
{
	char *path = in(state, "sketches");
	struct dv_buf b = good_file(path);
	uint8_t *p = test_alloc(b.n);
	uint64_t seed = 3;

	for (int round = 0; round < 60; round++) {
		memcpy(p, b.p, b.n);
		for (int k = 0; k < (round % 3 ? 2000 : 3); k++) {
			/* Entries in use, or anywhere. */
			size_t end = round & 1 ? 64 + 300 * 84 : b.n;

			p[64 + test_rand(&seed) % (end - 64)] ^=
				(uint8_t)(1 + test_rand(&seed) % 255);
		}
		replace(path, p, b.n);
		use_it(path);
	}
	/* Every byte of the header. */
	for (size_t i = 0; i < 64; i++) {
		memcpy(p, b.p, b.n);
		p[i] ^= 0xff;
		replace(path, p, b.n);
		use_it(path);
	}
	test_noise(p, b.n, 1);
	replace(path, p, b.n);
	use_it(path);
	/* Noise behind a good header. */
	memcpy(p, b.p, 24);
	replace(path, p, b.n);
	use_it(path);
	memset(p + 24, 0xff, b.n - 24);
	replace(path, p, b.n);
	use_it(path);
	free(p);
	dv_buf_release(&b);
	free(path);
}

static void not_this_format(void **state)
{
	char *path = in(state, "sketches"), *other = in(state, "other");
	struct dv_buf b = good_file(path);
	static const size_t sizes[] = { 0, 1, 24, 63, 64, 65, 4096, 400000 };
	struct dv_similar *t;
	struct stat st;

	for (size_t i = 0; i < DV_ARRAY_SIZE(sizes); i++) {
		replace(path, b.p, DV_MIN(sizes[i], b.n - 1));
		use_it(path);
		assert_true(size_of(path) == FIRST_SIZE);
	}
	replace(path, b.p, b.n - 1);
	use_it(path);
	assert_true(size_of(path) == FIRST_SIZE);
	/* Another version; more entries than may be, or than there are. */
	for (int k = 0; k < 4; k++) {
		uint8_t *p = test_alloc(b.n);

		memcpy(p, b.p, b.n);
		if (!k)
			dv_put32(p + 8, 2);
		else
			dv_put32(p + 12, (uint32_t[]){ 0, 1u << 31, 4095,
						       8192 }[k]);
		replace(path, p, b.n);
		t = dv_similar_open(path);
		assert_non_null(t);
		assert_false(knows(t, 1));
		dv_similar_close(t);
		free(p);
	}
	/* What it leads to is not touched. */
	replace(other, b.p, b.n);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(other, path), 0);
	use_it(path);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	/* Not even a file. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0666), 0);
	use_it(path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0777), 0);
	assert_null(dv_similar_open(path));
	dv_buf_release(&b);
	free(path);
	free(other);
}

static size_t names_in(const char *dir)
{
	struct dv_strs names = { 0 };
	struct dv_err err = { 0 };
	size_t n;

	assert_ok(dv_dir_list(dir, &names, &err));
	n = names.n;
	dv_strs_release(&names);
	return n;
}

static void cannot_be_made(void **state)
{
	char *dir = in(state, "sub"), *path = in(state, "sub/sketches");
	struct dv_similar *t;

	assert_null(dv_similar_open(path));	/* no folder */
	assert_int_equal(mkdir(dir, 0777), 0);
	assert_int_equal(mkdir(path, 0777), 0);
	assert_null(dv_similar_open(path));
	/* Nothing is left behind by that. */
	assert_int_equal(names_in(dir), 1);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(chmod(dir, 0555), 0);
	t = dv_similar_open(path);
	if (geteuid())
		assert_null(t);
	dv_similar_close(t);
	assert_int_equal(chmod(dir, 0777), 0);
	free(dir);
	free(path);
}

/* What a process that was killed while it made the file has left. */
static void unfinished_files(void **state)
{
	char *path = in(state, "sketches");

	for (int round = 0; round < 3; round++) {
		char *left = in(state, "sketches.new");

		replace(left, "half", 4);
		use_it(path);
		assert_int_equal(unlink(path), 0);
		free(left);
	}
	assert_int_equal(names_in(*state), 0);
	free(path);
}

struct user {
	pthread_t thread;
	struct dv_similar *t;
	uint64_t from, to;
};

static void *add_and_find(void *arg)
{
	struct user *u = arg;
	struct dv_similar_hit hit[3];
	uintptr_t wrong = 0;

	for (uint64_t i = u->from; i < u->to; i++) {
		uint64_t at = u->from + (i * 7919) % (i - u->from + 1);
		struct dv_sketch s = sketch_of(at, 0, 0);
		struct dv_id id = id_of(at);
		unsigned int n;

		add(u->t, i);
		n = dv_similar_find(u->t, &s, hit, 3);
		wrong += n > 1 || (n && !dv_id_eq(&hit[0].base, &id));
	}
	return (void *)wrong;
}

/* On one handle nothing is lost but to full buckets; growth included. */
static void several_threads(void **state)
{
	enum { N = 4, EACH = 3000 };
	char *path = in(state, "sketches");
	struct dv_similar *t = dv_similar_open(path);
	struct user u[N];
	unsigned int kept = 0;

	assert_non_null(t);
	for (unsigned int i = 0; i < N; i++) {
		u[i] = (struct user){ .t = t, .from = i * EACH,
				      .to = (i + 1) * EACH };
		assert_int_equal(pthread_create(&u[i].thread, NULL,
						add_and_find, &u[i]), 0);
	}
	for (unsigned int i = 0; i < N; i++) {
		void *wrong;

		assert_int_equal(pthread_join(u[i].thread, &wrong), 0);
		assert_null(wrong);
	}
	for (uint64_t i = 0; i < N * EACH; i++)
		kept += (unsigned int)knows(t, i);
	assert_true(kept > N * EACH - N * EACH / 50);
	dv_similar_close(t);
	free(path);
}

/* As two processes: what one adds the other finds, until the file is another. */
static void two_handles(void **state)
{
	char *path = in(state, "sketches");
	struct dv_similar *t = dv_similar_open(path);
	struct dv_similar *u = dv_similar_open(path);
	unsigned int kept = 0;

	assert_true(t && u);
	for (uint64_t i = 0; i < 1000; i++)
		add(i & 1 ? t : u, i);
	for (uint64_t i = 0; i < 1000; i++) {
		assert_true(knows(t, i));
		assert_true(knows(u, i));
	}
	/* t grows the file; u goes on with the old one, and grows it too. */
	for (uint64_t i = 900; i < FIRST + 10; i++)
		add(t, i);
	for (uint64_t i = FIRST + 10; i < FIRST + 500; i++)
		add(u, i);
	for (uint64_t i = FIRST + 10; i < FIRST + 500; i++)
		kept += (unsigned int)knows(u, i);
	assert_true(kept > 480);
	dv_similar_close(t);
	dv_similar_close(u);
	t = dv_similar_open(path);
	assert_non_null(t);
	assert_true(size_of(path) > FIRST_SIZE);
	dv_similar_close(t);
	free(path);
}

int main(void)
{
#define IN_DIR(t) \
	cmocka_unit_test_setup_teardown(t, test_dir_setup, test_dir_teardown)
	const struct CMUnitTest tests[] = {
		IN_DIR(found_after_add),
		IN_DIR(same_sketches),
		IN_DIR(best_first),
		IN_DIR(one_hit_a_base),
		IN_DIR(empty_sketch),
		IN_DIR(growth_keeps),
		IN_DIR(growth_after_a_race),
		IN_DIR(ring_forgets_the_oldest),
		IN_DIR(damaged),
		IN_DIR(not_this_format),
		IN_DIR(cannot_be_made),
		IN_DIR(unfinished_files),
		IN_DIR(several_threads),
		IN_DIR(two_handles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
