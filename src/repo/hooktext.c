#include "repo/hooktext.h"

#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/hex.h"
#include "codec/sha256.h"

#define MARK "# git-dv hook, version 1"
#define SUM "# sha256 of the lines above: "
#define HOOK_MAX (1u << 20)

/* hooks/hook.sh, made a C string by the build. */
static const char text[] =
#include "repo/hook-text.h"
	;

/* Those that had no such line. */
static const char *const without_sum[] = {
	"a1f1046c97d37b7222b8e12d950f94cab91fdf487cabeab3cf0b57f249e600b5",
	"613bac73af8665bb974aae9965b9b3de6ce51b16303fb94b5052a93cd2264019",
	"ac3b864f7ad8902048a5d914e67de9c03a68439a1e6c90a25036a2e019c1188d",
};

static int sum_of(const void *p, size_t n, struct dv_idhex *out)
{
	struct dv_sha256 *sha = dv_sha256_open();
	struct dv_id id;

	if (!sha)
		return -1;
	dv_sha256_of(sha, p, n, &id);
	dv_sha256_close(sha);
	*out = dv_id_hex(&id);
	return 0;
}

static int make(struct dv_buf *out, struct dv_err *err)
{
	struct dv_idhex sum;
	int rc = sum_of(text, sizeof(text) - 1, &sum) ? dv_err_nomem(err) : 0;

	if (!rc)
		rc = dv_buf_add(out, text, sizeof(text) - 1, err);
	if (!rc)
		rc = dv_buf_addstr(out, SUM, err);
	if (!rc)
		rc = dv_buf_addstr(out, sum.s, err);
	if (!rc)
		rc = dv_buf_addstr(out, "\n", err);
	return rc;
}

/* As some version wrote it? In doubt, not. */
static int is_whole(const struct dv_buf *b)
{
	const size_t tail = strlen(SUM) + DV_ID_HEX + 1;
	struct dv_idhex sum;
	const char *end;

	if (b->n > tail) {
		end = (const char *)b->p + b->n - tail;
		if (!strncmp(end, SUM, strlen(SUM)))
			return !sum_of(b->p, b->n - tail, &sum) &&
			       !memcmp(end + strlen(SUM), sum.s, DV_ID_HEX) &&
			       b->p[b->n - 1] == '\n';
	}
	if (sum_of(b->p, b->n, &sum))
		return 0;
	for (size_t i = 0; i < DV_ARRAY_SIZE(without_sum); i++)
		if (!strcmp(sum.s, without_sum[i]))
			return 1;
	return 0;
}

enum dv_hook_kind dv_hooktext_kind(const char *path)
{
	enum dv_hook_kind kind = DV_HOOK_FOREIGN;
	struct dv_buf b = { 0 }, current = { 0 };
	struct stat st;

	if (lstat(path, &st))
		return DV_HOOK_ABSENT;
	if (S_ISREG(st.st_mode) && !dv_file_read(path, &b, HOOK_MAX, NULL) &&
	    strstr(dv_buf_str(&b), "\n" MARK)) {
		if (!is_whole(&b))
			kind = DV_HOOK_EDITED;
		else if (!make(&current, NULL) && current.n == b.n &&
			 !memcmp(current.p, b.p, b.n))
			kind = DV_HOOK_CURRENT;
		else
			kind = DV_HOOK_OLD;
	}
	dv_buf_release(&b);
	dv_buf_release(&current);
	return kind;
}

int dv_hooktext_write(const char *path, struct dv_err *err)
{
	struct dv_buf b = { 0 };
	int rc = make(&b, err);

	if (!rc)
		rc = dv_file_write(path, b.p, b.n, 0777, 0, err);
	dv_buf_release(&b);
	return rc;
}
