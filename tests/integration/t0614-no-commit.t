#!/bin/sh
# Refs whose content no commit brought in: trees, files, tags of them. The content goes first.
. "$(dirname "$0")/../lib.sh"

must git dv install

# sends DESC FILE CMD...: the push brings the content of FILE to $STORE, from where it comes back.
sends() {
	lib_title=$1
	lib_file=$2
	shift 2
	ok "$lib_title" "$@"
	rm -rf back
	must git clone -q --no-checkout repo back
	must git -C back checkout -q HEAD -- .gitattributes
	must git -C back remote remove origin
	must git -C back dv remote add --local store "$STORE"
	ok "$lib_title: the content is there" sh -c \
		"git -C back cat-file --filters HEAD:'$lib_file' | cmp - 'repo/$lib_file'"
}

for format in sha1 sha256; do
	rm -rf repo p.git
	STORE=$T/$format.store
	H=dvstore::$T/$format.h
	new_repo repo --object-format=$format
	must git -C repo dv remote add --local store "$STORE"
	must git init -q --bare --object-format=$format p.git
	n=0
	for kind in plain paired hosted; do
		case $kind in
		plain) U=$T/p.git ;;
		paired) U=dvstore::$T/p.git ;;
		hosted) U=$H STORE=$T/$format.h ;;
		esac
		must mkdir -p repo/sub
		for f in tree sub/dir blob; do
			n=$((n + 1))
			make_noise "repo/$f.bin" 1300000 "$n"
		done
		must git -C repo add -A
		must git -C repo commit -qm "$kind"
		tree=$(git -C repo rev-parse 'HEAD^{tree}')
		blob=$(git -C repo rev-parse HEAD:blob.bin)
		# No commit of it is pushed, before or after.
		must git -C repo tag -f -a -m blob ofblob "$blob"
		sends "$format, $kind: a tag of a file" blob.bin git -C repo push -q "$U" +ofblob
		sends "$format, $kind: a folder" sub/dir.bin git -C repo push -q "$U" "+HEAD:sub:refs/x/sub"
		must git -C repo tag -f -a -m tree oftree "$tree"
		sends "$format, $kind: a tag of a tree" tree.bin git -C repo push -q "$U" +oftree

		printf 'version git-dv/1\noid sha256:%064d\nsize 12345\n' 7 >"$HOME/pointer"
		lost=$(git -C repo hash-object -w --no-filters "$HOME/pointer")
		code 1 "$format, $kind: a file that is nowhere" git -C repo push "$U" "$lost:refs/x/lost"
		says 'says so' "$lost"
		is 'no ref' "$(git ls-remote "$U" refs/x/lost)" ''
		bad=$(printf '100644 blob %s\tlost.bin\n' "$lost" | git -C repo mktree)
		code 1 "$format, $kind: a tree with it" git -C repo push "$U" "$bad:refs/x/lost"
		says 'says so' 'lost.bin'
		is 'no ref' "$(git ls-remote "$U" refs/x/lost)" ''
	done
done

done_testing
