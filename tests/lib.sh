# shellcheck shell=sh
# Functions for the integration tests.
#
# A test file is a POSIX shell script that reads this file first, prints TAP through the
# functions below, and ends with done_testing. It starts in an empty directory $T, which is
# removed at its end, with a HOME of its own. The programs under test are those in
# $DV_BUILD_DIR (default: the current directory). DV_KEEP=1 keeps $T and names it.

LIB_DIR=$(cd "$(dirname "$0")/.." && pwd -P) || exit 1
DV_BUILD_DIR=$(cd "${DV_BUILD_DIR:-.}" && pwd -P) || exit 1
for p in git-dv git-dv-filter; do
	if ! test -x "$DV_BUILD_DIR/$p"; then
		echo "Bail out! $p is not built in $DV_BUILD_DIR"
		exit 1
	fi
done

# Nothing of the caller's Git may reach a test.
for v in $(env | sed -n 's/^\(GIT_[A-Z0-9_]*\)=.*/\1/p') XDG_CONFIG_HOME XDG_CACHE_HOME CDPATH; do
	unset "$v"
done
T=$(mktemp -d "${TMPDIR:-/tmp}/dv-test.XXXXXX") && T=$(cd "$T" && pwd -P) || exit 1
HOME=$T/home
PATH=$DV_BUILD_DIR:$PATH
LC_ALL=C
TZ=UTC
GIT_CONFIG_NOSYSTEM=1
GIT_TERMINAL_PROMPT=0
GIT_EDITOR=true
GIT_MERGE_AUTOEDIT=no
GIT_CEILING_DIRECTORIES=${T%/*}
export T HOME PATH LC_ALL TZ GIT_CONFIG_NOSYSTEM GIT_TERMINAL_PROMPT GIT_EDITOR \
	GIT_MERGE_AUTOEDIT GIT_CEILING_DIRECTORIES LIB_DIR DV_BUILD_DIR

T_COUNT=0
T_FAILED=0
T_PID=
T_MOUNTS=
T_OUT=$HOME/.out
T_ERR=$HOME/.err
T_RC=0

lib_cleanup() {
	lib_rc=$?
	trap - EXIT HUP INT TERM
	cd /
	if test -n "$T_PID"; then
		kill -KILL "-$T_PID" 2>/dev/null
	fi
	for m in $T_MOUNTS; do
		umount "$m" 2>/dev/null || umount -l "$m"
	done
	if test -n "${DV_KEEP-}"; then
		echo "# kept $T"
	else
		chmod -R u+rwx "$T" 2>/dev/null
		rm -rf "$T"
	fi
	exit "$lib_rc"
}
trap lib_cleanup EXIT
trap 'exit 130' HUP INT TERM

mkdir "$HOME"
cat >"$HOME/.gitconfig" <<-\END
	[user]
		name = A U Thor
		email = author@example.com
	[init]
		defaultBranch = main
	[protocol "file"]
		allow = always
	[gc]
		auto = 0
	[advice]
		detachedHead = false
		addEmbeddedRepo = false
END
cd "$T" || exit 1

# --- TAP ---

diag() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

pass() {
	T_COUNT=$((T_COUNT + 1))
	echo "ok $T_COUNT - $1"
}

# fail DESC [WHY...]: a failed test, with what the last command printed.
fail() {
	T_COUNT=$((T_COUNT + 1))
	T_FAILED=$((T_FAILED + 1))
	echo "not ok $T_COUNT - $1"
	shift
	test $# -eq 0 || diag "$@"
	cat "$T_OUT" "$T_ERR" 2>/dev/null | tail -n 15 | cut -c1-300 | sed 's/^/#   /'
}

lib_run() {
	"$@" >"$T_OUT" 2>"$T_ERR" </dev/null
	T_RC=$?
}

# ok DESC CMD...: the command succeeds. Its output is in $T_OUT and $T_ERR, for says.
ok() {
	lib_desc=$1
	shift
	lib_run "$@"
	if test "$T_RC" -eq 0; then
		pass "$lib_desc"
	else
		fail "$lib_desc" "exit code $T_RC: $*"
	fi
}

# fails DESC CMD...: the command ends with an exit code of 1 to 128: neither a success, nor a
# usage error, nor a signal.
fails() {
	lib_desc=$1
	shift
	lib_run "$@"
	if test "$T_RC" -ge 1 && test "$T_RC" -le 128 &&
		test "$T_RC" -ne 126 && test "$T_RC" -ne 127; then
		pass "$lib_desc"
	else
		fail "$lib_desc" "exit code $T_RC, expected a failure: $*"
	fi
}

# code N DESC CMD...: the command ends with exit code N.
code() {
	lib_want=$1
	lib_desc=$2
	shift 2
	lib_run "$@"
	if test "$T_RC" -eq "$lib_want"; then
		pass "$lib_desc"
	else
		fail "$lib_desc" "exit code $T_RC, expected $lib_want: $*"
	fi
}

# says DESC TEXT: the last ok, fails, code or run printed TEXT, on either stream.
says() {
	if cat "$T_OUT" "$T_ERR" | grep -aqF -e "$2"; then
		pass "$1"
	else
		fail "$1" "not said: $2"
	fi
}

# says_not DESC TEXT
says_not() {
	if cat "$T_OUT" "$T_ERR" | grep -aqF -e "$2"; then
		fail "$1" "said: $2"
	else
		pass "$1"
	fi
}

# says_json DESC: the last command printed one JSON value and nothing else.
says_json() {
	if perl -MJSON::PP -e 'local $/; decode_json(<STDIN>)' <"$T_OUT" 2>>"$T_ERR"; then
		pass "$1"
	else
		fail "$1"
	fi
}

# is DESC GOT WANT
is() {
	if test "$2" = "$3"; then
		pass "$1"
	else
		: >"$T_OUT"
		: >"$T_ERR"
		fail "$1" "got:  $2
want: $3"
	fi
}

# isnt DESC GOT UNWANTED
isnt() {
	if test "$2" != "$3"; then
		pass "$1"
	else
		: >"$T_OUT"
		: >"$T_ERR"
		fail "$1" "got what it must not be: $2"
	fi
}

# not CMD...: for use behind ok.
not() {
	! "$@"
}

# must CMD...: a step without which the rest makes no sense.
must() {
	lib_run "$@"
	if test "$T_RC" -ne 0; then
		fail "preparation: $*" "exit code $T_RC"
		echo "1..$T_COUNT"
		exit 1
	fi
}

# run CMD...: output for says, exit code in $T_RC, no test.
run() {
	lib_run "$@"
	return 0
}

# skip N REASON: N tests that cannot run here.
skip() {
	lib_n=$1
	while test "$lib_n" -gt 0; do
		T_COUNT=$((T_COUNT + 1))
		lib_n=$((lib_n - 1))
		echo "ok $T_COUNT # SKIP $2"
	done
}

# skip_all REASON: nothing of this file can run here.
skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

done_testing() {
	echo "1..$T_COUNT"
	test "$T_FAILED" -eq 0 || exit 1
	exit 0
}

# --- data ---

# make_noise FILE BYTES SEED: incompressible, the same every time.
make_noise() {
	if command -v openssl >/dev/null 2>&1; then
		head -c "$2" /dev/zero |
			openssl enc -aes-128-ctr -nosalt -K "$(printf '%032x' "$3")" \
				-iv 00000000000000000000000000000000 >"$1"
	else
		perl -e 'my ($n, $s) = @ARGV; $s = $s * 2654435761 + 88172645 & 0xffffffff;
			binmode STDOUT; my $b = "";
			while (length $b < $n) {
				$s ^= $s << 13 & 0xffffffff; $s ^= $s >> 17;
				$s ^= $s << 5 & 0xffffffff; $b .= pack "L", $s }
			print substr $b, 0, $n' "$2" "$3" >"$1"
	fi
}

# make_json FILE ROWS SEED: one object a line, about 100 bytes each.
make_json() {
	awk -v n="$2" -v s="$3" 'BEGIN {
		for (i = 0; i < n; i++) {
			s = (s * 69069 + 12345) % 4294967296; a = s
			s = (s * 69069 + 12345) % 4294967296
			printf "{\"id\": %d, \"name\": \"station %d\", ", i, a % 9973
			printf "\"value\": %.4f, \"note\": \"row of a table\"}\n", s / 65536
		} }' >"$1"
}

# patch_file FILE OFFSET TEXT: overwrite in place, size unchanged.
patch_file() {
	printf '%s' "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

file_size() {
	wc -c <"$1" | tr -d ' '
}

# bytes_in DIR: the sum of the sizes of all files.
bytes_in() {
	find "$1" -type f -exec wc -c {} + | awk '$2 != "total" { n += $1 } END { print n + 0 }'
}

sha256() {
	if command -v sha256sum >/dev/null 2>&1; then
		sha256sum "$@"
	else
		shasum -a 256 "$@"
	fi
}

# tree_list DIR: a line a file with its SHA-256, without .git.
tree_list() (
	cd "$1" || exit 1
	find . -name .git -prune -o -type f -print0 | LC_ALL=C sort -z |
		if command -v sha256sum >/dev/null 2>&1; then
			xargs -0 sha256sum --
		else
			xargs -0 shasum -a 256 --
		fi
)

# same_tree A B: the same files with the same content, and at least one.
same_tree() {
	tree_list "$1" >"$HOME/.a" && tree_list "$2" >"$HOME/.b" || return 1
	if ! test -s "$HOME/.a"; then
		echo "no files in $1"
		return 1
	fi
	cmp -s "$HOME/.a" "$HOME/.b" && return 0
	echo "$1 and $2 differ:"
	diff "$HOME/.a" "$HOME/.b"
	return 1
}

# snapshot REPO DIR: what the worktree holds now, as plain files, to compare with later.
snapshot() {
	mkdir -p "$2" && (cd "$1" && tar -cf - --exclude=.git .) | (cd "$2" && tar -xf -)
}

is_pointer() {
	test "$(head -c 16 <"$1" 2>/dev/null | tr -d '\0')" = 'version git-dv/1' &&
		test "$(file_size "$1")" -le 200
}

# blob_is_pointer REV:PATH (":PATH" for the index), in the current repository.
blob_is_pointer() {
	git cat-file blob "$1" >"$HOME/.blob" && is_pointer "$HOME/.blob"
}

# pointers_in DIR: names every file of the worktree that is a pointer.
pointers_in() {
	find "$1" -name .git -prune -o -type f -size -2 -exec \
		grep -lx 'version git-dv/1' {} + 2>/dev/null
}

no_pointers() {
	lib_found=$(pointers_in "$1")
	test -z "$lib_found" && return 0
	echo "left as pointer: $lib_found"
	return 1
}

status_clean() {
	git -C "${1:-.}" status --porcelain >"$HOME/.status" || return 1
	test -s "$HOME/.status" || return 0
	echo "git status says:"
	cat "$HOME/.status"
	return 1
}

# tree_is REPO DIR: the worktree has the content of the snapshot, no pointer, a clean status.
tree_is() {
	lib_bad=0
	no_pointers "$1" || lib_bad=1
	same_tree "$1" "$2" || lib_bad=1
	status_clean "$1" || lib_bad=1
	if test -e "$(git -C "$1" rev-parse --absolute-git-dir)/index.lock"; then
		echo "index.lock was left behind"
		lib_bad=1
	fi
	return "$lib_bad"
}

# unlock [REPO]...: the locks that Git leaves behind where it is killed go away, as it tells its
# user. A push to a path has locks on the other side too.
unlock() {
	test $# -gt 0 || set -- .
	for lib_r; do
		lib_r=$(git -C "$lib_r" rev-parse --absolute-git-dir) || return
		find "$lib_r" -name dv -prune -o -name '*.lock' -exec rm -f {} +
	done
}

# runs_filter CMD...: whether Git starts the filter to do this.
runs_filter() {
	rm -f "$HOME/.trace"
	GIT_TRACE=$HOME/.trace "$@" >/dev/null 2>&1
	grep -q 'git-dv-filter' "$HOME/.trace"
}

# --- repositories ---

# new_repo NAME [GIT-INIT-OPTION...]: initialised, *.bin and *.json tracked, one commit.
new_repo() {
	lib_repo=$1
	shift
	must git init -q "$@" "$lib_repo"
	must git -C "$lib_repo" dv init
	must git -C "$lib_repo" dv track '*.bin' '*.json'
	must git -C "$lib_repo" add -A
	must git -C "$lib_repo" commit -q -m 'set up'
}

# publish REPO: a data remote $T/REPO.store and a bare repository $T/REPO.git as origin;
# what stands there by now is pushed.
publish() {
	must git -C "$1" dv remote add store "$T/$1.store"
	if test -n "$(git -C "$1" status --porcelain)"; then
		must git -C "$1" add -A
		must git -C "$1" commit -q -m 'name the store'
	fi
	must git init -q --bare --object-format="$(git -C "$1" rev-parse --show-object-format)" \
		"$T/$1.git"
	must git -C "$1" remote add origin "$T/$1.git"
	must git -C "$1" push -q -u origin HEAD
}

# add_history REPO [PREFIX]: three commits, with snapshots in $T/v1, v2 and s1 ($T/PREFIXv1 ...).
#	v1	big.bin 3 MB, sub/large.bin 2 MB (both are placed), small.json, tiny.bin (inline),
#		plain.txt
#	v2	main: big.bin and small.json edited, new.bin added, plain.txt edited
#	s1	side, from v1: sub/large.bin edited, side.bin added
add_history() {
	mkdir -p "$1/sub"
	make_noise "$1/big.bin" 3000000 1
	make_noise "$1/sub/large.bin" 2000000 2
	make_noise "$1/tiny.bin" 5000 3
	make_json "$1/small.json" 2000 4
	echo one >"$1/plain.txt"
	lib_commit "$1" v1 "${2-}"
	must git -C "$1" checkout -q -b side
	patch_file "$1/sub/large.bin" 1000000 'edited on side'
	make_noise "$1/side.bin" 1500000 5
	lib_commit "$1" s1 "${2-}"
	must git -C "$1" checkout -q main
	patch_file "$1/big.bin" 1500000 'edited on main'
	echo '{"id": -1}' >>"$1/small.json"
	make_noise "$1/new.bin" 1400000 6
	echo two >"$1/plain.txt"
	lib_commit "$1" v2 "${2-}"
}

lib_commit() {
	snapshot "$1" "$T/${3-}$2"
	must git -C "$1" add -A
	must git -C "$1" commit -q -m "$2"
	must git -C "$1" tag "$2"
}

history_repo() {
	new_repo "$1"
	add_history "$@"
}

# published_repo REPO: history_repo with everything on origin and in the store.
published_repo() {
	new_repo "$1"
	publish "$1"
	add_history "$1"
	must git -C "$1" push -q origin main side --tags
}

# at_eof FILE COMMANDS: make FILE a filter process that runs COMMANDS at the moment when Git
# has closed the pipe and the filter has not yet seen it, just before content is placed. Use
# it as git -c filter.dv.process=FILE. (The "true" keeps the shell from closing the pipe early.)
at_eof() {
	printf '#!/bin/sh\n{ cat; (unset GIT_CONFIG_PARAMETERS GIT_CONFIG_COUNT\n%s\n) >&2; true; } |%s\n' \
		"$2" ' git-dv-filter process' >"$1"
	chmod +x "$1"
}

# --- processes ---

# start CMD...: in the background, in a process group of its own, $T_PID.
start() {
	perl -e 'setpgrp(0, 0); $SIG{$_} = "DEFAULT" for "INT", "QUIT"; exec @ARGV; exit 127' -- "$@" >"$T_OUT" 2>"$T_ERR" </dev/null &
	T_PID=$!
	lib_n=0
	while ! kill -0 "-$T_PID" 2>/dev/null && kill -0 "$T_PID" 2>/dev/null &&
		test "$lib_n" -lt 500; do
		sleep 0.01
		lib_n=$((lib_n + 1))
	done
}

# stop SIGNAL: send it to the group that start made and wait for the end of all of it.
stop() {
	kill "-$1" "-$T_PID" 2>/dev/null
	finish
}

# Whether the group has a member that is more than a zombie.
lib_group_lives() {
	ps -A -o pgid= -o stat= 2>/dev/null |
		awk -v g="$T_PID" '$1 == g && $2 !~ /^Z/ { yes = 1 } END { exit !yes }'
}

# finish: wait for what start began; exit code in $T_RC.
finish() {
	{ wait "$T_PID"; } 2>/dev/null
	T_RC=$?
	lib_n=0
	while lib_group_lives && test "$lib_n" -lt 300; do
		sleep 0.01
		lib_n=$((lib_n + 1))
	done
	T_PID=
}

# seen COMMAND...: it succeeds within two minutes, or $T_PATIENCE tenths of a second; nothing may
# depend on how long it takes.
seen() {
	lib_n=0
	until "$@" >/dev/null 2>&1; do
		lib_n=$((lib_n + 1))
		test "$lib_n" -lt "${T_PATIENCE:-1200}" || return 1
		sleep 0.1
	done
}

# free_port: prints a TCP port that nobody listens on at the moment.
free_port() {
	perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1,
		LocalAddr => "127.0.0.1", LocalPort => 0)->sockport'
}

# start_server FUNCTION CMD...: start CMD after FUNCTION has configured it for $PORT of
# 127.0.0.1, and wait until it answers there; 1 if it does not.
start_server() {
	lib_config=$1
	shift
	lib_tries=0
	while test "$lib_tries" -lt 5; do
		lib_tries=$((lib_tries + 1))
		PORT=$(free_port) && "$lib_config" || return 1
		start "$@"
		lib_n=0
		while kill -0 "$T_PID" 2>/dev/null && test "$lib_n" -lt 600; do
			perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(
				PeerAddr => "127.0.0.1", PeerPort => $ARGV[0])' "$PORT" && return 0
			sleep 0.1
			lib_n=$((lib_n + 1))
		done
		# Somebody else may have taken the port.
		stop KILL
	done
	return 1
}

# --- what the machine can do ---

# small_disk DIR SIZE: a file system of that size, or 1.
small_disk() {
	mkdir -p "$1" && set -- "$(cd "$1" && pwd -P)" "$2"
	test "$(id -u)" = 0 && mount -t tmpfs -o "size=$2" none "$1" 2>/dev/null || return 1
	T_MOUNTS="$1 $T_MOUNTS"
}

# read_only DIR: forbid all writing below it, or 1. read_write DIR undoes it.
read_only() {
	set -- "$(cd "$1" && pwd -P)"
	if test "$(id -u)" != 0; then
		chmod -R a-w "$1"
		return
	fi
	mount --bind "$1" "$1" 2>/dev/null || return 1
	T_MOUNTS="$1 $T_MOUNTS"
	mount -o remount,bind,ro "$1" 2>/dev/null
}

read_write() {
	set -- "$(cd "$1" && pwd -P)"
	if test "$(id -u)" != 0; then
		chmod -R u+w "$1"
		return
	fi
	umount "$1"
	lib_left=
	for m in $T_MOUNTS; do
		test "$m" = "$1" || lib_left="$lib_left $m"
	done
	T_MOUNTS=$lib_left
}

# git_at_least VERSION
git_at_least() {
	printf '%s\n%s\n' "$1" "$(git version | sed 's/^git version \([0-9.]*[0-9]\).*/\1/')" |
		sort -c -t. -k1,1n -k2,2n -k3,3n 2>/dev/null
}
