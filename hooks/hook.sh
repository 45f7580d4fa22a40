#!/bin/sh
# git-dv hook, version 1 (installed by 'git dv init'; removed by 'git dv uninstall')
# One text for every hook; its name is the last part of $0. A hook that stood
# here before was kept beside it and still runs, and its exit code counts.
name=${0##*/}
before=$0.before-git-dv
if ! command -v git-dv >/dev/null 2>&1; then
	echo "git-dv is not in PATH; the $name hook of this repository needs it" >&2
	# A push must not leave content behind; the others only help.
	if test "$name" = pre-push; then exit 1; fi
	if test -x "$before"; then exec "$before" "$@"; fi
	exit 0
fi
if ! test -x "$before"; then exec git-dv hook "$name" "$@"; fi
case $name in
post-checkout|post-merge)
	# Content first: the other hook may want to read it.
	git-dv hook "$name" "$@"
	exec "$before" "$@" ;;
pre-push)
	refs=$(cat; echo .) && refs=${refs%.}
	printf '%s' "$refs" | "$before" "$@" || exit $?
	printf '%s' "$refs" | git-dv hook "$name" "$@" ;;
*)
	"$before" "$@" || exit $?
	exec git-dv hook "$name" "$@" ;;
esac
