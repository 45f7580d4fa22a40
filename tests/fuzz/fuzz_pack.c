#include "fuzz.h"

#include <string.h>

#include "format/pack.h"

static struct dv_sha256 *sha;

static void one(const uint8_t *p, size_t n)
{
	uint64_t off;
	uint32_t count;

	if (dv_pack_head_check(p, NULL) ||
	    dv_pack_foot_parse(p + n - DV_PACK_FOOT, n, &off, &count, NULL))
		return;
	MUST(off >= DV_PACK_HEAD && off <= n - DV_PACK_FOOT);
	MUST(n - DV_PACK_FOOT - off == (uint64_t)count * DV_PACK_ROW);
	if (dv_pack_table_check(sha, p, p + off, count, off,
				p + n - DV_PACK_FOOT, NULL))
		return;
	for (uint32_t i = 0; i < count; i++) {
		struct dv_row row;

		dv_row_parse(p + off + (size_t)i * DV_PACK_ROW, &row);
		MUST(row.off >= DV_PACK_HEAD && row.off < off);
		MUST(dv_row_len(&row) <= off - row.off);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dv_id id;
	uint8_t *copy;
	uint64_t off;

	if (!sha && !(sha = dv_sha256_open()))
		abort();
	if (n < DV_PACK_HEAD + DV_PACK_FOOT)
		return 0;
	one(p, n);
	/* Again with a true digest over header and table. */
	off = dv_get64(p + n - DV_PACK_FOOT);
	if (off > n - DV_PACK_FOOT)
		return 0;
	copy = malloc(n);
	if (!copy)
		return 0;
	memcpy(copy, p, n);
	dv_sha256_begin(sha);
	dv_sha256_add(sha, copy, DV_PACK_HEAD);
	dv_sha256_add(sha, copy + off, n - DV_PACK_FOOT - off);
	dv_sha256_end(sha, &id);
	memcpy(copy + n - DV_PACK_FOOT + 16, id.b, sizeof(id.b));
	one(copy, n);
	free(copy);
	return 0;
}
