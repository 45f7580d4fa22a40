#!/bin/sh
# Workflows 26 split index; 27 index v4, untracked cache, fsmonitor, skipHash: content is
# placed and git status stays clean whatever the index looks like.
. "$(dirname "$0")/../lib.sh"

history_repo repo
cd repo || exit 1

# there_and_back NAME: switch to and fro, edit, commit.
there_and_back() {
	ok "$1: to v1" git checkout -q --detach v1
	ok "$1: content of v1" tree_is . ../v1
	ok "$1: to side" git checkout -q --detach s1
	ok "$1: content of side" tree_is . ../s1
	ok "$1: to main" git checkout -q main
	ok "$1: content of main" tree_is . ../v2
	patch_file big.bin 11 "$1"
	is "$1: an edit shows" "$(git status --porcelain)" ' M big.bin'
	make_noise u.bin 1200000 71
	ok "$1: add" git add -A
	is "$1: it is staged" "$(git status --porcelain | tr '\n' ',')" 'M  big.bin,A  u.bin,'
	ok "$1: stash" git stash -q
	ok "$1: pop" git stash pop -q --index
	ok "$1: no pointer" no_pointers .
	ok "$1: reset" git reset -q --hard
	ok "$1: content of main" tree_is . ../v2
	ok "$1: fsck" git fsck --strict
}

must git config core.splitIndex true
must git update-index --split-index
there_and_back 'split index'
ok 'the index is still split' sh -c 'ls .git/sharedindex.* >/dev/null'
must git update-index --no-split-index
must git config --unset core.splitIndex

must git update-index --index-version 4
there_and_back 'index v4'
is 'it is still version 4' "$(dd if=.git/index bs=1 skip=7 count=1 2>/dev/null | od -An -tu1 | tr -d ' ')" 4
must git update-index --index-version 2

must git config core.untrackedCache true
must git update-index --force-untracked-cache
there_and_back 'untracked cache'
ok 'the cache is still there' grep -aq UNTR .git/index
echo new >untracked
is 'and finds a new file' "$(git status --porcelain)" '?? untracked'
rm untracked
must git config --unset core.untrackedCache
must git update-index --no-untracked-cache

# A monitor that is right about each change, as the protocol asks: it says '/' at first and
# then the names that differ from its last look.
cat >../monitor <<-\END
	#!/usr/bin/perl
	# version 2: arguments are the version and a token.
	exit 1 if $ARGV[0] != 2;
	use File::Find;
	my (%now, %old);
	find({ no_chdir => 1, wanted => sub {
		if ($_ eq './.git') { $File::Find::prune = 1; return }
		my @s = lstat $_ or return; return if -d _;
		$now{substr $_, 2} = join ' ', @s[1, 7, 9, 10] } }, '.');
	my $dir = "$ENV{T}/monitor.d"; mkdir $dir;
	my ($last) = $ARGV[1] =~ /^t(\d+)$/;
	my $next = () = glob "$dir/*";
	open my $o, '>', "$dir/$next"; print $o "$_\0$now{$_}\n" for keys %now; close $o;
	print "t$next\0";
	if (!defined $last || !open my $i, '<', "$dir/$last") { print "/\0"; exit }
	else { while (<$i>) { chomp; my ($n, $s) = split /\0/; $old{$n} = $s } }
	for (keys %{{ %now, %old }}) { print "$_\0" if ($now{$_} // '') ne ($old{$_} // '') }
END
chmod +x ../monitor
must git config core.fsmonitor "$T/monitor"
must git config core.fsmonitorHookVersion 2
must git update-index --fsmonitor
must git status
there_and_back 'fsmonitor'
ok 'the monitor was asked' test -e ../monitor.d/3
must git config --unset core.fsmonitor
must git update-index --no-fsmonitor

must git config index.skipHash true
there_and_back 'skipHash'
must git config --unset index.skipHash

must git config core.trustctime false
there_and_back 'trustctime=false'
must git config --unset core.trustctime
must git config core.checkStat minimal
there_and_back 'checkStat=minimal'

done_testing
