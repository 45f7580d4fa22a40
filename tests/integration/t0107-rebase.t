#!/bin/sh
# Workflows 14 rebase, both backends; 15 rebase --exec; 16 rebase -i edit, squash;
# 17 autostash.
. "$(dirname "$0")/../lib.sh"

history_repo repo
cd repo || exit 1
must git checkout -q -b work side
for i in 1 2 3; do
	patch_file sub/large.bin $((i * 200000)) "work $i"
	make_noise "work$i.bin" 1200000 "2$i"
	snapshot . "../w$i"
	must git add -A
	must git commit -qm "work $i"
done
# What each of the three must be after a rebase onto main.
for i in 1 2 3; do
	cp ../v2/big.bin ../v2/small.json ../v2/new.bin ../v2/plain.txt "../w$i"
done

for backend in merge apply; do
	must git checkout -q -B rebased work
	ok "rebase --$backend" git rebase -q "--$backend" main
	ok 'the last commit' tree_is . ../w3
	ok 'no rebase is left over' test ! -d .git/rebase-merge -a ! -d .git/rebase-apply
	ok 'the one before' git checkout -q --detach HEAD~1
	ok 'its content' tree_is . ../w2
	ok 'the first' git checkout -q --detach HEAD~1
	ok 'its content' tree_is . ../w1
done
must git checkout -q -B rebased work
ok 'rebase --onto' git rebase -q --onto main v1
ok 'the last commit' tree_is . ../w3

# --exec runs a command that must see content.
must git checkout -q -B rebased work
cat >../look <<-\END
	#!/bin/sh
	git log -1 --format=%s >>"$T/looked"
	if find . -name .git -prune -o -type f -size -2 -exec grep -l 'version git-dv' {} + | grep .; then
		exit 1
	fi
	cmp big.bin "$T/v2/big.bin"
END
chmod +x ../look
ok 'rebase --exec' git rebase -q --exec ../look main
is 'ran for every commit' "$(grep -c work "$T/looked")" 3
ok 'content at the end' tree_is . ../w3

# -i edit: stop, change the big file, go on.
must git checkout -q -B rebased work
cat >../todo <<-\END
	#!/bin/sh
	exec perl -pi -e "$PLAN" "$1"
END
chmod +x ../todo
GIT_SEQUENCE_EDITOR=$T/todo
PLAN='s/^pick/edit/ if $. == 3'
export GIT_SEQUENCE_EDITOR PLAN
ok 'rebase -i, edit the second' git rebase -q -i main
ok 'stops there with its content' tree_is . ../w2
patch_file work2.bin 50 'edited in a rebase'
cp work2.bin ../w3/work2.bin
ok 'amend' git commit -q -a --amend --no-edit
ok 'continue' git rebase --continue
ok 'content at the end' tree_is . ../w3
rm ../w3/work2.bin
cp ../w2/work2.bin ../w3/work2.bin

must git checkout -q -B rebased work
PLAN='s/^pick/squash/ if $. > 1'
ok 'rebase -i, squash' git rebase -q -i side
is 'one commit' "$(git rev-list --count side..)" 1
is 'the tree of the last' "$(git rev-parse 'HEAD^{tree}')" "$(git rev-parse 'work^{tree}')"
ok 'no pointer' no_pointers .
ok 'clean' status_clean
must git checkout -q -B rebased work
must git commit -q --allow-empty -m 'fixup! work 3'
patch_file work3.bin 9 fixup
cp work3.bin ../w3/work3.bin
must git commit -qa --amend --no-edit
PLAN=1
ok 'rebase -i --autosquash' git rebase -q -i --autosquash main
is 'four commits' "$(git rev-list --count main..)" 4
ok 'content at the end' tree_is . ../w3

# Conflict, skip, abort.
must git checkout -q -B clash v1
patch_file big.bin 1500000 'edited by clash'
must git commit -qam clash
cp big.bin ../clash
fails 'rebase with a conflict' git rebase -q main
ok 'ours is the new base' cmp big.bin ../v2/big.bin
ok 'no pointer' no_pointers .
ok 'abort' git rebase --abort
ok 'the old branch is back' cmp big.bin ../clash
ok 'no pointer' no_pointers .
ok 'clean' status_clean
fails 'again' git rebase -q main
ok 'resolve with theirs' git checkout -q --theirs big.bin
must git add big.bin
ok 'continue' git rebase --continue
ok 'is theirs' cmp big.bin ../clash
ok 'clean' status_clean

# Autostash.
must git checkout -q -B rebased work
patch_file big.bin 3 'not yet committed'
patch_file work1.bin 3 'neither'
cp work1.bin ../dirty
ok 'rebase --autostash' git rebase -q --autostash HEAD~1
ok 'the edit is back' cmp work1.bin ../dirty
is 'both edits are modified' "$(git status --porcelain | tr '\n' ',')" ' M big.bin, M work1.bin,'
must git checkout -q -- big.bin
ok 'rebase --autostash onto main' git rebase -q --autostash main
ok 'the edit is back' cmp work1.bin ../dirty
ok 'the rest is rebased' cmp big.bin ../v2/big.bin
is 'the edit is modified' "$(git status --porcelain)" ' M work1.bin'
ok 'no pointer' no_pointers .
must git checkout -q -f -B ff v1
patch_file sub/large.bin 3 'dirty'
cp sub/large.bin ../dirty
ok 'merge --autostash' git merge -q --autostash main
ok 'the edit is back' cmp sub/large.bin ../dirty
ok 'the rest is merged' cmp big.bin ../v2/big.bin
ok 'no pointer' no_pointers .

done_testing
