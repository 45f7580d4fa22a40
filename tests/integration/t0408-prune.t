#!/bin/sh
# git dv prune: content that is not worked on and that the remote has makes room here, and comes
# back when it is wanted.
. "$(dirname "$0")/../lib.sh"

oid() {
	git cat-file blob "$1" | sed -n 's/^oid //p'
}

# have OID REV: the content, which REV names, is in the store. gone OID REV: it is not.
have() {
	git dv ls-files -l "$2" | grep -F "$1 " | grep -q ' \* '
}

gone() {
	git dv ls-files -l "$2" | grep -F "$1 " | grep -q ' - '
}

store_hash() {
	(cd "$1" && find . -type f ! -path './cache/*' ! -name lock -exec sha256sum {} + | LC_ALL=C sort)
}

# old CMD...: commits made by it are a month old.
old() {
	GIT_COMMITTER_DATE=$(date -d '30 days ago' +%s\ +0000) GIT_AUTHOR_DATE=$(date -d '30 days ago' +%s\ +0000) "$@"
}

# A history that is a month old: the hooks of reflogs do not count here.
GIT_COMMITTER_DATE=$(date -d '30 days ago' +%s\ +0000)
GIT_AUTHOR_DATE=$GIT_COMMITTER_DATE
export GIT_COMMITTER_DATE GIT_AUTHOR_DATE
published_repo repo
cd repo || exit 1
v1=$(oid v1:big.bin)
s1=$(oid s1:side.bin)
v2=$(oid v2:big.bin)

before=$(bytes_in .git/dv/packs)
store_hash .git/dv >../before
ok 'dry run' git dv prune --dry-run
says 'names what would go' "would remove 'big.bin' ($v1"
says 'and what else' "would remove 'side.bin' ($s1"
says_not 'but not what is checked out' "$v2"
ok 'dry run as JSON' git dv prune -n --json
says_json 'is JSON'
says 'with paths' '"side.bin"'
store_hash .git/dv >../after
ok 'a dry run changes nothing' cmp ../before ../after

# What is recent is kept.
ok 'prune with recent commits' git dv prune --recent 60
says 'removes nothing' 'nothing to remove'
must git config dv.pruneRecent 60
ok 'the same by a setting' git dv prune
says 'removes nothing' 'nothing to remove'
must git config --unset dv.pruneRecent

# The remote is asked, not a cache.
mv ../repo.store ../away
fails 'prune without its remote' git dv prune
says 'names it' "remote 'store'"
mv ../away ../repo.store
mkdir ../hidden
must find ../repo.store/packs -type f -exec mv {} ../hidden/ \;
ok 'a remote without packs' git dv prune
says 'proves nothing' 'nothing to remove'
says 'and it is said' 'because the remote was not seen to have'
for f in ../hidden/*; do
	b=${f##*/}
	mv "$f" "../repo.store/packs/$(echo "$b" | cut -c1-2)/$b"
done
store_hash .git/dv >../after
ok 'nothing was removed' cmp ../before ../after
p=$(find ../repo.store/packs -type f -size +500k | head -n 1)
cp "$p" ../whole
chmod u+w "$p"
patch_file "$p" 100000 XXXX
ok 'dry run with --verify-remote' git dv prune -n --verify-remote
says 'finds the damage' 'cannot be read back'
cat ../whole >"$p"
ok 'and without damage' git dv prune -n --verify-remote
says_not 'finds none' 'cannot be read back'
says 'and all is as before' "would remove 'side.bin'"

# Not pushed, stashed, staged.
make_noise unpushed.bin 1300000 31
must git add unpushed.bin
must git commit -qm unpushed
u=$(oid HEAD:unpushed.bin)
must git rm -q unpushed.bin
must git commit -qm 'removed again'
ok 'prune with a commit that is not pushed' git dv prune -n
says_not 'keeps its content' "$u"
must git dv push
ok 'prune when only its content is pushed' git dv prune -n
says_not 'keeps it still' "$u"
make_noise new.bin 1300000 32
st=$(git dv pointer new.bin | sed -n 's/^oid //p')
must git stash -q
must git push -q origin main
ok 'prune with a stash' git dv prune -n
says_not 'keeps the stash' "$st"
says 'and not what is pushed' "$u"

# A second worktree keeps what it has.
must git worktree add -q --detach ../wt s1
ok 'prune with a worktree' git dv prune -n
says_not 'keeps what is checked out there' "$s1"
mv ../wt ../wt.away
ok 'prune with a worktree that is away' git dv prune -n
says_not 'keeps it too' "$s1"
mv ../wt.away ../wt
must git worktree remove --force ../wt

before=$(bytes_in .git/dv/packs)
ok 'prune' git dv prune
says 'tells what went' 'removed the content of'
ok 'the old version is not here' gone "$v1" v1
ok 'nor the other branch' gone "$s1" s1
ok 'the new one is' have "$v2" v2
after=$(bytes_in .git/dv/packs)
ok 'the store is smaller' test "$after" -lt "$((before - 2500000))"
ok 'verify' git dv verify --full
must git stash pop -q
is 'the stash is whole' "$(git dv pointer new.bin | sed -n 's/^oid //p')" "$st"
must git checkout -q -- new.bin
ok 'content' tree_is . ../v2
ok 'again' git dv prune
says 'there is nothing' 'nothing to remove'

# Back from the remote.
ok 'checkout of an old commit' git checkout -q v1
says_not 'does not warn of what it fetches' 'left as a pointer'
ok 'its content' tree_is . ../v1
ok 'checkout of a branch' git checkout -q side
ok 'its content' tree_is . ../s1
must git checkout -q main
ok 'prune once more' git dv prune
says 'removes it once more' 'removed the content of'
ok 'dv cat fetches' sh -c 'git dv cat v1:big.bin | cmp - ../v1/big.bin'
ok 'prune' git dv prune
ok 'fetch --all' git dv fetch --all
ok 'brings everything back' have "$s1" s1
ok 'verify' git dv verify --full
must git dv prune
must git -c filter.dv.smudge= -c filter.dv.process= -c filter.dv.required=false checkout -q s1
ok 'pull puts content in place of pointers' git dv pull
ok 'content' same_tree . ../s1
must git checkout -q -f main

# Equal parts of what goes and what stays: chunks are shared.
ok 'shared chunks' tree_is . ../v2
ok 'gc has nothing to add' git dv gc --grace 0
ok 'content' tree_is . ../v2
unset GIT_COMMITTER_DATE GIT_AUTHOR_DATE
cd ..

# What the remote lacks stays, however old.
must git clone -q repo.git lone
must git -C lone dv install --local
must git -C lone dv pull
cd lone || exit 1
old make_noise lone.bin 1400000 41
must git add lone.bin
must old git commit -qm lone
l=$(oid HEAD:lone.bin)
must git rm -q lone.bin
must old git commit -qm 'no lone'
must git config dv.hooks false
must git push -q --no-verify origin main
ok 'prune where the remote lacks content' git dv prune --recent 0
says 'says so' 'git dv push --repair'
ok 'and keeps it' have "$l" HEAD^
must git dv push --repair
ok 'prune when it is there' git dv prune --recent 0
ok 'removes it' gone "$l" HEAD^
cd ..

# A shared store: each clone's own remote must have what it names.
must git clone -q -n repo.git two
must git -C two dv install --local
must git -C two config dv.store "$T/repo/.git/dv"
must git -C two checkout -q side
cd repo || exit 1
must git dv fetch --all
ok 'prune beside a clone that shares the store' git dv prune --recent 0 -n
says_not 'keeps what is checked out there' "$s1"
says 'and no more' "$u"
must git -C ../two config dv.remote.store.url "$T/nowhere"
ok 'prune beside a clone whose remote is away' git dv prune --recent 0
says 'says so' "everything that the clone '$T/two/.git' names is kept"
says 'and removes nothing' 'nothing to remove'
ok 'that it names' have "$u" HEAD^
mv ../two ../two.away
fails 'a clone that is not there stops it' git dv prune --recent 0
says 'and is named' "$T/two/.git"
mv ../two.away ../two
must git -C ../two config --unset dv.remote.store.url
ok 'with both remotes' git dv prune --recent 0
ok 'it goes' gone "$u" HEAD^
ok 'content of the other' tree_is ../two ../s1
cd ..

# Without any remote.
history_repo alone
fails 'prune without a data remote' git -C alone dv prune
says 'tells the next step' 'git dv remote add'
ok 'content' tree_is alone v2
code 129 'no operand' git -C alone dv prune x

done_testing
