/*
 * What a hook of somebody else's is, by its text: whether it does git-dv's part
 * or runs the hook that stood there before. In doubt it does not: what runs
 * twice does no harm, what nobody runs leaves content behind.
 */
#ifndef DV_REPO_HOOKCALL_H
#define DV_REPO_HOOKCALL_H

/*
 * Is there, where a command of sh may stand, "git dv hook NAME" or "git-dv hook
 * NAME"? Comments, here-documents, and arguments of other commands are not.
 */
int dv_hookcall_is_in(const char *text, const char *name);

/* A script of pre-commit or prek: it runs NAME.legacy beside it first. */
int dv_hookcall_runs_legacy(const char *text);

#endif
