#include "watch/coalesce.h"

#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/bytes.h"

#define CAP_TIMES 25	/* a file that is never quiet is told of all the same */
#define STALL_MS 5000	/* a writer that is silent for so long is asked for */

/*
 * A path with events that were not told. It is in one list: `ready` (no writer
 * is known; ordered by `last`), `held` (a writer is known; ordered by `last`),
 * or none (`parked`: gone by a move whose other end is still pending).
 */
struct entry {
	struct entry *hash_next, *prev, *next;
	struct list *in;
	struct entry *dest;	/* where the content that stood here went */
	struct entry *from;	/* whose content stands here */
	struct dv_print base;
	int64_t first, when;	/* events */
	int64_t last;		/* the quiet is counted from here */
	uint8_t unsure;		/* there may be a writer */
	uint8_t wrote;		/* somebody did write */
	uint8_t replaced;	/* what stood here at first is no more here */
	char path[];
};

struct list {
	struct entry *head, *tail;
};

struct dv_coalesce {
	const struct dv_coalesce_ops *ops;
	void *arg;
	int64_t quiet;
	struct list ready, held;
	struct entry **slots;
	size_t nslots, n;
};

int dv_print_same(const struct dv_print *a, const struct dv_print *b)
{
	return a->exists == b->exists && a->size == b->size &&
	       a->ino == b->ino && a->mtime_ns == b->mtime_ns;
}

int dv_coalesce_open(struct dv_coalesce **out, int64_t quiet_ms,
		     const struct dv_coalesce_ops *ops, void *arg,
		     struct dv_err *err)
{
	struct dv_coalesce *c = calloc(1, sizeof(*c));

	*out = NULL;
	if (!c)
		return dv_err_nomem(err);
	c->ops = ops;
	c->arg = arg;
	c->quiet = quiet_ms;
	c->nslots = 64;
	c->slots = calloc(c->nslots, sizeof(struct entry *));
	if (!c->slots) {
		free(c);
		return dv_err_nomem(err);
	}
	*out = c;
	return 0;
}

void dv_coalesce_close(struct dv_coalesce *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->nslots; i++)
		while (c->slots[i]) {
			struct entry *e = c->slots[i];

			c->slots[i] = e->hash_next;
			free(e);
		}
	free(c->slots);
	free(c);
}

size_t dv_coalesce_pending(const struct dv_coalesce *c)
{
	return c->n;
}

static void take_out(struct entry *e)
{
	struct list *l = e->in;

	if (!l)
		return;
	*(e->prev ? &e->prev->next : &l->head) = e->next;
	*(e->next ? &e->next->prev : &l->tail) = e->prev;
	e->prev = e->next = NULL;
	e->in = NULL;
}

/* Both lists stay ordered by `last`: what comes in is the latest, or nearly. */
static void put_in(struct list *l, struct entry *e)
{
	struct entry *at;

	take_out(e);
	at = l->tail;
	while (at && at->last > e->last)
		at = at->prev;
	e->prev = at;
	e->next = at ? at->next : l->head;
	*(e->next ? &e->next->prev : &l->tail) = e;
	*(at ? &at->next : &l->head) = e;
	e->in = l;
}

static size_t slot_of(const struct dv_coalesce *c, const char *path)
{
	return XXH3_64bits(path, strlen(path)) & (c->nslots - 1);
}

static struct entry *find(const struct dv_coalesce *c, const char *path)
{
	struct entry *e = c->slots[slot_of(c, path)];

	while (e && strcmp(e->path, path))
		e = e->hash_next;
	return e;
}

static void grow(struct dv_coalesce *c)
{
	size_t was = c->nslots;
	struct entry **old = c->slots;
	struct entry **fresh = calloc(was * 2, sizeof(struct entry *));

	if (!fresh)
		return;		/* only slower */
	c->slots = fresh;
	c->nslots = was * 2;
	for (size_t i = 0; i < was; i++)
		while (old[i]) {
			struct entry *e = old[i];
			size_t k = slot_of(c, e->path);

			old[i] = e->hash_next;
			e->hash_next = c->slots[k];
			c->slots[k] = e;
		}
	free(old);
}

static struct entry *get(struct dv_coalesce *c, const char *path,
			 const struct dv_print *base, int64_t now)
{
	struct entry *e = find(c, path);
	size_t n = strlen(path) + 1, k;

	if (e)
		return e;
	e = calloc(1, sizeof(*e) + n);
	if (!e)
		return NULL;
	memcpy(e->path, path, n);
	if (base)
		e->base = *base;
	e->first = e->when = e->last = now;
	if (++c->n > c->nslots)
		grow(c);
	k = slot_of(c, path);
	e->hash_next = c->slots[k];
	c->slots[k] = e;
	put_in(&c->ready, e);
	return e;
}

/* Nobody waits any more for the content that left `e`. */
static void unlink_dest(struct entry *e)
{
	if (e->dest)
		e->dest->from = NULL;
	e->dest = NULL;
}

static void forget(struct dv_coalesce *c, struct entry *e)
{
	struct entry **p = &c->slots[slot_of(c, e->path)];

	while (*p != e)
		p = &(*p)->hash_next;
	*p = e->hash_next;
	take_out(e);
	unlink_dest(e);
	if (e->from)
		e->from->dest = NULL;
	free(e);
	c->n--;
}

/* An event now. What was busy for too long is due where it has no writer. */
static void touch(struct dv_coalesce *c, struct entry *e, struct list *l,
		  int64_t now)
{
	e->when = e->last = now;
	if (l == &c->ready && now - e->first >= c->quiet * CAP_TIMES)
		e->last = now - c->quiet;
	put_in(l, e);
}

/* The content that had come from elsewhere is gone: so is its origin. */
static void drop_origin(struct dv_coalesce *c, struct entry *e)
{
	struct entry *o = e->from;

	if (!o)
		return;
	e->from = NULL;
	o->dest = NULL;
	if (!o->in)
		put_in(&c->ready, o);
}

int dv_coalesce_note(struct dv_coalesce *c, enum dv_note what,
		     const char *path, const struct dv_print *base,
		     int64_t now, struct dv_err *err)
{
	struct entry *e = get(c, path, base, now);
	struct list *l;

	if (!e)
		return dv_err_nomem(err);
	l = e->in ? e->in : &c->ready;
	switch (what) {
	case DV_NOTE_TOUCHED:
		break;
	case DV_NOTE_FOUND:
		if (l == &c->ready)
			e->unsure = 1;
		break;
	case DV_NOTE_WROTE:
		l = &c->held;
		e->unsure = 0;
		e->wrote = 1;
		break;
	case DV_NOTE_CLOSED:
		l = &c->ready;
		e->unsure = 0;
		break;
	case DV_NOTE_GONE:
		l = &c->ready;
		e->unsure = 0;
		e->replaced = 1;
		drop_origin(c, e);
		break;
	}
	touch(c, e, l, now);
	return 0;
}

int dv_coalesce_moved(struct dv_coalesce *c, const char *from,
		      const struct dv_print *from_base, const char *to,
		      const struct dv_print *to_base, int64_t now,
		      struct dv_err *err)
{
	struct entry *a, *b, *origin;
	struct list *l;

	if (!strcmp(from, to))
		return 0;
	a = get(c, from, from_base, now);
	b = get(c, to, to_base, now);
	if (!a || !b)
		return dv_err_nomem(err);
	/* Whose content was it? A file that was never told of has no origin. */
	origin = a->from;
	if (!origin && !a->replaced && a->base.exists)
		origin = a;
	if (a->from) {
		a->from->dest = NULL;
		a->from = NULL;
	}
	/* What stood at `to` is overwritten. */
	drop_origin(c, b);
	b->replaced = 1;
	a->replaced = 1;
	if (origin == b) {
		/* There and back. */
		b->replaced = 0;
		unlink_dest(b);
	} else if (origin) {
		unlink_dest(origin);
		origin->dest = b;
		b->from = origin;
	}
	b->unsure = a->unsure;
	l = a->in == &c->held ? &c->held : &c->ready;
	a->unsure = 0;
	touch(c, a, &c->ready, now);
	touch(c, b, l, now);
	return 0;
}

void dv_coalesce_doubt(struct dv_coalesce *c)
{
	while (c->held.head) {
		struct entry *e = c->held.head;

		e->unsure = 1;
		put_in(&c->ready, e);
	}
	for (struct entry *e = c->ready.head; e; e = e->next)
		e->unsure = 1;
}

int64_t dv_coalesce_due(const struct dv_coalesce *c)
{
	int64_t due = DV_COALESCE_NEVER;

	if (c->ready.head)
		due = c->ready.head->last + c->quiet;
	if (c->held.head)
		due = DV_MIN(due, c->held.head->last + STALL_MS);
	return due;
}

static int tell(struct dv_coalesce *c, const struct entry *e,
		enum dv_change_type type, const char *from,
		const struct dv_print *now, int open)
{
	struct dv_change change = { .type = type, .path = e->path,
		.from = from, .base = e->base, .now = *now,
		.when_ms = e->when, .open = open };

	return c->ops->told(c->arg, &change);
}

/* Who writes may set the size and the mtime back, but not the ctime. */
static int changed(const struct entry *e, const struct dv_print *now)
{
	return !dv_print_same(now, &e->base) ||
	       (e->wrote && now->ctime_ns != e->base.ctime_ns);
}

/* The entry's end, unless it is parked. */
static int settle_one(struct dv_coalesce *c, struct entry *e, int open)
{
	struct dv_print now = { 0 }, there = { 0 };
	struct entry *o;
	int rc = 0;

	c->ops->look(c->arg, e->path, &now);
	if (!now.exists && e->dest && e->dest->in) {
		take_out(e);	/* its other end tells it */
		return 0;
	}
	if (!now.exists)
		drop_origin(c, e);
	else
		unlink_dest(e);
	o = e->from;
	if (o) {
		c->ops->look(c->arg, o->path, &there);
		if (!there.exists && o->base.exists) {
			rc = tell(c, e, DV_MOVED, o->path, &now, open);
			c->ops->over(c->arg, o->path, &there);
			forget(c, o);
			goto over;
		}
		drop_origin(c, e);
	}
	if (now.exists && !e->base.exists)
		rc = tell(c, e, DV_CREATED, NULL, &now, open);
	else if (!now.exists && e->base.exists)
		rc = tell(c, e, DV_DELETED, NULL, &now, open);
	else if (now.exists && changed(e, &now))
		rc = tell(c, e, DV_MODIFIED, NULL, &now, open);
over:
	c->ops->over(c->arg, e->path, &now);
	forget(c, e);
	return rc;
}

static int settle_all(struct dv_coalesce *c)
{
	int rc = 0;

	while (!rc && (c->ready.head || c->held.head)) {
		struct entry *e = c->ready.head ? c->ready.head : c->held.head;

		rc = settle_one(c, e, e->in == &c->held ||
				(e->unsure && c->ops->writer(c->arg, e->path) == 1));
	}
	return rc;
}

int dv_coalesce_settle(struct dv_coalesce *c, int64_t now, int all)
{
	int64_t again = DV_MAX(c->quiet, 1000);
	struct entry *e;
	int rc = 0;

	if (all)
		return settle_all(c);
	/* Silent writers: a close that nobody saw, or only a slow one. */
	while ((e = c->held.head) && now - e->last >= STALL_MS) {
		e->last = now;
		put_in(c->ops->writer(c->arg, e->path) ? &c->held : &c->ready,
		       e);
	}
	while (!rc && (e = c->ready.head) && now - e->last >= c->quiet) {
		if (e->unsure && c->ops->writer(c->arg, e->path) == 1) {
			e->last = now + again - c->quiet;
			put_in(&c->ready, e);
			continue;
		}
		rc = settle_one(c, e, 0);
	}
	return rc;
}
