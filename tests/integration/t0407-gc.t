#!/bin/sh
# git dv gc: what nothing needs goes after its grace; all that Git would keep stays, in every
# clone and worktree that uses the store.
. "$(dirname "$0")/../lib.sh"

# age REPO [DAYS]: everything in the store was stored that long ago.
age() {
	find "$1/.git/dv/packs" -type f -exec touch -d "${2-20} days ago" {} +
}

# oid REV:PATH, in the current repository.
oid() {
	git cat-file blob "$1" | sed -n 's/^oid //p'
}

# here OID: its content is in the store, and right. gone OID: it is not.
here() {
	git dv cat "$1" >/dev/null
}

gone() {
	! git dv cat "$1" >/dev/null 2>&1
}

# no_reflogs: what was amended or dropped is reachable from nowhere then.
no_reflogs() {
	git reflog expire --expire=now --expire-unreachable=now --all
	rm -f "$(git rev-parse --git-path ORIG_HEAD)"
}

store_hash() {
	(cd "$1" && find . -type f ! -path './cache/*' ! -name lock -exec sha256sum {} + | LC_ALL=C sort)
}

history_repo repo
cd repo || exit 1
make_noise am.bin 3000000 21
must git add am.bin
must git commit -qm amended
old=$(oid HEAD:am.bin)
make_noise am.bin 3000000 22
must git commit -qa --amend -m amended
snapshot . ../now

# The amended commit's content goes, by and by.
ok 'gc with a reflog' git dv gc --grace 0
says 'removes nothing' 'nothing to remove'
ok 'the reflog keeps it' here "$old"
no_reflogs
ok 'gc within the grace' git dv gc
says 'removes nothing' 'nothing to remove'
ok 'the grace keeps it' here "$old"
age .
before=$(bytes_in .git/dv/packs)
store_hash .git/dv >../before
ok 'a dry run' git dv gc -n
says 'names the content' "would remove $old (2.9 MiB)"
says 'tells how much' 'would remove the content of 1 file, 2.9 MiB'
ok 'a dry run as JSON' git dv gc --dry-run --json
says_json 'is JSON'
says 'with the file' "$old"
store_hash .git/dv >../after
ok 'a dry run changes nothing' cmp ../before ../after
ok 'gc' git dv gc
says 'tells what went' 'removed the content of 1 file'
ok 'it is gone' gone "$old"
after=$(bytes_in .git/dv/packs)
ok 'the store is smaller' test "$((before - after))" -gt 2900000
ok 'verify' git dv verify --full
for rev in v1 v2 s1; do
	ok "checkout of $rev" git checkout -q "$rev"
	ok "content of $rev" tree_is . "../$rev"
done
must git checkout -q main
ok 'content' tree_is . ../now
ok 'again there is nothing' git dv gc --grace 0
says 'and it says so' 'nothing to remove'
ok 'quietly' git dv gc -q
is 'no word' "$(cat "$T_OUT" "$T_ERR")" ''
code 129 'no operand' git dv gc x
code 129 'no such level' git dv gc --recompress 20
code 129 'nor this' git dv gc --recompress 0
must git config dv.gcGrace 99999999999
ok 'a grace that is too long' git dv gc -n
says 'is named' "dv.gcgrace is '99999999999', not a whole number from 0 to 2147483647; 14 is used"
must git config --unset dv.gcGrace
for level in 999999999999 -1 abc 1.5; do
	cp small.json level.json
	ok "add with dv.compression=$level" git -c "dv.compression=$level" add level.json
	says 'warns' "dv.compression is '$level', not a whole number from 0 to 19; 1 is used"
	must git rm -qf --cached level.json
done
rm level.json

# What was removed and comes again is stored again, whatever the caches say.
make_noise am.bin 3000000 21
ok 'the same content again' git add am.bin
ok 'is stored' here "$old"
must git reset -q --hard
for f in tiny.bin small.json; do
	cp "$f" "again-$f"
	printf x >>"again-$f"
	must git add "again-$f"
	must git rm -q --cached "again-$f"
	sleep 2		# the stat cache believes what is older than that
	must git add "again-$f"
	o=$(oid ":again-$f")
	must git rm -q --cached "again-$f"
	age .
	must git dv gc
	ok "$f is gone" gone "$o"
	ok "$f, added again by its dates" git add "again-$f"
	ok "$f is stored" here "$o"
	must git rm -q --cached "again-$f"
	age .
	must git dv gc
	ok "$f, added again by git dv add" git dv add "again-$f"
	ok "$f is stored" here "$o"
	must git rm -qf "again-$f"
done
age .
must git dv gc

# What git itself would keep.
keeps() {	# DESC OID
	age "$T/repo"
	ok "gc with $1" git dv gc --grace 0
	ok "$1 keeps it" here "$2"
}
released() {	# DESC OID
	no_reflogs
	age "$T/repo"
	ok "gc after $1" git dv gc
	ok "after $1 it goes" gone "$2"
}

make_noise st.bin 2000000 31
must git add st.bin
o=$(oid :st.bin)
keeps 'the index' "$o"
must git stash -q
no_reflogs_but_stash() {
	git reflog expire --expire=now --expire-unreachable=now HEAD refs/heads/main
	rm -f .git/ORIG_HEAD
}
no_reflogs_but_stash
keeps 'a stash' "$o"
make_noise st2.bin 1500000 35
must git stash -q -u
o2=$(git cat-file blob 'stash^3:st2.bin' | sed -n 's/^oid //p')
make_noise st3.bin 100000 36
must git stash -q -u
no_reflogs_but_stash
keeps 'an older stash' "$o2"
must git stash clear
released 'dropping the stashes' "$o"

must git checkout -q -b work v1
make_noise r1.bin 1500000 41
must git add r1.bin
must git commit -qm r1
o=$(oid HEAD:r1.bin)
echo three >plain.txt
must git commit -qam conflict
must git checkout -q main
must git checkout -q work
run git rebase main
ok 'a rebase stopped' test -d .git/rebase-merge
must git update-ref -d refs/heads/work
git reflog expire --expire=now --expire-unreachable=now --all
keeps 'a rebase in progress' "$o"
must git rebase --abort
must git checkout -q -f main
must git branch -D work
released 'the rebase' "$o"

must git checkout -q -b pick v1
make_noise p1.bin 1500000 42
echo four >plain.txt
must git add -A
must git commit -qm pick
o=$(oid HEAD:p1.bin)
must git checkout -q main
run git cherry-pick pick
ok 'a cherry-pick stopped' test -f .git/CHERRY_PICK_HEAD
must git branch -D pick
must git rm -q --cached p1.bin
must mv p1.bin ..
git reflog expire --expire=now --expire-unreachable=now --all
keeps 'CHERRY_PICK_HEAD' "$o"
must git cherry-pick --abort
run rm -f p1.bin
released 'the cherry-pick' "$o"

must git checkout -q -b merged v1
make_noise m1.bin 1500000 43
echo five >plain.txt
must git add -A
must git commit -qm merged
o=$(oid HEAD:m1.bin)
must git checkout -q main
run git merge merged
ok 'a merge stopped' test -f .git/MERGE_HEAD
must git branch -D merged
must git rm -q --cached m1.bin
git reflog expire --expire=now --expire-unreachable=now --all
keeps 'MERGE_HEAD' "$o"
must git merge --abort
run rm -f m1.bin
released 'the merge' "$o"

# Unmerged stages.
must git checkout -q -b ours
make_noise big.bin 2000000 51
must git commit -qam ours
must git checkout -q -b theirs main
make_noise big.bin 2000000 52
must git commit -qam theirs
o=$(oid HEAD:big.bin)
must git checkout -q ours
run git merge theirs
ok 'a conflict' test -n "$(git ls-files -u)"
must git branch -D theirs
rm -f .git/MERGE_HEAD .git/AUTO_MERGE
git reflog expire --expire=now --expire-unreachable=now --all
rm -f .git/ORIG_HEAD
keeps 'a stage of the index' "$o"
must git reset -q --hard
must git checkout -q main
must git branch -D ours
released 'the conflict' "$o"

# A second worktree: its HEAD, its index, its refs of bisect.
must git worktree add -q --detach ../wt v1
make_noise ../wt/w1.bin 1500000 61
must git -C ../wt add w1.bin
o=$(git -C ../wt cat-file blob :w1.bin | sed -n 's/^oid //p')
keeps "a worktree's index" "$o"
must git -C ../wt commit -qm w1
git reflog expire --expire=now --expire-unreachable=now --all
keeps "a worktree's HEAD" "$o"
must git -C ../wt update-ref refs/bisect/bad HEAD
must git -C ../wt checkout -q v2
git reflog expire --expire=now --expire-unreachable=now --all
rm -f .git/worktrees/wt/ORIG_HEAD
keeps "a worktree's bisect" "$o"
mv ../wt ../wt.away
keeps 'a worktree that is away' "$o"
mv ../wt.away ../wt
must git -C ../wt update-ref -d refs/bisect/bad
released 'the bisect' "$o"
must git worktree remove --force ../wt

# A replaced commit, a tag of a tree.
make_noise t1.bin 1500000 62
must git add t1.bin
o=$(oid :t1.bin)
must git tag tree "$(git write-tree)"
must git rm -qf t1.bin
keeps 'a tag of a tree' "$o"
must git tag -d tree
released 'the tag' "$o"
ok 'verify after all' git dv verify --full
ok 'content after all' tree_is . ../now

# A command that stores content keeps gc away.
must mkfifo ../hold
# shellcheck disable=SC2016
start sh -c 'exec 3<>../hold; { head -c 100000 /dev/urandom; head -c 1 <&3; } | git hash-object -w --stdin --path x.bin'
i=0
while ! find .git/dv/incoming -type f | grep -q . && test "$i" -lt 200; do
	i=$((i + 1))
	sleep 0.05
	test -e .git/dv/lock && run perl -e '
		use Fcntl; open F, "+<", ".git/dv/lock" or exit 0;
		exit !fcntl(F, 37, pack("s s l! l! i x4", F_WRLCK, 0, 0, 0, 0))'
	test "$T_RC" -eq 0 || break
done
fails 'gc beside a running add' git dv gc --grace 0
says 'says why' 'another command is writing to the store'
ok 'a dry run works' git dv gc -n
printf x >../hold
finish
is 'the add ends well' "$T_RC" 0
: >.git/index.lock
fails 'gc beside a git command' git dv gc
says 'names its lock' index.lock
rm .git/index.lock
cd ..

# Two clones on one store.
must git clone -q -n repo other
must git -C other dv install --local
must git -C other config dv.store "$T/repo/.git/dv"
must git -C other checkout -q -f v2
make_noise other/o.bin 1800000 71
must git -C other add o.bin
must git -C other commit -qm o
o=$(cd other && git cat-file blob HEAD:o.bin | sed -n 's/^oid //p')
cd repo || exit 1
age .
ok 'gc of a shared store' git dv gc --grace 0
ok "the other clone's content stays" here "$o"
mv ../other ../other.away
fails 'a clone that is not there stops it' git dv gc --grace 0
says 'names it' "$T/other/.git"
says 'tells what to do' '--forget-clone'
ok 'nothing was removed' here "$o"
mv ../other.away ../other
fails 'a clone that is there is not forgotten' git dv gc --forget-clone "$T/other"
says 'and is named' 'is there and uses this store'
mv ../other/.git/HEAD ../other/.git/HEAD.away
fails 'a clone that cannot be read stops it' git dv gc --grace 0
says 'names it' "$T/other/.git"
ok 'nothing was removed' here "$o"
mv ../other/.git/HEAD.away ../other/.git/HEAD
ref=$(git -C ../other rev-parse HEAD^)
printf '%s\n' "0123456789012345678901234567890123456789" >../other/.git/refs/heads/broken
fails 'a broken ref stops it' git dv gc --grace 0
rm ../other/.git/refs/heads/broken
ok 'and with it right again' git dv gc --grace 0
must test -n "$ref"
fails 'what is no clone cannot be forgotten' git dv gc --forget-clone "$T/nowhere"
mv ../other ../gone
ok 'a dry run forgets nothing' git dv gc -n --forget-clone "$T/other"
fails 'as is seen' git dv gc --grace 0
ok 'a clone that is gone can be forgotten' git dv gc --grace 0 --forget-clone "$T/other"
ok 'then its content goes' gone "$o"
ok 'once and for all' git dv gc
cd ..
ok 'everything of ours is there' tree_is repo now

# The folder is renamed: store and clone moved together.
mv repo moved
cd moved || exit 1
ok 'gc in a renamed repository' git dv gc --grace 0
ok 'content' tree_is . ../now
ok 'verify' git dv verify
is 'one clone is listed' "$(find .git/dv/clones -type f | wc -l | tr -d ' ')" 1

# Compress again.
make_json z.json 60000 81
must git add z.json
must git commit -qm z
before=$(bytes_in .git/dv/packs)
ok 'a dry run of recompressing' git dv gc -n --recompress 19
says 'removes nothing' 'nothing to remove; packs would go from'
says 'does not know what is saved' 'shows only when it is done'
ok 'recompress' git dv gc --recompress 19
says 'removes nothing' 'nothing to remove; packs went from'
says_not 'and knows what is saved' 'shows only when it is done'
after=$(bytes_in .git/dv/packs)
ok 'it is smaller' test "$after" -lt "$before"
ok 'content' sh -c 'git cat-file --filters HEAD:z.json | cmp - z.json'
ok 'verify' git dv verify --full
ok 'dry run of it' git dv gc -n --recompress 19

# Damage stops it, and nothing is lost by that.
make_noise d.bin 2000000 91
must git add d.bin
must git rm -qf --cached d.bin
age .
p=$(find .git/dv/packs -type f | head -n 1)
chmod u+w "$p"
patch_file "$p" "$(($(file_size "$p") - 30))" XXXX
find .git/dv/index -type f -exec rm -f {} +
find .git/dv/packs -type f | LC_ALL=C sort >../b
fails 'gc of a damaged store' git dv gc --grace 0
says 'sends to verify' 'git dv verify'
find .git/dv/packs -type f | LC_ALL=C sort >../a
ok 'nothing was removed' cmp ../a ../b
run git dv verify
run git dv gc --grace 0
cd ..

# A partial clone: blobs that are not here may be pointers.
must git -C moved config uploadpack.allowFilter true
must git -C moved config uploadpack.allowAnySHA1InWant true
if git clone -q --filter=blob:none "file://$T/moved" partial 2>/dev/null; then
	must git -C partial dv install --local
	must git -C partial dv pull
	fails 'gc in a partial clone' git -C partial dv gc
	says 'says what is missing' 'partial clone'
	ok 'brings it' git -C partial fetch -q --refetch --filter=blob:limit=1m
	ok 'then it works' git -C partial dv gc
else
	skip 4 'no partial clones'
fi

# A shallow one.
must git clone -q --depth 1 "file://$T/moved" shallow
must git -C shallow dv install --local
must git -C shallow dv pull
ok 'gc in a shallow clone' git -C shallow dv gc --grace 0
ok 'verify' git -C shallow dv verify --full

# A store that was inside of a clone that was renamed, seen from another clone.
must git clone -q -n moved side
must git -C side dv install --local
must git -C side config dv.store "$T/moved/.git/dv"
must git -C side checkout -q -f v1
must mv moved third
must git -C side config dv.store "$T/third/.git/dv"
ok 'gc from beside a renamed clone' git -C side dv gc --grace 0
ok 'what only that one names stays' git -C third cat-file --filters HEAD:z.json

# An empty repository, one without store.
must git init -q empty
must git -C empty dv init
ok 'gc before the first commit' git -C empty dv gc
must git init -q none
fails 'gc without a store' git -C none dv gc
ok 'leaves no store' test ! -e none/.git/dv/packs

done_testing
