#!/bin/sh
# Many clones push to one hosted repository at once: none of their commits is lost.
. "$(dirname "$0")/../lib.sh"

must git dv install
U=dvstore::$T/h
CLONES='1 2 3 4'
COMMITS=25
test "${DV_TEST_LARGE-}" = 1 && COMMITS=200

new_repo repo
echo 0 >repo/plain.txt
make_noise repo/all.bin 60000 1
must git -C repo add -A
must git -C repo commit -qm start
must git -C repo push -q "$U" main
for i in $CLONES; do
	must git clone -q "$U" "c$i"
done

# pusher N: commits, every twelfth with content, until each is on main.
pusher() {
	cd "c$1" || exit 1
	k=0
	while test "$k" -lt "$COMMITS"; do
		k=$((k + 1))
		echo "$1 $k" >"file-$1-$k.txt"
		test $((k % 12)) -ne 0 || make_noise "data-$1.bin" 70000 "$1$k"
		git add -A && git commit -qm "$1 $k" || exit 1
		tries=0
		until git push -q origin HEAD:main 2>"$T/err$1"; do
			grep -q 'rejected' "$T/err$1" || exit 1
			tries=$((tries + 1))
			test "$tries" -le 1000 || exit 1
			git pull -q --rebase origin main || exit 1
		done
	done
	git push -q origin "HEAD:refs/heads/end$1" 2>"$T/err$1"
}

# at_once CMD: for each clone, all at the same time.
at_once() {
	pids=
	for i in $CLONES; do
		(cd "$T" && "$1" "$i") >"$T/out$i" 2>&1 &
		pids="$pids $!"
	done
	bad=0
	for p in $pids; do
		wait "$p" || bad=1
	done
	test "$bad" -eq 0 || cat "$T"/out? "$T"/err?
	return "$bad"
}

ok "$COMMITS commits from each of 4 clones" at_once pusher
ok 'clone' git clone -q "$U" all
ok 'fsck' git -C all fsck --strict
is 'every commit is there' "$(git -C all rev-list --count --no-merges main)" \
	"$((4 * COMMITS + 2))"
lost=
for i in $CLONES; do
	k=0
	while test "$k" -lt "$COMMITS"; do
		k=$((k + 1))
		test "$(cat "all/file-$i-$k.txt" 2>/dev/null)" = "$i $k" || lost="$lost $i/$k"
	done
	ok "data of clone $i" cmp "c$i/data-$i.bin" "all/data-$i.bin"
	is "last branch of clone $i" "$(git -C all rev-parse "origin/end$i")" \
		"$(git -C "c$i" rev-parse HEAD)"
done
is 'every file is there' "$lost" ''
ok 'content of all of history' git -C all dv fetch --all
ok 'verify' git -C all dv verify --full
ok 'status' status_clean all

# Other branches are no reason to reject.
branches() {
	cd "c$1" || exit 1
	k=0
	while test "$k" -lt 3; do
		k=$((k + 1))
		git commit -q --allow-empty -m "branch $1 $k" &&
			git push -q origin "HEAD:refs/heads/own$1" || exit 1
	done
}
ok 'pushes to other branches at once are not rejected' at_once branches
for i in $CLONES; do
	is "branch $i" "$(git ls-remote "$U" "refs/heads/own$i" | cut -f1)" \
		"$(git -C "c$i" rev-parse HEAD)"
done

# HEAD is set while others push: neither undoes the other.
heads() {
	cd "c$1" || exit 1
	k=0
	while test "$k" -lt 8; do
		k=$((k + 1))
		if test "$1" -le 2; then
			git dv remote set-head "$U" "own$1" || exit 1
		else
			git commit -q --allow-empty -m "beside $1 $k" &&
				git push -q origin "HEAD:refs/heads/own$1" || exit 1
		fi
	done
}
ok 'HEAD is set while others push' at_once heads
for i in 3 4; do
	is "branch $i" "$(git ls-remote "$U" "refs/heads/own$i" | cut -f1)" \
		"$(git -C "c$i" rev-parse HEAD)"
done
ok 'HEAD is one of the two' sh -c "git ls-remote --symref '$U' HEAD | grep 'refs/heads/own[12]'"

# The first push, of all at once, to a place where nothing is.
first() {
	git -C "c$1" push -q "dvstore::$T/new" "HEAD:refs/heads/first$1"
}
ok 'first pushes at once' at_once first
is 'all refs' "$(git ls-remote "dvstore::$T/new" 'refs/heads/first*' | wc -l | tr -d ' ')" 4
ok 'clone of it' git clone -q -b first1 "dvstore::$T/new" n
ok 'fsck' git -C n fsck --strict
ok 'is whole' same_tree n c1

done_testing
