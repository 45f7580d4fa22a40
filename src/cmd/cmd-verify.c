#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "cmd/cmd.h"
#include "repo/named.h"
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
		"--topo-order", "--full-history", "-m", "--no-patch", "--no-renames", "--no-textconv",
		"--no-ext-diff", "--no-show-signature", "--no-color",
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

static void print_where(const struct dv_ptr *p, const char *why)
{
	struct dv_buf commit = { 0 };

	find_commit(p, &commit);
	printf("damaged: '%s' (%s, commit %s): %s\n", p->path,
	       dv_oid_text(&p->oid).s,
	       commit.n ? dv_buf_str(&commit) : "none yet", why);
	dv_buf_release(&commit);
}

static int check_files(struct dv_ctx *c, const struct dv_ptrs *ptrs, int full,
		       struct dv_verify *v, size_t *damaged,
		       struct dv_err *err)
{
	struct dv_idmap done = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < ptrs->n; i++) {
		const struct dv_ptr *p = &ptrs->v[i];
		struct report r = { .v = v };

		rc = dv_idmap_put(&done, p->oid.scheme, &p->oid.id, 1, err);
		if (rc == DV_EEXIST) {
			rc = 0;
			continue;
		}
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
			print_where(p, r.first);
	}
	if (*damaged > NAMED_MAX)
		printf("and %zu more damaged files\n", *damaged - NAMED_MAX);
	dv_idmap_release(&done);
	return rc;
}

int dv_cmd_verify(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv verify",
		"git-dv-verify", "[--quick | --full]" };
	int quick = 0, full = 0, n, rc;
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
	size_t damaged = 0, moved = 0;

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
	if (!rc)
		rc = check_files(&c, &ptrs, full, &v, &damaged, &err);
	if (rc) {
		rc = dv_fail(&err);
		goto out;
	}
	printf("verified %llu pack%s", (unsigned long long)v.packs,
	       v.packs == 1 ? "" : "s");
	if (!quick)
		printf(", %llu records, %s",
		       (unsigned long long)v.records, dv_human(v.bytes).s);
	printf(": %s\n", v.bad_records || v.bad_packs || damaged ?
			 "DAMAGED" : "all good");
	if (v.bad_records || v.bad_packs || damaged) {
		if (moved)
			printf("%zu damaged pack%s moved to '%s/quarantine'; what was good in %s is kept\n",
			       moved, moved == 1 ? " was" : "s were",
			       c.store.path, moved == 1 ? "it" : "them");
		printf("'git dv fetch --all' brings damaged content back from a remote\n");
		rc = 1;
	}
out:
	dv_verify_release(&v);
	dv_ptrs_release(&ptrs);
	dv_strs_release(&refs);
	dv_ctx_close(&c);
	return rc;
}
