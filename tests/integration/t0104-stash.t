#!/bin/sh
# Workflows 8 stash push, pop, --index; 9 stash -u.
. "$(dirname "$0")/../lib.sh"

history_repo repo
cd repo || exit 1

edit() {
	patch_file big.bin 5000 'an edit to stash'
	patch_file sub/large.bin 5000 'another'
	echo '{"id": 7}' >>small.json
	echo stashed >>plain.txt
}

edit
snapshot . ../edited
ok 'stash' git stash -q
ok 'the worktree is HEAD' tree_is . ../v2
ok 'stash pop' git stash pop -q
ok 'the edits are back' same_tree . ../edited
ok 'no pointer' no_pointers .
is 'they are modified' "$(git status --porcelain | tr '\n' ',')" \
	' M big.bin, M plain.txt, M small.json, M sub/large.bin,'

must git add big.bin
ok 'stash with something staged' git stash -q
ok 'the worktree is HEAD' tree_is . ../v2
ok 'stash pop --index' git stash pop -q --index
ok 'the edits are back' same_tree . ../edited
is 'what was staged is staged' "$(git status --porcelain | tr '\n' ',')" \
	'M  big.bin, M plain.txt, M small.json, M sub/large.bin,'

ok 'stash --keep-index' git stash -q --keep-index
ok 'what is staged stays' cmp big.bin ../edited/big.bin
ok 'the rest is HEAD' cmp sub/large.bin ../v2/sub/large.bin
is 'only that is staged' "$(git status --porcelain)" 'M  big.bin'
must git reset -q --hard
ok 'stash apply' git stash apply -q
ok 'the edits are back' same_tree . ../edited
ok 'stash drop' git stash drop -q
must git reset -q --hard

# A stash of what is nowhere else must survive the switch to another branch.
edit
ok 'stash before a switch' git stash push -q -m mine
ok 'switch' git checkout -q side
ok 'content of side' tree_is . ../s1
ok 'back' git checkout -q main
ok 'pop' git stash pop -q
ok 'the edits are back' same_tree . ../edited
ok 'stash of one path' git stash push -q -- big.bin
ok 'that one is HEAD' cmp big.bin ../v2/big.bin
ok 'the other keeps its edit' cmp sub/large.bin ../edited/sub/large.bin
ok 'pop it' git stash pop -q
ok 'the edits are back' same_tree . ../edited
ok 'stash branch' sh -c 'git stash -q && git stash branch -q from-stash 2>/dev/null || git stash branch from-stash'
ok 'the edits are back' same_tree . ../edited
must git reset -q --hard
must git checkout -q main

# Untracked files.
make_noise untracked.bin 2500000 9
make_noise sub/little.bin 800 10
patch_file big.bin 1 edited
rm -rf ../edited
snapshot . ../edited
ok 'stash -u' git stash push -q -u
ok 'the worktree is HEAD, without the untracked' tree_is . ../v2
ok 'stash pop' git stash pop -q
ok 'everything is back' same_tree . ../edited
ok 'no pointer' no_pointers .
is 'and as it was' "$(git status --porcelain | tr '\n' ',')" \
	' M big.bin,?? sub/little.bin,?? untracked.bin,'
echo '*.tmp.bin' >.gitignore
must git add .gitignore
must git commit -qm ignore
make_noise x.tmp.bin 1200000 11
cp x.tmp.bin ../ignored
ok 'stash --all' git stash push -q --all
ok 'takes the ignored file too' test ! -e x.tmp.bin
ok 'stash pop' git stash pop -q
ok 'it is back' cmp x.tmp.bin ../ignored
ok 'so is the untracked' cmp untracked.bin ../edited/untracked.bin
ok 'no pointer' no_pointers .

done_testing
