#!/bin/sh
# Workflow 40: git status during placement, foreign ownership, settings by -c and environment,
# odd places for the git dir, a filter that is not in PATH.
. "$(dirname "$0")/../lib.sh"

history_repo repo
cd repo || exit 1

# git status while content is placed.
touch ../go
(while test -e ../go; do git status >/dev/null 2>&1; done) &
loop=$!
for v in v1 s1 v2 v1 v2; do
	run git checkout -q "$v"
	n=0
	while test "$T_RC" -ne 0 && test "$n" -lt 20; do
		# The index was locked by the status of that moment, as with any two of Git's commands.
		n=$((n + 1))
		run git checkout -q "$v"
	done
	is "checkout $v beside a loop of git status" "$T_RC" 0
	ok 'content' same_tree . "../$v"
done
rm ../go
wait "$loop"
ok 'clean at the end' tree_is . ../v2
run git checkout -q main

# Settings from -c and the environment.
ok 'dv.store by -c' sh -c 'cp big.bin c.bin && printf c >>c.bin && git -c dv.store="$T/other-store" add c.bin'
ok 'is obeyed' test "$(bytes_in ../other-store)" -gt 10000
fails 'so the content is not in the usual one' git dv cat c.bin
ok 'and is in the other' sh -c 'git -c dv.store="$T/other-store" dv cat c.bin | cmp - c.bin'
ok 'dv.store by GIT_CONFIG_COUNT' sh -c 'GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=dv.store \
	GIT_CONFIG_VALUE_0="$T/other-store" git dv cat c.bin | cmp - c.bin'
must git rm -q --cached c.bin
rm c.bin
ok 'the filter switched off by -c' sh -c 'git -c core.hooksPath=/dev/null -c filter.dv.process= -c filter.dv.clean= -c filter.dv.smudge= \
	-c filter.dv.required=false checkout -q -f v1 && head -n 1 big.bin | grep -qx "version git-dv/1"'
ok 'dv checkout puts that right' sh -c 'git dv checkout; git checkout -q -f v1'
ok 'content' tree_is . ../v1

# GIT_DIR, GIT_WORK_TREE, -C, --git-dir: relative and absolute.
cd .. || exit 1
ok '-C' git -C repo checkout -q v2
ok 'content' tree_is repo v2
ok '--git-dir and --work-tree' git --git-dir=repo/.git --work-tree=repo checkout -q -f v1
ok 'content' tree_is repo v1
ok 'GIT_DIR and GIT_WORK_TREE' env GIT_DIR="$T/repo/.git" GIT_WORK_TREE="$T/repo" git checkout -q v2
ok 'content' tree_is repo v2
cd repo/sub || exit 1
ok 'relative GIT_DIR from a sub-directory' env GIT_DIR=../.git GIT_WORK_TREE=.. git checkout -q v1
cd ../.. || exit 1
ok 'content' tree_is repo v1
ok 'dv status with GIT_DIR' env GIT_DIR="$T/repo/.git" GIT_WORK_TREE="$T/repo" git dv status
ok 'dv status from a sub-directory' git -C repo/sub dv status
make_noise repo/sub/rel.bin 20000 9
cd repo/sub || exit 1
ok 'dv add with a relative GIT_DIR from there' env GIT_DIR=../.git GIT_WORK_TREE=.. git dv add rel.bin
ok 'stages a pointer' blob_is_pointer :sub/rel.bin
ok 'dv version likewise' env GIT_DIR=../.git GIT_WORK_TREE=.. git dv version rel.bin one
ok 'names it' git dv info one
cd ../.. || exit 1
must git -C repo rm -q -f --cached sub/rel.bin
must rm -r repo/sub/rel.bin repo/.dv
ok 'dv status from a sub-directory' git -C repo/sub dv status
ok 'dv cat of a path in a sub-directory' sh -c 'cd repo/sub && git dv cat large.bin | cmp - large.bin'
ok 'dv pointer of a path in a sub-directory' sh -c 'cd repo/sub && git dv pointer large.bin >../../p &&
	git cat-file blob :./large.bin | cmp - ../../p'
must ln -s repo link
ok 'through a link to the repository' git -C link checkout -q v2
ok 'content' tree_is repo v2
must mv repo/.git repo.gitdir
printf 'gitdir: ../repo.gitdir\n' >repo/.git
ok 'a .git file' git -C repo checkout -q v1
ok 'content' tree_is repo v1
ok 'GIT_DIR without a worktree' env GIT_DIR="$T/repo.gitdir" git dv env
rm repo/.git
must mv repo.gitdir repo/.git
ok 'GIT_OBJECT_DIRECTORY and alternates' sh -c 'mkdir obj && cd repo &&
	GIT_OBJECT_DIRECTORY="$T/obj" GIT_ALTERNATE_OBJECT_DIRECTORIES="$PWD/.git/objects" git add -A'

# A path with a space, a quote and UTF-8 everywhere.
odd="$T/a dir's \"$(printf '\303\251')"
mkdir "$odd"
cp -R repo "$odd/repo"
must git init -q --bare "$odd/o.git"
(
	cd "$odd/repo" || exit 1
	must git checkout -q -f main
	must git dv remote add store "$odd/store"
	must git add -A
	must git commit -qm store
	must git remote add origin "$odd/o.git"
)
ok 'push from and to an odd path' git -C "$odd/repo" push -q origin main v1
must git dv install
ok 'clone' git clone -q "$odd/o.git" "$odd/clone"
ok 'content' cmp "$odd/clone/big.bin" v2/big.bin
ok 'no pointer' no_pointers "$odd/clone"
(
	cd "$odd/clone" || exit 1
	must git checkout -q -b x
	patch_file big.bin 3 x
	must git commit -qam x
	must git checkout -q -b y main
	patch_file big.bin 3 y
	must git commit -qam y
)
fails 'a conflict' git -C "$odd/clone" merge -q x
says_not 'finds its merge driver' 'not found'
ok 'no pointer' no_pointers "$odd/clone"
must git dv uninstall

# The git dir on another file system than the worktree.
if small_disk disk 40m; then
	must git init -q --separate-git-dir="$T/disk/g" apart
	(cd apart && must git dv init && must git dv track '*.bin' '*.json')
	must git -C apart fetch -q "$T/repo" main:main2 side:side2 --tags
	must git -C apart config dv.store "$T/repo/.git/dv"
	ok 'git dir on another file system: checkout' git -C apart checkout -q -f v1
	ok 'content' tree_is apart v1
	must git -C apart config --unset dv.store
	must cp -R repo/.git/dv disk/g/dv2
	must git -C apart config dv.store "$T/disk/g/dv2"
	: >apart/.git-dv-tmp-old
	: >apart/.git-dv-tmp-young
	touch -d '2 days ago' apart/.git-dv-tmp-old
	ok 'store on another file system: checkout' git -C apart checkout -q -f v2
	ok 'what a killed one left is gone' test ! -e apart/.git-dv-tmp-old
	ok 'what is young may be in use' test -e apart/.git-dv-tmp-young
	rm apart/.git-dv-tmp-young
	ok 'content' tree_is apart v2
	ok 'nothing temporary is left' sh -c 'test -z "$(git -C apart status --porcelain --ignored)"'
else
	skip 7 'cannot mount a small file system'
fi

# No filter in PATH: an error, never raw content in a commit nor a pointer passed off as content.
cd repo || exit 1
must git checkout -q -f main
bare_path=$(printf %s "$PATH" | sed "s|^$DV_BUILD_DIR:||")
if PATH=$bare_path command -v git-dv-filter >/dev/null 2>&1; then
	skip 6 'git-dv-filter is installed on this machine'
else
	echo changed >>big.bin
	case $(git config filter.dv.process) in
	/*) run false ;;
	*) run env PATH="$bare_path" git add big.bin ;;
	esac
	isnt 'add without a filter fails' "$T_RC" 0
	ok 'nothing raw is staged' blob_is_pointer :big.bin
	must git checkout -q -f main
	case $(git config filter.dv.process) in
	/*) run false ;;
	*) run env PATH="$bare_path" git checkout -q v1 ;;
	esac
	isnt 'checkout without a filter fails' "$T_RC" 0
	ok 'and is put right later' git checkout -q -f v1
	ok 'content' tree_is . ../v1
	must git checkout -q -f main
	must git init -q --bare ../o.git
	echo more >>big.bin
	must git commit -qam more
	fails 'push without git-dv leaves no content behind' env PATH="$bare_path" git push -q ../o.git main
fi
cd .. || exit 1

# A repository that belongs to somebody else: Git's own rule holds for git-dv too.
if test "$(id -u)" = 0; then
	cp -R repo theirs
	chown -R 65534 theirs
	fails 'dv status in a repository of somebody else' git -C theirs dv status
	says 'gives the reason that Git gives' 'dubious ownership'
	fails 'dv pull there' git -C theirs dv pull
	must git config --global safe.directory "$T/theirs"
	ok 'safe.directory allows it' git -C theirs dv status
	ok 'and checkout' git -C theirs checkout -q v1
	ok 'content' tree_is theirs v1
	must git config --global --unset safe.directory
	run git -C theirs dv status
	says_not 'nobody is told to start one' 'git init'
else
	skip 7 'only root can give files away'
fi

mkdir -p nothing/here
fails 'outside of any repository' git -C nothing/here dv status
says 'somebody is' 'git init'

# A home that is not known.
must git clone -q repo homeless
cd homeless || exit 1
must git dv init
must git config dv.store '~/the-store'
cp "$HOME/.gitconfig" ../global.config
nohome() {
	(unset HOME; GIT_CONFIG_GLOBAL=$T/global.config "$@")
}
fails 'dv.store in no home' nohome git dv ls-files -l
says 'is an error' 'HOME is not set'
echo new >new.bin
fails 'for the filter as well' nohome git add new.bin
ok 'dv env' nohome git dv env
says 'says so' 'HOME is not set'
must git config dv.store '~nobody/the-store'
fails 'nor in that of another' git dv ls-files -l
says 'which is not known' 'full path'
ok 'no folder was made' test ! -e '~' -a ! -e '~nobody'
must git config dv.store '~/the-store'
ok 'in a home' git dv pull
ok 'it is there' test -d "$HOME/the-store/packs"
cd .. || exit 1

# Descriptors that are closed: what is printed must not land in the files of the store.
published_repo fds
cd fds || exit 1
cp .git/dv/cache/lock.mdb ../lock.before
ok 'dv cat to nowhere' sh -c 'git-dv cat tiny.bin >&-'
ok 'dv status to nowhere' sh -c 'git-dv status >&- 2>&-'
ok 'dv add with none of them' sh -c 'echo more >>big.bin; git-dv add big.bin <&- >&- 2>&-'
ok 'stages it' sh -c "git diff --quiet && ! git diff --cached --quiet"
ok 'the filter' sh -c 'git-dv-filter clean -- x.bin <plain.txt >&- 2>&-'
fails 'the filter without input' sh -c 'git-dv-filter process <&-'
ok 'the helper' sh -c 'git-remote-dvstore o ../fds.store <&- >&- 2>&-'
is 'no file took what was printed' "$(file_size .git/dv/cache/lock.mdb)" \
	"$(file_size ../lock.before)"
ok 'verify' git dv verify
must git commit -qm more

# A limit on the size of files is an error, not the end by a signal.
make_noise large.bin 3000000 77
(ulimit -f 1000 && git add large.bin) >"$T_OUT" 2>"$T_ERR"
isnt 'git add above the limit on files fails' $? 0
says 'and says why' 'File too large'
must git add large.bin
must git commit -qm large
(ulimit -f 1000 && git dv push) >"$T_OUT" 2>"$T_ERR"
is 'so does dv push' $? 1
says 'which says why' 'File too large'
ok 'without the limit' git dv push
ok 'is all well' git dv verify

# Who reads no further ends us without a word.
i=0
while test $i -lt 3000; do
	echo "a/rather/long/name/of/a/pattern/for/a/pipe/$i filter=dv"
	i=$((i + 1))
done >>.gitattributes
{ git dv track; echo $? >../rc; } 2>"$T_ERR" | head -n 1 >"$T_OUT"
is 'nothing is said when the pipe closes' "$(cat "$T_ERR")" ''
is 'the exit code is that of git' "$(cat ../rc)" 141
git dv track >/dev/full 2>"$T_ERR"
is 'a full disk is an error' $? 1
says 'and said' 'cannot write standard output'
cd .. || exit 1

done_testing
