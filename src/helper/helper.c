#include "helper/helper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/proc.h"

/* Git started by a helper may need one itself, in a partial clone. */
#define DEPTH_MAX 4

/* ---- content ---- */

int dv_helper_open(struct dv_helper *h, struct dv_err *err)
{
	int rc = 0;

	if (!h->have_repo) {
		rc = dv_repo_open(&h->repo, err);
		if (rc)
			return rc;
		h->have_repo = 1;
		h->cache = dv_cache_open(h->repo.common_dir, h->repo.git_dir);
		h->repo.cache = h->cache;
	}
	if (!h->have_store) {
		rc = dv_repo_store_open(&h->repo, &h->store, 1, err);
		h->have_store = !rc;
	}
	if (!rc && !h->pool)
		rc = dv_pool_open(&h->pool, 0, 24, &dv_coder_pool_ops, NULL,
				  err);
	return rc;
}

int dv_helper_content(struct dv_helper *h, struct dv_err *err)
{
	struct dv_strs revs = { 0 };
	struct dv_publish a = { .repo = &h->repo, .store = &h->store,
				.cache = h->cache, .pool = h->pool,
				.remote = h->remote, .revs = &revs,
				.quiet_if_nothing = 1 };
	int rc = 0;

	for (size_t i = 0; !rc && i < h->nrefs; i++)
		if (!*h->refs[i].error && *h->refs[i].oid)
			rc = dv_strs_add(&revs, h->refs[i].oid, err);
	if (!rc && revs.n)
		rc = dv_publish(&a, err);
	dv_strs_release(&revs);
	return rc;
}

/* ---- the conversation ---- */

static int read_line(char **line, size_t *cap)
{
	ssize_t n = getline(line, cap, stdin);

	if (n < 0)
		return -1;
	if (n && (*line)[n - 1] == '\n')
		(*line)[--n] = '\0';
	return (int)n;
}

static void clear_batch(struct dv_helper *h)
{
	for (size_t i = 0; i < h->nrefs; i++) {
		free(h->refs[i].src);
		free(h->refs[i].dst);
	}
	h->nrefs = 0;
	dv_strs_release(&h->cas);
	dv_strs_release(&h->push_options);
}

/* "push [+]<src>:<dst>" */
static int add_push(struct dv_helper *h, const char *spec, struct dv_err *err)
{
	struct dv_push_ref *v = dv_grow(h->refs, &h->cap, h->nrefs + 1,
					sizeof(*v));
	const char *colon, *listed;

	if (!v)
		return dv_err_nomem(err);
	h->refs = v;
	v += h->nrefs;
	memset(v, 0, sizeof(*v));
	if (*spec == '+') {
		v->force = 1;
		spec++;
	}
	/* The last one: a source may be <rev>:<path>. */
	colon = strrchr(spec, ':');
	if (!colon || !colon[1])
		return dv_err_set(err, DV_EINVAL,
				  "git sent a push without a destination: '%s'",
				  spec);
	v->src = strndup(spec, (size_t)(colon - spec));
	v->dst = strdup(colon + 1);
	h->nrefs++;
	if (!v->src || !v->dst)
		return dv_err_nomem(err);
	listed = dv_manifest_get(&h->listed, v->dst);
	if (listed)
		snprintf(v->listed, sizeof(v->listed), "%s", listed);
	return 0;
}

/* The ids of all sources, by one process. */
static int resolve(struct dv_helper *h, struct dv_err *err)
{
	static const char *const args[] = { "cat-file",
		"--batch-check=%(objectname) %(objecttype)", NULL };
	struct dv_buf ask = { 0 }, out = { 0 };
	const char *p;
	int rc = 0;

	for (size_t i = 0; !rc && i < h->nrefs; i++)
		if (*h->refs[i].src)
			rc = dv_buf_addf(&ask, err, "%s\n", h->refs[i].src);
	if (!rc && ask.n)
		rc = dv_git_input(args, ask.p, ask.n, (size_t)1 << 30, &out,
				  err);
	p = !rc && out.n ? dv_buf_str(&out) : "";
	for (size_t i = 0; !rc && i < h->nrefs; i++) {
		struct dv_push_ref *r = &h->refs[i];
		size_t all = strcspn(p, "\n"), n = strcspn(p, " \n");

		if (!*r->src)
			continue;
		/* Not "<what was asked> missing". */
		if ((n == 40 || n == 64) && dv_hex_valid(p, n) &&
		    strncmp(p + n, " missing", 8)) {
			snprintf(r->oid, sizeof(r->oid), "%.*s", (int)n, p);
			r->is_commit = !strncmp(p + n, " commit\n", 8);
		} else {
			snprintf(r->error, sizeof(r->error),
				 "no such revision here");
		}
		p += all + (p[all] == '\n');
	}
	dv_buf_release(&ask);
	dv_buf_release(&out);
	return rc;
}

static int is_true(const char *v)
{
	return !strcmp(v, "true");
}

/* git writes values with odd bytes in quotes, as in C. In place. */
static void unquote(char *s)
{
	static const char from[] = "abtnvfr", to[] = "\a\b\t\n\v\f\r";
	char *w = s;

	if (*s++ != '"')
		return;
	while (*s && *s != '"') {
		const char *e;
		int n = 0;

		if (*s != '\\' || !s[1]) {
			*w++ = *s++;
			continue;
		}
		s++;
		if (*s < '0' || *s > '7') {
			e = strchr(from, *s);
			*w++ = e ? to[e - from] : *s;
			s++;
			continue;
		}
		for (int i = 0; i < 3 && *s >= '0' && *s <= '7'; i++)
			n = n * 8 + *s++ - '0';
		*w++ = (char)n;
	}
	*w = '\0';
}

/* Git takes the depth back, for the tags that follow, by one of 0. */
static void forget_depth(struct dv_strs *options)
{
	size_t n = 0;

	for (size_t i = 0; i < options->n; i++) {
		if (strncmp(options->v[i], "--depth=", 8))
			options->v[n++] = options->v[i];
		else
			free(options->v[i]);
	}
	options->n = n;
}

/* Only what is honoured is answered with ok. */
static const char *set_option(struct dv_helper *h, enum dv_url_kind kind,
			      char *name, struct dv_err *err)
{
	static const char *const for_fetch[] = { "depth", "deepen-since",
		"deepen-not", "filter", "update-shallow" };
	char *v = strchr(name, ' ');
	int rc = 0;

	/* The one option without a value. */
	if (!v)
		return strcmp(name, "object-format") ? "unsupported" : "ok";
	*v++ = '\0';
	unquote(v);
	if (!strcmp(name, "verbosity")) {
		/* 0 quiet, 1 as ever, more with each -v. */
		h->verbosity = atoi(v);
		dv_log_set_verbosity(DV_MIN(h->verbosity, 2) - 1);
	} else if (!strcmp(name, "progress"))
		h->progress = is_true(v);
	else if (!strcmp(name, "dry-run"))
		h->dry_run = is_true(v);
	else if (!strcmp(name, "atomic"))
		h->atomic = is_true(v);
	else if (!strcmp(name, "cas"))
		rc = dv_strs_add(&h->cas, v, err);
	else if (!strcmp(name, "servpath") && kind == DV_URL_PAIRED) {
		/* Of the service that git asks to connect to next. */
		free(h->servpath);
		h->servpath = strdup(v);
		rc = h->servpath ? 0 : dv_err_nomem(err);
	} else if (!strcmp(name, "push-option") && kind == DV_URL_PAIRED)
		rc = dv_strs_add(&h->push_options, v, err);
	else if (!strcmp(name, "deepen-relative") && kind == DV_URL_PAIRED)
		h->deepen_relative = is_true(v);
	else if (!strcmp(name, "pushcert") &&
		 (kind == DV_URL_PAIRED || !is_true(v)))
		/* A hosted repository never asks. */
		h->sign = is_true(v) ? "--signed" :
			  strcmp(v, "if-asked") ? NULL : "--signed=if-asked";
	else if (!strcmp(name, "object-format") ||
		 !strcmp(name, "followtags") || !strcmp(name, "cloning") ||
		 !strcmp(name, "force-if-includes") ||
		 !strcmp(name, "check-connectivity"))
		;	/* git has done its part itself */
	else {
		for (size_t i = 0; i < DV_ARRAY_SIZE(for_fetch); i++) {
			char *arg;

			if (strcmp(name, for_fetch[i]) || kind != DV_URL_PAIRED)
				continue;
			if (!strcmp(name, "depth"))
				forget_depth(&h->fetch_options);
			if (!strcmp(name, "depth") && !strcmp(v, "0"))
				return "ok";
			if (!strcmp(name, "update-shallow"))
				arg = is_true(v) ? strdup("--update-shallow") :
						   NULL;
			else
				arg = dv_fmt("--%s=%s",
					     !strcmp(name, "deepen-since") ?
						     "shallow-since" :
					     !strcmp(name, "deepen-not") ?
						     "shallow-exclude" : name,
					     v);
			if (arg)
				rc = dv_strs_add(&h->fetch_options, arg, err);
			free(arg);
			return rc ? "error out of memory" : "ok";
		}
		return "unsupported";
	}
	return rc ? "error out of memory" : "ok";
}

static int list(struct dv_helper *h, enum dv_url_kind kind, int for_push,
		struct dv_err *err)
{
	int rc;

	dv_manifest_release(&h->listed);
	if (kind == DV_URL_PAIRED) {
		rc = dv_paired_list(h, for_push, err);
	} else {
		rc = dv_hosted_load(h, 0, err);
		if (rc == DV_ENOTFOUND && for_push && !*h->pinned) {
			dv_err_clear(err);
			rc = 0;		/* the first push makes it */
		} else if (!rc) {
			rc = dv_hosted_newest(h, &h->listed, err);
		}
		if (!rc && h->listed.algo)
			printf(":object-format %s\n",
			       h->listed.algo == 2 ? "sha256" : "sha1");
		if (!rc && !for_push && h->listed.head &&
		    dv_manifest_get(&h->listed, h->listed.head))
			printf("@%s HEAD\n", h->listed.head);
		for (size_t i = 0; !rc && i < h->listed.nrefs; i++)
			printf("%s %s\n", h->listed.refs[i].oid,
			       h->listed.refs[i].name);
	}
	if (!rc)
		putchar('\n');
	return rc;
}

/* "<dst>:" comes first in it? */
static int cmp_lease(const void *key, const void *at)
{
	const char *dst = key, *lease = *(const char *const *)at;
	size_t n = strlen(dst);
	int c = strncmp(dst, lease, n);

	return c ? c : ':' - (unsigned char)lease[n];
}

const char *dv_push_lease(const struct dv_helper *h, const char *dst)
{
	char **at = h->cas.n ? bsearch(dst, h->cas.v, h->cas.n,
				       sizeof(*h->cas.v), cmp_lease) : NULL;

	return at ? *at : NULL;
}

static int push(struct dv_helper *h, enum dv_url_kind kind,
		struct dv_err *err)
{
	int rc = dv_helper_open(h, err);

	dv_strs_sort(&h->cas);
	if (!rc)
		rc = resolve(h, err);
	if (!rc)
		rc = kind == DV_URL_PAIRED ? dv_paired_push(h, err) :
					     dv_hosted_push(h, err);
	/* Each ref is answered, also when nothing could be done. */
	for (size_t i = 0; i < h->nrefs; i++) {
		struct dv_push_ref *r = &h->refs[i];

		const char *why = rc && !*r->error ? err->msg : r->error;

		if (*why) {
			printf("error %s ", r->dst);
			for (; *why; why++)
				putchar(*why == '\n' ? ' ' : *why);
			putchar('\n');
		} else
			printf("ok %s\n", r->dst);
	}
	putchar('\n');
	clear_batch(h);
	if (rc) {
		dv_log_error("%s", err->msg);
		dv_err_clear(err);
	}
	return 0;
}

/*
 * connect: a local Git repository is served by git upload-pack itself, a
 * hosted one by upload-pack over its objects; everything that Git's protocol
 * has works (shallow, partial clone, ...). Archives the same way. Pushes go
 * through `push`.
 */
static int connect_service(struct dv_helper *h, enum dv_url_kind kind,
			   const char *service, int *connected,
			   struct dv_err *err)
{
	char *dir = dv_url_dir(h->url), **path;
	int archive = !strcmp(service, "git-upload-archive"), rc = 0;
	const char *name = archive ? "upload-archive" : "upload-pack";

	*connected = 0;
	path = !strcmp(service, "git-upload-pack") ? &h->upload_pack :
						     &h->receive_pack;
	free(*path);
	*path = h->servpath;
	h->servpath = NULL;
	if ((strcmp(service, "git-upload-pack") && !archive) || *path ||
	    (kind == DV_URL_PAIRED && (!dir || !dv_helper_is_git(dir)))) {
		puts("fallback");
		fflush(stdout);
		free(dir);
		return 0;
	}
	if (kind == DV_URL_HOSTED)
		rc = dv_hosted_load(h, 0, err);
	/* Before git goes on: it writes its settings, too. */
	if (!rc && kind == DV_URL_HOSTED)
		dv_hosted_pin(h);
	if (!rc) {
		*connected = 1;
		putchar('\n');
		fflush(stdout);
	}
	if (!rc)
		rc = kind == DV_URL_HOSTED ?
		     dv_hosted_serve(h, name, err) :
		     dv_helper_serve(h, name, dir, 0, err);
	free(dir);
	return rc;
}

static int fetch_batch(struct dv_helper *h, char **line, size_t *cap,
		       struct dv_err *err)
{
	struct dv_strs ids = { 0 };
	int rc = 0, n;

	do {
		char *id = *line + 6, *sp;

		if (strncmp(*line, "fetch ", 6))
			break;
		sp = strchr(id, ' ');
		if (sp)
			*sp = '\0';
		rc = dv_strs_add(&ids, id, err);
		n = read_line(line, cap);
	} while (!rc && n > 0);
	dv_strs_sort(&ids);
	if (!rc)
		rc = dv_helper_open(h, err);
	if (!rc)
		rc = dv_paired_fetch(h, &ids, err);
	if (!rc)
		putchar('\n');
	dv_strs_release(&ids);
	return rc;
}

static int push_batch(struct dv_helper *h, enum dv_url_kind kind, char **line,
		      size_t *cap, struct dv_err *err)
{
	int rc = 0, n;

	do {
		if (strncmp(*line, "push ", 5))
			break;
		rc = add_push(h, *line + 5, err);
		n = read_line(line, cap);
	} while (!rc && n > 0);
	return rc ? rc : push(h, kind, err);
}

static int converse(struct dv_helper *h, enum dv_url_kind kind,
		    struct dv_err *err)
{
	char *line = NULL;
	size_t cap = 0;
	int rc = 0, n;

	while (!rc && (n = read_line(&line, &cap)) >= 0) {
		int connected = 0;

		if (!n)
			break;
		if (!strcmp(line, "capabilities")) {
			/* A hosted one is fetched from by connect alone. */
			printf("connect\n%spush\noption\nobject-format\n\n",
			       kind == DV_URL_PAIRED ? "fetch\n" : "");
		} else if (!strncmp(line, "option ", 7)) {
			puts(set_option(h, kind, line + 7, err));
		} else if (!strncmp(line, "connect ", 8)) {
			rc = connect_service(h, kind, line + 8, &connected,
					     err);
			if (connected)
				break;
		} else if (!strcmp(line, "list") ||
			   !strcmp(line, "list for-push")) {
			rc = list(h, kind, line[4] != '\0', err);
		} else if (!strncmp(line, "fetch ", 6) &&
			   kind == DV_URL_PAIRED) {
			rc = fetch_batch(h, &line, &cap, err);
		} else if (!strncmp(line, "push ", 5)) {
			rc = push_batch(h, kind, &line, &cap, err);
		} else {
			rc = dv_err_set(err, DV_EINVAL,
					"git sent an unknown command '%.40s'",
					line);
		}
		if (fflush(stdout) && !rc)
			rc = dv_err_errno(err, "cannot write to git");
	}
	free(line);
	return rc;
}

/* Whoever writes to a helper that is gone dies of it, before git can say more. */
static void hear_git_out(void)
{
	char *line = NULL;
	size_t cap = 0;

	if (!isatty(STDIN_FILENO))
		(void)!read_line(&line, &cap);
	free(line);
}

int dv_helper_main(const char *remote_name, const char *url)
{
	struct dv_helper h = { .remote_name = remote_name, .url = url };
	enum dv_url_kind kind;
	struct dv_err err = { 0 };
	int rc;

	if (dv_paired_depth() > DEPTH_MAX) {
		dv_log_error("'dvstore::%s' leads to itself by a URL in git's settings; look at 'git config --get-regexp url'",
			     url);
		hear_git_out();
		return 1;
	}
	/*
	 * No grafts: what goes is history as its commits tell it, and nobody
	 * on the other side would notice a gap. A file that cannot be is read
	 * without a word.
	 */
	setenv("GIT_GRAFT_FILE", "/dev/null/none", 1);
	h.sha = dv_sha256_open();
	rc = h.sha ? dv_helper_kind(url, &kind, &err) : dv_err_nomem(&err);
	if (!rc)
		rc = dv_helper_settle(&h, &err);
	if (!rc)
		rc = converse(&h, kind, &err);
	else
		hear_git_out();
	clear_batch(&h);
	free(h.refs);
	free(h.absolute);
	free(h.servpath);
	free(h.upload_pack);
	free(h.receive_pack);
	dv_strs_release(&h.fetch_options);
	dv_manifest_release(&h.listed);
	dv_remote_close(h.remote);
	dv_pool_close(h.pool);
	dv_cache_close(h.cache);
	if (h.have_store)
		dv_store_close(&h.store);
	if (h.have_repo)
		dv_repo_close(&h.repo);
	dv_repo_close(&h.settings);
	dv_sha256_close(h.sha);
	/* Empty: git said it itself. */
	if (rc && rc != DV_ECANCEL && *err.msg)
		dv_log_error("%s", err.msg);
	return rc ? 1 : 0;
}
