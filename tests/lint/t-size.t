#!/bin/sh
# A source file that passes 700 lines wants to be two.
top=$(cd "$(dirname "$0")/../.." && pwd) && cd "$top" || exit 1

echo 1..1
long=$(find src tests -name '*.c' -exec awk 'FNR == 701 { print FILENAME }' {} +)
if test -z "$long"; then
	echo "ok 1 - no file over 700 lines"
else
	echo "not ok 1 - no file over 700 lines"
	printf '%s\n' "$long" | sed 's/^/# /'
fi
