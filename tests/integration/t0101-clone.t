#!/bin/sh
# Workflows 1 add, commit, clone; 2 clone -n then reset; 3 recursive submodule clone;
# 23 submodule update.
. "$(dirname "$0")/../lib.sh"

must git dv install
published_repo repo

ok 'clone' git clone -q repo.git c1
ok 'has the content of main' tree_is c1 v2
fails 'no hook appeared during the clone' test -e c1/.git/hooks/pre-push
echo x >>c1/plain.txt
make_noise c1/fresh.bin 60000 77
ok 'add in the clone' git -C c1 add -A
ok 'the hook came with the first clean' test -x c1/.git/hooks/pre-push
must git -C c1 commit -qm 'from the clone'
ok 'push from the clone' git -C c1 push -q origin main
rm -rf c1
ok 'clone again' git clone -q repo.git c2
ok 'the content from the clone arrived' sh -c 'test "$(wc -c <c2/fresh.bin)" -eq 60000'
ok 'no pointer' no_pointers c2
must git -C repo.git update-ref refs/heads/main v2

ok 'clone -n' git clone -q -n repo.git c3
ok 'leaves the worktree empty' sh -c 'test "$(ls -A c3)" = .git'
ok 'reset --hard fills it' git -C c3 reset -q --hard
ok 'with content' tree_is c3 v2
ok 'clone -n once more' git clone -q -n repo.git c4
ok 'reset -- . then checkout-index' sh -c 'cd c4 && git reset -q && git checkout-index -a'
ok 'gives content' same_tree c4 v2
ok 'clone -b' git clone -q -b side repo.git c5
ok 'has the branch' tree_is c5 s1
ok 'clone of a tag' git clone -q -b v1 repo.git c6
ok 'has the tag' tree_is c6 v1
ok 'clone --reference' git clone -q --reference c5 repo.git c7
ok 'has the content' tree_is c7 v2
ok 'clone --separate-git-dir' git clone -q --separate-git-dir="$T/c8.git" repo.git c8
ok 'has the content' tree_is c8 v2
ok 'its store is in the git dir' test -d c8.git/dv

# A clone by somebody who has not run git dv install: pointers, until init and pull.
must git dv uninstall
ok 'clone without the filter' git clone -q repo.git c11
ok 'gives pointers' is_pointer c11/big.bin
ok 'init' git -C c11 dv init
ok 'pull' git -C c11 dv pull
ok 'brings content' tree_is c11 v2
must git dv install

# Whatever comes first in a clone, what it pushes is whole.
must git clone -q repo.git c12
make_noise c12/by-dv-add.bin 1500000 79
ok 'dv add in a clone' git -C c12 dv add by-dv-add.bin
must git -C c12 commit -qm 'dv add'
ok 'push' git -C c12 push -q origin HEAD:refs/heads/dv-add
must git clone -q -n repo.git c13
must git -C c13 checkout -q -b one-shot
make_noise c13/one-shot.bin 1500000 80
blob=$(git -C c13 hash-object -w one-shot.bin)
must git -C c13 update-index --add --cacheinfo "100644,$blob,one-shot.bin"
must git -C c13 commit -qm 'hash-object'
ok 'push' git -C c13 push -q origin one-shot
for b in dv-add one-shot; do
	rm -rf c14
	ok "clone of $b" git clone -q -b "$b" repo.git c14
	ok 'is whole' no_pointers c14
done

# A working repository as the origin, without any data remote: its own store is the source.
history_repo local l-
ok 'clone of a working repository' git clone -q local c9
ok 'has the content' tree_is c9 l-v2
ok 'of its other branch too' git -C c9 checkout -q side
ok 'with content' tree_is c9 l-s1

# Submodules.
must git init -q super
must git -C super submodule add -q "$T/repo.git" mod
ok 'the new submodule has content' tree_is super/mod v2
must git -C super commit -qm super
ok 'clone --recurse-submodules' git clone -q --recurse-submodules super s1c
ok 'fills the submodule' tree_is s1c/mod v2
ok 'status of the superproject' status_clean s1c
ok 'the store of a submodule is in its own git dir' test -d s1c/.git/modules/mod/dv
must git -C super/mod checkout -q v1
must git -C super commit -qam 'older mod'
ok 'pull in the clone' git -C s1c pull -q
ok 'submodule update' git -C s1c submodule --quiet update
ok 'fills it with the other version' tree_is s1c/mod v1
ok 'status of the superproject' status_clean s1c
ok 'checkout --recurse-submodules' git -C s1c checkout -q --recurse-submodules HEAD~1
ok 'fills it again' tree_is s1c/mod v2
must git clone -q super s2c
ok 'submodule update --init' git -C s2c submodule --quiet update --init
ok 'fills it' tree_is s2c/mod v1
must git -C s2c/mod checkout -q -b work
make_noise s2c/mod/in-module.bin 1300000 78
must git -C s2c/mod add in-module.bin
must git -C s2c/mod commit -qm 'in the submodule'
ok 'push from a submodule' git -C s2c/mod push -q origin work
ok 'what it pushed can be cloned' git clone -q -b work repo.git c10
ok 'and is whole' cmp s2c/mod/in-module.bin c10/in-module.bin

done_testing
