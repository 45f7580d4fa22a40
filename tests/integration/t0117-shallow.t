#!/bin/sh
# Workflows 36 shallow and partial clone; 37 SHA-256 and reftable.
. "$(dirname "$0")/../lib.sh"

must git dv install
published_repo repo
must git -C repo.git config uploadpack.allowFilter true
must git -C repo.git config uploadpack.allowAnySHA1InWant true

ok 'shallow clone' git clone -q --depth 1 "file://$T/repo.git" shallow
ok 'content of main' tree_is shallow v2
ok 'fetched one version' sh -c "test $(bytes_in shallow/.git/dv) -lt 6700000"
patch_file shallow/big.bin 12 'edited in a shallow clone'
ok 'commit in it' git -C shallow commit -qam shallow
ok 'push from it' git -C shallow push -q origin main
ok 'deepen' git -C shallow fetch -q --unshallow
ok 'old content' git -C shallow checkout -q v1
ok 'is content' tree_is shallow v1
ok 'dv status in a shallow clone' git -C shallow dv status
snapshot shallow keep

must git clone -q repo.git full
ok 'what the shallow clone pushed is whole' no_pointers full
ok 'and equal' sh -c 'git -C shallow checkout -q main && cmp shallow/big.bin full/big.bin'

ok 'partial clone, blob:none' git clone -q --filter=blob:none "file://$T/repo.git" partial
ok 'content' same_tree partial full
ok 'no pointer' no_pointers partial
ok 'clean' status_clean partial
ok 'old content' git -C partial checkout -q v1
ok 'is content' tree_is partial v1
patch_file partial/big.bin 12 'edited in a partial clone'
ok 'commit' git -C partial commit -qam partial
ok 'push' git -C partial push -q origin HEAD:refs/heads/partial
ok 'dv status in a partial clone' git -C partial dv status
ok 'dv push in a partial clone' git -C partial dv push
ok 'dv fetch --all in a partial clone' git -C partial dv fetch --all
ok 'treeless clone' git clone -q --filter=tree:0 "file://$T/repo.git" treeless
ok 'content' same_tree treeless full
ok 'clean' status_clean treeless
ok 'single-branch clone' git clone -q --single-branch -b side "file://$T/repo.git" single
ok 'content' tree_is single s1
ok 'clone of what the partial clone pushed' git clone -q -b partial repo.git fromp
ok 'is whole' cmp fromp/big.bin partial/big.bin

# SHA-256
new_repo sha --object-format=sha256
publish sha
add_history sha sha-
ok 'SHA-256: push' git -C sha push -q origin main side --tags
ok 'SHA-256: checkout' git -C sha checkout -q side
ok 'SHA-256: content' tree_is sha sha-s1
ok 'SHA-256: merge' git -C sha merge -q -m m main
ok 'SHA-256: clean' status_clean sha
ok 'SHA-256: clone' git clone -q sha.git shac
ok 'SHA-256: content' tree_is shac sha-v2
ok 'SHA-256: dv status' git -C shac dv status
ok 'SHA-256: dv verify' git -C shac dv verify

if git_at_least 2.45; then
	new_repo rt --ref-format=reftable
	publish rt
	add_history rt rt-
	ok 'reftable: push' git -C rt push -q origin main side --tags
	ok 'reftable: checkout' git -C rt checkout -q side
	ok 'reftable: content' tree_is rt rt-s1
	ok 'reftable: clone' git clone -q --ref-format=reftable rt.git rtc
	ok 'reftable: content' tree_is rtc rt-v2
	ok 'reftable: dv status' git -C rtc dv status
else
	skip 6 'this Git has no reftable'
fi

done_testing
