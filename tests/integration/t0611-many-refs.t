#!/bin/sh
# Many refs in one push to a hosted repository: each gets its own answer, and how many
# programs are started does not depend on how many there are.
. "$(dirname "$0")/../lib.sh"

must git dv install
mkdir "$T/tmp"
TMPDIR=$T/tmp
export TMPDIR
U=dvstore::$T/h
new_repo repo
for i in 1 2 3 4; do
	must git -C repo commit -q --allow-empty -m "$i"
	must git -C repo tag "c$i"
done
must git -C repo checkout -q -b other c1
must git -C repo commit -q --allow-empty -m other
must git -C repo checkout -q main
must git -C repo remote add origin "$U"

# branches N COMMIT: b1 to bN stand there.
branches() {
	seq "$1" | sed "s|.*|create refs/heads/b& $(git -C repo rev-parse "$2")|" >want
	must sh -c "git -C repo for-each-ref --format='delete %(refname)' 'refs/heads/b*' |
		git -C repo update-ref --stdin"
	must sh -c 'git -C repo update-ref --stdin <want'
}
# programs: how many a push of all branches starts, into $N.
programs() {
	rm -f trace
	must env GIT_TRACE="$T/trace" git -C repo push -q origin 'refs/heads/b*:refs/heads/b*'
	N=$(grep -c 'trace: built-in: git' trace)
}
branches 2 c1
programs
branches 2 c2
programs
few=$N
branches 300 c3
programs
branches 300 c4
programs
is 'as many programs for 300 branches as for two' "$N" "$few"
is 'all are there' "$(git ls-remote "$U" 'refs/heads/b*' | cut -f1 | sort | uniq -c | tr -s ' ')" \
	" 300 $(git -C repo rev-parse c4)"

# --- each its own answer ---
must git -C repo push -q -f origin c1:refs/heads/b1 c2:refs/heads/b2 c3:refs/heads/b3 \
	other:refs/heads/b4 c4:refs/heads/b5
must git clone -q -b b5 "$U" elsewhere
must git -C elsewhere commit -q --allow-empty -m 'not in repo'
must git -C elsewhere push -q origin HEAD:b5
# git compares with what was listed and does not send these; a helper is asked here.
answer() {
	printf 'list for-push\n%s\n\n' "$1" |
		env GIT_DIR="$T/repo/.git" git-remote-dvstore origin "$T/h" |
		sed '1,/^$/d' | sed '/^$/d'
}
is 'forward, also to what another one had' "$(answer "push refs/tags/c3:refs/heads/b1
push refs/tags/c4:refs/heads/b2
push refs/tags/c4:refs/heads/b3")" 'ok refs/heads/b1
ok refs/heads/b2
ok refs/heads/b3'
is 'forward to the old value of another' "$(answer "push refs/tags/c4:refs/heads/b1
push +refs/tags/c1:refs/heads/b2
push +refs/tags/c2:refs/heads/b3")" 'ok refs/heads/b1
ok refs/heads/b2
ok refs/heads/b3'
is 'one below the old value of another' "$(answer "push refs/tags/c2:refs/heads/b2
push refs/tags/c4:refs/heads/b3")" 'ok refs/heads/b2
ok refs/heads/b3'
is 'each refused for its own reason' "$(answer "push refs/tags/c4:refs/heads/b2
push refs/tags/c1:refs/heads/b3
push refs/tags/c4:refs/heads/b4
push refs/tags/c4:refs/heads/b5
push refs/tags/c4:refs/heads/new
push refs/tags/c4:refs/heads/new/below
push refs/tags/c4:refs/heads/b2/below")" 'ok refs/heads/b2
error refs/heads/b3 non-fast forward
error refs/heads/b4 non-fast forward
error refs/heads/b5 fetch first
ok refs/heads/new
error refs/heads/new/below another ref is a folder of this name, or this of another
error refs/heads/b2/below another ref is a folder of this name, or this of another'
is 'a folder where a branch is deleted' "$(answer "push :refs/heads/new
push refs/tags/c4:refs/heads/new/below
push refs/tags/c3:refs/heads/new-er")" 'ok refs/heads/new
ok refs/heads/new/below
ok refs/heads/new-er'
is 'and a branch where there is a folder' "$(answer 'push refs/tags/c4:refs/heads/new')" \
	'error refs/heads/new another ref is a folder of this name, or this of another'

# --- values that are no commits ---
must git -C repo push -q origin c1^{tree}:refs/x/tree
is 'a tree goes forward to nothing' "$(answer 'push refs/tags/c4:refs/x/tree')" \
	'error refs/x/tree non-fast forward'

# --- more than a command line holds, to a Git repository ---
cat >"$T/ssh" <<'END'
#!/bin/sh
shift
exec sh -c "$*"
END
chmod +x "$T/ssh"
GIT_SSH=$T/ssh
GIT_SSH_VARIANT=simple
export GIT_SSH GIT_SSH_VARIANT
P=dvstore::ssh://host$T/p.git
must git init -q --bare p.git
must git init -q large
must git -C large commit -q --allow-empty -m tip
seq 3000 | awk '{ printf "commit refs/heads/b%d\ncommitter a <a@b> %d +0000\ndata 0\n\n", $1, $1 }' >stream
must sh -c 'git -C large fast-import --quiet <stream'
# A command line may be a quarter of the stack, and at least 128 KiB.
small() { (ulimit -s 512 && exec "$@"); }
code 1 'atomic, more than fits' small git -C large push -q --atomic "$P" 'refs/heads/*:refs/heads/*'
says 'says so' 'without --atomic'
is 'no ref' "$(git -C p.git for-each-ref)" ''
ok 'push' small git -C large push -q "$P" 'refs/heads/*:refs/heads/*'
is 'all are there' "$(git -C p.git for-each-ref)" "$(git -C large for-each-ref)"
must git init -q fetched
ok 'fetch' small git -C fetched fetch -q "$P" 'refs/heads/*:refs/x/*'
is 'all are there' "$(git -C fetched for-each-ref refs/x | wc -l | tr -d " ")" 3001

# --- a partial clone does not fetch what it does not know, to find out that it does not ---
must git -C repo push -q origin main
must git clone -q --filter=blob:none --no-tags --single-branch -b main "$U" partial
must git init -q --bare plain.git
must git -C plain.git config uploadpack.allowFilter true
must git -C plain.git config uploadpack.allowAnySHA1InWant true
must git -C repo push -q "$T/plain.git" main
must git clone -q --filter=blob:none --no-tags --single-branch -b main "file://$T/plain.git" partial2
must git -C partial2 dv init
must git -C repo checkout -q -b u0 main
for i in 1 2 3 4 5 6 7 8; do
	must git -C repo checkout -q -b "u$i"
	must git -C repo commit -q --allow-empty -m "not known, $i"
done
must git -C repo push -q -f origin 'refs/heads/u*:refs/heads/u*'
must git -C repo push -q -f "$T/plain.git" 'refs/heads/u*:refs/heads/u*'
for c in partial partial2; do
	must git -C "$c" commit -q --allow-empty -m mine
	rm -f trace
	ok "push from $c" env GIT_TRACE="$T/trace" git -C "$c" push -q origin main
	is 'fetches nothing' "$(grep -c 'built-in: git fetch' trace)" 0
done
rm -f trace
is 'a branch that is elsewhere' "$(printf 'list for-push\npush refs/heads/main:refs/heads/u8\n\n' |
	env GIT_TRACE="$T/trace" GIT_DIR="$T/partial/.git" git-remote-dvstore origin "$T/h" |
	grep ^error)" 'error refs/heads/u8 fetch first'
is 'fetches nothing' "$(grep -c 'built-in: git fetch' trace)" 0
is 'leaves no temporary folder' "$(ls "$TMPDIR")" ''

done_testing
