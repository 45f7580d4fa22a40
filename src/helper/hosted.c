#include "helper/helper.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/proc.h"

#define PROBE_MAX 100000

void dv_helper_clean_env(const char *env[DV_CLEAN_ENV], int hosted)
{
	/* git rev-parse --local-env-vars */
	static const char *const local[] = {
		"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG",
		"GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT",
		"GIT_OBJECT_DIRECTORY", "GIT_DIR", "GIT_WORK_TREE",
		"GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_INDEX_FILE",
		"GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE", "GIT_PREFIX",
		"GIT_SHALLOW_FILE", "GIT_COMMON_DIR",
		"GIT_INTERNAL_SUPER_PREFIX",
	};
	size_t n = 0;

	for (; n < DV_ARRAY_SIZE(local); n++)
		env[n] = local[n];
	if (hosted) {
		env[n++] = "GIT_NAMESPACE";
		env[n++] = "GIT_QUARANTINE_PATH";
	}
	env[n] = NULL;
}

static int read_manifest(struct dv_helper *h, uint64_t number,
			 struct dv_manifest *m, struct dv_err *err)
{
	struct dv_buf b = { 0 };
	char key[32];
	int rc;

	dv_manifest_key(number, key);
	rc = dv_remote_read(h->remote, key, DV_MANIFEST_MAX, &b, err);
	if (!rc) {
		rc = dv_manifest_parse(m, b.p, b.n, h->sha, err);
		if (!rc && m->number != number) {
			dv_manifest_release(m);
			rc = dv_err_set(err, DV_ECORRUPT,
					"it has another number than its name");
		}
		if (rc)
			dv_err_prefix(err, "'%s' in '%s'", key, h->remote->url);
	}
	dv_buf_release(&b);
	return rc;
}

static int exists(struct dv_helper *h, uint64_t number)
{
	uint64_t size;
	char key[32];

	dv_manifest_key(number, key);
	return !h->remote->backend->ops->size(h->remote->backend, key, &size,
					      NULL);
}

/* The first name of a listing is the newest number. */
static int newest_by_list(struct dv_helper *h, uint64_t *number,
			  struct dv_err *err)
{
	struct dv_backend *b = h->remote->backend;
	struct dv_strs names = { 0 };
	int rc = b->ops->list(b, "git/refs", &names, err);

	*number = 0;
	for (size_t i = 0; !rc && i < names.n && !*number; i++)
		if (strlen(names.v[i]) == 16 && dv_hex_valid(names.v[i], 16))
			*number = UINT64_MAX - strtoull(names.v[i], NULL, 16);
	dv_strs_release(&names);
	return rc;
}

/* git/latest, or 0 where it says nothing. */
static uint64_t read_hint(struct dv_helper *h)
{
	struct dv_buf b = { 0 };
	uint64_t n = 0;
	const char *p;

	if (!dv_remote_read(h->remote, "git/latest", 64, &b, NULL)) {
		size_t digits;

		p = dv_buf_str(&b);
		digits = strspn(p, "0123456789");
		if (digits && digits < 20 && !strcmp(p + digits, "\n"))
			n = strtoull(p, NULL, 10);
	}
	dv_buf_release(&b);
	return n;
}

/*
 * The hint may be old or gone: a commit is what stands in git/refs. But it is
 * written after the manifest, so that one without it means that refs are lost;
 * without them git would delete its own.
 */
static int newest(struct dv_helper *h, uint64_t *number, struct dv_err *err)
{
	uint64_t hint = read_hint(h);
	int rc = 0;

	*number = hint;
	if (hint && exists(h, hint)) {
		for (int i = 0; i < PROBE_MAX && exists(h, *number + 1); i++)
			++*number;
		return 0;
	}
	/* Twice: a listing may be of just before. */
	for (int i = 0; !rc && i < 2 && (!i || *number < hint); i++)
		rc = newest_by_list(h, number, err);
	if (rc || *number >= hint)
		return rc;
	return dv_err_set(err, DV_ECORRUPT,
			  "'%s' has lost refs: 'git/latest' names number %llu, and the newest in 'git/refs' is %llu; put 'git/refs' back from a copy of the store, or remove 'git/latest' to go on with what is there",
			  h->remote->url, (unsigned long long)hint,
			  (unsigned long long)*number);
}

int dv_hosted_newest(struct dv_helper *h, struct dv_manifest *m,
		     struct dv_err *err)
{
	uint64_t n;
	int rc = newest(h, &n, err);

	memset(m, 0, sizeof(*m));
	return rc || !n ? rc : read_manifest(h, n, m, err);
}

/*
 * What the store must be: as it was the first time, or what the user has set,
 * unless that is of a data remote that has the same name.
 */
static void find_pin(struct dv_helper *h)
{
	char *url = dv_fmt("dv.remote.%s.url", h->remote_name);
	char *uuid = dv_fmt("dv.remote.%s.uuid", h->remote_name);
	const char *at, *set;

	if (url && uuid) {
		at = dv_config_get_own(&h->settings, url);
		set = dv_config_get_own(&h->settings, uuid);
		if (set && (!at || !strcmp(at, h->url)))
			snprintf(h->pinned, sizeof(h->pinned), "%s", set);
	}
	free(url);
	free(uuid);
	if (!*h->pinned)
		dv_remotes_pinned(&h->settings, h->remote_name, h->url,
				  h->pinned);
}

/* " (from '<cwd>')" behind a relative path, or "". */
static char *seen_from(const char *url)
{
	char *dir = dv_url_dir(url), *out = NULL;
	char *cwd = dir && *dir != '/' ? getcwd(NULL, 0) : NULL;

	if (cwd)
		out = dv_fmt(" (from '%s')", cwd);
	free(cwd);
	free(dir);
	return out;
}

int dv_hosted_load(struct dv_helper *h, int create, struct dv_err *err)
{
	int rc;

	if (h->remote)
		return 0;
	if (h->remote_name)
		find_pin(h);
	rc = dv_remote_open(&h->remote, h->url, h->pinned,
			    create ? DV_REMOTE_CREATE : 0, err);
	if (rc == DV_ENOTFOUND && !create && !*h->pinned) {
		char *from = seen_from(h->url);

		dv_err_set(err, rc,
			   "there is no repository at '%s'%s yet, it is empty or absent; the first push makes one ('git push dvstore::%s HEAD'), if it is mounted",
			   h->url, from ? from : "", h->url);
		free(from);
	}
	if (rc == DV_ECONFLICT)
		dv_err_set(err, rc,
			   "the store at '%s' is not the %s that remote '%s' had there; if it was replaced on purpose, run 'git config --unset-all remote.%s.dvstore'",
			   h->url, h->pinned, h->remote_name, h->remote_name);
	return rc;
}

void dv_hosted_pin(struct dv_helper *h)
{
	/* Git sets it where there is a repository to note that in. */
	if (h->remote_name && !*h->pinned && getenv("GIT_DIR"))
		dv_remotes_pin(&h->settings, h->remote_name, h->url,
			       h->remote->uuid);
}

static int write_text(const char *dir, const char *name, const struct dv_buf *b,
		      struct dv_err *err)
{
	char *path = dv_fmt("%s/%s", dir, name);
	int rc = path ? dv_file_write(path, b->p, b->n, 0600, 0, err) :
			dv_err_nomem(err);

	free(path);
	return rc;
}

/*
 * A file of a pack ends in a checksum: of a pack it is its name, an index has its
 * pack's before its own. Two requests a file, and a name is read, not the file.
 */
int dv_hosted_check_file(struct dv_helper *h, const char *name, const char *ext,
			 struct dv_err *err)
{
	struct dv_backend *b = h->remote->backend;
	size_t hs = strlen(name) / 2, got = 0;
	size_t before = strcmp(ext, "idx") ? 0 : hs;
	char *key = dv_fmt("git/pack/pack-%s.%s", name, ext);
	uint8_t end[32], want[32];
	uint64_t size = 0;
	int rc = key ? b->ops->size(b, key, &size, err) : dv_err_nomem(err);

	if (!rc && size >= hs + before)
		rc = b->ops->get(b, key, size - hs - before, end, hs, &got,
				 err);
	if (!rc && (got != hs || dv_hex_decode(want, name, hs) ||
		    memcmp(end, want, hs)))
		rc = dv_err_set(err, DV_ECORRUPT, "it is cut off or damaged");
	if (rc == DV_ECORRUPT || rc == DV_ENOTFOUND)
		dv_err_prefix(err, "'%s' in '%s', which has objects of Git, cannot be read; put it back from a copy of the store, or push to a new one",
			      key ? key : name, h->remote->url);
	free(key);
	return rc;
}

int dv_hosted_check(struct dv_helper *h, const struct dv_manifest *m,
		    struct dv_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < m->packs.n; i++) {
		const char *name = m->packs.v[i];

		rc = dv_hosted_check_file(h, name, "pack", err);
		if (!rc)
			rc = dv_hosted_check_file(h, name, "idx", err);
	}
	return rc;
}

/*
 * The packs that the manifest names, not all that ever were: git opens each, and
 * a merged one stays on the store beside what it was merged from.
 */
static int link_packs(const char *dir, const struct dv_manifest *m,
		      const char *root, struct dv_err *err)
{
	static const char *const ext[] = { "pack", "idx" };
	int rc = 0;

	for (size_t i = 0; !rc && i < 2 * m->packs.n; i++) {
		const char *name = m->packs.v[i / 2];
		char *to = dv_fmt("%s/git/pack/pack-%s.%s", root, name,
				  ext[i % 2]);
		char *at = dv_fmt("%s/objects/pack/pack-%s.%s", dir, name,
				  ext[i % 2]);

		if (!to || !at)
			rc = dv_err_nomem(err);
		else if (symlink(to, at) && errno != EEXIST)
			rc = dv_err_errno(err, "cannot link '%s'", at);
		free(to);
		free(at);
	}
	return rc;
}

/* A remote, from which an archive gets content. A path may have any bytes. */
static int add_remote(struct dv_buf *b, const char *root, struct dv_err *err)
{
	int rc = dv_buf_addstr(b, "[remote \"origin\"]\n\turl = \"dvstore::",
			       err);

	for (const char *p = root; !rc && *p; p++)
		rc = *p == '\n' ? dv_buf_addstr(b, "\\n", err) :
		     dv_buf_addf(b, err, "%s%c",
				 *p == '"' || *p == '\\' ? "\\" : "", *p);
	return rc ? rc : dv_buf_addstr(b, "\"\n", err);
}

static int bare_files(const char *dir, const struct dv_manifest *m,
		      const char *root, struct dv_err *err)
{
	static const char *const subs[] = { "objects/pack", "refs" };
	struct dv_buf b = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < DV_ARRAY_SIZE(subs); i++) {
		char *d = dv_fmt("%s/%s", dir, subs[i]);

		rc = d ? dv_dir_make(d, err) : dv_err_nomem(err);
		free(d);
	}
	if (!rc)
		rc = dv_buf_addf(&b, err, "ref: %s\n",
				 m->head ? m->head : "refs/heads/main");
	if (!rc)
		rc = write_text(dir, "HEAD", &b, err);
	b.n = 0;
	if (!rc)
		rc = dv_buf_addf(&b, err,
				 "[core]\n\trepositoryformatversion = %d\n\tbare = true\n%s"
				 "[uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n"
				 "[gc]\n\tauto = 0\n",
				 m->algo == 2 ? 1 : 0,
				 m->algo == 2 ? "[extensions]\n\tobjectFormat = sha256\n" : "");
	if (!rc)
		rc = add_remote(&b, root, err);
	if (!rc)
		rc = write_text(dir, "config", &b, err);
	b.n = 0;
	if (!rc)
		rc = dv_buf_addstr(&b, "# pack-refs with: sorted \n", err);
	for (size_t i = 0; !rc && i < m->nrefs; i++)
		rc = dv_buf_addf(&b, err, "%s %s\n", m->refs[i].oid,
				 m->refs[i].name);
	if (!rc)
		rc = write_text(dir, "packed-refs", &b, err);
	dv_buf_release(&b);
	return rc;
}

int dv_hosted_bare(struct dv_helper *h, const struct dv_manifest *m,
		   char **dir, struct dv_err *err)
{
	const char *tmp = getenv("TMPDIR");
	char *given = dv_url_dir(h->url), *root;
	int rc;

	root = given ? realpath(given, NULL) : NULL;
	free(given);
	*dir = dv_fmt("%s/git-dv-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!root || !*dir) {
		rc = dv_err_nomem(err);
	} else if (!mkdtemp(*dir)) {
		rc = dv_err_errno(err, "cannot make the temporary folder '%s'",
				  *dir);
		free(*dir);
		*dir = NULL;
	} else {
		rc = bare_files(*dir, m, root, err);
		if (!rc)
			rc = link_packs(*dir, m, root, err);
	}
	free(root);
	return rc;
}

int dv_helper_serve(struct dv_helper *h, const char *service, const char *dir,
		    int hosted, struct dv_err *err)
{
	const char *argv[] = { "git", service, dir, NULL };
	const char *env[DV_CLEAN_ENV + 1];
	const char *version = dv_config_get_own(&h->settings,
						"protocol.version");
	char protocol[40];
	struct dv_proc p;
	size_t n = 0;
	int rc, code;

	/* What git asks of an ssh server by the same variable. */
	snprintf(protocol, sizeof(protocol), "GIT_PROTOCOL=version=%.8s",
		 version ? version : "2");
	dv_helper_clean_env(env, hosted);
	while (env[n])
		n++;
	env[n++] = protocol;
	env[n] = NULL;
	rc = dv_proc_start(&p, argv, env, DV_PROC_INHERIT, err);
	if (rc)
		return rc;
	code = dv_proc_wait(&p);
	/* It says itself what is wrong, unless a signal ended it. */
	return code < 0 || (code > 128 && code != 128 + SIGPIPE) ?
		       dv_err_set(err, DV_EIO, "git %s ended with code %d",
				  service, code) :
	       code ? dv_err_set(err, DV_EIO, "%s", "") : 0;
}

int dv_hosted_serve(struct dv_helper *h, const char *service,
		    struct dv_err *err)
{
	struct dv_manifest m;
	char *dir = NULL;
	int rc;

	rc = dv_hosted_newest(h, &m, err);
	if (rc)
		return rc;
	rc = dv_hosted_check(h, &m, err);
	if (!rc)
		rc = dv_hosted_bare(h, &m, &dir, err);
	if (!rc)
		rc = dv_helper_serve(h, service, dir, 1, err);
	if (dir && dv_dir_remove(dir, NULL))
		dv_log_debug("'%s' stays behind", dir);
	free(dir);
	dv_manifest_release(&m);
	return rc;
}
