libdv_a_SOURCES += \
	src/cmd/cmd-add.c \
	src/cmd/cmd-diff.c \
	src/cmd/cmd-du.c \
	src/cmd/cmd-fetch.c \
	src/cmd/cmd-gc.c \
	src/cmd/cmd-get.c \
	src/cmd/cmd-hook.c \
	src/cmd/cmd-list.c \
	src/cmd/cmd-prune.c \
	src/cmd/cmd-push.c \
	src/cmd/cmd-registry.c \
	src/cmd/cmd-remote-check.c \
	src/cmd/cmd-remote.c \
	src/cmd/cmd-rename.c \
	src/cmd/cmd-small.c \
	src/cmd/cmd-status.c \
	src/cmd/cmd-track.c \
	src/cmd/cmd-verify.c \
	src/cmd/cmd-version.c \
	src/cmd/cmd.h \
	src/cmd/common.c \
	src/cmd/named-file.c \
	src/cmd/named-file.h \
	src/cmd/removal.c \
	src/cmd/removal.h \
	src/cmd/setup.c \
	src/cmd/table.c
