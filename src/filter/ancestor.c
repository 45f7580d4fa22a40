/*
 * Which git command runs this filter? `git commit -a` moves HEAD before the
 * filter sees the end of its input, so there every answer must be durable
 * when it is given. `git add` and its like only write the index, and Git waits
 * for the filter's end before it exits. But `git stash` runs such ones, asks
 * nothing about how they went, and removes the files next.
 */
#include <ctype.h>
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
 * The arguments of the nearest process named git above *pid, which then is
 * that one; NUL-separated. NULL where that cannot be told. Caller frees.
 */
static char *git_above(pid_t *pid, size_t *len)
{
	char *args = malloc(CMDLINE_MAX), comm[32];
	pid_t at = *pid;

	for (int i = 0; args && i < UP_MAX; i++) {
		int n;

		at = parent_of(at, comm);
		if (at <= 1 || parent_of(at, comm) < 0)
			break;
		if (strcmp(comm, "git"))
			continue;
		n = read_proc(at, "cmdline", args, CMDLINE_MAX);
		if (n <= 0)
			break;
		*len = (size_t)n;
		*pid = at;
		return args;
	}
	free(args);
	return NULL;
}

/* It only writes the index. */
static int is_quiet(const char *cmd)
{
	static const char *const quiet[] = { "add", "stage", "update-index",
					     "hash-object", "status", "diff",
					     "ls-files", "diff-files" };

	for (size_t k = 0; cmd && k < DV_ARRAY_SIZE(quiet); k++)
		if (!strcmp(cmd, quiet[k]))
			return 1;
	return 0;
}

/* Is one of the git commands above this process a stash? */
static int is_below_stash(pid_t pid)
{
	int is = 0;
	size_t n;
	char *args;

	while (!is && (args = git_above(&pid, &n))) {
		const char *cmd = subcommand(args, n);

		is = cmd && !strcmp(cmd, "stash");
		free(args);
	}
	return is;
}

int dv_parent_moves_no_ref(void)
{
	pid_t pid = getpid();
	size_t n;
	char *args = git_above(&pid, &n);
	int yes = args && is_quiet(subcommand(args, n));

	free(args);
	return yes && !is_below_stash(pid);
}

/* Of an alias, the command that it begins with. Caller frees. */
static char *behind_alias(struct dv_repo *r, const char *cmd)
{
	char *key = dv_fmt("alias.%s", cmd), *out = NULL;
	const char *value;

	for (char *p = key; p && *p; p++)
		*p = (char)tolower((unsigned char)*p);
	value = key ? dv_config_get_own(r, key) : NULL;
	if (value && *value != '!')
		out = strndup(value, strcspn(value, " \t\n"));
	free(key);
	return out;
}

int dv_parent_stages(struct dv_repo *r)
{
	static const char *const stages[] = { "add", "stage", "commit",
					      "update-index" };
	pid_t pid = getpid();
	size_t n;
	char *args = git_above(&pid, &n), *meant = NULL;
	const char *cmd = args ? subcommand(args, n) : NULL;
	int yes = 0;

	if (cmd)
		meant = behind_alias(r, cmd);
	if (meant)
		cmd = meant;
	for (size_t k = 0; cmd && k < DV_ARRAY_SIZE(stages); k++)
		yes |= !strcmp(cmd, stages[k]);
	free(meant);
	free(args);
	return yes && !is_below_stash(pid);
}

int dv_parent_is_dry_push(void)
{
	pid_t pid = getpid();
	size_t n;
	char *args = git_above(&pid, &n);
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
