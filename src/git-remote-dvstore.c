/*
 * git-remote-dvstore: run by Git for URLs dvstore::<URL>. See
 * git-remote-dvstore(1).
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "helper/helper.h"

int main(int argc, char **argv)
{
	const char *url = argc == 3 ? argv[2] : argc == 2 ? argv[1] : NULL;

	if (!url || !strcmp(url, "-h")) {
		fputs("usage: git-remote-dvstore [<remote>] <URL>\n\n"
		      "Git runs this program for dvstore::<URL>, as in\n"
		      "  git clone dvstore::/mnt/nas/project\n",
		      stderr);
		return url ? 0 : 129;
	}
	dv_cancel_install();
	/* A terminal that is closed: temporary folders go all the same. */
	dv_cancel_on(SIGHUP);
	if (!strncmp(url, "dvstore::", 9))
		url += 9;
	/* Git names an anonymous remote by its URL. */
	return dv_helper_main(argc == 3 && !strchr(argv[1], ':') ? argv[1] :
								   NULL, url);
}
