/*
 * Chunking and lists a second time, as plainly as the format page says it and
 * without a line of the code under test: every H(e) is summed up anew.
 */
#ifndef TESTS_UNIT_REFCHUNK_H
#define TESTS_UNIT_REFCHUNK_H

#include <openssl/sha.h>

#include "testlib.h"

static inline void ref_sha(const char *tag, size_t tn, const void *p, size_t n,
			   uint8_t out[32])
{
	uint8_t *b = test_alloc(tn + n);

	memcpy(b, tag, tn);
	memcpy(b + tn, p, n);
	SHA256(b, tn + n, out);
	free(b);
}

static inline const uint64_t *ref_table(void)
{
	static uint64_t t[256];

	for (int b = 0; b < 256 && !t[255]; b++) {
		uint8_t in[16] = "git-dv gear v1", out[32];

		in[15] = (uint8_t)b;
		SHA256(in, 16, out);
		t[b] = dv_get64(out);
	}
	return t;
}

static inline size_t ref_cut(const uint8_t *p, size_t n)
{
	const uint64_t *t = ref_table();
	size_t end = n < 262144 ? n : 262144;

	for (size_t e = 32768; e < end; e++) {
		uint64_t h = 0;

		/* Only the low 64 shifts are left mod 2^64. */
		for (int k = 63; k >= 0; k--)
			h = (h << 1) + t[p[e - 1 - (size_t)k]];
		if (h < (1ULL << 49))
			return e;
	}
	return end;
}

/* "sha256:<hex>" or "dv1:<hex>" of the whole content; "" when empty. */
static inline void ref_oid(const uint8_t *p, size_t n, char out[80])
{
	size_t at = 0, nchunks = 0, segn = 0, nseg = 0;
	uint8_t *seg = test_alloc(4 + 1024 * 36), id[32];
	uint8_t *file = test_alloc(13 + (n / 32768 / 64 + 2) * 40);
	uint64_t bytes = 0;
	char hex[65];

	out[0] = '\0';
	while (at < n) {
		size_t len = ref_cut(p + at, n - at);

		SHA256(p + at, len, id);
		dv_put32(seg + 4 + segn * 36, (uint32_t)len);
		memcpy(seg + 4 + segn * 36 + 4, id, 32);
		segn++;
		nchunks++;
		bytes += len;
		at += len;
		if ((id[0] == 0 && segn >= 64) || segn == 1024 || at == n) {
			uint8_t *row = file + 13 + nseg++ * 40;

			dv_put32(seg, (uint32_t)segn);
			dv_put64(row, bytes);
			ref_sha("dv-seg1", 8, seg, 4 + segn * 36, row + 8);
			segn = 0;
			bytes = 0;
		}
	}
	if (nchunks > 1) {
		file[0] = 1;
		dv_put64(file + 1, n);
		dv_put32(file + 9, (uint32_t)nseg);
		ref_sha("dv-file1", 9, file, 13 + nseg * 40, id);
	}
	if (nchunks) {
		dv_hex_encode(hex, id, 32);
		snprintf(out, 80, "%s:%s", nchunks > 1 ? "dv1" : "sha256",
			 hex);
	}
	free(seg);
	free(file);
}

#endif
