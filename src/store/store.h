/*
 * The local store: $GIT_COMMON_DIR/dv, shared by all worktrees, or the place
 * that dv.store names, which several clones may share.
 *
 *	format		uuid and version
 *	packs/<name>	published packs: a rename into it is the publication
 *	incoming/<name>	packs being written, each locked by its writer
 *	index/<name>	tables over many packs (a cache)
 *	lock		shared by writers, exclusive for what unlinks packs
 *	epoch		another text whenever content was removed or set aside
 *	clones/<name>	the repositories that use the store: roots of gc
 *	quarantine/	records that did not match their id
 *	tmp/		content on its way to a worktree
 *
 * What is in packs/ was synced before. A crash at any point leaves published
 * packs whole and incoming ones to be salvaged by the next dv_store_open:
 * records describe themselves, so all good ones up to a torn header are kept.
 */
#ifndef DV_STORE_STORE_H
#define DV_STORE_STORE_H

#include "store/base.h"
#include "store/packset.h"

struct dv_store {
	char *path;
	char uuid[33];
	struct dv_packset set;
	int lock_fd;		/* -1 until a writer needs it */
	int writers;		/* transactions open in this process */
	int read_only;		/* the file system, its rights, or
				   unknown_write say so */
	struct dv_bases bases;	/* decoded, of deltas read lately */
	int64_t rescanned;	/* when a miss was last followed by a rescan */
	char epoch[33];		/* as it was before `set` was read, or "" */
	char unknown_write[64];	/* a feature that forbids writing, or "" */
	char unknown_gc[64];	/* a feature that forbids collecting, or "" */
};

enum dv_store_flags {
	DV_STORE_CREATE = 1,	/* make it where it is absent */
	DV_STORE_READ = 2,	/* somebody else's: touch nothing */
};

/*
 * DV_ENOTFOUND: no store there; DV_EINVAL: of a later version. Salvages what
 * crashed writers left.
 */
int dv_store_open(struct dv_store *s, const char *path, unsigned int flags,
		  struct dv_err *err) DV_MUST_USE;
void dv_store_close(struct dv_store *s);
/*
 * List this repository (its absolute common dir) in clones/, and whether the
 * store stands inside of it.
 */
int dv_store_register(struct dv_store *s, const char *git_common_dir,
		      struct dv_err *err) DV_MUST_USE;

/* 1 or 0. A miss rescans the packs, once a second, unless `quick`. */
int dv_store_has(struct dv_store *s, enum dv_kind kind,
		 const struct dv_id *id);
int dv_store_has_quick(struct dv_store *s, enum dv_kind kind,
		       const struct dv_id *id);
/* The record of dv_oid_kind. */
int dv_store_has_file(struct dv_store *s, const struct dv_oid *oid);
int dv_store_locate(struct dv_store *s, enum dv_kind kind,
		    const struct dv_id *id, struct dv_loc *loc);

/*
 * Read a record, verified. *p gets *n bytes, valid until the coder's next
 * use. DV_ENOTFOUND: not here; DV_ECORRUPT: every copy is damaged.
 */
int dv_store_read(struct dv_store *s, struct dv_coder *c, enum dv_kind kind,
		  const struct dv_id *id, const uint8_t **p, size_t *n,
		  struct dv_err *err) DV_MUST_USE;
/*
 * A chunk from a record that is no delta: one that may be a base. DV_ENOTFOUND
 * where there is none.
 */
int dv_store_read_whole(struct dv_store *s, struct dv_coder *c,
			const struct dv_id *id, const uint8_t **p, size_t *n,
			struct dv_err *err) DV_MUST_USE;
/* Is there such a record? Without a rescan. */
int dv_store_has_whole(struct dv_store *s, const struct dv_id *id);
/*
 * Can this chunk be read, as far as tables tell: it stands whole, or as a delta
 * whose base does. Without a rescan.
 */
int dv_store_can_read(struct dv_store *s, const struct dv_id *id);
/* The base of a delta record, from its header alone. */
int dv_store_base_id(struct dv_store *s, const struct dv_loc *loc,
		     struct dv_id *base, struct dv_err *err) DV_MUST_USE;
/* The record as it stands: header and payload, checked against the row. */
int dv_store_read_record(struct dv_store *s, struct dv_coder *c,
			 const struct dv_loc *loc, struct dv_rec *rec,
			 const uint8_t **payload, struct dv_err *err)
	DV_MUST_USE;

/* 0, or why nothing can be written: DV_EAUTH, DV_EINVAL. */
int dv_store_writable(const struct dv_store *s, struct dv_err *err)
	DV_MUST_USE;
/*
 * Take or drop the store's lock for writing. Nested takes count. An exclusive
 * take does not wait: DV_EAGAIN while any process writes.
 */
int dv_store_lock_shared(struct dv_store *s, struct dv_err *err) DV_MUST_USE;
void dv_store_unlock(struct dv_store *s);
/*
 * Under the exclusive lock, before content is removed, and with `removing` 0
 * once it is: whoever has listed the packs by then lists them again when it
 * takes the lock for writing, and so never finds "there already" what is gone.
 * Between the two, and after a crash there, nobody trusts an old list.
 */
int dv_store_new_epoch(struct dv_store *s, int removing, struct dv_err *err)
	DV_MUST_USE;
int dv_store_lock_excl(struct dv_store *s, struct dv_err *err) DV_MUST_USE;
void dv_store_unlock_excl(struct dv_store *s);

/*
 * store/recover.c: salvage incoming/; part of dv_store_open. Leaves alone what
 * a living process or another user holds: dv_store_incoming counts that.
 */
int dv_store_recover(struct dv_store *s, struct dv_err *err) DV_MUST_USE;
int dv_store_incoming(const struct dv_store *s, size_t *packs,
		      struct dv_err *err) DV_MUST_USE;

#endif
