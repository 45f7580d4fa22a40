#include "testlib.h"

#include <errno.h>

static void set_fills_and_returns(void **state)
{
	struct dv_err err = { .sys = 7 };

	(void)state;
	assert_int_equal(dv_err_set(&err, DV_ECORRUPT, "bad %d", 3),
			 DV_ECORRUPT);
	assert_int_equal(err.status, DV_ECORRUPT);
	assert_int_equal(err.sys, 0);
	assert_string_equal(err.msg, "bad 3");
	dv_err_clear(&err);
	assert_int_equal(err.status, 0);
	assert_string_equal(err.msg, "");
}

static void null_is_allowed(void **state)
{
	(void)state;
	assert_int_equal(dv_err_set(NULL, DV_EINVAL, "x"), DV_EINVAL);
	errno = ENOENT;
	assert_int_equal(dv_err_errno(NULL, "x"), DV_ENOTFOUND);
	assert_int_equal(dv_err_nomem(NULL), DV_ENOMEM);
	dv_err_prefix(NULL, "x");
	dv_err_clear(NULL);
}

static void errno_maps_to_status(void **state)
{
	static const struct {
		int sys, status;
	} map[] = {
		{ ENOENT, DV_ENOTFOUND }, { EEXIST, DV_EEXIST },
		{ EACCES, DV_EAUTH }, { EPERM, DV_EAUTH },
		{ ENOSPC, DV_EIO }, { EIO, DV_EIO }, { EROFS, DV_EIO },
	};

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(map); i++) {
		struct dv_err err = { 0 };
		char want[256];

		errno = map[i].sys;
		assert_int_equal(dv_err_errno(&err, "cannot open '%s'", "f"),
				 map[i].status);
		assert_int_equal(err.status, map[i].status);
		assert_int_equal(err.sys, map[i].sys);
		snprintf(want, sizeof(want), "cannot open 'f': %s",
			 strerror(map[i].sys));
		assert_string_equal(err.msg, want);
	}
}

static void prefix_keeps_status(void **state)
{
	struct dv_err err = { 0 };

	(void)state;
	dv_err_set(&err, DV_EAGAIN, "locked");
	dv_err_prefix(&err, "store '%s'", "s");
	assert_int_equal(err.status, DV_EAGAIN);
	assert_string_equal(err.msg, "store 's': locked");
}

static void long_messages_are_cut(void **state)
{
	struct dv_err err = { 0 };
	char big[3000];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	dv_err_set(&err, DV_EIO, "%s", big);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	errno = EIO;
	dv_err_errno(&err, "%s", big);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	dv_err_prefix(&err, "%s", big);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
}

static void every_status_has_a_name(void **state)
{
	(void)state;
	for (int a = DV_OK; a >= DV_ENOMEM; a--) {
		assert_string_not_equal(dv_status_name(a), "unknown");
		for (int b = DV_OK; b > a; b--)
			assert_string_not_equal(dv_status_name(a),
						dv_status_name(b));
	}
	assert_string_equal(dv_status_name(-99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_fills_and_returns),
		cmocka_unit_test(null_is_allowed),
		cmocka_unit_test(errno_maps_to_status),
		cmocka_unit_test(prefix_keeps_status),
		cmocka_unit_test(long_messages_are_cut),
		cmocka_unit_test(every_status_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
