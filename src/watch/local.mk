libdv_a_SOURCES += \
	src/watch/changelog.c \
	src/watch/changelog.h \
	src/watch/coalesce.c \
	src/watch/coalesce.h \
	src/watch/events.c \
	src/watch/fsmonitor.c \
	src/watch/fsmonitor.h \
	src/watch/journal.c \
	src/watch/journal.h \
	src/watch/monitor-priv.h \
	src/watch/monitor.c \
	src/watch/monitor.h \
	src/watch/no-inotify.c \
	src/watch/scan.c \
	src/watch/tree.c \
	src/watch/tree.h

