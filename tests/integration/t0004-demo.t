#!/bin/sh
# contrib/demo.sh, which `./bootstrap demo DIR` runs, on folders as people have them.
. "$(dirname "$0")/../lib.sh"

demo=$LIB_DIR/../contrib/demo.sh
test -r "$demo" || skip_all 'contrib/ is not here'
TMPDIR=$T
export TMPDIR

mkdir -p 'my data/sub' bare/.git
make_json 'my data/a.json' 500 1
make_noise 'my data/sub/b.bin' 50000 2
# Rules that would ignore all of it, and more than 20 KiB of them.
awk 'BEGIN { print "*"; for (i = 0; i < 4000; i++) print "/none" i }' >'my data/.gitignore'
awk 'BEGIN { for (i = 0; i < 4000; i++) print "none" i " -text" }' >'my data/.gitattributes'
chmod 444 'my data'/*.json 'my data'/.git* 'my data'/*/*.bin

ok 'a relative folder' sh "$demo" 'my data'
says 'of its two files' '2 files, two versions'
says 'the clone is equal' 'the clone is equal byte for byte'
ok 'with a dash in front' sh -c 'cp -r "my data" ./-n && sh "$1" -n' - "$demo"
fails 'a folder without data' sh "$demo" bare
says 'says so' 'no files above 20 KiB'
fails 'a folder that is not there' sh "$demo" nowhere
says 'is named' nowhere
if test "$(id -u)" = 0 && setpriv --reuid=54301 --clear-groups \
	test -x "$DV_BUILD_DIR/git-dv" -a -r "$demo" 2>/dev/null; then
	chmod -R a+rX "$T"
	mkdir user
	chown 54301 user
	ok 'files that only may be read, as one who is not root' \
		env TMPDIR="$T/user" setpriv --reuid=54301 --clear-groups sh "$demo" 'my data'
else
	skip 1 'needs root, to be somebody else'
fi

# Of bootstrap all but the work: what it hands over.
mkdir -p at/contrib
must cp "$LIB_DIR/../bootstrap" at/bootstrap
printf 'printf "%%s\\n" "$1"\n' >at/contrib/demo.sh
must perl -pi -e 's/^(deps|build_in)\(\).*/$1() { return 0\n/; s/^\tmake -s -C.*//' at/bootstrap
ok 'bootstrap takes a folder as relative to where it was called' sh at/bootstrap demo 'my data'
is 'and hands over its whole path' "$(cat "$T_OUT")" "$T/my data"
done_testing
