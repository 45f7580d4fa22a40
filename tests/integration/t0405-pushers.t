#!/bin/sh
# Workflow 35: several pushers at once to one directory store, with a reader beside them.
. "$(dirname "$0")/../lib.sh"

must git dv install
published_repo repo
for i in 1 2 3; do
	must git clone -q repo.git "c$i"
	must git -C "c$i" checkout -q -b "b$i"
	make_noise "c$i/own$i.bin" 3000000 "3$i"
	# The same new file in all of them.
	make_noise "c$i/common.bin" 2500000 40
	patch_file "c$i/big.bin" $((i * 1000)) "pusher $i"
	snapshot "c$i" "k$i"
	must git -C "c$i" add -A
	must git -C "c$i" commit -qm "pusher $i"
done
ok 'three pushes at once' sh -c '
	for i in 1 2 3; do git -C c$i push -q origin b$i >out$i 2>&1 & eval "p$i=$!"; done
	git clone -q repo.git reader; r=$?
	wait $p1 && wait $p2 && wait $p3; s=$?; cat out1 out2 out3; test $r -eq 0 && test $s -eq 0'
ok 'the reader has everything' tree_is reader v2
for i in 1 2 3; do
	ok "clone of b$i" git clone -q -b "b$i" repo.git "n$i"
	ok 'is whole' tree_is "n$i" "k$i"
done
ok 'remote check' git -C c1 dv remote check
ok 'a merge of all' sh -c 'cd c1 && git fetch -q && git merge -q -s ours -m m origin/b2 origin/b3 && git push -q origin b1'
ok 'pull in another' sh -c 'cd c2 && git pull -q origin b1 --no-rebase --no-edit || git merge --abort'
ok 'no pointer' no_pointers c2

# Two pushers and a kill in the middle.
make_noise c1/late.bin 9000000 50
make_noise c2/late.bin 9000000 50
for i in 1 2; do
	must git -C "c$i" add -A
	must git -C "c$i" commit -qm late
done
start git -C c1 push -q origin HEAD:refs/heads/l1
ok 'the push beside one that dies' git -C c2 push -q origin HEAD:refs/heads/l2
stop KILL
ok 'push again' git -C c1 push -q origin HEAD:refs/heads/l1
ok 'push of the other again' git -C c2 push -q origin HEAD:refs/heads/l2
for l in l1 l2; do
	ok "clone of $l" git clone -q -b "$l" repo.git "$l"
	ok 'is whole' sh -c "cmp $l/late.bin c1/late.bin"
	ok 'no pointer' no_pointers "$l"
done

done_testing
