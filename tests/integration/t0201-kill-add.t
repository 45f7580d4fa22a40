#!/bin/sh
# Workflow 38: kill -9 and Ctrl-C in the middle of add and commit. Nothing that was committed is
# lost, and the next command goes on.
. "$(dirname "$0")/../lib.sh"

history_repo repo
cd repo || exit 1

n=100
for when in 0 0.01 0.03 0.06 0.1 0.2; do
	n=$((n + 1))
	make_noise killed.bin 24000000 "$n"
	start git add killed.bin
	sleep "$when"
	stop KILL
	unlock
	ok "add after kill -9 at $when s" git add killed.bin
	git cat-file --filters :killed.bin >../staged
	ok 'has the content' cmp killed.bin ../staged
done
ok 'verify --full after all kills' git dv verify --full
must git reset -q --hard

# The filter alone dies: git add must fail, not store something else.
make_noise killed.bin 24000000 110
at_pid=$T/filter.pid
cat >../suicidal <<-END
	#!/bin/sh
	echo \$\$ >$at_pid
	exec git-dv-filter process
END
chmod +x ../suicidal
for when in 0 0.02 0.05; do
	rm -f "$at_pid"
	start git -c filter.dv.process="$T/suicidal" add killed.bin
	waited=0
	while ! test -s "$at_pid" && test "$waited" -lt 500; do
		sleep 0.01
		waited=$((waited + 1))
	done
	sleep "$when"
	kill -9 "$(cat "$at_pid")" 2>/dev/null
	finish
	if test "$T_RC" -eq 0; then
		ok 'an add that was finished is whole' blob_is_pointer :killed.bin
	else
		fails "add whose filter was killed at $when s stages nothing" \
			git rev-parse --verify -q :killed.bin
	fi
	run git reset -q --hard
	make_noise killed.bin 24000000 110
	unlock
done

# SIGINT, as a terminal sends it to all.
for when in 0.01 0.05 0.1; do
	n=$((n + 1))
	make_noise killed.bin 24000000 "$n"
	start git add killed.bin
	sleep "$when"
	stop INT
	unlock
	ok "add after Ctrl-C at $when s" git add killed.bin
	git cat-file --filters :killed.bin >../staged
	ok 'has the content' cmp killed.bin ../staged
done
must git commit -qm 'with the large file'

# commit -a: what HEAD names must be durable.
for when in 0.02 0.06 0.12; do
	n=$((n + 1))
	make_noise killed.bin 16000000 "$n"
	start git commit -qam "commit at $when"
	sleep "$when"
	stop KILL
	unlock
	git cat-file --filters HEAD:killed.bin >../head
	is "HEAD is whole after kill -9 of commit -a at $when s" \
		"$(git cat-file blob HEAD:killed.bin | sed -n 's/^size //p')" "$(file_size ../head)"
	ok 'commit -a again' sh -c 'git commit -qam again || git diff --quiet HEAD'
	ok 'and HEAD is the file' sh -c 'git cat-file --filters HEAD:killed.bin | cmp - killed.bin'
done
ok 'verify --full at the end' git dv verify --full

done_testing
