#include "store/coder.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"

int dv_coder_init(struct dv_coder *c, struct dv_err *err)
{
	memset(c, 0, sizeof(*c));
	c->sha = dv_sha256_open();
	c->zst = dv_zst_open();
	if (!c->sha || !c->zst) {
		dv_coder_release(c);
		return dv_err_nomem(err);
	}
	return 0;
}

void dv_coder_release(struct dv_coder *c)
{
	dv_sha256_close(c->sha);
	dv_zst_close(c->zst);
	dv_buf_release(&c->in);
	dv_buf_release(&c->out);
	memset(c, 0, sizeof(*c));
}

static void *ctx_open(void *arg)
{
	struct dv_coder *c = malloc(sizeof(*c));

	(void)arg;
	if (c && dv_coder_init(c, NULL)) {
		free(c);
		return NULL;
	}
	return c;
}

static void ctx_close(void *ctx)
{
	dv_coder_release(ctx);
	free(ctx);
}

const struct dv_pool_ctx_ops dv_coder_pool_ops = {
	.open = ctx_open,
	.close = ctx_close,
};

int dv_coder_encode(struct dv_coder *c, enum dv_kind kind, int level,
		    const void *p, size_t n, struct dv_rec *rec,
		    const void **payload, struct dv_err *err)
{
	/* Below a 32nd saved, reading it back raw is worth more. */
	size_t limit = n - n / 32, m = 0;
	int rc;

	memset(rec, 0, sizeof(*rec));
	rec->kind = (uint8_t)kind;
	rec->raw = (uint32_t)n;
	c->out.n = 0;
	/* Lists are hashes: they do not compress. */
	if (kind == DV_KIND_CHUNK && level && n >= 64 &&
	    dv_looks_compressible(c->zst, p, n)) {
		rc = dv_buf_reserve(&c->out, n + n / 128 + 512, err);
		if (rc)
			return rc;
		m = dv_zst_encode(c->zst, level, p, n, c->out.p, c->out.cap,
				  limit);
	}
	rec->codec = m ? DV_CODEC_ZSTD : DV_CODEC_RAW;
	rec->enc = (uint32_t)(m ? m : n);
	*payload = m ? c->out.p : p;
	return 0;
}

int dv_coder_decode(struct dv_coder *c, const struct dv_rec *rec,
		    const void *payload, const uint8_t **p,
		    struct dv_err *err)
{
	const uint8_t *content = payload;
	struct dv_id id;
	int rc;

	if (rec->transform != DV_TRANSFORM_NONE ||
	    rec->codec == DV_CODEC_DELTA)
		return dv_err_set(err, DV_EINVAL,
				  "%s %s is encoded by transform %u and codec %u, which needs a newer git-dv",
				  dv_kind_name(rec->kind),
				  dv_id_hex(&rec->id).s, rec->transform,
				  rec->codec);
	if (rec->codec == DV_CODEC_ZSTD) {
		c->out.n = 0;
		rc = dv_buf_reserve(&c->out, rec->raw, err);
		if (!rc)
			rc = dv_zst_decode(c->zst, payload, rec->enc, c->out.p,
					   rec->raw, err);
		if (rc)
			return rc;
		c->out.n = rec->raw;
		content = c->out.p;
	}
	dv_record_id(c->sha, rec->kind, content, rec->raw, &id);
	if (!dv_id_eq(&id, &rec->id))
		return dv_err_set(err, DV_ECORRUPT,
				  "%s %s does not match its id",
				  dv_kind_name(rec->kind),
				  dv_id_hex(&rec->id).s);
	*p = content;
	return 0;
}
