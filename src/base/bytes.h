/* Little- and big-endian loads and stores on unaligned bytes; ids. */
#ifndef DV_BASE_BYTES_H
#define DV_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DV_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define DV_MIN(a, b) ((a) < (b) ? (a) : (b))
#define DV_MAX(a, b) ((a) > (b) ? (a) : (b))

static inline uint16_t dv_get16(const void *p)
{
	const uint8_t *b = p;

	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t dv_get32(const void *p)
{
	const uint8_t *b = p;

	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
	       (uint32_t)b[3] << 24;
}

static inline uint64_t dv_get64(const void *p)
{
	return dv_get32(p) | (uint64_t)dv_get32((const uint8_t *)p + 4) << 32;
}

static inline void dv_put16(void *p, uint16_t v)
{
	uint8_t *b = p;

	b[0] = (uint8_t)v;
	b[1] = (uint8_t)(v >> 8);
}

static inline void dv_put32(void *p, uint32_t v)
{
	dv_put16(p, (uint16_t)v);
	dv_put16((uint8_t *)p + 2, (uint16_t)(v >> 16));
}

static inline void dv_put64(void *p, uint64_t v)
{
	dv_put32(p, (uint32_t)v);
	dv_put32((uint8_t *)p + 4, (uint32_t)(v >> 32));
}

/* Big-endian, as Git's index has it. */
static inline uint32_t dv_get32be(const void *p)
{
	const uint8_t *b = p;

	return b[3] | (uint32_t)b[2] << 8 | (uint32_t)b[1] << 16 |
	       (uint32_t)b[0] << 24;
}

static inline void dv_put32be(void *p, uint32_t v)
{
	uint8_t *b = p;

	b[0] = (uint8_t)(v >> 24);
	b[1] = (uint8_t)(v >> 16);
	b[2] = (uint8_t)(v >> 8);
	b[3] = (uint8_t)v;
}

#define DV_ID_SIZE 32
#define DV_ID_HEX 64

/* A SHA-256: of a chunk, a segment, or a whole file. */
struct dv_id {
	uint8_t b[DV_ID_SIZE];
};

static inline int dv_id_cmp(const struct dv_id *a, const struct dv_id *b)
{
	return memcmp(a->b, b->b, DV_ID_SIZE);
}

static inline int dv_id_eq(const struct dv_id *a, const struct dv_id *b)
{
	return memcmp(a->b, b->b, DV_ID_SIZE) == 0;
}

#endif
