#!/bin/sh
# Workflows 21 read-tree, checkout-index; 32 archive, cat-file --filters. Content is what
# everybody gets who asks Git for a file, and a pointer what Git stores.
. "$(dirname "$0")/../lib.sh"

history_repo repo
cd repo || exit 1

ok 'read-tree -u -m of two trees' git read-tree -u -m main v1
ok 'content of v1' same_tree . ../v1
ok 'no pointer' no_pointers .
ok 'agrees with the index' git diff-files --quiet
ok 'read-tree -u --reset' git read-tree -u --reset main
ok 'content of main' tree_is . ../v2
ok 'read-tree into another index' env GIT_INDEX_FILE="$T/other.index" git read-tree side
mkdir ../elsewhere
ok 'checkout into another worktree with another index' \
	env GIT_INDEX_FILE="$T/other.index" git --work-tree="$T/elsewhere" checkout-index -a -u
ok 'content of side' same_tree ../elsewhere ../s1
ok 'reset --hard there' env GIT_INDEX_FILE="$T/other2.index" \
	git --work-tree="$T/elsewhere" checkout -q -f v1 -- .
ok 'content of v1' sh -c 'cmp ../elsewhere/big.bin ../v1/big.bin &&
	cmp ../elsewhere/sub/large.bin ../v1/sub/large.bin'
ok 'no pointer' no_pointers ../elsewhere
ok 'the worktree of the repository is untouched' tree_is . ../v2

rm -rf big.bin sub small.json
ok 'checkout-index -a' git checkout-index -a
ok 'content of main' same_tree . ../v2
rm big.bin small.json
ok 'checkout-index -u of paths' git checkout-index -u big.bin small.json
ok 'content of main' tree_is . ../v2
ok 'checkout-index -f over an edit' sh -c 'echo edit >big.bin && git checkout-index -u -f big.bin'
ok 'content of main' tree_is . ../v2
ok 'checkout-index --prefix' git checkout-index -a --prefix=../out/
ok 'content there' same_tree ../out ../v2
ok 'checkout-index --temp' sh -c 't=$(git checkout-index --temp big.bin | cut -f1) && cmp "$t" big.bin && rm "$t"'

mkdir ../tar ../tar1 ../tar-old
ok 'archive' sh -c 'git archive HEAD | (cd ../tar && tar -xf -)'
ok 'has content' same_tree ../tar ../v2
ok 'archive of an old tree' sh -c 'git archive --prefix=p/ v1 | (cd ../tar-old && tar -xf -)'
ok 'has its content' same_tree ../tar-old/p ../v1
ok 'archive of one path' sh -c 'git archive v1 sub | (cd ../tar1 && tar -xf -)'
ok 'has its content' cmp ../tar1/sub/large.bin ../v1/sub/large.bin

ok 'cat-file --filters' sh -c 'git cat-file --filters side:sub/large.bin | cmp - ../s1/sub/large.bin'
ok 'cat-file --filters of a small file' sh -c 'git cat-file --filters v1:small.json | cmp - ../v1/small.json'
ok 'cat-file --filters --path' sh -c 'git cat-file --filters --path=x.bin "$(git rev-parse v1:tiny.bin)" |
	cmp - ../v1/tiny.bin'
ok 'cat-file --batch --filters' sh -c 'echo "$(git rev-parse v1:tiny.bin) tiny.bin" |
	git cat-file --batch --filters | tail -n +2 | head -c 5000 | cmp - ../v1/tiny.bin'
ok 'cat-file blob is the pointer' blob_is_pointer HEAD:big.bin
ok 'cat-file --textconv works' sh -c 'git cat-file --textconv HEAD:big.bin >/dev/null'
oid=$(git rev-parse HEAD:big.bin)
is 'hash-object of the file is the pointer' "$(git hash-object big.bin)" "$oid"
is 'hash-object --stdin --path too' "$(git hash-object --stdin --path=big.bin <big.bin)" "$oid"
# The content counts, not the file of that name, even when the sizes agree and what the filter
# remembers about the file is old enough to be trusted.
sleep 2.2
is 'the same after a while' "$(git hash-object big.bin)" "$oid"
is 'and once more' "$(git hash-object big.bin)" "$oid"
cp big.bin ../other
patch_file ../other 1000 'other content'
isnt 'other content of the same size gives another pointer' \
	"$(git hash-object --stdin --path=big.bin <../other)" "$oid"
is 'the pointer cleans to itself' \
	"$(git cat-file blob HEAD:big.bin | git hash-object --stdin --path=big.bin)" "$oid"
is 'with CRLF too' \
	"$(git cat-file blob HEAD:big.bin | perl -pe "s{\n}{\r\n}" | git hash-object --stdin --path=big.bin)" "$oid"
ok 'update-index --add' sh -c 'cp ../other o.bin && git update-index --add o.bin'
ok 'stages a pointer' blob_is_pointer :o.bin
git cat-file blob HEAD:big.bin >../ptr
ok 'single-shot clean' sh -c 'git-dv-filter clean big.bin <big.bin | cmp - ../ptr'
ok 'single-shot smudge' sh -c '<../ptr git-dv-filter smudge big.bin | cmp - big.bin'

done_testing
