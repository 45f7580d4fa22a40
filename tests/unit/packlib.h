/* Reading hex files and checksums for the tests of packs and indexes. */
#ifndef TESTS_UNIT_PACKLIB_H
#define TESTS_UNIT_PACKLIB_H

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "testlib.h"

/* The bytes of tests/golden/<name>, which holds them as lines of hex. */
static inline uint8_t *test_golden_hex(const char *name, size_t *n)
{
	struct dv_buf b = test_golden(name);
	uint8_t *out = test_alloc(b.n / 2);
	const char *s = dv_buf_str(&b);

	for (*n = 0; *s; s++) {
		if (*s == '\n')
			continue;
		assert_int_equal(dv_hex_decode(out + (*n)++, s, 1), 0);
		s++;
	}
	dv_buf_release(&b);
	return out;
}

/* Make a header's trailing XXH3-64 true again after a change. */
static inline void test_reseal(uint8_t *p, size_t n)
{
	dv_put64(p + n - 8, XXH3_64bits(p, n - 8));
}

#endif
