#include "base/hex.h"

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

void dv_hex_encode(char *out, const void *p, size_t n)
{
	static const char d[] = "0123456789abcdef";
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++) {
		*out++ = d[b[i] >> 4];
		*out++ = d[b[i] & 15];
	}
	*out = '\0';
}

int dv_hex_decode(void *out, const char *hex, size_t n)
{
	uint8_t *b = out;

	for (size_t i = 0; i < n; i++) {
		int hi = digit(hex[2 * i]), lo;

		if (hi < 0)
			return -1;
		lo = digit(hex[2 * i + 1]);
		if (lo < 0)
			return -1;
		b[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

int dv_hex_valid(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (digit(s[i]) < 0)
			return 0;
	return 1;
}

struct dv_idhex dv_id_hex(const struct dv_id *id)
{
	struct dv_idhex h;

	dv_hex_encode(h.s, id->b, DV_ID_SIZE);
	return h;
}
