#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/proc.h"
#include "cmd/cmd.h"
#include "codec/glob.h"
#include "repo/attrs.h"
#include "repo/gitindex.h"
#include "repo/hooks.h"

#define LIST_MAX ((size_t)1 << 30)
#define NAMED_MAX 20

/* .gitattributes of the current folder, as `git lfs track` and people do. */
static char *attrs_file(struct dv_repo *r)
{
	return dv_fmt("%s/%s.gitattributes", r->top, r->prefix);
}

/* A component that no path has. */
static int has_dots(const char *arg)
{
	for (const char *p = arg; p; p = strchr(p, '/')) {
		size_t n;

		p += *p == '/';
		n = strcspn(p, "/");
		if ((n == 1 && *p == '.') || (n == 2 && !strncmp(p, "..", 2)))
			return 1;
	}
	return 0;
}

/*
 * What a person types as a path, as a pattern of this folder's .gitattributes.
 * A '/' in front anchors a pattern there; it starts a full path only where that
 * leads into the worktree.
 */
static int from_here(const struct dv_repo *r, const char *arg, const char **out,
		     struct dv_err *err)
{
	size_t top = strlen(r->top), prefix = strlen(r->prefix);

	if (!strncmp(arg, r->top, top) && (arg[top] == '/' || !arg[top])) {
		const char *in = arg + top + (arg[top] == '/');

		if (!strncmp(in, r->prefix, prefix))
			arg = in + prefix;
		else if (strlen(in) + 1 == prefix &&
			 !strncmp(in, r->prefix, prefix - 1))
			arg = "";
		else
			return dv_err_set(err, DV_EINVAL,
					  "'%s' is not below this folder; run it where that is",
					  arg);
		if (!*arg)
			arg = ".";
	}
	while (!strncmp(arg, "./", 2) && arg[2])
		arg += 2;
	if (!strcmp(arg, ".") || !strcmp(arg, "./"))
		arg = "*";
	if (!arg[strspn(arg, "/")])
		return dv_err_set(err, DV_EINVAL,
				  "an empty pattern would match nothing; '.' is all of this folder");
	if (has_dots(arg))
		return dv_err_set(err, DV_EINVAL,
				  "'%s': a pattern with '.' or '..' as a folder matches nothing; run it in the folder that is meant",
				  arg);
	*out = arg;
	return 0;
}

/* What a pattern cannot begin with. */
static int check_start(const char *arg, struct dv_err *err)
{
	if (*arg == '!')
		return dv_err_set(err, DV_EINVAL,
				  "'%s': .gitattributes knows no '!' patterns; use 'git dv untrack'",
				  arg);
	if (dv_attrs_is_macro(arg))
		return dv_err_set(err, DV_EINVAL,
				  "'%s': in .gitattributes this defines a macro; '/%s' is a pattern",
				  arg, arg);
	return 0;
}

/* What as a pattern would not match the name that it is itself. */
static int needs_escape(const char *arg)
{
	return *arg == '!' || strpbrk(arg, "[\\");
}

/*
 * A folder is meant with all below it, and what is there by its name, with
 * whatever is in it.
 */
static int normalize(const struct dv_repo *r, const char *given,
		     struct dv_buf *out, struct dv_err *err)
{
	const char *arg = NULL;
	int rc = from_here(r, given, &arg, err), folder, there;
	char *path, *name;
	size_t n;

	if (rc)
		return rc;
	path = dv_fmt("%s/%s%s", r->top, r->prefix, arg);
	n = strlen(arg);
	while (n > 1 && arg[n - 1] == '/')
		n--;
	name = strndup(arg, n);
	if (!path || !name) {
		free(path);
		free(name);
		return dv_err_nomem(err);
	}
	there = dv_file_exists(path);
	folder = arg[n] == '/' || dv_dir_exists(path);
	if (there && needs_escape(name)) {
		rc = dv_attrs_literal(name + strspn(name, "/"), out, err);
	} else {
		rc = check_start(name, err);
		if (!rc)
			rc = dv_buf_addstr(out, name, err);
		folder = folder && !strpbrk(name, "*?[");
	}
	if (!rc && folder)
		rc = dv_buf_addstr(out, "/**", err);
	free(path);
	free(name);
	if (rc)
		return rc;
	path = dv_fmt("%s%s", r->prefix, dv_buf_str(out) + (*arg == '/'));
	if (!path)
		return dv_err_nomem(err);
	if (dv_attrs_never(path))
		rc = dv_err_set(err, DV_EINVAL,
				"'%s' is read by git or git-dv itself and is never data",
				given);
	free(path);
	return rc;
}

/* Patterns that are not yet in the .gitattributes of `prefix`. */
static int will_match(const struct dv_strs *patterns, const char *prefix,
		      const char *path)
{
	size_t n = strlen(prefix);

	if (strncmp(path, prefix, n))
		return 0;
	for (size_t i = 0; i < patterns->n; i++)
		if (dv_glob_path(patterns->v[i], path + n))
			return 1;
	return 0;
}

/*
 * Tracked by Git, with filter=dv (now, or by these patterns, which may be NULL),
 * and stored as raw content. An empty file is an empty blob.
 */
static int committed_raw(struct dv_ctx *c, const struct dv_strs *patterns,
			 const char *prefix, struct dv_strs *out,
			 struct dv_err *err)
{
	/* As dv_ptrs_of_index: what a sparse index leaves out is not here. */
	const char *args[] = { "ls-files", "-s", "-z", "--full-name", "--sparse",
			       patterns ? ":(top)" : ":(top,attr:filter=dv)",
			       NULL };
	char empty[65], *p, *end;
	struct dv_ptrs ptrs = { 0 };
	struct dv_strs maybe = { 0 };
	struct dv_buf list = { 0 };
	uint8_t blob[32], *dv = NULL;
	int rc;

	if (dv_git_hash(c->repo.algo, "blob 0", 7, "", 0, blob))
		return dv_err_nomem(err);
	dv_hex_encode(empty, blob, dv_repo_oid_size(&c->repo));
	rc = dv_git(args, LIST_MAX, &list, err);
	if (!rc && list.n)
		rc = dv_ptrs_of_index(&c->repo, c->cache, &ptrs, err);
	p = (char *)list.p;
	end = p + list.n;
	/* "<mode> <id> <stage>\t<path>" */
	for (size_t i = 0; !rc && p < end; p += strlen(p) + 1) {
		const char *path = strchr(p, '\t'), *id = strchr(p, ' ');

		if (!path || !id || strncmp(p, "100", 3) ||
		    !strncmp(id + 1, empty, strlen(empty)))
			continue;
		path++;
		/* Both lists are in the index's order. */
		while (i < ptrs.n && strcmp(ptrs.v[i].path, path) < 0)
			i++;
		if ((i < ptrs.n && !strcmp(ptrs.v[i].path, path)) ||
		    dv_attrs_never(path) ||
		    (maybe.n && !strcmp(maybe.v[maybe.n - 1], path)))
			continue;
		rc = dv_strs_add(&maybe, path, err);
	}
	dv = calloc(maybe.n + 1, 1);
	if (!rc && !dv)
		rc = dv_err_nomem(err);
	if (!rc && patterns)
		rc = dv_attrs_check(&maybe, dv, err);
	for (size_t i = 0; !rc && i < maybe.n; i++)
		if (!patterns || dv[i] ||
		    will_match(patterns, prefix, maybe.v[i]))
			rc = dv_strs_add(out, maybe.v[i], err);
	free(dv);
	dv_strs_release(&maybe);
	dv_ptrs_release(&ptrs);
	dv_buf_release(&list);
	return rc;
}

/* Pointers of other tools, and damaged ones, stay what they are. */
static int renormalize(struct dv_ctx *c, const struct dv_strs *paths,
		       struct dv_err *err)
{
	static const char *const args[] = { "add", "--renormalize",
		"--pathspec-from-file=-", "--pathspec-file-nul", NULL };
	struct dv_buf in = { 0 }, out = { 0 };
	struct dv_strs left = { 0 };
	int rc = 0;
	size_t n;

	for (size_t i = 0; !rc && i < paths->n; i++)
		rc = dv_buf_addz(&in, ":(top,literal)", paths->v[i], err);
	if (!rc)
		rc = dv_git_input(args, in.p, in.n, 65536, &out, err);
	if (!rc)
		rc = committed_raw(c, NULL, NULL, &left, err);
	n = paths->n - DV_MIN(left.n, paths->n);
	if (!rc)
		dv_log_note("%zu file%s that git held as raw content %s staged as pointer%s",
			    n, n == 1 ? "" : "s", n == 1 ? "is" : "are",
			    n == 1 ? "" : "s");
	for (size_t i = 0; !rc && i < left.n && i < NAMED_MAX; i++)
		dv_log_warn("%s stays as it is", dv_ctx_named(c, left.v[i]));
	dv_strs_release(&left);
	dv_buf_release(&in);
	dv_buf_release(&out);
	return rc;
}

/* Files above this size that Git does not ignore, as literal patterns. */
static int patterns_above(struct dv_ctx *c, uint64_t above,
			  struct dv_strs *patterns, struct dv_err *err)
{
	static const char *const args[] = { "ls-files", "-z", "--cached",
		"--others", "--exclude-standard", "--full-name", ":/", NULL };
	struct dv_strs paths = { 0 };
	struct dv_buf list = { 0 }, line = { 0 };
	uint8_t *tracked = NULL;
	char *p, *end;
	int rc = dv_git(args, LIST_MAX, &list, err);

	p = (char *)list.p;
	end = p + list.n;
	for (; !rc && p < end; p += strlen(p) + 1) {
		char *full = dv_fmt("%s/%s", c->repo.top, p);
		struct stat st;

		if (full && !lstat(full, &st) && S_ISREG(st.st_mode) &&
		    (uint64_t)st.st_size > above && !dv_attrs_never(p) &&
		    !dv_strs_has(&paths, p))
			rc = dv_strs_add(&paths, p, err);
		free(full);
	}
	tracked = calloc(paths.n + 1, 1);
	if (!rc && !tracked)
		rc = dv_err_nomem(err);
	if (!rc)
		rc = dv_attrs_check(&paths, tracked, err);
	for (size_t i = 0; !rc && i < paths.n; i++) {
		if (tracked[i])
			continue;
		line.n = 0;
		rc = dv_attrs_literal(paths.v[i], &line, err);
		if (!rc)
			rc = dv_strs_add(patterns, dv_buf_str(&line), err);
	}
	free(tracked);
	dv_strs_release(&paths);
	dv_buf_release(&list);
	dv_buf_release(&line);
	return rc;
}

static int list_tracked(struct dv_ctx *c)
{
	static const char *const args[] = { "ls-files", "-z", "--cached",
		"--others", "--exclude-standard", "--full-name",
		":(top,glob)**/.gitattributes", NULL };
	struct dv_buf files = { 0 };
	struct dv_err err = { 0 };
	int rc = dv_git(args, LIST_MAX, &files, &err);
	char *p = (char *)files.p, *end = p + files.n;

	for (; !rc && p < end; p += strlen(p) + 1) {
		char *full = dv_fmt("%s/%s", c->repo.top, p);
		struct dv_strs patterns = { 0 };
		struct stat st;

		/* Git reads no link here. */
		if (!full)
			rc = dv_err_nomem(&err);
		else if (!lstat(full, &st) && S_ISREG(st.st_mode))
			rc = dv_attrs_list(full, &patterns, &err);
		for (size_t i = 0; !rc && i < patterns.n; i++) {
			printf("%s\t", dv_ctx_path(c, patterns.v[i]));
			printf("(%s)\n", dv_ctx_path(c, p));
		}
		dv_strs_release(&patterns);
		free(full);
	}
	dv_buf_release(&files);
	return rc ? dv_fail(&err) : 0;
}

static int track(struct dv_ctx *c, char **argv, int n, uint64_t above,
		 const char *above_text, int dry_run, int renorm,
		 struct dv_err *err)
{
	char *file = above_text ? dv_fmt("%s/.gitattributes", c->repo.top) :
				  attrs_file(&c->repo);
	char *team = dv_fmt("%s/.dvconfig", c->repo.top);
	struct dv_strs patterns = { 0 }, raw = { 0 };
	struct dv_buf one = { 0 };
	size_t added = 0;
	int rc = file && team ? 0 : dv_err_nomem(err);

	/* Git would stage the content again, as content. */
	if (!rc && !dv_have_filter(&c->repo, renorm ? err : NULL) && renorm)
		rc = DV_ENOTFOUND;
	if (!rc && above_text)
		rc = dv_config_team_writable(&c->repo, err);
	for (int i = 0; !rc && i < n; i++) {
		one.n = 0;
		rc = normalize(&c->repo, argv[i], &one, err);
		if (!rc)
			rc = dv_strs_add(&patterns, dv_buf_str(&one), err);
	}
	if (!rc && above_text)
		rc = patterns_above(c, above, &patterns, err);
	if (rc)
		goto out;
	if (dry_run) {
		if (renorm)
			rc = committed_raw(c, &patterns,
					   above_text ? "" : c->repo.prefix,
					   &raw, err);
		for (size_t i = 0; i < patterns.n; i++)
			printf("would track %s\n",
			       dv_ctx_named(c, patterns.v[i]));
		for (size_t i = 0; i < raw.n; i++)
			printf("would stage %s as a pointer\n",
			       dv_ctx_named(c, raw.v[i]));
		goto out;
	}
	rc = dv_attrs_add(file, &patterns, &added, err);
	if (!rc && above_text)
		rc = dv_config_set(team, "dv.above", above_text, err);
	if (rc)
		goto out;
	dv_hooks_ensure(&c->repo);
	for (size_t i = 0; i < patterns.n && i < NAMED_MAX; i++)
		dv_log_note("tracking '%s'", patterns.v[i]);
	if (patterns.n > NAMED_MAX)
		dv_log_note("and %zu more", patterns.n - NAMED_MAX);
	if (!added && patterns.n)
		dv_log_note("(all of it was tracked before)");
	rc = committed_raw(c, NULL, NULL, &raw, err);
	if (rc || !raw.n)
		goto out;
	if (renorm) {
		rc = renormalize(c, &raw, err);
		goto out;
	}
	dv_log_note("Git holds these as raw content already:");
	for (size_t i = 0; i < raw.n && i < NAMED_MAX; i++)
		dv_log_note("\t%s", raw.v[i]);
	if (raw.n > NAMED_MAX)
		dv_log_note("\tand %zu more", raw.n - NAMED_MAX);
	dv_log_note("'git add --renormalize .' or 'git dv track --renormalize' stages them as pointers.");
out:
	dv_buf_release(&one);
	dv_strs_release(&patterns);
	dv_strs_release(&raw);
	free(file);
	free(team);
	return rc;
}

int dv_cmd_track(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv track", "git-dv-track",
		"[--dry-run] [--renormalize] [--above <size>] [<pattern> | <directory>]...\n" };
	int dry_run = 0, renorm = 0, n, rc;
	const char *above_text = NULL;
	uint64_t above = 0;
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 'n', "dry-run", &dry_run, NULL, "only show what would be tracked", 0 },
		{ DV_OPT_STR, 0, "above", &above_text, "size", "every file that is larger now; later ones are named by status", 0 },
		{ DV_OPT_FLAG, 0, "renormalize", &renorm, NULL, "stage files that git holds as raw content", 0 },
		{ 0 },
	};
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };

	n = dv_opt_parse(&cmd, opts, argc, argv, NULL);
	if (n < 0)
		return dv_opt_exit(n);
	if (above_text && dv_size_parse(above_text, &above)) {
		dv_log_error("--above takes a size such as 500k, 10M or 2G, not '%s'",
			     above_text);
		return 129;
	}
	rc = dv_ctx_worktree(&c);
	if (!rc && !n && !above_text && !renorm)
		rc = list_tracked(&c);
	else if (!rc && track(&c, argv, n, above, above_text, dry_run, renorm,
			      &err))
		rc = dv_fail(&err);
	dv_ctx_close(&c);
	return rc;
}

int dv_cmd_untrack(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv untrack",
		"git-dv-track", "<pattern>..." };
	const struct dv_opt opts[] = { { 0 } };
	struct dv_strs have = { 0 }, patterns = { 0 };
	struct dv_buf one = { 0 };
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };
	size_t removed = 0;
	char *file = NULL;
	int n = dv_opt_parse(&cmd, opts, argc, argv, NULL), rc;

	if (n < 0)
		return dv_opt_exit(n);
	if (!n) {
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	rc = dv_ctx_worktree(&c);
	if (rc)
		return rc;
	file = attrs_file(&c.repo);
	rc = file ? dv_attrs_list(file, &have, &err) : dv_err_nomem(&err);
	/* All or nothing: a slip of the pen is no half of a change. */
	for (int i = 0; !rc && i < n; i++) {
		const char *found = argv[i];

		one.n = 0;
		if (!dv_strs_has(&have, found) &&
		    !normalize(&c.repo, argv[i], &one, NULL))
			found = dv_buf_str(&one);
		rc = dv_strs_has(&have, found) ?
		     dv_strs_add(&patterns, found, &err) :
		     dv_err_set(&err, DV_ENOTFOUND,
				"'%s' has no line for '%s'; 'git dv track' lists the patterns",
				file, argv[i]);
	}
	if (!rc)
		rc = dv_attrs_remove(file, &patterns, &removed, &err);
	if (rc)
		rc = dv_fail(&err);
	else
		dv_log_note("%zu pattern%s no longer tracked; 'git add --renormalize .' puts the content of committed files into git itself.",
			    removed, removed == 1 ? " is" : "s are");
	dv_buf_release(&one);
	dv_strs_release(&have);
	dv_strs_release(&patterns);
	free(file);
	dv_ctx_close(&c);
	return rc;
}
