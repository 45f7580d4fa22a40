#!/bin/sh
# git dv remote check of a store that hosts a Git repository.
. "$(dirname "$0")/../lib.sh"

must git dv install
history_repo repo
U=dvstore::$T/h
must git -C repo push -q "$U" main side
must git -C repo commit -q --allow-empty -m more
must git -C repo push -q "$U" main
cp -R h good
restore() {
	chmod -R u+w "$T/h"
	rm -rf "$T/h"
	cp -R "$T/good" "$T/h"
}

ok 'a whole one' git dv remote check "$U"
says 'says so' 'the Git repository on it is whole: 2 refs, 2 packs'
must git -C repo dv remote add --local store "$T/data"
ok 'a store without one' git dv remote check "$T/data"
says_not 'says nothing of one' 'Git repository'
must git -C repo remote add h "$U"
ok 'by the name of the remote' git -C repo dv remote check h
says 'looks at it' 'the Git repository on it is whole'

for p in h/git/pack/*.pack; do
	chmod u+w "$p"
	patch_file "$p" "$(($(file_size "$p") / 2))" XXXX
	code 1 'a byte in the middle of a pack' git dv remote check "$U"
	says 'says so' 'FAILED the Git repository'
	says 'names it' "'git/pack/${p##*/}' in '$T/h', which has objects of Git, is damaged"
	says_not 'in our words alone' 'fatal'
	restore
done
p=$(find h/git/pack -name '*.pack' | head -n 1)
chmod -R u+w h
rm "$p"
code 1 'a missing pack' git dv remote check "$U"
says 'names it' "${p##*/}"
restore
chmod -R u+w h
rm -r h/git/refs
code 1 'lost refs' git dv remote check "$U"
says 'says so' 'has lost refs'
restore
NEWEST=h/git/refs/$(ls h/git/refs | head -n 1)
chmod u+w "$NEWEST"
patch_file "$NEWEST" 20 9
code 1 'a damaged manifest' git dv remote check "$U"
restore
# Right in form, but without the pack of what came first.
chmod u+w "$NEWEST"
first=$(sed -n 's/^pack //p' good/git/refs/fffffffffffffffe)
sed "/^sha256 /d; /^pack $first/d" "good/${NEWEST#h/}" >m
{ cat m; printf 'sha256 %s\n' "$(sha256 <m | cut -c1-64)"; } >"$NEWEST"
code 1 'objects that no pack has' git dv remote check "$U"
says 'says so' 'lacks objects of Git'
restore
if read_only h; then
	ok 'one that cannot be written to' git dv remote check "$U"
	says 'looks at it' 'the Git repository on it is whole'
	read_write h
else
	skip 2 'cannot make a folder read-only'
fi
new_repo s --object-format=sha256
must git -C s push -q "dvstore::$T/s.store" main
ok 'SHA-256' git dv remote check "dvstore::$T/s.store"
says 'is whole' '1 ref, 1 pack'

done_testing
