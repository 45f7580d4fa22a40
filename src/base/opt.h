/*
 * Command-line options from one table, which also gives -h, --help (the man
 * page) and the lists that shell completion asks for.
 */
#ifndef DV_BASE_OPT_H
#define DV_BASE_OPT_H

#include "base/buf.h"

enum dv_opt_type {
	DV_OPT_END,
	DV_OPT_FLAG,	/* int: set to 1; --no-NAME sets 0 */
	DV_OPT_COUNT,	/* int: incremented */
	DV_OPT_SET,	/* int: set to `value` */
	DV_OPT_STR,	/* const char *, borrowed from argv */
	DV_OPT_LIST,	/* struct dv_strs: appended */
	DV_OPT_INT,	/* int >= 0 */
	DV_OPT_SIZE,	/* uint64_t: bytes, with k, M, G, T (powers of 1024) */
	DV_OPT_OPTSTR,	/* const char *: --name or --name=VALUE; "" without */
};

struct dv_opt {
	enum dv_opt_type type;
	char s;			/* short letter or 0 */
	const char *l;		/* long name or NULL */
	void *out;
	const char *arg;	/* name of the value in help, or NULL */
	const char *help;	/* NULL hides it */
	int value;
};

struct dv_opt_cmd {
	const char *name;	/* "git dv track": for usage and errors */
	const char *man;	/* manual page that --help shows */
	const char *usage;	/* lines without the name, '\n' between */
};

/*
 * Parse argv[1..argc). Operands are moved to the front of argv (from index 0)
 * and counted in the result, so `argv[0..n)` are operands; options may stand
 * between them; "--" ends options and is dropped, its place in *dashdash
 * (operands before it, or -1) when that is not NULL.
 *
 * -q, --quiet, -v and --verbose set the verbosity of messages (base/log.h) for
 * every command that has no such option of its own.
 *
 * Returns n >= 0; -1: handled (help was shown; exit 0); -2: a usage error was
 * printed (exit 129, as Git does).
 */
int dv_opt_parse(const struct dv_opt_cmd *cmd, const struct dv_opt *opts,
		 int argc, char **argv, int *dashdash);
void dv_opt_usage(const struct dv_opt_cmd *cmd, const struct dv_opt *opts,
		  int to_stderr);
/* "10M" to bytes; 0 or -1. */
int dv_size_parse(const char *s, uint64_t *out);

#endif
