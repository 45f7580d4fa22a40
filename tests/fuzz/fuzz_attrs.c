#include "fuzz.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "repo/attrs.h"

static char path[64];
static int fd = -1;

static int put(const void *p, size_t n)
{
	return ftruncate(fd, 0) || pwrite(fd, p, n, 0) != (ssize_t)n;
}

/* What is quoted is read back as it was. */
static void round_trip(const char *pattern)
{
	struct dv_buf line = { 0 };
	struct dv_strs list = { 0 };

	if (!dv_attrs_quote(pattern, &line, NULL) &&
	    !dv_buf_addstr(&line, " " DV_ATTRS "\n", NULL) &&
	    !put(line.p, line.n) && !dv_attrs_list(path, &list, NULL)) {
		MUST(list.n == 1);
		MUST(!strcmp(list.v[0], pattern));
	}
	dv_strs_release(&list);
	dv_buf_release(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dv_strs list = { 0 };
	struct dv_buf literal = { 0 };
	char *s;

	if (fd < 0) {
		fd = memfd_create("attributes", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (fd < 0 || put(p, n))
		return 0;
	if (!dv_attrs_list(path, &list, NULL))
		for (size_t i = 0; i < list.n; i++)
			MUST(strlen(list.v[i]) <= n);
	dv_strs_release(&list);
	s = malloc(n + 1);
	if (!s)
		return 0;
	memcpy(s, p, n);
	s[n] = '\0';
	if (*s) {
		round_trip(s);
		if (!dv_attrs_literal(s, &literal, NULL))
			round_trip(dv_buf_str(&literal));
	}
	dv_buf_release(&literal);
	free(s);
	return 0;
}
