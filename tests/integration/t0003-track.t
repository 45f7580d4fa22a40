#!/bin/sh
# track and untrack: patterns, sizes, files that are already committed.
. "$(dirname "$0")/../lib.sh"

must git init -q repo
cd repo || exit 1
must git dv init
must git add -A
must git commit -qm init
echo '# a comment of the user' >.gitattributes
echo '*.txt text' >>.gitattributes
cp .gitattributes ../attributes.before

run git dv track
ok 'track without a pattern writes nothing' cmp .gitattributes ../attributes.before
ok 'track --dry-run' git dv track --dry-run '*.bin'
ok 'changes nothing' cmp .gitattributes ../attributes.before
ok 'track' git dv track '*.bin'
ok 'keeps what was there' sh -c 'head -n 2 .gitattributes | cmp - ../attributes.before'
is 'sets the filter' "$(git check-attr filter -- a/b.bin)" 'a/b.bin: filter: dv'
is 'sets diff' "$(git check-attr diff -- a/b.bin)" 'a/b.bin: diff: dv'
is 'sets merge' "$(git check-attr merge -- a/b.bin)" 'a/b.bin: merge: dv'
is 'unsets text' "$(git check-attr text -- a/b.bin)" 'a/b.bin: text: unset'
is 'leaves others alone' "$(git check-attr filter -- a/b.txt)" 'a/b.txt: filter: unspecified'
cp .gitattributes ../attributes.once
ok 'track the same again' git dv track '*.bin'
ok 'changes nothing' cmp .gitattributes ../attributes.once
ok 'track several' git dv track 'data/**' '*.parquet'
is 'a directory' "$(git check-attr filter -- data/x/y)" 'data/x/y: filter: dv'
is 'a suffix' "$(git check-attr filter -- q/z.parquet)" 'q/z.parquet: filter: dv'
ok 'track a pattern with a space' git dv track 'two words *.csv'
is 'it matches' "$(git check-attr filter -- 'two words 1.csv')" 'two words 1.csv: filter: dv'
is 'and only that' "$(git check-attr filter -- 'words')" 'words: filter: unspecified'
echo '*.enc working-tree-encoding=UTF-16 text' >>.gitattributes
ok 'track what has an encoding' git dv track '*.enc'
is 'takes the encoding away' "$(git check-attr working-tree-encoding -- x.enc)" \
	'x.enc: working-tree-encoding: unspecified'
must git dv untrack '*.enc'
perl -ni -e 'print unless /^\*\.enc working/' .gitattributes
ok 'untrack' git dv untrack '*.parquet'
is 'removes it' "$(git check-attr filter -- z.parquet)" 'z.parquet: filter: unspecified'
is 'and nothing else' "$(git check-attr filter -- b.bin)" 'b.bin: filter: dv'
ok 'untrack the rest' git dv untrack '*.bin' 'data/**' 'two words *.csv'
ok 'gives back the file' cmp .gitattributes ../attributes.before
fails 'untrack what is not tracked' git dv untrack '*.never'
says 'names it' '*.never'

# In a sub-directory a pattern means what is below it.
mkdir -p sub
ok 'track in a sub-directory' git -C sub dv track '*.raw'
is 'reaches there' "$(git check-attr filter -- sub/x.raw)" 'sub/x.raw: filter: dv'
is 'and not above' "$(git check-attr filter -- x.raw)" 'x.raw: filter: unspecified'

# Files that are already committed.
make_noise old.dat 100000 1
make_noise other.dat 50000 2
git add old.dat other.dat
must git commit -qm 'as plain blobs'
ok 'track files that are committed' git dv track '*.dat'
says 'names them' 'old.dat'
says 'and says what to do' 'renormalize'
ok 'track --renormalize' git dv track --renormalize '*.dat'
ok 'stages pointers' blob_is_pointer :old.dat
ok 'for all of them' blob_is_pointer :other.dat
make_noise ../old.dat 100000 1
ok 'and keeps the content' cmp old.dat ../old.dat
must git add .gitattributes sub
ok 'commit' git commit -qm renormalized
ok 'status is clean' status_clean
ok 'back to plain' git checkout -q HEAD~1
ok 'plain content' cmp old.dat ../old.dat
ok 'and forth' git checkout -q main
ok 'tracked content' cmp old.dat ../old.dat
ok 'clean' status_clean

# By size.
mkdir big
make_noise 'big/one [1] #x.iso' 2000000 3
make_noise big/small.iso 1000 4
make_noise big/two.iso 1500000 5
ok 'track --above' git dv track --above 1M
is 'names a file above, literally' "$(git check-attr filter -- 'big/one [1] #x.iso')" \
	'big/one [1] #x.iso: filter: dv'
is 'the other too' "$(git check-attr filter -- big/two.iso)" 'big/two.iso: filter: dv'
is 'no file below' "$(git check-attr filter -- big/small.iso)" 'big/small.iso: filter: unspecified'
is 'no pattern on everything' "$(git check-attr filter -- big/three.iso)" \
	'big/three.iso: filter: unspecified'
is 'brackets are not a pattern' "$(git check-attr filter -- 'big/one 1 #x.iso')" \
	'big/one 1 #x.iso: filter: unspecified'
ok 'add them' git add -A
ok 'as a pointer' blob_is_pointer ':big/one [1] #x.iso'
ok 'the small one not' not blob_is_pointer :big/small.iso
must git commit -qm sizes
make_noise later.iso 3000000 6
ok 'status' git dv status
says 'names a later file above the size' later.iso
must git add later.iso
ok 'commit of it' git commit -qm later
says 'the pre-commit hook names it' later.iso
must mkdir attr
echo '*.x filter=dv -text' >attr/.gitattributes
make_noise attr/a.x 2000000 7
must git add attr
ok 'attributes of a sub-directory count' blob_is_pointer :attr/a.x
must git commit -qm attr
rm attr/a.x
ok 'at checkout too' git checkout -q attr/a.x
make_noise ../a.x 2000000 7
ok 'content' cmp attr/a.x ../a.x
code 129 'a size that is none' git dv track --above many

# What Git and git-dv read from the worktree never becomes a pointer.
cd "$T" || exit 1
new_repo every
cd every || exit 1
must git dv untrack '*.bin' '*.json'
mkdir sub
echo '*.x -text' >sub/.gitattributes
echo '*.o' >.gitignore
must git config -f .dvconfig dv.above 5M
make_noise one 3000 1
ok 'track everything' git dv track '*'
cp .gitattributes ../every.attributes
ok 'again' git dv track '*'
ok 'adds nothing' cmp .gitattributes ../every.attributes
ok 'track one more' git dv track '*.raw' 'sub'
must git add -A
for f in .gitattributes sub/.gitattributes .gitignore .dvconfig; do
	ok "$f stays what it is" not blob_is_pointer ":$f"
	is "and has no filter" "$(git check-attr filter text diff -- $f)" "$f: filter: unspecified
$f: text: unspecified
$f: diff: unspecified"
done
ok 'and the rest is data' blob_is_pointer :one
must git commit -qm everything
ok 'clone' git clone -q . ../every.clone
ok 'has the attributes' cmp .gitattributes ../every.clone/.gitattributes
ok 'untrack' git dv untrack '*' '*.raw'
ok 'keeps what a folder needs' grep -q '^\.git\* ' .gitattributes
ok 'and no more' not grep -q dvconfig .gitattributes
ok 'untrack the folder' git dv untrack sub
is 'nothing is left' "$(cat .gitattributes)" ''
for f in .gitattributes sub/.gitignore .dvconfig .dv/registry/a.json .dv/registry/; do
	fails "track $f is refused" git dv track "$f"
	says 'it is named' "$f"
done
# By hand, without those lines.
echo '* filter=dv -text' >.gitattributes
echo '* filter=dv -text' >sub/.gitattributes
must git add -A
ok 'the filter lets it through' not blob_is_pointer :.gitattributes
ok 'in a folder too' not blob_is_pointer :sub/.gitattributes
ok 'and .gitignore' not blob_is_pointer :.gitignore
ok 'and .dvconfig' not blob_is_pointer :.dvconfig
ok 'git dv add too' git dv add .gitattributes .dvconfig
ok 'still' not blob_is_pointer :.gitattributes
ok 'as it is' sh -c 'git cat-file blob :.dvconfig | cmp - .dvconfig'
cd "$T" || exit 1
new_repo sized
cd sized || exit 1
mkdir d
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	make_noise "d/$i.raw" 2000 $i
done
must git dv track --above 1500
ok 'track --above a size that .gitattributes has' git dv track --above 1k
says_not 'tracks it not' '/.gitattributes'
must git add -A
ok 'it is no pointer' not blob_is_pointer :.gitattributes

# What a person types as a path.
cd "$T" || exit 1
new_repo paths
cd paths || exit 1
mkdir -p sub/deep sub2
make_noise sub/deep/x.raw 3000 1
fails 'track of nothing' git dv track ''
fails 'track /' git dv track /
fails 'track ..' git -C sub dv track ..
fails 'track ../foo' git -C sub dv track '../foo/*.raw'
says 'names it' '../foo/*.raw'
fails 'track sub/../foo' git dv track 'sub/../*.raw'
fails 'a full path elsewhere in the worktree' git -C sub dv track "$PWD/sub2"
ok 'no file was made' test ! -e sub/.gitattributes
ok 'track . in a folder' git -C sub dv track .
is 'is all of it' "$(git check-attr filter -- sub/deep/x.raw)" 'sub/deep/x.raw: filter: dv'
is 'and no more' "$(git check-attr filter -- x.raw)" 'x.raw: filter: unspecified'
ok 'untrack . too' git -C sub dv untrack .
ok 'a full path' git dv track "$PWD/sub"
is 'is that folder' "$(git check-attr filter -- sub/deep/x.raw)" 'sub/deep/x.raw: filter: dv'
ok 'in a folder too' git -C sub dv track "$PWD/sub/deep/"
is 'is relative to it' "$(sed -n 's/ .*//p;q' sub/.gitattributes)" 'deep/**'
ok './ in front' git dv track './*.dat'
is 'is no part of the pattern' "$(git check-attr filter -- x.dat)" 'x.dat: filter: dv'
ok 'an anchored pattern stays one' git dv track '/one.txt'
is 'which does not match below' "$(git check-attr filter -- a/one.txt one.txt)" 'a/one.txt: filter: unspecified
one.txt: filter: dv'
cp .gitattributes ../paths.attributes
fails 'untrack one that is there and one that is not' git dv untrack '*.dat' '*.nope'
says 'names that' '*.nope'
ok 'and removes nothing' cmp .gitattributes ../paths.attributes

# Names that as patterns would not match themselves.
cp .gitattributes ../names.attributes
mkdir 'b\s' 'we[i]rd' '!x' sub/'s[a]b' '[attr]foo'
echo >'one[1].txt'
echo >'!f.txt'
ok 'track folders and files with such names' git dv track 'b\s' 'we[i]rd' '!x' 'one[1].txt' \
	'!f.txt' '[attr]foo/' "$PWD/we[i]rd"
for f in 'b\s/a' 'we[i]rd/a/b' '!x/a' 'one[1].txt' '!f.txt' '[attr]foo/a'; do
	is "$f is data" "$(git check-attr -z filter -- "$f" | tr '\0' ' ')" "$f filter dv "
done
for f in weird/a b/s/a one1.txt a/one1.txt x/a tfoo; do
	is "$f is not" "$(git check-attr filter -- "$f")" "$f: filter: unspecified"
done
ok 'in a sub-directory' git -C sub dv track 's[a]b/'
is 'reaches there' "$(git check-attr filter -- 'sub/s[a]b/x')" 'sub/s[a]b/x: filter: dv'
rm sub/.gitattributes
ok 'untrack them' git dv untrack 'b\s' 'we[i]rd' '!x' 'one[1].txt' '!f.txt' '[attr]foo'
ok 'gives back the file' cmp .gitattributes ../names.attributes
rmdir '[attr]foo' '!x'
fails 'such a name that is not there' git dv track '!x'
fails 'a macro' git dv track -n '[attr]foo'
says 'is called one' macro
fails 'nor without -n' git dv track '*.ok' '[attr]foo'
ok 'and nothing is written' cmp .gitattributes ../names.attributes
must git dv track '[abc].cls'
printf '[attr]data filter=dv\n"[attr]quoted" filter=dv\n' >>.gitattributes
run git dv track
says_not 'a macro is no pattern' '[attr]'
says 'a class of characters is' '[abc].cls'
cp ../names.attributes .gitattributes

# A dry run of --renormalize.
make_noise old.dst 3000 2
: >empty.dst
must git add -A
must git commit -qm raw
ok 'track --renormalize -n' git dv track --renormalize -n '*.dst'
says 'names what would be staged' "would stage 'old.dst'"
says_not 'an empty file is a pointer to nothing' empty.dst
ok 'nothing is' not blob_is_pointer :old.dst
must git dv track '*.dst'
says 'those that git holds are named' old.dst
says_not 'without empty ones' empty.dst
run git dv track --renormalize -n
says 'without a pattern too' "would stage 'old.dst'"
must git dv track --renormalize
says 'and said' '1 file that git held as raw content is staged as pointer'
ok 'as it then is' blob_is_pointer :old.dst
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n' >lfs.dst
must git -c filter.dv.process= -c filter.dv.clean= -c filter.dv.required=false add lfs.dst
ok 'track --renormalize of another tool' git dv track --renormalize
says 'stages nothing' '0 files that git held as raw content are staged'
says 'and names it' "'lfs.dst' stays as it is"

# A clone whose git does not run the filter.
must git -C "$T/paths" commit -qam more
git clone -q "$T/paths" "$T/unset"
cd "$T/unset" || exit 1
why="git does not run git-dv's filter here; 'git dv install'"
make_noise raw.dst 3000 4
must git add raw.dst
for c in 'status' 'status --porcelain' 'pull' 'checkout' 'track *.more' 'add raw.dst'; do
	# shellcheck disable=SC2086
	ok "git dv $c" git dv $c
	says 'says so' "$why"
done
git reset -q
git add raw.dst
cp .gitattributes ../unset.attributes
fails 'git dv track --renormalize' git dv track --renormalize '*.other'
says 'says so' "$why"
ok 'and changes nothing' cmp .gitattributes ../unset.attributes
ok 'nor the index' not blob_is_pointer :raw.dst
must git dv install
ok 'with the filter' git dv track --renormalize
ok 'it does' blob_is_pointer :raw.dst
run git dv status
says_not 'and nothing is said' "$why"

done_testing
