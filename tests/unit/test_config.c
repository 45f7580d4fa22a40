#include <limits.h>

#include "gitlib.h"

#include "base/log.h"
#include "repo/cache.h"
#include "repo/remotes.h"

static struct dv_repo opened(void)
{
	struct dv_repo r;
	struct dv_err err = { 0 };

	assert_ok(dv_repo_open(&r, &err));
	return r;
}

static void team_file(const char *text)
{
	write_file(".dvconfig", text, strlen(text));
}

/* Nothing that names a command, a credential or another place gets through. */
static void allow_list(void **state)
{
	static const char *const yes[] = { "dv.remote", "dv.above",
		"dv.include", "dv.exclude", "dv.compression", "dv.hookmode",
		"dv.hookmin", "dv.hookextensions", "dv.hookfolders",
		"dv.hookexclude", "dv.remote.store.url", "dv.remote.store.uuid",
		"dv.remote.a.b.url", "dv.remote.With Space.url" };
	static const char *const no[] = { "", "dv", "dv.hooks", "dv.hookmodes", "dv.", "dv.store",
		"dv.remotes", "dv.remote.", "dv.remote.url", "dv.remote.uuid",
		"dv.remote.x.command", "dv.remote.x.token", "dv.remote.x.urls",
		"dv.remote.x.url.command", "dv.Remote", "core.hookspath",
		"core.fsmonitor", "filter.dv.process", "filter.dv.clean",
		"alias.dv", "remote.origin.url", "credential.helper",
		"include.path", "dv.includeif.x.path", "url.x.insteadof",
		"dv.remote..uuid\nx", "dv.include.x", "xdv.remote" };

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(yes); i++)
		assert_true(dv_config_team_allowed(yes[i]));
	for (size_t i = 0; i < DV_ARRAY_SIZE(no); i++) {
		if (dv_config_team_allowed(no[i]))
			print_error("'%s' is allowed\n", no[i]);
		assert_false(dv_config_team_allowed(no[i]));
	}
}

static void hostile_file(void **state)
{
	struct dv_repo r;

	(void)state;
	must_sh("git init -q . && printf '[dv]\\n\\tstore = /elsewhere\\n"
		"\\tremote = fromelse\\n' >else");
	team_file("[dv]\n\tremote = team\n\tabove = 1M\n\tstore = /tmp/evil\n"
		  "[dv \"remote.x\"]\n\turl = /x\n"
		  "[core]\n\thooksPath = /tmp/evil\n\tfsmonitor = touch ran\n"
		  "\tsshCommand = touch ran\n\tpager = touch ran\n"
		  "[alias]\n\tdv = !touch ran\n"
		  "[filter \"dv\"]\n\tprocess = touch ran\n"
		  "[include]\n\tpath = else\n"
		  "[includeIf \"gitdir:/\"]\n\tpath = else\n");
	r = opened();
	assert_string_equal(dv_config_get(&r, "dv.remote"), "team");
	assert_string_equal(dv_config_get(&r, "dv.above"), "1M");
	assert_true(dv_config_size(&r, "dv.above", 0) == 1 << 20);
	assert_null(dv_config_get(&r, "dv.store"));
	assert_null(dv_config_get(&r, "core.hookspath"));
	assert_null(dv_config_get(&r, "core.fsmonitor"));
	assert_null(dv_config_get(&r, "filter.dv.process"));
	assert_null(dv_config_get(&r, "include.path"));
	assert_null(dv_config_get(&r, "alias.dv"));
	assert_null(dv_config_get_own(&r, "dv.remote"));
	assert_int_equal(r.config.team_keys.n, r.config.team_values.n);
	for (size_t i = 0; i < r.config.team_keys.n; i++)
		assert_true(dv_config_team_allowed(r.config.team_keys.v[i]));
	assert_false(dv_file_exists("ran"));
	dv_repo_close(&r);
}

/* The person's word counts before the team's; lists join. */
static void precedence(void **state)
{
	struct dv_strs all = { 0 };
	struct dv_err err = { 0 };
	struct dv_repo r;

	(void)state;
	must_sh("git init -q . && git config dv.remote mine && "
		"git config --add dv.include 'own/**'");
	team_file("[dv]\n\tremote = team\n\tinclude = a/**\n\tinclude = b/*\n"
		  "\texclude = *.tmp\n\tabove\n");
	r = opened();
	assert_string_equal(dv_config_get(&r, "dv.remote"), "mine");
	assert_string_equal(dv_config_get_team(&r, "dv.remote"), "team");
	assert_string_equal(dv_config_get_own(&r, "dv.remote"), "mine");
	assert_string_equal(dv_config_get(&r, "dv.above"), "true");
	assert_ok(dv_config_all(&r, "dv.include", &all, &err));
	assert_int_equal(all.n, 3);
	assert_string_equal(all.v[0], "a/**");
	assert_string_equal(all.v[1], "b/*");
	assert_string_equal(all.v[2], "own/**");
	assert_true(dv_config_wants(&r, "a/x"));
	assert_true(dv_config_wants(&r, "own/y/z"));
	assert_false(dv_config_wants(&r, "c/x"));
	assert_false(dv_config_wants(&r, "a/x.tmp"));
	dv_strs_release(&all);
	dv_repo_close(&r);
}

static void values(void **state)
{
	struct dv_repo r;

	(void)state;
	must_sh("git init -q . && git config dv.b1 yes && git config dv.b2 OFF && "
		"git config dv.b3 perhaps && git config dv.b4 '' && "
		"git config dv.n1 12 && git config dv.n2 9999999999 && "
		"git config dv.n3 many && git config dv.s 3k && "
		"git config dv.n4 -- -1 && git config dv.n5 1.5 && "
		"git config dv.n6 99999999999999999999 && "
		"git config dv.compression 20 && "
		"git config dv.last 1 && git config --add dv.last 2");
	dv_log_set_verbosity(-1);
	r = opened();
	assert_int_equal(dv_config_bool(&r, "dv.b1", 0), 1);
	assert_int_equal(dv_config_bool(&r, "dv.b2", 1), 0);
	assert_int_equal(dv_config_bool(&r, "dv.b3", 1), 1);
	assert_int_equal(dv_config_bool(&r, "dv.b4", 1), 0);
	assert_int_equal(dv_config_bool(&r, "dv.b5", 1), 1);
	assert_int_equal(dv_config_int(&r, "dv.n1", 12, 7), 12);
	assert_int_equal(dv_config_int(&r, "dv.n1", 11, 7), 7);
	assert_int_equal(dv_config_int(&r, "dv.n2", INT_MAX, 7), 7);
	assert_int_equal(dv_config_int(&r, "dv.n3", INT_MAX, 7), 7);
	assert_int_equal(dv_config_int(&r, "dv.n4", INT_MAX, 7), 7);
	assert_int_equal(dv_config_int(&r, "dv.n5", INT_MAX, 7), 7);
	assert_int_equal(dv_config_int(&r, "dv.n6", INT_MAX, 7), 7);
	assert_true(dv_config_size(&r, "dv.s", 7) == 3072);
	assert_string_equal(dv_config_get(&r, "dv.last"), "2");
	assert_int_equal(dv_repo_level(&r), 1);
	dv_repo_close(&r);
	dv_log_set_verbosity(0);
}

/* A file that git cannot read, a link, a folder, noise: none stops or leads away. */
static void unreadable_file(void **state)
{
	uint8_t noise[5000];
	struct dv_repo r;

	(void)state;
	must_sh("git init -q . && git config dv.remote mine && "
		"printf '[dv]\\n\\tabove = 5\\n' >../outside");
	dv_log_set_verbosity(-1);
	for (int i = 0; i < 6; i++) {
		must_sh("rm -rf .dvconfig");
		if (i == 0)
			team_file("[dv\nremote = x\n");
		else if (i == 1)
			must_sh("ln -s ../outside .dvconfig");
		else if (i == 2)
			must_sh("mkdir .dvconfig");
		else if (i == 3)
			must_sh("mkfifo .dvconfig");
		else if (i == 4)
			team_file("");
		else {
			test_noise(noise, sizeof(noise), 1);
			write_file(".dvconfig", noise, sizeof(noise));
		}
		r = opened();
		assert_string_equal(dv_config_get(&r, "dv.remote"), "mine");
		assert_null(dv_config_get(&r, "dv.above"));
		dv_repo_close(&r);
	}
	dv_log_set_verbosity(0);
}

/* Asking the cache gives what git gave, and changes with the text. */
static void cached(void **state)
{
	struct dv_cache *c = dv_cache_open(*state, "x");

	assert_non_null(c);
	must_sh("git init -q .");
	for (int i = 0; i < 4; i++) {
		struct dv_repo r;

		team_file(i < 2 ? "[dv]\n\tabove = 1\n\tstore = /e\n" :
				  "[dv]\n\tabove = 2\n\tstore = /e\n");
		r = opened();
		r.cache = c;
		assert_string_equal(dv_config_get(&r, "dv.above"),
				    i < 2 ? "1" : "2");
		assert_null(dv_config_get(&r, "dv.store"));
		dv_repo_close(&r);
		dv_cache_flush(c);
	}
	dv_cache_close(c);
}

static void during_a_clone(void **state)
{
	struct dv_repo r;

	(void)state;
	must_sh("git init -q .");
	team_file("[dv]\n\tabove = 1\n\tstore = /e\n");
	must_sh("git add .dvconfig && git commit -qm x && rm .dvconfig .git/index");
	r = opened();
	assert_string_equal(dv_config_get(&r, "dv.above"), "1");
	assert_null(dv_config_get(&r, "dv.store"));
	dv_repo_close(&r);
	/* With an index the file was removed on purpose. */
	must_sh("git read-tree HEAD");
	r = opened();
	assert_null(dv_config_get(&r, "dv.above"));
	dv_repo_close(&r);
	must_sh("git clone -q --bare . ../bare.git");
	assert_int_equal(chdir("../bare.git"), 0);
	r = opened();
	assert_null(r.top);
	assert_string_equal(dv_config_get(&r, "dv.above"), "1");
	dv_repo_close(&r);
}

/* A team's store is opened only as the one that its uuid names. */
static void team_remotes(void **state)
{
	struct dv_err err = { 0 };
	struct dv_remote *rem;
	struct dv_remotes rs;
	struct dv_repo r;
	char uuid[33], *url = dv_fmt("%s/store", (char *)*state);
	char text[1024];

	assert_ok(dv_remote_open(&rem, url, NULL, DV_REMOTE_CREATE, &err));
	memcpy(uuid, rem->uuid, sizeof(uuid));
	dv_remote_close(rem);
	must_sh("git init -q .");
	snprintf(text, sizeof(text), "[dv]\n\tremote = t\n"
		 "[dv \"remote.t\"]\n\turl = %s\n\tuuid = %s\n"
		 "[dv \"remote.bare\"]\n\turl = %s\n"
		 "[dv \"remote.wrong\"]\n\turl = %s\n"
		 "\tuuid = 00000000000000000000000000000000\n", url, uuid, url,
		 url);
	team_file(text);
	r = opened();
	assert_ok(dv_remotes_load(&r, &rs, &err));
	assert_int_equal(rs.n, 3);
	assert_string_equal(dv_remotes_find(&rs, NULL)->name, "t");
	assert_true(dv_remotes_find(&rs, "t")->team);
	assert_null(dv_remotes_find(&rs, "none"));
	dv_remotes_release(&rs);
	assert_ok(dv_remotes_open(&r, NULL, &rem, &err));
	assert_string_equal(rem->uuid, uuid);
	dv_remote_close(rem);
	assert_fails(dv_remotes_open(&r, "bare", &rem, &err), DV_EINVAL);
	assert_fails(dv_remotes_open(&r, "wrong", &rem, &err), DV_ECONFLICT);
	assert_fails(dv_remotes_open(&r, "none", &rem, &err), DV_ENOTFOUND);
	dv_repo_close(&r);
	/* One's own url for the same name: the team's uuid does not bind it. */
	must_sh("git config dv.remote.wrong.url '%s'", url);
	r = opened();
	assert_ok(dv_remotes_open(&r, "wrong", &rem, &err));
	dv_remote_close(rem);
	dv_repo_close(&r);
	free(url);
}

static void set_and_unset(void **state)
{
	struct dv_err err = { 0 };
	struct dv_repo r;

	(void)state;
	must_sh("git init -q .");
	assert_ok(dv_config_set("--local", "dv.remote", "a b \"c\"", &err));
	assert_ok(dv_config_set(".dvconfig", "dv.remote.x.url", "/u", &err));
	r = opened();
	assert_string_equal(dv_config_get(&r, "dv.remote"), "a b \"c\"");
	assert_string_equal(dv_config_get_team(&r, "dv.remote.x.url"), "/u");
	assert_ok(dv_config_unset("--local", "dv.remote", &err));
	assert_ok(dv_config_unset("--local", "dv.remote", &err));
	assert_ok(dv_config_unset(".dvconfig", "dv.remote.x.url", &err));
	assert_ok(dv_config_unset(".dvconfig", "dv.remote.x.url", &err));
	dv_config_reload(&r);
	assert_null(dv_config_get(&r, "dv.remote"));
	assert_null(dv_config_get(&r, "dv.remote.x.url"));
	dv_repo_close(&r);
}

static void no_repository(void **state)
{
	struct dv_err err = { 0 };
	int saved = dup(2), null = open("/dev/null", O_WRONLY), rc;
	struct dv_repo r;

	(void)state;
	/* Git says why, for the person to read. */
	dup2(null, 2);
	rc = dv_repo_open(&r, &err);
	dup2(saved, 2);
	close(saved);
	close(null);
	assert_fails(rc, DV_ENOTFOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allow_list),
		WITH_GIT(hostile_file),
		WITH_GIT(precedence),
		WITH_GIT(values),
		WITH_GIT(unreadable_file),
		WITH_GIT(cached),
		WITH_GIT(during_a_clone),
		WITH_GIT(team_remotes),
		WITH_GIT(set_and_unset),
		WITH_GIT(no_repository),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
