#include "testlib.h"

#include "watch/journal.h"

static struct dv_journal *open_journal(size_t max)
{
	struct dv_journal *j;
	struct dv_err err = { 0 };

	assert_ok(dv_journal_open(&j, max, &err));
	return j;
}

/* The answer with spaces for NULs, or "/". */
static const char *since(const struct dv_journal *j, const char *token,
			 struct dv_buf *b)
{
	b->n = 0;
	if (!dv_journal_since(j, token, b)) {
		assert_int_equal(b->n, 0);
		return "/";
	}
	for (size_t i = 0; i < b->n; i++)
		if (!b->p[i])
			b->p[i] = ' ';
	return dv_buf_str(b);
}

static void paths_since_a_token(void **state)
{
	struct dv_journal *j = open_journal(100);
	char t0[DV_JOURNAL_TOKEN_MAX], t1[DV_JOURNAL_TOKEN_MAX];
	struct dv_buf b = { 0 };

	(void)state;
	dv_journal_token(j, t0);
	assert_string_equal(since(j, t0, &b), "");
	dv_journal_note(j, "a", 0);
	dv_journal_note(j, "d", 1);
	dv_journal_note(j, "a", 0);
	assert_string_equal(since(j, t0, &b), "a d/ d/.dv ");
	dv_journal_token(j, t1);
	assert_string_equal(since(j, t1, &b), "");
	dv_journal_note(j, "d/e", 0);
	assert_string_equal(since(j, t1, &b), "d/e ");
	assert_string_equal(since(j, t0, &b), "d/e a d/ d/.dv ");
	assert_int_equal(dv_journal_count(j), 3);
	dv_buf_release(&b);
	dv_journal_close(j);
}

static void unknown_tokens_mean_everything(void **state)
{
	struct dv_journal *j = open_journal(100), *k = open_journal(100);
	char t[DV_JOURNAL_TOKEN_MAX], other[DV_JOURNAL_TOKEN_MAX];
	struct dv_buf b = { 0 };

	(void)state;
	dv_journal_note(j, "a", 0);
	dv_journal_note(k, "a", 0);
	dv_journal_token(j, t);
	dv_journal_token(k, other);
	assert_string_equal(since(j, t, &b), "");
	assert_string_equal(since(j, other, &b), "/");
	assert_string_equal(since(j, "", &b), "/");
	assert_string_equal(since(j, "1234567890", &b), "/");
	assert_string_equal(since(j, "dv:nobody:0", &b), "/");
	/* Of the future, or in another spelling. */
	t[strlen(t) - 1]++;
	assert_string_equal(since(j, t, &b), "/");
	dv_journal_token(j, t);
	strncat(t, " ", sizeof(t) - strlen(t) - 1);
	assert_string_equal(since(j, t, &b), "/");
	dv_journal_close(j);
	dv_journal_close(k);
	dv_buf_release(&b);
}

static void a_reset_voids_tokens(void **state)
{
	struct dv_journal *j = open_journal(100);
	char t[DV_JOURNAL_TOKEN_MAX];
	struct dv_buf b = { 0 };

	(void)state;
	dv_journal_token(j, t);
	dv_journal_reset(j);
	assert_string_equal(since(j, t, &b), "/");
	dv_journal_token(j, t);
	dv_journal_note(j, "a", 0);
	assert_string_equal(since(j, t, &b), "a ");
	dv_journal_reset(j);
	assert_string_equal(since(j, t, &b), "/");
	dv_journal_close(j);
	dv_buf_release(&b);
}

static void what_is_forgotten_is_never_left_out(void **state)
{
	struct dv_journal *j = open_journal(10);
	char tokens[100][DV_JOURNAL_TOKEN_MAX], name[16];
	struct dv_buf b = { 0 };
	int known = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		dv_journal_token(j, tokens[i]);
		snprintf(name, sizeof(name), "f%d", i);
		dv_journal_note(j, name, 0);
		assert_true(dv_journal_count(j) <= 10);
	}
	for (int i = 0; i < 100; i++) {
		const char *s = since(j, tokens[i], &b);
		size_t n = 0;

		if (!strcmp(s, "/"))
			continue;
		known++;
		for (; *s; s++)
			n += *s == ' ';
		assert_int_equal(n, 100 - i);
	}
	assert_int_equal(known, 10);
	dv_journal_close(j);
	dv_buf_release(&b);
}

static void a_large_answer_is_everything(void **state)
{
	struct dv_journal *j = open_journal(1000);
	char t[DV_JOURNAL_TOKEN_MAX], name[64];
	struct dv_buf b = { 0 };

	(void)state;
	dv_journal_token(j, t);
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "a/longer/name/of/a/file/%d", i);
		dv_journal_note(j, name, 0);
	}
	b.max = 1000;
	assert_string_equal(since(j, t, &b), "/");
	b.max = 0;
	assert_string_not_equal(since(j, t, &b), "/");
	dv_journal_close(j);
	dv_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_since_a_token),
		cmocka_unit_test(unknown_tokens_mean_everything),
		cmocka_unit_test(a_reset_voids_tokens),
		cmocka_unit_test(what_is_forgotten_is_never_left_out),
		cmocka_unit_test(a_large_answer_is_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
