#include "store/base.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "store/store.h"

void dv_bases_init(struct dv_bases *b)
{
	memset(b, 0, sizeof(*b));
	pthread_mutex_init(&b->mu, NULL);
}

void dv_bases_release(struct dv_bases *b)
{
	for (unsigned int i = 0; i < DV_BASES; i++)
		free(b->v[i]);
	pthread_mutex_destroy(&b->mu);
	memset(b, 0, sizeof(*b));
}

/* Under mu. */
static struct dv_base *find(struct dv_bases *b, const struct dv_id *id)
{
	for (unsigned int i = 0; i < DV_BASES; i++) {
		struct dv_base *x = b->v[i];

		if (x && dv_id_eq(&x->id, id)) {
			x->refs++;
			x->used = ++b->clock;
			return x;
		}
	}
	return NULL;
}

struct dv_base *dv_bases_get(struct dv_bases *b, const struct dv_id *id)
{
	struct dv_base *x;

	pthread_mutex_lock(&b->mu);
	x = find(b, id);
	pthread_mutex_unlock(&b->mu);
	return x;
}

/*
 * The table holds one reference to each; what has more is in use, and the one
 * that was used longest ago makes room. Where all are in use the new one is
 * simply not kept.
 */
struct dv_base *dv_bases_add(struct dv_bases *b, const struct dv_id *id,
			     const void *p, size_t n, struct dv_err *err)
{
	struct dv_base *x = malloc(sizeof(*x) + n), *old = NULL, *same;
	unsigned int at = 0;

	if (!x) {
		dv_err_nomem(err);
		return NULL;
	}
	x->id = *id;
	x->n = (uint32_t)n;
	x->refs = 1;
	memcpy(x->p, p, n);
	pthread_mutex_lock(&b->mu);
	same = find(b, id);
	if (same) {
		pthread_mutex_unlock(&b->mu);
		free(x);
		return same;
	}
	for (at = 0; at < DV_BASES && b->v[at]; at++)
		if (b->v[at]->refs == 1 && (!old || b->v[at]->used < old->used))
			old = b->v[at];
	if (at == DV_BASES && old)
		for (at = 0; b->v[at] != old; at++)
			;
	if (at < DV_BASES) {
		free(b->v[at]);
		b->v[at] = x;
		x->refs++;
		x->used = ++b->clock;
	}
	pthread_mutex_unlock(&b->mu);
	return x;
}

void dv_bases_put(struct dv_bases *b, struct dv_base *base)
{
	unsigned int left;

	if (!base)
		return;
	pthread_mutex_lock(&b->mu);
	left = --base->refs;
	pthread_mutex_unlock(&b->mu);
	if (!left)
		free(base);
}

int dv_store_base(struct dv_store *s, struct dv_coder *c,
		  const struct dv_id *id, struct dv_base **out,
		  struct dv_err *err)
{
	struct dv_coder *spare;
	const uint8_t *p;
	size_t n;
	int rc;

	*out = dv_bases_get(&s->bases, id);
	if (*out)
		return 0;
	spare = dv_coder_spare(c, err);
	if (!spare)
		return DV_ENOMEM;
	rc = dv_store_read_whole(s, spare, id, &p, &n, err);
	if (rc)
		return rc;
	*out = dv_bases_add(&s->bases, id, p, n, err);
	return *out ? 0 : DV_ENOMEM;
}

int dv_store_decode(struct dv_store *s, struct dv_coder *c,
		    const struct dv_rec *rec, const void *payload,
		    const uint8_t **p, struct dv_err *err)
{
	struct dv_base *base;
	int rc;

	if (rec->codec != DV_CODEC_DELTA)
		return dv_coder_decode(c, rec, payload, p, err);
	rc = dv_store_base(s, c, &rec->base, &base, err);
	if (rc) {
		dv_err_prefix(err, "the base of chunk %s",
			      dv_id_hex(&rec->id).s);
		if (rc == DV_ENOTFOUND)
			rc = DV_ECORRUPT;
		if (err)
			err->status = rc;
		return rc;
	}
	rc = dv_coder_decode_delta(c, rec, base->p, base->n, payload, p, err);
	dv_bases_put(&s->bases, base);
	return rc;
}
