/*
 * Resemblance sketches: chunks that share many stretches of bytes get sketches
 * that share many features (Broder, "On the resemblance and containment of
 * documents", 1997), found again through super-features as in Shilane et al.,
 * "Delta compressed and deduplicated storage using stream-informed locality"
 * (2012).
 *
 * Positions are sampled by content, about 1 in 128: those whose next 8 bytes
 * hash below a bound. The 32 bytes from each are hashed; 12 features are the
 * largest hashes of 12 bins (one permutation hashing; Li, Owen and Zhang,
 * 2012), so that one sample costs one comparison. The share of equal features
 * estimates the share of common samples. Two features make a super-feature.
 *
 * Nothing on a remote or in Git depends on sketches: they may change.
 */
#ifndef DV_CODEC_SKETCH_H
#define DV_CODEC_SKETCH_H

#include <stddef.h>
#include <stdint.h>

#define DV_SKETCH_FEATURES 12
#define DV_SKETCH_SUPER 6

struct dv_sketch {
	uint32_t f[DV_SKETCH_FEATURES];	/* 0: nothing fell into the bin */
};

/* The same seed gives comparable sketches. n may be 0. */
void dv_sketch(const void *p, size_t n, uint64_t seed, struct dv_sketch *out);
/* The same without the CPU's vectors: for tests. */
void dv_sketch_portable(const void *p, size_t n, uint64_t seed,
			struct dv_sketch *out);
/* Super-feature i, or 0 where it has none. */
uint64_t dv_sketch_super(const struct dv_sketch *s, unsigned int i);
/* How many features are equal: 0..DV_SKETCH_FEATURES. */
unsigned int dv_sketch_common(const struct dv_sketch *a,
			      const struct dv_sketch *b);

#endif
