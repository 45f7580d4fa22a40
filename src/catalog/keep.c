#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "catalog/catalog.h"
#include "format/json.h"

#define LIST_MAX (64u << 20)

struct one_file {
	struct dv_ptrs *out;
	const char *path;
};

static int add_named(void *arg, const char *id, const struct dv_oid *oid)
{
	struct one_file *f = arg;

	(void)id;
	return dv_ptrs_add(f->out, f->path, oid, NULL, NULL);
}

static int refuse(const char *where, struct dv_err *err)
{
	return dv_err_set(err, DV_EINVAL,
			  "'%s' cannot be read, so what it names is not known; repair or remove it",
			  where);
}

/* Registries of a worktree, as they stand there. */
static int of_files(const char *top, struct dv_ptrs *out, struct dv_err *err)
{
	struct dv_repo r = { .top = (char *)top };
	struct dv_strs names = { 0 };
	int rc = dv_catalog_names(&r, &names, err);

	for (size_t i = 0; !rc && i < names.n; i++) {
		char *path = dv_fmt("%s/" DV_REGISTRY_DIR "/%s"
				    DV_REGISTRY_SUFFIX, top, names.v[i]);
		struct one_file f = { out, path };
		struct dv_buf text = { 0 };
		struct stat st;

		if (!path)
			rc = dv_err_nomem(err);
		else if (lstat(path, &st) || !S_ISREG(st.st_mode) ||
			 dv_file_read(path, &text, DV_JSON_MAX, NULL))
			rc = refuse(path, err);
		if (!rc) {
			rc = dv_registry_named(text.p, text.n, add_named, &f,
					       NULL);
			if (rc)
				rc = refuse(path, err);
		}
		dv_buf_release(&text);
		free(path);
	}
	dv_strs_release(&names);
	return rc;
}

/*
 * A lock says that the folder comes back: its disk is away, or only the folder
 * that it is mounted on is here.
 */
static int check_locked(const char *top, struct dv_err *err)
{
	char *link = dv_fmt("%s/.git", top);
	int here = link && dv_file_exists(link);

	free(link);
	if (!link)
		return dv_err_nomem(err);
	return here ? 0 : dv_err_set(err, DV_ENOTFOUND,
		"the worktree '%s' is locked and not there, so what its registries name is not known; mount its disk or, if it is gone for good, 'git worktree unlock' it",
		top);
}

static int of_worktrees(struct dv_repo *r, struct dv_ptrs *out,
			struct dv_err *err)
{
	static const char *const args[] = { "worktree", "list", "--porcelain",
					    "-z", NULL };
	struct dv_buf list = { 0 };
	const char *top = "";
	int rc = r->top ? of_files(r->top, out, err) : 0;

	if (!rc)
		rc = dv_git(args, LIST_MAX, &list, err);
	for (char *p = (char *)list.p, *end = p + list.n; !rc && p < end;
	     p += strlen(p) + 1) {
		if (!strncmp(p, "worktree ", 9)) {
			top = p + 9;
			if (dv_dir_exists(top) &&
			    (!r->top || strcmp(top, r->top) != 0))
				rc = of_files(top, out, err);
		} else if (!strcmp(p, "locked") || !strncmp(p, "locked ", 7)) {
			rc = check_locked(top, err);
		}
	}
	dv_buf_release(&list);
	return rc;
}

static int of_index(struct dv_repo *r, const char *path, struct dv_ptrs *out,
		    struct dv_err *err)
{
	struct dv_unread unread = { 0 };
	int rc = 0;

	if (!path || dv_file_exists(path))
		rc = dv_named_of_index(r, path, out, &unread, err);
	if (!rc && unread.paths.n) {
		rc = refuse(unread.paths.v[0], err);
		dv_err_prefix(err, "in the index '%s'", path ? path : "");
	}
	dv_unread_release(&unread);
	return rc;
}

/* The main one's and those of linked worktrees, also where these are gone. */
static int of_indexes(struct dv_repo *r, struct dv_ptrs *out,
		      struct dv_err *err)
{
	char *dir = dv_fmt("%s/worktrees", r->common_dir);
	char *own = dv_repo_index_path(r);
	char *main = dv_fmt("%s/index", r->common_dir);
	struct dv_strs names = { 0 };
	int rc = dir && own && main ? of_index(r, own, out, err) :
				      dv_err_nomem(err);

	if (!rc && strcmp(own, main) != 0)
		rc = of_index(r, main, out, err);
	if (!rc && dv_dir_exists(dir))
		rc = dv_dir_list(dir, &names, err);
	for (size_t i = 0; !rc && i < names.n; i++) {
		char *path = dv_fmt("%s/%s/index", dir, names.v[i]);

		rc = path ? of_index(r, path, out, err) : dv_err_nomem(err);
		free(path);
	}
	dv_strs_release(&names);
	free(main);
	free(own);
	free(dir);
	return rc;
}

/* Is one of the unread blobs what a ref has now? */
static int check_tips(struct dv_repo *r, struct dv_err *err)
{
	struct dv_strs refs = { 0 }, commits = { 0 };
	struct dv_unread unread = { 0 };
	struct dv_ptrs again = { 0 };
	int rc = dv_all_refs(&refs, err);

	if (!rc)
		rc = dv_known_commits(r, &refs, &commits, err);
	for (size_t i = 0; !rc && i < commits.n; i++) {
		rc = dv_named_of_commit(r, commits.v[i], &again, &unread, err);
		if (!rc && unread.paths.n) {
			rc = refuse(unread.paths.v[0], err);
			dv_err_prefix(err, "in commit %.12s, the tip of a ref",
				      commits.v[i]);
		}
	}
	dv_unread_release(&unread);
	dv_ptrs_release(&again);
	dv_strs_release(&commits);
	dv_strs_release(&refs);
	return rc;
}

int dv_registry_oids(struct dv_repo *r, const struct dv_strs *tips,
		     struct dv_ptrs *out, struct dv_err *err)
{
	struct dv_unread unread = { 0 };
	int rc = of_worktrees(r, out, err);

	if (!rc)
		rc = of_indexes(r, out, err);
	if (!rc)
		rc = dv_named_of_all(r, out, &unread, err);
	if (!rc)
		rc = dv_named_of_tips(r, tips, out, &unread, err);
	if (!rc && unread.paths.n) {
		rc = check_tips(r, err);
		if (!rc)
			dv_unread_warn(&unread);
	}
	dv_unread_release(&unread);
	return rc;
}
