#include "store/predict.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "codec/chunker.h"

/* So many chunks in a row that match nothing end the search for a while. */
#define IDLE_MAX 4096

int dv_predict_start(struct dv_predict *p, struct dv_store *s,
		     const struct dv_oid *previous, struct dv_err *err)
{
	int rc;

	p->store = s;
	if (!p->have_coder) {
		rc = dv_coder_init(&p->coder, err);
		if (rc)
			return rc;
		p->have_coder = 1;
	}
	if (!p->w)
		p->w = malloc(DV_PREDICT_WINDOW * sizeof(*p->w));
	if (!p->w)
		return dv_err_nomem(err);
	if (dv_content_open(&p->content, s, &p->coder, previous, NULL))
		return 0;
	p->on = p->more = 1;
	p->head = p->n = 0;
	p->idle = 0;
	return 0;
}

void dv_predict_stop(struct dv_predict *p)
{
	if (p->on)
		dv_content_close(&p->content);
	p->on = 0;
}

void dv_predict_release(struct dv_predict *p)
{
	dv_predict_stop(p);
	if (p->have_coder)
		dv_coder_release(&p->coder);
	free(p->w);
	memset(p, 0, sizeof(*p));
}

static struct dv_predict_chunk *at(struct dv_predict *p, size_t i)
{
	return &p->w[(p->head + i) % DV_PREDICT_WINDOW];
}

static void refill(struct dv_predict *p, size_t want)
{
	while (p->n < want && p->more) {
		struct dv_predict_chunk *c = at(p, p->n);

		if (dv_content_next(&p->content, &c->id, &c->len, NULL) != 1) {
			p->more = 0;
			break;
		}
		c->state = 0;
		p->n++;
	}
}

static void drop(struct dv_predict *p, size_t k)
{
	p->head = (p->head + k) % DV_PREDICT_WINDOW;
	p->n -= k;
}

int dv_predict_next(struct dv_predict *p, uint32_t len,
		    struct dv_predict_chunk *out)
{
	if (!p->on || p->idle > IDLE_MAX)
		return 0;
	refill(p, DV_PREDICT_WINDOW - 1);
	for (size_t i = 0; i < p->n; i++) {
		struct dv_predict_chunk *c = at(p, i);

		if (c->len != len)
			continue;
		if (!c->state)
			c->state = dv_store_locate(p->store, DV_KIND_CHUNK,
						   &c->id, &c->loc) &&
					   c->loc.row.codec == DV_CODEC_RAW &&
					   !c->loc.row.transform &&
					   c->loc.row.raw == c->len ?
					   1 : 2;
		if (c->state != 1)
			continue;
		*out = *c;
		drop(p, i + 1);
		p->idle = 0;
		return 1;
	}
	p->idle++;
	return 0;
}

int dv_predict_same(struct dv_store *s, const struct dv_predict_chunk *c,
		    const uint8_t *b, struct dv_buf *room)
{
	int fd, same;

	room->n = 0;
	if (dv_buf_reserve(room, c->len, NULL) ||
	    dv_packset_fd(&s->set, c->loc.pack, &fd, NULL))
		return 0;
	same = dv_pread_full(fd, room->p, c->len,
			     c->loc.row.off + DV_REC_HEAD) == c->len &&
	       !memcmp(room->p, b, c->len);
	dv_packset_fd_done(&s->set, c->loc.pack);
	if (same)
		dv_packset_touch(&s->set, c->loc.pack);
	return same;
}
