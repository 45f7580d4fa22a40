#!/bin/sh
# Workflow 39: a file of exactly 4 GiB, whose size is 0 in Git's index. Git before 2.43 cleans
# such a file again for every status; right it must be all the same. Needs 10 GB of disk.
. "$(dirname "$0")/../lib.sh"

test -n "${DV_TEST_LARGE-}" || skip_all 'set DV_TEST_LARGE=1 to run it'

new_repo repo
cd repo || exit 1
dd if=/dev/zero of=big.bin bs=1 count=0 seek=4294967296 2>/dev/null
make_noise noise 3000000 1
dd if=noise of=big.bin bs=1000000 seek=2000 conv=notrunc 2>/dev/null
rm noise
sum=$(sha256 <big.bin)
ok 'add' git add big.bin
is 'the pointer has the size' "$(git cat-file blob :big.bin | sed -n 3p)" 'size 4294967296'
must git commit -qm '4 GiB'
ok 'clean' status_clean
must git checkout -q HEAD~1
ok 'checkout' git checkout -q main
is 'content' "$(sha256 <big.bin)" "$sum"
ok 'clean' status_clean
patch_file big.bin 3000000000 edited
is 'an edit is seen' "$(git status --porcelain)" ' M big.bin'
ok 'restore' git restore big.bin
is 'content' "$(sha256 <big.bin)" "$sum"
ok 'clean' status_clean

done_testing
