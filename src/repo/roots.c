#include "repo/roots.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/proc.h"
#include "repo/objects.h"

#define LIST_MAX ((size_t)4 << 30)
#define STATE_MAX ((size_t)64 << 20)
#define UNSAFE_MAX ((size_t)64 << 20)
#define SHORT_ID 7

struct walk {
	const struct dv_roots *r;
	const char *dir;
	struct dv_repo repo;
	struct dv_strs git_dirs;	/* of all worktrees, the main one first */
	struct dv_buf tips;		/* ids, one a line: for --stdin */
};

static int one_git_dir(struct walk *w, const char *sub, struct dv_err *err)
{
	char *path = *sub ? dv_fmt("%s/%s", w->dir, sub) : strdup(w->dir);
	int rc = path ? dv_strs_add(&w->git_dirs, path, err) :
			dv_err_nomem(err);

	free(path);
	return rc;
}

static int find_git_dirs(struct walk *w, struct dv_err *err)
{
	char *dir = dv_fmt("%s/worktrees", w->dir);
	struct dv_strs names = { 0 };
	int rc = dir ? one_git_dir(w, "", err) : dv_err_nomem(err);

	if (!rc) {
		rc = dv_dir_list(dir, &names, err);
		if (rc == DV_ENOTFOUND)
			rc = 0;
	}
	for (size_t i = 0; !rc && i < names.n; i++) {
		char *head = dv_fmt("%s/%s/HEAD", dir, names.v[i]);
		char *sub = dv_fmt("worktrees/%s", names.v[i]);

		if (!head || !sub)
			rc = dv_err_nomem(err);
		else if (dv_file_exists(head))
			rc = one_git_dir(w, sub, err);
		free(head);
		free(sub);
	}
	dv_strs_release(&names);
	free(dir);
	return rc;
}

/* Words of hexadecimal digits: perhaps ids. */
static int take_words(const char *p, size_t n, size_t min, struct dv_buf *out,
		      struct dv_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < n;) {
		size_t from = i;

		while (i < n && isalnum((unsigned char)p[i]))
			i++;
		if (i - from >= min && i - from <= 64 &&
		    dv_hex_valid(p + from, i - from)) {
			rc = dv_buf_add(out, p + from, i - from, err);
			if (!rc)
				rc = dv_buf_addstr(out, "\n", err);
		}
		i += i == from;
	}
	return rc;
}

static int take_file(const char *dir, const char *name, size_t min,
		     struct dv_buf *out, struct dv_err *err)
{
	char *path = dv_fmt("%s/%s", dir, name);
	struct dv_buf text = { 0 };
	struct stat st;
	int rc = 0;

	if (!path)
		return dv_err_nomem(err);
	if (!lstat(path, &st) && S_ISREG(st.st_mode)) {
		rc = dv_file_read(path, &text, STATE_MAX, err);
		if (rc == DV_ENOTFOUND)
			rc = 0;		/* it ended just now */
		else if (!rc)
			rc = take_words((const char *)text.p, text.n, min, out,
					err);
	}
	dv_buf_release(&text);
	free(path);
	return rc;
}

static int is_state_name(const char *name)
{
	for (; *name; name++)
		if (!isupper((unsigned char)*name) && *name != '_')
			return 0;
	return 1;
}

/*
 * What git keeps beside refs while something is in progress: HEAD, ORIG_HEAD,
 * FETCH_HEAD, MERGE_HEAD, CHERRY_PICK_HEAD, REVERT_HEAD, REBASE_HEAD,
 * AUTO_MERGE, BISECT_* and whatever else has such a name, and the state of
 * rebase, am and sequencer, where ids may be short.
 */
static int take_state(struct walk *w, const char *git_dir, struct dv_buf *out,
		      struct dv_err *err)
{
	static const char *const dirs[] = { "rebase-merge", "rebase-apply",
					    "sequencer" };
	size_t full = 2 * dv_repo_oid_size(&w->repo);
	struct dv_strs names = { 0 };
	int rc = dv_dir_list(git_dir, &names, err);

	for (size_t i = 0; !rc && i < names.n; i++)
		if (is_state_name(names.v[i]))
			rc = take_file(git_dir, names.v[i], full, out, err);
	dv_strs_release(&names);
	for (size_t k = 0; !rc && k < DV_ARRAY_SIZE(dirs); k++) {
		char *sub = dv_fmt("%s/%s", git_dir, dirs[k]);

		rc = sub ? dv_dir_list(sub, &names, err) : dv_err_nomem(err);
		if (rc == DV_ENOTFOUND)
			rc = 0;
		for (size_t i = 0; !rc && i < names.n; i++)
			rc = take_file(sub, names.v[i], SHORT_ID, out, err);
		dv_strs_release(&names);
		free(sub);
	}
	return rc;
}

static int add_line(struct dv_buf *to, const char *p, size_t n,
		    struct dv_err *err)
{
	int rc = dv_buf_add(to, p, n, err);

	return rc ? rc : dv_buf_addstr(to, "\n", err);
}

/* Those words that are objects here join the tips, by their full ids. */
static int take_known(struct walk *w, const struct dv_buf *words,
		      struct dv_err *err)
{
	static const char *const args[] = { "cat-file", "--batch-check",
					    "--buffer", NULL };
	size_t full = 2 * dv_repo_oid_size(&w->repo);
	struct dv_buf out = { 0 };
	char *line, *save = NULL;
	int rc = 0;

	if (words->n)
		rc = dv_git_input(args, words->p, words->n, LIST_MAX, &out,
				  err);
	if (!rc && out.n)
		for (line = strtok_r((char *)out.p, "\n", &save); !rc && line;
		     line = strtok_r(NULL, "\n", &save))
			if (strcspn(line, " ") == full &&
			    dv_hex_valid(line, full) &&
			    (!strncmp(line + full, " commit ", 8) ||
			     !strncmp(line + full, " tag ", 5) ||
			     !strncmp(line + full, " tree ", 6) ||
			     !strncmp(line + full, " blob ", 6)))
				rc = add_line(&w->tips, line, full, err);
	dv_buf_release(&out);
	return rc;
}

/* A git command's output joins the tips; words of a line are split. */
static int take_output(struct walk *w, const char *const *args,
		       struct dv_err *err)
{
	struct dv_buf out = { 0 };
	int rc = dv_git(args, LIST_MAX, &out, err);

	if (!rc)
		rc = take_words((const char *)out.p, out.n,
				2 * dv_repo_oid_size(&w->repo), &w->tips, err);
	dv_buf_release(&out);
	return rc;
}

/* Refs and state as one worktree sees them; its own refs among them. */
static int take_worktree(struct walk *w, const char *git_dir,
			 struct dv_err *err)
{
	static const char *const refs[] = { "for-each-ref",
					    "--format=%(objectname)", NULL };
	static const char *const head[] = { "git", "rev-parse", "--verify",
					    "-q", "HEAD", NULL };
	struct dv_buf words = { 0 };
	struct dv_visit v;
	int code, rc = dv_visit_begin(&v, git_dir, err);

	if (rc)
		return rc;
	if (w->r->what == DV_ROOTS_ALL)
		rc = take_output(w, refs, err);
	/* Before the first commit there is none. */
	if (!rc)
		rc = dv_proc_capture(head, NULL, DV_PROC_QUIET, 4096, &words,
				     &code, err);
	if (!rc)
		rc = take_state(w, git_dir, &words, err);
	if (!rc)
		rc = take_known(w, &words, err);
	dv_visit_end(&v);
	dv_buf_release(&words);
	return rc;
}

static int has_output(const char *const *args, int *has, struct dv_err *err)
{
	struct dv_buf out = { 0 };
	int rc = dv_git(args, LIST_MAX, &out, err);

	*has = out.n != 0;
	dv_buf_release(&out);
	return rc;
}

/* Stashes: each is a commit whose parents hold the index and the new files. */
static int take_stashes(struct walk *w, struct dv_err *err)
{
	static const char *const ref[] = { "for-each-ref", "refs/stash",
					   NULL };
	static const char *const list[] = { "log", "-g", "--format=%H %P",
		"--no-show-signature", "refs/stash", "--", NULL };
	int has, rc = has_output(ref, &has, err);

	return rc || !has ? rc : take_output(w, list, err);
}

static int take_recent(struct walk *w, struct dv_err *err)
{
	char *since = dv_fmt("--since=%d.days.ago", w->r->recent_days);
	const char *args[] = { "rev-list", "--all", "--reflog", since, NULL };
	int rc = since ? 0 : dv_err_nomem(err);

	if (!rc && w->r->recent_days)
		rc = take_output(w, args, err);
	free(since);
	return rc;
}

static int unknown_pointer(const char *hex, struct dv_err *err)
{
	return dv_err_set(err, DV_EINVAL,
			  "blob %s is a pointer of a newer git-dv; nobody else can tell what it needs",
			  hex);
}

/*
 * One blob. The cache is not asked: a wrong "no pointer" in it must not cost
 * content.
 */
static int take_blob(struct walk *w, struct dv_objects *o, const char *hex,
		     const char *path, struct dv_err *err)
{
	static const char ours[] = "version git-dv/";
	struct dv_buf text = { 0 };
	struct dv_oid oid;
	uint8_t id[32];
	int rc;

	if (dv_hex_decode(id, hex, dv_repo_oid_size(&w->repo)))
		return dv_err_set(err, DV_EIO, "git names an object '%s'",
				  hex);
	rc = dv_objects_read_small(o, id, &text, err);
	if (rc == DV_EINVAL) {
		rc = 0;		/* a tip that is no small blob */
	} else if (!rc) {
		switch (dv_pointer_parse(text.p, text.n, &oid)) {
		case DV_PTR_OK:
			rc = w->r->found(w->r->arg, &oid, path, err);
			break;
		case DV_PTR_FOREIGN:
			if (text.n > sizeof(ours) &&
			    !memcmp(text.p, ours, sizeof(ours) - 1))
				rc = unknown_pointer(hex, err);
			break;
		case DV_PTR_NONE:
			break;
		}
	}
	dv_buf_release(&text);
	return rc;
}

/* Small blobs that rev-list finds from `tips` and from `args`. */
static int walk_objects(struct walk *w, const struct dv_buf *tips,
			const char *const *args, struct dv_err *err)
{
	const char *argv[24] = { "rev-list", "--objects", "--stdin",
		"--missing=print", "--filter=object:type=blob",
		"--filter=blob:limit=1025", "--filter-provided-objects" };
	size_t full = 2 * dv_repo_oid_size(&w->repo), n = 7, missing = 0;
	struct dv_objects *o = NULL;
	struct dv_buf list = { 0 };
	int rc;

	while (*args)
		argv[n++] = *args++;
	rc = dv_git_input(argv, tips->p, tips->n, LIST_MAX, &list, err);
	if (!rc)
		rc = dv_objects_open(&o, &w->repo, list.n / 60, err);
	for (char *p = (char *)list.p, *end = p + list.n, *next;
	     !rc && p < end; p = next) {
		char *nl = memchr(p, '\n', (size_t)(end - p));

		if (!nl)
			nl = end;	/* dv_buf ends with a NUL */
		*nl = '\0';
		next = nl + 1;
		if (*p == '?') {
			missing++;
			continue;
		}
		if (strlen(p) > full && p[full] == ' ') {
			p[full] = '\0';
			rc = take_blob(w, o, p, p[full + 1] ? p + full + 1 :
						NULL, err);
		} else if (*p) {
			rc = take_blob(w, o, p, NULL, err);
		}
	}
	if (!rc && missing)
		rc = dv_err_set(err, DV_ENOTFOUND,
				"%zu of its Git objects are not here (it is a partial clone, or damaged), and they may be pointers; 'git fetch --refetch --filter=blob:limit=1m' brings them",
				missing);
	dv_objects_close(o);
	dv_buf_release(&list);
	return rc;
}

static int from_git(struct walk *w, struct dv_err *err)
{
	static const char *const all[] = { "--all", "--reflog",
					   "--indexed-objects", NULL };
	static const char *const needed[] = { "--no-walk=unsorted",
					      "--indexed-objects", NULL };
	static const char *const unpushed[] = { "--all", "--not", "--remotes",
						NULL };
	static const char *const remotes[] = { "remote", NULL };
	const struct dv_buf none = { 0 };
	int has, rc = 0;

	for (size_t i = 0; !rc && i < w->git_dirs.n; i++)
		rc = take_worktree(w, w->git_dirs.v[i], err);
	if (rc)
		return rc;
	if (w->r->what == DV_ROOTS_ALL)
		return walk_objects(w, &w->tips, all, err);
	rc = take_stashes(w, err);
	if (!rc)
		rc = take_recent(w, err);
	if (!rc)
		rc = walk_objects(w, &w->tips, needed, err);
	if (!rc)
		rc = has_output(remotes, &has, err);
	return rc || !has ? rc : walk_objects(w, &none, unpushed, err);
}

/* Content that a filter could not make durable, and that an index may name. */
static int from_unsafe(struct walk *w, struct dv_err *err)
{
	char *path = dv_fmt("%s/dv/unsafe", w->dir), *line, *save = NULL;
	struct dv_buf text = { 0 };
	int rc = path ? dv_file_read(path, &text, UNSAFE_MAX, err) :
			dv_err_nomem(err);

	if (!rc && text.n)
		for (line = strtok_r((char *)text.p, "\n", &save); !rc && line;
		     line = strtok_r(NULL, "\n", &save)) {
			char *sp = strchr(line, ' ');
			struct dv_oid oid;

			if (!sp)
				continue;
			*sp++ = '\0';
			if (!dv_oid_parse(line, &oid) && oid.scheme)
				rc = w->r->found(w->r->arg, &oid, sp, err);
		}
	dv_buf_release(&text);
	free(path);
	return rc == DV_ENOTFOUND ? 0 : rc;
}

/* Versions that have a name: also from the tips, which refs need not reach. */
static int from_registries(struct walk *w, struct dv_err *err)
{
	size_t full = 2 * dv_repo_oid_size(&w->repo);
	const char *p = (const char *)w->tips.p, *end = p + w->tips.n;
	struct dv_strs tips = { 0 };
	struct dv_ptrs ptrs = { 0 };
	int rc = 0;

	if (!w->r->named)
		return 0;
	for (; !rc && p < end; p += full + 1)
		rc = dv_strs_addn(&tips, p, full, err);
	if (!rc)
		rc = w->r->named(&w->repo, &tips, &ptrs, err);
	for (size_t i = 0; !rc && i < ptrs.n; i++)
		rc = w->r->found(w->r->arg, &ptrs.v[i].oid, ptrs.v[i].path,
				 err);
	dv_ptrs_release(&ptrs);
	dv_strs_release(&tips);
	return rc;
}

/*
 * Every kind of place where a clone names content. What names content outside
 * of Git's objects gets a row: the locks of pipelines belong here.
 */
static const struct {
	const char *what;
	int (*collect)(struct walk *w, struct dv_err *err);
} sources[] = {
	{ "its history, indexes and work in progress", from_git },
	{ "its list of unfinished adds", from_unsafe },
	{ "its named versions", from_registries },
};

static int same_dir(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

int dv_roots_of_clone(const struct dv_roots *r, const char *dir,
		      struct dv_err *err)
{
	struct walk w = { .r = r, .dir = dir };
	struct dv_visit v;
	int rc = dv_visit_begin(&v, dir, err);

	if (rc)
		return rc;
	rc = dv_repo_open(&w.repo, err);
	if (rc)
		goto out;
	if (!same_dir(w.repo.common_dir, dir))
		rc = dv_err_set(err, DV_ENOTFOUND,
				"it is not a Git repository");
	if (!rc)
		rc = find_git_dirs(&w, err);
	for (size_t i = 0; !rc && i < DV_ARRAY_SIZE(sources); i++) {
		rc = sources[i].collect(&w, err);
		if (rc)
			dv_err_prefix(err, "%s", sources[i].what);
	}
	dv_repo_close(&w.repo);
out:
	dv_visit_end(&v);
	dv_strs_release(&w.git_dirs);
	dv_buf_release(&w.tips);
	return rc;
}

int dv_roots_of_clones(const struct dv_roots *r, const struct dv_clones *c,
		       struct dv_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < c->n; i++) {
		const char *dir = c->v[i].dir;
		struct dv_err why = { 0 };
		struct stat st;

		rc = dv_cancel_check(err);
		if (rc)
			break;
		if (stat(dir, &st) && (errno == ENOENT || errno == ENOTDIR))
			rc = dv_err_set(err, DV_ENOTFOUND,
					"the clone '%s' uses this store and is not there; mount its disk or, if it is gone for good, run 'git dv gc --forget-clone %s'",
					dir, dir);
		else if ((rc = dv_roots_of_clone(r, dir, &why)))
			dv_err_set(err, rc,
				   "what the clone '%s' needs cannot be read, so nothing is removed: %s",
				   dir, why.msg);
	}
	return rc;
}

int dv_roots_quiet(const struct dv_clones *c, struct dv_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < c->n; i++) {
		struct walk w = { .dir = c->v[i].dir };

		rc = find_git_dirs(&w, err);
		for (size_t k = 0; !rc && k < w.git_dirs.n; k++) {
			char *lock = dv_fmt("%s/index.lock",
					    w.git_dirs.v[k]);

			if (!lock)
				rc = dv_err_nomem(err);
			else if (dv_file_exists(lock))
				rc = dv_err_set(err, DV_EAGAIN,
						"'%s' says that a git command is at work; try again when it has ended, or remove that file if none is",
						lock);
			free(lock);
		}
		dv_strs_release(&w.git_dirs);
	}
	return rc;
}
