libdv_a_SOURCES += \
	src/format/index.c \
	src/format/index.h \
	src/format/json.c \
	src/format/json.h \
	src/format/list.c \
	src/format/list.h \
	src/format/manifest.c \
	src/format/manifest.h \
	src/format/pack.c \
	src/format/pack.h \
	src/format/pointer.c \
	src/format/pointer.h \
	src/format/registry-name.c \
	src/format/registry.c \
	src/format/registry.h \
	src/format/shard.c \
	src/format/shard.h \
	src/format/storefmt.c \
	src/format/storefmt.h

