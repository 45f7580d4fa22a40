/*
 * git-remote-dvstore: run by Git for URLs dvstore::<URL>. See
 * git-remote-dvstore(1).
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/proc.h"
#include "config.h"
#include "helper/helper.h"

static int usage(FILE *f)
{
	fputs("usage: git-remote-dvstore [<remote>] <URL>\n\n"
	      "Git runs this program for dvstore::<URL>, as in\n"
	      "  git clone dvstore::/mnt/nas/project\n",
	      f);
	return f == stderr ? 129 : 0;
}

/* Git always names the remote as well. */
static int option(const char *arg)
{
	if (!strcmp(arg, "-h"))
		return usage(stdout);
	if (!strcmp(arg, "--version")) {
		printf("git-remote-dvstore version %s\n", PACKAGE_VERSION);
		return 0;
	}
	if (!strcmp(arg, "--help")) {
		execlp("man", "man", "git-remote-dvstore", (char *)NULL);
		return usage(stdout);
	}
	fprintf(stderr, "error: unknown option '%s'\n", arg);
	return usage(stderr);
}

int main(int argc, char **argv)
{
	const char *url = argc == 3 ? argv[2] : argc == 2 ? argv[1] : NULL;

	if (dv_proc_std())
		return 1;
	if (!url)
		return usage(stderr);
	if (argc == 2 && *url == '-')
		return option(url);
	dv_cancel_install();
	/* A terminal that is closed: temporary folders go all the same. */
	dv_cancel_on(SIGHUP);
	if (!strncmp(url, "dvstore::", 9))
		url += 9;
	/* Git names an anonymous remote by its URL. */
	return dv_helper_main(argc == 3 && !strchr(argv[1], ':') ? argv[1] :
								   NULL, url);
}
