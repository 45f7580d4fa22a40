/*
 * What git-dv asks of libgit2: reading small blobs. The one struct that the
 * plug-in dv-git2.so (repo/git2-plugin.c, the only includer of git2.h)
 * exports as `dv_git2_ops`.
 */
#ifndef DV_REPO_GIT2_H
#define DV_REPO_GIT2_H

#include <stddef.h>
#include <stdint.h>

struct dv_git2;

#define DV_GIT2_ABSENT (-1L)	/* not there, or not readable: ask git */
#define DV_GIT2_OTHER (-2L)	/* no blob, or a larger one */

struct dv_git2_ops {
	/* NULL where libgit2 refuses the repository. */
	struct dv_git2 *(*open)(const char *git_dir);
	void (*close)(struct dv_git2 *g);
	/* A SHA-1 blob's bytes into out[0..cap); its length, or one of above. */
	long (*read_small)(struct dv_git2 *g, const uint8_t id[20],
			   void *out, size_t cap);
};

#endif
