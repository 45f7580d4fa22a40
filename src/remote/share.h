/*
 * Who may read and write a store that is a directory: whoever its root's mode
 * bits let, whatever the umask of those who push. As core.sharedRepository, but
 * said by the root itself: `chmod g+rwxs` of it shares it with its group.
 */
#ifndef DV_REMOTE_SHARE_H
#define DV_REMOTE_SHARE_H

#include <sys/types.h>

#include "base/buf.h"

/*
 * Give what was just made below a root of this mode its bits: a file is read by
 * those who read the root, a folder is as the root. A file system that knows no
 * modes is no error.
 */
void dv_share_file(int fd, mode_t root);
void dv_share_dir(const char *path, mode_t root);

/*
 * Entries that somebody whom the root lets in cannot read, or folders that he
 * cannot write to though he could write to the root: the first `max` of them
 * relative to the root into *names, and how many there are into *n.
 */
int dv_share_check(const char *root, size_t max, struct dv_strs *names,
		   size_t *n, struct dv_err *err) DV_MUST_USE;

#endif
