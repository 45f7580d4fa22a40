#!/bin/sh
# Workflows 4 switch branches; 5 checkout or restore a path; 6 restore --source.
. "$(dirname "$0")/../lib.sh"

history_repo repo
cd repo || exit 1

ok 'the worktree as committed' tree_is . ../v2
ok 'checkout side' git checkout -q side
ok 'has the content of side' tree_is . ../s1
ok 'switch main' git switch -q main
ok 'has the content of main' tree_is . ../v2
ok 'checkout --detach a tag' git checkout -q --detach v1
ok 'has the content of v1' tree_is . ../v1
ok 'switch -' git switch -q -
ok 'back on main' tree_is . ../v2
ok 'switch -c from another' git switch -q -c topic side
ok 'has the content of side' tree_is . ../s1
ok 'checkout -f over an edit' sh -c 'echo edit >big.bin && git checkout -q -f main'
ok 'the edit is gone as asked' tree_is . ../v2
patch_file big.bin 10 edited
cp big.bin ../edited
fails 'checkout refuses to lose an edit' git checkout -q v1
ok 'the edit stays' cmp big.bin ../edited
ok 'an edit that is not in the way is carried' sh -c 'git checkout -q -f main &&
	printf x >>sub/large.bin && cp sub/large.bin ../edited && git checkout -q v1'
ok 'carried' cmp sub/large.bin ../edited
ok 'the rest is v1' cmp big.bin ../v1/big.bin
is 'only the edit is modified' "$(git status --porcelain)" ' M sub/large.bin'
ok 'checkout -m merges the worktree' git checkout -q -m main
ok 'still carried' cmp sub/large.bin ../edited
ok 'the rest is main' cmp big.bin ../v2/big.bin
ok 'checkout -q -f' git checkout -q -f main
ok 'clean again' tree_is . ../v2

# Paths.
rm big.bin sub/large.bin small.json
ok 'checkout of deleted paths' git checkout -q -- big.bin small.json
ok 'restore of a deleted path' git restore sub/large.bin
ok 'all content' tree_is . ../v2
patch_file big.bin 0 junk
ok 'checkout -- . over an edit' git checkout -q -- .
ok 'all content' tree_is . ../v2
patch_file big.bin 0 junk
must git add big.bin
ok 'restore --staged' git restore --staged big.bin
is 'keeps the worktree' "$(git status --porcelain)" ' M big.bin'
ok 'restore with a pathspec' git restore '*.bin'
ok 'all content' tree_is . ../v2
ok 'checkout a path from another commit' git checkout -q v1 -- big.bin
ok 'has the old content' cmp big.bin ../v1/big.bin
is 'is staged' "$(git status --porcelain)" 'M  big.bin'
ok 'restore --staged --worktree' git restore --staged --worktree big.bin
ok 'all content' tree_is . ../v2
ok 'restore --source' git restore --source=side -- sub/large.bin
ok 'has the content of side' cmp sub/large.bin ../s1/sub/large.bin
ok 'is not dated back, as what the index names' test -n "$(find sub/large.bin -newer .git/index)"
is 'is a change of the worktree' "$(git status --porcelain)" ' M sub/large.bin'
must git restore .
ok 'restore --source all, --staged --worktree' git restore --source=v1 --staged --worktree .
ok 'content of v1' same_tree . ../v1
ok 'no pointer' no_pointers .
ok 'agrees with the index' git diff --quiet
must git reset -q --hard
ok 'restore --overlay' git restore --source=side --overlay -- .
ok 'brings what side added' cmp side.bin ../s1/side.bin
rm side.bin
must git restore .
cd sub || exit 1
rm large.bin
ok 'checkout from a sub-directory' git checkout -q -- large.bin
ok 'a path above it' sh -c 'rm ../big.bin && git checkout -q -- ../big.bin'
cd ..
ok 'all content' tree_is . ../v2
ok 'checkout --pathspec-from-file' sh -c 'rm big.bin new.bin &&
	printf "big.bin\0new.bin\0" >../list &&
	git checkout -q --pathspec-from-file=../list --pathspec-file-nul'
ok 'all content' tree_is . ../v2

# dv's own checkout, of what was left as a pointer.
GIT_DV_SKIP_SMUDGE=1
export GIT_DV_SKIP_SMUDGE
ok 'GIT_DV_SKIP_SMUDGE leaves pointers' git checkout -q v1
unset GIT_DV_SKIP_SMUDGE
ok 'big.bin is one' is_pointer big.bin
ok 'with a clean status' status_clean
ok 'what did not change is still content' cmp sub/large.bin ../v1/sub/large.bin
ok 'git dv checkout' git dv checkout
ok 'places everything' tree_is . ../v1

# Hooks of the user see content, whether they stand beside ours or alone.
cat >../sees <<-\END
	#!/bin/sh
	echo ran >>"$T/hook-ran"
	case "$(head -c 16 big.bin)" in version*) echo pointer >>"$T/hook-saw" ;; esac
END
chmod +x ../sees
for kind in chained alone; do
	must git dv uninstall --local
	rm -f .git/hooks/* ../hook-ran
	cp ../sees .git/hooks/post-checkout
	cp ../sees .git/hooks/post-merge
	test "$kind" = alone && must git config dv.hooks false
	test "$kind" = alone && must git dv install --local
	test "$kind" = chained && must git dv init
	must git checkout -q -f -B hooked v1
	must git checkout -q v2
	must git checkout -q hooked
	must git merge -q v2
	ok "a $kind hook ran" test -e ../hook-ran
	ok "a $kind hook saw no pointer" test ! -e ../hook-saw
	ok "content with a $kind hook" tree_is . ../v2
done

done_testing
