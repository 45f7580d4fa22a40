#!/bin/sh
# Workflow 28: git status is right and instant after checkout, touch, and an edit in the same
# second: instant means that Git asks the filter about no file.
. "$(dirname "$0")/../lib.sh"

history_repo repo
cd repo || exit 1
echo same >same.txt
must git add same.txt
must git commit -qm same
# A repository of placed files only, so that no entry is racy by Git's own doing.
must git checkout -q -b large
must git rm -q small.json tiny.bin plain.txt same.txt
must git commit -qm 'large only'
must git checkout -q -f v1
must git checkout -q -f large
ok 'status after a checkout' status_clean
ok 'asks the filter about nothing' not runs_filter git status
touch big.bin
sleep 1.1
ok 'after touch the filter is asked' runs_filter git status
ok 'and the status is clean' status_clean
ok 'once' not runs_filter git status

for f in big.bin sub/large.bin; do
	must git checkout -q -f v1
	must git checkout -q -f large
	patch_file "$f" 100 'changed at once'
	is "an edit of $f in the same second is seen" "$(git status --porcelain -- "$f")" " M $f"
	must git checkout -q -f -- "$f"
	ok 'and undone' status_clean
done
must git checkout -q -f main
must git checkout -q -f v1
must git checkout -q -f main
echo SAME >same.txt
is 'an edit of another file in the same second is seen' "$(git status --porcelain)" ' M same.txt'
must git checkout -q -f main

# An edit of the same size, with its mtime set back, between clean and commit.
cp -p big.bin ../keep
must git add big.bin
sleep 1.1
patch_file big.bin 200 'sneaky'
touch -r ../keep big.bin
is 'an edit with its mtime set back is seen' "$(git status --porcelain)" ' M big.bin'
must git checkout -q -f main
ok 'content' cmp big.bin ../v2/big.bin

# Edits between add and add.
for i in 1 2 3; do
	patch_file big.bin 300 "edit $i"
	must git add big.bin
	git cat-file --filters :big.bin >../staged
	ok "what is staged at once after edit $i is the edit" cmp big.bin ../staged
done
must git reset -q --hard
ok 'update-index --refresh finds nothing' git update-index --refresh
ok 'diff-files finds nothing' git diff-files --quiet
must cp big.bin ../copy
must mv ../copy big.bin
ok 'a file replaced by its copy is clean' status_clean
chmod u-w big.bin
ok 'a read-only file is clean' status_clean
ok 'and can be switched' git checkout -q v1
ok 'content' cmp big.bin ../v1/big.bin
truncate -s 0 big.bin 2>/dev/null || : >big.bin
is 'a truncated file is modified' "$(git status --porcelain)" ' M big.bin'
must git checkout -q -f main
echo 'version git-dv/2' >big.bin
is 'text that looks like a pointer is modified' "$(git status --porcelain)" ' M big.bin'
must git checkout -q -f main
ok 'content' cmp big.bin ../v2/big.bin

# Lines of .gitattributes written by hand, without -text, where Git converts line ends.
must git checkout -q -f main
perl -pi -e 's/ -text//' .gitattributes
must git commit -qam 'no -text'
for crlf in true input; do
	must git config core.autocrlf "$crlf"
	must git checkout -q -f v1
	must git checkout -q -f main
	ok "autocrlf=$crlf: content" cmp big.bin ../v2/big.bin
	ok "autocrlf=$crlf: small content" cmp tiny.bin ../v2/tiny.bin
	ok "autocrlf=$crlf: no pointer" no_pointers .
	ok "autocrlf=$crlf: clean" status_clean
	touch big.bin small.json
	ok "autocrlf=$crlf: clean after touch" status_clean
done
must git config --unset core.autocrlf

# A file that changes while it is added: whatever is staged can be read, and a later add takes
# what is there then.
for i in 1 2 3; do
	make_noise busy.bin 12000000 "3$i"
	perl -e 'open my $f, "+<", "busy.bin" or die; my $end = 0; $SIG{TERM} = sub { $end = 1 };
		my @t = (stat $f)[8, 9];
		while (!$end) { seek $f, int rand 12000000, 0; syswrite $f, "change"; utime @t, "busy.bin" }' &
	writer=$!
	run git add busy.bin
	kill "$writer"
	wait "$writer" 2>/dev/null
	if test "$T_RC" -eq 0; then
		ok "what was staged of a busy file can be read, $i" git cat-file --filters :busy.bin
	else
		says "the add of a busy file fails by name, $i" busy.bin
	fi
	sleep 1.1
	touch busy.bin
	must git add busy.bin
	git cat-file --filters :busy.bin >../staged
	ok "what is staged at last is the file, $i" cmp busy.bin ../staged
done

done_testing
