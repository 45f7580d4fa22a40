/*
 * SHA-256 by libcrypto, with the CPU's instructions where it has them. One
 * context a thread; it is reused, since making one costs more than hashing a
 * small file.
 */
#ifndef DV_CODEC_SHA256_H
#define DV_CODEC_SHA256_H

#include <stddef.h>

#include "base/bytes.h"

struct dv_sha256;

struct dv_sha256 *dv_sha256_open(void);	/* NULL: out of memory */
void dv_sha256_close(struct dv_sha256 *s);
/* begin, any number of adds, end. */
void dv_sha256_begin(struct dv_sha256 *s);
void dv_sha256_add(struct dv_sha256 *s, const void *p, size_t n);
void dv_sha256_end(struct dv_sha256 *s, struct dv_id *out);
/* All three at once. */
void dv_sha256_of(struct dv_sha256 *s, const void *p, size_t n,
		  struct dv_id *out);

/*
 * Git's own object ids, for blobs that hold pointers and for the index's
 * trailing hash. `algo` is 1 (SHA-1, 20 bytes) or 2 (SHA-256, 32 bytes).
 */
int dv_git_hash(int algo, const char *header, size_t header_len,
		const void *p, size_t n, uint8_t out[32]);

#endif
