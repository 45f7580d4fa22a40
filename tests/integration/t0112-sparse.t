#!/bin/sh
# Workflows 24 sparse-checkout; 25 sparse index.
. "$(dirname "$0")/../lib.sh"

history_repo repo
cd repo || exit 1
mkdir -p a/deep b
make_noise a/a.bin 1300000 61
make_noise a/deep/d.bin 1200000 62
make_noise b/b.bin 1100000 63
must git add -A
must git commit -qm dirs
snapshot . ../all

for sparse_index in false true; do
	must git config index.sparse "$sparse_index"
	ok "sparse-checkout set, index.sparse=$sparse_index" git sparse-checkout set --cone a
	ok 'keeps the chosen' cmp a/deep/d.bin ../all/a/deep/d.bin
	ok 'and the top' cmp big.bin ../all/big.bin
	ok 'drops the others' test ! -e b/b.bin -a ! -e sub/large.bin
	ok 'clean' status_clean
	ok 'track in it' git dv track '*.none'
	says_not 'does not take what is outside for raw content' 'raw content'
	says_not 'and gives no advice of git' 'hint:'
	must git checkout -q .gitattributes
	ok 'gc in it' git dv gc
	says_not 'gives none either' 'hint:'
	ok 'checkout v1 in it' git checkout -q v1
	ok 'the top has content' cmp big.bin ../v1/big.bin
	ok 'clean' status_clean
	ok 'checkout main in it' git checkout -q main
	ok 'content comes with its directory' cmp a/a.bin ../all/a/a.bin
	ok 'no pointer' no_pointers .
	ok 'clean' status_clean
	ok 'sparse-checkout add' git sparse-checkout add b
	ok 'brings content' cmp b/b.bin ../all/b/b.bin
	ok 'clean' status_clean
	patch_file a/a.bin 5 edited
	ok 'commit -a in it' git commit -qam edited
	ok 'merge in it' git merge -q -m side side
	ok 'clean' status_clean
	ok 'no pointer' no_pointers .
	must git reset -q --hard HEAD~2
	ok 'dv status in it' git dv status
	ok 'sparse-checkout reapply' git sparse-checkout reapply
	ok 'sparse-checkout disable' git sparse-checkout disable
	ok 'brings everything' tree_is . ../all
done
ok 'sparse-checkout with patterns' git sparse-checkout set --no-cone '/*' '!/sub' '!*.json'
ok 'drops what is excluded' test ! -e sub/large.bin -a ! -e small.json
ok 'clean' status_clean
ok 'no pointer' no_pointers .
ok 'disable' git sparse-checkout disable
ok 'brings everything' tree_is . ../all

# Content outside of the cone is not fetched.
cd .. || exit 1
must git dv install
publish repo
ok 'clone --sparse' git clone -q --sparse repo.git sp
ok 'has the top' cmp sp/big.bin v2/big.bin
ok 'and nothing else' test ! -e sp/a
ok 'clean' status_clean sp
ok 'has fetched only that' sh -c "test $(bytes_in sp/.git/dv) -lt 6500000"
ok 'set' git -C sp sparse-checkout set a
ok 'brings content' cmp sp/a/deep/d.bin all/a/deep/d.bin
ok 'clean' status_clean sp
ok 'no pointer' no_pointers sp

# Nor by these commands, with either kind of index, unless it is named.
for sparse_index in false true; do
	rm -rf sp
	must git clone -q --sparse repo.git sp
	must git -C sp config index.sparse "$sparse_index"
	must git -C sp sparse-checkout set a
	rm -rf sp/.git/dv
	must git -C sp dv init
	ok "pull, index.sparse=$sparse_index" git -C sp dv pull
	ok 'fetch' git -C sp dv fetch
	is 'brings what is in the checkout alone' "$(git -C sp dv ls-files -l | awk '{ print $3, $4 }')" \
		'* a/a.bin
* a/deep/d.bin
- b/b.bin
* big.bin
* new.bin
* small.json
- sub/large.bin
* tiny.bin'
	ok 'checkout has nothing to do' git -C sp dv checkout
	ok 'fetch of a folder outside' git -C sp dv fetch -- b
	says 'brings it' 'fetched 1 file'
	ok 'and of all of history' git -C sp dv fetch --all
	is 'brings the rest' "$(git -C sp dv ls-files -l | grep -c -- ' - ')" 0
	ok 'clean' status_clean sp
done
must git -C sp sparse-checkout disable
must git -C sp update-index --split-index
must git -C sp sparse-checkout set --no-sparse-index a
rm -rf sp/.git/dv
must git -C sp dv init
ok 'a split index' git -C sp dv pull
is 'likewise' "$(git -C sp dv ls-files -l | grep -e ' - ' | awk '{ print $4 }' | tr '\n' ' ')" \
	'b/b.bin sub/large.bin '

# Patterns that leave .dvconfig out: the team's settings are those of the index.
must git clone -q repo.git np
cd np || exit 1
must git sparse-checkout set --no-cone '*.bin'
ok '.dvconfig is not in the worktree' test ! -e .dvconfig
ok 'its remote is known' git dv status
says 'by name' 'Store: store'
ok 'init' git dv init
ok 'does not begin it anew' test ! -e .dvconfig
fails 'nor does another remote' git dv remote add other "$T/other"
says 'but says what to do' "'git sparse-checkout add /.dvconfig'"
ok 'nothing was made' test ! -e "$T/other" -a ! -e .dvconfig
must env GIT_DV_SKIP_SMUDGE=1 git checkout -q HEAD~3
must rm -rf .git/dv
ok 'a checkout brings content' git checkout -q main
ok 'all of it, by the settings of that commit' no_pointers .
ok 'as it was' cmp big.bin ../all/big.bin
ok 'git dv pull' git dv pull
ok 'git dv push' git dv push
must git sparse-checkout disable
must rm .dvconfig
must git dv status
says 'who removes the file has no remote' 'Store: none'

done_testing
