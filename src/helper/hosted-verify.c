/* Is what a store has of Git whole? */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "helper/helper.h"

/* Run git without a word of its own; 1 it succeeded, 0 it failed. */
static int quietly(const char *const *argv, const char *const *env,
		   struct dv_err *err)
{
	struct dv_buf out = { 0 };
	int code = 0;
	int rc = dv_proc_capture(argv, env, DV_PROC_QUIET, 65536, &out, &code,
				 err);

	dv_buf_release(&out);
	return rc ? rc : !code;
}

/* All bytes of each pack that the manifest names. */
static int check_packs(const struct dv_remote *r, const struct dv_manifest *m,
		       struct dv_err *err)
{
	char *dir = dv_url_dir(r->url);
	int rc = dir ? 0 : dv_err_nomem(err);

	for (size_t i = 0; !rc && i < m->packs.n; i++) {
		char *path = dv_fmt("%s/git/pack/pack-%s.idx", dir,
				    m->packs.v[i]);
		const char *argv[] = { "git", "verify-pack",
			m->algo == 2 ? "--object-format=sha256" :
				       "--object-format=sha1", "--", path,
			NULL };
		int good = path ? quietly(argv, NULL, err) : dv_err_nomem(err);

		if (good < 0)
			rc = good;
		else if (!good)
			rc = dv_err_set(err, DV_ECORRUPT,
					"'git/pack/pack-%s.pack' in '%s', which has objects of Git, is damaged; put it and its .idx back from a copy of the store, or push to a new one",
					m->packs.v[i], r->url);
		free(path);
		if (!rc)
			rc = dv_cancel_check(err);
	}
	free(dir);
	return rc;
}

/* All that the refs lead to. */
static int check_refs(struct dv_helper *h, const struct dv_manifest *m,
		      struct dv_err *err)
{
	static const char *const argv[] = { "git", "rev-list", "--objects",
					    "--all", "--quiet", NULL };
	const char *env[DV_CLEAN_ENV + 2] = { NULL };
	char *bare = NULL, *set = NULL;
	int rc = dv_hosted_bare(h, m, &bare, err), good;

	if (!rc) {
		set = dv_fmt("GIT_DIR=%s", bare);
		rc = set ? 0 : dv_err_nomem(err);
	}
	if (!rc) {
		size_t n = 0;

		dv_helper_clean_env(env, 1);
		while (env[n])
			n++;
		env[n] = set;
		good = quietly(argv, env, err);
		rc = good < 0 ? good : good ? 0 :
		     dv_err_set(err, DV_ECORRUPT,
				"'%s' lacks objects of Git that its refs lead to; put 'git/' back from a copy of the store, or push to a new one",
				h->url);
	}
	if (bare && dv_dir_remove(bare, NULL))
		dv_log_debug("'%s' stays behind", bare);
	free(bare);
	free(set);
	return rc;
}

int dv_hosted_verify(struct dv_remote *r, uint64_t *number, size_t *refs,
		     size_t *packs, struct dv_err *err)
{
	struct dv_helper h = { .url = r->url, .remote = r };
	struct dv_manifest m = { 0 };
	int rc;

	h.sha = dv_sha256_open();
	rc = h.sha ? dv_hosted_newest(&h, &m, err) : dv_err_nomem(err);
	*number = m.number;
	*refs = m.nrefs;
	*packs = m.packs.n;
	if (!rc && m.number)
		rc = dv_hosted_check(&h, &m, err);
	if (!rc && m.number)
		rc = check_packs(r, &m, err);
	if (!rc && m.nrefs)
		rc = check_refs(&h, &m, err);
	dv_manifest_release(&m);
	dv_sha256_close(h.sha);
	return rc;
}
