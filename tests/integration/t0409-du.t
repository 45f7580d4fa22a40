#!/bin/sh
# git dv du: what paths and their versions take.
. "$(dirname "$0")/../lib.sh"

new_repo repo
cd repo || exit 1
make_json table.json 20000 1
make_noise noise.bin 300000 1
must git add .
must git commit -qm 1
sed 's/"id": 1999,/"id": -1,/' table.json >new && mv new table.json
must git add .
must git commit -qm 2

# field NAME: the first number of that name in the last JSON.
field() {
	perl -MJSON::PP -e 'local $/; my $d = decode_json(<STDIN>);
		print $ARGV[0] eq "packs" ? $d->{packs} : $d->{total}{$ARGV[0]}' "$1" <"$T_OUT"
}

ok 'du' git dv du
says 'names a path with its versions' 'table.json (2 versions)'
says 'and one with one' ' noise.bin'
says 'and the sum' 'all of 2 files'
ok 'du --versions' git dv du --versions -- table.json
is 'shows both versions' "$(grep -c '    [0-9a-f]\{12\}$' "$T_OUT")" 2
says_not 'and no other path' noise.bin

ok 'du --json of one path' git dv du --json -- noise.bin
says_json 'is JSON'
is 'noise is what it is' "$(field content) $(field dedup) $(field delta)" '300000 300000 300000'
ok 'du --json' git dv du --json
is 'all packs are counted' "$(field packs)" "$(bytes_in .git/dv/packs)"
both=$(field stored)
ok 'not more is shown than is there' test "$both" -le "$(field packs)"
ok 'of an older commit' git dv du --json HEAD^
ok 'a changed row takes next to nothing' test $((both - $(field stored))) -lt 5000


# An older version in the index is no other version.
must git checkout -q HEAD^
ok 'with an older commit checked out' git dv du
says 'there are the same versions' 'table.json (2 versions)'
must git checkout -q main
must git checkout -q HEAD^ -- table.json
must git commit -qm 'as before'
ok 'with a version that came back' git dv du --json -- table.json
is 'it is one' "$(grep -c '"oid"' "$T_OUT")" 2
must git reset -q --hard HEAD^

must cp noise.bin twin.bin
must git add twin.bin
ok 'equal content' git dv du --json -- twin.bin noise.bin
is 'is stored once' "$(field content) $(field dedup)" '600000 300000'

make_noise named.dat 200000 5
must git dv version named.dat named --version 1
must git dv version noise.bin named --version 2
must git add .dv
ok 'named versions' git dv du --json -- .dv
is 'count for their registry' "$(field content)" '500000'
ok 'beside the files' git dv du --json -- .dv noise.bin
is 'only once' "$(field content) $(field dedup)" '800000 500000'
must git reset -q
must rm -r .dv named.dat

must git clone -q . ../clone
cd ../clone || exit 1
ok 'in a clone without content' git dv du
says 'it is named' 'not here'
code 129 'an unknown option' git dv du --bogus
cd ..
fails 'outside of a repository' git dv du
done_testing
