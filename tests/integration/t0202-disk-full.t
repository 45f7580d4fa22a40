#!/bin/sh
# Workflow 38: the disk is full in clean, in smudge, in placement, in push.
. "$(dirname "$0")/../lib.sh"

history_repo repo
cd repo || exit 1
make_noise ../large 20000000 80

# A limit on the size of files stands for a full disk where nothing can be mounted.
limited() (
	trap '' XFSZ
	ulimit -f 4096
	"$@"
)
cp ../large large.bin
fails 'add when the store cannot grow' limited git add large.bin
says 'names the file' large.bin
fails 'stages nothing' git rev-parse --verify -q :large.bin
ok 'leaves the file alone' cmp large.bin ../large
ok 'the store is well' git dv verify
ok 'add when it can' git add large.bin
ok 'is whole' sh -c 'git cat-file --filters :large.bin | cmp - ../large'
must git commit -qm large
must git tag large
cd .. || exit 1

if ! small_disk "$T/disk" 12m; then
	skip 1 'cannot mount a small file system'
	done_testing
fi

# The store on the full disk.
must git clone -q -n repo full
cd full || exit 1
must git dv install --local
must git config dv.store "$T/disk/store"
must git dv init
cp ../repo/.gitattributes .
make_noise a.bin 3000000 81
ok 'add while there is room' git add a.bin
cp ../large large.bin
fails 'add when the disk is full' git add large.bin
says 'names the file' large.bin
ok 'what was there before is whole' sh -c 'git cat-file --filters :a.bin | cmp - a.bin'
fails 'dv add when the disk is full' git dv add large.bin
ok 'leaves the file alone' cmp large.bin ../large
rm -f large.bin
make_noise b.bin 2000000 82
ok 'a smaller file still fits' git add b.bin
ok 'verify' git dv verify --full
cd .. || exit 1
rm -rf disk/*

# The worktree on the full disk.
must git init -q disk/wt
cd disk/wt || exit 1
must git dv install --local
must git config dv.store "$T/repo/.git/dv"
must git remote add origin "$T/repo"
must git fetch -q --tags origin main
must git checkout -q v1
ok 'a small version fits' tree_is . "$T/v1"
run git checkout -q large
ok 'the large file is a pointer or not there at all' sh -c 'test ! -e large.bin ||
	{ head -n 1 large.bin | grep -qx "version git-dv/1"; }'
ok 'what was there is not damaged' cmp sub/large.bin "$T/v1/sub/large.bin"
if test -e large.bin; then
	ok 'dv status names what is left as a pointer' git dv status
	says 'by name' large.bin
	fails 'dv checkout cannot place it' git dv checkout
	says 'names it' large.bin
	ok 'it is still a pointer' is_pointer large.bin
fi
ok 'nothing temporary is left' sh -c 'test "$(du -sk . | cut -f1)" -lt 12000'
ok 'back to what fits' git checkout -q -f v1
run git dv checkout
ok 'content' tree_is . "$T/v1"
cd "$T" || exit 1
rm -rf disk/*

# The remote on the full disk.
must git -C repo dv remote add store "$T/disk/remote"
must git init -q --bare remote.git
must git -C repo remote add origin "$T/remote.git"
must git -C repo add -A
must git -C repo commit -qm 'name the store'
fails 'push when the store is full' git -C repo push -q origin main
fails 'no ref arrived' git -C remote.git rev-parse --verify -q refs/heads/main
must mount -o remount,size=60m "$T/disk"
ok 'push when there is room' git -C repo push -q origin main
must git dv install
ok 'clone' git clone -q remote.git c
ok 'is whole' cmp c/large.bin large
ok 'no pointer' no_pointers c

done_testing
