#!/bin/sh
# A local Git repository behind dvstore:: is reached as git reaches it by its path.
. "$(dirname "$0")/../lib.sh"

must git dv install
history_repo repo
publish repo

# --- a .git that is a file ---
must git -C repo worktree add -q ../tree side
must git init -q super
must git -C super -c protocol.file.allow=always submodule --quiet add "$T/repo.git" mod
ok 'ls-remote of a worktree' git ls-remote "dvstore::$T/tree"
is 'says what its path does' "$(git ls-remote "dvstore::$T/tree")" "$(git ls-remote "$T/tree")"
is 'and of a submodule' "$(git ls-remote "dvstore::file://$T/super/mod")" "$(git ls-remote "$T/super/mod")"
ok 'clone of a worktree' git clone -q "dvstore::$T/tree" c
ok 'fetch' git -C c fetch -q
ok 'push to a worktree' git -C repo push -q "dvstore::$T/tree" main:refs/heads/new
is 'is there' "$(git -C tree rev-parse new)" "$(git -C repo rev-parse main)"
mkdir odd
echo 'gitdir of nothing' >odd/.git
fails 'a .git file that is none' git ls-remote "dvstore::$T/odd"

# --- settings of this side ---
must git -C repo push -q "dvstore::$T/h" main side
heads() { git -C repo "$@" ls-remote --heads "$U"; }
for U in "dvstore::$T/repo.git" "dvstore::$T/h"; do
	want=$(heads)
	isnt 'branches' "$want" ''
	is 'hidden by settings of this side' "$(heads -c uploadpack.hideRefs=refs/heads)" "$want"
	is 'of a variable' "$(GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=uploadpack.hideRefs \
		GIT_CONFIG_VALUE_0=refs/heads heads)" "$want"
	is 'a repository of another version' "$(heads -c core.repositoryFormatVersion=9)" "$want"
done

done_testing
