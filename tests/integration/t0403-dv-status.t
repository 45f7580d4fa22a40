#!/bin/sh
# git dv status, ls-files, cat, pointer, env, verify: what they show, for people and programs.
. "$(dirname "$0")/../lib.sh"

must git dv install
published_repo repo
cd repo || exit 1

ok 'status of a clean repository' git dv status
ok 'porcelain' git dv status --porcelain=v1
is 'is empty' "$(git dv status --porcelain=v1)" ''
ok 'json' git dv status --json
says_json 'is JSON'
code 129 'another version of porcelain is a usage error' git dv status --porcelain=v9

patch_file big.bin 3 modified
patch_file sub/large.bin 3 staged
must git add sub/large.bin
make_noise 'a b.bin' 1200000 91
make_noise unversioned.raw 9000000 92
for f in '' --porcelain=v1 --json; do
	# shellcheck disable=SC2086
	ok "status $f exits 0" git dv status $f
	says 'names what is modified' big.bin
	says 'and staged' sub/large.bin
done
says_json 'is JSON'
ok 'status -z' sh -c 'git dv status --porcelain=v1 -z | tr "\0" "\n" | grep -q "big.bin$"'
ok 'has NULs and no newline' sh -c 'git dv status --porcelain=v1 -z >../z; tr -d "\0" <../z >../z2;
	test "$(wc -c <../z)" -gt "$(wc -c <../z2)" && test "$(wc -l <../z)" -eq 0'
mkdir -p sub/deep
ok 'status in a folder' git -C sub/deep dv status
says 'has paths from there' '../large.bin ('
says 'in folders above too' '../../big.bin ('
run git -C sub dv status
says 'below without any dots' '	modified      large.bin ('
run git -C sub dv status --porcelain
says 'porcelain has them from the top' 'SM sub/large.bin'
run git -C sub -c status.relativePaths=false dv status
says 'and so it is where that is set' ' sub/large.bin ('
must git commit -qam edits
ok 'status' git dv status
says 'tells what is not pushed' 'push'
must git push -q origin main
run git dv status
says_not 'and no more when it is' big.bin

# Left as pointer, and missing.
rm -rf ../c
must env GIT_DV_SKIP_SMUDGE=1 git clone -q ../repo.git ../c
cd ../c || exit 1
ok 'status of a clone of pointers' git dv status
says 'names a file' big.bin
run git dv status --porcelain=v1
pointers=$(cat "$T_OUT")
fails 'checkout -n of content that is not here' git dv checkout -n big.bin
says_not 'promises nothing' 'would place'
says 'and names it' big.bin
must git dv fetch
ok 'checkout -n of content that is here' git dv checkout -n big.bin
says 'says so' "would place 'big.bin'"
must git dv checkout
run git dv status --porcelain=v1
isnt 'differs from that of a clone with content' "$pointers" "$(cat "$T_OUT")"
is 'which shows nothing' "$(cat "$T_OUT")" ''
rm big.bin
run git dv status --porcelain=v1
says 'a deleted file is shown' big.bin
must git checkout -q -- big.bin
rm -rf ../d
must env GIT_DV_SKIP_SMUDGE=1 git clone -q ../repo.git ../d
printf edit >../d/big.bin
run git -C ../d dv status --porcelain=v1
says 'an edit over a pointer is modified' 'MM big.bin'
says_not 'and no longer left as a pointer' 'L. big.bin'
says 'others are' 'L. new.bin'

# "nothing to do" is said only where it is so.
new_repo ../raw
cd ../raw || exit 1
mkdir csv
make_json table.csv 2000 1
: >empty.csv
printf '#!/bin/sh\n' >tool.sh
make_json csv/.x.csv 30 2
must git add -A
must git commit -qm 'not yet tracked'
must git dv track '*.csv'
must git add .gitattributes
must git commit -qm 'now tracked'
run git dv status --porcelain=v1
says 'raw content of a tracked file is named' 'R. table.csv'
says 'a short one' 'R. csv/.x.csv'
says_not 'an empty one is as it should be' empty.csv
says_not 'and no other' tool.sh
run git dv status
says 'what mends it' 'track --renormalize'
run git dv status --json
says 'in JSON' '"raw"'
size=$(git cat-file -s :table.csv)
says 'with its size' "\"size\":	$size"

# Sizes that the index does not have, and staged content that is no pointer.
must git rm -q --cached empty.csv
make_noise big.data 12000000 3
must git add big.data
must git read-tree "$(git write-tree)"
run git dv status
says 'the size of raw content' 'table.csv (162.4 KiB)'
says 'and of data without git-dv' 'big.data (11.4 MiB)'
says_not 'none is left out' '(0 bytes)'
run git dv status --json
says 'in JSON too' "\"size\":	$size"
must git reset -q --hard
rm -f big.data
must git dv track --renormalize
must git commit -qm pointers
make_json table.csv 2000 3
must git -c filter.dv.process= -c filter.dv.clean= -c filter.dv.required=false add table.csv
run git dv status
says 'staged raw content' 'modified      table.csv (162.4 KiB)'
says_not 'has a size as well' '(0 bytes)'
must git reset -q --hard
is 'nothing is left to do then' "$(git dv status --porcelain=v1)" ''

must git init -q ../damaged
cd ../damaged || exit 1
must git dv init
must git dv track '*.bin'
make_noise whole.bin 200000 78
must git add -A
must git commit -qm whole
ls .git/dv/packs >../packs
make_noise damaged.bin 3000000 77
must git add damaged.bin
must git commit -qm damaged
pack=$(ls .git/dv/packs | grep -vxFf ../packs)
chmod u+w ".git/dv/packs/$pack"
patch_file ".git/dv/packs/$pack" 1500000 damage
fails 'verify finds damage' git dv verify
run git dv status --porcelain=v1
says 'and status the file that lacks content' 'X. damaged.bin'
says_not 'and no other' whole.bin
cd ../c || exit 1

# ls-files
ok 'ls-files' git dv ls-files
for f in big.bin sub/large.bin small.json tiny.bin new.bin; do
	says "names $f" "$f"
done
says_not 'and not plain files' plain.txt
ok 'ls-files -z' sh -c 'git dv ls-files -z | tr "\0" "\n" | grep -q big.bin'
ok 'ls-files of a path' git dv ls-files sub
says 'names it' large.bin
says_not 'and no other' big.bin

# cat, pointer, env
ok 'cat PATH' sh -c 'git dv cat big.bin | cmp - big.bin'
ok 'cat OID' sh -c 'git dv cat "$(git cat-file blob HEAD:big.bin | sed -n "s/^oid //p")" | cmp - big.bin'
ok 'cat of a small file' sh -c 'git dv cat tiny.bin | cmp - tiny.bin'
fails 'cat of nothing there' git dv cat no-such-file
says 'names it' no-such-file
fails 'cat of an oid that is nowhere' git dv cat "dv1:$(printf %064d 5)"
: >empty.bin
must git add empty.bin
ok 'cat of an empty file' git dv cat empty.bin
is 'is empty' "$(cat "$T_OUT" "$T_ERR")" ''
must git rm -qf --cached empty.bin
rm empty.bin
is 'cat into a closed pipe says nothing' "$({ git dv cat big.bin 2>&3 | head -c 10 >/dev/null; } 3>&1)" ''
ok 'cat into a closed pipe ends' sh -c 'git dv cat big.bin | head -c 10 >/dev/null'
ok 'pointer FILE' sh -c 'git dv pointer big.bin >../p && git cat-file blob HEAD:big.bin | cmp - ../p'
cp big.bin ../outside.dat
ok 'pointer of a file outside, that is not tracked' sh -c 'git dv pointer ../outside.dat | cmp - ../p'
fails 'pointer of nothing there' git dv pointer no-such-file
says 'names it' no-such-file
fails 'pointer of a directory' git dv pointer sub
ok 'env' git dv env
says 'names the store' "$(pwd -P)/.git/dv"

# verify
ok 'verify' git dv verify
says 'sums it up' ': all good'
ok 'verify --quick' git dv verify --quick
ok 'verify -q' git dv verify -q
is 'says nothing' "$(cat "$T_OUT" "$T_ERR")" ''
ok 'verify --full' git dv verify --full

# Pointers that no content can ever fit.
for f in big tiny; do
	git cat-file blob "HEAD:$f.bin" | sed 's/^size .*/size 77777/' >../wrong
	blob=$(git hash-object -w --no-filters ../wrong)
	must git update-index --add --cacheinfo "100644,$blob,wrong-$f.bin"
done
{ git cat-file blob HEAD:big.bin && echo more; } >../wrong
must git update-index --add --cacheinfo "100644,$(git hash-object -w --no-filters ../wrong),spoilt.bin"
must git -c core.hooksPath=/nowhere commit -qm wrong
for f in '' --quick --full; do
	# shellcheck disable=SC2086
	fails "verify $f of wrong pointers" git dv verify $f
	says 'names one of a large file' "wrong pointer: 'wrong-big.bin'"
	says 'and the size' 'not the 77777'
	says 'of a small one' "wrong pointer: 'wrong-tiny.bin'"
	says 'a damaged one' "wrong pointer: 'spoilt.bin'"
	says_not 'no good one' "'big.bin'"
done
fails 'cat of it' git dv cat :wrong-big.bin
says 'says what is wrong' 'not the 77777'
must git reset -q --hard HEAD~1
ok 'verify is content again' git dv verify

# From the top, wherever one stands.
rm -rf ../q
must env GIT_DV_SKIP_SMUDGE=1 git clone -q ../repo.git ../q
ok 'pull :/path in a folder' git -C ../q/sub dv pull :/new.bin
ok 'is that of the top' cmp ../q/new.bin ../v2/new.bin
ok 'pull :(top)path' git -C ../q/sub dv pull ':(top)big.bin'
ok 'too' cmp ../q/big.bin ../repo/big.bin
ok 'and no other' is_pointer ../q/sub/large.bin
ok 'ls-files :/' git -C ../q/sub dv ls-files :/
says 'is all' new.bin
fails 'other magic' git -C ../q dv pull ':(exclude)sub'
says 'is named' ':(exclude)sub'
fails 'in short too' git -C ../q dv pull ':!sub'

# -q and -v behind a command as well.
rm -rf ../q
must env GIT_DV_SKIP_SMUDGE=1 git clone -q ../repo.git ../q
ok 'pull -q' git -C ../q dv pull -q
is 'says nothing' "$(cat "$T_OUT" "$T_ERR")" ''
for k in 'push -q' 'fetch --quiet' 'checkout -v' 'track -q' 'status -q' 'verify --verbose' 'pull -nq'; do
	# shellcheck disable=SC2086
	ok "$k is known" git -C ../q dv $k
done
code 129 'another letter is not' git dv push -Q

# No output to a full device is taken for success.
if test -w /dev/full; then
	fails 'cat to a full device' sh -c 'git dv cat big.bin >/dev/full'
	fails 'ls-files to a full device' sh -c 'git dv ls-files >/dev/full'
else
	skip 2 'no /dev/full'
fi

# A repository without a commit, and a bare one.
must git init -q ../empty
cd ../empty || exit 1
must git dv init
ok 'status before the first commit' git dv status
ok 'ls-files before the first commit' git dv ls-files
ok 'checkout before the first commit' git dv checkout
ok 'status in a bare repository says what it can or fails' sh -c 'git -C ../repo.git dv status; test $? -le 128'
ok 'its remotes are those that HEAD names' git -C ../repo.git dv remote list
says 'by name' store
ok 'and the default' git -C ../repo.git dv remote default
fails 'there is nothing to set' git -C ../repo.git dv remote add x ../x
must git init -q --bare ../bare
ok 'init of a bare one' git -C ../bare dv init
says_not 'has no files to track' track
must git init -q ../inside
for c in init status 'track *.x'; do
	# shellcheck disable=SC2086
	fails "$c inside .git" git -C ../inside/.git dv $c
	says_not 'is no bare repository' bare
	says 'but not the place' worktree
done
ok 'nothing was set up' not git -C ../inside config --local filter.dv.process

done_testing
