#include "packlib.h"
#include "storelib.h"

/* An incoming file with these bytes, as a crash may have left it. */
static void leave(struct env *e, const char *name, const void *p, size_t n)
{
	char *dir = env_path(e, "incoming"), *f = dv_fmt("%s/%s", dir, name);
	struct dv_err err = { 0 };

	assert_ok(dv_file_write(f, p, n, 0444, 0, &err));
	free(dir);
	free(f);
}

static const char name[] = "00112233445566778899aabbccddeeff";

/* The records of the golden pack end at these places. */
static size_t record_ends(const uint8_t *pack, size_t n, size_t end[8])
{
	size_t off = DV_PACK_HEAD, count = 0, h;
	struct dv_rec rec;

	while (!dv_rec_parse(pack + off, n - off, &rec, &h, NULL)) {
		off += h + rec.enc;
		end[count++] = off;
	}
	return count;
}

/* Cut at every byte: all records before the cut are kept, and no other. */
static void torn_at_every_byte(void **state)
{
	struct env *e = *state;
	size_t n, end[8], count, k;
	uint8_t *pack = test_golden_hex("small-pack.hex", &n);

	count = record_ends(pack, n, end);
	assert_int_equal(count, 4);
	for (k = 0; k <= n; k++) {
		size_t want = 0;

		leave(e, name, pack, k);
		env_reopen(e);
		while (want < count && end[want] <= k)
			want++;
		assert_int_equal(env_count(e, "incoming"), 0);
		assert_int_equal(env_count(e, "packs"), want > 0);
		if (want) {
			char *f = env_file(e, "packs", 0);
			struct stat st;

			assert_int_equal(e->s.set.n, 1);
			assert_int_equal(e->s.set.v[0]->count, want);
			assert_int_equal(stat(f, &st), 0);
			assert_int_equal(st.st_size,
					 end[want - 1] + 56 * want + 56);
			assert_int_equal(st.st_mode & 0222, 0);
			assert_int_equal(unlink(f), 0);
			free(f);
		}
	}
	free(pack);
}

/*
 * The golden pack is two chunks, the segment that names both, and the file.
 * A damaged header ends it; a damaged payload takes what needs it along.
 */
static void damaged_at_every_byte(void **state)
{
	static const size_t without[] = { 1, 1, 2, 3 };
	struct env *e = *state;
	size_t n, end[8], count;
	uint8_t *pack = test_golden_hex("small-pack.hex", &n);

	count = record_ends(pack, n, end);
	assert_int_equal(count, DV_ARRAY_SIZE(without));
	for (size_t k = 0; k < end[count - 1]; k++) {
		size_t at = 0, start, want;

		pack[k] ^= 0x08;
		leave(e, name, pack, n);
		env_reopen(e);
		pack[k] ^= 0x08;
		while (end[at] <= k)
			at++;
		start = at ? end[at - 1] : DV_PACK_HEAD;
		want = k < start + DV_REC_HEAD ? at : without[at];
		/* The nonce and the spare word may hold anything. */
		if (k < DV_PACK_HEAD)
			want = k < 12 ? 0 : count;
		assert_int_equal(env_count(e, "incoming"), 0);
		assert_int_equal(env_count(e, "packs"), want > 0);
		assert_int_equal(env_count(e, "quarantine"), k < 12);
		if (want) {
			char *f = env_file(e, "packs", 0);

			assert_int_equal(e->s.set.v[0]->count, want);
			assert_int_equal(unlink(f), 0);
			free(f);
		} else if (k < 12) {
			char *f = env_file(e, "quarantine", 0);

			assert_int_equal(unlink(f), 0);
			free(f);
		}
	}
	free(pack);
}

/* Lists of other files stay where one file's chunk is damaged. */
static void what_follows_damage_is_kept(void **state)
{
	struct env *e = *state;
	uint8_t *a = test_alloc(600000), *b = test_alloc(600000);
	struct dv_err err = { 0 };
	struct dv_oid oid[2];
	struct dv_ingest *in;
	struct dv_txn t = { 0 };
	char *from, *to;

	test_noise(a, 600000, 1);
	test_noise(b, 600000, 2);
	assert_ok(dv_txn_begin(&t, &e->s, 3, &err));
	assert_ok(dv_ingest_open(&in, &t, e->pool, &err));
	oid[0] = ingest_bytes(in, a, 600000, SIZE_MAX, NULL);
	oid[1] = ingest_bytes(in, b, 600000, SIZE_MAX, NULL);
	dv_ingest_close(in);
	assert_ok(dv_txn_commit(&t, &err));
	dv_txn_end(&t);
	from = env_file(e, "packs", 0);
	to = dv_fmt("%s/dv/incoming%s", e->dir, strrchr(from, '/'));
	damage(from, DV_PACK_HEAD + DV_REC_HEAD + 1000);
	assert_int_equal(rename(from, to), 0);
	env_reopen(e);
	assert_false(dv_store_has_file(&e->s, &oid[0]));
	assert_content(e, &oid[1], b, 600000);
	/* Who adds the damaged content again heals it. */
	assert_int_equal(store_bytes(e, a, 600000, NULL).scheme,
			 DV_SCHEME_DV1);
	assert_content(e, &oid[0], a, 600000);
	free(from);
	free(to);
	free(a);
	free(b);
}

/* All zeros were never written; what cannot be opened is left where it is. */
static void zeros_go_and_errors_stay(void **state)
{
	struct env *e = *state;
	uint8_t zeros[5000] = { 0 };
	char *path = dv_fmt("%s/dv", e->dir);
	char *f = dv_fmt("%s/incoming/%s", path, name);
	struct dv_err err = { 0 };
	size_t left = 7;

	leave(e, name, zeros, sizeof(zeros));
	env_reopen(e);
	assert_int_equal(env_count(e, "incoming"), 0);
	assert_int_equal(env_count(e, "quarantine"), 0);
	dv_store_close(&e->s);
	/* A folder cannot be opened as a file. */
	assert_int_equal(mkdir(f, 0777), 0);
	assert_true(dv_store_open(&e->s, path, 0, &err) != 0);
	assert_true(dv_file_exists(f) || dv_dir_exists(f));
	assert_int_equal(rmdir(f), 0);
	assert_ok(dv_store_open(&e->s, path, 0, &err));
	assert_ok(dv_store_incoming(&e->s, &left, &err));
	assert_int_equal(left, 0);
	free(f);
	free(path);
}

/* Garbage behind good records, and whole packs that were never renamed. */
static void what_follows_is_cut_off(void **state)
{
	struct env *e = *state;
	size_t n;
	uint8_t *pack = test_golden_hex("small-pack.hex", &n);
	uint8_t *more = test_alloc(n + 70000);
	struct dv_err err = { 0 };
	struct dv_id id;
	const uint8_t *p;
	size_t len;

	memcpy(more, pack, n);
	test_noise(more + n, 70000, 2);
	leave(e, name, more, n + 70000);
	env_reopen(e);
	assert_int_equal(e->s.set.v[0]->count, 4);
	dv_sha256_of(e->c.sha, "hello\n", 6, &id);
	assert_ok(dv_store_read(&e->s, &e->c, DV_KIND_CHUNK, &id, &p, &len,
				&err));
	assert_int_equal(len, 6);
	env_reopen(e);
	assert_ok(dv_store_read(&e->s, &e->c, DV_KIND_CHUNK, &id, &p, &len,
				&err));
	free(more);
	free(pack);
}

/* What a living process holds, and what is not ours, stays. */
static void others_are_left_alone(void **state)
{
	struct env *e = *state;
	size_t n;
	uint8_t *pack = test_golden_hex("small-pack.hex", &n);
	char *held = env_path(e, "incoming/00112233445566778899aabbccddeeff");
	char *odd = env_path(e, "incoming/README");
	char *fresh = env_path(e, "incoming/tmp-0123");
	char *old = env_path(e, "incoming/tmp-4567");
	struct timespec ts[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct dv_err err = { 0 };
	int fd;

	leave(e, name, pack, n);
	leave(e, "README", "x", 1);
	leave(e, "tmp-0123", pack, n);
	leave(e, "tmp-4567", pack, n);
	assert_int_equal(utimensat(AT_FDCWD, old, ts, 0), 0);
	assert_int_equal(chmod(held, 0644), 0);
	fd = open(held, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_ok(dv_lock_fd(fd, DV_LOCK_EXCL, 0, &err));
	env_reopen(e);
	assert_true(dv_file_exists(held));
	assert_true(dv_file_exists(odd));
	assert_true(dv_file_exists(fresh));
	assert_false(dv_file_exists(old));
	assert_int_equal(env_count(e, "packs"), 0);
	close(fd);
	env_reopen(e);
	assert_false(dv_file_exists(held));
	assert_int_equal(env_count(e, "packs"), 1);
	free(held);
	free(odd);
	free(fresh);
	free(old);
	free(pack);
}

/* A crash after the footer was written, but before the rename. */
static void finished_but_not_renamed(void **state)
{
	struct env *e = *state;
	char *from, *to;

	commit_some(e, 0, 50);
	from = env_file(e, "packs", 0);
	to = dv_fmt("%s/dv/incoming%s", e->dir, strrchr(from, '/'));
	assert_int_equal(rename(from, to), 0);
	env_reopen(e);
	for (uint64_t i = 0; i < 50; i++)
		assert_true(has_some(e, i));
	assert_true(dv_file_exists(from));
	free(from);
	free(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STORE(torn_at_every_byte),
		IN_STORE(damaged_at_every_byte),
		IN_STORE(what_follows_damage_is_kept),
		IN_STORE(zeros_go_and_errors_stay),
		IN_STORE(what_follows_is_cut_off),
		IN_STORE(others_are_left_alone),
		IN_STORE(finished_but_not_renamed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
