#!/bin/sh
# Version 2 of Git's protocol with repositories that the helper serves itself.
. "$(dirname "$0")/../lib.sh"

must git dv install
mkdir "$T/tmp"
TMPDIR=$T/tmp
export TMPDIR
history_repo repo
must git -C repo dv remote add store "$T/store"
must git -C repo add -A
must git -C repo commit -q -m 'name the store'
must git init -q --bare p.git
must git -C p.git config uploadpack.advertiseRefInWant true
must git -C repo push -q "dvstore::$T/h" main side
must git -C repo push -q "dvstore::$T/p.git" main side

for k in h p.git; do
	U=dvstore::$T/$k
	rm -rf c
	ok "$k: clone with a server option" git clone -q --server-option=x "$U" c
	ok 'is whole' tree_is c repo
	ok 'fetch with one' git -C c fetch -q --server-option=x
	ok 'fetch --negotiate-only' git -C c fetch --negotiate-only --negotiation-tip=main origin
	says 'says what is common' "$(git -C repo rev-parse main)"
	fails 'clone of a branch that is not there' git clone -b nope "$U" none
	says_not 'says no more than git' 'hung up'
	for v in 0 1 2; do
		rm -rf v packets
		ok "version $v" env GIT_TRACE_PACKET="$T/packets" git -c protocol.version=$v clone -q "$U" v
		is 'is spoken' "$(sed -n "s/.*clone< version \([12]\)\$/\1/p" packets | head -n 1)" \
			"$(echo "$v" | tr -d 0)"
	done
	rm -rf a
	mkdir a
	ok 'archive --remote' git archive -o a.tar --remote="$U" main
	must tar -xf a.tar -C a
	ok 'has all content' same_tree a repo
done
is 'no temporary folder stays' "$(ls tmp)" ''

done_testing
