#!/bin/sh
# The main job: init, track, add, commit, push to a bare repository with a directory store,
# clone elsewhere, edit, push only the change, lose the local store and get it back.
. "$(dirname "$0")/../lib.sh"

must git init -q repo
cd repo || exit 1
ok 'init' git dv init
ok 'track' git dv track '*.bin' '*.json'
make_noise noise.bin 8000000 1
make_json table.json 30000 2
make_json table-copy.json 30000 2
mkdir -p deep/er
make_noise deep/er/small.bin 70000 3
make_noise deep/tiny.bin 300 4
: >empty.bin
echo 'plain text' >README
snapshot . ../v1
ok 'add' git add .
for f in noise.bin table.json deep/er/small.bin deep/tiny.bin; do
	ok "a pointer is staged for $f" blob_is_pointer ":$f"
done
is 'an empty file is an empty blob' "$(git cat-file -s :empty.bin)" 0
is 'a file that is not tracked by dv is itself' "$(git cat-file blob :README)" 'plain text'
is 'the pointer has the size' "$(git cat-file blob :noise.bin | sed -n 's/^size //p')" 8000000
is 'a small file has its SHA-256 as oid' \
	"$(git cat-file blob :deep/tiny.bin | sed -n 's/^oid //p')" \
	"sha256:$(sha256 <deep/tiny.bin | cut -d' ' -f1)"
is 'equal content has equal pointers' "$(git rev-parse :table.json)" "$(git rev-parse :table-copy.json)"
ok 'the worktree keeps its content' same_tree . ../v1
ok 'commit' git commit -q -m one
ok 'status is clean' status_clean
ok 'Git stores no content' sh -c "test $(bytes_in .git/objects) -lt 20000"
ok 'the store holds JSON in less than half' \
	sh -c "test $(bytes_in .git/dv) -lt $((8100000 + $(file_size table.json) / 2))"

ok 'remote add' git dv remote add store "$T/store"
ok 'remote list names it' git dv remote list
says 'with its URL' "$T/store"
ok 'the store exists now' test -f "$T/store/format"
ok 'commit the settings' git commit -q -am 'name the store'
cp .dvconfig ../v1/.dvconfig
must git init -q --bare ../origin.git
must git remote add origin ../origin.git
ok 'push' git push -q -u origin main
pushed=$(bytes_in ../store)
ok 'the content is on the store' sh -c "test $pushed -gt 8000000"
ok 'the bare repository has the commit' git -C ../origin.git rev-parse --verify -q main
cd ..

ok 'install for new clones' git dv install
ok 'clone' git clone -q origin.git clone
ok 'the clone has all content' same_tree clone v1
ok 'no pointer is left' no_pointers clone
ok 'its status is clean' status_clean clone
ok 'fsck of the clone' git -C clone fsck --strict
ok 'verify --full of the clone' git -C clone dv verify --full

# Edit in the clone, push, pull in the first.
before_local=$(bytes_in clone/.git/dv)
patch_file clone/noise.bin 4000000 'a small edit in the middle'
sed '15000s/row of a table/an edited row/' clone/table.json >t && mv t clone/table.json
snapshot clone v2
ok 'status shows the edits' sh -c 'git -C clone status --porcelain | sort | tr -d "\n" |
	grep -qx " M noise.bin M table.json"'
ok 'commit the edit' git -C clone commit -q -am two
ok 'little is added to the local store' \
	sh -c "test $(($(bytes_in clone/.git/dv) - before_local)) -lt 1200000"
ok 'push it' git -C clone push -q
ok 'only the change travels' sh -c "test $(($(bytes_in store) - pushed)) -lt 1200000"
ok 'and it does travel' sh -c "test $(bytes_in store) -gt $pushed"
ok 'pull in the first repository' git -C repo pull -q --ff-only
ok 'it has the edit' tree_is repo v2
ok 'the old version is there too' git -C repo checkout -q HEAD~1
ok 'with its content' tree_is repo v1
ok 'back again' git -C repo checkout -q main

# The local store is lost.
rm -rf repo/.git/dv
ok 'files in the worktree survive' same_tree repo v2
ok 'pull brings the store back' git -C repo dv pull
ok 'what is checked out is local again' sh -c 'cd repo && rm noise.bin table.json &&
	mv ../store ../store.away && git checkout -q . ; rc=$?; mv ../store.away ../store; exit $rc'
ok 'and right' tree_is repo v2
rm -rf repo/.git/dv repo/noise.bin
ok 'checkout without a store fetches what it needs' git -C repo checkout -q -- noise.bin
ok 'and places it' tree_is repo v2
rm -rf repo/.git/dv
must git -C repo dv init
patch_file repo/noise.bin 100 'another edit'
snapshot repo v3
ok 'add after the store was lost' git -C repo commit -q -am three
ok 'push after the store was lost' git -C repo push -q
ok 'clone once more' git clone -q origin.git clone2
ok 'it has everything' tree_is clone2 v3

done_testing
