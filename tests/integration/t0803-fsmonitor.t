#!/bin/sh
# git dv watch --fsmonitor: git status asks the monitor instead of looking at each file, and is
# right all the same. DV_TEST_LARGE=1 takes 100,000 files.
. "$(dirname "$0")/../lib.sh"

monitor() {
	start git-dv watch --fsmonitor
	seen grep -q '^watching' "$T_ERR"
}
# stats CMD...: how many files git calls lstat for, as it counts itself.
stats() {
	rm -f "$T/trace"
	GIT_TRACE2_EVENT="$T/trace" "$@" >/dev/null 2>&1
	perl -ne '$n += $1 if /"key":"(?:preload|refresh)\/sum_lstat","value":"(\d+)"/; END { print $n + 0 }' "$T/trace"
}
# agrees: with the monitor git sees what it sees without.
agrees() {
	git status --porcelain --untracked-files=all >"$T/with" 2>&1
	git -c core.fsmonitor=false --no-optional-locks status --porcelain --untracked-files=all \
		>"$T/without" 2>&1
	cmp -s "$T/with" "$T/without" || { diff "$T/without" "$T/with"; return 1; }
}
hook() {
	git dv hook fsmonitor 2 "$1" | tr '\0' '\n'
}

if test -n "${DV_TEST_LARGE-}"; then n=100000; else n=3000; fi
must git dv install
new_repo repo
cd repo || exit 1
run git dv watch --for 0
case $(cat "$T_ERR") in *'configured without'*) skip_all 'no inotify here' ;; esac
must perl -e 'for my $i (0 .. $ARGV[0] - 1) {
	my $d = "d" . int($i / 100); mkdir $d; open my $h, ">", "$d/f$i.bin"; print $h "content $i\n" }' "$n"
printf 'one\n' >hard.txt
must git add -A
must git commit -qm files
# A file as young as the index is looked at again.
sleep 1.1
must git status
is 'without a monitor each file is looked at' "$(test "$(stats git status)" -ge "$n"; echo $?)" 0
monitor
is 'core.fsmonitor is set' "$(git config --local core.fsmonitor)" 'git dv hook fsmonitor'
primed() { test "$(stats git status)" -lt 20; }
seen primed
is "with one git status looks at almost none of $n" $? 0
few=$(stats git dv status)
is 'nor does git dv status' "$(test "$few" -lt 20; echo "$? $few" | cut -d' ' -f1)" 0
diag "git dv status: $few of $n"

ok 'a clean worktree' agrees
echo changed >>d1/f100.bin
ok 'a change' agrees
is 'is seen' "$(git status --porcelain)" ' M d1/f100.bin'
rm d2/f200.bin
ok 'a removal' agrees
mkdir -p new/er/folder && echo 1 >new/er/folder/f.bin
ok 'a new folder' agrees
mv d3 moved
ok 'a folder that is renamed' agrees
echo 1 >>moved/f300.bin
ok 'and changed in its new place' agrees
mv moved d3
ok 'and back' agrees
echo replaced >tmp && mv tmp d4/f400.bin
ok 'a rename over a file' agrees
chmod +x d5/f500.bin
ok 'a change of mode' agrees
rm -r d6 && ln -s d7 d6
ok 'a folder that becomes a link' agrees
rm d6 && must git checkout -q -- d6
ok 'a checkout' agrees
must git stash -q
ok 'a stash' agrees
must git stash pop -q
ok 'and what it brings back' agrees
must git add -A
ok 'git add' agrees
must git commit -qm changes
ok 'git commit' agrees
must git checkout -q HEAD~1
ok 'an older commit' agrees
must git checkout -q main
ok 'and the latest' agrees
is 'which is clean' "$(git status --porcelain)" ''

# Many small things, one after the other, with a look after each.
cat >"$T/random.pl" <<'END'
srand $ARGV[0];
my @d = map { "d$_" } 0 .. 9;
sub file { my $d = $d[rand @d]; my @f = glob "$d/*.bin"; @f ? $f[rand @f] : "$d/x.bin" }
for (1 .. 4) {
	my ($a, $b, $k) = (file(), file(), int rand 8);
	if ($k == 0) { open my $h, ">>", $a; print $h "r" }
	if ($k == 1) { unlink $a }
	if ($k == 2) { rename $a, $b }
	if ($k == 3) { my $d = $d[rand @d]; rename $d, "away"; rename "away", $d[rand @d] }
	if ($k == 4) { mkdir "n" . int rand 5; open my $h, ">", "n" . int(rand 5) . "/f" . int rand 9; print $h "n" }
	if ($k == 5) { open my $h, ">", "tmp"; print $h rand; close $h; rename "tmp", $a }
	if ($k == 6) { system "git", "checkout", "-q", "--", $d[rand @d] }
	if ($k == 7) { system "rm -rf n" . int(rand 5) . " && mkdir -p n/a/b && echo 1 >n/a/b/c" }
}
END
round=0
while test "$round" -lt 40; do
	round=$((round + 1))
	perl "$T/random.pl" "$round" >/dev/null 2>&1
	agrees >"$T/differs" || break
done
is "40 rounds of random changes (the last: $round)" "$(cat "$T/differs")" ''
must git reset -q --hard
must git clean -qfd
ok 'reset and clean' agrees

# Several names of a file: what is written by one is changed by all.
ln hard.txt hard2.txt
ok 'a second name' agrees
seen primed
printf 'two\n' >hard2.txt
ok 'a change by that name' agrees
is 'is one of both' "$(git status --porcelain | tr '\n' ' ')" ' M hard.txt ?? hard2.txt '
rm hard2.txt && must git checkout -q -- hard.txt
printf 'three\n' >../outside
ln ../outside linked.txt
must git add linked.txt
ok 'a file that lies also elsewhere' agrees
seen primed
printf 'four!\n' >../outside
ok 'a change there' agrees
is 'is seen' "$(git status --porcelain)" 'AM linked.txt'
must git reset -q --hard
stop TERM
must ln hard.txt ../outside2
monitor
seen primed
printf 'two\n' >../outside2
ok 'the same where it was so before the monitor' agrees
is 'is seen' "$(git status --porcelain)" ' M hard.txt'
rm -f ../outside* && must git checkout -q -- hard.txt

# Tokens.
is 'an unknown token means everything' "$(hook nonsense | tail -n 1)" /
token=$(hook nonsense | head -n 1)
is 'a known one: nothing happened' "$(hook "$token" | tail -n +2)" ''
echo x >>d1/f101.bin
is 'and then this' "$(hook "$token" | tail -n +2)" d1/f101.bin
git mv -q d1/f101.bin d1/g.bin 2>/dev/null || mv d1/f101.bin d1/g.bin
is 'a rename has both names' "$(hook "$token" | tail -n +2 | LC_ALL=C sort | tr '\n' ' ')" \
	'd1/f101.bin d1/g.bin '
must git reset -q --hard
fails 'version 1 is refused' git dv hook fsmonitor 1 123
is 'asked for another worktree it means everything' \
	"$(mkdir -p ../w && cd ../w && GIT_DIR=../repo/.git git dv hook fsmonitor 2 "$token" | tr '\0' '\n' | tail -n 1)" /
start_pid=$T_PID

# A flood.
max=$(cat /proc/sys/fs/inotify/max_queued_events)
if test "$max" -le 50000; then
	seen primed
	kill -STOP "$start_pid"
	must perl -e 'for my $i (0 .. $ARGV[0] / 3 + 100) { open my $h, ">", "d1/o$i"; print $h 1 }
		open my $h, ">>", "d2/f201.bin"; print $h "x"; mkdir "unseen"; open $h, ">", "unseen/f"' "$max"
	kill -CONT "$start_pid"
	ok 'after a flood' agrees
	echo 1 >unseen/g
	echo 1 >>d2/f202.bin
	ok 'and after it' agrees
	must git reset -q --hard
	must git clean -qfd
else
	skip 2 'the queue of events is too long to fill'
fi

# A monitor that does not answer, and one that was killed.
kill -STOP "$start_pid"
echo 1 >>d2/f203.bin
ok 'a monitor that is stopped is not waited for' agrees
is 'everything may have changed' "$(hook "$token" | tail -n 1)" /
kill -CONT "$start_pid"
echo 1 >>d2/f204.bin
ok 'and it may go on' agrees
stop KILL
is 'a killed monitor leaves the setting' "$(git config core.fsmonitor)" 'git dv hook fsmonitor'
echo 1 >>d2/f205.bin
ok 'a change without a monitor' agrees
is 'everything may have changed' "$(hook "$token" | tail -n 1)" /
monitor
is 'a token of another run means everything' "$(hook "$token" | tail -n 1)" /
echo 1 >>d2/f206.bin
ok 'a change with a new monitor' agrees
stop TERM
is 'the setting goes at its end' "$(git config core.fsmonitor)" ''
echo 1 >>d2/f207.bin
ok 'and git works as before' agrees
monitor
# Its git must not be killed with it: that would leave a lock on the index.
seen primed
stop KILL
must git dv watch --for 0
is 'what a killed one left goes with the next' "$(git config core.fsmonitor)" ''

# Actions ask git, which asks the monitor, which does not wait for them.
start git-dv watch --fsmonitor --auto-add
seen grep -q '^watching' "$T_ERR"
echo new >auto.bin
seen git rev-parse -q --verify :auto.bin
is '--auto-add beside --fsmonitor' $? 0
ok 'agrees' agrees
stop TERM

# Another one's setting is left alone.
must git config core.fsmonitor true
fails 'core.fsmonitor that is set already is an error' git dv watch --fsmonitor --for 0
says 'that names it' core.fsmonitor
is 'and is left' "$(git config core.fsmonitor)" true
must git config --unset core.fsmonitor

# Beside Git's untracked cache, which trusts the monitor folder by folder. It is filled while a
# status finds it valid, hence the looks before a change.
must git reset -q --hard
must git clean -qfd
must git config core.untrackedCache true
monitor
# The monitor's own git has the lock on the index until then.
seen primed
mkdir -p p/q/r p/q/empty && echo 1 >p/q/r/tracked
must git add -A
must git commit -qm nested
sleep 1.1
cached() {
	git status --porcelain >"$T/with" 2>&1
	git -c core.fsmonitor=false -c core.untrackedCache=false --no-optional-locks status --porcelain \
		>"$T/without" 2>&1
	cmp -s "$T/with" "$T/without" || { diff "$T/without" "$T/with"; return 1; }
}
fill() {
	echo 1 >u && git status && rm u && git status && git status
	seen primed
}
fill >/dev/null
mv p/q p/tmp && echo 1 >p/tmp/late && mv p/tmp p/q
ok 'what came into a folder while it was away' cached
is 'is seen' "$(git status --porcelain)" '?? p/q/late'
fill >/dev/null
mv p/q p/tmp && rm p/tmp/late && echo 1 >p/tmp/r/deep && mv p/tmp p/q
ok 'and what went, and deeper' cached
is 'is seen' "$(git status --porcelain)" '?? p/q/r/deep'
fill >/dev/null
mv p/q ../away && rm ../away/r/deep && mkdir -p ../away/empty/x && echo 1 >../away/empty/x/y && mv ../away p/q
ok 'the same where it had left the worktree' cached
is 'is seen' "$(git status --porcelain)" '?? p/q/empty/'
mkdir p/hollow
fill >/dev/null
git init -q p/hollow
ok 'an empty folder that becomes a repository' cached
fill >/dev/null
rm -rf p/hollow/.git
ok 'and is none any more' cached
round=0
while test "$round" -lt 20; do
	round=$((round + 1))
	perl "$T/random.pl" "$round" >/dev/null 2>&1
	cached >"$T/differs" || break
done
is "20 rounds of random changes (the last: $round)" "$(cat "$T/differs")" ''
stop TERM
must git config --unset core.untrackedCache
must git reset -q --hard
must git clean -qffd

# But "false" is no monitor, and is there again behind ours.
must git config core.fsmonitor false
monitor
is 'core.fsmonitor=false makes room' "$(git config core.fsmonitor)" 'git dv hook fsmonitor'
stop TERM
is 'and comes back' "$(git config --get-all core.fsmonitor)" false
monitor
seen primed
stop KILL
must git dv watch --for 0
is 'also after a monitor that was killed' "$(git config --get-all core.fsmonitor)" false
must git config --unset core.fsmonitor

# A linked worktree has a monitor of its own.
must git worktree add -q ../linked
monitor
main_pid=$T_PID
cd ../linked || exit 1
echo 1 >>d1/f110.bin
ok 'a linked worktree, where nobody watches' agrees
T_PID=
monitor
seen primed
is 'with a monitor' $? 0
echo 1 >>d1/f111.bin
ok 'it sees its changes' agrees
stop TERM
is 'at its end the setting stays for the other one' "$(git config core.fsmonitor)" \
	'git dv hook fsmonitor'
ok 'its worktree is right' agrees
cd ../repo || exit 1
ok 'as is that of the other one' agrees
T_PID=$main_pid
stop TERM
is 'with the last one it goes' "$(git config core.fsmonitor)" ''

# A path that is longer than a socket's name.
long=$T/a-folder-with-a-long-name/a-folder-with-a-long-name/a-folder-with-a-long-name/a-folder-with-a-long-name
mkdir -p "$long"
must git clone -q . "$long/repo"
cd "$long/repo" || exit 1
monitor
seen primed
is 'a long path' $? 0
echo 1 >>d1/f112.bin
ok 'is right' agrees
stop TERM
done_testing
