/*
 * Files in incoming/: packs that are being written. Each is locked by its
 * writer and survives it: the next dv_store_open salvages what was written,
 * durable or not, as long as the machine stays up.
 */
#ifndef DV_STORE_INCOMING_H
#define DV_STORE_INCOMING_H

#include "format/pack.h"
#include "store/store.h"

/*
 * A new one, locked, with its head written: name (32 hex digits) and
 * descriptor, which the caller closes. The file stays until it is renamed or
 * removed.
 */
int dv_incoming_create(struct dv_store *s, char name[33],
		       uint8_t head[DV_PACK_HEAD], int *fd,
		       struct dv_err *err) DV_MUST_USE;
/* Its path; caller frees. */
char *dv_incoming_path(const struct dv_store *s, const char *name);

/*
 * A spool is such a pack of a fixed size, mapped into memory: what stands in
 * it outlives the process without a call to the system for each record. For
 * content that is promised before it is stored as it should be. `{0}` is none.
 */
struct dv_spool {
	struct dv_store *store;		/* borrowed */
	char name[33];
	int fd;
	uint8_t *map;			/* NULL: not open */
	size_t size, at;
};

/* All of `size` bytes is allocated, so that writing to it cannot fail. */
int dv_spool_open(struct dv_spool *sp, struct dv_store *s, size_t size,
		  struct dv_err *err) DV_MUST_USE;
/* Start anew: what stands there is overwritten. */
void dv_spool_reset(struct dv_spool *sp);
/*
 * Append a chunk as a whole, raw record. Its bytes in the spool, or NULL where
 * there is no room.
 */
const uint8_t *dv_spool_add(struct dv_spool *sp, const struct dv_id *id,
			    const void *p, uint32_t n);
/* `keep`: leave the file to be salvaged. */
void dv_spool_close(struct dv_spool *sp, int keep);

#endif
