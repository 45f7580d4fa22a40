#!/bin/sh
# Named versions: recorded, listed, got back, pushed and fetched.
. "$(dirname "$0")/../lib.sh"

new_repo repo
publish repo
cd repo || exit 1
mkdir data
make_json data/table.json 3000 1
must git add .
must git commit -qm 1
first=$(sha256 data/table.json | cut -d' ' -f1)

# field NAME VERSION KEY
field() {
	git dv info --json "$1" "$2" | perl -MJSON::PP -e 'local $/;
		my $v = decode_json(<STDIN>)->{entry}{$ARGV[0]};
		print ref $v eq "ARRAY" ? join(",", sort @$v) :
			ref $v eq "HASH" ? join(",", map { "$_=$v->{$_}" } sort keys %$v) : $v' "$3"
}

ok 'a file gets a name' git dv version data/table.json stations --version v1 \
	-d 'the first' --meta source=survey --meta by=me --alias prod
is 'and the answer is for scripts' "$(cat "$T_OUT")" 'stations v1'
is 'checksums are those of common tools' "$(field stations v1 sha256)" "$first"
is 'also MD5' "$(field stations v1 md5)" "$(openssl md5 -r data/table.json | cut -d' ' -f1)"
is 'the size' "$(field stations v1 size)" "$(file_size data/table.json)"
is 'the path' "$(field stations v1 file)" data/table.json
is 'the description' "$(field stations v1 description)" 'the first'
is 'the meta data' "$(field stations v1 meta)" 'by=me,source=survey'
is 'the commit, of a clean file' "$(field stations v1 commit)" "$(git rev-parse HEAD)"
is 'the time has a zone' "$(field stations v1 created | sed 's/[0-9]/9/g')" \
	'9999-99-99T99:99:99.999999+99:99'
is 'the alias' "$(field stations prod version)" v1
ok 'a later one, from a folder below' git -C data dv version table.json stations
id=$(cut -d' ' -f2 <"$T_OUT")
is 'is named by its time' "$(echo "$id" | sed 's/[0-9]/9/g')" v99999999_999999
echo '{"id": -1}' >>data/table.json
ok 'in the same second' git dv version data/table.json stations
isnt 'is another version' "$(cut -d' ' -f2 <"$T_OUT")" "$id"
id=$(cut -d' ' -f2 <"$T_OUT")
is 'and the latest' "$(field stations latest version)" "$id"
is 'a changed file has no commit' "$(field stations latest commit)" ''
is 'all are listed' "$(git dv list -z stations | tr '\0' '\n' | wc -l | tr -d ' ')" 3
ok 'list' git dv list
says 'says names' 'stations  '
ok 'list --json' git dv list --json
says_json 'is JSON'
ok 'list NAME --json' git dv list --json stations
says_json 'is JSON'
is 'the registry is no pointer although *.json is tracked' \
	"$(git check-attr filter merge -- .dv/registry/stations.json | sed 's/.*: //' | tr '\n' ' ')" \
	'unset dvregistry '

fails 'a version is recorded once' git dv version data/table.json stations --version v1
says 'and says so' 'versions never change'
fails 'also in other case' git dv version data/table.json stations --version V1
fails 'a name that differs in case is refused' git dv version data/table.json Stations
fails 'latest is no version' git dv version data/table.json stations --version latest
fails 'an alias is no version' git dv version data/table.json stations --version prod
fails 'a version is no alias' git dv alias stations v1 "$id"
: >empty
fails 'an empty file is refused' git dv version empty nothing
fails 'a folder is refused' git dv version data nothing
fails 'a file outside is refused' git dv version "$HOME/.gitconfig" nothing
fails 'a file that is absent is refused' git dv version absent nothing
ln -s data/table.json link.json
fails 'a link is refused' git dv version link.json nothing
ok 'nothing was recorded by these' test ! -e .dv/registry/nothing.json
rm link.json empty

echo 'not tracked' >notes.txt
ok 'a file that is not tracked' git dv version notes.txt notes --version 1
rm notes.txt
ok 'is got back' git dv get notes
is 'as it was' "$(cat notes.txt)" 'not tracked'
must git add .
must git commit -qm 'notes'
ok 'a file of git itself' git dv version notes.txt notes --version 2
is 'has its commit' "$(field notes 2 commit)" "$(git rev-parse HEAD)"

# Several at once: none is lost.
for i in 1 2 3 4 5; do
	git dv version notes.txt many --version "p$i" >/dev/null 2>&1 &
done
wait
is 'versions recorded at once are all there' "$(git dv list -z many | tr '\0' '\n' | wc -l | tr -d ' ')" 5
must git dv remove --yes many

# --- get ---
ok 'get to a path' git dv get stations@prod -o "$T/out"
is 'has the content' "$(sha256 <"$T/out")" "$(echo "$first  -")"
ok 'get to a folder' git dv get stations@v1 -o "$T"
ok 'takes the name of the file' cmp "$T/out" "$T/table.json"
ok 'get to standard output' sh -c 'git dv get stations@v1 -o - >"$T/stdout"'
ok 'is the content' cmp "$T/stdout" "$T/out"
cp .dv/registry/stations.json "$T/stations.json"
must perl -pi -e 's/("sha256": ")[0-9a-f]{64}/$1 . "0" x 64/e' .dv/registry/stations.json
fails 'get of what has another checksum' git dv get stations@v1 -o "$T/wrong"
says 'says so' 'one of them was changed'
fails 'to standard output, too' git dv get stations@v1 -o -
says 'says so' 'what was written is not to be used'
cp "$T/stations.json" .dv/registry/stations.json
cp data/table.json new.json
ok 'get in place of what is recorded' git dv get stations@v1
ok 'has the content of then' cmp data/table.json "$T/out"
ok 'again changes nothing' git dv get stations@v1
says 'and says so' kept
ok 'get of the latest' git dv get stations
ok 'has the latest content' cmp data/table.json new.json
echo 'precious' >>data/table.json
cp data/table.json precious
fails 'content that is nowhere else is kept' git dv get stations
says 'with what to do' --force
ok 'as it was' cmp data/table.json precious
ok 'a version of it' git dv version data/table.json stations --version v9
ok 'makes it replaceable' git dv get stations@v1
ok '--force replaces anything' sh -c 'echo x >data/table.json; git dv get --force stations@v1'
fails 'an unknown version' git dv get stations@v77
says 'is named' "'v77'"
fails 'an unknown name' git dv get nobody
mkdir "$T/folder" "$T/folder/table.json"
fails 'a folder is not replaced' git dv get --force stations@v1 -o "$T/folder"

# --- link ---
ok 'get --link' git dv get --link stations@v1
ok 'keeps a copy beside' cmp data/stations_v1.json "$T/out"
ok 'but no link, as it is not the latest' test ! -e data/stations_latest.json
ok 'version --link' git dv version new.json linked --version a --link
ok 'makes the copy' cmp linked_a.json new.json
is 'and the link' "$(readlink linked_latest.json)" linked_a.json
echo x >>new.json
ok 'the next one' git dv version new.json linked --version b --link
is 'moves the link' "$(readlink linked_latest.json)" linked_b.json
ok 'and keeps the older copy' test -f linked_a.json
must perl -pi -e 's/("created": ")\d{4}/${1}2999/ if /"b"/ .. /}/' .dv/registry/linked.json
ok 'a version when one is dated in the future' git dv version new.json linked --version c --link
says 'warns' 'in the future'
says 'says what the link is of' "'linked_latest.json' is left to version 'b'"
is 'and leaves it' "$(readlink linked_latest.json)" linked_b.json
ok 'the copy is made' cmp linked_c.json new.json
rm linked_latest.json
echo mine >linked_latest.json
fails 'a file in place of the link stays' git dv get --link linked
is 'as it is' "$(cat linked_latest.json)" mine
rm -f linked_* data/stations_v1.json

# --- diff, alias, rename, remove ---
ok 'diff' git dv diff stations v1 "$id"
says 'shows chunks' 'in common'
says 'and lines' '+{"id": -1}'
ok 'diff --json' git dv diff --json stations v1
says_json 'is JSON'
make_noise noise.bin 300000 1
must git dv version noise.bin noise --version 1
patch_file noise.bin 5 xyz
must git dv version noise.bin noise --version 2
ok 'diff of what is no text' git dv diff noise 1 2
says_not 'shows no lines' 'diff --git'
# A terminal that closes while the text is shown.
printf '* diff=slow\n' >"$HOME/attributes"
printf '#!/bin/sh\ntouch "%s"\nsleep 60\n' "$T/shown" >"$HOME/slow"
chmod +x "$HOME/slow"
start env GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=core.attributesFile \
	GIT_CONFIG_VALUE_0="$HOME/attributes" GIT_CONFIG_KEY_1=diff.slow.textconv \
	GIT_CONFIG_VALUE_1="$HOME/slow" git dv diff stations v1 "$id"
n=0
while test ! -e "$T/shown" && test "$n" -lt 600; do
	sleep 0.05
	n=$((n + 1))
done
isnt 'diff shows files from the store' "$(ls .git/dv/tmp)" ''
stop HUP
is 'and leaves none when its terminal closes' "$(ls .git/dv/tmp)" ''
mkdir .git/dv/tmp/0123-d .git/dv/tmp/4567-d
touch .git/dv/tmp/0123-d/v1
touch -t 202001010000 .git/dv/tmp/0123-d
ok 'gc' git dv gc
is 'removes what a kill left, after a day' "$(ls .git/dv/tmp)" 4567-d
rmdir .git/dv/tmp/4567-d
ok 'an alias moves' git dv alias stations prod v9
is 'to there' "$(git dv alias stations)" 'prod v9'
fails 'an alias needs a version' git dv alias stations prod v77
fails 'what an alias points at stays' git dv remove --yes stations v9
ok 'an alias goes' git dv alias --delete stations prod
ok 'then the version goes' git dv remove --yes stations v9
fails 'without a terminal --yes is needed' git dv remove stations
says 'and is named' --yes
ok 'rename' git dv rename noise sound
fails 'not over another' git dv rename sound stations
ok 'in case only' git dv rename sound Sound
is 'the names' "$(git dv list -z | tr '\0' ' ')" 'Sound linked notes stations '
ok 'a name goes' git dv remove --yes linked
ok 'check' git dv registry check
says 'is content' 'all good'
code 129 'usage' git dv version one
code 129 'usage of get' git dv get

# --- push, pull, get elsewhere ---
git checkout -q -- data 2>/dev/null
rm -f noise.bin new.json precious
must git add -A
must git commit -qm 'versions'
ok 'push sends named versions' git push -q
must git clone -q "$T/repo.git" "$T/clone"
cd "$T/clone" || exit 1
must git dv init
ok 'the clone knows them' git dv info Sound 1
says 'but lacks their content' 'not here'
ok 'get fetches it' git dv get Sound@1 -o "$T/sound"
make_noise "$T/noise" 300000 1
ok 'whole' cmp "$T/sound" "$T/noise"
ok 'pull fetches the others' git dv pull
ok 'so that all is here' git dv registry check
says_not 'and not only known' 'default remote'
# Two names of one content: each by itself brings it.
cd "$T/repo" || exit 1
make_noise twin.bin 250000 9
must git dv version twin.bin twin-a --version 1
must git dv version twin.bin twin-b --version 1
rm twin.bin
must git add .dv
must git commit -qm twins
must git push -q
must git clone -q "$T/repo.git" "$T/twins"
cd "$T/twins" || exit 1
ok 'pull of one name' git dv pull -- .dv/registry/twin-b.json
ok 'brings what it shares' git dv info twin-b
says 'with another one' 'content      here'
must git clone -q "$T/repo.git" "$T/clone2"
cd "$T/clone2" || exit 1
must git dv init
must git config dv.exclude '.dv/registry/**'
ok 'pull of one that does not want them' git dv pull
ok 'leaves them' git dv info Sound 2
says 'there' 'not here'
ok 'verify' git dv verify

# A version that was removed later is needed by the commit that names it.
cd "$T/repo" || exit 1
echo 'gone soon' >gone.txt
must git dv version gone.txt gone --version 1
must git add .dv
must git commit -qm 'name it'
must git dv remove --yes gone
rm gone.txt
must git add .dv
must git commit -qm 'forget it'
must git push -q
must git clone -q "$T/repo.git" "$T/clone3"
cd "$T/clone3" || exit 1
must git checkout -q HEAD^
ok 'an older commit has its versions' git dv get gone
is 'with content' "$(cat gone.txt)" 'gone soon'
must git checkout -q main
must git dv fetch --all
is 'fetch --all brings all' "$(git checkout -q HEAD^ && git dv info gone | grep -c '^content *here')" 1

# A sparse checkout without the registries must not start new ones.
must git clone -q "$T/repo.git" "$T/sparse"
cd "$T/sparse" || exit 1
must git dv init
must git sparse-checkout set --cone data
fails 'list where registries are left out' git dv list
says 'says how to get them' 'git sparse-checkout add .dv'
fails 'nothing is recorded there' git dv version data/table.json stations
says 'for the same reason' 'git sparse-checkout add .dv'
must git sparse-checkout add .dv
must git dv pull -- data
ok 'with them' git dv version data/table.json stations --version sparse
ok 'older versions are there' git dv info stations v1

# What a worktree ignores or tracks in general does not touch registries.
must git init -q "$T/rules"
cd "$T/rules" || exit 1
must git dv init --gitignore
must git dv track '*.json'
printf '*.json\n.git*\n!/.gitattributes\n' >>.gitignore
echo 1 >f
ok 'a name that lines of .gitignore match' git dv version f prices_latest --version 1
says_not 'is no problem' warning
must git add .
must git commit -qm names
is 'and gets into the commit' "$(git ls-files .dv | tr '\n' ' ')" \
	'.dv/registry/.gitattributes .dv/registry/.gitignore .dv/registry/prices_latest.json '
ok 'check finds it' git dv registry check
echo .dv >>.gitignore
ok 'one in a folder that is ignored' git dv version f other --version 1
says 'is warned of' "'.dv/registry/other.json' would not be committed: line $(wc -l <.gitignore | tr -d ' ') of '.gitignore' ignores '.dv'"
ok 'one that Git has is not' git dv version f prices_latest --version 2
says_not 'even there' warning
fails 'check' git dv registry check
says 'tells it, too' "'.dv/registry/other.json' would not be committed"
must perl -ni -e 'print unless /^[.]dv$/' .gitignore
echo '*.json filter=dv' >.git/info/attributes
ok 'attributes that win' git dv alias other prod 1
says 'are warned of' "'.dv/registry/other.json' would be committed as a pointer"
ok 'from a folder below, too' sh -c 'mkdir -p sub && cd sub && git dv rename other another'
says 'by its new name' "'.dv/registry/another.json' would be committed"
rm .git/info/attributes

# push refuses to leave content behind
cd "$T/repo" || exit 1
must cp -R .dv/registry/notes.json bad.json
sed 's/sha256:[0-9a-f]*/dv1:0123456789012345678901234567890123456789012345678901234567890123/' bad.json \
	>.dv/registry/notes.json
rm bad.json
must git add .dv
must git commit -qm 'bad'
fails 'push of a version whose content is nowhere' git push -q
says 'names the registry' .dv/registry/notes.json
ok 'check does not ask' git dv registry check
says 'and says so' 'not asked for'
fails 'check --remote tells it' git dv registry check --remote
says 'by its name' "'notes' version"
done_testing
