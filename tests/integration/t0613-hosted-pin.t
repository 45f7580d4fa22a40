#!/bin/sh
# A remote on a store knows its store: another one, or an empty mount point, is not taken for it.
. "$(dirname "$0")/../lib.sh"

must git dv install
U=dvstore::$T/h
history_repo repo
must git -C repo remote add origin "$U"
must git -C repo push -q -u origin main
uuid=$(sed -n 's/^uuid //p' h/format)
is 'a push notes the store' "$(git -C repo config remote.origin.dvstore)" "$uuid $T/h"
must git clone -q "$U" c
is 'a clone does' "$(git -C c config --get-all remote.origin.dvstore)" "$uuid $T/h"
must git -C c fetch -q
must git -C c push -q origin main:again
is 'once' "$(git -C c config --get-all remote.origin.dvstore)" "$uuid $T/h"
must git init -q old
must git -C old remote add up "$U"
ok 'fetch' git -C old fetch -q up
is 'a fetch does' "$(git -C old config remote.up.dvstore)" "$uuid $T/h"
ok 'rename the remote' git -C old remote rename up origin
is 'goes with it' "$(git -C old config remote.origin.dvstore)" "$uuid $T/h"
ok 'dv remote list' git -C c dv remote list --json
says 'shows it' "$uuid"
must git -C repo fetch -q "$U" main
is 'a URL notes nothing' "$(git -C repo config --get-regexp 'dvstore$' | wc -l | tr -d ' ')" 1

# refused DESC TEXT: push and fetch fail, and nothing is made.
refused() {
	before=$(find "$T/h" | sort)
	fails "$1: push" git -C c push origin main
	says "$1: says so" "$2"
	fails "$1: forced" git -C c push --force --no-verify origin main:other
	fails "$1: fetch" git -C c fetch
	says "$1: says so" "$2"
	is "$1: nothing was made" "$(find "$T/h" | sort)" "$before"
}
must git -C c commit -q --allow-empty -m 'to push'
must mv h away
must mkdir h
refused 'an empty mount point' 'is it mounted?'
must rmdir h
fails 'no mount point' git -C c push origin main
ok 'none was made' test ! -e h
must git -C repo push -q "$U" main
refused 'another store' "git config --unset-all remote.origin.dvstore"
must git -C c config --unset-all remote.origin.dvstore
ok 'replaced on purpose' git -C c push -q origin main
is 'notes the new one' "$(git -C c config remote.origin.dvstore)" \
	"$(sed -n 's/^uuid //p' h/format) $T/h"

# --- another URL, the same remote ---
ok 'another URL' git -C repo remote set-url origin "dvstore::$T/second"
ok 'push' git -C repo push -q origin main
is 'notes both' "$(git -C repo config --get-all remote.origin.dvstore | wc -l | tr -d ' ')" 2
must git -C repo remote set-url origin "dvstore::$T/away"
ok 'a store that moved' git -C repo fetch -q

# --- a remote that is none of this repository's ---
ok 'fetch from a remote of the command line' git -C repo -c remote.tmp.url="dvstore::$T/second" fetch -q tmp
must git config --global remote.everywhere.url "dvstore::$T/second"
ok 'from one of all repositories' git -C repo fetch -q everywhere
must git config --global --remove-section remote.everywhere
must mkdir repo/.git/remotes
must sh -c "echo 'URL: dvstore::$T/second' >repo/.git/remotes/old"
ok 'from one of a file' git -C repo fetch -q old
rm -r repo/.git/remotes
is 'none was made' "$(git -C repo remote)" origin
must git -C repo config extensions.worktreeConfig true
must git -C repo worktree add -q ../wt side
must git -C wt config --worktree remote.mine.url "dvstore::$T/second"
ok 'from one of a worktree' git -C wt fetch -q mine
is 'is noted there' "$(git -C wt config --worktree remote.mine.dvstore)" \
	"$(sed -n 's/^uuid //p' second/format) $T/second"
is 'and is none of the others' "$(git -C repo remote)" origin

# --- what the user has set ---
must git -C repo remote add set "dvstore::$T/third"
must git -C repo config dv.remote.set.uuid "$uuid"
fails 'a store that is to be there' git -C repo push set main
ok 'none is made' test ! -e third

done_testing
