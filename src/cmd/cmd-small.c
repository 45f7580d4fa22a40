/* Small commands: env, ls-files, cat, pointer, merge-driver. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "cmd/cmd.h"
#include "config.h"
#include "repo/hooks.h"
#include "store/extract.h"
#include "store/ingest.h"

int dv_cmd_env(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv env", "git-dv-env", "" };
	static const char *const keys[] = { "filter.dv.process",
		"filter.dv.required", "dv.store", "dv.remote", "dv.above",
		"dv.compression", "dv.delta", "dv.hooks" };
	const struct dv_opt opts[] = { { 0 } };
	const struct dv_remote_info *def;
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };
	struct dv_remotes rs;
	int n = dv_opt_parse(&cmd, opts, argc, argv, NULL), rc;
	char *path;

	if (n < 0)
		return dv_opt_exit(n);
	if (n) {
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	rc = dv_ctx_repo(&c);
	if (rc)
		return rc;
	printf("version=git-dv %s\n", PACKAGE_VERSION);
	printf("worktree=%s\n", c.repo.top ? c.repo.top : "");
	printf("git-dir=%s\n", c.repo.git_dir);
	printf("git-common-dir=%s\n", c.repo.common_dir);
	printf("object-format=%s\n", c.repo.algo == 2 ? "sha256" : "sha1");
	path = dv_repo_store_path(&c.repo, &err);
	if (!path)
		dv_log_warn("%s", err.msg);
	printf("store=%s\n", path ? path : "");
	free(path);
	printf("hooks=%s\n", dv_hooks_installed(&c.repo) ? "installed" :
							   "not installed");
	if (!dv_remotes_load(&c.repo, &rs, &err)) {
		def = dv_remotes_find(&rs, NULL);
		if (def)
			printf("remote=%s %s\n", def->name, def->url);
		dv_remotes_release(&rs);
	}
	for (size_t i = 0; i < DV_ARRAY_SIZE(keys); i++) {
		const char *v = dv_config_get(&c.repo, keys[i]);

		if (v)
			printf("%s=%s\n", keys[i], v);
	}
	dv_ctx_close(&c);
	return 0;
}

int dv_cmd_ls_files(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv ls-files",
		"git-dv-ls-files", "[-z] [-l] [<revision>] [--] [<path>...]" };
	int zero = 0, with_size = 0, dashdash, n, rc;
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 'z', NULL, &zero, NULL, "end each path by NUL", 0 },
		{ DV_OPT_FLAG, 'l', "long", &with_size, NULL, "show id, size and whether it is here ('*') too", 0 },
		{ 0 },
	};
	struct dv_select sel = { 0 };
	struct dv_ptrs ptrs = { 0 };
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };

	n = dv_opt_parse(&cmd, opts, argc, argv, &dashdash);
	if (n < 0)
		return dv_opt_exit(n);
	rc = dv_ctx_repo(&c);
	if (rc)
		return rc;
	rc = dv_select_parse(&c, &sel, argv, n, dashdash, &err);
	if (!rc && sel.revs.n > 1)
		rc = dv_err_set(&err, DV_EINVAL, "more than one revision");
	if (!rc && sel.revs.n)
		rc = dv_ptrs_of_commit(&c.repo, c.cache, sel.revs.v[0], &ptrs,
				       &err);
	else if (!rc)
		rc = dv_ptrs_of_whole_index(&c.repo, c.cache, &ptrs, &err);
	if (!rc && with_size && dv_ctx_store(&c, 1)) {
		dv_ptrs_release(&ptrs);
		dv_select_release(&sel);
		dv_ctx_close(&c);
		return 1;
	}
	if (!rc)
		rc = dv_select_check(&c, &sel, &ptrs, &err);
	for (size_t i = 0; !rc && i < ptrs.n; i++) {
		const struct dv_ptr *p = &ptrs.v[i];

		if (!dv_select_has(&sel, p->path))
			continue;
		if (with_size)
			printf("%s %12llu %c ", dv_oid_text(&p->oid).s,
			       (unsigned long long)p->oid.size,
			       dv_store_has_file(&c.store, &p->oid) ? '*' : '-');
		printf("%s%c", zero ? p->path : dv_ctx_path(&c, p->path),
		       zero ? '\0' : '\n');
	}
	dv_ptrs_release(&ptrs);
	dv_select_release(&sel);
	dv_ctx_close(&c);
	return rc ? dv_fail(&err) : 0;
}

static int to_stdout(void *arg, const void *p, size_t n, struct dv_err *err)
{
	(void)arg;
	if (dv_write_full(STDOUT_FILENO, p, n))
		return dv_err_errno(err, "cannot write standard output");
	return 0;
}

/* PATH in the index, REV:PATH, or an oid. */
static int resolve(struct dv_ctx *c, const char *what, struct dv_oid *oid,
		   struct dv_err *err)
{
	char *spec = strchr(what, ':') ? strdup(what) :
					 dv_fmt(":./%s", what);
	const char *args[] = { "cat-file", "blob", spec, NULL };
	struct dv_buf blob = { 0 };
	int rc;

	(void)c;
	if (!dv_oid_parse(what, oid)) {
		free(spec);
		if (!oid->scheme)
			oid->scheme = DV_SCHEME_DV1;
		return 0;
	}
	if (!spec)
		return dv_err_nomem(err);
	rc = dv_git(args, 1u << 20, &blob, err);
	/* An empty file has no pointer and no content. */
	if (!rc && !blob.n)
		memset(oid, 0, sizeof(*oid));
	else if (!rc && dv_pointer_parse(blob.p, blob.n, oid) != DV_PTR_OK)
		rc = DV_EINVAL;
	if (rc)
		rc = dv_err_set(err, DV_EINVAL,
				"'%s' is not a file that git-dv versions; 'git dv ls-files' lists them",
				what);
	dv_buf_release(&blob);
	free(spec);
	return rc;
}

int dv_cmd_cat(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv cat", "git-dv-cat",
		"<path> | <revision>:<path> | <oid>" };
	const struct dv_opt opts[] = { { 0 } };
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 }, why = { 0 };
	struct dv_oid oid;
	int n = dv_opt_parse(&cmd, opts, argc, argv, NULL), rc, here;

	if (n < 0)
		return dv_opt_exit(n);
	if (n != 1) {
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	rc = dv_ctx_store(&c, 1);
	if (!rc)
		rc = dv_ctx_pool(&c);
	if (rc)
		goto out;
	rc = resolve(&c, argv[0], &oid, &err);
	if (rc || !oid.scheme)
		goto done;
	if (!strchr(argv[0], ':') && oid.scheme == DV_SCHEME_DV1 &&
	    !dv_store_has_file(&c.store, &oid) && strlen(argv[0]) == 64)
		oid.scheme = DV_SCHEME_SHA256;	/* bare hex may be either */
	if ((here = dv_content_complete(&c.store, &c.coder, &oid,
					       &why)) != 1) {
		rc = dv_remotes_fetch(&c.repo, &c.store, c.pool, c.cache,
				      NULL, &oid, 1, &err);
		/* What is wrong with what is here says more. */
		if (rc && here == DV_ECORRUPT)
			err = why;
	}
	/* Who reads no further ends us, as it ends cat(1). */
	signal(SIGPIPE, SIG_DFL);
	if (!rc)
		rc = dv_content_each(&c.store, &c.coder, &oid, to_stdout,
				     NULL, &err);
done:
	if (rc) {
		if (!strstr(err.msg, argv[0]))
			dv_err_prefix(&err, "'%s'", argv[0]);
		rc = dv_fail(&err);
	}
out:
	dv_ctx_close(&c);
	return rc;
}

int dv_cmd_pointer(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv pointer",
		"git-dv-pointer", "<file> | -" };
	const struct dv_opt opts[] = { { 0 } };
	struct dv_pool *pool = NULL;
	struct dv_err err = { 0 };
	char text[DV_POINTER_MAX];
	struct dv_oid oid;
	int n = dv_opt_parse(&cmd, opts, argc, argv, NULL), rc, fd;

	if (n < 0)
		return dv_opt_exit(n);
	if (n != 1) {
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	fd = !strcmp(argv[0], "-") ? STDIN_FILENO :
				     open(argv[0], O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		dv_err_errno(&err, "cannot open '%s'", argv[0]);
		return dv_fail(&err);
	}
	rc = dv_pool_open(&pool, 0, 24, &dv_coder_pool_ops, NULL, &err);
	if (!rc)
		rc = dv_ingest_oid(pool, fd, argv[0], &oid, &err);
	/* An empty file is an empty blob: it prints nothing. */
	if (!rc && oid.scheme)
		fwrite(text, dv_pointer_format(&oid, text), 1, stdout);
	dv_pool_close(pool);
	if (fd != STDIN_FILENO)
		close(fd);
	return rc ? dv_fail(&err) : 0;
}

/*
 * Git would write conflict markers into pointers. This keeps our side in the
 * file (%A holds it already) and reports a conflict.
 */
int dv_cmd_merge_driver(int argc, char **argv)
{
	const char *path = argc > 4 ? argv[4] : "the file";

	if (argc < 4) {
		fputs("usage: git-dv merge-driver %O %A %B %P\n", stderr);
		return 129;
	}
	dv_log_note("'%s' was changed on both sides; it keeps our content. Choose with 'git checkout --ours' or '--theirs', then 'git add' it.",
		    path);
	return 1;
}
