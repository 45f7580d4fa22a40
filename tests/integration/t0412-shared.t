#!/bin/sh
# Who may use a store: the mode of its root says it, not the umask of those who push.
. "$(dirname "$0")/../lib.sh"

must git dv install
history_repo repo

# odd STORE FILES FOLDERS: entries below the root with other modes than these.
odd() {
	find "$1" -mindepth 1 \( -type f ! -perm "$2" -o -type d ! -perm "$3" \)
}

# store MODE UMASK FILES FOLDERS: pushed to by several ways, and modes of what is in it.
store() {
	S=$T/s$1-$2
	must mkdir "$S"
	must chmod "$1" "$S"
	umask "$2"
	ok "$1, umask $2: push" git -C repo push -q "dvstore::$S" main
	ok "$1, umask $2: and again" git -C repo push -q "dvstore::$S" side main~1:refs/heads/old
	umask 022
	is "$1, umask $2: the modes" "$(odd "$S" "$3" "$4")" ''
	is "$1, umask $2: the root's" "$(find "$S" -maxdepth 0 -perm "$1")" "$S"
}
store 2770 077 0440 2770
store 2775 022 0444 2775
store 0755 077 0444 0755
store 0700 000 0400 0700
store 0777 022 0444 0777

# A data remote, and settings that say otherwise later.
must mkdir data
must chmod 2770 data
umask 077
ok 'add' git -C repo dv remote add --local data "$T/data"
ok 'push of content' git -C repo dv push data
umask 022
is 'the modes' "$(odd data 0440 2770)" ''

# --- check ---
S=$T/s2770-077
ok 'check' git dv remote check "dvstore::$S"
says 'looks at the modes' 'all who may use its root may use what is in it'
f=$(cd "$S" && find git/pack -name '*.pack' | head -n 1)
must chmod 0400 "$S/$f"
code 1 'a file that the group cannot read' git dv remote check "dvstore::$S"
says 'names it' "'$f'"
must chmod 0440 "$S/$f"
must chmod 0750 "$S/git/refs"
code 1 'a folder that the group cannot write to' git dv remote check "dvstore::$S"
says 'names it' "'git/refs'"
says_not 'and nothing else' "'git/pack"
must chmod 2770 "$S/git/refs"
ok 'mended' git dv remote check "dvstore::$S"
if test "$(id -u)" = 0; then
	must chgrp 12345 "$S/$f"
	code 1 'a file of another group' git dv remote check "dvstore::$S"
	says 'names it' "'$f'"
	S=$T/s0755-077
	must chown -R 12345 "$S"
	must chmod 0755 "$S/git/pack"
	ok 'all of one owner' git dv remote check "dvstore::$S"
	must chown 0 "$S/git/pack"
	code 1 'a folder of another owner' git dv remote check "dvstore::$S"
	says 'names it' "'git/pack'"
else
	skip 5 'not root'
fi

done_testing
