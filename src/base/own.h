/*
 * Folders of git-dv's own, which several users may share: below .git, and a
 * store elsewhere. A folder that its group or others may write to, or that is
 * set-group-ID, is shared; what is created below it gets the folder's group and
 * its permissions for group and others in place of the umask's. Elsewhere, and
 * for what only its owner may see (mode 0600), the umask decides as always.
 *
 * dv_file_write and dv_dir_make ask here; who calls open(2) uses dv_own_open.
 * Any thread may call these.
 */
#ifndef DV_BASE_OWN_H
#define DV_BASE_OWN_H

#include <sys/types.h>

/*
 * Make a folder known, which need not exist. `shared`: what Git adds to the
 * permissions where it makes it (dv_own_shared), 0 for the umask. A folder
 * that is known already stays as it was noted, except for a `shared` of 0.
 */
void dv_own_add(const char *dir, int shared);
/*
 * The value of core.sharedRepository (NULL: not set) as a number: 0 for the
 * umask, else bits to add; negative, exactly these.
 */
int dv_own_shared(const char *value);

/* open(2) with O_CREAT and O_CLOEXEC; what is the caller's gets its mode. */
int dv_own_open(const char *path, int flags, mode_t mode);
/* After something was created at `path`; what is not the caller's stays. */
void dv_own_adopt(const char *path);

#endif
