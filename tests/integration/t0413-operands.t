#!/bin/sh
# Operands that are not what they are taken for: each is named, with what would be right.
. "$(dirname "$0")/../lib.sh"

must git dv install
published_repo repo
must git clone -q repo.git c
cd c || exit 1

# checkout takes paths alone.
for what in HEAD main store v1; do
	fails "checkout $what" git dv checkout "$what"
	says 'is no file' "'$what' is no versioned file here; only paths are taken"
done
must git branch tiny.bin
ok 'checkout of a file that is a branch, too' git dv checkout tiny.bin
must git branch -D tiny.bin
ok 'checkout -- FILE' git dv checkout -- tiny.bin
ok 'checkout -a' git dv checkout -a

# An empty string, as a variable of a script that is not set.
for c in checkout fetch pull push du ls-files; do
	fails "git dv $c ''" git dv "$c" ''
	says 'is named' 'an empty string is no path'
	fails "git dv $c -- ''" git dv "$c" -- ''
	says 'is named' 'an empty string is no path'
done
fails "git dv add ''" git dv add ''

# A slip of the pen.
for c in checkout fetch pull push du ls-files; do
	fails "git dv $c TYPO" git dv "$c" tiny.bni
	says 'is named' "'tiny.bni' is no "
done
ok 'du of a file' git dv du tiny.bin
says 'shows it' tiny.bin
ok 'du of a folder' git dv du sub
says 'shows its files' sub/large.bin
must git rm -q tiny.bin
must git commit -qm gone
ok 'du of a file of history' git dv du tiny.bin
says 'shows it' tiny.bin

# By habit.
must git symbolic-ref -d refs/remotes/origin/HEAD
for c in push fetch pull; do
	fails "git dv $c origin main" git dv "$c" origin main
	says 'says what origin is' "'origin' is a Git remote and no data remote, which would be 'store'"
done
must git remote set-head origin main
ok 'where it is a revision, too' git dv push origin main
says 'says so' "'origin' is a Git remote and no data remote; it is taken as the revision"
ok 'the data remote' git dv push store main
says_not 'says nothing of it' 'Git remote'
ok 'a branch of the remote' git dv push store origin/main
says_not 'says nothing of it' 'Git remote'


# Operands where there are none to give.
code 129 'git dv env extra' git dv env extra
says 'shows the usage' 'usage: git dv env'

done_testing
