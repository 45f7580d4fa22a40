#include "base/quote.h"

#include <string.h>

static int is_plain(unsigned char c, int high)
{
	return c >= ' ' && c != '"' && c != '\\' && c != 127 &&
	       (c < 128 || !high);
}

int dv_quote_path(const char *path, int high, struct dv_buf *out,
		  struct dv_err *err)
{
	/* In the order of their letters. */
	static const char special[] = "\a\b\t\n\v\f\r\"\\",
			  letters[] = "abtnvfr\"\\";
	const unsigned char *p = (const unsigned char *)path;
	int rc;

	while (*p && is_plain(*p, high))
		p++;
	if (!*p)
		return dv_buf_addstr(out, path, err);
	rc = dv_buf_addstr(out, "\"", err);
	for (p = (const unsigned char *)path; !rc && *p; p++) {
		const char *s = strchr(special, *p);

		if (s)
			rc = dv_buf_addf(out, err, "\\%c",
					 letters[s - special]);
		else if (is_plain(*p, high))
			rc = dv_buf_add(out, p, 1, err);
		else
			rc = dv_buf_addf(out, err, "\\%03o", *p);
	}
	return rc ? rc : dv_buf_addstr(out, "\"", err);
}

void dv_disarm(char *text, size_t n)
{
	unsigned char *p = (unsigned char *)text;

	for (size_t i = 0; i < n; i++) {
		if ((p[i] < ' ' && p[i] != '\t' && p[i] != '\n') || p[i] == 127)
			p[i] = '?';
		else if (i && p[i - 1] == 0xc2 && p[i] >= 0x80 && p[i] < 0xa0)
			p[i - 1] = p[i] = '?';
	}
}
