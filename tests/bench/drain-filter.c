/*
 * The fastest filter there can be: it reads what git sends to clean, throws it
 * away and answers with one fixed text the size of a pointer. What git-dv takes
 * longer than this is what git-dv itself costs; the rest is git and its pipe.
 *
 * Speaks version 2 of git's long-running filter protocol (gitattributes(5)).
 * smudge gives back what it was given, which must fit in one buffer.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PKT_MAX 65520	/* git's LARGE_PACKET_MAX, length digits included */
#define PIPE_WANTED (1 << 20)

static const char answer[] =
	"version drain/1\n"
	"oid dv1:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
	"size 1073741824\n";

static char in[4 * PKT_MAX];	/* unread input is in[head..tail) */
static size_t head, tail;
static char out[2 * PKT_MAX];
static size_t out_len;

static void die(const char *what)
{
	fprintf(stderr, "drain-filter: %s\n", what);
	exit(1);
}

/* Make at least `want` bytes readable at in + head. 0 at the end of the input. */
static int fill(size_t want)
{
	while (tail - head < want) {
		ssize_t n;

		if (head + want > sizeof(in)) {
			memmove(in, in + head, tail - head);
			tail -= head;
			head = 0;
		}
		n = read(0, in + tail, sizeof(in) - tail);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die("cannot read");
		if (n == 0)
			return 0;
		tail += (size_t)n;
	}
	return 1;
}

/* The next packet's payload, valid until the next call; NULL for a flush. */
static const char *packet(size_t *len)
{
	char digits[5] = "";
	char *end;
	size_t n;

	if (head == tail)
		head = tail = 0;
	if (!fill(4)) {
		if (head == tail)
			exit(0);
		die("input ends inside a packet");
	}
	memcpy(digits, in + head, 4);
	n = strtoul(digits, &end, 16);
	if (*end || (n && n < 4) || n > PKT_MAX)
		die("bad packet length");
	head += 4;
	if (!n)
		return NULL;
	if (!fill(n - 4))
		die("input ends inside a packet");
	*len = n - 4;
	head += n - 4;
	return in + head - *len;
}

static void put(const char *data, size_t len)
{
	if (out_len + len + 4 > sizeof(out))
		die("answer too large");
	out_len += (size_t)sprintf(out + out_len, "%04x", (unsigned)(len + 4));
	memcpy(out + out_len, data, len);
	out_len += len;
}

static void put_line(const char *line)
{
	put(line, strlen(line));
}

static void put_flush(void)
{
	memcpy(out + out_len, "0000", 4);
	out_len += 4;
}

static void send_out(void)
{
	size_t done = 0;

	while (done < out_len) {
		ssize_t n = write(1, out + done, out_len - done);

		if (n < 0 && errno != EINTR)
			die("cannot write");
		if (n > 0)
			done += (size_t)n;
	}
	out_len = 0;
}

static void skip_list(void)
{
	size_t len;

	while (packet(&len))
		;
}

static void handshake(void)
{
	skip_list();
	put_line("git-filter-server\n");
	put_line("version=2\n");
	put_flush();
	send_out();
	skip_list();
	put_line("capability=clean\n");
	put_line("capability=smudge\n");
	put_flush();
	send_out();
}

int main(void)
{
#ifdef F_SETPIPE_SZ
	(void)fcntl(0, F_SETPIPE_SZ, PIPE_WANTED);
#endif
	handshake();
	for (;;) {
		static char echo[PKT_MAX - 4];
		size_t echo_len = 0, len;
		const char *p;
		int smudge = 0;

		while ((p = packet(&len)))
			if (len >= 14 && !memcmp(p, "command=smudge", 14))
				smudge = 1;
		while ((p = packet(&len))) {
			if (!smudge)
				continue;
			if (echo_len + len > sizeof(echo))
				die("only small content can be smudged");
			memcpy(echo + echo_len, p, len);
			echo_len += len;
		}
		put_line("status=success\n");
		put_flush();
		if (!smudge)
			put_line(answer);
		else if (echo_len)
			put(echo, echo_len);
		put_flush();
		put_flush();
		send_out();
	}
}
