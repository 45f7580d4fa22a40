/*
 * git dv remote check: prove what the backend's contract promises, on the
 * store itself, with objects of our own that are removed again.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <time.h>

#include "base/file.h"
#include "cmd/cmd.h"
#include "helper/helper.h"
#include "remote/share.h"

#define CREATORS 16
#define CLOCK_SKEW_MAX 300
#define NAMED 5	/* of what keeps somebody out */

struct creator {
	struct dv_backend *b;
	const char *key;
	char text[32];
	pthread_t thread;
	int rc;
};

static void *create(void *arg)
{
	struct creator *c = arg;

	c->rc = c->b->ops->put(c->b, c->key, c->text, strlen(c->text),
			       DV_PUT_NEW, NULL);
	return NULL;
}

static int say(int ok, const char *what, struct dv_err *err, const char *why)
{
	printf("%-6s %s\n", ok ? "ok" : "FAILED", what);
	if (ok)
		return 0;
	return dv_err_set(err, DV_EINVAL, "the store fails: %s. %s", what, why);
}

static int create_at_once(struct dv_backend *b, const char *key,
			  struct dv_err *err)
{
	struct creator c[CREATORS];
	int won = 0, lost = 0;
	char got[32];
	size_t n;

	for (int i = 0; i < CREATORS; i++) {
		c[i].b = b;
		c[i].key = key;
		c[i].rc = DV_EIO;
		snprintf(c[i].text, sizeof(c[i].text), "creator %d", i);
		if (pthread_create(&c[i].thread, NULL, create, &c[i]))
			return dv_err_set(err, DV_EIO, "cannot start a thread");
	}
	for (int i = 0; i < CREATORS; i++)
		pthread_join(c[i].thread, NULL);
	if (b->ops->get(b, key, 0, got, sizeof(got), &n, err))
		return err->status;
	for (int i = 0; i < CREATORS; i++) {
		if (!c[i].rc)
			won += n == strlen(c[i].text) &&
			       !memcmp(got, c[i].text, n) ? 1 : 100;
		lost += c[i].rc == DV_EEXIST;
	}
	return say(won == 1 && lost == CREATORS - 1,
		   "of 16 creators at once exactly one succeeds", err,
		   "Two pushers could both believe that they won; do not use this store from more than one machine.");
}

/* A folder is no object: where the store is one, it would stay. */
static void drop_folder(const char *url)
{
	char *dir = dv_url_dir(url), *path = dir ? dv_fmt("%s/check", dir) :
						   NULL;

	if (path && rmdir(path))
		dv_log_debug("'%s' stays", path);
	free(path);
	free(dir);
}

/* Those with whom the store is shared, by the mode of its root. */
static int check_shared(const char *url, struct dv_err *err)
{
	char *dir = dv_url_dir(url);
	struct dv_strs names = { 0 };
	size_t n = 0;
	int rc = dir ? dv_share_check(dir, NAMED, &names, &n, err) :
		       dv_err_nomem(err);

	for (size_t i = 0; !rc && i < names.n; i++)
		printf("       '%s' keeps out whom the store's root lets in\n",
		       names.v[i]);
	if (!rc && n > names.n)
		printf("       ... and %zu more\n", n - names.n);
	if (!rc)
		rc = say(!n, "all who may use its root may use what is in it",
			 err,
			 "Who owns them can mend that: 'chmod -R g+rX' for readers of the group, and 'find STORE -type d -exec chmod g+rwxs {} +' for those who push.");
	dv_strs_release(&names);
	free(dir);
	return rc;
}

static int check_hosted(struct dv_remote *r, struct dv_err *err)
{
	uint64_t number;
	size_t refs, packs;
	int rc = dv_hosted_verify(r, &number, &refs, &packs, err);

	if (rc)
		printf("FAILED the Git repository on it is whole\n");
	else if (number)
		printf("ok     the Git repository on it is whole: %zu ref%s, %zu pack%s\n",
		       refs, refs == 1 ? "" : "s", packs,
		       packs == 1 ? "" : "s");
	return rc;
}

/* What others put there. */
static int check_content(struct dv_remote *r, struct dv_err *err)
{
	int rc = check_shared(r->url, err);

	if (!rc)
		rc = dv_remote_refresh(r, err);
	if (!rc)
		printf("ok     %zu shard%s can be read\n", r->nshards,
		       r->nshards == 1 ? "" : "s");
	return rc ? rc : check_hosted(r, err);
}

static int check(struct dv_remote *r, struct dv_err *err)
{
	struct dv_backend *b = r->backend;
	char name[33], key[64], key2[64], buf[64];
	struct dv_strs names = { 0 };
	struct dv_err why = { 0 };
	int64_t now = 0;
	uint64_t size = 0;
	size_t n = 0;
	int rc;

	printf("store  %s at %s (%s)\n", r->uuid, r->url, b->ops->name);
	if (dv_remote_writable(r, &why)) {
		printf("note   nothing is written: %s\n", why.msg);
		return check_content(r, err);
	}
	rc = dv_random_name(name, err);
	if (rc)
		return rc;
	snprintf(key, sizeof(key), "check/%s.a", name);
	snprintf(key2, sizeof(key2), "check/%s.b", name);
	rc = b->ops->put(b, key, "0123456789", 10, DV_PUT_NEW, err);
	if (rc)
		return rc;
	say(1, "an object can be put", err, "");
	rc = say(b->ops->put(b, key, "again", 5, DV_PUT_NEW, NULL) ==
			 DV_EEXIST,
		 "what exists is not created again", err,
		 "Create-if-absent is what keeps two pushers apart.");
	if (!rc)
		rc = b->ops->get(b, key, 0, buf, sizeof(buf), &n, err);
	if (!rc)
		rc = say(n == 10 && !memcmp(buf, "0123456789", 10),
			 "it reads back", err, "Its bytes are other ones.");
	if (!rc)
		rc = b->ops->get(b, key, 3, buf, 4, &n, err);
	if (!rc)
		rc = say(n == 4 && !memcmp(buf, "3456", 4),
			 "a range of it can be read", err,
			 "Fetching needs ranges.");
	if (!rc)
		rc = b->ops->size(b, key, &size, err);
	if (!rc)
		rc = say(size == 10, "its size is right", err, "");
	if (!rc)
		rc = b->ops->list(b, "check", &names, err);
	if (!rc)
		rc = say(dv_strs_has(&names, key + 6), "it is listed", err,
			 "Shards of other clones would not be found.");
	if (!rc)
		rc = create_at_once(b, key2, err);
	if (!rc)
		rc = b->ops->now(b, &now, err);
	if (!rc)
		rc = say(llabs((long long)now - (long long)time(NULL)) <
				 CLOCK_SKEW_MAX,
			 "its clock agrees with this machine's", err,
			 "They differ by more than five minutes.");
	if (!rc)
		rc = b->ops->remove(b, key, err);
	if (!rc)
		rc = say(b->ops->get(b, key, 0, buf, 1, &n, NULL) ==
				 DV_ENOTFOUND,
			 "it can be removed", err, "");
	if (b->ops->remove(b, key, NULL) || b->ops->remove(b, key2, NULL))
		dv_log_warn("'%s' and '%s' stay behind", key, key2);
	drop_folder(r->url);
	if (!rc)
		rc = check_content(r, err);
	dv_strs_release(&names);
	return rc;
}

int dv_remote_check_url(const char *url, struct dv_err *err)
{
	static const char prefix[] = "dvstore::";
	struct dv_remote *r;
	int rc;

	/* As the URL of a remote of git that is hosted there. */
	if (!strncmp(url, prefix, sizeof(prefix) - 1))
		url += sizeof(prefix) - 1;
	rc = dv_remote_open(&r, url, NULL, 0, err);

	if (!rc) {
		rc = check(r, err);
		dv_remote_close(r);
	}
	return rc;
}

int dv_remote_check_name(struct dv_ctx *c, const char *name,
			 struct dv_err *err)
{
	struct dv_remote *r;
	int rc = dv_remotes_open(&c->repo, name, &r, err);

	if (!rc) {
		rc = check(r, err);
		dv_remote_close(r);
	}
	return rc;
}
