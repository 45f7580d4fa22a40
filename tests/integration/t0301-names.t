#!/bin/sh
# Workflow 39: odd names, empty files, sizes at every border, the executable bit.
. "$(dirname "$0")/../lib.sh"

must git dv install
new_repo repo
publish repo
cd repo || exit 1
nl='a
b'
i=0
odd() {
	i=$((i + 1))
	case "$1" in */*) mkdir -p "./${1%/*}" ;; esac
	make_noise "./$1.bin" $((1100000 + i)) "$i"
	make_noise "./$1-small.bin" $((2000 + i)) "$i"
}
odd 'two words'
odd ' leading and trailing '
odd "$(printf '\303\244\303\266\303\274 \346\225\260\346\215\256')"
odd "$nl"
odd '-leading-dash'
odd '--all'
odd '*?[x]'
odd 'quote"s'\''and\back'
odd '$HOME `id` $(id)'
odd '%s%n'
odd '#comment'
odd '!bang'
odd ':(top)magic'
odd "$(printf 'tab\there')"
odd "$(printf 'control\001\033[31m')"
odd '.hidden'
odd 'd ir/sub dir/x'
odd "$(awk 'BEGIN { for (i = 0; i < 120; i++) printf "x" }')/$(awk 'BEGIN { for (i = 0; i < 120; i++) printf "y" }')"
if : 2>/dev/null >"$(printf 'raw\377\376')" && test -e "$(printf 'raw\377\376')"; then
	rm -f "$(printf 'raw\377\376')"
	odd "$(printf 'raw\377\376byte')"
fi
snapshot . ../names
ok 'add' git add -A
ok 'all are pointers' sh -c 'test "$(git ls-files -z -s -- "*.bin" | tr "\0\n" "\n." |
	cut -d" " -f2 | git cat-file --batch | grep -acx "version git-dv/1")" -eq '$((2 * i))
ok 'commit' git commit -qm names
ok 'clean' status_clean
ok 'dv status' git dv status
ok 'dv status -z' git dv status --porcelain=v1 -z
ok 'dv status --json' git dv status --json
says_json 'is JSON'
ok 'dv ls-files' git dv ls-files
ok 'dv ls-files -z' git dv ls-files -z

# Lines are quoted as Git quotes them; nothing sends escape sequences to a terminal.
git ls-files '*.bin' >../git.names
git dv ls-files >../dv.names
ok 'ls-files quotes as git does' cmp ../git.names ../dv.names
git -c core.quotePath=false ls-files '*.bin' >../git.names
git -c core.quotePath=false dv ls-files >../dv.names
ok 'and as core.quotePath says' cmp ../git.names ../dv.names
git ls-files -z '*.bin' >../git.names
git dv ls-files -z >../dv.names
ok 'and not with -z' cmp ../git.names ../dv.names
calm() {
	"$@" >../out 2>&1
	LC_ALL=C tr -d '\011\012\040-\176\200-\377' <../out >../rest
	test -s ../out && test ! -s ../rest
}
esc=$(printf 'control\001\033[31m.bin')
ok 'nor does status show control characters' calm git dv status
ok 'nor porcelain' calm git dv status --porcelain
is 'each path is one line' "$(git dv status --porcelain | grep -c '^P')" "$(git ls-files -z '*.bin' | tr -dc '\000' | wc -c | tr -d ' ')"
ok 'nor does ls-files -l' calm git dv ls-files -l
ok 'nor du' calm git dv du
ok 'nor a dry run' calm git dv add -n -- "$esc"
ok 'nor an error' calm git dv cat "$esc.none"
ok 'nor track' calm git dv track -n "$esc"
ok 'nor fetch' calm git dv fetch -n -- "$esc.none"
ok 'push' git push -q origin main
ok 'clone' git clone -q ../repo.git ../clone
ok 'has all content' tree_is ../clone ../names
ok 'empty tree and back' sh -c 'git rm -rq . && git commit -qm empty && git checkout -q HEAD~1'
ok 'has all content' tree_is . ../names
must git checkout -q -B main
ok 'dv add of a leading dash' git dv add -- -leading-dash.bin
ok 'dv checkout of a leading dash' sh -c 'GIT_DV_SKIP_SMUDGE=1 git checkout-index -f -- -leading-dash.bin;
	git dv checkout -- -leading-dash.bin && cmp ./-leading-dash.bin ../names/-leading-dash.bin'
ok 'dv cat of it' sh -c 'git dv cat -- -leading-dash.bin | cmp - ./-leading-dash.bin'
ok 'dv pointer of a newline' sh -c 'git dv pointer "$1" >../p && git cat-file blob ":$1" | cmp - ../p' - "$nl.bin"
ok 'dv cat of a newline' sh -c 'git dv cat "$1" | cmp - "$1"' - "$nl.bin"
must git reset -q --hard
ok 'verify --full' git dv verify --full

# Sizes at the borders of chunks, pointers, placement.
mkdir sizes
for s in 0 1 99 100 101 1023 1024 1025 32767 32768 32769 65535 65536 262143 262144 262145 524288 \
	1048575 1048576 1048577 2097152; do
	make_noise "sizes/$s.bin" "$s" "$s"
	head -c "$s" /dev/zero >"sizes/zero-$s.bin"
done
chmod +x sizes/1024.bin sizes/1048577.bin
rm -rf ../names
snapshot . ../names
must git add -A
must git commit -qm sizes
is 'an empty file is the empty blob' "$(git cat-file -s HEAD:sizes/0.bin)" 0
is 'a single byte is a pointer' "$(git cat-file blob HEAD:sizes/1.bin | sed -n 3p)" 'size 1'
is 'one chunk has its SHA-256 as oid' "$(git cat-file blob HEAD:sizes/zero-262144.bin | sed -n 's/^oid //p')" \
	"sha256:$(sha256 <sizes/zero-262144.bin | cut -d' ' -f1)"
is 'one byte more has the documented dv1' "$(git cat-file blob HEAD:sizes/zero-262145.bin | sed -n 's/^oid //p')" \
	dv1:846743c374a140baf6e9b4274893c0624940adcae294b52fad1b7ef84a6e89a3
must git rm -rq sizes
must git commit -qm away
ok 'and back' git reset -q --hard HEAD~1
ok 'all sizes' tree_is . ../names
ok 'the executable bits' test -x sizes/1024.bin -a -x sizes/1048577.bin -a ! -x sizes/1025.bin
ok 'push' git push -q -f origin main
rm -rf ../clone
ok 'clone' git clone -q ../repo.git ../clone
ok 'all sizes' tree_is ../clone ../names
ok 'the executable bits' test -x ../clone/sizes/1024.bin -a -x ../clone/sizes/1048577.bin

# umask, and text that resembles a pointer.
ok 'umask holds for placed files' sh -c '(umask 077 && git clone -q ../repo.git ../private) &&
	test "$(ls -l ../private/sizes/1048577.bin | cut -c1-10)" = -rwx------ &&
	test "$(ls -l ../private/sizes/2097152.bin | cut -c1-10)" = -rw-------'
for text in 'version git-dv/1' 'version git-dv/1\noid sha256:00\nsize 5' 'version git-dv/1\n\n\n'; do
	printf %b "$text" >like.bin
	fails 'text that begins like a pointer is one that is damaged' git add like.bin
	says 'and named' "'like.bin' is a pointer that was written to"
done
for text in 'oid sha256:00\nversion git-dv/1\n' 'version git-dv' 'version git-dv-1\noid sha256:00\nsize 5\n'; do
	printf %b "$text" >like.bin
	cp like.bin ../like
	must git add like.bin
	ok 'other text is data' not sh -c 'git cat-file blob :like.bin | cmp -s - ../like'
	rm like.bin
	ok 'and comes back' sh -c 'git checkout -q -- like.bin && cmp like.bin ../like'
done
for text in 'version git-dv/2\noid x:1\nsize 5\n' \
	'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n'; do
	printf %b "$text" >like.bin
	cp like.bin ../like
	ok 'a pointer of another version or kind can be added' git add like.bin
	ok 'and passes unchanged' sh -c 'git cat-file blob :like.bin | cmp - ../like'
	rm like.bin
	ok 'both ways' sh -c 'git checkout -q -- like.bin && cmp like.bin ../like'
done

# A repository whose path has a newline is itself, and not the one up to there.
cd "$T" || exit 1
nl=$(printf 'line\nbreak')
new_repo line
(cd line && find .git -type f | LC_ALL=C sort | xargs cksum) >line.before
new_repo "$nl"
cd "$nl" || exit 1
must git dv remote add store ../nl.store
make_noise n.bin 300000 1
must git add .
must git commit -qm n
must git init -q --bare ../nl.git
ok 'push where a path has a newline' git push -q ../nl.git main
ok 'brings the content' test "$(bytes_in ../nl.store)" -gt 290000
ok 'gc' git dv gc
must git worktree add -q -b side "../tree-$nl"
cd "../tree-$nl" || exit 1
ok 'a worktree of it' cmp n.bin "../$nl/n.bin"
run git dv env
says 'has its own' "git-common-dir=$T/$nl/.git"
make_noise m.bin 300000 2
must git add .
ok 'a commit there' git commit -qm m
ok 'verify' git dv verify
(cd "$T/line" && find .git -type f | LC_ALL=C sort | xargs cksum) >../line.after
ok 'the other repository is as it was' cmp ../line.before ../line.after

done_testing
