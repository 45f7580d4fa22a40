#include "remotelib.h"

#include <sys/syscall.h>

static ino_t synced[64];
static size_t nsynced;

/* Instead of libc's: which files were synced? */
int fsync(int fd)
{
	struct stat st;

	if (nsynced < DV_ARRAY_SIZE(synced) && !fstat(fd, &st))
		synced[nsynced++] = st.st_ino;
	return (int)syscall(SYS_fsync, fd);
}

static int was_synced(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	for (size_t i = 0; i < nsynced; i++)
		if (synced[i] == st.st_ino)
			return 1;
	return 0;
}

static void urls(void **state)
{
	static const struct {
		const char *url, *dir;
	} v[] = {
		{ "/a/b", "/a/b" },
		{ "relative/path", "relative/path" },
		{ "file:///a/b", "/a/b" },
		{ "file://localhost/a/b", "/a/b" },
		{ "file:///with%20space%2Fand", "/with space/and" },
		{ "file:///%41%zz%4", "/A%zz%4" },
		{ "file:///nul%00byte", "/nul%00byte" },
		{ "/not%20decoded", "/not%20decoded" },
		{ "file://host/a", NULL },
		{ "file://", NULL },
		{ "file://localhost", NULL },
		{ "s3://bucket/x", NULL },
		{ "https://example.com/x", NULL },
		{ "dvstore::file:///x", NULL },
		{ "ext::sh -c true://", NULL },
	};

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(v); i++) {
		char *dir = dv_url_dir(v[i].url);

		assert_int_equal(dv_url_known(v[i].url), v[i].dir != NULL);
		if (v[i].dir) {
			assert_non_null(dir);
			assert_string_equal(dir, v[i].dir);
		} else {
			assert_null(dir);
		}
		free(dir);
	}
	assert_int_equal(dv_url_known(""), 0);
}

static void bad_urls(void **state)
{
	static const char *const v[] = { "", "s3://b", "file://host/x",
					 "http://x/" };
	struct dv_err err = { 0 };
	struct dv_remote *r;

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(v); i++) {
		assert_fails(dv_remote_open(&r, v[i], NULL, DV_REMOTE_CREATE,
					    &err), DV_EINVAL);
		assert_null(r);
	}
}

static void create_and_open(void **state)
{
	struct world *w = *state;
	struct dv_err err = { 0 };
	struct dv_remote *r;
	char uuid[33], *url;

	assert_fails(dv_remote_open(&r, w->url, NULL, 0, &err), DV_ENOTFOUND);
	assert_null(r);
	assert_false(dv_dir_exists(w->url));
	assert_ok(dv_remote_open(&r, w->url, NULL, DV_REMOTE_CREATE, &err));
	assert_int_equal(strlen(r->uuid), 32);
	assert_true(dv_hex_valid(r->uuid, 32));
	memcpy(uuid, r->uuid, sizeof(uuid));
	dv_remote_close(r);
	/* The second time it is there; by either spelling. */
	assert_ok(dv_remote_open(&r, w->url, NULL, DV_REMOTE_CREATE, &err));
	assert_string_equal(r->uuid, uuid);
	dv_remote_close(r);
	url = dv_fmt("file://%s", w->url);
	assert_ok(dv_remote_open(&r, url, uuid, 0, &err));
	assert_string_equal(r->uuid, uuid);
	assert_int_equal(r->nshards, 0);
	assert_ok(dv_remote_refresh(r, &err));
	assert_int_equal(r->nshards, 0);
	dv_remote_close(r);
	free(url);
}

/* An unmounted folder must not be taken for an empty store. */
static void unmounted(void **state)
{
	struct world *w = *state;
	struct dv_err err = { 0 };
	struct dv_remote *r;
	char uuid[33], *away = dv_fmt("%s/away", w->dir);

	assert_ok(dv_remote_open(&r, w->url, NULL, DV_REMOTE_CREATE, &err));
	memcpy(uuid, r->uuid, sizeof(uuid));
	dv_remote_close(r);
	assert_int_equal(rename(w->url, away), 0);
	/* Without the mount point, then with an empty one. */
	for (int i = 0; i < 2; i++) {
		assert_fails(dv_remote_open(&r, w->url, uuid, 0, &err),
			     DV_ENOTFOUND);
		assert_non_null(strstr(err.msg, "mounted"));
		assert_fails(dv_remote_open(&r, w->url, uuid,
					    DV_REMOTE_CREATE, &err),
			     DV_ENOTFOUND);
		assert_non_null(strstr(err.msg, "mounted"));
		if (!i) {
			assert_false(dv_dir_exists(w->url));
			assert_int_equal(mkdir(w->url, 0777), 0);
		}
	}
	assert_int_equal(remote_count(w, "."), 0);
	assert_int_equal(rmdir(w->url), 0);
	assert_int_equal(rename(away, w->url), 0);
	assert_ok(dv_remote_open(&r, w->url, uuid, 0, &err));
	dv_remote_close(r);
	free(away);
}

/* Unmounted in the middle: nothing is made under the mount point's parent. */
static void unmounted_meanwhile(void **state)
{
	struct world *w = *state;
	struct sample s = sample_of(w->a, 300000, 1);
	struct dv_push_file f = { .oid = s.oid };
	struct dv_push_result res;
	struct dv_err err = { 0 };
	struct dv_remote *r;
	char *away = dv_fmt("%s/away", w->dir);

	assert_ok(dv_remote_open(&r, w->url, NULL, DV_REMOTE_CREATE, &err));
	assert_int_equal(rename(w->url, away), 0);
	assert_fails(dv_push(r, &w->a->s, w->a->pool, &f, 1, 0, &res, &err),
		     DV_ENOTFOUND);
	assert_false(dv_dir_exists(w->url));
	dv_remote_close(r);
	free(away);
	free(s.p);
}

static void replaced(void **state)
{
	struct world *w = *state;
	struct dv_err err = { 0 };
	struct dv_remote *r;
	char uuid[33];

	assert_ok(dv_remote_open(&r, w->url, NULL, DV_REMOTE_CREATE, &err));
	memcpy(uuid, r->uuid, sizeof(uuid));
	dv_remote_close(r);
	assert_ok(dv_dir_remove(w->url, &err));
	assert_ok(dv_remote_open(&r, w->url, NULL, DV_REMOTE_CREATE, &err));
	assert_string_not_equal(r->uuid, uuid);
	dv_remote_close(r);
	assert_fails(dv_remote_open(&r, w->url, uuid, 0, &err), DV_ECONFLICT);
	assert_fails(dv_remote_open(&r, w->url, uuid, DV_REMOTE_CREATE, &err),
		     DV_ECONFLICT);
	assert_non_null(strstr(err.msg, uuid));
}

/* A folder with something in it does not become a store. */
static void not_a_store(void **state)
{
	struct world *w = *state;
	struct dv_err err = { 0 };
	struct dv_remote *r;
	char *file = dv_fmt("%s/holiday.jpg", w->url);

	assert_int_equal(mkdir(w->url, 0777), 0);
	replace_file(file, "x", 1);
	assert_fails(dv_remote_open(&r, w->url, NULL, 0, &err), DV_ENOTFOUND);
	assert_fails(dv_remote_open(&r, w->url, NULL, DV_REMOTE_CREATE, &err),
		     DV_EINVAL);
	assert_non_null(strstr(err.msg, "holiday.jpg"));
	assert_int_equal(remote_count(w, "."), 1);
	/* Nor does a file. */
	assert_int_not_equal(dv_remote_open(&r, file, NULL, DV_REMOTE_CREATE,
					    &err), 0);
	free(file);
}

static void write_format(struct world *w, const char *fmt, ...)
	DV_PRINTF(2, 3);
static void write_format(struct world *w, const char *fmt, ...)
{
	char text[2048], *path = dv_fmt("%s/format", w->url);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	replace_file(path, text, strlen(text));
	free(path);
}

#define TEXT(version, read, write, gc) \
	"git-dv store " version "\nuuid 0123456789abcdef0123456789abcdef\n" \
	"profile 1\nhash sha256\nread-features" read "\nwrite-features" write \
	"\ngc-features" gc "\n"

static void features(void **state)
{
	struct world *w = *state;
	struct sample s = sample_of(w->a, 100000, 1);
	struct dv_push_file f = { .oid = s.oid };
	struct dv_push_result res;
	struct dv_err err = { 0 };
	struct dv_remote *r;

	assert_int_equal(mkdir(w->url, 0777), 0);
	write_format(w, "%s", TEXT("1", "", "", " later-gc"));
	push_file(w->a, w->url, &s.oid, NULL);
	write_format(w, "%s", TEXT("1", "", " later-write", ""));
	fetch_file(w->b, w->url, &s.oid);
	s = (struct sample){ s.p, s.n,
			     store_bytes(w->a, s.p, s.n - 1, NULL) };
	f.oid = s.oid;
	assert_fails(try_push(w->a, w->url, &f, 1, &res, &err), DV_EINVAL);
	assert_non_null(strstr(err.msg, "later-write"));
	write_format(w, "%s", TEXT("1", " later-read", "", ""));
	assert_fails(dv_remote_open(&r, w->url, NULL, 0, &err), DV_EINVAL);
	assert_non_null(strstr(err.msg, "later-read"));
	write_format(w, "%s", TEXT("2", "", "", ""));
	assert_fails(dv_remote_open(&r, w->url, NULL, 0, &err), DV_EINVAL);
	free(s.p);
}

static void damaged_format(void **state)
{
	static const char good[] = TEXT("1", "", "", "");
	struct world *w = *state;
	struct dv_err err = { 0 };
	struct dv_remote *r;

	assert_int_equal(mkdir(w->url, 0777), 0);
	write_format(w, "%s", good);
	assert_ok(dv_remote_open(&r, w->url, NULL, 0, &err));
	dv_remote_close(r);
	for (int n = 0; n < (int)sizeof(good) - 1; n += 3) {
		int rc;

		write_format(w, "%.*s", n, good);
		/* Never replaced by a new one, which would hide everything. */
		rc = dv_remote_open(&r, w->url, NULL, DV_REMOTE_CREATE, &err);
		assert_true(rc == DV_ECORRUPT || rc == DV_EINVAL);
		rc = dv_remote_open(&r, w->url, NULL, 0, &err);
		assert_true(rc == DV_ECORRUPT || rc == DV_EINVAL);
	}
}

static void strangers_in_shards(void **state)
{
	static const char *const names[] = { "README", ".DS_Store",
		"0123456789ABCDEF0123456789ABCDEF", "0123",
		"0123456789abcdef0123456789abcdef.tmp", "@eaDir" };
	struct world *w = *state;
	struct sample s = sample_of(w->a, 100000, 1);

	push_file(w->a, w->url, &s.oid, NULL);
	for (size_t i = 0; i < DV_ARRAY_SIZE(names); i++) {
		char *p = dv_fmt("%s/shards/0/%s", w->url, names[i]);

		replace_file(p, "x", 1);
		free(p);
		p = dv_fmt("%s/shards/%s", w->url, names[i]);
		replace_file(p, "x", 1);
		free(p);
	}
	fetch_file(w->b, w->url, &s.oid);
	assert_content(w->b, &s.oid, s.p, s.n);
	free(s.p);
}

/* A store that is said to be there has its name in a folder that has its own. */
static void new_folders_are_synced(void **state)
{
	static const char *const above[] = { "", "/x", "/x/y" };
	struct world *w = *state;
	struct dv_err err = { 0 };
	struct dv_store s;
	struct dv_remote *r;

	for (int local = 0; local < 2; local++) {
		char *top = dv_fmt("%s/%d", w->dir, local);
		char *path = dv_fmt("%s/x/y/store", top);

		assert_int_equal(mkdir(top, 0777), 0);
		nsynced = 0;
		if (local) {
			assert_ok(dv_store_open(&s, path, DV_STORE_CREATE,
						&err));
			dv_store_close(&s);
		} else {
			assert_ok(dv_remote_open(&r, path, NULL,
						 DV_REMOTE_CREATE, &err));
			dv_remote_close(r);
		}
		assert_true(was_synced(path));
		for (size_t i = 0; i < DV_ARRAY_SIZE(above); i++) {
			char *dir = dv_fmt("%s%s", top, above[i]);

			assert_true(was_synced(dir));
			free(dir);
		}
		free(path);
		free(top);
	}
}

static void pack_keys(void **state)
{
	uint8_t name[16];
	char key[48];

	(void)state;
	for (int i = 0; i < 16; i++)
		name[i] = (uint8_t)(0xab + i);
	dv_remote_pack_key(name, key);
	assert_string_equal(key,
			    "packs/ab/abacadaeafb0b1b2b3b4b5b6b7b8b9ba");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls),
		cmocka_unit_test(bad_urls),
		cmocka_unit_test(pack_keys),
		IN_WORLD(create_and_open),
		IN_WORLD(unmounted),
		IN_WORLD(unmounted_meanwhile),
		IN_WORLD(replaced),
		IN_WORLD(not_a_store),
		IN_WORLD(features),
		IN_WORLD(damaged_format),
		IN_WORLD(strangers_in_shards),
		IN_WORLD(new_folders_are_synced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
