# Unit tests: one cmocka program a module. They read tests/golden from srcdir.
EXTRA_DIST += tests/golden

if HAVE_CMOCKA
unit_tests = \
	tests/unit/test_attrs \
	tests/unit/test_buf \
	tests/unit/test_cache \
	tests/unit/test_changelog \
	tests/unit/test_chunker \
	tests/unit/test_coalesce \
	tests/unit/test_coder \
	tests/unit/test_config \
	tests/unit/test_datafiles \
	tests/unit/test_content \
	tests/unit/test_damaged_remote \
	tests/unit/test_delta \
	tests/unit/test_delta_damage \
	tests/unit/test_delta_remote \
	tests/unit/test_delta_shard \
	tests/unit/test_err \
	tests/unit/test_extract \
	tests/unit/test_file \
	tests/unit/test_gc \
	tests/unit/test_gc_crash \
	tests/unit/test_gitindex \
	tests/unit/test_glob \
	tests/unit/test_group \
	tests/unit/test_hex \
	tests/unit/test_hookcall \
	tests/unit/test_idmap \
	tests/unit/test_index \
	tests/unit/test_ingest \
	tests/unit/test_indexwalk \
	tests/unit/test_journal \
	tests/unit/test_list \
	tests/unit/test_maintain \
	tests/unit/test_manifest \
	tests/unit/test_opt \
	tests/unit/test_pack \
	tests/unit/test_pktline \
	tests/unit/test_pointer \
	tests/unit/test_pool \
	tests/unit/test_prior \
	tests/unit/test_proc \
	tests/unit/test_push_fetch \
	tests/unit/test_quote \
	tests/unit/test_recompress \
	tests/unit/test_recover \
	tests/unit/test_registry \
	tests/unit/test_remote \
	tests/unit/test_sample \
	tests/unit/test_sha256 \
	tests/unit/test_shard \
	tests/unit/test_similar \
	tests/unit/test_sketch \
	tests/unit/test_store \
	tests/unit/test_storefmt \
	tests/unit/test_tree \
	tests/unit/test_txn \
	tests/unit/test_usage \
	tests/unit/test_verify \
	tests/unit/test_zst
check_PROGRAMS += $(unit_tests)

tests_unit_test_attrs_SOURCES = tests/unit/test_attrs.c \
	tests/unit/testlib.h \
	tests/unit/gitlib.h
tests_unit_test_attrs_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_buf_SOURCES = tests/unit/test_buf.c \
	tests/unit/testlib.h
tests_unit_test_buf_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_cache_SOURCES = tests/unit/test_cache.c \
	tests/unit/testlib.h
tests_unit_test_cache_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_changelog_SOURCES = tests/unit/test_changelog.c \
	tests/unit/testlib.h
tests_unit_test_changelog_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_chunker_SOURCES = tests/unit/test_chunker.c \
	tests/unit/testlib.h \
	tests/unit/refchunk.h
tests_unit_test_chunker_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_coalesce_SOURCES = tests/unit/test_coalesce.c \
	tests/unit/testlib.h
tests_unit_test_coalesce_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_coder_SOURCES = tests/unit/test_coder.c \
	tests/unit/testlib.h \
	tests/unit/numbers.h
tests_unit_test_coder_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_config_SOURCES = tests/unit/test_config.c \
	tests/unit/testlib.h \
	tests/unit/gitlib.h
tests_unit_test_config_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_content_SOURCES = tests/unit/test_content.c \
	tests/unit/testlib.h \
	tests/unit/storelib.h
tests_unit_test_content_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_damaged_remote_SOURCES = tests/unit/test_damaged_remote.c \
	tests/unit/testlib.h \
	tests/unit/storelib.h \
	tests/unit/remotelib.h
tests_unit_test_damaged_remote_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_delta_SOURCES = tests/unit/test_delta.c \
	tests/unit/testlib.h \
	tests/unit/storelib.h \
	tests/unit/remotelib.h \
	tests/unit/deltalib.h
tests_unit_test_delta_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_delta_damage_SOURCES = tests/unit/test_delta_damage.c \
	tests/unit/testlib.h \
	tests/unit/storelib.h \
	tests/unit/remotelib.h \
	tests/unit/deltalib.h
tests_unit_test_delta_damage_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_delta_remote_SOURCES = tests/unit/test_delta_remote.c \
	tests/unit/testlib.h \
	tests/unit/storelib.h \
	tests/unit/remotelib.h \
	tests/unit/deltalib.h
tests_unit_test_delta_remote_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_delta_shard_SOURCES = tests/unit/test_delta_shard.c \
	tests/unit/testlib.h \
	tests/unit/storelib.h \
	tests/unit/remotelib.h \
	tests/unit/deltalib.h
tests_unit_test_delta_shard_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_err_SOURCES = tests/unit/test_err.c \
	tests/unit/testlib.h
tests_unit_test_err_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_extract_SOURCES = tests/unit/test_extract.c \
	tests/unit/testlib.h \
	tests/unit/storelib.h
tests_unit_test_extract_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_file_SOURCES = tests/unit/test_file.c \
	tests/unit/testlib.h
tests_unit_test_file_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_gc_SOURCES = tests/unit/test_gc.c \
	tests/unit/testlib.h \
	tests/unit/storelib.h \
	tests/unit/gclib.h
tests_unit_test_gc_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_gc_crash_SOURCES = tests/unit/test_gc_crash.c \
	tests/unit/testlib.h \
	tests/unit/storelib.h \
	tests/unit/gclib.h
tests_unit_test_gc_crash_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_gitindex_SOURCES = tests/unit/test_gitindex.c \
	tests/unit/testlib.h \
	tests/unit/gitlib.h
tests_unit_test_gitindex_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_datafiles_SOURCES = tests/unit/test_datafiles.c \
	tests/unit/testlib.h
tests_unit_test_datafiles_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_glob_SOURCES = tests/unit/test_glob.c \
	tests/unit/testlib.h
tests_unit_test_glob_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_group_SOURCES = tests/unit/test_group.c \
	tests/unit/testlib.h
tests_unit_test_group_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_hex_SOURCES = tests/unit/test_hex.c \
	tests/unit/testlib.h
tests_unit_test_hex_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_hookcall_SOURCES = tests/unit/test_hookcall.c \
	tests/unit/testlib.h
tests_unit_test_hookcall_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_idmap_SOURCES = tests/unit/test_idmap.c \
	tests/unit/testlib.h
tests_unit_test_idmap_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_index_SOURCES = tests/unit/test_index.c \
	tests/unit/testlib.h \
	tests/unit/packlib.h
tests_unit_test_index_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_ingest_SOURCES = tests/unit/test_ingest.c \
	tests/unit/testlib.h \
	tests/unit/refchunk.h \
	tests/unit/storelib.h
tests_unit_test_ingest_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_indexwalk_SOURCES = tests/unit/test_indexwalk.c \
	tests/unit/testlib.h \
	tests/unit/gitlib.h
tests_unit_test_indexwalk_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_journal_SOURCES = tests/unit/test_journal.c \
	tests/unit/testlib.h
tests_unit_test_journal_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_list_SOURCES = tests/unit/test_list.c \
	tests/unit/testlib.h
tests_unit_test_list_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_maintain_SOURCES = tests/unit/test_maintain.c \
	tests/unit/testlib.h \
	tests/unit/storelib.h
tests_unit_test_maintain_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_manifest_SOURCES = tests/unit/test_manifest.c \
	tests/unit/testlib.h
tests_unit_test_manifest_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_opt_SOURCES = tests/unit/test_opt.c \
	tests/unit/testlib.h
tests_unit_test_opt_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_pack_SOURCES = tests/unit/test_pack.c \
	tests/unit/testlib.h \
	tests/unit/packlib.h
tests_unit_test_pack_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_pktline_SOURCES = tests/unit/test_pktline.c \
	tests/unit/testlib.h
tests_unit_test_pktline_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_pointer_SOURCES = tests/unit/test_pointer.c \
	tests/unit/testlib.h
tests_unit_test_pointer_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_pool_SOURCES = tests/unit/test_pool.c \
	tests/unit/testlib.h
tests_unit_test_pool_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_prior_SOURCES = tests/unit/test_prior.c \
	tests/unit/testlib.h \
	tests/unit/storelib.h \
	tests/unit/deltalib.h
tests_unit_test_prior_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_proc_SOURCES = tests/unit/test_proc.c \
	tests/unit/testlib.h
tests_unit_test_proc_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_push_fetch_SOURCES = tests/unit/test_push_fetch.c \
	tests/unit/testlib.h \
	tests/unit/numbers.h \
	tests/unit/storelib.h \
	tests/unit/remotelib.h
tests_unit_test_push_fetch_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_quote_SOURCES = tests/unit/test_quote.c \
	tests/unit/testlib.h
tests_unit_test_quote_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_recompress_SOURCES = tests/unit/test_recompress.c \
	tests/unit/testlib.h \
	tests/unit/storelib.h \
	tests/unit/deltalib.h
tests_unit_test_recompress_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_recover_SOURCES = tests/unit/test_recover.c \
	tests/unit/testlib.h \
	tests/unit/packlib.h \
	tests/unit/storelib.h
tests_unit_test_recover_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_registry_SOURCES = tests/unit/test_registry.c \
	tests/unit/testlib.h \
	tests/unit/gitlib.h
tests_unit_test_registry_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_remote_SOURCES = tests/unit/test_remote.c \
	tests/unit/testlib.h \
	tests/unit/storelib.h \
	tests/unit/remotelib.h
tests_unit_test_remote_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_sample_SOURCES = tests/unit/test_sample.c \
	tests/unit/testlib.h \
	tests/unit/numbers.h
tests_unit_test_sample_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_sha256_SOURCES = tests/unit/test_sha256.c \
	tests/unit/testlib.h
tests_unit_test_sha256_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_shard_SOURCES = tests/unit/test_shard.c \
	tests/unit/testlib.h
tests_unit_test_shard_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_similar_SOURCES = tests/unit/test_similar.c \
	tests/unit/testlib.h
tests_unit_test_similar_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_sketch_SOURCES = tests/unit/test_sketch.c \
	tests/unit/testlib.h
tests_unit_test_sketch_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_store_SOURCES = tests/unit/test_store.c \
	tests/unit/testlib.h \
	tests/unit/packlib.h \
	tests/unit/storelib.h
tests_unit_test_store_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_storefmt_SOURCES = tests/unit/test_storefmt.c \
	tests/unit/testlib.h
tests_unit_test_storefmt_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_tree_SOURCES = tests/unit/test_tree.c \
	tests/unit/testlib.h
tests_unit_test_tree_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_txn_SOURCES = tests/unit/test_txn.c \
	tests/unit/testlib.h \
	tests/unit/storelib.h
tests_unit_test_txn_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_usage_SOURCES = tests/unit/test_usage.c \
	tests/unit/testlib.h \
	tests/unit/storelib.h \
	tests/unit/deltalib.h
tests_unit_test_usage_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_verify_SOURCES = tests/unit/test_verify.c \
	tests/unit/testlib.h \
	tests/unit/storelib.h \
	tests/unit/remotelib.h
tests_unit_test_verify_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)

tests_unit_test_zst_SOURCES = tests/unit/test_zst.c \
	tests/unit/testlib.h \
	tests/unit/numbers.h
tests_unit_test_zst_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)
endif
