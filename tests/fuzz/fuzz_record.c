#include "fuzz.h"

#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "codec/chunker.h"
#include "store/coder.h"

static struct dv_coder coder;

static void one(const uint8_t *p, size_t n)
{
	uint8_t head[DV_REC_HEAD_DELTA];
	const uint8_t *content;
	struct dv_rec r;
	size_t h;

	if (dv_rec_parse(p, n, &r, &h, NULL))
		return;
	MUST(h <= n && h == dv_rec_head_size(r.codec));
	MUST(r.raw && r.enc && r.enc <= r.raw);
	MUST(r.kind != DV_KIND_CHUNK || r.raw <= DV_CHUNK_MAX);
	MUST(dv_rec_format(&r, head) == h && !memcmp(head, p, h));
	MUST(r.codec != DV_CODEC_DELTA || r.enc < r.raw);
	if (r.enc > n - h || r.raw > 1 << 20)
		return;
	if (r.codec != DV_CODEC_DELTA) {
		(void)!dv_coder_decode(&coder, &r, p + h, &content, NULL);
		return;
	}
	/* Without a base it is refused; with any it stays inside both. */
	MUST(dv_coder_decode(&coder, &r, p + h, &content, NULL));
	(void)!dv_coder_decode_delta(&coder, &r, p, n, p + h, &content, NULL);
	(void)!dv_coder_decode_delta(&coder, &r, p, 1, p + h, &content, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t *copy;
	size_t h;

	if (!coder.sha && dv_coder_init(&coder, NULL))
		abort();
	one(p, n);
	/* Again with a true checksum, else little is reached. */
	h = n > 6 ? dv_rec_head_size(p[6]) : SIZE_MAX;
	if (n < h)
		return 0;
	copy = malloc(n);
	if (!copy)
		return 0;
	memcpy(copy, p, n);
	dv_put64(copy + h - 8, XXH3_64bits(copy, h - 8));
	one(copy, n);
	free(copy);
	return 0;
}
