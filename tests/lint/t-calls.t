#!/bin/sh
# Calls that are banned in src/: they overflow, race, run a shell, or end the
# process where a caller should decide.
top=$(cd "$(dirname "$0")/../.." && pwd) && cd "$top" || exit 1

# The code without comments and string literals, as "file:line:text".
code() {
	find src -name '*.[ch]' | LC_ALL=C sort | while IFS= read -r f; do
		perl -0777 -pe 's{(/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\x27(?:\\.|[^\x27\\\n])+\x27)}
			{my $x = $1; $x =~ s/[^\n]//g; $x}gsex' "$f" | sed "=" | sed "N;s/\n/:/;s|^|$f:|"
	done
}
if ! command -v perl >/dev/null 2>&1; then
	echo "1..0 # SKIP no perl"
	exit 0
fi
text=$(code)

echo 1..3
check() {	# NUMBER NAME PATTERN [NOT]
	bad=$(printf '%s\n' "$text" | grep -E "(^|[^A-Za-z0-9_])($3)[[:space:]]*\(")
	test -z "${4-}" || bad=$(printf '%s\n' "$bad" | grep -vE "$4")
	if test -z "$bad"; then
		echo "ok $1 - $2"
	else
		echo "not ok $1 - $2"
		printf '%s\n' "$bad" | sed 's/^/# /'
	fi
}
check 1 'no unbounded copies' 'strcpy|strcat|sprintf|vsprintf|gets|stpcpy'
check 2 'no shell, no racy temporary names' 'system|popen|tmpnam|tempnam|mktemp'
# Only main() ends the process; a second signal may.
check 3 'no exit below cmd/' 'exit|_exit|quick_exit|_Exit' \
	'^src/cmd/|^src/git-[a-z-]*\.c:|^src/base/log\.c:[0-9]*:.*_exit|^src/base/proc\.c:[0-9]*:.*_exit'
