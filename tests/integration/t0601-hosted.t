#!/bin/sh
# A repository hosted on a store: what git asks of a remote helper.
. "$(dirname "$0")/../lib.sh"

must git dv install
U=dvstore::$T/h

# manifests: how many there are; packs: how many packs of Git objects; data: bytes of content.
manifests() { find "$T/h/git/refs" -type f -not -name '.*' | wc -l | tr -d ' '; }
packs() { find "$T/h/git/pack" -name '*.pack' | wc -l | tr -d ' '; }
data() { bytes_in "$T/h/packs"; }
ref() { git ls-remote "$U" "$1" | cut -f1; }
commit() {
	echo "$2" >"$1/$2.txt"
	must git -C "$1" add "$2.txt"
	must git -C "$1" commit -qm "$2"
}

history_repo repo
cd repo || exit 1
# Content that no branch tip shows.
make_noise gone.bin 1600000 77
must git add gone.bin
must git commit -qm 'with gone.bin'
WITH=$(git rev-parse HEAD)
cp gone.bin "$T/gone.bin"
must git rm -q gone.bin
must git commit -qm 'without gone.bin'
must git remote add origin "$U"

# --- the first push ---
ok 'dry run of the first push' git push --dry-run origin main
says 'names the branch' 'main -> main'
ok 'it made nothing' test ! -e "$T/h"
ok 'first push' git push -u origin main
says 'new branch' '[new branch]'
is 'one manifest' "$(manifests)" 1
is 'the ref' "$(ref refs/heads/main)" "$(git rev-parse HEAD)"
ok 'ls-remote --symref' git ls-remote --symref origin
says 'HEAD is main' "ref: refs/heads/main	HEAD"
ok 'ls-remote outside of a repository' git -C "$T" ls-remote "$U"
ok 'clone' git clone -q "$U" "$T/c"
ok 'is whole' tree_is "$T/c" "$T/repo"
is 'is on main' "$(git -C "$T/c" symbolic-ref HEAD)" refs/heads/main
is 'upstream' "$(git -C "$T/c" rev-parse --abbrev-ref '@{u}')" origin/main
ok 'fsck' git -C "$T/c" fsck --strict
ok 'content of a commit in the middle' sh -c \
	"git -C $T/c cat-file --filters $WITH:gone.bin | cmp - $T/gone.bin"
ok 'push again' git push origin main
says 'up to date' 'Everything up-to-date'
is 'no manifest for nothing' "$(manifests)" 1

# --- nothing twice ---
before=$(data)
packs_before=$(packs)
ok 'a branch at an old commit' git push -q origin v1:refs/heads/old
is 'no content' "$(data)" "$before"
is 'no Git pack' "$(packs)" "$packs_before"
ok 'a push with content' git push -q origin side
ok 'content was sent' test "$(data)" -gt "$before"
before=$(data)
must git checkout -q -b again
cp big.bin same.bin
must git add same.bin
must git commit -qm 'the same content under another name'
ok 'push of known content' git push -q origin again
is 'sends none' "$(data)" "$before"
ok 'force it back' git push -q --force origin main:again
is 'no content for a ref that moves' "$(data)" "$before"
must git checkout -q main

make_noise "quiet.bin" 200000 5
must git add quiet.bin
must git commit -qm quiet
ok 'push --quiet of content' git push -q origin main
is 'says nothing' "$(cat "$T_OUT" "$T_ERR")" ''

# --- tags ---
must git tag -a -m 'annotated' a1
must git tag light
commit . 'follow'
must git tag -a -m 'annotated' a2
ok 'push --follow-tags' git push --follow-tags origin main
is 'annotated tag' "$(ref refs/tags/a2)" "$(git rev-parse a2)"
is 'its commit' "$(ref 'refs/tags/a2^{}')" "$(git rev-parse 'a2^{}')"
is 'not the light one' "$(ref refs/tags/light)" ''
ok 'push --tags' git push origin --tags
is 'the light one' "$(ref refs/tags/light)" "$(git rev-parse light)"
ok 'fetch brings tags' git -C "$T/c" fetch -q
is 'tag in the clone' "$(git -C "$T/c" rev-parse a2)" "$(git rev-parse a2)"
ok 'fetch --tags' git -C "$T/c" fetch -q --tags
must git tag -f light HEAD~2
fails 'a tag that moves' git push origin light
says 'is refused' 'already exists'
ok 'by force' git push -f origin light
is 'it moved' "$(ref refs/tags/light)" "$(git rev-parse HEAD~2)"
must git -C "$T/c" fetch -q --tags --force

# --- rejection ---
must git -C "$T/c" pull -q
commit "$T/c" 'in the clone'
must git -C "$T/c" push -q
commit . 'elsewhere'
code 1 'not a fast-forward' git push origin main
says 'rejected' '! [rejected]'
says 'why' 'fetch first'
says 'hint' 'hint: Updates were rejected because the remote contains work that you do'
code 1 'with --porcelain' git push --porcelain origin main
says 'porcelain' '!	refs/heads/main:refs/heads/main	[rejected] (fetch first)'
must git fetch -q
code 1 'after a fetch' git push origin main
says 'why' 'non-fast-forward'
says 'hint' 'hint: Updates were rejected because the tip of your current branch is behind'
code 1 '--atomic' git push --atomic origin main main:refs/heads/atomic
is 'made no other ref' "$(ref refs/heads/atomic)" ''
ok 'without it' sh -c '! git push -q origin main main:refs/heads/atomic'
is 'the other ref is there' "$(ref refs/heads/atomic)" "$(git rev-parse main)"
ok 'pull --rebase' git pull -q --rebase
ok 'and push' git push --porcelain origin main
says 'porcelain' ' 	refs/heads/main:refs/heads/main	'
says 'ends' 'Done'

fails '--push-option, which nobody would read' git push -o x origin main:refs/heads/opt

# --- force, lease ---
must git -C "$T/c" pull -q
must git -C "$T/c" commit -q --amend -m 'amended'
stale=$(git rev-parse origin/main)
code 1 'amended' git -C "$T/c" push origin main
ok 'lease that is right' git -C "$T/c" push --force-with-lease origin main
amended=$(git -C "$T/c" rev-parse main)
is 'it moved' "$(ref refs/heads/main)" "$amended"
commit . 'on the old one'
code 1 'lease that is stale' git push --force-with-lease origin main
says 'says so' 'stale info'
code 1 'lease by value' git push --force-with-lease=main:"$stale" origin main
is 'it did not move' "$(ref refs/heads/main)" "$amended"
code 1 'lease: must be absent' git push --force-with-lease=main: origin main
ok 'lease: is absent' git push --force-with-lease=fresh: origin main:fresh
must git fetch -q
code 1 '--force-if-includes' git push --force-with-lease --force-if-includes origin main
says 'says so' 'remote ref updated since checkout'
code 1 'a lease that is stale' git push --force-with-lease=main:"$stale" origin main
ok '--force, whatever a lease says' git push --force --force-with-lease=main:"$stale" origin main
ok 'and a + does' git push --force-with-lease=main:"$stale" origin "+$amended:main"
ok '--force' git push --force origin main
says 'forced' '(forced update)'
is 'it moved' "$(ref refs/heads/main)" "$(git rev-parse main)"
ok '+refspec' git push -q origin "+$amended:refs/heads/main"
ok 'and back' git push -q origin +main
must git -C "$T/c" fetch -q
must git -C "$T/c" reset -q --hard origin/main

# --- refspecs, deletion, prune, HEAD ---
ok 'refspec' git push -q origin 'refs/heads/main:refs/for/review/1'
is 'any name below refs/' "$(ref refs/for/review/1)" "$(git rev-parse main)"
ok 'pattern' git push -q origin 'refs/heads/*:refs/heads/copy/*'
is 'of a pattern' "$(ref refs/heads/copy/side)" "$(git rev-parse side)"
ok 'fetch by refspec' git -C "$T/c" fetch -q origin 'refs/for/*:refs/review/*'
is 'fetched' "$(git -C "$T/c" rev-parse refs/review/review/1)" "$(git rev-parse main)"
ok 'delete' git push origin --delete copy/main old
says 'deleted' '[deleted]'
is 'is gone' "$(ref refs/heads/old)" ''
code 1 'delete what is absent' git push origin --delete old2
says 'as git says' 'does not exist'
ok 'dry run of a deletion' git push --dry-run origin :fresh
isnt 'is still there' "$(ref refs/heads/fresh)" ''
ok 'push --prune' git push -q --prune origin 'refs/heads/*:refs/heads/*'
is 'pruned' "$(ref refs/heads/fresh)" ''
isnt 'kept' "$(ref refs/heads/side)" ''
ok 'fetch --prune' git -C "$T/c" fetch -q --prune
ok 'pruned here' sh -c "! git -C $T/c rev-parse -q --verify origin/fresh"
must git -C "$T/c" remote set-head origin -d
ok 'remote set-head -a' git -C "$T/c" remote set-head origin -a
is 'is main' "$(git -C "$T/c" symbolic-ref refs/remotes/origin/HEAD)" refs/remotes/origin/main
ok 'remote show' git -C "$T/c" remote show origin
says 'says it' 'HEAD branch: main'
code 1 'delete the branch of HEAD' git push origin :main
says 'as git says' 'deletion of the current branch prohibited'
ok 'HEAD still leads somewhere' sh -c "git ls-remote '$U' HEAD | grep ."
ok 'main again' git push -q origin main

# --- another branch for HEAD ---
head() { git ls-remote --symref "$U" HEAD | sed -n 's/^ref: \([^	]*\)	HEAD$/\1/p'; }
before=$(manifests)
refs=$(git ls-remote "$U" 'refs/*')
ok 'remote set-head' git dv remote set-head origin side
says 'says so' "start on 'side' now"
is 'one manifest' "$(manifests)" "$((before + 1))"
is 'HEAD is side' "$(head)" refs/heads/side
is 'no ref moved' "$(git ls-remote "$U" 'refs/*')" "$refs"
ok 'again' git dv remote set-head origin refs/heads/side
is 'no manifest for nothing' "$(manifests)" "$((before + 1))"
ok 'clone' git clone -q "$U" "$T/h-side"
is 'starts there' "$(git -C "$T/h-side" symbolic-ref HEAD)" refs/heads/side
ok 'is whole' tree_is "$T/h-side" "$T/s1"
ok 'a clone that exists follows' git -C "$T/c" remote set-head origin -a
is 'its HEAD of origin' "$(git -C "$T/c" symbolic-ref refs/remotes/origin/HEAD)" refs/remotes/origin/side
code 1 'delete that branch' git push origin :side
ok 'the one before may go' git push -q origin :main
ok 'and come' git push -q origin main
is 'HEAD stays' "$(head)" refs/heads/side
fails 'a branch that is not there' git dv remote set-head origin nowhere
says 'says so' "there is no branch 'nowhere'"
fails 'a tag' git dv remote set-head origin refs/tags/v1
fails 'a remote that is not there' git dv remote set-head upstream main
fails 'a store that is not there' git dv remote set-head "dvstore::$T/nothing" main
ok 'it was not made' test ! -e "$T/nothing"
must git init -q --bare "$T/plain.git"
fails 'a Git repository' git dv remote set-head "dvstore::$T/plain.git" main
code 129 'no branch' git dv remote set-head origin
is 'HEAD is as it was' "$(head)" refs/heads/side
ok 'by URL, outside of a worktree' git -C "$T/plain.git" dv remote set-head "$U" main
is 'HEAD is main' "$(head)" refs/heads/main
must git -C "$T/c" remote set-head origin -a

# --- a name without a folder ---
code 1 'refs/single' git push origin HEAD:refs/single
says 'as git says' 'funny refname'
is 'is not made' "$(ref refs/single)" ''

# --- names of which one is a folder of the other ---
fails 'main/sub beside main' git push origin main:refs/heads/main/sub
is 'is not made' "$(ref refs/heads/main/sub)" ''
is 'main is still there' "$(ref refs/heads/main)" "$(git rev-parse main)"
fails 'a folder as a ref' git push origin main:refs/for/review
run git push -q origin :refs/heads/main/sub
run git push -q origin :refs/for/review
fails 'two at once' git push origin main:refs/heads/d/f main:refs/heads/d
run git push -q origin :refs/heads/d/f
run git push -q origin :refs/heads/d

# --- detached HEAD, mirror ---
must git checkout -q --detach
commit . 'detached'
ok 'push from a detached HEAD' git push -q origin HEAD:refs/heads/det
is 'is there' "$(ref refs/heads/det)" "$(git rev-parse HEAD)"
ok 'HEAD is no branch' sh -c "! git ls-remote '$U' | grep -q refs/heads/HEAD"
must git checkout -q main
ok 'clone --mirror' git clone -q --mirror "$U" "$T/m.git"
is 'the same refs' "$(git -C "$T/m.git" for-each-ref --format='%(objectname) %(refname)')" \
	"$(git ls-remote "$U" 'refs/*' | grep -v '\^{}' | tr '\t' ' ')"
must git -C "$T/m.git" update-ref -d refs/heads/det
must git -C "$T/m.git" branch mirrored side
ok 'push --mirror' git -C "$T/m.git" push -q --mirror
is 'deleted' "$(ref refs/heads/det)" ''
is 'made' "$(ref refs/heads/mirrored)" "$(git rev-parse side)"
is 'the same refs' "$(git -C "$T/m.git" for-each-ref --format='%(objectname) %(refname)')" \
	"$(git ls-remote "$U" 'refs/*' | grep -v '\^{}' | tr '\t' ' ')"

# --- the end: all of it is whole, history too ---
ok 'clone' git clone -q "$U" "$T/last"
ok 'is whole' tree_is "$T/last" "$T/repo"
ok 'fsck' git -C "$T/last" fsck --strict
ok 'content of all of history' git -C "$T/last" dv fetch --all
ok 'verify' git -C "$T/last" dv verify --full
for b in side v1 v2; do
	must git -C "$T/last" checkout -q "$b"
	case $b in side) want=s1 ;; *) want=$b ;; esac
	ok "$b" tree_is "$T/last" "$T/$want"
done

done_testing
