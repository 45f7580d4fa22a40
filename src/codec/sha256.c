#include "codec/sha256.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct dv_sha256 {
	EVP_MD_CTX *ctx;
	EVP_MD *md;
};

struct dv_sha256 *dv_sha256_open(void)
{
	struct dv_sha256 *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->ctx = EVP_MD_CTX_new();
	s->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!s->ctx || !s->md) {
		dv_sha256_close(s);
		return NULL;
	}
	return s;
}

void dv_sha256_close(struct dv_sha256 *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->ctx);
	EVP_MD_free(s->md);
	free(s);
}

/*
 * After a successful fetch, init/update/final of a plain digest fail only on
 * a broken library; going on with a wrong id would be worse than stopping.
 */
static void must(int ok)
{
	if (!ok)
		abort();
}

void dv_sha256_begin(struct dv_sha256 *s)
{
	must(EVP_DigestInit_ex2(s->ctx, s->md, NULL));
}

void dv_sha256_add(struct dv_sha256 *s, const void *p, size_t n)
{
	must(EVP_DigestUpdate(s->ctx, p, n));
}

void dv_sha256_end(struct dv_sha256 *s, struct dv_id *out)
{
	unsigned int n = 0;

	must(EVP_DigestFinal_ex(s->ctx, out->b, &n) && n == DV_ID_SIZE);
}

void dv_sha256_of(struct dv_sha256 *s, const void *p, size_t n,
		  struct dv_id *out)
{
	dv_sha256_begin(s);
	dv_sha256_add(s, p, n);
	dv_sha256_end(s, out);
}

int dv_git_hash(int algo, const char *header, size_t header_len,
		const void *p, size_t n, uint8_t out[32])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	unsigned int got = 0;
	int ok;

	ok = c && EVP_DigestInit_ex(c, algo == 2 ? EVP_sha256() : EVP_sha1(),
				    NULL) &&
	     EVP_DigestUpdate(c, header, header_len) &&
	     EVP_DigestUpdate(c, p, n) && EVP_DigestFinal_ex(c, out, &got);
	EVP_MD_CTX_free(c);
	return ok ? 0 : -1;
}
