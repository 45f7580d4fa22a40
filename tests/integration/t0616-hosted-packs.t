#!/bin/sh
# Packs of a hosted repository: one a push whatever the user has set, and bad ones replaced.
. "$(dirname "$0")/../lib.sh"

must git dv install
U=dvstore::$T/h
must git init -q repo
cd repo || exit 1

# --- pack.packSizeLimit ---
must git config pack.packSizeLimit 1m
for i in 1 2 3; do make_noise "plain$i" 700000 "$i"; done
must git add .
must git commit -qm big
ok 'a push above pack.packSizeLimit' git push -q "$U" main
is 'is one pack' "$(find ../h/git/pack -name '*.pack' | wc -l | tr -d ' ')" 1
i=0
while test "$i" -lt 25; do
	i=$((i + 1))
	make_noise small 90000 "$((10 + i))"
	must git add .
	must git commit -qm "$i"
	must git push -q "$U" main
done
newest=$(ls ../h/git/refs | head -n 1)
ok 'packs are merged above it' test "$(grep -c '^pack ' "../h/git/refs/$newest")" -le 24
ok 'clone' git clone -q "$U" ../c
ok 'fsck' git -C ../c fsck --strict
is 'has all' "$(git -C ../c rev-parse HEAD)" "$(git rev-parse HEAD)"
must git config --unset pack.packSizeLimit

# --- what a killed push, or a bad disk, left under the name of a pack ---
must git push -q "dvstore::$T/one" main
P=$(cd ../one/git/pack && ls ./*.pack)
for f in "$P" "${P%pack}idx"; do
	for how in ': >F' 'head -c 40 S >F' 'head -c 40 S >F; tail -c 20 S >>F'; do
		test "$how" != "${how#*tail}" && test "$f" != "$P" && continue
		chmod -R u+w ../one
		rm -rf ../one/git/refs ../one/git/latest ../c
		cp "../one/git/pack/$f" "$T/saved"
		must sh -c "$(echo "$how" | sed "s|F|'../one/git/pack/$f'|g; s|S|'$T/saved'|g")"
		ok "push over a bad ${f##*.} ($how)" git push -q "dvstore::$T/one" main
		ok 'it is replaced' cmp "$T/saved" "../one/git/pack/$f"
		ok 'clone' git clone -q "dvstore::$T/one" ../c
	done
done
must git push -q "dvstore::$T/one" main:other
rm -rf ../one/git/refs ../one/git/latest
inode=$(find ../one/git/pack -name "${P#./}" -printf '%i')
ok 'push over a good one' git push -q "dvstore::$T/one" main
is 'it stays' "$(find ../one/git/pack -name "${P#./}" -printf '%i')" "$inode"

done_testing
