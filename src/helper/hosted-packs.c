/* Git's objects of a hosted repository as packs: to the store, and merged there. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/proc.h"
#include "helper/helper.h"

#define PACKS_MAX 24	/* more of them are merged geometrically */

/* ---- to the store ---- */

static int put_file(struct dv_helper *h, const char *path, const char *key,
		    struct dv_err *err)
{
	struct dv_backend *b = h->remote->backend;
	uint8_t *buf = malloc(1u << 20);
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	void *up = NULL;
	ssize_t n;

	if (!buf || fd < 0) {
		rc = buf ? dv_err_errno(err, "cannot open '%s'", path) :
			   dv_err_nomem(err);
		goto out;
	}
	rc = b->ops->upload_begin(b, key, &up, err);
	while (!rc && (n = dv_read_full(fd, buf, 1u << 20)) != 0) {
		if (n < 0)
			rc = dv_err_errno(err, "cannot read '%s'", path);
		else
			rc = b->ops->upload_write(b, up, buf, (size_t)n, err);
		if (!rc)
			rc = dv_cancel_check(err);
	}
	if (!rc) {
		rc = b->ops->upload_commit(b, up, err);
		up = NULL;
	}
	if (up)
		b->ops->upload_abort(b, up);
out:
	if (fd >= 0)
		close(fd);
	free(buf);
	return rc;
}

/*
 * Packs are named by their content: one that is there already is the same, unless
 * it is damaged. Then no manifest that can be read names it.
 */
static int upload_file(struct dv_helper *h, const char *base, const char *name,
		       const char *ext, struct dv_err *err)
{
	struct dv_backend *b = h->remote->backend;
	char *path = dv_fmt("%s-%s.%s", base, name, ext);
	char *key = dv_fmt("git/pack/pack-%s.%s", name, ext);
	uint64_t size;
	struct stat st;
	int rc = path && key ? put_file(h, path, key, err) : dv_err_nomem(err);

	if (rc != DV_EEXIST)
		goto out;
	dv_err_clear(err);
	rc = dv_hosted_check_file(h, name, ext, err);
	/* An index may be of another version. */
	if (!rc && !strcmp(ext, "pack"))
		rc = b->ops->size(b, key, &size, err);
	if (!rc && !strcmp(ext, "pack") && !stat(path, &st) &&
	    size != (uint64_t)st.st_size)
		rc = DV_ECORRUPT;
	if (rc != DV_ECORRUPT)
		goto out;
	dv_err_clear(err);
	dv_log_note("'%s' on '%s' was damaged and is replaced", key,
		    h->remote->url);
	rc = b->ops->remove(b, key, err);
	if (!rc)
		rc = put_file(h, path, key, err);
	/* Another pusher replaced it. */
	if (rc == DV_EEXIST) {
		dv_err_clear(err);
		rc = dv_hosted_check_file(h, name, ext, err);
	}
out:
	free(path);
	free(key);
	return rc;
}

/* Run pack-objects; *name is "" where there was nothing to pack. */
static int pack(const char *const *argv, const char *const *env,
		const struct dv_buf *in, char name[65], struct dv_err *err)
{
	struct dv_buf out = { 0 };
	int code, rc;

	name[0] = '\0';
	rc = dv_proc_filter(argv, env, 0, in->p, in->n, 65536, &out, &code,
			    err);
	if (!rc && code)
		rc = dv_err_set(err, DV_EIO,
				"git pack-objects failed with exit code %d",
				code);
	while (out.n && out.p[out.n - 1] == '\n')
		out.n--;
	if (!rc && out.n) {
		if (out.n > 64 || !dv_hex_valid((char *)out.p, out.n))
			rc = dv_err_set(err, DV_EIO,
					"git pack-objects said something unexpected");
		else
			memcpy(name, dv_buf_str(&out), out.n + 1);
	}
	dv_buf_release(&out);
	return rc;
}

static char *temp_dir(struct dv_helper *h, struct dv_err *err)
{
	char *dir = dv_fmt("%s/tmp/push-XXXXXX", h->store.path);

	if (dir && !mkdtemp(dir)) {
		dv_err_errno(err, "cannot make the temporary folder '%s'", dir);
		free(dir);
		return NULL;
	}
	if (!dir)
		dv_err_nomem(err);
	return dir;
}

int dv_hosted_pack(struct dv_helper *h, const char *from, const char *progress,
		   const char *const *env, const struct dv_buf *in,
		   char name[65], struct dv_err *err)
{
	char *dir = temp_dir(h, err), *base;
	/* One pack, whatever size the user has set for those of his own. */
	const char *argv[] = { "git", "-c", "pack.packSizeLimit=0",
		"pack-objects", "--delta-base-offset", "--non-empty", from,
		progress, NULL, NULL };
	int rc;

	if (!dir)
		return err->status;
	argv[8] = base = dv_fmt("%s/pack", dir);
	rc = base ? pack(argv, env, in, name, err) : dv_err_nomem(err);
	/* The pack first: a reader that sees an .idx opens its .pack. */
	if (!rc && *name)
		rc = upload_file(h, base, name, "pack", err);
	if (!rc && *name)
		rc = upload_file(h, base, name, "idx", err);
	if (dv_dir_remove(dir, NULL))
		dv_log_debug("'%s' stays behind", dir);
	free(base);
	free(dir);
	return rc;
}

/* ---- merged ---- */

struct sized {
	const char *name;
	uint64_t size;
};

static int cmp_sized(const void *a, const void *b)
{
	const struct sized *x = a, *y = b;

	return x->size < y->size ? -1 : x->size > y->size;
}

int dv_hosted_merge(struct dv_helper *h, struct dv_manifest *m,
		    struct dv_err *err)
{
	struct sized *v = calloc(m->packs.n + 1, sizeof(*v));
	char *bare = NULL, *env = NULL, name[65];
	struct dv_strs keep = { 0 };
	struct dv_buf in = { 0 };
	uint64_t sum = 0;
	size_t take = 0;
	int rc = v ? 0 : dv_err_nomem(err);

	if (m->packs.n <= PACKS_MAX)
		goto out;
	for (size_t i = 0; !rc && i < m->packs.n; i++) {
		char *key = dv_fmt("git/pack/pack-%s.pack", m->packs.v[i]);

		v[i].name = m->packs.v[i];
		rc = key ? h->remote->backend->ops->size(h->remote->backend,
							 key, &v[i].size, err) :
			   dv_err_nomem(err);
		free(key);
	}
	if (rc)
		goto out;
	qsort(v, m->packs.n, sizeof(*v), cmp_sized);
	for (size_t i = 0; i < m->packs.n; i++) {
		if (i && v[i].size < 2 * sum)
			take = i + 1;
		sum += v[i].size;
	}
	if (take < 2)
		goto out;
	for (size_t i = 0; !rc && i < m->packs.n; i++) {
		if (i < take)
			rc = dv_buf_addf(&in, err, "pack-%s.pack\n", v[i].name);
		else
			rc = dv_strs_add(&keep, v[i].name, err);
	}
	if (!rc)
		rc = dv_hosted_bare(h, m, &bare, err);
	if (!rc) {
		const char *vars[] = { NULL, "GIT_WORK_TREE",
			"GIT_OBJECT_DIRECTORY",
			"GIT_ALTERNATE_OBJECT_DIRECTORIES", NULL };

		vars[0] = env = dv_fmt("GIT_DIR=%s", bare);
		rc = env ? dv_hosted_pack(h, "--stdin-packs", "--quiet", vars,
					  &in, name, err) :
			   dv_err_nomem(err);
	}
	if (!rc && *name) {
		if (!dv_strs_has(&keep, name))
			rc = dv_strs_add(&keep, name, err);
		if (!rc) {
			struct dv_strs old = m->packs;

			m->packs = keep;
			keep = old;
			m->previous = m->self;
			m->number++;
			rc = dv_random_name(m->transaction, err);
			if (!rc)
				rc = dv_hosted_create(h, m, err);
		}
	}
out:
	if (bare && dv_dir_remove(bare, NULL))
		dv_log_debug("'%s' stays behind", bare);
	dv_strs_release(&keep);
	dv_buf_release(&in);
	free(bare);
	free(env);
	free(v);
	return rc;
}

