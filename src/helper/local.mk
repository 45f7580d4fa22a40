libdv_a_SOURCES += \
	src/helper/forward.c \
	src/helper/helper.c \
	src/helper/helper.h \
	src/helper/hosted-packs.c \
	src/helper/hosted-push.c \
	src/helper/hosted-verify.c \
	src/helper/hosted.c \
	src/helper/paired.c \
	src/helper/url.c

