#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "format/manifest.h"

/* What is taken is well formed, and is the same after writing and reading. */
static void check(const void *p, size_t n, struct dv_sha256 *sha)
{
	struct dv_manifest m, again;
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };
	size_t len;

	if (dv_manifest_parse(&m, p, n, sha, &err)) {
		MUST(err.status == DV_ECORRUPT || err.status == DV_EINVAL);
		return;
	}
	len = m.algo == 2 ? 64 : 40;
	MUST(m.number && (m.algo == 1 || m.algo == 2));
	MUST(strlen(m.transaction) == 32);
	MUST(!m.head || dv_ref_name_ok(m.head));
	for (size_t i = 0; i < m.packs.n; i++)
		MUST(strlen(m.packs.v[i]) == len &&
		     dv_hex_valid(m.packs.v[i], len));
	for (size_t i = 0; i < m.nrefs; i++) {
		MUST(dv_ref_name_ok(m.refs[i].name));
		MUST(strlen(m.refs[i].oid) == len &&
		     dv_hex_valid(m.refs[i].oid, len));
		MUST(!i || strcmp(m.refs[i - 1].name, m.refs[i].name) < 0);
	}
	MUST(!dv_manifest_format(&m, sha, &b, NULL));
	MUST(!dv_manifest_parse(&again, b.p, b.n, sha, NULL));
	MUST(again.number == m.number && again.nrefs == m.nrefs &&
	     again.packs.n == m.packs.n && again.algo == m.algo);
	MUST(dv_id_eq(&again.previous, &m.previous));
	dv_manifest_release(&again);
	dv_manifest_release(&m);
	dv_buf_release(&b);
}

/* As it is, and with a checksum that is right. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dv_sha256 *sha = dv_sha256_open();
	struct dv_buf b = { 0 };
	struct dv_id sum;

	MUST(sha);
	check(p, n, sha);
	if (n && p[n - 1] == '\n') {
		dv_sha256_of(sha, p, n, &sum);
		MUST(!dv_buf_addf(&b, NULL, "%.*s", (int)n, (const char *)p) &&
		     !dv_buf_addf(&b, NULL, "sha256 %s\n", dv_id_hex(&sum).s));
		check(b.p, b.n, sha);
		dv_buf_release(&b);
	}
	dv_sha256_close(sha);
	return 0;
}
