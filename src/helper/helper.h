/*
 * git-remote-dvstore: Git's conversation with a remote helper
 * (gitremote-helpers(7)) for dvstore::<URL>.
 *
 * What holds a `format` file, or is absent or empty, is a hosted repository:
 * Git's objects, its refs and the data in one store. What holds a Git
 * repository is paired with the data remote that is set up: content goes there
 * first, then Git's own transport moves the refs.
 */
#ifndef DV_HELPER_HELPER_H
#define DV_HELPER_HELPER_H

#include "base/log.h"
#include "format/manifest.h"
#include "repo/publish.h"

enum dv_forward {
	DV_FORWARD_NO,		/* need not be a fast-forward */
	DV_FORWARD_LIST,	/* must be one */
	DV_FORWARD_ASK,		/* must be one, but is between no two commits */
};

/* One line of a push: `push [+]<src>:<dst>`. */
struct dv_push_ref {
	char *src;		/* a local name, or "" to delete */
	char *dst;
	int force;
	char oid[65];		/* what src is; "" for a deletion */
	int is_commit;
	enum dv_forward forward;
	char listed[65];	/* what we said dst is; "" where absent */
	char error[512];	/* why it is refused; "" when it is not */
};

struct dv_helper {
	struct dv_repo repo;
	struct dv_repo settings;	/* never opened: git's own, of anywhere */
	struct dv_store store;
	struct dv_cache *cache;
	struct dv_pool *pool;
	struct dv_remote *remote;	/* hosted; NULL until it is there */
	char pinned[33];		/* the store it must be, or "" */
	const char *remote_name, *url;
	char *absolute;			/* the URL, if it was made so */
	int have_repo, have_store;
	/* options that Git set */
	int verbosity, progress, dry_run, atomic, deepen_relative;
	const char *sign;		/* for git push --signed=, or NULL */
	char *servpath;			/* for the next connect */
	char *upload_pack, *receive_pack;	/* paired: programs, or NULL */
	struct dv_strs push_options;
	struct dv_strs cas;		/* "<ref>:<expected id>", sorted */
	struct dv_strs fetch_options;	/* for git fetch, as --name=value */
	struct dv_push_ref *refs;
	size_t nrefs, cap;
	struct dv_manifest listed;	/* what list for-push said */
	struct dv_sha256 *sha;
};

enum dv_url_kind {
	DV_URL_HOSTED,
	DV_URL_PAIRED,
};

/* url.c: decide what the URL is. DV_EINVAL where it is neither. */
int dv_helper_kind(const char *url, enum dv_url_kind *kind,
		   struct dv_err *err) DV_MUST_USE;
int dv_helper_is_git(const char *path);
/*
 * A relative directory is meant from where git clone is run, and later commands
 * are run elsewhere: it is kept as an absolute one, as that of a plain path is.
 */
int dv_helper_settle(struct dv_helper *h, struct dv_err *err) DV_MUST_USE;
/* The repository, its store, cache and pool, for a push of content. */
int dv_helper_open(struct dv_helper *h, struct dv_err *err) DV_MUST_USE;
/* Content of everything in h->refs that is pushed. */
int dv_helper_content(struct dv_helper *h, struct dv_err *err) DV_MUST_USE;

/*
 * hosted.c. Open the store; DV_ENOTFOUND where there is none. With `create` it
 * is made, unless the remote had one there already (h->pinned).
 */
int dv_hosted_load(struct dv_helper *h, int create, struct dv_err *err)
	DV_MUST_USE;
/* From now on the remote of this name has this store there. */
void dv_hosted_pin(struct dv_helper *h);
/* The newest manifest into *m (number 0 where there is none). */
int dv_hosted_newest(struct dv_helper *h, struct dv_manifest *m,
		     struct dv_err *err) DV_MUST_USE;
/*
 * hosted-verify.c: the newest manifest, all bytes of its packs, and whether all is
 * there that its refs lead to. *number is 0 where no repository is hosted.
 */
int dv_hosted_verify(struct dv_remote *r, uint64_t *number, size_t *refs,
		     size_t *packs, struct dv_err *err) DV_MUST_USE;
/*
 * What git must not hear of us in another repository, as names to unset that end in
 * NULL: what git itself drops for it, and for a hosted one all that a server of its
 * own would not have.
 */
#define DV_CLEAN_ENV 20
void dv_helper_clean_env(const char *env[DV_CLEAN_ENV], int hosted);
/*
 * Run `git <service> <dir>` on our standard input and output, in the version of
 * the protocol that is set.
 */
int dv_helper_serve(struct dv_helper *h, const char *service, const char *dir,
		    int hosted, struct dv_err *err) DV_MUST_USE;
/* The same for the store, from a temporary bare repository. */
int dv_hosted_serve(struct dv_helper *h, const char *service,
		    struct dv_err *err) DV_MUST_USE;
/* hosted-push.c: perform h->refs; each gets its own result. */
int dv_hosted_push(struct dv_helper *h, struct dv_err *err) DV_MUST_USE;
/*
 * Create manifest m->number: 0 created (also by a try whose answer was lost),
 * DV_EEXIST others won.
 */
int dv_hosted_create(struct dv_helper *h, struct dv_manifest *m,
		     struct dv_err *err) DV_MUST_USE;
/*
 * hosted-packs.c. Run git pack-objects with `from` (--revs, --stdin-packs) and `in`
 * on its stdin, and put the pack on the store. *name is "" where there was nothing
 * to pack.
 */
int dv_hosted_pack(struct dv_helper *h, const char *from, const char *progress,
		   const char *const *env, const struct dv_buf *in,
		   char name[65], struct dv_err *err) DV_MUST_USE;
/*
 * Many small packs become one, by the rule of git repack --geometric, and a
 * manifest more. The packs it was made of stay for those who read an older one.
 */
int dv_hosted_merge(struct dv_helper *h, struct dv_manifest *m,
		    struct dv_err *err) DV_MUST_USE;
/* The --force-with-lease of a ref as "<ref>:<expected id>", or NULL. */
const char *dv_push_lease(const struct dv_helper *h, const char *dst);
/* The first reason counts. */
void dv_push_refuse(struct dv_push_ref *r, const char *why);
/* forward.c: refuse those that must be fast-forwards and are not. */
int dv_hosted_forward(struct dv_helper *h, struct dv_err *err) DV_MUST_USE;
/*
 * Make a branch that is there the one that HEAD names. *changed is 0 where it
 * was already. The URL is without `dvstore::`.
 */
int dv_hosted_set_head(const char *url, const char *branch, int *changed,
		       struct dv_err *err) DV_MUST_USE;
/* DV_ENOTFOUND or DV_ECORRUPT where a pack of the manifest is not whole. */
int dv_hosted_check(struct dv_helper *h, const struct dv_manifest *m,
		    struct dv_err *err) DV_MUST_USE;
/* The same of one file of a pack, "pack" or "idx". */
int dv_hosted_check_file(struct dv_helper *h, const char *name, const char *ext,
			 struct dv_err *err) DV_MUST_USE;
/* A bare repository with the manifest's packs; caller removes and frees it. */
int dv_hosted_bare(struct dv_helper *h, const struct dv_manifest *m,
		   char **dir, struct dv_err *err) DV_MUST_USE;

/* paired.c */
/* How many helpers this one was started by, through git. */
int dv_paired_depth(void);
int dv_paired_list(struct dv_helper *h, int for_push, struct dv_err *err)
	DV_MUST_USE;
/* The ids are sorted. */
int dv_paired_fetch(struct dv_helper *h, const struct dv_strs *ids,
		    struct dv_err *err) DV_MUST_USE;
int dv_paired_push(struct dv_helper *h, struct dv_err *err) DV_MUST_USE;

/* helper.c: the whole conversation. Returns an exit code. */
int dv_helper_main(const char *remote_name, const char *url);

#endif
