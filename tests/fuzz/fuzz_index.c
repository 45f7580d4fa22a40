#include "fuzz.h"

#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "format/index.h"

static void one(const uint8_t *p, size_t n)
{
	struct dv_index_view v;

	if (dv_index_view(p, n, &v, NULL))
		return;
	MUST(v.rows + (size_t)v.nrows * DV_PACK_ROW == p + n);
	for (uint32_t i = 0; i < v.nrows; i++) {
		struct dv_row row;
		uint32_t pack;
		int64_t at;

		if (!dv_index_row(&v, i, &row, &pack))
			MUST(pack < v.npacks);
		/* Rows may be unsorted; what is found is still that id. */
		at = dv_index_find(&v, &row.id);
		MUST(at >= -1 && at < (int64_t)v.nrows);
		MUST(at < 0 || !memcmp(v.rows + (size_t)at * DV_PACK_ROW,
				       row.id.b, DV_ID_SIZE));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t *copy;

	one(p, n);
	if (n < DV_INDEX_HEAD)
		return 0;
	copy = malloc(n);
	if (!copy)
		return 0;
	memcpy(copy, p, n);
	dv_put64(copy + 56, XXH3_64bits(copy, 56));
	one(copy, n);
	free(copy);
	return 0;
}
