#!/bin/sh
# Workflow 33: diff, show, log, blame, grep.
. "$(dirname "$0")/../lib.sh"

history_repo repo
cd repo || exit 1

ok 'diff of a clean worktree' git diff --exit-code
ok 'diff of two commits' git diff v1 v2
says 'names the file' big.bin
ok 'is short' sh -c 'test "$(git diff v1 v2 -- big.bin | wc -c)" -lt 4000'
is 'diff --name-only' "$(git diff --name-only v1 v2 | tr '\n' ,)" 'big.bin,new.bin,plain.txt,small.json,'
ok 'diff --stat' git diff --stat v1 v2
says 'counts them' '4 files changed'
ok 'diff --raw' git diff --raw v1 v2
fails 'diff --exit-code' git diff --exit-code v1 v2
patch_file big.bin 8 'changed here'
fails 'diff of the worktree' git diff --exit-code
says 'names the file' big.bin
fails 'diff --quiet' git diff --quiet
fails 'diff of the worktree against a commit' git diff --quiet v1 -- big.bin
must git add big.bin
fails 'diff --cached' git diff --cached --exit-code
says 'names the file' big.bin
must git reset -q --hard
ok 'diff --binary of pointers can be applied' sh -c '
	git diff --binary --full-index v2 v1 >../d && git apply --index ../d && cmp big.bin ../v1/big.bin'
must git reset -q --hard

ok 'show' git show v2
says 'names the file' big.bin
ok 'show of a blob' git show v2:big.bin
ok 'log -p' git log -p --all
ok 'log of a path' git log --format=%s -- big.bin
is 'finds its two commits' "$(git log --format=%s -- big.bin | tr '\n' ,)" 'v2,v1,'
is 'log -S of an oid' "$(git log --format=%s -S"$(git cat-file blob v1:big.bin | sed -n 's/^oid //p')" -- big.bin | tr '\n' ,)" 'v2,v1,'
is 'log --follow over a rename' "$(git mv big.bin r.bin && git commit -qm mv && git log --follow --format=%s -- r.bin | tr '\n' ,)" 'mv,v2,v1,'
ok 'blame' git blame -s r.bin
ok 'blame of a small file' git blame -s small.json
ok 'annotate' git annotate plain.txt
ok 'grep in the worktree sees content' git grep -q 'station 1' -- small.json
ok 'grep in a commit' sh -c 'git grep -l . HEAD -- plain.txt >/dev/null'
ok 'grep of nothing' sh -c 'git grep -q no-such-text-anywhere; test $? -eq 1'
ok 'shortlog' git shortlog -s HEAD
ok 'range-diff' git range-diff v1..v2 v1..side
ok 'format-patch --stat' git format-patch --stdout -1 v2
ok 'merge-tree' git merge-tree --write-tree v2 side
ok 'bundle and clone of it' sh -c 'git bundle create -q ../b v1 && git clone -q -n ../b ../fromb'
ok 'fast-export' sh -c 'git fast-export --all >../fe'
ok 'is small' sh -c 'test "$(wc -c <../fe)" -lt 30000'
ok 'worktree is as before' status_clean

done_testing
