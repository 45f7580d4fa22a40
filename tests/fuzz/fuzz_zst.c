#include "fuzz.h"

#include <string.h>

#include "base/bytes.h"
#include "codec/group.h"
#include "codec/zst.h"

#define RAW_MAX (1u << 20)

static void grouped(struct dv_zst *z, const uint8_t *p, size_t n)
{
	static uint8_t frame[RAW_MAX + 1024], back[RAW_MAX], again[RAW_MAX];
	unsigned int w = 2u << p[0] % 3;
	size_t m;

	if (n > RAW_MAX)
		return;
	dv_group(w, p, n, back);
	dv_ungroup_plain(w, back, n, again);
	MUST(!memcmp(p, again, n));
	m = dv_zst_encode_planes(z, 1, back, n, w, frame, sizeof(frame),
				 sizeof(frame));
	MUST(m);
	MUST(!dv_zst_decode(z, frame, m, again, n, NULL));
	MUST(!memcmp(back, again, n));
	dv_ungroup(w, back, n, again);
	MUST(!memcmp(p, again, n));
}

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
	(void)!dv_zst_decode_delta(z, p, n / 2 + 1, p + 4, n - 4, out, raw,
				   NULL);
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
	if (n >= DV_SAMPLE_MIN) {
		struct dv_sample s;

		dv_sample_take(&s, p, n);
		(void)dv_looks_compressible(z, &s, p, n);
		(void)dv_sample_width(&s);
	}
	grouped(z, p, n);
	m = dv_zst_encode(z, 1, p, n, frame, sizeof(frame), n);
	MUST(m < n);
	/* The second half against the first. */
	m = dv_zst_encode_delta(z, 3, p, n / 2, p + n / 2, n - n / 2, frame,
				sizeof(frame), n - n / 2);
	if (m) {
		MUST(m < n - n / 2);
		MUST(!dv_zst_decode_delta(z, p, n / 2, frame, m, back,
					  n - n / 2, NULL));
		MUST(!memcmp(back, p + n / 2, n - n / 2));
	}
	return 0;
}
