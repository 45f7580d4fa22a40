# The text of the installed hooks, as a C string.
EXTRA_DIST += hooks/hook.sh
BUILT_SOURCES = src/repo/hook-text.h
CLEANFILES += src/repo/hook-text.h
src/repo/hooktext.$(OBJEXT): src/repo/hook-text.h
src/repo/hook-text.h: hooks/hook.sh
	$(AM_V_GEN)$(MKDIR_P) src/repo && \
	$(SED) -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/	/\\t/g' \
		-e 's/^/"/' -e 's/$$/\\n"/' $(srcdir)/hooks/hook.sh > $@.tmp && mv $@.tmp $@
