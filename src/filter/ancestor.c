/*
 * Which git command runs this filter? `git commit -a` moves HEAD before the
 * filter sees the end of its input, so there every answer must be durable
 * when it is given. `git add` and its like only write the index, and Git waits
 * for the filter's end before it exits.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "filter/session.h"

#define UP_MAX 8
#define CMDLINE_MAX 65536

static int read_proc(pid_t pid, const char *file, char *buf, size_t cap)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = dv_read_full(fd, buf, cap - 1);
	close(fd);
	if (n < 0)
		return -1;
	buf[n] = '\0';
	return (int)n;
}

/* "pid (comm) state ppid ...": comm may hold anything but ends at the last ')'. */
static pid_t parent_of(pid_t pid, char comm[32])
{
	char stat[1024], *open, *close;
	long ppid;

	if (read_proc(pid, "stat", stat, sizeof(stat)) < 0)
		return -1;
	open = strchr(stat, '(');
	close = strrchr(stat, ')');
	if (!open || !close || close < open ||
	    sscanf(close + 1, " %*c %ld", &ppid) != 1)
		return -1;
	*close = '\0';
	snprintf(comm, 32, "%s", open + 1);
	return (pid_t)ppid;
}

/* The subcommand: the first argument that is neither option nor its value. */
static const char *subcommand(char *args, size_t n)
{
	static const char *const with_value[] = { "-c", "-C", "--git-dir",
		"--work-tree", "--namespace", "--exec-path", "--config-env",
		"--super-prefix", "--attr-source" };
	char *end = args + n, *p = args + strlen(args) + 1;

	for (; p < end; p += strlen(p) + 1) {
		int skip = 0;

		if (*p != '-')
			return p;
		for (size_t i = 0; i < DV_ARRAY_SIZE(with_value); i++)
			skip |= !strcmp(p, with_value[i]);
		if (skip)
			p += strlen(p) + 1;
	}
	return NULL;
}

/*
 * The arguments of the nearest ancestor named git, NUL-separated; NULL where
 * that cannot be told. Caller frees.
 */
static char *parent_args(size_t *len)
{
	char *args = malloc(CMDLINE_MAX), comm[32];
	pid_t pid = getpid();

	for (int i = 0; args && i < UP_MAX; i++) {
		int n;

		pid = parent_of(pid, comm);
		if (pid <= 1 || parent_of(pid, comm) < 0)
			break;
		if (strcmp(comm, "git"))
			continue;
		n = read_proc(pid, "cmdline", args, CMDLINE_MAX);
		if (n <= 0)
			break;
		*len = (size_t)n;
		return args;
	}
	free(args);
	return NULL;
}

int dv_parent_moves_no_ref(void)
{
	static const char *const quiet[] = { "add", "stage", "update-index",
					     "hash-object", "status", "diff",
					     "ls-files", "diff-files" };
	size_t n;
	char *args = parent_args(&n);
	const char *cmd = args ? subcommand(args, n) : NULL;
	int yes = 0;

	for (size_t k = 0; cmd && k < DV_ARRAY_SIZE(quiet); k++)
		yes |= !strcmp(cmd, quiet[k]);
	free(args);
	return yes;
}

int dv_parent_is_dry_push(void)
{
	size_t n;
	char *args = parent_args(&n);
	const char *cmd = args ? subcommand(args, n) : NULL;
	int dry = 0;

	if (cmd && !strcmp(cmd, "push"))
		for (const char *p = cmd + strlen(cmd) + 1; p < args + n;
		     p += strlen(p) + 1) {
			if (!strcmp(p, "--"))
				break;
			if (!strcmp(p, "--dry-run"))
				dry = 1;
			else if (!strcmp(p, "--no-dry-run"))
				dry = 0;
			else if (p[0] == '-' && p[1] != '-' && strchr(p, 'n') &&
				 p[1] != 'o')
				dry = 1;	/* -n, also in -qn */
		}
	free(args);
	return dry;
}
