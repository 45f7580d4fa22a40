#!/bin/sh
# A copy of a store has its uuid, and so has a store that was put back from a copy: what was
# pushed to the one is not taken for being on the other.
. "$(dirname "$0")/../lib.sh"

must git dv install
new_repo repo
cd repo || exit 1

# commit_data NAME SEED
commit_data() {
	make_noise "$1" 300000 "$2"
	must git add "$1"
	must git commit -qm "$1"
}

# whole URL FILE...: a clone of it has the content.
whole() {
	rm -rf "$T/c"
	git clone -q "$1" "$T/c" || return 1
	shift
	for f; do
		cmp "$f" "$T/c/$f" || return 1
	done
}

# Hosted: a copy that falls behind.
ST=dvstore::$T/st USB=dvstore::$T/usb
commit_data d1.bin 1
must git push -q "$ST" main
must cp -r ../st ../usb
commit_data d2.bin 2
must git push -q "$ST" main
ok 'push to the copy' git push "$USB" main
says 'says what it found' 'or to a copy of it'
ok 'sends what the copy lacks' whole "$USB" d1.bin d2.bin
ok 'the other one, again' git push -q "$ST" main
ok 'is as it was' whole "$ST" d1.bin d2.bin
commit_data d3.bin 3
ok 'push to the copy first' git push -q "$USB" main
ok 'then to the store' git push -q "$ST" main
ok 'the copy is whole' whole "$USB" d1.bin d2.bin d3.bin
ok 'the store is whole' whole "$ST" d1.bin d2.bin d3.bin

# Hosted: put back from a backup.
must cp -r ../st ../backup
commit_data d4.bin 4
must git push -q "$ST" main
commit_data d5.bin 5
must git push -q "$ST" main
mv ../st ../newer
must cp -r ../backup ../st
echo code >code.c
must git add code.c
must git commit -qm 'code alone'
ok 'push to what was put back' git push -q "$ST" main
ok 'sends all again' whole "$ST" d1.bin d2.bin d3.bin d4.bin d5.bin
ok 'a push of nothing new' git push "$ST" main:refs/heads/other
says_not 'believes what it saw' 'or to a copy of it'

# Shards that were merged since are still what was seen.
must git clone -q "$ST" ../second
i=0
while test $i -lt 40; do
	i=$((i + 1))
	make_noise ../second/m.bin 3000 $((100 + i))
	must git -C ../second add m.bin
	must git -C ../second commit -qm "m $i"
	must git -C ../second push -q
done
ok 'shards were merged' sh -c "test -n \"\$(ls '$T/st/shards' | grep -v 0)\""
must git remote add st "$ST"
must git pull -q st main
commit_data d6.bin 6
ok 'push' git push st main
says_not 'what was replaced is not missed' 'or to a copy of it'
ok 'and all is there' whole "$ST" d1.bin d5.bin d6.bin m.bin

# Stores of data beside a Git repository.
cd .. || exit 1
new_repo plain
must git init -q --bare plain.git
cd plain || exit 1
must git remote add origin ../plain.git
must git dv remote add one "$T/one"
commit_data d1.bin 11
must git push -q origin main
must cp -r ../one ../two
commit_data d2.bin 12
must git push -q origin main
must git dv remote add two "$T/two"
ok 'push of the same to a copy' git dv push two
says 'tells' "$T/two' lacks what was pushed"
mv .git/dv/packs ../packs.away
ok 'fetch from the copy alone' git dv fetch two
git cat-file --filters HEAD:d2.bin >../got
ok 'has what the copy lacked' cmp d2.bin ../got
# Asked before what is to be sent is known: dry run.
must cp -r ../one ../three
commit_data d3.bin 13
must git dv push one
must git dv remote add three "$T/three"
ok 'dry run' git dv push --dry-run three
says 'sees what is missing' 'would push 1 file'

done_testing
