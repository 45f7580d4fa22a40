#!/bin/sh
# Named versions at the edges: several at once, files that are none, readers that go away, text that
# shows otherwise than it is.
. "$(dirname "$0")/../lib.sh"

new_repo repo
cd repo || exit 1
make_noise big.dat 3000000 1

# The order of the times is that in which they were recorded.
i=0
pids=
while test $i -lt 12; do
	echo "content $i" >"c$i.dat"
	git dv version "c$i.dat" busy --version "v$i" >"../out$i" 2>"../err$i" &
	pids="$pids $!"
	i=$((i + 1))
done
bad=0
for p in $pids; do
	wait "$p" || bad=1
done
is 'versions of a name are recorded at once' "$bad" 0
is 'none is told to be older than another' "$(cat ../err* | grep -c 'in the future')" 0
is 'each has its own time' "$(sed -n 's/.*"created": //p' .dv/registry/busy.json | sort | uniq -d)" ''
echo last >last.dat
must git dv version last.dat busy --version last
run git dv info busy
says 'the last one is the latest' 'last (latest)'
# A clock that was set back a little.
perl -MPOSIX -i -pe 'if (/"last": /) { $in = 1 } if ($in && s/("created": ")[^"]*/$1.strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(time + 5))/e) { $in = 0 }' \
	.dv/registry/busy.json
echo newer >newer.dat
ok 'one that is recorded by a clock of a few seconds ago' git dv version newer.dat busy --version newer
says_not 'is no warning' 'in the future'
run git dv info busy
says 'and is the latest' 'newer (latest)'

# What is never versioned.
echo '*.x -text' >.gitattributes
for f in .gitattributes .dvconfig; do
	test -e $f || echo >$f
	fails "no version of $f" git dv version $f e
	says 'and why' 'never versioned'
	says_not 'not something else' 'is a pointer'
done

# head(1) and its like end it without a word.
must git dv version big.dat big --version 1
(git dv get big -o - 2>../get.err; echo $? >../get.rc) | head -c 10 >/dev/null
is 'a reader that goes away is no error to be told' "$(cat ../get.err)" ''
isnt 'though an end' "$(cat ../get.rc)" 0

fails 'get --link into a folder that is not there' git dv get -l big -o nope
says 'is refused' "there is no folder 'nope'"
ok 'and makes no file' test ! -e nope
mkdir nope
ok 'into one that is there' git dv get -l big -o nope
ok 'it goes' cmp nope/big_1.dat big.dat

echo mine >big_2.dat
make_noise big.dat 300000 2
fails 'a copy where a file is in the way' git dv version -l big.dat big --version 2
says 'says how to make it later' 'git dv get --link big@2'

# Text.
cr=$(printf 'a\rb')
esc=$(printf 'a\033[31mb')
turn=$(printf 'a\342\200\256b')
latin=$(printf 'a\344b')
for opt in -d -m; do
	for t in cr esc turn latin; do
		eval "v=\$$t"
		test $opt = -d || v="k=$v"
		fails "$opt with $t" git dv version big.dat big --version t $opt "$v"
		case $t in
		cr|esc) says 'is told as control characters' 'control characters' ;;
		turn) says 'is told as what turns text' 'direction of text' ;;
		latin) says 'is told as not UTF-8' 'not UTF-8' ;;
		esac
	done
done
ok 'lines and other scripts are fine' git dv version big.dat big --version t -d "$(printf 'one\ntwo\t\327\251')" -m 'k=v'
says 'it is recorded' 'big t'
perl -i -pe 's/"k": "v"/"k": "a\\u202eb\\rc"/' .dv/registry/big.json
run git dv info big@t
says 'what others wrote is shown by its bytes' 'k=a\xe2\x80\xaeb\x0dc'
ok 'and is no text that turns' not grep -q "$(printf '\342\200\256')" "$T_OUT"
done_testing
