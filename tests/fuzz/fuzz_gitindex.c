#include "fuzz.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "repo/gitindex.h"

static void one(const char *path, int algo)
{
	struct dv_gitindex ix;
	struct stat st = { .st_size = 12345, .st_ino = 6 };

	if (dv_gitindex_read(&ix, path, algo, NULL))
		return;
	for (size_t i = 0; i < ix.n; i++) {
		struct dv_gitentry *e = &ix.v[i];

		MUST(e->off >= 12 && e->off + 40 + ix.hash_size < ix.raw.n);
		MUST(e->oid == ix.raw.p + e->off + 40);
		MUST(strlen(e->path) < ix.raw.n);
		(void)dv_gitindex_find(&ix, e->path);
		(void)dv_gitentry_size(&ix, e);
		dv_gitentry_set_stat(&ix, e, &st);
		MUST(dv_gitentry_fits(&ix, e, &st));
	}
	(void)dv_gitindex_find(&ix, "a/b");
	dv_gitindex_release(&ix);
}

/* The first byte chooses the object format; the rest is the file. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static char path[64];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("index", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	/* Shared prefixes grow with the square of this. */
	if (fd < 0 || !n || n > 16384)
		return 0;
	if (ftruncate(fd, 0) || pwrite(fd, p + 1, n - 1, 0) != (ssize_t)n - 1)
		return 0;
	one(path, p[0] & 1 ? 2 : 1);
	return 0;
}
