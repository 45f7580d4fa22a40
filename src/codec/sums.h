/*
 * The checksums of a whole content that people compare by sha256sum and
 * md5sum, by libcrypto. MD5 is there for registries that have nothing else;
 * nothing rests on it.
 */
#ifndef DV_CODEC_SUMS_H
#define DV_CODEC_SUMS_H

#include <stddef.h>

#include "base/err.h"

struct dv_sums;

/* DV_EINVAL where libcrypto refuses MD5. */
int dv_sums_open(struct dv_sums **s, struct dv_err *err) DV_MUST_USE;
void dv_sums_close(struct dv_sums *s);
/* begin, any number of adds, end. */
void dv_sums_begin(struct dv_sums *s);
void dv_sums_add(struct dv_sums *s, const void *p, size_t n);
/* Lower-case hex. */
void dv_sums_end(struct dv_sums *s, char sha256[65], char md5[33]);

#endif
