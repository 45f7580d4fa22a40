#!/bin/sh
# remote add, list, default, remove, check; a store that was replaced by another, that is an
# unmounted folder, that is read-only, damaged, of a newer version.
. "$(dirname "$0")/../lib.sh"

must git dv install
history_repo repo
must git init -q --bare repo.git
must git -C repo remote add origin "$T/repo.git"
cd repo || exit 1

code 129 'remote add without a URL' git dv remote add one
ok 'list of none' git dv remote list
fails 'push without a remote' git dv push
fails 'remote add of no URL' git dv remote add one ''
says 'says so' 'the URL is empty'
ok 'add' git dv remote add one "$T/one"
ok 'makes the store' test -f ../one/format
ok 'add with file://' git dv remote add two "file://$T/two"
ok 'makes the store' test -f ../two/format
fails 'add of a name that is there' git dv remote add one "$T/three"
says 'names it' one
ok 'and makes nothing' test ! -e ../three
ok 'list' git dv remote list
says 'has the first' "$T/one"
says 'and the second' two
ok 'the first is the default' git dv remote default
says 'by name' one
ok 'default NAME' git dv remote default two
ok 'default' git dv remote default
says 'is the other' two
fails 'default of a name that is not there' git dv remote default nine
says 'names it' nine
ok 'check' git dv remote check one
ok 'check of a URL' git dv remote check "$T/two"
ok 'with its prefix' git dv remote check "dvstore::$T/two"
fails 'check of a folder without a store' git dv remote check "$T/v1"
ok 'push goes to the default' git dv push
ok 'two has the content' test "$(bytes_in ../two)" -gt 3000000
ok 'one has not' test "$(bytes_in ../one)" -lt 100000
ok 'push to the other by name' git dv push one
ok 'one has it now' test "$(bytes_in ../one)" -gt 3000000
ok 'remove' git dv remote remove two
ok 'keeps the store' test -f ../two/format
ok 'list' git dv remote list
says_not 'has it no more' "$T/two"
fails 'remove what is not there' git dv remote remove two
says 'names it' two
ok 'add a store that exists' git dv remote add two "$T/two"
ok 'its content is there' test "$(bytes_in ../two)" -gt 3000000
must git dv remote remove two
must git dv remote default one
fails 'add of a folder that holds other things' git dv remote add bad "$T/v1"
ok 'leaves it alone' test ! -e ../v1/format
must git add -A
must git commit -qm 'name the store'
ok 'push by the hook' git push -q -u origin main
cd ..

# Replaced by another store: another uuid.
must git init -q third
(cd third && must git dv init && must git dv remote add x "$T/foreign")
mv one one.away
cp -R foreign one
n=$(bytes_in one)
patch_file repo/big.bin 5 'another edit'
must git -C repo commit -qam edit
fails 'push to a store that was replaced' git -C repo push -q origin main
says 'names it' "$T/one"
is 'writes nothing to it' "$(bytes_in one)" "$n"
fails 'check tells too' git -C repo dv remote check one
GIT_DV_SKIP_SMUDGE=1 git clone -q repo.git c
fails 'pull from a store that was replaced' git -C c dv pull
says 'names it' "$T/one"
rm -rf one

# An unmounted folder: empty, or not there.
mkdir one
fails 'push to an empty folder' git -C repo push -q origin main
says 'names it' "$T/one"
is 'makes no store in it' "$(ls -A one)" ''
fails 'pull from it' git -C c dv pull
fails 'check of it' git -C repo dv remote check one
rmdir one
fails 'push to a folder that is not there' git -C repo push -q origin main
says 'names it' "$T/one"
ok 'does not make it' test ! -e one
fails 'pull from it' git -C c dv pull
fails 'no ref was pushed' sh -c 'test "$(git -C repo.git rev-parse main)" = "$(git -C repo rev-parse main)"'
mv one.away one
ok 'push when it is back' git -C repo push -q origin main
ok 'pull when it is back' sh -c 'git -C c dv pull && git -C c pull -q'
ok 'content' cmp c/big.bin repo/big.bin
ok 'no pointer' no_pointers c

# Read-only.
if read_only one; then
	rm -rf c
	ok 'clone from a read-only store' git clone -q repo.git c
	ok 'is whole' no_pointers c
	ok 'and right' cmp c/big.bin repo/big.bin
	patch_file c/big.bin 9 'edit'
	must git -C c commit -qam 'for a read-only store'
	fails 'push to a read-only store' git -C c push -q origin main
	says 'names it' "$T/one"
	read_write one
	ok 'push when it can be written' git -C c push -q origin main
	must git -C repo pull -q
else
	skip 6 'cannot make a folder read-only'
fi

# A newer version of the format.
cp one/format format.keep
patch_file repo/big.bin 15 edit
must git -C repo commit -qam newer
rm -rf c
must env GIT_DV_SKIP_SMUDGE=1 git clone -q repo.git c
for change in "s{store 1}{store 2}" "s{profile 1}{profile 2}" "s{hash sha256}{hash sha3}" \
	"s{^read-features}{read-features packs-of-tomorrow}"; do
	cp format.keep one/format
	perl -pi -e "$change" one/format
	fails "push with format changed by $change" git -C repo push -q origin main
	says 'names the store' "$T/one"
	fails 'pull from it' git -C c dv pull
	says 'names the store' "$T/one"
done
cp format.keep one/format
perl -pi -e "s{^write-features}{write-features packs-of-tomorrow}" one/format
fails 'push with an unknown feature for writing' git -C repo push -q origin main
says 'names it' packs-of-tomorrow
ok 'pull does not mind' git -C c dv pull
: >one/format
fails 'push to a store with an empty format file' git -C repo push -q origin main
head -c 3000 /dev/urandom >one/format
fails 'push to a store with a format file of junk' git -C repo push -q origin main
cp format.keep one/format
ok 'push when it is right again' git -C repo push -q origin main

# Damage on the store.
find one/packs -type f -size +100k >packs
ok 'there are packs' test -s packs
chmod -R u+w one
while read -r p; do
	perl -e 'open my $f, "+<", $ARGV[0] or die; binmode $f; my $n = -s $f;
		for (my $i = 3000; $i < $n - 3000; $i += 20000) {
			seek $f, $i, 0; read $f, my $c, 1; seek $f, $i, 0; print $f chr(ord($c) ^ 85) }' "$p"
done <packs
rm -rf c
run git clone -q repo.git c
ok 'damaged content is never checked out' sh -c 'for f in big.bin sub/large.bin new.bin; do
	head -n 1 c/$f | grep -aqx "version git-dv/1" || cmp c/$f repo/$f || exit 1; done'
fails 'pull of damaged content' git -C c dv pull
says 'names a file' big.bin
while read -r p; do
	: >"$p"
done <packs
rm -rf c
run git clone -q repo.git c
fails 'pull of truncated packs' git -C c dv pull
while read -r p; do
	rm -f "$p"
done <packs
fails 'pull of packs that are gone' git -C c dv pull
says 'names a file' big.bin
find one/shards -type f >shards
ok 'there are shards' test -s shards
while read -r s; do
	head -c 5000 /dev/urandom >"$s"
done <shards
fails 'pull with shards of junk' git -C c dv pull

# check leaves nothing behind, and writes nothing where it may not.
cd "$T" || exit 1
new_repo checked
must git -C checked dv remote add s "$T/checked.store"
ls -A checked.store >before.check
ok 'remote check' git -C checked dv remote check
ls -A checked.store >after.check
ok 'leaves the store as it was' cmp before.check after.check
chmod u+w checked.store/format
perl -pi -e 's{^write-features}{write-features packs-of-tomorrow}' checked.store/format
ok 'remote check with an unknown feature for writing' git -C checked dv remote check s
says 'names it' packs-of-tomorrow
says_not 'and puts nothing' 'can be put'

# A colon before any slash is no path, as Git reads it.
new_repo colon
cd colon || exit 1
for url in host:/data/store host:store 'ext::sh -c true' ::x; do
	fails "remote add of $url" git dv remote add c "$url"
	says 'it is named' "$url"
	says 'and what a store is' 'file:///path'
done
ok 'nothing was made' test ! -e host: -a ! -e host:store
ok 'no setting either' not git config -f .dvconfig dv.remote.c.url
fails 'remote check of it' git dv remote check host:/data/store
ok 'a folder of such a name' git dv remote add c ./host:store
ok 'is one with ./' test -f host:store/format
cd "$T" || exit 1

done_testing
