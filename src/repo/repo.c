#include "repo/repo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/own.h"
#include "base/proc.h"

#define ARGS_MAX 64

int dv_git_input(const char *const *args, const void *in, size_t n,
		 size_t max, struct dv_buf *out, struct dv_err *err)
{
	static const char *const env[] = { DV_GIT_NO_ADVICE, NULL };
	const char *argv[ARGS_MAX] = { "git" };
	int code, rc, i = 1;

	for (; args[i - 1] && i < ARGS_MAX - 1; i++)
		argv[i] = args[i - 1];
	rc = dv_proc_filter(argv, env, 0, in, n, max, out, &code, err);
	if (rc)
		return rc;
	if (code)
		return dv_err_set(err, DV_EIO, "git %s failed with exit code %d",
				  args[0], code);
	return 0;
}

int dv_git(const char *const *args, size_t max, struct dv_buf *out,
	   struct dv_err *err)
{
	return dv_git_input(args, NULL, 0, max, out, err);
}

const char *const dv_pathspec_vars[] = { "GIT_LITERAL_PATHSPECS",
	"GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS",
	NULL };

static void clean_env(void)
{
	/* Set by checkout --recurse-submodules; rev-parse refuses to run with it. */
	unsetenv("GIT_INTERNAL_SUPER_PREFIX");
	for (size_t i = 0; dv_pathspec_vars[i]; i++)
		unsetenv(dv_pathspec_vars[i]);
}

static char *next_line(char **p)
{
	char *line = *p, *end = strchr(line, '\n');

	if (!*line)
		return NULL;
	if (end)
		*end = '\0';
	*p = end ? end + 1 : line + strlen(line);
	return strdup(line);
}

/* One value, whatever is in it. NULL: Git has none. */
static char *ask_alone(const char *what)
{
	const char *argv[] = { "git", "rev-parse", "--path-format=absolute",
			       what, NULL };
	struct dv_buf out = { 0 };
	int code = 1;

	if (dv_proc_capture(argv, NULL, DV_PROC_QUIET, 65536, &out, &code,
			    NULL) || code || !out.n ||
	    out.p[out.n - 1] != '\n') {
		dv_buf_release(&out);
		return NULL;
	}
	out.n--;
	return dv_buf_detach(&out);
}

static size_t count_lines(const struct dv_buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += b->p[i] == '\n';
	return n;
}

/* Is there one that git found, and had a reason not to open? */
static int is_one_here(void)
{
	char *dir = getcwd(NULL, 0);
	int yes = getenv("GIT_DIR") != NULL;

	for (size_t n = dir ? strlen(dir) : 0; !yes && n; n--) {
		char *path;

		if (dir[n] && dir[n] != '/')
			continue;
		dir[n] = '\0';
		path = dv_fmt("%s/.git", dir);
		yes = path && dv_file_exists(path);
		free(path);
		path = dv_fmt("%s/objects/pack", dir);
		yes |= path && dv_file_exists(path);
		free(path);
	}
	free(dir);
	return yes;
}

/*
 * What is made in the Git directory has its permissions. Those of its dv/ are
 * Git's to say, and are asked for as long as it is not there.
 */
static void own_dirs(const struct dv_repo *r, int ask)
{
	static const char *const argv[] = { "git", "config", "--get",
					    "core.sharedrepository", NULL };
	char *dir = dv_fmt("%s/dv", r->common_dir);
	struct dv_buf out = { 0 };
	int code, shared = 0;

	if (dir && ask && !dv_dir_exists(dir) &&
	    !dv_proc_capture(argv, NULL, DV_PROC_QUIET, 4096, &out, &code,
			     NULL) && !code && out.n) {
		const char *text = dv_buf_str(&out);

		out.p[strcspn(text, "\n")] = 0;
		shared = dv_own_shared((char *)out.p);
	}
	dv_own_add(r->common_dir, 0);
	if (dir)
		dv_own_add(dir, shared);
	dv_buf_release(&out);
	free(dir);
}

int dv_repo_open(struct dv_repo *r, struct dv_err *err)
{
	static const char *const argv[] = {
		"git", "rev-parse", "--path-format=absolute",
		"--show-object-format", "--git-dir", "--git-common-dir",
		"--show-toplevel", "--show-prefix", NULL
	};
	struct dv_buf out = { 0 };
	char *p, *format;
	int code, rc;

	memset(r, 0, sizeof(*r));
	clean_env();
	rc = dv_proc_capture(argv, NULL, DV_PROC_QUIET, 65536, &out, &code,
			     err);
	if (rc) {
		dv_buf_release(&out);
		return rc;
	}
	p = (char *)out.p;
	format = out.n ? next_line(&p) : NULL;
	if (format)
		r->algo = !strcmp(format, "sha256") ? 2 : 1;
	/* Without a worktree Git ends with an error after the first three. */
	if (format && count_lines(&out) == (code ? 2u : 4u)) {
		r->git_dir = next_line(&p);
		r->common_dir = next_line(&p);
		if (!code) {
			r->top = next_line(&p);
			r->prefix = *p ? next_line(&p) : strdup("");
		}
	} else if (format) {
		/* A path has a newline: its part could be another repository. */
		r->git_dir = ask_alone("--git-dir");
		r->common_dir = ask_alone("--git-common-dir");
		r->top = code ? NULL : ask_alone("--show-toplevel");
		r->prefix = r->top ? ask_alone("--show-prefix") : NULL;
		if (!code && (!r->top || !r->prefix)) {
			free(r->git_dir);
			r->git_dir = NULL;
		}
	}
	free(format);
	dv_buf_release(&out);
	if (!r->git_dir || !r->common_dir) {
		static const char *const again[] = { "git", "rev-parse",
						     "--git-dir", NULL };

		/* Let Git say itself why: not a repository, not trusted. */
		if (!dv_proc_capture(again, NULL, 0, 4096, &out, &code, NULL))
			dv_buf_release(&out);
		dv_repo_close(r);
		return dv_err_set(err, DV_ENOTFOUND, "%s", is_one_here() ?
				  "git does not open the repository here, see above" :
				  "this command needs a Git repository; start one with 'git init' or change into one");
	}
	if (!r->prefix)
		r->prefix = strdup("");
	own_dirs(r, 1);
	return 0;
}

int dv_repo_go_top(const struct dv_repo *r, struct dv_err *err)
{
	if ((getenv("GIT_DIR") && setenv("GIT_DIR", r->git_dir, 1)) ||
	    (getenv("GIT_COMMON_DIR") &&
	     setenv("GIT_COMMON_DIR", r->common_dir, 1)) ||
	    (getenv("GIT_WORK_TREE") && setenv("GIT_WORK_TREE", r->top, 1)))
		return dv_err_nomem(err);
	if (chdir(r->top))
		return dv_err_errno(err, "cannot change to '%s'", r->top);
	return 0;
}

/* The text behind `key` in a small file, without the newline at its end. Caller frees. */
static char *line_of(const char *path, const char *key)
{
	struct dv_buf b = { 0 };
	char *text = NULL;

	if (path && !dv_file_read(path, &b, 65536, NULL) &&
	    !strncmp(dv_buf_str(&b), key, strlen(key))) {
		while (b.n && b.p[b.n - 1] == '\n')
			b.p[--b.n] = '\0';
		if (b.n >= strlen(key))
			text = strdup((char *)b.p + strlen(key));
	}
	dv_buf_release(&b);
	return text;
}

/* A path that is relative to `dir`, resolved. Caller frees. */
static char *resolved(const char *dir, const char *path)
{
	char *full = *path == '/' ? strdup(path) : dv_fmt("%s/%s", dir, path);
	char *real = full ? realpath(full, NULL) : NULL;

	free(full);
	return real;
}

/*
 * 1 where the configuration says nothing of the repository's shape. A word that
 * is met where it means something else costs one more process.
 */
static int is_plain(const char *common_dir)
{
	char *path = dv_fmt("%s/config", common_dir), *bare;
	struct dv_buf b = { 0 };
	int plain = 0;

	if (path && !dv_file_read(path, &b, 1u << 20, NULL)) {
		dv_buf_str(&b);
		bare = strcasestr((char *)b.p, "bare");
		plain = !strcasestr((char *)b.p, "objectformat") &&
			!strcasestr((char *)b.p, "worktree") &&
			(!bare || !strncasecmp(bare, "bare = false\n", 13));
	}
	dv_buf_release(&b);
	free(path);
	return plain;
}

int dv_repo_open_here(struct dv_repo *r)
{
	const char *dir = getenv("GIT_DIR"), *common = getenv("GIT_COMMON_DIR");
	char *file, *link = NULL;

	memset(r, 0, sizeof(*r));
	if (getenv("GIT_WORK_TREE") || (dir && !strcmp(dir, ".")))
		return -1;
	clean_env();
	if (!dir || !*dir) {
		dir = ".git";
		if (!dv_dir_exists(dir))
			dir = link = line_of(dir, "gitdir: ");
	}
	r->algo = 1;
	r->top = getcwd(NULL, 0);
	r->prefix = strdup("");
	if (dir && r->top)
		r->git_dir = resolved(r->top, dir);
	free(link);
	if (!r->git_dir || !r->prefix)
		goto fail;
	file = dv_fmt("%s/commondir", r->git_dir);
	link = common && *common ? strdup(common) : line_of(file, "");
	free(file);
	if (link && common && *common)
		r->common_dir = resolved(r->top, link);
	else if (link)
		r->common_dir = resolved(r->git_dir, link);
	else
		r->common_dir = strdup(r->git_dir);
	free(link);
	file = dv_fmt("%s/HEAD", r->git_dir);
	if (r->common_dir && file && dv_file_exists(file) &&
	    is_plain(r->common_dir)) {
		free(file);
		own_dirs(r, 0);
		return 0;
	}
	free(file);
fail:
	dv_repo_close(r);
	return -1;
}

void dv_repo_close(struct dv_repo *r)
{
	free(r->top);
	free(r->git_dir);
	free(r->common_dir);
	free(r->prefix);
	dv_config_reload(r);
	memset(r, 0, sizeof(*r));
}

size_t dv_repo_oid_size(const struct dv_repo *r)
{
	return r->algo == 2 ? 32 : 20;
}

char *dv_repo_store_path(struct dv_repo *r, struct dv_err *err)
{
	const char *own = dv_config_get_own(r, "dv.store");
	const char *home = getenv("HOME");
	char *path;

	if (!own || !*own) {
		path = dv_fmt("%s/dv", r->common_dir);
	} else if (*own == '~' && (own[1] != '/' || !home || !*home)) {
		/* A folder '~' in the worktree is nobody's wish. */
		dv_err_set(err, DV_EINVAL, own[1] == '/' ?
			   "dv.store is '%s', and HOME is not set" :
			   "dv.store is '%s': only '~/' is known; write it as a full path",
			   own);
		return NULL;
	} else if (*own == '~') {
		path = dv_fmt("%s/%s", home, own + 2);
	} else if (*own == '/' || !r->top) {
		path = strdup(own);
	} else {
		path = dv_fmt("%s/%s", r->top, own);
	}
	if (!path)
		dv_err_nomem(err);
	return path;
}

int dv_repo_store_open(struct dv_repo *r, struct dv_store *s, int create,
		       struct dv_err *err)
{
	struct dv_err why = { 0 };
	char *path = dv_repo_store_path(r, &why);
	int rc;

	if (!path)
		return dv_err_set(err, why.status, "%s", why.msg);
	dv_own_add(path, dv_own_shared(dv_config_get_own(r,
						"core.sharedrepository")));
	rc = dv_store_open(s, path, create ? DV_STORE_CREATE : 0, err);
	if (!rc && create && !s->read_only)
		rc = dv_store_register(s, r->common_dir, err);
	if (rc == DV_ENOTFOUND && !create)
		dv_err_set(err, rc, "there is no local store at '%s'; 'git dv init' makes one",
			   path);
	free(path);
	return rc;
}

int dv_repo_level(struct dv_repo *r)
{
	return dv_config_int(r, "dv.compression", DV_ZST_LEVEL_MAX,
			     DV_ZST_LEVEL_DEFAULT);
}

int dv_repo_pointer_blob(const struct dv_repo *r, const struct dv_oid *oid,
			 uint8_t out[32])
{
	char text[DV_POINTER_MAX], head[32];
	size_t n = dv_pointer_format(oid, text);
	int h = snprintf(head, sizeof(head), "blob %zu", n);

	return dv_git_hash(r->algo, head, (size_t)h + 1, text, n, out);
}

char *dv_repo_index_path(const struct dv_repo *r)
{
	const char *env = getenv("GIT_INDEX_FILE");

	if (!env || !*env)
		return dv_fmt("%s/index", r->git_dir);
	if (*env == '/' || !r->top)
		return strdup(env);
	return dv_fmt("%s/%s", r->top, env);
}
