/* Files of named versions: into the store, and out of it to a place. */
#ifndef DV_CMD_NAMED_FILE_H
#define DV_CMD_NAMED_FILE_H

#include "catalog/catalog.h"
#include "cmd/cmd.h"
#include "filter/session.h"

struct dv_stored {
	struct dv_oid oid;
	struct stat st;
	char sha256[65], md5[33];
};

/*
 * Content of a worktree file into the store. `path` is from the top, and the
 * current folder is the top. Durable after dv_session_publish. DV_ENOTFOUND
 * where there is no such file, DV_EINVAL where it is none to record: a link, a
 * pointer, empty.
 */
int dv_named_store(struct dv_session *s, const char *path,
		   struct dv_stored *out, struct dv_err *err) DV_MUST_USE;

/*
 * Between publication and the registry that names it, gc could take content
 * for unneeded. Under the store's lock, which ends with dv_named_drop, it
 * cannot run: hold the lock, see that the content is there, save the registry.
 */
int dv_named_hold(struct dv_session *s, struct dv_err *err) DV_MUST_USE;
int dv_named_still(struct dv_session *s, const struct dv_oid *oid,
		   struct dv_err *err) DV_MUST_USE;
void dv_named_drop(struct dv_session *s);

/* Where content is to be written: a name in an open folder. */
struct dv_target {
	int dir;
	char *name;
	char *shown;		/* for messages */
};

/*
 * A path from the top, of a registry, so nothing to be trusted: checked, no
 * symbolic link followed. Missing folders are made.
 */
int dv_target_top(struct dv_target *t, const struct dv_repo *r,
		  const char *path, struct dv_err *err) DV_MUST_USE;
/* The path that a user gave: taken as it is. A folder gets `base` in it. */
int dv_target_user(struct dv_target *t, const char *path, const char *base,
		   struct dv_err *err) DV_MUST_USE;
/* NAME_VERSION.ext (version NULL: NAME_latest.ext) for `file`. */
char *dv_target_link_name(const char *name, const char *version,
			  const char *file);
void dv_target_close(struct dv_target *t);

/*
 * The version's content to the target, verified, by a rename. *how says "wrote",
 * "cloned" or "kept" (it was there). Refuses to replace content that neither
 * the store nor Git has, unless `force`.
 */
int dv_named_write(struct dv_ctx *c, const struct dv_version *v,
		   struct dv_target *t, int force, const char **how,
		   struct dv_err *err) DV_MUST_USE;
/*
 * The content to standard output; DV_ECORRUPT when all of it is out, and is not
 * what the registry says.
 */
int dv_named_send(struct dv_ctx *c, const struct dv_version *v,
		  struct dv_err *err) DV_MUST_USE;
/*
 * Point the symbolic link NAME_latest.ext beside the target at it if v, of reg,
 * is the latest version; nothing but a link is replaced. 1: it is not, so that
 * nothing was done.
 */
int dv_named_link(struct dv_target *t, const char *name,
		  const struct dv_registry *reg, const struct dv_version *v,
		  struct dv_err *err) DV_MUST_USE;
/* Bring the content here, from wherever it is. */
int dv_named_fetch(struct dv_ctx *c, const char *name,
		   const struct dv_version *v, struct dv_err *err) DV_MUST_USE;

/* Warn where git would not commit this registry (NULL: any) as what it is. */
void dv_named_warn_unshared(struct dv_repo *r, const char *name);

/* NAME, NAME@VERSION or NAME@ALIAS; *version NULL without one. Changes arg. */
void dv_named_split(char *arg, const char **version);
/* Load, and resolve; messages name NAME. */
int dv_named_open(struct dv_repo *r, const char *name, const char *version,
		  struct dv_registry *reg, const struct dv_version **v,
		  struct dv_err *err) DV_MUST_USE;

/* git dv registry import; argv[0] is "import". */
int dv_registry_import(int argc, char **argv);

#endif
