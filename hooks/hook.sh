#!/bin/sh
# git-dv hook, version 1 (installed by 'git dv init'; removed by 'git dv uninstall')
# One text for every hook; its name is the last part of $0, also where another
# tool kept it as NAME.legacy. A hook that stood here before was kept beside it
# and still runs, and its exit code counts.
name=${0##*/}
name=${name%%.*}
self=${0%/*}/$name
before=$self.before-git-dv
# The hook that was kept may itself run what it finds kept: us, once more.
if test "${GIT_DV_HOOK-}" = "$PWD:$self"; then exit 0; fi
run() {
	second=
	{ read -r second; read -r second; } <"$before" 2>/dev/null
	GIT_DV_HOOK=$PWD:$self
	export GIT_DV_HOOK
	case $second in
	# husky's hooks find what they run by the name that they are called by.
	*'{0%/*}/h"'*) sh -c '. "$0.before-git-dv"' "$self" "$@" ;;
	*) "$before" "$@" ;;
	esac
}
if ! command -v git-dv >/dev/null 2>&1; then
	echo "git-dv is not in PATH; the $name hook of this repository needs it" >&2
	# A push must not leave content behind; the others only help.
	if test "$name" = pre-push; then exit 1; fi
	if test -x "$before"; then run "$@"; exit $?; fi
	exit 0
fi
if ! test -x "$before"; then exec git-dv hook "$name" "$@"; fi
case $name in
post-checkout|post-merge)
	# Content first: the other hook may want to read it.
	git-dv hook "$name" "$@"
	run "$@" ;;
pre-push)
	refs=$(cat; echo .) && refs=${refs%.}
	printf '%s' "$refs" | run "$@" || exit $?
	printf '%s' "$refs" | git-dv hook "$name" "$@" ;;
*)
	run "$@" || exit $?
	exec git-dv hook "$name" "$@" ;;
esac
