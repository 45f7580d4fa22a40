#!/bin/sh
# kill -9 of a push to a hosted repository: what stands there can be cloned, and the next push
# goes through.
. "$(dirname "$0")/../lib.sh"

must git dv install
U=dvstore::$T/h
TIMES=20
test "${DV_TEST_LARGE-}" = 1 && TIMES=100

new_repo repo
make_noise repo/a.bin 400000 1
must git -C repo add -A
must git -C repo commit -qm start
must git -C repo remote add origin "$U"

# Moments from 0 to 190 ms in an order of their own; the first ones hit the first push.
n=0
while test "$n" -lt "$TIMES"; do
	ms=$(((n * 37 + 11) % 190))
	n=$((n + 1))
	make_noise repo/a.bin 400000 "$n"
	echo "$n" >"repo/f$n"
	must git -C repo add -A
	must git -C repo commit -qm "kill $n"
	before=$(git -C "$T" ls-remote "$U" refs/heads/main 2>/dev/null | cut -f1)
	start git -C repo push -q origin main
	perl -e 'select undef, undef, undef, $ARGV[0] / 1000' "$ms"
	stop KILL
	rm -f repo/.git/refs/remotes/origin/*.lock repo/.git/packed-refs.lock
	rm -rf c
	now=$(git ls-remote "$U" refs/heads/main 2>/dev/null | cut -f1)
	if test -n "$now" || test -n "$before"; then
		run git clone -q "$U" c
		if test "$T_RC" -eq 0; then
			run sh -c 'git -C c fsck --strict && git -C c dv verify --full && test -z "$(git -C c status --porcelain)"'
		fi
		if test "$T_RC" -eq 0 && no_pointers c >>"$T_ERR" &&
			{ test "$now" = "$before" || test "$now" = "$(git -C repo rev-parse HEAD)"; }; then
			pass "clone $n, killed after $ms ms"
		else
			fail "clone $n, killed after $ms ms" "before $before, now $now"
		fi
	else
		pass "nothing there $n, killed after $ms ms"
	fi
	test $((n % 4)) -ne 0 || ok "the push after kill $n" git -C repo push -q origin main
done
ok 'the last push' git -C repo push -q origin main
rm -rf c
ok 'clone' git clone -q "$U" c
ok 'is whole' tree_is c repo
ok 'content of all of history' git -C c dv fetch --all
ok 'verify' git -C c dv verify --full
ok 'remote check' git -C c dv remote check

# Killed between the first file's temporary name and its own.
must mkdir "$T/early"
: >"$T/early/.tmp-0123456789abcdef"
ok 'a store whose making was cut short is made' git -C repo push -q "dvstore::$T/early" main

done_testing
