#!/bin/sh
# git-dv hook, version 1 (installed by 'git dv init'; removed by 'git dv uninstall')
# One text for every hook; its name is the last part of $0, also where another
# tool kept it as NAME.legacy. A hook that stood here before was kept beside it
# and still runs, and its exit code counts.
name=${0##*/}
name=${name%%.*}
dir=${0%/*}
before=$dir/$name.before-git-dv
this=$PWD:$name:$*

# A hooks folder that has this file may serve repositories without git-dv.
is_used() {
	test -e "$dir/.used-by-git-dv" || return 0
	test "$(git config --type=bool dv.hooks)" != false || return 1
	test -e .dvconfig || grep -qs filter=dv .gitattributes ||
		test -d "$(git rev-parse --git-common-dir)/dv"
}

ours() {
	is_used || return 0
	if command -v git-dv >/dev/null 2>&1; then
		git-dv hook "$name" "$@"
		return
	fi
	echo "git-dv is not in PATH; the $name hook of this repository needs it" >&2
	# A push must not leave content behind; the others only help.
	test "$name" != pre-push
}

# Hooks find by $0 what they are to do, what they need beside them, and what
# lies further up. So a folder as deep as this one has links to all that is in
# it, and there the hook that was kept has its own name.
link_all() {
	test -d "$as" || { mkdir "$as" && echo '*' >"$as/.gitignore"; } || return
	for f in "$dir"/* "$dir"/.[!.]*; do
		n=${f##*/}
		case $n in
		*.before-git-dv) n=${n%.before-git-dv} ;;
		pre-commit|pre-push|post-checkout|post-merge|*.sample) continue ;;
		esac
		test -e "$as/$n" || test -h "$as/$n" ||
			ln -s "../${dir##*/}/${f##*/}" "$as/$n"
	done
} 2>/dev/null

theirs() {
	as=$dir.before-git-dv
	case ${dir##*/} in ''|.|..) ;; *) link_all ;; esac
	if test -x "$as/$name"; then before=$as/$name; fi
	GIT_DV_HOOK=$this
	export GIT_DV_HOOK
	"$before" "$@"
}

# The hook that was kept may itself run what it finds kept: us, once more. What
# it pushes by itself is another push, with other arguments, and for either the
# content goes first.
if test "${GIT_DV_HOOK-}" = "$this" || ! test -x "$before"; then
	# The usual case, at every commit: one process fewer.
	if is_used && command -v git-dv >/dev/null 2>&1; then
		exec git-dv hook "$name" "$@"
	fi
	ours "$@"
	exit
fi
case $name in
post-checkout|post-merge)
	# Content first: the other hook may want to read it.
	ours "$@"
	theirs "$@" ;;
pre-push)
	refs=$(cat; echo .) && refs=${refs%.}
	printf '%s' "$refs" | theirs "$@" || exit $?
	printf '%s' "$refs" | ours "$@" ;;
*)
	theirs "$@" || exit $?
	ours "$@" ;;
esac
