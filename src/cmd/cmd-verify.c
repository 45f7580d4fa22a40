#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "cmd/cmd.h"
#include "repo/attrs.h"
#include "repo/gitindex.h"
#include "repo/named.h"
#include "repo/objects.h"
#include "store/maintain.h"
#include "store/verify.h"

#define NAMED_MAX 100
#define LOG_MAX (1u << 20)

struct report {
	struct dv_verify *v;
	size_t damaged;
	char first[160];
};

/* A record that a list names and that is not here, or only damaged. */
static int note(enum dv_kind kind, const struct dv_id *id, void *arg)
{
	struct report *r = arg;
	int bad = dv_idmap_get(&r->v->bad, kind, id) != NULL;

	/*
	 * A file whose list (or one chunk) is simply not here was never
	 * fetched, or was pruned: that is no damage.
	 */
	if (!bad && r->first[0] == '\0' && r->damaged == 0 &&
	    kind == DV_KIND_FILE)
		return 0;
	snprintf(r->first, sizeof(r->first), "%s %s is %s", dv_kind_name(kind),
		 dv_id_hex(id).s, bad ? "damaged" : "missing");
	r->damaged++;
	return 0;
}

/*
 * The commit that brought this content to its path, its abbreviated name in
 * *out, or "" where none did. The digits stand in pointers and registries.
 */
static void find_commit(const struct dv_ptr *p, struct dv_buf *out)
{
	char *digits = dv_fmt("-S%s", dv_id_hex(&p->oid.id).s);
	char *spec = dv_fmt(":(top,literal)%s", p->path);
	const char *args[] = { "-c", "log.follow=false", "log", "--all",
		"--topo-order", "--full-history", "-m", "--no-patch",
		"--no-renames", "--no-textconv", "--no-ext-diff", "--no-show-signature", "--no-color",
		"--format=%h", digits, "--", spec, NULL };
	size_t at;

	if (!digits || !spec || dv_git(args, LOG_MAX, out, NULL))
		out->n = 0;
	while (out->n && out->p[out->n - 1] == '\n')
		out->n--;
	/* Later ones took it away, or brought it back. */
	for (at = out->n; at && out->p[at - 1] != '\n'; at--)
		;
	if (at)
		memmove(out->p, out->p + at, out->n -= at);
	free(digits);
	free(spec);
}

static void print_where(struct dv_ctx *c, const char *what,
			const struct dv_ptr *p, const char *why)
{
	struct dv_buf commit = { 0 };

	find_commit(p, &commit);
	printf("%s: %s (%s, commit %s): %s\n", what, dv_ctx_named(c, p->path),
	       dv_oid_text(&p->oid).s,
	       commit.n ? dv_buf_str(&commit) : "none yet", why);
	dv_buf_release(&commit);
}

/*
 * The content is here and good, and of another size than the pointer says: it
 * can never be checked out.
 */
static int is_wrong(struct dv_ctx *c, const struct dv_oid *oid,
		    struct dv_err *why)
{
	struct dv_oid any = *oid;
	struct dv_content ct;
	int rc;

	if (!dv_store_has_file(&c->store, oid))
		return 0;
	rc = dv_content_open(&ct, &c->store, &c->coder, oid, why);
	if (!rc)
		dv_content_close(&ct);
	if (rc != DV_ECORRUPT)
		return 0;
	any.size = 0;
	rc = dv_content_open(&ct, &c->store, &c->coder, &any, NULL);
	if (!rc)
		dv_content_close(&ct);
	return !rc;
}

/* Files of the index whose pointers were spoilt: Git has them as plain text. */
static int check_spoilt(struct dv_ctx *c, size_t *wrong, struct dv_err *err)
{
	char *path = dv_repo_index_path(&c->repo);
	struct dv_attrs_guess guess = { 0 };
	struct dv_objects *o = NULL;
	struct dv_gitindex ix = { 0 };
	struct dv_buf text = { 0 };
	int rc = path ? dv_gitindex_read(&ix, path, c->repo.algo, err) :
			dv_err_nomem(err);

	free(path);
	if (rc == DV_ENOTFOUND)
		return 0;
	if (!rc)
		rc = dv_objects_open(&o, &c->repo, 0, err);
	for (size_t i = 0; !rc && i < ix.n; i++) {
		const struct dv_gitentry *e = &ix.v[i];
		struct dv_oid oid;

		if ((e->mode & 0170000) != 0100000 || e->intent_to_add ||
		    dv_gitentry_size(&ix, e) > DV_FOREIGN_MAX ||
		    !dv_attrs_may(&guess, &c->repo, e->path))
			continue;
		text.n = 0;
		if (!dv_objects_read_small(o, e->oid, &text, NULL) &&
		    dv_pointer_parse(text.p, text.n, &oid) == DV_PTR_NONE &&
		    dv_pointer_is_spoilt(text.p, text.n) &&
		    (*wrong)++ < NAMED_MAX)
			printf("wrong pointer: %s: a pointer that was damaged\n",
			       dv_ctx_named(c, e->path));
		rc = dv_cancel_check(err);
	}
	dv_buf_release(&text);
	dv_attrs_guess_release(&guess);
	dv_objects_close(o);
	dv_gitindex_release(&ix);
	return rc;
}

static int check_files(struct dv_ctx *c, const struct dv_ptrs *ptrs, int full,
		       struct dv_verify *v, size_t *damaged, size_t *wrong,
		       struct dv_err *err)
{
	struct dv_idmap done = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < ptrs->n; i++) {
		const struct dv_ptr *p = &ptrs->v[i];
		struct report r = { .v = v };
		struct dv_err why = { 0 };
		uint64_t *size = dv_idmap_get(&done, p->oid.scheme,
					      &p->oid.id);

		/* The same content, by a pointer with another size? */
		if (size && *size == p->oid.size)
			continue;
		if (is_wrong(c, &p->oid, &why)) {
			if ((*wrong)++ < NAMED_MAX)
				print_where(c, "wrong pointer", p, why.msg);
			continue;
		}
		if (size)
			continue;
		rc = dv_idmap_put(&done, p->oid.scheme, &p->oid.id,
				  p->oid.size, err);
		if (!rc && p->oid.scheme == DV_SCHEME_SHA256 &&
		    !dv_store_has_file(&c->store, &p->oid) &&
		    !dv_idmap_get(&v->bad, DV_KIND_CHUNK, &p->oid.id))
			continue;	/* merely not local */
		if (!rc) {
			rc = dv_content_missing(&c->store, &c->coder, &p->oid,
						note, &r, err);
			if (rc == DV_ECORRUPT) {
				r.damaged = 1;
				snprintf(r.first, sizeof(r.first), "%.150s",
					 err->msg);
				rc = 0;
			}
		}
		if (!rc && p->oid.scheme == DV_SCHEME_SHA256 &&
		    dv_idmap_get(&v->bad, DV_KIND_CHUNK, &p->oid.id) &&
		    !dv_idmap_get(&v->good, DV_KIND_CHUNK, &p->oid.id))
			note(DV_KIND_CHUNK, &p->oid.id, &r);
		if (!rc && full && !r.damaged &&
		    dv_store_has_file(&c->store, &p->oid)) {
			rc = dv_verify_cuts(&c->store, &c->coder, &p->oid,
					    err);
			if (!rc) {
				r.damaged = 1;
				snprintf(r.first, sizeof(r.first),
					 "its chunks are not cut by the rule");
			}
			rc = rc < 0 ? rc : 0;
		}
		if (r.damaged && (*damaged)++ < NAMED_MAX)
			print_where(c, "damaged", p, r.first);
	}
	if (*wrong > NAMED_MAX)
		printf("and %zu more wrong pointers\n", *wrong - NAMED_MAX);
	if (*damaged > NAMED_MAX)
		printf("and %zu more damaged files\n", *damaged - NAMED_MAX);
	dv_idmap_release(&done);
	return rc;
}

static void summary(const struct dv_ctx *c, const struct dv_verify *v, int quick,
		    size_t moved, int bad, int wrong)
{
	printf("verified %llu pack%s", (unsigned long long)v->packs,
	       v->packs == 1 ? "" : "s");
	if (!quick)
		printf(", %llu records, %s",
		       (unsigned long long)v->records, dv_human(v->bytes).s);
	printf(": %s\n", bad ? "DAMAGED" : wrong ? "wrong pointers" :
						   "all good");
	if (moved)
		printf("%zu damaged pack%s moved to '%s/quarantine'; what was good in %s is kept\n",
		       moved, moved == 1 ? " was" : "s were", c->store.path,
		       moved == 1 ? "it" : "them");
	if (bad)
		printf("'git dv fetch --all' brings damaged content back from a remote, and 'git dv add FILE' from a file that has it\n");
	if (wrong)
		printf("no content fits a wrong pointer; 'git add' the right file, or 'git checkout COMMIT -- FILE' an older one\n");
}

int dv_cmd_verify(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv verify",
		"git-dv-verify", "[--quick | --full]" };
	int quick = 0, full = 0, bad, n, rc;
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 0, "quick", &quick, NULL, "only the packs' tables and the lists of files", 0 },
		{ DV_OPT_FLAG, 0, "full", &full, NULL, "also find the cuts of every file again", 0 },
		{ 0 },
	};
	struct dv_strs refs = { 0 }, none = { 0 };
	struct dv_unread unread = { 0 };
	struct dv_ptrs ptrs = { 0 };
	struct dv_verify v = { 0 };
	struct dv_ctx c = { 0 };
	struct dv_err err = { 0 };
	size_t damaged = 0, moved = 0, wrong = 0;

	n = dv_opt_parse(&cmd, opts, argc, argv, NULL);
	if (n < 0)
		return dv_opt_exit(n);
	if (n || (quick && full)) {
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	rc = dv_ctx_store(&c, 1);
	if (!rc)
		rc = dv_ctx_pool(&c);
	if (rc)
		goto out;
	rc = dv_store_verify(&c.store, c.pool, quick, &v, &err);
	/* Out of the way first, so that reports name what has no good copy. */
	if (!rc && (v.bad_records || v.bad_packs) && !c.store.read_only) {
		rc = dv_store_quarantine(&c.store, &v, &moved, &err);
		if (rc == DV_EAGAIN) {
			dv_log_warn("damaged packs stay where they are: %s",
				    err.msg);
			rc = 0;
		}
	}
	if (!rc)
		rc = dv_all_refs(&refs, &err);
	if (!rc)
		rc = dv_ptrs_of_range(&c.repo, c.cache, &refs, &none, &ptrs,
				      &err);
	if (!rc && c.repo.top)
		rc = dv_ptrs_of_index(&c.repo, c.cache, &ptrs, &err);
	if (!rc)
		rc = dv_named_of_range(&c.repo, &refs, &none, &ptrs, &unread,
				       &err);
	if (!rc && c.repo.top)
		rc = dv_named_of_index(&c.repo, NULL, &ptrs, &unread, &err);
	dv_unread_warn(&unread);
	dv_unread_release(&unread);
	if (!rc && c.repo.top)
		rc = check_spoilt(&c, &wrong, &err);
	if (!rc)
		rc = check_files(&c, &ptrs, full, &v, &damaged, &wrong, &err);
	if (rc) {
		rc = dv_fail(&err);
		goto out;
	}
	bad = v.bad_records || v.bad_packs || damaged;
	if (dv_log_verbosity() >= 0)
		summary(&c, &v, quick, moved, bad, wrong != 0);
	rc = bad || wrong;
out:
	dv_verify_release(&v);
	dv_ptrs_release(&ptrs);
	dv_strs_release(&refs);
	dv_ctx_close(&c);
	return rc;
}
