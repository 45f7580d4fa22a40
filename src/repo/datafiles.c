#include "repo/datafiles.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "codec/glob.h"
#include "repo/attrs.h"

#define ABOVE_DEFAULT (10u << 20)
#define MIN_DEFAULT (100u << 10)
#define PATHS_MAX 8	/* more of them are no command to type */
#define SEPARATORS " \t\r\n,"

/*
 * Formats that hold data and nothing else: tables, arrays, weights, archives.
 * Images and the like are as often part of a program; folders and dv.above find
 * these where they are data.
 */
static const char *const extensions[] = {
	"csv", "tsv", "json", "jsonl", "ndjson", "geojson", "parquet", "arrow",
	"feather", "avro", "orc", "npy", "npz", "pkl", "pickle", "joblib",
	"h5", "hdf5", "nc", "mat", "rds", "rdata", "tfrecord", "safetensors",
	"pt", "pth", "onnx", "ckpt", "gguf", "xls", "xlsx", "db", "sqlite",
	"sqlite3", "duckdb", "zip", "gz", "tgz", "bz2", "xz", "zst", "tar",
	"7z", NULL
};
static const char *const folders[] = { "data/", "datasets/", NULL };
/* What package managers write is no data and belongs to the commit. */
static const char *const exclude[] = { "package-lock.json",
	"npm-shrinkwrap.json", "packages.lock.json", "composer.json", NULL };

static int add_defaults(struct dv_strs *out, const char *const *words,
			struct dv_err *err)
{
	int rc = 0;

	for (; !rc && *words; words++)
		rc = dv_strs_add(out, *words, err);
	return rc;
}

/* An extension as it is compared: no dot or "*." in front, lower case. */
static int add_extension(struct dv_strs *out, const char *w, size_t n,
			 struct dv_err *err)
{
	int rc;

	if (n && *w == '*') {
		w++;
		n--;
	}
	while (n && *w == '.') {
		w++;
		n--;
	}
	if (!n)
		return 0;
	rc = dv_strs_addn(out, w, n, err);
	if (!rc)
		for (char *p = out->v[out->n - 1]; *p; p++)
			*p = (char)tolower((unsigned char)*p);
	return rc;
}

static int add_words(struct dv_strs *out, const char *text,
		     const char *const *defaults, int is_extension,
		     struct dv_err *err)
{
	const char *p = text + strspn(text, SEPARATORS);
	int rc = 0;

	if (!*p)
		dv_strs_release(out);
	while (!rc && *p) {
		size_t n = strcspn(p, SEPARATORS);

		if (n == 7 && !strncmp(p, "default", 7))
			rc = add_defaults(out, defaults, err);
		else if (is_extension)
			rc = add_extension(out, p, n, err);
		else
			rc = dv_strs_addn(out, p, n, err);
		p += n;
		p += strspn(p, SEPARATORS);
	}
	return rc;
}

int dv_data_rules_set(struct dv_data_rules *d, const struct dv_strs *ext,
		      const struct dv_strs *fold, const struct dv_strs *excl,
		      struct dv_err *err)
{
	int rc = 0;

	if (!ext->n)
		rc = add_defaults(&d->extensions, extensions, err);
	for (size_t i = 0; !rc && i < ext->n; i++)
		rc = add_words(&d->extensions, ext->v[i], extensions, 1, err);
	if (!rc && !fold->n)
		rc = add_defaults(&d->folders, folders, err);
	for (size_t i = 0; !rc && i < fold->n; i++)
		rc = add_words(&d->folders, fold->v[i], folders, 0, err);
	/* A value is one pattern, and is added: as with dv.exclude. */
	if (!rc)
		rc = add_defaults(&d->exclude, exclude, err);
	for (size_t i = 0; !rc && i < excl->n; i++) {
		if (!*excl->v[i])
			dv_strs_release(&d->exclude);
		else
			rc = dv_strs_add(&d->exclude, excl->v[i], err);
	}
	return rc;
}

int dv_data_rules_load(struct dv_data_rules *d, struct dv_repo *r,
		       struct dv_err *err)
{
	struct dv_strs ext = { 0 }, fold = { 0 }, excl = { 0 };
	int rc;

	memset(d, 0, sizeof(*d));
	d->above = dv_config_size(r, "dv.above", ABOVE_DEFAULT);
	d->min = dv_config_size(r, "dv.hookmin", MIN_DEFAULT);
	rc = dv_config_all(r, "dv.hookextensions", &ext, err);
	if (!rc)
		rc = dv_config_all(r, "dv.hookfolders", &fold, err);
	if (!rc)
		rc = dv_config_all(r, "dv.hookexclude", &excl, err);
	if (!rc)
		rc = dv_data_rules_set(d, &ext, &fold, &excl, err);
	dv_strs_release(&ext);
	dv_strs_release(&fold);
	dv_strs_release(&excl);
	if (rc)
		dv_data_rules_release(d);
	return rc;
}

void dv_data_rules_release(struct dv_data_rules *d)
{
	dv_strs_release(&d->extensions);
	dv_strs_release(&d->folders);
	dv_strs_release(&d->exclude);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The extension that matches, as the path spells it, or NULL. */
static const char *extension_of(const struct dv_data_rules *d,
				const char *path)
{
	const char *base = base_name(path);
	size_t n = strlen(base);

	for (size_t i = 0; i < d->extensions.n; i++) {
		const char *e = d->extensions.v[i];
		size_t k = strlen(e);

		/* ".csv" is a name, no extension. */
		if (n > k + 1 && base[n - k - 1] == '.' &&
		    !strcasecmp(base + n - k, e))
			return base + n - k;
	}
	return NULL;
}

/*
 * Length of the folder in front of the path that a pattern of folders matches:
 * the shortest one. 0: none.
 */
static size_t folder_of(const struct dv_data_rules *d, const char *path)
{
	for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		char *dir = strndup(path, (size_t)(p - path));
		int found = 0;

		for (size_t i = 0; dir && !found && i < d->folders.n; i++)
			found = dv_glob_path(d->folders.v[i], dir);
		free(dir);
		if (found)
			return (size_t)(p - path);
	}
	return 0;
}

int dv_data_excluded(const struct dv_data_rules *d, const char *path)
{
	if (!strncmp(path, ".dv/", 4) || dv_attrs_never(path))
		return 1;
	for (size_t i = 0; i < d->exclude.n; i++)
		if (dv_glob_path(d->exclude.v[i], path))
			return 1;
	return 0;
}

int dv_data_in_folder(const struct dv_data_rules *d, const char *path)
{
	return folder_of(d, path) && !dv_data_excluded(d, path);
}

enum dv_data_why dv_data_classify(const struct dv_data_rules *d,
				  const char *path, uint64_t size)
{
	enum dv_data_why why = DV_DATA_NO;

	if (size <= DV_DATA_FLOOR)
		return DV_DATA_NO;
	if (size >= d->min) {
		if (extension_of(d, path))
			why = DV_DATA_EXTENSION;
		else if (folder_of(d, path))
			why = DV_DATA_FOLDER;
	}
	if (why == DV_DATA_NO && size > d->above)
		why = DV_DATA_ABOVE;
	return why != DV_DATA_NO && dv_data_excluded(d, path) ? DV_DATA_NO : why;
}

static int is_plain(const char *path)
{
	for (const unsigned char *p = (const unsigned char *)path; *p; p++)
		if (*p < ' ' || *p >= 127)
			return 0;
	return 1;
}

/* A literal pattern in which '?' stands for what a command line cannot show. */
static int add_literal(const char *path, size_t n, struct dv_buf *out,
		       struct dv_err *err)
{
	char *part = strndup(path, n);
	int rc = part ? dv_attrs_literal(part, out, err) : dv_err_nomem(err);

	for (size_t i = 0; !rc && i < out->n; i++)
		if (out->p[i] < ' ' || out->p[i] >= 127)
			out->p[i] = '?';
	free(part);
	return rc;
}

int dv_data_advise(struct dv_data_advice *a, const struct dv_data_rules *d,
		   const char *path, enum dv_data_why why, struct dv_err *err)
{
	const char *ext = extension_of(d, path);
	struct dv_buf pattern = { 0 };
	int rc = 0;

	if (why == DV_DATA_EXTENSION && ext && is_plain(ext)) {
		rc = dv_buf_addf(&pattern, err, "*.%s", ext);
	} else if (why == DV_DATA_FOLDER) {
		rc = add_literal(path, folder_of(d, path), &pattern, err);
		if (!rc)
			rc = dv_buf_addstr(&pattern, "/**", err);
	} else if (why == DV_DATA_ABOVE && a->paths >= PATHS_MAX) {
		a->by_size = 1;
	} else {
		rc = add_literal(path, strlen(path), &pattern, err);
		a->paths++;
	}
	if (!rc && pattern.n &&
	    !dv_strs_has(&a->patterns, dv_buf_str(&pattern)))
		rc = dv_strs_add(&a->patterns, dv_buf_str(&pattern), err);
	dv_buf_release(&pattern);
	return rc;
}

int dv_data_command(const struct dv_data_advice *a,
		    const struct dv_data_rules *d, const char *prefix,
		    struct dv_buf *out, struct dv_err *err)
{
	uint64_t above = d->above;
	const char *unit = "";
	int rc = 0, up = 0;

	for (const char *p = prefix ? prefix : ""; *p; p++)
		up += *p == '/';
	for (int i = 0; !rc && i < up; i++)
		rc = dv_buf_addf(out, err, "%s..", i ? "/" : "cd ");
	if (!rc && up)
		rc = dv_buf_addstr(out, " && ", err);
	if (!rc)
		rc = dv_buf_addstr(out, "git dv track --renormalize", err);
	if (above && above % (1 << 20) == 0) {
		above >>= 20;
		unit = "M";
	} else if (above && above % (1 << 10) == 0) {
		above >>= 10;
		unit = "k";
	}
	if (!rc && a->by_size)
		rc = dv_buf_addf(out, err, " --above %llu%s",
				 (unsigned long long)above, unit);
	for (size_t i = 0; !rc && i < a->patterns.n; i++) {
		/* One by size has them all. */
		if (a->by_size && *a->patterns.v[i] == '/' &&
		    !strstr(a->patterns.v[i], "/**"))
			continue;
		rc = dv_buf_addstr(out, " ", err);
		if (!rc)
			rc = dv_shell_quote(a->patterns.v[i], out, err);
	}
	if (!rc)
		rc = dv_buf_addf(out, err, " && git add .gitattributes%s",
				 a->by_size ? " .dvconfig" : "");
	return rc;
}

void dv_data_advice_release(struct dv_data_advice *a)
{
	dv_strs_release(&a->patterns);
	a->paths = 0;
	a->by_size = 0;
}

int dv_shell_quote(const char *word, struct dv_buf *out, struct dv_err *err)
{
	int rc = dv_buf_addstr(out, "'", err);

	for (; !rc && *word; word++)
		rc = *word == '\'' ? dv_buf_addstr(out, "'\\''", err) :
				     dv_buf_add(out, word, 1, err);
	return rc ? rc : dv_buf_addstr(out, "'", err);
}
