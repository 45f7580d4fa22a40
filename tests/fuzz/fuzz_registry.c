#include "fuzz.h"

#include <string.h>

#include "catalog/catalog.h"

static int count(void *arg, const char *id, const struct dv_oid *oid)
{
	MUST(id && oid->scheme && oid->size);
	++*(size_t *)arg;
	return 0;
}

/* What is taken keeps its promises, and is the same after writing and reading. */
static void check(const uint8_t *p, size_t n)
{
	struct dv_registry r, again, none;
	struct dv_buf a = { 0 }, b = { 0 };
	struct dv_strs conflicts = { 0 };
	struct dv_err err = { 0 };
	size_t named = 0, contents = 0;

	if (dv_registry_parse(&r, p, n, &err)) {
		MUST(err.status == DV_EINVAL && err.msg[0]);
		return;
	}
	for (size_t i = 0; i < r.n; i++) {
		const struct dv_version *v = &r.v[i];

		MUST(!dv_name_check(v->id, "version", NULL));
		MUST(!dv_top_path_check(v->file, NULL));
		MUST(dv_registry_find(&r, v->id) == v);
		MUST(!v->oid.scheme || v->oid.size == v->size);
		MUST(!i || r.v[i - 1].created_us <= v->created_us);
		contents += v->oid.scheme != 0;
	}
	MUST(!dv_registry_named(p, n, count, &named, NULL));
	MUST(named == contents);
	MUST(!dv_registry_format(&r, &a, NULL));
	MUST(!dv_registry_parse(&again, a.p, a.n, NULL));
	MUST(again.n == r.n);
	MUST(!dv_registry_format(&again, &b, NULL));
	MUST(a.n == b.n && !memcmp(a.p, b.p, a.n));

	/* With itself, and into nothing. */
	MUST(!dv_registry_init(&none, NULL));
	MUST(!dv_catalog_merge(&none, &again, &r, &conflicts, NULL));
	MUST(again.n == r.n);
	MUST(!dv_catalog_merge(&r, &again, &none, &conflicts, NULL));
	MUST(!again.n);
	dv_strs_release(&conflicts);
	dv_registry_release(&none);
	dv_registry_release(&again);
	dv_registry_release(&r);
	dv_buf_release(&a);
	dv_buf_release(&b);
}

static void check_old(const uint8_t *p, size_t n)
{
	struct dv_old_registry o;
	struct dv_err err = { 0 };

	if (dv_old_registry_parse(&o, p, n, &err)) {
		MUST(err.status == DV_EINVAL && err.msg[0]);
		return;
	}
	for (size_t i = 0; i < o.n; i++)
		MUST(o.v[i].v.file && strlen(o.v[i].v.md5) == 32 &&
		     !dv_name_check(o.v[i].name, "name", NULL));
	dv_old_registry_release(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	check(p, n);
	check_old(p, n);
	return 0;
}
