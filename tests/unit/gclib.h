/* A garbage collection as a command runs it, and what it must leave. */
#ifndef TESTS_UNIT_GCLIB_H
#define TESTS_UNIT_GCLIB_H

#include "storelib.h"

#include <time.h>

#include "store/gc.h"

#define BIG 1500000

/* A file of its own content, by number; `p` has BIG bytes. */
static inline struct dv_oid store_file(struct env *e, uint8_t *p, uint64_t seed)
{
	test_noise(p, BIG, seed);
	return store_bytes(e, p, BIG, NULL);
}

static inline void set_age(const char *path, int days)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT },
				 { .tv_sec = time(NULL) - days * 86400 } };

	assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
}

static inline void age_all(struct env *e, int days)
{
	for (size_t i = 0; i < env_count(e, "packs"); i++) {
		char *f = env_file(e, "packs", i);

		set_age(f, days);
		free(f);
	}
}

static inline void begin(struct env *e, struct dv_gc *g, unsigned int flags)
{
	struct dv_err err = { 0 };

	assert_ok(dv_gc_begin(g, &e->s, e->pool, DV_GC_LOCK | flags, &err));
	g->young = INT64_MAX;
}

/* Plan and sweep, and all else that a command does. */
static inline struct dv_gc_result finish(struct dv_gc *g)
{
	struct dv_err err = { 0 };
	struct dv_gc_result r;

	assert_ok(dv_gc_plan(g, &err));
	assert_ok(dv_gc_sweep(g, &err));
	r = g->result;
	dv_gc_end(g);
	return r;
}

static inline void keep(struct dv_gc *g, const struct dv_oid *oid)
{
	struct dv_err err = { 0 };

	assert_ok(dv_gc_keep(g, oid, &err));
}

static inline struct dv_oid chunk_oid(struct dv_id id)
{
	return (struct dv_oid){ .scheme = DV_SCHEME_SHA256, .id = id,
				.size = SOME };
}

static inline int is_complete(struct env *e, const struct dv_oid *oid)
{
	struct dv_err err = { 0 };
	int rc = dv_content_complete(&e->s, &e->c, oid, &err);

	assert_true(rc >= 0);
	return rc;
}

/* Every list in the store has everything that it names. */
static inline void assert_lists_whole(struct env *e)
{
	struct dv_err err = { 0 };

	for (size_t i = 0; i < e->s.set.n; i++) {
		struct dv_pack *p = e->s.set.v[i];
		uint8_t *table;
		uint32_t n;

		if (dv_pack_gone(p))
			continue;
		assert_ok(dv_pack_read_table(&e->s.set, p, &table, &n, &err));
		for (uint32_t k = 0; k < n; k++) {
			struct dv_row row;
			struct dv_oid oid = { .scheme = DV_SCHEME_DV1 };

			dv_row_parse(table + (size_t)k * DV_PACK_ROW, &row);
			oid.id = row.id;
			if (row.kind == DV_KIND_FILE)
				assert_true(is_complete(e, &oid));
		}
		free(table);
	}
}

#endif
