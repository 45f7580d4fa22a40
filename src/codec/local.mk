libdv_a_SOURCES += \
	src/codec/chunker.c \
	src/codec/chunker.h \
	src/codec/glob.c \
	src/codec/glob.h \
	src/codec/group.c \
	src/codec/group.h \
	src/codec/pktline.c \
	src/codec/pktline.h \
	src/codec/sample.c \
	src/codec/sample.h \
	src/codec/sha256.c \
	src/codec/sha256.h \
	src/codec/sketch.c \
	src/codec/sketch.h \
	src/codec/sums.c \
	src/codec/sums.h \
	src/codec/zst.c \
	src/codec/zst.h
