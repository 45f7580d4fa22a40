#!/bin/sh
# Settings of the hooks: modes, with and without a terminal; lists; what is no number; what the
# team may say. And init's lines for .gitignore.
. "$(dirname "$0")/../lib.sh"

must git init -q repo
cd repo || exit 1
must git dv init
must git add -A
must git commit -qm init

# try DESC WANT: a commit of what is staged is refused (no) or made (yes); it is undone.
try() {
	if test "$2" = no; then
		fails "$1" git commit -qm try
	else
		ok "$1" git commit -qm try
		test "$T_RC" -ne 0 || git reset -q --soft HEAD~1
	fi
}

make_noise a.csv 200000 1
make_noise b.xyz 200000 2
mkdir in
make_noise in/c 200000 3
must git add .

# Modes.
try 'without a setting it warns' yes
says 'naming the file' a.csv
says_not 'and no other' b.xyz
for mode in warn WARN; do
	must git config dv.hookMode $mode
	try "mode $mode" yes
	says 'warns' a.csv
done
must git config dv.hookMode block
try 'mode block' no
says 'says how to go on' dv.hookMode
must git config dv.hookMode nonsense
try 'another mode is warned of' yes
says 'naming it' nonsense
says 'and what is allowed' block
must git config --unset dv.hookMode
must git config -f .dvconfig dv.hookMode block
try 'the team may say block' no
must git config dv.hookMode warn
try 'a person goes before it' yes
must git config -f .dvconfig --unset dv.hookMode
ok 'quiet' git dv -q hook pre-commit
is 'says nothing' "$(cat "$T_OUT" "$T_ERR")" ''

# ask
must git config dv.hookMode ask
if command -v setsid >/dev/null 2>&1; then
	fails 'ask without a terminal refuses' setsid -w git commit -qm ask
	says 'and says so' 'no terminal'
else
	skip 2 'no setsid'
fi
if command -v script >/dev/null 2>&1 && script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
	unset GIT_TERMINAL_PROMPT
	# answered TEXT: a commit on a terminal where that is typed.
	answered() {
		(sleep 1; printf '%s' "$1"; sleep 1) |
			script -qec "git commit -qm ask; echo code \$?" /dev/null >"$T_OUT" 2>&1
	}
	answered 'y
'
	says 'it asks' '[y/N]'
	says 'y commits' 'code 0'
	git reset -q --soft HEAD~1
	for answer in 'n
' '
' 'xy
'; do
		answered "$answer"
		says 'anything else does not' 'code 1'
	done
	# ^D ends the input, ^C interrupts.
	answered "$(printf '\004')"
	says 'nor the end of input' 'code 1'
	answered "$(printf '\003')"
	says_not 'nor an interrupt' 'code 0'
	before=$(git rev-parse HEAD)
	printf '' | timeout 20 script -qec 'git commit -qm gone' /dev/null >"$T_OUT" 2>&1
	is 'nor a terminal that goes away' "$(git rev-parse HEAD)" "$before"
	answered_init() {
		(sleep 1; printf '%s' "$1"; sleep 1) |
			script -qec "git dv init; echo code \$?" /dev/null >"$T_OUT" 2>&1
	}
	answered_init 'n
'
	says 'init asks for .gitignore on a terminal' '*_latest.*'
	ok 'no leaves it alone' test ! -e .gitignore
	answered_init 'y
'
	ok 'yes writes it' grep -qxF '*_latest.*' .gitignore
	rm .gitignore
else
	skip 11 'no script(1)'
fi
must git config dv.hookMode block
run sh -c 'GIT_TERMINAL_PROMPT=0 git -c dv.hookMode=ask commit -qm ask'
isnt 'GIT_TERMINAL_PROMPT=0 asks nothing and refuses' "$T_RC" 0

# Extensions.
must git config dv.hookExtensions 'xyz'
try 'extensions' no
says 'name theirs' b.xyz
says_not 'and no built-in one' a.csv
must git config dv.hookExtensions 'default, .XYZ'
try 'with the built-in ones' no
says 'one' b.xyz
says 'two' a.csv
must git config dv.hookExtensions ''
try 'none' yes
must git config --unset dv.hookExtensions
must git config -f .dvconfig dv.hookExtensions 'xyz'
try "the team's" no
says 'name theirs' b.xyz
must git config -f .dvconfig --unset dv.hookExtensions

# Folders, patterns, sizes.
must git config dv.hookExtensions ''
must git config dv.hookFolders 'in'
try 'a folder' no
says 'names what is in it' in/c
must git config dv.hookExclude 'in/*'
try 'which is excluded' yes
must git config --replace-all dv.hookExclude "$(printf 'a\nb')"
try 'a pattern with a newline matches nothing' no
must git config --unset dv.hookExclude
must git config --unset dv.hookFolders
must git config --unset dv.hookExtensions
must git config dv.hookExclude '*.csv'
try 'an excluded extension' yes
must git config --unset dv.hookExclude
must git config dv.hookMin 300k
try 'a size below which nothing counts' yes
must git config dv.above 150k
try 'but for what is above' no
says 'naming all' b.xyz
for bad in -1 x 10Q 99999999999999999999999 ''; do
	must git config dv.hookMin "$bad"
	must git config dv.above "$bad"
	try "a size that is none: '$bad'" no
	says 'is warned of' dv.hookMin
	says 'the default counts' a.csv
	says_not 'for the other, too' b.xyz
done
must git config --unset dv.hookMin
must git config --unset dv.above
ok 'the pre-commit hook can be passed' git commit -q --no-verify -m past
must git rm -q --cached a.csv
must git reset -q --soft HEAD~1
must git add a.csv

# What the team may not say.
cp .dvconfig ../dvconfig
must git config -f .dvconfig dv.hooks false
must git config -f .dvconfig core.hooksPath /nowhere
try 'hooks are not turned off by .dvconfig' no
cp ../dvconfig .dvconfig
printf '[dv' >.dvconfig
run git commit -qm broken
isnt 'a .dvconfig that cannot be read does not end in a signal' "$T_RC" 139
cp ../dvconfig .dvconfig

# .gitignore
ok 'init without a terminal' git dv init
ok 'writes no .gitignore' test ! -e .gitignore
ok 'init --gitignore' git dv init --gitignore
ok 'writes one' grep -qxF '*_latest.*' .gitignore
mkdir -p ignored/x_latest
touch ignored/x_latest.csv ignored/x_latest/data
ln -s x ignored/x_latest/y_latest
is 'links to the latest version are ignored, folders of such names are not' \
	"$(git status --porcelain -uall ignored)" '?? ignored/x_latest/data'
rm -r ignored
cp .gitignore ../gitignore
ok 'again' git dv init --gitignore
ok 'changes nothing' cmp .gitignore ../gitignore
must git config dv.store 'my store[1]'
must git dv remote add here ./remote
printf 'mine' >.gitignore
ok 'with a store and a remote in the worktree' git dv init --gitignore
must mkdir -p 'my store[1]'
touch 'my store[1]/x' remote/x
ok 'the store is ignored' git check-ignore -q 'my store[1]/x'
ok 'the remote is' git check-ignore -q remote/x
is "the person's line stays" "$(head -n 1 .gitignore)" mine
ok 'init --no-gitignore' git dv init --no-gitignore
done_testing
