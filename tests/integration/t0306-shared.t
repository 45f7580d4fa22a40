#!/bin/sh
# Folders that several users write to: what git-dv makes in them is theirs, too.
. "$(dirname "$0")/../lib.sh"

# modes DIR: the permissions of what is below, each once.
modes() {
	find "$1" -mindepth 1 -printf '%y%m\n' | sort -u | tr '\n' ' '
}

init_shared() {
	must git init -q --shared="$1" "$2"
	(
		cd "$2" || exit 1
		git dv init && git dv track '*.bin' && make_noise a.bin 300000 1 &&
			git add -A && git commit -q -m one
	) >"$T_OUT" 2>&1 || fail "preparation: $2"
}

umask 077
init_shared group group
is 'a new dv/ has the permissions that core.sharedRepository names' \
	"$(stat -c %a group/.git/dv)" "$(stat -c %a group/.git/objects)"
is 'and so has all that is made in it' "$(modes group/.git/dv)" 'd2770 f440 f660 '
is 'the hooks run for the group' "$(stat -c %a group/.git/hooks/pre-push)" 770

init_shared all all
is 'all: for everybody' "$(modes all/.git/dv)" 'd2775 f444 f664 '
init_shared 0640 0640
is '0640: to read alone' "$(modes 0640/.git/dv)" 'd2750 f440 f640 '

new_repo later
must rm -rf later/.git/dv
must git -C later config core.sharedRepository true
must git -C later dv init
is 'set later, for a dv/ that is made later' "$(modes later/.git/dv)" 'd2770 f440 f660 '

new_repo own
is 'elsewhere the umask decides' "$(modes own/.git/dv)" 'd700 f400 f600 '
chmod 755 own/.git own/.git/dv
make_noise own/a.bin 300000 2
must git -C own add a.bin
is 'also where others may read' \
	"$(find own/.git/dv/packs -type f -printf %m)" 400

umask 022
mkdir store
chmod 2775 store
new_repo user
must git -C user config dv.store "$T/store"
must git -C user dv init
make_noise user/a.bin 300000 3
must git -C user add a.bin
must git -C user dv gc
is 'a store elsewhere: its own permissions decide' "$(modes store)" 'd2775 f444 f664 '

# --- two users ---

# as UID CMD...: with group 54300.
as() {
	lib_uid=$1
	shift
	setpriv --reuid="$lib_uid" --regid="$lib_uid" --groups=54300 "$@"
}

chmod 711 "$T"
chmod -R a+rX "$HOME"
mkdir -p one two shared
if test "$(id -u)" != 0 || ! as 54301 test -x "$DV_BUILD_DIR/git-dv" 2>/dev/null; then
	skip 9 'needs two users: root, and a build that others may run'
	done_testing
fi
chown 54301 one
chown 54302 two
chown 54301:54300 shared
chmod 2770 shared
must git config --global safe.directory '*'

cat >work.sh <<'EOS'
set -e
cd "$1"
umask "$2"
head -c 400000 /dev/urandom >"$3.bin"
git add -A
git commit -q -m "$3"
EOS
cat >setup.sh <<'EOS'
set -e
umask 077
git init -q --shared=group "$1"
cd "$1"
git dv init
git dv track '*.bin'
chmod 660 .dvconfig .gitattributes
EOS
must as 54301 sh setup.sh shared
must as 54301 sh work.sh shared 007 first
ok 'another user sees a clean status' as 54302 git -C shared status --porcelain
says_not 'and no error' 'ermission'
is 'and nothing in it' "$(cat "$T_OUT")" ''
ok 'adds content' as 54302 sh work.sh shared 007 second
ok 'which the first one verifies' as 54301 git -C shared dv verify --full
ok 'and collects' as 54301 git -C shared dv gc

# A store between two repositories.
mkdir both
chown 54301:54300 both
chmod 2770 both
for u in one two; do
	uid=54301
	test "$u" = one || uid=54302
	must as "$uid" git init -q "$u/repo"
	must as "$uid" git -C "$u/repo" config dv.store "$T/both"
	must as "$uid" git -C "$u/repo" dv init
	must as "$uid" git -C "$u/repo" dv track '*.bin'
	i=0
	while test "$i" -lt 10; do
		i=$((i + 1))
		must as "$uid" sh work.sh "$u/repo" 022 "$i"
	done
done
must as 54301 sh -c 'cd one/repo && head -c 3000000 /dev/urandom >placed.bin &&
	git add placed.bin && git commit -qm placed && rm placed.bin'
ok 'a checkout' as 54301 git -C one/repo checkout -q -- placed.bin
is "gives a file the worktree's group" "$(stat -c %g one/repo/placed.bin)" 54301
ok 'a store of two users: the first one verifies' as 54301 git -C one/repo dv verify --full
ok 'and collects' as 54301 git -C one/repo dv gc
ok 'and the second one, too' as 54302 git -C two/repo dv verify --full
done_testing
