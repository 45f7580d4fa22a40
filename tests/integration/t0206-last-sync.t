#!/bin/sh
# The disk fails at the filter's last sync, when git has stopped listening: the index names content
# that is not safe. The commit must be refused, and adding again must repair it.
. "$(dirname "$0")/../lib.sh"

cat >fail.c <<'END'
#include <errno.h>
int fdatasync(int fd) { (void)fd; errno = EIO; return -1; }
END
if ! ${CC:-cc} -shared -fPIC -o fail.so fail.c 2>/dev/null ||
   nm "$DV_BUILD_DIR/git-dv-filter" 2>/dev/null | grep -q __asan_init; then
	echo "1..0 # SKIP needs a C compiler, and programs without sanitizers"
	exit 0
fi
new_repo repo
cd repo || exit 1
make_noise a.bin 3000000 1
ok 'git add does not see it' sh -c "LD_PRELOAD='$PWD/../fail.so' git add a.bin"
says 'but the filter says it' 'is not safe in the store'
fails 'the commit is refused' git commit -qm bad
says 'names the file' a.bin
says 'says what to do' 'git add'
ok 'add again' git add a.bin
ok 'and commit' git commit -qm good
ok 'verify' git dv verify
ok 'the content is there' sh -c 'git dv cat a.bin | cmp - a.bin'
ok 'nothing is noted any more' test ! -e .git/dv/unsafe
ok 'clean' status_clean

# --- a filter that was killed, and a look that fails ---
mkdir -p .git/dv/running
: >.git/dv/running/00112233445566778899aabbccddeeff
echo more >>a.bin
must git add a.bin
mkdir .git/dv/unsafe
code 1 'the hook fails where a note cannot be read' git dv hook pre-commit
says 'says that nothing is known' 'cannot be told'
ok 'the other note stays' test -e .git/dv/running/00112233445566778899aabbccddeeff
rmdir .git/dv/unsafe
ok 'the commit is right once it can be looked at' git commit -qm more
ok 'and the note is gone' test ! -e .git/dv/running/00112233445566778899aabbccddeeff
done_testing
