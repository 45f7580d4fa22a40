/*
 * The long-running filter protocol, version 2 (gitattributes(5), "Long Running
 * Filter Process"), and the single-shot forms.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "codec/pktline.h"
#include "filter/session.h"

#define PIPE_SIZE (1 << 20)
#define SPOOL_MEMORY (8u << 20)

/* ---- what came in, when it is no pointer and must go out again ---- */

struct spool {
	struct dv_buf mem;
	int fd;			/* an unlinked file, once memory is full */
	uint64_t size;
};

static int spool_add(struct spool *sp, const char *dir, const void *p,
		     size_t n, struct dv_err *err)
{
	int rc = 0;

	sp->size += n;
	if (sp->fd < 0 && sp->mem.n + n <= SPOOL_MEMORY)
		return dv_buf_add(&sp->mem, p, n, err);
	if (sp->fd < 0) {
		sp->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (sp->fd < 0)
			sp->fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC,
				      0600);
		if (sp->fd < 0)
			return dv_err_errno(err, "cannot make a temporary file");
		if (dv_write_full(sp->fd, sp->mem.p, sp->mem.n))
			rc = dv_err_errno(err, "cannot write a temporary file");
		dv_buf_release(&sp->mem);
	}
	if (!rc && dv_write_full(sp->fd, p, n))
		rc = dv_err_errno(err, "cannot write a temporary file");
	return rc;
}

static int spool_send(struct spool *sp,
		      int (*sink)(void *arg, const void *p, size_t n,
				  struct dv_err *err),
		      void *arg, struct dv_err *err)
{
	uint8_t *buf;
	uint64_t off = 0;
	int rc = 0;

	if (sp->fd < 0)
		return sp->mem.n ? sink(arg, sp->mem.p, sp->mem.n, err) : 0;
	buf = malloc(DV_PKT_MAX);
	if (!buf)
		return dv_err_nomem(err);
	while (!rc && off < sp->size) {
		ssize_t n = dv_pread_full(sp->fd, buf, DV_PKT_MAX, off);

		if (n <= 0)
			rc = dv_err_errno(err, "cannot read a temporary file");
		else
			rc = sink(arg, buf, (size_t)n, err);
		off += (uint64_t)(n > 0 ? n : 0);
	}
	free(buf);
	return rc;
}

static void spool_release(struct spool *sp)
{
	dv_buf_release(&sp->mem);
	if (sp->fd >= 0)
		close(sp->fd);
}

/* ---- the protocol ---- */

struct conn {
	struct dv_pkt_in in;
	struct dv_pkt_out out;
	int content_ended;	/* the flush packet of the content was read */
	struct dv_session s;
	char line[DV_PKT_MAX + 1];
};

static int write_error(struct dv_err *err)
{
	return dv_err_errno(err, "cannot write to git");
}

static int handshake(struct conn *c, struct dv_err *err)
{
	int n, version2 = 0;

	n = dv_pkt_read_line(&c->in, c->line, err);
	if (n < 0 || strcmp(c->line, "git-filter-client"))
		return dv_err_set(err, DV_EINVAL,
				  "'git-dv-filter process' is run by git, not by hand");
	while ((n = dv_pkt_read_line(&c->in, c->line, err)) >= 0)
		version2 |= !strcmp(c->line, "version=2");
	if (n != DV_PKT_FLUSH || !version2)
		return dv_err_set(err, DV_EINVAL,
				  "this git speaks no version of the filter protocol that git-dv knows");
	if (dv_pkt_write_str(&c->out, "git-filter-server") ||
	    dv_pkt_write_str(&c->out, "version=2") ||
	    dv_pkt_write_flush(&c->out) || dv_pkt_send(&c->out))
		return write_error(err);
	while ((n = dv_pkt_read_line(&c->in, c->line, err)) >= 0)
		;
	if (n != DV_PKT_FLUSH)
		return dv_err_set(err, DV_EINVAL, "git ended the handshake");
	if (dv_pkt_write_str(&c->out, "capability=clean") ||
	    dv_pkt_write_str(&c->out, "capability=smudge") ||
	    dv_pkt_write_str(&c->out, "capability=delay") ||
	    dv_pkt_write_flush(&c->out) || dv_pkt_send(&c->out))
		return write_error(err);
	return 0;
}

static int read_content(void *arg, uint8_t *p, size_t cap, size_t *n,
			struct dv_err *err)
{
	struct conn *c = arg;
	int rc;

	*n = 0;
	if (c->content_ended)
		return 0;
	rc = dv_pkt_read_content(&c->in, p, cap, n, &c->content_ended, err);
	return rc ? rc : dv_cancel_check(err);
}

/* Git reads no answer before it has written everything. */
static int drain(struct conn *c, struct dv_err *err)
{
	uint8_t *buf;
	size_t n;
	int rc = 0;

	if (c->content_ended)
		return 0;
	buf = malloc(65536);
	if (!buf)
		return dv_err_nomem(err);
	while (!rc && !c->content_ended)
		rc = dv_pkt_read_content(&c->in, buf, 65536, &n,
					 &c->content_ended, err);
	free(buf);
	return rc;
}

static int sink_pkt(void *arg, const void *p, size_t n, struct dv_err *err)
{
	struct conn *c = arg;

	return dv_pkt_write_content(&c->out, p, n) ? write_error(err) : 0;
}

static int begin_answer(struct conn *c, const char *status,
			struct dv_err *err)
{
	char line[64];

	snprintf(line, sizeof(line), "status=%s", status);
	return dv_pkt_write_str(&c->out, line) || dv_pkt_write_flush(&c->out) ?
	       write_error(err) : 0;
}

/* The content's end, and an empty list: the status stays what it was. */
static int end_answer(struct conn *c, struct dv_err *err)
{
	return dv_pkt_write_flush(&c->out) || dv_pkt_write_flush(&c->out) ?
	       write_error(err) : 0;
}

static int answer_error(struct conn *c, const struct dv_err *why,
			struct dv_err *err)
{
	dv_log_error("%s", why->msg);
	c->s.failed++;
	return begin_answer(c, "error", err);
}

static int do_clean(struct conn *c, const char *path, struct dv_err *err)
{
	struct dv_source src = { read_content, c };
	char text[DV_POINTER_MAX];
	struct dv_err why = { 0 };
	struct dv_buf as_is = { 0 };
	enum dv_clean_kind kind;
	struct dv_oid oid;
	size_t n;
	int rc;

	rc = dv_clean(&c->s, path, &src, &kind, &oid, &as_is, &why);
	if (rc) {
		if (!strstr(why.msg, path))
			dv_err_prefix(&why, "'%s' is not stored", path);
		rc = drain(c, err);
		rc = rc ? rc : answer_error(c, &why, err);
		dv_buf_release(&as_is);
		return rc;
	}
	rc = begin_answer(c, "success", err);
	if (!rc && kind == DV_CLEAN_POINTER) {
		n = dv_pointer_format(&oid, text);
		rc = sink_pkt(c, text, n, err);
	} else if (!rc && kind == DV_CLEAN_AS_IS) {
		rc = sink_pkt(c, as_is.p, as_is.n, err);
	}
	dv_buf_release(&as_is);
	return rc ? rc : end_answer(c, err);
}

/* Read what Git has: a pointer in memory, or data into the spool. */
static int read_blob(struct conn *c, struct spool *sp, struct dv_err *err)
{
	uint8_t *buf = malloc(65536);
	const char *dir = c->s.repo.common_dir;
	int rc = 0;

	if (!buf)
		return dv_err_nomem(err);
	for (;;) {
		size_t n;

		rc = read_content(c, buf, 65536, &n, err);
		if (rc || !n)
			break;
		rc = spool_add(sp, dir, buf, n, err);
		if (rc)
			break;
	}
	free(buf);
	return rc;
}

static int sink_buf(void *arg, const void *p, size_t n, struct dv_err *err)
{
	return dv_buf_add(arg, p, n, err);
}

static int do_smudge(struct conn *c, const char *path, int can_delay,
		     struct dv_err *err)
{
	enum dv_smudge_kind kind = DV_SMUDGE_AS_IS;
	struct dv_buf whole = { 0 };
	struct spool sp = { .fd = -1 };
	struct dv_err why = { 0 };
	struct dv_oid oid;
	int rc, held = 0;

	rc = read_blob(c, &sp, &why);
	if (!rc && sp.fd < 0 && sp.size) {
		switch (dv_pointer_parse(sp.mem.p, sp.mem.n, &oid)) {
		case DV_PTR_OK:
			rc = dv_smudge(&c->s, path, can_delay, &oid, &kind,
				       &why);
			break;
		case DV_PTR_FOREIGN:
			dv_log_warn("'%s' is a pointer of another tool or of a newer git-dv; it stays as it is",
				    path);
			break;
		case DV_PTR_NONE:
			break;
		}
	}
	if (rc) {
		rc = drain(c, err);
		rc = rc ? rc : answer_error(c, &why, err);
		spool_release(&sp);
		return rc;
	}
	/* Of what may stay a pointer, no part goes out before all is verified. */
	if (kind == DV_SMUDGE_CONTENT && can_delay &&
	    oid.size <= DV_INLINE_MAX) {
		rc = dv_smudge_send(&c->s, &oid, sink_buf, &whole, &why);
		held = !rc;
		if (rc) {
			dv_log_warn("'%s' is left as a pointer: %s; 'git dv verify' looks for damage",
				    path, why.msg);
			kind = DV_SMUDGE_AS_IS;
		}
	}
	rc = begin_answer(c, "success", err);
	if (!rc && held) {
		rc = sink_pkt(c, whole.p, whole.n, err);
	} else if (!rc && kind == DV_SMUDGE_CONTENT) {
		rc = dv_smudge_send(&c->s, &oid, sink_pkt, c, &why);
		if (rc && why.status) {
			/* Part of it has gone out: take the answer back. */
			dv_log_error("'%s': %s", path, why.msg);
			c->s.failed++;
			spool_release(&sp);
			dv_buf_release(&whole);
			if (dv_pkt_write_flush(&c->out))
				return write_error(err);
			return begin_answer(c, "error", err);
		}
	} else if (!rc) {
		rc = spool_send(&sp, sink_pkt, c, err);
	}
	spool_release(&sp);
	dv_buf_release(&whole);
	return rc ? rc : end_answer(c, err);
}

/* 1: one more command done; 0: Git closed the pipe. */
static int one_command(struct conn *c, struct dv_err *err)
{
	char command[32] = "", *path = NULL;
	int n, can_delay = 0, rc;

	n = dv_pkt_read_line(&c->in, c->line, err);
	if (n == DV_PKT_EOF)
		return 0;
	for (; n >= 0; n = dv_pkt_read_line(&c->in, c->line, err)) {
		if (!strncmp(c->line, "command=", 8)) {
			snprintf(command, sizeof(command), "%s", c->line + 8);
		} else if (!strncmp(c->line, "pathname=", 9)) {
			free(path);
			path = strdup(c->line + 9);
		} else if (!strcmp(c->line, "can-delay=1")) {
			can_delay = 1;
		}
	}
	if (n == DV_PKT_ERR) {
		free(path);
		return err->status;
	}
	c->content_ended = 0;
	if (!strcmp(command, "clean") && path) {
		rc = do_clean(c, path, err);
	} else if (!strcmp(command, "smudge") && path) {
		rc = do_smudge(c, path, can_delay, err);
	} else if (!strcmp(command, "list_available_blobs")) {
		/* Nothing is ever delayed. */
		rc = dv_pkt_write_flush(&c->out) ? write_error(err) :
						  begin_answer(c, "success", err);
	} else {
		rc = dv_err_set(err, DV_EINVAL,
				"git sent an unknown filter command '%s'",
				command);
	}
	free(path);
	if (!rc && dv_pkt_send(&c->out))
		rc = write_error(err);
	return rc ? rc : 1;
}

int dv_filter_process(struct dv_err *err)
{
	struct conn *c = calloc(1, sizeof(*c));
	struct dv_err first = { 0 };
	int rc;

	if (!c)
		return dv_err_nomem(err);
	dv_pkt_in_init(&c->in, STDIN_FILENO);
	dv_pkt_out_init(&c->out, STDOUT_FILENO);
	/* A larger pipe: fewer switches between Git and us. */
	fcntl(STDIN_FILENO, F_SETPIPE_SZ, PIPE_SIZE);
	rc = handshake(c, err);
	if (!rc)
		rc = dv_session_open(&c->s, err);
	if (!rc) {
		dv_progress_start(&c->s.progress, "Storing content", 0);
		while ((rc = one_command(c, err)) == 1)
			;
		dv_progress_stop(&c->s.progress);
		first = *err;
		/* However Git ended, what was answered must be kept. */
		if (dv_session_finish(&c->s, err) && !rc)
			rc = err->status;
		else if (rc)
			*err = first;
	}
	dv_session_close(&c->s);
	dv_pkt_in_release(&c->in);
	free(c);
	return rc;
}

/* ---- single-shot ---- */

static int read_fd(void *arg, uint8_t *p, size_t cap, size_t *n,
		   struct dv_err *err)
{
	ssize_t r;

	(void)arg;
	do
		r = read(STDIN_FILENO, p, cap);
	while (r < 0 && errno == EINTR && !dv_cancelled());
	if (r < 0)
		return dv_err_errno(err, "cannot read standard input");
	*n = (size_t)r;
	return dv_cancel_check(err);
}

static int sink_fd(void *arg, const void *p, size_t n, struct dv_err *err)
{
	(void)arg;
	if (dv_write_full(STDOUT_FILENO, p, n))
		return dv_err_errno(err, "cannot write standard output");
	return 0;
}

int dv_filter_clean_once(const char *path, struct dv_err *err)
{
	struct dv_source src = { read_fd, NULL };
	struct dv_buf as_is = { 0 };
	char text[DV_POINTER_MAX];
	enum dv_clean_kind kind;
	struct dv_session s;
	struct dv_oid oid;
	int rc = dv_session_open(&s, err);

	if (rc)
		return rc;
	rc = dv_clean(&s, path, &src, &kind, &oid, &as_is, err);
	/* Durable before the answer: the caller may commit at once. */
	if (!rc)
		rc = dv_session_publish(&s, err);
	if (!rc && kind == DV_CLEAN_POINTER)
		rc = sink_fd(NULL, text, dv_pointer_format(&oid, text), err);
	else if (!rc && kind == DV_CLEAN_AS_IS)
		rc = sink_fd(NULL, as_is.p, as_is.n, err);
	dv_buf_release(&as_is);
	dv_session_close(&s);
	return rc;
}

int dv_filter_smudge_once(const char *path, struct dv_err *err)
{
	enum dv_smudge_kind kind = DV_SMUDGE_AS_IS;
	struct spool sp = { .fd = -1 };
	struct dv_session s;
	struct dv_oid oid;
	uint8_t *buf = malloc(65536);
	int rc = buf ? dv_session_open(&s, err) : dv_err_nomem(err);

	if (rc) {
		free(buf);
		return rc;
	}
	for (;;) {
		size_t n;

		rc = read_fd(NULL, buf, 65536, &n, err);
		if (rc || !n)
			break;
		rc = spool_add(&sp, s.repo.common_dir, buf, n, err);
		if (rc)
			break;
	}
	if (!rc && sp.fd < 0 && sp.size &&
	    dv_pointer_parse(sp.mem.p, sp.mem.n, &oid) == DV_PTR_OK)
		rc = dv_smudge(&s, path, 0, &oid, &kind, err);
	if (!rc && kind == DV_SMUDGE_CONTENT)
		rc = dv_smudge_send(&s, &oid, sink_fd, NULL, err);
	else if (!rc)
		rc = spool_send(&sp, sink_fd, NULL, err);
	spool_release(&sp);
	free(buf);
	dv_session_close(&s);
	return rc;
}
