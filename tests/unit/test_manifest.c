#include "testlib.h"

#include "format/manifest.h"

#define T "0123456789abcdef0123456789abcdef"
#define Z8 "00000000"
#define ZERO Z8 Z8 Z8 Z8 Z8 Z8 Z8 Z8
#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define TOP "git-dv refs 1\nnumber 7\ntransaction " T "\nprevious " ZERO "\n"
#define HEAD TOP "object-format sha1\n"

static struct dv_sha256 *sha;

static int open_sha(void **state)
{
	(void)state;
	sha = dv_sha256_open();
	return sha ? 0 : -1;
}

static int close_sha(void **state)
{
	(void)state;
	dv_sha256_close(sha);
	return 0;
}

/* Parse the text with its checksum behind it; the first `n` bytes of it. */
static int parse_cut(const char *text, size_t drop, struct dv_manifest *m)
{
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };
	struct dv_id id;
	char *copy;
	int rc;

	dv_sha256_of(sha, text, strlen(text), &id);
	assert_ok(dv_buf_addf(&b, &err, "%ssha256 %s\n", text,
			      dv_id_hex(&id).s));
	copy = test_alloc(b.n - drop);
	memcpy(copy, b.p, b.n - drop);
	rc = dv_manifest_parse(m, copy, b.n - drop, sha, &err);
	free(copy);
	dv_buf_release(&b);
	return rc;
}

static int parse(const char *text)
{
	struct dv_manifest m;
	int rc = parse_cut(text, 0, &m);

	if (!rc)
		dv_manifest_release(&m);
	return rc;
}

static void text_is_as_documented(void **state)
{
	struct dv_manifest m = { .number = 7, .transaction = T, .algo = 1 }, n;
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };
	struct dv_id sum;

	(void)state;
	m.head = strdup("refs/heads/main");
	assert_ok(dv_strs_add(&m.packs, A, &err));
	assert_ok(dv_manifest_set(&m, "refs/tags/v1", B, &err));
	assert_ok(dv_manifest_set(&m, "refs/heads/main", A, &err));
	assert_ok(dv_manifest_format(&m, sha, &b, &err));
	assert_memory_equal(b.p,
			    HEAD "head refs/heads/main\npack " A "\nref " A
			    " refs/heads/main\nref " B " refs/tags/v1\nsha256 ",
			    b.n - 65);
	dv_sha256_of(sha, b.p, b.n, &sum);
	assert_true(dv_id_eq(&sum, &m.self));
	assert_ok(dv_manifest_parse(&n, b.p, b.n, sha, &err));
	assert_int_equal(n.number, 7);
	assert_int_equal(n.algo, 1);
	assert_int_equal(n.nrefs, 2);
	assert_int_equal(n.packs.n, 1);
	assert_string_equal(n.head, "refs/heads/main");
	assert_string_equal(n.transaction, T);
	assert_string_equal(dv_manifest_get(&n, "refs/tags/v1"), B);
	assert_true(dv_id_eq(&n.self, &m.self));
	dv_manifest_release(&n);
	dv_manifest_release(&m);
	dv_buf_release(&b);
}

static void every_cut_is_seen(void **state)
{
	const char *text = HEAD "ref " A " refs/heads/main\n";
	size_t all = strlen(text) + 72;
	struct dv_manifest m;

	(void)state;
	assert_int_equal(parse(text), 0);
	for (size_t drop = 1; drop < all; drop++)
		assert_int_equal(parse_cut(text, drop, &m), DV_ECORRUPT);
}

static void every_changed_byte_is_seen(void **state)
{
	struct dv_manifest m = { .number = 1, .transaction = T, .algo = 2 }, n;
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };

	(void)state;
	assert_ok(dv_manifest_set(&m, "refs/heads/x", ZERO, &err));
	assert_ok(dv_manifest_format(&m, sha, &b, &err));
	for (size_t i = 0; i < b.n; i++) {
		b.p[i] ^= 1;
		assert_int_not_equal(dv_manifest_parse(&n, b.p, b.n, sha, NULL),
				     0);
		b.p[i] ^= 1;
	}
	assert_ok(dv_manifest_parse(&n, b.p, b.n, sha, &err));
	dv_manifest_release(&n);
	dv_manifest_release(&m);
	dv_buf_release(&b);
}

static void bad_lines(void **state)
{
	static const char *const bad[] = {
		HEAD "pack ../../x\n",
		HEAD "pack " A "/\n",
		HEAD "pack \n",
		HEAD "pack\n",
		HEAD "pack " ZERO "\n",		/* the other object format's */
		HEAD "ref " A "\n",
		HEAD "ref " A " \n",
		HEAD "ref " A " HEAD\n",
		HEAD "ref " A " refs/heads/../x\n",
		HEAD "ref " A " refs/heads/a b\n",
		HEAD "ref " ZERO " refs/heads/a\n",
		HEAD "ref " A " refs/b\nref " A " refs/a\n",
		HEAD "ref " A " refs/a\nref " A " refs/a\n",
		HEAD "head HEAD\n",
		HEAD "head refs/heads/a\nhead refs/heads/b\n",
		"git-dv refs 1\nnumber 0\ntransaction " T "\nprevious " ZERO
		"\nobject-format sha1\n",
		"git-dv refs 1\nnumber -1\ntransaction " T "\nprevious " ZERO
		"\nobject-format sha1\n",
		"git-dv refs 1\nnumber 99999999999999999999\ntransaction " T
		"\nprevious " ZERO "\nobject-format sha1\n",
		"git-dv refs 1\nnumber 7x\ntransaction " T "\nprevious " ZERO
		"\nobject-format sha1\n",
		"git-dv refs 1\nnumber 7\ntransaction x\nprevious " ZERO
		"\nobject-format sha1\n",
		"git-dv refs 1\nnumber 7\ntransaction " T
		"\nprevious 00\nobject-format sha1\n",
		"git-dv refs 1\nnumber 7\nprevious " ZERO
		"\nobject-format sha1\n",
		TOP,
		/* Ids before the format that says how long they are. */
		TOP "ref " A " refs/heads/a\nobject-format sha256\n",
		HEAD "ref " A " refs/heads/a\nobject-format sha256\n",
		/* Git can hold only one of the two. */
		HEAD "ref " A " refs/heads/a\nref " A " refs/heads/a/b\n",
		HEAD "ref " A " refs/heads/a\nref " A " refs/heads/a.c\nref " A
		" refs/heads/a/b\n",
	};

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(bad); i++)
		if (parse(bad[i]) != DV_ECORRUPT)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(parse("git-dv refs 2\nnumber 7\n"), DV_EINVAL);
	assert_int_equal(parse(TOP "object-format md5\n"), DV_EINVAL);
	/* Room for what later versions add. */
	assert_int_equal(parse(HEAD "signature x y\n"), 0);
}

static void ref_names(void **state)
{
	static const char *const good[] = {
		"refs/heads/main", "refs/a", "refs/heads/a/b.c", "refs/x/@",
		"refs/heads/\xc3\xa4", "refs/heads/a.lockx", "refs/-x",
	};
	static const char *const bad[] = {
		"", "HEAD", "refs/", "refs", "heads/main", "refs//a",
		"refs/a/", "refs/.a", "refs/a/.b", "refs/a.", "refs/a./b",
		"refs/a..b", "refs/a.lock", "refs/a.lock/b", "refs/a b",
		"refs/a~", "refs/a^", "refs/a:", "refs/a?", "refs/a*",
		"refs/a[", "refs/a\\", "refs/a\x7f", "refs/a\n", "refs/a@{b",
		"refs/../x", "refs/heads/.lock",
	};
	char longest[5000] = "refs/";

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(good); i++)
		if (!dv_ref_name_ok(good[i]))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < DV_ARRAY_SIZE(bad); i++)
		if (dv_ref_name_ok(bad[i]))
			fail_msg("taken: %s", bad[i]);
	memset(longest + 5, 'a', sizeof(longest) - 6);
	assert_false(dv_ref_name_ok(longest));
}

static void keys_go_down(void **state)
{
	char key[32], next[32];

	(void)state;
	dv_manifest_key(1, key);
	assert_string_equal(key, "git/refs/fffffffffffffffe");
	dv_manifest_key(UINT64_MAX, key);
	assert_string_equal(key, "git/refs/0000000000000000");
	for (uint64_t n = 1; n < 1000; n++) {
		dv_manifest_key(n, key);
		dv_manifest_key(n + 1, next);
		assert_true(strcmp(next, key) < 0);
	}
}

static void set_get_delete(void **state)
{
	struct dv_manifest m = { 0 };
	struct dv_err err = { 0 };

	(void)state;
	assert_null(dv_manifest_get(&m, "refs/a"));
	assert_ok(dv_manifest_set(&m, "refs/a", NULL, &err));
	assert_ok(dv_manifest_set(&m, "refs/a", A, &err));
	assert_ok(dv_manifest_set(&m, "refs/b", B, &err));
	assert_ok(dv_manifest_set(&m, "refs/a", B, &err));
	assert_int_equal(m.nrefs, 2);
	assert_string_equal(dv_manifest_get(&m, "refs/a"), B);
	assert_ok(dv_manifest_set(&m, "refs/a", NULL, &err));
	assert_null(dv_manifest_get(&m, "refs/a"));
	assert_string_equal(dv_manifest_get(&m, "refs/b"), B);
	dv_manifest_release(&m);
}

/* Names in the order of their bytes, whatever the order they came in. */
static void sorted_and_clashing(void **state)
{
	static const char *const names[] = { "refs/heads/a/b", "refs/heads/a-b",
		"refs/heads/a0", "refs/heads/z", "refs/heads/c", "refs/heads/a.b" };
	struct dv_manifest m = { 0 };
	struct dv_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(names); i++)
		assert_ok(dv_manifest_set(&m, names[i], A, &err));
	assert_int_equal(m.nrefs, DV_ARRAY_SIZE(names));
	for (size_t i = 1; i < m.nrefs; i++)
		assert_true(strcmp(m.refs[i - 1].name, m.refs[i].name) < 0);
	for (size_t i = 0; i < DV_ARRAY_SIZE(names); i++)
		assert_string_equal(dv_manifest_get(&m, names[i]), A);
	assert_true(dv_manifest_clashes(&m, "refs/heads/a"));
	assert_true(dv_manifest_clashes(&m, "refs/heads/a/b/c/d"));
	assert_true(dv_manifest_clashes(&m, "refs/heads/z/x"));
	assert_false(dv_manifest_clashes(&m, "refs/heads/a/c"));
	assert_false(dv_manifest_clashes(&m, "refs/heads/a/b"));
	assert_false(dv_manifest_clashes(&m, "refs/heads/b"));
	assert_false(dv_manifest_clashes(&m, "refs/heads/zz"));
	assert_false(dv_manifest_clashes(&m, "refs/tags/a"));
	dv_manifest_release(&m);
	assert_false(dv_manifest_clashes(&m, "refs/heads/a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_as_documented),
		cmocka_unit_test(every_cut_is_seen),
		cmocka_unit_test(every_changed_byte_is_seen),
		cmocka_unit_test(bad_lines),
		cmocka_unit_test(ref_names),
		cmocka_unit_test(keys_go_down),
		cmocka_unit_test(set_get_delete),
		cmocka_unit_test(sorted_and_clashing),
	};

	return cmocka_run_group_tests(tests, open_sha, close_sha);
}
