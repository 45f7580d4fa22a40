/* What the hooks say of findings, and what dv.hookMode makes of them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/cmd.h"
#include "repo/findings.h"

#define NAMED_MAX 10

static const char *const titles[2][DV_FOUND_KINDS] = { {
	"data is about to enter git itself, where every clone keeps it for good",
	"tracked by git-dv, but staged as raw content (was the filter set up when it was added?)",
	"staged pointers that are damaged, so that their content cannot be found",
	"staged pointers whose content is neither here nor known to be on a store",
	"staged pointers that no staged .gitattributes covers, so that a clone gets the pointers for the content",
}, {
	"data is about to be pushed into git itself, where every clone keeps it for good",
	"tracked by git-dv, but committed as raw content (was the filter set up when it was added?)",
	"committed pointers that are damaged, so that their content cannot be found",
	"committed pointers whose content is neither here nor known to be on a store",
	"committed pointers that no .gitattributes covers, so that a clone gets the pointers for the content",
} };

static const char *const repairs[DV_FOUND_KINDS] = {
	NULL, "git add --renormalize .",
	"put the content back in place and 'git add' it",
	"'git dv fetch' brings it here; else put the content back and 'git add' it",
	"'git add' the .gitattributes that you have, or 'git dv track' the files",
};

static int list(struct dv_ctx *c, const struct dv_findings *f,
		enum dv_finding_kind kind, struct dv_buf *out,
		struct dv_err *err)
{
	size_t named = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < f->n; i++) {
		const struct dv_finding *v = &f->v[i];

		if (v->kind != kind || named++ >= NAMED_MAX)
			continue;
		rc = dv_buf_addstr(out, "\t", err);
		if (!rc)
			rc = dv_buf_addstr(out, dv_ctx_path(c, v->change->path),
					   err);
		if (!rc)
			rc = dv_buf_addf(out, err, " (%s)",
					 dv_human(v->size).s);
		if (!rc && v->change->commit)
			rc = dv_buf_addf(out, err, " in commit %.12s",
					 v->change->commit);
		if (!rc)
			rc = dv_buf_addstr(out, "\n", err);
	}
	if (!rc && named > NAMED_MAX)
		rc = dv_buf_addf(out, err, "\tand %zu more\n",
				 named - NAMED_MAX);
	return rc;
}

static int repair(struct dv_ctx *c, const struct dv_findings *f,
		  enum dv_finding_kind kind, int push, struct dv_buf *out,
		  struct dv_err *err)
{
	struct dv_data_advice advice = { 0 };
	struct dv_err why = { 0 };
	const char *install = "";
	int rc = 0;

	if (!dv_have_filter(&c->repo, &why))
		install = "git dv install && ";
	if (kind == DV_FOUND_RAW)
		return dv_buf_addf(out, err, "  repair: %s%s%s\n", install,
				   repairs[kind],
				   push ? " && git commit (older commits keep what they have)" :
					  "");
	if (kind != DV_FOUND_DATA)
		return dv_buf_addf(out, err, "  repair: %s\n", repairs[kind]);
	for (size_t i = 0; !rc && i < f->n; i++)
		if (f->v[i].kind == kind)
			rc = dv_data_advise(&advice, &f->rules,
					    f->v[i].change->path,
					    f->v[i].why, err);
	if (!rc)
		rc = dv_buf_addf(out, err, "  version it with git-dv: %s",
				 install);
	if (!rc)
		rc = dv_data_command(&advice, &f->rules, getenv("GIT_PREFIX"),
				     out, err);
	if (!rc)
		rc = dv_buf_addstr(out, "\n  leave it in git: git config --add dv.hookExclude <pattern>\n",
				   err);
	dv_data_advice_release(&advice);
	return rc;
}

enum mode { WARN, ASK, BLOCK };

static enum mode mode_of(struct dv_repo *r)
{
	const char *v = dv_config_get(r, "dv.hookmode");

	if (v && !strcasecmp(v, "ask"))
		return ASK;
	if (v && !strcasecmp(v, "block"))
		return BLOCK;
	if (v && strcasecmp(v, "warn"))
		dv_log_warn("setting dv.hookMode is '%s', not warn, ask or block",
			    v);
	return WARN;
}

int dv_hook_report(struct dv_ctx *c, const struct dv_findings *f, int push,
		   int dry_run, struct dv_err *err)
{
	const char *verb = push ? "push" : "commit";
	enum mode mode;
	struct dv_buf text = { 0 };
	char *question;
	int rc = 0, yes;

	if (!f->n)
		return 0;	/* no settings are read for nothing */
	mode = mode_of(&c->repo);
	for (int kind = 0; !rc && kind < DV_FOUND_KINDS; kind++) {
		size_t n = 0;

		for (size_t i = 0; i < f->n; i++)
			n += f->v[i].kind == (enum dv_finding_kind)kind;
		if (!n)
			continue;
		rc = dv_buf_addf(&text, err, "%s: %s:\n",
				 mode == WARN || dry_run ? "warning" : "error",
				 titles[!!push][kind]);
		if (!rc)
			rc = list(c, f, kind, &text, err);
		if (!rc)
			rc = repair(c, f, kind, push, &text, err);
	}
	if (!rc && (dv_log_verbosity() >= 0 || mode != WARN) &&
	    dv_write_full(STDERR_FILENO, text.p, text.n))
		dv_log_debug("nobody listens");
	dv_buf_release(&text);
	if (rc || mode == WARN || dry_run)
		return rc;
	if (mode == ASK) {
		question = dv_fmt("%s all the same?", push ? "Push" : "Commit");
		if (!question)
			return dv_err_nomem(err);
		yes = dv_ask(question);
		free(question);
		if (yes > 0)
			return 0;
		if (!yes)
			return dv_err_set(err, DV_EINVAL,
					  "nothing is %s", push ? "pushed" : "committed");
		return dv_err_set(err, DV_EINVAL,
				  "nothing is %s: dv.hookMode is 'ask' and there is no terminal to ask on ('git %s --no-verify' does not ask)",
				  push ? "pushed" : "committed", verb);
	}
	return dv_err_set(err, DV_EINVAL,
			  "nothing is %s: dv.hookMode is 'block' ('git -c dv.hookMode=warn %s' does it all the same)",
			  push ? "pushed" : "committed", verb);
}
