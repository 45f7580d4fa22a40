#!/bin/sh
# Registries that two sides changed are merged by version.
. "$(dirname "$0")/../lib.sh"

new_repo repo
cd repo || exit 1

# add CONTENT VERSION [OPTION...]
add() {
	echo "$1" >data.bin
	shift
	must git dv version data.bin model --version "$@"
}
keep() {
	must git add -A
	must git commit -qm "$1"
}
versions() {
	git dv list -z model | tr '\0' ' '
}

add one v1 --alias prod
keep base
must git checkout -q -b side
add two side-1
add three side-2
must git rm -q --cached data.bin
rm data.bin
keep side
must git checkout -q main
add four main-1
must git rm -q --cached data.bin
rm -f data.bin
keep main
ok 'both sides added versions' git merge -q -m merge side
is 'the result has all, oldest first' "$(versions)" 'v1 side-1 side-2 main-1 '
ok 'and is a sound registry' git dv registry check
is 'the alias stays' "$(git dv alias model)" 'prod v1'

# Aliases that one side moved, versions that one side removed.
must git checkout -q -b move
must git dv alias model prod main-1
must git dv alias model test side-1
keep move
must git checkout -q main
must git dv remove --yes model side-2
keep removed
ok 'an alias moved, a version removed' git merge -q -m merge move
is 'both are taken' "$(versions)" 'v1 side-1 main-1 '
is 'the aliases' "$(git dv alias model | tr '\n' ' ')" 'prod main-1 test side-1 '

# New on both sides: no common ancestor of the file.
must git checkout -q -b left
echo left >l.bin
must git dv version l.bin fresh --version l
rm l.bin
keep left
must git checkout -q main
echo right >r.bin
must git dv version r.bin fresh --version r
rm r.bin
keep right
ok 'a name that both sides made' git merge -q -m merge left
is 'has the versions of both' "$(git dv list -z fresh | tr '\0' ' ')" 'l r '

# The same version with other content.
must git checkout -q -b other
add 'their content' v2
rm data.bin
keep theirs
must git checkout -q main
add 'our content' v2
add 'more' v3
rm data.bin
keep ours
fails 'one version with two contents' git merge -q -m merge other
says 'names the version' "version 'v2' has different content on both sides"
says 'and what to do' 'another version'
ok 'what is left is a sound registry' git dv registry check
ok 'with ours' git dv get model@v2 -o "$T/v2"
is 'unchanged' "$(cat "$T/v2")" 'our content'
ok 'git keeps theirs' sh -c 'git show :3:.dv/registry/model.json | grep -q "\"v2\""'
must git add -A
must git commit -qm resolved

# Both moved the same alias.
must git checkout -q -b other2
must git dv alias model prod v1
keep a
must git checkout -q main
must git dv alias model prod v3
keep b
fails 'an alias that both moved' git merge -q -m merge other2
says 'is named' "alias 'prod' was changed on both sides"
is 'and is ours' "$(git dv alias model | grep prod)" 'prod v3'
must git add -A
must git commit -qm resolved

# Removed here, pointed at there.
must git checkout -q -b other3
must git dv alias model keep v1
keep a
must git checkout -q main
must git dv remove --yes model v1
keep b
fails 'an alias of a removed version' git merge -q -m merge other3
says 'is a conflict' "alias 'keep' points at version 'v1', which was removed on our side"
ok 'with the version' git dv get model@keep -o "$T/keep"
is 'as it was' "$(cat "$T/keep")" one
must git merge --abort

# One name for a version here and an alias there; versions that differ in case.
must git checkout -q -b other5
add 'their stable' stable
add 'their V3' V30
rm data.bin
keep a
must git checkout -q main
must git dv alias model stable main-1
add 'our v3' v30
rm data.bin
keep b
fails 'an alias here that is a version there' git merge -q -m merge other5
says 'is a conflict' "'stable' is a version on their side and an alias on ours"
says 'also versions that differ in case' "version 'V30' of their side and 'v30' of ours differ only in case"
is 'the alias is ours' "$(git dv alias model | grep stable)" 'stable main-1'
ok 'and gives' git dv get model@stable -o "$T/stable"
is 'what it did' "$(cat "$T/stable")" four
must git merge --abort
must git checkout -q other5
fails 'the other way round' git merge -q -m merge main
says 'as well' "'stable' is a version on our side and an alias on theirs"
ok 'the version stays' git dv get model@stable -o "$T/stable"
is 'ours' "$(cat "$T/stable")" 'their stable'
must git merge --abort
must git checkout -q main

# Edits by hand, and merges by older ones.
cp .dv/registry/model.json "$T/model.json"
must perl -pi -e 's/"stable": "main-1"/"v3": "main-1"/; s/"main-1": \{/"V3": {/' .dv/registry/model.json
fails 'check' git dv registry check
says 'tells such an alias' "'model' alias 'v3': is the name of a version"
says 'and such versions' "'model' versions 'V3' and 'v3'"
cp "$T/model.json" .dv/registry/model.json

# Unknown fields: of the registry, and of a version.
must perl -0pi -e 's/"format": 1,/"format": 1,\n  "owner": "us",/; s/"size":/"licence": "free",\n      "size":/' \
	.dv/registry/model.json
ok 'fields that nobody knows' git dv list model
add five v5
ok 'stay when it is written' grep -q '"owner": "us"' .dv/registry/model.json
ok 'in versions too' grep -q '"licence": "free"' .dv/registry/model.json
rm data.bin
keep unknown
must git checkout -q -b other4
must perl -pi -e 's/"us"/"them"/' .dv/registry/model.json
keep them
must git checkout -q main
must perl -pi -e 's/"us"/"both"/' .dv/registry/model.json
keep both
fails 'a field that both changed' git merge -q -m merge other4
says 'is named' "field 'owner' was changed on both sides"
must git merge --abort

# A side that is no registry.
must git checkout -q -b broken
echo '{' >.dv/registry/model.json
keep broken
must git checkout -q main
add six v6
rm data.bin
keep six
fails 'a side that is no JSON' git merge -q -m merge broken
says 'is named' 'their side'
must git merge --abort

# Clones that were set up by an older git-dv learn it.
must git config --remove-section merge.dvregistry
add seven v7
is 'version sets the driver' "$(git config merge.dvregistry.driver)" 'git-dv merge-registry %O %A %B %P'
ok 'uninstall' git dv uninstall --local
is 'takes it back' "$(git config merge.dvregistry.driver)" ''
code 129 'the driver alone' git dv merge-registry

# A rebase and a cherry-pick run it too.
must git dv init
rm -f data.bin
keep seven
must git checkout -q -b pick HEAD^
add eight v8
rm data.bin
keep eight
ok 'rebase' git rebase -q main
is 'has both' "$(versions | grep -c 'v7 v8')" 1

# A diff of one more version touches only its lines.
add nine v9
is 'a new version only adds lines' "$(git diff --numstat .dv/registry/model.json | cut -f2)" 0
done_testing
