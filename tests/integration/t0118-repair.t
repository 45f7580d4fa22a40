#!/bin/sh
# Git's index and files that are in place: what placement, a kill, or other programs leave behind
# is put right, and nothing else is staged.
. "$(dirname "$0")/../lib.sh"

must git dv install
published_repo repo
must git -C repo config filter.dv.required true

# --- pointers with other dates than the index has ---
must env GIT_DV_SKIP_SMUDGE=1 git clone -q repo.git a
cp -r a b
touch a/big.bin
ok 'pull in a clone of pointers, one of them touched' git -C a dv pull
is 'clean' "$(git -C a status --porcelain)" ''
ok 'pull in a copy of it' git -C b dv pull
is 'clean' "$(git -C b status --porcelain)" ''
ok 'content' cmp b/big.bin repo/big.bin
ok 'checkout of another commit' git -C b checkout -q HEAD~1

# --- killed between the exchange and the index ---
must env GIT_DV_SKIP_SMUDGE=1 git clone -q repo.git c
cp repo/big.bin c/big.bin
isnt 'git takes it for modified' "$(git -C c status --porcelain big.bin)" ''
ok 'checkout puts it right' git -C c dv checkout big.bin
says 'says so' 'Git knows it now'
is 'clean' "$(git -C c status --porcelain big.bin)" ''
cp repo/big.bin c/big.bin
printf x | dd of=c/big.bin bs=1 seek=1000 conv=notrunc 2>/dev/null
must git -C c update-index --cacheinfo "100644,$(git -C c rev-parse :big.bin),big.bin"
ok 'an edit stays one' git -C c dv checkout big.bin
is 'and is modified' "$(git -C c status --porcelain big.bin)" ' M big.bin'

# --- a split index ---
must git clone -q repo.git s
must git -C s update-index --split-index
ok 'restore of an older version' git -C s restore --source=HEAD~1 big.bin
is 'it is not staged' "$(git -C s status --porcelain)" ' M big.bin'
ok 'restore of this one' git -C s restore big.bin
is 'clean' "$(git -C s status --porcelain)" ''

# --- damage here, good content there: small files ---
new_repo small
make_noise small/small.bin 200000 5
must git -C small dv remote add store "$T/small.store"
must git -C small add -A
must git -C small commit -q -m small
must git -C small dv push
must git clone -q small d
small=small.bin
cp d/small.bin kept
ok 'it is here' cmp kept small/small.bin
for p in d/.git/dv/packs/*; do
	chmod u+w "$p"
	perl -e 'local $/; my $d = <STDIN>; substr($d, $_ * 500 + 100, 1) ^= "\1" for 0 .. 380; print $d' <"$p" >x
	cat x >"$p"
done
rm d/small.bin
ok 'checkout goes on' git -C d checkout -q -- "$small"
says 'names the file' "$small"
ok 'it is a pointer' grep -q '^version git-dv/1' "d/$small"
fails 'verify finds the damage' git -C d dv verify
ok 'pull brings it back' git -C d dv pull
ok 'it is right' cmp "d/$small" kept
is 'clean' "$(git -C d status --porcelain "$small")" ''

done_testing
