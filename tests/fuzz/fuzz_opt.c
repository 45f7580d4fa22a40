#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/opt.h"

/* Arguments with a NUL between them. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	int flag = 0, count = 0, set = 0, number = 0, argc = 1, dash, rc;
	const char *str = NULL, *optstr = NULL;
	struct dv_strs list = { 0 };
	uint64_t size = 0;
	const struct dv_opt opts[] = {
		{ DV_OPT_FLAG, 'f', "flag", &flag, NULL, "a flag", 0 },
		{ DV_OPT_FLAG, 0, "flame", &flag, NULL, NULL, 0 },
		{ DV_OPT_COUNT, 'v', "verbose", &count, NULL, "more", 0 },
		{ DV_OPT_SET, 'q', NULL, &set, NULL, "less", 2 },
		{ DV_OPT_STR, 's', "string", &str, "text", "a text", 0 },
		{ DV_OPT_LIST, 'l', "list", &list, "item", "items", 0 },
		{ DV_OPT_INT, 'n', "number", &number, "n", "a number", 0 },
		{ DV_OPT_SIZE, 'b', "bytes", &size, "size", "a size", 0 },
		{ DV_OPT_OPTSTR, 0, "opt", &optstr, "how", "perhaps", 0 },
		{ DV_OPT_END, 0, NULL, NULL, NULL, NULL, 0 },
	};
	const struct dv_opt_cmd cmd = { "fuzz", "fuzz", "[<options>]" };
	char *s = malloc(n + 1), *argv[66], *a;
	int keep[2], null;

	if (!s)
		return 0;
	memcpy(s, p, n);
	s[n] = '\0';
	argv[0] = s + n;
	for (a = s; a < s + n && argc < 65; a += strlen(a) + 1) {
		/* --help runs man(1). */
		if (strcmp(a, "--help"))
			argv[argc++] = a;
	}
	argv[argc] = NULL;
	if (n && !dv_size_parse(s, &size))
		MUST(s[0] >= '0' && s[0] <= '9');
	/* Usage errors by the million say nothing. */
	null = open("/dev/null", O_WRONLY);
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		keep[i] = dup(i + 1);
		dup2(null, i + 1);
	}
	rc = dv_opt_parse(&cmd, opts, argc, argv, &dash);
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		dup2(keep[i], i + 1);
		close(keep[i]);
	}
	close(null);
	MUST(rc >= -2 && rc < argc);
	MUST(rc < 0 || (dash >= -1 && dash <= rc));
	for (int i = 0; i < rc; i++)
		MUST(argv[i] >= s && argv[i] <= s + n);
	MUST(number >= 0);
	dv_strs_release(&list);
	free(s);
	return 0;
}
