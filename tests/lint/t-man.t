#!/bin/sh
# The manual pages are sound, every command has one, and it names its options.
top=$(cd "$(dirname "$0")/../.." && pwd) && cd "$top" || exit 1

pages=$(find man -name '*.[1-9]' | LC_ALL=C sort)
# Those without an area are hidden.
commands=$(sed -n '/, NULL,/d; s/^[[:space:]]*{ "\([a-z-]*\)", [A-Z][A-Z]*,.*/\1/p' src/cmd/table.c)
# shellcheck disable=SC2086
set -- $pages
count=$(($# + 2))
for c in $commands; do count=$((count + 2)); done
echo "1..$count"
n=0

holds() { test "$@"; echo $?; }
result() {	# OK NAME [WHY]
	n=$((n + 1))
	if test "$1" = 0; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		test -z "${3-}" || printf '%s\n' "$3" | sed 's/^/# /'
	fi
}
skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

# The page that a page of one line leads to, else itself.
target() {
	to=$(sed -n '1s|^\.so man[1-9]/|man/|p' "$1")
	echo "${to:-$1}"
}

for p; do
	if test "$(target "$p")" != "$p"; then
		result "$(holds -f "$(target "$p")")" "$p leads to a page"
	elif ! command -v mandoc >/dev/null 2>&1; then
		skip "$p" 'no mandoc'
	else
		said=$(mandoc -Tlint -W warning "$p" 2>&1)
		result "$(holds -z "$said")" "$p" "$said"
	fi
done

# The pages in the tree are those that are installed.
listed=$(grep -o 'man/[a-z-]*\.[1-9]' man/local.mk | LC_ALL=C sort)
result "$(holds "$listed" = "$pages")" 'man/local.mk lists every page' "$listed"

# What refers to another page of git-dv finds it.
lost=$(sed -n 's/^\.It Xr \(git-dv[a-z-]*\) \([1-9]\).*/\1.\2/p; s/^\.Xr \(git-dv[a-z-]*\) \([1-9]\).*/\1.\2/p' "$@" |
	LC_ALL=C sort -u | while IFS= read -r x; do test -f "man/$x" || echo "$x"; done)
result "$(holds -z "$lost")" 'references lead to pages' "$lost"

git_dv=${DV_BUILD_DIR:-$top/build}/git-dv
for c in $commands; do
	page=man/git-dv-$c.1
	test -f "$page" && page=$(target "$page")
	result "$(holds -f "$page")" "git dv $c has a page"
	if ! test -x "$git_dv"; then
		skip "options of git dv $c" "git-dv is not built in ${git_dv%/*}"
		continue
	fi
	text=$(cat "$page" 2>/dev/null)
	lost=
	for o in $("$git_dv" "$c" --git-completion-helper); do
		o=${o#--}
		o=${o%=}
		test "$o" = help && continue	# of every command: git-dv(1)
		# In mdoc(7), --long is the flag "-long".
		printf '%s\n' "$text" |
			grep -qE -- "^\.(It|Op|Nm|Fl).*[[:space:]]-$o([[:space:]]|\$)|\|[[:space:]]-$o([[:space:]]|\$)" ||
			lost="$lost --$o"
	done
	# Short options, from the usage text.
	for o in $("$git_dv" "$c" -h | sed -n 's/^    -\([A-Za-z]\)[ ,].*/\1/p'); do
		printf '%s\n' "$text" | grep -qE -- "^\.It.*Fl $o([[:space:]]|\$)" || lost="$lost -$o"
	done
	result "$(holds -z "$lost")" "the page of git dv $c names its options" "not named:$lost"
done
