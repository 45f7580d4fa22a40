/*
 * Which files are data that git-dv should version but does not: by size, by
 * extension, by folder. One place for all that name such files, so that they
 * agree. Nothing here looks at attributes; callers ask dv_attrs_check.
 */
#ifndef DV_REPO_DATAFILES_H
#define DV_REPO_DATAFILES_H

#include "repo/repo.h"

/* No settings make a file of up to this size data. */
#define DV_DATA_FLOOR 4096

struct dv_data_rules {
	uint64_t above;		/* larger is data, whatever it is called */
	uint64_t min;		/* an extension or a folder counts from here */
	struct dv_strs extensions;	/* lower case, without the dot */
	struct dv_strs folders;		/* patterns of dv_glob_path */
	struct dv_strs exclude;		/* patterns of dv_glob_path */
};

enum dv_data_why {
	DV_DATA_NO,
	DV_DATA_ABOVE,
	DV_DATA_EXTENSION,
	DV_DATA_FOLDER,
};

/* dv.above, dv.hookMin, dv.hookExtensions, dv.hookFolders, dv.hookExclude. */
int dv_data_rules_load(struct dv_data_rules *d, struct dv_repo *r,
		       struct dv_err *err) DV_MUST_USE;
/*
 * The same from texts, each of which adds words: "default" stands for the
 * built-in ones, an empty text forgets what came before. Without any text the
 * built-in ones count.
 */
int dv_data_rules_set(struct dv_data_rules *d, const struct dv_strs *extensions,
		      const struct dv_strs *folders,
		      const struct dv_strs *exclude, struct dv_err *err)
	DV_MUST_USE;
void dv_data_rules_release(struct dv_data_rules *d);

/* A path (from the top) that is never named: of git-dv, of Git, or excluded. */
int dv_data_excluded(const struct dv_data_rules *d, const char *path);
/* Is it data by its folder, of whatever size? */
int dv_data_in_folder(const struct dv_data_rules *d, const char *path);
enum dv_data_why dv_data_classify(const struct dv_data_rules *d,
				  const char *path, uint64_t size);

/*
 * The one command that versions what was found; `{ 0 }` before the first file.
 * What a command line cannot show becomes '?' in its patterns.
 */
struct dv_data_advice {
	struct dv_strs patterns;
	size_t paths;		/* patterns that are one path each */
	int by_size;		/* so many paths that a size says it shorter */
};

int dv_data_advise(struct dv_data_advice *a, const struct dv_data_rules *d,
		   const char *path, enum dv_data_why why, struct dv_err *err)
	DV_MUST_USE;
/* `prefix`: where the person stands, "" or "a/b/" from the top, or NULL. */
int dv_data_command(const struct dv_data_advice *a,
		    const struct dv_data_rules *d, const char *prefix,
		    struct dv_buf *out, struct dv_err *err) DV_MUST_USE;
void dv_data_advice_release(struct dv_data_advice *a);

/* A word as a shell reads it back. */
int dv_shell_quote(const char *word, struct dv_buf *out, struct dv_err *err)
	DV_MUST_USE;

#endif
