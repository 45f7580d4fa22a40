/*
 * Git's pkt-line framing (gitprotocol-common(5)): four hex digits of length
 * that count themselves, then the payload; "0000" is a flush packet.
 */
#ifndef DV_CODEC_PKTLINE_H
#define DV_CODEC_PKTLINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define DV_PKT_MAX 65516u	/* the largest payload */

/*
 * A reader. Content is read straight to where it is wanted: Git fills its
 * packets, so their headers' places are known before they arrive; what comes
 * in another shape is put right afterwards.
 */
struct dv_pkt_in {
	int fd;
	uint32_t left;		/* payload of the current packet to come */
	size_t at, n;		/* raw bytes in back[at..n) were read ahead */
	uint8_t *back;
	size_t cap;
};

void dv_pkt_in_init(struct dv_pkt_in *in, int fd);
void dv_pkt_in_release(struct dv_pkt_in *in);
/*
 * One packet into buf (DV_PKT_MAX + 1 bytes, NUL-terminated; a trailing LF is
 * dropped). Returns its length, 0 for an empty one, -1 for a flush packet,
 * -2 at the end of the stream (between packets), or a dv_status below that
 * offset: DV_PKT_ERR.
 */
#define DV_PKT_FLUSH (-1)
#define DV_PKT_EOF (-2)
#define DV_PKT_ERR (-3)
int dv_pkt_read_line(struct dv_pkt_in *in, char *buf, struct dv_err *err);
/*
 * Up to `cap` bytes of content (the payloads up to a flush packet, joined)
 * into dst. *n gets their count; *end is set once the flush packet was read.
 * Fewer than cap may come before the end; 0 bytes come only with the end.
 */
int dv_pkt_read_content(struct dv_pkt_in *in, uint8_t *dst, size_t cap,
			size_t *n, int *end, struct dv_err *err) DV_MUST_USE;

/*
 * A writer. Small packets are collected, so that a whole answer is one write
 * and wakes Git once; what is larger goes out at once, behind them. Call _send
 * before waiting for Git. All give 0, or -1 with errno.
 */
struct dv_pkt_out {
	int fd;
	size_t n;		/* collected in buf */
	uint8_t buf[4096];
};

void dv_pkt_out_init(struct dv_pkt_out *out, int fd);
int dv_pkt_send(struct dv_pkt_out *out);
int dv_pkt_write(struct dv_pkt_out *out, const void *p,
		 size_t n);				/* n <= DV_PKT_MAX */
int dv_pkt_write_str(struct dv_pkt_out *out, const char *s);	/* adds the LF */
int dv_pkt_write_flush(struct dv_pkt_out *out);
/* Any length, split into packets. */
int dv_pkt_write_content(struct dv_pkt_out *out, const void *p, size_t n);

#endif
