/*
 * Salvage of incoming/ after a crash. Each file is locked by its writer for
 * as long as that lives, so a lock that can be had means that it died. All
 * records up to the first torn header are verified, and the good ones are
 * published.
 *
 * 1. lock; 2. check that the name still leads to the locked file (another
 * process may have salvaged it); 3. read records, decode, compare ids;
 * 4. cut behind the last good one, append table and footer, fdatasync;
 * 5. rename into packs/. A crash in between leaves the file to be salvaged
 * again, with the same result.
 *
 * A record whose payload does not decode is passed over: it was not synced,
 * or it rotted, or its base did. Its bytes stay as a gap. After it a list is
 * kept only if all that it names is there, so that a list means its content.
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
	struct dv_idmap bases;	/* whole chunks: number in v */
	struct dv_idmap good;	/* all of v */
	int base_missing;	/* of one that was passed over */
	size_t passed;		/* records passed over */
};

enum {
	TORN = 0,		/* no header, or not all of its payload */
	GOOD = 1,
	BAD = 2,		/* whole, but it does not decode */
};

static int read_one(struct dv_store *s, int fd, uint64_t off,
		    struct dv_coder *c, struct rows *rows, struct dv_rec *rec,
		    struct dv_err *err);

/* From earlier in the file, or from the store. */
static int find_base(struct dv_store *s, int fd, struct dv_coder *c,
		     struct rows *rows, const struct dv_id *id,
		     struct dv_base **out, struct dv_err *err)
{
	uint64_t *at = dv_idmap_get(&rows->bases, DV_KIND_CHUNK, id);
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
	if (rc != GOOD)
		return rc < 0 ? rc : DV_ECORRUPT;
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
	if (rc == DV_ENOTFOUND)
		rows->base_missing = 1;
	if (rc)
		return rc;
	rc = dv_coder_decode_delta(c, rec, base->p, base->n, c->in.p,
				   &content, err);
	dv_bases_put(&s->bases, base);
	return rc;
}

/* Read the record at `off`; negative on errors of ours. */
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
		return TORN;
	c->in.n = 0;
	rc = dv_buf_reserve(&c->in, rec->enc, err);
	if (rc)
		return rc;
	got = dv_pread_full(fd, c->in.p, rec->enc, off + h);
	if (got < 0)
		return dv_err_errno(err, "cannot read");
	if ((size_t)got != rec->enc)
		return TORN;
	rc = decode(s, fd, c, rows, rec, err);
	/* A base that cannot be read just now says nothing about this. */
	return rc && rc != DV_ECORRUPT && rc != DV_ENOTFOUND &&
	       rc != DV_EINVAL ? rc : rc ? BAD : GOOD;
}

static int is_there(struct dv_store *s, struct rows *rows, enum dv_kind kind,
		    const struct dv_id *id)
{
	return dv_idmap_get(&rows->good, kind, id) ||
	       dv_store_has_quick(s, kind, id);
}

/* All that the list in the coder names is good here, or in the store. */
static int is_complete(struct dv_store *s, struct rows *rows,
		       const struct dv_rec *rec, const struct dv_coder *c)
{
	const uint8_t *p = rec->codec == DV_CODEC_RAW ? c->in.p : c->out.p;
	struct dv_flist fl;
	struct dv_seg seg;
	int all = 1;

	if (rec->kind == DV_KIND_SEGMENT) {
		all = !dv_seg_parse(p, rec->raw, &seg, NULL);
		for (uint32_t i = 0; all && i < seg.n; i++)
			all = is_there(s, rows, DV_KIND_CHUNK,
				       dv_seg_id(&seg, i));
	} else if (rec->kind == DV_KIND_FILE) {
		all = !dv_flist_parse(p, rec->raw, &fl, NULL);
		for (uint32_t i = 0; all && i < fl.n; i++)
			all = is_there(s, rows, DV_KIND_SEGMENT,
				       dv_flist_id(&fl, i));
	}
	return all;
}

static int scan(struct dv_store *s, int fd, struct dv_coder *c,
		struct rows *rows, uint64_t *end, struct dv_err *err)
{
	uint64_t off = DV_PACK_HEAD;
	struct dv_rec rec;
	int rc;

	*end = off;
	while ((rc = read_one(s, fd, off, c, rows, &rec, err)) > TORN) {
		uint64_t at = off;
		struct dv_row *v;

		off += dv_rec_head_size(rec.codec) + (uint64_t)rec.enc;
		if (rc == BAD || (rows->passed &&
				  !is_complete(s, rows, &rec, c))) {
			rows->passed++;
			continue;
		}
		/* The first of two stands; claims keep writers from a second. */
		rc = dv_idmap_put(&rows->good, rec.kind, &rec.id, 1, err);
		if (rc == DV_EEXIST)
			continue;
		v = rc ? NULL : dv_grow(rows->v, &rows->cap, rows->n + 1,
					sizeof(*v));
		if (!v)
			return rc ? rc : dv_err_nomem(err);
		rows->v = v;
		v += rows->n++;
		memset(v, 0, sizeof(*v));
		v->id = rec.id;
		v->off = at;
		v->raw = rec.raw;
		v->enc = rec.enc;
		v->kind = rec.kind;
		v->transform = rec.transform;
		v->codec = rec.codec;
		*end = off;
		if (rec.kind != DV_KIND_CHUNK || rec.codec == DV_CODEC_DELTA)
			continue;
		rc = dv_idmap_put(&rows->bases, DV_KIND_CHUNK, &rec.id,
				  rows->n - 1, err);
		if (rc)
			return rc;
	}
	return rc;
}

static int finish(struct dv_store *s, int fd, const char *path,
		  const char *name, const uint8_t *head, struct rows *rows,
		  uint64_t end, struct dv_coder *c, struct dv_err *err)
{
	struct dv_buf tail = { 0 };
	char *to = dv_fmt("%s/packs/%s", s->path, name);
	struct stat st;
	int rc;

	if (!to)
		return dv_err_nomem(err);
	rc = dv_pack_tail_format(c->sha, head, rows->v, (uint32_t)rows->n, end,
				 &tail, err);
	if (!rc && (ftruncate(fd, (off_t)end) ||
		    dv_pwrite_full(fd, tail.p, tail.n, end) || fdatasync(fd)))
		rc = dv_err_errno(err, "cannot write '%s'", path);
	if (!rc && (fstat(fd, &st) || fchmod(fd, st.st_mode & 0444) ||
		    rename(path, to)))
		rc = dv_err_errno(err, "cannot rename '%s' to '%s'", path, to);
	if (!rc)
		rc = dv_dir_sync(s->set.dir, err);
	if (!rc)
		rc = dv_packset_add(&s->set, name, err);
	dv_buf_release(&tail);
	free(to);
	return rc;
}

/* What does not begin as a pack, all of it: a crash leaves zeros, or less. */
static int never_written(const uint8_t *head, size_t n)
{
	static const uint8_t zeros[DV_PACK_HEAD];

	return n < DV_PACK_HEAD || !memcmp(head, zeros, DV_PACK_HEAD);
}

static int set_aside(struct dv_store *s, const char *path, const char *name,
		     struct dv_err *err)
{
	char *to = dv_fmt("%s/quarantine/%s", s->path, name);
	int rc = to ? 0 : dv_err_nomem(err);

	if (!rc && rename(path, to))
		rc = dv_err_errno(err, "cannot move '%s' to '%s'", path, to);
	if (!rc)
		dv_log_warn("an interrupted run left a damaged pack, now '%s'",
			    to);
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
	ssize_t got;
	int fd, rc = 0;

	if (!path)
		return dv_err_nomem(err);
	/* The file is read-only by mode; root or not, its owner may do this. */
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == EACCES && !lstat(path, &a) &&
	    S_ISREG(a.st_mode) && !chmod(path, (a.st_mode & 0777) | 0200))
		fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && (errno == EACCES || errno == EPERM)) {
		/* Another user's, who lives or will salvage it. */
		dv_log_debug("'%s' is left to its owner", path);
		*busy = 1;
		goto out;
	}
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
	got = dv_pread_full(fd, head, sizeof(head), 0);
	if (got < 0)
		rc = dv_err_errno(err, "cannot read '%s'", path);
	else if (never_written(head, (size_t)got))
		rc = 0;
	else if (dv_pack_head_check(head, NULL))
		rc = set_aside(s, path, name, err);
	else
		rc = scan(s, fd, c, &rows, &end, err);
	if (rc || !dv_file_exists(path))
		goto out;
	if (rows.base_missing && !last) {
		*waits = 1;
		goto out;
	}
	if (rows.n) {
		rc = finish(s, fd, path, name, head, &rows, end, c, err);
		if (!rc)
			dv_log_debug("salvaged %zu records of an interrupted run, passed over %zu",
				     rows.n, rows.passed);
	} else if (unlink(path) && errno != ENOENT) {
		rc = dv_err_errno(err, "cannot remove '%s'", path);
	}
out:
	if (fd >= 0)
		close(fd);
	free(rows.v);
	dv_idmap_release(&rows.bases);
	dv_idmap_release(&rows.good);
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

static int is_pack_name(const char *name)
{
	return strlen(name) == 32 && dv_hex_valid(name, 32);
}

static int pass(struct dv_store *s, const struct dv_strs *names,
		struct dv_coder *c, int last, int *waits, int *busy,
		struct dv_err *err)
{
	int rc = 0;

	*waits = 0;
	for (size_t i = 0; !rc && i < names->n; i++) {
		const char *name = names->v[i];

		if (!is_pack_name(name))
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

int dv_store_incoming(const struct dv_store *s, size_t *packs,
		      struct dv_err *err)
{
	char *dir = dv_fmt("%s/incoming", s->path);
	struct dv_strs names = { 0 };
	int rc = dir ? dv_dir_list(dir, &names, err) : dv_err_nomem(err);

	*packs = 0;
	if (rc == DV_ENOTFOUND)
		rc = 0;
	for (size_t i = 0; !rc && i < names.n; i++)
		*packs += is_pack_name(names.v[i]);
	dv_strs_release(&names);
	free(dir);
	return rc;
}
