#include "fuzz.h"

#include <string.h>

#include "base/hex.h"
#include "format/storefmt.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dv_buf b = { 0 };
	struct dv_storefmt f, g;
	struct dv_err err = { 0 };

	if (dv_storefmt_parse((const char *)p, n, &f, &err)) {
		MUST(err.status == DV_ECORRUPT || err.status == DV_EINVAL);
		return 0;
	}
	MUST(strlen(f.uuid) == 32 && dv_hex_valid(f.uuid, 32));
	MUST(strlen(f.unknown_read) < sizeof(f.unknown_read));
	MUST(strlen(f.unknown_gc) < sizeof(f.unknown_gc));
	if (!dv_storefmt_format(&f, &b, NULL)) {
		MUST(!dv_storefmt_parse((char *)b.p, b.n, &g, NULL));
		MUST(!strcmp(f.uuid, g.uuid));
	}
	dv_buf_release(&b);
	return 0;
}
