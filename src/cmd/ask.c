#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/cmd.h"

/*
 * A process in the background would be stopped when it reads from its terminal;
 * that is no terminal to ask on.
 */
static int open_terminal(void)
{
	const char *prompt = getenv("GIT_TERMINAL_PROMPT");
	int fd;

	if (prompt && (!strcmp(prompt, "0") || !strcasecmp(prompt, "false")))
		return -1;
	fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0 && tcgetpgrp(fd) != getpgrp()) {
		close(fd);
		return -1;
	}
	return fd;
}

int dv_ask(const char *question)
{
	int fd = open_terminal(), yes = 0, first = 1;
	char c = 0;

	if (fd < 0)
		return -1;
	if (dv_write_full(fd, question, strlen(question)) ||
	    dv_write_full(fd, " [y/N] ", 7))
		goto out;
	for (;; first = 0) {
		ssize_t n = read(fd, &c, 1);

		if (n < 0 && errno == EINTR && !dv_cancelled())
			continue;
		/* Whatever ends a question before its line does is a no. */
		if (n <= 0) {
			yes = 0;
			break;
		}
		if (c == '\n')
			break;
		if (first)
			yes = c == 'y' || c == 'Y';
	}
	if (c != '\n' && dv_write_full(fd, "\n", 1))
		yes = 0;
out:
	close(fd);
	return yes;
}
