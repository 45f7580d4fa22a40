# shellcheck shell=bash disable=SC2154
# Completion of `git dv` for bash. Git's own completion finds _git_dv when this
# file is in the folder of bash-completion, or was sourced.
#
# Commands and options come from the program itself (`git dv --list-cmds`,
# `git dv COMMAND --git-completion-helper`), so they are those that are
# installed. cur, words, cword and __git* are Git's completion's.

# The names of the data remotes.
__git_dv_remotes () {
	__git dv remote list 2>/dev/null | sed 's/[[:space:]].*//'
}

# Names that versions are recorded under. No blank behind them: NAME@VERSION.
__git_dv_names () {
	__gitcomp_nl "$(__git dv list -z 2>/dev/null | tr '\0' '\n')" '' "$cur" ''
}

# Versioned files below the current folder, one path component at a time.
__git_dv_paths () {
	local path

	while IFS= read -r path; do
		COMPREPLY+=("$path")
	done < <(__git dv ls-files -- . 2>/dev/null |
		P=$(__git rev-parse --show-prefix 2>/dev/null) C=$cur LC_ALL=C awk '
		BEGIN {
			n = length(ENVIRON["P"]); cur = ENVIRON["C"]
			dir = cur; sub(/[^\/]*$/, "", dir)
		}
		{
			s = substr($0, n + 1)
			if (index(s, cur) != 1) next
			s = substr(s, length(dir) + 1)
			sub(/\/.*/, "", s)
			if (!seen[s]++) print dir s
		}')
	compopt -o filenames 2>/dev/null
}

__git_dv_refs () {
	local ref

	while IFS= read -r ref; do
		COMPREPLY+=("$ref")
	done < <(__git for-each-ref --format='%(refname:short)' \
		"refs/heads/$cur*" "refs/heads/$cur*/**" "refs/tags/$cur*" \
		"refs/tags/$cur*/**" "refs/remotes/$cur*" "refs/remotes/$cur*/**" 2>/dev/null)
}

_git_dv () {
	local i=1 command='' operands=0 dashdash='' w

	# Behind `git ... dv`, or as git-dv itself.
	if [ "${words[0]##*/}" != git-dv ]; then
		while [ "$i" -lt "$cword" ] && [ "${words[i]}" != dv ]; do
			i=$((i + 1))
		done
		i=$((i + 1))
	fi
	while [ "$i" -lt "$cword" ]; do
		w=${words[i]}
		if [ -z "$command" ]; then
			case $w in
			-C) i=$((i + 1)) ;;
			-*) ;;
			*) command=$w ;;
			esac
		elif [ -n "$dashdash" ]; then
			operands=$((operands + 1))
		else
			case $w in
			--) dashdash=1 ;;
			-I|-X|--include|--exclude|--above) i=$((i + 1)) ;;
			-o|-m|--output|--meta|--version|--description|--alias) i=$((i + 1)) ;;
			-*) ;;
			*) operands=$((operands + 1)) ;;
			esac
		fi
		i=$((i + 1))
	done

	if [ -z "$command" ]; then
		case $cur in
		-*) __gitcomp '--quiet --verbose --version --help' ;;
		*) __gitcomp "$(__git dv --list-cmds 2>/dev/null) help" ;;
		esac
		return
	fi
	if [ -z "$dashdash" ]; then
		case $cur in
		--*)
			__gitcomp "$(__git dv "$command" --git-completion-helper 2>/dev/null)"
			return ;;
		esac
	fi

	case $command in
	push|fetch|pull)
		if [ -z "$dashdash" ]; then
			[ "$operands" -gt 0 ] || __gitcomp_nl "$(__git_dv_remotes)"
			__git_dv_refs
		fi
		__git_dv_paths ;;
	ls-files)
		[ -n "$dashdash" ] || __git_dv_refs
		__git_dv_paths ;;
	list|info|get|diff|alias|rename|remove)
		[ "$operands" -gt 0 ] || __git_dv_names ;;
	version)
		[ "$operands" = 0 ] || __git_dv_names ;;
	registry)
		[ "$operands" -gt 0 ] || __gitcomp 'import check' ;;
	checkout|cat)
		__git_dv_paths ;;
	remote)
		if [ "$operands" = 0 ]; then
			__gitcomp 'add list default remove check set-head'
		else
			case " ${words[*]} " in
			*' set-head '*)
				if [ "$operands" = 1 ]; then
					__gitcomp_nl "$(__git remote)"
				else
					__git_dv_refs
				fi ;;
			*' default '*|*' remove '*|*' check '*)
				__gitcomp_nl "$(__git_dv_remotes)" ;;
			esac
		fi ;;
	untrack)
		while IFS= read -r w; do
			case $w in "$cur"*) COMPREPLY+=("$w") ;; esac
		done < <(__git dv track 2>/dev/null | sed 's/	.*//') ;;
	help)
		__gitcomp "$(__git dv --list-cmds 2>/dev/null)" ;;
	hook)
		__gitcomp 'pre-commit pre-push post-checkout post-merge' ;;
	esac
	# The others take files of any kind: that is the default.
}

if declare -F __git_complete >/dev/null; then
	__git_complete git-dv _git_dv
fi
