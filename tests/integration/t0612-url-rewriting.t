#!/bin/sh
# Git's url.<base>.insteadOf and pushInsteadOf around dvstore::.
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

# ends DESC CODE CMD...: with this code, and before 100 helpers are started.
ends() {
	lib_desc=$1
	lib_want=$2
	shift 2
	: >"$T/trace"
	start env GIT_TRACE="$T/trace" "$@"
	while kill -0 "$T_PID" 2>/dev/null && test "$(grep -c 'remote-dvstore' trace)" -lt 100; do
		sleep 0.1
	done
	if kill -0 "$T_PID" 2>/dev/null; then
		stop KILL
	else
		finish
	fi
	is "$lib_desc" "$T_RC" "$lib_want"
}

history_repo repo
must git -C repo dv remote add store "$T/store"
must git -C repo add -A
must git -C repo commit -q -m 'name the store'
must git init -q --bare p.git
must git init -q --bare q.git

# --- Git URLs that become dvstore:: ---
must git config --global "url.dvstore::ssh://host$T/.insteadOf" "ssh://host$T/"
ends 'ls-remote' 0 git ls-remote "ssh://host$T/p.git"
must git -C repo remote add origin "ssh://host$T/p.git"
ends 'push' 0 git -C repo push -q --no-verify origin main
is 'the ref' "$(git -C p.git rev-parse main)" "$(git -C repo rev-parse main)"
ok 'the content' test "$(bytes_in store/packs)" -gt 0
ends 'clone' 0 git clone -q "ssh://host$T/p.git" c
ok 'is whole' tree_is c repo
ends 'fetch' 0 git -C c fetch -q
must git -C p.git config uploadpack.allowFilter true
must git -C p.git config uploadpack.allowAnySHA1InWant true
ends 'partial clone' 0 git clone -q --filter=blob:none "ssh://host$T/p.git" f
is 'no other remote came to be' "$(git -C f config --get-regexp '^remote\..*promisor')" \
	'remote.origin.promisor true'
# The whole of the URL, so that no longer prefix could win.
must git config --global --remove-section "url.dvstore::ssh://host$T/"
must git config --global "url.dvstore::ssh://host$T/p.git.insteadOf" "ssh://host$T/p.git"
ends 'the whole URL' 0 git ls-remote "ssh://host$T/p.git"
must git config --global --remove-section "url.dvstore::ssh://host$T/p.git"

# --- for pushes alone ---
must git config --global "url.dvstore::file://$T/.pushInsteadOf" "file://$T/"
ends 'push' 0 git -C repo push -q --no-verify "file://$T/p.git" side
is 'the ref' "$(git -C p.git rev-parse side)" "$(git -C repo rev-parse side)"
must git config --global --remove-section "url.dvstore::file://$T/"

# --- what stands behind the prefix is rewritten, too ---
must git config --global "url.ssh://host$T/.insteadOf" here:
ends 'a shorter name' 0 git ls-remote dvstore::here:p.git
is 'says the same' "$(cat "$T_OUT")" "$(git ls-remote "ssh://host$T/p.git")"
must git config --global "url.ssh://host$T/q.pushInsteadOf" here:p
ends 'push elsewhere' 0 git -C repo push -q --no-verify dvstore::here:p.git main~1:refs/heads/main
is 'the ref' "$(git -C q.git rev-parse main)" "$(git -C repo rev-parse main~1)"
ends 'as what stands there was listed' 0 git -C repo push -q --no-verify dvstore::here:p.git main
is 'the ref' "$(git -C q.git rev-parse main)" "$(git -C repo rev-parse main)"

# --- a store under a shorter name: git dv finds it, too ---
must git config --global "url.dvstore::$T/.insteadOf" nas:
must git -C repo remote add nas nas:h
ok 'push' git -C repo push -q nas main
ok 'git dv remote list' git -C repo dv remote list
says 'names the store' "nas	$T/h"
ok 'git dv push' git -C repo dv push nas side
must git clone -q nas:h n
ok 'is whole' tree_is n repo
must git -C n checkout -q --detach origin/main~1
ok 'git dv fetch' git -C n dv fetch origin

# --- a remote whose name is the URL ---
must git -C repo config "remote.ssh://host$T/p.git.url" "dvstore::ssh://host$T/p.git"
ends 'a remote that leads to itself' 128 git -C repo ls-remote "ssh://host$T/p.git"
says 'says so' 'leads to itself'

done_testing
