# One page a command, one a format. Pages of one line lead to another page.
dist_man_MANS += \
	man/git-dv-add.1 \
	man/git-dv-alias.1 \
	man/git-dv-cat.1 \
	man/git-dv-checkout.1 \
	man/git-dv-config.5 \
	man/git-dv-diff.1 \
	man/git-dv-du.1 \
	man/git-dv-env.1 \
	man/git-dv-fetch.1 \
	man/git-dv-filter.1 \
	man/git-dv-format.5 \
	man/git-dv-gc.1 \
	man/git-dv-get.1 \
	man/git-dv-hook.1 \
	man/git-dv-info.1 \
	man/git-dv-init.1 \
	man/git-dv-install.1 \
	man/git-dv-list.1 \
	man/git-dv-ls-files.1 \
	man/git-dv-pointer.1 \
	man/git-dv-pointer.5 \
	man/git-dv-prune.1 \
	man/git-dv-pull.1 \
	man/git-dv-push.1 \
	man/git-dv-registry.1 \
	man/git-dv-remote.1 \
	man/git-dv-remove.1 \
	man/git-dv-rename.1 \
	man/git-dv-status.1 \
	man/git-dv-track.1 \
	man/git-dv-uninstall.1 \
	man/git-dv-untrack.1 \
	man/git-dv-verify.1 \
	man/git-dv-version.1 \
	man/git-dv.1 \
	man/git-remote-dvstore.1
