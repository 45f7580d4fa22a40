#!/bin/sh
# git dv watch: what happens to data is told, as lines of JSON, in a log, and to commands.
. "$(dirname "$0")/../lib.sh"

# line FILE TYPE PATH [TEXT]: a line says so.
line() {
	grep -aF "\"change_type\":\"$2\"" "$1" | grep -aF "\"file_path\":\"$3\"" | grep -qaF -e "${4-}"
}
lines() {
	grep -acF "\"file_path\":\"$2\"" "$1"
}
# watch OPTION...: in the background, until it says that it watches. Its lines are in $T_OUT.
watch() {
	start git-dv watch "$@"
	seen grep -q '^watching' "$T_ERR" || fail 'the monitor starts'
}

must git dv install
new_repo repo
cd repo || exit 1
run git dv watch --for 0
case $(cat "$T_ERR") in *'configured without'*) skip_all 'no inotify here' ;; esac
log=$(pwd -P)/.git/dv-watch/data_changes.log

ok '--for 0 ends at once' git dv watch --for 0
ok 'the lock is free behind it' git dv watch --for 0
fails 'a path outside of the worktree is refused' git dv watch --for 0 ..
says 'with the reason' 'outside the worktree'
fails 'as is an absolute one' git dv watch --for 0 /etc
fails 'and one that is not there' git dv watch --for 0 no-such-folder
must mkdir ../elsewhere
must ln -s ../elsewhere out
fails 'and a link, also within it' git dv watch --for 0 out
says 'which is named' 'symbolic link'
code 129 '--log and --no-log exclude each other' git dv watch --log x --no-log
code 129 'a log without a name is refused' git dv watch --for 0 --log ''
says 'with a word' 'name of a file'
code 129 'a settling time of 0 is refused' git dv watch --settle 0

# The kinds of change.
mkdir given other
echo old >given/old.txt
echo plain >other/plain.txt
printf x >moving.bin
watch given
echo 1 >a.bin
seen line "$T_OUT" created a.bin '"size_bytes":2'
is 'created' $? 0
echo 22 >a.bin
seen line "$T_OUT" modified a.bin '"size_bytes":3'
is 'modified' $? 0
mv moving.bin moved.bin
seen line "$T_OUT" moved moved.bin '"from_path":"moving.bin"'
is 'moved' $? 0
is 'and its old name is not told of' "$(lines "$T_OUT" moving.bin)" 0
rm a.bin
seen line "$T_OUT" deleted a.bin
is 'deleted' $? 0
echo new >given/new.txt
seen line "$T_OUT" created given/new.txt
is 'a folder that was given' $? 0
mkdir -p deep/er/data/x
echo 1 >deep/er/data/x/f
seen line "$T_OUT" created deep/er/data/x/f
is 'a new folder of the name data, and what is in it by then' $? 0
echo 1 >big.tmp
mv big.tmp moved.bin
seen line "$T_OUT" modified moved.bin
is 'a rename over it is a modification' $? 0
mv deep/er deep/est
seen line "$T_OUT" moved deep/est/data/x/f '"from_path":"deep/er/data/x/f"'
is 'a folder that is renamed' $? 0
mv deep/est ../elsewhere/
seen line "$T_OUT" deleted deep/est/data/x/f
is 'a folder that leaves' $? 0
echo 2 >../elsewhere/est/data/x/f
mv ../elsewhere/est deep/
seen line "$T_OUT" created deep/est/data/x/f
is 'and comes back' $? 0
echo 3 >deep/est/data/x/f
seen line "$T_OUT" modified deep/est/data/x/f
is 'is watched again' $? 0

# Names.
mkdir data
name=$(printf 'data/b\344d')
echo 1 >"$name"
seen grep -qaF '"path_hex":"646174612f62e464"' "$T_OUT"
is 'a name that is not UTF-8 is given in hexadecimal' $? 0
echo 1 >'data/"q"	\'
seen grep -qaF '"file_path":"data/\"q\"\t\\"' "$T_OUT"
is 'a name with a quote, a tab and a backslash' $? 0

# A writer is waited for.
exec 9>slow.bin
echo part >&9
echo 1 >marker1.bin
seen line "$T_OUT" created marker1.bin
echo 1 >marker2.bin
seen line "$T_OUT" created marker2.bin
is 'a file is not told of while it is written' "$(lines "$T_OUT" slow.bin)" 0
echo whole >&9
exec 9>&-
seen line "$T_OUT" created slow.bin '"size_bytes":11'
is 'but when it is closed' $? 0

# What is not data, and what is nothing.
echo 1 >other/plain.txt
echo 1 >other/gone.bin && rm other/gone.bin
chmod +x moved.bin
git init -q nested
echo 1 >nested/n.bin
echo 1 >marker3.bin
seen line "$T_OUT" created marker3.bin
echo 1 >marker4.bin
seen line "$T_OUT" created marker4.bin
is 'other files are not told of' "$(lines "$T_OUT" other/plain.txt)" 0
is 'nor what came and went' "$(lines "$T_OUT" other/gone.bin)" 0
is 'nor a change of mode' "$(lines "$T_OUT" moved.bin)" 2
is 'nor repositories below' "$(lines "$T_OUT" nested/n.bin)" 0
is 'nor its own log' "$(grep -c data_changes "$T_OUT")" 0

# A write that sets back what shows it.
echo 1 >data/hidden
seen line "$T_OUT" created data/hidden
perl -e 'my @s = stat "data/hidden"; open my $h, "+<", "data/hidden"; print $h 2; close $h;
	utime $s[8], 1000000000, "data/hidden"'
seen line "$T_OUT" modified data/hidden
perl -e 'open my $h, "+<", "data/hidden"; print $h 3; close $h; utime 1000000000, 1000000000, "data/hidden"'
thrice() { test "$(lines "$T_OUT" data/hidden)" = 3; }
seen thrice
is 'a write with the size and the time of before' $? 0

# Several names of a file: a write through one is told of all.
echo 1 >data/name1
seen line "$T_OUT" created data/name1
ln data/name1 other/name2
ln data/name1 data/name3
seen line "$T_OUT" created data/name3
echo 22 >>other/name2
seen line "$T_OUT" modified data/name1 '"size_bytes":5'
is 'a write through a name that is no data' $? 0
seen line "$T_OUT" modified data/name3 '"size_bytes":5'
is 'is told of each that is' $? 0
echo 22 >>data/name3
seen line "$T_OUT" modified data/name1 '"size_bytes":8'
is 'as is one through a name that is' $? 0
is 'once' "$(lines "$T_OUT" data/name1)" 3

# Links.
mkdir data/real && echo 1 >data/real/f
seen line "$T_OUT" created data/real/f
mv data/real ../elsewhere/real && ln -s ../../elsewhere/real data/real
seen line "$T_OUT" deleted data/real/f
is 'a folder that became a link is gone' $? 0
echo 2 >../elsewhere/real/f
echo 3 >../elsewhere/real/g
echo 1 >marker5.bin
seen line "$T_OUT" created marker5.bin
is 'and is not followed' "$(lines "$T_OUT" data/real/g)" 0

fails 'a second monitor is refused' git dv watch --for 0
says 'and the first is named' 'another monitor watches this worktree'
is 'each line is JSON with the promised members' "$(perl -MJSON::PP -ne '
	$o = decode_json($_);
	$o->{timestamp} =~ /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d$/ && $o->{file_path} ne "" &&
		$o->{change_type} =~ /^(created|modified|deleted|moved)$/ &&
		($o->{change_type} eq "deleted" || $o->{size_bytes} =~ /^\d+$/) or print "bad: $_"' "$log")" ''
stop TERM
is 'SIGTERM ends it with 130' "$T_RC" 130
is 'the log has all lines' "$(grep -c file_path "$log")" "$(wc -l <"$log" | tr -d ' ')"
ok 'and what came last' line "$log" created marker5.bin
ok 'verify: nothing was harmed' git dv verify

# Pending changes are told at the end.
watch --settle 60000
echo 1 >pending.bin
exec 9>pending-open.bin
echo 1 >&9
stop INT
exec 9>&-
is 'SIGINT ends it with 130' "$T_RC" 130
ok 'what was not settled is told' line "$log" created pending.bin
ok 'also what is open still' line "$log" created pending-open.bin '"open":true'

# --once, --exec.
watch --once --exec 'tr "\0" "\n" >>../exec.out; echo said'
echo 1 >once.bin
finish
is '--once ends with 0' "$T_RC" 0
is 'the command gets the paths' "$(cat ../exec.out)" once.bin
is 'its output is not among the lines' "$(grep -c said "$T_OUT")" 0
watch --once --exec 'exit 3'
echo 2 >once.bin
finish
is '--once ends with 1 where the command fails' "$T_RC" 1
watch --exec 'sleep 1; cat >/dev/null; echo ran >>../ran'
for i in 1 2 3 4 5 6 7 8; do
	echo "$i" >"exec$i.bin"
	sleep 0.05
done
seen test -s ../ran
is 'changes are told while a command runs' "$(seen line "$T_OUT" created exec8.bin; echo $?)" 0
stop TERM
# What runs can be ended. Each `sleep` here would outlast the test.
watch --exec 'echo >../begun; sleep 1000; echo >../survived'
echo 1 >hang.bin
seen test -e ../begun
stop TERM
is 'SIGTERM ends a monitor whose command hangs' "$T_RC" 130
says 'it says what it waits for' 'waiting for the running action'
is 'the command is ended' "$(ls ../survived 2>/dev/null)" ''
rm ../begun
watch --exec 'trap "" TERM; echo >../begun; sleep 1000 & wait; sleep 1000'
echo 2 >hang.bin
seen test -e ../begun
kill -TERM "$T_PID"
seen grep -q 'another signal kills' "$T_ERR"
sleep 1.1
kill -INT "$T_PID"
finish
is 'a second signal ends one whose command ignores that' "$T_RC" 130
rm ../begun
watch --for 1 --exec 'echo >../begun; sleep 1000'
echo 3 >hang.bin
seen test -e ../begun
finish
is 'the time of --for ends it too' "$T_RC" 0
says 'with a word' 'the running action is told to end'
watch --auto-add
echo 4 >.git/index.lock
echo 4 >hang.bin
seen line "$T_OUT" modified hang.bin
stop TERM
is 'as does a signal one that waits for the index' "$T_RC" 130
rm .git/index.lock
printf '[dv]\n\twatchexec = touch ../pwned\n[watch]\n\texec = touch ../pwned\n' >.dvconfig
ok 'a command in .dvconfig is none' git dv watch --for 0
rm .dvconfig
isnt 'and is not run' "$(ls ../pwned 2>/dev/null)" ../pwned

# --auto-add
rm -rf nested out
must git add -A
must git commit -q -m before
watch --auto-add
make_noise auto.bin 100000 5
seen blob_is_pointer :auto.bin
is '--auto-add stages a pointer' $? 0
echo '*.ignored.bin' >>.git/info/exclude
echo 1 >x.ignored.bin
git mv -k nothing nowhere 2>/dev/null
mv auto.bin auto2.bin
seen blob_is_pointer :auto2.bin
is 'and what moved' $? 0
seen not git rev-parse -q --verify :auto.bin
is 'whose old name goes' $? 0
rm auto2.bin
seen not git rev-parse -q --verify :auto2.bin
is 'and what is deleted goes' $? 0
fails 'ignored files are not added' git rev-parse -q --verify :x.ignored.bin
stop TERM

# It stays out of the way of other gits.
git branch -q with-auto
git checkout -q with-auto
watch --auto-add
git rev-parse HEAD >.git/MERGE_HEAD
echo 1 >held.bin
seen grep -q 'is in progress' "$T_ERR"
is 'a merge in progress is waited for' "$? $(git ls-files held.bin)" '0 '
rm .git/MERGE_HEAD
seen git rev-parse -q --verify :held.bin
is 'and what waited is added' $? 0
stop TERM
must git commit -qm held
start env GIT_TRACE="$T/add.trace" git-dv watch --once --auto-add
seen grep -q '^watching' "$T_ERR"
git checkout -q main
finish
is 'what a checkout changed' "$T_RC $(grep -c held.bin "$T_OUT")" '0 1'
is 'is not added again' "$(grep -c 'built-in: git \(add\|update-index\)' "$T/add.trace")" 0

# --auto-version runs `git dv version`, whatever that is.
mkdir ../bin
cat >../bin/git-dv <<END
#!/bin/sh
test "\$1" != version || { echo "\$@" >>"$T/versions"; exit 0; }
exec "$DV_BUILD_DIR/git-dv" "\$@"
END
chmod +x ../bin/git-dv
PATH=$T/bin:$PATH
watch --once --auto-version nightly
echo v >versioned.bin
finish
PATH=${PATH#*:}
is '--auto-version names the file and the version' "$(cat ../versions)" 'version -- versioned.bin nightly'
fails 'a name that is none is refused at once' git dv watch --for 0 --auto-version ../x
says 'and said' '../x'
fails 'as is an empty one' git dv watch --for 0 --auto-version ''

# Which folders have data is said by the settings of the hooks.
must git config dv.hookFolders 'default bulk/'
must git config dv.hookExclude '*.part'
mkdir -p datasets deep/bulk
watch
echo 1 >datasets/a
seen line "$T_OUT" created datasets/a
is 'a folder of the name datasets' $? 0
echo 1 >deep/bulk/a.part
echo 1 >deep/bulk/b
seen line "$T_OUT" created deep/bulk/b
is 'and one that dv.hookFolders names' $? 0
echo 2 >deep/bulk/b
seen line "$T_OUT" modified deep/bulk/b
is 'without what dv.hookExclude names' "$(lines "$T_OUT" deep/bulk/a.part)" 0
stop TERM
must git config --unset dv.hookFolders
must git config --unset dv.hookExclude

# The id, where it is known.
must git add versioned.bin
oid=$(git cat-file blob :versioned.bin | sed -n 's/^oid //p')
watch --oid
cp versioned.bin same.bin
seen line "$T_OUT" created same.bin "\"oid\":\"$oid\""
is '--oid reads the file' $? 0
sleep 2.1
touch versioned.bin
must git add versioned.bin
stop TERM

# The log.
mkdir -p logs/data
watch --log-max 2k --log-keep 2
test -f logs/data/data_changes.log
is 'the folder logs/data has the log where it exists' $? 0
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 \
	35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60; do
	echo 1 >"log$i.bin"
	sleep 0.02
done
seen line "$T_OUT" created log60.bin
stop TERM
is 'it does not tell of itself' "$(grep -c data_changes "$T_OUT")" 0
ok 'it turns over' test -f logs/data/data_changes.log.2
ok 'only as many as to be kept' not test -e logs/data/data_changes.log.3
ok 'none is larger' sh -c 'for f in logs/data/*; do test "$(wc -c <"$f")" -le 2048 || exit 1; done'
rm -rf logs
mkdir logs && ln -s ../../elsewhere logs/data
ok 'a link in its place is not followed' git dv watch --for 0
is 'nothing is written there' "$(ls ../elsewhere/data_changes.log 2>/dev/null)" ''
rm -rf logs
watch --log ../my.log
echo 1 >tolog.bin
seen line ../my.log created tolog.bin
is '--log FILE' $? 0
mv ../my.log ../my.log.away
echo 2 >tolog.bin
seen line ../my.log modified tolog.bin
is 'a log that was renamed is made anew' $? 0
stop TERM
rm -f "$log"
ok '--no-log' git dv watch --no-log --for 0
is 'writes none' "$(ls "$log" 2>/dev/null)" ''
fails 'a log in a folder that is not there is an error' git dv watch --for 0 --log nowhere/log
says 'that names it' nowhere/log

# The reader goes away: the log has it all.
mkfifo ../pipe
perl -e 'open F, "<", "../pipe"; $_ = <F>; close F; open G, ">", "../closed"; sleep 600' &
reader=$!
(trap '' PIPE; exec git-dv watch >../pipe 2>../pipe.err; echo) &
T_PIPE=$!
seen grep -q '^watching' ../pipe.err
echo 1 >pipe1.bin
seen test -e ../closed
wait "$T_PIPE"
is 'a reader that goes away ends it' $? 1
kill "$reader"
ok 'the log has the line' line "$log" created pipe1.bin
watch
echo 1 >hup.bin
seen line "$log" created hup.bin
stop HUP
is 'so does a terminal' "$T_RC" 130

# A disk that is full, and has room again.
if small_disk "$T/disk" 64k; then
	head -c 100000 /dev/zero >"$T/disk/fill" 2>/dev/null
	watch --log "$T/disk/log"
	i=0
	while test "$i" -lt 5; do
		echo "$i" >"full$i.bin"
		i=$((i + 1))
	done
	seen grep -q 'lines wait' "$T_ERR"
	is 'a full disk is told of' $? 0
	rm "$T/disk/fill"
	i=0
	while test "$i" -lt 5; do
		seen line "$T/disk/log" created "full$i.bin" || break
		i=$((i + 1))
	done
	is 'and its lines are written when there is room' "$i" 5
	rm "$T/disk/log" && mkdir "$T/disk/log"
	echo 1 >full5.bin
	seen line "$T_OUT" created full5.bin
	stop TERM
	is 'lines that never found a place are an error' "$T_RC" 1
	rm -rf "$T/disk/log" "$T/disk/fill"
	# A folder that is mounted, and unmounted.
	mkdir mnt mnt/data && echo 1 >mnt/data/below
	watch
	if mount -t tmpfs none mnt; then
		T_MOUNTS="$(pwd -P)/mnt $T_MOUNTS"
		seen line "$T_OUT" deleted mnt/data/below
		is 'what a mount hides is gone' $? 0
		mkdir mnt/data && echo 1 >mnt/data/above
		seen line "$T_OUT" created mnt/data/above
		is 'what it brings is there' $? 0
		seen umount mnt && T_MOUNTS=${T_MOUNTS#* }
		seen line "$T_OUT" created mnt/data/below
		is 'and the other way round' $? 0
	else
		skip 3 'cannot mount'
	fi
	stop TERM
else
	skip 6 'cannot mount a small file system'
fi

# Too few watches: said, with the setting that helps.
if unshare -Ur sh -c 'echo 3 >/proc/sys/user/max_inotify_watches' 2>/dev/null; then
	fails 'too few watches' unshare -Ur sh -c 'echo 3 >/proc/sys/user/max_inotify_watches; git dv watch --for 0'
	says 'names the setting' fs.inotify.max_user_watches
	fails 'too few instances' unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_inotify_instances; git dv watch --for 0'
	says 'names the setting' max_user_instances
else
	skip 4 'no user namespace'
fi

# The worktree itself.
cd .. || exit 1
must git -C repo worktree add -q "$T/wt"
cd wt || exit 1
watch
cd "$T" || exit 1
mv wt wt2
finish
is 'a worktree that is moved away ends it with 1' "$T_RC" 1
says 'with a word' 'was removed, moved'
must git -C repo worktree add -q "$T/wt3"
cd wt3 || exit 1
mkdir -p data plain && echo 1 >data/f && echo 1 >plain/f
watch --auto-add
cd "$T" || exit 1
rm -rf wt3
finish
cp "$T_OUT" "$T/wt3.out"
is 'as does one that is removed' "$T_RC" 1
says 'with a word' 'was removed, moved'
says_not 'and none of git' 'current working directory'
ok 'what is data for certain is told' line "$T/wt3.out" deleted data/f
is 'and nothing else' "$(grep -c plain/f "$T/wt3.out")" 0
fails 'a bare repository has nothing to watch' git -C "$(git init -q --bare bare; echo bare)" dv watch --for 0
done_testing
