#include "codec/sums.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/hex.h"

struct dv_sums {
	EVP_MD_CTX *sha_ctx, *md5_ctx;
	EVP_MD *sha, *md5;
};

int dv_sums_open(struct dv_sums **out, struct dv_err *err)
{
	struct dv_sums *s = calloc(1, sizeof(*s));

	*out = s;
	if (!s)
		return dv_err_nomem(err);
	s->sha_ctx = EVP_MD_CTX_new();
	s->md5_ctx = EVP_MD_CTX_new();
	s->sha = EVP_MD_fetch(NULL, "SHA256", NULL);
	s->md5 = EVP_MD_fetch(NULL, "MD5", NULL);
	if (s->sha_ctx && s->md5_ctx && s->sha && s->md5)
		return 0;
	dv_sums_close(s);
	*out = NULL;
	return dv_err_set(err, DV_EINVAL,
			  "libcrypto does not offer SHA-256 and MD5 here");
}

void dv_sums_close(struct dv_sums *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->sha_ctx);
	EVP_MD_CTX_free(s->md5_ctx);
	EVP_MD_free(s->sha);
	EVP_MD_free(s->md5);
	free(s);
}

/* As in codec/sha256.c: only a broken library fails here. */
static void must(int ok)
{
	if (!ok)
		abort();
}

void dv_sums_begin(struct dv_sums *s)
{
	must(EVP_DigestInit_ex2(s->sha_ctx, s->sha, NULL));
	must(EVP_DigestInit_ex2(s->md5_ctx, s->md5, NULL));
}

void dv_sums_add(struct dv_sums *s, const void *p, size_t n)
{
	must(EVP_DigestUpdate(s->sha_ctx, p, n));
	must(EVP_DigestUpdate(s->md5_ctx, p, n));
}

void dv_sums_end(struct dv_sums *s, char sha256[65], char md5[33])
{
	unsigned char d[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	must(EVP_DigestFinal_ex(s->sha_ctx, d, &n) && n == 32);
	dv_hex_encode(sha256, d, 32);
	must(EVP_DigestFinal_ex(s->md5_ctx, d, &n) && n == 16);
	dv_hex_encode(md5, d, 16);
}
