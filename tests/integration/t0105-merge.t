#!/bin/sh
# Workflows 10 merge, fast-forward and true; 11 merge --no-commit, --abort; 12 conflict on a
# big file, --ours, --theirs.
. "$(dirname "$0")/../lib.sh"

history_repo repo
cd repo || exit 1

must git checkout -q -b ff v1
ok 'fast-forward' git merge -q --ff-only main
ok 'content of main' tree_is . ../v2
must git checkout -q -b no-ff v1
ok 'merge --no-ff' git merge -q --no-ff -m merged main
ok 'content of main' tree_is . ../v2

cp -R ../v2 ../both
cp ../s1/sub/large.bin ../both/sub/large.bin
cp ../s1/side.bin ../both/side.bin
must git checkout -q -b true main
ok 'true merge' git merge -q -m merged side
ok 'content of both' tree_is . ../both
is 'with two parents' "$(git rev-list --parents -n 1 HEAD | wc -w | tr -d ' ')" 3
ok 'the merge can be checked out' sh -c 'git checkout -q v1 && git checkout -q true'
ok 'content of both' tree_is . ../both
must git checkout -q -b recursive main
ok 'merge -s recursive' git merge -q -s recursive -m merged side
ok 'content of both' tree_is . ../both
must git checkout -q -b squashed main
ok 'merge --squash' git merge -q --squash side
ok 'content of both' same_tree . ../both
ok 'no pointer' no_pointers .
must git commit -qm squashed
ok 'commit' tree_is . ../both

must git checkout -q -b waiting main
ok 'merge --no-commit' git merge -q --no-commit --no-ff side
ok 'content of both' same_tree . ../both
ok 'no pointer' no_pointers .
ok 'agrees with the index' git diff --quiet
ok 'merge --abort' git merge --abort
ok 'content of main' tree_is . ../v2
must git merge -q --no-commit --no-ff side
ok 'commit ends the merge' git commit -qm merged
ok 'content of both' tree_is . ../both

# -X renormalize makes clean see content that is not the file on disk.
must git checkout -q -b renorm main
ok 'merge -X renormalize' git merge -q -X renormalize -m merged side
ok 'content of both' tree_is . ../both

# A conflict on a big and on a small file.
must git checkout -q -b left v1
patch_file big.bin 100 'left was here'
echo '{"id": 1000001}' >>small.json
snapshot . ../left
must git commit -qam left
must git tag left0
must git checkout -q -b right v1
patch_file big.bin 100 'RIGHT WAS HERE'
echo '{"id": 2000002}' >>small.json
make_noise right.bin 1200000 12
snapshot . ../right
must git add -A
must git commit -qm right
must git checkout -q left
fails 'a conflict stops the merge' git merge -q right
is 'both files conflict' "$(git status --porcelain | tr '\n' ',')" \
	'UU big.bin,A  right.bin,UU small.json,'
ok 'the big file is ours' cmp big.bin ../left/big.bin
ok 'the small one too' cmp small.json ../left/small.json
ok 'what did not conflict is placed' cmp right.bin ../right/right.bin
ok 'no pointer' no_pointers .
ok 'status says nothing else after a refresh' sh -c 'git update-index -q --refresh; test "$(git status --porcelain | wc -l)" -eq 3'
ok 'merge --abort' git merge --abort
ok 'content of left' tree_is . ../left

run git merge -q right
ok 'checkout --theirs' git checkout -q --theirs -- big.bin small.json
ok 'the big file is theirs' cmp big.bin ../right/big.bin
ok 'the small one too' cmp small.json ../right/small.json
ok 'checkout --ours' git checkout -q --ours -- small.json
ok 'is ours' cmp small.json ../left/small.json
must git add big.bin small.json
ok 'commit the resolution' git commit -qm resolved
ok 'big.bin is theirs in the commit' sh -c \
	'test "$(git rev-parse HEAD:big.bin)" = "$(git rev-parse right:big.bin)"'
ok 'small.json is ours' sh -c \
	'test "$(git rev-parse HEAD:small.json)" = "$(git rev-parse left:small.json)"'
ok 'clean' status_clean
ok 'no pointer' no_pointers .
must git reset -q --hard left0
run git merge -q right
ok 'restore --theirs' git restore --theirs big.bin
ok 'is theirs' cmp big.bin ../right/big.bin
ok 'checkout -m makes the conflict anew' git checkout -q -m -- big.bin
ok 'no pointer' no_pointers .
must git merge --abort
ok 'merge -s ours' git merge -q -s ours -m ours right
ok 'is ours' tree_is . ../left

# Deleted here, edited there.
must git checkout -q -b gone v1
must git rm -q big.bin
must git commit -qm gone
fails 'delete against edit conflicts' git merge -q right
ok 'the edited file is there with content' cmp big.bin ../right/big.bin
ok 'no pointer' no_pointers .
must git merge --abort
ok 'abort' status_clean

# Octopus.
must git checkout -q -b octo v1
must git branch o1 v1
must git checkout -q o1
make_noise o1.bin 1100000 13
must git add -A
must git commit -qm o1
must git checkout -q octo
ok 'octopus' git merge -q -m octopus o1 side
ok 'has one side' cmp side.bin ../s1/side.bin
ok 'and the other' test -f o1.bin
ok 'no pointer' no_pointers .
ok 'clean' status_clean

# -X theirs is not told to merge drivers: what the manual says to do then.
must git init -q strategy
must git -C strategy dv init
must git -C strategy dv track '*.bin'
cd strategy || exit 1
for f in a b; do make_noise "$f.bin" 3000 "${#f}0"; done
must git add -A
must git commit -qm base
must git checkout -qb x
make_noise a.bin 3000 91
make_noise b.bin 3000 92
must git commit -qam x
snapshot . ../theirs
must git checkout -q main
make_noise a.bin 3000 93
make_noise b.bin 3000 94
must git commit -qam ours
fails 'merge -X theirs of data is a conflict' git merge -q -X theirs x
says 'and says how to choose' "git checkout --ours' or '--theirs'"
ok 'for all files' sh -c 'git checkout -q --theirs . && git add -u && git commit -qm merged'
ok 'content' tree_is . ../theirs

# Merge bases that conflict: the one of the base, not a side's, and no words about it.
must git reset -q --hard HEAD^
must git tag main1
must git checkout -q x
must git tag x1
run git merge -q main1
must git checkout --ours .
must git add -u
must git commit -qm 'x keeps its own'
must git checkout -q main
run git merge -q x1
must git checkout --ours .
must git add -u
must git commit -qm 'main keeps its own'
fails 'a criss-cross of both choices is a conflict' git merge x
is 'which is told of once' "$(cat "$T_OUT" "$T_ERR" | grep -c "'a.bin' was changed on both sides")" 1
must git merge --abort
cd .. || exit 1

done_testing
