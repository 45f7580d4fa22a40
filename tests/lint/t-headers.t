#!/bin/sh
# Each header compiles alone, twice, and guards itself by the name of its path.
top=$(cd "$(dirname "$0")/../.." && pwd) && cd "$top" || exit 1

cc=${CC:-cc}
# shellcheck disable=SC2086
if ! command -v ${cc%% *} >/dev/null 2>&1; then
	echo "1..0 # SKIP no C compiler"
	exit 0
fi
tmp=$(mktemp -d "${TMPDIR:-/tmp}/dv-lint.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
: >"$tmp/config.h"
flags=$(pkg-config --cflags libzstd libxxhash libcjson libcrypto lmdb libgit2 2>/dev/null)

headers=$(find src -name '*.h' ! -name hook-text.h | LC_ALL=C sort)
# shellcheck disable=SC2086
set -- $headers
echo "1..$(($# + 1))"

# All at once, in several processes: a compiler's start is most of the work.
# shellcheck disable=SC2016
printf '%s\n' "$@" | xargs -P "$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)" -n 1 sh -c '
	h=$4; out=$2/$(echo "$h" | tr / _)
	printf "#include \"%s\"\n#include \"%s\"\n" "${h#src/}" "${h#src/}" |
		$1 -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only \
			-I src -I "$2" $3 -x c - >"$out" 2>&1 || echo failed >>"$out"
' - "$cc" "$tmp" "$flags"

n=0
guards=
for h in "$@"; do
	n=$((n + 1))
	out=$tmp/$(echo "$h" | tr / _)
	if test -f "$out" && ! test -s "$out"; then
		echo "ok $n - $h"
	else
		echo "not ok $n - $h"
		sed 's/^/# /' "$out"
	fi
	name=DV_$(echo "${h#src/}" | tr 'a-z/.-' 'A-Z___')
	grep -qx "#ifndef $name" "$h" && grep -qx "#define $name" "$h" || guards="$guards $h"
done
if test -z "$guards"; then
	echo "ok $((n + 1)) - include guards"
else
	echo "not ok $((n + 1)) - include guards"
	echo "# wrong or absent in:$guards"
fi
