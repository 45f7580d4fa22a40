/*
 * JSON that somebody else wrote: checked before cJSON sees it, and written so
 * that equal values are equal bytes.
 */
#ifndef DV_FORMAT_JSON_H
#define DV_FORMAT_JSON_H

#include "base/buf.h"

struct cJSON;

#define DV_JSON_MAX (16u << 20)	/* bytes */
#define DV_JSON_DEPTH 16

/*
 * One value and nothing behind it. DV_EINVAL, with the line, where it is not
 * JSON in UTF-8, is larger or deeper than the limits, holds NUL or other
 * control characters, or has an object with the same key twice. cJSON_Delete
 * ends the tree. Numbers of more than 15 digits are doubles as all are, and
 * printed by dv_json_print as they came.
 */
int dv_json_parse(const void *p, size_t n, struct cJSON **out,
		  struct dv_err *err) DV_MUST_USE;
/* A string as JSON spells it, quotes included. */
int dv_json_string(struct dv_buf *b, const char *s, struct dv_err *err)
	DV_MUST_USE;
/*
 * Two spaces a level; objects in the order that they have. All on one line
 * where depth is negative.
 */
int dv_json_print(struct dv_buf *b, const struct cJSON *v, int depth,
		  struct dv_err *err) DV_MUST_USE;
/* The members of an object in this order; each after its key. */
int dv_json_members(struct dv_buf *b, struct cJSON *const *v, size_t n,
		    int depth, struct dv_err *err) DV_MUST_USE;
/*
 * 1 where s is UTF-8 without control characters, so that it can be printed; of
 * the other, lines and tabs are fine.
 */
int dv_text_ok(const char *s);
int dv_lines_ok(const char *s);
/*
 * What is wrong with text that somebody writes now, as the end of a sentence, or
 * NULL: also carriage returns and marks of direction, which show what is beside
 * them otherwise than it is.
 */
const char *dv_lines_why(const char *s);
/* The length of the character at s if it is one of these, or 0. */
size_t dv_text_turns(const char *s);

/*
 * Bytes of the character that s begins with, which is not "": 0 where it is not
 * UTF-8, or a control character. *c is its code point.
 */
size_t dv_text_char(const char *s, uint32_t *c);

#endif
