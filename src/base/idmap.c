#include "base/idmap.h"

#include <stdlib.h>

#include "base/file.h"

static size_t slot_of(const struct dv_idmap *m, unsigned int kind,
		      const struct dv_id *id)
{
	uint64_t h = (dv_get64(id->b) ^ m->seed ^ kind) *
		     0x9e3779b97f4a7c15ULL;

	h ^= h >> 29;
	return h & (m->cap - 1);
}

void dv_idmap_release(struct dv_idmap *m)
{
	free(m->slots);
	m->slots = NULL;
	m->cap = m->n = 0;
}

uint64_t *dv_idmap_get(const struct dv_idmap *m, unsigned int kind,
		       const struct dv_id *id)
{
	if (!m->cap)
		return NULL;
	for (size_t i = slot_of(m, kind, id);; i = (i + 1) & (m->cap - 1)) {
		struct dv_idmap_slot *s = &m->slots[i];

		if (!s->kind)
			return NULL;
		if (s->kind == kind && dv_id_eq(&s->id, id))
			return &s->value;
	}
}

static int grow(struct dv_idmap *m, struct dv_err *err)
{
	struct dv_idmap next = { .cap = m->cap ? m->cap * 2 : 64 };

	if (!m->cap && dv_random(&m->seed, sizeof(m->seed), err))
		return DV_EIO;
	next.seed = m->seed;
	next.slots = calloc(next.cap, sizeof(*next.slots));
	if (!next.slots)
		return dv_err_nomem(err);
	for (size_t i = 0; i < m->cap; i++) {
		struct dv_idmap_slot *s = &m->slots[i];
		size_t j;

		if (!s->kind)
			continue;
		j = slot_of(&next, s->kind, &s->id);
		while (next.slots[j].kind)
			j = (j + 1) & (next.cap - 1);
		next.slots[j] = *s;
	}
	next.n = m->n;
	free(m->slots);
	*m = next;
	return 0;
}

int dv_idmap_put(struct dv_idmap *m, unsigned int kind, const struct dv_id *id,
		 uint64_t value, struct dv_err *err)
{
	size_t i;

	if (m->n + 1 > m->cap / 4 * 3) {
		int rc = grow(m, err);

		if (rc)
			return rc;
	}
	for (i = slot_of(m, kind, id); m->slots[i].kind;
	     i = (i + 1) & (m->cap - 1))
		if (m->slots[i].kind == kind && dv_id_eq(&m->slots[i].id, id))
			return DV_EEXIST;
	m->slots[i].id = *id;
	m->slots[i].kind = (uint8_t)kind;
	m->slots[i].value = value;
	m->n++;
	return 0;
}
