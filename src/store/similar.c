#include "store/similar.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/own.h"

#define MAGIC "\x89" "dvsim\r\n"
#define VERSION 1u
#define HEAD 64u
#define ENTRY 84u
#define ENTRIES_FIRST 1024u
#define ENTRIES_LAST (1u << 20)
#define SLOTS_PER_ENTRY 8u
#define BUCKET 4u

struct dv_similar {
	char *path;
	uint8_t *map;
	size_t size;
	uint32_t cap;		/* entries; a power of two */
	uint64_t seed;
	int64_t born;
	int stays;		/* it could not grow */
	pthread_mutex_t mu;
};

static size_t file_size(uint32_t cap)
{
	return HEAD + (size_t)cap * (ENTRY + SLOTS_PER_ENTRY * 4);
}

static uint8_t *entry(const struct dv_similar *t, uint64_t i)
{
	return t->map + HEAD + (size_t)(i & (t->cap - 1)) * ENTRY;
}

/* Entries ever added, in the machine's own byte order. */
static uint64_t *counter(const struct dv_similar *t)
{
	return (uint64_t *)(void *)(t->map + 24);
}

/* The bucket of a super-feature: four slots. */
static uint8_t *bucket(const struct dv_similar *t, uint64_t super)
{
	size_t n = (size_t)t->cap * SLOTS_PER_ENTRY / BUCKET;

	return t->map + HEAD + (size_t)t->cap * ENTRY +
	       (size_t)(super & (n - 1)) * BUCKET * 4;
}

static uint32_t check(const uint8_t *e)
{
	return (uint32_t)XXH3_64bits(e, ENTRY - 4);
}

static int head_ok(const uint8_t *h, size_t size)
{
	uint32_t cap = dv_get32(h + 12);

	return !memcmp(h, MAGIC, 8) && dv_get32(h + 8) == VERSION &&
	       cap >= ENTRIES_FIRST && cap <= ENTRIES_LAST &&
	       !(cap & (cap - 1)) && size == file_size(cap);
}

static int map_file(struct dv_similar *t, int fd)
{
	struct stat st;
	void *m;

	if (fstat(fd, &st) || st.st_size < (off_t)HEAD ||
	    st.st_size > (off_t)file_size(ENTRIES_LAST))
		return -1;
	m = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		 fd, 0);
	if (m == MAP_FAILED)
		return -1;
	if (!head_ok(m, (size_t)st.st_size)) {
		munmap(m, (size_t)st.st_size);
		return -1;
	}
	t->map = m;
	t->size = (size_t)st.st_size;
	t->cap = dv_get32(t->map + 12);
	t->seed = dv_get64(t->map + 16);
	t->born = (int64_t)dv_get64(t->map + 32);
	return 0;
}

static int map_existing(struct dv_similar *t)
{
	int fd = open(t->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	int rc = fd >= 0 ? map_file(t, fd) : -1;

	if (fd >= 0)
		close(fd);
	return rc;
}

/* Does the name lead to this file still? */
static int is_at(int fd, const char *path)
{
	struct stat a, b;

	return !fstat(fd, &a) && !lstat(path, &b) && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

/*
 * An empty table in place of what is there. All its blocks are allocated now:
 * a full disk must not show as a SIGBUS later. It is made under a name that
 * is always the same, so that those who crash leave one file at most; who has
 * the lock on it makes it, and nobody waits for that.
 */
static int create(struct dv_similar *t, uint32_t cap, uint64_t seed,
		  int64_t born)
{
	uint8_t head[HEAD] = { 0 };
	char *tmp = dv_fmt("%s.new", t->path);
	int fd = -1, rc = -1;

	if (!tmp)
		return -1;
	memcpy(head, MAGIC, 8);
	dv_put32(head + 8, VERSION);
	dv_put32(head + 12, cap);
	dv_put64(head + 16, seed);
	dv_put64(head + 32, (uint64_t)born);
	fd = dv_own_open(tmp, O_RDWR | O_NOFOLLOW, 0666);
	if (fd < 0 || dv_lock_fd(fd, DV_LOCK_EXCL, 0, NULL) || !is_at(fd, tmp))
		goto out;
	if (!ftruncate(fd, 0) &&
	    !posix_fallocate(fd, 0, (off_t)file_size(cap)) &&
	    !dv_pwrite_full(fd, head, sizeof(head), 0) &&
	    !rename(tmp, t->path))
		rc = map_file(t, fd);
	else
		unlink(tmp);
out:
	if (fd >= 0)
		close(fd);
	free(tmp);
	return rc;
}

struct dv_similar *dv_similar_open(const char *path)
{
	struct dv_similar *t = calloc(1, sizeof(*t));
	uint64_t seed;

	if (!t)
		return NULL;
	pthread_mutex_init(&t->mu, NULL);
	t->path = strdup(path);
	if (!t->path || dv_random(&seed, sizeof(seed), NULL)) {
		dv_similar_close(t);
		return NULL;
	}
	/* Once more: another process may have made it meanwhile. */
	if (map_existing(t) &&
	    create(t, ENTRIES_FIRST, seed, (int64_t)time(NULL)) &&
	    map_existing(t)) {
		dv_log_debug("no table of sketches: '%s' cannot be made",
			     path);
		dv_similar_close(t);
		return NULL;
	}
	return t;
}

void dv_similar_close(struct dv_similar *t)
{
	if (!t)
		return;
	if (t->map)
		munmap(t->map, t->size);
	pthread_mutex_destroy(&t->mu);
	free(t->path);
	free(t);
}

int64_t dv_similar_born(const struct dv_similar *t)
{
	return t->born;
}

void dv_similar_sketch(const struct dv_similar *t, const void *p, size_t n,
		       struct dv_sketch *out)
{
	dv_sketch(p, n, t->seed, out);
}

static void entry_sketch(const uint8_t *e, struct dv_sketch *s)
{
	for (unsigned int i = 0; i < DV_SKETCH_FEATURES; i++)
		s->f[i] = dv_get32(e + DV_ID_SIZE + 4 * i);
}

/* Best first; of one base only the best. */
static unsigned int insert_hit(struct dv_similar_hit *out, unsigned int n,
			       unsigned int max,
			       const struct dv_similar_hit *hit)
{
	unsigned int at = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (!dv_id_eq(&out[i].base, &hit->base))
			continue;
		if (out[i].common >= hit->common)
			return n;
		memmove(&out[i], &out[i + 1], (n - i - 1) * sizeof(*out));
		n--;
		break;
	}
	while (at < n && out[at].common >= hit->common)
		at++;
	if (at == max)
		return n;
	if (n == max)
		n--;
	memmove(&out[at + 1], &out[at], (n - at) * sizeof(*out));
	out[at] = *hit;
	return n + 1;
}

unsigned int dv_similar_find(struct dv_similar *t, const struct dv_sketch *s,
			     struct dv_similar_hit *out, unsigned int max)
{
	unsigned int n = 0;

	pthread_mutex_lock(&t->mu);
	for (unsigned int k = 0; k < DV_SKETCH_SUPER; k++) {
		uint64_t super = dv_sketch_super(s, k);
		const uint8_t *b = bucket(t, super);

		for (unsigned int i = 0; super && i < BUCKET; i++) {
			uint32_t at = dv_get32(b + 4 * i);
			struct dv_similar_hit hit;
			struct dv_sketch other;
			uint8_t e[ENTRY];

			if (!at || at > t->cap)
				continue;
			memcpy(e, entry(t, at - 1), ENTRY);
			entry_sketch(e, &other);
			hit.common = dv_sketch_common(s, &other);
			if (hit.common < DV_SIMILAR_MIN ||
			    dv_get32(e + ENTRY - 4) != check(e))
				continue;
			memcpy(hit.base.b, e, DV_ID_SIZE);
			n = insert_hit(out, n, max, &hit);
		}
	}
	pthread_mutex_unlock(&t->mu);
	return n;
}

/* Under mu. The newest stands first; the fourth falls out. */
static void add_slot(struct dv_similar *t, uint64_t super, uint32_t at)
{
	uint8_t *b = bucket(t, super);

	for (unsigned int i = 0; i < BUCKET; i++)
		if (dv_get32(b + 4 * i) == at)
			return;
	memmove(b + 4, b, (BUCKET - 1) * 4);
	dv_put32(b, at);
}

static void add(struct dv_similar *t, const uint8_t *e)
{
	uint64_t next = __atomic_fetch_add(counter(t), 1, __ATOMIC_RELAXED);
	struct dv_sketch s;

	memcpy(entry(t, next), e, ENTRY);
	entry_sketch(e, &s);
	for (unsigned int k = 0; k < DV_SKETCH_SUPER; k++) {
		uint64_t super = dv_sketch_super(&s, k);

		if (super)
			add_slot(t, super,
				 1 + (uint32_t)(next & (t->cap - 1)));
	}
}

/*
 * The ring is full for the first time: a larger table takes everything over.
 * Another process may have done so already, and what it added since to the
 * file that is not there any more is lost: it is a cache.
 */
static void grow(struct dv_similar *t)
{
	struct dv_similar larger = { .path = t->path };

	if (create(&larger, t->cap * 2, t->seed, t->born)) {
		t->stays = 1;
		return;
	}
	for (uint64_t i = 0; i < t->cap; i++) {
		const uint8_t *e = entry(t, i);

		if (dv_get32(e + ENTRY - 4) == check(e))
			add(&larger, e);
	}
	munmap(t->map, t->size);
	t->map = larger.map;
	t->size = larger.size;
	t->cap = larger.cap;
}

void dv_similar_add(struct dv_similar *t, const struct dv_sketch *s,
		    const struct dv_id *base)
{
	uint8_t e[ENTRY];
	int any = 0;

	for (unsigned int k = 0; k < DV_SKETCH_SUPER; k++)
		any |= dv_sketch_super(s, k) != 0;
	if (!any)
		return;
	memcpy(e, base->b, DV_ID_SIZE);
	for (unsigned int i = 0; i < DV_SKETCH_FEATURES; i++)
		dv_put32(e + DV_ID_SIZE + 4 * i, s->f[i]);
	dv_put32(e + ENTRY - 4, check(e));
	pthread_mutex_lock(&t->mu);
	/* Two processes at once may have counted past it. */
	if (__atomic_load_n(counter(t), __ATOMIC_RELAXED) >= t->cap &&
	    t->cap < ENTRIES_LAST && !t->stays)
		grow(t);
	add(t, e);
	pthread_mutex_unlock(&t->mu);
}
