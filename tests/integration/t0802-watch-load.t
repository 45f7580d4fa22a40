#!/bin/sh
# git dv watch under load: no final state is lost, also where the kernel's queue overflows, and
# memory stays small. DV_TEST_LARGE=1 writes 10,000 files in 1,000 folders in 10 seconds.
. "$(dirname "$0")/../lib.sh"

# settled FILE: a file that is written last was told of.
settled() {
	echo 1 >"$1"
	seen grep -qF "\"file_path\":\"$1\"" "$log"
}
# right: what the log says in the end is what there is, for all files below data/.
cat >"$T/right.pl" <<'END'
use JSON::PP; use File::Find;
my (%said, %is, $bad);
open my $log, "<", $ARGV[0] or die;
while (<$log>) {
	my $o = decode_json($_);
	next if $o->{file_path} !~ m{^data/};
	delete $said{$o->{from_path}} if $o->{change_type} eq "moved";
	if ($o->{change_type} eq "deleted") { delete $said{$o->{file_path}} }
	else { $said{$o->{file_path}} = $o->{size_bytes} }
}
find({ no_chdir => 1, wanted => sub { $is{$_} = -s _ if -f } }, "data");
for (keys %is) { $bad++, print "$_ is $is{$_}, said ", $said{$_} // "nothing", "\n" if ($said{$_} // -1) != $is{$_} }
for (keys %said) { $bad++, print "$_ is gone\n" if !exists $is{$_} }
print scalar(keys %is), " files, $bad wrong\n" if $bad;
exit($bad ? 1 : 0);
END
peak() {
	awk '/^VmHWM/ { print $2 }' "/proc/$T_PID/status"
}

if test -n "${DV_TEST_LARGE-}"; then
	files=10000 folders=1000 pause=0.01
else
	files=2000 folders=200 pause=0
fi
must git dv install
new_repo repo
cd repo || exit 1
run git dv watch --for 0
case $(cat "$T_ERR") in *'configured without'*) skip_all 'no inotify here' ;; esac
log=$T/log

start git-dv watch --log "$log" --log-max 0
seen grep -q '^watching' "$T_ERR"
# Each file is made, appended to, and some are renamed, replaced or removed again.
cat >"$T/load.pl" <<'END'
my ($files, $folders, $pause) = @ARGV;
mkdir "data";
for my $i (0 .. $files - 1) {
	my $d = "data/d" . $i % $folders;
	mkdir $d or mkdir "$d/sub" if $i < 2 * $folders;
	my $f = $i % 3 ? "$d/f$i" : -d "$d/sub" ? "$d/sub/f$i" : "$d/g$i";
	open my $h, ">", $f or die "$f: $!";
	print $h "x" x ($i % 977);
	close $h;
	open $h, ">>", $f; print $h "more"; close $h;
	if ($i % 10 == 1) { rename $f, "$d/moved$i" }
	if ($i % 10 == 2) { unlink $f }
	if ($i % 10 == 3) { open $h, ">", "$d/tmp"; print $h "new$i"; close $h; rename "$d/tmp", $f }
	select undef, undef, undef, $pause if $pause && $i % 10 == 0;
}
END
must perl "$T/load.pl" "$files" "$folders" "$pause"
settled end1.bin
is "the end of $files files in $folders folders is told" $? 0
seen perl "$T/right.pl" "$log"
ok 'and each final state' perl "$T/right.pl" "$log"
ok 'with less than 64 MiB' test "$(peak)" -lt 65536

# Events that the monitor has no time for.
max=$(cat /proc/sys/fs/inotify/max_queued_events)
if test "$max" -le 50000; then
	kill -STOP "$T_PID"
	must perl -e '
		my $n = $ARGV[0] / 3 + 100;
		mkdir "data/flood"; mkdir "data/flood/$_" for 0 .. 9;
		for my $i (0 .. $n) {
			open my $h, ">", "data/d1/o$i" or die; print $h "o" x ($i % 99); close $h;
		}
		for my $i (0 .. 99) { open my $h, ">", "data/flood/" . $i % 10 . "/f$i"; print $h $i; close $h }
		rename "data/d2", "data/d2moved"; rename "data/d3", "data/x"; rename "data/d4", "data/d3";
		system "rm", "-rf", "data/d5"; mkdir "data/d5"; mkdir "data/d5/new";
		open my $h, ">", "data/d5/new/file"; print $h "5"; close $h;' "$max"
	kill -CONT "$T_PID"
	settled end2.bin
	is 'the end of a flood is told' $? 0
	seen perl "$T/right.pl" "$log"
	ok 'and each final state' perl "$T/right.pl" "$log"
	echo late >data/d5/new/late
	echo late >data/d2moved/late
	echo late >data/d3/late
	settled end3.bin
	is 'what was made unseen is watched' $? 0
	seen perl "$T/right.pl" "$log"
	ok 'and told of' perl "$T/right.pl" "$log"
	ok 'with less than 64 MiB' test "$(peak)" -lt 65536
else
	skip 5 'the queue of events is too long to fill'
fi
rm -rf data
settled end4.bin
is 'all is removed' $? 0
mkdir data
seen perl "$T/right.pl" "$log"
ok 'and told of' perl "$T/right.pl" "$log"
stop TERM
done_testing
