#!/bin/sh
# Workflows 19 format-patch, am; 20 apply --index.
. "$(dirname "$0")/../lib.sh"

history_repo repo
cd repo || exit 1
cp -R ../v2 ../both
cp ../s1/sub/large.bin ../both/sub/large.bin
cp ../s1/side.bin ../both/side.bin

ok 'format-patch' git format-patch -q -o ../patches v1..side
ok 'the patch is small' sh -c 'test "$(cat ../patches/* | wc -c)" -lt 20000'
ok 'am' git am -q ../patches/*.patch
ok 'content of both' tree_is . ../both
must git reset -q --hard v2
ok 'am -3' git am -q -3 ../patches/*.patch
ok 'content of both' tree_is . ../both
must git reset -q --hard v2
must git checkout -q -B old v1
ok 'format-patch --stdout | am' sh -c 'git format-patch --stdout v1..main | git am -q'
ok 'content of main' tree_is . ../v2
must git checkout -q -B side2 side
patch_file sub/large.bin 1000000 'edited once more'
must git commit -qam again
must git checkout -q -f main
fails 'a patch that does not apply' sh -c 'git format-patch --stdout -1 side2 | git am -q'
ok 'nothing changed' same_tree . ../v2
ok 'am --abort' git am --abort
ok 'content of main' tree_is . ../v2

git diff v1 side >../side.diff
ok 'apply --index' git apply --index ../side.diff
ok 'content of both' same_tree . ../both
ok 'no pointer' no_pointers .
is 'it is staged' "$(git status --porcelain | tr '\n' ',')" 'A  side.bin,M  sub/large.bin,'
ok 'apply -R --index' git apply -R --index ../side.diff
ok 'content of main' tree_is . ../v2
ok 'apply --check' git apply --check ../side.diff
ok 'apply --cached' git apply --cached ../side.diff
ok 'the worktree is as before' same_tree . ../v2
ok 'the index is not' sh -c 'test "$(git rev-parse :sub/large.bin)" = "$(git rev-parse side:sub/large.bin)"'
must git reset -q --hard
ok 'apply --3way' git apply --3way ../side.diff
ok 'content of both' same_tree . ../both
ok 'no pointer' no_pointers .
must git reset -q --hard
ok 'diff of a worktree edit, applied elsewhere' sh -c '
	cp big.bin ../keep && printf "%s" edit >>big.bin && cp big.bin ../edited &&
	git diff >../edit.diff && git add big.bin && git reset -q --hard && cmp big.bin ../keep &&
	git apply --index ../edit.diff && cmp big.bin ../edited'

done_testing
