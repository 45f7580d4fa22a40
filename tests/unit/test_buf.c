#include "testlib.h"

#include "base/buf.h"

static void grows_and_stays_terminated(void **state)
{
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };

	(void)state;
	assert_string_equal(dv_buf_str(&b), "");
	for (int i = 0; i < 1000; i++)
		assert_ok(dv_buf_addf(&b, &err, "%d,", i));
	assert_int_equal(b.n, 10 * 2 + 90 * 3 + 900 * 4);
	assert_true(b.cap > b.n);
	assert_string_equal(dv_buf_str(&b) + b.n - 8, "998,999,");
	assert_ok(dv_buf_add(&b, "\0x", 2, &err));
	assert_memory_equal(b.p + b.n - 2, "\0x", 2);
	assert_ok(dv_buf_add(&b, NULL, 0, &err));
	dv_buf_release(&b);
	assert_null(b.p);
	assert_int_equal(b.n, 0);
	dv_buf_release(&b);
}

static void ceiling_holds_exactly(void **state)
{
	struct dv_buf b = { .max = 10 };
	struct dv_err err = { 0 };

	(void)state;
	assert_ok(dv_buf_addstr(&b, "12345", &err));
	assert_fails(dv_buf_addstr(&b, "678901", &err), DV_ENOMEM);
	assert_string_equal(dv_buf_str(&b), "12345");
	assert_fails(dv_buf_addf(&b, &err, "%06d", 1), DV_ENOMEM);
	assert_string_equal(dv_buf_str(&b), "12345");
	assert_ok(dv_buf_addstr(&b, "67890", &err));
	assert_ok(dv_buf_reserve(&b, 0, &err));
	assert_fails(dv_buf_reserve(&b, 1, &err), DV_ENOMEM);
	dv_buf_release(&b);
}

static void absurd_sizes_are_refused(void **state)
{
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };
	size_t cap = 0;

	(void)state;
	assert_fails(dv_buf_reserve(&b, SIZE_MAX, &err), DV_ENOMEM);
	assert_fails(dv_buf_reserve(&b, SIZE_MAX - 1, NULL), DV_ENOMEM);
	assert_null(b.p);
	assert_null(dv_grow(NULL, &cap, SIZE_MAX / 2, 8));
	assert_int_equal(cap, 0);
}

static void detach_gives_away(void **state)
{
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };
	char *s;

	(void)state;
	s = dv_buf_detach(&b);
	assert_non_null(s);
	assert_string_equal(s, "");
	free(s);
	assert_ok(dv_buf_addstr(&b, "mine", &err));
	s = dv_buf_detach(&b);
	assert_string_equal(s, "mine");
	assert_null(b.p);
	assert_int_equal(b.n + b.cap, 0);
	free(s);
}

static void strings_are_copied_and_sorted(void **state)
{
	struct dv_strs s = { 0 };
	struct dv_err err = { 0 };
	char name[16];

	(void)state;
	dv_strs_sort(&s);
	for (int i = 99; i >= 0; i--) {
		snprintf(name, sizeof(name), "n%02d", i);
		assert_ok(dv_strs_add(&s, name, &err));
	}
	assert_ok(dv_strs_addn(&s, "abcdef", 3, &err));
	assert_int_equal(s.n, 101);
	dv_strs_sort(&s);
	assert_string_equal(s.v[0], "abc");
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "n%02d", i);
		assert_string_equal(s.v[i + 1], name);
	}
	assert_true(dv_strs_has(&s, "n42"));
	assert_false(dv_strs_has(&s, "n4"));
	dv_strs_release(&s);
	assert_int_equal(s.n + s.cap, 0);
}

static void grow_keeps_content(void **state)
{
	size_t cap = 0;
	uint32_t *v = NULL;

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		uint32_t *w = dv_grow(v, &cap, i + 1, sizeof(*v));

		assert_non_null(w);
		v = w;
		v[i] = i;
		assert_true(cap > i);
	}
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(v[i], i);
	free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_stays_terminated),
		cmocka_unit_test(ceiling_holds_exactly),
		cmocka_unit_test(absurd_sizes_are_refused),
		cmocka_unit_test(detach_gives_away),
		cmocka_unit_test(strings_are_copied_and_sorted),
		cmocka_unit_test(grow_keeps_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
