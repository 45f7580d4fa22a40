/* dvstore::<Git URL>: content to the data remote, the rest is Git's own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "helper/helper.h"

#define LIST_MAX ((size_t)1 << 30)

static int add(struct dv_strs *v, const char *s, struct dv_err *err)
{
	return dv_strs_add(v, s, err);
}

struct shown {
	char s[200];
};

/* The URL for a message: without user and password, as git shows it. */
static struct shown shown_url(const char *url)
{
	const char *start = strstr(url, "://"), *host;
	struct shown out;

	start = start ? start + 3 : url;
	host = start;
	for (const char *p = start; start > url && *p && *p != '/'; p++)
		if (*p == '@')
			host = p + 1;
	snprintf(out.s, sizeof(out.s), "%.*s%s", (int)(start - url), url, host);
	return out;
}

/* Arguments as an array that ends in NULL; the strings stay the list's. */
static const char **argv_of(const struct dv_strs *v)
{
	const char **argv = calloc(v->n + 1, sizeof(*argv));

	for (size_t i = 0; argv && i < v->n; i++)
		argv[i] = v->v[i];
	return argv;
}

/* ---- git itself, with the URL behind the prefix ---- */

#define DEPTH "GIT_DV_DEPTH"
#define ALIAS "git-dv-paired:"

int dv_paired_depth(void)
{
	const char *depth = getenv(DEPTH);

	return depth ? atoi(depth) : 0;
}

/*
 * "git", and what the URL is called behind it. Where git would rewrite it, that
 * is a name that stands for what it becomes, since git rewrites only once: for
 * settings that make dvstore:: of it, which would start this helper again and
 * again, the URL itself; and a list for a push asks where the push will go.
 */
static int begin(struct dv_helper *h, int push, struct dv_strs *args,
		 const char **url, struct dv_err *err)
{
	char *there = dv_config_rewrite(&h->settings, h->url, push);
	char *name = NULL;
	int rc = there ? add(args, "git", err) : dv_err_nomem(err);

	*url = h->url;
	if (!rc && strcmp(there, h->url)) {
		/* Not -c: a URL may have a '='. */
		name = dv_fmt("--config-env=url.%s.insteadOf=GIT_DV_PAIRED",
			      strncmp(there, "dvstore::", 9) ? there : h->url);
		rc = name ? add(args, name, err) : dv_err_nomem(err);
		*url = ALIAS;
	}
	free(name);
	free(there);
	return rc;
}

/* "<name><value>" */
static int add_pair(struct dv_strs *args, const char *name, const char *value,
		    struct dv_err *err)
{
	char *arg = dv_fmt("%s%s", name, value);
	int rc = arg ? add(args, arg, err) : dv_err_nomem(err);

	free(arg);
	return rc;
}

/*
 * The program that serves fetches and lists: what git said, or in a push, for
 * which it names the other one, what it would say.
 */
static int add_upload_pack(struct dv_helper *h, struct dv_strs *args,
			   struct dv_err *err)
{
	char *key = h->remote_name ?
		    dv_fmt("remote.%s.uploadpack", h->remote_name) : NULL;
	const char *path = h->upload_pack;
	int rc = 0;

	if (!path && key)
		path = dv_config_get_own(&h->settings, key);
	if (path)
		rc = add_pair(args, "--upload-pack=", path, err);
	free(key);
	return rc;
}

static int run(const struct dv_strs *args, const struct dv_buf *in,
	       struct dv_buf *out, int *code, struct dv_err *err)
{
	const char **argv = argv_of(args);
	char depth[32];
	const char *const env[] = { "GIT_DV_PAIRED=" ALIAS, depth, NULL };
	int rc;

	snprintf(depth, sizeof(depth), DEPTH "=%d", dv_paired_depth() + 1);
	rc = argv ? dv_proc_filter(argv, env, 0, in ? in->p : NULL,
				   in ? in->n : 0, LIST_MAX, out, code, err) :
		    dv_err_nomem(err);
	free(argv);
	return rc;
}

int dv_paired_list(struct dv_helper *h, int for_push, struct dv_err *err)
{
	static const char *const fixed[] = { "ls-remote", "--symref" };
	struct dv_strs args = { 0 };
	struct dv_buf out = { 0 };
	char *line, *save = NULL;
	const char *url;
	int code, rc, symref = 0, said = 0;

	rc = begin(h, for_push, &args, &url, err);
	for (size_t i = 0; !rc && i < DV_ARRAY_SIZE(fixed); i++)
		rc = add(&args, fixed[i], err);
	if (!rc)
		rc = add_upload_pack(h, &args, err);
	if (!rc)
		rc = add(&args, "--", err);
	if (!rc)
		rc = add(&args, url, err);
	if (!rc)
		rc = run(&args, NULL, &out, &code, err);
	dv_strs_release(&args);
	if (!rc && code)
		rc = dv_err_set(err, DV_EIO, "git ls-remote '%s' failed",
				shown_url(h->url).s);
	if (rc || !out.n) {
		dv_buf_release(&out);
		return rc;
	}
	for (line = strtok_r((char *)out.p, "\n", &save); !rc && line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *tab = strchr(line, '\t');
		int is_symref = !strncmp(line, "ref: ", 5);

		if (!tab)
			continue;
		*tab++ = '\0';
		/* An id's length is all that ls-remote says of the format. */
		if (!said && !is_symref) {
			printf(":object-format %s\n",
			       strlen(line) == 64 ? "sha256" : "sha1");
			said = 1;
		}
		if (strlen(tab) > 3 && !strcmp(tab + strlen(tab) - 3, "^{}"))
			continue;
		/* Its id comes next, and git follows what we say of HEAD. */
		if (is_symref && !strcmp(tab, "HEAD")) {
			symref = 1;
			if (!for_push)
				printf("@%s %s\n", line + 5, tab);
			continue;
		}
		/* In a list for a push --mirror would push or delete it. */
		if (!strcmp(tab, "HEAD") && (for_push || symref))
			continue;
		if (is_symref)
			continue;
		printf("%s %s\n", line, tab);
		if (for_push)
			rc = dv_manifest_set(&h->listed, tab, line, err);
	}
	dv_buf_release(&out);
	return rc;
}

/*
 * git fetch --filter notes the URL as a remote of its own to fetch from later.
 * The one that the user knows is noted already.
 */
static int forget_promisor(struct dv_helper *h, const char *url,
			   struct dv_err *err)
{
	static const char *const names[] = { "promisor", "partialclonefilter" };
	int rc = 0;

	for (size_t i = 0; !rc && i < DV_ARRAY_SIZE(names); i++) {
		char *key = dv_fmt("remote.%s.%s", url, names[i]);

		if (!key)
			rc = dv_err_nomem(err);
		else if (!dv_config_get_own(&h->repo, key))
			rc = dv_config_unset("--local", key, err);
		free(key);
	}
	return rc;
}

int dv_paired_fetch(struct dv_helper *h, const struct dv_strs *ids,
		    struct dv_err *err)
{
	/* More ids than a command line holds come by stdin. */
	static const char *const fixed[] = { "fetch", "--stdin", "--no-tags",
		"--no-write-fetch-head", "--no-recurse-submodules",
		"--no-auto-maintenance", "--refmap=" };
	struct dv_strs args = { 0 };
	struct dv_buf in = { 0 }, out = { 0 }, one = { 0 };
	const char *url;
	int rc, code = 0, filter = 0;

	rc = begin(h, 0, &args, &url, err);
	for (size_t i = 0; !rc && i < DV_ARRAY_SIZE(fixed); i++)
		rc = add(&args, fixed[i], err);
	if (!rc)
		rc = add(&args, h->progress ? "--progress" :
			 h->verbosity < 1 ? "--quiet" : "--no-progress", err);
	if (!rc)
		rc = add_upload_pack(h, &args, err);
	for (size_t i = 0; !rc && i < h->fetch_options.n; i++) {
		const char *o = h->fetch_options.v[i];

		one.n = 0;
		filter |= !strncmp(o, "--filter=", 9);
		if (h->deepen_relative && !strncmp(o, "--depth=", 8))
			rc = dv_buf_addf(&one, err, "--deepen=%s", o + 8);
		if (!rc)
			rc = add(&args, one.n ? dv_buf_str(&one) : o, err);
	}
	if (!rc)
		rc = add(&args, "--", err);
	if (!rc)
		rc = add(&args, url, err);
	for (size_t i = 0; !rc && i < ids->n; i++)
		if (!i || strcmp(ids->v[i - 1], ids->v[i]))
			rc = dv_buf_addf(&in, err, "%s\n", ids->v[i]);
	if (!rc && ids->n)
		rc = run(&args, &in, &out, &code, err);
	if (!rc && filter)
		rc = forget_promisor(h, url, err);
	if (!rc && code)
		rc = dv_err_set(err, DV_EIO, "git fetch from '%s' failed",
				shown_url(h->url).s);
	dv_strs_release(&args);
	dv_buf_release(&in);
	dv_buf_release(&one);
	dv_buf_release(&out);
	return rc;
}

/* ---- push ---- */

struct batch {
	struct dv_push_ref **refs;	/* sorted by dst */
	size_t n, bytes;		/* bytes: of a command line, about */
};

static int cmp_dst(const void *a, const void *b)
{
	const struct dv_push_ref *const *x = a, *const *y = b;

	return strcmp((*x)->dst, (*y)->dst);
}

/*
 * git push lists again, and what it finds then it overwrites by force, or deletes.
 * What we listed is what was decided on, so that it is the lease of such a ref,
 * and force, which is stronger than any lease, is not passed on. Where nothing was
 * listed, nothing needs force.
 */
static int keeps_list(struct dv_helper *h, const struct dv_push_ref *r)
{
	return *r->listed && (r->force || (!*r->oid &&
					   !dv_push_lease(h, r->dst)));
}

static int add_leases(struct dv_helper *h, const struct batch *b,
		      struct dv_strs *args, struct dv_err *err)
{
	struct dv_buf own = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < b->n; i++) {
		const struct dv_push_ref *r = b->refs[i];
		const char *lease = r->force ? NULL : dv_push_lease(h, r->dst);

		own.n = 0;
		if (keeps_list(h, r)) {
			rc = dv_buf_addf(&own, err, "%s:%s", r->dst, r->listed);
			lease = dv_buf_str(&own);
		}
		if (!rc && lease)
			rc = add_pair(args, "--force-with-lease=", lease, err);
	}
	dv_buf_release(&own);
	return rc;
}

/* "<flag>\t<from>:<to>\t<summary> (<reason>)" */
static void take_result(struct dv_helper *h, struct batch *b, char *line)
{
	struct dv_push_ref key, *want = &key, **at;
	const char *said;
	char *summary, *reason;

	if (strlen(line) < 3 || line[1] != '\t')
		return;
	summary = strchr(line + 2, '\t');
	if (!summary)
		return;
	*summary++ = '\0';
	key.dst = strrchr(line + 2, ':');
	if (!key.dst)
		return;
	key.dst++;
	at = bsearch(&want, b->refs, b->n, sizeof(*b->refs), cmp_dst);
	if (!at)
		return;
	/* "?" until a line says how it went. */
	(*at)->error[0] = '\0';
	if (line[0] != '!')
		return;
	reason = strchr(summary, '(');
	if (reason)
		summary = reason + 1;
	summary[strcspn(summary, ")")] = '\0';
	/* As a helper says it, so that git shows it as its own, with a hint. */
	said = strcmp(summary, "non-fast-forward") ? summary :
						     "non-fast forward";
	/* The user asked for no lease. */
	if (!strcmp(summary, "stale info") && keeps_list(h, *at))
		said = "fetch first";
	snprintf((*at)->error, sizeof((*at)->error), "%s", said);
}

/* All but the refs and their leases. */
static int push_args(struct dv_helper *h, struct dv_strs *args,
		     const char **url, struct dv_err *err)
{
	/*
	 * Content is there already. Hooks ran with the outer push, which also
	 * chose the refs and saw to submodules, and gives the hints.
	 */
	static const char *const fixed[] = { "-c",
		"advice.pushUpdateRejected=false", "push", "--porcelain",
		"--no-verify", "--no-follow-tags", "--recurse-submodules=no" };
	int rc = begin(h, 1, args, url, err);

	for (size_t i = 0; !rc && i < DV_ARRAY_SIZE(fixed); i++)
		rc = add(args, fixed[i], err);
	/* Not --quiet: it would leave out the refs that went well. */
	if (!rc)
		rc = add(args, h->progress ? "--progress" : "--no-progress",
			 err);
	if (!rc && h->dry_run)
		rc = add(args, "--dry-run", err);
	if (!rc && h->atomic)
		rc = add(args, "--atomic", err);
	if (!rc)
		rc = add(args, h->sign ? h->sign : "--no-signed", err);
	if (!rc && h->receive_pack)
		rc = add_pair(args, "--receive-pack=", h->receive_pack, err);
	for (size_t i = 0; !rc && i < h->push_options.n; i++)
		rc = add_pair(args, "--push-option=", h->push_options.v[i],
			      err);
	return rc;
}

static size_t line_bytes(const struct dv_push_ref *r)
{
	return 2 * (strlen(r->dst) + sizeof(r->oid) + 40);
}

static int push_batch(struct dv_helper *h, struct batch *b, struct dv_err *err)
{
	struct dv_strs args = { 0 };
	struct dv_buf out = { 0 }, one = { 0 };
	char *line, *save = NULL;
	const char *url;
	int code = 0, rc = push_args(h, &args, &url, err);

	if (!rc)
		rc = add_leases(h, b, &args, err);
	if (!rc)
		rc = add(&args, "--", err);
	if (!rc)
		rc = add(&args, url, err);
	for (size_t i = 0; !rc && i < b->n; i++) {
		const struct dv_push_ref *r = b->refs[i];

		one.n = 0;
		/* By id: the name may have moved on to other content. */
		rc = dv_buf_addf(&one, err, "%s:%s", r->oid, r->dst);
		if (!rc)
			rc = add(&args, dv_buf_str(&one), err);
	}
	for (size_t i = 0; !rc && i < b->n; i++)
		snprintf(b->refs[i]->error, sizeof(b->refs[i]->error),
			 "git push to '%s' failed", shown_url(h->url).s);
	if (!rc)
		rc = run(&args, NULL, &out, &code, err);
	qsort(b->refs, b->n, sizeof(*b->refs), cmp_dst);
	for (line = !rc && out.n ? strtok_r((char *)out.p, "\n", &save) : NULL;
	     line; line = strtok_r(NULL, "\n", &save))
		take_result(h, b, line);
	dv_strs_release(&args);
	dv_buf_release(&out);
	dv_buf_release(&one);
	return rc;
}

/*
 * git push takes refs on its command line alone, so that many refs are several
 * pushes. Those that are refused already are left out: without an id one would
 * be a deletion.
 */
static int push_all(struct dv_helper *h, struct dv_err *err)
{
	struct batch b = { .refs = calloc(h->nrefs + 1, sizeof(*b.refs)) };
	long max = sysconf(_SC_ARG_MAX);
	size_t room = max > 0 ? (size_t)max / 2 : 65536;
	int rc = b.refs ? 0 : dv_err_nomem(err);

	for (size_t i = 0; !rc && i < h->nrefs; i++) {
		struct dv_push_ref *r = &h->refs[i];

		if (*r->error)
			continue;
		if (b.n && b.bytes + line_bytes(r) > room) {
			rc = h->atomic ?
			     dv_err_set(err, DV_EINVAL,
					"so many refs do not fit into one push; push some of them, or without --atomic") :
			     push_batch(h, &b, err);
			b.n = b.bytes = 0;
		}
		b.refs[b.n++] = r;
		b.bytes += line_bytes(r);
	}
	if (!rc && b.n)
		rc = push_batch(h, &b, err);
	free(b.refs);
	return rc;
}

int dv_paired_push(struct dv_helper *h, struct dv_err *err)
{
	int rc = 0, stop = 0;

	if (!h->dry_run)
		rc = dv_helper_content(h, err);
	for (size_t i = 0; h->atomic && i < h->nrefs; i++)
		stop |= *h->refs[i].error != '\0';
	if (!rc && !stop)
		rc = push_all(h, err);
	for (size_t i = 0; stop && i < h->nrefs; i++)
		dv_push_refuse(&h->refs[i], "atomic transaction failed");
	return rc;
}
