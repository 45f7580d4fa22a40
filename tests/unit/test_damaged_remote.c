#include "remotelib.h"

/*
 * Fetch from a remote that something was done to: either the content is right,
 * or the damage is told and nothing that was not verified is in the store.
 */
static int fetch_or_tell(struct world *w, const struct sample *s)
{
	struct dv_fetch_result got;
	struct dv_err err = { 0 };
	uint8_t have = 0;
	int rc;

	world_fresh_b(w);
	rc = try_fetch(w->b, w->url, &s->oid, 1, &have, &got, &err);
	if (rc) {
		assert_true(err.msg[0]);
		assert_int_equal(have, 0);
		assert_true(rc == DV_ECORRUPT || rc == DV_EINVAL ||
			    rc == DV_ENOTFOUND);
		assert_int_equal(dv_content_complete(&w->b->s, &w->b->c,
						     &s->oid, NULL), 0);
	} else if (have) {
		assert_content(w->b, &s->oid, s->p, s->n);
	}
	assert_sound(w->b);
	return rc ? rc : have ? 0 : 1;
}

static void damaged_pack(void **state)
{
	struct world *w = *state;
	struct sample s = sample_of(w->a, 300000, 1);
	struct dv_buf was;
	char *pack;
	size_t data, told = 0, tries = 0;

	push_file(w->a, w->url, &s.oid, NULL);
	pack = remote_only(w, "packs");
	was = whole_file(pack);
	data = (size_t)dv_get64(was.p + was.n - DV_PACK_FOOT);
	for (size_t i = DV_PACK_HEAD; i < data;
	     i += i < 100 ? 1 : 7919) {
		was.p[i] ^= 0x10;
		replace_file(pack, was.p, was.n);
		was.p[i] ^= 0x10;
		told += fetch_or_tell(w, &s) == DV_ECORRUPT;
		tries++;
	}
	assert_int_equal(told, tries);
	for (size_t n = 0; n < data; n += 40009) {
		replace_file(pack, was.p, n);
		assert_int_equal(fetch_or_tell(w, &s), DV_ECORRUPT);
	}
	unlink(pack);
	assert_int_equal(fetch_or_tell(w, &s), DV_ENOTFOUND);
	replace_file(pack, was.p, was.n);
	assert_int_equal(fetch_or_tell(w, &s), 0);
	dv_buf_release(&was);
	free(pack);
	free(s.p);
}

/* A good pack under the name of another. */
static void exchanged_packs(void **state)
{
	struct world *w = *state;
	struct sample s = sample_of(w->a, 300000, 1);
	struct sample t = sample_of(w->a, 300000, 2);
	struct dv_strs packs;

	push_file(w->a, w->url, &s.oid, NULL);
	push_file(w->a, w->url, &t.oid, NULL);
	packs = remote_files(w, "packs");
	assert_int_equal(packs.n, 2);
	assert_int_equal(renameat2(AT_FDCWD, packs.v[0], AT_FDCWD, packs.v[1],
				   RENAME_EXCHANGE), 0);
	assert_int_equal(fetch_or_tell(w, &s), DV_ECORRUPT);
	assert_int_equal(fetch_or_tell(w, &t), DV_ECORRUPT);
	dv_strs_release(&packs);
	free(s.p);
	free(t.p);
}

/* Damage to one file does not keep others from coming. */
static void others_are_fetched(void **state)
{
	struct world *w = *state;
	enum { N = 5 };
	struct dv_push_file files[N] = { 0 };
	struct dv_oid oids[N];
	struct sample s[N];
	struct dv_push_result res;
	struct dv_fetch_result got;
	struct dv_err err = { 0 };
	uint8_t have[N];
	char *pack;

	for (size_t i = 0; i < N; i++) {
		s[i] = sample_of(w->a, 100000 + i, i);
		oids[i] = files[i].oid = s[i].oid;
	}
	assert_ok(try_push(w->a, w->url, files, N, &res, &err));
	pack = remote_only(w, "packs");
	damage(pack, 150000);	/* of the second */
	assert_fails(try_fetch(w->b, w->url, oids, N, have, &got, &err),
		     DV_ECORRUPT);
	assert_int_equal(got.files, N - 1);
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(have[i], i != 1);
		if (i != 1)
			assert_content(w->b, &oids[i], s[i].p, s[i].n);
		free(s[i].p);
	}
	assert_sound(w->b);
	free(pack);
}

static void damaged_shard(void **state)
{
	struct world *w = *state;
	struct sample s = sample_of(w->a, 300000, 1);
	struct dv_buf was;
	char *shard;

	push_file(w->a, w->url, &s.oid, NULL);
	shard = remote_only(w, "shards");
	was = whole_file(shard);
	for (size_t i = 0; i < was.n; i += 11) {
		int rc;

		was.p[i] ^= 0x10;
		replace_file(shard, was.p, was.n);
		was.p[i] ^= 0x10;
		rc = fetch_or_tell(w, &s);
		assert_true(rc < 0 || (i >= 24 && i < 32));
	}
	for (size_t n = 0; n < was.n; n += 50) {
		replace_file(shard, was.p, n);
		assert_int_equal(fetch_or_tell(w, &s), DV_ECORRUPT);
	}
	replace_file(shard, was.p, was.n);
	assert_int_equal(fetch_or_tell(w, &s), 0);
	dv_buf_release(&was);
	free(shard);
	free(s.p);
}

/* The other shards go on being read, and what is pushed again is found. */
static void one_damaged_shard_of_two(void **state)
{
	struct world *w = *state;
	struct sample a = sample_of(w->a, 300000, 1);
	struct sample b = sample_of(w->a, 300000, 2);
	char *shard;

	push_file(w->a, w->url, &a.oid, NULL);
	shard = remote_only(w, "shards");
	push_file(w->a, w->url, &b.oid, NULL);
	cut_file(shard, 500);
	assert_int_equal(fetch_or_tell(w, &b), 0);
	assert_int_equal(fetch_or_tell(w, &a), DV_ECORRUPT);
	push_file(w->a, w->url, &a.oid, NULL);
	assert_int_equal(fetch_or_tell(w, &a), 0);
	free(shard);
	free(a.p);
	free(b.p);
}

/* What one pack cannot give is missing; the rest is fetched and kept. */
static void one_pack_cannot_be_read(void **state)
{
	struct world *w = *state;
	struct sample a = sample_of(w->a, 300000, 1);
	struct sample b = sample_of(w->a, 300000, 2);
	struct dv_oid oids[2] = { a.oid, b.oid };
	struct dv_fetch_result got;
	struct dv_err err = { 0 };
	uint8_t have[2];
	char *pack;

	push_file(w->a, w->url, &a.oid, NULL);
	pack = remote_only(w, "packs");
	push_file(w->a, w->url, &b.oid, NULL);
	/* As a bad sector: it opens, and reading it fails. */
	assert_int_equal(unlink(pack), 0);
	assert_int_equal(mkdir(pack, 0777), 0);
	assert_fails(try_fetch(w->b, w->url, oids, 2, have, &got, &err),
		     DV_EAGAIN);
	assert_int_equal(have[0], 0);
	assert_int_equal(have[1], 1);
	assert_content(w->b, &b.oid, b.p, b.n);
	assert_int_equal(rmdir(pack), 0);
	free(pack);
	free(a.p);
	free(b.p);
}

/* A shard that lies under true checksums, as a stranger can write it. */
static void lying_shard(void **state)
{
	struct world *w = *state;
	struct sample s = sample_of(w->a, 300000, 1);
	uint64_t seed = 42;
	struct dv_buf was;
	char *shard;

	push_file(w->a, w->url, &s.oid, NULL);
	shard = remote_only(w, "shards");
	was = whole_file(shard);
	for (size_t i = DV_SHARD_HEAD + DV_SHARD_TABLE; i < was.n; i += 5) {
		struct dv_buf lie = { 0 };
		struct dv_err err = { 0 };

		assert_ok(dv_buf_add(&lie, was.p, was.n, &err));
		lie.p[i] ^= (uint8_t)(1 + test_rand(&seed) % 255);
		reseal(&lie);
		replace_file(shard, lie.p, lie.n);
		fetch_or_tell(w, &s);
		dv_buf_release(&lie);
	}
	dv_buf_release(&was);
	free(shard);
	free(s.p);
}

/* A backend that forwards, and lists a shard that is gone. */
struct stale {
	struct dv_backend b;
	struct dv_backend *inner;
};

static void stale_close(struct dv_backend *b)
{
	struct stale *s = (struct stale *)b;

	s->inner->ops->close(s->inner);
}

static int stale_get(struct dv_backend *b, const char *key, uint64_t off,
		     void *p, size_t n, size_t *got, struct dv_err *err)
{
	struct stale *s = (struct stale *)b;

	return s->inner->ops->get(s->inner, key, off, p, n, got, err);
}

static int stale_list(struct dv_backend *b, const char *prefix,
		      struct dv_strs *names, struct dv_err *err)
{
	struct stale *s = (struct stale *)b;

	if (!strcmp(prefix, "shards/0") &&
	    dv_strs_add(names, "00000000000000000000000000000000", err))
		return DV_ENOMEM;
	return s->inner->ops->list(s->inner, prefix, names, err);
}

static void listed_but_gone(void **state)
{
	struct world *w = *state;
	struct sample s = sample_of(w->a, 300000, 1);
	struct dv_backend_ops ops = { .name = "stale", .close = stale_close,
				      .get = stale_get, .list = stale_list };
	struct stale st = { .b.ops = &ops };
	struct dv_fetch_result got;
	struct dv_err err = { 0 };
	struct dv_remote *r;
	uint8_t have = 0;

	push_file(w->a, w->url, &s.oid, NULL);
	assert_ok(dv_remote_open(&r, w->url, NULL, 0, &err));
	st.inner = r->backend;
	r->backend = &st.b;
	assert_ok(dv_fetch(r, &w->b->s, w->b->pool, &s.oid, 1, &have, &got,
			   &err));
	assert_int_equal(have, 1);
	assert_content(w->b, &s.oid, s.p, s.n);
	dv_remote_close(r);
	free(s.p);
}

static void cached_shards(void **state)
{
	struct world *w = *state;
	struct sample s = sample_of(w->a, 300000, 1);
	char *cache = dv_fmt("%s/cache", w->dir), *file = NULL;
	struct dv_err err = { 0 };

	push_file(w->a, w->url, &s.oid, NULL);
	for (int pass = 0; pass < 4; pass++) {
		struct dv_fetch_result got;
		struct dv_remote *r;
		uint8_t have = 0;

		world_fresh_b(w);
		assert_ok(dv_remote_open(&r, w->url, NULL, 0, &err));
		assert_ok(dv_remote_set_cache(r, cache, &err));
		assert_ok(dv_fetch(r, &w->b->s, w->b->pool, &s.oid, 1, &have,
				   &got, &err));
		assert_int_equal(have, 1);
		assert_content(w->b, &s.oid, s.p, s.n);
		if (!pass) {
			file = dv_fmt("%s/%s/%s", cache, r->uuid,
				      r->shards[0]->name);
			assert_true(dv_file_exists(file));
		} else if (pass == 1) {
			damage(file, 400);
		} else if (pass == 2) {
			cut_file(file, 100);
		}
		dv_remote_close(r);
	}
	free(file);
	free(cache);
	free(s.p);
}

static void from_a_damaged_store(void **state)
{
	struct world *w = *state;
	struct sample s = sample_of(w->a, 300000, 1);
	struct sample t = sample_of(w->a, 300000, 2);
	struct dv_oid oids[2] = { s.oid, t.oid };
	char *pack = env_file(w->a, "packs", 0);
	uint8_t have[2] = { 0 };
	struct dv_fetch_result got;
	struct dv_err err = { 0 };

	damage(pack, 150000);
	env_reopen(w->a);
	assert_fails(dv_fetch_store(&w->a->s, &w->b->s, oids, 2, have, &got,
				    &err), DV_ECORRUPT);
	for (int i = 0; i < 2; i++)
		assert_int_equal(have[i], dv_content_complete(&w->b->s,
					&w->b->c, &oids[i], NULL));
	assert_sound(w->b);
	free(pack);
	free(s.p);
	free(t.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(damaged_pack),
		IN_WORLD(exchanged_packs),
		IN_WORLD(others_are_fetched),
		IN_WORLD(damaged_shard),
		IN_WORLD(one_damaged_shard_of_two),
		IN_WORLD(one_pack_cannot_be_read),
		IN_WORLD(lying_shard),
		IN_WORLD(listed_but_gone),
		IN_WORLD(cached_shards),
		IN_WORLD(from_a_damaged_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
