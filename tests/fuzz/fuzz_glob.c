#include "fuzz.h"

#include <string.h>

#include "codec/glob.h"

/* Pattern, NUL, path. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char *s = malloc(n + 2);
	size_t m;
	int r;

	if (!s)
		return 0;
	memcpy(s, p, n);
	s[n] = s[n + 1] = '\0';
	m = strlen(s);
	r = dv_glob_path(s, m < n ? s + m + 1 : "");
	MUST(r == 0 || r == 1);
	/* A text without any special byte matches itself. */
	if (m && m < 4096 && !strpbrk(s, "*?[\\/"))
		MUST(dv_glob_path(s, s) == 1);
	free(s);
	return 0;
}
