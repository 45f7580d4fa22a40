#!/bin/sh
# Workflow 22: linked worktrees share one store; each has its own index. With worktreeConfig
# too (workflow 37).
. "$(dirname "$0")/../lib.sh"

history_repo repo
ok 'worktree add' git -C repo worktree add -q ../wt side
ok 'has the content of side' tree_is wt s1
ok 'the first worktree is untouched' tree_is repo v2
ok 'there is no second store' test ! -e repo/.git/worktrees/wt/dv
ok 'worktree add --detach' git -C repo worktree add -q --detach ../wt2 v1
ok 'has the content of v1' tree_is wt2 v1
ok 'checkout in a linked worktree' git -C wt2 checkout -q --detach main
ok 'has the content of main' tree_is wt2 v2
rm wt2/big.bin
ok 'restore there' git -C wt2 restore big.bin
ok 'has the content of main' tree_is wt2 v2

make_noise wt/from-wt.bin 1400000 51
patch_file wt/tiny.bin 20 "edited in wt"
snapshot wt w1
ok 'commit in a linked worktree' sh -c 'cd wt && git add -A && git commit -qm wt'
ok 'clean' tree_is wt w1
ok 'merge it in the first' git -C repo merge -q -m wt side
ok 'new content is there' cmp repo/from-wt.bin wt/from-wt.bin
ok 'no pointer' no_pointers repo
must git -C repo reset -q --hard v2
ok 'stash in a linked worktree' sh -c 'cd wt && printf x >>big.bin && git stash -q && git stash pop -q'
ok 'reset there' git -C wt reset -q --hard
ok 'content' tree_is wt w1
ok 'rebase there' git -C wt rebase -q --force-rebase v1
ok 'content' tree_is wt w1
ok 'dv status there' git -C wt dv status
ok 'dv verify there' git -C wt dv verify
ok 'add two worktrees at once' sh -c '
	cp wt/from-wt.bin wt/p1.bin; printf 1 >>wt/p1.bin
	cp wt/from-wt.bin wt2/p2.bin; printf 2 >>wt2/p2.bin
	git -C wt add p1.bin & p=$!; git -C wt2 add p2.bin || exit 1; wait $p'
ok 'both are pointers' sh -c '(cd wt && git cat-file blob :p1.bin | grep -q "^version git-dv/1") &&
	(cd wt2 && git cat-file blob :p2.bin | grep -q "^version git-dv/1")'
ok 'both come back' sh -c '
	cp wt/p1.bin k1; cp wt2/p2.bin k2; rm wt/p1.bin wt2/p2.bin
	git -C wt checkout -q p1.bin && git -C wt2 checkout -q p2.bin && cmp wt/p1.bin k1 && cmp wt2/p2.bin k2'
ok 'worktree move' git -C repo worktree move ../wt2 ../wt3
ok 'checkout after the move' sh -c 'cd wt3 && git reset -q --hard && git checkout -q --detach v1'
ok 'content' tree_is wt3 v1
ok 'worktree remove' git -C repo worktree remove --force ../wt
ok 'what it committed is still whole' git -C repo checkout -q side
ok 'content' sh -c 'cmp repo/from-wt.bin w1/from-wt.bin'
ok 'no pointer' no_pointers repo

# A bare repository with worktrees.
must git clone -q --bare repo bare.git
must git -C bare.git dv install --local
ok 'worktree of a bare repository' git -C bare.git worktree add -q ../bw main
ok 'has content' tree_is bw v2

# worktreeConfig
must git -C repo config extensions.worktreeConfig true
must git -C repo checkout -q main
ok 'worktree add with worktreeConfig' git -C repo worktree add -q ../wc v1
must git -C wc config --worktree core.untrackedCache true
ok 'content' tree_is wc v1
ok 'checkout there' git -C wc checkout -q side
ok 'dv status there' git -C wc dv status
ok 'clean' status_clean wc
ok 'no pointer' no_pointers wc
ok 'dv ls-files there' git -C wc dv ls-files
says 'names a file' sub/large.bin

done_testing
