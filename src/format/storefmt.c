#include "format/storefmt.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"

int dv_storefmt_new(struct dv_storefmt *f, struct dv_err *err)
{
	memset(f, 0, sizeof(*f));
	return dv_random_name(f->uuid, err);
}

int dv_storefmt_format(const struct dv_storefmt *f, struct dv_buf *out,
		       struct dv_err *err)
{
	return dv_buf_addf(out, err,
			   "git-dv store 1\n"
			   "uuid %s\n"
			   "profile 1\n"
			   "hash sha256\n"
			   "read-features\n"
			   "write-features\n"
			   "gc-features\n",
			   f->uuid);
}

/* This version knows no features: the first one named is unknown. */
static void first_feature(const char *list, char out[64])
{
	size_t n;

	list += strspn(list, " ");
	n = strcspn(list, " ");
	snprintf(out, 64, "%.*s", (int)(n < 63 ? n : 63), list);
}

int dv_storefmt_parse(const char *text, size_t n, struct dv_storefmt *f,
		      struct dv_err *err)
{
	char copy[DV_STOREFMT_MAX + 1], *save = NULL, *line;
	unsigned int seen = 0;

	memset(f, 0, sizeof(*f));
	if (n > DV_STOREFMT_MAX || memchr(text, 0, n))
		return dv_err_set(err, DV_ECORRUPT, "not a git-dv store");
	memcpy(copy, text, n);
	copy[n] = '\0';
	line = strtok_r(copy, "\n", &save);
	if (!line || strncmp(line, "git-dv store ", 13))
		return dv_err_set(err, DV_ECORRUPT, "not a git-dv store");
	if (strcmp(line + 13, "1"))
		return dv_err_set(err, DV_EINVAL,
				  "a git-dv store of version %.20s; this git-dv knows version 1: use a newer one",
				  line + 13);
	while ((line = strtok_r(NULL, "\n", &save))) {
		char *v = strchr(line, ' ');

		if (v)
			*v++ = '\0';
		else
			v = line + strlen(line);
		if (!strcmp(line, "uuid")) {
			if (strlen(v) != 32 || !dv_hex_valid(v, 32))
				return dv_err_set(err, DV_ECORRUPT,
						  "the store's uuid is not 32 hex digits");
			memcpy(f->uuid, v, 33);
			seen |= 1;
		} else if (!strcmp(line, "profile")) {
			if (strcmp(v, "1"))
				return dv_err_set(err, DV_EINVAL,
						  "the store has chunking profile %.20s; this git-dv knows 1",
						  v);
			seen |= 2;
		} else if (!strcmp(line, "hash")) {
			if (strcmp(v, "sha256"))
				return dv_err_set(err, DV_EINVAL,
						  "the store has hash %.20s; this git-dv knows sha256",
						  v);
			seen |= 4;
		} else if (!strcmp(line, "read-features")) {
			first_feature(v, f->unknown_read);
			seen |= 8;
		} else if (!strcmp(line, "write-features")) {
			first_feature(v, f->unknown_write);
			seen |= 16;
		} else if (!strcmp(line, "gc-features")) {
			first_feature(v, f->unknown_gc);
			seen |= 32;
		}
	}
	/* A cut-off file must not seem to forbid nothing. */
	if (seen != 63 || text[n - 1] != '\n')
		return dv_err_set(err, DV_ECORRUPT,
				  "the store's format file is not complete");
	return 0;
}
