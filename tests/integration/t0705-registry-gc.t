#!/bin/sh
# What has a name stays: gc and prune, the worktree, the index, a commit, a reflog.
. "$(dirname "$0")/../lib.sh"

new_repo repo
cd repo || exit 1
make_noise loose.dat 400000 1
make_noise other.dat 300000 2
cp loose.dat other.dat ..
ok 'a file that is not tracked gets a name' git dv version loose.dat kept --version v1
ok 'another one' git dv version other.dat kept --version v2
must rm loose.dat other.dat
must git config gc.reflogExpire now
must git config gc.reflogExpireUnreachable now

ok 'gc, the registry not staged' git dv gc --grace 0
ok 'it is here' git dv get kept@v1 -o ../back1
ok 'and the same' cmp ../back1 ../loose.dat
must git add .dv
must git commit -qm names
ok 'gc, the registry committed' git dv gc --grace 0
ok 'a version is removed' git dv remove --yes kept v1
ok 'gc' git dv gc --grace 0
ok 'a commit names it: it stays' git dv verify
git show HEAD:.dv/registry/kept.json >../old.json || exit 1
must git add .dv
must git commit -q --amend -m 'one name less'
must git reflog expire --expire=now --all
ok 'gc, the commit is gone' git dv gc --grace 0
must cp ../old.json .dv/registry/kept.json
fails 'then its content is' git dv get kept@v1 -o ../back2
ok 'the other one stays' git dv get kept@v2 -o ../back3
ok 'and is the same' cmp ../back3 ../other.dat
must git checkout -q -- .dv

cd .. || exit 1
publish repo
cd repo || exit 1
ok 'prune' git dv prune --recent 0
ok 'what has a name stays' git -c dv.remote=none dv get kept@v2 -o ../back4
ok 'and is the same' cmp ../back4 ../other.dat

# Clones that share a store: gc in one keeps what the other names anywhere.
cd "$T" || exit 1
for r in one two; do
	must git init -q $r
	must git -C $r config dv.store "$T/shared"
	must git -C $r dv init
	must git -C $r commit -q --allow-empty -m 0
done
# name FILE-SEED NAME [BYTES]: recorded in the current worktree, the file gone.
name() {
	make_noise data.dat "${3:-200000}" "$1"
	must git dv version data.dat "$2" --version 1
	rm data.dat
}
cd two || exit 1
name 11 staged
must git add .dv
must git worktree add -q ../linked
rm -r .dv
name 12 loose
cd ../linked || exit 1
name 13 staged
must git add .dv
rm -r .dv
name 14 loose
cd ../one || exit 1
ok 'gc in another clone' git dv gc --grace 0
for w in two linked; do
	cd "../$w" || exit 1
	must git checkout -q .dv/registry/staged.json
	ok "keeps what the index and the files of $w name" git dv registry check
	says 'all of it' '2 versions: all good'
done

# A worktree on a disk that is away.
cd ../two || exit 1
must git worktree add -q ../usb
cd ../usb || exit 1
name 15 away
must git worktree lock .
mv ../usb ../unplugged
cd ../one || exit 1
fails 'gc where a locked worktree is away' git dv gc --grace 0
says 'says which' "the worktree '$T/usb' is locked and not there"
mkdir ../usb
fails 'also with an empty folder in its place' git dv gc --grace 0
rmdir ../usb
mv ../unplugged ../usb
ok 'gc when it is back' git dv gc --grace 0
ok 'keeps what it names' git -C ../usb dv get away
must git -C ../two worktree unlock ../usb
rm -r ../usb
ok 'gc without one that is not locked' git dv gc --grace 0

# gc beside git dv version: what was recorded is there.
cd ../one || exit 1
for i in 1 2 3 4 5 6 7 8; do
	make_noise data.dat 100000 "$((20 + i))"
	for k in 1 2 3 4; do git dv gc -q --grace 0; done >/dev/null 2>&1 &
	git dv version data.dat busy --version "$i" >/dev/null 2>&1
	wait
done
isnt 'versions are recorded beside gc' "$(git dv list -z busy | tr '\0' ' ')" ''
ok 'and have their content' git dv registry check
cd ../repo || exit 1

# What git keeps beside refs and reflogs: heads of work in progress, and refs to trees and files.
cd "$T" || exit 1
must git init -q --bare tips.git
must git init -q tips
cd tips || exit 1
must git dv init
must git dv remote add store ../tips.store
must git config dv.pushRegistry true
must git commit -q --allow-empty -m 0
must git remote add origin ../tips.git
# lose NAME SEED [BYTES]: $id, a commit that nothing reaches any more, names content.
lose() {
	name "$2" "$1" "${3-}"
	must git add .dv
	must git commit -q -m "$1"
	must git push -q -f origin HEAD:refs/heads/gone
	id=$(git rev-parse HEAD)
	must git reset -q --hard HEAD~1
}
i=30
places='ORIG_HEAD MERGE_HEAD CHERRY_PICK_HEAD REVERT_HEAD rebase-merge/autostash
	rebase-merge/orig-head rebase-merge/git-rebase-todo refs/tags/tree refs/tags/folder
	refs/tags/registry refs/tags/blob refs/tags/annotated refs/tags/commit nowhere'
mkdir .git/rebase-merge
for at in $places; do
	i=$((i + 1))
	n=$(echo "$at" | tr / .)
	case $at in
	nowhere) lose "$n" $i 3000000 ;;
	*) lose "$n" $i ;;
	esac
	git show "$id:.dv/registry/$n.json" >"../$n.json" || exit 1
	case $at in
	*/git-rebase-todo) echo "pick $(git rev-parse --short "$id") work" >"../$n.id" ;;
	*/tree) git rev-parse "$id^{tree}" >"../$n.id" ;;
	*/folder) git rev-parse "$id:.dv" >"../$n.id" ;;
	*/registry) git rev-parse "$id:.dv/registry" >"../$n.id" ;;
	*/blob) git rev-parse "$id:.dv/registry/$n.json" >"../$n.id" ;;
	*/annotated)
		must git tag -a -m t made "$id^{tree}"
		git rev-parse refs/tags/made >"../$n.id"
		must git tag -d made ;;
	*) echo "$id" >"../$n.id" ;;
	esac
done
for at in $places; do
	n=$(echo "$at" | tr / .)
	case $at in
	nowhere) ;;
	refs/*) must git update-ref "$at" "$(cat "../$n.id")" ;;
	*) cp "../$n.id" ".git/$at" ;;
	esac
done
rm -f .git/FETCH_HEAD
for r in $(git for-each-ref --format='%(refname)' refs/remotes); do
	must git update-ref -d "$r"
done
must git reflog expire --expire=now --all
# here NAME: its content is in the local store.
here() {
	mv ../tips.store ../away
	mkdir -p .dv/registry && cp "../$1.json" .dv/registry/ && git dv get "$1" -o ../out
	lib_rc=$?
	rm -rf .dv ../out
	mv ../away ../tips.store
	return $lib_rc
}
ok 'gc beside work in progress' git dv gc --grace 0
for at in $places; do
	n=$(echo "$at" | tr / .)
	case $at in
	nowhere) fails 'what nothing names is gone' here "$n" ;;
	*) ok "what $at leads to is here" here "$n" ;;
	esac
done
ok 'prune' git dv prune --recent 0
for at in $places; do
	test $at = nowhere || ok "leaves it ($at)" here "$(echo "$at" | tr / .)"
done
cd ../repo || exit 1

printf '{ broken' >.dv/registry/kept.json
fails 'a registry that cannot be read stops gc' git dv gc --grace 0
says 'and is named' kept.json
done_testing
