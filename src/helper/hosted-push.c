/*
 * A push to a hosted repository: content, then Git's new objects as one pack,
 * then manifest n+1, created only where it is absent. If somebody else created
 * it first, and the refs of this push still are what was listed, it builds on
 * theirs and tries again; else it says `fetch first`.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/proc.h"
#include "helper/helper.h"
#include "repo/objects.h"

#define TRIES 100

void dv_push_refuse(struct dv_push_ref *r, const char *why)
{
	if (!*r->error)
		snprintf(r->error, sizeof(r->error), "%s", why);
}

static int null_id(const char *id)
{
	return !*id || !id[strspn(id, "0")];
}

/* The rules that git receive-pack would apply, against the newest refs. */
static void check_ref(struct dv_helper *h, struct dv_push_ref *r,
		      const struct dv_manifest *m)
{
	const char *now = dv_manifest_get(m, r->dst);
	const char *lease = dv_push_lease(h, r->dst);

	if (lease)
		lease = strrchr(lease, ':') + 1;
	r->forward = DV_FORWARD_NO;
	if (*r->error)
		return;
	/* One that is there may go. */
	if (!dv_ref_name_ok(r->dst) || (*r->oid && !strchr(r->dst + 5, '/'))) {
		dv_push_refuse(r, "funny refname");
		return;
	}
	/* Force is stronger than a lease, as with git. */
	if (lease && !r->force &&
	    (null_id(lease) ? now != NULL : !now || strcmp(lease, now))) {
		dv_push_refuse(r, "stale info");
		return;
	}
	if (strcmp(now ? now : "", r->listed)) {
		dv_push_refuse(r, "fetch first");
		return;
	}
	/* As git's own servers do: a branch is a commit, and HEAD's stays. */
	if (*r->oid && !r->is_commit && !strncmp(r->dst, "refs/heads/", 11)) {
		dv_push_refuse(r, "a branch must be a commit");
		return;
	}
	if (!*r->oid && m->head && !strcmp(m->head, r->dst)) {
		dv_push_refuse(r, "deletion of the current branch prohibited");
		return;
	}
	if (!*r->oid || !now || r->force || lease || !strcmp(now, r->oid))
		return;
	if (!strncmp(r->dst, "refs/tags/", 10))
		dv_push_refuse(r, "already exists");
	else
		r->forward = DV_FORWARD_LIST;
}

/*
 * One of the names must not be a folder of another: Git could not hold both.
 * In the order of the push, against what then is there.
 */
static int check_clashes(struct dv_helper *h, const struct dv_manifest *m,
			 struct dv_err *err)
{
	struct dv_manifest then = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < m->nrefs; i++)
		rc = dv_manifest_set(&then, m->refs[i].name, m->refs[i].oid,
				     err);
	for (size_t i = 0; !rc && i < h->nrefs; i++)
		if (!*h->refs[i].error && !*h->refs[i].oid)
			rc = dv_manifest_set(&then, h->refs[i].dst, NULL, err);
	for (size_t i = 0; !rc && i < h->nrefs; i++) {
		struct dv_push_ref *r = &h->refs[i];

		if (*r->error || !*r->oid)
			continue;
		if (dv_manifest_clashes(&then, r->dst))
			dv_push_refuse(r, "another ref is a folder of this name, or this of another");
		else
			rc = dv_manifest_set(&then, r->dst, r->oid, err);
	}
	dv_manifest_release(&then);
	return rc;
}

/* 1: there is something to push; 0: nothing, or all is refused. */
static int check_all(struct dv_helper *h, const struct dv_manifest *m,
		     struct dv_err *err)
{
	size_t good = 0, bad = 0;
	int rc;

	for (size_t i = 0; i < h->nrefs; i++)
		check_ref(h, &h->refs[i], m);
	rc = dv_hosted_forward(h, err);
	if (!rc)
		rc = check_clashes(h, m, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < h->nrefs; i++) {
		if (*h->refs[i].error)
			bad++;
		else
			good++;
	}
	if (h->atomic && bad) {
		for (size_t i = 0; i < h->nrefs; i++)
			dv_push_refuse(&h->refs[i], "atomic transaction failed");
		return 0;
	}
	return good > 0;
}

/* ---- Git's objects ---- */

/* Ids of the manifest that this repository has, as "^id" lines. */
static int exclude_known(struct dv_helper *h, const struct dv_manifest *m,
			 struct dv_buf *in, struct dv_err *err)
{
	struct dv_buf ask = { 0 }, out = { 0 };
	char *line, *save = NULL;
	int rc = 0;

	for (size_t i = 0; !rc && i < m->nrefs; i++)
		rc = dv_buf_addf(&ask, err, "%s\n", m->refs[i].oid);
	if (!rc)
		rc = dv_objects_check(&h->repo, "%(objectname)", &ask, &out,
				      err);
	for (line = !rc && out.n ? strtok_r((char *)out.p, "\n", &save) : NULL;
	     !rc && line; line = strtok_r(NULL, "\n", &save))
		if (!strstr(line, " missing"))
			rc = dv_buf_addf(in, err, "^%.*s\n",
					 (int)strcspn(line, " "), line);
	dv_buf_release(&ask);
	dv_buf_release(&out);
	return rc;
}

/*
 * A shallow clone may push what it made on top of what is there, but not the
 * end of its own cut history: the parents of a commit where it is cut must be
 * on the store.
 */
static int check_shallow(struct dv_helper *h, const struct dv_manifest *m,
			 const struct dv_buf *revs, struct dv_err *err)
{
	static const char *const list[] = { "rev-list", "--stdin", NULL };
	char *path = dv_fmt("%s/shallow", h->repo.common_dir);
	struct dv_buf cut = { 0 }, ask = { 0 }, out = { 0 };
	char *bare = NULL, *env = NULL, *line, *save = NULL;
	int rc = path ? 0 : dv_err_nomem(err), code = 0;

	if (rc || !dv_file_exists(path))
		goto out;
	rc = dv_file_read(path, &cut, (size_t)1 << 28, err);
	if (!rc)
		rc = dv_git_input(list, revs->p, revs->n, (size_t)1 << 30, &out,
				  err);
	for (line = !rc && out.n ? strtok_r((char *)out.p, "\n", &save) : NULL;
	     !rc && line; line = strtok_r(NULL, "\n", &save)) {
		const char *raw[] = { "cat-file", "commit", line, NULL };
		struct dv_buf text = { 0 };

		if (!strstr(dv_buf_str(&cut), line))
			continue;
		rc = dv_git(raw, (size_t)1 << 24, &text, err);
		for (const char *p = rc ? NULL : strchr(dv_buf_str(&text), '\n');
		     !rc && p && !strncmp(p, "\nparent ", 8);
		     p = strchr(p + 1, '\n'))
			rc = dv_buf_addf(&ask, err, "%.*s\n",
					 (int)strcspn(p + 8, "\n"), p + 8);
		dv_buf_release(&text);
	}
	if (!rc && ask.n)
		rc = dv_hosted_bare(h, m, &bare, err);
	if (!rc && ask.n) {
		static const char *const argv[] = { "git", "cat-file",
						    "--batch-check", NULL };
		const char *vars[] = { NULL, "GIT_WORK_TREE",
			"GIT_OBJECT_DIRECTORY",
			"GIT_ALTERNATE_OBJECT_DIRECTORIES", NULL };

		env = dv_fmt("GIT_DIR=%s", bare);
		vars[0] = env;
		out.n = 0;
		rc = env ? dv_proc_filter(argv, vars, 0, ask.p, ask.n,
					  (size_t)1 << 30, &out, &code, err) :
			   dv_err_nomem(err);
		if (!rc && (code || strstr(dv_buf_str(&out), " missing")))
			rc = dv_err_set(err, DV_EINVAL,
					"shallow update not allowed");
	}
out:
	if (bare && dv_dir_remove(bare, NULL))
		dv_log_debug("'%s' stays behind", bare);
	dv_buf_release(&cut);
	dv_buf_release(&ask);
	dv_buf_release(&out);
	free(bare);
	free(env);
	free(path);
	return rc;
}

static int send_objects(struct dv_helper *h, const struct dv_manifest *m,
			char name[65], struct dv_err *err)
{
	const char *progress = h->progress ? "--progress" : "--quiet";
	struct dv_buf in = { 0 };
	int rc = 0, any = 0;

	name[0] = '\0';
	for (size_t i = 0; !rc && i < h->nrefs; i++)
		if (!*h->refs[i].error && *h->refs[i].oid) {
			rc = dv_buf_addf(&in, err, "%s\n", h->refs[i].oid);
			any = 1;
		}
	if (!rc && any)
		rc = exclude_known(h, m, &in, err);
	if (!rc && any)
		rc = check_shallow(h, m, &in, err);
	if (!rc && any)
		rc = dv_hosted_pack(h, "--revs", progress, NULL, &in, name, err);
	dv_buf_release(&in);
	return rc;
}

/* ---- the manifest ---- */

static int pick_head(struct dv_helper *h, struct dv_manifest *m,
		     struct dv_err *err)
{
	static const char *const args[] = { "symbolic-ref", "-q", "HEAD",
					    NULL };
	struct dv_buf out = { 0 };
	const char *choice = NULL;

	(void)h;
	/* The first push chooses; afterwards HEAD's branch cannot go away. */
	if (m->head)
		return 0;
	if (!dv_git(args, 4096, &out, NULL)) {
		while (out.n && out.p[out.n - 1] == '\n')
			out.n--;
		if (dv_manifest_get(m, dv_buf_str(&out)))
			choice = dv_buf_str(&out);
	}
	if (!choice && dv_manifest_get(m, "refs/heads/main"))
		choice = "refs/heads/main";
	for (size_t i = 0; !choice && i < m->nrefs; i++)
		if (!strncmp(m->refs[i].name, "refs/heads/", 11))
			choice = m->refs[i].name;
	m->head = choice ? strdup(choice) : NULL;
	dv_buf_release(&out);
	return choice && !m->head ? dv_err_nomem(err) : 0;
}

static int next_manifest(struct dv_helper *h, struct dv_manifest *m,
			 const char *transaction, const char *new_pack,
			 struct dv_err *err)
{
	int rc = 0;

	m->previous = m->self;
	m->number++;
	m->algo = m->algo ? m->algo : h->repo.algo;
	memcpy(m->transaction, transaction, 33);
	for (size_t i = 0; !rc && i < h->nrefs; i++)
		if (!*h->refs[i].error)
			rc = dv_manifest_set(m, h->refs[i].dst,
					     *h->refs[i].oid ? h->refs[i].oid :
							       NULL, err);
	if (!rc && *new_pack && !dv_strs_has(&m->packs, new_pack))
		rc = dv_strs_add(&m->packs, new_pack, err);
	if (!rc)
		rc = pick_head(h, m, err);
	return rc;
}

int dv_hosted_create(struct dv_helper *h, struct dv_manifest *m,
		     struct dv_err *err)
{
	struct dv_backend *b = h->remote->backend;
	struct dv_buf bytes = { 0 };
	char key[32], hint[32];
	int rc, n;

	rc = dv_manifest_format(m, h->sha, &bytes, err);
	dv_manifest_key(m->number, key);
	/* Nobody would read it. */
	if (!rc && bytes.n > DV_MANIFEST_MAX)
		rc = dv_err_set(err, DV_EINVAL,
				"the list of refs would be larger than %u MiB",
				DV_MANIFEST_MAX >> 20);
	if (!rc)
		rc = b->ops->put(b, key, bytes.p, bytes.n, DV_PUT_NEW, err);
	if (rc == DV_EEXIST) {
		struct dv_manifest there;
		struct dv_buf text = { 0 };

		rc = dv_remote_read(h->remote, key, DV_MANIFEST_MAX, &text,
				    err);
		if (!rc)
			rc = dv_manifest_parse(&there, text.p, text.n, h->sha,
					       err);
		if (!rc) {
			rc = strcmp(there.transaction, m->transaction) ?
			     DV_EEXIST : 0;
			dv_manifest_release(&there);
		}
		dv_buf_release(&text);
	}
	if (!rc) {
		n = snprintf(hint, sizeof(hint), "%llu\n",
			     (unsigned long long)m->number);
		/* Only a hint: a reader probes upward from it. */
		if (b->ops->put(b, "git/latest", hint, (size_t)n, 0, NULL))
			dv_log_debug("git/latest is not written");
	}
	dv_buf_release(&bytes);
	return rc;
}

int dv_hosted_push(struct dv_helper *h, struct dv_err *err)
{
	struct dv_manifest m = { 0 };
	struct dv_err why = { 0 };
	char transaction[33], name[65] = "";
	int rc, sent = 0;

	rc = dv_hosted_load(h, !h->dry_run, err);
	if (rc == DV_ENOTFOUND && h->dry_run)
		return 0;	/* it would be made */
	if (!rc && !h->dry_run)
		dv_hosted_pin(h);
	if (!rc)
		rc = dv_remote_writable(h->remote, err);
	if (!rc)
		rc = dv_random_name(transaction, err);
	for (int i = 0; !rc && i < TRIES; i++) {
		dv_manifest_release(&m);
		rc = dv_hosted_newest(h, &m, err);
		if (!rc && m.number && m.algo != h->repo.algo)
			rc = dv_err_set(err, DV_EINVAL,
					"the hosted repository has object format %s, this one has %s",
					m.algo == 2 ? "sha256" : "sha1",
					h->repo.algo == 2 ? "sha256" : "sha1");
		if (rc)
			break;
		rc = check_all(h, &m, err);
		if (rc <= 0 || h->dry_run) {
			rc = DV_MIN(rc, 0);
			break;
		}
		/*
		 * What is pushed leaves out what stands there: it must. Then
		 * content and objects first; once is enough.
		 */
		rc = dv_hosted_check(h, &m, err);
		if (!rc && !sent) {
			rc = dv_helper_content(h, err);
			if (!rc)
				rc = send_objects(h, &m, name, err);
			sent = 1;
		}
		if (!rc)
			rc = next_manifest(h, &m, transaction, name, err);
		if (rc)
			break;
		rc = dv_hosted_create(h, &m, err);
		if (rc != DV_EEXIST)
			break;
		dv_err_clear(err);
		rc = i + 1 < TRIES ? 0 :
		     dv_err_set(err, DV_ECONFLICT,
				"other pushes were faster %d times; try again",
				TRIES);
	}
	if (!rc && sent && dv_hosted_merge(h, &m, &why))
		dv_log_debug("packs are not consolidated: %s", why.msg);
	dv_manifest_release(&m);
	return rc;
}

/* A manifest that differs from the newest one in its head alone. */
int dv_hosted_set_head(const char *url, const char *branch, int *changed,
		       struct dv_err *err)
{
	struct dv_helper h = { .url = url };
	struct dv_manifest m = { 0 };
	enum dv_url_kind kind;
	char *ref = !strncmp(branch, "refs/heads/", 11) ?
		    strdup(branch) : dv_fmt("refs/heads/%s", branch);
	int rc;

	*changed = 0;
	h.sha = dv_sha256_open();
	rc = h.sha && ref ? dv_helper_kind(url, &kind, err) : dv_err_nomem(err);
	if (!rc && kind != DV_URL_HOSTED)
		rc = dv_err_set(err, DV_EINVAL,
				"a Git server says itself what its HEAD is; only that of a repository hosted on a store is set here");
	if (!rc)
		rc = dv_hosted_load(&h, 0, err);
	if (!rc)
		rc = dv_remote_writable(h.remote, err);
	for (int i = 0; !rc; i++) {
		dv_manifest_release(&m);
		rc = dv_hosted_newest(&h, &m, err);
		if (!rc && !dv_manifest_get(&m, ref))
			rc = dv_err_set(err, DV_ENOTFOUND,
					"there is no branch '%s' on '%s'; push it first",
					ref + 11, url);
		if (rc || (m.head && !strcmp(m.head, ref)))
			break;
		free(m.head);
		m.head = strdup(ref);
		m.previous = m.self;
		m.number++;
		rc = m.head ? dv_random_name(m.transaction, err) :
			      dv_err_nomem(err);
		if (!rc)
			rc = dv_hosted_create(&h, &m, err);
		*changed = !rc;
		if (rc != DV_EEXIST)
			break;
		dv_err_clear(err);
		rc = i + 1 < TRIES ? dv_cancel_check(err) :
		     dv_err_set(err, DV_ECONFLICT,
				"pushes were faster %d times; try again", TRIES);
	}
	dv_manifest_release(&m);
	dv_remote_close(h.remote);
	dv_sha256_close(h.sha);
	free(ref);
	return rc;
}
