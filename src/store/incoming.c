#include "store/incoming.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"

char *dv_incoming_path(const struct dv_store *s, const char *name)
{
	return dv_fmt("%s/incoming/%s", s->path, name);
}

/*
 * 1. create incoming/tmp-X and lock it; a crash leaves a file that recovery
 *    removes by age. 2. rename to incoming/X: from here recovery finds it,
 *    and leaves it alone while the lock is held.
 */
int dv_incoming_create(struct dv_store *s, char name[33],
		       uint8_t head[DV_PACK_HEAD], int *fd,
		       struct dv_err *err)
{
	char *tmp = NULL, *path = NULL;
	uint8_t nonce[16];
	int rc = dv_random(nonce, sizeof(nonce), err);

	*fd = -1;
	if (rc)
		return rc;
	dv_hex_encode(name, nonce, sizeof(nonce));
	dv_pack_head_format(nonce, head);
	tmp = dv_fmt("%s/incoming/tmp-%s", s->path, name);
	path = dv_incoming_path(s, name);
	if (!tmp || !path) {
		rc = dv_err_nomem(err);
		goto out;
	}
	*fd = dv_own_open(tmp, O_RDWR | O_EXCL, 0444);
	if (*fd < 0) {
		rc = dv_err_errno(err, "cannot create '%s'", tmp);
		goto out;
	}
	rc = dv_lock_fd(*fd, DV_LOCK_EXCL, 1, err);
	if (!rc && dv_pwrite_full(*fd, head, DV_PACK_HEAD, 0))
		rc = dv_err_errno(err, "cannot write '%s'", tmp);
	if (!rc && rename(tmp, path))
		rc = dv_err_errno(err, "cannot rename to '%s'", path);
	if (rc) {
		unlink(tmp);
		close(*fd);
		*fd = -1;
	}
out:
	free(tmp);
	free(path);
	return rc;
}

int dv_spool_open(struct dv_spool *sp, struct dv_store *s, size_t size,
		  struct dv_err *err)
{
	uint8_t head[DV_PACK_HEAD];
	int rc;

	memset(sp, 0, sizeof(*sp));
	rc = dv_incoming_create(s, sp->name, head, &sp->fd, err);
	if (rc)
		return rc;
	sp->store = s;
	sp->size = size;
	sp->at = DV_PACK_HEAD;
	errno = posix_fallocate(sp->fd, 0, (off_t)size);
	if (errno) {
		rc = dv_err_errno(err, "cannot allocate in the store '%s'",
				  s->path);
	} else {
		sp->map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			       sp->fd, 0);
		if (sp->map == MAP_FAILED) {
			sp->map = NULL;
			rc = dv_err_errno(err, "cannot map into memory");
		}
	}
	if (rc)
		dv_spool_close(sp, 0);
	return rc;
}

void dv_spool_reset(struct dv_spool *sp)
{
	sp->at = DV_PACK_HEAD;
}

const uint8_t *dv_spool_add(struct dv_spool *sp, const struct dv_id *id,
			    const void *p, uint32_t n)
{
	struct dv_rec rec = { .kind = DV_KIND_CHUNK, .codec = DV_CODEC_RAW,
			      .raw = n, .enc = n, .id = *id };
	uint8_t head[DV_REC_HEAD_DELTA], *to = sp->map + sp->at;
	size_t h = dv_rec_format(&rec, head);

	if (sp->size - sp->at < h + n)
		return NULL;
	/* The header last: before it, the record is not there. */
	memcpy(to + h, p, n);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memcpy(to, head, h);
	sp->at += h + n;
	return to + h;
}

void dv_spool_close(struct dv_spool *sp, int keep)
{
	char *path;

	if (!sp->store)
		return;
	path = keep ? NULL : dv_incoming_path(sp->store, sp->name);
	if (path && unlink(path))
		dv_log_debug("'%s' stays", path);
	free(path);
	if (sp->map)
		munmap(sp->map, sp->size);
	if (sp->fd >= 0)
		close(sp->fd);
	memset(sp, 0, sizeof(*sp));
}
