#include "watch/tree.h"

#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define FIRST_SLOTS 1024

static size_t name_slot(const struct dv_tree *t, const struct dv_node *parent,
			const char *name)
{
	return XXH3_64bits_withSeed(name, strlen(name),
				    (uint64_t)(uintptr_t)parent) &
	       (t->nslots - 1);
}

static size_t wd_slot(const struct dv_tree *t, int wd)
{
	return (size_t)wd & (t->nwds - 1);
}

int dv_tree_open(struct dv_tree *t, struct dv_err *err)
{
	memset(t, 0, sizeof(*t));
	t->nslots = t->nwds = FIRST_SLOTS;
	t->slots = calloc(t->nslots, sizeof(struct dv_node *));
	t->wds = calloc(t->nwds, sizeof(struct dv_node *));
	t->root = calloc(1, sizeof(*t->root) + 1);
	if (!t->slots || !t->wds || !t->root) {
		dv_tree_close(t);
		return dv_err_nomem(err);
	}
	t->root->dir = 1;
	t->root->wd = -1;
	return 0;
}

void dv_tree_close(struct dv_tree *t)
{
	struct dv_node *n = t->root;

	while (n) {
		struct dv_node *up = n->parent;

		if (n->child) {
			struct dv_node *c = n->child;

			n->child = c->next;
			n = c;
			continue;
		}
		free(n);
		n = up;
	}
	free(t->slots);
	free(t->wds);
	memset(t, 0, sizeof(*t));
}

struct dv_node *dv_tree_child(const struct dv_tree *t,
			      const struct dv_node *parent, const char *name)
{
	struct dv_node *n = t->slots[name_slot(t, parent, name)];

	while (n && (n->parent != parent || strcmp(n->name, name)))
		n = n->hash_next;
	return n;
}

struct dv_node *dv_tree_find(const struct dv_tree *t, const char *path)
{
	struct dv_node *n = t->root;
	char part[256];

	while (n && *path) {
		size_t len = strcspn(path, "/");

		if (len >= sizeof(part))
			return NULL;
		memcpy(part, path, len);
		part[len] = '\0';
		n = dv_tree_child(t, n, part);
		path += len + (path[len] == '/');
	}
	return n;
}

static void hash_in(struct dv_tree *t, struct dv_node *n)
{
	size_t k = name_slot(t, n->parent, n->name);

	n->hash_next = t->slots[k];
	t->slots[k] = n;
}

static void hash_out(struct dv_tree *t, struct dv_node *n)
{
	struct dv_node **p = &t->slots[name_slot(t, n->parent, n->name)];

	while (*p != n)
		p = &(*p)->hash_next;
	*p = n->hash_next;
	n->hash_next = NULL;
}

/* A table that cannot grow is only slower. */
static void grow_names(struct dv_tree *t)
{
	struct dv_node **old = t->slots;
	size_t was = t->nslots;
	struct dv_node **fresh = calloc(was * 2, sizeof(struct dv_node *));

	if (!fresh)
		return;
	t->slots = fresh;
	t->nslots = was * 2;
	for (size_t i = 0; i < was; i++)
		while (old[i]) {
			struct dv_node *n = old[i];

			old[i] = n->hash_next;
			hash_in(t, n);
		}
	free(old);
}

static void grow_wds(struct dv_tree *t)
{
	struct dv_node **old = t->wds;
	size_t was = t->nwds;
	struct dv_node **fresh = calloc(was * 2, sizeof(struct dv_node *));

	if (!fresh)
		return;
	t->wds = fresh;
	t->nwds = was * 2;
	for (size_t i = 0; i < was; i++)
		while (old[i]) {
			struct dv_node *n = old[i];
			size_t k = wd_slot(t, n->wd);

			old[i] = n->wd_next;
			n->wd_next = fresh[k];
			fresh[k] = n;
		}
	free(old);
}

static void sibling_in(struct dv_node *parent, struct dv_node *n)
{
	n->parent = parent;
	n->prev = NULL;
	n->next = parent->child;
	if (n->next)
		n->next->prev = n;
	parent->child = n;
}

static void sibling_out(struct dv_node *n)
{
	*(n->prev ? &n->prev->next : &n->parent->child) = n->next;
	if (n->next)
		n->next->prev = n->prev;
	n->next = n->prev = NULL;
}

struct dv_node *dv_tree_add(struct dv_tree *t, struct dv_node *parent,
			    const char *name, int dir)
{
	size_t len = strlen(name) + 1;
	struct dv_node *n = calloc(1, sizeof(*n) + len);

	if (!n)
		return NULL;
	memcpy(n->name, name, len);
	n->dir = dir != 0;
	n->wd = -1;
	sibling_in(parent, n);
	if (++t->n > t->nslots)
		grow_names(t);
	hash_in(t, n);
	return n;
}

void dv_tree_remove(struct dv_tree *t, struct dv_node *n)
{
	dv_tree_set_wd(t, n, -1);
	dv_tree_set_blind(t, n, 0);
	t->linked -= n->linked;
	if (n->parent) {
		hash_out(t, n);
		sibling_out(n);
	}
	t->n--;
	free(n);
}

void dv_tree_detach(struct dv_tree *t, struct dv_node *n)
{
	hash_out(t, n);
	sibling_out(n);
	n->parent = NULL;
}

struct dv_node *dv_tree_attach(struct dv_tree *t, struct dv_node *parent,
			       struct dv_node *n, const char *name)
{
	size_t len = strlen(name) + 1;
	struct dv_node *fresh = NULL;

	/* The name is a part of the node: a new one takes its place. */
	fresh = calloc(1, sizeof(*n) + len);
	if (!fresh)
		return NULL;
	*fresh = *n;
	memcpy(fresh->name, name, len);
	fresh->wd = -1;
	for (struct dv_node *c = n->child; c; c = c->next) {
		hash_out(t, c);
		c->parent = fresh;
		hash_in(t, c);
	}
	if (n->wd >= 0)
		dv_tree_set_wd(t, fresh, n->wd);
	free(n);
	sibling_in(parent, fresh);
	hash_in(t, fresh);
	return fresh;
}

int dv_tree_path(const struct dv_node *n, struct dv_buf *out,
		 struct dv_err *err)
{
	size_t len = 0, at = out->n;
	int rc;

	for (const struct dv_node *p = n; p->parent; p = p->parent)
		len += strlen(p->name) + 1;
	if (!len)
		return 0;
	rc = dv_buf_reserve(out, len, err);
	if (rc)
		return rc;
	out->n += len - 1;
	at += len - 1;
	for (const struct dv_node *p = n; p->parent; p = p->parent) {
		size_t k = strlen(p->name);

		at -= k;
		memcpy(out->p + at, p->name, k);
		if (p->parent->parent)
			out->p[--at] = '/';
	}
	return 0;
}

struct dv_node *dv_tree_top(struct dv_node *n)
{
	while (n->parent)
		n = n->parent;
	return n;
}

struct dv_node *dv_tree_walk(struct dv_node *top, struct dv_node *n)
{
	if (n->child)
		return n->child;
	while (n != top && !n->next)
		n = n->parent;
	return n == top ? NULL : n->next;
}

struct dv_node *dv_tree_by_wd(const struct dv_tree *t, int wd)
{
	struct dv_node *n = wd >= 0 ? t->wds[wd_slot(t, wd)] : NULL;

	while (n && n->wd != wd)
		n = n->wd_next;
	return n;
}

void dv_tree_set_wd(struct dv_tree *t, struct dv_node *n, int wd)
{
	struct dv_node *other = dv_tree_by_wd(t, wd), **p;

	if (n->wd == wd)
		return;
	if (other)
		dv_tree_set_wd(t, other, -1);
	if (n->wd >= 0) {
		p = &t->wds[wd_slot(t, n->wd)];
		while (*p != n)
			p = &(*p)->wd_next;
		*p = n->wd_next;
		n->wd_next = NULL;
		t->watches--;
	}
	n->wd = wd;
	if (wd < 0)
		return;
	if (++t->watches > t->nwds)
		grow_wds(t);
	p = &t->wds[wd_slot(t, wd)];
	n->wd_next = *p;
	*p = n;
}

void dv_tree_set_blind(struct dv_tree *t, struct dv_node *n, int blind)
{
	t->blind += (size_t)(blind != 0);
	t->blind -= n->blind;
	n->blind = blind != 0;
}

void dv_tree_set_linked(struct dv_tree *t, struct dv_node *n, int linked)
{
	t->linked += (size_t)(linked != 0);
	t->linked -= n->linked;
	n->linked = linked != 0;
}

void dv_tree_set_print(struct dv_tree *t, struct dv_node *n,
		       const struct dv_print *print)
{
	n->print = *print;
	dv_tree_set_linked(t, n, print->exists && print->linked);
}
