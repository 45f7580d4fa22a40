#!/bin/sh
# fetch, pull, push, checkout by path, ref, pattern; --all; --dry-run; nothing twice.
. "$(dirname "$0")/../lib.sh"

must git dv install
published_repo repo
# local REV:PATH: the content is in the local store of c.
have() {
	(cd c && mv ../repo.store ../away && git cat-file --filters "$1" >../got 2>/dev/null
	rc=$?
	mv ../away ../repo.store
	exit $rc)
}
skipped() {
	rm -rf c
	must env GIT_DV_SKIP_SMUDGE=1 git clone -q repo.git c
}

skipped
ok 'GIT_DV_SKIP_SMUDGE clones pointers' is_pointer c/big.bin
ok 'small ones too' is_pointer c/small.json
ok 'clean' status_clean c
ok 'and no content' not have HEAD:big.bin
size=$(bytes_in c/.git/dv/packs)
ok 'fetch --dry-run' git -C c dv fetch --dry-run
is 'fetches nothing' "$(bytes_in c/.git/dv/packs)" "$size"
ok 'fetch' git -C c dv fetch
ok 'brings the content of HEAD' have HEAD:big.bin
ok 'all of it' have HEAD:new.bin
ok 'leaves the worktree' is_pointer c/big.bin
ok 'does not bring what only another branch has' not have origin/side:side.bin
ok 'checkout of a path' git -C c dv checkout big.bin
ok 'places it' cmp c/big.bin v2/big.bin
ok 'and no other' is_pointer c/new.bin
ok 'checkout of a pattern' git -C c dv checkout '*.json'
ok 'places it' cmp c/small.json v2/small.json
ok 'checkout of a directory' git -C c dv checkout sub
ok 'places what is in it' cmp c/sub/large.bin v2/sub/large.bin
ok 'checkout' git -C c dv checkout
ok 'places all' tree_is c v2
ok 'checkout once more' git -C c dv checkout
ok 'changes nothing' tree_is c v2
ok 'fetch of a ref' git -C c dv fetch store origin/side
ok 'brings its content' have origin/side:side.bin
fails 'fetch of a path that is not there' git -C c dv fetch store no-such-path
says 'names it' no-such-path
fails 'checkout of a path that is not there' git -C c dv checkout no-such-path
says 'names it' no-such-path
fails 'fetch from a remote that is not there' git -C c dv fetch no-such-remote
says 'names it' no-such-remote

skipped
ok 'fetch of a path' git -C c dv fetch store sub/large.bin
ok 'brings it' have HEAD:sub/large.bin
ok 'and no other' not have HEAD:big.bin
ok 'fetch --include' git -C c dv fetch --include '*.json'
ok 'brings it' have HEAD:small.json
ok 'and no other' not have HEAD:big.bin
ok 'pull --exclude' git -C c dv pull --exclude 'big.*'
ok 'places the others' cmp c/new.bin v2/new.bin
ok 'not what is excluded' is_pointer c/big.bin
ok 'clean' status_clean c
ok 'pull of a path' git -C c dv pull store big.bin
ok 'places it' tree_is c v2

skipped
ok 'fetch --all' git -C c dv fetch --all
ok 'brings what other branches have' have origin/side:side.bin
ok 'and old versions' have v1:big.bin
cmp got v1/big.bin >"$T_OUT" 2>&1
is 'which are right' $? 0
skipped
ok 'pull' git -C c dv pull
ok 'fetches and places' tree_is c v2
must git -C c config dv.exclude '*.json'
must git -C c checkout -q -f side
ok 'dv.exclude is obeyed by checkout' is_pointer c/small.json
ok 'other files come' cmp c/side.bin s1/side.bin
ok 'clean' status_clean c
must git -C c config --unset dv.exclude
must git -C c dv pull
ok 'pull without it' tree_is c s1

# Push.
skipped
must git -C c dv pull
cd c || exit 1
make_noise p.bin 2000000 41
must git add p.bin
must git commit -qm p
size=$(bytes_in ../repo.store)
ok 'push --dry-run' git dv push --dry-run
is 'uploads nothing' "$(bytes_in ../repo.store)" "$size"
ok 'push' git dv push
after=$(bytes_in ../repo.store)
ok 'uploads it' test "$after" -ge $((size + 2000000))
ok 'push again' git dv push
ok 'uploads no content twice' test "$(bytes_in ../repo.store)" -lt $((after + 100000))
must git checkout -q -b other
make_noise q.bin 2000000 42
cat p.bin q.bin >pq.bin
must git add -A
must git commit -qm q
must git checkout -q main
size=$(bytes_in ../repo.store)
ok 'push of a ref' git dv push store other
grown=$(($(bytes_in ../repo.store) - size))
ok 'uploads it' test "$grown" -gt 2000000
ok 'and not again what is there inside of another file' test "$grown" -lt 2700000
make_noise r.bin 1500000 43
must git add -A
must git commit -qm r
must git branch unseen
must git reset -q --hard HEAD~1
ok 'push --all' git dv push --all
must git push -q --no-verify origin main other unseen
cd ..
rm -rf c
ok 'clone of a branch that only push --all saw' git clone -q -b unseen repo.git c
ok 'is whole' no_pointers c
ok 'and right' sh -c 'test "$(wc -c <c/r.bin)" -eq 1500000'
ok 'clone of the other branch' sh -c 'rm -rf c && git clone -q -b other repo.git c && cat c/p.bin c/q.bin | cmp - c/pq.bin'
cd c || exit 1
fails 'push of a ref that is not there' git dv push store no-such-ref
says 'names it' no-such-ref

# dv add: past Git's pipe, with the same result.
make_noise added.bin 3000000 44
make_noise by-git.bin 3000000 44
mkdir -p d
make_noise d/one.bin 2000 45
echo text >d/text.txt
ok 'dv add' git dv add added.bin d
must git add by-git.bin
is 'gives the same pointer as git add' "$(git rev-parse :added.bin)" "$(git rev-parse :by-git.bin)"
ok 'in a directory too' blob_is_pointer :d/one.bin
is 'and stages the plain files there' "$(git cat-file blob :d/text.txt 2>/dev/null)" text
must git commit -qm added
ok 'clean' status_clean
ok 'content can be read' sh -c 'git dv cat added.bin | cmp - by-git.bin'
fails 'dv add of a file that is not there' git dv add no-such.bin
says 'names it' no-such.bin

done_testing
