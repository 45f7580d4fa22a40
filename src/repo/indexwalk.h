/*
 * A pass over Git's index file without reading it into memory: for hooks, which
 * must cost next to nothing in a repository of a hundred thousand files.
 */
#ifndef DV_REPO_INDEXWALK_H
#define DV_REPO_INDEXWALK_H

#include <stddef.h>
#include <stdint.h>

struct dv_indexwalk {
	const uint8_t *map;
	size_t len;		/* without the checksum at its end */
	size_t mapped, at, hash_size;
	uint32_t version, left;
	/* The current entry. */
	uint32_t mode, size;	/* size: what the stat data say */
	const uint8_t *oid;
	uint8_t stage;
};

/* 0, or -1 where there is no index or one of an unknown version. */
int dv_indexwalk_open(struct dv_indexwalk *w, const char *path, int algo);
void dv_indexwalk_close(struct dv_indexwalk *w);
/* 1 with the next entry, 0 at the end, -1 where it cannot be read. */
int dv_indexwalk_next(struct dv_indexwalk *w);
/*
 * The tree that a commit of this index would have, as the index itself says.
 * 1, or 0 where it says nothing, or cannot be read.
 */
int dv_indexwalk_tree(const char *path, int algo, uint8_t tree[32]);

#endif
