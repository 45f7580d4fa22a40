#!/bin/sh
# Relative URLs: git clone keeps an absolute one, as for a plain path.
. "$(dirname "$0")/../lib.sh"

must git dv install
must git config --global protocol.dvstore.allow always
history_repo repo
must git -C repo push -q "dvstore::$T/h" main side
publish repo
must mkdir in in/sub
cd in || exit 1

# kept DESC URL CLONE: the clone has that URL, is whole, and works from everywhere.
kept() {
	is "$1: the URL" "$(git -C "$3" config --get-all remote.origin.url)" "$2"
	ok "$1: is whole" tree_is "$3" ../v2
	mkdir -p "$3/deep"
	ok "$1: fetch from a folder" git -C "$3/deep" fetch -q
	must git -C "$3" commit -q --allow-empty -m more
	ok "$1: push" git -C "$3" push -q origin HEAD:refs/heads/pushed
	must git -C "$3" push -q origin :pushed
}
ok 'clone' git clone -q dvstore::../h one
kept 'clone' "dvstore::$T/h" one
is 'the store is noted for it' "$(git -C one config remote.origin.dvstore)" \
	"$(sed -n 's/^uuid //p' ../h/format) $T/h"
ok 'content later' git -C one checkout -q side
cd sub || exit 1
ok 'clone from a folder to a place elsewhere' git clone -q dvstore::../../h "$T/in/two"
cd ..
kept 'elsewhere' "dvstore::$T/h" two
ok 'clone --bare' git clone -q --bare dvstore::../h bare.git
is 'its URL' "$(git -C bare.git config remote.origin.url)" "dvstore::$T/h"
ok 'clone --separate-git-dir' git clone -q --separate-git-dir=three.git dvstore::../h three
kept 'separate' "dvstore::$T/h" three
ok 'paired' git clone -q dvstore::../repo.git four
is 'its URL' "$(git -C four config remote.origin.url)" "dvstore::$T/repo.git"
ok 'fetch' git -C four fetch -q

# A remote that was set up as a relative one stays so.
must git init -q five
must git -C five remote add origin dvstore::../../h
ok 'fetch of a relative remote' git -C five fetch -q
is 'it stays' "$(git -C five config remote.origin.url)" dvstore::../../h
ok 'from a folder' sh -c 'mkdir five/x && cd five/x && git fetch -q'
fails 'clone of what is not there' git clone -q dvstore::nothing none
says 'says from where' "'nothing' (from '$T/in')"
cd ..

# --- submodules ---
must git init -q super
must git -C super commit -q --allow-empty -m first
must git -C super remote add origin "dvstore::$T/super.store"
must git -C super push -q origin main
ok 'a submodule beside the superproject' git -C super submodule --quiet add ../h mod
must git -C super commit -qm mod
must git -C super push -q origin main
ok 'clone' git clone -q --recurse-submodules dvstore::super.store far
ok 'the submodule is whole' tree_is far/mod v2

done_testing
