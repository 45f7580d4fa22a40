#include "fuzz.h"

#include <string.h>

#include "base/bytes.h"
#include "codec/zst.h"

#define RAW_MAX (1u << 20)

/* The raw length that the record claims, as LE32, then the frame. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct dv_zst *z;
	static uint8_t frame[RAW_MAX + 1024], back[RAW_MAX];
	uint8_t *out;
	size_t raw, m;

	if (!z && !(z = dv_zst_open()))
		abort();
	if (n < 4)
		return 0;
	raw = dv_get32(p) % RAW_MAX;
	out = malloc(raw ? raw : 1);	/* exactly: a sanitizer watches it */
	if (!out)
		return 0;
	if (!dv_zst_decode(z, p + 4, n - 4, out, raw, NULL)) {
		/* It is single-segment and of that size; encode it again. */
		MUST(p[8] & 0x20);
		m = dv_zst_encode(z, 1, out, raw, frame, sizeof(frame),
				  sizeof(frame));
		if (m) {
			MUST(!dv_zst_decode(z, frame, m, back, raw, NULL));
			MUST(!memcmp(out, back, raw));
		}
	}
	free(out);
	(void)dv_looks_compressible(z, p, n);
	m = dv_zst_encode(z, 1, p, n, frame, sizeof(frame), n);
	MUST(m < n);
	return 0;
}
