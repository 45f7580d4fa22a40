#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/proc.h"
#include "base/quote.h"
#include "cmd/cmd.h"
#include "codec/glob.h"

int dv_fail(const struct dv_err *err)
{
	if (err->status == DV_ECANCEL)
		return 130;
	dv_log_error("%s", err->msg);
	return 1;
}

int dv_opt_exit(int parsed)
{
	return parsed == -1 ? 0 : 129;
}

int dv_ctx_repo(struct dv_ctx *c)
{
	struct dv_err err = { 0 };

	if (c->have_repo)
		return 0;
	if (dv_repo_open(&c->repo, &err))
		return dv_fail(&err);
	c->have_repo = 1;
	c->cache = dv_cache_open(c->repo.common_dir, c->repo.git_dir);
	c->repo.cache = c->cache;
	return 0;
}

int dv_ctx_worktree(struct dv_ctx *c)
{
	int rc = dv_ctx_repo(c);

	if (!rc)
		rc = dv_ctx_outside(c);
	if (!rc && !c->repo.top) {
		dv_log_error("this command needs a worktree, and '%s' is a bare repository",
			     c->repo.git_dir);
		rc = 1;
	}
	return rc;
}

int dv_ctx_outside(struct dv_ctx *c)
{
	if (c->repo.top || dv_config_bool(&c->repo, "core.bare", 1))
		return 0;
	dv_log_error("this is inside '%s', where git keeps its own; run the command in the worktree",
		     c->repo.git_dir);
	return 1;
}

int dv_ctx_at_top(struct dv_ctx *c)
{
	struct dv_err err = { 0 };
	int rc = dv_ctx_repo(c);

	if (rc || !c->repo.top || !*c->repo.prefix)
		return rc;
	return dv_repo_go_top(&c->repo, &err) ? dv_fail(&err) : 0;
}

int dv_ctx_store(struct dv_ctx *c, int create)
{
	struct dv_err err = { 0 };
	int rc = dv_ctx_repo(c);

	if (rc)
		return rc;
	if (!c->have_store) {
		if (dv_repo_store_open(&c->repo, &c->store, create, &err))
			return dv_fail(&err);
		c->have_store = 1;
	}
	if (!c->have_coder) {
		if (dv_coder_init(&c->coder, &err))
			return dv_fail(&err);
		c->have_coder = 1;
	}
	return 0;
}

int dv_ctx_pool(struct dv_ctx *c)
{
	struct dv_err err = { 0 };

	if (!c->pool && dv_pool_open(&c->pool, 0, 24, &dv_coder_pool_ops, NULL,
				     &err))
		return dv_fail(&err);
	return 0;
}

void dv_ctx_close(struct dv_ctx *c)
{
	dv_buf_release(&c->shown);
	dv_pool_close(c->pool);
	dv_cache_close(c->cache);
	if (c->have_coder)
		dv_coder_release(&c->coder);
	if (c->have_store)
		dv_store_close(&c->store);
	if (c->have_repo)
		dv_repo_close(&c->repo);
	memset(c, 0, sizeof(*c));
}

const char *dv_ctx_path(struct dv_ctx *c, const char *path)
{
	c->shown.n = 0;
	if (dv_quote_path(path, dv_config_bool(&c->repo, "core.quotepath", 1),
			  &c->shown, NULL))
		return "?";
	return dv_buf_str(&c->shown);
}

const char *dv_ctx_named(struct dv_ctx *c, const char *path)
{
	const char *shown = dv_ctx_path(c, path);
	size_t n = c->shown.n;

	/* Quoted it starts with what a plain one cannot have. */
	if (*shown == '"' || dv_buf_reserve(&c->shown, 2, NULL))
		return shown;
	memmove(c->shown.p + 1, c->shown.p, n);
	c->shown.p[0] = c->shown.p[n + 1] = '\'';
	c->shown.n = n + 2;
	return dv_buf_str(&c->shown);
}

int dv_file_is_spoilt(int dir_fd, const char *name)
{
	uint8_t text[DV_FOREIGN_MAX];
	struct dv_oid oid;
	struct stat st;
	ssize_t n = -1;
	int fd;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) ||
	    !S_ISREG(st.st_mode) || st.st_size < DV_POINTER_HEAD)
		return 0;
	fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0) {
		n = dv_read_full(fd, text, sizeof(text));
		close(fd);
	}
	if (n <= 0)
		return 0;
	/* Of a long one, the beginning tells. */
	if (st.st_size > n && st.st_size > DV_FOREIGN_MAX)
		return dv_pointer_is_spoilt(text, (size_t)st.st_size);
	return dv_pointer_parse(text, (size_t)n, &oid) == DV_PTR_NONE &&
	       dv_pointer_is_spoilt(text, (size_t)n);
}

void dv_select_release(struct dv_select *s)
{
	dv_strs_release(&s->revs);
	dv_strs_release(&s->paths);
	dv_strs_release(&s->include);
	dv_strs_release(&s->exclude);
}

int dv_top_path(const struct dv_repo *r, const char *arg, struct dv_buf *out,
		struct dv_err *err)
{
	size_t top = r->top ? strlen(r->top) : 0;
	char *joined, *save = NULL;
	int rc = 0;

	if (*arg == '/' && top && !strncmp(arg, r->top, top) &&
	    (arg[top] == '/' || !arg[top]))
		joined = strdup(arg + top);
	else if (*arg == '/')
		return dv_err_set(err, DV_EINVAL,
				  "'%s' is outside the worktree '%s'", arg,
				  r->top);
	else
		joined = dv_fmt("%s%s", r->prefix, arg);
	if (!joined)
		return dv_err_nomem(err);
	for (char *part = strtok_r(joined, "/", &save); !rc && part;
	     part = strtok_r(NULL, "/", &save)) {
		if (!strcmp(part, "."))
			continue;
		if (!strcmp(part, "..")) {
			if (!out->n) {
				rc = dv_err_set(err, DV_EINVAL,
						"'%s' is outside the worktree '%s'",
						arg, r->top);
				break;
			}
			while (out->n && out->p[out->n - 1] != '/')
				out->n--;
			if (out->n)
				out->n--;
			continue;
		}
		rc = dv_buf_addf(out, err, "%s%s", out->n ? "/" : "", part);
	}
	free(joined);
	return rc;
}

int dv_path_from_top(struct dv_ctx *c, const char *arg, struct dv_strs *out,
		     struct dv_err *err)
{
	struct dv_buf b = { 0 };
	int rc = dv_top_path(&c->repo, arg, &b, err);

	if (!rc)
		rc = dv_strs_add(out, dv_buf_str(&b), err);
	dv_buf_release(&b);
	return rc;
}

/* The commit that a name stands for, or NULL. Caller frees. */
static char *commit_of(const char *name)
{
	char *spec = dv_fmt("%s^{commit}", name);
	const char *argv[] = { "git", "rev-parse", "--verify", "-q",
			       "--end-of-options", spec, NULL };
	struct dv_buf out = { 0 };
	int code = 1;

	if (!spec || dv_proc_capture(argv, NULL, DV_PROC_QUIET, 4096, &out,
				     &code, NULL))
		code = 1;
	free(spec);
	if (code) {
		dv_buf_release(&out);
		return NULL;
	}
	while (out.n && out.p[out.n - 1] == '\n')
		out.n--;
	return dv_buf_detach(&out);
}

/* ':/path' and ':(top)path' of git; the rest of its magic is not known here. */
static int add_path(struct dv_ctx *c, const char *arg, struct dv_strs *out,
		    struct dv_err *err)
{
	const char *rest = !strncmp(arg, ":/", 2) ? arg + 2 :
			   !strncmp(arg, ":(top)", 6) ? arg + 6 : NULL;
	char *full;
	int rc;

	if (!rest && *arg == ':' && strchr("(!^:", arg[1]))
		return dv_err_set(err, DV_EINVAL,
				  "'%s': of git's pathspec magic only ':/' and ':(top)' are known here; a file of that name is './%s'",
				  arg, arg);
	if (!rest)
		return dv_path_from_top(c, arg, out, err);
	full = dv_fmt("%s%s%s", c->repo.top ? c->repo.top : "",
		      c->repo.top ? "/" : "", rest);
	rc = full ? dv_path_from_top(c, full, out, err) : dv_err_nomem(err);
	free(full);
	return rc;
}

static int is_git_remote(struct dv_ctx *c, const char *name)
{
	char *key = dv_fmt("remote.%s.url", name);
	int yes = key && dv_config_get_own(&c->repo, key) &&
		  !dv_file_exists(name);

	free(key);
	return yes;
}

/*
 * 'git dv push origin main', by habit. Where origin/HEAD is known, the name stands
 * for a commit, too.
 */
static int not_a_store(const struct dv_remotes *rs, const char *name,
		       int is_commit, struct dv_err *err)
{
	const struct dv_remote_info *def = dv_remotes_find(rs, NULL);

	if (is_commit) {
		dv_log_warn("'%s' is a Git remote and no data remote; it is taken as the revision of that name",
			    name);
		return 0;
	}
	return dv_err_set(err, DV_ENOTFOUND,
			  "'%s' is a Git remote and no data remote%s%s%s", name,
			  def ? ", which would be '" : "; 'git dv remote add NAME URL' adds one",
			  def ? def->name : "", def ? "'" : "");
}

int dv_select_parse(struct dv_ctx *c, struct dv_select *s, char **argv, int n,
		    int dashdash, struct dv_err *err)
{
	int plain = s->only_paths ? 0 : dashdash >= 0 ? dashdash : n, rc;
	struct dv_remotes rs;

	rc = dv_remotes_load(&c->repo, &rs, err);
	if (rc)
		return rc;
	for (int i = 0; !rc && i < n; i++) {
		char *commit;

		/* As for git: a variable of a script that is unset is no path. */
		if (!*argv[i]) {
			rc = dv_err_set(err, DV_EINVAL,
					"an empty string is no path; '.' is all of this folder");
			break;
		}
		if (i == 0 && plain > 0) {
			for (size_t k = 0; k < rs.n; k++)
				if (!strcmp(rs.v[k].name, argv[0]))
					s->remote = argv[0];
			if (s->remote)
				continue;
		}
		/* ':/' is the top, and no search through messages. */
		commit = i < plain && *argv[i] != ':' ? commit_of(argv[i]) :
							NULL;
		if (i == 0 && plain > 0 && is_git_remote(c, argv[0])) {
			rc = not_a_store(&rs, argv[0], commit != NULL, err);
			if (rc) {
				free(commit);
				break;
			}
		}
		if (commit && i < n && dv_file_exists(argv[i]) && dashdash < 0)
			rc = dv_err_set(err, DV_EINVAL,
					"'%s' is both a revision and a file; put '--' before files or behind revisions",
					argv[i]);
		else if (commit)
			rc = dv_strs_add(&s->revs, commit, err);
		else
			rc = add_path(c, argv[i], &s->paths, err);
		free(commit);
	}
	dv_remotes_release(&rs);
	return rc;
}

static int under(const char *path, const char *what)
{
	size_t n = strlen(what);

	return !n || (!strncmp(path, what, n) && (!path[n] || path[n] == '/'));
}

static int path_matches(const char *pattern, const char *path)
{
	char *anchored;
	int yes = under(path, pattern);

	if (yes || !strpbrk(pattern, "*?["))
		return yes;
	anchored = dv_fmt("/%s", pattern);
	yes = anchored && dv_glob_path(anchored, path);
	free(anchored);
	return yes;
}

int dv_select_check(struct dv_ctx *c, const struct dv_select *s,
		    const struct dv_ptrs *ptrs, struct dv_err *err)
{
	for (size_t i = 0; i < s->paths.n; i++) {
		const char *p = s->paths.v[i];
		int found = 0;
		char *full;

		for (size_t k = 0; !found && k < ptrs->n; k++)
			found = path_matches(p, ptrs->v[k].path);
		if (found)
			continue;
		full = c->repo.top ? dv_fmt("%s/%s", c->repo.top, p) : NULL;
		found = full && dv_file_exists(full);
		free(full);
		if (!found)
			return dv_err_set(err, DV_ENOTFOUND, s->only_paths ?
					  "'%s' is no versioned file here; only paths are taken: files are what the index says" :
					  "'%s' is no remote, no revision and no versioned file here",
					  p);
	}
	return 0;
}

int dv_select_defaults(struct dv_ctx *c, struct dv_select *s,
		       struct dv_err *err)
{
	int rc = 0;

	if (!s->include.n && !s->paths.n)
		rc = dv_config_all(&c->repo, "dv.include", &s->include, err);
	if (!rc && !s->exclude.n && !s->paths.n)
		rc = dv_config_all(&c->repo, "dv.exclude", &s->exclude, err);
	return rc;
}

static int any_glob(const struct dv_strs *patterns, const char *path)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (dv_glob_path(patterns->v[i], path))
			return 1;
	return 0;
}

int dv_select_has(const struct dv_select *s, const char *path)
{
	int in = !s->paths.n;

	for (size_t i = 0; !in && i < s->paths.n; i++)
		in = path_matches(s->paths.v[i], path);
	if (in && s->include.n)
		in = any_glob(&s->include, path);
	return in && !any_glob(&s->exclude, path);
}

/* JSON is UTF-8: what is not becomes U+FFFD, and path_hex has the bytes. */
static int valid_utf8(const char *s)
{
	const uint8_t *p = (const uint8_t *)s;

	while (*p) {
		int n = *p < 0x80 ? 0 : (*p & 0xe0) == 0xc0 && *p > 0xc1 ? 1 :
			(*p & 0xf0) == 0xe0 ? 2 :
			(*p & 0xf8) == 0xf0 && *p < 0xf5 ? 3 : -1;

		if (n < 0)
			return 0;
		for (p++; n; n--, p++)
			if ((*p & 0xc0) != 0x80)
				return 0;
	}
	return 1;
}

void dv_json_path(struct cJSON *o, const char *path)
{
	dv_json_path_as(o, "path", "path_hex", path);
}

void dv_json_path_as(struct cJSON *o, const char *key, const char *hex_key,
		     const char *path)
{
	struct dv_buf b = { 0 };
	char *hex;

	if (valid_utf8(path)) {
		cJSON_AddStringToObject(o, key, path);
		return;
	}
	for (const char *p = path; *p; p++)
		if (dv_buf_addstr(&b, (unsigned char)*p < 0x80 ?
				  (char[]){ *p, 0 } : "\xef\xbf\xbd", NULL))
			break;
	cJSON_AddStringToObject(o, key, dv_buf_str(&b));
	hex = malloc(2 * strlen(path) + 1);
	if (hex) {
		dv_hex_encode(hex, path, strlen(path));
		cJSON_AddStringToObject(o, hex_key, hex);
	}
	free(hex);
	dv_buf_release(&b);
}

cJSON *dv_json_root(void)
{
	cJSON *root = cJSON_CreateObject();

	cJSON_AddNumberToObject(root, "version", 1);
	return root;
}

int dv_json_show(cJSON *root, struct dv_err *err)
{
	char *text = cJSON_Print(root);

	cJSON_Delete(root);
	if (!text)
		return dv_err_nomem(err);
	printf("%s\n", text);
	cJSON_free(text);
	return 0;
}
