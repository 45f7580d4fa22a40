#!/bin/sh
# Versions of a table with a few changed rows: stored, pushed and fetched as deltas.
. "$(dirname "$0")/../lib.sh"

# next_version FILE N: some rows here and there get other values.
next_version() {
	awk -v v="$2" 'NR % 2503 == (v * 131) % 2503 {
			sub(/"value": [0-9.]+/, "\"value\": " v * 1000 + NR / 7)
		} { print }' "$1" >"$1.next" && mv "$1.next" "$1"
}
grown() {
	now=$(bytes_in "$1")
	echo $((now - $2))
}
must git dv install
new_repo repo
publish repo
new_repo plain
must git -C plain config dv.delta false

make_json table.json 32000 7
mkdir versions
# All at once, as scripts commit: dates do not tell what came first.
GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
export GIT_COMMITTER_DATE
for v in 1 2 3 4 5; do
	test "$v" -eq 1 || next_version table.json "$v"
	cp table.json "versions/$v"
	for r in repo plain; do
		before=$(bytes_in $r/.git/dv/packs)
		cp table.json $r/table.json
		must git -C $r add table.json
		must git -C $r commit -q -m "version $v"
		must git -C $r tag "v$v"
		eval "$r=$(grown $r/.git/dv/packs "$before")"
	done
	# shellcheck disable=SC2154 # set by eval
	if test "$v" -gt 1; then
		ok "version $v costs less than a tenth: $repo of $plain" \
			test $((repo * 10)) -lt "$plain"
	fi
done
unset GIT_COMMITTER_DATE
ok 'the table of sketches is there' test -s repo/.git/dv/sketches
ok 'and not without deltas' test ! -e plain/.git/dv/sketches
ok 'verify --full' git -C repo dv verify --full

# Pushed one by one: the remote grows as little.
for v in 1 2 3 4 5; do
	before=$(bytes_in repo.store)
	ok "push of version $v" git -C repo push -q origin "v$v:refs/heads/main" "v$v"
	size=$(grown repo.store "$before")
	if test "$v" -gt 1; then
		ok "adds little: $size" test "$size" -lt 60000
	fi
done

sums_are_right() {
	for v in 1 2 3 4 5; do
		must git -C "$1" checkout -q "v$v"
		is "version $v in $1" "$(sha256 <"$1/table.json")" "$(sha256 <"versions/$v")"
	done
	must git -C "$1" checkout -q main
}
ok 'clone' git clone -q repo.git c
sums_are_right c
ok 'verify --full of the clone' git -C c dv verify --full
sums_are_right repo
# Only the last one, into an empty store.
rm -rf c
ok 'clone of the last version' git clone -q --depth 1 "file://$T/repo.git" c
ok 'has it' cmp c/table.json versions/5
ok 'verify --full of it' git -C c dv verify --full
# All versions in one push.
must git -C repo dv remote add second "$T/second.store"
ok 'push of all to another store' git -C repo dv push second --all
ok 'is small' test "$(bytes_in second.store)" -lt $(($(bytes_in plain/.git/dv/packs) * 3 / 4))

# The table of sketches is a cache.
cd repo || exit 1
v=10
for how in delete empty garbage short directory; do
	rm -rf .git/dv/sketches
	case $how in
	empty) : >.git/dv/sketches ;;
	garbage) make_noise .git/dv/sketches 475200 3 ;;
	short) make_noise .git/dv/sketches 100 3 ;;
	directory) mkdir .git/dv/sketches ;;
	esac
	v=$((v + 1))
	next_version table.json "$v"
	before=$(bytes_in .git/dv/packs)
	ok "add with the table of sketches: $how" git add table.json
	if test "$how" != directory; then
		size=$(grown .git/dv/packs "$before")
		ok "the version before is looked at: $size" test $((size * 10)) -lt "$plain"
	fi
	must git commit -q -m "sketches: $how"
	git cat-file --filters HEAD:table.json >../got
	ok 'is whole' cmp ../got table.json
done
# Noise behind a good head.
rm -rf .git/dv/sketches
next_version table.json 20
must git commit -q -a -m 'a new table of sketches'
make_noise ../noise 400000 5
must dd if=../noise of=.git/dv/sketches bs=64 seek=1 conv=notrunc
next_version table.json 21
ok 'add with noise in the table' git commit -q -a -m 'noise'
git cat-file --filters HEAD:table.json >../got
ok 'is whole' cmp ../got table.json
ok 'verify --full' git dv verify --full
ok 'push' git push -q origin HEAD:main

# Killed.
for when in 0 0.02 0.04 0.07 0.1 0.15 0.2 0.3; do
	v=$((v + 20))
	next_version table.json "$v"
	start git add table.json
	sleep "$when"
	stop KILL
	unlock
	ok "add after kill -9 at $when s" git add table.json
	git cat-file --filters :table.json >../got
	ok 'is whole' cmp ../got table.json
done
must git commit -q -m 'after many kills'
ok 'verify --full after all kills' git dv verify --full
is 'no half-made tables stay' "$(find .git/dv -maxdepth 1 -name 'sketches.*' | sed 's/.*new$//')" ''
for when in 0.02 0.05 0.1 0.15 0.25; do
	v=$((v + 20))
	next_version table.json "$v"
	must git commit -q -a -m "push at $when"
	start git push -q origin HEAD:main
	sleep "$when"
	stop KILL
	unlock . ../repo.git
	ok "push after kill -9 at $when s" git push -q origin HEAD:main
	rm -rf ../c
	ok 'clone of it' git clone -q ../repo.git ../c
	ok 'has the content' cmp table.json ../c/table.json
done
ok 'verify --full of the clone' git -C ../c dv verify --full
cd .. || exit 1

# A store that several clones share: the table of sketches is still each clone's own.
new_repo shared
must git -C shared config dv.store "$T/common"
cp versions/1 shared/table.json
must git -C shared add table.json
before=$(bytes_in common/packs)
cp versions/2 shared/table.json
must git -C shared add table.json
ok 'a shared store has deltas too' test "$(($(grown common/packs "$before") * 10))" -lt "$before"

done_testing
