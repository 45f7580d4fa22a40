include src/base/local.mk
include src/codec/local.mk
include src/format/local.mk
include src/store/local.mk
include src/remote/local.mk
include src/repo/local.mk
include src/filter/local.mk
include src/catalog/local.mk
include src/helper/local.mk
include src/watch/local.mk
include src/cmd/local.mk

bin_PROGRAMS += git-dv git-dv-filter git-remote-dvstore

# libgit2 stands behind a plug-in (src/repo/git2.h): what does not need it does
# not load it.
plugindir = $(libdir)/git-dv
plugin_PROGRAMS = dv-git2.so
dv_git2_so_SOURCES = src/repo/git2-plugin.c src/repo/git2.h
dv_git2_so_CFLAGS = $(AM_CFLAGS) $(GIT2_CFLAGS) -fPIC
dv_git2_so_LDFLAGS = $(AM_LDFLAGS) -shared
dv_git2_so_LDADD = $(GIT2_LIBS)

git_dv_SOURCES = src/git-dv.c
git_dv_LDADD = $(DV_LIBS)
git_dv_filter_SOURCES = src/git-dv-filter.c
git_dv_filter_LDADD = $(DV_LIBS)
git_remote_dvstore_SOURCES = src/git-remote-dvstore.c
git_remote_dvstore_LDADD = $(DV_LIBS)
