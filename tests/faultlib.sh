# shellcheck shell=sh
# For tests that make a call which writes to disk fail, or be the last one of its process: read
# after lib.sh. See tests/fault/failnth.c. Set FAULT_PROGRAMS or FAULT_UNLINK before a call.

lib=$DV_BUILD_DIR/tests/fault/failnth.so
test -f "$lib" || {
	skip 1 'tests/fault/failnth.so is not built'
	done_testing
}
DV_FAIL_COUNT=$T/count
DV_FAIL_LOG=$T/failed
export DV_FAIL_COUNT DV_FAIL_LOG

FAULT_PROGRAMS=git-dv:git-dv-filter
FAULT_UNLINK=

counted() {
	od -An -tu8 "$DV_FAIL_COUNT" | tr -d ' '
}

# faulty N HOW CMD...: run it with the N-th call failing; exit code in $F_RC, and what failed in
# $F_WHAT.
faulty() {
	printf '\0\0\0\0\0\0\0\0' >"$DV_FAIL_COUNT"
	rm -f "$DV_FAIL_LOG"
	DV_FAIL_AT=$1
	DV_FAIL_HOW=$2
	shift 2
	(
		DV_FAIL_NAME=$FAULT_PROGRAMS
		LD_PRELOAD=$lib
		export DV_FAIL_NAME DV_FAIL_AT DV_FAIL_HOW LD_PRELOAD
		test -z "$FAULT_UNLINK" || export DV_FAIL_UNLINK=1
		"$@"
	) >"$T_OUT" 2>"$T_ERR" </dev/null
	F_RC=$?
	# shellcheck disable=SC2034 # for its caller
	F_WHAT=$(cat "$DV_FAIL_LOG" 2>/dev/null)
}

# fault_reaches CMD...: skip the rest where LD_PRELOAD does not reach the programs, as beside a
# sanitizer that wants to be first.
fault_reaches() {
	faulty 0 error "$@"
	if test "$F_RC" -ne 0 || test "$(counted)" -eq 0; then
		skip 1 'LD_PRELOAD does not reach the programs'
		done_testing
	fi
}
