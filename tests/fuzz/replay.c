/*
 * Runs each file, or every file of each folder, that the command line names
 * through the fuzz target that this is linked with.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

static unsigned long count;

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *p = NULL;
	long n = -1;
	int rc = -1;

	if (f && !fseek(f, 0, SEEK_END))
		n = ftell(f);
	if (n >= 0) {
		rewind(f);
		/* Exactly n bytes, so that a sanitizer sees any further look. */
		p = malloc(n ? (size_t)n : 1);
		if (p && fread(p, 1, (size_t)n, f) == (size_t)n) {
			LLVMFuzzerTestOneInput(p, (size_t)n);
			count++;
			rc = 0;
		}
	}
	if (rc)
		fprintf(stderr, "cannot read '%s': %s\n", path,
			strerror(errno));
	free(p);
	if (f)
		fclose(f);
	return rc;
}

static int run(const char *path)
{
	struct dirent *e;
	struct stat st;
	DIR *d;
	int rc = 0;

	if (stat(path, &st) || !S_ISDIR(st.st_mode))
		return run_file(path);
	d = opendir(path);
	if (!d)
		return run_file(path);
	while ((e = readdir(d))) {
		size_t n = strlen(path) + strlen(e->d_name) + 2;
		char *sub;

		if (e->d_name[0] == '.')
			continue;
		sub = malloc(n);
		if (!sub) {
			rc = -1;
			break;
		}
		snprintf(sub, n, "%s/%s", path, e->d_name);
		if (run(sub))
			rc = -1;
		free(sub);
	}
	closedir(d);
	return rc;
}

int main(int argc, char **argv)
{
	int rc = 0;

	for (int i = 1; i < argc; i++)
		if (run(argv[i]))
			rc = 1;
	/* A corpus that was not found must not look like success. */
	if (!count) {
		fprintf(stderr, "usage: %s <file or folder>...\n", argv[0]);
		return 1;
	}
	printf("%lu inputs\n", count);
	return rc;
}
