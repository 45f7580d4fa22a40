#!/bin/sh
# Nothing in the tree belongs to one developer's machine or promises work.
top=$(cd "$(dirname "$0")/../.." && pwd) && cd "$top" || exit 1

if ! git rev-parse --git-dir >/dev/null 2>&1; then
	echo "1..0 # SKIP not a Git repository"
	exit 0
fi
echo 1..3
# This file itself holds the patterns. A name of one letter is an example's.
check() {	# NUMBER NAME PATTERN [PATHSPEC...]
	k=$1 name=$2 pattern=$3
	shift 3
	bad=$(git grep -nIE -e "$pattern" -- . ':!tests/lint/t-public.t' "$@")
	if test -z "$bad"; then
		echo "ok $k - $name"
	else
		echo "not ok $k - $name"
		printf '%s\n' "$bad" | cut -c1-200 | sed 's/^/# /'
	fi
}
check 1 "no path of a developer's machine" \
	'(^|[^A-Za-z0-9_.$}-])/(home|root|Users|work|scratch)/[A-Za-z0-9_.-]{2}'
check 2 'nothing is left to do' '(^|[^A-Za-z0-9_])(TODO|FIXME|XXX|HACK)([^A-Za-z0-9_X.]|$)'
check 3 'nothing is said to be missing' 'not (yet )?implemented|nothing yet'
