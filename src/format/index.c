#include "format/index.h"

#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

static const uint8_t magic[8] = { 0x89, 'D', 'V', 'I', 'N', 'D', 'X', '\n' };

#define VERSION 1

void dv_index_head_format(uint32_t npacks, uint64_t nrows,
			  uint8_t out[DV_INDEX_HEAD])
{
	memset(out, 0, DV_INDEX_HEAD);
	memcpy(out, magic, 8);
	dv_put16(out + 8, VERSION);
	dv_put32(out + 12, npacks);
	dv_put64(out + 16, nrows);
	dv_put64(out + 56, XXH3_64bits(out, 56));
}

int dv_index_view(const void *p, uint64_t n, struct dv_index_view *v,
		  struct dv_err *err)
{
	const uint8_t *b = p;
	uint64_t nrows, names, want;

	memset(v, 0, sizeof(*v));
	if (n < DV_INDEX_HEAD + DV_INDEX_FAN || memcmp(b, magic, 8))
		return dv_err_set(err, DV_ECORRUPT, "not a pack index");
	if (dv_get64(b + 56) != XXH3_64bits(b, 56))
		return dv_err_set(err, DV_ECORRUPT,
				  "a pack index has a wrong checksum");
	if (dv_get16(b + 8) != VERSION || dv_get16(b + 10))
		return dv_err_set(err, DV_EINVAL,
				  "a pack index of version %u needs a newer git-dv",
				  dv_get16(b + 8));
	v->npacks = dv_get32(b + 12);
	nrows = dv_get64(b + 16);
	names = (uint64_t)v->npacks * 16;
	want = DV_INDEX_HEAD + DV_INDEX_FAN + names;
	if (nrows > UINT32_MAX || n < want ||
	    (n - want) / DV_PACK_ROW != nrows || (n - want) % DV_PACK_ROW)
		return dv_err_set(err, DV_ECORRUPT,
				  "a pack index has the wrong size");
	v->nrows = (uint32_t)nrows;
	v->names = b + DV_INDEX_HEAD;
	v->fan = v->names + names;
	v->rows = v->fan + DV_INDEX_FAN;
	for (uint32_t i = 0, prev = 0; i < 257; i++) {
		uint32_t at = dv_get32(v->fan + 4 * (size_t)i);

		if (at < prev || at > v->nrows)
			return dv_err_set(err, DV_ECORRUPT,
					  "a pack index has a wrong fan-out");
		prev = at;
	}
	return 0;
}

int64_t dv_rows_find(const uint8_t *rows, uint32_t lo, uint32_t hi,
		     const struct dv_id *id)
{
	uint32_t end = hi;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (memcmp(rows + (size_t)mid * DV_PACK_ROW, id->b,
			   DV_ID_SIZE) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == end ||
	    memcmp(rows + (size_t)lo * DV_PACK_ROW, id->b, DV_ID_SIZE))
		return -1;
	return lo;
}

int64_t dv_index_find(const struct dv_index_view *v, const struct dv_id *id)
{
	const uint8_t *f = v->fan + 4 * (size_t)id->b[0];

	return dv_rows_find(v->rows, dv_get32(f), dv_get32(f + 4), id);
}

int dv_index_row(const struct dv_index_view *v, uint64_t i,
		 struct dv_row *row, uint32_t *pack)
{
	const uint8_t *p = v->rows + (size_t)i * DV_PACK_ROW;

	dv_row_parse(p, row);
	*pack = dv_get32(p + 52);
	return *pack < v->npacks ? 0 : -1;
}
