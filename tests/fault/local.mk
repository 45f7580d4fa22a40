# For tests/integration/t0501-fault.t, by LD_PRELOAD; never installed.
EXTRA_DIST += tests/fault/failnth.c
CLEANFILES += tests/fault/failnth.so

tests/fault/failnth.so: tests/fault/failnth.c
	$(AM_V_at)$(MKDIR_P) tests/fault
	$(AM_V_CCLD)$(CC) $(CPPFLAGS) $(CFLAGS) -D_GNU_SOURCE -shared -fPIC -o $@ \
		$(srcdir)/tests/fault/failnth.c -ldl

check-programs: tests/fault/failnth.so
