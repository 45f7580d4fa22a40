/*
 * For LD_PRELOAD: make one call that writes to disk fail, or be the last.
 *
 *	DV_FAIL_NAME	programs that it applies to, as "a:b"
 *	DV_FAIL_COUNT	a file of at least 8 bytes, shared by all of them: how many
 *			such calls there were
 *	DV_FAIL_AT	the number of the call, from 1; 0 only counts
 *	DV_FAIL_HOW	"error": ENOSPC, or EIO from a sync; "full": the same for all
 *			later calls too; "kill": the process ends at once
 *	DV_FAIL_LOG	a file that gets the call's name and, where it has one, path
 *	DV_FAIL_UNLINK	if set, unlink counts too, and fails with EIO
 *
 * Counted are write and its kin on regular files, syncs, renames, links, making
 * folders, and opening for writing. The counting itself uses bare system calls.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static uint64_t *counter;
static uint64_t at;
static enum { OFF, ERROR, FULL, KILL } how;
static int counts_unlink;

static int applies(const char *names)
{
	size_t n = strlen(program_invocation_short_name);

	for (const char *p = names; p && *p; p = strchr(p, ':'),
	     p = p ? p + 1 : NULL)
		if (!strncmp(p, program_invocation_short_name, n) &&
		    (!p[n] || p[n] == ':'))
			return 1;
	return 0;
}

__attribute__((constructor)) static void start(void)
{
	const char *names = getenv("DV_FAIL_NAME");
	const char *file = getenv("DV_FAIL_COUNT");
	const char *n = getenv("DV_FAIL_AT"), *what = getenv("DV_FAIL_HOW");
	void *map;
	long fd;

	if (!names || !file || !applies(names))
		return;
	fd = syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC, 0);
	if (fd < 0)
		return;
	map = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
	syscall(SYS_close, fd);
	if (map == MAP_FAILED)
		return;
	counter = map;
	at = n ? strtoull(n, NULL, 10) : 0;
	counts_unlink = getenv("DV_FAIL_UNLINK") != NULL;
	how = what && !strcmp(what, "kill") ? KILL :
	      what && !strcmp(what, "full") ? FULL : ERROR;
}

static void note(const char *call, const char *path)
{
	const char *file = getenv("DV_FAIL_LOG");
	char line[1024];
	size_t n = 0, room = sizeof(line) - 1;
	long fd;

	if (!file)
		return;
	for (const char *p = call; *p && n < room; p++)
		line[n++] = *p;
	if (path && n < room) {
		line[n++] = ' ';
		for (; *path && n < room; path++)
			line[n++] = *path;
	}
	line[n++] = '\n';
	fd = syscall(SYS_openat, AT_FDCWD, file,
		     O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd >= 0) {
		syscall(SYS_write, fd, line, n);
		syscall(SYS_close, fd);
	}
}

/* 1, with errno: this call is to fail. */
static int fails(const char *call, const char *path, int error)
{
	uint64_t n;

	if (!counter)
		return 0;
	n = __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
	if (!at || n < at || (n > at && how != FULL))
		return 0;
	if (n == at)
		note(call, path);
	if (how == KILL)
		syscall(SYS_exit_group, 137);
	errno = error;
	return 1;
}

static int regular(int fd)
{
	struct stat st;

	return counter && !fstat(fd, &st) && S_ISREG(st.st_mode);
}

#define REAL(name) __extension__ ({ \
	static __typeof__(&name) real_; \
	if (!real_) \
		real_ = (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
	real_; })

ssize_t write(int fd, const void *p, size_t n)
{
	if (regular(fd) && fails("write", NULL, ENOSPC))
		return -1;
	return REAL(write)(fd, p, n);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t off)
{
	if (regular(fd) && fails("pwrite", NULL, ENOSPC))
		return -1;
	return REAL(pwrite)(fd, p, n, off);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t off)
{
	if (regular(fd) && fails("pwrite", NULL, ENOSPC))
		return -1;
	return REAL(pwrite64)(fd, p, n, off);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	if (regular(fd) && fails("writev", NULL, ENOSPC))
		return -1;
	return REAL(writev)(fd, v, n);
}

ssize_t pwritev(int fd, const struct iovec *v, int n, off_t off)
{
	if (regular(fd) && fails("pwritev", NULL, ENOSPC))
		return -1;
	return REAL(pwritev)(fd, v, n, off);
}

ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t off)
{
	if (regular(fd) && fails("pwritev", NULL, ENOSPC))
		return -1;
	return REAL(pwritev64)(fd, v, n, off);
}

int fsync(int fd)
{
	return fails("fsync", NULL, EIO) ? -1 : REAL(fsync)(fd);
}

int fdatasync(int fd)
{
	return fails("fdatasync", NULL, EIO) ? -1 : REAL(fdatasync)(fd);
}

int rename(const char *from, const char *to)
{
	return fails("rename", to, ENOSPC) ? -1 : REAL(rename)(from, to);
}

int renameat(int a, const char *from, int b, const char *to)
{
	if (fails("renameat", to, ENOSPC))
		return -1;
	return REAL(renameat)(a, from, b, to);
}

int renameat2(int a, const char *from, int b, const char *to,
	      unsigned int flags)
{
	if (fails("renameat2", to, ENOSPC))
		return -1;
	return REAL(renameat2)(a, from, b, to, flags);
}

int link(const char *from, const char *to)
{
	return fails("link", to, ENOSPC) ? -1 : REAL(link)(from, to);
}

int unlink(const char *path)
{
	if (counts_unlink && fails("unlink", path, EIO))
		return -1;
	return REAL(unlink)(path);
}

int mkdir(const char *path, mode_t mode)
{
	return fails("mkdir", path, ENOSPC) ? -1 : REAL(mkdir)(path, mode);
}

#define WRITES(flags) (((flags) & O_ACCMODE) != O_RDONLY || (flags) & O_CREAT)
#define MODE(mode) do { \
	va_list ap_; \
	va_start(ap_, flags); \
	(mode) = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap_, mode_t) : 0; \
	va_end(ap_); \
} while (0)

int open(const char *path, int flags, ...)
{
	mode_t mode;

	MODE(mode);
	if (WRITES(flags) && fails("open", path, ENOSPC))
		return -1;
	return REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	mode_t mode;

	MODE(mode);
	if (WRITES(flags) && fails("open", path, ENOSPC))
		return -1;
	return REAL(open64)(path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
	mode_t mode;

	MODE(mode);
	if (WRITES(flags) && fails("openat", path, ENOSPC))
		return -1;
	return REAL(openat)(dir, path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
	mode_t mode;

	MODE(mode);
	if (WRITES(flags) && fails("openat", path, ENOSPC))
		return -1;
	return REAL(openat64)(dir, path, flags, mode);
}
