#!/bin/sh
# A paired remote through git http-backend behind a real web server, over HTTPS.
. "$(dirname "$0")/../lib.sh"

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
LIGHTTPD=$(command -v lighttpd) || skip_all 'no lighttpd'
command -v openssl >/dev/null 2>&1 || skip_all 'no openssl'
mkdir web
cat >web/try.conf <<-END
	server.document-root = "$T/web"
	server.modules = ( "mod_openssl" )
END
"$LIGHTTPD" -tt -f web/try.conf >web/try 2>&1 || skip_all 'no mod_openssl of lighttpd'
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY

# --- a server of our own ---
for n in here other; do
	must openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 2 -subj "/CN=$n" \
		-addext 'subjectAltName=IP:127.0.0.1' -keyout "web/$n.key" -out "web/$n.crt"
done
cat web/here.key web/here.crt >web/here.pem
echo 'ann:secret-word' >web/users
mkdir web/uploads
web_config() {
	cat >web/config <<-END
		server.bind = "127.0.0.1"
		server.port = $PORT
		server.document-root = "$T/web/uploads"
		server.upload-dirs = ( "$T/web/uploads" )
		server.errorlog = "$T/web/errors"
		server.modules = ( "mod_setenv", "mod_alias", "mod_auth", "mod_authn_file",
			"mod_accesslog", "mod_cgi", "mod_openssl" )
		accesslog.filename = "$T/web/asked"
		server.feature-flags = ( "server.h2proto" => "disable" )
		ssl.engine = "enable"
		ssl.pemfile = "$T/web/here.pem"
		auth.backend = "plain"
		auth.backend.plain.userfile = "$T/web/users"
		alias.url = ( "/git/" => "$(git --exec-path)/git-http-backend/",
			"/closed/" => "$(git --exec-path)/git-http-backend/" )
		setenv.add-environment = ( "GIT_PROJECT_ROOT" => "$T", "GIT_HTTP_EXPORT_ALL" => "1",
			"HOME" => "$HOME", "PATH" => "$PATH", "GIT_CONFIG_NOSYSTEM" => "1" )
		cgi.assign = ( "" => "" )
		\$HTTP["url"] =~ "^/closed/" {
			auth.require = ( "" => ( "method" => "basic", "realm" => "closed",
				"require" => "valid-user" ) )
		}
	END
}
if ! start_server web_config "$LIGHTTPD" -D -f "$T/web/config"; then
	fail 'lighttpd starts' "$(cat web/errors)"
	done_testing
fi
W=https://127.0.0.1:$PORT
must git config --global http.sslCAInfo "$T/web/here.crt"

# --- a repository there, and a store for the content ---
must git dv install
history_repo repo
must git -C repo dv remote add store "$T/repo.store"
must git -C repo add -A
must git -C repo commit -q -m 'name the store'
must git init -q --bare repo.git
must git -C repo.git config http.receivepack true
U=dvstore::$W/git/repo.git
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
is 'the ref' "$(ref main)" "$(git -C repo rev-parse main)"
ok 'the content was there before it' test "$(head -n 1 shards)" -gt 0
is 'tracking branch' "$(git -C repo rev-parse origin/main)" "$(git -C repo rev-parse main)"
ok 'push again' git -C repo push origin main
says 'up to date' 'Everything up-to-date'
ok 'push of another branch and tags' git -C repo push -q origin side --tags
is 'branch' "$(ref side)" "$(git -C repo rev-parse side)"
is 'tag' "$(ref v1)" "$(git -C repo rev-parse v1)"
# More than git sends in one piece.
make_noise repo/large.txt 3000000 60
must git -C repo add large.txt
must git -C repo commit -q -m 'large, and kept by git'
ok 'push in chunks' git -C repo push -q origin main
is 'the ref' "$(ref main)" "$(git -C repo rev-parse main)"

# --- ls-remote, clone, fetch ---
ok 'ls-remote --symref' git ls-remote --symref "$U"
says 'HEAD' "ref: refs/heads/main	HEAD"
says 'side' "$(git -C repo rev-parse side)	refs/heads/side"
ok 'clone' git clone -q "$U" c
ok 'is whole' tree_is c repo
is 'upstream' "$(git -C c rev-parse --abbrev-ref '@{u}')" origin/main
ok 'fsck' git -C c fsck --strict
ok 'clone by plain git' git clone -q "$W/git/repo.git" plain
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
ok 'pull' git -C c pull -q --ff-only
ok 'is whole' tree_is c repo
# Protocol version 0, of older servers.
must git -C plain remote set-url origin "$U"
ok 'fetch by protocol version 0' git -C plain -c protocol.version=0 fetch -q origin
is 'has it' "$(git -C plain rev-parse origin/main)" "$(git -C repo rev-parse main)"

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
ok 'fetch --prune' git -C c fetch -q --prune
is 'pruned' "$(git -C c rev-parse -q --verify origin/side)" ''
code 1 'delete the branch of HEAD' git -C repo push origin :main
says 'what the other side said' 'deletion of the current branch prohibited'
printf '#!/bin/sh\necho told-by-the-hook >&2\nexit 1\n' >repo.git/hooks/update
chmod +x repo.git/hooks/update
code 1 'refused by a hook there' git -C repo push origin main~1:refs/heads/hooked
says 'what it said' 'told-by-the-hook'
says 'as git says' 'hook declined'
rm repo.git/hooks/update
must git -C repo.git config http.receivepack false
fails 'refused by the server' git -C repo push origin main~1:refs/heads/refused
says 'says so' '403'
must git -C repo.git config http.receivepack true
is 'no ref' "$(ref refs/heads/refused)" ''

# --- content that cannot be stored ---
must git -C repo checkout -q -b unstored
make_noise repo/new.bin 1500000 51
must git -C repo commit -q -am 'cannot be stored'
mv repo.store aside.store
code 1 'the store is gone' git -C repo push origin unstored
says 'names it' 'repo.store'
code 1 'with --no-verify' git -C repo push --no-verify origin unstored unstored:refs/tags/un
mv aside.store repo.store
is 'no branch' "$(ref refs/heads/unstored)" ''
is 'no tag' "$(ref refs/tags/un)" ''
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

# --- the certificate ---
ok 'the certificate that is known' git ls-remote "$U"
fails 'a certificate that is not known' git -c "http.sslCAInfo=$T/web/other.crt" ls-remote "$U"
says 'says so' 'certificate'
fails 'push' git -C repo -c "http.sslCAInfo=$T/web/other.crt" push origin main:refs/heads/x
says 'says so' 'certificate'
is 'no ref' "$(ref refs/heads/x)" ''
fails 'clone' git -c "http.sslCAInfo=$T/web/other.crt" clone -q "$U" nc
ok 'leaves nothing' test ! -e nc
fails 'the certificate of another name' git ls-remote "dvstore::https://localhost:$PORT/git/repo.git"
says 'says so' 'certificate'

# --- who are you ---
C=dvstore::$W/closed/repo.git
fails 'credentials are missing' git ls-remote "$C"
says 'says so' 'could not read Username'
says 'and why' 'terminal prompts disabled'
fails 'push without them' git -C repo push "$C" main:refs/heads/x
says 'says so' 'could not read Username'
fails 'clone without them' git clone -q "$C" nc
ok 'leaves nothing' test ! -e nc
fails 'a wrong password' git ls-remote "dvstore::https://ann:wrong-word@127.0.0.1:$PORT/closed/repo.git"
says 'says so' 'Authentication failed'
says_not 'does not show it' 'wrong-word'
fails 'push with it' git -C repo push \
	"dvstore::https://ann:wrong-word@127.0.0.1:$PORT/closed/repo.git" main:refs/heads/x
# What git itself says of the destination is git's.
is 'does not show it either' "$(sed '/^To /d; /^error: failed to push/d' "$T_ERR" | grep wrong-word)" ''
is 'no ref' "$(ref refs/heads/x)" ''
ok 'in the URL' git ls-remote "dvstore::https://ann:secret-word@127.0.0.1:$PORT/closed/repo.git"
printf 'https://ann:secret-word@127.0.0.1:%s\n' "$PORT" >"$HOME/.git-credentials"
must git config --global credential.helper store
ok 'of a credential helper' git ls-remote "$C"
# Who has said who he is may push.
must git -C repo.git config --unset http.receivepack
ok 'push with it' git -C repo push "$C" main:refs/heads/x
is 'the ref' "$(ref x)" "$(git -C repo rev-parse main)"
ok 'clone with it' git clone -q "$C" cc
ok 'is whole' tree_is cc repo
fails 'a repository that is not there' git ls-remote "dvstore::$W/git/none.git"
says 'says so' 'not found'

# --- SHA-256 ---
must git init -q --bare --object-format=sha256 s.git
new_repo s --object-format=sha256
must git -C s dv remote add store "$T/s.store"
make_noise s/a.bin 1300000 9
must git -C s add -A
must git -C s commit -q -m a
ok 'push of SHA-256' git -C s push -q "dvstore::$W/closed/s.git" main
ok 'clone of it' git clone -q "dvstore::$W/closed/s.git" sc
is 'its format' "$(git -C sc rev-parse --show-object-format)" sha256
ok 'is whole' tree_is sc s

# --- the server goes away ---
before=$(ref main)
stop TERM
ok 'it was asked' grep -q 'POST /git/repo.git/git-receive-pack' web/asked
must git -C repo commit -q --allow-empty -m 'nobody there'
fails 'push when nobody is there' git -C repo push origin main
fails 'fetch when nobody is there' git -C c fetch
is 'the ref is as it was' "$(ref main)" "$before"

done_testing
