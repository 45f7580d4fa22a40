#include "watch/fsmonitor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"

/*
 * Request: MAGIC, device and inode of the top, length of the token, token.
 * Answer: its length, and what the hook prints. One of each a connection.
 */
#define MAGIC "dvfsmon1"
#define HEAD_SIZE 28
#define ANSWER_MAX ((uint64_t)8 << 20)
#define ASK_MS 3000
#define SERVE_MS 500
#define NOBODY "dv:nobody:0"	/* never a journal's token */

static void set_timeout(int fd, int ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

/* A socket's name has 108 bytes, so a deep folder is reached by descriptor. */
static int address(const char *dir, struct sockaddr_un *a, int *dir_fd)
{
	int n;

	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	*dir_fd = -1;
	n = snprintf(a->sun_path, sizeof(a->sun_path), "%s/socket", dir);
	if (n > 0 && (size_t)n < sizeof(a->sun_path))
		return 0;
	*dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*dir_fd < 0)
		return -1;
	snprintf(a->sun_path, sizeof(a->sun_path), "/proc/self/fd/%d/socket",
		 *dir_fd);
	return 0;
}

int dv_fsmonitor_listen(const char *dir, int *out, struct dv_err *err)
{
	struct sockaddr_un a;
	char *path = dv_fmt("%s/socket", dir);
	int dir_fd = -1, fd = -1, rc = 0;
	mode_t mask;

	*out = -1;
	if (!path)
		return dv_err_nomem(err);
	/* The lock says that no monitor lives: this one was left behind. */
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0077);
	if (fd < 0 || address(dir, &a, &dir_fd) ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 16))
		rc = dv_err_errno(err, "cannot listen at '%s'", path);
	umask(mask);
	if (dir_fd >= 0)
		close(dir_fd);
	if (rc && fd >= 0)
		close(fd);
	else if (!rc)
		*out = fd;
	free(path);
	return rc;
}

void dv_fsmonitor_unlisten(const char *dir, int fd)
{
	char *path = dv_fmt("%s/socket", dir);

	if (fd < 0)
		return;
	if (path)
		unlink(path);
	free(path);
	close(fd);
}

/* 1 with the token, or 0. */
static int request(int fd, const struct dv_monitor *m,
		   char token[DV_JOURNAL_TOKEN_MAX], int *same)
{
	uint8_t head[HEAD_SIZE];
	uint64_t dev, ino;
	uint32_t n;

	if (dv_read_full(fd, head, sizeof(head)) != HEAD_SIZE ||
	    memcmp(head, MAGIC, 8))
		return 0;
	n = dv_get32(head + 24);
	if (n >= DV_JOURNAL_TOKEN_MAX ||
	    dv_read_full(fd, token, n) != (ssize_t)n)
		return 0;
	token[n] = '\0';
	dv_monitor_identity(m, &dev, &ino);
	*same = dv_get64(head + 8) == dev && dv_get64(head + 16) == ino;
	return 1;
}

static int serve_one(int fd, struct dv_monitor *m, struct dv_err *err)
{
	char token[DV_JOURNAL_TOKEN_MAX];
	struct dv_buf out = { 0 };
	int same = 0, rc;

	set_timeout(fd, SERVE_MS);
	if (!request(fd, m, token, &same))
		return 0;
	rc = dv_buf_add(&out, "\0\0\0\0\0\0\0", 8, err);
	if (!rc && same)
		rc = dv_monitor_since(m, token, &out, err);
	else if (!rc)
		rc = dv_buf_add(&out, NOBODY "\0/", sizeof(NOBODY "\0/"), err);
	if (!rc) {
		dv_put64(out.p, out.n - 8);
		if (dv_write_full(fd, out.p, out.n))
			dv_log_debug("a hook did not wait for its answer");
	}
	dv_buf_release(&out);
	return rc;
}

int dv_fsmonitor_serve(int fd, struct dv_monitor *m, struct dv_err *err)
{
	int rc = 0;

	for (int i = 0; !rc && i < 16; i++) {
		int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (client < 0)
			break;
		rc = serve_one(client, m, err);
		close(client);
	}
	return rc;
}

/* 1 with the answer appended. */
static int ask(const char *dir, const char *token, struct dv_buf *out)
{
	uint8_t head[HEAD_SIZE + DV_JOURNAL_TOKEN_MAX], size[8];
	struct sockaddr_un a;
	struct stat st;
	size_t n = strlen(token), at = out->n;
	uint64_t len;
	int fd, dir_fd = -1, ok = 0;

	if (n >= DV_JOURNAL_TOKEN_MAX)
		n = 0;		/* nobody's */
	if (stat(".", &st))
		return 0;
	memcpy(head, MAGIC, 8);
	dv_put64(head + 8, (uint64_t)st.st_dev);
	dv_put64(head + 16, (uint64_t)st.st_ino);
	dv_put32(head + 24, (uint32_t)n);
	memcpy(head + HEAD_SIZE, token, n);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	set_timeout(fd, ASK_MS);
	if (address(dir, &a, &dir_fd) ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    dv_write_full(fd, head, HEAD_SIZE + n) ||
	    dv_read_full(fd, size, 8) != 8)
		goto out;
	len = dv_get64(size);
	if (len < 2 || len > ANSWER_MAX || dv_buf_reserve(out, len, NULL) ||
	    dv_read_full(fd, out->p + at, len) != (ssize_t)len ||
	    out->p[at + len - 1])
		goto out;
	out->n += len;
	ok = 1;
out:
	if (dir_fd >= 0)
		close(dir_fd);
	close(fd);
	return ok;
}

int dv_fsmonitor_ask(const char *dir, const char *token, struct dv_buf *out,
		     struct dv_err *err)
{
	if (ask(dir, token, out))
		return 0;
	return dv_buf_add(out, NOBODY "\0/", sizeof(NOBODY "\0/"), err);
}
