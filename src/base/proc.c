#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"

extern char **environ;

/* A write to nobody, or past the limit on a file's size, fails with errno. */
static const int ignored[] = { SIGPIPE, SIGXFSZ };

int dv_proc_std(void)
{
	int fd = open("/dev/null", O_RDWR);

	while (fd >= 0 && fd < 2)
		fd = dup(fd);
	if (fd > 2)
		close(fd);
	return fd < 0 ? -1 : 0;
}

void dv_proc_signals(void)
{
	for (size_t i = 0; i < DV_ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_DFL);
}

static int same_name(const char *entry, const char *change)
{
	size_t n = strcspn(change, "=");

	return !strncmp(entry, change, n) && entry[n] == '=';
}

static char **merge_env(const char *const *env)
{
	size_t n = 0, m = 0, k = 0;
	char **e;

	while (environ[n])
		n++;
	while (env[m])
		m++;
	e = calloc(n + m + 1, sizeof(*e));
	if (!e)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t j = 0;

		while (j < m && !same_name(environ[i], env[j]))
			j++;
		if (j == m)
			e[k++] = environ[i];
	}
	for (size_t j = 0; j < m; j++)
		if (strchr(env[j], '='))
			e[k++] = (char *)env[j];
	return e;
}

int dv_proc_start(struct dv_proc *p, const char *const *argv,
		  const char *const *env, unsigned int flags,
		  struct dv_err *err)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, rc = 0, e;
	char **merged = NULL;
	sigset_t none, dfl;

	p->pid = -1;
	p->in = p->out = -1;
	if (((flags & DV_PROC_IN) && pipe2(in, O_CLOEXEC)) ||
	    ((flags & DV_PROC_OUT) && pipe2(out, O_CLOEXEC))) {
		rc = dv_err_errno(err, "cannot make a pipe");
		goto fail;
	}
	if (env && !(merged = merge_env(env))) {
		rc = dv_err_nomem(err);
		goto fail;
	}
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&attr);
	sigemptyset(&none);
	sigemptyset(&dfl);
	for (size_t i = 0; i < DV_ARRAY_SIZE(ignored); i++)
		sigaddset(&dfl, ignored[i]);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &dfl);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
					POSIX_SPAWN_SETSIGDEF);
	if (flags & DV_PROC_IN)
		posix_spawn_file_actions_adddup2(&fa, in[0], 0);
	else if (!(flags & DV_PROC_INHERIT))
		posix_spawn_file_actions_addopen(&fa, 0, "/dev/null",
						 O_RDONLY, 0);
	if (flags & DV_PROC_OUT)
		posix_spawn_file_actions_adddup2(&fa, out[1], 1);
	else if (!(flags & DV_PROC_INHERIT))
		posix_spawn_file_actions_adddup2(&fa, 2, 1);
	if (flags & DV_PROC_QUIET)
		posix_spawn_file_actions_addopen(&fa, 2, "/dev/null",
						 O_WRONLY, 0);
	e = posix_spawnp(&p->pid, argv[0], &fa, &attr, (char *const *)argv,
			 merged ? merged : environ);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&attr);
	free(merged);
	if (e) {
		errno = e;
		p->pid = -1;
		rc = dv_err_errno(err, "cannot run '%s'", argv[0]);
		goto fail;
	}
	if (flags & DV_PROC_IN) {
		close(in[0]);
		p->in = in[1];
	}
	if (flags & DV_PROC_OUT) {
		close(out[1]);
		p->out = out[0];
	}
	return 0;
fail:
	for (int i = 0; i < 2; i++) {
		if (in[i] >= 0)
			close(in[i]);
		if (out[i] >= 0)
			close(out[i]);
	}
	return rc;
}

void dv_proc_close_in(struct dv_proc *p)
{
	if (p->in >= 0)
		close(p->in);
	p->in = -1;
}

int dv_proc_wait(struct dv_proc *p)
{
	int st;

	dv_proc_close_in(p);
	if (p->out >= 0)
		close(p->out);
	p->out = -1;
	if (p->pid < 0)
		return -1;
	while (waitpid(p->pid, &st, 0) < 0)
		if (errno != EINTR)
			return -1;
	p->pid = -1;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}

int dv_proc_capture(const char *const *argv, const char *const *env,
		    unsigned int flags, size_t max, struct dv_buf *out,
		    int *code, struct dv_err *err)
{
	return dv_proc_filter(argv, env, flags, NULL, 0, max, out, code, err);
}

static int pump(struct dv_proc *p, const uint8_t *in, size_t left,
		struct dv_buf *out, struct dv_err *err)
{
	while (p->out >= 0) {
		struct pollfd pf[2] = {
			{ .fd = p->out, .events = POLLIN },
			{ .fd = p->in, .events = POLLOUT },
		};
		ssize_t r;
		int rc;

		if (p->in >= 0 && !left) {
			dv_proc_close_in(p);
			pf[1].fd = -1;
		}
		if (poll(pf, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return dv_err_errno(err, "cannot poll");
		}
		if (pf[1].revents) {
			r = write(p->in, in, DV_MIN(left, (size_t)65536));
			if (r < 0 && errno != EINTR && errno != EAGAIN)
				left = 0;	/* it stopped reading */
			else if (r > 0) {
				in += r;
				left -= (size_t)r;
			}
		}
		if (!pf[0].revents)
			continue;
		rc = dv_buf_reserve(out, 65536, err);
		if (rc)
			return rc;
		r = read(p->out, out->p + out->n, 65536);
		if (r < 0 && errno != EINTR)
			return dv_err_errno(err, "cannot read from a pipe");
		if (!r)
			return 0;
		if (r > 0)
			out->n += (size_t)r;
	}
	return 0;
}

int dv_proc_filter(const char *const *argv, const char *const *env,
		   unsigned int flags, const void *input, size_t input_len,
		   size_t max, struct dv_buf *out, int *code,
		   struct dv_err *err)
{
	struct dv_proc p;
	int rc;

	out->max = max ? max + 65536 : 0;
	flags |= DV_PROC_OUT | (input_len ? DV_PROC_IN : 0);
	rc = dv_proc_start(&p, argv, env, flags, err);
	if (rc)
		return rc;
	/* A blocking write of 64 KiB after POLLOUT could stall: avoid it. */
	if (p.in >= 0)
		fcntl(p.in, F_SETFL, fcntl(p.in, F_GETFL) | O_NONBLOCK);
	rc = pump(&p, input, input_len, out, err);
	if (!rc)
		dv_buf_str(out);
	*code = dv_proc_wait(&p);
	return rc;
}
