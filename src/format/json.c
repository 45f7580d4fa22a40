#include "format/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

/* The length of the UTF-8 sequence at p, or 0: RFC 3629, no surrogates. */
static size_t utf8_char(const uint8_t *p, size_t n, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = *p < 0x80 ? 1 : (*p & 0xe0) == 0xc0 ? 2 :
		     (*p & 0xf0) == 0xe0 ? 3 : (*p & 0xf8) == 0xf0 ? 4 : 0;
	uint32_t c;

	*out = *p;
	if (len <= 1)
		return len;
	if (len > n)
		return 0;
	c = *p & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	*out = c;
	return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ?
	       0 : len;
}

size_t dv_text_char(const char *s, uint32_t *c)
{
	size_t k = utf8_char((const uint8_t *)s, strnlen(s, 4), c);

	/* U+0080 to U+009F: terminals take them as escapes, too. */
	return *c < 0x20 || (*c >= 0x7f && *c < 0xa0) ? 0 : k;
}

static int printable(const char *s, const char *also)
{
	uint32_t c;

	while (*s) {
		size_t k = strchr(also, *s) ? 1 : dv_text_char(s, &c);

		if (!k)
			return 0;
		s += k;
	}
	return 1;
}

int dv_text_ok(const char *s)
{
	return printable(s, "");
}

int dv_lines_ok(const char *s)
{
	return printable(s, "\t\r\n");
}

size_t dv_text_turns(const char *s)
{
	uint32_t c;
	size_t k;

	if (*s == '\r')
		return 1;
	k = dv_text_char(s, &c);
	return k && ((c >= 0x202a && c <= 0x202e) ||
		     (c >= 0x2066 && c <= 0x2069)) ? k : 0;
}

const char *dv_lines_why(const char *s)
{
	uint32_t c;
	size_t k;

	for (; *s; s += k) {
		if (*s == '\n' || *s == '\t') {
			k = 1;
			continue;
		}
		if (*s == '\r' || (k = utf8_char((const uint8_t *)s,
						strnlen(s, 4), &c),
				  k && !dv_text_char(s, &c)))
			return "holds control characters";
		if (!k)
			return "is not UTF-8";
		if (dv_text_turns(s))
			return "holds characters that turn the direction of text";
	}
	return NULL;
}

static int bad(struct dv_err *err, size_t line, const char *what)
{
	return dv_err_set(err, DV_EINVAL, "line %zu: %s", line, what);
}

/*
 * What cJSON would take or recurse into: bytes that are no text, depth, and
 * "\u0000", which would cut a string short.
 */
static int scan(const uint8_t *p, size_t n, struct dv_err *err)
{
	size_t line = 1, depth = 0;
	int in = 0;

	if (n > DV_JSON_MAX)
		return dv_err_set(err, DV_EINVAL, "larger than %u MiB",
				  DV_JSON_MAX >> 20);
	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t k = utf8_char(p + i, n - i, &c);

		if (!k)
			return bad(err, line, "not UTF-8");
		if (p[i] < 0x20 && (in || !strchr("\t\n\r", p[i]) || !p[i]))
			return bad(err, line, "a control character");
		if (p[i] == '\n')
			line++;
		if (in && p[i] == '\\') {
			if (n - i >= 6 && !memcmp(p + i, "\\u0000", 6))
				return bad(err, line, "NUL in a string");
			k = n - i > 1 && p[i + 1] >= 0x20 && p[i + 1] < 0x80 ?
			    2 : 1;
		} else if (p[i] == '"') {
			in = !in;
		} else if (!in && (p[i] == '{' || p[i] == '[')) {
			if (++depth > DV_JSON_DEPTH)
				return bad(err, line, "nested too deeply");
		} else if (!in && (p[i] == '}' || p[i] == ']') && depth) {
			depth--;
		}
		i += k;
	}
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Depth is bounded by scan. */
static int check_keys(const cJSON *v, struct dv_err *err)
{
	size_t n = 0, i = 0;
	const char **keys;
	int rc = 0;

	for (const cJSON *c = v->child; !rc && c; c = c->next, n++)
		rc = check_keys(c, err);
	if (rc || n < 2 || !cJSON_IsObject(v))
		return rc;
	keys = malloc(n * sizeof(*keys));
	if (!keys)
		return dv_err_nomem(err);
	for (const cJSON *c = v->child; c; c = c->next)
		keys[i++] = c->string;
	qsort(keys, n, sizeof(*keys), by_text);
	for (i = 1; !rc && i < n; i++)
		if (!strcmp(keys[i - 1], keys[i]))
			rc = dv_err_set(err, DV_EINVAL,
					"an object has '%.100s' twice",
					dv_text_ok(keys[i]) ? keys[i] :
							      "(bytes)");
	free(keys);
	return rc;
}

/* -?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)? */
static int is_number(const char *s, size_t n)
{
	static const char digits[] = "0123456789";
	char text[64];
	const char *p = text;
	size_t k;

	if (n >= sizeof(text))
		return 0;
	memcpy(text, s, n);
	text[n] = '\0';
	p += *p == '-';
	k = strspn(p, digits);
	if (!k || (*p == '0' && k > 1))
		return 0;
	p += k;
	if (*p == '.') {
		k = strspn(p + 1, digits);
		if (!k)
			return 0;
		p += k + 1;
	}
	if (*p == 'e' || *p == 'E') {
		p += 1 + (p[1] == '+' || p[1] == '-');
		k = strspn(p, digits);
		if (!k)
			return 0;
		p += k;
	}
	return !*p;
}

/* Other than 0, before the exponent. */
static int has_digits(const char *p, size_t n)
{
	for (size_t i = 0; i < n && p[i] != 'e' && p[i] != 'E'; i++)
		if (p[i] >= '1' && p[i] <= '9')
			return 1;
	return 0;
}

/*
 * cJSON keeps a double, and prints 15 digits of it. A number of more keeps its
 * text, where cJSON has that of strings, which it copies and frees with any
 * kind. *at is behind the number before; numbers are met in the order in which
 * they are written.
 */
static int keep_numbers(cJSON *v, const char **at, struct dv_err *err)
{
	const char *p = *at;
	int rc = 0;
	size_t n;

	for (cJSON *c = v->child; !rc && c; c = c->next)
		rc = keep_numbers(c, at, err);
	if (rc || !cJSON_IsNumber(v))
		return rc;
	for (; *p && *p != '-' && !(*p >= '0' && *p <= '9'); p++)
		if (*p == '"')
			for (p++; *p && *p != '"'; p++)
				p += *p == '\\' && p[1];
	n = strspn(p, "+-.0123456789Ee");
	*at = p + n;
	if (!is_number(p, n))
		return isfinite(v->valuedouble) ? 0 :
			dv_err_set(err, DV_EINVAL, "a number is out of range");
	/* cJSON would print null for one that is beyond a double. */
	if (n <= 15 && isfinite(v->valuedouble) &&
	    (v->valuedouble < 0 || v->valuedouble > 0 || !has_digits(p, n)))
		return 0;
	v->valuestring = cJSON_malloc(n + 1);
	if (!v->valuestring)
		return dv_err_nomem(err);
	memcpy(v->valuestring, p, n);
	v->valuestring[n] = '\0';
	return 0;
}

int dv_json_parse(const void *p, size_t n, struct cJSON **out,
		  struct dv_err *err)
{
	struct dv_buf b = { 0 };
	const char *end = NULL;
	int rc = scan(p, n, err);

	*out = NULL;
	if (rc)
		return rc;
	/* cJSON looks for a NUL to know that nothing follows. */
	rc = dv_buf_add(&b, p, n, err);
	if (rc)
		goto out;
	*out = cJSON_ParseWithLengthOpts(dv_buf_str(&b), b.n + 1, &end, 1);
	if (!*out) {
		size_t line = 1;

		for (const char *q = (char *)b.p; end && q < end; q++)
			line += *q == '\n';
		rc = bad(err, line, strstr((char *)b.p, "\n<<<<<<< ") ?
			 "not JSON: it holds the marks of a merge conflict" :
			 "not JSON");
		goto out;
	}
	rc = check_keys(*out, err);
	end = (char *)b.p;
	if (!rc)
		rc = keep_numbers(*out, &end, err);
	if (rc) {
		cJSON_Delete(*out);
		*out = NULL;
	}
out:
	dv_buf_release(&b);
	return rc;
}

static int indent(struct dv_buf *b, int depth, struct dv_err *err)
{
	int rc = depth < 0 ? 0 : dv_buf_addstr(b, "\n", err);

	for (; !rc && depth > 0; depth--)
		rc = dv_buf_addstr(b, "  ", err);
	return rc;
}

static int print_plain(struct dv_buf *b, const cJSON *v, struct dv_err *err)
{
	int kept = cJSON_IsNumber(v) && v->valuestring;
	char *text = kept ? NULL : cJSON_PrintUnformatted(v);
	int rc = kept ? dv_buf_addstr(b, v->valuestring, err) : text ? dv_buf_addstr(b, text, err) : dv_err_nomem(err);

	cJSON_free(text);
	return rc;
}

int dv_json_string(struct dv_buf *b, const char *s, struct dv_err *err)
{
	cJSON *v = cJSON_CreateString(s);
	int rc = v ? print_plain(b, v, err) : dv_err_nomem(err);

	cJSON_Delete(v);
	return rc;
}

int dv_json_members(struct dv_buf *b, struct cJSON *const *v, size_t n,
		    int depth, struct dv_err *err)
{
	int rc = dv_buf_addstr(b, "{", err);

	for (size_t i = 0; !rc && i < n; i++) {
		if (i)
			rc = dv_buf_addstr(b, ",", err);
		if (!rc)
			rc = indent(b, depth + 1, err);
		if (!rc)
			rc = dv_json_string(b, v[i]->string, err);
		if (!rc)
			rc = dv_buf_addstr(b, ": ", err);
		if (!rc)
			rc = dv_json_print(b, v[i], depth + 1, err);
	}
	if (!rc && n)
		rc = indent(b, depth, err);
	return rc ? rc : dv_buf_addstr(b, "}", err);
}

int dv_json_print(struct dv_buf *b, const struct cJSON *v, int depth,
		  struct dv_err *err)
{
	int array = cJSON_IsArray(v), in = depth < 0 ? depth : depth + 1, rc;

	if ((!array && !cJSON_IsObject(v)) || !v->child) {
		if (array || cJSON_IsObject(v))
			return dv_buf_addstr(b, array ? "[]" : "{}", err);
		return print_plain(b, v, err);
	}
	rc = dv_buf_addstr(b, array ? "[" : "{", err);
	for (const cJSON *c = v->child; !rc && c; c = c->next) {
		rc = indent(b, in, err);
		if (!rc && !array)
			rc = dv_json_string(b, c->string, err);
		if (!rc && !array)
			rc = dv_buf_addstr(b, depth < 0 ? ":" : ": ", err);
		if (!rc)
			rc = dv_json_print(b, c, in, err);
		if (!rc && c->next)
			rc = dv_buf_addstr(b, ",", err);
	}
	if (!rc)
		rc = indent(b, depth, err);
	return rc ? rc : dv_buf_addstr(b, array ? "]" : "}", err);
}
