#!/bin/sh
# Workflow 13: cherry-pick, revert.
. "$(dirname "$0")/../lib.sh"

history_repo repo
cd repo || exit 1
cp -R ../v2 ../both
cp ../s1/sub/large.bin ../both/sub/large.bin
cp ../s1/side.bin ../both/side.bin

ok 'cherry-pick' git cherry-pick side
ok 'content of both' tree_is . ../both
ok 'revert' git revert --no-edit HEAD
ok 'content of main' tree_is . ../v2
ok 'revert the revert' git revert --no-edit HEAD
ok 'content of both' tree_is . ../both
must git reset -q --hard v2
ok 'cherry-pick -n' git cherry-pick -n side
ok 'content of both' same_tree . ../both
ok 'no pointer' no_pointers .
is 'is staged' "$(git status --porcelain | tr '\n' ',')" 'A  side.bin,M  sub/large.bin,'
must git reset -q --hard v2
ok 'revert of main' git revert --no-edit HEAD
ok 'content of v1' tree_is . ../v1
must git reset -q --hard v2

# Several commits at once, over the same big file.
must git checkout -q -b many v1
for i in 1 2 3 4; do
	patch_file big.bin $((i * 100000)) "edit $i"
	echo "$i" >"file$i"
	must git add -A
	must git commit -qm "many $i"
done
snapshot . ../many
must git checkout -q -b target side
ok 'cherry-pick a range' git cherry-pick v1..many
ok 'big.bin of the last' cmp big.bin ../many/big.bin
ok 'side.bin of side' cmp side.bin ../s1/side.bin
ok 'no pointer' no_pointers .
ok 'clean' status_clean
ok 'revert a range' git revert --no-edit HEAD~4..HEAD
ok 'content of side' tree_is . ../s1

# Conflicts.
must git checkout -q main
fails 'cherry-pick with a conflict' git cherry-pick many~3
ok 'is ours' cmp big.bin ../v2/big.bin
ok 'no pointer' no_pointers .
ok 'abort' git cherry-pick --abort
ok 'content of main' tree_is . ../v2
fails 'again' git cherry-pick many~3
ok 'take theirs' git checkout -q --theirs big.bin
must git add big.bin
ok 'continue' git cherry-pick --continue
ok 'theirs' sh -c 'test "$(git rev-parse HEAD:big.bin)" = "$(git rev-parse many~3:big.bin)"'
ok 'no pointer' no_pointers .
ok 'clean' status_clean
must git reset -q --hard v2
fails 'a range with a conflict' git cherry-pick many~4..many~2
ok 'skip' sh -c 'git cherry-pick --skip || git cherry-pick --skip'
ok 'content of main' tree_is . ../v2

done_testing
