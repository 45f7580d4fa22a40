#!/bin/sh
# Workflows 29 commit -a, partial, --amend; 30 renormalize, mv, rm, mode change;
# 31 bisect run.
. "$(dirname "$0")/../lib.sh"

history_repo repo
cd repo || exit 1

# committed PATH: HEAD has what the worktree has.
committed() {
	git cat-file --filters "HEAD:$1" >../committed && cmp "$1" ../committed &&
		blob_is_pointer "HEAD:$1"
}

patch_file big.bin 1 a
patch_file sub/large.bin 1 a
echo '{}' >>small.json
ok 'commit -a' git commit -qam all
for f in big.bin sub/large.bin small.json; do
	ok "has $f" committed "$f"
done
ok 'clean' status_clean
patch_file big.bin 2 b
patch_file sub/large.bin 2 b
ok 'commit of a path' git commit -qm part sub/large.bin
ok 'has it' committed sub/large.bin
is 'and leaves the other' "$(git status --porcelain)" ' M big.bin'
patch_file sub/large.bin 3 c
must git add sub/large.bin
ok 'commit -o with another staged' git commit -qm only -o big.bin
ok 'has it' committed big.bin
is 'and the other stays staged' "$(git status --porcelain)" 'M  sub/large.bin'
patch_file big.bin 3 c
ok 'commit -i' git commit -qm include -i big.bin
ok 'has both' sh -c 'test -z "$(git status --porcelain)"'
patch_file big.bin 4 d
ok 'commit --amend -a' git commit -q --amend --no-edit -a
ok 'has it' committed big.bin
ok 'commit --amend --only message' git commit -q --amend -m reworded
ok 'still has it' committed big.bin
patch_file big.bin 5 e
must git add big.bin
patch_file big.bin 6 f
ok 'commit what was staged, not what is there' git commit -qm staged
is 'the later edit stays' "$(git status --porcelain)" ' M big.bin'
must git commit -qam later
echo 'y' >../yes
ok 'add -p does not fall over' sh -c 'printf z >>big.bin; git add -p <../yes; git commit -qam p'
ok 'clean' status_clean
ok 'the whole history is readable' sh -c 'for c in $(git rev-list v1..HEAD); do
	git cat-file --filters "$c:big.bin" >/dev/null || exit 1; done'

# renormalize, mv, rm, mode
must git reset -q --hard v2
ok 'add --renormalize' git add --renormalize .
ok 'changes nothing' tree_is . ../v2
ok 'mv' git mv big.bin moved.bin
is 'is a rename' "$(git status --porcelain)" 'R  big.bin -> moved.bin'
ok 'commit' git commit -qm moved
ok 'content' cmp moved.bin ../v2/big.bin
ok 'checkout away and back' sh -c 'git checkout -q v2 && git checkout -q main'
ok 'content of what is tracked' cmp moved.bin ../v2/big.bin
must git reset -q --hard v2
ok 'rm' git rm -q big.bin
ok 'is gone' test ! -e big.bin
ok 'commit' git commit -qm gone
ok 'revert brings it back' git revert --no-edit HEAD
ok 'with content' tree_is . ../v2
ok 'rm --cached' git rm -q --cached big.bin
ok 'keeps the file' cmp big.bin ../v2/big.bin
must git reset -q
chmod +x big.bin
is 'a mode change is seen' "$(git status --porcelain)" ' M big.bin'
ok 'commit' git commit -qam executable
is 'the blob is the same' "$(git rev-parse HEAD:big.bin)" "$(git rev-parse v2:big.bin)"
ok 'away' git checkout -q v1
ok 'is not executable there' test ! -x big.bin
ok 'and back' git checkout -q main
ok 'is executable' test -x big.bin
ok 'with content' cmp big.bin ../v2/big.bin
ok 'clean' status_clean
ok 'update-index --chmod' git update-index --chmod=-x big.bin
must git reset -q --hard
ok 'a file becomes a directory and a file again' sh -c '
	git mv big.bin x.bin && mkdir big.bin && cp x.bin big.bin/in.bin && git add -A && git commit -qm dir &&
	git checkout -q HEAD~1 && cmp big.bin ../v2/big.bin && git checkout -q main && cmp big.bin/in.bin ../v2/big.bin'
ok 'clean' status_clean

# bisect: the script must see content.
must git checkout -q -B bis v2
for i in 1 2 3 4 5 6 7 8; do
	if test "$i" = 6; then
		printf 'the bug' >>big.bin
	fi
	patch_file big.bin $((i * 10)) "step $i"
	must git commit -qam "step $i"
done
cat >../check <<-\END
	#!/bin/sh
	case "$(head -c 16 big.bin)" in version*) exit 255 ;; esac
	test "$(wc -c <big.bin)" -lt 3000007
END
chmod +x ../check
ok 'bisect start' git bisect start HEAD v2
ok 'bisect run' git bisect run ../check
says 'finds the commit' "$(git log -1 --format=%H bis~2)"
ok 'bisect reset' git bisect reset
ok 'clean' status_clean
ok 'no pointer' no_pointers .

done_testing
