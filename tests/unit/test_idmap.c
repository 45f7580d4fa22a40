#include "testlib.h"

#include "base/idmap.h"

static struct dv_id id_of(uint64_t i)
{
	struct dv_id id;

	test_noise(id.b, sizeof(id.b), i);
	return id;
}

static void holds_many_and_kinds_apart(void **state)
{
	struct dv_idmap m = { 0 };
	struct dv_err err = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 20000; i++) {
		struct dv_id id = id_of(i);

		assert_null(dv_idmap_get(&m, 1, &id));
		assert_ok(dv_idmap_put(&m, 1, &id, i, &err));
		if (i % 3 == 0)
			assert_ok(dv_idmap_put(&m, 255, &id, ~i, &err));
	}
	assert_int_equal(m.n, 20000 + 6667);
	for (uint64_t i = 0; i < 20000; i++) {
		struct dv_id id = id_of(i);
		uint64_t *v = dv_idmap_get(&m, 1, &id);

		assert_non_null(v);
		assert_true(*v == i);
		v = dv_idmap_get(&m, 255, &id);
		assert_true(i % 3 ? !v : v && *v == ~i);
		assert_null(dv_idmap_get(&m, 2, &id));
	}
	dv_idmap_release(&m);
	assert_int_equal(m.n + m.cap, 0);
}

static void first_value_stays(void **state)
{
	struct dv_idmap m = { 0 };
	struct dv_err err = { 0 };
	struct dv_id id = id_of(7);
	uint64_t *v;

	(void)state;
	assert_null(dv_idmap_get(&m, 1, &id));
	assert_ok(dv_idmap_put(&m, 1, &id, 5, &err));
	assert_int_equal(dv_idmap_put(&m, 1, &id, 6, &err), DV_EEXIST);
	v = dv_idmap_get(&m, 1, &id);
	assert_int_equal(*v, 5);
	*v = 9;
	assert_int_equal(*dv_idmap_get(&m, 1, &id), 9);
	assert_int_equal(m.n, 1);
	dv_idmap_release(&m);
	assert_null(dv_idmap_get(&m, 1, &id));
	assert_ok(dv_idmap_put(&m, 1, &id, 1, &err));
	dv_idmap_release(&m);
}

/* Ids that share the hashed bytes must still be told apart. */
static void equal_prefixes(void **state)
{
	struct dv_idmap m = { 0 };
	struct dv_err err = { 0 };
	struct dv_id id = { { 0 } };

	(void)state;
	for (int i = 0; i < 300; i++) {
		dv_put16(id.b + 30, (uint16_t)i);
		assert_ok(dv_idmap_put(&m, 1, &id, (uint64_t)i, &err));
	}
	for (int i = 0; i < 300; i++) {
		dv_put16(id.b + 30, (uint16_t)i);
		assert_int_equal(*dv_idmap_get(&m, 1, &id), i);
	}
	dv_put16(id.b + 30, 300);
	assert_null(dv_idmap_get(&m, 1, &id));
	dv_idmap_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_many_and_kinds_apart),
		cmocka_unit_test(first_value_stays),
		cmocka_unit_test(equal_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
