#include "repo/cache.h"

#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/file.h"
#include "base/log.h"
#include "base/own.h"

#define MAP_SIZE ((size_t)1 << 30)
#define RACY_SECONDS 2
#define VERSION 2
#define CHECK 8u	/* bytes behind each value: XXH3-64 of key and value */

enum table { STAT, BLOB, PUSHED, META, TABLES };

static const char *const table_names[TABLES] = { "stat", "blob", "pushed",
						 "meta" };

struct pending {
	struct pending *next;
	enum table table;
	size_t kn, vn;
	uint8_t bytes[];	/* key, value */
};

struct dv_cache {
	MDB_env *env;
	MDB_dbi dbi[TABLES];
	MDB_txn *read;
	int reading;
	uint64_t seed, worktree;
	struct pending *first, **last;
	size_t npending;
};

/*
 * LMDB trusts the pages that it maps: a damaged one can lead it anywhere. A
 * process that ends so takes the cache along, and the next one starts anew.
 * Bare system calls only.
 */
static char crash_data[PATH_MAX], crash_lock[PATH_MAX];
/* LMDB's assertions abort. */
static const int crash_sigs[] = { SIGSEGV, SIGBUS, SIGFPE, SIGABRT };

static void on_crash(int sig)
{
	static const char said[] =
		"git-dv: the cache of this clone seems damaged and is removed; run the command again\n";

	unlink(crash_data);
	unlink(crash_lock);
	(void)!write(STDERR_FILENO, said, sizeof(said) - 1);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void watch_crash(const char *dir)
{
	if (snprintf(crash_data, PATH_MAX, "%s/data.mdb", dir) >= PATH_MAX ||
	    snprintf(crash_lock, PATH_MAX, "%s/lock.mdb", dir) >= PATH_MAX)
		return;
	for (size_t i = 0; i < DV_ARRAY_SIZE(crash_sigs); i++) {
		struct sigaction old, act = { .sa_handler = on_crash };

		/* A sanitizer's report is worth more. */
		if (!sigaction(crash_sigs[i], NULL, &old) &&
		    old.sa_handler == SIG_DFL &&
		    !(old.sa_flags & SA_SIGINFO))
			sigaction(crash_sigs[i], &act, NULL);
	}
}

static void leave_crash(void)
{
	for (size_t i = 0; i < DV_ARRAY_SIZE(crash_sigs); i++) {
		struct sigaction old;

		if (!sigaction(crash_sigs[i], NULL, &old) &&
		    !(old.sa_flags & SA_SIGINFO) && old.sa_handler == on_crash)
			signal(crash_sigs[i], SIG_DFL);
	}
}

static int begin_tables(struct dv_cache *c)
{
	uint8_t fresh[8 + 1] = { VERSION };
	MDB_val k = { 4, (void *)"seed" }, v;
	MDB_txn *t = NULL;
	int rc, dead;

	/* Readers that were killed hold pages and places. */
	mdb_reader_check(c->env, &dead);
	rc = mdb_txn_begin(c->env, NULL, MDB_RDONLY, &t);
	for (int i = 0; !rc && i < TABLES; i++)
		rc = mdb_dbi_open(t, table_names[i], 0, &c->dbi[i]);
	if (!rc)
		rc = mdb_get(t, c->dbi[META], &k, &v);
	/* Of another version, or damaged: the caller starts anew. */
	if (!rc && (v.mv_size != sizeof(fresh) ||
		    *(uint8_t *)v.mv_data != VERSION)) {
		mdb_txn_abort(t);
		return MDB_CORRUPTED;
	}
	if (!rc) {
		memcpy(&c->seed, (uint8_t *)v.mv_data + 1, 8);
		return mdb_txn_commit(t);
	}
	if (t)
		mdb_txn_abort(t);
	/* The first time: make the tables and a seed. */
	rc = mdb_txn_begin(c->env, NULL, 0, &t);
	if (rc)
		return rc;
	for (int i = 0; !rc && i < TABLES; i++)
		rc = mdb_dbi_open(t, table_names[i], MDB_CREATE, &c->dbi[i]);
	if (!rc && dv_random(fresh + 1, 8, NULL))
		rc = MDB_PANIC;
	/* Another process may have been first. */
	if (!rc && !mdb_get(t, c->dbi[META], &k, &v) &&
	    v.mv_size == sizeof(fresh))
		memcpy(fresh, v.mv_data, sizeof(fresh));
	v.mv_data = fresh;
	v.mv_size = sizeof(fresh);
	if (!rc)
		rc = mdb_put(t, c->dbi[META], &k, &v, 0);
	if (rc) {
		mdb_txn_abort(t);
		return rc;
	}
	memcpy(&c->seed, fresh + 1, 8);
	return mdb_txn_commit(t);
}

/*
 * LMDB maps its file and trusts its size: one that was cut off would end the
 * process by SIGBUS. 1 where it is shorter than its own record of it.
 */
static int is_cut_off(MDB_env *env, const char *dir)
{
	char *path = dv_fmt("%s/data.mdb", dir);
	MDB_envinfo info;
	MDB_stat st;
	struct stat file;
	int cut = 1;

	if (path && !stat(path, &file) && !mdb_env_info(env, &info) &&
	    !mdb_env_stat(env, &st))
		cut = (uint64_t)file.st_size <
		      ((uint64_t)info.me_last_pgno + 1) * st.ms_psize;
	free(path);
	return cut;
}

static const char *const file_names[] = { "data.mdb", "lock.mdb" };

/* LMDB makes its files by the umask alone: they are made before. */
static void make_files(const char *dir)
{
	for (size_t i = 0; i < DV_ARRAY_SIZE(file_names); i++) {
		char *path = dv_fmt("%s/%s", dir, file_names[i]);
		int fd = path ? dv_own_open(path, O_RDWR, 0666) : -1;

		if (fd >= 0)
			close(fd);
		free(path);
	}
}

static int open_env(struct dv_cache *c, const char *dir)
{
	int rc = mdb_env_create(&c->env);

	make_files(dir);
	if (!rc)
		rc = mdb_env_set_maxdbs(c->env, TABLES);
	if (!rc)
		rc = mdb_env_set_mapsize(c->env, MAP_SIZE);
	if (!rc)
		rc = mdb_env_open(c->env, dir, MDB_NOTLS | MDB_NORDAHEAD, 0666);
	if (!rc && is_cut_off(c->env, dir))
		rc = MDB_CORRUPTED;
	if (rc && c->env) {
		mdb_env_close(c->env);
		c->env = NULL;
	}
	return rc;
}

/* A cache that is damaged is thrown away: it is only a cache. */
static void remove_env(const char *dir)
{
	for (size_t i = 0; i < DV_ARRAY_SIZE(file_names); i++) {
		char *path = dv_fmt("%s/%s", dir, file_names[i]);

		if (path)
			unlink(path);
		free(path);
	}
}

static int open_all(struct dv_cache *c, const char *dir)
{
	int rc = open_env(c, dir);

	if (!rc)
		rc = begin_tables(c);
	if (rc && c->env) {
		mdb_env_close(c->env);
		c->env = NULL;
	}
	return rc;
}

struct dv_cache *dv_cache_open(const char *common_dir, const char *git_dir)
{
	struct dv_cache *c = calloc(1, sizeof(*c));
	char *dir = dv_fmt("%s/dv/cache", common_dir);
	int rc = MDB_PANIC;

	if (!c || !dir)
		goto fail;
	/* Where the repository is gone, none is begun. */
	if (!dv_dir_exists(common_dir) || dv_dir_make(dir, NULL) ||
	    dv_fs_is_network(dir))
		goto fail;
	watch_crash(dir);
	rc = open_all(c, dir);
	if (rc == MDB_CORRUPTED || rc == MDB_INVALID ||
	    rc == MDB_PAGE_NOTFOUND || rc == MDB_VERSION_MISMATCH) {
		remove_env(dir);
		rc = open_all(c, dir);
	}
	if (rc)
		goto fail;
	c->last = &c->first;
	c->worktree = XXH3_64bits_withSeed(git_dir, strlen(git_dir), c->seed);
	free(dir);
	return c;
fail:
	if (rc != MDB_PANIC)
		dv_log_debug("the cache in '%s' is not used: %s", dir,
			     mdb_strerror(rc));
	leave_crash();
	free(c);
	free(dir);
	return NULL;
}

void dv_cache_close(struct dv_cache *c)
{
	if (!c)
		return;
	dv_cache_flush(c);
	if (c->read)
		mdb_txn_abort(c->read);
	mdb_env_close(c->env);
	leave_crash();
	free(c);
}

uint64_t dv_cache_seed(const struct dv_cache *c)
{
	return c ? c->seed : 0;
}

/* So that a damaged value, or one that belongs elsewhere, is no value. */
static uint64_t check_of(const struct dv_cache *c, enum table table,
			 const void *k, size_t kn, const void *v, size_t vn)
{
	return XXH3_64bits_withSeed(v, vn,
		XXH3_64bits_withSeed(k, kn, c->seed + table));
}

static void put(struct dv_cache *c, enum table table, const void *k, size_t kn,
		const void *v, size_t vn)
{
	struct pending *p;

	p = malloc(sizeof(*p) + kn + vn + CHECK);
	if (!p)
		return;
	p->next = NULL;
	p->table = table;
	p->kn = kn;
	p->vn = vn + CHECK;
	memcpy(p->bytes, k, kn);
	if (vn)
		memcpy(p->bytes + kn, v, vn);
	dv_put64(p->bytes + kn + vn, check_of(c, table, k, kn, v, vn));
	*c->last = p;
	c->last = &p->next;
	if (++c->npending >= 100000)
		dv_cache_flush(c);
}

static void end_read(struct dv_cache *c)
{
	if (c->reading)
		mdb_txn_reset(c->read);
	c->reading = 0;
}

void dv_cache_discard(struct dv_cache *c)
{
	while (c && c->first) {
		struct pending *p = c->first;

		c->first = p->next;
		free(p);
	}
	if (c) {
		c->last = &c->first;
		c->npending = 0;
	}
}

void dv_cache_flush(struct dv_cache *c)
{
	MDB_txn *t = NULL;
	int rc;

	if (!c || !c->first)
		return;
	end_read(c);
	rc = mdb_txn_begin(c->env, NULL, 0, &t);
	while (c->first) {
		struct pending *p = c->first;
		MDB_val k = { p->kn, p->bytes };
		MDB_val v = { p->vn, p->bytes + p->kn };

		if (!rc)
			rc = mdb_put(t, c->dbi[p->table], &k, &v, 0);
		c->first = p->next;
		free(p);
	}
	c->last = &c->first;
	c->npending = 0;
	/* A full map is started anew; what it held is only a cache. */
	if (rc == MDB_MAP_FULL) {
		mdb_txn_abort(t);
		t = NULL;
		rc = mdb_txn_begin(c->env, NULL, 0, &t);
		for (int i = 0; !rc && i < META; i++)
			rc = mdb_drop(t, c->dbi[i], 0);
	}
	if (!rc)
		rc = mdb_txn_commit(t);
	else if (t)
		mdb_txn_abort(t);
	if (rc)
		dv_log_debug("the cache was not written: %s", mdb_strerror(rc));
}

static int get(struct dv_cache *c, enum table table, const void *k, size_t kn,
	       MDB_val *v)
{
	MDB_val key = { kn, (void *)k };

	if (!c->read) {
		if (mdb_txn_begin(c->env, NULL, MDB_RDONLY, &c->read)) {
			c->read = NULL;
			return 0;
		}
		c->reading = 1;
	} else if (!c->reading) {
		if (mdb_txn_renew(c->read))
			return 0;
		c->reading = 1;
	}
	if (mdb_get(c->read, c->dbi[table], &key, v) || v->mv_size < CHECK)
		return 0;
	v->mv_size -= CHECK;
	return dv_get64((uint8_t *)v->mv_data + v->mv_size) ==
	       check_of(c, table, k, kn, v->mv_data, v->mv_size);
}

static void path_key(const struct dv_cache *c, const char *path,
		     uint8_t out[16])
{
	XXH128_canonical_t canon;

	XXH128_canonicalFromHash(&canon,
		XXH3_128bits_withSeed(path, strlen(path), c->worktree));
	memcpy(out, canon.digest, 16);
}

#define OID_BYTES 41u
#define STAT_BYTES (73u + OID_BYTES)

static void oid_out(uint8_t *p, const struct dv_oid *oid)
{
	p[0] = oid->scheme;
	dv_put64(p + 1, oid->size);
	memcpy(p + 9, oid->id.b, DV_ID_SIZE);
}

static void oid_in(const uint8_t *p, struct dv_oid *oid)
{
	memset(oid, 0, sizeof(*oid));
	oid->scheme = p[0];
	oid->size = dv_get64(p + 1);
	memcpy(oid->id.b, p + 9, DV_ID_SIZE);
}

int dv_cache_stat_get(struct dv_cache *c, const char *path,
		      struct dv_stat_entry *e)
{
	const uint8_t *p;
	uint8_t key[16];
	MDB_val v;

	if (!c)
		return 0;
	path_key(c, path, key);
	if (!get(c, STAT, key, sizeof(key), &v) || v.mv_size != STAT_BYTES)
		return 0;
	p = v.mv_data;
	e->dev = dv_get64(p);
	e->ino = dv_get64(p + 8);
	e->size = dv_get64(p + 16);
	e->mtime_s = (int64_t)dv_get64(p + 24);
	e->ctime_s = (int64_t)dv_get64(p + 32);
	e->mtime_ns = dv_get32(p + 40);
	e->ctime_ns = dv_get32(p + 44);
	e->when_s = (int64_t)dv_get64(p + 48);
	memcpy(e->digest, p + 56, 16);
	e->has_digest = p[72] & 1;
	e->cut_here = p[72] >> 1 & 1;
	oid_in(p + 73, &e->oid);
	end_read(c);
	return 1;
}

void dv_cache_stat_put(struct dv_cache *c, const char *path,
		       const struct dv_stat_entry *e)
{
	uint8_t key[16], p[STAT_BYTES] = { 0 };

	if (!c)
		return;
	path_key(c, path, key);
	dv_put64(p, e->dev);
	dv_put64(p + 8, e->ino);
	dv_put64(p + 16, e->size);
	dv_put64(p + 24, (uint64_t)e->mtime_s);
	dv_put64(p + 32, (uint64_t)e->ctime_s);
	dv_put32(p + 40, e->mtime_ns);
	dv_put32(p + 44, e->ctime_ns);
	dv_put64(p + 48, (uint64_t)e->when_s);
	memcpy(p + 56, e->digest, 16);
	p[72] = (uint8_t)(e->has_digest | e->cut_here << 1);
	oid_out(p + 73, &e->oid);
	put(c, STAT, key, sizeof(key), p, sizeof(p));
}

int dv_stat_entry_fits(const struct dv_stat_entry *e, const struct stat *st)
{
	return e->dev == (uint64_t)st->st_dev &&
	       e->ino == (uint64_t)st->st_ino &&
	       e->size == (uint64_t)st->st_size &&
	       e->mtime_s == st->st_mtim.tv_sec &&
	       e->mtime_ns == (uint32_t)st->st_mtim.tv_nsec &&
	       e->ctime_s == st->st_ctim.tv_sec &&
	       e->ctime_ns == (uint32_t)st->st_ctim.tv_nsec &&
	       e->when_s - e->mtime_s >= RACY_SECONDS &&
	       e->when_s - e->ctime_s >= RACY_SECONDS;
}

void dv_stat_entry_fill(struct dv_stat_entry *e, const struct stat *st)
{
	memset(e, 0, sizeof(*e));
	e->dev = (uint64_t)st->st_dev;
	e->ino = (uint64_t)st->st_ino;
	e->size = (uint64_t)st->st_size;
	e->mtime_s = st->st_mtim.tv_sec;
	e->mtime_ns = (uint32_t)st->st_mtim.tv_nsec;
	e->ctime_s = st->st_ctim.tv_sec;
	e->ctime_ns = (uint32_t)st->st_ctim.tv_nsec;
	e->when_s = time(NULL);
}

int dv_cache_blob_get(struct dv_cache *c, const uint8_t *blob, size_t n,
		      struct dv_oid *oid)
{
	MDB_val v;

	if (!c || !get(c, BLOB, blob, n, &v))
		return -1;
	if (v.mv_size != OID_BYTES)
		return 0;
	oid_in(v.mv_data, oid);
	return 1;
}

void dv_cache_blob_put(struct dv_cache *c, const uint8_t *blob, size_t n,
		       const struct dv_oid *oid)
{
	uint8_t p[OID_BYTES] = { 0 };

	if (!c)
		return;
	if (oid)
		oid_out(p, oid);
	put(c, BLOB, blob, n, p, oid ? sizeof(p) : 1);
}

static void pushed_key(const char *uuid, const struct dv_oid *oid,
		       uint8_t key[65])
{
	memcpy(key, uuid, 32);
	key[32] = oid->scheme;
	memcpy(key + 33, oid->id.b, DV_ID_SIZE);
}

int dv_cache_pushed_get(struct dv_cache *c, const char *uuid,
			const struct dv_oid *oid)
{
	uint8_t key[65];
	MDB_val v;

	if (!c)
		return 0;
	pushed_key(uuid, oid, key);
	return get(c, PUSHED, key, sizeof(key), &v);
}

void dv_cache_pushed_put(struct dv_cache *c, const char *uuid,
			 const struct dv_oid *oid)
{
	uint8_t key[65];

	if (!c)
		return;
	pushed_key(uuid, oid, key);
	put(c, PUSHED, key, sizeof(key), "", 1);
}

int dv_cache_text_get(struct dv_cache *c, const struct dv_id *key,
		      struct dv_buf *out)
{
	MDB_val v;
	int found;

	if (!c)
		return 0;
	found = get(c, META, key->b, DV_ID_SIZE, &v) &&
		!dv_buf_add(out, v.mv_data, v.mv_size, NULL);
	end_read(c);
	return found;
}

void dv_cache_text_put(struct dv_cache *c, const struct dv_id *key,
		       const struct dv_buf *text)
{
	if (c)
		put(c, META, key->b, DV_ID_SIZE, text->p, text->n);
}

void dv_cache_pushed_forget(struct dv_cache *c)
{
	MDB_txn *t;

	if (!c)
		return;
	dv_cache_flush(c);
	end_read(c);
	if (mdb_txn_begin(c->env, NULL, 0, &t))
		return;
	if (mdb_drop(t, c->dbi[PUSHED], 0))
		mdb_txn_abort(t);
	else if (mdb_txn_commit(t))
		dv_log_debug("the cache was not written");
}
