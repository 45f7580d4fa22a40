#include "fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "codec/pktline.h"

#define CAP 200000u

/* What the stream holds, read without any of the code under test. */
static size_t plain_content(const uint8_t *p, size_t n, uint8_t *out, int *ok)
{
	static const char digits[] = "0123456789abcdef";
	size_t at = 0, m = 0;

	*ok = 0;
	while (n - at >= 4) {
		size_t len = 0;

		for (int i = 0; i < 4; i++) {
			int c = p[at + (size_t)i];
			const char *d;

			if (c >= 'A' && c <= 'F')
				c |= 0x20;
			d = c ? strchr(digits, c) : NULL;
			if (!d)
				return m;
			len = len << 4 | (size_t)(d - digits);
		}
		at += 4;
		if (!len) {
			*ok = 1;
			return m;
		}
		if (len < 4 || len > DV_PKT_MAX + 4)
			return m;
		if (len - 4 > n - at) {
			/* Cut off: what is there may come before the error. */
			memcpy(out + m, p + at, n - at);
			return m + n - at;
		}
		memcpy(out + m, p + at, len - 4);
		m += len - 4;
		at += len - 4;
	}
	return m;
}

static void start(struct dv_pkt_in *in, int fd)
{
	if (lseek(fd, 0, SEEK_SET))
		abort();
	dv_pkt_in_init(in, fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static uint8_t dst[CAP], want[1 << 20];
	static char line[DV_PKT_MAX + 1];
	static int fd = -1;
	struct dv_pkt_in in;
	size_t got, total, m, cap = n % 7 ? CAP : 1 + n % 1000;
	int end, rc, ok;

	if (n > sizeof(want))
		return 0;
	if (fd < 0)
		fd = memfd_create("stream", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) ||
	    pwrite(fd, p, n, 0) != (ssize_t)n)
		return 0;

	start(&in, fd);
	while ((rc = dv_pkt_read_line(&in, line, NULL)) >= DV_PKT_FLUSH) {
		MUST(rc <= (int)DV_PKT_MAX);
		MUST(rc < 0 || line[rc] == '\0');
	}
	MUST(rc == DV_PKT_EOF || rc == DV_PKT_ERR);
	dv_pkt_in_release(&in);

	m = plain_content(p, n, want, &ok);
	start(&in, fd);
	total = 0;
	do {
		rc = dv_pkt_read_content(&in, dst, cap, &got, &end, NULL);
		MUST(got <= cap);
		if (rc)
			break;
		MUST(got || end);
		MUST(total + got <= m);
		MUST(!memcmp(dst, want + total, got));
		total += got;
	} while (!end);
	MUST(ok ? !rc && total == m : rc < 0);
	dv_pkt_in_release(&in);
	return 0;
}
