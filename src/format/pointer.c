#include "format/pointer.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "codec/chunker.h"

#define HEAD "version git-dv/"
#define LFS "version https://git-lfs.github.com/spec/"

const char *dv_scheme_name(unsigned int scheme)
{
	return scheme == DV_SCHEME_SHA256 ? "sha256" :
	       scheme == DV_SCHEME_DV1	  ? "dv1" : "unknown";
}

static int parse_exact(const char *s, size_t n, struct dv_oid *oid)
{
	static const char head[] = HEAD "1\noid ";
	const char *end = s + n;
	uint64_t size = 0;

	memset(oid, 0, sizeof(*oid));
	if (n < sizeof(head) - 1 || memcmp(s, head, sizeof(head) - 1))
		return 0;
	s += sizeof(head) - 1;
	if (end - s > 7 && !memcmp(s, "sha256:", 7)) {
		oid->scheme = DV_SCHEME_SHA256;
		s += 7;
	} else if (end - s > 4 && !memcmp(s, "dv1:", 4)) {
		oid->scheme = DV_SCHEME_DV1;
		s += 4;
	} else {
		return 0;
	}
	if (end - s < DV_ID_HEX + 7 ||
	    dv_hex_decode(oid->id.b, s, DV_ID_SIZE))
		return 0;
	s += DV_ID_HEX;
	if (memcmp(s, "\nsize ", 6))
		return 0;
	s += 6;
	if (s == end || *s < '1' || *s > '9')
		return 0;
	for (; s < end && *s >= '0' && *s <= '9'; s++) {
		if (size > (INT64_MAX - (uint64_t)(*s - '0')) / 10)
			return 0;
		size = size * 10 + (uint64_t)(*s - '0');
	}
	if (end - s != 1 || *s != '\n')
		return 0;
	oid->size = size;
	if (oid->scheme == DV_SCHEME_SHA256)
		return size <= DV_CHUNK_MAX;
	return size > DV_CHUNK_MIN;
}

enum dv_pointer_kind dv_pointer_parse(const void *p, size_t n,
				      struct dv_oid *oid)
{
	const char *s = p;
	char lf[DV_POINTER_MAX + 8];
	size_t m = 0, i;

	if (n > DV_FOREIGN_MAX || n < sizeof(HEAD) - 1)
		return DV_PTR_NONE;
	if (n >= sizeof(LFS) - 1 && !memcmp(s, LFS, sizeof(LFS) - 1))
		return DV_PTR_FOREIGN;
	if (memcmp(s, HEAD, sizeof(HEAD) - 1))
		return DV_PTR_NONE;
	for (i = 0; i < n && m < sizeof(lf); i++) {
		if (s[i] == '\r' && i + 1 < n && s[i + 1] == '\n')
			continue;
		lf[m++] = s[i];
	}
	if (i == n && parse_exact(lf, m, oid))
		return DV_PTR_OK;
	/* "version git-dv/<another number>" alone is a pointer to come. */
	i = sizeof(HEAD) - 1;
	if (i < n && s[i] >= '1' && s[i] <= '9') {
		size_t from = i;

		while (i < n && s[i] >= '0' && s[i] <= '9')
			i++;
		if (i < n && (s[i] == '\n' || s[i] == '\r') &&
		    !(i - from == 1 && s[from] == '1'))
			return DV_PTR_FOREIGN;
	}
	return DV_PTR_NONE;
}

size_t dv_pointer_format(const struct dv_oid *oid, char out[DV_POINTER_MAX])
{
	int n = snprintf(out, DV_POINTER_MAX,
			 HEAD "1\noid %s:%s\nsize %llu\n",
			 dv_scheme_name(oid->scheme), dv_id_hex(&oid->id).s,
			 (unsigned long long)oid->size);

	return (size_t)n;
}

/* Pointers have equal first lines: some merges begin after these. */
static int is_conflict(const char *s, size_t n)
{
	static const char marker[] = "<<<<<<< ", first[] = HEAD "1\n",
			  inner[] = "\noid ";
	const char *at;
	size_t skip = sizeof(first) - 1;

	if (n >= skip && !memcmp(s, first, skip)) {
		s += skip;
		n -= skip;
	}
	if (n < sizeof(marker) - 1 || memcmp(s, marker, sizeof(marker) - 1))
		return 0;
	at = memmem(s, n, inner, sizeof(inner) - 1);
	if (at) {
		at += sizeof(inner) - 1;
		n -= (size_t)(at - s);
	}
	return at && ((n >= 7 && !memcmp(at, "sha256:", 7)) ||
		      (n >= 4 && !memcmp(at, "dv1:", 4)));
}

enum dv_spoilt dv_pointer_is_spoilt(const void *p, size_t n)
{
	static const char whole[] = HEAD "1\noid ", crlf[] = HEAD "1\r\noid ";

	if (n > DV_FOREIGN_MAX)
		return !memcmp(p, whole, sizeof(whole) - 1) ||
			       !memcmp(p, crlf, sizeof(crlf) - 1) ?
		       DV_SPOILT_EDITED : DV_SPOILT_NOT;
	if (is_conflict(p, n))
		return DV_SPOILT_CONFLICT;
	return n >= DV_POINTER_HEAD && !memcmp(p, HEAD, DV_POINTER_HEAD) ?
	       DV_SPOILT_EDITED : DV_SPOILT_NOT;
}

int dv_oid_eq(const struct dv_oid *a, const struct dv_oid *b)
{
	return a->scheme == b->scheme && a->size == b->size &&
	       dv_id_eq(&a->id, &b->id);
}

int dv_oid_parse(const char *s, struct dv_oid *oid)
{
	memset(oid, 0, sizeof(*oid));
	if (!strncmp(s, "sha256:", 7)) {
		oid->scheme = DV_SCHEME_SHA256;
		s += 7;
	} else if (!strncmp(s, "dv1:", 4)) {
		oid->scheme = DV_SCHEME_DV1;
		s += 4;
	}
	if (strlen(s) != DV_ID_HEX)
		return -1;
	return dv_hex_decode(oid->id.b, s, DV_ID_SIZE);
}

struct dv_oid_text dv_oid_text(const struct dv_oid *oid)
{
	struct dv_oid_text t;

	snprintf(t.s, sizeof(t.s), "%s:%s", dv_scheme_name(oid->scheme),
		 dv_id_hex(&oid->id).s);
	return t;
}
