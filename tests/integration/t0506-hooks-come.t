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
done_testing
