/*
 * A target is one function that must survive any bytes. With --enable-fuzzers
 * libFuzzer calls it; otherwise replay.c does, with the files of a corpus.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* What a parser accepted must hold; a broken promise is a crash. */
#define MUST(x) do { \
	if (!(x)) \
		abort(); \
} while (0)

#endif
