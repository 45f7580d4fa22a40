#include "fuzz.h"

#include <string.h>

#include "format/pointer.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char text[DV_POINTER_MAX];
	struct dv_oid oid, again;
	char *s;

	if (dv_pointer_parse(p, n, &oid) == DV_PTR_OK) {
		size_t m = dv_pointer_format(&oid, text), k = 0;

		/* The bytes are the pointer's text, but for CRs before LFs. */
		MUST(m < DV_POINTER_MAX && m <= n);
		for (size_t i = 0; i < n; i++) {
			if (p[i] == '\r')
				continue;
			MUST(k < m && (uint8_t)text[k] == p[i]);
			k++;
		}
		MUST(k == m);
		MUST(dv_pointer_parse(text, m, &again) == DV_PTR_OK);
		MUST(dv_oid_eq(&oid, &again));
	}
	s = malloc(n + 1);
	if (!s)
		return 0;
	memcpy(s, p, n);
	s[n] = '\0';
	if (!dv_oid_parse(s, &oid) && oid.scheme)
		MUST(!strcmp(dv_oid_text(&oid).s, s));
	free(s);
	return 0;
}
