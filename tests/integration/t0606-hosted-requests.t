#!/bin/sh
# What one small push to a hosted repository asks of the store does not grow with the number of
# its refs and pushes, and of each pack it asks whether it is whole.
. "$(dirname "$0")/../lib.sh"

command -v strace >/dev/null 2>&1 && strace -f -o /dev/null true 2>/dev/null ||
	skip_all 'strace does not work here'

must git dv install
U=dvstore::$T/h
new_repo repo
make_noise repo/a.bin 300000 1
must git -C repo add -A
must git -C repo commit -qm start
must git -C repo remote add origin "$U"
must git -C repo push -q origin main

# requests: the calls that name the store while one commit is pushed, into $N.
requests() {
	must git -C repo commit -q --allow-empty -m "$1"
	must strace -f -e trace=file,getdents64 -o "$T/trace" git -C repo push -q origin main
	N=$(grep -c "\"$T/h[/\"]" "$T/trace")
}
requests 'first'
requests 'a small one'
few=$N
ok 'the store was asked' test "$few" -gt 0

# 10,000 refs, in a manifest made by hand: the newest, with more lines.
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
	must git -C repo commit -q --allow-empty -m "pack $i"
	must git -C repo push -q origin main
done
# by_hand SED: the newest manifest, edited, with a right checksum.
by_hand() {
	newest=h/git/refs/$(ls h/git/refs | head -n 1)
	chmod u+w "$newest"
	sed -e '/^sha256 /d' -e "$1" "$newest" >m
	printf 'sha256 %s\n' "$(sha256 <m | cut -c1-64)" >>m
	cat m >"$newest"
}
awk -v tip="$(git -C repo rev-parse HEAD)" 'BEGIN {
	for (i = 0; i < 10000; i++) printf "ref %s refs/heads/b%05d\n", tip, i }' >more
by_hand '/^object-format /{
r more
}'
is 'they are there' "$(git ls-remote "$U" | grep -c refs/heads/)" 10001
requests 'with many refs'
# The large manifest is read in two parts, twice, and a pack by four requests.
ok 'hardly more requests with 10,000 refs and 19 packs' test "$N" -le $((few + 4 + 4 * 17))
few=$N
is 'it went through' "$(git ls-remote "$U" refs/heads/main | cut -f1)" "$(git -C repo rev-parse HEAD)"
diag "$few requests"

# Packs that no manifest names any more cost nothing.
must git clone -q --single-branch "$U" reader
reads() {
	must strace -f -e trace=file,getdents64 -o "$T/trace" git -C reader fetch -q
	N=$(grep -c "\"$T/h[/\"]" "$T/trace")
}
reads
few_reads=$N
for i in 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
	must sh -c "printf 'HEAD\n^HEAD~$i\n' |
		git -C repo pack-objects -q --revs '$T/h/git/pack/pack'"
done
reads
is 'no more requests with packs of old' "$N" "$few_reads"

# 200 packs: the push that finds them merges them, the next one asks no more than ever.
if test "${DV_TEST_LARGE-}" = 1; then
	: >more
	i=0
	while test "$i" -lt 200; do
		i=$((i + 1))
		echo "$i" >"repo/file-$i.txt"
		must git -C repo add -A
		must git -C repo commit -q -m "one of 200, $i"
		must sh -c "printf 'HEAD\n^HEAD~1\n' |
			git -C repo pack-objects -q --revs '$T/h/git/pack/pack'"
		sed 's/^/pack /' "$T_OUT" >>more
	done
	by_hand "/^object-format /{
r more
}
s|^ref [0-9a-f]* refs/heads/main\$|ref $(git -C repo rev-parse HEAD) refs/heads/main|"
	ok 'they are named' test "$(grep -c '^pack ' "$newest")" -ge 200
	ok 'clone of 200 packs' git clone -q --single-branch "$U" c
	ok 'fsck' git -C c fsck --strict
	ok 'is whole' tree_is c repo
	requests 'finds 200 packs'
	diag "$N requests to merge them"
	ok 'they are merged' test "$(grep -c '^pack ' "h/git/refs/$(ls h/git/refs | head -n 1)")" -le 24
	requests 'and one more'
	ok 'hardly more requests after them' test "$N" -le $((few + 4))
	diag "$N requests"
	ok 'fetch' git -C c fetch -q
	is 'has it' "$(git -C c rev-parse origin/main)" "$(git -C repo rev-parse main)"
	rm -rf c
	ok 'clone' git clone -q --single-branch "$U" c
	ok 'fsck' git -C c fsck --strict
	is 'every commit is there' "$(git -C c rev-list --count HEAD)" \
		"$(git -C repo rev-list --count HEAD)"
fi

done_testing
