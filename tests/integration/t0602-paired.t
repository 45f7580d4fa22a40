#!/bin/sh
# An ordinary Git repository paired with a data remote: content first, then Git's own push.
. "$(dirname "$0")/../lib.sh"

must git dv install

# An ssh that runs the command here.
mkdir "$T/bin"
cat >"$T/bin/ssh" <<'END'
#!/bin/sh
shift
exec sh -c "$*"
END
chmod +x "$T/bin/ssh"
GIT_SSH=$T/bin/ssh
GIT_SSH_VARIANT=simple
export GIT_SSH GIT_SSH_VARIANT

# raced NAME: somebody pushes between the list and a push that would overwrite or delete.
raced() {
	must git clone -q "$1.git" "$1-r"
	must git -C "$1-r" commit -q --allow-empty -m colleague
	theirs=$(git -C "$1-r" rev-parse HEAD)
	must git -C "$1-r" push -q origin HEAD:refs/heads/theirs
	mv "$1/.git/hooks/pre-push" "$HOME/pre-push"
	printf '#!/bin/sh\ngit -C "%s" update-ref refs/heads/raced %s\n' "$T/$1.git" "$theirs" >"$1/.git/hooks/pre-push"
	chmod +x "$1/.git/hooks/pre-push"
	for how in '--force origin side:raced' 'origin +side:raced' 'origin :raced' \
		'--force --force-with-lease=raced:side origin side:raced' \
		'--atomic --force origin side:raced side:beside' '--atomic origin :raced side:beside'; do
		must git -C "$1.git" update-ref refs/heads/raced main~1
		code 1 "lost race: $how" git -C "$1" push $how
		says 'says so' '-> raced (fetch first)'
		is 'theirs stays' "$(git -C "$1.git" rev-parse raced)" "$theirs"
	done
	is 'atomic: nothing else went' "$(git -C "$1.git" for-each-ref refs/heads/beside)" ''
	must git -C "$1.git" update-ref -d refs/heads/raced
	code 1 'lost race of a new branch by force' git -C "$1" push --force origin side:raced
	is 'theirs stays' "$(git -C "$1.git" rev-parse raced)" "$theirs"
	rm "$1/.git/hooks/pre-push"
	must git -C "$1" push -q origin :theirs
	mv "$HOME/pre-push" "$1/.git/hooks/pre-push"
}

# pairing NAME URL: the same for a directory and for ssh.
pairing() {
	n=$1
	U=dvstore::$2
	diag "$n"
	new_repo "$n"
	must git -C "$n" dv remote add store "$T/$n.store"
	must git -C "$n" add -A
	must git -C "$n" commit -q -m 'name the store'
	add_history "$n" "$n-"
	must git init -q --bare "$n.git"
	must git -C "$n.git" config receive.advertisePushOptions true
	printf '#!/bin/sh\nenv | grep "^GIT_PUSH_OPTION" >"%s"\n' "$T/$n.options" >"$n.git/hooks/post-receive"
	chmod +x "$n.git/hooks/post-receive"
	must git -C "$n" remote add origin "$U"

	ok 'dry run' git -C "$n" push --dry-run origin main
	is 'no ref' "$(git -C "$n.git" for-each-ref)" ''
	is 'no content' "$(find "$n.store" -path '*/shards/*' -type f)" ''
	ok 'push --no-verify' git -C "$n" push --no-verify -u origin main
	says 'new branch' '[new branch]'
	is 'the ref' "$(git -C "$n.git" rev-parse main)" "$(git -C "$n" rev-parse main)"
	ok 'the content' sh -c "find '$n.store' -path '*/shards/*' -type f | grep ."
	ok 'clone by git' git clone -q "$T/$n.git" "$n-g"
	ok 'is whole' tree_is "$n-g" "$n-v2"
	ok 'clone through the helper' git clone -q "$U" "$n-c"
	ok 'is whole' tree_is "$n-c" "$n-v2"
	is 'upstream' "$(git -C "$n-c" rev-parse --abbrev-ref '@{u}')" origin/main
	ok 'ls-remote --symref' git ls-remote --symref "$U"
	says 'HEAD' "ref: refs/heads/main	HEAD"

	ok 'push options' git -C "$n" push -q -o one -o two=2 origin side
	is 'arrived' "$(sort "$n.options" | tr '\n' ' ')" \
		'GIT_PUSH_OPTION_0=one GIT_PUSH_OPTION_1=two=2 GIT_PUSH_OPTION_COUNT=2 '
	must git -C "$n" tag -a -m a "$n-a"
	must git -C "$n" commit -q --allow-empty -m more
	ok '--follow-tags --porcelain' git -C "$n" push --porcelain --follow-tags origin main
	says 'the tag' "*	refs/tags/$n-a:refs/tags/$n-a	[new tag]"
	is 'no other tag' "$(git -C "$n.git" tag)" "$n-a"
	ok '--tags' git -C "$n" push -q --tags origin
	ok 'fetch' git -C "$n-c" fetch -q
	is 'has it' "$(git -C "$n-c" rev-parse origin/main)" "$(git -C "$n" rev-parse main)"
	is 'tags too' "$(git -C "$n-c" rev-parse v1)" "$(git -C "$n" rev-parse v1)"
	must git -C "$n-c" commit -q --allow-empty -m 'in the clone'
	code 1 'not a fast-forward' git -C "$n-c" push origin main
	says 'why' '[rejected]'
	says 'hint' 'hint: Updates were rejected because'
	code 1 '--atomic' git -C "$n-c" push --atomic origin main main:atomic
	is 'made nothing' "$(git -C "$n.git" for-each-ref refs/heads/atomic)" ''
	code 1 'a lease that is stale' git -C "$n-c" push --force-with-lease=main:v1 origin main
	says 'says so' 'stale info'
	code 1 '--force-if-includes' git -C "$n-c" push --force-with-lease --force-if-includes origin main
	ok 'a lease that is right' git -C "$n-c" push --force-with-lease=main:origin/main origin main
	is 'it moved' "$(git -C "$n.git" rev-parse main)" "$(git -C "$n-c" rev-parse main)"
	ok '--force' git -C "$n" push -q --force origin main
	ok '--delete' git -C "$n" push -q origin --delete side
	is 'is gone' "$(git -C "$n.git" for-each-ref refs/heads/side)" ''
	ok '--prune' git -C "$n-c" push -q --prune origin 'refs/heads/*:refs/tmp/*'
	ok '--mirror' git -C "$n" push -q --mirror origin
	is 'the same refs' "$(git -C "$n.git" for-each-ref refs/heads refs/tags)" \
		"$(git -C "$n" for-each-ref refs/heads refs/tags)"
	# Another push is faster: between the list and the push.
	mv "$n/.git/hooks/pre-push" "$HOME/pre-push"
	printf '#!/bin/sh\ngit -C "%s" update-ref refs/heads/raced side\n' "$T/$n.git" >"$n/.git/hooks/pre-push"
	chmod +x "$n/.git/hooks/pre-push"
	must git -C "$n.git" update-ref refs/heads/raced main~1
	code 1 'lost race' git -C "$n" push origin main:raced
	mv "$HOME/pre-push" "$n/.git/hooks/pre-push"
	says 'says so' '[rejected]        main -> raced (non-fast-forward)'
	is 'with one hint' "$(grep -c 'hint: Updates were rejected' "$T_ERR")" 1
	raced "$n"
	printf '#!/bin/sh\nexit 1\n' >"$n.git/hooks/update"
	chmod +x "$n.git/hooks/update"
	code 1 'refused by a hook there' git -C "$n" push origin main~1:refs/heads/hooked
	says 'as git says' 'hook declined'
	rm "$n.git/hooks/update"

	# Programs of the other side that have another name.
	for p in upload receive; do
		printf '#!/bin/sh\necho %s >>"%s"\nexec git-%s-pack "$@"\n' \
			"$p" "$T/called" "$p" >"$T/bin/my-$p"
		chmod +x "$T/bin/my-$p"
	done
	rm -f called
	ok 'push --receive-pack' git -C "$n" push -q --receive-pack="$T/bin/my-receive" origin main:mine
	ok 'fetch --upload-pack' git -C "$n-c" fetch -q --upload-pack="$T/bin/my-upload" origin
	is 'have it' "$(git -C "$n-c" rev-parse origin/mine)" "$(git -C "$n" rev-parse main)"
	is 'both were called' "$(sort -u called | tr '\n' ' ')" 'receive upload '
	rm called
	must git -C "$n" config remote.origin.uploadpack "$T/bin/my-upload"
	must git -C "$n" config remote.origin.receivepack "$T/bin/my-receive"
	ok 'push as set' git -C "$n" push -q origin :mine
	is 'both were called' "$(sort -u called | tr '\n' ' ')" 'receive upload '
	must git -C "$n" config --unset remote.origin.uploadpack
	must git -C "$n" config --unset remote.origin.receivepack

	# Content that is nowhere: no ref moves, with or without hooks.
	must git -C "$n" checkout -q -b missing
	printf 'version git-dv/1\noid sha256:%064d\nsize 12345\n' 7 >"$HOME/pointer"
	lib_blob=$(git -C "$n" hash-object -w --no-filters "$HOME/pointer")
	must git -C "$n" update-index --add --cacheinfo "100644,$lib_blob,lost.bin"
	must git -C "$n" commit -q -m lost
	code 1 'content that is nowhere' git -C "$n" push --no-verify origin missing
	says 'names it' 'lost.bin'
	is 'no ref' "$(git -C "$n.git" for-each-ref refs/heads/missing)" ''
	must git -C "$n" checkout -q -f main

	ok 'clone --depth 1' git clone -q --depth 1 "$U" "$n-d"
	is 'one commit' "$(git -C "$n-d" rev-list --count HEAD)" 1
	ok 'is whole' tree_is "$n-d" "$n-v2"
	must git -C "$n-d" commit -q --allow-empty -m shallow
	ok 'push from it' git -C "$n-d" push -q origin HEAD:from-shallow
	ok '--deepen' git -C "$n-d" fetch -q --deepen 1
	ok '--unshallow' git -C "$n-d" fetch -q --unshallow
	is 'is not shallow' "$(git -C "$n-d" rev-parse --is-shallow-repository)" false
	ok 'fsck' git -C "$n-d" fsck
	ok 'remote set-head' git -C "$n-c" remote set-head origin -a
}

pairing dir "$T/dir.git"
pairing ssh "ssh://host$T/ssh.git"

# The object format, and nothing in it.
must git init -q --bare --object-format=sha256 s.git
ok 'clone of an empty one' git clone "dvstore::$T/s.git" sc
new_repo s --object-format=sha256
must git -C s dv remote add store "$T/s.store"
must git -C s add -A
must git -C s commit -qm store
make_noise s/a.bin 1300000 9
must git -C s add a.bin
must git -C s commit -qm a
ok 'push of SHA-256' git -C s push -q "dvstore::$T/s.git" main
ok 'clone of it' git clone -q "dvstore::file://$T/s.git" sc2
ok 'is whole' tree_is sc2 s
ok 'clone of it by ssh' git clone -q "dvstore::ssh://host$T/s.git" sc3
ok 'is whole' tree_is sc3 s
fails 'a Git repository that is not there' git ls-remote "dvstore::ssh://host$T/none.git"

done_testing
