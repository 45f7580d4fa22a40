#!/bin/sh
# Each call that writes fails, or is the last one, while a version is recorded or got: what a
# registry names is whole, what was recorded stays, and no file is half of one.
. "$(dirname "$0")/../lib.sh"
. "$LIB_DIR/faultlib.sh"

result() {	# WHAT
	if test -z "$why"; then
		pass "$1 ($F_WHAT)"
	else
		fail "$1 ($F_WHAT)" "$why"
	fi
}

new_repo repo
cd repo || exit 1
make_noise first.bin 400000 1
must git dv version first.bin data --version first
make_noise f.bin 700000 2
faulty 0 error git dv version f.bin data --version count --link
if test "$F_RC" -ne 0 || test "$(counted)" -eq 0; then
	skip 1 'LD_PRELOAD does not reach the programs'
	done_testing
fi
total=$(counted)
diag "version: $total calls"

version_one() {
	make_noise f.bin 700000 "$((n + 100))"
	id=$2-$1
	faulty "$1" "$2" git dv version f.bin data --version "$id" --link
	why=
	git dv registry check >"$HOME/.check" 2>&1 || why="check: $(cat "$HOME/.check")"
	git dv get data@first -o - 2>/dev/null | cmp -s - first.bin || why="$why; the first version is lost"
	if git dv list -z data 2>/dev/null | tr '\0' '\n' | grep -qx "$id"; then
		git dv get "data@$id" -o - 2>/dev/null | cmp -s - f.bin || why="$why; what is recorded is not whole"
	elif test "$F_RC" -eq 0; then
		why="$why; it said 0 and recorded nothing"
	else
		git dv version f.bin data --version "$id" >/dev/null 2>&1 || why="$why; the next try fails"
	fi
	test -e "data_$id.bin" && ! cmp -s "data_$id.bin" f.bin && why="$why; the copy is not whole"
	rm -f data_*.bin
	result "version, call $1: $2"
}

for how in error kill; do
	n=1
	while test "$n" -le "$total"; do
		version_one "$n" $how
		n=$((n + 3))
	done
done

# --- get ---
must cp first.bin want
make_noise f.bin 700000 3
must git dv version f.bin data --version old
faulty 0 error git dv get data@first -o f.bin
total=$(counted)
diag "get: $total calls"
cp f.bin kept 2>/dev/null
for how in error kill; do
	n=1
	while test "$n" -le "$total"; do
		must git dv get --force data@old -o f.bin
		cp f.bin old
		faulty "$n" $how git dv get data@first -o f.bin
		why=
		if cmp -s f.bin want; then
			:
		elif ! cmp -s f.bin old; then
			why='the file is neither the old content nor the new one'
		elif test "$F_RC" -eq 0; then
			why='it said 0 and wrote nothing'
		fi
		result "get, call $n: $how"
		n=$((n + 2))
	done
done
ok 'verify --full' git dv verify --full
done_testing
