#include "testlib.h"

#include <signal.h>

#include "base/proc.h"

#define SH(script) (const char *const[]){ "sh", "-c", script, NULL }

static void capture_and_exit_code(void **state)
{
	struct dv_buf out = { 0 };
	struct dv_err err = { 0 };
	int code = -5;

	(void)state;
	assert_ok(dv_proc_capture(SH("printf 'a\\nb'; exit 3"), NULL, 0, 100,
				  &out, &code, &err));
	assert_string_equal(dv_buf_str(&out), "a\nb");
	assert_int_equal(code, 3);
	out.n = 0;
	assert_ok(dv_proc_capture(SH("kill -9 $$"), NULL, 0, 100, &out, &code,
				  &err));
	assert_int_equal(code, 128 + 9);
	assert_int_equal(out.n, 0);
	/* Without DV_PROC_IN its stdin is empty, not ours. */
	assert_ok(dv_proc_capture(SH("cat; echo end"), NULL, 0, 100, &out,
				  &code, &err));
	assert_string_equal(dv_buf_str(&out), "end\n");
	dv_buf_release(&out);
}

static void ceiling(void **state)
{
	struct dv_buf out = { 0 };
	struct dv_err err = { 0 };
	int code;

	(void)state;
	assert_ok(dv_proc_capture(SH("printf 12345"), NULL, 0, 5, &out, &code,
				  &err));
	assert_int_equal(out.n, 5);
	out.n = 0;
	assert_fails(dv_proc_capture(SH("printf 123456"), NULL, 0, 5, &out,
				     &code, &err), DV_ENOMEM);
	out.n = 0;
	assert_fails(dv_proc_capture(SH("cat /dev/zero"), NULL,
				     DV_PROC_QUIET, 100000, &out, &code, &err),
		     DV_ENOMEM);
	dv_buf_release(&out);
}

/* Far more than two pipes hold: reading and writing must go on at once. */
static void filter_does_not_block(void **state)
{
	size_t n = 3 << 20;
	uint8_t *in = test_alloc(n);
	struct dv_buf out = { 0 };
	struct dv_err err = { 0 };
	int code;

	(void)state;
	test_noise(in, n, 4);
	assert_ok(dv_proc_filter(SH("cat"), NULL, 0, in, n, n, &out, &code,
				 &err));
	assert_int_equal(code, 0);
	assert_int_equal(out.n, n);
	assert_memory_equal(out.p, in, n);
	/* A program that does not read its input is no error of ours. */
	out.n = 0;
	assert_ok(dv_proc_filter(SH("echo done; exec 0<&-; exit 4"), NULL, 0,
				 in, n, 100, &out, &code, &err));
	assert_string_equal(dv_buf_str(&out), "done\n");
	assert_int_equal(code, 4);
	dv_buf_release(&out);
	free(in);
}

static void environment(void **state)
{
	static const char *const env[] = { "DV_T_SET=new value", "DV_T_GONE",
					   "DV_T_EMPTY=", NULL };
	struct dv_buf out = { 0 };
	struct dv_err err = { 0 };
	int code;

	(void)state;
	setenv("DV_T_SET", "old", 1);
	setenv("DV_T_GONE", "old", 1);
	setenv("DV_T_SETTER", "stays", 1);
	assert_ok(dv_proc_capture(SH("echo \"$DV_T_SET|${DV_T_GONE-unset}|"
				     "${DV_T_EMPTY-unset}|$DV_T_SETTER\""),
				  env, 0, 1000, &out, &code, &err));
	assert_string_equal(dv_buf_str(&out), "new value|unset||stays\n");
	assert_string_equal(getenv("DV_T_SET"), "old");
	dv_buf_release(&out);
}

static void absent_program(void **state)
{
	const char *const argv[] = { "no-such-program-of-dv", NULL };
	struct dv_proc p;
	struct dv_err err = { 0 };

	(void)state;
	/* A folder of the caller's PATH that may not be read is another error. */
	setenv("PATH", "/usr/bin:/bin", 1);
	assert_fails(dv_proc_start(&p, argv, NULL, DV_PROC_IN | DV_PROC_OUT,
				   &err), DV_ENOTFOUND);
	assert_int_equal(p.in, -1);
	assert_int_equal(p.out, -1);
	assert_int_equal(dv_proc_wait(&p), -1);
}

static void pipes_by_hand(void **state)
{
	struct dv_proc p;
	struct dv_err err = { 0 };
	char b[16] = "";

	(void)state;
	assert_ok(dv_proc_start(&p, SH("read x; echo \"got $x\"; exit 7"), NULL,
				DV_PROC_IN | DV_PROC_OUT, &err));
	assert_true(p.in >= 0 && p.out >= 0);
	assert_int_equal(dv_write_full(p.in, "it\n", 3), 0);
	dv_proc_close_in(&p);
	assert_int_equal(p.in, -1);
	assert_int_equal(dv_read_full(p.out, b, sizeof(b) - 1), 7);
	assert_string_equal(b, "got it\n");
	assert_int_equal(dv_proc_wait(&p), 7);
	assert_int_equal(p.out, -1);
	assert_int_equal(dv_proc_wait(&p), -1);
}

/* Children start with signals as they are by default, and nothing blocked. */
static void signals_are_reset(void **state)
{
	struct dv_buf out = { 0 };
	struct dv_err err = { 0 };
	int code;

	(void)state;
	assert_ok(dv_proc_capture(SH("kill -PIPE $$; echo survived"), NULL, 0,
				  100, &out, &code, &err));
	assert_int_equal(code, 128 + SIGPIPE);
	assert_ok(dv_proc_capture(SH("kill -XFSZ $$; echo survived"), NULL, 0,
				  100, &out, &code, &err));
	assert_int_equal(code, 128 + SIGXFSZ);
	dv_buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capture_and_exit_code),
		cmocka_unit_test(ceiling),
		cmocka_unit_test(filter_does_not_block),
		cmocka_unit_test(environment),
		cmocka_unit_test(absent_program),
		cmocka_unit_test(pipes_by_hand),
		cmocka_unit_test(signals_are_reset),
	};

	/* As dv_cancel_install does in every program. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
