#include "codec/glob.h"

#include <string.h>

/* After '[': 1 match, 0 no match, -1 not a class. *pp moves behind ']'. */
static int match_class(const char **pp, unsigned char c)
{
	const char *p = *pp;
	int negate = 0, hit = 0, first = 1;

	if (*p == '!' || *p == '^') {
		negate = 1;
		p++;
	}
	for (;; first = 0) {
		unsigned char lo, hi;

		if (!*p)
			return -1;
		if (*p == ']' && !first)
			break;
		if (*p == '\\' && p[1])
			p++;
		lo = hi = (unsigned char)*p++;
		if (*p == '-' && p[1] && p[1] != ']') {
			p++;
			if (*p == '\\' && p[1])
				p++;
			hi = (unsigned char)*p++;
		}
		if (c >= lo && c <= hi)
			hit = 1;
	}
	*pp = p + 1;
	return hit != negate && c != '/';
}

/*
 * Match the pattern against the text, or (prefix) against a leading part of
 * it that ends before a '/'. Steps are bounded, so that hostile patterns cost
 * no more than a refusal.
 */
static int match(const char *p, const char *t, int *steps)
{
	const char *q;

	for (; *p; p++, t++) {
		int r;

		if (--*steps < 0)
			return 0;
		switch (*p) {
		case '*':
			for (q = p; *q == '*'; q++)
				;
			/* p[-1] is there: callers put a '/' in front. */
			if (q - p > 1 && p[-1] == '/' && (!*q || *q == '/')) {
				p = q;
				if (*p == '/' && match(p + 1, t, steps))
					return 1;
				for (;; t++) {
					if (match(p, t, steps))
						return 1;
					if (!*t || *steps < 0)
						return 0;
				}
			}
			for (p = q;; t++) {
				if (match(p, t, steps))
					return 1;
				if (!*t || *t == '/' || *steps < 0)
					return 0;
			}
		case '?':
			if (!*t || *t == '/')
				return 0;
			break;
		case '[':
			if (!*t)
				return 0;
			p++;
			r = match_class(&p, (unsigned char)*t);
			if (r <= 0)
				return 0;
			p--;
			break;
		case '\\':
			if (p[1])
				p++;
			/* fall through */
		default:
			if (*p != *t)
				return 0;
		}
	}
	return !*t || *t == '/';
}

int dv_glob_path(const char *pattern, const char *path)
{
	char room[4097], *own = room + 1;
	size_t n = strlen(pattern);
	int steps = 100000;
	const char *s;

	while (n && pattern[n - 1] == '/')
		n--;
	if (!n || n >= sizeof(room) - 1)
		return 0;
	room[0] = '/';
	memcpy(own, pattern, n);
	own[n] = '\0';
	if (own[0] == '/')
		return match(own + 1, path, &steps);
	if (strchr(own, '/'))
		return match(own, path, &steps);
	for (s = path; s; s = strchr(s, '/') ? strchr(s, '/') + 1 : NULL)
		if (match(own, s, &steps))
			return 1;
	return 0;
}
