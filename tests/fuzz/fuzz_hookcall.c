#include "fuzz.h"

#include <string.h>

#include "repo/hookcall.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char before[] = "# ";
	char *s = malloc(sizeof(before) + n);

	if (!s)
		return 0;
	memcpy(s, before, sizeof(before) - 1);
	memcpy(s + sizeof(before) - 1, p, n);
	s[sizeof(before) - 1 + n] = '\0';
	(void)dv_hookcall_is_in(s + sizeof(before) - 1, "pre-push");
	(void)dv_hookcall_runs_legacy(s + sizeof(before) - 1);
	/* A comment of one line runs nothing. */
	if (!strchr(s, '\n'))
		MUST(!dv_hookcall_is_in(s, "pre-push"));
	free(s);
	return 0;
}
