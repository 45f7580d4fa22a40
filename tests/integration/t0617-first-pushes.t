#!/bin/sh
# First pushes at once to an absent place.
. "$(dirname "$0")/../lib.sh"

command -v strace >/dev/null 2>&1 &&
	strace -f -o /dev/null -e inject=getdents64:delay_enter=1 true 2>/dev/null ||
	skip_all 'strace does not work here'
must git dv install
for r in a b; do
	must git init -q $r
	must git -C $r commit -q --allow-empty -m $r
done
# a has looked for a store, and looks for other things when b has made one.
start strace -f -o trace -e trace=getdents64,openat -e inject=getdents64:delay_enter=1000000 \
	git -C a push -q "dvstore::$T/h" main:a
n=0
while ! grep -qF "\"$T/h/.\"" trace 2>/dev/null && test "$n" -lt 600; do
	sleep 0.05
	n=$((n + 1))
done
ok 'one' git -C b push -q "dvstore::$T/h" main:b
finish
is 'and the other' "$T_RC" 0
is 'both are there' "$(git ls-remote --heads "dvstore::$T/h" | cut -f1)" \
	"$(git -C a rev-parse main)
$(git -C b rev-parse main)"

done_testing
