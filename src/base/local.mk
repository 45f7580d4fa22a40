libdv_a_SOURCES += \
	src/base/buf.c \
	src/base/buf.h \
	src/base/bytes.h \
	src/base/err.c \
	src/base/err.h \
	src/base/file.c \
	src/base/file.h \
	src/base/hex.c \
	src/base/hex.h \
	src/base/idmap.c \
	src/base/idmap.h \
	src/base/log.c \
	src/base/log.h \
	src/base/opt.c \
	src/base/opt.h \
	src/base/own.c \
	src/base/own.h \
	src/base/pool.c \
	src/base/pool.h \
	src/base/proc.c \
	src/base/proc.h \
	src/base/quote.c \
	src/base/quote.h

