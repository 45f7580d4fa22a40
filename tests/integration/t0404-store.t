#!/bin/sh
# The local store: read-only, shared by dv.store, of a newer version, replaced, used by several
# processes at once.
. "$(dirname "$0")/../lib.sh"

history_repo repo
cd repo || exit 1
make_noise extra.bin 2500000 11

if read_only .git/dv; then
	fails 'add to a read-only store' git add extra.bin
	says 'names the file' extra.bin
	says 'and the reason' 'cannot be written to: '
	fails 'stages nothing' git rev-parse --verify -q :extra.bin
	ok 'checkout from a read-only store' git checkout -q v1
	rm -f ../x.bin
	mv extra.bin ../x.bin
	ok 'content' tree_is . ../v1
	ok 'and back' git checkout -q main
	ok 'content' tree_is . ../v2
	ok 'verify of a read-only store' git dv verify
	ok 'status with it' git dv status
	mv ../x.bin extra.bin
	read_write .git/dv
else
	skip 9 'cannot make a folder read-only'
fi
ok 'add when it can be written' git add extra.bin
must git commit -qm extra

# Several at once.
for i in 1 2 3 4; do
	make_noise "p$i.bin" 3000000 "5$i"
done
ok 'four git hash-object -w at once' sh -c '
	for i in 1 2 3 4; do git hash-object -w "p$i.bin" >"../h$i" & eval "q$i=$!"; done
	wait $q1 && wait $q2 && wait $q3 && wait $q4'
for i in 1 2 3 4; do
	must git update-index --add --cacheinfo "100644,$(cat "../h$i"),p$i.bin"
	ok "content $i is whole" sh -c "git cat-file --filters :p$i.bin | cmp - p$i.bin"
done
must git commit -qam four
# One after the other: two git worktree add at once may trip over each other's half-made files.
must git worktree add -q --no-checkout ../w1 v1
must git worktree add -q --no-checkout ../w2 side
ok 'two checkouts of worktrees and an add at once' sh -c '
	cp p1.bin p5.bin; printf 5 >>p5.bin
	git -C ../w1 reset -q --hard & a=$!
	git -C ../w2 reset -q --hard & b=$!
	git add p5.bin && wait $a && wait $b'
ok 'one' tree_is ../w1 ../v1
ok 'two' tree_is ../w2 ../s1
ok 'add' sh -c 'git cat-file --filters :p5.bin | cmp - p5.bin'
ok 'verify beside it all' git dv verify --full
must git reset -q --hard
cd ..

# Many small additions do not make many files.
cd repo || exit 1
i=0
while test "$i" -lt 40; do
	i=$((i + 1))
	make_noise m.bin $((40000 + i)) "7$i"
	must git add m.bin
	must git commit -qm "m $i"
done
ok 'few files in the store' test "$(find .git/dv -type f | wc -l)" -lt 45
ok 'all versions can be read' sh -c 'for c in $(git rev-list -40 HEAD); do
	git cat-file --filters "$c:m.bin" >/dev/null || exit 1; done'
cd ..

# dv.store: shared by two clones.
must git clone -q -n repo shared
must git -C shared dv install --local
must git -C shared config dv.store "$T/repo/.git/dv"
ok 'checkout from a shared store' git -C shared checkout -q -f v2
ok 'content' tree_is shared v2
ok 'there is no store of its own' test ! -e shared/.git/dv/packs
make_noise shared/s.bin 1300000 61
ok 'add to a shared store' git -C shared add s.bin
ok 'content' sh -c 'cd shared && git cat-file --filters :s.bin | cmp - s.bin'

# Lost indexes and caches lose nothing; a lost pack is told.
cd repo || exit 1
must git checkout -q -f v1
find .git/dv -type f ! -path '*/packs/*' ! -name format -exec rm -f {} +
ok 'checkout without index and caches' git checkout -q v2
ok 'content' tree_is . ../v2
ok 'verify without them' git dv verify --full
find .git/dv/packs -type f -exec mv {} {}.gone \;
rm big.bin
run git checkout -q -- big.bin
ok 'without packs there is no wrong content' sh -c 'test ! -e big.bin || head -n 1 big.bin | grep -aqx "version git-dv/1"'
fails 'dv cat tells' git dv cat big.bin
find .git/dv/packs -name '*.gone' | while read -r f; do
	mv "$f" "${f%.gone}"
done
ok 'with them back' git dv checkout
run git checkout -q -f -- big.bin
ok 'content' tree_is . ../v2

# What is no file among the packs is passed over, and nobody waits for it.
cd "$T" || exit 1
new_repo fifo
cd fifo || exit 1
make_noise a.bin 300000 1
must git add -A
must git commit -qm a
for pack in .git/dv/packs/*; do
	mkfifo ".git/dv/packs/$(basename "$pack" | tr 0-9a-f 1-9a-f0)"
done
start git dv verify
finish
is 'verify ends' "$T_RC" 1
ok 'and is content when it has set it aside' git dv verify

# What a newer git-dv wrote is no damage: verify leaves it alone.
cd "$T" || exit 1
new_repo newer
cd newer || exit 1
make_noise big.bin 3000000 1
must git add -A
must git commit -qm big
for pack in .git/dv/packs/*; do
	chmod u+w "$pack"
	cp "$pack" ../pack.old
	printf '\002\000' | dd of="$pack" bs=1 seek=8 conv=notrunc 2>/dev/null
	cp "$pack" ../pack.newer
done
rm -rf .git/dv/index/*
fails 'verify of a pack of a newer version' git dv verify
says 'says that' 'needs a newer git-dv'
says_not 'and not that it is damaged' DAMAGED
ok 'the pack is where it was' cmp ../pack.newer "$pack"
is 'nothing is set aside' "$(ls .git/dv/quarantine)" ''
fails 'and --quick' git dv verify --quick
ok 'the pack is where it was' cmp ../pack.newer "$pack"
cp ../pack.old "$pack"
ok 'good again' git dv verify

# A store with a feature for writing that is not known here can be read.
must git init -q --bare ../newer.git
must git remote add origin ../newer.git
must git commit -q --allow-empty -m two
make_noise ../big.bin 3000000 1
chmod u+w .git/dv/format
perl -pi -e 's{^write-features}{write-features packs-of-tomorrow}' .git/dv/format
rm big.bin
ok 'checkout' git checkout -q -- big.bin
ok 'has the content' cmp big.bin ../big.bin
ok 'status' git dv status
ok 'cat' sh -c 'git dv cat big.bin | cmp - big.bin'
ok 'verify' git dv verify
make_noise more.bin 3000000 2
fails 'add' git add more.bin
says 'names the feature' packs-of-tomorrow
fails 'dv add' git dv add more.bin
says 'names the feature' packs-of-tomorrow
fails 'gc' git dv gc
is 'nothing was written' "$(find .git/dv -newer .git/dv/format -type f ! -path '*/cache/*')" ''

done_testing
