/*
 * Commands: one file each, one table of them all (cmd/table.c). A command
 * parses its options with dv_opt_parse, opens what it needs through a
 * dv_ctx, and returns its exit code.
 */
#ifndef DV_CMD_CMD_H
#define DV_CMD_CMD_H

#include "base/log.h"
#include "base/opt.h"
#include "repo/cache.h"
#include "repo/history.h"
#include "repo/remotes.h"
#include "repo/repo.h"
#include "store/content.h"

struct dv_cmd {
	const char *name;
	const char *area;	/* heading in `git dv help`; NULL hides it */
	const char *summary;
	int (*run)(int argc, char **argv);
};

extern const struct dv_cmd dv_cmds[];	/* ends with name NULL */

/* What a command works on; opened as needed, closed once. */
struct dv_ctx {
	struct dv_repo repo;
	struct dv_store store;
	struct dv_cache *cache;
	struct dv_pool *pool;
	struct dv_coder coder;
	struct dv_buf shown;	/* the path of dv_ctx_path */
	int have_repo, have_store, have_coder;
};

/* Each prints its error and returns an exit code, or 0. */
int dv_ctx_repo(struct dv_ctx *c);		/* and the cache */
int dv_ctx_worktree(struct dv_ctx *c);		/* refuses a bare one */
int dv_ctx_outside(struct dv_ctx *c);		/* refuses the inside of .git */
/* And the current folder is the worktree's top, where hooks stand, too. */
int dv_ctx_at_top(struct dv_ctx *c);
int dv_ctx_store(struct dv_ctx *c, int create);
int dv_ctx_pool(struct dv_ctx *c);
void dv_ctx_close(struct dv_ctx *c);

/* Print "error: ..." and return 1 (130 when interrupted). */
int dv_fail(const struct dv_err *err);
/*
 * A path as a line or a table has it, quoted as Git does (core.quotePath), and
 * as a sentence has it: in single quotes, where Git's are not needed. Both are
 * good until the next call. Not for -z, and not for JSON.
 */
const char *dv_ctx_path(struct dv_ctx *c, const char *path);
const char *dv_ctx_named(struct dv_ctx *c, const char *path);
/*
 * "path" in a JSON object; for one that is not UTF-8 also its bytes in hex, as
 * "path_hex".
 */
struct cJSON;
void dv_json_path(struct cJSON *o, const char *path);
/* A document of --json: an object with the version of its format, 1. */
struct cJSON *dv_json_root(void);
/* Write it to standard output; takes the tree. */
int dv_json_show(struct cJSON *root, struct dv_err *err) DV_MUST_USE;
/* The same under other names. */
void dv_json_path_as(struct cJSON *o, const char *key, const char *hex_key,
		     const char *path);
/*
 * Append a path argument as it is from the top of the worktree, "." and ".."
 * resolved. DV_EINVAL: outside of it.
 */
int dv_path_from_top(struct dv_ctx *c, const char *arg, struct dv_strs *out,
		     struct dv_err *err) DV_MUST_USE;
/* A file of the worktree that is neither content nor a pointer any more? */
int dv_file_is_spoilt(int dir_fd, const char *name);
/* From dv_opt_parse: -1 gives 0, -2 gives 129. */
int dv_opt_exit(int parsed);

/* What fetch, pull, checkout and push are asked for. */
struct dv_select {
	const char *remote;		/* by name, or NULL */
	struct dv_strs revs;		/* commits, full ids */
	struct dv_strs paths;		/* from the top; patterns allowed */
	struct dv_strs include, exclude;
	int only_paths;			/* operands are nothing else */
};

void dv_select_release(struct dv_select *s);
/*
 * Sort operands into a remote (the first, where it is one), commits, and
 * paths; `dashdash` as dv_opt_parse gives it.
 */
int dv_select_parse(struct dv_ctx *c, struct dv_select *s, char **argv, int n,
		    int dashdash, struct dv_err *err) DV_MUST_USE;
/*
 * A path argument, from the top of the worktree: "." and ".." resolved, by name
 * alone. "" is the top.
 */
int dv_top_path(const struct dv_repo *r, const char *arg, struct dv_buf *out,
		struct dv_err *err) DV_MUST_USE;
/* Add dv.include and dv.exclude where the command line has none. */
int dv_select_defaults(struct dv_ctx *c, struct dv_select *s,
		       struct dv_err *err) DV_MUST_USE;
int dv_select_has(const struct dv_select *s, const char *path);
/* Refuse paths that name neither a pointer of the list nor a file here. */
int dv_select_check(struct dv_ctx *c, const struct dv_select *s,
		    const struct dv_ptrs *ptrs, struct dv_err *err)
	DV_MUST_USE;

/* Fetch what these pointers need and lack. *n gets how many were missing. */
int dv_cmd_fetch(struct dv_ctx *c, const struct dv_select *s,
		 const struct dv_ptrs *ptrs, int dry_run, size_t *n,
		 struct dv_err *err) DV_MUST_USE;
/* Place content where worktree files are pointers. */
struct dv_checkout {
	int dry_run;		/* print what would be placed */
	int fetch;		/* with dry_run: as if all were fetched before */
	int name_blocked;	/* name what is in the way of a file */
	size_t placed, left, refused, blocked;	/* the outcome */
};

int dv_cmd_checkout(struct dv_ctx *c, const struct dv_select *s,
		    const struct dv_ptrs *ptrs, struct dv_checkout *how,
		    struct dv_err *err) DV_MUST_USE;
int dv_cmd_add(int argc, char **argv);
int dv_cmd_alias(int argc, char **argv);
int dv_cmd_cat(int argc, char **argv);
int dv_cmd_checkout_main(int argc, char **argv);
int dv_cmd_diff(int argc, char **argv);
int dv_cmd_du(int argc, char **argv);
int dv_cmd_env(int argc, char **argv);
int dv_cmd_fetch_main(int argc, char **argv);
int dv_cmd_gc(int argc, char **argv);
int dv_cmd_get(int argc, char **argv);
int dv_cmd_help(int argc, char **argv);
int dv_cmd_hook(int argc, char **argv);
int dv_cmd_info(int argc, char **argv);
int dv_cmd_init(int argc, char **argv);
int dv_cmd_install(int argc, char **argv);
int dv_cmd_list(int argc, char **argv);
int dv_cmd_ls_files(int argc, char **argv);
int dv_cmd_merge_driver(int argc, char **argv);
int dv_cmd_merge_registry(int argc, char **argv);
int dv_cmd_pointer(int argc, char **argv);
int dv_cmd_prune(int argc, char **argv);
int dv_cmd_pull(int argc, char **argv);
int dv_cmd_push_main(int argc, char **argv);
int dv_cmd_registry(int argc, char **argv);
int dv_cmd_remote(int argc, char **argv);
int dv_cmd_remove(int argc, char **argv);
int dv_cmd_rename(int argc, char **argv);
int dv_cmd_status(int argc, char **argv);
int dv_cmd_track(int argc, char **argv);
int dv_cmd_uninstall(int argc, char **argv);
int dv_cmd_untrack(int argc, char **argv);
int dv_cmd_verify(int argc, char **argv);
int dv_cmd_version(int argc, char **argv);
int dv_cmd_watch(int argc, char **argv);

/* cmd/cmd-remote-check.c: prove that a store keeps the backend contract. */
int dv_remote_check_url(const char *url, struct dv_err *err) DV_MUST_USE;
int dv_remote_check_name(struct dv_ctx *c, const char *name,
			 struct dv_err *err) DV_MUST_USE;

/*
 * cmd/ask.c: ask on the person's terminal, even where stdin is none. 1 yes,
 * 0 no, -1 where there is no terminal (or we are not in its foreground).
 */
int dv_ask(const char *question);

/* cmd/hook-report.c: print findings, and do what dv.hookMode says. */
struct dv_findings;
int dv_hook_report(struct dv_ctx *c, const struct dv_findings *f, int push,
		   int dry_run, struct dv_err *err) DV_MUST_USE;

/*
 * cmd/ignore.c: lines that .gitignore needs so that no store and no temporary
 * file is committed. Appended; and those that are missing from the file, added.
 */
int dv_ignore_missing(struct dv_repo *r, struct dv_strs *out,
		      struct dv_err *err) DV_MUST_USE;
int dv_ignore_add(struct dv_repo *r, const struct dv_strs *lines,
		  struct dv_err *err) DV_MUST_USE;

/* cmd/setup.c: filter.dv.*, merge.dv.* and merge.dvregistry.* in one scope. */
int dv_setup_filters(const char *where, struct dv_err *err) DV_MUST_USE;
/* For clones that were set up before there were registries. */
int dv_setup_registry_merge(struct dv_repo *r, struct dv_err *err) DV_MUST_USE;
int dv_remove_filters(const char *where, struct dv_err *err) DV_MUST_USE;
/*
 * Does git run the filter here? Without it, it takes pointers for content and
 * content for pointers. Warns where it does not, unless err is given.
 */
int dv_have_filter(struct dv_repo *r, struct dv_err *err);

#endif
