#!/bin/sh
# Registries of scripts: data_registry.json.
. "$(dirname "$0")/../lib.sh"

new_repo repo
cd repo || exit 1
md5() { openssl md5 -r "$1" | cut -d' ' -f1; }
mkdir data
make_json data/sales_v1.json 500 1
make_json data/sales_v2.json 600 2
make_noise data/model_a.bin 50000 3
cp data/sales_v1.json keep.json

# entry NAME-OF-FILE CREATED
entry() {
	printf '"file": "%s", "original_file": "raw/x.json", "created": "%s", "size_bytes": %s, "size_mb": 0.5, "checksum": "%s"' \
		"$1" "$2" "$(file_size "$1")" "$(md5 "$1")"
}
cat >data_registry.json <<END
{
  "sales": {
    "v20240201_100000": {$(entry data/sales_v2.json 2024-02-01T10:00:00.5), "description": "second"},
    "v20240101_100000": {$(entry data/sales_v1.json 2024-01-01T10:00:00), "description": "first", "rows": 500, "id": 9007199254740993, "box": [1, 0.30000000000000004], "owner": "me"}
  },
  "model": {
    "a": {$(entry data/model_a.bin '2024-03-01 09:00:00'), "description": ""}
  }
}
END
ok 'a dry run' git dv registry import --dry-run data_registry.json
ok 'records nothing' test ! -e .dv/registry
ok 'import' git dv registry import data_registry.json
says 'counts' 'Imported 3 versions'
is 'the names are there' "$(git dv list -z | tr '\0' ' ')" 'model sales '
is 'by time' "$(git dv list -z sales | tr '\0' ' ')" 'v20240101_100000 v20240201_100000 '
ok 'info' git dv info sales v20240101_100000
says 'has the description' first
says 'the original file' raw/x.json
says 'what else there was' 'owner=me'
says 'as text' 'rows=500'
says 'long numbers as they are' 'id=9007199254740993'
says 'in lists, too' 'box=[1,0.30000000000000004]'
says 'the time, with a zone' '2024-01-01T10:00:00.000000+00:00'
says 'content' 'content      here'
rm data/sales_v1.json
ok 'get' git dv get sales@v20240101_100000
ok 'brings it back' cmp data/sales_v1.json keep.json
ok 'import again' git dv registry import data_registry.json
says 'finds all recorded' 'Imported 0 versions, 0 without content; 3 recorded before'
ok 'without a change' sh -c 'git add .dv && git commit -qm r && git dv registry import data_registry.json && git diff --quiet .dv'

# Gone or changed files.
cp data_registry.json other.json
must perl -pi -e 's/"sales"/"lost"/; s/"model"/"changed"/' other.json
mv data/sales_v2.json "$T/away.json"
patch_file data/model_a.bin 10 xxx
fails 'files that are gone or changed' git dv registry import other.json
says 'the gone one is named' "'lost' version 'v20240201_100000': its file 'data/sales_v2.json' is not in the worktree"
says 'the changed one too' "'changed' version 'a': 'data/model_a.bin' has changed since"
says 'with what to do' --allow-missing
ok 'nothing of it is recorded' test ! -e .dv/registry/lost.json
ok '--allow-missing' git dv registry import --allow-missing other.json
says 'says what it lacks' '2 without content'
ok 'they are listed' git dv list lost
says 'as what they are' 'never stored'
fails 'get of one' git dv get lost@v20240201_100000
says 'names the checksum to look for' "$(md5 "$T/away.json")"
ok 'check counts them' git dv registry check
says 'as never stored' '2 never stored'
mv "$T/away.json" data/sales_v2.json
ok 'import when a file came back' git dv registry import --allow-missing other.json
says 'fills it in' 'Imported 1 version, 0 without content; 2 recorded before'
rm data/sales_v2.json
ok 'so that it can be got' git dv get lost@v20240201_100000

# As PowerShell prints checksums; a time that is zero.
printf '{"capitals": {"1": {"file": "keep.json", "checksum": "%s", "created": "1970-01-01T00:00:00"}}}' \
	"$(md5 keep.json | tr a-f A-F)" >capitals.json
ok 'a checksum in capitals' git dv registry import capitals.json
is 'is one' "$(git dv info capitals | sed -n 's/^md5  *//p')" "$(md5 keep.json)"
ok 'the time' git dv info capitals
says 'stays, though it is zero' 1970-01-01T00:00:00.000000
rm capitals.json

# Beside a registry in another folder.
mkdir sub
cp data/sales_v2.json sub/table.json
(cd sub && printf '{"beside": {"1": {%s}}}' "$(entry table.json 2024-01-01T00:00:00)" >registry.json)
rm -f table.json
ok 'files beside the registry' git dv registry import sub/registry.json
is 'are found there' "$(git dv info beside | sed -n 's/^file  *//p')" sub/table.json
(cd sub && printf '{"abs": {"1": {%s}}}' "$(entry "$PWD/table.json" 2024-01-01T00:00:00)" >abs.json)
ok 'absolute paths into the worktree' git dv registry import sub/abs.json
is 'become relative' "$(git dv info abs | sed -n 's/^file  *//p')" sub/table.json

# What must not be taken.
bad() {	# DESC JSON SAYS
	printf '%s' "$2" >bad.json
	fails "$1" git dv registry import --allow-missing bad.json
	says "$1: says why" "$3"
}
m=00000000000000000000000000000000
before=$(ls .dv/registry)
bad 'not JSON' '{"a":' 'not JSON'
bad 'a list' '[]' 'no object of names'
bad 'a name with a path' "{\"../x\": {\"1\": {\"file\": \"f\", \"checksum\": \"$m\"}}}" 'is no name'
bad 'a version with a path' "{\"x\": {\"a/b\": {\"file\": \"f\", \"checksum\": \"$m\"}}}" 'is no version'
bad 'a version twice' "{\"x\": {\"1\": {\"file\": \"f\", \"checksum\": \"$m\"}, \"1\": {\"file\": \"g\", \"checksum\": \"$m\"}}}" twice
bad 'no checksum' '{"x": {"1": {"file": "f"}}}' "'checksum' is missing"
bad 'a bad checksum' '{"x": {"1": {"file": "f", "checksum": "zz"}}}' 'not an MD5'
bad 'no file' "{\"x\": {\"1\": {\"checksum\": \"$m\"}}}" "'file' is missing"
bad 'a bad time' "{\"x\": {\"1\": {\"file\": \"f\", \"checksum\": \"$m\", \"created\": \"yesterday\"}}}" 'not a time'
bad 'other content for a version' "{\"sales\": {\"v20240101_100000\": {\"file\": \"keep.json\", \"checksum\": \"$m\"}}}" 'other content already'
bad 'two versions that differ in case' "{\"x\": {\"a\": {\"file\": \"f\", \"checksum\": \"$m\"}, \"A\": {\"file\": \"g\", \"checksum\": \"$m\"}}}" 'already'
# One that is good comes before: it is not recorded either, and a dry run says the same.
good="\"aa\": {\"1\": {\"file\": \"keep.json\", \"checksum\": \"$(md5 keep.json)\"}}"
for last in '"zz": {"latest": V}' '"zz": {"v1": V, "V1": V}' '"m16": {"1": V}, "M16": {"1": V}' '"Sales": {"1": V}'; do
	printf '{%s, %s}' "$good" "$last" | sed "s/V\([},]\)/{\"file\": \"keep.json\", \"checksum\": \"$(md5 keep.json)\"}\1/g" >bad.json
	fails "$last behind a good name" git dv registry import bad.json
	cp "$T_ERR" "$T/why"
	fails 'the same' git dv registry import -n bad.json
	is 'in a dry run' "$(cat "$T_ERR")" "$(cat "$T/why")"
done
is 'nothing of these was recorded' "$(ls .dv/registry)" "$before"
echo secret >"$T/secret"
printf '{"out": {"1": {"file": "../secret", "checksum": "%s"}}}' "$(md5 "$T/secret")" >bad.json
fails 'a file outside is not read' git dv registry import bad.json
says 'but missing' 'not in the worktree'
# Paths as scripts and Windows spell them, and days as people do.
mkdir -p spelled
echo one >spelled/one.dat
echo two >spelled/two.dat
echo back >'spelled/b\s.dat'
cat >spelled.json <<END
{"spelled": {
	"1": {"file": "./spelled//one.dat", "checksum": "$(md5 spelled/one.dat)", "created": "2025-06-05"},
	"2": {"file": "spelled\\\\two.dat", "checksum": "$(md5 spelled/two.dat)", "created": "2025-06-06"},
	"3": {"file": "spelled/b\\\\s.dat", "checksum": "$(md5 'spelled/b\s.dat')"}}}
END
ok 'odd paths' git dv registry import spelled.json
run git dv info spelled@1
says 'are spelled as here' 'file         spelled/one.dat'
says 'a day is its midnight' '2025-06-05T00:00:00.000000+00:00'
run git dv info spelled@2
says 'backslashes are slashes' 'file         spelled/two.dat'
run git dv info spelled@3
says 'where they do not stand in the name' 'file         spelled/b\s.dat'
sed 's/two\.dat/gone.dat/; s/"2": /"4": /' spelled.json >gone.json
fails 'one that is not there' git dv registry import gone.json
says 'is named as it was written' "its file 'spelled\\gone.dat' is not"
fails 'a registry that is absent' git dv registry import nowhere.json
code 129 'usage' git dv registry import
code 129 'an unknown verb' git dv registry bogus
done_testing
