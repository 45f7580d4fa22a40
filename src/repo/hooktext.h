/*
 * The script that stands in a hooks folder, and whether one there is it. The
 * last line of the script has the SHA-256 of what is above it: what somebody
 * edited is told from what any version of git-dv wrote.
 */
#ifndef DV_REPO_HOOKTEXT_H
#define DV_REPO_HOOKTEXT_H

#include "base/err.h"

enum dv_hook_kind {
	DV_HOOK_ABSENT,
	DV_HOOK_FOREIGN,	/* also every link, wherever it leads */
	DV_HOOK_EDITED,		/* ours, with lines of somebody else */
	DV_HOOK_OLD,		/* of another version */
	DV_HOOK_CURRENT,
};

enum dv_hook_kind dv_hooktext_kind(const char *path);
/* Does it do our part? Whether it is executable is another question. */
static inline int dv_hook_is_ours(enum dv_hook_kind kind)
{
	return kind >= DV_HOOK_EDITED;
}

/* Write the script of this version, executable. */
int dv_hooktext_write(const char *path, struct dv_err *err) DV_MUST_USE;

#endif
