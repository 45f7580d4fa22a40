#!/bin/sh
# git dv gc and git dv prune, with a call that writes to disk or unlinks failing or being the
# last one, at every point of gc and many of prune: what is needed is here, what was pruned is
# on the remote, and the next run ends the work.
. "$(dirname "$0")/../lib.sh"
. "$LIB_DIR/faultlib.sh"
FAULT_PROGRAMS=git-dv
FAULT_UNLINK=1

# reset: the store as it was at first.
reset() {
	chmod -R u+w .git/dv
	rm -rf .git/dv
	cp -a ../dv .git/dv
}

whole() {
	git cat-file --filters "$1" 2>/dev/null | cmp -s - "$2"
}

live_whole() {
	whole v2:big.bin "$T/v2/big.bin" && whole v2:tiny.bin "$T/v2/tiny.bin" &&
		whole v2:small.json "$T/v2/small.json" &&
		whole v2:new.bin "$T/v2/new.bin"
}

all_whole() {
	live_whole && whole v1:big.bin "$T/v1/big.bin" &&
		whole v1:sub/large.bin "$T/v1/sub/large.bin" &&
		whole s1:side.bin "$T/s1/side.bin" &&
		whole s1:sub/large.bin "$T/s1/sub/large.bin"
}

# points CMD...: a good run of it counts the calls.
points() {
	reset
	faulty 0 error "$@"
	if test "$F_RC" -ne 0 || test "$(counted)" -eq 0; then
		skip 1 'LD_PRELOAD does not reach the program'
		done_testing
	fi
	total=$(counted)
	diag "$* makes $total calls"
}

GIT_COMMITTER_DATE=$(date -d '30 days ago' +%s\ +0000)
export GIT_COMMITTER_DATE
published_repo repo
cd repo || exit 1
# Garbage in packs of its own and beside what is needed.
for i in 1 2 3; do
	make_noise "junk$i.bin" 400000 "7$i"
	must git add "junk$i.bin"
	must git rm -qf --cached "junk$i.bin"
	rm -f "junk$i.bin"
done
make_noise junk.bin 700000 81
make_noise keep.bin 700000 82
cp keep.bin ..
must git add junk.bin keep.bin
must git rm -qf --cached junk.bin
rm junk.bin
must git commit -qm keep
must git push -q origin main
must git dv fetch --all
cp -a .git/dv ../dv

for how in error kill; do
	bad=
	points git dv gc --grace 0
	n=0
	while test "$n" -lt "$total"; do
		n=$((n + 1))
		reset
		faulty "$n" "$how" git dv gc --grace 0
		rc=$F_RC
		test "$how" != kill || test "$rc" -ne 0 || bad="$bad
$n ($F_WHAT): it was not killed"
		mv ../repo.store ../repo.away
		all_whole && whole HEAD:keep.bin ../keep.bin || bad="$bad
$n ($F_WHAT, $rc): content is lost"
		mv ../repo.away ../repo.store
		git dv verify >"$T_OUT" 2>&1 || bad="$bad
$n ($F_WHAT, $rc): verify finds damage"
		git dv gc --grace 0 >"$T_OUT" 2>&1 || bad="$bad
$n ($F_WHAT, $rc): the next run fails"
		git dv gc --grace 0 -n | grep -q 'nothing to remove' || bad="$bad
$n ($F_WHAT, $rc): garbage is left"
		test "$(find .git/dv/incoming -type f ! -name 'tmp-*' | wc -l)" -eq 0 || bad="$bad
$n ($F_WHAT, $rc): incoming is not empty"
	done
	is "gc, $how at each of $total calls" "$bad" ''
done

# Most of these calls are the shards' and the same each time: some of each are enough.
for how in error kill; do
	bad=
	points git dv prune --recent 0
	n=0
	test "$how" = error || n=-4
	while test "$((n + 9))" -le "$total"; do
		n=$((n + 9))
		reset
		faulty "$n" "$how" git dv prune --recent 0
		rc=$F_RC
		mv ../repo.store ../repo.away
		live_whole && whole HEAD:keep.bin ../keep.bin || bad="$bad
$n ($F_WHAT, $rc): content in use is lost"
		mv ../repo.away ../repo.store
		all_whole || bad="$bad
$n ($F_WHAT, $rc): old content does not come back"
		git dv prune --recent 0 >"$T_OUT" 2>&1 || bad="$bad
$n ($F_WHAT, $rc): the next run fails"
		git dv verify >"$T_OUT" 2>&1 || bad="$bad
$n ($F_WHAT, $rc): verify finds damage"
	done
	is "prune, $how at some of $total calls" "$bad" ''
done

done_testing
