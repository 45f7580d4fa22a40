#include "repo/attrs.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/file.h"
#include "codec/glob.h"

#define ATTRS_MAX (16u << 20)

int dv_attrs_quote(const char *pattern, struct dv_buf *out,
		   struct dv_err *err)
{
	int rc;

	if (!strpbrk(pattern, " \t\r\n\"") && *pattern != '#' &&
	    *pattern != '!')
		return dv_buf_addstr(out, pattern, err);
	rc = dv_buf_addstr(out, "\"", err);
	for (const char *p = pattern; !rc && *p; p++) {
		if (*p == '\n')
			rc = dv_buf_addstr(out, "\\n", err);
		else if (*p == '\t')
			rc = dv_buf_addstr(out, "\\t", err);
		else if (*p == '\r')
			rc = dv_buf_addstr(out, "\\r", err);
		else if (*p == '"' || *p == '\\')
			rc = dv_buf_addf(out, err, "\\%c", *p);
		else
			rc = dv_buf_add(out, p, 1, err);
	}
	return rc ? rc : dv_buf_addstr(out, "\"", err);
}

int dv_attrs_literal(const char *path, struct dv_buf *out, struct dv_err *err)
{
	int rc = dv_buf_addstr(out, "/", err);

	for (const char *p = path; !rc && *p; p++) {
		if (strchr("*?[]\\", *p))
			rc = dv_buf_addstr(out, "\\", err);
		if (!rc)
			rc = dv_buf_add(out, p, 1, err);
	}
	return rc;
}

int dv_attrs_is_macro(const char *pattern)
{
	return !strncmp(pattern, "[attr]", 6) && pattern[6];
}

static int octal(char c)
{
	return c >= '0' && c <= '7';
}

/*
 * The pattern of a line, unquoted, and whether it sets filter=dv. Octal
 * escapes are those of git's C-style quoting.
 */
static int parse_line(const char *line, size_t n, struct dv_buf *pattern,
		      int *ours)
{
	const char *p = line, *end = line + n;
	static const char want[] = "filter=dv";
	int macro;

	pattern->n = 0;
	*ours = 0;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == end || *p == '#')
		return 0;
	if (*p == '"') {
		for (p++; p < end && *p != '"'; p++) {
			char c = *p;

			if (c == '\\' && p + 1 < end) {
				c = *++p;
				if (c == 'n')
					c = '\n';
				else if (c == 't')
					c = '\t';
				else if (c == 'r')
					c = '\r';
				else if (c >= '0' && c <= '3' && end - p > 2 &&
					 octal(p[1]) && octal(p[2])) {
					c = (char)((p[0] - '0') << 6 |
						   (p[1] - '0') << 3 |
						   (p[2] - '0'));
					p += 2;
				}
			}
			if (dv_buf_add(pattern, &c, 1, NULL))
				return 0;
		}
		p++;
	} else {
		const char *from = p;

		while (p < end && *p != ' ' && *p != '\t' && *p != '\r')
			p++;
		if (dv_buf_add(pattern, from, (size_t)(p - from), NULL))
			return 0;
	}
	macro = dv_attrs_is_macro(dv_buf_str(pattern));
	while (p < end) {
		size_t k;

		while (p < end && strchr(" \t\r", *p))
			p++;
		k = 0;
		while (p + k < end && !strchr(" \t\r", p[k]))
			k++;
		if (!macro && k == sizeof(want) - 1 && !memcmp(p, want, k))
			*ours = 1;
		p += k;
	}
	return 1;
}

static int read_attrs(const char *file, struct dv_buf *text,
		      struct dv_err *err)
{
	int rc = dv_file_read(file, text, ATTRS_MAX, err);

	if (rc == DV_ENOTFOUND) {
		text->n = 0;
		rc = 0;
	}
	return rc;
}

/* As read_attrs, for who writes the file anew. */
static int begin_edit(const char *file, struct dv_buf *text,
		      struct dv_err *err)
{
	struct stat st;

	if (!lstat(file, &st) && !S_ISREG(st.st_mode))
		return dv_err_set(err, DV_EINVAL,
				  "'%s' is not a regular file: git does not read it; put a file in its place",
				  file);
	return read_attrs(file, text, err);
}

int dv_attrs_list(const char *file, struct dv_strs *out, struct dv_err *err)
{
	struct dv_buf text = { 0 }, pattern = { 0 };
	int rc = read_attrs(file, &text, err), ours;

	for (size_t at = 0; !rc && at < text.n;) {
		const char *line = (const char *)text.p + at;
		const char *nl = memchr(line, '\n', text.n - at);
		size_t n = nl ? (size_t)(nl - line) : text.n - at;

		if (parse_line(line, n, &pattern, &ours) && ours &&
		    !dv_strs_has(out, dv_buf_str(&pattern)))
			rc = dv_strs_add(out, dv_buf_str(&pattern), err);
		at += n + 1;
	}
	dv_buf_release(&text);
	dv_buf_release(&pattern);
	return rc;
}

/*
 * What Git and git-dv read themselves must stay text in every clone. Lines that
 * give it back stand behind those that would take it: the last one counts.
 */
static const struct {
	const char *line;
	const char *const names[4];	/* what it stands for */
} guards[] = {
	{ ".git* " DV_ATTRS_NOT,
	  { ".gitattributes", ".gitignore", ".gitmodules" } },
	{ ".dvconfig " DV_ATTRS_NOT, { ".dvconfig" } },
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int dv_attrs_never(const char *path)
{
	const char *base = base_name(path);

	for (size_t i = 0; guards[0].names[i]; i++)
		if (!strcmp(base, guards[0].names[i]))
			return 1;
	return !strcmp(path, ".dvconfig") ||
	       !strncmp(path, ".dv/registry/", 13);
}

/* Which guards does a pattern call for? One bit each. */
static unsigned int guards_for(const char *pattern)
{
	const char *last = base_name(pattern);
	unsigned int need = 0;

	/* Git's files may lie in any folder, .dvconfig at the top alone. */
	for (size_t i = 0; guards[0].names[i]; i++)
		need |= (unsigned int)dv_glob_path(last, guards[0].names[i]);
	if (dv_glob_path(pattern, guards[1].names[0]))
		need |= 2;
	return need;
}

static int which_guard(const char *line, size_t n)
{
	while (n && (line[n - 1] == '\r' || line[n - 1] == '\n'))
		n--;
	for (size_t i = 0; i < DV_ARRAY_SIZE(guards); i++)
		if (n == strlen(guards[i].line) &&
		    !memcmp(line, guards[i].line, n))
			return (int)i;
	return -1;
}

/*
 * Give the text the guards that its patterns call for, and no others. Where
 * they are right already, nothing moves.
 */
static int settle_guards(struct dv_buf *text, struct dv_err *err)
{
	struct dv_buf keep = { 0 }, pattern = { 0 };
	unsigned int need = 0, have = 0;
	int rc = 0, ours, late = 0;

	for (size_t at = 0; !rc && at < text->n;) {
		const char *line = (const char *)text->p + at;
		const char *nl = memchr(line, '\n', text->n - at);
		size_t n = nl ? (size_t)(nl - line) + 1 : text->n - at;
		int guard = which_guard(line, n);

		at += n;
		if (guard >= 0) {
			have |= 1u << guard;
			continue;
		}
		if (parse_line(line, nl ? n - 1 : n, &pattern, &ours) && ours) {
			need |= guards_for(dv_buf_str(&pattern));
			late = have != 0;
		}
		rc = dv_buf_add(&keep, line, n, err);
	}
	if (!rc && (have != need || late)) {
		if (need && keep.n && keep.p[keep.n - 1] != '\n')
			rc = dv_buf_addstr(&keep, "\n", err);
		for (size_t i = 0; !rc && i < DV_ARRAY_SIZE(guards); i++)
			if (need & 1u << i)
				rc = dv_buf_addf(&keep, err, "%s\n",
						 guards[i].line);
		text->n = 0;
		if (!rc)
			rc = dv_buf_add(text, keep.p, keep.n, err);
	}
	dv_buf_release(&keep);
	dv_buf_release(&pattern);
	return rc;
}

/* Write the file if its text is another now. */
static int put_attrs(const char *file, const struct dv_buf *was,
		     struct dv_buf *text, struct dv_err *err)
{
	int rc = settle_guards(text, err);

	if (!rc && (was->n != text->n ||
		    (text->n && memcmp(was->p, text->p, text->n))))
		rc = dv_file_write(file, text->p, text->n, 0666, 0, err);
	return rc;
}

int dv_attrs_add(const char *file, const struct dv_strs *patterns,
		 size_t *added, struct dv_err *err)
{
	struct dv_buf was = { 0 }, text = { 0 };
	struct dv_strs have = { 0 };
	int rc;

	*added = 0;
	rc = begin_edit(file, &was, err);
	if (!rc)
		rc = dv_attrs_list(file, &have, err);
	if (!rc)
		rc = dv_buf_add(&text, was.p, was.n, err);
	for (size_t i = 0; !rc && i < patterns->n; i++) {
		if (dv_strs_has(&have, patterns->v[i]))
			continue;
		if (text.n && text.p[text.n - 1] != '\n')
			rc = dv_buf_addstr(&text, "\n", err);
		if (!rc)
			rc = dv_attrs_quote(patterns->v[i], &text, err);
		if (!rc)
			rc = dv_buf_addstr(&text, " " DV_ATTRS "\n", err);
		if (!rc)
			rc = dv_strs_add(&have, patterns->v[i], err);
		++*added;
	}
	if (!rc)
		rc = put_attrs(file, &was, &text, err);
	dv_strs_release(&have);
	dv_buf_release(&was);
	dv_buf_release(&text);
	return rc;
}

int dv_attrs_remove(const char *file, const struct dv_strs *patterns,
		    size_t *removed, struct dv_err *err)
{
	struct dv_buf text = { 0 }, keep = { 0 }, pattern = { 0 };
	int rc = begin_edit(file, &text, err), ours;

	*removed = 0;
	for (size_t at = 0; !rc && at < text.n;) {
		const char *line = (const char *)text.p + at;
		const char *nl = memchr(line, '\n', text.n - at);
		size_t n = nl ? (size_t)(nl - line) + 1 : text.n - at;

		if (parse_line(line, nl ? n - 1 : n, &pattern, &ours) && ours &&
		    dv_strs_has(patterns, dv_buf_str(&pattern)))
			++*removed;
		else
			rc = dv_buf_add(&keep, line, n, err);
		at += n;
	}
	if (!rc && *removed)
		rc = put_attrs(file, &text, &keep, err);
	dv_buf_release(&text);
	dv_buf_release(&keep);
	dv_buf_release(&pattern);
	return rc;
}

static int check(const struct dv_strs *paths, const char *attr,
		 int (*test)(const char *value), int staged, uint8_t *yes,
		 struct dv_err *err)
{
	const char *const args[] = { "check-attr", "--stdin", "-z",
				     staged ? "--cached" : attr,
				     staged ? attr : NULL, NULL };
	struct dv_buf in = { 0 }, out = { 0 };
	char *p, *end;
	int rc = 0;

	if (!paths->n)
		return 0;
	for (size_t i = 0; !rc && i < paths->n; i++)
		rc = dv_buf_addz(&in, "", paths->v[i], err);
	if (!rc)
		rc = dv_git_input(args, in.p, in.n, (size_t)2 << 30, &out,
				  err);
	/* path\0attribute\0value\0, in the order asked. */
	p = (char *)out.p;
	end = p + out.n;
	for (size_t i = 0; !rc && i < paths->n && p < end; i++) {
		p += strlen(p) + 1;
		p += strlen(p) + 1;
		yes[i] = (uint8_t)test(p);
		p += strlen(p) + 1;
	}
	dv_buf_release(&in);
	dv_buf_release(&out);
	return rc;
}

static int is_dv(const char *value)
{
	return !strcmp(value, "dv");
}

static int is_wide(const char *value)
{
	return !strncasecmp(value, "utf-16", 6) ||
	       !strncasecmp(value, "utf-32", 6) ||
	       !strncasecmp(value, "utf16", 5) ||
	       !strncasecmp(value, "utf32", 5) ||
	       !strncasecmp(value, "ucs", 3);
}

int dv_attrs_check(const struct dv_strs *paths, uint8_t *yes,
		   struct dv_err *err)
{
	return check(paths, "filter", is_dv, 0, yes, err);
}

int dv_attrs_check_wide(const struct dv_strs *paths, uint8_t *yes,
			struct dv_err *err)
{
	return check(paths, "working-tree-encoding", is_wide, 0, yes, err);
}

int dv_attrs_check_staged(const struct dv_strs *paths, uint8_t *yes,
			  struct dv_err *err)
{
	return check(paths, "filter", is_dv, 1, yes, err);
}

static void load_level(struct dv_attrs_level *l, char *file)
{
	struct dv_buf text = { 0 };

	dv_strs_release(&l->patterns);
	l->all = !file;
	if (file && dv_file_exists(file)) {
		if (dv_attrs_list(file, &l->patterns, NULL) ||
		    dv_file_read(file, &text, ATTRS_MAX, NULL))
			l->all = 1;
		else
			l->all |= strstr(dv_buf_str(&text), "[attr]") != NULL;
	}
	dv_buf_release(&text);
	free(file);
}

static int level_has(const struct dv_attrs_level *l, const char *path)
{
	if (l->all)
		return 1;
	for (size_t i = 0; i < l->patterns.n; i++)
		if (dv_glob_path(l->patterns.v[i], path))
			return 1;
	return 0;
}

int dv_attrs_may(struct dv_attrs_guess *g, const struct dv_repo *r,
		 const char *path)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	const char *p = path;

	if (!g->begun) {
		g->begun = 1;
		load_level(&g->info, dv_fmt("%s/info/attributes",
					    r->common_dir));
		if ((xdg && *xdg) || home)
			load_level(&g->user, xdg && *xdg ?
				   dv_fmt("%s/git/attributes", xdg) :
				   dv_fmt("%s/.config/git/attributes", home));
	}
	if (level_has(&g->info, path) || level_has(&g->user, path))
		return 1;
	for (int i = 0; p; i++) {
		struct dv_attrs_level *l = &g->level[i];
		size_t n = (size_t)(p - path);

		if (i == DV_ATTRS_LEVELS)
			return 1;
		if (!l->dir || strlen(l->dir) != n ||
		    strncmp(l->dir, path, n)) {
			free(l->dir);
			l->dir = strndup(path, n);
			if (!l->dir)
				return 1;
			load_level(l, dv_fmt("%s/%s.gitattributes", r->top,
					     l->dir));
		}
		if (level_has(l, p))
			return 1;
		p = strchr(p, '/');
		if (p)
			p++;
	}
	return 0;
}

void dv_attrs_guess_release(struct dv_attrs_guess *g)
{
	for (int i = 0; i < DV_ATTRS_LEVELS; i++) {
		free(g->level[i].dir);
		dv_strs_release(&g->level[i].patterns);
	}
	dv_strs_release(&g->user.patterns);
	dv_strs_release(&g->info.patterns);
	memset(g, 0, sizeof(*g));
}
