#!/bin/sh
# Workflow 38: kill -9 and Ctrl-C in the middle of checkout and placement. Pointers may stay,
# and the next command puts that right.
. "$(dirname "$0")/../lib.sh"

history_repo repo
cd repo || exit 1

make_noise killed.bin 24000000 110
must git add killed.bin
must git commit -qm 'with the large file'
must git tag killed
snapshot . ../killed

# Checkout and placement.
ok 'back to the large file' git checkout -q -f killed
ok 'whole' tree_is . ../killed
for when in 0 0.01 0.02 0.04 0.08; do
	must git checkout -q -f v1
	start git checkout -q killed
	sleep "$when"
	stop KILL
	unlock
	ok "checkout -f after kill -9 at $when s" git checkout -q -f killed
	run git dv checkout
	ok 'has the content' tree_is . ../killed
done
for when in 0.01 0.03 0.06; do
	must git checkout -q -f v1
	start git checkout -q killed
	sleep "$when"
	stop INT
	unlock
	ok "checkout -f after Ctrl-C at $when s" git checkout -q -f killed
	run git dv checkout
	ok 'has the content' tree_is . ../killed
done
ok 'nothing temporary stays in the worktree' sh -c 'test -z "$(git status --porcelain --ignored)"'

# The filter dies just before it places: pointers may stay, and dv checkout mends that.
must git checkout -q -f v1
cat >../dies <<-\END
	#!/bin/sh
	mkfifo "$T/fifo.$$"
	git-dv-filter process <"$T/fifo.$$" & p=$!
	{ cat; kill -9 $p; } >"$T/fifo.$$"
END
chmod +x ../dies
run git -c filter.dv.process="$T/dies" checkout -q killed
unlock
ok 'status does not call a pointer modified' status_clean
ok 'dv checkout' git dv checkout
ok 'places what was left' tree_is . ../killed
ok 'nothing was lost' git dv verify --full

done_testing
