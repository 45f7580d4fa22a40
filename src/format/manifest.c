#include "format/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"

void dv_manifest_release(struct dv_manifest *m)
{
	for (size_t i = 0; i < m->nrefs; i++)
		free(m->refs[i].name);
	free(m->refs);
	free(m->head);
	dv_strs_release(&m->packs);
	memset(m, 0, sizeof(*m));
}

int dv_ref_name_ok(const char *name)
{
	const char *part = name;

	if (strncmp(name, "refs/", 5) || !name[5] || strlen(name) > 4000 ||
	    strstr(name, "..") || strstr(name, "@{") || strstr(name, "//"))
		return 0;
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < 33 || *p == 127 ||
		    strchr("~^:?*[\\", *p))
			return 0;
	for (; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
		size_t n = strcspn(part, "/");

		if (!n || *part == '.' || part[n - 1] == '.' ||
		    (n >= 5 && !strncmp(part + n - 5, ".lock", 5)))
			return 0;
	}
	return 1;
}

static size_t hex_len(const struct dv_manifest *m)
{
	return m->algo == 2 ? 64 : 40;
}

/* Where a ref is whose name starts with n bytes of `name` and ends there. */
static size_t place(const struct dv_manifest *m, const char *name, size_t n,
		    int *found)
{
	size_t lo = 0, hi = m->nrefs;

	*found = 0;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const char *other = m->refs[mid].name;
		int c = strncmp(other, name, n);

		if (!c && !other[n]) {
			*found = 1;
			return mid;
		}
		if (c >= 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

static int insert_ref(struct dv_manifest *m, size_t at, const char *name,
		      const char *oid, struct dv_err *err)
{
	struct dv_ref *v = dv_grow(m->refs, &m->cap, m->nrefs + 1, sizeof(*v));
	char *copy;

	if (!v)
		return dv_err_nomem(err);
	m->refs = v;
	copy = strdup(name);
	if (!copy)
		return dv_err_nomem(err);
	v += at;
	memmove(v + 1, v, (m->nrefs - at) * sizeof(*v));
	memset(v, 0, sizeof(*v));
	v->name = copy;
	snprintf(v->oid, sizeof(v->oid), "%s", oid);
	m->nrefs++;
	return 0;
}

static int folder_is_ref(const struct dv_manifest *m, const char *name)
{
	int found = 0;

	for (const char *p = strchr(name + 5, '/'); p && !found;
	     p = strchr(p + 1, '/'))
		place(m, name, (size_t)(p - name), &found);
	return found;
}

static int bad(struct dv_err *err, const char *line)
{
	return dv_err_set(err, DV_ECORRUPT,
			  "a manifest of refs has a bad line '%.60s'", line);
}

static int parse_line(struct dv_manifest *m, char *line, struct dv_err *err)
{
	char *v = strchr(line, ' '), *name;
	size_t n;

	if (!v)
		return bad(err, line);
	*v++ = '\0';
	n = strlen(v);
	if (!strcmp(line, "number")) {
		/* Digits alone: strtoull takes blanks and signs. */
		if (!n || n > 19 || v[strspn(v, "0123456789")])
			return bad(err, v);
		m->number = strtoull(v, NULL, 10);
		return m->number ? 0 : bad(err, v);
	}
	if (!strcmp(line, "transaction")) {
		if (n != 32 || !dv_hex_valid(v, n))
			return bad(err, v);
		memcpy(m->transaction, v, 33);
		return 0;
	}
	if (!strcmp(line, "previous"))
		return n != 64 || dv_hex_decode(m->previous.b, v, 32) ?
		       bad(err, v) : 0;
	if (!strcmp(line, "object-format")) {
		if (m->algo)
			return bad(err, v);
		m->algo = !strcmp(v, "sha1") ? 1 : !strcmp(v, "sha256") ? 2 : 0;
		return m->algo ? 0 :
		       dv_err_set(err, DV_EINVAL,
				  "the hosted repository has object format '%.20s', which this git-dv does not know",
				  v);
	}
	if (!strcmp(line, "head")) {
		if (!dv_ref_name_ok(v) || m->head)
			return bad(err, v);
		m->head = strdup(v);
		return m->head ? 0 : dv_err_nomem(err);
	}
	if (!strcmp(line, "pack"))
		return !m->algo || n != hex_len(m) || !dv_hex_valid(v, n) ?
		       bad(err, v) : dv_strs_add(&m->packs, v, err);
	if (strcmp(line, "ref"))
		return 0;	/* room for what later versions add */
	name = strchr(v, ' ');
	if (!m->algo || !name || (size_t)(name - v) != hex_len(m) ||
	    !dv_hex_valid(v, hex_len(m)) || !dv_ref_name_ok(name + 1))
		return bad(err, v);
	*name++ = '\0';
	if (m->nrefs && strcmp(m->refs[m->nrefs - 1].name, name) >= 0)
		return bad(err, name);
	if (folder_is_ref(m, name))
		return bad(err, name);
	return insert_ref(m, m->nrefs, name, v, err);
}

int dv_manifest_parse(struct dv_manifest *m, const void *p, size_t n,
		      struct dv_sha256 *sha, struct dv_err *err)
{
	static const size_t tail = 7 + 64 + 1;	/* "sha256 <hex>\n" */
	char *text, *line, *save = NULL;
	struct dv_id sum, want;
	int rc = 0;

	memset(m, 0, sizeof(*m));
	if (n < tail + 15 || n > DV_MANIFEST_MAX || memchr(p, 0, n) ||
	    memcmp(p, "git-dv refs ", 12))
		return dv_err_set(err, DV_ECORRUPT,
				  "not a manifest of refs");
	text = malloc(n + 1);
	if (!text)
		return dv_err_nomem(err);
	memcpy(text, p, n);
	text[n] = '\0';
	if (strncmp(text, "git-dv refs 1\n", 14)) {
		rc = dv_err_set(err, DV_EINVAL,
				"a manifest of refs of a newer git-dv");
		goto out;
	}
	dv_sha256_of(sha, text, n - tail, &sum);
	dv_sha256_of(sha, text, n, &m->self);
	if (text[n - 1] != '\n' || text[n - tail - 1] != '\n' ||
	    memcmp(text + n - tail, "sha256 ", 7) ||
	    dv_hex_decode(want.b, text + n - 65, 32) ||
	    !dv_id_eq(&want, &sum)) {
		rc = dv_err_set(err, DV_ECORRUPT,
				"a manifest of refs is cut off or damaged");
		goto out;
	}
	text[n - tail] = '\0';
	strtok_r(text, "\n", &save);
	while (!rc && (line = strtok_r(NULL, "\n", &save)))
		rc = parse_line(m, line, err);
	if (!rc && (!m->number || !m->algo || !*m->transaction))
		rc = dv_err_set(err, DV_ECORRUPT,
				"a manifest of refs is not complete");
out:
	free(text);
	if (rc)
		dv_manifest_release(m);
	return rc;
}

int dv_manifest_format(struct dv_manifest *m, struct dv_sha256 *sha,
		       struct dv_buf *out, struct dv_err *err)
{
	struct dv_id sum;
	int rc;

	rc = dv_buf_addf(out, err,
			 "git-dv refs 1\nnumber %llu\ntransaction %s\nprevious %s\nobject-format %s\n",
			 (unsigned long long)m->number, m->transaction,
			 dv_id_hex(&m->previous).s,
			 m->algo == 2 ? "sha256" : "sha1");
	if (!rc && m->head)
		rc = dv_buf_addf(out, err, "head %s\n", m->head);
	for (size_t i = 0; !rc && i < m->packs.n; i++)
		rc = dv_buf_addf(out, err, "pack %s\n", m->packs.v[i]);
	for (size_t i = 0; !rc && i < m->nrefs; i++)
		rc = dv_buf_addf(out, err, "ref %s %s\n", m->refs[i].oid,
				 m->refs[i].name);
	if (rc)
		return rc;
	dv_sha256_of(sha, out->p, out->n, &sum);
	rc = dv_buf_addf(out, err, "sha256 %s\n", dv_id_hex(&sum).s);
	if (!rc)
		dv_sha256_of(sha, out->p, out->n, &m->self);
	return rc;
}

void dv_manifest_key(uint64_t number, char out[32])
{
	snprintf(out, 32, "git/refs/%016llx",
		 (unsigned long long)(UINT64_MAX - number));
}

const char *dv_manifest_get(const struct dv_manifest *m, const char *name)
{
	int found;
	size_t at = place(m, name, strlen(name), &found);

	return found ? m->refs[at].oid : NULL;
}

int dv_manifest_set(struct dv_manifest *m, const char *name, const char *oid,
		    struct dv_err *err)
{
	int found;
	size_t at = place(m, name, strlen(name), &found);
	struct dv_ref *r = m->refs + at;

	if (found && oid) {
		snprintf(r->oid, sizeof(r->oid), "%s", oid);
	} else if (found) {
		free(r->name);
		m->nrefs--;
		memmove(r, r + 1, (m->nrefs - at) * sizeof(*r));
	} else if (oid) {
		return insert_ref(m, at, name, oid, err);
	}
	return 0;
}

int dv_manifest_clashes(const struct dv_manifest *m, const char *name)
{
	size_t n = strlen(name), lo = 0, hi = m->nrefs;

	/* The first one that is not before "<name>/". */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const char *other = m->refs[mid].name;
		int c = strncmp(other, name, n);

		if (c < 0 || (!c && (unsigned char)other[n] < '/'))
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < m->nrefs && !strncmp(m->refs[lo].name, name, n) &&
	    m->refs[lo].name[n] == '/')
		return 1;
	return folder_is_ref(m, name);
}
