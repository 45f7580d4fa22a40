#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void dv_buf_release(struct dv_buf *b)
{
	free(b->p);
	b->p = NULL;
	b->n = b->cap = 0;
}

int dv_buf_reserve(struct dv_buf *b, size_t more, struct dv_err *err)
{
	size_t want, cap;
	uint8_t *p;

	if (more > SIZE_MAX / 4 - b->n ||
	    (b->max && (b->n > b->max || more > b->max - b->n)))
		return dv_err_set(err, DV_ENOMEM,
				  "more than %zu bytes where at most that was expected",
				  b->max);
	want = b->n + more + 1;
	if (want <= b->cap)
		return 0;
	cap = b->cap ? b->cap : 64;
	while (cap < want)
		cap *= 2;
	p = realloc(b->p, cap);
	if (!p)
		return dv_err_nomem(err);
	b->p = p;
	b->cap = cap;
	return 0;
}

int dv_buf_add(struct dv_buf *b, const void *p, size_t n, struct dv_err *err)
{
	int rc = dv_buf_reserve(b, n, err);

	if (rc)
		return rc;
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
	return 0;
}

int dv_buf_addstr(struct dv_buf *b, const char *s, struct dv_err *err)
{
	return dv_buf_add(b, s, strlen(s), err);
}

int dv_buf_addz(struct dv_buf *b, const char *before, const char *s,
		struct dv_err *err)
{
	int rc = dv_buf_addstr(b, before, err);

	return rc ? rc : dv_buf_add(b, s, strlen(s) + 1, err);
}

int dv_buf_addf(struct dv_buf *b, struct dv_err *err, const char *fmt, ...)
{
	va_list ap;
	int n, rc;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return dv_err_set(err, DV_EINVAL, "cannot format text");
	rc = dv_buf_reserve(b, (size_t)n, err);
	if (rc)
		return rc;
	va_start(ap, fmt);
	vsnprintf((char *)b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
	return 0;
}

const char *dv_buf_str(struct dv_buf *b)
{
	if (!b->p)
		return "";
	b->p[b->n] = '\0';
	return (const char *)b->p;
}

char *dv_buf_detach(struct dv_buf *b)
{
	char *p;

	if (dv_buf_reserve(b, 0, NULL))
		return NULL;
	p = (char *)b->p;
	p[b->n] = '\0';
	b->p = NULL;
	b->n = b->cap = 0;
	return p;
}

void dv_strs_release(struct dv_strs *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	s->v = NULL;
	s->n = s->cap = 0;
}

int dv_strs_addn(struct dv_strs *s, const char *str, size_t n,
		 struct dv_err *err)
{
	char **v = dv_grow(s->v, &s->cap, s->n + 1, sizeof(*v));
	char *copy;

	if (!v)
		return dv_err_nomem(err);
	s->v = v;
	copy = malloc(n + 1);
	if (!copy)
		return dv_err_nomem(err);
	memcpy(copy, str, n);
	copy[n] = '\0';
	s->v[s->n++] = copy;
	return 0;
}

int dv_strs_add(struct dv_strs *s, const char *str, struct dv_err *err)
{
	return dv_strs_addn(s, str, strlen(str), err);
}

static int cmp_str(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void dv_strs_sort(struct dv_strs *s)
{
	if (s->n > 1)
		qsort(s->v, s->n, sizeof(*s->v), cmp_str);
}

int dv_strs_has(const struct dv_strs *s, const char *str)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i], str))
			return 1;
	return 0;
}

void *dv_grow(void *p, size_t *cap, size_t want, size_t elem)
{
	size_t n = *cap;
	void *q;

	if (want <= n)
		return p;
	if (want > SIZE_MAX / 2 / elem)
		return NULL;
	n = n ? n : 16;
	while (n < want)
		n *= 2;
	q = realloc(p, n * elem);
	if (q)
		*cap = n;
	return q;
}
