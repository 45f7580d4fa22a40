#!/bin/sh
# Registries that somebody else wrote: nothing outside is touched, each is named.
. "$(dirname "$0")/../lib.sh"

new_repo repo
cd repo || exit 1
echo content >data.bin
must git dv version data.bin good --version 1
must cp .dv/registry/good.json "$T/good.json"
oid=$(sed -n 's/.*"oid": "\(.*\)",*/\1/p' "$T/good.json")
sum=${oid#sha256:}
snapshot_outside() { (cd "$T" && find . -path ./repo -prune -o -print | LC_ALL=C sort); }
outside=$(snapshot_outside)

# --- names ---
for name in ../x /abs a/b .git .hidden -x 'a\b' 'a:b' 'x@y' 'dot.' 'space ' '' "$(printf 'new\nline')" \
	"$(printf 'bytes\377')" 'q?' 'st*r' "$(printf '%0101d' 0)" \
	CON nul aux.x 'com1 .csv' "LPT$(printf '\302\271')" \
	"$(printf 'a\342\200\256b')" "$(printf 'a\342\200\213b')"; do
	fails "the name '$(printf %s "$name" | tr -c '[:print:]' '?' | cut -c1-20)' is refused" \
		git dv version -- data.bin "$name"
done
for name in console com10 aux-1 'with space' "$(printf 'caf\303\251')" 1 a.b_c-d; do
	ok "the name '$name' is taken" git dv version data.bin "$name"
	ok "and found" git dv info "$name"
done
fails 'a description that is no text' git dv version data.bin good -d "$(printf 'a\n\377')"
fails 'meta that is none' git dv version data.bin good -m "k=$(printf '\033')"
fails 'meta twice' git dv version data.bin good -m k=1 -m k=2
fails 'meta without a key' git dv version data.bin good -m =1
fails 'a name that would control a terminal' git dv version data.bin "$(printf 'a\033[2Jb\342\200\256c')"
says 'is shown without doing so' "error: 'a\\x1b[2Jb\\xe2\\x80\\xaec' is no name: it "
fails 'a version that would' git dv get "good@$(printf '\033[2J')"
says 'as well' "no alias '\\x1b[2J'"
is 'nothing of these was recorded' "$(git dv list -z good | tr '\0' ' ')" '1 '
ok 'lines are fine' git dv version data.bin lines -d "$(printf 'a\n\tb')" -m "k=$(printf 'x\ny')"
fails 'a path for a version' git dv version data.bin good --version ../../x
fails 'a path for an alias' git dv alias good ../x 1
fails 'get of a path' git dv get ../../good
fails 'info of a path' git dv info /etc/passwd
fails 'rename to a path' git dv rename good ../good
fails 'remove of a path' git dv remove --yes ../good
fails 'rename of a path' git dv rename ../good x

# --- what a registry holds ---
r=.dv/registry/evil.json
bad() {	# DESC SAYS [DO]: of what stands in $r
	fails "$1" git dv get evil
	says "$1: names the file" "'$r' cannot be used"
	says "$1: says why" "$2"
	says "$1: and what to do" "${3-repair it}"
}
# version FIELDS: one version with these fields
version() {
	printf '{"format": 1, "versions": {"1": {%s}}}' "$1" >$r
}
base='"created": "2024-01-01T00:00:00Z", "size": 8'
: >$r
bad 'an empty file' 'not JSON'
echo '{"format": 1, "versions": {' >$r
bad 'half a file' 'not JSON'
printf '<<<<<<< ours\n{}\n=======\n' >$r
bad 'marks of a conflict' 'not JSON'
printf '{"format": 1, "versions": {}} x' >$r
bad 'something behind it' 'not JSON'
echo '[]' >$r
bad 'a list' 'not a registry'
echo '{"format": 2, "versions": {}}' >$r
bad 'a later format' 'later format' 'a newer git-dv reads it'
echo '{"format": 1, "versions": {"1": {}, "1": {}}}' >$r
bad 'a version twice' twice
echo '{"format": 1, "versions": {"../../x": {}}}' >$r
bad 'a path for a version' 'is no version'
echo '{"format": 1, "versions": {"a\u0000b": {}}}' >$r
bad 'NUL' NUL
printf '{"format": 1, "versions": {"a\377": {}}}' >$r
bad 'not UTF-8' 'not UTF-8'
perl -e 'print "{\"format\": 1, \"versions\": ", "[" x 100000, "]" x 100000, "}"' >$r
bad 'nested too deeply' 'nested too deeply'
perl -e 'print "[" x 10000000' >$r
bad 'nested much too deeply' 'nested too deeply'
perl -e 'print " " x (17 << 20)' >$r
bad 'too large' 'larger than 16 MiB'
for f in ../../outside /etc/passwd .git/config a/../../b .GIT/x a//b 'x/.git /y' .; do
	version "\"file\": \"$f\", $base"
	bad "the file '$f'" 'is no path of a file below'
done
version "$base"
bad 'no file' "'file' is missing"
version '"file": "f", "created": "now", "size": 8'
bad 'no time' 'is not a time'
version '"file": "f", "created": "2024-01-01T00:00:00", "size": 8'
bad 'a time without a zone' 'is not a time'
for size in -1 1.5 1e300 '"8"' null; do
	version "\"file\": \"f\", \"created\": \"2024-01-01T00:00:00Z\", \"size\": $size"
	bad "the size $size" 'not a number of bytes'
done
version "\"file\": \"f\", $base, \"oid\": \"sha256:12\""
bad 'a short oid' 'not a file id'
version "\"file\": \"f\", $base, \"oid\": \"$sum\""
bad 'an oid without a scheme' 'not a file id'
version "\"file\": \"f\", $base, \"oid\": \"$oid\", \"sha256\": \"$(printf '%064d' 0)\""
bad 'a checksum of something else' 'not that of the file id'
version "\"file\": \"f\", $base, \"meta\": {\"a\": {}}"
bad 'meta that is not text' "'meta'"
version "\"file\": \"f\", $base, \"description\": 1"
bad 'a description that is not text' "'description'"
version "\"file\": \"f\", $base, \"description\": \"\\u001b[2J\""
bad 'a description that would control a terminal' "'description' holds control characters"
version "\"file\": \"f\", $base, \"meta\": {\"a\": \"\\u009b\"}"
bad 'meta that would' "'meta'"
fails 'list goes on' git dv list
says 'with the others' 'good '
fails 'no version is added to it' git dv version data.bin evil
ok 'it can be removed' git dv remove --yes evil

version "\"file\": \"f\", $base"
fails 'a version that points nowhere' git dv get evil
says 'is told' 'was never stored'
version "\"file\": \"f\", $base, \"oid\": \"dv1:$sum\""
fails 'a version of content that nobody has' git dv get evil
says 'is named' "'evil' version '1' is not here"
ok 'leaves no file' test ! -e f
printf '{"format": 1, "aliases": {"prod": "9"}, "versions": {"1": {"file": "f", %s, "oid": "%s"}}}' "$base" "$oid" >$r
fails 'an alias of nothing' git dv get evil@prod
says 'is told' "its alias 'prod' points at '9'"
fails 'check tells it' git dv registry check
ok 'the version itself is good' git dv get evil
is 'as its content' "$(cat f)" content
printf '{"format": 1, "versions": {"1": {"file": "f", "created": "2024-01-01T00:00:00Z", "size": 9, "oid": "%s"}}}' "$oid" >$r
rm f
fails 'a size that is not the content'"'"'s' git dv get evil
ok 'leaves no file' test ! -e f

# --- links ---
mkdir "$T/target"
ln -s "$T/target" dir
printf '{"format": 1, "versions": {"1": {"file": "dir/f", %s, "oid": "%s"}}}' "$base" "$oid" >$r
fails 'get through a link of the worktree' git dv get evil
ok 'writes nothing outside' test ! -e "$T/target/f"
printf '{"format": 1, "versions": {"1": {"file": "link", %s, "oid": "%s"}}}' "$base" "$oid" >$r
echo precious >"$T/target/precious"
ln -s "$T/target/precious" link
fails 'get onto a link' git dv get evil
ok 'with --force replaces the link' git dv get --force evil
is 'not where it leads' "$(cat "$T/target/precious")" precious
rm $r dir
ln -s "$T/good.json" $r
fails 'a registry that is a link' git dv info evil
says 'is not followed' 'not a regular file'
rm $r
mkfifo $r
fails 'one that is a pipe' git dv info evil
rm $r
mv .dv "$T/dv"
ln -s "$T/dv" .dv
fails 'a folder of registries that is a link' git dv list
says 'is not followed' "'.dv' is not a folder"
fails 'nor written to' git dv version data.bin new
ok 'at all' test ! -e "$T/dv/registry/new.json"
rm .dv
mv "$T/dv" .dv
rm -r "$T/target"
is 'nothing outside changed' "$(snapshot_outside)" "$outside"

# --- in history ---
cd "$T" || exit 1
publish repo
cd repo || exit 1
echo '{' >.dv/registry/broken.json
must git add -A
must git commit -qm broken
ok 'push of a broken registry' git push -q
says 'warns' "'.dv/registry/broken.json'"
ok 'pull of it' git dv pull
says 'warns' 'is no registry'
done_testing
