#!/bin/sh
# The hooks are there before the first push, without an init.
. "$(dirname "$0")/../lib.sh"

hooks_are_there() {
	for h in pre-commit pre-push post-checkout post-merge; do
		test -x "$1/$h" || return 1
	done
}

must git dv install

# Each of these alone comes before content can be pushed.
must git init -q track
cd track || exit 1
ok 'track --dry-run' git dv track --dry-run '*.bin'
ok 'installs nothing' not hooks_are_there .git/hooks
ok 'track' git dv track '*.bin'
ok 'installs the hooks' hooks_are_there .git/hooks
cd ..
must git init -q remote
cd remote || exit 1
ok 'remote add' git dv remote add store ../store
ok 'installs them' hooks_are_there .git/hooks
cd ..
must git init -q no
cd no || exit 1
must git config dv.hooks false
must git dv remote add store ../store
must git dv track '*.bin'
ok 'dv.hooks=false: none' not hooks_are_there .git/hooks
must git dv init
ok 'init installs them' hooks_are_there .git/hooks
ok 'init --no-hooks' git dv init --no-hooks
ok 'takes them away' test ! -e .git/hooks/pre-push -a ! -e .git/hooks/pre-commit
must git config core.hooksPath /dev/null
ok 'and needs no folder for them' git dv init --no-hooks
fails 'which init does' git dv init
says 'and says how to do without' 'init --no-hooks'
cd ..

must git init -q --bare origin.git
for by in 'git add' 'git dv add'; do
	rm -rf first store
	must git init -q first
	cd first || exit 1
	must git dv remote add store ../store
	must git dv track '*.bin'
	rm -f .git/hooks/*
	make_noise a.bin 300000 1
	# Nothing is cleaned a second time because it is as new as the index.
	touch -d '1 hour ago' a.bin .gitattributes .dvconfig
	# shellcheck disable=SC2086
	ok "the very first $by" $by .
	ok 'installs them' hooks_are_there .git/hooks
	must git add .
	must git commit -qm one
	ok 'the first push' git push -q -f ../origin.git main
	ok 'brings the content' test "$(bytes_in ../store)" -gt 300000
	cd ..
done

# A hooks folder of all repositories is taken over when somebody says so, and
# does nothing where git-dv is not used.
mkdir "$HOME/.githooks"
printf '#!/bin/sh\necho theirs >>"$HOME/theirs"\n' >"$HOME/.githooks/pre-commit"
chmod +x "$HOME/.githooks/pre-commit"
cp -R "$HOME/.githooks" githooks.before
must git config --global core.hooksPath '~/.githooks'
must git init -q lone
make_noise lone/data.csv 200000 1
must git init -q A
cd A || exit 1
echo '*.bin filter=dv -text' >.gitattributes
make_noise a.bin 300000 1
ok 'git add alone' git add .
if git_at_least 2.54; then
	is 'needs no folder' "$(git config hook.git-dv-pre-push.event)" pre-push
	ok 'and changes nothing in it' diff -r "$HOME/.githooks" ../githooks.before
	make_noise data.csv 200000 4
	must git add data.csv
	ok 'a commit' git commit -qm data
	says 'is looked at' data.csv
	# What follows is for the others.
	done_testing
fi
says 'says that the hooks are not there' 'git dv init'
ok 'and changes nothing in the folder' diff -r "$HOME/.githooks" ../githooks.before
ok 'init' git dv init
says 'says where they are' "$HOME/.githooks"
ok 'there' hooks_are_there "$HOME/.githooks"
cd ../lone || exit 1
must git add .
ok 'a commit without git-dv' git commit -qm lone
is 'gets nothing but the other hook' "$(cat "$T_OUT" "$T_ERR" "$HOME/theirs")" theirs
ok 'and makes no store' test ! -e .git/dv
must git init -q --bare ../lone.git
mkdir ../without
for p in git sh cat grep mkdir ln; do ln -s "$(command -v $p)" ../without/$p; done
ok 'a push without it, where there is no git-dv' env PATH="$T/without" git push -q ../lone.git main
cd ..
must git init -q B
cd B || exit 1
must git dv remote add store ../B.store
must git dv track '*.bin'
make_noise b.bin 300000 2
must git add .
must git commit -qm b
must git worktree add -q ../B.tree
cd ../A || exit 1
ok 'uninstall --local in one of two' git dv uninstall --local
says 'names the other' "$T/B/.git"
cp ../lone/data.csv .
must git add data.csv
ok 'a commit where it is uninstalled' git commit -qm uninstalled
says_not 'is not looked at' data.csv
cd ../B.tree || exit 1
make_noise c.bin 300000 3
must git add c.bin
must git commit -qm c
must git init -q --bare ../B.git
ok 'a push in the other' git push -q ../B.git HEAD
ok 'brings its content' test "$(bytes_in ../B.store)" -gt 600000
cd ../A || exit 1
ok 'init again' git dv init
must git rm -q --cached data.csv
must git commit -qm removed
must git add data.csv
must git commit -qm again
says 'looks at commits again' data.csv
rm -rf ../B
ok 'uninstall --local where the other is gone' git dv uninstall --local
ok 'leaves the folder as it was' diff -r "$HOME/.githooks" ../githooks.before
ok 'nor one of links' test ! -e "$HOME/.githooks.before-git-dv"
# Somebody's own hooks that call git-dv are nothing to list or remove.
for h in pre-commit pre-push post-checkout post-merge; do
	printf '#!/bin/sh\nexec git dv hook %s "$@"\n' $h >"$HOME/.githooks/$h"
	chmod +x "$HOME/.githooks/$h"
done
rm -rf ../githooks.before
cp -R "$HOME/.githooks" ../githooks.before
ok 'init where they call git-dv' git dv init
ok 'adding' git add -f .
says_not 'does not warn' 'not installed'
ok 'uninstall --local' git dv uninstall --local
ok 'all of it changes nothing' diff -r "$HOME/.githooks" ../githooks.before
cd ..
done_testing
