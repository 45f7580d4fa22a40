/* Names, paths and times in a registry. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "format/json.h"
#include "format/registry.h"

/* Format characters (Cf, Zl, Zp): unseen, or they turn what is beside them. */
static int is_unseen(uint32_t c)
{
	static const uint32_t ranges[][2] = {
		{ 0xad, 0xad }, { 0x61c, 0x61c }, { 0x180e, 0x180e },
		{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0x1d173, 0x1d17a },
		{ 0xe0000, 0xe007f },
	};

	for (size_t i = 0; i < DV_ARRAY_SIZE(ranges); i++)
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return 1;
	return 0;
}

static int has_unseen(const char *name)
{
	uint32_t c;

	while (*name) {
		name += dv_text_char(name, &c);
		if (is_unseen(c))
			return 1;
	}
	return 0;
}

/* What Windows takes for a device, in any folder and with any extension. */
static int is_device(const char *name)
{
	static const char *const words[] = { "con", "prn", "aux", "nul",
					     "conin$", "conout$" };
	static const char *const digits[] = { "\xc2\xb9", "\xc2\xb2",
					      "\xc2\xb3" };
	size_t n = strcspn(name, ".");

	while (n && name[n - 1] == ' ')
		n--;
	for (size_t i = 0; i < DV_ARRAY_SIZE(words); i++)
		if (n == strlen(words[i]) && !strncasecmp(name, words[i], n))
			return 1;
	if (n < 4 || (strncasecmp(name, "com", 3) &&
		      strncasecmp(name, "lpt", 3)))
		return 0;
	if (n == 4)
		return name[3] >= '0' && name[3] <= '9';
	for (size_t i = 0; n == 5 && i < DV_ARRAY_SIZE(digits); i++)
		if (!strncmp(name + 3, digits[i], 2))
			return 1;
	return 0;
}

struct dv_name_text dv_name_show(const char *name)
{
	struct dv_name_text out;
	size_t n = 0, room = sizeof(out.s) - 4;
	uint32_t c;

	while (*name && n + 16 < room) {
		size_t k = dv_text_char(name, &c), len = k ? k : 1;

		for (size_t i = 0; i < len; i++, name++)
			if (k && !is_unseen(c))
				out.s[n++] = *name;
			else
				n += (size_t)snprintf(out.s + n, 5, "\\x%02x",
						      (unsigned char)*name);
	}
	snprintf(out.s + n, sizeof(out.s) - n, "%s", *name ? "..." : "");
	return out;
}

int dv_name_check(const char *name, const char *what, struct dv_err *err)
{
	size_t n = strlen(name);
	const char *why = NULL;

	if (!n)
		why = "is empty";
	else if (n > DV_NAME_MAX)
		why = "is longer than 100 bytes";
	else if (!dv_text_ok(name))
		why = "is not UTF-8 or holds control characters";
	else if (*name == '.' || *name == '-' || *name == ' ')
		why = "starts with a dot, a dash or a space";
	else if (name[n - 1] == '.' || name[n - 1] == ' ')
		why = "ends with a dot or a space";
	else if (strpbrk(name, "/\\:@*?\"<>|"))
		why = "holds one of / \\ : @ * ? \" < > |";
	else if (has_unseen(name))
		why = "holds characters that are not seen";
	else if (is_device(name))
		why = "is a device on Windows";
	if (!why)
		return 0;
	return dv_err_set(err, DV_EINVAL, "'%.120s' is no %s: it %s",
			  dv_name_show(name).s, what, why);
}

int dv_top_path_check(const char *path, struct dv_err *err)
{
	const char *p = path;

	if (!*path || strlen(path) > 4000 || *path == '/' || !dv_text_ok(path))
		goto bad;
	for (;;) {
		size_t n = strcspn(p, "/"), k = n;

		/* Some file systems drop these, and fold case. */
		while (k && (p[k - 1] == '.' || p[k - 1] == ' '))
			k--;
		if (!k || (k == 4 && !strncasecmp(p, ".git", 4)))
			goto bad;
		if (!p[n])
			return 0;
		p += n + 1;
	}
bad:
	if (!dv_text_ok(path))
		return dv_err_set(err, DV_EINVAL,
				  "a registry is UTF-8, and the path of the file is not, or holds control characters; rename the file");
	return dv_err_set(err, DV_EINVAL,
			  "'%.200s' is no path of a file below the top of the worktree",
			  path);
}

static int digits(const char **p, int n, int *out)
{
	*out = 0;
	for (; n; n--, ++*p) {
		if (**p < '0' || **p > '9')
			return -1;
		*out = *out * 10 + (**p - '0');
	}
	return 0;
}

static int separated(const char **p, char c, int n, int *out)
{
	if (**p != c)
		return -1;
	++*p;
	return digits(p, n, out);
}

/* "Z", "+01:00" or "+0100", in seconds. */
static int zone(const char **p, long *off)
{
	int sign = **p == '-' ? -1 : 1, h, m;

	*off = 0;
	if (**p == 'Z') {
		++*p;
		return 0;
	}
	if (**p != '+' && **p != '-')
		return -1;
	++*p;
	if (digits(p, 2, &h))
		return -1;
	if (**p == ':')
		++*p;
	if (digits(p, 2, &m) || h > 23 || m > 59)
		return -1;
	*off = sign * (h * 3600L + m * 60L);
	return 0;
}

int dv_time_parse(const char *s, int local_ok, int64_t *us)
{
	struct tm tm = { .tm_isdst = -1 }, copy;
	int64_t frac = 0, unit = 1000000;
	time_t t;
	long off;

	if (digits(&s, 4, &tm.tm_year) || separated(&s, '-', 2, &tm.tm_mon) ||
	    separated(&s, '-', 2, &tm.tm_mday))
		return -1;
	/* A day alone is its begin. */
	if ((*s || !local_ok) &&
	    ((*s != 'T' && *s != ' ') ||
	     separated(&s, *s, 2, &tm.tm_hour) ||
	     separated(&s, ':', 2, &tm.tm_min) ||
	     separated(&s, ':', 2, &tm.tm_sec)))
		return -1;
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++) {
			unit /= 10;
			frac += (*s - '0') * unit;
		}
	if (tm.tm_year < 1900 || tm.tm_mon < 1 || tm.tm_mon > 12 ||
	    tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 ||
	    tm.tm_min > 59 || tm.tm_sec > 60)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	copy = tm;
	if (!*s && local_ok) {
		t = mktime(&copy);
	} else {
		if (zone(&s, &off) || *s)
			return -1;
		t = timegm(&copy) - off;
	}
	/* February 30th would have become March. */
	if (copy.tm_mday != tm.tm_mday && tm.tm_sec < 60)
		return -1;
	*us = (int64_t)t * 1000000 + frac;
	return 0;
}

struct dv_time_text dv_time_text(int64_t us)
{
	int64_t frac = us % 1000000;
	time_t t = (time_t)(us / 1000000);
	struct dv_time_text out;
	char day[32], tz[16];
	struct tm tm;

	if (frac < 0) {
		frac += 1000000;
		t--;
	}
	if (!localtime_r(&t, &tm))
		memset(&tm, 0, sizeof(tm));
	if (!strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm) ||
	    !strftime(tz, sizeof(tz), "%z", &tm) || strlen(tz) != 5)
		snprintf(tz, sizeof(tz), "+0000");
	snprintf(out.s, sizeof(out.s), "%.19s.%06d%.3s:%.2s", day, (int)frac,
		 tz, tz + 3);
	return out;
}
