/*
 * Salvage of incoming/ after a crash. Each file is locked by its writer for
 * as long as that lives, so a lock that can be had means that it died. All
 * records up to the first torn one are verified and published.
 *
 * 1. lock; 2. check that the name still leads to the locked file (another
 * process may have salvaged it); 3. read records, decode, compare ids;
 * 4. cut behind the last good one, append table and footer, fdatasync;
 * 5. rename into packs/. A crash in between leaves the file to be salvaged
 * again, with the same result.
 *
 * The base of a delta stands before it: in the same file, in a published pack,
 * or in one that its writer began earlier and that is salvaged too. So files
 * that miss a base wait for the others, also for those that another process
 * holds; what still misses one then was never synced, and is cut off like
 * anything torn.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "store/store.h"

#define STALE_TMP_SECONDS 3600

struct rows {
	struct dv_row *v;
	size_t n, cap;
	struct dv_idmap chunks;	/* whole ones: number in v */
	int base_missing;	/* what ended the scan */
};

static int read_one(struct dv_store *s, int fd, uint64_t off,
		    struct dv_coder *c, struct rows *rows, struct dv_rec *rec,
		    struct dv_err *err);

/* From earlier in the file, or from the store. */
static int find_base(struct dv_store *s, int fd, struct dv_coder *c,
		     struct rows *rows, const struct dv_id *id,
		     struct dv_base **out, struct dv_err *err)
{
	uint64_t *at = dv_idmap_get(&rows->chunks, DV_KIND_CHUNK, id);
	struct dv_coder *spare;
	struct dv_rec rec;
	int rc;

	*out = dv_bases_get(&s->bases, id);
	if (*out)
		return 0;
	if (!at)
		return dv_store_base(s, c, id, out, err);
	spare = dv_coder_spare(c, err);
	if (!spare)
		return DV_ENOMEM;
	rc = read_one(s, fd, rows->v[*at].off, spare, rows, &rec, err);
	if (rc != 1)
		return rc ? rc : DV_ECORRUPT;
	*out = dv_bases_add(&s->bases, id,
			    rec.codec == DV_CODEC_RAW ? spare->in.p :
							spare->out.p,
			    rec.raw, err);
	return *out ? 0 : DV_ENOMEM;
}

static int decode(struct dv_store *s, int fd, struct dv_coder *c,
		  struct rows *rows, const struct dv_rec *rec,
		  struct dv_err *err)
{
	const uint8_t *content;
	struct dv_base *base;
	int rc;

	if (rec->codec != DV_CODEC_DELTA)
		return dv_coder_decode(c, rec, c->in.p, &content, err);
	rc = find_base(s, fd, c, rows, &rec->base, &base, err);
	rows->base_missing = rc == DV_ENOTFOUND;
	if (rc)
		return rc;
	rc = dv_coder_decode_delta(c, rec, base->p, base->n, c->in.p,
				   &content, err);
	dv_bases_put(&s->bases, base);
	return rc;
}

/* Read the record at `off`; 1 good, 0 not, negative on errors of ours. */
static int read_one(struct dv_store *s, int fd, uint64_t off,
		    struct dv_coder *c, struct rows *rows, struct dv_rec *rec,
		    struct dv_err *err)
{
	uint8_t head[DV_REC_HEAD_DELTA];
	size_t h;
	ssize_t got = dv_pread_full(fd, head, sizeof(head), off);
	int rc;

	if (got < 0)
		return dv_err_errno(err, "cannot read");
	if (dv_rec_parse(head, (size_t)got, rec, &h, NULL))
		return 0;
	c->in.n = 0;
	rc = dv_buf_reserve(&c->in, rec->enc, err);
	if (rc)
		return rc;
	got = dv_pread_full(fd, c->in.p, rec->enc, off + h);
	if (got < 0)
		return dv_err_errno(err, "cannot read");
	if ((size_t)got != rec->enc)
		return 0;
	rc = decode(s, fd, c, rows, rec, err);
	/* A base that cannot be read just now says nothing about this. */
	return rc && rc != DV_ECORRUPT && rc != DV_ENOTFOUND &&
	       rc != DV_EINVAL ? rc : !rc;
}

static int scan(struct dv_store *s, int fd, struct dv_coder *c,
		struct rows *rows, uint64_t *end, struct dv_err *err)
{
	uint64_t off = DV_PACK_HEAD;
	struct dv_rec rec;
	int rc;

	while ((rc = read_one(s, fd, off, c, rows, &rec, err)) == 1) {
		struct dv_row *v = dv_grow(rows->v, &rows->cap, rows->n + 1,
					   sizeof(*v));

		if (!v)
			return dv_err_nomem(err);
		rows->v = v;
		v += rows->n++;
		memset(v, 0, sizeof(*v));
		v->id = rec.id;
		v->off = off;
		v->raw = rec.raw;
		v->enc = rec.enc;
		v->kind = rec.kind;
		v->transform = rec.transform;
		v->codec = rec.codec;
		off += dv_row_len(v);
		if (rec.kind != DV_KIND_CHUNK || rec.codec == DV_CODEC_DELTA)
			continue;
		rc = dv_idmap_put(&rows->chunks, DV_KIND_CHUNK, &rec.id,
				  rows->n - 1, err);
		if (rc && rc != DV_EEXIST)
			return rc;
	}
	*end = off;
	return rc;
}

static int finish(struct dv_store *s, int fd, const char *path,
		  const char *name, const uint8_t *head, struct rows *rows,
		  uint64_t end, struct dv_coder *c, struct dv_err *err)
{
	struct dv_buf tail = { 0 };
	char *to = dv_fmt("%s/packs/%s", s->path, name);
	int rc;

	if (!to)
		return dv_err_nomem(err);
	rc = dv_pack_tail_format(c->sha, head, rows->v, (uint32_t)rows->n, end,
				 &tail, err);
	if (!rc && (ftruncate(fd, (off_t)end) ||
		    dv_pwrite_full(fd, tail.p, tail.n, end) || fdatasync(fd)))
		rc = dv_err_errno(err, "cannot write '%s'", path);
	if (!rc && (fchmod(fd, 0444) || rename(path, to)))
		rc = dv_err_errno(err, "cannot rename '%s' to '%s'", path, to);
	if (!rc)
		rc = dv_dir_sync(s->set.dir, err);
	if (!rc)
		rc = dv_packset_add(&s->set, name, err);
	dv_buf_release(&tail);
	free(to);
	return rc;
}

/*
 * `last`: nothing more will bring a base. Sets *waits where something might,
 * and *busy where another process holds the file: a writer, or one that
 * salvages as we do.
 */
static int salvage(struct dv_store *s, const char *name, struct dv_coder *c,
		   int last, int *waits, int *busy, struct dv_err *err)
{
	char *path = dv_fmt("%s/incoming/%s", s->path, name);
	uint8_t head[DV_PACK_HEAD];
	struct rows rows = { 0 };
	struct stat a, b;
	uint64_t end = 0;
	int fd, rc = 0;

	if (!path)
		return dv_err_nomem(err);
	/* The file is read-only by mode; root or not, its owner may do this. */
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == EACCES && !chmod(path, 0644))
		fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		if (errno != ENOENT)
			rc = dv_err_errno(err, "cannot open '%s'", path);
		goto out;
	}
	rc = dv_lock_fd(fd, DV_LOCK_EXCL, 0, err);
	if (rc) {
		if (rc == DV_EAGAIN) {
			*busy = 1;
			rc = 0;
		}
		goto out;
	}
	if (fstat(fd, &a) || lstat(path, &b) || a.st_ino != b.st_ino ||
	    a.st_dev != b.st_dev)
		goto out;
	if (dv_pread_full(fd, head, sizeof(head), 0) == sizeof(head) &&
	    !dv_pack_head_check(head, NULL))
		rc = scan(s, fd, c, &rows, &end, err);
	if (rc)
		goto out;
	if (rows.base_missing && !last) {
		*waits = 1;
		goto out;
	}
	if (rows.n) {
		rc = finish(s, fd, path, name, head, &rows, end, c, err);
		if (!rc)
			dv_log_debug("salvaged %zu records of an interrupted run",
				     rows.n);
	} else if (unlink(path) && errno != ENOENT) {
		rc = dv_err_errno(err, "cannot remove '%s'", path);
	}
out:
	if (fd >= 0)
		close(fd);
	free(rows.v);
	dv_idmap_release(&rows.chunks);
	free(path);
	return rc;
}

static void drop_stale_tmp(struct dv_store *s, const char *name)
{
	char *path = dv_fmt("%s/incoming/%s", s->path, name);
	struct stat st;

	if (path && !lstat(path, &st) &&
	    st.st_mtime < time(NULL) - STALE_TMP_SECONDS)
		unlink(path);
	free(path);
}

static int pass(struct dv_store *s, const struct dv_strs *names,
		struct dv_coder *c, int last, int *waits, int *busy,
		struct dv_err *err)
{
	int rc = 0;

	*waits = 0;
	for (size_t i = 0; !rc && i < names->n; i++) {
		const char *name = names->v[i];

		if (strlen(name) != 32 || !dv_hex_valid(name, 32))
			continue;
		if (!c->sha)
			rc = dv_coder_init(c, err);
		if (!rc)
			rc = salvage(s, name, c, last, waits, busy, err);
	}
	return rc;
}

int dv_store_recover(struct dv_store *s, struct dv_err *err)
{
	char *dir = dv_fmt("%s/incoming", s->path);
	struct dv_strs names = { 0 };
	struct dv_coder c = { 0 };
	size_t left;
	int rc, waits = 1, busy = 0;

	if (!dir)
		return dv_err_nomem(err);
	rc = dv_dir_list(dir, &names, err);
	if (rc == DV_ENOTFOUND)
		rc = 0;
	for (size_t i = 0; !rc && i < names.n; i++)
		if (!strncmp(names.v[i], "tmp-", 4))
			drop_stale_tmp(s, names.v[i]);
	/* Each round salvages one more of a chain of packs, at least. */
	for (left = names.n; !rc && waits && left; left--) {
		size_t known = s->set.n;

		rc = pass(s, &names, &c, 0, &waits, &busy, err);
		if (known == s->set.n)
			break;
	}
	/* What another process holds may have the base: the next open sees. */
	if (!rc && waits && names.n && !busy)
		rc = pass(s, &names, &c, 1, &waits, &busy, err);
	dv_coder_release(&c);
	dv_strs_release(&names);
	free(dir);
	if (rc)
		dv_err_prefix(err, "cannot salvage an interrupted run");
	return rc;
}
