EXTRA_DIST += tests/lib.sh tests/faultlib.sh tests/run tests/integration tests/lint

include tests/unit/local.mk
include tests/contract/local.mk
include tests/fault/local.mk
include tests/fuzz/local.mk
include tests/bench/local.mk

.PHONY: check-all
check-local: check-all
check-all:
	DV_BUILD=$(abs_builddir)/tests-build sh $(srcdir)/tests/run

.PHONY: check-programs
check-programs: $(check_PROGRAMS)
