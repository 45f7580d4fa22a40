#include "gitlib.h"

#include <time.h>

#include <cjson/cJSON.h>

#include "catalog/catalog.h"
#include "codec/sums.h"
#include "format/json.h"

#define H16 "0123456789abcdef"
#define HEX H16 H16 H16 H16
#define OID "sha256:" HEX

static const char documented[] =
	"{\n"
	"  \"format\": 1,\n"
	"  \"aliases\": {\n"
	"    \"prod\": \"v1\"\n"
	"  },\n"
	"  \"versions\": {\n"
	"    \"v1\": {\n"
	"      \"file\": \"data/a.csv\",\n"
	"      \"original_file\": \"a.csv\",\n"
	"      \"created\": \"2026-01-31T12:00:00.000000+01:00\",\n"
	"      \"size\": 8,\n"
	"      \"sha256\": \"" HEX "\",\n"
	"      \"md5\": \"" H16 H16 "\",\n"
	"      \"oid\": \"" OID "\",\n"
	"      \"commit\": \"" H16 H16 "01234567\",\n"
	"      \"description\": \"two\\nlines\",\n"
	"      \"meta\": {\n"
	"        \"k\": \"v\"\n"
	"      },\n"
	"      \"licence\": [\n"
	"        \"free\",\n"
	"        {}\n"
	"      ]\n"
	"    }\n"
	"  },\n"
	"  \"owner\": \"us\"\n"
	"}\n";

static void parse(struct dv_registry *r, const char *text)
{
	struct dv_err err = { 0 };

	assert_ok(dv_registry_parse(r, text, strlen(text), &err));
}

static struct dv_buf format(const struct dv_registry *r)
{
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };

	assert_ok(dv_registry_format(r, &b, &err));
	return b;
}

static void add(struct dv_registry *r, const char *id, const char *created,
		uint64_t size)
{
	struct dv_version v = { .id = id, .file = "f", .created = created,
		.size = size, .sha256 = HEX, .oid = { .size = size,
		.scheme = DV_SCHEME_SHA256 } };
	struct dv_err err = { 0 };

	assert_int_equal(dv_hex_decode(v.oid.id.b, HEX, 32), 0);
	assert_ok(dv_registry_add(r, &v, &err));
}

static void text_is_as_documented(void **state)
{
	struct dv_registry r;
	struct dv_buf b;

	(void)state;
	parse(&r, documented);
	assert_int_equal(r.n, 1);
	assert_string_equal(r.v[0].file, "data/a.csv");
	assert_int_equal(r.v[0].oid.scheme, DV_SCHEME_SHA256);
	assert_int_equal(r.v[0].oid.size, 8);
	assert_string_equal(dv_registry_alias(&r, "prod"), "v1");
	b = format(&r);
	assert_string_equal(dv_buf_str(&b), documented);
	dv_buf_release(&b);
	dv_registry_release(&r);
}

/* Whatever the order and the spelling it came in. */
static void order_is_fixed(void **state)
{
	static const char *const texts[] = {
		"{\"versions\":{\"b\":{\"size\":1,\"created\":\"2026-01-01T00:00:00Z\",\"file\":\"f\"},"
		"\"a\":{\"file\":\"f\",\"created\":\"2026-01-01T02:00:00+03:00\",\"size\":1e0}},\"format\":1,"
		"\"aliases\":{\"y\":\"b\",\"x\":\"a\"}}",
		"{\"format\":1,\"aliases\":{\"x\":\"a\",\"y\":\"b\"},\"versions\":{"
		"\"a\":{\"created\":\"2026-01-01T02:00:00+03:00\",\"file\":\"\\u0066\",\"size\":1},"
		"\"b\":{\"file\":\"f\",\"size\":1,\"created\":\"2026-01-01T00:00:00Z\"}}}",
	};
	const struct dv_version *v;
	struct dv_buf b[2];
	struct dv_err err = { 0 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct dv_registry r;

		parse(&r, texts[i]);
		assert_string_equal(r.v[0].id, "a");	/* an hour before */
		assert_ok(dv_registry_resolve(&r, NULL, &v, &err));
		assert_string_equal(v->id, "b");
		assert_ok(dv_registry_resolve(&r, "x", &v, &err));
		assert_string_equal(v->id, "a");
		assert_fails(dv_registry_resolve(&r, "z", &v, &err),
			     DV_ENOTFOUND);
		b[i] = format(&r);
		dv_registry_release(&r);
	}
	assert_string_equal(dv_buf_str(&b[0]), dv_buf_str(&b[1]));
	dv_buf_release(&b[0]);
	dv_buf_release(&b[1]);
}

static void names(void **state)
{
	static const char *const good[] = { "a", "v1.2", "a b", "CONS", "x..y",
		"caf\xc3\xa9", "_", "a+b=c", "~x", "\xe6\x97\xa5",
		"com", "com11", "x.con", "lpt\xc2\xb5" };
	static const char *const bad[] = { "", ".", "..", ".git", "../x", "/a",
		"a/b", "a\\b", "-x", " x", "x ", "x.", "a:b", "a@b", "a*", "a?",
		"a\nb", "a\x7f", "\xff", "\xc0\xaf", "\xed\xa0\x80", "a\"b",
		"a<b", "a|b", "con", "Aux.b", "COM0", "lpt9 .x", "CONIN$",
		"com\xc2\xb2", "a\xe2\x80\xae", "\xc2\xad", "\xef\xbb\xbf" "a",
		"\xf3\xa0\x81\x81" };
	struct dv_err err = { 0 };
	char long_name[DV_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(good); i++)
		assert_ok(dv_name_check(good[i], "name", &err));
	for (size_t i = 0; i < DV_ARRAY_SIZE(bad); i++)
		assert_fails(dv_name_check(bad[i], "name", &err), DV_EINVAL);
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[DV_NAME_MAX + 1] = '\0';
	assert_fails(dv_name_check(long_name, "name", &err), DV_EINVAL);
	long_name[DV_NAME_MAX] = '\0';
	assert_ok(dv_name_check(long_name, "name", &err));
	assert_string_equal(dv_name_show(long_name).s, long_name);
	assert_string_equal(dv_name_show("\xc3\xa9\x1b\xc2\x9b\xff\xe2\x80\xae!").s,
			    "\xc3\xa9\\x1b\\xc2\\x9b\\xff\\xe2\\x80\\xae!");
	memset(long_name, '\t', sizeof(long_name) - 1);
	assert_non_null(strstr(dv_name_show(long_name).s, "\\x09..."));
}

static void paths(void **state)
{
	static const char *const good[] = { "a", "a/b", ".dv/x", ".gitignore",
		"a/.gitx", "-", "a b/c d", "...x" };
	static const char *const bad[] = { "", "/", "/a", "a/", "a//b", ".",
		"..", "./a", "a/./b", "a/..", "../a", "...", ".git", ".git/x",
		"a/.GIT", "a/.git./x", ".git ", "a\nb", "\xff" };
	struct dv_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(good); i++)
		assert_ok(dv_top_path_check(good[i], &err));
	for (size_t i = 0; i < DV_ARRAY_SIZE(bad); i++)
		assert_fails(dv_top_path_check(bad[i], &err), DV_EINVAL);
}

static void times(void **state)
{
	static const struct {
		const char *s;
		int64_t us;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01 01:00:00+01:00", 0 },
		{ "1970-01-01T00:00:00.5+0000", 500000 },
		{ "1970-01-01T00:00:01.1234567-00:30", 1801123456 },
		{ "2024-02-29T12:00:00Z", 1709208000000000 },
		{ "1969-12-31T23:59:59Z", -1000000 },
	};
	static const char *const bad[] = { "", "now", "2024-01-01",
		"2024-01-01T00:00:00", "2024-13-01T00:00:00Z",
		"2024-00-01T00:00:00Z", "2023-02-29T00:00:00Z",
		"2024-01-01T24:00:00Z", "2024-01-01T00:00:00Zx",
		"2024-01-01T00:00:00+1", "2024-01-01T00:00:00+99:00",
		"24-01-01T00:00:00Z", "2024-1-1T00:00:00Z",
		"-024-01-01T00:00:00Z" };
	int64_t us;

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(good); i++) {
		assert_int_equal(dv_time_parse(good[i].s, 0, &us), 0);
		assert_int_equal(us, good[i].us);
		/* What we write is what we read. */
		assert_int_equal(dv_time_parse(dv_time_text(us).s, 0, &us), 0);
		assert_int_equal(us, good[i].us);
	}
	for (size_t i = 0; i < DV_ARRAY_SIZE(bad); i++)
		assert_int_equal(dv_time_parse(bad[i], 0, &us), -1);
	setenv("TZ", "XYZ-2", 1);
	tzset();
	assert_int_equal(dv_time_parse("1970-01-01T02:00:00", 1, &us), 0);
	assert_int_equal(us, 0);
	assert_string_equal(dv_time_text(0).s,
			    "1970-01-01T02:00:00.000000+02:00");
	setenv("TZ", "XYZ3:30", 1);
	tzset();
	assert_string_equal(dv_time_text(0).s,
			    "1969-12-31T20:30:00.000000-03:30");
	setenv("TZ", "UTC", 1);
	tzset();
}

static void json_limits(void **state)
{
	static const char *const bad[] = { "", " ", "{", "{}{}", "nul",
		"{\"a\":1,\"a\":2}", "[{\"a\":1,\"b\":0,\"a\":2}]",
		"\"\\u0000\"", "\"\x01\"", "\"\xff\"", "{\"a\":\"\xc0\x80\"}",
		"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "\"\\", "\"\\u000" };
	/* A backslash and a text, not NUL; brackets in strings. */
	static const char tricky[] = "{\"[\\\"[\": \"\\\\u0000\"}";
	struct dv_err err = { 0 };
	struct cJSON *v;

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(bad); i++)
		assert_fails(dv_json_parse(bad[i], strlen(bad[i]), &v, &err),
			     DV_EINVAL);
	assert_fails(dv_json_parse("1\0", 2, &v, &err), DV_EINVAL);
	assert_fails(dv_json_parse("{}\0{}", 5, &v, &err), DV_EINVAL);
	assert_ok(dv_json_parse("[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", 33, &v,
				&err));
	cJSON_Delete(v);
	assert_ok(dv_json_parse(tricky, strlen(tricky), &v, &err));
	cJSON_Delete(v);
	assert_fails(dv_json_parse("{\n\n\"a\" 1}", 10, &v, &err), DV_EINVAL);
	assert_non_null(strstr(err.msg, "line 3"));
}

static void long_numbers(void **state)
{
	static const char text[] = "{\"a\":[9007199254740993,{\"2\\\"-3\":"
		"-0.30000000000000004}],\"b\":12,\"c\":\"123456789012345678\","
		"\"d\":1.5e+10,\"e\":123456789012345678901234567890}";
	static const char want[] = "{\"a\":[9007199254740993,{\"2\\\"-3\":"
		"-0.30000000000000004}],\"b\":12,\"c\":\"123456789012345678\","
		"\"d\":15000000000,\"e\":123456789012345678901234567890}";
	struct dv_err err = { 0 };
	struct dv_buf b = { 0 };
	cJSON *v, *copy;

	(void)state;
	assert_ok(dv_json_parse(text, sizeof(text) - 1, &v, &err));
	copy = cJSON_Duplicate(v, 1);
	cJSON_Delete(v);
	assert_ok(dv_json_print(&b, copy, -1, &err));
	assert_string_equal(dv_buf_str(&b), want);
	cJSON_Delete(copy);
	b.n = 0;
	/* Beyond a double, either way. */
	assert_ok(dv_json_parse("[1e999,-2E+400,3e-500,0e9,-0.0]", 31, &v,
				&err));
	assert_ok(dv_json_print(&b, v, -1, &err));
	assert_memory_equal(dv_buf_str(&b), "[1e999,-2E+400,3e-500,0,", 24);
	cJSON_Delete(v);
	b.n = 0;
	/* None that cJSON takes and JSON has not. */
	assert_ok(dv_json_parse("[01234567890123456]", 19, &v, &err));
	assert_ok(dv_json_print(&b, v, -1, &err));
	assert_string_not_equal(dv_buf_str(&b), "[01234567890123456]");
	cJSON_Delete(v);
	dv_buf_release(&b);
}

static void change(void **state)
{
	struct dv_version twice = { .id = "A", .file = "f",
				    .created = "2026-01-01T00:00:00Z" };
	struct dv_registry r;
	struct dv_err err = { 0 };

	(void)state;
	assert_ok(dv_registry_init(&r, &err));
	add(&r, "b", "2026-01-02T00:00:00Z", 3);
	add(&r, "a", "2026-01-01T00:00:00Z", 4);
	assert_string_equal(r.v[1].id, "b");
	assert_fails(dv_registry_add(&r, &twice, &err), DV_EEXIST);
	twice.id = "latest";
	assert_fails(dv_registry_add(&r, &twice, &err), DV_EINVAL);
	assert_ok(dv_registry_alias_set(&r, "x", "a", &err));
	twice.id = "x";
	assert_fails(dv_registry_add(&r, &twice, &err), DV_EEXIST);
	twice.id = "c";
	twice.file = "../c";
	assert_fails(dv_registry_add(&r, &twice, &err), DV_EINVAL);
	assert_int_equal(r.n, 2);
	assert_fails(dv_registry_alias_set(&r, "a", "b", &err), DV_EEXIST);
	assert_fails(dv_registry_alias_set(&r, "y", NULL, &err), DV_ENOTFOUND);
	assert_ok(dv_registry_alias_set(&r, "x", "b", &err));
	assert_string_equal(dv_registry_alias(&r, "x"), "b");
	dv_registry_remove(&r, "b");
	assert_int_equal(r.n, 1);
	assert_null(dv_registry_find(&r, "b"));
	dv_registry_release(&r);
}

/* "a1 b2": versions with a size each; "x=a" an alias. */
static void make(struct dv_registry *r, const char *text)
{
	char *copy = strdup(text), *save = NULL;
	struct dv_err err = { 0 };

	assert_ok(dv_registry_init(r, &err));
	for (char *w = strtok_r(copy, " ", &save); w;
	     w = strtok_r(NULL, " ", &save)) {
		char id[2] = { *w, 0 };

		if (w[1] == '=')
			assert_ok(dv_registry_alias_set(r, id, w + 2, &err));
		else
			add(r, id, "2026-01-01T00:00:00Z",
			    (uint64_t)(w[1] - '0'));
	}
	free(copy);
}

static void merge(void **state)
{
	static const struct {
		const char *base, *ours, *theirs, *want;
		size_t conflicts;
	} cases[] = {
		{ "", "", "", "", 0 },
		{ "", "a1", "b2", "a1 b2", 0 },
		{ "a1", "a1 b1", "a1 c1", "a1 b1 c1", 0 },
		{ "", "a1", "a1", "a1", 0 },
		{ "", "a1", "a2", "a1", 1 },
		{ "a1 b1", "a1", "a1 b1 c1", "a1 c1", 0 },
		{ "a1 b1", "a1 b1 c1", "b1", "b1 c1", 0 },
		{ "a1", "", "", "", 0 },
		{ "a1", "a2", "a1", "a2", 0 },
		{ "a1", "a1", "a3", "a3", 0 },
		{ "a1", "a2", "a3", "a2", 1 },
		{ "a1", "", "a3", "", 1 },
		{ "a1", "a3", "", "a3", 1 },
		{ "a1 x=a", "a1 b1 x=b", "a1 x=a", "a1 b1 x=b", 0 },
		{ "a1 x=a", "a1 x=a", "a1 b1 x=b", "a1 b1 x=b", 0 },
		{ "a1 x=a", "a1 b1 x=b", "a1 c1 x=c", "a1 b1 c1 x=b", 1 },
		{ "a1 x=a", "a1", "a1 x=a", "a1", 0 },
		/* An alias of what the other side removed. */
		{ "a1", "", "a1 x=a", "a1 x=a", 1 },
		{ "a1", "a1 x=a", "", "a1 x=a", 1 },
		{ "a1", "", "a2 x=a", "a2 x=a", 1 },
		{ "a1", "b1", "a1 x=a", "a1 b1 x=a", 1 },
		/* One name for two things. */
		{ "a1", "a1 x=a", "a1 x2", "a1 x=a", 1 },
		{ "a1", "a1 x2", "a1 x=a", "a1 x2", 1 },
		{ "a1 x=a", "a1 b1 x=a", "a1 x2", "a1 b1 x2", 0 },
		{ "a1 x2", "a1 b1 x2", "a1 x=a", "a1 b1 x=a", 0 },
		{ "a1", "a1 X1", "a1 x1", "a1 X1", 1 },
		{ "a1 x1", "a1 b1 x1", "a1 X1", "a1 X1 b1", 0 },
		{ "a1", "a1 X1", "a1 x1 y=x", "a1 X1", 2 },
		{ "a1 y=a", "a1 X1 y=a", "a1 x1 y=x", "a1 X1 y=a", 2 },
	};

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(cases); i++) {
		struct dv_registry base, ours, theirs, want;
		struct dv_strs conflicts = { 0 };
		struct dv_err err = { 0 };
		struct dv_buf got, exp;

		make(&base, cases[i].base);
		make(&ours, cases[i].ours);
		make(&theirs, cases[i].theirs);
		make(&want, cases[i].want);
		assert_ok(dv_catalog_merge(&base, &ours, &theirs, &conflicts,
					   &err));
		got = format(&ours);
		exp = format(&want);
		assert_string_equal(dv_buf_str(&got), dv_buf_str(&exp));
		assert_int_equal(conflicts.n, cases[i].conflicts);
		dv_buf_release(&got);
		dv_buf_release(&exp);
		dv_strs_release(&conflicts);
		dv_registry_release(&base);
		dv_registry_release(&ours);
		dv_registry_release(&theirs);
		dv_registry_release(&want);
	}
}

static void sums(void **state)
{
	struct dv_sums *s;
	struct dv_err err = { 0 };
	char sha256[65], md5[33];

	(void)state;
	assert_ok(dv_sums_open(&s, &err));
	for (int i = 0; i < 2; i++) {
		dv_sums_begin(s);
		dv_sums_add(s, "a", 1);
		dv_sums_add(s, "bc", 2);
		dv_sums_end(s, sha256, md5);
		assert_string_equal(md5, "900150983cd24fb0d6963f7d28e17f72");
		assert_string_equal(sha256,
			"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	}
	dv_sums_close(s);
}

/* A registry whose one version has the content 00...<n>. */
static void put_registry(const char *top, const char *name, int n)
{
	char *dir = dv_fmt("%s/" DV_REGISTRY_DIR, top);
	char *path = dv_fmt("%s/%s.json", dir, name);
	char *text = dv_fmt("{\"format\":1,\"versions\":{\"1\":{\"file\":\"f\","
		"\"created\":\"2026-01-01T00:00:00Z\",\"size\":9,"
		"\"oid\":\"dv1:%064d\"}}}\n", n);
	struct dv_err err = { 0 };

	assert_ok(dv_dir_make(dir, &err));
	write_file(path, text, strlen(text));
	free(text);
	free(path);
	free(dir);
}

static int roots(struct dv_ptrs *out, struct dv_err *err)
{
	const struct dv_strs none = { 0 };
	struct dv_repo r;
	int rc;

	assert_int_equal(dv_repo_open(&r, err), 0);
	rc = dv_registry_oids(&r, &none, out, err);
	dv_repo_close(&r);
	return rc;
}

static int named(const struct dv_ptrs *p, int n)
{
	char hex[65];

	snprintf(hex, sizeof(hex), "%064d", n);
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(dv_id_hex(&p->v[i].oid.id).s, hex))
			return 1;
	return 0;
}

/* Wherever git itself would keep an object alive, and the worktrees. */
static void what_gc_keeps(void **state)
{
	struct dv_ptrs p = { 0 };
	struct dv_err err = { 0 };

	(void)state;
	must_sh("git init -q -b main . && git commit -q --allow-empty -m 0");
	put_registry(".", "a", 1);
	must_sh("git add . && git commit -q -m 1");
	put_registry(".", "a", 2);
	must_sh("git commit -q -am 2");
	/* A branch that a reflog alone has. */
	put_registry(".", "a", 3);
	must_sh("git commit -q -am 3 && git reset -q --hard HEAD^");
	/* A linked worktree with a HEAD of its own, its index, its files. */
	must_sh("git worktree add -q --detach ../wt");
	put_registry("../wt", "b", 4);
	must_sh("cd ../wt && git add . && git commit -q -m 4");
	put_registry("../wt", "b", 5);
	must_sh("cd ../wt && git add .");
	put_registry("../wt", "b", 6);
	/* Here: staged, in a file, stashed. */
	put_registry(".", "c", 7);
	must_sh("git add . && git stash -q");
	put_registry(".", "d", 8);
	must_sh("git add .");
	put_registry(".", "d", 9);
	/* A tag of something else is no commit. */
	must_sh("git tag blob $(echo x | git hash-object -w --stdin)");
	assert_ok(roots(&p, &err));
	for (int i = 1; i <= 9; i++)
		if (!named(&p, i))
			fail_msg("content %d would be lost", i);
	dv_ptrs_release(&p);
	must_sh("rm -rf ../wt");
	assert_ok(roots(&p, &err));
	assert_true(named(&p, 5));
	dv_ptrs_release(&p);

	/* One in an older commit is warned of; one in use stops all. */
	must_sh("echo { >.dv/registry/e.json && git add . && git commit -q -m e && git rm -q .dv/registry/e.json && git commit -q -m f");
	assert_ok(roots(&p, &err));
	dv_ptrs_release(&p);
	must_sh("git branch broken HEAD^");
	assert_fails(roots(&p, &err), DV_EINVAL);
	assert_non_null(strstr(err.msg, "the tip of a ref"));
	dv_ptrs_release(&p);
	must_sh("git branch -q -D broken && echo '<<<<<<<' >.dv/registry/e.json");
	assert_fails(roots(&p, &err), DV_EINVAL);
	dv_ptrs_release(&p);
	must_sh("git add . && rm .dv/registry/e.json");
	assert_fails(roots(&p, &err), DV_EINVAL);
	assert_non_null(strstr(err.msg, "index"));
	dv_ptrs_release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_as_documented),
		cmocka_unit_test(order_is_fixed),
		cmocka_unit_test(names),
		cmocka_unit_test(paths),
		cmocka_unit_test(times),
		cmocka_unit_test(json_limits),
		cmocka_unit_test(long_numbers),
		cmocka_unit_test(change),
		cmocka_unit_test(merge),
		cmocka_unit_test(sums),
		WITH_GIT(what_gc_keeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
