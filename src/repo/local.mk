libdv_a_SOURCES += \
	src/repo/attrs.c \
	src/repo/attrs.h \
	src/repo/cache.c \
	src/repo/cache.h \
	src/repo/clones.c \
	src/repo/clones.h \
	src/repo/config.c \
	src/repo/datafiles.c \
	src/repo/datafiles.h \
	src/repo/findings.c \
	src/repo/findings.h \
	src/repo/gitindex.c \
	src/repo/gitindex.h \
	src/repo/history.c \
	src/repo/history.h \
	src/repo/hooks.c \
	src/repo/hooks.h \
	src/repo/hooktext.c \
	src/repo/hooktext.h \
	src/repo/indexwalk.c \
	src/repo/indexwalk.h \
	src/repo/named.c \
	src/repo/named.h \
	src/repo/objects.c \
	src/repo/objects.h \
	src/repo/publish.c \
	src/repo/publish.h \
	src/repo/remotes.c \
	src/repo/remotes.h \
	src/repo/repo.c \
	src/repo/repo.h \
	src/repo/roots.c \
	src/repo/roots.h \
	src/repo/staged.c \
	src/repo/staged.h

