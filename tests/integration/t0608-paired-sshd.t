#!/bin/sh
# A paired remote through a real sshd: Git's own ssh moves the refs, content goes to the store.
. "$(dirname "$0")/../lib.sh"

# sshd wants to be called by its full path.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
SSHD=$(command -v sshd) || skip_all 'no sshd (openssh-server)'
for p in ssh ssh-keygen; do
	command -v "$p" >/dev/null 2>&1 || skip_all "no $p"
done

# --- a server of our own ---
mkdir sshd
for k in host other user stranger; do
	must ssh-keygen -q -t ed25519 -N '' -C "$k" -f "sshd/$k"
done

# What the client asks for runs with the HOME of the test, and is written down.
cat >sshd/command <<END
#!/bin/sh
HOME='$T/home' PATH='$PATH' GIT_CONFIG_NOSYSTEM=1
export HOME PATH GIT_CONFIG_NOSYSTEM
printf '%s\n' "\$SSH_ORIGINAL_COMMAND" >>'$T/sshd/asked'
exec sh -c "\$SSH_ORIGINAL_COMMAND"
END
chmod +x sshd/command
: >sshd/asked
printf 'command="%s",restrict %s\n' "$T/sshd/command" "$(cat sshd/user.pub)" >sshd/authorized_keys

# root cannot log in without PAM where its password is locked.
pam=no
test "$(id -u)" != 0 || ! grep -q '^root:!' /etc/shadow 2>/dev/null || pam=yes

# sshd as root wants an empty directory that a service would have made; it may stay.
if test "$(id -u)" = 0; then
	empty=$("$SSHD" -t -h "$T/sshd/host" -f /dev/null 2>&1 |
		sed -n 's/^Missing privilege separation directory: //p' | tr -d '\r')
	test -z "$empty" || must mkdir -p -m 755 "$empty"
fi

# A later sshd shuts out for a while who fails to log in, as is tried here.
penalties=
if "$SSHD" -t -h "$T/sshd/host" -f /dev/null -o PerSourcePenalties=no >/dev/null 2>&1; then
	penalties='PerSourcePenalties no'
fi

sshd_config() {
	cat >sshd/config <<-END
		ListenAddress 127.0.0.1
		Port $PORT
		HostKey $T/sshd/host
		AuthorizedKeysFile $T/sshd/authorized_keys
		PidFile none
		StrictModes no
		UsePAM $pam
		PermitRootLogin prohibit-password
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		UseDNS no
		$penalties
	END
}
if ! start_server sshd_config "$SSHD" -D -f "$T/sshd/config" -E "$T/sshd/log"; then
	fail 'sshd starts' "$(cat sshd/log)"
	done_testing
fi

printf '[127.0.0.1]:%s %s\n' "$PORT" "$(cut -d' ' -f1,2 <sshd/host.pub)" >sshd/known_hosts
printf '[127.0.0.1]:%s %s\n' "$PORT" "$(cut -d' ' -f1,2 <sshd/other.pub)" >sshd/known_other
# client NAME USER-KEY KNOWN-HOSTS: a command for git. Nothing of the caller's is read.
client() {
	cat >"sshd/$1.conf" <<-END
		Host *
			IdentityFile $T/sshd/$2
			IdentitiesOnly yes
			IdentityAgent none
			UserKnownHostsFile $T/sshd/$3
			GlobalKnownHostsFile /dev/null
			StrictHostKeyChecking yes
			BatchMode yes
			User $(id -un)
		Host there
			HostName 127.0.0.1
			HostKeyAlias [127.0.0.1]:$PORT
			Port $PORT
	END
	printf '%s' "ssh -F $T/sshd/$1.conf"
}
GIT_SSH_COMMAND=$(client good user known_hosts)
export GIT_SSH_COMMAND
S=ssh://127.0.0.1:$PORT

# --- a repository there, and a store for the content ---
must git dv install
history_repo repo
must git -C repo dv remote add store "$T/repo.store"
must git -C repo add -A
must git -C repo commit -q -m 'name the store'
must git init -q --bare repo.git
U=dvstore::$S$T/repo.git
must git -C repo remote add origin "$U"
# The refs arrive when the content is there.
cat >repo.git/hooks/pre-receive <<END
#!/bin/sh
cat >/dev/null
find '$T/repo.store' -path '*/shards/*' -type f | wc -l >>'$T/shards'
END
chmod +x repo.git/hooks/pre-receive
ref() { git -C repo.git rev-parse -q --verify "$1"; }

# --- push ---
ok 'ls-remote of an empty repository' git ls-remote "$U"
is 'says nothing' "$(cat "$T_OUT")" ''
ok 'dry run' git -C repo push --dry-run origin main
is 'no ref' "$(git -C repo.git for-each-ref)" ''
is 'no content' "$(find repo.store -path '*/shards/*' -type f)" ''
ok 'push of a new branch' git -C repo push -u origin main
says 'says so' '[new branch]'
ok 'sshd ran receive-pack' grep -q "git-receive-pack.*repo\.git" sshd/asked
is 'the ref' "$(ref main)" "$(git -C repo rev-parse main)"
ok 'the content was there before it' test "$(head -n 1 shards)" -gt 0
is 'tracking branch' "$(git -C repo rev-parse origin/main)" "$(git -C repo rev-parse main)"
ok 'push again' git -C repo push origin main
says 'up to date' 'Everything up-to-date'
ok 'push of another branch and tags' git -C repo push -q origin side --tags
is 'branch' "$(ref side)" "$(git -C repo rev-parse side)"
is 'tag' "$(ref v1)" "$(git -C repo rev-parse v1)"

# --- ls-remote, clone, fetch ---
ok 'ls-remote --symref' git ls-remote --symref "$U"
says 'HEAD' "ref: refs/heads/main	HEAD"
says 'side' "$(git -C repo rev-parse side)	refs/heads/side"
: >sshd/asked
ok 'clone' git clone -q "$U" c
ok 'sshd ran upload-pack' grep -q "git-upload-pack.*repo\.git" sshd/asked
ok 'is whole' tree_is c repo
is 'upstream' "$(git -C c rev-parse --abbrev-ref '@{u}')" origin/main
ok 'fsck' git -C c fsck --strict
ok 'clone of host:path' git clone -q "dvstore::there:$T/repo.git" scp
ok 'is whole' tree_is scp repo
ok 'clone by plain git' git clone -q "$S$T/repo.git" plain
ok 'is whole' tree_is plain repo
ok 'clone --depth 1' git clone -q --depth 1 "$U" d
is 'one commit' "$(git -C d rev-list --count HEAD)" 1
must git -C d commit -q --allow-empty -m shallow
ok 'push from it' git -C d push -q origin HEAD:from-shallow
ok 'fetch --unshallow' git -C d fetch -q --unshallow
is 'is not shallow' "$(git -C d rev-parse --is-shallow-repository)" false
make_noise repo/big.bin 2500000 50
must git -C repo commit -q -am 'other content'
ok 'push' git -C repo push -q origin main
ok 'fetch' git -C c fetch origin
is 'has it' "$(git -C c rev-parse origin/main)" "$(git -C repo rev-parse main)"
must git -C c reset -q --hard HEAD~1
ok 'pull' git -C c pull -q --ff-only
ok 'is whole' tree_is c repo
# Protocol version 0, of older servers.
ok 'fetch by protocol version 0' git -C scp -c protocol.version=0 fetch -q origin
is 'has it' "$(git -C scp rev-parse origin/main)" "$(git -C repo rev-parse main)"

# --- rejection, force, deletion ---
must git -C c commit -q --allow-empty -m 'in the clone'
must git -C c push -q
must git -C repo commit -q --allow-empty -m elsewhere
code 1 'not a fast-forward' git -C repo push origin main
says 'rejected' '! [rejected]'
says 'hint' 'hint: Updates were rejected because the remote contains work that you do'
must git -C repo fetch -q
code 1 'after a fetch' git -C repo push --porcelain origin main
says 'porcelain' '!	refs/heads/main:refs/heads/main	[rejected] (non-fast-forward)'
says 'hint' 'hint: Updates were rejected because the tip of your current branch is behind'
is 'it did not move' "$(ref main)" "$(git -C c rev-parse main)"
code 1 '--atomic' git -C repo push --atomic origin main main:refs/heads/atomic
is 'made no other ref' "$(ref refs/heads/atomic)" ''
must git -C repo fetch -q
stale=$(git -C repo rev-parse main~2)
code 1 'a lease that is stale' git -C repo push --force-with-lease=main:"$stale" origin main
says 'says so' 'stale info'
ok 'a lease that is right' git -C repo push --force-with-lease origin main
is 'it moved' "$(ref main)" "$(git -C repo rev-parse main)"
ok '--force' git -C c push --force origin main
says 'says so' '(forced update)'
is 'it moved' "$(ref main)" "$(git -C c rev-parse main)"
ok '+refspec' git -C repo push -q origin +main
ok 'delete' git -C repo push origin --delete side v1
says 'says so' '[deleted]'
is 'is gone' "$(ref refs/heads/side)" ''
code 1 'delete what is absent' git -C repo push origin --delete side
says 'as git says' 'does not exist'
ok 'fetch --prune' git -C c fetch -q --prune
is 'pruned' "$(git -C c rev-parse -q --verify origin/side)" ''
must git -C repo.git config receive.denyDeleteCurrent refuse
code 1 'delete the branch of HEAD' git -C repo push origin :main
says 'what the other side said' 'deletion of the current branch prohibited'
printf '#!/bin/sh\necho told-by-the-hook >&2\nexit 1\n' >repo.git/hooks/update
chmod +x repo.git/hooks/update
code 1 'refused by a hook there' git -C repo push origin main~1:refs/heads/hooked
says 'what it said' 'told-by-the-hook'
says 'as git says' 'hook declined'
rm repo.git/hooks/update

# --- content that cannot be stored ---
must git -C repo checkout -q -b unstored
make_noise repo/new.bin 1500000 51
must git -C repo commit -q -am 'cannot be stored'
mv repo.store aside.store
: >sshd/asked
code 1 'the store is gone' git -C repo push origin unstored
says 'names it' 'repo.store'
code 1 'with --no-verify' git -C repo push --no-verify origin unstored unstored:refs/tags/un
is 'no ref' "$(git -C repo.git for-each-ref --contains "$(git -C repo rev-parse unstored)" 2>/dev/null)" ''
mv aside.store repo.store
if read_only repo.store; then
	code 1 'the store cannot be written' git -C repo push --no-verify origin unstored
	is 'no ref' "$(ref refs/heads/unstored)" ''
	read_write repo.store
else
	skip 2 'no read-only mount here'
fi
ok 'the store is back' git -C repo push -q origin unstored
is 'the ref' "$(ref unstored)" "$(git -C repo rev-parse unstored)"
printf 'version git-dv/1\noid sha256:%064d\nsize 12345\n' 7 >"$HOME/pointer"
lost=$(git -C repo hash-object -w --no-filters "$HOME/pointer")
must git -C repo update-index --add --cacheinfo "100644,$lost,lost.bin"
must git -C repo commit -q -m lost
code 1 'content that is nowhere' git -C repo push --no-verify origin HEAD:refs/heads/lost
says 'names it' 'lost.bin'
is 'no ref' "$(ref refs/heads/lost)" ''
must git -C repo checkout -q -f main

# --- the connection itself ---
is 'the known host, before' "$(git ls-remote "$U" refs/heads/main | cut -f1)" "$(ref main)"
other=$(client other user known_other)
stranger=$(client stranger stranger known_hosts)
fails 'another host key' env GIT_SSH_COMMAND="$other" git ls-remote "$U"
says 'says so' 'Host key verification failed'
fails 'another host key: push' env GIT_SSH_COMMAND="$other" git -C repo push origin main:refs/heads/x
fails 'a key that is not known there' env GIT_SSH_COMMAND="$stranger" git ls-remote "$U"
says 'says so' 'Permission denied'
fails 'clone with it' env GIT_SSH_COMMAND="$stranger" git clone -q "$U" nc
ok 'leaves nothing' test ! -e nc
fails 'push with it' env GIT_SSH_COMMAND="$stranger" git -C repo push origin main:refs/heads/x
is 'no ref' "$(ref refs/heads/x)" ''
fails 'a repository that is not there' git ls-remote "dvstore::$S$T/none.git"
says 'as git says' 'does not appear to be a git repository'

# core.sshCommand instead of the environment.
good=$GIT_SSH_COMMAND
unset GIT_SSH_COMMAND
must git -C c config core.sshCommand "$stranger"
fails 'core.sshCommand: of a stranger' git -C c fetch
says 'is used' 'Permission denied'
ok 'the environment wins over it' env GIT_SSH_COMMAND="$good" git -C c fetch -q
must git -C c config core.sshCommand "$good"
ok 'core.sshCommand: fetch' git -C c fetch -q
must git -C c reset -q --hard origin/main
must git -C c commit -q --allow-empty -m 'by core.sshCommand'
ok 'core.sshCommand: push' git -C c push -q
is 'the ref' "$(ref main)" "$(git -C c rev-parse main)"
ok 'clone -c core.sshCommand' git -c "core.sshCommand=$good" clone -q "$U" cc
ok 'is whole' tree_is cc c

# --- SHA-256 ---
must git init -q --bare --object-format=sha256 s.git
new_repo s --object-format=sha256
must git -C s dv remote add store "$T/s.store"
make_noise s/a.bin 1300000 9
must git -C s add -A
must git -C s commit -q -m a
must git -C s config core.sshCommand "$good"
ok 'push of SHA-256' git -C s push -q "dvstore::$S$T/s.git" main
ok 'clone of it' git -c "core.sshCommand=$good" clone -q "dvstore::$S$T/s.git" sc
is 'its format' "$(git -C sc rev-parse --show-object-format)" sha256
ok 'is whole' tree_is sc s

# --- the server goes away ---
cat repo.git/refs/heads/main >"$HOME/before"
stop TERM
must git -C c commit -q --allow-empty -m 'nobody there'
fails 'push when nobody is there' git -C c push origin main
fails 'fetch when nobody is there' git -C c fetch
is 'the ref is as it was' "$(ref main)" "$(cat "$HOME/before")"

done_testing
