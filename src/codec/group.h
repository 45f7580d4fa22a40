/*
 * Byte grouping (git-dv-format(5), "Packs"): of n bytes, taken as numbers of
 * `width` bytes, byte k of every number goes to plane k; the n % width bytes
 * at the end follow the planes as they are. Sign and exponent of neighbouring
 * numbers then stand side by side.
 */
#ifndef DV_CODEC_GROUP_H
#define DV_CODEC_GROUP_H

#include <stddef.h>
#include <stdint.h>

/* width is 2, 4 or 8; `in` and `out` are n bytes and do not overlap. */
void dv_group(unsigned int width, const void *in, size_t n, void *out);
void dv_ungroup(unsigned int width, const void *in, size_t n, void *out);

/* The same a byte at a time: what stands in for vectors, and tests them. */
void dv_group_plain(unsigned int width, const void *in, size_t n, void *out);
void dv_ungroup_plain(unsigned int width, const void *in, size_t n, void *out);

#endif
