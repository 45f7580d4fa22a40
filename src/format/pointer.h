/*
 * The pointer: what Git stores in place of a file's content. Frozen; see
 * git-dv-pointer(5).
 *
 *	version git-dv/1
 *	oid <scheme>:<64 lower-case hex>
 *	size <decimal>
 */
#ifndef DV_FORMAT_POINTER_H
#define DV_FORMAT_POINTER_H

#include "base/bytes.h"
#include "base/err.h"

enum dv_scheme {
	DV_SCHEME_SHA256 = 1,	/* one chunk: what sha256sum prints */
	DV_SCHEME_DV1 = 2,	/* two chunks or more: id of the file list */
};

/* A file id. `{0}` names nothing. */
struct dv_oid {
	struct dv_id id;
	uint64_t size;		/* bytes of content; part of the pointer */
	uint8_t scheme;		/* enum dv_scheme */
};

#define DV_POINTER_MAX 128	/* no pointer is longer */
#define DV_POINTER_HEAD 15	/* bytes of "version git-dv/": none is shorter */
#define DV_FOREIGN_MAX 1024	/* no other tool's pointer is looked for above */

enum dv_pointer_kind {
	DV_PTR_NONE,		/* ordinary data */
	DV_PTR_OK,
	DV_PTR_FOREIGN,		/* another git-dv version, or Git LFS: pass it */
};

/*
 * What are these bytes? Fills *oid for DV_PTR_OK. A pointer whose LFs became
 * CRLFs is still that pointer (core.autocrlf does so).
 */
enum dv_pointer_kind dv_pointer_parse(const void *p, size_t n,
				      struct dv_oid *oid);
/*
 * For bytes that are DV_PTR_NONE: a pointer that somebody's editor, merge or
 * transfer has spoilt? Text of more than DV_FOREIGN_MAX bytes must begin with more
 * of a pointer, as one does that content was appended to; its first
 * DV_SPOILT_HEAD bytes tell.
 */
enum dv_spoilt {
	DV_SPOILT_NOT,
	DV_SPOILT_EDITED,
	DV_SPOILT_CONFLICT,	/* two pointers between the markers of a merge */
};

#define DV_SPOILT_HEAD 64

enum dv_spoilt dv_pointer_is_spoilt(const void *p, size_t n);
/* The pointer's text, NUL-terminated; returns its length. */
size_t dv_pointer_format(const struct dv_oid *oid, char out[DV_POINTER_MAX]);

int dv_oid_eq(const struct dv_oid *a, const struct dv_oid *b);
const char *dv_scheme_name(unsigned int scheme);
/* "dv1:<hex>" or "sha256:<hex>", or bare hex (then scheme is 0); 0 or -1. */
int dv_oid_parse(const char *s, struct dv_oid *oid);

struct dv_oid_text {
	char s[80];
};
struct dv_oid_text dv_oid_text(const struct dv_oid *oid);

#endif
