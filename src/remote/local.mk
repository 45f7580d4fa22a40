libdv_a_SOURCES += \
	src/remote/backend.h \
	src/remote/compact.c \
	src/remote/compact.h \
	src/remote/dir.c \
	src/remote/fetch-store.c \
	src/remote/fetch.c \
	src/remote/fetch.h \
	src/remote/known.c \
	src/remote/known.h \
	src/remote/lease.c \
	src/remote/lease.h \
	src/remote/prove.c \
	src/remote/prove.h \
	src/remote/push.c \
	src/remote/push.h \
	src/remote/remote.c \
	src/remote/remote.h \
	src/remote/repair.c \
	src/remote/repair.h \
	src/remote/shard-merge.c \
	src/remote/shard-merge.h \
	src/remote/share.c \
	src/remote/share.h \
	src/remote/upload.c \
	src/remote/upload.h
