#!/bin/sh
# A file that was left as a pointer and then written to, and pointers that were merged as
# text: neither becomes content without a word, and no git command gets stuck on one.
. "$(dirname "$0")/../lib.sh"

must git dv install
published_repo repo
must env GIT_DV_SKIP_SMUDGE=1 git clone -q repo.git c
cd c || exit 1
before=$(git rev-parse HEAD)
spoil() {
	echo row >>small.json
	cp small.json ../spoilt
}
spoil

# Staging it is refused.
why='is a pointer that was written to'
fails 'git add' git add small.json
says 'names it' "'small.json' $why"
says 'and the next step' 'git checkout -- FILE'
fails 'git commit -a' git commit -qam x
says 'names it' "'small.json' $why"
fails 'git commit FILE' git commit -qm x small.json
fails 'git update-index' git update-index small.json
must git config alias.cia 'commit -q -a'
fails 'an alias' git cia -m x
fails 'git dv add' git dv add small.json
says 'names it' "'small.json' $why"
fails 'git dv add of all' git dv add .
fails 'the single-shot filter' git -c filter.dv.process= add small.json
is 'nothing is committed' "$(git rev-parse HEAD)" "$before"
is 'nothing is staged' "$(git diff --cached --name-only)" ''
ok 'other files can be committed' sh -c 'echo three >plain.txt && git add plain.txt && git commit -qm three'

# Whoever only looks is not stuck.
ok 'git status' git status --porcelain
says 'shows it' ' M small.json'
ok 'git diff' git diff
says 'shows it' small.json
ok 'git diff --stat' git diff --stat HEAD
touch -d '2001-01-01' small.json
ok 'git status, other dates' git status --porcelain
says 'shows it' ' M small.json'
ok 'git dv status' git dv status
says 'names it' "'small.json' $why"
fails 'git dv checkout' git dv checkout small.json
says 'names it' "'small.json' is not placed: it $why"
fails 'git dv pull' git dv pull small.json
ok 'is left as it was' cmp small.json ../spoilt
ok 'git stash' git stash -q
ok 'takes it away' not cmp -s small.json ../spoilt
ok 'git stash pop' git stash pop -q
ok 'brings it back' cmp small.json ../spoilt
fails 'git checkout of another commit' git checkout -q v1
ok 'is left as it was' cmp small.json ../spoilt
ok 'git checkout -- FILE' git checkout -- small.json
ok 'brings the content' cmp small.json ../v2/small.json
must env GIT_DV_SKIP_SMUDGE=1 git checkout -q v1
must env GIT_DV_SKIP_SMUDGE=1 git checkout -q main
spoil
ok 'git reset --hard' git reset -q --hard
ok 'brings the content' cmp small.json ../v2/small.json
ok 'and all is well' status_clean

# More than a pointer's worth of rows, more than a chunk of them, and other pointers.
must env GIT_DV_SKIP_SMUDGE=1 git checkout -q v1
must env GIT_DV_SKIP_SMUDGE=1 git checkout -q main
cp small.json ../pointer
seq 1000 >>small.json
fails 'many rows' git add small.json
says 'is named' "'small.json' $why"
ok 'git status' git status --porcelain
ok 'git diff' git diff --stat
cp ../pointer small.json
seq 600000 >>small.json
fails 'a file with millions of bytes' git add small.json
fails 'git dv add' git dv add small.json
cp small.json ../spoilt
ok 'git stash' git stash -q
ok 'git stash pop' git stash pop -q
ok 'is the same as before' cmp small.json ../spoilt
sleep 3
must git diff --stat
fails 'git dv add after others had a look' git dv add small.json
must env GIT_DV_SKIP_SMUDGE=1 git checkout -q -- small.json
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do cat small.json; done >all.json
fails 'pointers one after the other' git add all.json
rm all.json
sed 's/$/\r/' small.json >crlf.json
echo row >>crlf.json
fails 'line ends of DOS' git add crlf.json
rm crlf.json

# What is in the index, as an older git-dv or another tool may have left it, stands in
# nobody's way; verify and pre-commit name it.
echo row >>small.json
id=$(git hash-object -w --no-filters small.json)
must git update-index --cacheinfo "100644,$id,small.json"
must git commit -qm damaged
says 'pre-commit names it' small.json
fails 'git dv verify' git dv verify
says 'names it' "wrong pointer: 'small.json'"
ok 'git dv status' git dv status --porcelain
says 'names it' 'R. small.json'
touch small.json
ok 'git add of all' git add .
touch small.json
echo four >plain.txt
ok 'git commit -a' git commit -qam four
is 'leaves it alone' "$(git rev-parse HEAD:small.json)" "$id"
ok 'git dv add' git dv add small.json
is 'leaves it alone' "$(git rev-parse :small.json)" "$id"
must git clone -q . ../d
ok 'a clone has it as it is' cmp small.json ../d/small.json

# Pointers merged as text: -s resolve uses no merge driver.
must git reset -q --hard "$before"
must git dv pull
must git checkout -q -b other v1
echo '{"id": 5}' >>small.json
must git commit -qam other
must git checkout -q main
for style in merge diff3; do
	must git reset -q --hard "$before"
	run git -c merge.conflictStyle=$style merge -s resolve other
	ok "conflict markers ($style)" grep -q '<<<<<<<' small.json
	ok 'git status' git status --porcelain
	ok 'git diff' git diff
	ok 'git dv status' git dv status
	says 'names it' "'small.json' $why"
	fails 'git add' git add small.json
	says 'names it' "'small.json' has conflict markers"
	says 'and the next step' 'git checkout --ours FILE'
	fails 'git commit -a' git commit -qam merged
	fails 'git dv add' git dv add small.json
done
ok 'git checkout --ours' git checkout --ours small.json
ok 'has the content' cmp small.json ../v2/small.json
ok 'git merge --abort' git merge --abort
ok 'has the content' cmp small.json ../v2/small.json
run git merge -s resolve other
ok 'git reset --hard' git reset -q --hard
ok 'has the content' cmp small.json ../v2/small.json

# Content that only speaks of pointers.
printf 'see "version git-dv/1"\n' >doc.json
printf '<<<<<<< this\nis no pointer\n' >marks.json
ok 'is content' git add doc.json marks.json
ok 'by a pointer' blob_is_pointer :marks.json

done_testing
