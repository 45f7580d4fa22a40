#include "store/coder.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "codec/group.h"

#define TRIAL 16384u	/* bytes of a chunk that are tried both ways */
#define TRIAL_PIECES 4u
#define TRUST 31u	/* of what gains, a 32nd is tried again */
#define FAILS_MAX 4u	/* then a sixteenth of what does not */
#define BUDGET_PART 8u	/* an eighth of all may be tried in vain, */
#define BUDGET_MAX (8 * TRIAL)	/* and so much at once */

int dv_coder_init(struct dv_coder *c, struct dv_err *err)
{
	memset(c, 0, sizeof(*c));
	c->hint.budget = BUDGET_MAX;
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
	dv_buf_release(&c->planes);
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

/* Bytes of a number; 0 for no transform, or one that is not known. */
static unsigned int transform_width(unsigned int transform)
{
	return transform >= DV_TRANSFORM_GROUP2 &&
	       transform <= DV_TRANSFORM_GROUP8 ? 1u << transform : 0;
}

static unsigned int width_transform(unsigned int width)
{
	return width == 2 ? DV_TRANSFORM_GROUP2 :
	       width == 4 ? DV_TRANSFORM_GROUP4 :
	       width == 8 ? DV_TRANSFORM_GROUP8 : DV_TRANSFORM_NONE;
}

/* What the codec sees of content: the content itself, or c->planes. */
static int transformed(struct dv_coder *c, unsigned int transform,
		       const void *p, size_t n, const uint8_t **out,
		       struct dv_err *err)
{
	unsigned int width = transform_width(transform);
	int rc;

	*out = p;
	if (!width)
		return 0;
	c->planes.n = 0;
	rc = dv_buf_reserve(&c->planes, n, err);
	if (rc)
		return rc;
	dv_group(width, p, n, c->planes.p);
	*out = c->planes.p;
	return 0;
}

/*
 * What a higher level finds in planes is mostly matches by chance, which make
 * them longer and take twice the time: it must be better by 1%. Returns the
 * shorter length, 0 if there is none below n.
 */
static size_t try_planes(struct dv_coder *c, int *level, const uint8_t *p,
			 size_t n, unsigned int width, uint8_t *out)
{
	size_t fast = dv_zst_try(c->zst, DV_ZST_LEVEL_DEFAULT, p, n, width,
				 out, n);
	size_t slow = 0;

	if (*level > DV_ZST_LEVEL_DEFAULT)
		slow = dv_zst_try(c->zst, *level, p, n, width, out, n);
	if (slow && (!fast || slow + slow / 100 < fast))
		return slow;
	*level = DV_ZST_LEVEL_DEFAULT;
	return fast;
}

/* Is n bytes' length by 3% of n below the plain one (0: does not fit)? */
static int gains(size_t grouped, size_t plain, size_t n)
{
	return !plain || grouped + n * 3 / 100 <= plain;
}

/*
 * Are pieces of the chunk shorter by 3% of themselves when grouped? 1, 0, or
 * < 0. *level becomes the one to use.
 */
static int trial_gains(struct dv_coder *c, int *level, const uint8_t *p,
		       size_t n, unsigned int width, struct dv_err *err)
{
	size_t m = DV_MIN(n, TRIAL), piece = m / TRIAL_PIECES & ~(size_t)7;
	size_t plain, grouped;
	int rc, as_asked = *level;
	uint8_t *in;

	m = TRIAL_PIECES * piece;
	c->planes.n = c->out.n = 0;
	rc = dv_buf_reserve(&c->planes, 2 * m, err);
	if (!rc)
		rc = dv_buf_reserve(&c->out, m, err);
	if (rc)
		return rc;
	in = c->planes.p;
	/* At multiples of 8, to keep the place of each byte in its number. */
	for (size_t k = 0; k < TRIAL_PIECES; k++)
		memcpy(in + k * piece,
		       p + ((n - piece) * k / (TRIAL_PIECES - 1) & ~(size_t)7),
		       piece);
	dv_group(width, in, m, in + m);
	grouped = try_planes(c, level, in + m, m, width, c->out.p);
	if (!grouped || grouped > m - m / 32)
		return 0;
	plain = dv_zst_try(c->zst, as_asked, in, m, 1, c->out.p, m);
	return gains(grouped, plain, m);
}

static void note_fail(struct dv_coder_hint *h, const struct dv_sample *s,
		      size_t n)
{
	/* Text in columns looks like numbers: ask ever less often. */
	if (!dv_sample_alike(s, &h->failed))
		h->fails = 0;
	h->failed = *s;
	if (h->fails < FAILS_MAX)
		h->fails++;
	h->wait = (1u << h->fails) - 1;
	h->budget -= DV_MIN(n, h->budget);
	h->trust = 0;
}

/* The transform for a chunk, or < 0. *level becomes the one for its planes. */
static int choose(struct dv_coder *c, int *level, const struct dv_sample *s,
		  const uint8_t *p, size_t n, struct dv_err *err)
{
	struct dv_coder_hint *h = &c->hint;
	unsigned int width = dv_sample_width(s);
	int rc;

	h->budget = DV_MIN(h->budget + n / BUDGET_PART, BUDGET_MAX);
	if (!width)
		return DV_TRANSFORM_NONE;
	if (h->trust && width == h->width && dv_sample_alike(s, &h->gained)) {
		h->trust--;
		*level = h->level;
		return (int)width_transform(width);
	}
	if (h->wait && dv_sample_alike(s, &h->failed)) {
		h->wait--;
		return DV_TRANSFORM_NONE;
	}
	if (h->budget < 2 * TRIAL)
		return DV_TRANSFORM_NONE;
	rc = trial_gains(c, level, p, n, width, err);
	if (rc < 0)
		return rc;
	if (!rc) {
		note_fail(h, s, 2 * TRIAL);
		return DV_TRANSFORM_NONE;
	}
	h->gained = *s;
	h->width = width;
	h->level = *level;
	h->trust = TRUST;
	return (int)width_transform(width);
}

/*
 * The payload of n grouped bytes in c->out, or 0. Nothing is stored that does
 * not lead back to the content, so this is compared as the frame is.
 */
static size_t encode_grouped(struct dv_coder *c, int level,
			     unsigned int width, const uint8_t *grouped,
			     const void *p, size_t n, size_t limit)
{
	dv_ungroup(width, grouped, n, c->out.p);
	if (memcmp(c->out.p, p, n))
		return 0;
	return dv_zst_encode_planes(c->zst, level, grouped, n, width,
				    c->out.p, c->out.cap, limit);
}

/*
 * Pieces do not show what repeats far away: right after a trial the whole
 * chunk is tried as it is, too.
 */
static int holds(struct dv_coder *c, int level, const void *p, size_t n,
		 size_t grouped)
{
	return c->hint.trust < TRUST || n <= TRIAL ||
	       gains(grouped, dv_zst_try(c->zst, level, p, n, 1, c->planes.p,
					 n), n);
}

/* *m gets the length of the payload in c->out, 0 to store the chunk raw. */
static int encode_chunk(struct dv_coder *c, int level, const void *p, size_t n,
			uint8_t *transform, size_t *m, struct dv_err *err)
{
	/* Below a 32nd saved, reading it back raw is worth more. */
	size_t limit = n - n / 32;
	const uint8_t *in;
	struct dv_sample s;
	int rc, planes_level = level, t = DV_TRANSFORM_NONE;

	if (n >= DV_SAMPLE_MIN) {
		dv_sample_take(&s, p, n);
		t = choose(c, &planes_level, &s, p, n, err);
		if (t < 0)
			return t;
		if (!t && !dv_looks_compressible(c->zst, &s, p, n))
			return 0;
	}
	rc = transformed(c, (unsigned int)t, p, n, &in, err);
	if (!rc)
		rc = dv_buf_reserve(&c->out, n + n / 128 + 512, err);
	if (rc)
		return rc;
	if (t) {
		*m = encode_grouped(c, planes_level,
				    transform_width((unsigned int)t), in, p, n,
				    limit);
		if (*m && holds(c, level, p, n, *m)) {
			*transform = (uint8_t)t;
			return 0;
		}
		note_fail(&c->hint, &s, n);
	}
	*m = dv_zst_encode(c->zst, level, p, n, c->out.p, c->out.cap, limit);
	return 0;
}

int dv_coder_encode(struct dv_coder *c, enum dv_kind kind, int level,
		    const void *p, size_t n, struct dv_rec *rec,
		    const void **payload, struct dv_err *err)
{
	size_t m = 0;
	int rc;

	memset(rec, 0, sizeof(*rec));
	rec->kind = (uint8_t)kind;
	rec->raw = (uint32_t)n;
	c->out.n = 0;
	/* Lists are hashes: they do not compress. */
	if (kind == DV_KIND_CHUNK && level && n >= 64) {
		rc = encode_chunk(c, level, p, n, &rec->transform, &m, err);
		if (rc)
			return rc;
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

/* The base as the codec saw it: under the record's transform, in c->delta. */
static int transform_base(struct dv_coder *c, unsigned int width,
			  const void **base, size_t n, struct dv_err *err)
{
	int rc = 0;

	if (!width || !n)
		return 0;
	c->delta.n = 0;
	rc = dv_buf_reserve(&c->delta, n, err);
	if (rc)
		return rc;
	dv_group(width, *base, n, c->delta.p);
	*base = c->delta.p;
	return 0;
}

int dv_coder_decode_delta(struct dv_coder *c, const struct dv_rec *rec,
			  const void *base, size_t base_n, const void *payload,
			  const uint8_t **p, struct dv_err *err)
{
	unsigned int width = transform_width(rec->transform);
	struct dv_buf *to = width ? &c->planes : &c->out;
	int rc;

	if ((rec->transform && !width) || rec->codec > DV_CODEC_DELTA ||
	    (rec->codec == DV_CODEC_DELTA && rec->kind != DV_KIND_CHUNK))
		return refuse(rec, err);
	if (width && rec->codec == DV_CODEC_RAW)
		return dv_err_set(err, DV_ECORRUPT,
				  "%s %s is grouped but not compressed",
				  dv_kind_name(rec->kind),
				  dv_id_hex(&rec->id).s);
	if (rec->codec == DV_CODEC_RAW)
		return check_id(c, rec, payload, p, err);
	to->n = c->out.n = 0;
	rc = transform_base(c, width, &base, base_n, err);
	if (!rc)
		rc = dv_buf_reserve(to, rec->raw, err);
	if (!rc)
		rc = dv_zst_decode_delta(c->zst, base, base_n, payload,
					 rec->enc, to->p, rec->raw, err);
	if (!rc && width) {
		rc = dv_buf_reserve(&c->out, rec->raw, err);
		if (!rc)
			dv_ungroup(width, c->planes.p, rec->raw, c->out.p);
	}
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
