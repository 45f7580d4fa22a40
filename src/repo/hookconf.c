#include "repo/hookconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "repo/hookcall.h"

int dv_hookconf_works(void)
{
	static const char *const argv[] = { "git", "version", NULL };
	static int known = -1;
	int major = 0, minor = 0, code;
	struct dv_buf out = { 0 };

	if (known < 0) {
		known = !dv_proc_capture(argv, NULL, 0, 4096, &out, &code,
					 NULL) &&
			sscanf(dv_buf_str(&out), "git version %d.%d", &major,
			       &minor) == 2 &&
			(major > 2 || (major == 2 && minor >= 54));
		dv_buf_release(&out);
	}
	return known;
}

int dv_hookconf_has(struct dv_repo *r, const char *name)
{
	const struct dv_config *c = &r->config;
	int found = 0;

	/* It is read when it is asked. */
	(void)dv_config_get_own(r, "hook.jobs");
	for (size_t i = 0; !found && i < c->keys.n; i++) {
		const char *key = c->keys.v[i];
		size_t n = strlen(key);
		char *event, *enabled;

		if (n < 14 || strncmp(key, "hook.", 5) ||
		    strcmp(key + n - 8, ".command") ||
		    !dv_hookcall_is_in(c->values.v[i], name))
			continue;
		event = dv_fmt("%.*s.event", (int)(n - 8), key);
		enabled = dv_fmt("%.*s.enabled", (int)(n - 8), key);
		for (size_t k = 0; event && k < c->keys.n; k++)
			found |= !strcmp(c->keys.v[k], event) &&
				 !strcmp(c->values.v[k], name);
		if (enabled && !dv_config_bool(r, enabled, 1))
			found = 0;
		free(event);
		free(enabled);
	}
	return found && dv_hookconf_works();
}

static char *key_of(const char *name, const char *what)
{
	return dv_fmt("hook.git-dv-%s.%s", name, what);
}

int dv_hookconf_add(struct dv_repo *r, const char *name, struct dv_err *err)
{
	char *command = key_of(name, "command"), *event = key_of(name, "event");
	/* Without git-dv a push fails, and the others do nothing. */
	char *run = dv_fmt(!strcmp(name, "pre-push") ?
			   "git dv hook %s" :
			   "! command -v git-dv >/dev/null || git dv hook %s",
			   name);
	int rc = command && event && run ? 0 : dv_err_nomem(err);

	if (!rc)
		rc = dv_config_set("--local", command, run, err);
	if (!rc)
		rc = dv_config_set("--local", event, name, err);
	dv_config_reload(r);
	free(command);
	free(event);
	free(run);
	return rc;
}

int dv_hookconf_remove(struct dv_repo *r, const char *name, int *changed,
		       struct dv_err *err)
{
	char *command = key_of(name, "command"), *event = key_of(name, "event");
	int rc = command && event ? 0 : dv_err_nomem(err);

	if (!rc && dv_config_get_own(r, command)) {
		rc = dv_config_unset("--local", event, err);
		if (!rc)
			rc = dv_config_unset("--local", command, err);
		++*changed;
		dv_config_reload(r);
	}
	free(command);
	free(event);
	return rc;
}
