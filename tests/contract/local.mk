# The contract of remote/backend.h, asked of every backend.
if HAVE_CMOCKA
check_PROGRAMS += tests/contract/contract
tests_contract_contract_SOURCES = tests/contract/contract.c tests/unit/testlib.h
tests_contract_contract_LDADD = $(DV_LIBS) $(CMOCKA_LIBS)
endif
