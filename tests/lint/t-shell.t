#!/bin/sh
# The shell scripts are clean, says shellcheck.
top=$(cd "$(dirname "$0")/../.." && pwd) && cd "$top" || exit 1

if ! command -v shellcheck >/dev/null 2>&1; then
	echo "1..0 # SKIP no shellcheck"
	exit 0
fi
files=
for f in bootstrap .ci/run tests/run hooks/*.sh contrib/*.sh contrib/completion/*.bash \
	tests/*.sh tests/lint/*.t; do
	if test -f "$f"; then files="$files $f"; fi
done
# shellcheck disable=SC2086
set -- $files
echo "1..$#"
n=0
for f; do
	n=$((n + 1))
	case $f in
	*.bash) shell='bash' ;;
	*) shell='sh' ;;
	esac
	# SC3013: every sh that is met today knows -nt.
	if said=$(shellcheck -e SC3013 -s "$shell" "$f" 2>&1); then
		echo "ok $n - $f"
	else
		echo "not ok $n - $f"
		printf '%s\n' "$said" | sed 's/^/# /'
	fi
done
