#!/bin/sh
# A file is found by its name alone, and every source file is built.
top=$(cd "$(dirname "$0")/../.." && pwd) && cd "$top" || exit 1

echo 1..2
twice=$(find src -name '*.[ch]' ! -name hook-text.h | sed 's|.*/||' | LC_ALL=C sort | uniq -d)
if test -z "$twice"; then
	echo "ok 1 - basenames are unique"
else
	echo "not ok 1 - basenames are unique"
	printf '%s\n' "$twice" | sed 's/^/# /'
fi

lost=$(find src -name '*.[ch]' ! -name hook-text.h | while IFS= read -r f; do
	cat src/local.mk src/*/local.mk | grep -qwF "$f" || echo "$f"
done)
if test -z "$lost"; then
	echo "ok 2 - every file is named in a local.mk"
else
	echo "not ok 2 - every file is named in a local.mk"
	printf '%s\n' "$lost" | sed 's/^/# /'
fi
