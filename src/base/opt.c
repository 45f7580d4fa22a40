#include "base/opt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/proc.h"

int dv_size_parse(const char *s, uint64_t *out)
{
	static const char units[] = "kmgt";
	char *end;
	uint64_t v;
	const char *u;

	if (*s < '0' || *s > '9')
		return -1;
	errno = 0;
	v = strtoull(s, &end, 10);
	if (errno)
		return -1;
	if (*end) {
		char c = (char)(*end | 0x20);

		u = strchr(units, c);
		if (!u || !c)
			return -1;
		end++;
		if (!strcmp(end, "iB") || !strcmp(end, "B") ||
		    !strcmp(end, "b"))
			end += strlen(end);
		if (*end)
			return -1;
		for (const char *k = units; k <= u; k++) {
			if (v > UINT64_MAX / 1024)
				return -1;
			v *= 1024;
		}
	}
	*out = v;
	return 0;
}

static int takes_value(const struct dv_opt *o)
{
	return o->type == DV_OPT_STR || o->type == DV_OPT_LIST ||
	       o->type == DV_OPT_INT || o->type == DV_OPT_SIZE;
}

void dv_opt_usage(const struct dv_opt_cmd *cmd, const struct dv_opt *opts,
		  int to_stderr)
{
	FILE *f = to_stderr ? stderr : stdout;
	const char *u = cmd->usage;
	int first = 1;

	do {
		size_t n = strcspn(u, "\n");

		fprintf(f, "%s %s %.*s\n", first ? "usage:" : "   or:",
			cmd->name, (int)n, u);
		first = 0;
		u += n;
	} while (*u++ == '\n');
	fputc('\n', f);
	for (const struct dv_opt *o = opts; o->type != DV_OPT_END; o++) {
		char left[80];
		int n = 4;

		if (!o->help)
			continue;
		memset(left, ' ', 4);
		if (o->s)
			n += snprintf(left + n, sizeof(left) - (size_t)n,
				      "-%c%s", o->s, o->l ? ", " : "");
		if (o->l)
			n += snprintf(left + n, sizeof(left) - (size_t)n,
				      "--%s", o->l);
		if (o->arg)
			n += snprintf(left + n, sizeof(left) - (size_t)n,
				      o->type == DV_OPT_OPTSTR ? "[=<%s>]" :
								 " <%s>",
				      o->arg);
		if (n < 26)
			fprintf(f, "%-26s%s\n", left, o->help);
		else
			fprintf(f, "%s\n%26s%s\n", left, "", o->help);
	}
}

static void completion_list(const struct dv_opt *opts)
{
	for (const struct dv_opt *o = opts; o->type != DV_OPT_END; o++)
		if (o->l && o->help)
			printf("--%s%s ", o->l, takes_value(o) ? "=" : "");
	printf("--help\n");
}

static int show_man(const struct dv_opt_cmd *cmd,
		    const struct dv_opt *opts)
{
	fflush(NULL);
	dv_proc_signals();
	execlp("man", "man", cmd->man, (char *)NULL);
	dv_opt_usage(cmd, opts, 0);	/* no man(1) here */
	return -1;
}

static int store(const struct dv_opt_cmd *cmd, const struct dv_opt *o,
		 const char *name, const char *value, int negated)
{
	uint64_t size;

	switch (o->type) {
	case DV_OPT_FLAG:
		*(int *)o->out = !negated;
		return 0;
	case DV_OPT_COUNT:
		++*(int *)o->out;
		return 0;
	case DV_OPT_SET:
		*(int *)o->out = o->value;
		return 0;
	case DV_OPT_STR:
	case DV_OPT_OPTSTR:
		*(const char **)o->out = value ? value : "";
		return 0;
	case DV_OPT_LIST:
		if (dv_strs_add(o->out, value, NULL)) {
			fprintf(stderr, "error: out of memory\n");
			return -2;
		}
		return 0;
	case DV_OPT_INT:
	case DV_OPT_SIZE:
		if (dv_size_parse(value, &size) ||
		    (o->type == DV_OPT_INT && size > 0x7fffffff)) {
			fprintf(stderr,
				"error: %s: option '%s' takes a %s, not '%s'\n",
				cmd->name, name,
				o->type == DV_OPT_INT ? "number" :
				"size such as 500k, 10M or 2G", value);
			return -2;
		}
		if (o->type == DV_OPT_INT)
			*(int *)o->out = (int)size;
		else
			*(uint64_t *)o->out = size;
		return 0;
	case DV_OPT_END:
		break;
	}
	return -2;
}

static int parse_long(const struct dv_opt_cmd *cmd, const struct dv_opt *opts,
		      char **argv, int argc, int *i)
{
	const char *arg = argv[*i] + 2, *eq = strchr(arg, '=');
	size_t n = eq ? (size_t)(eq - arg) : strlen(arg);
	const struct dv_opt *found = NULL;
	int negated = 0, ambiguous = 0;

	for (const struct dv_opt *o = opts; o->type != DV_OPT_END; o++) {
		if (!o->l)
			continue;
		if (strlen(o->l) == n && !strncmp(o->l, arg, n)) {
			found = o;
			ambiguous = 0;
			negated = 0;
			break;
		}
		if (o->type == DV_OPT_FLAG && n > 3 && !strncmp(arg, "no-", 3) &&
		    strlen(o->l) == n - 3 && !strncmp(o->l, arg + 3, n - 3)) {
			found = o;
			negated = 1;
			continue;
		}
		if (n && !strncmp(o->l, arg, n)) {	/* as Git: a prefix */
			ambiguous = found != NULL;
			found = o;
		}
	}
	if (!found && ((n == 5 && !strncmp(arg, "quiet", n)) ||
		       (n == 7 && !strncmp(arg, "verbose", n)))) {
		dv_log_set_verbosity(n == 5 ? -1 : 1);
		return 0;
	}
	if (!found || ambiguous) {
		fprintf(stderr, "error: %s: %s option '--%.*s'\n", cmd->name,
			found ? "ambiguous" : "unknown", (int)n, arg);
		return -2;
	}
	if (takes_value(found)) {
		const char *v = eq ? eq + 1 : NULL;

		if (!v) {
			if (*i + 1 >= argc) {
				fprintf(stderr,
					"error: %s: option '--%s' needs a value\n",
					cmd->name, found->l);
				return -2;
			}
			v = argv[++*i];
		}
		return store(cmd, found, found->l, v, 0);
	}
	if (eq && found->type != DV_OPT_OPTSTR) {
		fprintf(stderr, "error: %s: option '--%s' takes no value\n",
			cmd->name, found->l);
		return -2;
	}
	return store(cmd, found, found->l, eq ? eq + 1 : NULL, negated);
}

static int parse_short(const struct dv_opt_cmd *cmd, const struct dv_opt *opts,
		       char **argv, int argc, int *i)
{
	for (const char *c = argv[*i] + 1; *c; c++) {
		const struct dv_opt *o = opts;
		char name[2] = { *c, 0 };
		int rc;

		while (o->type != DV_OPT_END && o->s != *c)
			o++;
		if (o->type == DV_OPT_END) {
			if (*c == 'h') {
				dv_opt_usage(cmd, opts, 0);
				return -1;
			}
			if (*c == 'q' || *c == 'v') {
				dv_log_set_verbosity(*c == 'q' ? -1 : 1);
				continue;
			}
			fprintf(stderr, "error: %s: unknown option '-%c'\n",
				cmd->name, *c);
			return -2;
		}
		if (takes_value(o)) {
			const char *v = c + 1;

			if (!*v) {
				if (*i + 1 >= argc) {
					fprintf(stderr,
						"error: %s: option '-%c' needs a value\n",
						cmd->name, *c);
					return -2;
				}
				v = argv[++*i];
			}
			return store(cmd, o, name, v, 0);
		}
		rc = store(cmd, o, name, NULL, 0);
		if (rc)
			return rc;
	}
	return 0;
}

int dv_opt_parse(const struct dv_opt_cmd *cmd, const struct dv_opt *opts,
		 int argc, char **argv, int *dashdash)
{
	int n = 0, rc = 0;

	if (dashdash)
		*dashdash = -1;
	for (int i = 1; i < argc && !rc; i++) {
		char *a = argv[i];

		if (a[0] != '-' || !a[1]) {
			argv[n++] = a;
		} else if (!strcmp(a, "--")) {
			if (dashdash)
				*dashdash = n;
			while (++i < argc)
				argv[n++] = argv[i];
		} else if (!strcmp(a, "--help")) {
			return show_man(cmd, opts);
		} else if (!strcmp(a, "--git-completion-helper")) {
			completion_list(opts);
			return -1;
		} else if (a[1] == '-') {
			rc = parse_long(cmd, opts, argv, argc, &i);
		} else {
			rc = parse_short(cmd, opts, argv, argc, &i);
		}
	}
	if (rc == -2) {
		dv_opt_usage(cmd, opts, 1);
		return -2;
	}
	return rc ? rc : n;
}
