libdv_a_SOURCES += \
	src/store/base.c \
	src/store/base.h \
	src/store/coder.c \
	src/store/coder.h \
	src/store/content.c \
	src/store/content.h \
	src/store/extract.c \
	src/store/extract.h \
	src/store/ingest.c \
	src/store/ingest.h \
	src/store/maintain.c \
	src/store/maintain.h \
	src/store/packset.c \
	src/store/packset.h \
	src/store/predict.c \
	src/store/predict.h \
	src/store/prior.c \
	src/store/prior.h \
	src/store/recover.c \
	src/store/similar.c \
	src/store/similar.h \
	src/store/store.c \
	src/store/store.h \
	src/store/txn.c \
	src/store/txn.h \
	src/store/verify.c \
	src/store/verify.h
