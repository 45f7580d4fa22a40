/*
 * Names that come with a repository, for people and for lines: a newline in one
 * must not look like the end of a line, nor an escape sequence reach a terminal.
 */
#ifndef DV_BASE_QUOTE_H
#define DV_BASE_QUOTE_H

#include "base/buf.h"

/*
 * Append a path as Git prints it: as it is, or, where it has control characters,
 * '"' or '\', C-quoted in double quotes ("a\nb", "\303\244"). `high`: so are
 * bytes from 0x80, which is core.quotePath.
 */
int dv_quote_path(const char *path, int high, struct dv_buf *out,
		  struct dv_err *err) DV_MUST_USE;

/*
 * In place, in the n bytes at p: control characters become '?', but for tab and
 * newline, so that no text of strangers has a terminal do anything; those of C1
 * (U+0080 to U+009F in UTF-8) too, which some terminals take for ESC [ and its kin.
 */
void dv_disarm(char *p, size_t n);

#endif
