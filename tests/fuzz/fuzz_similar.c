#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "store/similar.h"

#define FIRST 4096u
#define SLOTS (64 + FIRST * 84)
#define SIZE (SLOTS + FIRST * 32)

static char *path;

static void use(const uint8_t *p, size_t n)
{
	struct dv_similar_hit hit[3];
	struct dv_similar *t = dv_similar_open(path);
	struct dv_sketch s = { { 0 } };
	struct dv_id id = { { 1 } };
	unsigned int found;

	if (!t)
		return;
	memcpy(s.f, p, n < sizeof(s.f) ? n : sizeof(s.f));
	for (int round = 0; round < 3; round++) {
		found = dv_similar_find(t, &s, hit, 3);
		MUST(found <= 3);
		for (unsigned int i = 0; i < found; i++) {
			MUST(hit[i].common >= DV_SIMILAR_MIN &&
			     hit[i].common <= DV_SKETCH_FEATURES);
			MUST(!i || hit[i].common <= hit[i - 1].common);
		}
		dv_similar_add(t, &s, &id);
		dv_similar_sketch(t, p, n, &s);
	}
	dv_similar_close(t);
}

/*
 * The file as it is; then its first half as the start of a file of the right
 * size, and its second half as the slots of that.
 */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dv_similar *t;
	int fd;

	if (!path) {
		const char *tmp = getenv("TMPDIR");

		path = dv_fmt("%s/dv-fuzz-%d", tmp ? tmp : "/tmp",
			      (int)getpid());
		if (!path)
			abort();
	}
	if (dv_file_write(path, p, n, 0600, 0, NULL))
		return 0;
	use(p, n);
	unlink(path);
	t = dv_similar_open(path);
	dv_similar_close(t);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && n / 2 < SLOTS - 24 && n - n / 2 < SIZE - SLOTS) {
		(void)!dv_pwrite_full(fd, p, n / 2, 24);
		for (size_t at = SLOTS; n && at + n <= SIZE &&
					at < SLOTS + 40 * n; at += n)
			(void)!dv_pwrite_full(fd, p + n / 2, n - n / 2, at);
	}
	if (fd >= 0)
		close(fd);
	use(p, n);
	unlink(path);
	return 0;
}
