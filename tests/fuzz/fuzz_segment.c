#include "fuzz.h"

#include "codec/chunker.h"
#include "format/list.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dv_seg seg;
	uint64_t sum = 0;

	if (dv_seg_parse(p, n, &seg, NULL))
		return 0;
	MUST(n == 4 + (size_t)seg.n * DV_SEG_ROW);
	MUST(seg.n >= 1 && seg.n <= DV_SEG_MAX);
	for (uint32_t i = 0; i < seg.n; i++) {
		uint32_t len = dv_seg_len(&seg, i);

		MUST(len >= 1 && len <= DV_CHUNK_MAX);
		MUST(dv_seg_id(&seg, i)->b[0] || i + 1 < DV_SEG_MIN ||
		     i + 1 == seg.n);
		sum += len;
	}
	MUST(sum == seg.bytes);
	return 0;
}
