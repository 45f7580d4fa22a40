#!/bin/sh
# Workflow 39: symbolic links, hard links and directories in the way of a file, or of its
# parent, at checkout and at the moment of placement; edits that arrive just before placement.
# Nothing is written outside of the worktree, and nothing of the user's is overwritten.
. "$(dirname "$0")/../lib.sh"

history_repo repo
mkdir outside
echo precious >outside/large.bin
cp -R outside outside.before
cd repo || exit 1

# No hook may place content before the seam is reached.
mkdir ../no-hooks
must git config core.hooksPath "$T/no-hooks"
must git config dv.hooks false
must git checkout -q --orphan none
must git rm -rfq .
must git commit -q --allow-empty -m none

# race COMMANDS: run COMMANDS between Git's last word and placement of v1.
race() {
	git checkout -q -f none 2>/dev/null
	git reset -q --hard
	rm -rf sub sub.moved ./*.bin
	at_eof "$T/race" "$1"
	run git -c filter.dv.process="$T/race" checkout -q --detach v1
}
same_outside() {
	diff -r ../outside ../outside.before
}

race ':'
ok 'the seam works: everything is placed' tree_is . ../v1

race 'mv sub sub.moved && ln -s ../outside sub'
ok 'a parent that became a link is not followed' same_outside
ok 'the other file is placed' cmp big.bin ../v1/big.bin
ok 'the pointer that was moved is untouched' is_pointer sub.moved/large.bin
rm sub
mv sub.moved sub
ok 'dv checkout places it later' git dv checkout
ok 'all content' tree_is . ../v1

race 'cp sub/large.bin ../outside/ptr && mv sub sub.moved && cp -R ../outside ../o2 &&
	mv ../outside/ptr ../outside/large.bin && ln -s ../outside sub'
ok 'not even where a pointer lies outside' is_pointer ../outside/large.bin
cp ../outside.before/large.bin ../outside/large.bin
rm -rf ../o2 sub sub.moved

race 'cp big.bin ../outside/big.bin && rm big.bin && ln -s ../outside/big.bin big.bin'
ok 'a link in the place of the file is not followed' is_pointer ../outside/big.bin
ok 'and stays what it is' test -L big.bin
ok 'the other file is placed' cmp sub/large.bin ../v1/sub/large.bin
rm -f ../outside/big.bin big.bin
ok 'dv checkout after the link is gone' sh -c 'git checkout -q -f . && git dv checkout'
ok 'all content' tree_is . ../v1

race 'ln big.bin ../outside/hard'
ok 'a hard link outside is not written to' is_pointer ../outside/hard
ok 'the file is placed' cmp big.bin ../v1/big.bin
ok 'clean' status_clean
rm ../outside/hard

race 'rm big.bin && mkdir big.bin && echo mine >big.bin/mine'
is 'a directory in the place of the file is kept' "$(cat big.bin/mine)" mine
ok 'the other file is placed' cmp sub/large.bin ../v1/sub/large.bin

race 'echo my edit >big.bin'
is 'an edit that came before placement is kept' "$(cat big.bin)" 'my edit'
is 'and is modified' "$(git status --porcelain)" ' M big.bin'
ok 'the other file is placed' cmp sub/large.bin ../v1/sub/large.bin

race 'printf x >>big.bin'
is 'a pointer that was appended to is kept' "$(tail -c 1 big.bin)" x

race 'rm big.bin'
ok 'a file that was deleted stays deleted' test ! -e big.bin
is 'and is deleted for Git' "$(git status --porcelain)" ' D big.bin'

race 'rm -rf sub'
ok 'a directory that was deleted stays deleted' test ! -e sub

race 'mkfifo fifo.bin && rm big.bin && mv fifo.bin big.bin'
ok 'a pipe in the place of the file does not hang, and is kept' test -p big.bin
rm -f big.bin

race 'chmod a-w sub'
run git dv checkout
chmod u+w sub
ok 'a directory without write permission' git dv checkout
ok 'all content in the end' tree_is . ../v1

race 'chmod +x big.bin'
ok 'a mode change before placement is kept' test -x big.bin
must git checkout -q -f .

# The index is locked by another at that moment; or changed by another.
race 'touch .git/index.lock'
ok 'a foreign index.lock is not removed' test -e .git/index.lock
rm -f .git/index.lock
run git dv checkout
ok 'afterwards dv checkout makes all right' tree_is . ../v1
race 'git update-index --assume-unchanged plain.txt; echo other >other.txt; git add other.txt'
ok 'an index that another command wrote keeps its change' sh -c 'git ls-files | grep -qx other.txt'
ok 'content' cmp big.bin ../v1/big.bin
is 'status' "$(git status --porcelain)" 'A  other.txt'
must git rm -fq other.txt
race 'git checkout -q -f v2'
ok 'another checkout in between wins' sh -c 'cmp big.bin ../v2/big.bin && cmp new.bin ../v2/new.bin'
ok 'no pointer' no_pointers .
race 'git rm -q --cached big.bin'
ok 'a file that left the index is no pointer, or is one' sh -c 'cmp big.bin ../v1/big.bin ||
	head -n 1 big.bin | grep -qx "version git-dv/1"'
is 'and stays out of the index' "$(git ls-files big.bin)" ''

# Plain Git commands with things in the way.
must git reset -q --hard
must git checkout -q -f v1
rm -rf sub
ln -s ../outside sub
run git checkout -q -f v2
ok 'checkout over a link to a directory' same_outside
run git checkout -q -f v2 -- .
ok 'content' cmp sub/large.bin ../v2/sub/large.bin
ok 'is no link any more' test ! -L sub
rm -f big.bin
ln -s ../outside/large.bin big.bin
ok 'checkout over a link' git checkout -q -- big.bin
ok 'content' cmp big.bin ../v2/big.bin
ok 'is no link any more' test ! -L big.bin
ok 'nothing outside changed' same_outside

# dv's own commands with links in the way.
must git checkout -q -f none
GIT_DV_SKIP_SMUDGE=1 git checkout -q -f v1
ok 'pointers to begin with' is_pointer sub/large.bin
cp big.bin ../ptr
cp sub/large.bin ../outside/large.bin
mv sub sub.moved
ln -s ../outside sub
run git dv checkout
ok 'dv checkout does not follow a link to a directory' is_pointer ../outside/large.bin
run git dv checkout sub/large.bin
ok 'not by name either' is_pointer ../outside/large.bin
run git dv add sub/large.bin
ok 'dv add neither' is_pointer ../outside/large.bin
rm sub
mv sub.moved sub
cp ../ptr ../outside/big.bin
rm -f big.bin
ln -s ../outside/big.bin big.bin
run git dv checkout big.bin
ok 'nor a link to a file' is_pointer ../outside/big.bin
rm big.bin ../outside/big.bin
ok 'all is well without them' sh -c 'git checkout -q -f v1 -- . && git dv checkout'
ok 'content' tree_is . ../v1
cp ../outside.before/large.bin ../outside/large.bin
ok 'a tracked name that is a link stays a link' sh -c 'ln -s ../outside/large.bin link.bin && git add link.bin &&
	test "$(git ls-files -s link.bin | cut -c1-6)" = 120000'
must git rm -fq link.bin

# What is in the way is named, and no success.
must git checkout -q -f none
GIT_DV_SKIP_SMUDGE=1 git checkout -q -f v1
blocked() {
	fails "checkout with $1" git dv checkout
	says 'it is named' "$2"
	fails 'by name' git dv checkout "$2"
	fails 'pull' git dv pull "$2"
	says 'it is named' "$2"
	fails 'a dry run' git dv pull -n
}
rm big.bin
mkdir big.bin
blocked 'a folder in the way' big.bin
ok 'the others are placed' cmp sub/large.bin ../v1/sub/large.bin
rmdir big.bin
ln -s ../outside/none big.bin
blocked 'a link in the way' big.bin
rm big.bin
mkfifo big.bin
blocked 'a FIFO in the way' big.bin
rm big.bin
ok 'a deleted file is the wish of the user' git dv checkout
must git checkout -q -- big.bin
mv sub sub.moved
ln -s sub.moved sub
blocked 'a link as folder' sub/large.bin
rm sub
echo >sub
blocked 'a file as folder' sub/large.bin
rm sub
ok 'a deleted folder' git dv checkout
mv sub.moved sub
echo edit >big.bin
ok 'an edit' git dv checkout
must git checkout -q -f .
ok 'content' tree_is . ../v1
ok 'nothing outside changed' same_outside

# A tree that holds a link and, on another branch, a directory of that name.
must git checkout -q -f -B linked v1
must git rm -rq sub
must ln -s ../outside sub
must git add sub
must git commit -qm link
ok 'from a directory to a link' sh -c 'git checkout -q v1 && git checkout -q linked && test -L sub'
ok 'and back' git checkout -q v1
ok 'content' tree_is . ../v1
ok 'nothing outside changed' same_outside

# What the system does not let us read or replace is named, and left.
mortal() {
	if test "$(id -u)" = 0; then
		setpriv --bounding-set=-dac_override,-dac_read_search -- "$@"
	else
		"$@"
	fi
}
if ! mortal true 2>/dev/null; then
	skip 16 'no setpriv(1), and this is root'
	done_testing
fi
must env GIT_DV_SKIP_SMUDGE=1 git checkout -q none
must env GIT_DV_SKIP_SMUDGE=1 git checkout -q v1
chmod a-w sub
fails 'a folder that takes no writing' mortal git dv checkout
says 'is named, with the reason' "'sub/large.bin' is left as a pointer: Permission denied"
says 'and counted' '1 file is left as a pointer'
says_not 'with no advice that does not help' 'git dv pull'
ok 'all else is placed' cmp big.bin ../v1/big.bin
fails 'a pull' mortal git dv pull
says 'names it too' "'sub/large.bin' is left as a pointer: Permission denied"
chmod u+w sub
chmod 000 sub/large.bin
fails 'a file that cannot be read' mortal git dv checkout
says 'is named' "'sub/large.bin' is left as a pointer: Permission denied"
chmod 644 sub/large.bin
chmod 000 sub
fails 'a folder that cannot be read' mortal git dv checkout
says 'is named' "'sub/large.bin' is not placed: Permission denied"
chmod 755 sub
ok 'at last' mortal git dv checkout
ok 'all is in its place' tree_is . ../v1
chmod 000 big.bin
ok 'content that cannot be read is not in the way' mortal git dv checkout
chmod 644 big.bin
chmod a-w .
ok 'with nothing to place, no folder matters' mortal git dv checkout
chmod u+w .
ok 'all is as it was' tree_is . ../v1

done_testing
