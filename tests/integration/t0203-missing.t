#!/bin/sh
# Workflow 38: content that is nowhere, while offline and for good. Checkout leaves the pointer
# and warns, status names it, whoever needs the content itself gets an error, never a pointer
# in its place.
. "$(dirname "$0")/../lib.sh"

must git dv install
published_repo repo
must mv repo.store away
ok 'clone while the store is away' git clone -q repo.git c
says 'warns and names a file' big.bin
cd c || exit 1
ok 'the file is a pointer' is_pointer big.bin
ok 'the small one too' is_pointer small.json
ok 'everything else is there' cmp plain.txt ../v2/plain.txt
ok 'git status is clean' status_clean
ok 'dv status' git dv status
says 'names a large file' big.bin
says 'and a small one' small.json
ok 'dv status --porcelain' git dv status --porcelain=v1
says 'names it' big.bin
ok 'dv ls-files' git dv ls-files
says 'lists it' big.bin
fails 'archive' git archive -o ../a.tar HEAD
fails 'cat-file --filters' git cat-file --filters HEAD:big.bin
ok 'gives no pointer' sh -c '! git cat-file --filters HEAD:big.bin 2>/dev/null | grep -q git-dv'
fails 'checkout-index --prefix' git checkout-index --prefix=../out/ -f big.bin
fails 'dv cat' git dv cat big.bin
says 'names it' big.bin
fails 'dv checkout' git dv checkout
says 'names it' big.bin
fails 'dv pull' git dv pull
fails 'dv fetch' git dv fetch
ok 'git checkout of another branch works' git checkout -q side
ok 'pointer' is_pointer side.bin
ok 'clean' status_clean
ok 'an edit elsewhere can be committed' sh -c 'echo x >>plain.txt && git commit -qam x'
ok 'the pointer is still what is committed' sh -c \
	'test "$(git rev-parse HEAD:big.bin)" = "$(git rev-parse v1:big.bin)"'
ok 'commit -a after touch of a pointer' sh -c 'touch big.bin && git commit -q --allow-empty -am y'
ok 'keeps it' sh -c 'test "$(git rev-parse HEAD:big.bin)" = "$(git rev-parse v1:big.bin)"'
ok 'add of a renamed pointer' sh -c 'git mv big.bin moved.bin && git commit -qm mv'
must git reset -q --hard HEAD~1
ok 'new data can be added' sh -c 'head -c 1500000 /dev/zero >zero.bin && git add zero.bin && git commit -qm zero'
fails 'push while the store is away' git push -q origin HEAD:refs/heads/offline
fails 'no ref arrived' git -C ../repo.git rev-parse -q --verify refs/heads/offline
must mv ../away ../repo.store
ok 'push when it is back' git push -q origin HEAD:refs/heads/offline
ok 'checkout main' git checkout -q main
ok 'dv pull' git dv pull
ok 'brings everything' tree_is . ../v2
cd .. || exit 1

# Lost for good: a pointer in a commit whose content never existed here.
must git clone -q repo.git d
cd d || exit 1
printf 'version git-dv/1\noid dv1:%064d\nsize 5000000\n' 7 >lost.bin
cp lost.bin ../lost
run git add lost.bin
if test "$T_RC" -eq 0; then
	pass 'a pointer from elsewhere can be added'
	must git commit -qm lost
	ok 'as it is' sh -c 'git cat-file blob HEAD:lost.bin | cmp - ../lost'
	fails 'push refuses a pointer whose content is nowhere' git push -q origin HEAD:refs/heads/lost
	says 'names it' lost.bin
	fails 'no ref arrived' git -C ../repo.git rev-parse -q --verify refs/heads/lost
	ok 'checkout to and fro' sh -c 'git checkout -q v1 && git checkout -q main'
	says 'warns and names it' lost.bin
	ok 'leaves the pointer' cmp lost.bin ../lost
	ok 'the rest has content' cmp big.bin ../v2/big.bin
	ok 'clean' status_clean
	ok 'dv status names it' git dv status
	says 'by name' lost.bin
	ok 'content that is not local is no error of verify' git dv verify
else
	fail 'a pointer from elsewhere can be added'
fi

# Damage: what is read is verified; a file is never given out wrong.
must git checkout -q -f v2
cd .. || exit 1
rm -rf repo.store
cd d || exit 1
find .git/dv/packs -type f -size +100k >../packs
ok 'there are packs' test -s ../packs
chmod -R u+w .git/dv
while read -r p; do
	perl -e 'open my $f, "+<", $ARGV[0] or die; binmode $f; my $n = -s $f;
		for (my $i = 5000; $i < $n - 4000; $i += 20000) {
			seek $f, $i, 0; read $f, my $c, 1; seek $f, $i, 0; print $f chr(ord($c) ^ 85) }' "$p"
done <../packs
fails 'verify finds damage' git dv verify --full
says 'names a file' big.bin
rm big.bin sub/large.bin
run git checkout -q -- big.bin sub/large.bin
ok 'damaged content is never given out' sh -c 'for f in big.bin sub/large.bin; do
	test ! -e $f || head -n 1 $f | grep -aqx "version git-dv/1" || cmp $f ../v2/$f || exit 1; done'
fails 'dv cat of damaged content' git dv cat big.bin
fails 'archive of damaged content' git archive -o ../x.tar HEAD
ok 'add of the same content mends the store' sh -c 'cp ../v2/big.bin . && touch big.bin && git add big.bin &&
	git update-index --add big.bin && rm big.bin && git checkout -q -- big.bin && cmp big.bin ../v2/big.bin'
cd .. || exit 1

# Each damaged version is named with the commit that brought it.
new_repo e
cd e || exit 1
must mkdir sub
make_noise 'sub/[a]*.bin' 1500000 71
must git add .
must git commit -qm one
find .git/dv/packs -type f >../first
one=$(git rev-parse --short HEAD)
oid=$(git cat-file blob 'HEAD:sub/[a]*.bin' | sed -n 's/^oid //p')
make_noise 'sub/[a]*.bin' 1500000 72
must git commit -qam two
must git dv version 'sub/[a]*.bin' named --version 1
must git add .
must git commit -qm three
chmod -R u+w .git/dv
while read -r p; do
	patch_file "$p" 200000 damage
done <../first
cd sub || exit 1
ok 'checkout of a damaged file' git checkout -q HEAD~2
is 'warns of it once' "$(grep -c "' is left as a pointer" "$T_ERR")" 1
must git checkout -q main
fails 'verify of a damaged older version' git dv verify
says 'names the commit that has it' "damaged: 'sub/[a]*.bin' ($oid, commit $one)"
is 'and no other' "$(grep -c '^damaged' "$T_OUT")" 1
cd ../.. || exit 1

# And one of a name that no path has.
new_repo f
cd f || exit 1
make_noise x.bin 1500000 73
must git dv version x.bin named --version 1
must git add .dv
must git commit -qm named
named=$(git rev-parse --short HEAD)
make_noise x.bin 1500000 74
must git dv version x.bin named --version 2
must git add .dv
must git commit -qm again
chmod -R u+w .git/dv
find .git/dv/packs -type f | while read -r p; do patch_file "$p" 200000 damage; done
fails 'verify of damaged named versions' git dv verify
says 'names the commit of the first' "commit $named)"
cd .. || exit 1

done_testing
