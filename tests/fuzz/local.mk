# Fuzz targets. With --enable-fuzzers (clang) they are libFuzzer programs; else
# replay.c runs the files of a corpus through them.
EXTRA_DIST += tests/fuzz/corpus

if FUZZERS
FUZZ_LINK = -fsanitize=fuzzer
FUZZ_MAIN =
FUZZ_ARGS = -runs=0
else
FUZZ_LINK =
FUZZ_MAIN = tests/fuzz/replay.c
FUZZ_ARGS =
endif

fuzz_targets = \
	tests/fuzz/fuzz_attrs \
	tests/fuzz/fuzz_filelist \
	tests/fuzz/fuzz_gitindex \
	tests/fuzz/fuzz_glob \
	tests/fuzz/fuzz_hookcall \
	tests/fuzz/fuzz_index \
	tests/fuzz/fuzz_manifest \
	tests/fuzz/fuzz_opt \
	tests/fuzz/fuzz_pack \
	tests/fuzz/fuzz_pktline \
	tests/fuzz/fuzz_pointer \
	tests/fuzz/fuzz_record \
	tests/fuzz/fuzz_registry \
	tests/fuzz/fuzz_segment \
	tests/fuzz/fuzz_shard \
	tests/fuzz/fuzz_similar \
	tests/fuzz/fuzz_storefmt \
	tests/fuzz/fuzz_zst
check_PROGRAMS += $(fuzz_targets)

tests_fuzz_fuzz_attrs_SOURCES = tests/fuzz/fuzz_attrs.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_attrs_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_attrs_LDADD = $(DV_LIBS)

tests_fuzz_fuzz_filelist_SOURCES = tests/fuzz/fuzz_filelist.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_filelist_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_filelist_LDADD = $(DV_LIBS)

tests_fuzz_fuzz_gitindex_SOURCES = tests/fuzz/fuzz_gitindex.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_gitindex_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_gitindex_LDADD = $(DV_LIBS)

tests_fuzz_fuzz_glob_SOURCES = tests/fuzz/fuzz_glob.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_glob_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_glob_LDADD = $(DV_LIBS)

tests_fuzz_fuzz_hookcall_SOURCES = tests/fuzz/fuzz_hookcall.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_hookcall_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_hookcall_LDADD = $(DV_LIBS)

tests_fuzz_fuzz_index_SOURCES = tests/fuzz/fuzz_index.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_index_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_index_LDADD = $(DV_LIBS)

tests_fuzz_fuzz_manifest_SOURCES = tests/fuzz/fuzz_manifest.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_manifest_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_manifest_LDADD = $(DV_LIBS)

tests_fuzz_fuzz_opt_SOURCES = tests/fuzz/fuzz_opt.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_opt_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_opt_LDADD = $(DV_LIBS)

tests_fuzz_fuzz_pack_SOURCES = tests/fuzz/fuzz_pack.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_pack_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_pack_LDADD = $(DV_LIBS)

tests_fuzz_fuzz_pktline_SOURCES = tests/fuzz/fuzz_pktline.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_pktline_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_pktline_LDADD = $(DV_LIBS)

tests_fuzz_fuzz_pointer_SOURCES = tests/fuzz/fuzz_pointer.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_pointer_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_pointer_LDADD = $(DV_LIBS)

tests_fuzz_fuzz_record_SOURCES = tests/fuzz/fuzz_record.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_record_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_record_LDADD = $(DV_LIBS)

tests_fuzz_fuzz_registry_SOURCES = tests/fuzz/fuzz_registry.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_registry_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_registry_LDADD = $(DV_LIBS)

tests_fuzz_fuzz_segment_SOURCES = tests/fuzz/fuzz_segment.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_segment_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_segment_LDADD = $(DV_LIBS)

tests_fuzz_fuzz_shard_SOURCES = tests/fuzz/fuzz_shard.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_shard_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_shard_LDADD = $(DV_LIBS)

tests_fuzz_fuzz_similar_SOURCES = tests/fuzz/fuzz_similar.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_similar_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_similar_LDADD = $(DV_LIBS)

tests_fuzz_fuzz_storefmt_SOURCES = tests/fuzz/fuzz_storefmt.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_storefmt_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_storefmt_LDADD = $(DV_LIBS)

tests_fuzz_fuzz_zst_SOURCES = tests/fuzz/fuzz_zst.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_zst_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_zst_LDADD = $(DV_LIBS)

# Every kept input once; a libFuzzer program does the same with -runs=0.
.PHONY: fuzz-replay
fuzz-replay: $(fuzz_targets)
	@for t in $(fuzz_targets); do \
		c=$(srcdir)/tests/fuzz/corpus/$${t##*fuzz_}; \
		echo "  REPLAY  $$t"; ./$$t $(FUZZ_ARGS) $$c || exit 1; \
	done
