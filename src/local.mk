include src/base/local.mk
include src/codec/local.mk
include src/format/local.mk
include src/store/local.mk
include src/remote/local.mk
include src/repo/local.mk
include src/filter/local.mk
include src/cmd/local.mk

bin_PROGRAMS += git-dv git-dv-filter

git_dv_SOURCES = src/git-dv.c
git_dv_LDADD = $(DV_LIBS)
git_dv_filter_SOURCES = src/git-dv-filter.c
git_dv_filter_LDADD = $(DV_LIBS)
