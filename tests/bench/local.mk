# Not built by 'make' or 'make check': 'make bench' builds and runs them, and
# tests/bench/run compiles them itself where they are missing.
EXTRA_PROGRAMS += tests/bench/drain-filter tests/bench/bench-data
EXTRA_DIST += tests/bench/run tests/bench/harness.py tests/bench/cases.py \
	tests/bench/peers.py tests/bench/beside.py tests/bench/series.py \
	tests/bench/registry.py tests/bench/edit.py

tests_bench_drain_filter_SOURCES = tests/bench/drain-filter.c
tests_bench_drain_filter_CFLAGS = -std=gnu11 $(WARN_CFLAGS)
tests_bench_drain_filter_LDFLAGS =
tests_bench_bench_data_SOURCES = tests/bench/bench-data.c
tests_bench_bench_data_CFLAGS = -std=gnu11 $(WARN_CFLAGS)
tests_bench_bench_data_LDFLAGS =

CLEANFILES += tests/bench/drain-filter$(EXEEXT) tests/bench/bench-data$(EXEEXT)

.PHONY: bench
bench: all tests/bench/drain-filter$(EXEEXT) tests/bench/bench-data$(EXEEXT)
	DV_BUILD_DIR='$(abs_builddir)' $(srcdir)/tests/bench/run $(BENCHFLAGS)
