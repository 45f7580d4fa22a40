/*
 * All packs of a store's packs/ folder and the way to find a record in them.
 *
 * Index files cover many packs each; a pack that none covers answers by its
 * own table. Published packs never change; other processes may add packs and
 * indexes at any time and, under the store's exclusive lock, remove packs
 * whose records stand elsewhere. So a look-up that misses rescans once
 * (dv_packset_rescan) before it is believed.
 *
 * Look-ups and reads may run on any thread; rescan and add on one at a time.
 */
#ifndef DV_STORE_PACKSET_H
#define DV_STORE_PACKSET_H

#include <pthread.h>

#include "base/idmap.h"
#include "format/index.h"

struct dv_pack {
	char name[33];
	uint8_t raw_name[16];
	uint64_t size;
	uint64_t table_off;
	int64_t mtime;		/* seconds; filled by who needs it */
	uint8_t *table;		/* its own rows; NULL when an index covers it */
	uint32_t count;		/* rows in `table` */
	int fd;			/* -1: not open; under fd_mu */
	int users;		/* under fd_mu */
	struct dv_pack *next_open;	/* under fd_mu */
	int indexed, gone, touched;
	int leaving;		/* being replaced: a rescan leaves it gone */
	int broken;		/* its table cannot be read; said once */
	int mark;		/* scratch of store/maintain.c */
	int doomed;		/* about to be removed: no place to store in */
};

/* Look-ups read it while a reader that finds the file absent sets it. */
static inline int dv_pack_gone(const struct dv_pack *p)
{
	return __atomic_load_n(&p->gone, __ATOMIC_RELAXED);
}

struct dv_index_file {
	char name[33];
	void *map;
	uint64_t size;
	struct dv_index_view view;
	struct dv_pack **packs;	/* by number; NULL where one is gone */
};

struct dv_packset {
	char *dir;		/* .../packs */
	char *index_dir;	/* .../index */
	struct dv_pack **v;	/* sorted by name */
	size_t n, cap;
	struct dv_index_file *idx;
	size_t nidx, idx_cap;
	int no_index;		/* a wrong one cannot be removed: use none */
	pthread_rwlock_t mu;
	pthread_mutex_t fd_mu;
	int open_fds;
	struct dv_pack *opened;
};

/* Where a record stands. The pack lives as long as the set. */
struct dv_loc {
	struct dv_pack *pack;
	struct dv_row row;
};

int dv_packset_open(struct dv_packset *s, const char *store_path,
		    struct dv_err *err) DV_MUST_USE;
void dv_packset_close(struct dv_packset *s);
int dv_packset_rescan(struct dv_packset *s, struct dv_err *err) DV_MUST_USE;
/* A pack that this process has just published. */
int dv_packset_add(struct dv_packset *s, const char *name,
		   struct dv_err *err) DV_MUST_USE;

/* 1: found, 0: not here. */
int dv_packset_find(struct dv_packset *s, enum dv_kind kind,
		    const struct dv_id *id, struct dv_loc *loc);
/* Further copies: those for which `skip` earlier ones were bad. */
int dv_packset_find_nth(struct dv_packset *s, enum dv_kind kind,
			const struct dv_id *id, unsigned int skip,
			struct dv_loc *loc);

/*
 * The row that the pack's own table has, where an index answered something
 * else. 1: found, and it differs from loc's; 0: not.
 */
int dv_packset_own_row(struct dv_packset *s, enum dv_kind kind,
		       const struct dv_id *id, struct dv_loc *loc);

/*
 * An open descriptor of the pack; give it back with _done. DV_ENOTFOUND when
 * the file is gone (then it is marked so, and found no more).
 */
int dv_packset_fd(struct dv_packset *s, struct dv_pack *p, int *fd,
		  struct dv_err *err) DV_MUST_USE;
void dv_packset_fd_done(struct dv_packset *s, struct dv_pack *p);
/*
 * Under the store's exclusive lock: its records are about to be put into other
 * packs, so nothing finds them here, until 0 takes that back. Then rescan.
 */
void dv_packset_leave(struct dv_packset *s, struct dv_pack *p, int leaving);
/* Note that the pack is in use: sets its mtime, once a process. */
void dv_packset_touch(struct dv_packset *s, struct dv_pack *p);
/* The pack's path; caller frees. */
char *dv_pack_path(const struct dv_packset *s, const struct dv_pack *p);
/*
 * A pack's own table, read and checked: `count` rows of DV_PACK_ROW bytes,
 * the caller's to free.
 */
int dv_pack_read_table(const struct dv_packset *s, struct dv_pack *p,
		       uint8_t **table, uint32_t *count,
		       struct dv_err *err) DV_MUST_USE;

#endif
