/*
 * What the unit tests share: a scratch folder of their own, bytes that are
 * the same on every machine, and assertions that show the error message.
 */
#ifndef TESTS_UNIT_TESTLIB_H
#define TESTS_UNIT_TESTLIB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hex.h"

/* `err` is the caller's struct dv_err. */
#define assert_ok(expr) do { \
	int rc_ = (expr); \
	if (rc_) \
		print_error("%s: %d: %s\n", #expr, rc_, err.msg); \
	assert_int_equal(rc_, 0); \
} while (0)

#define assert_fails(expr, status) do { \
	int rc_ = (expr); \
	if (rc_ != (status)) \
		print_error("%s gives %d (%s)\n", #expr, rc_, err.msg); \
	assert_int_equal(rc_, (status)); \
} while (0)

/* cmocka has had one name for this in version 1, another one in version 2. */
#define assert_within(value, min, max) do { \
	intmax_t within_ = (intmax_t)(value); \
	if (within_ < (intmax_t)(min) || within_ > (intmax_t)(max)) \
		print_error("%s is %jd\n", #value, within_); \
	assert_true(within_ >= (intmax_t)(min) && within_ <= (intmax_t)(max)); \
} while (0)

static inline char *test_dir_new(void)
{
	const char *base = getenv("TMPDIR");
	char *dir = dv_fmt("%s/dv-test-XXXXXX", base && *base ? base : "/tmp");

	assert_non_null(dir);
	assert_non_null(mkdtemp(dir));
	return dir;
}

static inline void test_dir_free(char *dir)
{
	if (dv_dir_remove(dir, NULL))
		print_error("cannot remove '%s'\n", dir);
	free(dir);
}

/* For tests that need nothing but a folder: *state is its path. */
static inline int test_dir_setup(void **state)
{
	*state = test_dir_new();
	return 0;
}

static inline int test_dir_teardown(void **state)
{
	test_dir_free(*state);
	return 0;
}

/* Vigna's splitmix64: noise that depends on the seed alone. */
static inline uint64_t test_rand(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static inline void test_noise(void *out, size_t n, uint64_t seed)
{
	uint8_t *p = out, last[8];

	for (; n >= 8; n -= 8, p += 8)
		dv_put64(p, test_rand(&seed));
	dv_put64(last, test_rand(&seed));
	memcpy(p, last, n);
}

/* Bytes that compress well but hold no long repetition. */
static inline void test_text(void *out, size_t n, uint64_t seed)
{
	static const char *const words[] = { "chunk ", "segment ", "pack ",
		"record\n", "pointer ", "store ", "index ", "0.125," };
	char *p = out;

	while (n) {
		const char *w = words[test_rand(&seed) & 7];
		size_t m = DV_MIN(n, strlen(w));

		memcpy(p, w, m);
		p += m;
		n -= m;
	}
}

static inline void *test_alloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	assert_non_null(p);
	return p;
}

/* tests/golden/<name>; make check sets srcdir. */
static inline struct dv_buf test_golden(const char *name)
{
	const char *src = getenv("srcdir");
	char *path = dv_fmt("%s/tests/golden/%s", src && *src ? src : ".",
			    name);
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };

	assert_non_null(path);
	assert_ok(dv_file_read(path, &b, 1 << 20, &err));
	free(path);
	return b;
}

static inline void assert_hex(const void *p, size_t n, const char *hex)
{
	char *s = test_alloc(2 * n + 1);

	dv_hex_encode(s, p, n);
	assert_string_equal(s, hex);
	free(s);
}

/*
 * A child that is forked beside threads may find the address sanitizer's
 * allocator locked for ever.
 */
#ifdef __SANITIZE_ADDRESS__
#define FORKS_BESIDE_THREADS() return
#else
#define FORKS_BESIDE_THREADS() ((void)0)
#endif

#endif
