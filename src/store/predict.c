#include "store/predict.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/file.h"
#include "codec/chunker.h"

/* So many chunks in a row that match nothing end the search for a while. */
#define IDLE_MAX 4096
/* A stretch of a pack that is mapped at once. */
#define MAP_SIZE (8u << 20)
/* Of it, brought into memory at once, ahead of the comparison. */
#define READ_AHEAD (1u << 20)

int dv_predict_start(struct dv_predict *p, struct dv_store *s,
		     const struct dv_oid *previous, int cut_here,
		     struct dv_err *err)
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
	p->cut_here = cut_here;
	return 0;
}

static void unmap(struct dv_predict *p)
{
	if (p->map)
		munmap(p->map, p->map_len);
	p->map = NULL;
}

void dv_predict_stop(struct dv_predict *p)
{
	unmap(p);
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
		c->last = p->content.off == p->content.oid.size;
		p->n++;
	}
}

static void drop(struct dv_predict *p, size_t k)
{
	p->head = (p->head + k) % DV_PREDICT_WINDOW;
	p->n -= k;
}

/* 1: the chunk stands raw in the store. */
static int is_raw(struct dv_predict *p, struct dv_predict_chunk *c)
{
	if (!c->state)
		c->state = dv_store_locate(p->store, DV_KIND_CHUNK, &c->id,
					   &c->loc) &&
				   c->loc.row.codec == DV_CODEC_RAW &&
				   !c->loc.row.transform &&
				   c->loc.row.raw == c->len ?
				   1 : 2;
	return c->state == 1;
}

/* The chunk's bytes as they stand in its pack, or NULL. */
static const uint8_t *mapped(struct dv_predict *p,
			     const struct dv_predict_chunk *c)
{
	uint64_t off = c->loc.row.off + DV_REC_HEAD, end = off + c->len;
	const uint64_t page = 65536;	/* no machine has larger ones */
	uint64_t from, to;
	int fd;

	if (!p->map || p->map_pack != c->loc.pack || off < p->map_off ||
	    end > p->map_off + p->map_len) {
		unmap(p);
		if (dv_packset_fd(&p->store->set, c->loc.pack, &fd, NULL))
			return NULL;
		p->map_off = off / page * page;
		p->map_len = (size_t)(DV_MIN(p->map_off + MAP_SIZE,
					     c->loc.pack->size) - p->map_off);
		if (end <= c->loc.pack->size)
			p->map = mmap(NULL, p->map_len, PROT_READ, MAP_SHARED,
				      fd, (off_t)p->map_off);
		dv_packset_fd_done(&p->store->set, c->loc.pack);
		if (p->map == MAP_FAILED)
			p->map = NULL;
		if (!p->map)
			return NULL;
		p->map_pack = c->loc.pack;
		p->read_from = p->read_to = 0;
		dv_packset_touch(&p->store->set, c->loc.pack);
	}
	/* A disk that fails then is an answer, not a SIGBUS. */
	if (off < p->read_from || end > p->read_to) {
		from = off / page * page;
		to = DV_MIN(DV_MAX(end, from + READ_AHEAD),
			    p->map_off + p->map_len);
		if (madvise((uint8_t *)p->map + (from - p->map_off),
			    (size_t)(to - from), MADV_POPULATE_READ)) {
			p->cut_here = 0;
			return NULL;
		}
		p->read_from = from;
		p->read_to = to;
	}
	return (const uint8_t *)p->map + (off - p->map_off);
}

int dv_predict_here(struct dv_predict *p, const uint8_t *b, size_t n,
		    int at_end, struct dv_predict_chunk *out)
{
	struct dv_predict_chunk *c;
	const uint8_t *old;

	if (!p->on || !p->cut_here)
		return 0;
	refill(p, 1);
	if (!p->n)
		return 0;
	c = at(p, 0);
	if (c->len > n || (c->last && !(at_end && c->len == n)) ||
	    !is_raw(p, c))
		return 0;
	old = mapped(p, c);
	if (!old || memcmp(old, b, c->len))
		return 0;
	*out = *c;
	drop(p, 1);
	p->idle = 0;
	return 1;
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
		if (!is_raw(p, c))
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
