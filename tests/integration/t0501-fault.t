#!/bin/sh
# Workflow 38: every kind of call that writes to disk fails, or is the last one of its process,
# somewhere in add, push, fetch and placement. No committed content is lost, an exit code of 0
# means that it was done, the store is well, and the next command goes on.
. "$(dirname "$0")/../lib.sh"
. "$LIB_DIR/faultlib.sh"

# steps HOW TOTAL COUNT: that many numbers from 1 to TOTAL, others for each HOW.
steps() {
	awk -v how="$1" -v n="$2" -v k="$3" 'BEGIN {
		from = how == "error" ? 0 : how == "kill" ? 0.33 : 0.66
		for (i = 0; i < k; i++) {
			x = 1 + int((i + from) * n / k)
			if (x != last && x <= n)
				print x
			last = x
		} }'
}

whole() {
	git cat-file --filters "$1" 2>/dev/null | cmp -s - "$2"
}

# all_whole: everything that was committed before.
all_whole() {
	whole v1:big.bin "$T/v1/big.bin" && whole v2:big.bin "$T/v2/big.bin" &&
		whole v1:sub/large.bin "$T/v1/sub/large.bin" && whole v2:tiny.bin "$T/v2/tiny.bin"
}

must git dv install
published_repo repo
cd repo || exit 1
seed=500

make_noise probe.bin 200000 499
fault_reaches git add probe.bin
rm -f probe.bin

# --- add, status, commit ---

add_one() {
	seed=$((seed + 1))
	make_noise f.bin 1300000 "$seed"
	make_noise g.bin 9000 "$seed"
	faulty "$1" "$2" git add f.bin g.bin
	unlock
	why=
	# Git does not look at what the filter says at its end; then the commit is refused.
	if test "$F_RC" -eq 0 && ! { whole :f.bin f.bin && whole :g.bin g.bin; }; then
		git commit -q -m 'not whole' 2>/dev/null && why='what is not whole was committed'
	fi
	all_whole || why="$why; committed content is lost"
	git status --porcelain >/dev/null 2>&1 || why="$why; status fails"
	git add f.bin g.bin && git commit -q -m "add $1 $2" || why="$why; the next add fails"
	whole HEAD:f.bin f.bin && whole HEAD:g.bin g.bin || why="$why; the next add is not whole"
	git dv verify >/dev/null 2>&1 || why="$why; verify fails"
	if test -z "$why"; then
		pass "add, call $1: $2 ($F_WHAT)"
	else
		fail "add, call $1: $2 ($F_WHAT)" "$why"
	fi
}

make_noise f.bin 1300000 498
make_noise g.bin 9000 498
faulty 0 error git add f.bin g.bin
total=$(counted)
diag "add: $total calls"
must git commit -q -m 'to count'
for how in error full kill; do
	for n in $(steps $how "$total" 8); do
		add_one "$n" $how
	done
done
ok 'verify --full after all adds' git dv verify --full

# --- push ---

push_one() {
	seed=$((seed + 1))
	make_noise f.bin 1300000 "$seed"
	git commit -qam "push $1 $2"
	faulty "$1" "$2" git push -q origin HEAD:refs/heads/pushed
	unlock . "$T/repo.git"
	why=
	rm -rf "$T/c"
	# A ref on the remote means that its content is there.
	if git -C "$T/repo.git" cat-file -e "$(git rev-parse HEAD)^{commit}" 2>/dev/null &&
		test "$(git -C "$T/repo.git" rev-parse -q --verify refs/heads/pushed)" = \
			"$(git rev-parse HEAD)"; then
		git clone -q -b pushed "$T/repo.git" "$T/c" 2>/dev/null
		cmp -s f.bin "$T/c/f.bin" || why='the ref arrived without its content'
	elif test "$F_RC" -eq 0; then
		why='push said 0 but nothing arrived'
	fi
	rm -rf "$T/c"
	git push -q origin HEAD:refs/heads/pushed || why="$why; the next push fails"
	git clone -q -b pushed "$T/repo.git" "$T/c" 2>/dev/null
	cmp -s f.bin "$T/c/f.bin" || why="$why; the next push is not whole"
	if test -z "$why"; then
		pass "push, call $1: $2 ($F_WHAT)"
	else
		fail "push, call $1: $2 ($F_WHAT)" "$why"
	fi
}

make_noise f.bin 1300000 497
must git commit -qam 'to count'
faulty 0 error git push -q origin HEAD:refs/heads/pushed
total=$(counted)
diag "push: $total calls"
for how in error kill; do
	for n in $(steps $how "$total" 7); do
		push_one "$n" $how
	done
done
# Each push's content stays on the store.
rm -rf "$T/c"
ok 'clone of all that was pushed' git clone -q -b pushed "$T/repo.git" "$T/c"
ok 'an old version is whole' sh -c 'git -C ../c dv fetch --all && git -C ../c checkout -q v1 &&
	git -C ../c dv checkout'
ok 'and is the same' cmp ../c/big.bin ../v1/big.bin

# --- fetch ---

cd "$T" || exit 1
fetch_one() {
	rm -rf c/.git/dv
	git -C c dv init >/dev/null 2>&1
	faulty "$1" "$2" git -C c dv fetch
	why=
	unlock c
	if test "$F_RC" -eq 0; then
		mv repo.store away
		(cd c && whole HEAD:big.bin "$T/v2/big.bin") || why='fetch said 0 but it is not here'
		mv away repo.store
	fi
	git -C c dv fetch >/dev/null 2>&1 || why="$why; the next fetch fails"
	(cd c && whole HEAD:big.bin "$T/v2/big.bin") || why="$why; the next fetch is not whole"
	git -C c dv verify >/dev/null 2>&1 || why="$why; verify fails"
	if test -z "$why"; then
		pass "fetch, call $1: $2 ($F_WHAT)"
	else
		fail "fetch, call $1: $2 ($F_WHAT)" "$why"
	fi
}

must git -C c checkout -q v2
must git -C c remote set-url origin "$T/nowhere"
rm -rf c/.git/dv
must git -C c dv init
faulty 0 error git -C c dv fetch
total=$(counted)
diag "fetch: $total calls"
for how in error full kill; do
	for n in $(steps $how "$total" 6); do
		fetch_one "$n" $how
	done
done

# --- placement ---

# intact DIR SNAPSHOT: each file is all of its content or still a pointer.
intact() {
	for f in big.bin sub/large.bin tiny.bin small.json; do
		cmp -s "$1/$f" "$2/$f" || is_pointer "$1/$f" 2>/dev/null || {
			echo "$f is neither pointer nor content" >>"$T_ERR"
			return 1
		}
	done
}

place_one() {
	git -C repo checkout -q -f v1 && git -C repo dv checkout >/dev/null 2>&1
	faulty "$1" "$2" git -C repo checkout -q v2
	unlock repo
	why=
	if test "$(git -C repo rev-parse HEAD)" = "$(git -C repo rev-parse v2)"; then
		intact repo v2 || why='a file is broken'
	fi
	faulty "$1" "$2" git -C repo dv checkout
	unlock repo
	if test "$F_RC" -eq 0; then
		no_pointers repo >>"$T_ERR" || why="$why; dv checkout said 0 and left pointers"
	fi
	git -C repo checkout -q -f v2 || why="$why; the next checkout fails"
	git -C repo dv checkout >/dev/null 2>&1 || why="$why; dv checkout fails"
	tree_is repo v2 >>"$T_ERR" || why="$why; the next checkout is not whole"
	find repo -name '.git-dv-tmp*' | grep -q . && why="$why; something temporary is left"
	if test -z "$why"; then
		pass "placement, call $1: $2 ($F_WHAT)"
	else
		fail "placement, call $1: $2 ($F_WHAT)" "$why"
	fi
}

must git -C repo checkout -q -f v1
faulty 0 error git -C repo checkout -q v2
total=$(counted)
diag "placement: $total calls"
for how in error full kill; do
	for n in $(steps $how "$total" 6); do
		place_one "$n" $how
	done
done
ok 'verify --full at the end' git -C repo dv verify --full

done_testing
