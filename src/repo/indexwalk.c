#include "repo/indexwalk.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

#define STAT_SIZE 40	/* ten big-endian u32 before the object id */
#define MODE_AT 24
#define SIZE_AT 36
#define TAIL_MAX ((size_t)256 << 10)	/* of the file, looked through for trees */

/* Git replaces its index by rename, so that what is mapped stays whole. */
int dv_indexwalk_open(struct dv_indexwalk *w, const char *path, int algo)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *map;

	memset(w, 0, sizeof(*w));
	w->hash_size = algo == 2 ? 32 : 20;
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) ||
	    (size_t)st.st_size < 12 + w->hash_size) {
		close(fd);
		return -1;
	}
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return -1;
	w->map = map;
	w->mapped = (size_t)st.st_size;
	w->len = w->mapped - w->hash_size;
	w->version = dv_get32be(w->map + 4);
	w->left = dv_get32be(w->map + 8);
	w->at = 12;
	if (memcmp(w->map, "DIRC", 4) || w->version < 2 || w->version > 4) {
		dv_indexwalk_close(w);
		return -1;
	}
	return 0;
}

void dv_indexwalk_close(struct dv_indexwalk *w)
{
	if (w->map)
		munmap((void *)(uintptr_t)w->map, w->mapped);
	w->map = NULL;
}

int dv_indexwalk_next(struct dv_indexwalk *w)
{
	const uint8_t *start = w->map + w->at, *end = w->map + w->len, *p, *nul;
	size_t fixed = STAT_SIZE + w->hash_size + 2, n;
	uint16_t flags;

	if (!w->left)
		return 0;
	if ((size_t)(end - start) < fixed + 3)
		return -1;
	w->mode = dv_get32be(start + MODE_AT);
	w->size = dv_get32be(start + SIZE_AT);
	w->oid = start + STAT_SIZE;
	p = start + fixed;
	flags = (uint16_t)(p[-2] << 8 | p[-1]);
	w->stage = (flags >> 12) & 3;
	if (flags & 0x4000)
		p += 2;
	if (w->version == 4)
		while (p < end && *p++ & 128)
			;	/* how much of the last path goes */
	/* A length of 0xfff says only that it is not less. */
	n = flags & 0xfff;
	if (w->version == 4 || n == 0xfff || n >= (size_t)(end - p) || p[n]) {
		nul = p < end ? memchr(p, 0, (size_t)(end - p)) : NULL;
		if (!nul)
			return -1;
		n = (size_t)(nul - p);
	}
	p += n;
	/* Padded to a multiple of eight, with at least one NUL. */
	p = w->version == 4 ? p + 1 :
	    start + (((size_t)(p - start) + 8) & ~(size_t)7);
	if (p > end)
		return -1;
	w->at = (size_t)(p - w->map);
	w->left--;
	return 1;
}

/*
 * The extension that holds the trees begins with the root: an empty name, the
 * number of entries (-1 where it is not valid) and of folders, and the id.
 */
static int root_tree(const uint8_t *p, size_t n, size_t hash_size,
		     uint8_t tree[32])
{
	const uint8_t *end = p + n, *line;

	if (!n || *p++)
		return 0;
	if (p == end || *p < '0' || *p > '9')
		return 0;
	line = memchr(p, '\n', (size_t)(end - p));
	if (!line || (size_t)(end - line) < hash_size + 1)
		return 0;
	memcpy(tree, line + 1, hash_size);
	return 1;
}

/*
 * Extensions are a signature, a length and so many bytes, up to the checksum. 1
 * where that fits from here on; *size gets that of the first one.
 */
static int chain_fits(const struct dv_indexwalk *w, size_t at, uint32_t *size)
{
	*size = 0;
	for (int first = 1; w->len - at >= 8; first = 0) {
		uint32_t n = dv_get32be(w->map + at + 4);

		if (n > w->len - at - 8)
			return 0;
		if (first)
			*size = n;
		at += 8 + (size_t)n;
	}
	return at == w->len;
}

/*
 * The extension is looked for from the file's end, which spares reading the
 * entries. Nothing else looks like it there: a path has no NUL, so that its
 * bytes would say a length that does not fit.
 */
int dv_indexwalk_tree(const char *path, int algo, uint8_t tree[32])
{
	struct dv_indexwalk w;
	uint32_t n;
	int r, found = 0;

	if (dv_indexwalk_open(&w, path, algo))
		return 0;
	for (size_t at = w.len < 8 ? 0 : w.len - 8;
	     !found && at >= 12 && w.len - at < TAIL_MAX; at--)
		if (w.map[at] == 'T' && !memcmp(w.map + at, "TREE", 4) &&
		    chain_fits(&w, at, &n))
			found = root_tree(w.map + at + 8, n, w.hash_size, tree);
	if (found || w.len < TAIL_MAX)
		goto out;
	while ((r = dv_indexwalk_next(&w)) > 0)
		;
	while (!r && w.len - w.at >= 8) {
		const uint8_t *p = w.map + w.at;

		n = dv_get32be(p + 4);
		if (n > w.len - w.at - 8)
			break;
		if (!memcmp(p, "TREE", 4)) {
			found = root_tree(p + 8, n, w.hash_size, tree);
			break;
		}
		w.at += 8 + (size_t)n;
	}
out:
	dv_indexwalk_close(&w);
	return found;
}
