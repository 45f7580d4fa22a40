#!/bin/sh
# Somebody writes into a file at the very moment that its content is put in place: what was
# written is never removed, wherever it ends up.
. "$(dirname "$0")/../lib.sh"

# The file is edited before the exchange; it disappears before it is exchanged back; with
# AGAIN=1 it is there anew before the edit gets its name back.
cat >race.c <<'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void text(int dir, const char *name, const char *what)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, what, strlen(what)) < 0)
		abort();
	close(fd);
}

int renameat2(int a, const char *from, int b, const char *to, unsigned int flags)
{
	static int exchanges, moves;

	if (flags == 2 && ++exchanges == 1)
		text(b, to, "an edit\n");
	else if (flags == 2 && exchanges == 2)
		unlinkat(b, to, 0);
	else if (flags == 1 && ++moves == 1 && getenv("AGAIN"))
		text(b, to, "another\n");
	return (int)syscall(SYS_renameat2, a, from, b, to, flags);
}
END
if ! ${CC:-cc} -shared -fPIC -o race.so race.c 2>/dev/null ||
   nm "$DV_BUILD_DIR/git-dv-filter" 2>/dev/null | grep -q __asan_init; then
	echo "1..0 # SKIP needs a C compiler, and programs without sanitizers"
	exit 0
fi
new_repo repo
cd repo || exit 1
make_noise a.bin 3000000 1
must git add -A
must git commit -qm a
for again in '' 1; do
	rm -f a.bin
	ok 'checkout' env ${again:+AGAIN=1} LD_PRELOAD="$T/race.so" git checkout -q -- a.bin
	if test "$again"; then
		is 'what came last has the name' "$(cat a.bin)" another
		is 'the edit is beside it' "$(cat a.bin.edited-*)" 'an edit'
		says 'and that is said' 'a.bin.edited-'
		rm -f a.bin.edited-*
	else
		is 'the edit has its name back' "$(cat a.bin)" 'an edit'
	fi
	is 'nothing else is left' "$(ls)" a.bin
done
rm -f a.bin
ok 'checkout' git checkout -q -- a.bin
ok 'clean' status_clean
done_testing
