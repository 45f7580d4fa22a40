#include "remote/fetch.h"

#include "store/content.h"
#include "store/txn.h"

struct copy {
	struct dv_store *from;
	struct dv_txn *txn;
	struct dv_coder *coder;
	struct dv_fetch_result *result;
	struct dv_err *err;
};

static int copy_record(struct copy *c, enum dv_kind kind,
		       const struct dv_id *id)
{
	const uint8_t *p;
	size_t n;
	int rc;

	if (dv_txn_has(c->txn, kind, id))
		return 0;
	rc = dv_store_read(c->from, c->coder, kind, id, &p, &n, c->err);
	if (rc)
		return rc;
	c->result->bytes += n;
	return dv_txn_put(c->txn, &c->txn->coder, kind, id, p, n, c->err);
}

static int copy_file(struct copy *c, const struct dv_oid *oid)
{
	struct dv_content ct;
	struct dv_id id;
	uint32_t len;
	int rc;

	rc = dv_content_open(&ct, c->from, c->coder, oid, c->err);
	if (rc)
		return rc;
	while ((rc = dv_content_next(&ct, &id, &len, c->err)) == 1) {
		rc = copy_record(c, DV_KIND_CHUNK, &id);
		if (!rc && dv_txn_is_long(c->txn))
			rc = dv_txn_commit(c->txn, c->err);
		if (!rc)
			rc = dv_cancel_check(c->err);
		if (rc)
			break;
	}
	for (uint32_t i = 0; !rc && i < ct.flist.n; i++)
		rc = copy_record(c, DV_KIND_SEGMENT,
				 dv_flist_id(&ct.flist, i));
	if (!rc && oid->scheme == DV_SCHEME_DV1)
		rc = copy_record(c, DV_KIND_FILE, &oid->id);
	dv_content_close(&ct);
	return rc;
}

int dv_fetch_store(struct dv_store *from, struct dv_store *s,
		   const struct dv_oid *oids, size_t n, uint8_t *have,
		   struct dv_fetch_result *result, struct dv_err *err)
{
	struct dv_coder coder;
	struct dv_txn txn;
	struct copy c = { from, &txn, &coder, result, err };
	struct dv_err bad = { 0 };
	int rc;

	memset(result, 0, sizeof(*result));
	rc = dv_coder_init(&coder, err);
	if (rc)
		return rc;
	rc = dv_txn_begin(&txn, s, DV_ZST_LEVEL_DEFAULT, err);
	for (size_t i = 0; !rc && i < n; i++) {
		if (have[i])
			continue;
		if (!dv_store_has_file(from, &oids[i])) {
			result->absent++;
			continue;
		}
		rc = copy_file(&c, &oids[i]);
		if (!rc) {
			have[i] = 2;	/* once it is committed */
		} else if (rc == DV_ENOTFOUND) {
			result->absent++;
			rc = 0;
		} else if (rc == DV_ECORRUPT) {
			/* Others go on. */
			if (!bad.status)
				bad = *err;
			rc = 0;
		}
	}
	if (!rc)
		rc = dv_txn_commit(&txn, err);
	for (size_t i = 0; i < n; i++) {
		if (have[i] != 2)
			continue;
		have[i] = !rc;
		result->files += !rc;
	}
	if (!rc && bad.status) {
		*err = bad;
		rc = bad.status;
	}
	dv_txn_end(&txn);
	dv_coder_release(&coder);
	return rc;
}
