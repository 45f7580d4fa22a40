/* Do registries get into commits as what they are? */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "catalog/catalog.h"
#include "format/json.h"
#include "repo/attrs.h"

#define LIST_MAX (64u << 20)

static int tell(struct dv_strs *out, char *text, struct dv_err *err)
{
	int rc = text ? dv_strs_add(out, text, err) : dv_err_nomem(err);

	free(text);
	return rc;
}

static const char *shown(const char *s)
{
	return dv_text_ok(s) ? s : "(bytes)";
}

/* Files that Git has in its index are not ignored, whatever a line says. */
static int ignored(const struct dv_repo *r, const struct dv_strs *paths,
		   struct dv_strs *out, struct dv_err *err)
{
	static const char *const argv[] = { "git", "check-ignore", "-v", "-z",
					    "--stdin", NULL };
	struct dv_buf in = { 0 }, list = { 0 };
	int code, rc = 0;

	for (size_t i = 0; !rc && i < paths->n; i++)
		rc = dv_buf_addz(&in, "", paths->v[i], err);
	if (!rc)
		rc = dv_proc_filter(argv, NULL, 0, in.p, in.n, LIST_MAX, &list,
				    &code, err);
	if (!rc && code > 1)	/* 1: none is */
		rc = dv_err_set(err, DV_EIO, "git check-ignore failed");
	/* source\0line\0pattern\0path\0 of the last line that says of it. */
	for (char *p = (char *)list.p, *end = p + list.n; !rc && p < end;) {
		const char *v[4];

		for (size_t i = 0; i < 4; i++) {
			v[i] = p;
			p += p < end ? strlen(p) + 1 : 0;
		}
		if (*v[2] != '!')
			rc = tell(out, dv_fmt("'%s' would not be committed: line %s of '%s' ignores '%s'; change that line, or 'git add -f' the file",
					      v[3] + strlen(r->top) + 1, v[1],
					      shown(v[0]), shown(v[2])), err);
	}
	dv_buf_release(&in);
	dv_buf_release(&list);
	return rc;
}

static int filtered(const struct dv_repo *r, const struct dv_strs *paths,
		    struct dv_strs *out, struct dv_err *err)
{
	uint8_t *dv = calloc(paths->n + 1, 1);
	int rc = dv ? dv_attrs_check(paths, dv, err) : dv_err_nomem(err);

	for (size_t i = 0; !rc && i < paths->n; i++)
		if (dv[i])
			rc = tell(out, dv_fmt("'%s' would be committed as a pointer, in which nobody finds its versions: '" DV_REGISTRY_DIR "/.gitattributes' lacks the line '*.json " DV_REGISTRY_ATTRS "', or '.git/info/attributes' says otherwise; change that, then 'git add --renormalize .dv'",
					      paths->v[i] + strlen(r->top) + 1),
				  err);
	free(dv);
	return rc;
}

int dv_catalog_unshared(const struct dv_repo *r, const struct dv_strs *names,
			struct dv_strs *out, struct dv_err *err)
{
	struct dv_strs paths = { 0 };
	int rc = 0;

	/* Whole paths, since git may stand in a folder below the top. */
	for (size_t i = 0; !rc && i < names->n; i++)
		rc = tell(&paths, dv_fmt("%s/" DV_REGISTRY_DIR "/%s"
					 DV_REGISTRY_SUFFIX, r->top,
					 names->v[i]), err);
	if (!rc && paths.n)
		rc = ignored(r, &paths, out, err);
	if (!rc)
		rc = filtered(r, &paths, out, err);
	dv_strs_release(&paths);
	return rc;
}
