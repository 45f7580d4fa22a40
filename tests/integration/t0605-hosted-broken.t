#!/bin/sh
# A hosted repository that is damaged, forged or of another kind; odd calls of the helper.
. "$(dirname "$0")/../lib.sh"

must git dv install
U=dvstore::$T/h
history_repo repo
must git -C repo remote add origin "$U"
must git -C repo push -q -u origin main
must git -C repo commit -q --allow-empty -m two
must git -C repo push -q
must git -C repo commit -q --allow-empty -m three
NEWEST=$T/h/git/refs/fffffffffffffffd
must test -f "$NEWEST"
cp -R h good
TIP=$(git ls-remote "$U" refs/heads/main | cut -f1)

# restore: the store as it was.
restore() {
	chmod -R u+w "$T/h"
	rm -rf "$T/h"
	cp -R "$T/good" "$T/h"
}

# seal FILE: its last line, made anew.
seal() {
	chmod u+w "$1"
	sed '/^sha256 /d' "$1" >"$HOME/m"
	printf 'sha256 %s\n' "$(sha256 <"$HOME/m" | cut -c1-64)" >>"$HOME/m"
	cat "$HOME/m" >"$1"
}

# Whether the store holds the very same bytes as before the call.
untouched() {
	(cd "$T/h" && find . -type f -not -path '*/writers/*' -exec cksum {} + | sort) >"$HOME/now"
	cmp "$HOME/before" "$HOME/now"
}

# refused DESC: by ls-remote, fetch, clone and push, and nothing changes.
refused() {
	(cd "$T/h" && find . -type f -exec cksum {} + | sort) >"$HOME/before"
	rm -rf "$T/n"
	fails "$1: ls-remote" git ls-remote "$U"
	says "$1: says what is wrong" 'error: '
	fails "$1: clone" git clone -q "$U" "$T/n"
	fails "$1: push" git -C repo push origin main
	ok "$1: nothing changed" untouched
	restore
}

# --- manifests ---
chmod u+w "$NEWEST"
: >"$NEWEST"
refused 'empty'
chmod u+w "$NEWEST"
head -c 150 good/git/refs/fffffffffffffffd >"$NEWEST"
refused 'cut off'
chmod u+w "$NEWEST"
patch_file "$NEWEST" 20 9
refused 'one byte changed'
chmod u+w "$NEWEST"
sed 's/^git-dv refs 1/git-dv refs 2/' good/git/refs/fffffffffffffffd >"$NEWEST"
seal "$NEWEST"
run git ls-remote "$U"
says 'of a later version' 'newer'
refused 'of a later version'
chmod u+w "$NEWEST"
cat good/git/refs/fffffffffffffffe >"$NEWEST"
refused 'of another number'
chmod u+w "$NEWEST"
head -c 100000 /dev/zero >"$NEWEST"
refused 'zeros'

# forge SED: the newest manifest with a right checksum.
forge() {
	chmod u+w "$NEWEST"
	sed "$1" good/git/refs/fffffffffffffffd >"$NEWEST"
	seal "$NEWEST"
}
for f in 's|^pack .*|pack ../../../../etc/passwd|' \
	's|^pack \(.*\)|pack ../\1|' \
	's|^pack .*|pack |' \
	's|refs/heads/main$|refs/heads/../../x|' \
	's|\(^ref.*\)refs/heads/main$|\1refs/heads/a b|' \
	's|\(^ref.*\)refs/heads/main$|\1HEAD|' \
	's|\(^ref.*\)refs/heads/main$|\1refs/heads/a.lock|' \
	's|\(^ref.*\)refs/heads/main$|\1config|' \
	's|^ref [0-9a-f]*|ref 0123|' \
	's|^ref [0-9a-f]*|ref zzzz3b1df6bcfb1a7f0a6ee2b9b9f2d3e6a6b1c7|' \
	's|^object-format .*|object-format md5|' \
	's|^object-format .*||' \
	's|^number .*|number -1|' \
	's|^number .*|number 99999999999999999999999|' \
	's|^head .*|head ../../x|' \
	's|^transaction .*|transaction x|'; do
	forge "$f"
	refused "forged with $f"
done
# What is not known is passed over, for later versions.
forge '/^head/a\
signature abc'
ok 'a line that is not known' git ls-remote "$U"
restore
# Right in form, but the objects are not there.
forge 's|^ref [0-9a-f]*|ref 0123456789012345678901234567890123456789|'
fails 'clone of a ref to nothing' git clone -q "$U" n
rm -rf n
restore
chmod -R u+w h
rm -f h/git/pack/*.pack
fails 'clone without packs' git clone -q "$U" n
rm -rf n
restore
# A pack that is missing or cut off: nobody builds on it.
PACK=$(sed -n 's/^pack //p' "$NEWEST" | head -n 1)
for e in pack idx; do
	chmod -R u+w h
	rm -f "h/git/pack/pack-$PACK.$e"
	run git ls-remote "$U"
	says 'names it' "pack-$PACK.$e"
	run git -C repo push origin main
	says 'and so does a push' "pack-$PACK.$e"
	refused "a missing $e"
	chmod -R u+w h
	head -c 300 "good/git/pack/pack-$PACK.$e" >"h/git/pack/pack-$PACK.$e"
	refused "a $e that is cut off"
	chmod -R u+w h
	: >"h/git/pack/pack-$PACK.$e"
	refused "an empty $e"
done
# Two refs of which one is a folder of the other.
forge 's|^ref \([0-9a-f]*\) refs/heads/main|&\
ref \1 refs/heads/main/sub|'
run git clone -q "$U" n
ok 'ends without a signal' test "$T_RC" -lt 129
rm -rf n
restore

# --- the hint ---
chmod -R u+w h
for hint in '' 1 0 2 -1 abc '3 4' 18446744073709551615 99999999999999999999999; do
	printf '%s\n' "$hint" >h/git/latest
	is "latest is '$hint'" "$(git ls-remote "$U" refs/heads/main | cut -f1)" "$TIP"
done
rm h/git/latest
is 'latest is gone' "$(git ls-remote "$U" refs/heads/main | cut -f1)" "$TIP"
ok 'push without it' git -C repo push -q origin main
TIP=$(git -C repo rev-parse main)
is 'it went through' "$(git ls-remote "$U" refs/heads/main | cut -f1)" "$TIP"
rm -rf good
cp -R h good
NEWEST=$T/h/git/refs/fffffffffffffffc
must git clone -q "$U" two
# It is written after the manifest: refs that it names and that are not there are lost.
must git -C two remote update -p
for lost in fffffffffffffffc all; do
	chmod -R u+w h
	if test "$lost" = all; then rm -rf h/git/refs; else rm "h/git/refs/$lost"; fi
	run git ls-remote "$U"
	says "lost refs ($lost): says so" 'has lost refs'
	fails "lost refs ($lost): fetch --prune" git -C two fetch -q --prune
	is "lost refs ($lost): keeps its own" "$(git -C two rev-parse origin/main)" "$TIP"
	refused "lost refs ($lost)"
done
chmod -R u+w h
rm -r h/git/refs h/git/latest
ok 'neither: as a first push that was killed leaves it' git -C repo push -q origin main
is 'it went through' "$(git ls-remote "$U" refs/heads/main | cut -f1)" "$TIP"
restore

# --- somebody else is faster: manifest n+1 appears between list and push ---
# The store as another push leaves it is put there by a pre-push hook: it runs after the list
# and before the push.
must git -C two commit -q --allow-empty -m 'the faster one'
cp -R h aside
must git -C two push -q "dvstore::$T/aside" main main:other
restore
must git -C repo commit -q --allow-empty -m 'the slower one'
mv repo/.git/hooks/pre-push "$HOME/pre-push"
cat >repo/.git/hooks/pre-push <<END
#!/bin/sh
cat >/dev/null
chmod -R u+w '$T/h'
cp -R '$T/aside/.' '$T/h'
END
chmod +x repo/.git/hooks/pre-push
code 1 'another push moved the ref meanwhile' git -C repo push origin main
says 'says so' 'fetch first'
is 'it stays as it is' "$(git ls-remote "$U" refs/heads/main | cut -f1)" "$(git -C two rev-parse main)"
restore
code 1 'atomic' git -C repo push --atomic origin main main:mine
is 'no ref of it' "$(git ls-remote "$U" refs/heads/mine)" ''
restore
ok 'another push moved another ref meanwhile' git -C repo push -q origin main:mine
is 'both are there' "$(git ls-remote "$U" refs/heads/mine refs/heads/other | cut -f1)" \
	"$(git -C repo rev-parse main)
$(git -C two rev-parse main)"
restore
code 1 'by force, but with a lease' git -C repo push --force-with-lease=main:"$TIP" origin main
rm repo/.git/hooks/pre-push
mv "$HOME/pre-push" repo/.git/hooks/pre-push
restore

# --- not a store, another version, unknown URLs ---
chmod u+w h/format
sed 's/^git-dv store 1/git-dv store 2/' good/format >h/format
refused 'store of a newer version'
chmod u+w h/format
sed 's/^read-features.*/read-features magic/' good/format >h/format
refused 'a read feature'
chmod u+w h/format
sed 's/^write-features.*/write-features magic/' good/format >h/format
ok 'a write feature: reads' git ls-remote "$U"
fails 'a write feature: push' git -C repo push origin main
says 'names it' 'magic'
restore
chmod u+w h/format
: >h/format
refused 'an empty format file'
mkdir other
echo x >other/file
fails 'a directory that is neither' git -C repo push "dvstore::$T/other" main
says 'says so' 'neither'
is 'is as it was' "$(ls -A other)" file
fails 'fetch from it' git -C repo fetch "dvstore::$T/other"
fails 'a file' git -C repo push "dvstore::$T/other/file" main
for u in foo://x/y s3:// '' 'file://host/x'; do
	fails "dvstore::$u" git -C repo ls-remote "dvstore::$u"
	fails "push to dvstore::$u" git -C repo push "dvstore::$u" main
done
# Git must not write to a helper that has gone: it would die of SIGPIPE.
{
	trap '' PIPE
	sleep 0.3
	echo capabilities 2>/dev/null || : >"$HOME/gone"
} | git-remote-dvstore origin file://host/x >/dev/null 2>&1
ok 'the helper stays until git has spoken' not test -e "$HOME/gone"
fails 'store in a place that cannot be made' git -C repo push dvstore::/proc/x/y main

# --- the helper by hand ---
helper() {
	printf "$1" | GIT_DIR=$T/repo/.git git-remote-dvstore origin "$T/h"
}
run helper 'capabilities\n\n'
says 'capabilities: push' push
says 'capabilities: option' option
says_not 'capabilities: not fetch, which is by connect' fetch
fails 'fetch all the same' helper 'fetch 0123456789012345678901234567890123456789 refs/heads/main\n\n'
says 'says so' 'unknown command'
ok 'nothing at all' helper ''
ok 'only a blank line' helper '\n'
fails 'an unknown command' helper 'frobnicate\n\n'
says 'names it' frobnicate
run helper 'option nonsense 1\n\n'
is 'an unknown option' "$(cat "$T_OUT")" unsupported
run helper 'option\n\n'
ok 'an option without a name ends without a signal' test "$T_RC" -lt 129
for l in 'option cas\n' 'option verbosity x\n' 'option depth 1\n' 'connect\n' 'connect \n' \
	'connect git-receive-pack\n' 'list for-pull\n' 'fetch\n' 'fetch \n\n' 'fetch x y\n\n' \
	'push\n' 'push \n\n' 'push :\n\n' 'push a\n\n' 'push a:\n\n' 'push nothing:refs/heads/x\n\n' \
	'push refs/heads/main:refs/heads/a..b\n\n' 'push refs/heads/main:../../x\n\n' \
	'push refs/heads/main:HEAD\n\n' 'push refs/heads/main\n' '\001\377\n' 'list'; do
	run helper "capabilities\nlist for-push\n$l"
	ok "'$l' ends without a signal" test "$T_RC" -lt 129
done
run helper 'list for-push\npush nothing:refs/heads/x\n\n'
says 'a source that does not exist' 'error refs/heads/x'
run helper 'list for-push\npush refs/heads/main:refs/heads/a..b\n\n'
says 'a name that is none' 'error refs/heads/a..b'
code 129 'no arguments' git-remote-dvstore
# A terminal that is closed while git reads.
mkdir tmp
mkfifo pipe
(TMPDIR=$T/tmp exec git-remote-dvstore origin "$T/h" <pipe >"$T/answer") &
pid=$!
exec 9>pipe
printf 'connect git-upload-pack\n' >&9
while ! test -s answer || test -z "$(ls tmp)"; do sleep 0.1; done
kill -HUP $pid
exec 9>&-
wait $pid
is 'no temporary folder stays' "$(ls tmp)" ''
is 'the store is as it was' "$(git ls-remote "$U" | sort)" "$(git ls-remote "dvstore::$T/good" | sort)"
fails 'helper outside of a repository' sh -c "cd / && printf 'push a:refs/heads/b\n\n' |
	git-remote-dvstore origin '$T/h'  | grep ok"

# --- packs are merged while a reader has an old manifest ---
must git -C two pull -q
must git clone -q "$U" reader
restore
i=0
while test "$i" -lt 25; do
	i=$((i + 1))
	must git -C two commit -q --allow-empty -m "small $i"
	must git -C two push -q origin main
	test "$i" -ne 10 || cp -R h old
done
newest=$(ls h/git/refs | head -n 1)
ok 'they were merged' test "$(grep -c '^pack ' "h/git/refs/$newest")" -le 24
for p in $(sed -n 's/^pack //p' old/git/refs/"$(ls old/git/refs | head -n 1)"); do
	test -f "h/git/pack/pack-$p.pack" || fail "pack $p is gone"
done
ok 'clone' git clone -q "$U" m
ok 'fsck' git -C m fsck --strict
ok 'is whole' tree_is m two
ok 'a reader of long ago' git -C reader pull -q
is 'has all' "$(git -C reader rev-parse HEAD)" "$(git -C two rev-parse HEAD)"
# The reader of an old manifest: its refs, and the packs of today.
chmod -R u+w h
mkdir late
cp -R h/. late
chmod -R u+w late
rm -rf late/git/refs late/git/latest
cp -R old/git/refs late/git/refs
ok 'clone by an old manifest' git clone -q "dvstore::$T/late" l
ok 'fsck' git -C l fsck --strict

done_testing
