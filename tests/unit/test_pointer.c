#include "testlib.h"

#include "format/pointer.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define V "version git-dv/1\n"

/* Exactly the n bytes on the heap, so that ASan sees any further look. */
static enum dv_pointer_kind parse_n(const char *s, size_t n,
				    struct dv_oid *oid)
{
	char *copy = test_alloc(n);
	enum dv_pointer_kind k;

	memcpy(copy, s, n);
	k = dv_pointer_parse(n ? copy : "", n, oid);
	free(copy);
	return k;
}

static enum dv_pointer_kind parse(const char *s)
{
	struct dv_oid oid;

	return parse_n(s, strlen(s), &oid);
}

static void golden(const char *name, enum dv_pointer_kind kind,
		   unsigned int scheme, uint64_t size)
{
	struct dv_buf b = test_golden(name);
	struct dv_oid oid;
	char out[DV_POINTER_MAX];
	size_t n;

	assert_int_equal(parse_n((char *)b.p, b.n, &oid), kind);
	if (kind == DV_PTR_OK) {
		assert_int_equal(oid.scheme, scheme);
		assert_int_equal(oid.size, size);
		n = dv_pointer_format(&oid, out);
		assert_int_equal(n, strlen(out));
		if (!memchr(b.p, '\r', b.n))
			assert_string_equal(out, dv_buf_str(&b));
	}
	dv_buf_release(&b);
}

static void golden_files(void **state)
{
	(void)state;
	golden("pointer-dv1", DV_PTR_OK, DV_SCHEME_DV1, 2097152);
	golden("pointer-sha256", DV_PTR_OK, DV_SCHEME_SHA256, 6);
	golden("pointer-crlf", DV_PTR_OK, DV_SCHEME_SHA256, 6);
	golden("pointer-lfs", DV_PTR_FOREIGN, 0, 0);
	golden("pointer-later", DV_PTR_FOREIGN, 0, 0);
}

static void valid(void **state)
{
	static const char s[] = V "oid dv1:" HEX "\nsize 9223372036854775807\n";
	struct dv_oid oid, again;
	char out[DV_POINTER_MAX];

	(void)state;
	assert_int_equal(parse_n(s, strlen(s), &oid), DV_PTR_OK);
	assert_int_equal(oid.scheme, DV_SCHEME_DV1);
	assert_true(oid.size == INT64_MAX);
	assert_string_equal(dv_id_hex(&oid.id).s, HEX);
	assert_int_equal(dv_pointer_format(&oid, out), strlen(s));
	assert_string_equal(out, s);
	assert_int_equal(parse_n(out, strlen(out), &again), DV_PTR_OK);
	assert_true(dv_oid_eq(&oid, &again));
	again.size--;
	assert_false(dv_oid_eq(&oid, &again));
}

/* Which sizes a scheme may have. */
static void size_limits(void **state)
{
	static const struct {
		const char *scheme, *size;
		int ok;
	} t[] = {
		{ "sha256", "0", 0 }, { "sha256", "1", 1 },
		{ "sha256", "262144", 1 }, { "sha256", "262145", 0 },
		{ "dv1", "1", 0 }, { "dv1", "32768", 0 },
		{ "dv1", "32769", 1 }, { "dv1", "262144", 1 },
		{ "dv1", "9223372036854775807", 1 },
		{ "dv1", "9223372036854775808", 0 },
		{ "dv1", "18446744073709551616", 0 },
		{ "dv1", "18446744073709584385", 0 },
		{ "dv1", "99999999999999999999999", 0 },
		{ "sha256", "01", 0 }, { "sha256", "+1", 0 },
		{ "sha256", "-1", 0 }, { "sha256", "", 0 },
		{ "sha256", "1 ", 0 }, { "sha256", " 1", 0 },
		{ "sha256", "1x", 0 }, { "sha256", "0x1", 0 },
		{ "dv2", "40000", 0 }, { "DV1", "40000", 0 },
		{ "sha1", "40000", 0 }, { "SHA256", "1", 0 }, { "", "1", 0 },
	};

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(t); i++) {
		char s[300];

		snprintf(s, sizeof(s), V "oid %s:" HEX "\nsize %s\n",
			 t[i].scheme, t[i].size);
		if (parse(s) != (t[i].ok ? DV_PTR_OK : DV_PTR_NONE))
			fail_msg("%s %s should be %d", t[i].scheme, t[i].size,
				 t[i].ok);
	}
}

/* No other byte anywhere: every place with a changed or lost byte. */
static void every_byte_counts(void **state)
{
	static const char s[] = V "oid dv1:" HEX "\nsize 70000\n";
	size_t n = strlen(s);
	char copy[200];
	struct dv_oid oid;

	(void)state;
	for (size_t k = 0; k < n; k++)	/* truncated */
		assert_int_equal(parse_n(s, k, &oid), DV_PTR_NONE);
	for (size_t i = 0; i < n; i++) {
		static const char other[] = { ' ', '\n', '\r', 'Z', 0, '\xff' };

		for (size_t k = 0; k < sizeof(other); k++) {
			if (s[i] == other[k])
				continue;
			memcpy(copy, s, n);
			copy[i] = other[k];
			assert_int_equal(parse_n(copy, n, &oid), DV_PTR_NONE);
		}
		memcpy(copy, s, i);	/* one byte more */
		copy[i] = ' ';
		memcpy(copy + i + 1, s + i, n - i);
		assert_int_equal(parse_n(copy, n + 1, &oid), DV_PTR_NONE);
	}
	memcpy(copy, s, n);
	copy[n] = '\n';
	assert_int_equal(parse_n(copy, n + 1, &oid), DV_PTR_NONE);
}

static void upper_case_hex(void **state)
{
	char s[] = V "oid dv1:" HEX "\nsize 70000\n";

	(void)state;
	*strchr(s + 30, 'a') = 'A';
	assert_int_equal(parse(s), DV_PTR_NONE);
}

static void line_ends(void **state)
{
	(void)state;
	assert_int_equal(parse("version git-dv/1\r\noid sha256:" HEX
			       "\r\nsize 5\r\n"), DV_PTR_OK);
	/* Some of them are enough: it is that pointer once CRLF becomes LF. */
	assert_int_equal(parse("version git-dv/1\noid sha256:" HEX
			       "\r\nsize 5\n"), DV_PTR_OK);
	assert_int_equal(parse("version git-dv/1\r\r\noid sha256:" HEX
			       "\nsize 5\n"), DV_PTR_NONE);
	assert_int_equal(parse("version git-dv/1\roid sha256:" HEX
			       "\rsize 5\r"), DV_PTR_NONE);
	assert_int_equal(parse(V "oid sha256:" HEX "\nsize 5\r"), DV_PTR_NONE);
}

#define LFS "version https://git-lfs.github.com/spec/"

static void foreign(void **state)
{
	char big[1100];
	struct dv_oid oid;

	(void)state;
	assert_int_equal(parse("version git-dv/2\nanything"), DV_PTR_FOREIGN);
	assert_int_equal(parse("version git-dv/10\n"), DV_PTR_FOREIGN);
	assert_int_equal(parse("version git-dv/2\r\nx\r\n"), DV_PTR_FOREIGN);
	assert_int_equal(parse("version git-dv/999999999999999999999999\n"),
			 DV_PTR_FOREIGN);
	assert_int_equal(parse("version git-dv/1\nother\n"), DV_PTR_NONE);
	assert_int_equal(parse("version git-dv/0\n"), DV_PTR_NONE);
	assert_int_equal(parse("version git-dv/x\n"), DV_PTR_NONE);
	assert_int_equal(parse("version git-dv/2x\n"), DV_PTR_NONE);
	assert_int_equal(parse("version git-dv/"), DV_PTR_NONE);
	assert_int_equal(parse(LFS "v1\noid sha256:" HEX "\nsize 5\n"),
			 DV_PTR_FOREIGN);
	assert_int_equal(parse(LFS), DV_PTR_FOREIGN);
	assert_int_equal(parse("version https://git-lfs.github.com/"),
			 DV_PTR_NONE);
	assert_int_equal(parse(" " LFS "v1\n"), DV_PTR_NONE);

	/* The limit of 1,024 bytes. */
	memset(big, 'x', sizeof(big));
	memcpy(big, "version git-dv/2\n", 17);
	assert_int_equal(parse_n(big, 1024, &oid), DV_PTR_FOREIGN);
	assert_int_equal(parse_n(big, 1025, &oid), DV_PTR_NONE);
	memcpy(big, LFS, strlen(LFS));
	assert_int_equal(parse_n(big, 1024, &oid), DV_PTR_FOREIGN);
	assert_int_equal(parse_n(big, 1025, &oid), DV_PTR_NONE);
}

static void ordinary_data(void **state)
{
	char many[1024];
	struct dv_oid oid;

	(void)state;
	assert_int_equal(parse(""), DV_PTR_NONE);
	assert_int_equal(parse("v"), DV_PTR_NONE);
	assert_int_equal(parse("hello\n"), DV_PTR_NONE);
	/* Many CRs must not fill the copy past its end. */
	memset(many, '\r', sizeof(many));
	memcpy(many, "version git-dv/1", 16);
	assert_int_equal(parse_n(many, sizeof(many), &oid), DV_PTR_NONE);
	for (size_t i = 16; i < sizeof(many); i++)
		many[i] = i & 1 ? '\n' : '\r';
	assert_int_equal(parse_n(many, sizeof(many), &oid), DV_PTR_NONE);
}

#define POINTER V "oid sha256:" HEX "\nsize 5\n"

static enum dv_spoilt spoilt(const char *s)
{
	return dv_pointer_is_spoilt(s, strlen(s));
}

static void spoilt_pointers(void **state)
{
	char many[2000];

	(void)state;
	assert_int_equal(spoilt(POINTER "row\n"), DV_SPOILT_EDITED);
	assert_int_equal(spoilt(V), DV_SPOILT_EDITED);
	assert_int_equal(spoilt("<<<<<<< a\n" POINTER "=======\n" POINTER
				">>>>>>> b\n"), DV_SPOILT_CONFLICT);
	assert_int_equal(spoilt(V "<<<<<<< a\noid sha256:" HEX "\nsize 5\n"
				"=======\noid dv1:" HEX "\nsize 600000\n"
				">>>>>>> b\n"), DV_SPOILT_CONFLICT);
	assert_int_equal(spoilt("<<<<<<< a\nsee\noid sha1:x\n"),
			 DV_SPOILT_NOT);
	assert_int_equal(spoilt("<<<<<<< a\noid dv1"), DV_SPOILT_NOT);
	assert_int_equal(spoilt("<<<<<<< "), DV_SPOILT_NOT);
	assert_int_equal(spoilt("see " POINTER), DV_SPOILT_NOT);
	assert_int_equal(spoilt("version git-dv"), DV_SPOILT_NOT);
	assert_int_equal(spoilt(""), DV_SPOILT_NOT);

	/* Of a long text only the first bytes need be there. */
	memset(many, 'x', sizeof(many));
	memcpy(many, POINTER, strlen(POINTER));
	assert_int_equal(dv_pointer_is_spoilt(many, sizeof(many)),
			 DV_SPOILT_EDITED);
	memcpy(many, "version git-dv/1\r\noid ", 22);
	assert_int_equal(dv_pointer_is_spoilt(many, sizeof(many)),
			 DV_SPOILT_EDITED);
	memcpy(many, "version git-dv/1\nwas written by", 31);
	assert_int_equal(dv_pointer_is_spoilt(many, sizeof(many)),
			 DV_SPOILT_NOT);
}

static void oid_text(void **state)
{
	struct dv_oid oid;

	(void)state;
	assert_int_equal(dv_oid_parse("dv1:" HEX, &oid), 0);
	assert_int_equal(oid.scheme, DV_SCHEME_DV1);
	assert_string_equal(dv_oid_text(&oid).s, "dv1:" HEX);
	assert_int_equal(dv_oid_parse("sha256:" HEX, &oid), 0);
	assert_int_equal(oid.scheme, DV_SCHEME_SHA256);
	assert_string_equal(dv_oid_text(&oid).s, "sha256:" HEX);
	assert_int_equal(dv_oid_parse(HEX, &oid), 0);
	assert_int_equal(oid.scheme, 0);
	assert_int_equal(dv_oid_parse(HEX "0", &oid), -1);
	assert_int_equal(dv_oid_parse(HEX + 1, &oid), -1);
	assert_int_equal(dv_oid_parse("dv2:" HEX, &oid), -1);
	assert_int_equal(dv_oid_parse("", &oid), -1);
	assert_int_equal(dv_oid_parse("dv1:", &oid), -1);
	assert_string_equal(dv_scheme_name(9), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_files),
		cmocka_unit_test(valid),
		cmocka_unit_test(size_limits),
		cmocka_unit_test(every_byte_counts),
		cmocka_unit_test(upper_case_hex),
		cmocka_unit_test(line_ends),
		cmocka_unit_test(foreign),
		cmocka_unit_test(ordinary_data),
		cmocka_unit_test(spoilt_pointers),
		cmocka_unit_test(oid_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
