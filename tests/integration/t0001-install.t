#!/bin/sh
# install, uninstall, init: what they write, that they can be repeated, that they undo
# exactly what they did, and that hooks of others go on working.
. "$(dirname "$0")/../lib.sh"

# Outside a repository, and usage.
code 129 'no command is a usage error' git-dv
code 1 'an unknown command fails as with Git' git-dv no-such-command
says 'and is named' no-such-command
code 129 'an unknown option is a usage error' git dv status --no-such-option
code 129 'two scopes at once are a usage error' git dv install --local --global
code 129 'init takes no operand' git dv init one two three
ok 'git dv version' git dv --version
says 'it names the program' 'git-dv'
for c in install init track status push; do
	code 0 "git dv $c -h works outside a repository" git dv "$c" -h
	says "its usage names $c" "git dv $c"
done
mkdir nowhere
fails 'status outside a repository' git -C nowhere dv status
fails 'install --local outside a repository' git -C nowhere dv install --local

# install and uninstall
cp "$HOME/.gitconfig" gitconfig.before
ok 'install' git dv install
ok 'install wrote the filter to the global file' git config --global filter.dv.process
is 'the filter is required' "$(git config --global --type=bool filter.dv.required)" true
ok 'there is a merge driver' git config --global merge.dv.driver
cp "$HOME/.gitconfig" gitconfig.once
ok 'install again' git dv install
ok 'the second install changed nothing' cmp "$HOME/.gitconfig" gitconfig.once
ok 'uninstall' git dv uninstall
ok 'uninstall left the file as it was' cmp "$HOME/.gitconfig" gitconfig.before
ok 'uninstall again' git dv uninstall
cp "$HOME/.gitconfig" gitconfig.kept
must git dv install
perl -pi -e 's/^\[filter "dv"\]$/$&\n\t# a comment of mine/' "$HOME/.gitconfig"
must git dv uninstall
ok 'a comment in a section stays' grep -q 'a comment of mine' "$HOME/.gitconfig"
ok 'the values are gone' not git config --global filter.dv.process
cp gitconfig.kept "$HOME/.gitconfig"
git config --global filter.other.clean cat
git config --global dv.above 5M
git config --global merge.dv.other mine
must git dv install
must git dv uninstall
is 'a foreign filter survives' "$(git config --global filter.other.clean)" cat
is 'a setting of the user survives' "$(git config --global dv.above)" 5M
is 'a foreign key in a section of ours survives' "$(git config --global merge.dv.other)" mine
cp gitconfig.before "$HOME/.gitconfig"

must git init -q inside
ok 'install inside a repository' git -C inside dv install
ok 'is global all the same' git config --global filter.dv.process
fails 'and not local' git -C inside config --local filter.dv.process
must git dv uninstall
ok 'install --local' git -C inside dv install --local
ok 'writes to the repository' git -C inside config --local filter.dv.process
ok 'and not to the global file' cmp "$HOME/.gitconfig" gitconfig.before
ok 'uninstall --local' git -C inside dv uninstall --local
fails 'removes it there' git -C inside config --local filter.dv.process
ok 'install --system' env GIT_CONFIG_NOSYSTEM=0 GIT_CONFIG_SYSTEM="$T/system" git dv install --system
ok 'writes to the system file' git config -f "$T/system" filter.dv.process
ok 'uninstall --system' env GIT_CONFIG_NOSYSTEM=0 GIT_CONFIG_SYSTEM="$T/system" git dv uninstall --system
fails 'removes it there' git config -f "$T/system" filter.dv.process

# init
must git init -q r
ok 'init without a terminal does not ask' git -C r dv init
ok '.dvconfig is there' test -f r/.dvconfig
ok 'the store is there' test -d r/.git/dv
ok 'the filter is set for this clone' git -C r config --local filter.dv.process
ok 'the pre-push hook is there' test -x r/.git/hooks/pre-push
cp -R r r.once
ok 'init again' git -C r dv init
ok 'the second init left .dvconfig alone' cmp r/.dvconfig r.once/.dvconfig
ok 'and .git/config' cmp r/.git/config r.once/.git/config
ok 'and the hook' cmp r/.git/hooks/pre-push r.once/.git/hooks/pre-push
rm -rf r/.git/dv
ok 'init makes a lost store anew' git -C r dv init
ok 'and adding works' sh -c 'cd r && echo "*.bin filter=dv -text" >.gitattributes &&
	head -c 100000 /dev/zero >x.bin && git add x.bin && git cat-file blob :x.bin |
	grep -q "^version git-dv/1"'
mkdir r/deep
ok 'init in a sub-directory' git -C r/deep dv init
ok 'belongs to the whole repository' test ! -e r/deep/.dvconfig

# Hooks of others.
must git init -q h
cat >h/.git/hooks/pre-push <<-\END
	#!/bin/sh
	cat >"$HOME/hook-input"
	echo "$1" >"$HOME/hook-ran"
	test ! -e "$HOME/hook-says-no"
END
chmod +x h/.git/hooks/pre-push
cp h/.git/hooks/pre-push hook.before
must git -C h dv init
must git -C h dv track '*.bin'
make_noise h/a.bin 300000 1
must git -C h add -A
must git -C h commit -qm one
must git -C h dv remote add store "$T/h.store"
must git init -q --bare h.git
must git -C h remote add origin "$T/h.git"
ok 'push with a foreign pre-push hook' git -C h push -q origin main
is 'the foreign hook ran with its arguments' "$(cat "$HOME/hook-ran" 2>/dev/null)" origin
ok 'and its input' grep -q refs/heads/main "$HOME/hook-input"
ok 'and the content was pushed' sh -c "test $(bytes_in h.store 2>/dev/null || echo 0) -gt 300000"
touch "$HOME/hook-says-no"
must git -C h commit -q --allow-empty -m two
fails 'a foreign hook can still refuse' git -C h push -q origin main
rm "$HOME/hook-says-no"
ok 'init again with the hook chained' git -C h dv init
rm -f "$HOME/hook-ran"
ok 'push again' git -C h push -q origin main
is 'the foreign hook still runs' "$(cat "$HOME/hook-ran" 2>/dev/null)" origin
ok 'uninstall --local' git -C h dv uninstall --local
ok 'gives back the foreign hook' cmp h/.git/hooks/pre-push hook.before
ok 'which is still executable' test -x h/.git/hooks/pre-push

must git init -q hp
mkdir hp-hooks
must git -C hp config core.hooksPath "$T/hp-hooks"
ok 'init with core.hooksPath' git -C hp dv init
ok 'puts its hook where Git looks for it' test -x hp-hooks/pre-push
ok 'and nowhere else' test ! -e hp/.git/hooks/pre-push

done_testing
