#include "packlib.h"
#include "storelib.h"

static void create_and_open(void **state)
{
	struct dv_err err = { 0 };
	struct dv_store a, b;
	char *none = dv_fmt("%s/none", (char *)*state);
	char *deep = dv_fmt("%s/a/b/dv", (char *)*state);

	assert_fails(dv_store_open(&a, none, 0, &err), DV_ENOTFOUND);
	assert_false(dv_file_exists(none));	/* looking makes nothing */
	assert_ok(dv_store_open(&a, deep, DV_STORE_CREATE, &err));
	assert_int_equal(strlen(a.uuid), 32);
	assert_ok(dv_store_open(&b, deep, DV_STORE_CREATE, &err));
	assert_string_equal(a.uuid, b.uuid);
	dv_store_close(&a);
	dv_store_close(&b);
	free(none);
	free(deep);
}

static void later_stores_are_refused(void **state)
{
	static const struct {
		const char *text;
		int rc, lock;
	} t[] = {
		{ "git-dv store 2\n", DV_EINVAL, 0 },
		{ "", DV_ECORRUPT, 0 },
		{ "git-dv store 1\nuuid 000102030405060708090a0b0c0d0e0f\n"
		  "profile 1\nhash sha256\nread-features zz\n"
		  "write-features\ngc-features\n", DV_EINVAL, 0 },
		/* It forbids writing alone. */
		{ "git-dv store 1\nuuid 000102030405060708090a0b0c0d0e0f\n"
		  "profile 1\nhash sha256\nread-features\n"
		  "write-features zz\ngc-features\n", 0, DV_EINVAL },
		/* It forbids gc alone. */
		{ "git-dv store 1\nuuid 000102030405060708090a0b0c0d0e0f\n"
		  "profile 1\nhash sha256\nread-features\n"
		  "write-features\ngc-features zz\n", 0, 0 },
	};
	struct env *e = *state;
	char *f = env_path(e, "format"), *dir = env_path(e, "");

	for (size_t i = 0; i < DV_ARRAY_SIZE(t); i++) {
		struct dv_err err = { 0 };
		struct dv_store s;

		assert_ok(dv_file_write(f, t[i].text, strlen(t[i].text), 0444,
					0, &err));
		assert_fails(dv_store_open(&s, dir, DV_STORE_CREATE, &err),
			     t[i].rc);
		if (t[i].rc) {
			assert_non_null(strstr(err.msg, dir));
			continue;
		}
		assert_fails(dv_store_lock_shared(&s, &err), t[i].lock);
		if (t[i].lock)
			assert_non_null(strstr(err.msg, "'zz'"));
		else
			dv_store_unlock(&s);
		dv_store_close(&s);
	}
	free(f);
	free(dir);
}

/* A pack written by another program from the format page. */
static void reads_the_golden_pack(void **state)
{
	struct env *e = *state;
	size_t n, len;
	uint8_t *pack = test_golden_hex("small-pack.hex", &n);
	char *f = env_path(e, "packs/000102030405060708090a0b0c0d0e0f");
	struct dv_oid oid = { .scheme = DV_SCHEME_DV1 };
	struct dv_err err = { 0 };
	const uint8_t *p;
	uint8_t want[326];

	assert_int_equal(dv_hex_decode(oid.id.b,
		"a5b842dddca67e4817418269f3b0989c0c740c5b723fe7c433cfd1470fe34d6e",
		32), 0);
	assert_ok(dv_file_write(f, pack, n, 0444, 0, &err));
	for (int i = 0; i < 20; i++)
		memcpy(want + 16 * i, "0123456789abcdef", 16);
	memcpy(want + 320, "hello\n", 6);
	/* Found by the rescan that a miss brings. */
	assert_ok(dv_store_read(&e->s, &e->c, DV_KIND_FILE, &oid.id, &p, &len,
				&err));
	assert_int_equal(len, 53);
	assert_content(e, &oid, want, sizeof(want));
	free(pack);
	free(f);
}

static void a_miss_rescans(void **state)
{
	struct env *e = *state, writer = { .dir = e->dir };
	char *path = env_path(e, "");
	struct dv_err err = { 0 };
	struct dv_id id;
	uint8_t b[SOME];

	assert_ok(dv_store_open(&writer.s, path, 0, &err));
	assert_ok(dv_coder_init(&writer.c, &err));
	commit_some(&writer, 1, 1);
	id = some_chunk(e, 1, b, SOME);
	assert_false(dv_store_has_quick(&e->s, DV_KIND_CHUNK, &id));
	assert_true(dv_store_has(&e->s, DV_KIND_CHUNK, &id));
	assert_true(dv_store_has_quick(&e->s, DV_KIND_CHUNK, &id));
	/* Reads look again each time. */
	for (uint64_t i = 2; i < 6; i++) {
		commit_some(&writer, i, 1);
		assert_true(has_some(e, i));
	}
	dv_coder_release(&writer.c);
	dv_store_close(&writer.s);
	free(path);
}

/* Among several copies the good one serves; without one it says corrupt. */
static void damaged_copies(void **state)
{
	struct env *e = *state;
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };
	struct dv_loc loc;
	struct dv_id id;
	uint8_t chunk[SOME];
	char *path[3];
	const uint8_t *p;
	size_t n;

	commit_some(e, 1, 1);
	path[0] = env_file(e, "packs", 0);
	assert_ok(dv_file_read(path[0], &b, 1 << 20, &err));
	for (int i = 1; i < 3; i++) {
		path[i] = dv_fmt("%s/dv/packs/0000000000000000000000000000000%d",
				 e->dir, i);
		assert_ok(dv_file_write(path[i], b.p, b.n, 0444, 0, &err));
	}
	env_reopen(e);
	id = some_chunk(e, 1, chunk, SOME);
	assert_true(dv_store_locate(&e->s, DV_KIND_CHUNK, &id, &loc));
	damage(path[1], loc.row.off + 60);	/* payload */
	assert_true(has_some(e, 1));
	damage(path[2], loc.row.off + 20);	/* header */
	assert_true(has_some(e, 1));
	damage(path[0], loc.row.off + 61);
	assert_fails(dv_store_read(&e->s, &e->c, DV_KIND_CHUNK, &id, &p, &n,
				   &err), DV_ECORRUPT);
	assert_int_equal(err.status, DV_ECORRUPT);
	/* Who wants the status only gets the same. */
	assert_fails(dv_store_read(&e->s, &e->c, DV_KIND_CHUNK, &id, &p, &n,
				   NULL), DV_ECORRUPT);
	/* A record behind the end of its file. */
	for (int i = 0; i < 3; i++)
		cut_file(path[i], (off_t)loc.row.off + 70);
	assert_fails(dv_store_read(&e->s, &e->c, DV_KIND_CHUNK, &id, &p, &n,
				   &err), DV_ECORRUPT);
	for (int i = 0; i < 3; i++)
		free(path[i]);
	dv_buf_release(&b);
}

/* One broken pack does not hide the others. */
static void broken_tables(void **state)
{
	struct env *e = *state;
	struct stat st;
	char *f;

	commit_some(e, 1, 3);
	commit_some(e, 11, 3);
	f = env_file(e, "packs", 0);
	assert_int_equal(stat(f, &st), 0);
	damage(f, (uint64_t)st.st_size - 60);
	env_reopen(e);
	assert_int_equal(has_some(e, 1) + has_some(e, 11), 1);
	cut_file(f, 10);
	env_reopen(e);
	assert_int_equal(has_some(e, 1) + has_some(e, 11), 1);
	free(f);
}

static void locks(void **state)
{
	struct env *e = *state;
	struct dv_store other;
	struct dv_err err = { 0 };
	char *path = env_path(e, "");

	assert_ok(dv_store_open(&other, path, 0, &err));
	assert_ok(dv_store_lock_shared(&e->s, &err));
	assert_ok(dv_store_lock_shared(&e->s, &err));
	assert_ok(dv_store_lock_shared(&other, &err));
	dv_store_unlock(&other);
	assert_fails(dv_store_lock_excl(&e->s, &err), DV_EAGAIN);
	assert_fails(dv_store_lock_excl(&other, &err), DV_EAGAIN);
	dv_store_unlock(&e->s);
	assert_fails(dv_store_lock_excl(&other, &err), DV_EAGAIN);
	dv_store_unlock(&e->s);
	assert_ok(dv_store_lock_excl(&other, &err));
	assert_fails(dv_store_lock_excl(&e->s, &err), DV_EAGAIN);
	dv_store_unlock_excl(&other);
	assert_ok(dv_store_lock_excl(&e->s, &err));
	dv_store_unlock_excl(&e->s);
	dv_store_close(&other);
	free(path);
}

static void clones_are_listed(void **state)
{
	struct env *e = *state;
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };
	char *f;

	assert_ok(dv_store_register(&e->s, "/home/a/.git", &err));
	assert_ok(dv_store_register(&e->s, "/home/a/.git", &err));
	assert_int_equal(env_count(e, "clones"), 1);
	f = env_file(e, "clones", 0);
	assert_ok(dv_file_read(f, &b, 1000, &err));
	assert_string_equal(dv_buf_str(&b), "/home/a/.git\n");
	assert_ok(dv_store_register(&e->s, "/home/b/.git", &err));
	assert_int_equal(env_count(e, "clones"), 2);
	dv_buf_release(&b);
	free(f);
}

/* A dedup hit refreshes its pack, so that gc takes it for young. */
static void hits_refresh_packs(void **state)
{
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct env *e = *state;
	struct stat st;
	char *f;

	commit_some(e, 1, 1);
	f = env_file(e, "packs", 0);
	env_reopen(e);
	assert_int_equal(utimensat(AT_FDCWD, f, old, 0), 0);
	assert_true(has_some(e, 1));		/* reading does not */
	assert_int_equal(stat(f, &st), 0);
	assert_int_equal(st.st_mtime, 1000);
	commit_some(e, 1, 1);
	assert_int_equal(env_count(e, "packs"), 1);
	assert_int_equal(stat(f, &st), 0);
	assert_true(st.st_mtime > 1000);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(create_and_open,
						test_dir_setup,
						test_dir_teardown),
		IN_STORE(later_stores_are_refused),
		IN_STORE(reads_the_golden_pack),
		IN_STORE(a_miss_rescans),
		IN_STORE(damaged_copies),
		IN_STORE(broken_tables),
		IN_STORE(locks),
		IN_STORE(clones_are_listed),
		IN_STORE(hits_refresh_packs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
