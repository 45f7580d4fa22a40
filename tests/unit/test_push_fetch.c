#include "numbers.h"
#include "remotelib.h"

#include <sys/syscall.h>
#include <sys/wait.h>

#include "remote/compact.h"

/* Where it is set, the next link(2) merges the small packs there before. */
static const char *merge_path;
static int merged;

/* Instead of libc's. */
int link(const char *from, const char *to)
{
	const char *path = merge_path;
	struct dv_err err = { 0 };
	struct dv_store s;

	merge_path = NULL;
	if (path && !dv_store_open(&s, path, 0, &err)) {
		merged = dv_store_merge_small(&s, &err);
		dv_store_close(&s);
	}
	return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

#define MB ((size_t)1 << 20)

static void round_trip(void **state)
{
	static const size_t sizes[] = { 1, 200, 32769, 262144, 262145, 3000000,
					9000001 };
	enum { N = DV_ARRAY_SIZE(sizes) };
	struct world *w = *state;
	struct dv_push_file files[N] = { 0 };
	struct dv_oid oids[N];
	struct sample s[N];
	struct dv_push_result res;
	struct dv_fetch_result got;
	struct dv_err err = { 0 };
	uint8_t have[N];
	uint64_t raw = 0;

	for (size_t i = 0; i < N; i++) {
		s[i] = sample_of(w->a, sizes[i], i);
		oids[i] = files[i].oid = s[i].oid;
		raw += sizes[i];
	}
	assert_ok(try_push(w->a, w->url, files, N, &res, &err));
	assert_int_equal(res.files, N);
	assert_int_equal(res.there, 0);
	assert_int_equal(res.raw, raw);
	assert_int_equal(remote_count(w, "shards"), 1);
	assert_int_equal(remote_count(w, "writers"), 0);

	assert_ok(try_fetch(w->b, w->url, oids, N, have, &got, &err));
	assert_int_equal(got.files, N);
	assert_int_equal(got.absent, 0);
	/* One request a chunk would be a defect. */
	assert_true(got.requests <= 4);
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(have[i], 1);
		assert_content(w->b, &oids[i], s[i].p, s[i].n);
	}
	env_reopen(w->b);
	for (size_t i = 0; i < N; i++)
		assert_content(w->b, &oids[i], s[i].p, s[i].n);
	assert_sound(w->b);

	/* A second time nothing moves. */
	assert_ok(try_fetch(w->b, w->url, oids, N, have, &got, &err));
	assert_int_equal(got.requests, 0);
	assert_int_equal(have[0], 1);
	assert_ok(try_push(w->a, w->url, files, N, &res, &err));
	assert_int_equal(res.files, 0);
	assert_int_equal(res.there, N);
	assert_int_equal(res.bytes, 0);
	assert_int_equal(remote_count(w, "shards"), 1);
	for (size_t i = 0; i < N; i++)
		free(s[i].p);
}

static void same_file_twice(void **state)
{
	struct world *w = *state;
	struct sample s = sample_of(w->a, 500000, 1);
	struct dv_push_file files[2] = { { .oid = s.oid }, { .oid = s.oid } };
	struct dv_oid oids[2] = { s.oid, s.oid };
	struct dv_push_result res;
	struct dv_fetch_result got;
	struct dv_err err = { 0 };
	uint8_t have[2];

	assert_ok(try_push(w->a, w->url, files, 2, &res, &err));
	assert_int_equal(res.files, 1);
	assert_ok(try_fetch(w->b, w->url, oids, 2, have, &got, &err));
	assert_int_equal(have[0], 1);
	assert_int_equal(have[1], 1);
	assert_content(w->b, &s.oid, s.p, s.n);
	free(s.p);
}

/* An edit in the middle of a file that another clone has pushed. */
static void edit_is_found_by_hooks(void **state)
{
	struct world *w = *state;
	struct sample s = sample_of(w->a, 4 * MB, 1);
	struct dv_push_result first, second;
	struct dv_oid edited;

	first = push_file(w->a, w->url, &s.oid, NULL);
	assert_true(first.chunks > 20);
	memcpy(s.p + 2 * MB, "an edit", 7);
	edited = store_bytes(w->b, s.p, s.n, NULL);
	second = push_file(w->b, w->url, &edited, NULL);
	assert_true(second.chunks >= 1);
	assert_true(second.chunks <= 3);
	world_fresh_b(w);
	fetch_file(w->b, w->url, &edited);
	assert_content(w->b, &edited, s.p, s.n);
	free(s.p);
}

/* The first chunk differs, so no hook leads to the rest. */
static void previous_version(void **state)
{
	struct world *w = *state;
	struct sample s = sample_of(w->a, MB, 3);
	struct dv_push_result all, some, none;
	struct dv_oid edited;
	char *other = dv_fmt("%s/other", w->dir);

	push_file(w->a, w->url, &s.oid, NULL);
	s.p[0] ^= 1;
	edited = store_bytes(w->a, s.p, s.n, &s.oid);
	all = push_file(w->a, other, &edited, &s.oid);
	assert_int_equal(all.raw, s.n);
	some = push_file(w->a, w->url, &edited, &s.oid);
	assert_true(some.chunks >= 1);
	assert_true(some.chunks <= 2);
	fetch_file(w->b, w->url, &edited);
	assert_content(w->b, &edited, s.p, s.n);
	/* A previous version that nobody has seen is no obstacle. */
	s.p[0] ^= 2;
	edited = store_bytes(w->a, s.p, s.n, NULL);
	test_noise(s.oid.id.b, sizeof(s.oid.id.b), 77);
	none = push_file(w->a, w->url, &edited, &s.oid);
	assert_true(none.chunks >= 1);
	free(other);
	free(s.p);
}

/* How many chunks of a content are hooks? */
static unsigned int hooks_in(const uint8_t *p, size_t n, size_t from)
{
	struct dv_sha256 *sha = dv_sha256_open();
	unsigned int found = 0;

	assert_non_null(sha);
	for (size_t at = 0, len; at < n; at += len) {
		struct dv_id id;

		len = dv_chunk_cut(p + at, n - at);
		dv_sha256_of(sha, p + at, len, &id);
		found += dv_is_hook(&id) && at >= from;
	}
	dv_sha256_close(sha);
	return found;
}

/* Bytes put in front of a file whose previous version is not named. */
static void moved_content(void **state)
{
	struct world *w = *state;
	struct dv_push_result res;
	struct dv_oid oid;
	size_t n = 10 * MB, more = 700001;
	uint8_t *p = test_alloc(more + n);
	uint64_t seed = 1;

	do
		test_noise(p + more, n, seed++);
	while (!hooks_in(p + more, n, 2 * MB));
	oid = store_bytes(w->a, p + more, n, NULL);
	push_file(w->a, w->url, &oid, NULL);
	test_noise(p, more, 99);
	oid = store_bytes(w->b, p, more + n, NULL);
	res = push_file(w->b, w->url, &oid, NULL);
	/* The segment with the hook and its neighbours were recognised. */
	assert_true(res.raw < more + 3 * MB);
	world_fresh_b(w);
	fetch_file(w->b, w->url, &oid);
	assert_content(w->b, &oid, p, more + n);
	free(p);
}

/* Grouped records beside raw ones, through stores and versions. */
static void grouped_records(void **state)
{
	struct world *w = *state;
	struct dv_push_result res;
	struct dv_fetch_result got;
	struct dv_oid oid[2];
	size_t n = 6 * MB, half = 3 * MB + 5;
	uint8_t *p = test_alloc(n);

	test_fp32(p, half, 1);
	test_noise(p + half, n - half, 1);
	oid[0] = store_bytes(w->a, p, n, NULL);
	res = push_file(w->a, w->url, &oid[0], NULL);
	assert_int_equal(res.raw, n);
	assert_true(res.bytes < n - half / 8);
	got = fetch_file(w->b, w->url, &oid[0]);
	assert_true(got.bytes < n - half / 8);
	assert_content(w->b, &oid[0], p, n);
	assert_sound(w->a);
	assert_sound(w->b);
	/* Some numbers and some noise change. */
	test_fp32(p + MB, 1000, 2);
	test_noise(p + 5 * MB, 1000, 2);
	oid[1] = store_bytes(w->b, p, n, &oid[0]);
	assert_content(w->b, &oid[1], p, n);
	res = push_file(w->b, w->url, &oid[1], &oid[0]);
	assert_true(res.raw <= 6 * 262144);
	world_fresh_b(w);
	fetch_file(w->b, w->url, &oid[1]);
	assert_content(w->b, &oid[1], p, n);
	assert_sound(w->b);
	free(p);
}

static void dry_run(void **state)
{
	struct world *w = *state;
	struct sample s = sample_of(w->a, 400000, 1);
	struct dv_push_file f = { .oid = s.oid };
	struct dv_push_result res;
	struct dv_err err = { 0 };
	struct dv_remote *r;

	assert_ok(dv_remote_open(&r, w->url, NULL, DV_REMOTE_CREATE, &err));
	assert_ok(dv_push(r, &w->a->s, w->a->pool, &f, 1, 1, &res, &err));
	assert_int_equal(res.files, 1);
	assert_int_equal(res.raw, s.n);
	dv_remote_close(r);
	assert_int_equal(remote_count(w, "."), 1);	/* format */
	free(s.p);
}

/* All or nothing: a ref must not move where a file's content is nowhere. */
static void missing_content(void **state)
{
	struct world *w = *state;
	struct sample s = sample_of(w->a, 400000, 1);
	struct dv_push_file f[3] = { { .oid = s.oid }, { .oid = s.oid },
				     { .oid = s.oid, .path = "gone" } };
	struct dv_push_result res;
	struct dv_err err = { 0 };

	test_noise(f[1].oid.id.b, DV_ID_SIZE, 5);
	f[2].oid.scheme = DV_SCHEME_SHA256;
	f[2].oid.size = 10;
	assert_fails(try_push(w->a, w->url, f, 3, &res, &err), DV_ENOTFOUND);
	assert_int_equal(res.missing, 2);
	assert_int_equal(remote_count(w, "shards"), 0);
	assert_int_equal(remote_count(w, "packs"), 0);
	assert_int_equal(remote_count(w, "writers"), 0);
	/* What the remote has need not be here. */
	push_file(w->a, w->url, &s.oid, NULL);
	assert_ok(try_push(w->b, w->url, f, 1, &res, &err));
	assert_int_equal(res.there, 1);
	free(s.p);
}

/* A damaged chunk must not become a good-looking part of a push. */
static void damaged_here(void **state)
{
	struct world *w = *state;
	struct sample s = sample_of(w->a, 400000, 1);
	struct dv_push_file f = { .oid = s.oid };
	char *pack = env_file(w->a, "packs", 0);
	struct dv_push_result res;
	struct dv_err err = { 0 };

	damage(pack, 200000);
	env_reopen(w->a);
	assert_fails(try_push(w->a, w->url, &f, 1, &res, &err), DV_ECORRUPT);
	assert_int_equal(remote_count(w, "shards"), 0);
	assert_int_equal(remote_count(w, "packs"), 0);
	assert_int_equal(remote_count(w, "writers"), 0);
	free(pack);
	free(s.p);
}

static void not_writable(void **state)
{
	struct world *w = *state;
	struct sample s = sample_of(w->a, 1000, 1);
	struct dv_push_file f = { .oid = s.oid };
	struct dv_push_result res;
	struct dv_err err = { 0 };
	struct dv_remote *r;

	assert_ok(dv_remote_open(&r, w->url, NULL, DV_REMOTE_CREATE, &err));
	r->backend->read_only = 1;
	assert_fails(dv_push(r, &w->a->s, w->a->pool, &f, 1, 0, &res, &err),
		     DV_EAUTH);
	r->backend->read_only = 0;
	strcpy(r->unknown_write, "tomorrow");
	assert_fails(dv_push(r, &w->a->s, w->a->pool, &f, 1, 0, &res, &err),
		     DV_EINVAL);
	assert_non_null(strstr(err.msg, "tomorrow"));
	dv_remote_close(r);
	assert_int_equal(remote_count(w, "."), 1);
	free(s.p);
}

static void unknown_file(void **state)
{
	struct world *w = *state;
	struct sample s = sample_of(w->a, 100000, 1), t;
	struct dv_oid oids[2];
	struct dv_fetch_result got;
	struct dv_err err = { 0 };
	uint8_t have[2];

	t = sample_of(w->a, 100000, 2);
	push_file(w->a, w->url, &s.oid, NULL);
	oids[0] = t.oid;
	oids[1] = s.oid;
	assert_ok(try_fetch(w->b, w->url, oids, 2, have, &got, &err));
	assert_int_equal(got.absent, 1);
	assert_int_equal(got.files, 1);
	assert_int_equal(have[0], 0);
	assert_int_equal(have[1], 1);
	free(s.p);
	free(t.p);
}

/* A child's own store, file and push; then all of it comes back. */
static void several_pushers(void **state)
{
	FORKS_BESIDE_THREADS();

	enum { N = 6, EACH = 4 };
	struct world *w = *state;
	size_t n = 600000;
	uint8_t *p = test_alloc(n);
	struct dv_err err = { 0 };
	struct dv_remote *r;
	pid_t pid[N];

	assert_ok(dv_remote_open(&r, w->url, NULL, DV_REMOTE_CREATE, &err));
	dv_remote_close(r);
	for (int i = 0; i < N; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (pid[i])
			continue;
		for (unsigned int k = 0; k < EACH; k++) {
			struct dv_push_file f[2] = { 0 };
			struct dv_push_result res;
			struct env *e;
			void *v;
			int rc;

			env_setup(&v);
			e = v;
			test_noise(p, n, 1);	/* shared by all */
			f[0].oid = store_bytes(e, p, n, NULL);
			test_noise(p, n, 1000u * (unsigned int)i + k);
			f[1].oid = store_bytes(e, p, n, NULL);
			rc = try_push(e, w->url, f, 2, &res, &err);
			env_teardown(&v);
			if (rc) {
				print_error("%s\n", err.msg);
				_exit(1);
			}
		}
		_exit(0);
	}
	for (int i = 0; i < N; i++) {
		int status;

		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	for (unsigned int i = 0; i < N; i++) {
		for (unsigned int k = 0; k < EACH; k++) {
			struct dv_oid oid;

			test_noise(p, n, 1000 * i + k);
			oid = store_bytes(w->a, p, n, NULL);
			fetch_file(w->b, w->url, &oid);
			assert_content(w->b, &oid, p, n);
		}
	}
	assert_sound(w->b);
	assert_int_equal(remote_count(w, "writers"), 0);
	free(p);
}

/* However many levels there are: a new client reads a few shards, not all. */
static void compaction_of_levels(void **state)
{
	enum { N = DV_COMPACT_MIN * DV_COMPACT_MIN + 20 };
	struct world *w = *state;
	struct dv_err err = { 0 };
	struct dv_remote *r;
	struct dv_oid oid[N];
	uint8_t b[SOME];

	for (uint64_t i = 0; i < N; i++) {
		oid[i].scheme = DV_SCHEME_SHA256;
		oid[i].size = SOME;
		oid[i].id = some_chunk(w->a, i, b, SOME);
	}
	commit_some(w->a, 0, N);
	for (size_t i = 0; i < N; i++)
		push_file(w->a, w->url, &oid[i], NULL);
	assert_ok(dv_remote_open(&r, w->url, NULL, 0, &err));
	assert_ok(dv_remote_refresh(r, &err));
	assert_true(r->nshards < 2 * DV_COMPACT_MIN + 2);
	for (size_t i = 0; i < N; i++) {
		struct dv_remote_shard *s;
		uint32_t row;

		assert_true(dv_remote_find_file(r, &oid[i], &s, &row));
	}
	dv_remote_close(r);
}

/* After 16 pushes one shard stands for all; nothing is lost in it. */
static void compaction(void **state)
{
	enum { N = 2 * DV_COMPACT_MIN + 3 };
	struct world *w = *state;
	struct dv_oid oid[N];
	struct dv_err err = { 0 };
	struct dv_remote *r;
	uint8_t *p = test_alloc(200000);
	size_t live = 0;

	for (unsigned int i = 0; i < N; i++) {
		size_t n = i & 1 ? 200000 : 3000;

		test_noise(p, n, i / 4);
		dv_put32(p + 100, i);
		oid[i] = store_bytes(w->a, p, n, NULL);
		push_file(w->a, w->url, &oid[i], i > 3 ? &oid[i - 4] : NULL);
	}
	assert_ok(dv_remote_open(&r, w->url, NULL, 0, &err));
	assert_ok(dv_remote_refresh(r, &err));
	for (size_t i = 0; i < r->nshards; i++)
		live += !r->shards[i]->replaced;
	assert_true(live < DV_COMPACT_MIN + 2);
	/* A reader that starts now need not read what was replaced. */
	assert_true(r->nshards < N);
	dv_remote_close(r);
	/* The old ones may go. */
	for (int pass = 0; pass < 2; pass++) {
		world_fresh_b(w);
		for (unsigned int i = 0; i < N; i++) {
			size_t n = i & 1 ? 200000 : 3000;

			test_noise(p, n, i / 4);
			dv_put32(p + 100, i);
			fetch_file(w->b, w->url, &oid[i]);
			assert_content(w->b, &oid[i], p, n);
		}
		if (!pass) {
			struct dv_strs old = remote_files(w, "shards/0");

			assert_ok(dv_remote_open(&r, w->url, NULL, 0, &err));
			assert_ok(dv_remote_refresh(r, &err));
			for (size_t i = 0; i < old.n; i++) {
				int keep = 0;

				for (size_t k = 0; k < r->nshards; k++)
					keep |= strstr(old.v[i],
						r->shards[k]->name) != NULL;
				if (!keep)
					unlink(old.v[i]);
			}
			dv_remote_close(r);
			dv_strs_release(&old);
		}
	}
	free(p);
}

/* From the store of a clone next door. */
static void from_a_store(void **state)
{
	struct world *w = *state;
	struct sample s = sample_of(w->a, 700000, 1);
	struct sample t = sample_of(w->a, 100, 2);
	struct dv_oid oids[3] = { s.oid, t.oid, s.oid };
	uint8_t have[3] = { 0 };
	struct dv_fetch_result got;
	struct dv_err err = { 0 };

	test_noise(oids[2].id.b, DV_ID_SIZE, 9);
	assert_ok(dv_fetch_store(&w->a->s, &w->b->s, oids, 3, have, &got,
				 &err));
	assert_int_equal(got.files, 2);
	assert_int_equal(got.absent, 1);
	assert_int_equal(have[0], 1);
	assert_int_equal(have[1], 1);
	assert_int_equal(have[2], 0);
	assert_content(w->b, &s.oid, s.p, s.n);
	assert_content(w->b, &t.oid, t.p, t.n);
	assert_sound(w->b);
	free(s.p);
	free(t.p);
}

/*
 * Packs that were listed stay until the last of them is sent: a merge is put
 * off, or is seen where it came before (round 0: when the remote is made).
 */
static void beside_a_merge(void **state)
{
	struct world *w = *state;
	struct sample s[10];
	struct dv_push_file files[10] = { 0 };
	struct dv_push_result res;
	struct dv_err err = { 0 };
	char *path = dv_fmt("%s/dv", w->a->dir);

	for (uint64_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < 10; i++) {
			s[i] = sample_of(w->a, 20000, 100 * round + i);
			files[i].oid = s[i].oid;
		}
		/* With an index no pack is open before it is read. */
		assert_ok(dv_store_index(&w->a->s, 1, &err));
		env_reopen(w->a);
		merge_path = path;
		assert_ok(try_push(w->a, w->url, files, 10, &res, &err));
		assert_null(merge_path);
		assert_int_equal(merged, round ? DV_EAGAIN : 0);
		for (size_t i = 0; i < 10; i++) {
			fetch_file(w->b, w->url, &s[i].oid);
			free(s[i].p);
		}
	}
	/* And no longer. */
	assert_ok(dv_store_merge_small(&w->a->s, &err));
	assert_int_equal(env_count(w->a, "packs"), 1);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(round_trip),
		IN_WORLD(same_file_twice),
		IN_WORLD(edit_is_found_by_hooks),
		IN_WORLD(previous_version),
		IN_WORLD(moved_content),
		IN_WORLD(grouped_records),
		IN_WORLD(dry_run),
		IN_WORLD(missing_content),
		IN_WORLD(damaged_here),
		IN_WORLD(not_writable),
		IN_WORLD(unknown_file),
		IN_WORLD(several_pushers),
		IN_WORLD(compaction),
		IN_WORLD(compaction_of_levels),
		IN_WORLD(from_a_store),
		IN_WORLD(beside_a_merge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
