#!/bin/sh
# git dv watch where the ground goes: worktrees and Git directories that are removed, moved or
# exchanged, and folders that cannot be read for a while.
. "$(dirname "$0")/../lib.sh"

T_PATIENCE=600

line() {
	grep -aF "\"change_type\":\"$2\"" "$1" | grep -aqF "\"file_path\":\"$3\""
}
# watch CMD...: until it says that it watches. Its lines are in $T_OUT.
watch() {
	start "$@"
	seen grep -q '^watching' "$T_ERR" || fail 'the monitor starts'
}
# ended DESC TEXT: by itself, with 1 and a word.
ended() {
	seen not kill -0 "$T_PID"
	test $? -eq 0 || kill "$T_PID"
	finish
	cp "$T_OUT" "$T/lines"
	is "$1" "$T_RC" 1
	says 'and says why' "$2"
}

must git dv install
new_repo repo
cd repo || exit 1
run git dv watch --for 0
case $(cat "$T_ERR") in *'configured without'*) skip_all 'no inotify here' ;; esac
cd ..

cd repo || exit 1
fails 'an empty path is none' git dv watch --for 0 ''
says 'and says so' 'empty path'
for p in .git .git/hooks ./.git/HEAD; do
	fails "$p is not watched" git dv watch --for 0 "$p"
	says 'as it is of Git' "Git's own"
done
# The log that stood in logs/data is no event when that goes.
mkdir -p logs/data
watch git-dv watch
echo 1 >logs/data/other
seen line "$T_OUT" created logs/data/other
rm -rf logs/data
seen line "$T_OUT" deleted logs/data/other
echo 1 >end.bin
seen line "$T_OUT" created end.bin
is 'the own log is never told of' "$(grep -c data_changes "$T_OUT")" 0
stop TERM
cd ..

# No repository comes of one that is gone.
mkdir up
mv repo up/repo
cd up/repo || exit 1
mkdir data && echo 1 >data/f
watch git-dv watch --settle 60000
echo 2 >data/f
rm -rf data
cd "$T" || exit 1
rm -rf up/repo
ended 'a repository that is removed ends its monitor' 'was removed'
ok 'which makes nothing anew' test ! -e up/repo
ok 'and tells what was there' line "$T/lines" deleted data/f

new_repo next
must git -C next config core.fsmonitor 'git dv hook fsmonitor'
rm -rf next/.git/dv/cache
new_repo other
mkdir up/deep && mv other up/deep/other
cd up/deep/other || exit 1
watch git-dv watch --fsmonitor --settle 60000
echo 1 >a.bin
cd "$T" || exit 1
mv up away
mkdir -p up/deep
mv next up/deep/other
# Nothing tells that a folder far above has moved, until something happens.
echo 1 >away/deep/other/b.bin
ended 'one whose folder moved ends' 'was removed, moved'
ok 'and touches no other one in its place' test ! -e up/deep/other/.git/dv/cache -a \
	! -e up/deep/other/.git/dv-watch
is 'nor its settings' "$(git -C up/deep/other config core.fsmonitor)" 'git dv hook fsmonitor'

new_repo bare
cd bare || exit 1
watch git-dv watch --settle 60000
echo 1 >a.bin
mv .git ../git.away
ended 'a Git directory that goes ends its monitor' "the Git directory '$T/bare/.git' was removed or moved"
ok 'and none is made' test ! -e .git
mv ../git.away .git
watch git-dv watch
cp -R .git ../git.copy
mv .git ../git.away
mv ../git.copy .git
ended 'so does one that is exchanged' 'Git directory'

# Unseen is not gone. Root sees all, unless it gives that up.
as=
if test "$(id -u)" = 0; then
	as='setpriv --bounding-set=-dac_override,-dac_read_search'
	$as true 2>/dev/null || { skip 13 'no way to be refused'; done_testing; }
fi
mkdir -p data/in/deep data/x data/no
for f in data/in/f data/in/g data/in/deep/f data/x/f data/x/g; do echo 1 >$f; done
# shellcheck disable=SC2086
watch $as git-dv watch --settle 300
echo 22 >data/in/f
echo 22 >data/in/deep/f
chmod 0 data/in
echo 22 >data/x/f
chmod 600 data/x
echo 1 >data/no/f
chmod 0 data/no
echo 1 >data/mark1
seen line "$T_OUT" created data/mark1
echo 1 >data/mark2
seen line "$T_OUT" created data/mark2
sleep 1
is 'folders that became unreadable have lost nothing' "$(grep -c deleted "$T_OUT")" 0
chmod 700 data/in data/x data/no
echo 333 >data/in/g
for f in data/in/f data/in/deep/f data/in/g data/x/f; do
	seen line "$T_OUT" modified $f
	is "what happened is told when they are readable ($f)" $? 0
done
seen line "$T_OUT" created data/no/f
is 'a file that came meanwhile, too' $? 0
chmod 0 .
echo 1 >data/mark3 2>/dev/null
sleep 1
# By its path: nobody but root finds '.' in a folder that is closed.
chmod 700 "$T/bare"
echo 22 >data/x/g
seen line "$T_OUT" modified data/x/g
is 'the top can be unreadable, too' $? 0
is 'and nothing is lost by it' "$(grep -c deleted "$T_OUT")" 0
chmod 600 data/x
git dv hook fsmonitor 2 '' >/dev/null 2>&1
chmod 700 data/x
rm data/x/f
seen line "$T_OUT" deleted data/x/f
is 'what is deleted is' $? 0
stop TERM
is 'it runs to its end' "$T_RC" 130
done_testing
