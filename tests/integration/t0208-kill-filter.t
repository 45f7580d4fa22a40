#!/bin/sh
# The filter is killed at each of its steps while Git writes an index that names small files. Git
# does not ask how its filter ended, so what was answered must be there for whoever comes next,
# also where the files themselves are removed right after.
. "$(dirname "$0")/../lib.sh"
. "$LIB_DIR/faultlib.sh"
FAULT_PROGRAMS=git-dv-filter

must git dv install
new_repo repo
cd repo || exit 1
make_noise first.bin 5000 1
must git add -A
must git commit -q -m first
make_noise probe.bin 5000 2
fault_reaches git add probe.bin
must git rm -q -f --cached probe.bin
rm -f probe.bin

# small N: five new small files; sums: what the files hold.
small() {
	for i in 1 2 3 4 5; do
		make_noise "u$i.bin" $((3000 * i)) "$1$i"
	done
	touch -d '1 hour ago' u?.bin
}
sums() {
	cat u?.bin 2>/dev/null | sha256 | cut -c1-64
}

small 0
faulty 0 error git add .
total=$(counted)
diag "$total steps of git add"
ok 'there are some' test "$total" -gt 5
must git reset -q --hard
rm -f u?.bin

n=0
while test "$n" -lt "$total"; do
	n=$((n + 1))
	small "$n"
	before=$(sums)
	faulty "$n" kill git add .
	if test "$F_RC" -eq 0; then
		# The only copy is in the store now.
		rm -f u?.bin
		run git checkout -q -- .
		is "added, filter killed at $F_WHAT" "$(sums)" "$before"
	else
		is "not added, filter killed at $F_WHAT" "$(sums)" "$before"
	fi
	unlock
	must git reset -q --hard
	rm -f u?.bin
done

n=0
while test "$n" -lt "$total"; do
	n=$((n + 1))
	small "9$n"
	before=$(sums)
	faulty "$n" kill git stash -q -u
	unlock
	if test "$F_RC" -eq 0; then
		run git stash pop -q
	fi
	is "stash, filter killed at $F_WHAT" "$(sums)" "$before"
	must git reset -q --hard
	rm -f u?.bin
	git stash drop -q 2>/dev/null
done
ok 'verify' git dv verify --full
is 'nothing is left in incoming' "$(find .git/dv/incoming -type f ! -name 'tmp-*')" ''

done_testing
