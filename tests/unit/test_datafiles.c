#include "testlib.h"

#include "repo/datafiles.h"

static struct dv_data_rules rules(const char *ext, const char *fold,
				  const char *excl)
{
	struct dv_data_rules d = { .above = 10u << 20, .min = 100u << 10 };
	struct dv_strs e = { 0 }, f = { 0 }, x = { 0 };
	struct dv_err err = { 0 };

	if (ext)
		assert_ok(dv_strs_add(&e, ext, &err));
	if (fold)
		assert_ok(dv_strs_add(&f, fold, &err));
	if (excl)
		assert_ok(dv_strs_add(&x, excl, &err));
	assert_ok(dv_data_rules_set(&d, &e, &f, &x, &err));
	dv_strs_release(&e);
	dv_strs_release(&f);
	dv_strs_release(&x);
	return d;
}

#define BIG (11u << 20)
#define MID (100u << 10)

static void defaults(void **state)
{
	struct dv_data_rules d = rules(NULL, NULL, NULL);

	(void)state;
	assert_int_equal(dv_data_classify(&d, "a.csv", MID), DV_DATA_EXTENSION);
	assert_int_equal(dv_data_classify(&d, "a.csv", MID - 1), DV_DATA_NO);
	assert_int_equal(dv_data_classify(&d, "x/A.CSV", MID), DV_DATA_EXTENSION);
	assert_int_equal(dv_data_classify(&d, "a.tar.gz", MID), DV_DATA_EXTENSION);
	assert_int_equal(dv_data_classify(&d, ".csv", MID), DV_DATA_NO);
	assert_int_equal(dv_data_classify(&d, "csv", MID), DV_DATA_NO);
	assert_int_equal(dv_data_classify(&d, "acsv", MID), DV_DATA_NO);
	assert_int_equal(dv_data_classify(&d, "a.c", MID), DV_DATA_NO);
	assert_int_equal(dv_data_classify(&d, "a.c", 10u << 20), DV_DATA_NO);
	assert_int_equal(dv_data_classify(&d, "a.c", BIG), DV_DATA_ABOVE);
	assert_int_equal(dv_data_classify(&d, "data/x", MID), DV_DATA_FOLDER);
	assert_int_equal(dv_data_classify(&d, "a/data/b/x", MID), DV_DATA_FOLDER);
	assert_int_equal(dv_data_classify(&d, "data", MID), DV_DATA_NO);
	assert_int_equal(dv_data_classify(&d, "metadata/x", MID), DV_DATA_NO);
	assert_int_equal(dv_data_classify(&d, "package-lock.json", MID), DV_DATA_NO);
	assert_int_equal(dv_data_classify(&d, "a/b/package-lock.json", BIG), DV_DATA_NO);
	assert_int_equal(dv_data_classify(&d, ".dv/x.csv", BIG), DV_DATA_NO);
	assert_int_equal(dv_data_classify(&d, ".gitattributes", BIG), DV_DATA_NO);
	assert_int_equal(dv_data_classify(&d, "-a\nb\xff.csv", MID), DV_DATA_EXTENSION);
	assert_true(dv_data_in_folder(&d, "a/datasets/b/x"));
	assert_false(dv_data_in_folder(&d, "data"));
	assert_false(dv_data_in_folder(&d, "x.csv"));
	assert_false(dv_data_in_folder(&d, "data/package-lock.json"));
	dv_data_rules_release(&d);
}

static void settings(void **state)
{
	struct dv_data_rules d = rules(".PNG, *.tif\n bin", "raw/in\tx*", "*.bin");

	(void)state;
	assert_int_equal(dv_data_classify(&d, "a.csv", MID), DV_DATA_NO);
	assert_int_equal(dv_data_classify(&d, "a.png", MID), DV_DATA_EXTENSION);
	assert_int_equal(dv_data_classify(&d, "a.TIF", MID), DV_DATA_EXTENSION);
	assert_int_equal(dv_data_classify(&d, "a.bin", BIG), DV_DATA_NO);
	assert_int_equal(dv_data_classify(&d, "raw/in/q", MID), DV_DATA_FOLDER);
	assert_int_equal(dv_data_classify(&d, "raw/q", MID), DV_DATA_NO);
	assert_int_equal(dv_data_classify(&d, "q/xyz/q", MID), DV_DATA_FOLDER);
	assert_int_equal(dv_data_classify(&d, "data/q", MID), DV_DATA_NO);
	dv_data_rules_release(&d);
	d = rules("default png", "", "a\nb*");
	assert_int_equal(dv_data_classify(&d, "a.csv", MID), DV_DATA_EXTENSION);
	assert_int_equal(dv_data_classify(&d, "a.png", MID), DV_DATA_EXTENSION);
	assert_int_equal(dv_data_classify(&d, "data/q", MID), DV_DATA_NO);
	assert_int_equal(dv_data_classify(&d, "a\nbc.csv", MID), DV_DATA_NO);
	/* Whatever is set, small files are not named. */
	d.min = d.above = 0;
	assert_int_equal(dv_data_classify(&d, "a.csv", DV_DATA_FLOOR), DV_DATA_NO);
	assert_int_equal(dv_data_classify(&d, "q", DV_DATA_FLOOR + 1), DV_DATA_ABOVE);
	dv_data_rules_release(&d);
	d = rules("", "", "");
	assert_int_equal(dv_data_classify(&d, "a.csv", MID), DV_DATA_NO);
	assert_int_equal(dv_data_classify(&d, "package-lock.json", BIG), DV_DATA_ABOVE);
	dv_data_rules_release(&d);
}

static void command_is(struct dv_data_rules *d, const char *const *paths,
		       const char *prefix, const char *want)
{
	struct dv_data_advice a = { 0 };
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };

	for (; *paths; paths++)
		assert_ok(dv_data_advise(&a, d, *paths,
					 dv_data_classify(d, *paths, BIG),
					 &err));
	assert_ok(dv_data_command(&a, d, prefix, &b, &err));
	assert_string_equal(dv_buf_str(&b), want);
	dv_buf_release(&b);
	dv_data_advice_release(&a);
}

#define TRACK "git dv track --renormalize"
#define ADD " && git add .gitattributes"

static void commands(void **state)
{
	struct dv_data_rules d = rules(NULL, NULL, NULL);

	(void)state;
	command_is(&d, (const char *const[]){ "a.csv", "b/c.csv", NULL }, NULL,
		   TRACK " '*.csv'" ADD);
	command_is(&d, (const char *const[]){ "a.CSV", "data/x", NULL }, "a/b/",
		   "cd ../.. && " TRACK " '*.CSV' '/data/**'" ADD);
	command_is(&d, (const char *const[]){ "a/data/b/x", NULL }, "",
		   TRACK " '/a/data/**'" ADD);
	command_is(&d, (const char *const[]){ "-it's [1]*\n\xff", NULL }, "",
		   TRACK " '/-it'\\''s \\[1\\]\\*\?\?'" ADD);
	command_is(&d, (const char *const[]){ "1", "2", "3", "4", "5", "6",
		   "7", "8", "9", "d.npy", NULL }, "",
		   TRACK " --above 10M '*.npy'" ADD " .dvconfig");
	dv_data_rules_release(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(settings),
		cmocka_unit_test(commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
