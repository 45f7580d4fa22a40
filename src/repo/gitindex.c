#include "repo/gitindex.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "codec/sha256.h"

/* 4 GiB; less where sizes have 32 bits, in which that would be none at all. */
#define INDEX_MAX ((size_t)DV_MIN((uint64_t)4 << 30, (uint64_t)SIZE_MAX / 2))
#define STAT_SIZE 40	/* ten big-endian u32 before the object id */

enum { CTIME, CTIME_NS, MTIME, MTIME_NS, DEV, INO, MODE, UID, GID, SIZE };

static uint32_t field(const struct dv_gitindex *ix,
		      const struct dv_gitentry *e, int i)
{
	return dv_get32be(ix->raw.p + e->off + 4 * i);
}

static int bad(const char *path, const char *why, struct dv_err *err)
{
	return dv_err_set(err, DV_ECORRUPT, "git's index '%s' %s", path, why);
}

/* Git's own variable-length integers, as in pack offsets. */
static int varint(const uint8_t **pp, const uint8_t *end, size_t *out)
{
	const uint8_t *p = *pp;
	size_t v;

	if (p == end)
		return -1;
	v = *p & 127;
	while (*p++ & 128) {
		if (p == end || v > SIZE_MAX >> 8)
			return -1;
		v = ((v + 1) << 7) + (*p & 127);
	}
	*pp = p;
	*out = v;
	return 0;
}

/* Path of a version 4 entry: drop `strip` bytes of the last, append. */
static int path_v4(const uint8_t **pp, const uint8_t *end, struct dv_buf *all,
		   size_t *prev, size_t *prev_len, struct dv_err *err)
{
	const uint8_t *nul;
	size_t strip, keep, from = all->n;
	int rc;

	if (varint(pp, end, &strip) || strip > *prev_len)
		return DV_ECORRUPT;
	nul = memchr(*pp, 0, (size_t)(end - *pp));
	if (!nul)
		return DV_ECORRUPT;
	keep = *prev_len - strip;
	rc = dv_buf_reserve(all, keep + (size_t)(nul - *pp) + 1, err);
	if (rc)
		return rc;
	memcpy(all->p + all->n, all->p + *prev, keep);
	all->n += keep;
	memcpy(all->p + all->n, *pp, (size_t)(nul - *pp) + 1);
	all->n += (size_t)(nul - *pp) + 1;
	*prev = from;
	*prev_len = all->n - from - 1;
	*pp = nul + 1;
	return 0;
}

static int parse_entries(struct dv_gitindex *ix, const char *path, size_t *at,
			 struct dv_err *err)
{
	const uint8_t *p = ix->raw.p + 12;
	const uint8_t *end = ix->raw.p + ix->raw.n - ix->hash_size;
	size_t fixed = STAT_SIZE + ix->hash_size + 2, prev = 0, prev_len = 0;
	struct dv_buf all = { 0 };
	size_t *where = NULL;
	int rc = 0;

	if (ix->version == 4 && ix->n) {
		where = malloc(ix->n * sizeof(*where));
		if (!where)
			return dv_err_nomem(err);
	}
	for (size_t i = 0; !rc && i < ix->n; i++) {
		struct dv_gitentry *e = &ix->v[i];
		const uint8_t *start = p, *nul;
		uint16_t flags, more = 0;

		if ((size_t)(end - p) < fixed + 1) {
			rc = DV_ECORRUPT;
			break;
		}
		e->off = (size_t)(p - ix->raw.p);
		e->oid = p + STAT_SIZE;
		e->mode = dv_get32be(p + 4 * MODE);
		p += fixed;
		flags = (uint16_t)(p[-2] << 8 | p[-1]);
		if (flags & 0x4000) {
			if (ix->version < 3 || end - p < 3) {
				rc = DV_ECORRUPT;
				break;
			}
			more = (uint16_t)(p[0] << 8 | p[1]);
			p += 2;
		}
		e->stage = (flags >> 12) & 3;
		e->skip_worktree = (more & 0x4000) != 0;
		e->intent_to_add = (more & 0x2000) != 0;
		if (ix->version == 4) {
			rc = path_v4(&p, end, &all, &prev, &prev_len, err);
			where[i] = prev;
			continue;
		}
		e->path = (const char *)p;
		nul = memchr(p, 0, (size_t)(end - p));
		if (!nul) {
			rc = DV_ECORRUPT;
			break;
		}
		/* Padded to a multiple of eight, with at least one NUL. */
		p = start + (((size_t)(nul - start) + 8) & ~(size_t)7);
		if (p > end)
			rc = DV_ECORRUPT;
	}
	if (rc == DV_ECORRUPT)
		bad(path, "has an entry that cannot be read", err);
	if (!rc && where) {
		ix->paths = (char *)all.p;
		for (size_t i = 0; i < ix->n; i++)
			ix->v[i].path = ix->paths + where[i];
	} else {
		dv_buf_release(&all);
	}
	free(where);
	*at = (size_t)(p - ix->raw.p);
	return rc;
}

static int parse_extensions(struct dv_gitindex *ix, const char *path,
			    size_t at, struct dv_err *err)
{
	size_t end = ix->raw.n - ix->hash_size;

	while (end - at >= 8) {
		const uint8_t *p = ix->raw.p + at;
		uint32_t n = dv_get32be(p + 4);

		if (n > end - at - 8)
			return bad(path, "has an extension that cannot be read",
				   err);
		if (!memcmp(p, "link", 4))
			ix->split = 1;
		else if (!memcmp(p, "sdir", 4))
			ix->sparse = 1;
		at += 8 + (size_t)n;
	}
	return at == end ? 0 : bad(path, "has bytes behind its extensions", err);
}

int dv_gitindex_read(struct dv_gitindex *ix, const char *path, int algo,
		     struct dv_err *err)
{
	size_t at = 0;
	int rc;

	memset(ix, 0, sizeof(*ix));
	ix->hash_size = algo == 2 ? 32 : 20;
	rc = dv_file_read(path, &ix->raw, INDEX_MAX, err);
	if (!rc && stat(path, &ix->st))
		rc = dv_err_errno(err, "cannot stat '%s'", path);
	if (rc)
		goto out;
	if (ix->raw.n < 12 + ix->hash_size || memcmp(ix->raw.p, "DIRC", 4)) {
		rc = bad(path, "is not one", err);
		goto out;
	}
	ix->version = (int)dv_get32be(ix->raw.p + 4);
	ix->n = dv_get32be(ix->raw.p + 8);
	if (ix->version < 2 || ix->version > 4) {
		rc = bad(path, "has a version that is not 2, 3 or 4", err);
		goto out;
	}
	if (ix->n > ix->raw.n / (STAT_SIZE + ix->hash_size + 3)) {
		rc = bad(path, "has a wrong count", err);
		goto out;
	}
	ix->v = calloc(ix->n + 1, sizeof(*ix->v));
	rc = ix->v ? parse_entries(ix, path, &at, err) : dv_err_nomem(err);
	if (!rc)
		rc = parse_extensions(ix, path, at, err);
out:
	if (rc)
		dv_gitindex_release(ix);
	return rc;
}

void dv_gitindex_release(struct dv_gitindex *ix)
{
	dv_buf_release(&ix->raw);
	free(ix->v);
	free(ix->paths);
	ix->v = NULL;
	ix->paths = NULL;
	ix->n = 0;
}

struct dv_gitentry *dv_gitindex_find(struct dv_gitindex *ix, const char *path)
{
	size_t lo = 0, hi = ix->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = strcmp(ix->v[mid].path, path);

		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == ix->n || strcmp(ix->v[lo].path, path) || ix->v[lo].stage)
		return NULL;
	return &ix->v[lo];
}

uint32_t dv_gitentry_size(const struct dv_gitindex *ix,
			  const struct dv_gitentry *e)
{
	return field(ix, e, SIZE);
}

/*
 * As Git's core.checkStat=minimal plus inode: devices and owners may look
 * different through another mount, and Git does not compare devices either.
 */
int dv_gitentry_fits(const struct dv_gitindex *ix,
		     const struct dv_gitentry *e, const struct stat *st)
{
	return field(ix, e, MTIME) == (uint32_t)st->st_mtim.tv_sec &&
	       (!field(ix, e, MTIME_NS) ||
		field(ix, e, MTIME_NS) == (uint32_t)st->st_mtim.tv_nsec) &&
	       (!field(ix, e, INO) ||
		field(ix, e, INO) == (uint32_t)st->st_ino) &&
	       field(ix, e, SIZE) == (uint32_t)st->st_size;
}

void dv_gitentry_set_stat(struct dv_gitindex *ix, struct dv_gitentry *e,
			  const struct stat *st)
{
	uint8_t *p = ix->raw.p + e->off;

	dv_put32be(p + 4 * CTIME, (uint32_t)st->st_ctim.tv_sec);
	dv_put32be(p + 4 * CTIME_NS, (uint32_t)st->st_ctim.tv_nsec);
	dv_put32be(p + 4 * MTIME, (uint32_t)st->st_mtim.tv_sec);
	dv_put32be(p + 4 * MTIME_NS, (uint32_t)st->st_mtim.tv_nsec);
	dv_put32be(p + 4 * DEV, (uint32_t)st->st_dev);
	dv_put32be(p + 4 * INO, (uint32_t)st->st_ino);
	dv_put32be(p + 4 * UID, (uint32_t)st->st_uid);
	dv_put32be(p + 4 * GID, (uint32_t)st->st_gid);
	dv_put32be(p + 4 * SIZE, (uint32_t)st->st_size);
}

int dv_gitindex_lock(const char *path, int wait_ms, int *fd,
		     struct dv_err *err)
{
	char *lock = dv_fmt("%s.lock", path);
	int rc = 0, waited = 0, step = 5;

	if (!lock)
		return dv_err_nomem(err);
	for (;;) {
		*fd = open(lock, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (*fd >= 0)
			break;
		if (errno != EEXIST) {
			rc = dv_err_errno(err, "cannot create '%s'", lock);
			break;
		}
		if (waited >= wait_ms) {
			rc = dv_err_set(err, DV_EAGAIN,
					"'%s' exists: another git process works here, or one crashed and left it",
					lock);
			break;
		}
		nanosleep(&(struct timespec){ .tv_nsec = step * 1000000L },
			  NULL);
		waited += step;
		step = DV_MIN(step * 2, 200);
	}
	free(lock);
	return rc;
}

void dv_gitindex_unlock(const char *path, int fd)
{
	char *lock = dv_fmt("%s.lock", path);

	if (lock)
		unlink(lock);
	free(lock);
	close(fd);
}

/*
 * Git reads an index without looking at its checksum; a new one over damaged
 * bytes would hide the damage from `git fsck` too.
 */
static int check_old(const struct dv_gitindex *ix, const char *path, int algo,
		     struct dv_err *err)
{
	static const uint8_t zeros[32];
	struct dv_buf old = { 0 };
	uint8_t hash[32];
	int rc = dv_file_read(path, &old, INDEX_MAX, err);

	if (!rc && old.n != ix->raw.n)
		rc = bad(path, "was changed under its lock", err);
	if (!rc && memcmp(old.p + old.n - ix->hash_size, zeros,
			  ix->hash_size)) {
		if (dv_git_hash(algo, "", 0, old.p, old.n - ix->hash_size,
				hash))
			rc = dv_err_nomem(err);
		else if (memcmp(hash, old.p + old.n - ix->hash_size,
				ix->hash_size))
			rc = bad(path, "has a wrong checksum", err);
	}
	dv_buf_release(&old);
	return rc;
}

int dv_gitindex_commit(struct dv_gitindex *ix, const char *path, int fd,
		       int algo, struct dv_err *err)
{
	struct timespec times[2] = { ix->st.st_atim, ix->st.st_mtim };
	uint8_t *tail = ix->raw.p + ix->raw.n - ix->hash_size;
	static const uint8_t zeros[32];
	char *lock = dv_fmt("%s.lock", path);
	uint8_t hash[32];
	int rc = 0;

	if (!lock) {
		dv_gitindex_unlock(path, fd);
		return dv_err_nomem(err);
	}
	rc = check_old(ix, path, algo, err);
	/* index.skipHash leaves zeros there: then so do we. */
	if (!rc && memcmp(tail, zeros, ix->hash_size)) {
		if (dv_git_hash(algo, "", 0, ix->raw.p,
				ix->raw.n - ix->hash_size, hash))
			rc = dv_err_nomem(err);
		else
			memcpy(tail, hash, ix->hash_size);
	}
	if (!rc && (dv_write_full(fd, ix->raw.p, ix->raw.n) ||
		    fchmod(fd, ix->st.st_mode & 07777) ||
		    futimens(fd, times)))
		rc = dv_err_errno(err, "cannot write '%s'", lock);
	if (close(fd) && !rc)
		rc = dv_err_errno(err, "cannot write '%s'", lock);
	if (!rc && rename(lock, path))
		rc = dv_err_errno(err, "cannot rename '%s'", lock);
	if (rc)
		unlink(lock);
	free(lock);
	return rc;
}
