/*
 * Which updates of a push are fast-forwards. Git compared each with what was
 * listed, but not those whose old value it does not have, or that is no
 * commit. A constant number of processes, however many refs: one says which
 * old values are here, one lists the commits between all old and new values.
 * What that list does not prove (one new value is behind another's old one, or
 * is no commit) git is asked about alone.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/idmap.h"
#include "base/proc.h"
#include "helper/helper.h"
#include "repo/objects.h"

#define LIST_MAX ((size_t)1 << 31)
#define KIND 1	/* of all entries of the map */

struct commit {
	size_t parents;		/* its first in graph.parent */
	uint32_t n;
	uint32_t seen;		/* by the walk of this number */
};

struct graph {
	struct dv_idmap at;	/* id -> index into commit */
	struct commit *commit;
	size_t n, cap;
	struct dv_id *parent;
	size_t nparent, parent_cap;
	size_t *stack;		/* as many as there are commits */
};

/* SHA-1 and SHA-256 alike: shorter ones end in zeros. */
static int read_id(const char *hex, size_t n, struct dv_id *id)
{
	memset(id, 0, sizeof(*id));
	return n / 2 > DV_ID_SIZE || dv_hex_decode(id->b, hex, n / 2);
}

/* "<commit> <parent>...": one line of rev-list --parents. */
static int add_commit(struct graph *g, const char *line, struct dv_err *err)
{
	struct commit *c = dv_grow(g->commit, &g->cap, g->n + 1, sizeof(*c));
	size_t n = strcspn(line, " ");
	struct dv_id id;
	int rc;

	if (!c)
		return dv_err_nomem(err);
	g->commit = c;
	if (read_id(line, n, &id))
		return dv_err_set(err, DV_EIO,
				  "git rev-list said something unexpected");
	c = &g->commit[g->n];
	c->parents = g->nparent;
	c->n = c->seen = 0;
	rc = dv_idmap_put(&g->at, KIND, &id, g->n, err);
	if (rc)
		return rc == DV_EEXIST ? 0 : rc;
	g->n++;
	for (line += n; *line == ' '; line += n) {
		struct dv_id *p = dv_grow(g->parent, &g->parent_cap,
					  g->nparent + 1, sizeof(*p));

		if (!p)
			return dv_err_nomem(err);
		g->parent = p;
		line++;
		n = strcspn(line, " ");
		if (read_id(line, n, &g->parent[g->nparent]))
			return dv_err_set(err, DV_EIO,
					  "git rev-list said something unexpected");
		g->nparent++;
		c->n++;
	}
	return 0;
}

/* 1 a path leads from new to old, 0 none in this graph; else an error. */
static int leads_to(struct graph *g, const struct dv_id *new,
		    const struct dv_id *old, uint32_t walk, struct dv_err *err)
{
	uint64_t *at = dv_idmap_get(&g->at, KIND, new);
	size_t n = 0;

	if (!at)
		return 0;
	if (!g->stack) {
		/* Each commit is put there once a walk. */
		g->stack = calloc(g->n, sizeof(*g->stack));
		if (!g->stack)
			return dv_err_nomem(err);
	}
	g->commit[*at].seen = walk;
	g->stack[n++] = *at;
	while (n) {
		const struct commit *c = &g->commit[g->stack[--n]];

		for (uint32_t i = 0; i < c->n; i++) {
			const struct dv_id *p = &g->parent[c->parents + i];

			if (dv_id_eq(p, old))
				return 1;
			at = dv_idmap_get(&g->at, KIND, p);
			if (at && g->commit[*at].seen != walk) {
				g->commit[*at].seen = walk;
				g->stack[n++] = *at;
			}
		}
	}
	return 0;
}

static int read_graph(struct graph *g, const struct dv_helper *h,
		      struct dv_err *err)
{
	static const char *const list[] = { "rev-list", "--parents",
					    "--stdin", NULL };
	struct dv_buf in = { 0 }, out = { 0 };
	char *line, *save = NULL;
	int rc = 0;

	for (size_t i = 0; !rc && i < h->nrefs; i++)
		if (h->refs[i].forward == DV_FORWARD_LIST)
			rc = dv_buf_addf(&in, err, "%s\n^%s\n", h->refs[i].oid,
					 h->refs[i].listed);
	if (!rc && in.n)
		rc = dv_git_input(list, in.p, in.n, LIST_MAX, &out, err);
	for (line = !rc && out.n ? strtok_r((char *)out.p, "\n", &save) : NULL;
	     !rc && line; line = strtok_r(NULL, "\n", &save))
		rc = add_commit(g, line, err);
	dv_buf_release(&in);
	dv_buf_release(&out);
	return rc;
}

static int ask_git(const struct dv_push_ref *r)
{
	const char *argv[] = { "git", "merge-base", "--is-ancestor",
			       r->listed, r->oid, NULL };
	struct dv_buf out = { 0 };
	int code = 1, rc;

	rc = dv_proc_capture(argv, NULL, DV_PROC_QUIET, 4096, &out, &code,
			     NULL);
	dv_buf_release(&out);
	return !rc && !code;
}

/*
 * What is not here cannot be an ancestor of what is. What is no commit has
 * none; git's list would end at it.
 */
static int check_here(struct dv_helper *h, struct dv_err *err)
{
	struct dv_buf ask = { 0 }, out = { 0 };
	const char *p;
	int rc = 0;

	for (size_t i = 0; !rc && i < h->nrefs; i++)
		if (h->refs[i].forward)
			rc = dv_buf_addf(&ask, err, "%s\n", h->refs[i].listed);
	if (!rc)
		rc = dv_objects_check(&h->repo, "%(objecttype)", &ask, &out,
				      err);
	p = dv_buf_str(&out);
	for (size_t i = 0; !rc && i < h->nrefs; i++) {
		struct dv_push_ref *r = &h->refs[i];
		size_t n = strcspn(p, "\n");

		if (!r->forward)
			continue;
		if (n >= 8 && !strncmp(p + n - 8, " missing", 8)) {
			dv_push_refuse(r, "fetch first");
			r->forward = DV_FORWARD_NO;
		} else if (!r->is_commit || strncmp(p, "commit\n", 7)) {
			r->forward = DV_FORWARD_ASK;
		}
		p += n + (p[n] == '\n');
	}
	dv_buf_release(&ask);
	dv_buf_release(&out);
	return rc;
}

int dv_hosted_forward(struct dv_helper *h, struct dv_err *err)
{
	struct graph g = { 0 };
	int rc = check_here(h, err);

	if (!rc)
		rc = read_graph(&g, h, err);
	for (size_t i = 0; !rc && i < h->nrefs; i++) {
		struct dv_push_ref *r = &h->refs[i];
		struct dv_id new, old;
		int leads = 0;

		if (!r->forward)
			continue;
		if (r->forward == DV_FORWARD_LIST &&
		    !read_id(r->oid, strlen(r->oid), &new) &&
		    !read_id(r->listed, strlen(r->listed), &old))
			leads = leads_to(&g, &new, &old, (uint32_t)i + 1, err);
		if (leads < 0)
			rc = leads;
		else if (!leads && !ask_git(r))
			dv_push_refuse(r, "non-fast forward");
	}
	dv_idmap_release(&g.at);
	free(g.commit);
	free(g.parent);
	free(g.stack);
	return rc;
}
