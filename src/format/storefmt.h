/*
 * The `format` file at the top of every store, local or remote
 * (git-dv-format(5), "The format file"): what wrote it, what a program must
 * understand to read it, to write to it, to collect its garbage.
 *
 *	git-dv store 1
 *	uuid <32 lower-case hex>
 *	profile 1
 *	hash sha256
 *	read-features [name ...]
 *	write-features [name ...]
 *	gc-features [name ...]
 */
#ifndef DV_FORMAT_STOREFMT_H
#define DV_FORMAT_STOREFMT_H

#include "base/buf.h"

#define DV_STOREFMT_MAX 4096

struct dv_storefmt {
	char uuid[33];
	/* The first feature that this program does not know, or "". */
	char unknown_read[64], unknown_write[64], unknown_gc[64];
};

int dv_storefmt_new(struct dv_storefmt *f, struct dv_err *err) DV_MUST_USE;
int dv_storefmt_format(const struct dv_storefmt *f, struct dv_buf *out,
		       struct dv_err *err) DV_MUST_USE;
/* DV_ECORRUPT: not such a file; DV_EINVAL: of a later version. */
int dv_storefmt_parse(const char *text, size_t n, struct dv_storefmt *f,
		      struct dv_err *err) DV_MUST_USE;

#endif
