#!/bin/sh
# The pre-commit hook: what it names of what is staged, and the command that it gives; and what
# pre-push says of the commits that are about to be pushed.
. "$(dirname "$0")/../lib.sh"

new_repo repo
cd repo || exit 1
must git config dv.hookMode block
hook() {
	git dv hook pre-commit
}

# Nothing to say.
ok 'nothing staged' hook
says_not 'is silent' warning
echo 'int x;' >x.c
make_noise big.bin 2000000 1
make_noise small.csv 100000 2
: >empty.csv
must git add .
ok 'sources, tracked data, small data' git commit -qm sources
is 'is silent' "$(cat "$T_OUT" "$T_ERR")" ''
ok 'an empty commit' git commit -q --allow-empty -m empty
ok 'a message amended' git commit -q --amend -m amended --allow-empty

# What is named.
make_noise table.csv 200000 3
mkdir -p data sub
make_noise data/x 150000 4
make_noise data/small 90000 5
make_noise 'sub/[1] it'"'"'s' 11000000 6
make_noise code.c 200000 7
must git add .
fails 'data is refused in mode block' git commit -qm data
says 'by extension, with its size' 'table.csv (195.3 KiB)'
says 'by folder' 'data/x (146.5 KiB)'
says 'above a size' "sub/[1] it's (10.5 MiB)"
says_not 'not a small file' data/small
says_not 'not code' code.c
command=$(sed -n 's/^  version it with git-dv: //p' "$T_ERR")
git dv status --porcelain=v1 | sed -n 's/^U\. //p' | sort >../unversioned
printf 'data/x\nsub/[1] it'"'"'s\ntable.csv\n' >../want
ok 'git dv status names the same' cmp ../unversioned ../want
ok 'the command works as it stands' sh -c "$command"
for f in table.csv data/x "sub/[1] it's"; do
	ok "$f is a pointer now" blob_is_pointer ":$f"
done
ok 'and .gitattributes is staged' git cat-file -e :.gitattributes
ok 'then the commit passes' git commit -qm data
is 'silently' "$(cat "$T_OUT" "$T_ERR")" ''
run git dv status --porcelain=v1
is 'and status has nothing more' "$(grep '^U' "$T_OUT")" ''

run git -C sub dv status --porcelain=v1
is 'nor from a folder' "$(grep '^U' "$T_OUT")" ''
run sh -c 'cd sub && GIT_DIR=../.git GIT_WORK_TREE=.. git-dv status --porcelain=v1'
is 'nor with the environment' "$(grep '^U' "$T_OUT")" ''

# From a folder, the command leads to the top.
make_noise sub/t.npy 200000 8
must git add .
cd sub || exit 1
fails 'a commit in a folder' git commit -qm sub
command=$(sed -n 's/^  version it with git-dv: //p' "$T_ERR")
ok 'the command works there' sh -c "$command"
ok 'it is a pointer' blob_is_pointer :sub/t.npy
cd ..
must git commit -qm npy

# Only what is staged counts.
make_noise not-staged.tsv 200000 9
ok 'what is not staged is not named' git commit -q --allow-empty -m none
must git add not-staged.tsv
echo small >not-staged.tsv
fails 'what is staged is, whatever the file is now' git commit -qm staged
says 'named' 'not-staged.tsv (195.3 KiB)'
must git reset -q
rm not-staged.tsv

# commit -a, commit PATH, --amend, GIT_INDEX_FILE.
echo one >a.tsv
echo one >b.tsv
must git add .
must git commit -qm 'a and b'
make_noise a.tsv 200000 10
fails 'commit -a' git commit -qam a
says 'names it' a.tsv
echo two >b.tsv
ok 'commit PATH does not commit the other one' git commit -qm b b.tsv
fails 'commit PATH' git commit -qm a a.tsv
says 'names it' a.tsv
must git add a.tsv
fails 'commit --amend' git commit -q --amend -m amend
says 'names it' a.tsv
must git reset -q --hard
make_noise c.tsv 200000 11
cp .git/index ../other-index
must env GIT_INDEX_FILE="$T/other-index" git add c.tsv
ok 'the index of the repository has nothing' hook
fails 'GIT_INDEX_FILE' env GIT_INDEX_FILE="$T/other-index" git commit -qm c
says 'names it' c.tsv
rm c.tsv
must git reset -q --hard

# Names.
name=$(printf 'a\nb\033[2J\377.orc')
make_noise "$name" 200000 12
make_noise ./-dash.orc 200000 13
must git add -- "$name" ./-dash.orc
fails 'odd names' git commit -qm names
says 'a newline and an escape are shown as such' 'a\nb\033[2J'
says 'a dash' -dash.orc
command=$(sed -n 's/^  version it with git-dv: //p' "$T_ERR")
ok 'the command works' sh -c "$command"
ok 'odd name' sh -c 'git cat-file blob ":$1" | head -n 1 | grep -qx "version git-dv/1"' - "$name"
must git commit -qm names

# Only intended to be added: the index has no tree then.
echo later >later.txt
must git add -N later.txt
make_noise d.tsv 200000 14
must git add d.tsv
fails 'beside an intent to add' git commit -qm d
says 'names it' d.tsv
must git reset -q
rm d.tsv later.txt

# Content that is in git already does not enter it.
make_noise moving.tsv 200000 26
must git add moving.tsv
must git commit -q --no-verify -m moving
must git mv moving.tsv moved.tsv
ok 'renaming data' git commit -qm moved
chmod +x moved.tsv
ok 'and changing its mode' git commit -qam mode
is 'says nothing' "$(cat "$T_OUT" "$T_ERR")" ''

# Merges: what the other side has already committed is not named.
must git checkout -q -b side
echo side >x.c
make_noise side.tsv 200000 15
must git add .
must git commit -q --no-verify -m side
must git checkout -q main
echo main >x.c
must git commit -qam main
fails 'a merge with a conflict' git merge -q side
echo both >x.c
must git add x.c
ok 'its commit passes' git commit -qm merge
is 'silently' "$(cat "$T_OUT" "$T_ERR")" ''
must git checkout -q side
must git reset -q --hard HEAD~1
echo side2 >x.c
must git commit -qam side2
must git checkout -q main
fails 'one more' git merge -q side
echo both2 >x.c
make_noise evil.tsv 200000 16
must git add x.c evil.tsv
fails 'what a merge itself brings in is named' git commit -qm merge
says 'named' evil.tsv
must git reset -q --hard

# Pointers.
pointer() {
	printf 'version git-dv/1\noid sha256:%064d\nsize 4000\n' "$1"
}
pointer 7 >nowhere.bin
must git -c filter.dv.process= -c filter.dv.clean= -c filter.dv.required=false add nowhere.bin
fails 'a pointer whose content is nowhere' git commit -qm nowhere
says 'is named' nowhere.bin
must git reset -q --hard
for kind in short crlf junk conflict; do
	case $kind in
	short) printf 'version git-dv/1\noid sha256:00\nsize 4\n' ;;
	crlf) printf 'version git-dv/1\noid sha256:%064d\nsize 0x4\n' 1 ;;
	junk) pointer 1; echo junk ;;
	conflict) echo '<<<<<<< HEAD'; pointer 1; echo =======; pointer 2; echo '>>>>>>> side' ;;
	esac >"$kind.ptr"
	must git add "$kind.ptr"
	fails "a damaged pointer ($kind)" git commit -qm damaged
	says 'is named' "$kind.ptr"
	says 'as damaged' damaged
	must git reset -q --hard
	rm -f "$kind.ptr"
done
printf 'version git-dv/9\nof a later version\n' >later.ptr
must git add later.ptr
ok 'a pointer of a later version passes' git commit -qm later
must git mv big.bin moved.bin
rm -rf ../dv.away
mv .git/dv/packs ../dv.away
ok 'renaming needs no content' git commit -qm moved
rm -rf .git/dv/packs
mv ../dv.away .git/dv/packs

# Raw content of tracked files.
make_noise raw.bin 5000 17
must git -c filter.dv.process= -c filter.dv.clean= -c filter.dv.required=false add raw.bin
fails 'raw content of a tracked file' git commit -qm raw
says 'is named' 'raw.bin (4.9 KiB)'
says 'with its repair' 'git add --renormalize .'
must git add --renormalize .
ok 'which repairs it' blob_is_pointer :raw.bin
ok 'and passes' git commit -qm repaired

# .gitattributes that stay at home.
git init -q ../alone && cd ../alone || exit 1
must git config dv.hookMode block
must git dv init
must git dv track '*.dat' 'sub/*.few'
mkdir sub
make_noise a.dat 5000 18
make_noise sub/b.few 5000 19
must git add a.dat sub
fails 'pointers without .gitattributes' git commit -qm forgotten
says 'are named' 'a.dat (4.9 KiB)'
says 'both' 'sub/b.few (4.9 KiB)'
says 'with what is wrong' 'no staged .gitattributes covers'
must git add .gitattributes .dvconfig
ok 'pass with them' git commit -qm remembered
must git dv track '*.new'
make_noise c.new 5000 20
must git add c.new
fails 'one whose pattern is not staged' git commit -qm forgotten
says 'is named' 'c.new (4.9 KiB)'
says_not 'alone' a.dat
echo '*.new filter=dv' >.git/info/attributes
ok "passes by the clone's own attributes" git commit -qm own
rm .git/info/attributes
must git mv c.new c.other
must git add .gitattributes
fails 'one that is moved away from its pattern' git commit -qm moved
says 'is named' 'c.other (4.9 KiB)'
must git config dv.hookExclude '*.other'
ok 'or excluded' git commit -qm meant
cd ../repo || exit 1

# Many files are asked for together, and the same is found.
i=0
while test $i -lt 100; do
	i=$((i + 1))
	echo "$i" >"many$i.c"
done
make_noise many55.tsv 200000 23
make_noise many66.bin 900 24
make_noise many67.bin 2000 25
pointer 77 >many77.bin
printf 'version git-dv/1\noid sha256:00\nsize 4\n' >many88.ptr
: >many99.empty
must git -c filter.dv.process= -c filter.dv.clean= -c filter.dv.required=false add .
fails 'a commit of many files' git commit -qm many
for f in many55.tsv many66.bin many67.bin many77.bin many88.ptr; do
	says "names $f" "$f ("
done
is 'and no more' "$(grep -c '^	many' "$T_ERR")" 5
must git reset -q --hard

# The commit is not touched by the hook in any way.
must sh -c 'git ls-files -s >../index.before'
ok 'the index is as it was' sh -c 'git ls-files -s | cmp - ../index.before'
ok 'no lock is left' test ! -e .git/index.lock
: >.git/index.lock
ok 'the hook needs no lock' hook
rm .git/index.lock
cd ..

# The first commit; SHA-256.
for format in sha1 sha256; do
	must git init -q --object-format=$format "first-$format"
	cd "first-$format" || exit 1
	must git dv init
	must git config dv.hookMode block
	make_noise first.csv 200000 18
	must git add first.csv
	fails "the first commit ($format)" git commit -qm first
	says 'names it' first.csv
	must git config dv.hookMode warn
	ok 'warns' git commit -qm first
	says 'naming it' first.csv
	ok 'and was made' git rev-parse -q --verify HEAD
	make_noise second.csv 200000 19
	must git add second.csv
	ok 'the second' git commit -qm second
	says 'names it' second.csv
	says_not 'alone' first.csv
	cd ..
done

# pre-push: what was committed past the hook.
must git init -q --bare origin.git
cd repo || exit 1
must git dv remote add store "$T/store"
must git add -A
must git commit -qm store
must git remote add origin "$T/origin.git"
must git config dv.hookMode warn
ok 'the first push' git push -q origin main
must git config dv.hookMode block
ok 'nothing to push' git push -q origin main
is 'is silent' "$(cat "$T_OUT" "$T_ERR")" ''
make_noise pushed.csv 5000 20
must git add pushed.csv
must git commit -qm fine
make_noise late.tsv 200000 21
must git add late.tsv
must git commit -q --no-verify -m late
late=$(git rev-parse --short=12 HEAD)
make_noise late.bin 5000 22
must git -c filter.dv.process= -c filter.dv.clean= -c filter.dv.required=false add late.bin
must git commit -q --no-verify -m raw
raw=$(git rev-parse --short=12 HEAD)
printf 'version git-dv/1\noid sha256:00\nsize 4\n' >late.ptr
must git add late.ptr
must git commit -q --no-verify -m damaged
damaged=$(git rev-parse --short=12 HEAD)
fails 'the push is refused' git push -q origin main
says 'data and its commit' "late.tsv (195.3 KiB) in commit $late"
says 'raw content and its commit' "late.bin (4.9 KiB) in commit $raw"
says 'a damaged pointer and its commit' "in commit $damaged"
says_not 'what was pushed before is not named' table.csv
fails 'to a new branch too' git push -q origin main:new
ok 'a dry run only says it' git push -q --dry-run origin main
says 'named' late.tsv
ok 'a deletion is not looked at' git push -q origin :refs/heads/no-such 
ok 'in mode warn it goes' git -c dv.hookMode=warn push -q origin main
says 'named' late.tsv
ok 'and again' git push -q origin main:again
is 'is silent' "$(cat "$T_OUT" "$T_ERR")" ''
cd ..

# In a bare repository.
must git clone -q --bare repo bare.git
must git init -q --bare bare-origin.git
ok 'hooks in a bare repository' git -C bare.git dv init
ok 'a push from there' git -C bare.git push -q "$T/bare-origin.git" main
done_testing
