/*
 * Content-defined chunking, profile 1 (git-dv-format(5), "Chunking"). Frozen:
 * every machine must find the same cuts for ever.
 *
 * A gear hash (Xia et al., "Ddelta", 2014; the cut rule as in FastCDC, USENIX
 * ATC 2016, without normalisation): H(e) = sum over k=0..63 of
 * T[x[e-1-k]] << k mod 2^64, a function of the 64 bytes before e alone. From
 * a chunk's start s the cut is the smallest e with s+MIN <= e <
 * min(s+MAX, size) and H(e) < 2^49, else min(s+MAX, size).
 */
#ifndef DV_CODEC_CHUNKER_H
#define DV_CODEC_CHUNKER_H

#include <stddef.h>
#include <stdint.h>

#define DV_CHUNK_MIN 32768u
#define DV_CHUNK_MAX 262144u

/* The gear table; computed once, from SHA-256 of a fixed text. */
const uint64_t *dv_gear_table(void);

/*
 * The length of the chunk that starts at p[0]. `n` bytes are at hand; it must
 * be at least DV_CHUNK_MAX, or the rest of the file. 1..DV_CHUNK_MAX; n > 0.
 */
size_t dv_chunk_cut(const uint8_t *p, size_t n);

#endif
