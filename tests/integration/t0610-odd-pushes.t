#!/bin/sh
# What a remote helper is asked for seldom: odd sources and names, and settings and objects
# that must not change what a push brings over. Hosted and paired.
. "$(dirname "$0")/../lib.sh"

must git dv install

# An ssh that runs the command here.
mkdir "$T/bin"
cat >"$T/bin/ssh" <<'END'
#!/bin/sh
shift
exec sh -c "$*"
END
chmod +x "$T/bin/ssh"
GIT_SSH=$T/bin/ssh
GIT_SSH_VARIANT=simple
export GIT_SSH GIT_SSH_VARIANT

H=dvstore::$T/h
P=dvstore::ssh://host$T/p.git
history_repo repo
must git -C repo dv remote add store "$T/store"
must git -C repo add -A
must git -C repo commit -q -m 'name the store'
must git init -q --bare p.git
must git -C p.git config receive.advertisePushOptions true
must git -C p.git config receive.certNonceSeed seed
printf '#!/bin/sh\nprintf "%%s" "$GIT_PUSH_OPTION_0" >"%s"\n' "$T/option" >p.git/hooks/post-receive
chmod +x p.git/hooks/post-receive
must git -C repo remote add h "$H"
must git -C repo remote add p "$P"
must git -C repo push -q h main side
must git -C repo push -q p main side

# url KIND; ref KIND NAME: what the other side has.
url() { if test "$1" = h; then echo "$H"; else echo "$P"; fi; }
ref() { git ls-remote "$(url "$1")" "$2" | cut -f1; }

umlaut=$(printf 'gr\303\266\303\237e "x"' | tr -d ' "')
for k in h p; do
	diag "$k"
	# --- a source with a colon, a source that is only an id ---
	ok 'push of a tree' git -C repo push "$k" HEAD:sub:refs/trees/x
	says 'says so' '[new reference]'
	is 'it is there' "$(ref "$k" refs/trees/x)" "$(git -C repo rev-parse HEAD:sub)"
	ok 'push of a commit by its message' git -C repo push -q "$k" ':/v1:refs/heads/found'
	is 'it is there' "$(ref "$k" refs/heads/found)" "$(git -C repo rev-parse v1)"
	must git -C repo tag -f -a -m tag ann
	code 1 'a tag object as a branch' git -C repo push "$k" ann:refs/heads/ann
	is 'is no branch' "$(ref "$k" refs/heads/ann)" ''
	code 1 'a file as a branch' git -C repo push "$k" main:plain.txt:refs/heads/blob
	is 'is no branch' "$(ref "$k" refs/heads/blob)" ''
	ok 'a tag object as a tag' git -C repo push -q "$k" ann
	ok 'a file below another name' git -C repo push -q "$k" main:plain.txt:refs/files/plain
	is 'it is there' "$(ref "$k" refs/files/plain)" "$(git -C repo rev-parse main:plain.txt)"

	# --- names that are not ASCII, in options, too ---
	must git -C repo branch -f "$umlaut" main
	ok 'a name that is not ASCII' git -C repo push -q "$k" "$umlaut"
	must git -C repo fetch -q "$k"
	must git -C repo branch -f "$umlaut" side
	code 1 'a lease of it that is stale' git -C repo push \
		"--force-with-lease=$umlaut:$(git -C repo rev-parse v1)" "$k" "$umlaut"
	says 'says so' 'stale info'
	ok 'a lease of it that is right' git -C repo push --force-with-lease "$k" "$umlaut"
	is 'it moved' "$(ref "$k" "refs/heads/$umlaut")" "$(git -C repo rev-parse side)"

	# --- objects that are shown instead of others ---
	must git -C repo checkout -q -b "replaced-$k" main
	make_noise "repo/replaced-$k.bin" 1300000 "7${#k}$(printf %d "'$k")"
	must git -C repo add -A
	must git -C repo commit -q -m "with content, $k"
	plain=$(git -C repo commit-tree -p main -m 'without' 'main^{tree}')
	must git -C repo replace "replaced-$k" "$plain"
	must git -C repo -c advice.x=1 push -q --no-verify "$k" "replaced-$k"
	must git -C repo replace -d "replaced-$k"
	must git -C repo reset -q --hard
	rm -rf c
	ok 'clone of a commit that is replaced here' git clone -q -b "replaced-$k" "$(url "$k")" c
	ok 'has its content' cmp "repo/replaced-$k.bin" "c/replaced-$k.bin"

	# --- settings that change what git log shows ---
	for s in log.diffMerges=off log.diffMerges=dense-combined log.diffMerges=first-parent \
		diff.relative=true log.follow=true diff.noprefix=true; do
		must git -C repo checkout -q --detach main
		must git -C repo merge -q --no-ff --no-commit -s ours side
		make_noise repo/evil.bin 70000 "$T_COUNT"
		make_noise repo/sub/large.bin 70000 "1$T_COUNT"
		must git -C repo add -A
		must git -C repo commit -q -m "evil merge, $s"
		must git -C repo -c "$s" push -q --no-verify --force "$k" HEAD:refs/heads/evil
		rm -rf c
		must git clone -q -b evil "$(url "$k")" c
		ok "content that only a merge has, with $s" same_tree c repo
	done
	must git -C repo checkout -q main
done

# --- what git push of a paired remote must not do on its own ---
must git -C repo tag -a -m 'stays here' here main
ok 'push.followTags and --no-follow-tags' git -C repo -c push.followTags=true push -q \
	--no-follow-tags p main:refs/heads/no-tags
is 'no tag' "$(ref p refs/tags/here)" ''
ok 'push.followTags' git -C repo -c push.followTags=true push -q p main:refs/heads/tags
is 'the tag' "$(ref p refs/tags/here)" "$(git -C repo rev-parse here)"
option='say "hi" \x'" $umlaut"
ok 'a push option with odd bytes' git -C repo push -q -o "$option" p main:refs/heads/option
is 'arrives' "$(cat option)" "$option"
fails 'push --signed without a key' git -C repo -c gpg.program=false push --signed p main:refs/heads/signed
says_not 'gets as far as signing' 'does not support --signed'
is 'no ref' "$(ref p refs/heads/signed)" ''
fails 'push --signed to a hosted one' git -C repo push --signed h main:refs/heads/signed
says 'says so' 'does not support --signed'
ok 'push.gpgSign=if-asked to a hosted one' git -C repo -c push.gpgSign=if-asked push -q h main:refs/heads/asked

# --- fetch ---
must git clone -q --depth 1 "$P" d
ok 'fetch --deepen of a paired one' git -C d fetch -q --deepen 1
is 'is by one more' "$(git -C d rev-list --count HEAD)" 2
# --- a partial clone whose .dvconfig is fetched when it is read, by a helper that reads it ---
must git init -q --bare fresh.git
must git -C fresh.git config uploadpack.allowFilter true
must git -C fresh.git config uploadpack.allowAnySHA1InWant true
must git -C repo push -q --no-verify "dvstore::ssh://host$T/fresh.git" main
: >trace
start env GIT_TRACE="$T/trace" git clone -q --filter=blob:none "dvstore::ssh://host$T/fresh.git" fresh
while kill -0 "$T_PID" 2>/dev/null && test "$(grep -c 'remote-dvstore' trace)" -lt 300; do
	sleep 0.1
done
if kill -0 "$T_PID" 2>/dev/null; then
	stop KILL
else
	finish
fi
is 'a partial clone does not start itself for ever' "$T_RC" 0
test "$T_RC" -eq 0 || done_testing
ok 'is whole' tree_is fresh repo

must git -C p.git config uploadpack.allowFilter true
must git -C p.git config uploadpack.allowAnySHA1InWant true
ok 'clone --filter=blob:none of a paired one' git clone -q --filter=blob:none "$P" f
ok 'some objects are not there' sh -c \
	'git -C f rev-list --objects --all --missing=print | grep -q "^?"'
ok 'one that is fetched when needed' git -C f show main:plain.txt
ok 'and of an old commit' git -C f show main~2:plain.txt
is 'is right' "$(cat "$T_OUT")" one
is 'no other remote came to be' "$(git -C f remote)" origin
is 'no setting of one' "$(git -C f config --get-regexp '^remote\.ssh')" ''

# Symbolic refs and a detached HEAD, by protocol version 2.
must git -C p.git symbolic-ref refs/heads/alias refs/heads/main
must git -C p.git symbolic-ref refs/remotes/x/HEAD refs/heads/main
must git -C p.git update-ref --no-deref HEAD main~1
cat >bin/ssh2 <<'END'
#!/bin/sh
while test "$1" = -o; do
	GIT_PROTOCOL=version=2
	export GIT_PROTOCOL
	shift 2
done
shift
exec sh -c "$*"
END
chmod +x bin/ssh2
GIT_SSH=$T/bin/ssh2
GIT_SSH_VARIANT=ssh
ok 'ls-remote' git ls-remote "$P"
cp "$T_OUT" by-helper
must git ls-remote "ssh://host$T/p.git"
is 'as plain git says' "$(sort by-helper)" "$(grep -v '\^{}' "$T_OUT" | sort)"
ok 'clone --mirror' git clone -q --mirror "$P" m.git
is 'has the ref behind the symbolic one' "$(git -C m.git rev-parse refs/heads/alias)" "$(git -C p.git rev-parse main)"
ok 'clone of a detached HEAD' git clone -q "$P" det
is 'is detached there, too' "$(git -C det rev-parse HEAD)" "$(git -C p.git rev-parse HEAD)"
is 'and on no branch' "$(git -C det symbolic-ref -q HEAD)" ''
ok 'push --mirror --dry-run' git -C m.git push --dry-run --mirror origin

# --- history that is cut by a graft ---
must git -C repo rev-parse side
cp "$T_OUT" repo/.git/info/grafts
for k in h p; do
	ok "push of a grafted commit, $k" git -C repo push -q --no-verify "$k" side:refs/heads/graft
done
must git -C repo -c advice.graftFileDeprecated=false push -q --no-verify "dvstore::$T/graft" side
rm repo/.git/info/grafts
ok 'clone of it' git clone -q -b side "dvstore::$T/graft" g
is 'has all of history' "$(git -C g rev-list --count HEAD)" "$(git -C repo rev-list --count side)"
ok 'fsck' git -C g fsck --strict

# --- a data remote with the name of the Git remote ---
new_repo same
must git -C same dv remote add origin "$T/same.store"
make_noise same/a.bin 1300000 9
must git -C same add -A
must git -C same commit -q -m 'a data remote named origin'
must git -C same remote add origin "dvstore::$T/same.h"
ok 'push to the Git remote' git -C same push -q origin main
ok 'clone of it' git clone -q "dvstore::$T/same.h" same-c
ok 'finds the content there' tree_is same-c same
ok 'dv status' git -C same-c dv status
ok 'remote list' git -C same-c dv remote list
says 'the one' "$T/same.store"
says 'and the other' "dvstore::$T/same.h"
ok 'dv push to the data remote' git -C same dv push origin
ok 'has it, too' test "$(bytes_in same.store)" -gt 1300000

done_testing
