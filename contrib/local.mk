# Not programs: shell completion, and the demo of ./bootstrap.
EXTRA_DIST += contrib/demo.sh

bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = contrib/completion/git-dv.bash
zshcompletiondir = $(datadir)/zsh/site-functions
dist_zshcompletion_DATA = contrib/completion/_git-dv

# Units of a user's systemd; `systemctl --user` finds them in this folder too.
systemduserdir = $(prefix)/lib/systemd/user
dist_systemduser_DATA = contrib/systemd/git-dv-watch@.service
