#include "codec/pktline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"

#define AHEAD 65536u
#define PAIRS 16	/* packets a readv: 1 MiB */

void dv_pkt_in_init(struct dv_pkt_in *in, int fd)
{
	memset(in, 0, sizeof(*in));
	in->fd = fd;
}

void dv_pkt_in_release(struct dv_pkt_in *in)
{
	free(in->back);
	in->back = NULL;
}

static int read_error(struct dv_err *err)
{
	return dv_err_errno(err, "cannot read from git");
}

static int room(struct dv_pkt_in *in, size_t want, struct dv_err *err)
{
	if (in->at == in->n)
		in->at = in->n = 0;
	if (in->at) {
		memmove(in->back, in->back + in->at, in->n - in->at);
		in->n -= in->at;
		in->at = 0;
	}
	if (in->n + want > in->cap) {
		uint8_t *p = realloc(in->back, in->n + want);

		if (!p)
			return dv_err_nomem(err);
		in->back = p;
		in->cap = in->n + want;
	}
	return 0;
}

/* Read ahead until `want` raw bytes are at hand. 1: end of stream before. */
static int fill(struct dv_pkt_in *in, size_t want, struct dv_err *err)
{
	while (in->n - in->at < want) {
		ssize_t r;
		int rc = room(in, AHEAD, err);

		if (rc)
			return rc;
		r = read(in->fd, in->back + in->n, AHEAD);
		if (r < 0 && errno == EINTR) {
			rc = dv_cancel_check(err);
			if (rc)
				return rc;
			continue;
		}
		if (r < 0)
			return read_error(err);
		if (!r)
			return 1;
		in->n += (size_t)r;
	}
	return 0;
}

/* The length field: payload bytes, -1 flush, -2 not a length. */
static int parse_len(const uint8_t *h)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		int c = h[i], d;

		if (c >= '0' && c <= '9')
			d = c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			d = (c | 0x20) - 'a' + 10;
		else
			return -2;
		v = v << 4 | d;
	}
	if (!v)
		return -1;
	if (v < 4 || v - 4 > (int)DV_PKT_MAX)
		return -2;
	return v - 4;
}

static int bad_len(const uint8_t *h, struct dv_err *err)
{
	return dv_err_set(err, DV_EINVAL,
			  "a packet from git has a bad length %02x%02x%02x%02x",
			  h[0], h[1], h[2], h[3]);
}

int dv_pkt_read_line(struct dv_pkt_in *in, char *buf, struct dv_err *err)
{
	int rc = fill(in, 4, err), len;

	if (rc == 1 && in->n == in->at)
		return DV_PKT_EOF;
	if (rc == 1)
		dv_err_set(err, DV_EINVAL, "a packet from git is cut off");
	if (rc)
		return DV_PKT_ERR;
	len = parse_len(in->back + in->at);
	if (len == -2) {
		bad_len(in->back + in->at, err);
		return DV_PKT_ERR;
	}
	in->at += 4;
	if (len < 0)
		return DV_PKT_FLUSH;
	rc = fill(in, (size_t)len, err);
	if (rc) {
		if (rc == 1)
			dv_err_set(err, DV_EINVAL,
				   "a packet from git is cut off");
		return DV_PKT_ERR;
	}
	memcpy(buf, in->back + in->at, (size_t)len);
	in->at += (size_t)len;
	if (len && buf[len - 1] == '\n')
		len--;
	buf[len] = '\0';
	return len;
}

/* Keep raw stream bytes that were read into the wrong places. */
static int push_back(struct dv_pkt_in *in, const struct iovec *v, int nv,
		     size_t skip, size_t total, struct dv_err *err)
{
	size_t at = 0;
	int rc = room(in, total - skip, err);

	for (int i = 0; !rc && i < nv && at < total; i++) {
		size_t len = DV_MIN(v[i].iov_len, total - at);
		size_t from = skip > at ? DV_MIN(skip - at, len) : 0;

		memcpy(in->back + in->n, (uint8_t *)v[i].iov_base + from,
		       len - from);
		in->n += len - from;
		at += len;
	}
	return rc;
}

/*
 * The fast path: nothing is read ahead and the current packet has `left`
 * bytes to come. Headers land in hdr[], payloads where they belong as long as
 * each further packet is full.
 */
static int read_direct(struct dv_pkt_in *in, uint8_t *dst, size_t cap,
		       size_t *n, struct dv_err *err)
{
	uint8_t hdr[PAIRS][4];
	struct iovec v[2 * PAIRS];
	size_t want = DV_MIN((size_t)in->left, cap), used = want, pos;
	int nv = 1, h = 0;
	ssize_t r;

	v[0].iov_base = dst;
	v[0].iov_len = want;
	if (want == in->left) {
		while (h < PAIRS - 1 && cap - used >= DV_PKT_MAX) {
			v[nv].iov_base = hdr[h++];
			v[nv++].iov_len = 4;
			v[nv].iov_base = dst + used;
			v[nv++].iov_len = DV_PKT_MAX;
			used += DV_PKT_MAX;
		}
	}
	do {
		r = readv(in->fd, v, nv);
		if (r < 0 && errno == EINTR && dv_cancelled())
			return dv_cancel_check(err);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return read_error(err);
	if (!r)
		return dv_err_set(err, DV_EINVAL,
				  "the content from git is cut off");
	if ((size_t)r <= want) {
		in->left -= (uint32_t)r;
		*n = (size_t)r;
		return 0;
	}
	in->left = 0;
	*n = want;
	pos = want;
	for (int i = 1; i < nv && pos < (size_t)r; i += 2) {
		size_t have = (size_t)r - pos, body;

		if (have < 4 || parse_len(v[i].iov_base) != (int)DV_PKT_MAX)
			return push_back(in, v, nv, pos, (size_t)r, err);
		body = DV_MIN(have - 4, (size_t)DV_PKT_MAX);
		*n += body;
		in->left = (uint32_t)(DV_PKT_MAX - body);
		pos += 4 + body;
	}
	return 0;
}

int dv_pkt_read_content(struct dv_pkt_in *in, uint8_t *dst, size_t cap,
			size_t *n, int *end, struct dv_err *err)
{
	*n = 0;
	*end = 0;
	while (*n < cap) {
		size_t have = in->n - in->at, take;
		int rc, len;

		if (in->left && !have) {
			size_t got = 0;

			rc = read_direct(in, dst + *n, cap - *n, &got, err);
			*n += got;
			if (rc || *n == cap)
				return rc;
			continue;
		}
		if (in->left) {
			take = DV_MIN(DV_MIN(have, (size_t)in->left),
				      cap - *n);
			memcpy(dst + *n, in->back + in->at, take);
			in->at += take;
			in->left -= (uint32_t)take;
			*n += take;
			continue;
		}
		rc = fill(in, 4, err);
		if (rc == 1)
			return dv_err_set(err, DV_EINVAL,
					  "the content from git is cut off");
		if (rc)
			return rc;
		len = parse_len(in->back + in->at);
		if (len == -2)
			return bad_len(in->back + in->at, err);
		in->at += 4;
		if (len < 0) {
			*end = 1;
			return 0;
		}
		in->left = (uint32_t)len;
	}
	return 0;
}

void dv_pkt_out_init(struct dv_pkt_out *out, int fd)
{
	out->fd = fd;
	out->n = 0;
}

int dv_pkt_send(struct dv_pkt_out *out)
{
	size_t n = out->n;

	out->n = 0;
	return n ? dv_write_full(out->fd, out->buf, n) : 0;
}

/* The collected packets, and one of n bytes behind them. */
static int send_with(struct dv_pkt_out *out, const char h[4], const void *p,
		     size_t n)
{
	struct iovec v[3] = { { out->buf, out->n }, { (void *)h, 4 },
			      { (void *)p, n } };
	size_t sent;
	ssize_t w;

	do
		w = writev(out->fd, v, 3);
	while (w < 0 && errno == EINTR);
	if (w < 0)
		return -1;
	sent = (size_t)w;
	out->n = 0;
	for (int i = 0; i < 3; i++) {
		size_t k = DV_MIN(sent, v[i].iov_len);

		sent -= k;
		if (k < v[i].iov_len &&
		    dv_write_full(out->fd, (char *)v[i].iov_base + k,
				  v[i].iov_len - k))
			return -1;
	}
	return 0;
}

int dv_pkt_write(struct dv_pkt_out *out, const void *p, size_t n)
{
	char h[5];

	snprintf(h, sizeof(h), "%04x", (unsigned int)(n + 4));
	if (n + 4 > sizeof(out->buf) - out->n)
		return send_with(out, h, p, n);
	memcpy(out->buf + out->n, h, 4);
	if (n)
		memcpy(out->buf + out->n + 4, p, n);
	out->n += n + 4;
	return 0;
}

int dv_pkt_write_str(struct dv_pkt_out *out, const char *s)
{
	char line[1024];
	int n = snprintf(line, sizeof(line), "%s\n", s);

	if (n < 0 || (size_t)n >= sizeof(line)) {
		errno = EMSGSIZE;
		return -1;
	}
	return dv_pkt_write(out, line, (size_t)n);
}

int dv_pkt_write_flush(struct dv_pkt_out *out)
{
	if (sizeof(out->buf) - out->n < 4 && dv_pkt_send(out))
		return -1;
	memcpy(out->buf + out->n, "0000", 4);
	out->n += 4;
	return 0;
}

int dv_pkt_write_content(struct dv_pkt_out *out, const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n) {
		size_t m = DV_MIN(n, (size_t)DV_PKT_MAX);

		if (dv_pkt_write(out, b, m))
			return -1;
		b += m;
		n -= m;
	}
	return 0;
}
