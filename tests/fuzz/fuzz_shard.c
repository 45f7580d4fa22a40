#include "fuzz.h"

#include <string.h>

#include "format/shard.h"

static struct dv_sha256 *sha;

/* Everything that a view of these bytes answers stays inside them. */
static void look(const struct dv_shard *s, const uint8_t *p, size_t n)
{
	struct dv_shard_chunk c;
	struct dv_oid oid;
	uint32_t first, k;

	for (uint32_t i = 0; i < s->n[DV_SHARD_FILES]; i++) {
		dv_shard_file(s, i, &oid, &first, &k);
		MUST(k ? first + (uint64_t)k <= s->n[DV_SHARD_SEGREFS] :
			 first < s->n[DV_SHARD_CHUNKS]);
		MUST(dv_shard_find_file(s, &oid) >= 0);
		(void)dv_shard_file_hours(s, i);
	}
	for (uint32_t i = 0; i < s->n[DV_SHARD_SEGS]; i++) {
		const struct dv_id *id = (const struct dv_id *)
			(s->sec[DV_SHARD_SEGS] + (size_t)i * DV_SHARD_SEG_ROW);

		dv_shard_seg(s, i, &first, &k);
		MUST(k && first + (uint64_t)k <= s->n[DV_SHARD_CHUNKS]);
		MUST(dv_shard_find_seg(s, id) >= 0);
	}
	for (uint32_t i = 0; i < s->n[DV_SHARD_HOOKS]; i++) {
		struct dv_id id = { { 0 } };

		memcpy(id.b, s->sec[DV_SHARD_HOOKS] +
			     (size_t)i * DV_SHARD_HOOK_ROW, 16);
		MUST(dv_shard_hook_seg(s, i) < s->n[DV_SHARD_SEGS]);
		MUST(dv_shard_find_hook(s, &id) >= 0);
	}
	if (!s->sec[DV_SHARD_CHUNKS])
		return;
	MUST(s->sec[DV_SHARD_CHUNKS] +
	     (size_t)s->n[DV_SHARD_CHUNKS] * DV_SHARD_CHUNK_ROW == p + n);
	for (uint32_t i = 0; i < s->n[DV_SHARD_CHUNKS]; i++) {
		if (dv_shard_chunk_parse(s, s->sec[DV_SHARD_CHUNKS] +
					 (size_t)i * DV_SHARD_CHUNK_ROW, &c,
					 NULL))
			continue;
		MUST((c.codec == DV_CODEC_DELTA) ==
		     (c.base != DV_SHARD_NO_BASE));
		MUST(c.base == DV_SHARD_NO_BASE ||
		     c.base < s->n[DV_SHARD_CHUNKS]);
		MUST(c.raw && c.enc && c.enc <= c.raw);
		MUST(c.pack < s->n[DV_SHARD_PACKS]);
		MUST(c.off + dv_rec_head_size(c.codec) + (uint64_t)c.enc <=
		     dv_shard_pack_size(s, c.pack));
	}
}

static void one(const uint8_t *p, size_t n)
{
	struct dv_shard s;

	if (!dv_shard_view(p, n, sha, &s, NULL))
		look(&s, p, n);
}

/* A second time with true checksums, so that the rows are reached. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint64_t chunks_off, size;
	struct dv_id id;
	uint8_t *q;

	if (!sha)
		sha = dv_sha256_open();
	if (!sha)
		return 0;
	one(p, n);
	if (n < DV_SHARD_HEAD + DV_SHARD_TABLE)
		return 0;
	q = malloc(n);
	if (!q)
		return 0;
	memcpy(q, p, n);
	dv_put64(q + 16, n);
	if (!dv_shard_sizes(q, n, &chunks_off, &size, NULL)) {
		for (size_t i = 0; i < DV_SHARD_SECTIONS; i++) {
			uint8_t *row = q + DV_SHARD_HEAD + 48 * i;
			uint64_t from = dv_get64(row + 8), to =
				i + 1 < DV_SHARD_SECTIONS ?
				dv_get64(row + 48 + 8) : n;

			dv_sha256_of(sha, q + from, (size_t)(to - from), &id);
			memcpy(row + 16, id.b, DV_ID_SIZE);
		}
		dv_sha256_of(sha, q + DV_SHARD_HEAD, DV_SHARD_TABLE, &id);
		memcpy(q + 32, id.b, DV_ID_SIZE);
		one(q, n);
		one(q, (size_t)chunks_off);
	}
	free(q);
	return 0;
}
