#!/bin/sh
# What the remote helper says where something cannot be used.
. "$(dirname "$0")/../lib.sh"

must git dv install
history_repo repo
U=dvstore::$T/h
must git -C repo push -q "$U" main

# --- places that cannot be looked at ---
# denied CMD...: as somebody who is not root, and whose files these are not.
denied() {
	if test "$(id -u)" = 0; then
		setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$T/nobody" "$@"
	else
		"$@"
	fi
}
must mkdir nobody
must chmod 755 "$T" "$HOME"
must chmod -R a+rX repo h
must sh -c 'printf "[safe]\n\tdirectory = *\n" >nobody/.gitconfig'
if denied git-remote-dvstore -h >/dev/null 2>&1; then
	must mkdir secret
	cp -R h secret/h
	must chmod 0 secret
	fails 'a folder that cannot be entered' denied git ls-remote "dvstore::$T/secret/h"
	says 'says why' 'Permission denied'
	says_not 'and not that it is empty' 'empty'
	fails 'push to it' denied git -C repo push "dvstore::$T/secret/h" main
	says 'says why' 'Permission denied'
	must chmod 755 secret
	must chmod 0 secret/h/git/pack
	for c in 'ls-remote' 'fetch'; do
		run denied git -C repo "$c" "dvstore::$T/secret/h"
		says_not "$c: no packs of Git can be read: no advice to restore" 'put it back'
	done
	run denied git -C "$T/nobody" clone "dvstore::$T/secret/h" c
	says 'clone: says why' 'Permission denied'
	must chmod 755 secret/h/git/pack
else
	skip 7 'nobody else can be'
fi
fails 'a file' git ls-remote dvstore::/etc/passwd
says 'says so' 'Not a directory'
fails 'below a file' git ls-remote dvstore::/etc/passwd/x
says 'says so' 'Not a directory'
fails 'a TMPDIR that is absent' env TMPDIR="$T/none" git clone -q "$U" c
says 'names it' "'$T/none/git-dv-"

# --- reasons are whole ---
cp -R h bad
chmod -R u+w bad
for p in bad/git/pack/*.pack; do : >"$p"; done
run sh -c "printf 'list for-push\npush refs/heads/side:refs/heads/x\n\n' |
	env GIT_DIR='$T/repo/.git' git-remote-dvstore origin '$T/bad' >answer"
ok 'a long reason' grep -q '^error refs/heads/x .*: it is cut off or damaged$' answer

# --- Git's own errors are enough ---
must git -C repo push -q "$U" main:refs/heads/gone
fails 'a ref that is absent' git -C repo fetch "$U" nothing
says_not 'no exit code of a program' 'ended with code'
run sh -c "printf '0032want %040d\n00000009done\n' 1 | { printf 'connect git-upload-pack\n'; sleep 1; cat; } |
	GIT_DIR='$T/repo/.git' GIT_PROTOCOL=version=0 git-remote-dvstore origin '$T/h'"
says 'git complains' 'fatal: '
says_not 'and nothing is added' 'ended with code'

# --- as Git's atomic pushes ---
must git -C repo push -q "$U" main:refs/heads/taken
must git -C repo commit -q --allow-empty -m more
must git clone -q "$U" c
must git -C c commit -q --allow-empty -m other
must git -C c push -q origin HEAD:main
code 1 'atomic' git -C repo push --atomic "$U" main main:new
says 'the one' 'main -> main (fetch first)'
says 'the other' '[remote rejected] main -> new (atomic transaction failed)'

# --- by hand ---
ok '-h' git-remote-dvstore -h
says 'usage' 'usage: git-remote-dvstore'
ok '--version' git-remote-dvstore --version
is 'as git dv' "$(sed 's/^[^ ]* //' "$T_OUT")" "$(git dv --version | sed 's/^[^ ]* //')"
code 129 'an unknown option' git-remote-dvstore --frobnicate
says 'names it' "unknown option '--frobnicate'"
code 129 'too many' git-remote-dvstore a b c
i=0
while test "$i" -lt 20; do
	i=$((i + 1))
	git ls-remote dvstore::foo://x >/dev/null 2>&1
	test $? -lt 129 || break
done
is 'git does not die of a signal' "$i" 20

done_testing
