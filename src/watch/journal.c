#include "watch/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/file.h"

/*
 * Each path stands once, under its latest number, in a list ordered by
 * numbers. A token is "everything up to this number was told"; below `floor`
 * something was forgotten.
 */
struct rec {
	struct rec *hash_next, *prev, *next;
	uint64_t seq;
	uint8_t dir;
	char path[];
};

struct dv_journal {
	struct rec **slots, *oldest, *latest;
	size_t nslots, n, max;
	uint64_t seq, floor;
	char id[33];
};

int dv_journal_open(struct dv_journal **out, size_t max, struct dv_err *err)
{
	struct dv_journal *j = calloc(1, sizeof(*j));
	int rc;

	*out = NULL;
	if (!j)
		return dv_err_nomem(err);
	j->max = max;
	j->nslots = 64;
	while (j->nslots < max)
		j->nslots *= 2;
	j->slots = calloc(j->nslots, sizeof(struct rec *));
	rc = j->slots ? dv_random_name(j->id, err) : dv_err_nomem(err);
	if (rc) {
		dv_journal_close(j);
		return rc;
	}
	*out = j;
	return 0;
}

static void clear(struct dv_journal *j)
{
	while (j->oldest) {
		struct rec *r = j->oldest;

		j->oldest = r->next;
		free(r);
	}
	j->latest = NULL;
	j->n = 0;
	if (j->slots)
		memset(j->slots, 0, j->nslots * sizeof(struct rec *));
}

void dv_journal_close(struct dv_journal *j)
{
	if (!j)
		return;
	clear(j);
	free(j->slots);
	free(j);
}

size_t dv_journal_count(const struct dv_journal *j)
{
	return j->n;
}

void dv_journal_reset(struct dv_journal *j)
{
	clear(j);
	j->floor = ++j->seq;
}

static struct rec **slot(const struct dv_journal *j, const char *path,
			 size_t n)
{
	return &j->slots[XXH3_64bits(path, n) & (j->nslots - 1)];
}

static void take_out(struct dv_journal *j, struct rec *r)
{
	*(r->prev ? &r->prev->next : &j->oldest) = r->next;
	*(r->next ? &r->next->prev : &j->latest) = r->prev;
}

static void forget_oldest(struct dv_journal *j)
{
	struct rec *r = j->oldest;
	struct rec **p = slot(j, r->path, strlen(r->path));

	while (*p != r)
		p = &(*p)->hash_next;
	*p = r->hash_next;
	take_out(j, r);
	j->floor = r->seq;
	free(r);
	j->n--;
}

void dv_journal_note(struct dv_journal *j, const char *path, int dir)
{
	size_t n = strlen(path) + 1;
	struct rec *r = malloc(sizeof(*r) + n), *old, **p;

	if (!r) {
		dv_journal_reset(j);
		return;
	}
	memcpy(r->path, path, n);
	r->dir = dir != 0;
	p = slot(j, path, n - 1);
	for (old = *p; old && (old->dir != r->dir || strcmp(old->path, path));)
		old = old->hash_next;
	if (old) {
		free(r);
		r = old;
		take_out(j, r);
	} else {
		r->hash_next = *p;
		*p = r;
		j->n++;
	}
	r->seq = ++j->seq;
	r->next = NULL;
	r->prev = j->latest;
	*(j->latest ? &j->latest->next : &j->oldest) = r;
	j->latest = r;
	if (j->n > j->max)
		forget_oldest(j);
}

void dv_journal_token(const struct dv_journal *j,
		      char out[DV_JOURNAL_TOKEN_MAX])
{
	snprintf(out, DV_JOURNAL_TOKEN_MAX, "dv:%s:%llu", j->id,
		 (unsigned long long)j->seq);
}

/* One spelling a number: what this journal did not write it does not know. */
static int parse(const struct dv_journal *j, const char *token, uint64_t *seq)
{
	char again[DV_JOURNAL_TOKEN_MAX];
	unsigned long long v;

	if (strlen(token) >= sizeof(again) || strlen(token) < 37 ||
	    sscanf(token + 36, "%llu", &v) != 1)
		return 0;
	snprintf(again, sizeof(again), "dv:%s:%llu", j->id, v);
	*seq = v;
	return !strcmp(again, token) && v <= j->seq && v >= j->floor;
}

int dv_journal_say(struct dv_buf *out, const char *path, int dir,
		   struct dv_err *err)
{
	int rc = dv_buf_addf(out, err, "%s%s", path, dir ? "/" : "");

	if (!rc)
		rc = dv_buf_add(out, "", 1, err);
	if (!rc && dir)
		rc = dv_buf_addf(out, err, "%s/.dv", path);
	if (!rc && dir)
		rc = dv_buf_add(out, "", 1, err);
	return rc;
}

int dv_journal_since(const struct dv_journal *j, const char *token,
		     struct dv_buf *out)
{
	size_t was = out->n;
	uint64_t seq;

	if (!parse(j, token, &seq))
		return 0;
	for (const struct rec *r = j->latest; r && r->seq > seq; r = r->prev)
		if (dv_journal_say(out, r->path, r->dir, NULL)) {
			out->n = was;
			return 0;
		}
	return 1;
}
