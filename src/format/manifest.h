/*
 * The refs of a Git repository that is hosted on a store: immutable, numbered
 * manifests (git-dv-format(5), "Refs of a hosted repository").
 *
 *	git-dv refs 1
 *	number <n>
 *	transaction <32 lower-case hex>
 *	previous <SHA-256 of the manifest n-1, or 64 zeros>
 *	object-format sha1|sha256
 *	head <ref>			(the branch that HEAD names)
 *	pack <hex>			any number: git/pack/pack-<hex>.pack, .idx
 *	ref <object id> <name>		any number, sorted by name
 *	sha256 <of all bytes before this line>
 *
 * Creating number n+1 where it is absent is the commit of a push and its
 * compare-and-swap.
 */
#ifndef DV_FORMAT_MANIFEST_H
#define DV_FORMAT_MANIFEST_H

#include "base/buf.h"
#include "codec/sha256.h"

#define DV_MANIFEST_MAX (256u << 20)

struct dv_ref {
	char *name;
	char oid[65];
};

struct dv_manifest {
	uint64_t number;	/* 0: nothing was ever pushed */
	char transaction[33];
	struct dv_id previous, self;	/* self: SHA-256 of the whole file */
	int algo;		/* 1 SHA-1, 2 SHA-256; 0 where number is 0 */
	char *head;
	struct dv_strs packs;
	struct dv_ref *refs;	/* sorted by name, always */
	size_t nrefs, cap;
};

void dv_manifest_release(struct dv_manifest *m);
/* DV_ECORRUPT, or DV_EINVAL for one of a later version. */
int dv_manifest_parse(struct dv_manifest *m, const void *p, size_t n,
		      struct dv_sha256 *sha, struct dv_err *err) DV_MUST_USE;
/* Fills m->self. */
int dv_manifest_format(struct dv_manifest *m, struct dv_sha256 *sha,
		       struct dv_buf *out, struct dv_err *err) DV_MUST_USE;
/* "git/refs/<16 hex of 2^64-1-n>": the newest is the first one listed. */
void dv_manifest_key(uint64_t number, char out[32]);

/* The id that a ref has, or NULL. */
const char *dv_manifest_get(const struct dv_manifest *m, const char *name);
/* Set, or with oid NULL delete. */
int dv_manifest_set(struct dv_manifest *m, const char *name, const char *oid,
		    struct dv_err *err) DV_MUST_USE;
/* Whether a folder of this name is a ref, or this is a folder of one. */
int dv_manifest_clashes(const struct dv_manifest *m, const char *name);
/* The rules of git-check-ref-format(1), for full names below "refs/". */
int dv_ref_name_ok(const char *name);

#endif
