/*
 * Files: whole reads and writes, durable replacement, directories, locks,
 * random names. Every path is used as given; nothing here expands anything.
 */
#ifndef DV_BASE_FILE_H
#define DV_BASE_FILE_H

#include <sys/stat.h>
#include <sys/types.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Read until `n` bytes or EOF, over EINTR. Returns bytes read or -1 (errno). */
ssize_t dv_read_full(int fd, void *p, size_t n);
ssize_t dv_pread_full(int fd, void *p, size_t n, uint64_t off);
/* Write all; 0 or -1 (errno). */
int dv_write_full(int fd, const void *p, size_t n);
int dv_pwrite_full(int fd, const void *p, size_t n, uint64_t off);

/* The whole of a regular file, refused above `max` bytes. */
int dv_file_read(const char *path, struct dv_buf *out, size_t max,
		 struct dv_err *err) DV_MUST_USE;

enum dv_file_flags {
	DV_FILE_SYNC = 1,	/* fdatasync and sync the directory */
	DV_FILE_EXCL = 2,	/* DV_EEXIST where the name exists (atomic) */
};
/*
 * Put a whole file in place by writing a temporary neighbour and renaming
 * (linking, with DV_FILE_EXCL). After a crash the name holds the old bytes,
 * the new ones, or is absent; never a part. `mode` is subject to the umask, or to
 * base/own.h.
 */
int dv_file_write(const char *path, const void *p, size_t n, mode_t mode,
		  unsigned int flags, struct dv_err *err) DV_MUST_USE;

int dv_dir_sync(const char *dir, struct dv_err *err) DV_MUST_USE;
/* mkdir -p; existing directories are fine. */
int dv_dir_make(const char *dir, struct dv_err *err) DV_MUST_USE;
/* The same, and each that is new is durable in the one above it. */
int dv_dir_make_synced(const char *dir, struct dv_err *err) DV_MUST_USE;
/* Remove a directory tree, following no symlink. Absence is no error. */
int dv_dir_remove(const char *dir, struct dv_err *err) DV_MUST_USE;
/*
 * Remove temporary things, whole trees too, that are in a directory, whose
 * names begin so ("": all), and that were not changed for a day: who made them
 * died. What cannot be removed stays.
 */
void dv_dir_drop_stale(const char *dir, const char *prefix);
/* 1 if the path is an existing directory (following symlinks). */
int dv_dir_exists(const char *path);
int dv_file_exists(const char *path);
/* Names in a directory except "." and ".."; absence gives DV_ENOTFOUND. */
int dv_dir_list(const char *dir, struct dv_strs *out, struct dv_err *err)
	DV_MUST_USE;

/*
 * 1 where the path is on a network file system, on which machines do not share
 * memory that is mapped from a file.
 */
int dv_fs_is_network(const char *path);

/*
 * Does an errno say that there is no such file, and not that it cannot be looked
 * at? A file or a link in the place of a folder above it counts.
 */
int dv_errno_gone(int e);

/* asprintf for paths and messages; NULL when out of memory. Caller frees. */
char *dv_fmt(const char *fmt, ...) DV_PRINTF(1, 2);
/* The directory part of a path ("." where there is none). Caller frees. */
char *dv_path_dir(const char *path);

/* Fill with random bytes from the kernel. */
int dv_random(void *p, size_t n, struct dv_err *err) DV_MUST_USE;
/* 32 random lower-case hex digits and a NUL. */
int dv_random_name(char out[33], struct dv_err *err) DV_MUST_USE;

enum dv_lock_kind { DV_LOCK_SHARED, DV_LOCK_EXCL };
/*
 * Open file description locks (fcntl(2), F_OFD_SETLK): they belong to the
 * descriptor, end with it, and work on NFS. Without `wait`, a lock that
 * somebody else holds gives DV_EAGAIN.
 */
int dv_lock_fd(int fd, enum dv_lock_kind kind, int wait, struct dv_err *err)
	DV_MUST_USE;
int dv_unlock_fd(int fd);

#endif
