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

static void damaged_at_every_byte(void **state)
{
	struct env *e = *state;
	size_t n, end[8], count;
	uint8_t *pack = test_golden_hex("small-pack.hex", &n);

	count = record_ends(pack, n, end);
	for (size_t k = 0; k < end[count - 1]; k++) {
		size_t want = 0;

		pack[k] ^= 0x08;
		leave(e, name, pack, n);
		env_reopen(e);
		pack[k] ^= 0x08;
		/* The nonce and the spare word may hold anything. */
		while (want < count && (end[want] <= k ||
					(k >= 12 && k < DV_PACK_HEAD)))
			want++;
		if (k < 12)
			want = 0;
		assert_int_equal(env_count(e, "incoming"), 0);
		assert_int_equal(env_count(e, "packs"), want > 0);
		if (want) {
			char *f = env_file(e, "packs", 0);

			assert_int_equal(e->s.set.v[0]->count, want);
			assert_int_equal(unlink(f), 0);
			free(f);
		}
	}
	free(pack);
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
		IN_STORE(what_follows_is_cut_off),
		IN_STORE(others_are_left_alone),
		IN_STORE(finished_but_not_renamed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
