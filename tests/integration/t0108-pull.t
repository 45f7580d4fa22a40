#!/bin/sh
# Workflow 18: pull by fast-forward, by merge and by rebase. Workflow 34, the part of plain
# Git: push with its options, fetch, remote update.
. "$(dirname "$0")/../lib.sh"

must git dv install
published_repo repo
for c in ff merge rebase; do
	must git clone -q repo.git "$c"
done
patch_file repo/big.bin 77 'upstream edit'
make_noise repo/upstream.bin 1300000 31
snapshot repo up
must git -C repo add -A
must git -C repo commit -qm upstream
must git -C repo push -q origin main

ok 'pull --ff-only' git -C ff pull -q --ff-only
ok 'content of upstream' tree_is ff up

cp -R up both
for c in merge rebase; do
	make_noise "$c/mine.bin" 1250000 32
	patch_file "$c/sub/large.bin" 8 mine
	must git -C "$c" add -A
	must git -C "$c" commit -qm mine
done
cp merge/mine.bin both/mine.bin
cp merge/sub/large.bin both/sub/large.bin
ok 'pull --no-rebase' git -C merge pull -q --no-rebase --no-edit
ok 'content of both' tree_is merge both
ok 'pull --rebase' git -C rebase pull -q --rebase
ok 'content of both' tree_is rebase both
is 'is linear' "$(git -C rebase rev-list --merges --count HEAD)" "$(git -C ff rev-list --merges --count HEAD)"
ok 'push of the merge' git -C merge push -q
ok 'pull of it' git -C ff pull -q
ok 'content of both' tree_is ff both
patch_file ff/big.bin 4 dirty
cp ff/big.bin dirty
must git -C merge commit -q --allow-empty -m empty
must git -C merge push -q
ok 'pull --rebase --autostash' git -C ff pull -q --rebase --autostash
ok 'the edit is back' cmp ff/big.bin dirty

# Push with its options: what a clone sees is whole each time.
must git clone -q repo.git p
cd p || exit 1
n=40
change() {
	n=$((n + 1))
	make_noise p.bin 1100000 "$n"
	git add p.bin && git commit -q -m "change $n"
}
# whole REF: a new clone of that ref has p.bin as it is here.
whole() {
	rm -rf ../w
	git clone -q -b "$1" ../repo.git ../w && no_pointers ../w && cmp p.bin ../w/p.bin
}
must change
size=$(bytes_in ../repo.store)
ok 'push --dry-run' git push -q --dry-run origin main
is 'uploads nothing' "$(bytes_in ../repo.store)" "$size"
ok 'push HEAD:refs/heads/new' git push -q origin HEAD:refs/heads/new
ok 'is whole' whole new
must change
ok 'push -u' git push -q -u origin HEAD:main
ok 'is whole' whole main
must change
must git tag -a -m tagged t1
ok 'push of a tag alone' git push -q origin t1
ok 'is whole' whole t1
must git reset -q --hard HEAD~1
must change
fails 'a push that is no fast-forward' git push -q origin HEAD~2:main
must git push -q origin HEAD:new
must git commit -q --amend -m amended
ok 'push --force-with-lease' git push -q --force-with-lease origin HEAD:new
ok 'is whole' whole new
must change
ok 'push --atomic of two refs' git push -q --atomic origin HEAD:new HEAD:new2
ok 'is whole' whole new2
ok 'push --delete' git push -q origin --delete new2
ok 'push :ref' git push -q origin :new
must change
must git branch -f extra
ok 'push --all' git push -q --all
ok 'is whole' whole extra
must change
must git tag t2
ok 'push --tags' git push -q --tags
ok 'is whole' whole t2
must change
must git tag -a -m f t3
ok 'push --follow-tags' git push -q --follow-tags origin main
ok 'is whole' whole t3
ok 'push --mirror to another' sh -c 'git init -q --bare ../m.git && git push -q --mirror ../m.git'
ok 'push to a path without a named remote' git push -q ../repo.git HEAD:refs/heads/path
ok 'is whole' whole path
ok 'push --no-verify, then git dv push' sh -c '
	head -c 1200000 p.bin >q.bin && cat q.bin >>p.bin && git add p.bin q.bin &&
	git commit -qm noverify && git push -q --no-verify origin main && git dv push'
ok 'is whole' whole main

done_testing
