/*
 * A growable byte buffer. `{0}` is a valid empty buffer. Buffers that are fed
 * from outside set `max`: growing past it fails with DV_ENOMEM.
 */
#ifndef DV_BASE_BUF_H
#define DV_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct dv_buf {
	uint8_t *p;
	size_t n;	/* bytes used */
	size_t cap;	/* bytes allocated */
	size_t max;	/* ceiling for n; 0 means none */
};

void dv_buf_release(struct dv_buf *b);
/* Make room for `more` bytes behind n (and one NUL). */
int dv_buf_reserve(struct dv_buf *b, size_t more, struct dv_err *err)
	DV_MUST_USE;
int dv_buf_add(struct dv_buf *b, const void *p, size_t n, struct dv_err *err)
	DV_MUST_USE;
int dv_buf_addstr(struct dv_buf *b, const char *s, struct dv_err *err)
	DV_MUST_USE;
/* `before`, then s with its NUL: an item of what git takes by -z. */
int dv_buf_addz(struct dv_buf *b, const char *before, const char *s,
		struct dv_err *err) DV_MUST_USE;
int dv_buf_addf(struct dv_buf *b, struct dv_err *err, const char *fmt, ...)
	DV_PRINTF(3, 4) DV_MUST_USE;
/* The content as a NUL-terminated string owned by the buffer. */
const char *dv_buf_str(struct dv_buf *b);
/* Give the bytes (NUL-terminated) to the caller, who frees them. */
char *dv_buf_detach(struct dv_buf *b);

/* A list of strings that it owns. `{0}` is empty. */
struct dv_strs {
	char **v;
	size_t n, cap;
};

void dv_strs_release(struct dv_strs *s);
int dv_strs_add(struct dv_strs *s, const char *str, struct dv_err *err)
	DV_MUST_USE;
int dv_strs_addn(struct dv_strs *s, const char *str, size_t n,
		 struct dv_err *err) DV_MUST_USE;
void dv_strs_sort(struct dv_strs *s);
int dv_strs_has(const struct dv_strs *s, const char *str);

/*
 * Grow an array to hold at least `want` elements; *cap counts elements.
 * Returns the (moved) array or NULL, leaving the old one alone.
 */
void *dv_grow(void *p, size_t *cap, size_t want, size_t elem);

#endif
