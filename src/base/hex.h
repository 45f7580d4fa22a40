/* Lower-case hexadecimal. */
#ifndef DV_BASE_HEX_H
#define DV_BASE_HEX_H

#include <stddef.h>

#include "base/bytes.h"

/* Writes 2n digits and a NUL. */
void dv_hex_encode(char *out, const void *p, size_t n);
/*
 * Reads exactly 2n lower-case digits; 0 or -1. Upper case is refused, so that
 * a name has one spelling.
 */
int dv_hex_decode(void *out, const char *hex, size_t n);
/* All of s[0..len) are lower-case hex digits. */
int dv_hex_valid(const char *s, size_t len);

struct dv_idhex {
	char s[DV_ID_HEX + 1];
};
/* For messages: dv_id_hex(&id).s */
struct dv_idhex dv_id_hex(const struct dv_id *id);

#endif
