#include "base/own.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

#define SHARED_GROUP 0660
#define SHARED_ALL 0664

static struct root {
	char *dir;
	size_t n;
	int shared;
} *roots;
static size_t nroots;
static pthread_mutex_t roots_mu = PTHREAD_MUTEX_INITIALIZER;

int dv_own_shared(const char *value)
{
	static const struct {
		const char *name;
		int shared;
	} names[] = {
		{ "umask", 0 }, { "false", 0 }, { "no", 0 }, { "off", 0 },
		{ "", SHARED_GROUP }, { "group", SHARED_GROUP },
		{ "true", SHARED_GROUP }, { "yes", SHARED_GROUP },
		{ "on", SHARED_GROUP }, { "1", SHARED_GROUP },
		{ "all", SHARED_ALL }, { "world", SHARED_ALL },
		{ "everybody", SHARED_ALL }, { "2", SHARED_ALL },
	};
	char *end;
	long bits;

	if (!value)
		return 0;
	for (size_t i = 0; i < DV_ARRAY_SIZE(names); i++)
		if (!strcasecmp(value, names[i].name))
			return names[i].shared;
	bits = strtol(value, &end, 8);
	/* Git itself refuses what does not let the owner read and write. */
	return *end || (bits & ~0777L) || (bits & 0600) != 0600 ?
	       0 : -(int)(bits & 0666);
}

void dv_own_add(const char *dir, int shared)
{
	struct root *more;
	size_t i;

	pthread_mutex_lock(&roots_mu);
	for (i = 0; i < nroots && strcmp(roots[i].dir, dir); i++)
		;
	if (i < nroots) {
		if (!roots[i].shared)
			roots[i].shared = shared;
	} else if ((more = realloc(roots, (nroots + 1) * sizeof(*more)))) {
		roots = more;
		roots[nroots] = (struct root){ strdup(dir), strlen(dir), shared };
		nroots += roots[nroots].dir != NULL;
	}
	pthread_mutex_unlock(&roots_mu);
}

/* 1 and the innermost root that the path is, or is below. */
static int root_of(const char *path, struct stat *st, int *is_root, int *shared)
{
	const struct root *best = NULL;
	char *dir = NULL;

	pthread_mutex_lock(&roots_mu);
	for (size_t i = 0; i < nroots; i++)
		if ((!best || roots[i].n > best->n) &&
		    !strncmp(path, roots[i].dir, roots[i].n) &&
		    (!path[roots[i].n] || path[roots[i].n] == '/'))
			best = &roots[i];
	if (best) {
		dir = strdup(best->dir);
		*is_root = !path[best->n];
		*shared = best->shared;
	}
	pthread_mutex_unlock(&roots_mu);
	if (!dir || stat(dir, st)) {
		free(dir);
		return 0;
	}
	free(dir);
	return 1;
}

/* As adjust_shared_perm of Git. */
static mode_t mode_by_setting(mode_t mode, int shared)
{
	mode_t bits = (mode_t)abs(shared);

	mode = shared < 0 ? (mode & ~(mode_t)0777) | bits : mode | bits;
	mode |= (mode & 0444) >> 2;
	return mode & 060 ? mode | S_ISGID : mode;
}

static mode_t mode_below(mode_t mode, const struct stat *root)
{
	mode_t bits = root->st_mode & 066;

	if (S_ISDIR(mode))
		return (mode & 0700) | (root->st_mode & (S_ISGID | 077));
	if (!(mode & 0200))
		bits &= 044;
	if (mode & 0100)
		bits |= (bits & 044) >> 2;
	return (mode & 0700) | bits;
}

static int is_shared(const struct stat *root)
{
	return (root->st_mode & (S_ISGID | S_IWGRP | S_IWOTH)) != 0;
}

/* `fd` may be -1: by its name then. */
static void adopt(int fd, const char *path)
{
	struct stat root, st;
	int is_root, shared;
	mode_t mode;

	if (!root_of(path, &root, &is_root, &shared) ||
	    (is_root ? !shared : !is_shared(&root)) ||
	    (fd < 0 ? lstat(path, &st) : fstat(fd, &st)) ||
	    st.st_uid != geteuid() || S_ISLNK(st.st_mode))
		return;
	if (is_root) {
		mode = mode_by_setting(st.st_mode & 07777, shared);
	} else {
		mode = mode_below(st.st_mode, &root);
		/* The group's permissions are for the group of the folder. */
		if (st.st_gid != root.st_gid &&
		    (fd < 0 ? lchown(path, (uid_t)-1, root.st_gid) :
			      fchown(fd, (uid_t)-1, root.st_gid)))
			mode = (mode & ~(mode_t)(S_ISGID | 070)) |
			       (st.st_mode & 070);
	}
	/* A file system without permissions refuses, and nothing is lost. */
	if (mode != (st.st_mode & 07777))
		(void)!(fd < 0 ? chmod(path, mode) : fchmod(fd, mode));
}

int dv_own_open(const char *path, int flags, mode_t mode)
{
	int fd = open(path, flags | O_CREAT | O_CLOEXEC, mode);

	if (fd >= 0 && (mode & 077))
		adopt(fd, path);
	return fd;
}

void dv_own_adopt(const char *path)
{
	adopt(-1, path);
}
