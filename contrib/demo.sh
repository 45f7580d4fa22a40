#!/bin/sh
# The main job on real files, from nothing: init, track, add, commit, push,
# clone, compare. Called by `./bootstrap demo [DIR]` with git-dv in PATH.
set -eu
from=${1:-}
case $from in
'' | /*) ;;
*) from=$PWD/$from ;;
esac
[ -z "$from" ] || [ -d "$from" ] || { echo "no folder '$from'" >&2; exit 1; }
work=$(mktemp -d "${TMPDIR:-/tmp}/git-dv-demo.XXXXXX")
# Nothing of the user's own settings is read or changed.
export HOME="$work/home" GIT_CONFIG_NOSYSTEM=1 XDG_CONFIG_HOME="$work/home/.config"
mkdir -p "$HOME"
git config --global user.name "git-dv demo"
git config --global user.email demo@example.com
git config --global init.defaultBranch main
git config --global protocol.file.allow always

step() { printf '\n\033[1m$ %s\033[m\n' "$*"; "$@"; }
[ -t 1 ] || step() { printf '\n$ %s\n' "$*"; "$@"; }

make_data() {
	mkdir -p "$1"
	# A table that grows and changes, and something that does not compress.
	awk 'BEGIN { srand(7); print "["; for (i = 0; i < 60000; i++)
		printf "{\"id\": %d, \"title\": \"Movie %d\", \"year\": %d, \"rating\": %.1f, \"votes\": %d}%s\n", i, i * 7919 % 60000, 1930 + i % 95, rand() * 10, rand() * 1e6, i < 59999 ? "," : "";
		print "]" }' >"$1/movies.json"
	awk 'BEGIN { srand(8); print "date,delay,distance,origin"; for (i = 0; i < 120000; i++)
		printf "2001/%02d/%02d,%d,%d,%c%c%c\n", 1 + i % 12, 1 + i % 28, rand() * 60 - 10, rand() * 2000, 65 + rand() * 26, 65 + rand() * 26, 65 + rand() * 26 }' >"$1/flights.csv"
	head -c 6000000 /dev/urandom >"$1/weights.bin"
}

mkdir "$work/project"
cd "$work/project"
if [ -n "$from" ]; then
	mkdir data
	# Data files of the given folder, without repositories in it, and without
	# what would tell git to leave them out.
	(cd "$from" && find . \( -name '.git*' -o -name .dvconfig \) -prune -o \
		-type f -size +20k -print0) |
		(cd "$from" && xargs -0 -r cp --parents -t "$work/project/data")
	chmod -R u+w data
	[ -n "$(ls data)" ] || { echo "no files above 20 KiB in '$from'" >&2; exit 1; }
else
	make_data data
fi

step git init -q
step git dv init
step git dv track 'data/**'
step git dv remote add store "$work/store"
step git add .
step git commit -qm 'data, versioned'
git init -q --bare "$work/origin.git"
git remote add origin "$work/origin.git"
step git push -qu origin main

big=$(find data -type f -exec ls -S {} + | head -n 1)
printf '\n(one line more in %s)\n' "$big"
printf 'one line more\n' >>"$big"
step git commit -qam 'a small change'
step git push -q
step git dv status

cd "$work"
step git dv install
step git clone -q origin.git clone
cd clone
step git status --short
(cd "$work/project" && find data -type f -exec sha256sum {} +) | sort >"$work/a"
find data -type f -exec sha256sum {} + | sort >"$work/b"
cmp "$work/a" "$work/b"
step git dv verify

bytes() { find "$1" -type f -exec ls -ln {} + | awk '{ n += $5 } END { print n + 0 }'; }
files=$(wc -l <"$work/a")
raw=$(bytes "$work/project/data")
store=$(bytes "$work/store")
pointers=$(git -C "$work/project" ls-tree -r -l HEAD data | awk '{ n += $4 } END { print n + 0 }')
printf '\n%s files, two versions: %s bytes of data each\n' "$files" "$raw"
printf 'on the store:  %s bytes for both versions (%s%% of storing each whole)\n' \
	"$store" "$(awk "BEGIN { printf \"%.0f\", 100 * $store / (2 * $raw) }")"
printf 'in git itself: %s bytes of pointers a version\n' "$pointers"
printf 'the clone is equal byte for byte (sha256sum of all %s files)\n' "$files"
printf '\nLook around in %s; remove it when done.\n' "$work"
