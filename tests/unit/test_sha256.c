#include "testlib.h"

#include "codec/sha256.h"

static void known_answers(void **state)
{
	struct dv_sha256 *s = dv_sha256_open();
	uint8_t *million = test_alloc(1000000);
	struct dv_id id;

	(void)state;
	assert_non_null(s);
	memset(million, 'a', 1000000);
	/* FIPS 180-4 examples. */
	dv_sha256_of(s, "abc", 3, &id);
	assert_string_equal(dv_id_hex(&id).s,
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	dv_sha256_of(s, "", 0, &id);
	assert_string_equal(dv_id_hex(&id).s,
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	dv_sha256_of(s, million, 1000000, &id);
	assert_string_equal(dv_id_hex(&id).s,
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(million);
	dv_sha256_close(s);
}

static void pieces_equal_the_whole(void **state)
{
	struct dv_sha256 *s = dv_sha256_open();
	uint8_t b[1000];
	struct dv_id whole, parts;

	(void)state;
	test_noise(b, sizeof(b), 1);
	dv_sha256_of(s, b, sizeof(b), &whole);
	for (size_t step = 1; step < 300; step += 37) {
		dv_sha256_begin(s);
		dv_sha256_add(s, b, 0);
		for (size_t at = 0; at < sizeof(b); at += step)
			dv_sha256_add(s, b + at,
				      DV_MIN(step, sizeof(b) - at));
		dv_sha256_end(s, &parts);
		assert_true(dv_id_eq(&whole, &parts));
	}
	/* A digest that was begun and left does not leak into the next. */
	dv_sha256_begin(s);
	dv_sha256_add(s, "left", 4);
	dv_sha256_of(s, b, sizeof(b), &parts);
	assert_true(dv_id_eq(&whole, &parts));
	dv_sha256_close(s);
	dv_sha256_close(NULL);
}

static void git_object_ids(void **state)
{
	uint8_t out[32];

	(void)state;
	assert_int_equal(dv_git_hash(1, "blob 6", 7, "hello\n", 6, out), 0);
	assert_hex(out, 20, "ce013625030ba8dba906f756967f9e9ca394464a");
	assert_int_equal(dv_git_hash(2, "blob 0", 7, "", 0, out), 0);
	assert_hex(out, 32,
		"473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(pieces_equal_the_whole),
		cmocka_unit_test(git_object_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
