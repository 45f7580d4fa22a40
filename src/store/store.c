#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "format/storefmt.h"

static const char *const subdirs[] = { "packs", "incoming", "index", "clones",
				       "quarantine", "tmp" };

static int make_dirs(const char *path, struct dv_err *err)
{
	int rc = dv_dir_make_synced(path, err);

	for (size_t i = 0; !rc && i < DV_ARRAY_SIZE(subdirs); i++) {
		char *d = dv_fmt("%s/%s", path, subdirs[i]);

		rc = d ? dv_dir_make(d, err) : dv_err_nomem(err);
		free(d);
	}
	return rc;
}

static int read_format(struct dv_store *s, struct dv_err *err)
{
	char *file = dv_fmt("%s/format", s->path);
	struct dv_buf text = { 0 };
	struct dv_storefmt f;
	int rc;

	if (!file)
		return dv_err_nomem(err);
	rc = dv_file_read(file, &text, DV_STOREFMT_MAX, err);
	if (!rc) {
		rc = dv_storefmt_parse((const char *)text.p, text.n, &f, err);
		if (!rc && *f.unknown_read)
			rc = dv_err_set(err, DV_EINVAL,
					"it needs the feature '%s' of a newer git-dv",
					f.unknown_read);
		if (rc) {
			dv_err_prefix(err, "store '%s'", s->path);
		} else {
			memcpy(s->uuid, f.uuid, sizeof(s->uuid));
			memcpy(s->unknown_write, f.unknown_write,
			       sizeof(s->unknown_write));
			memcpy(s->unknown_gc, f.unknown_gc,
			       sizeof(s->unknown_gc));
		}
	}
	dv_buf_release(&text);
	free(file);
	return rc;
}

/* Behind the digits, while content is being removed, or was when it stopped. */
#define REMOVING " removing"

/*
 * What `epoch` says; "" where nothing was ever removed. Sets *removing where
 * packs that can be listed now may be gone at once.
 */
static int read_epoch(const struct dv_store *s, char out[33], int *removing,
		      struct dv_err *err)
{
	char *file = dv_fmt("%s/epoch", s->path);
	struct dv_buf text = { 0 };
	int rc = 0;

	memset(out, 0, 33);
	if (!file)
		rc = dv_err_nomem(err);
	else if (dv_file_exists(file))
		rc = dv_file_read(file, &text, 64, err);
	if (!rc)
		memcpy(out, text.n ? text.p : (const uint8_t *)"",
		       DV_MIN(text.n, 32));
	*removing = !rc && text.n >= 32 + strlen(REMOVING) &&
		    !memcmp(text.p + 32, REMOVING, strlen(REMOVING));
	dv_buf_release(&text);
	free(file);
	return rc;
}

/* As it was before the packs were listed; "" is never what it is later. */
static int note_epoch(struct dv_store *s, struct dv_err *err)
{
	int removing, rc = read_epoch(s, s->epoch, &removing, err);

	if (removing)
		*s->epoch = '\0';
	return rc;
}

/* Two creators at once: the first `format` stays. */
static int create(struct dv_store *s, struct dv_err *err)
{
	char *file = dv_fmt("%s/format", s->path);
	struct dv_buf text = { 0 };
	struct dv_storefmt f;
	int rc;

	if (!file)
		return dv_err_nomem(err);
	rc = make_dirs(s->path, err);
	if (!rc)
		rc = dv_storefmt_new(&f, err);
	if (!rc)
		rc = dv_storefmt_format(&f, &text, err);
	if (!rc)
		rc = dv_file_write(file, text.p, text.n, 0444,
				   DV_FILE_SYNC | DV_FILE_EXCL, err);
	if (rc == DV_EEXIST)
		rc = 0;
	dv_buf_release(&text);
	free(file);
	return rc;
}

int dv_store_open(struct dv_store *s, const char *path, unsigned int flags,
		  struct dv_err *err)
{
	int rc;

	memset(s, 0, sizeof(*s));
	s->lock_fd = -1;
	s->path = strdup(path);
	if (!s->path)
		return dv_err_nomem(err);
	dv_bases_init(&s->bases);
	rc = read_format(s, err);
	if (rc == DV_ENOTFOUND && (flags & DV_STORE_CREATE)) {
		rc = create(s, err);
		if (!rc)
			rc = read_format(s, err);
	}
	/* A folder that somebody removed is made anew; what was in it is gone. */
	s->read_only = (flags & DV_STORE_READ) || *s->unknown_write ||
		       access(path, W_OK) != 0;
	if (!rc && (flags & DV_STORE_CREATE) && !s->read_only)
		rc = make_dirs(path, err);
	/* In this order: a removal in between is seen later. */
	if (!rc)
		rc = note_epoch(s, err);
	if (!rc)
		rc = dv_packset_open(&s->set, path, err);
	if (!rc && !s->read_only)
		rc = dv_store_recover(s, err);
	if (rc)
		dv_store_close(s);
	return rc;
}

void dv_store_close(struct dv_store *s)
{
	if (!s->path)
		return;
	dv_packset_close(&s->set);
	dv_bases_release(&s->bases);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	s->lock_fd = -1;
	free(s->path);
	s->path = NULL;
}

int dv_store_register(struct dv_store *s, const char *dir, struct dv_err *err)
{
	struct dv_sha256 *sha = dv_sha256_open();
	struct dv_buf old = { 0 };
	struct dv_id id;
	char name[33], *file, *line;
	int rc = 0, inside;

	if (!sha)
		return dv_err_nomem(err);
	dv_sha256_of(sha, dir, strlen(dir), &id);
	dv_sha256_close(sha);
	dv_hex_encode(name, id.b, 16);
	inside = !strncmp(s->path, dir, strlen(dir)) &&
		 !strcmp(s->path + strlen(dir), "/dv");
	file = dv_fmt("%s/clones/%s", s->path, name);
	line = dv_fmt("%s\n%s", dir, inside ? "inside\n" : "");
	if (!file || !line)
		rc = dv_err_nomem(err);
	else if (dv_file_read(file, &old, 65536, NULL) ||
		 old.n != strlen(line) || memcmp(old.p, line, old.n))
		rc = dv_file_write(file, line, strlen(line), 0666,
				   DV_FILE_SYNC, err);
	dv_buf_release(&old);
	free(file);
	free(line);
	return rc;
}

int dv_store_locate(struct dv_store *s, enum dv_kind kind,
		    const struct dv_id *id, struct dv_loc *loc)
{
	return dv_packset_find(&s->set, kind, id, loc);
}

int dv_store_has_quick(struct dv_store *s, enum dv_kind kind,
		       const struct dv_id *id)
{
	struct dv_loc loc;

	return dv_packset_find(&s->set, kind, id, &loc);
}

int dv_store_has(struct dv_store *s, enum dv_kind kind,
		 const struct dv_id *id)
{
	if (dv_store_has_quick(s, kind, id))
		return 1;
	/* Misses come in crowds: one look a second serves them all. */
	if (s->rescanned && dv_now_ms() - s->rescanned < 1000)
		return 0;
	s->rescanned = dv_now_ms();
	return !dv_packset_rescan(&s->set, NULL) &&
	       dv_store_has_quick(s, kind, id);
}

int dv_store_has_file(struct dv_store *s, const struct dv_oid *oid)
{
	return dv_store_has(s, dv_oid_kind(oid), &oid->id);
}

int dv_store_read_record(struct dv_store *s, struct dv_coder *c,
			 const struct dv_loc *loc, struct dv_rec *rec,
			 const uint8_t **payload, struct dv_err *err)
{
	size_t len = (size_t)dv_row_len(&loc->row), head;
	ssize_t got;
	int fd, rc;

	rc = dv_packset_fd(&s->set, loc->pack, &fd, err);
	if (rc)
		return rc;
	/* Rows of an index carry no checksum: look before allocating. */
	if (loc->row.off > loc->pack->size ||
	    len > loc->pack->size - loc->row.off)
		rc = dv_err_set(err, DV_ECORRUPT,
				"pack '%s/%s' is cut off", s->set.dir,
				loc->pack->name);
	c->in.n = 0;
	if (!rc)
		rc = dv_buf_reserve(&c->in, len, err);
	if (rc) {
		dv_packset_fd_done(&s->set, loc->pack);
		return rc;
	}
	got = dv_pread_full(fd, c->in.p, len, loc->row.off);
	if (got < 0)
		rc = dv_err_errno(err, "cannot read pack '%s/%s'",
				  s->set.dir, loc->pack->name);
	dv_packset_fd_done(&s->set, loc->pack);
	if (rc)
		return rc;
	if ((size_t)got != len)
		return dv_err_set(err, DV_ECORRUPT,
				  "pack '%s/%s' is cut off", s->set.dir,
				  loc->pack->name);
	rc = dv_rec_parse(c->in.p, len, rec, &head, err);
	if (rc == DV_EAGAIN)
		rc = DV_ECORRUPT;
	if (!rc && (!dv_id_eq(&rec->id, &loc->row.id) ||
		    rec->kind != loc->row.kind ||
		    rec->codec != loc->row.codec ||
		    rec->transform != loc->row.transform ||
		    rec->raw != loc->row.raw || rec->enc != loc->row.enc))
		rc = dv_err_set(err, DV_ECORRUPT,
				"the table does not fit the record");
	if (rc) {
		dv_err_prefix(err, "pack '%s/%s' at %llu", s->set.dir,
			      loc->pack->name,
			      (unsigned long long)loc->row.off);
		return rc;
	}
	*payload = c->in.p + head;
	return 0;
}

static int read_at(struct dv_store *s, struct dv_coder *c,
		   const struct dv_loc *loc, const uint8_t **p, size_t *n,
		   struct dv_err *err)
{
	const uint8_t *payload;
	struct dv_rec rec;
	int rc = dv_store_read_record(s, c, loc, &rec, &payload, err);

	if (rc)
		return rc;
	rc = dv_store_decode(s, c, &rec, payload, p, err);
	if (rc)
		dv_err_prefix(err, "pack '%s/%s' at %llu", s->set.dir,
			      loc->pack->name,
			      (unsigned long long)loc->row.off);
	*n = rec.raw;
	return rc;
}

int dv_store_has_whole(struct dv_store *s, const struct dv_id *id)
{
	struct dv_loc loc;

	for (unsigned int skip = 0;
	     dv_packset_find_nth(&s->set, DV_KIND_CHUNK, id, skip, &loc);
	     skip++)
		if (loc.row.codec != DV_CODEC_DELTA)
			return 1;
	return 0;
}

int dv_store_can_read(struct dv_store *s, const struct dv_id *id)
{
	struct dv_id base;
	struct dv_loc loc;

	for (unsigned int skip = 0;
	     dv_packset_find_nth(&s->set, DV_KIND_CHUNK, id, skip, &loc);
	     skip++)
		if (loc.row.codec != DV_CODEC_DELTA ||
		    (!dv_store_base_id(s, &loc, &base, NULL) &&
		     dv_store_has_whole(s, &base)))
			return 1;
	return 0;
}

int dv_store_base_id(struct dv_store *s, const struct dv_loc *loc,
		     struct dv_id *base, struct dv_err *err)
{
	uint8_t head[DV_REC_HEAD_DELTA];
	struct dv_rec rec;
	size_t h;
	int fd, rc = dv_packset_fd(&s->set, loc->pack, &fd, err);

	if (rc)
		return rc;
	if (dv_pread_full(fd, head, sizeof(head), loc->row.off) !=
		    sizeof(head) ||
	    dv_rec_parse(head, sizeof(head), &rec, &h, NULL) ||
	    rec.codec != DV_CODEC_DELTA || !dv_id_eq(&rec.id, &loc->row.id))
		rc = dv_err_set(err, DV_ECORRUPT,
				"pack '%s/%s' at %llu: no delta record",
				s->set.dir, loc->pack->name,
				(unsigned long long)loc->row.off);
	else
		*base = rec.base;
	dv_packset_fd_done(&s->set, loc->pack);
	return rc;
}

static int read_any(struct dv_store *s, struct dv_coder *c, enum dv_kind kind,
		    const struct dv_id *id, int whole, const uint8_t **p,
		    size_t *n, struct dv_err *err)
{
	struct dv_err first = { 0 }, own = { 0 };
	struct dv_loc loc;
	int rc;

	if (!err)
		err = &own;

	for (int round = 0; round < 2; round++) {
		int rescan = 0;

		for (unsigned int skip = 0;
		     dv_packset_find_nth(&s->set, kind, id, skip, &loc);
		     skip++) {
			if (whole && loc.row.codec == DV_CODEC_DELTA)
				continue;
			rc = read_at(s, c, &loc, p, n, err);
			/* An index may be wrong; the pack's table is not. */
			if (rc == DV_ECORRUPT &&
			    dv_packset_own_row(&s->set, kind, id, &loc) &&
			    (!whole || loc.row.codec != DV_CODEC_DELTA))
				rc = read_at(s, c, &loc, p, n, err);
			if (!rc)
				return 0;
			/* A merge took the pack away meanwhile: look again. */
			if (rc == DV_ENOTFOUND || dv_pack_gone(loc.pack)) {
				rescan = 1;
				break;
			}
			if (!first.status)
				first = *err;
			if (skip > 16)
				break;
		}
		if (round || (first.status && !rescan) ||
		    dv_packset_rescan(&s->set, err))
			break;
	}
	if (first.status) {
		*err = first;
		return first.status;
	}
	return dv_err_set(err, DV_ENOTFOUND,
			  "%s %s is not in the local store%s",
			  dv_kind_name(kind), dv_id_hex(id).s,
			  whole ? ", not as a whole" : "");
}

int dv_store_read(struct dv_store *s, struct dv_coder *c, enum dv_kind kind,
		  const struct dv_id *id, const uint8_t **p, size_t *n,
		  struct dv_err *err)
{
	return read_any(s, c, kind, id, 0, p, n, err);
}

int dv_store_read_whole(struct dv_store *s, struct dv_coder *c,
			const struct dv_id *id, const uint8_t **p, size_t *n,
			struct dv_err *err)
{
	return read_any(s, c, DV_KIND_CHUNK, id, 1, p, n, err);
}

int dv_store_writable(const struct dv_store *s, struct dv_err *err)
{
	if (*s->unknown_write)
		return dv_err_set(err, DV_EINVAL,
				  "the store '%s' needs the feature '%s' of a newer git-dv to be written to",
				  s->path, s->unknown_write);
	if (!s->read_only)
		return 0;
	/* Asked again for the reason; it may be another by now. */
	if (!access(s->path, W_OK))
		return dv_err_set(err, DV_EAUTH,
				  "the store '%s' was not writable when it was opened; try again",
				  s->path);
	return dv_err_set(err, DV_EAUTH,
			  "the store '%s' cannot be written to: %s", s->path,
			  strerror(errno));
}

static int open_lock(struct dv_store *s, struct dv_err *err)
{
	char *file;
	int rc = 0;

	if (s->lock_fd >= 0)
		return 0;
	if (*s->unknown_write)
		return dv_store_writable(s, err);
	file = dv_fmt("%s/lock", s->path);
	if (!file)
		return dv_err_nomem(err);
	s->lock_fd = dv_own_open(file, O_RDWR, 0666);
	if (s->lock_fd < 0)
		rc = dv_err_errno(err, "cannot open '%s'", file);
	free(file);
	return rc;
}

/*
 * List the packs anew if content was removed since they were listed, or just
 * then: under the lock nothing goes.
 */
static int catch_up(struct dv_store *s, struct dv_err *err)
{
	char now[33];
	int removing, rc = read_epoch(s, now, &removing, err);

	if (rc || !strcmp(now, s->epoch))
		return rc;
	rc = dv_packset_rescan(&s->set, err);
	if (!rc && !removing)
		memcpy(s->epoch, now, sizeof(s->epoch));
	return rc;
}

int dv_store_new_epoch(struct dv_store *s, int removing, struct dv_err *err)
{
	char *file = dv_fmt("%s/epoch", s->path), name[33], text[64];
	int rc = file ? dv_random_name(name, err) : dv_err_nomem(err);

	if (!rc) {
		snprintf(text, sizeof(text), "%s%s\n", name,
			 removing ? REMOVING : "");
		rc = dv_file_write(file, text, strlen(text), 0666,
				   DV_FILE_SYNC, err);
	}
	free(file);
	return rc;
}

int dv_store_lock_shared(struct dv_store *s, struct dv_err *err)
{
	int rc;

	if (s->writers++)
		return 0;
	rc = open_lock(s, err);
	if (!rc)
		rc = dv_lock_fd(s->lock_fd, DV_LOCK_SHARED, 1, err);
	if (!rc) {
		rc = catch_up(s, err);
		if (rc)
			dv_unlock_fd(s->lock_fd);
	}
	if (rc)
		s->writers--;
	return rc;
}

void dv_store_unlock(struct dv_store *s)
{
	if (!--s->writers && s->lock_fd >= 0)
		dv_unlock_fd(s->lock_fd);
}

int dv_store_lock_excl(struct dv_store *s, struct dv_err *err)
{
	int rc;

	if (s->writers)
		return dv_err_set(err, DV_EAGAIN,
				  "the store is being written to");
	rc = open_lock(s, err);
	return rc ? rc : dv_lock_fd(s->lock_fd, DV_LOCK_EXCL, 0, err);
}

void dv_store_unlock_excl(struct dv_store *s)
{
	dv_unlock_fd(s->lock_fd);
}
