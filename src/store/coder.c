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
	dv_buf_release(&c->delta);
	if (c->spare) {
		dv_coder_release(c->spare);
		free(c->spare);
	}
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

int dv_coder_encode_delta(struct dv_coder *c, int level, const void *base,
			  size_t base_n, const void *p, size_t n, size_t limit,
			  struct dv_rec *rec, const void **payload,
			  struct dv_err *err)
{
	size_t m;
	int rc;

	memset(rec, 0, sizeof(*rec));
	c->delta.n = 0;
	rc = dv_buf_reserve(&c->delta, n + n / 128 + 512, err);
	if (rc)
		return rc;
	m = dv_zst_encode_delta(c->zst, DV_MAX(level, DV_DELTA_LEVEL), base,
				base_n, p, n, c->delta.p, c->delta.cap, limit);
	rec->kind = DV_KIND_CHUNK;
	rec->codec = DV_CODEC_DELTA;
	rec->raw = (uint32_t)n;
	rec->enc = (uint32_t)m;
	*payload = c->delta.p;
	return m != 0;
}

static int refuse(const struct dv_rec *rec, struct dv_err *err)
{
	return dv_err_set(err, DV_EINVAL,
			  "%s %s is encoded by transform %u and codec %u, which needs a newer git-dv",
			  dv_kind_name(rec->kind), dv_id_hex(&rec->id).s,
			  rec->transform, rec->codec);
}

static int check_id(struct dv_coder *c, const struct dv_rec *rec,
		    const uint8_t *content, const uint8_t **p,
		    struct dv_err *err)
{
	struct dv_id id;

	dv_record_id(c->sha, rec->kind, content, rec->raw, &id);
	if (!dv_id_eq(&id, &rec->id))
		return dv_err_set(err, DV_ECORRUPT,
				  "%s %s does not match its id",
				  dv_kind_name(rec->kind),
				  dv_id_hex(&rec->id).s);
	*p = content;
	return 0;
}

int dv_coder_decode_delta(struct dv_coder *c, const struct dv_rec *rec,
			  const void *base, size_t base_n, const void *payload,
			  const uint8_t **p, struct dv_err *err)
{
	int rc;

	if (rec->transform != DV_TRANSFORM_NONE ||
	    (rec->codec == DV_CODEC_DELTA && rec->kind != DV_KIND_CHUNK))
		return refuse(rec, err);
	if (rec->codec == DV_CODEC_RAW)
		return check_id(c, rec, payload, p, err);
	c->out.n = 0;
	rc = dv_buf_reserve(&c->out, rec->raw, err);
	if (!rc)
		rc = dv_zst_decode_delta(c->zst, base, base_n, payload,
					 rec->enc, c->out.p, rec->raw, err);
	if (rc)
		return rc;
	c->out.n = rec->raw;
	return check_id(c, rec, c->out.p, p, err);
}

int dv_coder_decode(struct dv_coder *c, const struct dv_rec *rec,
		    const void *payload, const uint8_t **p,
		    struct dv_err *err)
{
	if (rec->codec == DV_CODEC_DELTA)
		return refuse(rec, err);
	return dv_coder_decode_delta(c, rec, NULL, 0, payload, p, err);
}

struct dv_coder *dv_coder_spare(struct dv_coder *c, struct dv_err *err)
{
	if (!c->spare) {
		c->spare = malloc(sizeof(*c->spare));
		if (!c->spare) {
			dv_err_nomem(err);
		} else if (dv_coder_init(c->spare, err)) {
			free(c->spare);
			c->spare = NULL;
		}
	}
	return c->spare;
}
