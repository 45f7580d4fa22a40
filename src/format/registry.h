/*
 * The registry of one name: its versions, and the aliases that point at some.
 * JSON, see git-dv-format(5). The tree that was read is what is written, so
 * that fields which this program does not know stay.
 */
#ifndef DV_FORMAT_REGISTRY_H
#define DV_FORMAT_REGISTRY_H

#include "base/buf.h"
#include "format/pointer.h"

struct cJSON;

#define DV_REGISTRY_FORMAT 1
#define DV_NAME_MAX 100		/* bytes of a name, a version or an alias */

/* Strings are the tree's, or NULL where the version does not have them. */
struct dv_version {
	const char *id;
	const char *file;		/* from the top of the worktree */
	const char *original_file;
	const char *created;		/* ISO 8601 with a zone */
	int64_t created_us;		/* the same, since 1970 */
	uint64_t size;
	const char *sha256, *md5;	/* of the whole content, hex */
	struct dv_oid oid;		/* scheme 0: its content was never stored */
	const char *commit, *description;
	const struct cJSON *meta;	/* object of strings */
	struct cJSON *json;		/* the tree's own */
};

struct dv_registry {
	struct cJSON *root;
	struct dv_version *v;		/* oldest first; the last is `latest` */
	size_t n, cap;
};

/* An empty one. */
int dv_registry_init(struct dv_registry *r, struct dv_err *err) DV_MUST_USE;
void dv_registry_release(struct dv_registry *r);
/* DV_EINVAL says the line, or the version and the field. */
int dv_registry_parse(struct dv_registry *r, const void *p, size_t n,
		      struct dv_err *err) DV_MUST_USE;
/* Versions oldest first, fields in a fixed order, what is unknown last. */
int dv_registry_format(const struct dv_registry *r, struct dv_buf *out,
		       struct dv_err *err) DV_MUST_USE;
/*
 * Only what is named: for each version with a content its id and oid. More
 * tolerant than a parse: other fields may be wrong or of a later format. `each`
 * stops by returning not 0.
 */
int dv_registry_named(const void *p, size_t n,
		      int (*each)(void *arg, const char *id,
				  const struct dv_oid *oid),
		      void *arg, struct dv_err *err) DV_MUST_USE;

/* A version by its id alone, or NULL. Valid until a change, as all of v. */
const struct dv_version *dv_registry_find(const struct dv_registry *r,
					  const char *id);
/*
 * By id, alias, or `latest` (also for NULL). DV_ENOTFOUND says what there is.
 */
int dv_registry_resolve(const struct dv_registry *r, const char *what,
			const struct dv_version **out, struct dv_err *err)
	DV_MUST_USE;
/*
 * Record a version (strings are copied, json is not looked at). DV_EEXIST: the
 * id is taken, also one in other case, or is an alias.
 */
int dv_registry_add(struct dv_registry *r, const struct dv_version *v,
		    struct dv_err *err) DV_MUST_USE;
/* A copy of a version's whole object, which has this id there. */
int dv_registry_add_json(struct dv_registry *r, const char *id,
			 const struct cJSON *json, struct dv_err *err)
	DV_MUST_USE;
void dv_registry_remove(struct dv_registry *r, const char *id);
/* The object of aliases, or NULL. */
struct cJSON *dv_registry_aliases(const struct dv_registry *r);
/* What an alias points at, or NULL. */
const char *dv_registry_alias(const struct dv_registry *r, const char *alias);
/* Point it at a version; id NULL removes it. */
int dv_registry_alias_set(struct dv_registry *r, const char *alias,
			  const char *id, struct dv_err *err) DV_MUST_USE;

/*
 * Names of registries, versions and aliases become parts of file names: no
 * slash, no leading dot or dash, no '@', nothing that a shell or another
 * system takes for something else, or that people do not see. `what` is for the
 * message.
 */
int dv_name_check(const char *name, const char *what, struct dv_err *err)
	DV_MUST_USE;
/* What may be no name, for a message: other bytes than text as "\x1b". */
struct dv_name_text {
	char s[128];
};
struct dv_name_text dv_name_show(const char *name);
/* A path from the top that stays below it and out of .git. */
int dv_top_path_check(const char *path, struct dv_err *err) DV_MUST_USE;

/*
 * ISO 8601 to microseconds since 1970; 0 or -1. Without a zone it is local
 * time, and a day alone is its begin; only `local_ok` allows that.
 */
int dv_time_parse(const char *s, int local_ok, int64_t *us);
struct dv_time_text {
	char s[40];
};
/* In local time with its zone: "2026-01-31T12:00:00.123456+01:00". */
struct dv_time_text dv_time_text(int64_t us);

#endif
