#!/bin/sh
# A store that lost packs, or whose shards are damaged, gets back from clones what these have.
. "$(dirname "$0")/../lib.sh"

must git dv install
must git init -q --bare o.git
new_repo a
must git -C a dv remote add s "$T/s"
must git -C a remote add origin "$T/o.git"
must git -C a dv track '*.csv' '*.bin'
rows() {
	seq "$2" | awk -v s="$1" '{ print $1 "," $1 * s % 9973 ",row " s }'
}
# Versions of a table, pushed one by one: the later ones are deltas.
for v in 1 2 3 4; do
	rows 1 60000 | awk -v v="$v" 'NR % 997 == v { $0 = $0 ",changed " v } { print }' >a/t.csv
	make_noise "a/n$v.bin" 300000 "$v"
	must git -C a add -A
	must git -C a commit -q -m "$v"
	must git -C a push -q origin main
done
all_here() {
	rm -rf c
	git clone -q o.git c && git -C c dv fetch --all && git -C c dv verify --full && tree_is c a
}
ok 'a clone is whole' all_here
ok 'nothing to repair' git -C a dv push --repair
says 'says so' 'already'

# --- packs are gone, or cut off ---
cp -r s kept
first=$(ls -tr s/packs/*/* | head -n 1)
must rm -f "$first"
other=$(ls -tr s/packs/*/* | tail -n 1)
chmod u+w "$other"
must truncate -s 100 "$other"
fails 'a clone is not whole now' all_here
ok 'push --all sees nothing of it' git -C a dv push --all
ok 'push --repair' git -C a dv push --repair
says 'says what is lost' 'lost 2 packs'
says 'sends it again' 'pushed'
ok 'a clone is whole again' all_here
ok 'once is enough' git -C a dv push --repair
says 'all is there' 'already'

# --- the one that repairs does not have all of it ---
must rm -rf s
must cp -r kept s
must rm -f "$first"
must git clone -q o.git b
rm -rf b/.git/dv/packs
code 1 'repair by one that lacks content' git -C b dv push --repair
says 'names what is nowhere' 'neither here nor on'
says 'and what to do' 'in a clone that has'
ok 'another one goes on' git -C a dv push --all
ok 'a clone is whole again' all_here

# --- shards ---
for how in cut flip; do
	must rm -rf s
	must cp -r kept s
	shard=$(ls -tr s/shards/0/* | head -n 1)
	chmod u+w "$shard"
	if test $how = cut; then
		must truncate -s 300 "$shard"
	else
		printf 'x' | dd of="$shard" bs=1 seek=500 conv=notrunc 2>/dev/null
	fi
	rm -rf a/.git/dv/cache/shards
	ok 'push --repair' git -C a dv push --repair
	says 'named the damage' 'shards/0/'
	rm -rf a/.git/dv/cache/shards
	ok 'it is not named again' git -C a dv push --all
	says_not 'no' 'shards/0/'
	ok 'a clone is whole again' all_here
	says_not 'and hears nothing of it' 'passed over'
done
code 1 'repair of a part is refused' git -C a dv push --repair -- t.csv

done_testing
