#!/bin/sh
# A repository from a stranger: a .dvconfig that wants to run commands, take credentials or
# point outside; pointers that lie. A clone runs nothing and writes nowhere else.
. "$(dirname "$0")/../lib.sh"

must git dv install
published_repo evil
mkdir elsewhere
cd evil || exit 1
cp .dvconfig ../honest
cat >>.dvconfig <<END
[filter "dv"]
	process = touch $T/pwned-process
	clean = touch $T/pwned-clean
	smudge = touch $T/pwned-smudge
	required = false
[core]
	fsmonitor = touch $T/pwned-fsmonitor
	sshCommand = touch $T/pwned-ssh
	hooksPath = $T/elsewhere
	pager = touch $T/pwned-pager
	editor = touch $T/pwned-editor
[credential]
	helper = !touch $T/pwned-credential
[diff "dv"]
	textconv = touch $T/pwned-textconv
	command = touch $T/pwned-diff
[merge "dv"]
	driver = touch $T/pwned-merge
[alias]
	dv = !touch $T/pwned-alias
[include]
	path = $T/included
[includeIf "gitdir:/"]
	path = $T/included
[dv]
	store = $T/elsewhere/store
	command = touch $T/pwned-command
	credentialHelper = touch $T/pwned-helper
	transfer = touch $T/pwned-transfer
[remote "origin"]
	url = ext::sh -c touch% $T/pwned-ext
	uploadpack = touch $T/pwned-uploadpack
END
printf '[dv]\n\tstore = %s\n' "$T/elsewhere/included-store" >"$T/included"
must git add -A
must git commit -qm evil
must git push -q --no-verify origin main
cd .. || exit 1
touch elsewhere/marker

ok 'clone' git clone -q evil.git c
ok 'has the content all the same' no_pointers c
cd c || exit 1
ok 'and it is right' cmp big.bin ../v2/big.bin
ok 'clean' status_clean
run git dv env
run git dv status
run git dv remote list
run git dv remote check
run git dv fetch --all
run git dv pull
run git dv init
run git dv verify
echo x >>big.bin
run git diff
run git add big.bin
run git commit -qm edit
run git push -q origin HEAD:refs/heads/other
run git checkout -q v1
run git checkout -q main
run git dv push
ok 'no command of the stranger ran' sh -c 'for f in "$T"/pwned*; do test ! -e "$f" || { echo "$f"; exit 1; }; done'
is 'nothing was written where he pointed' "$(ls -A ../elsewhere)" marker
ok 'the store is where it belongs' test -d .git/dv
cd .. || exit 1

# attack NAME TEXT: a clone whose .dvconfig is the honest one and TEXT, and then some commands.
attack() {
	(cd evil && cp ../honest .dvconfig && printf '%s\n' "$2" >>.dvconfig && git add -A &&
		git commit -q --allow-empty -m "$1" && git push -q --no-verify origin main) || return
	rm -rf c
	git clone -q evil.git c >"$HOME/attack.out" 2>&1
	(cd c && echo "$1" >new.bin && git add new.bin && git commit -qm new && git dv status
	git dv fetch --all; git dv push; git dv pull; git dv remote check) >>"$HOME/attack.out" 2>&1
}
quiet_elsewhere() {
	test "$(cd elsewhere && find . | sort | tr '\n' ' ')" = '. ./marker ' || {
		find elsewhere
		return 1
	}
	for f in "$T"/pwned*; do
		if test -e "$f"; then
			echo "$f"
			return 1
		fi
	done
}
attack url "[remote \"store\"]
	url = $T/elsewhere
[dv \"remote\"]
	url = $T/elsewhere
[dv \"remote.store\"]
	url = $T/elsewhere"
ok 'a URL without a store is not written to' quiet_elsewhere
attack ext "[dvremote \"x\"]
	url = ext::sh -c touch% $T/pwned-url
[dv \"remote.x\"]
	url = ssh://-oProxyCommand=touch\${IFS}$T/pwned-url/x"
ok 'a URL does not run a command' quiet_elsewhere
# The honest URL with another path in it, so that whatever the key is called it is overridden.
(cd evil && cp ../honest .dvconfig && git config -f .dvconfig --get-regexp url >../urls)
key=$(head -n 1 urls | cut -d' ' -f1)
isnt 'the store is named in .dvconfig' "$key" ''
for url in "$T/elsewhere" "file://$T/elsewhere" '../elsewhere' 'ext::sh -c touch% pwned' '-oProxyCommand=touch pwned' \
	"$T/evil.store/../elsewhere"; do
	cp honest hostile
	git config -f hostile "$key" "$url"
	cp hostile honest.saved
	(cd evil && cp ../hostile .dvconfig && git add -A && git commit -qm url &&
		git push -q --no-verify origin main)
	rm -rf c
	run git clone -q evil.git c
	(cd c && echo new >new.bin && git add new.bin && git commit -qm new && git push -q origin HEAD:refs/heads/n
	git dv push; git dv pull) >/dev/null 2>&1
	ok "nothing is written to $url" quiet_elsewhere
	ok 'the content is a pointer or right' sh -c 'head -n 1 c/big.bin | grep -aqx "version git-dv/1" || cmp c/big.bin v2/big.bin'
done

# A .dvconfig that is a link to a file with secrets, or is no configuration at all.
echo '[dv "x"] url = secret-in-a-file' >"$T/secret"
(cd evil && rm .dvconfig && ln -s "$T/secret" .dvconfig && git add -A && git commit -qm link &&
	git push -q --no-verify origin main) 2>/dev/null
rm -rf c
run git clone -q evil.git c
run git -C c dv remote list
says_not 'a .dvconfig that is a link is not followed' secret-in-a-file
(cd evil && rm .dvconfig && printf '[unclosed\n\0\377' >.dvconfig && git add -A && git commit -qm junk &&
	git push -q --no-verify origin main) 2>/dev/null
rm -rf c
run git clone -q evil.git c
fails 'push with a .dvconfig that cannot be read' git -C c dv push
says 'that names it' .dvconfig
ok 'git status works all the same' git -C c status
(cd evil && cp ../honest .dvconfig && git add -A && git commit -qm honest && git push -q origin main) 2>/dev/null

# Pointers that lie. stage_blob PATH: standard input becomes the blob of PATH.
stage_blob() {
	git update-index --add --cacheinfo "100644,$(git hash-object -w --stdin),$1"
}
cd evil || exit 1
oid=$(git cat-file blob v1:big.bin | sed -n 's/^oid //p')
small=$(git cat-file blob v1:tiny.bin | sed -n 's/^oid //p')
printf 'version git-dv/1\noid %s\nsize 9000000\n' "$oid" | stage_blob lie-size.bin
printf 'version git-dv/1\noid %s\nsize 2000000\n' "$oid" | stage_blob lie-short.bin
printf 'version git-dv/1\noid %s\nsize 5001\n' "$small" | stage_blob lie-small.bin
printf 'version git-dv/1\noid dv1:%064d\nsize 9223372036854775807\n' 3 | stage_blob huge.bin
printf 'version git-dv/1\noid sha256:%064d\nsize 262144\n' 3 | stage_blob absent.bin
printf 'version git-dv/1\noid dv1:../../../../elsewhere/marker\nsize 40000\n' | stage_blob path.bin
printf 'version git-dv/1\noid dv1:%064d\nsize 99999999999999999999\n' 3 | stage_blob overflow.bin
printf 'version git-dv/1\noid dv1:%064d\nsize 0\n' 3 | stage_blob zero.bin
printf 'version git-dv/1\noid dv1:%064d\nsize -5\n' 3 | stage_blob minus.bin
head -c 3000000 /dev/zero | stage_blob raw.bin
must git commit -qm lies
must git push -q --no-verify origin main
cd .. || exit 1
rm -rf c
run git clone -q evil.git c
cd c || exit 1
ok 'the honest files are right' sh -c 'cmp big.bin ../v2/big.bin && cmp small.json ../v2/small.json'
for f in lie-size lie-short lie-small huge absent; do
	ok "$f.bin is left as the pointer" is_pointer "$f.bin"
	fails "dv cat $f.bin" git dv cat "$f.bin"
done
for f in path overflow zero minus; do
	ok "$f.bin, no pointer, is the text itself" sh -c 'git cat-file blob "HEAD:$1" | cmp - "$1"' - "$f.bin"
done
is 'a raw blob under a tracked name comes through' "$(file_size raw.bin)" 3000000
ok 'dv status' git dv status
says 'names the liar' lie-size.bin
run git dv pull
run git dv verify --full
is 'still nothing elsewhere' "$(ls -A ../elsewhere)" marker
ok 'the next checkout works' git checkout -q -f v1
ok 'content' cmp big.bin ../v1/big.bin

# Settings that are links are neither read nor written through.
new_repo linked
cd linked || exit 1
printf '[dv]\n\tabove = 3M\n' >../outside.config
cp ../outside.config ../outside.before
rm -f .dvconfig
ln -s ../outside.config .dvconfig
fails 'remote add with a .dvconfig that is a link' git dv remote add q ../never
says 'it is named' .dvconfig
ok 'makes no store' not test -e ../never
cp .gitattributes ../attributes.linked
make_noise large.raw 20000 1
fails 'track --above' git dv track --above 10k
says 'it is named' .dvconfig
ok 'tracks nothing' cmp .gitattributes ../attributes.linked
ok 'what the link names is as it was' cmp ../outside.config ../outside.before
mv .gitattributes ../outside.attributes
ln -s ../outside.attributes .gitattributes
fails 'track with a .gitattributes that is a link' git dv track '*.raw'
says 'it is named' .gitattributes
fails 'untrack' git dv untrack '*.bin'
ok 'the link stays' test -h .gitattributes
ok 'and what it names' cmp ../outside.attributes ../attributes.linked
is 'its patterns are not listed' "$(git dv track)" ''
cd "$T" || exit 1

done_testing
