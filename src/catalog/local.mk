libdv_a_SOURCES += \
	src/catalog/catalog.c \
	src/catalog/catalog.h \
	src/catalog/keep.c \
	src/catalog/legacy.c \
	src/catalog/merge.c \
	src/catalog/shared.c
