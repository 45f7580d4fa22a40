#!/bin/sh
# Workflow 7: reset --hard, --keep, --merge, --mixed, --soft.
. "$(dirname "$0")/../lib.sh"

history_repo repo
cd repo || exit 1

ok 'reset --hard to the past' git reset -q --hard v1
ok 'content of v1' tree_is . ../v1
ok 'reset --hard to the future' git reset -q --hard v2
ok 'content of v2' tree_is . ../v2
patch_file big.bin 7 junk
rm sub/large.bin
ok 'reset --hard over edits' git reset -q --hard
ok 'content of v2' tree_is . ../v2

ok 'reset --keep' git reset -q --keep v1
ok 'content of v1' tree_is . ../v1
patch_file sub/large.bin 7 edited
cp sub/large.bin ../edited
ok 'reset --keep carries an edit' git reset -q --keep v2
ok 'the edit is kept' cmp sub/large.bin ../edited
ok 'the rest is v2' cmp big.bin ../v2/big.bin
is 'only the edit is modified' "$(git status --porcelain)" ' M sub/large.bin'
patch_file big.bin 7 edited
cp big.bin ../edited2
fails 'reset --keep refuses to lose an edit' git reset -q --keep v1
ok 'the edit is kept' cmp big.bin ../edited2
must git reset -q --hard v2

patch_file sub/large.bin 7 edited
cp sub/large.bin ../edited
ok 'reset --merge keeps what is not staged' git reset -q --merge v1
ok 'the edit is kept' cmp sub/large.bin ../edited
ok 'the rest is v1' cmp big.bin ../v1/big.bin
must git add sub/large.bin
ok 'reset --merge drops what is staged' git reset -q --merge v2
ok 'content of v2' tree_is . ../v2

ok 'reset --mixed to the past' git reset -q --mixed v1
ok 'the worktree is kept' same_tree . ../v2
is 'and is modified against the index' "$(git status --porcelain | sort | tr '\n' ',')" \
	' M big.bin, M plain.txt, M small.json,?? new.bin,'
ok 'reset --mixed back' git reset -q --mixed v2
ok 'clean again' tree_is . ../v2
ok 'reset --soft' git reset -q --soft v1
is 'everything is staged' "$(git status --porcelain | sort | tr '\n' ',')" \
	'A  new.bin,M  big.bin,M  plain.txt,M  small.json,'
ok 'commit of that gives the same tree' sh -c 'git commit -qm again &&
	test "$(git rev-parse HEAD^{tree})" = "$(git rev-parse v2^{tree})"'
ok 'reset of one path' sh -c 'git reset -q v1 -- big.bin &&
	test "$(git rev-parse :big.bin)" = "$(git rev-parse v1:big.bin)"'
ok 'keeps the worktree' cmp big.bin ../v2/big.bin
ok 'reset ORIG_HEAD' git reset -q --hard v2
ok 'content of v2' tree_is . ../v2

done_testing
