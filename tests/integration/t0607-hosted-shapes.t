#!/bin/sh
# A hosted repository of another shape: empty, SHA-256, shallow, partial, a submodule.
. "$(dirname "$0")/../lib.sh"

must git dv install
mkdir tmp
TMPDIR=$T/tmp
export TMPDIR
history_repo repo
U=dvstore::$T/h
must git -C repo push -q "$U" main side --tags

# --- empty ---
must git init -q e
must git -C e dv init
must git -C e dv remote add st "$T/empty"
ok 'ls-remote of an empty store' git ls-remote "dvstore::$T/empty"
is 'says nothing' "$(cat "$T_OUT")" ''
ok 'clone of it' git clone "dvstore::$T/empty" ec
says 'says so' 'You appear to have cloned an empty repository'
must git -C ec commit -q --allow-empty -m first
ok 'push into it' git -C ec push -q origin HEAD:trunk
is 'the first branch is HEAD' "$(git ls-remote --symref "dvstore::$T/empty" HEAD | sed -n 's/^ref: //p')" \
	"refs/heads/trunk	HEAD"
fails 'clone of what is not there' git clone -q "dvstore::$T/nothing" nc
ok 'it was not made' test ! -e nothing
fails 'fetch of what is not there' git -C repo fetch -q "dvstore::$T/nothing"

# --- SHA-256 ---
new_repo s --object-format=sha256
add_history s s-
must git -C s remote add origin "dvstore::$T/sh"
ok 'push of a SHA-256 repository' git -C s push -q origin main side --tags
ok 'clone of it' git clone -q "dvstore::$T/sh" sc
is 'its format' "$(git -C sc rev-parse --show-object-format)" sha256
ok 'is whole' tree_is sc s-v2
must git -C sc commit -q --allow-empty -m more
ok 'push from the clone' git -C sc push -q
ok 'fetch' git -C s fetch -q
is 'has it' "$(git -C s rev-parse origin/main)" "$(git -C sc rev-parse HEAD)"
ok 'fsck' git -C sc fsck --strict
fails 'push of SHA-1 into it' git -C repo push -q "dvstore::$T/sh" main:sha1
says 'says why' 'object format'
fails 'fetch of it into SHA-1' git -C repo fetch -q "dvstore::$T/sh"
fails 'push of SHA-256 into SHA-1' git -C s push -q "$U" main:sha256
is 'nothing changed' "$(git ls-remote "$U" 'refs/heads/sha*')" ''

# --- before the first push ---
mkdir hollow
for d in hollow absent; do
	fails "clone of a $d folder" git clone "dvstore::$T/$d" none
	says 'says what to do' "git push dvstore::$T/$d HEAD"
	says_not 'nothing else' 'remote add'
	fails 'ls-remote of it' git ls-remote "dvstore::$T/$d"
done
is 'nothing is made' "$(ls -A hollow; ls -d absent 2>/dev/null)" ''

# --- shallow ---
ok 'clone --depth 1' git clone -q --depth 1 "$U" d
is 'one commit' "$(git -C d rev-list --count HEAD)" 1
ok 'is whole' tree_is d v2
ok 'fetch --deepen' git -C d fetch -q --deepen 1
is 'two commits' "$(git -C d rev-list --count HEAD)" 2
must git -C d commit -q --allow-empty -m 'from a shallow clone'
ok 'push from a shallow clone' git -C d push -q origin HEAD:from-shallow
ok 'clone of that' git clone -q -b from-shallow "$U" fs
is 'has all of history' "$(git -C fs rev-list --count HEAD)" \
	"$(($(git -C repo rev-list --count main) + 1))"
must git -C d dv fetch --all
fails 'push of a cut history to an empty place' git -C d push "dvstore::$T/cut" HEAD:main
says 'as git says' 'shallow update not allowed'
says_not 'and nothing else' 'does not exist'
is 'no ref was made' "$(git ls-remote "dvstore::$T/cut" 2>/dev/null)" ''
# What the shallow clone stands on is no tip there any more, but its parents are there.
must git -C repo commit -q --allow-empty -m 'cut here'
must git -C repo push -q "$U" main
must git clone -q --depth 1 "$U" d2
must git -C repo commit -q --allow-empty -m 'goes on'
must git -C repo push -q "$U" main
must git -C d2 commit -q --allow-empty -m 'goes on too'
ok 'push from a shallow clone that is behind' git -C d2 push -q origin HEAD:behind
ok 'clone of that' git clone -q -b behind "$U" fb
ok 'fsck' git -C fb fsck --strict
ok 'fetch --unshallow' git -C d fetch -q --unshallow
is 'is not shallow' "$(git -C d rev-parse --is-shallow-repository)" false
ok 'fsck' git -C d fsck --strict
ok 'clone --single-branch' git clone -q --single-branch -b side "$U" sb
is 'no other branch' "$(git -C sb branch -r | grep -c main)" 0
ok 'clone --shallow-since' git clone -q --shallow-since=2001-01-01 "$U" ss

# --- partial ---
ok 'clone --filter=blob:none' git clone -q --filter=blob:none "$U" p
ok 'is whole' tree_is p repo
ok 'some objects are not there' sh -c \
	'git -C p rev-list --objects --all --missing=print | grep -q "^?"'
ok 'one that is fetched when needed' git -C p show v1:plain.txt
is 'is right' "$(cat "$T_OUT")" one
must git -C repo commit -q --allow-empty -m 'not in the partial clone'
must git -C repo push -q "$U" main
echo p >p/p.txt
must git -C p add p.txt
must git -C p commit -qm 'from a partial clone'
ok 'push from a partial clone' git -C p push -q origin HEAD:from-partial
code 1 'rejected where it is behind' git -C p push origin HEAD:main
says 'why' '! [rejected]'
ok 'pull --rebase' git -C p pull -q --rebase
ok 'push' git -C p push -q
ok 'clone of that' git clone -q "$U" pc
ok 'fsck' git -C pc fsck --strict
ok 'clone --filter=tree:0' git clone -q --filter=tree:0 "$U" pt
ok 'is whole' tree_is pt p

# --- a submodule ---
new_repo super
ok 'submodule add' git -C super -c protocol.dvstore.allow=always submodule add -q "$U" sub
must git -C super commit -qm 'with a submodule'
ok 'push --recurse-submodules' git -C super push -q --recurse-submodules=on-demand "dvstore::$T/sup" main
ok 'clone --recurse-submodules' git -c protocol.dvstore.allow=always clone -q --recurse-submodules "dvstore::$T/sup" supc
ok 'the submodule is whole' tree_is supc/sub p

# --- a relative path, spaces, quotes ---
mkdir 'odd "na\me'
must git -C repo push -q "dvstore::$T/odd \"na\\me/h" main
ok 'clone from a path with odd names' git clone -q "dvstore::$T/odd \"na\\me/h" on
ok 'is whole' same_tree on repo
ok 'by file://' git clone -q "dvstore::file://$T/h" fu
cd repo || exit 1
ok 'by a relative path' git ls-remote dvstore::../h
ok 'push by a relative path' git push -q dvstore::../h main:relative
ok 'with GIT_DIR' env GIT_DIR=.git git push -q dvstore::../h main:gitdir
must git worktree add -q ../wt side
ok 'in a linked worktree' git -C ../wt push -q "$U" HEAD:worktree
cd .. || exit 1
# --- interrupted while packs are made: git tells its helper as well as the terminal does ---
cat >hook <<END
#!/bin/sh
: >'$T/packing'
sleep 60
END
chmod +x hook
must git config --global uploadpack.packObjectsHook "$T/hook"
start git clone -q "$U" interrupted
n=0
while ! test -e packing && test "$n" -lt 600; do
	sleep 0.1
	n=$((n + 1))
done
ok 'a clone packs' sh -c "ls -d '$T'/tmp/git-dv-??????"
stop INT
isnt 'and is interrupted' "$T_RC" 0
# git does not wait for its helper then.
n=0
while test -n "$(ls tmp)" && test "$n" -lt 300; do
	sleep 0.1
	n=$((n + 1))
done
is 'no temporary folder stays' "$(ls tmp)" ''

done_testing
