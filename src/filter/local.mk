libdv_a_SOURCES += \
	src/filter/ancestor.c \
	src/filter/clean.c \
	src/filter/place.c \
	src/filter/place.h \
	src/filter/process.c \
	src/filter/place-repair.c \
	src/filter/session.c \
	src/filter/session.h \
	src/filter/smudge.c \
	src/filter/unsafe.c

