/* git-dv: `git dv COMMAND`. See git-dv(1). */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/proc.h"
#include "cmd/cmd.h"
#include "config.h"

static const struct dv_cmd *find(const char *name)
{
	for (const struct dv_cmd *c = dv_cmds; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static int usage(FILE *f)
{
	const char *area = "";

	fputs("usage: git dv [-q | -v] [-C <path>] <command> [<args>]\n", f);
	for (const struct dv_cmd *c = dv_cmds; c->name; c++) {
		if (!c->area)
			continue;
		if (strcmp(area, c->area))
			fprintf(f, "\n%s\n", c->area);
		area = c->area;
		fprintf(f, "   %-12s%s\n", c->name, c->summary);
	}
	fputs("\n'git dv <command> -h' shows a command's options, 'git dv help <command>'\nits manual page.\n",
	      f);
	return f == stderr ? 129 : 0;
}

int dv_cmd_help(int argc, char **argv)
{
	char page[64];

	if (argc < 2)
		return usage(stdout);
	if (!find(argv[1])) {
		fprintf(stderr, "error: '%s' is not a git dv command\n",
			argv[1]);
		return 1;
	}
	snprintf(page, sizeof(page), "git-dv-%s", argv[1]);
	dv_proc_signals();
	execlp("man", "man", page, (char *)NULL);
	fprintf(stderr, "error: there is no man(1) here; try 'git dv %s -h'\n",
		argv[1]);
	return 1;
}

/* Who reads no further ends us without a word, as it ends git. */
static void end_of_pipe(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	if (poll(&out, 1, 0) == 1 && (out.revents & POLLERR)) {
		dv_proc_signals();
		raise(SIGPIPE);
	}
}

int main(int argc, char **argv)
{
	const struct dv_cmd *cmd;
	int i = 1;

	if (dv_proc_std())
		return 1;
	dv_cancel_install();
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "-q") || !strcmp(argv[i], "--quiet")) {
			dv_log_set_verbosity(-1);
		} else if (!strcmp(argv[i], "-v") ||
			   !strcmp(argv[i], "--verbose")) {
			dv_log_set_verbosity(1);
		} else if (!strcmp(argv[i], "-C") && i + 1 < argc) {
			if (chdir(argv[++i])) {
				fprintf(stderr,
					"error: cannot change to '%s'\n",
					argv[i]);
				return 1;
			}
		} else if (!strcmp(argv[i], "--version")) {
			printf("git-dv version %s\n", PACKAGE_VERSION);
			return 0;
		} else if (!strcmp(argv[i], "--list-cmds")) {
			for (cmd = dv_cmds; cmd->name; cmd++)
				if (cmd->area)
					puts(cmd->name);
			return 0;
		} else if (!strcmp(argv[i], "-h")) {
			return usage(stdout);
		} else if (!strcmp(argv[i], "--help")) {
			dv_proc_signals();
			execlp("man", "man", "git-dv", (char *)NULL);
			return usage(stdout);
		} else {
			fprintf(stderr, "error: unknown option '%s'\n",
				argv[i]);
			return usage(stderr);
		}
	}
	if (i == argc)
		return usage(stderr);
	cmd = find(argv[i]);
	if (!cmd) {
		fprintf(stderr,
			"error: '%s' is not a git dv command. See 'git dv -h'.\n",
			argv[i]);
		return 1;
	}
	i = cmd->run(argc - i, argv + i);
	/* What did not reach a full disk or a closed pipe was not said. */
	if (fflush(stdout) || ferror(stdout)) {
		end_of_pipe();
		dv_log_error("cannot write standard output");
		i = i ? i : 1;
	}
	return i;
}
