#include "fuzz.h"

#include "format/list.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dv_flist f;
	uint64_t sum = 0;

	if (dv_flist_parse(p, n, &f, NULL))
		return 0;
	MUST(n == DV_FILE_HEAD + (size_t)f.n * DV_FILE_ROW);
	for (uint32_t i = 0; i < f.n; i++) {
		MUST(dv_flist_bytes(&f, i) > 0);
		MUST(dv_flist_id(&f, i)->b + 32 <= p + n);
		sum += dv_flist_bytes(&f, i);
	}
	MUST(sum == f.size && f.size <= INT64_MAX);
	return 0;
}
