#include "gitlib.h"

#include "base/hex.h"
#include "repo/attrs.h"
#include "repo/gitindex.h"
#include "repo/indexwalk.h"
#include "repo/staged.h"

static void tree_is_git_s(const char *index)
{
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };
	uint8_t tree[32];
	char hex[65];

	assert_int_equal(dv_indexwalk_tree(index, 1, tree), 1);
	dv_hex_encode(hex, tree, 20);
	hex[40] = '\0';
	must_sh("git write-tree >../tree");
	assert_ok(dv_file_read("../tree", &b, 100, &err));
	assert_memory_equal(dv_buf_str(&b), hex, 40);
	dv_buf_release(&b);
}

/* The tree and the entries are those that git and the whole reading see. */
static void agrees(void **state)
{
	struct dv_err err = { 0 };

	(void)state;
	must_sh("git init -q . && mkdir -p a/b TREE && echo 1 >a/b/c && "
		"echo 2 >TREE/TREE && echo 3 >xTREE && echo 4 >z && git add .");
	for (int v = 2; v <= 4; v++) {
		struct dv_gitindex ix;
		struct dv_indexwalk w;
		size_t n = 0;

		must_sh("git update-index --index-version %d && git write-tree "
			">/dev/null", v);
		tree_is_git_s(".git/index");
		assert_ok(dv_gitindex_read(&ix, ".git/index", 1, &err));
		assert_int_equal(dv_indexwalk_open(&w, ".git/index", 1), 0);
		for (; dv_indexwalk_next(&w) > 0; n++) {
			assert_memory_equal(w.oid, ix.v[n].oid, 20);
			assert_int_equal(w.mode, ix.v[n].mode);
			assert_int_equal(w.size,
					 dv_gitentry_size(&ix, &ix.v[n]));
		}
		assert_int_equal(n, ix.n);
		dv_indexwalk_close(&w);
		dv_gitindex_release(&ix);
	}
	/* One that changed since has no tree to say. */
	must_sh("echo 5 >a/b/c && git add a");
	assert_int_equal(dv_indexwalk_tree(".git/index", 1, (uint8_t[32]){ 0 }),
			 0);
}

/* Bytes that are lost or changed give no answer, or one; nothing worse. */
static void damaged(void **state)
{
	struct dv_err err = { 0 };
	struct dv_buf b = { 0 };
	uint8_t tree[32];

	(void)state;
	must_sh("git init -q . && mkdir a && echo 1 >a/b && echo 2 >c && "
		"git add . && git write-tree >/dev/null");
	assert_ok(dv_file_read(".git/index", &b, 1 << 20, &err));
	for (size_t i = 0; i < b.n; i++) {
		struct dv_indexwalk w;
		uint8_t was = b.p[i];

		write_file("../cut", (char *)b.p, i);
		dv_indexwalk_tree("../cut", 1, tree);
		b.p[i] = 0xff;
		write_file("../bad", (char *)b.p, b.n);
		b.p[i] = was;
		dv_indexwalk_tree("../bad", 1, tree);
		if (dv_indexwalk_open(&w, "../bad", 1))
			continue;
		while (dv_indexwalk_next(&w) > 0)
			;
		dv_indexwalk_close(&w);
	}
	dv_buf_release(&b);
	assert_int_equal(dv_indexwalk_open(&(struct dv_indexwalk){ 0 },
					   "../absent", 1), -1);
}

/* Folders that become files and the other way round, in git's order. */
static void staged(void **state)
{
	static const char *const want[] = { "a-b", "a/x", "a0", "q", "s/new" };
	struct dv_changes c = { 0 };
	struct dv_objects *o = NULL;
	struct dv_err err = { 0 };
	struct dv_repo r;

	(void)state;
	must_sh("git init -q . && mkdir q s && echo 1 >a && echo 2 >q/x && "
		"echo 3 >same && echo 4 >s/old && ln -s x link && git add . && "
		"git commit -qm 1 && git rm -rq a q s && mkdir a s && "
		"echo 5 >a/x && echo 6 >a-b && echo 7 >a0 && echo 8 >q && "
		"echo 9 >s/new && ln -s y link2 && git add . && "
		"git write-tree >/dev/null");
	assert_ok(dv_repo_open(&r, &err));
	for (int by_git = 0; by_git < 2; by_git++) {
		assert_ok(dv_objects_open(&o, &r, 0, &err));
		assert_ok(dv_changes_staged(&r, o, &c, &err));
		assert_int_equal(c.n, DV_ARRAY_SIZE(want));
		for (size_t i = 0; i < c.n; i++)
			assert_string_equal(c.v[i].path, want[i]);
		assert_int_equal(c.gone.n, 3);
		dv_changes_release(&c);
		dv_objects_close(o);
		must_sh("echo >later && git add -N later");
	}
	dv_repo_close(&r);
}

/* The repository as git sees it, without asking git. */
static void open_here(void **state)
{
	struct dv_err err = { 0 };
	struct dv_repo a, b;

	(void)state;
	must_sh("git init -q . && git commit -q --allow-empty -m 1 && "
		"git worktree add -q ../tree && mkdir deep");
	for (int i = 0; i < 2; i++) {
		assert_ok(dv_repo_open(&a, &err));
		assert_int_equal(dv_repo_open_here(&b), 0);
		assert_string_equal(a.top, b.top);
		assert_string_equal(a.git_dir, b.git_dir);
		assert_string_equal(a.common_dir, b.common_dir);
		assert_string_equal(a.prefix, b.prefix);
		assert_int_equal(a.algo, b.algo);
		dv_repo_close(&a);
		dv_repo_close(&b);
		assert_int_equal(chdir("../tree"), 0);
	}
	assert_int_equal(chdir("../repo/deep"), 0);
	assert_int_equal(dv_repo_open_here(&b), -1);
	assert_int_equal(chdir("../.git"), 0);
	assert_int_equal(dv_repo_open_here(&b), -1);
	must_sh("cd .. && git init -q --object-format=sha256 sha256 && "
		"git init -q --bare bare.git && git config core.worktree /");
	assert_int_equal(chdir("../sha256"), 0);
	assert_int_equal(dv_repo_open_here(&b), -1);
	assert_int_equal(chdir("../bare.git"), 0);
	assert_int_equal(dv_repo_open_here(&b), -1);
	assert_int_equal(chdir(".."), 0);
	assert_int_equal(dv_repo_open_here(&b), -1);
}

/* The guess is never a no where git says yes. */
static void guess(void **state)
{
	struct dv_attrs_guess g = { 0 };
	struct dv_err err = { 0 };
	struct dv_repo r;

	(void)state;
	must_sh("git init -q . && mkdir -p a/b m && "
		"echo '*.bin filter=dv' >.gitattributes && "
		"echo '/x filter=dv' >a/.gitattributes && "
		"echo '[attr]data filter=dv' >m/.gitattributes && "
		"echo 'i* filter=dv' >.git/info/attributes");
	assert_ok(dv_repo_open(&r, &err));
	assert_int_equal(dv_attrs_may(&g, &r, "q.bin"), 1);
	assert_int_equal(dv_attrs_may(&g, &r, "q.txt"), 0);
	assert_int_equal(dv_attrs_may(&g, &r, "a/b/q.bin"), 1);
	assert_int_equal(dv_attrs_may(&g, &r, "a/x"), 1);
	assert_int_equal(dv_attrs_may(&g, &r, "a/b/x"), 0);
	assert_int_equal(dv_attrs_may(&g, &r, "m/x"), 1);
	assert_int_equal(dv_attrs_may(&g, &r, "x"), 0);
	assert_int_equal(dv_attrs_may(&g, &r, "a/b/info"), 1);
	dv_attrs_guess_release(&g);
	dv_repo_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_GIT(agrees),
		WITH_GIT(damaged),
		WITH_GIT(staged),
		WITH_GIT(open_here),
		WITH_GIT(guess),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
