/*
 * Named versions: the registries in .dv/registry/ of a worktree, one JSON file
 * a name (format/registry.h), committed with the code.
 *
 * A registry is named only after the content that it names is durable, and is
 * itself put in place by a rename. Who changes one holds the lock from loading
 * to saving. Paths in messages are from the top of the worktree. No symbolic
 * link is followed: nothing outside of .dv/registry/ is read or written.
 */
#ifndef DV_CATALOG_CATALOG_H
#define DV_CATALOG_CATALOG_H

#include "format/registry.h"
#include "repo/history.h"
#include "repo/named.h"

/* What the folder's own .gitattributes says of the registries. */
#define DV_REGISTRY_ATTRS "merge=dvregistry -filter !diff text eol=lf"

/* Waits for other processes. Closing the descriptor ends it. */
int dv_catalog_lock(struct dv_repo *r, int *fd, struct dv_err *err)
	DV_MUST_USE;
/* All names, sorted. Files whose name is none are warned of. */
int dv_catalog_names(struct dv_repo *r, struct dv_strs *out,
		     struct dv_err *err) DV_MUST_USE;
/* DV_ENOTFOUND: no such name. DV_EINVAL says file, reason and next step. */
int dv_catalog_load(struct dv_repo *r, const char *name,
		    struct dv_registry *out, struct dv_err *err) DV_MUST_USE;
/*
 * For a name that may be new: an empty registry where there is none, DV_EEXIST
 * where there is one whose name differs in case only.
 */
int dv_catalog_load_new(struct dv_repo *r, const char *name,
			struct dv_registry *out, struct dv_err *err)
	DV_MUST_USE;
/* What dv_catalog_save would write; its errors that are not of the disk. */
int dv_catalog_text(const char *name, const struct dv_registry *reg,
		    struct dv_buf *out, struct dv_err *err) DV_MUST_USE;
/* Durable when it returns. */
int dv_catalog_save(struct dv_repo *r, const char *name,
		    const struct dv_registry *reg, struct dv_err *err)
	DV_MUST_USE;
int dv_catalog_remove(struct dv_repo *r, const char *name, struct dv_err *err)
	DV_MUST_USE;
int dv_catalog_rename(struct dv_repo *r, const char *from, const char *to,
		      struct dv_err *err) DV_MUST_USE;
/*
 * What keeps registries of these names out of commits, or has them go in as
 * pointers: for each a message that names the file and the next step.
 */
int dv_catalog_unshared(const struct dv_repo *r, const struct dv_strs *names,
			struct dv_strs *out, struct dv_err *err) DV_MUST_USE;
/* An id made of the time that is not taken: v20260131_120000, ..._2. */
char *dv_catalog_fresh_id(const struct dv_registry *reg, int64_t now_us);

/*
 * Three-way merge of one registry into `ours`: the union by version. What one
 * side added, changed or removed and the other did not is taken. Each of
 * `conflicts` says a version, alias or field that both sides made different, a
 * name that they gave to two things, also but for its case, or an alias whose
 * version one side removed. Ours stays there, and the version of that alias.
 */
int dv_catalog_merge(const struct dv_registry *base, struct dv_registry *ours,
		     const struct dv_registry *theirs,
		     struct dv_strs *conflicts, struct dv_err *err)
	DV_MUST_USE;

/* A version of an old data_registry.json; what it does not say is NULL. */
struct dv_old_version {
	const char *name;
	struct dv_version v;	/* id, file, ... */
	int created_known;
	struct cJSON *meta;	/* fields that we have no place for */
};

struct dv_old_registry {
	struct cJSON *root;
	struct dv_old_version *v;
	size_t n, cap;
};

/*
 * {name: {version: {file, original_file, created, size_bytes, size_mb,
 * checksum, description}}}. Paths stay as they are; strings are the tree's.
 */
int dv_old_registry_parse(struct dv_old_registry *o, const void *p, size_t n,
			  struct dv_err *err) DV_MUST_USE;
void dv_old_registry_release(struct dv_old_registry *o);

/*
 * Everything that a registry names and gc must keep: in the files and indexes
 * of all worktrees, in all commits that a ref, a HEAD, a reflog or one of `tips`
 * reaches, and in trees and files that refs and tips name. The path of each is
 * that of the registry file. Where a file, an index or the tip of a ref has a
 * registry that cannot be read, this fails: what it names is not known.
 * Unreadable ones in older commits are warned of.
 */
int dv_registry_oids(struct dv_repo *r, const struct dv_strs *tips,
		     struct dv_ptrs *out, struct dv_err *err) DV_MUST_USE;

#endif
