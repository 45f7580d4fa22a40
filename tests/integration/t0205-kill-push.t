#!/bin/sh
# Workflow 38: kill -9 in the middle of push and pull. A ref on a remote means that its content
# is there, and the next command goes on.
. "$(dirname "$0")/../lib.sh"

must git dv install
published_repo repo
cd repo || exit 1

n=200
make_noise killed.bin 24000000 "$n"
must git add killed.bin
must git commit -qm 'with the large file'

# Push and pull.
for when in 0.01 0.03 0.06 0.1 0.2; do
	n=$((n + 1))
	make_noise killed.bin 24000000 "$n"
	must git commit -qam "push at $when"
	start git push -q origin HEAD:refs/heads/pushed
	sleep "$when"
	stop KILL
	unlock . ../repo.git
	ok "push after kill -9 at $when s" git push -q origin HEAD:refs/heads/pushed
	rm -rf ../c
	ok 'clone of it' git clone -q -b pushed ../repo.git ../c
	ok 'has the content' cmp killed.bin ../c/killed.bin
done
rm -rf ../c
cd .. || exit 1
for when in 0.02 0.05 0.1; do
	rm -rf repo/.git/dv
	start git -C repo dv pull
	sleep "$when"
	stop KILL
	unlock repo
	ok "pull after kill -9 at $when s" git -C repo dv pull
	ok 'verify' git -C repo dv verify --full
	ok 'content is local' sh -c 'git -C repo cat-file --filters HEAD:killed.bin | cmp - repo/killed.bin'
done

# What killed uploads left is removed beside the next pack, once it is a week old.
store=$T/repo.store
i=0
while test $i -lt 256; do
	d=$store/packs/$(printf %02x $i)
	mkdir -p "$d"
	: >"$d/.tmp-young"
	touch -d '8 days ago' "$d/.tmp-old"
	i=$((i + 1))
done
make_noise repo/killed.bin 300000 99
must git -C repo commit -qam 'one pack'
ok 'push' git -C repo push -q origin HEAD:refs/heads/pushed
is 'an old leftover is gone' "$(ls -a "$store"/packs/* | grep -c tmp-old)" 255
is 'young ones stay' "$(ls -a "$store"/packs/* | grep -c tmp-young)" 256

done_testing
