#include "gitlib.h"

#include "repo/gitindex.h"

#define INDEX ".git/index"

/* A worktree with names of many lengths, folders, modes; all is added. */
static void make_tree(const char *init)
{
	must_sh("git init -q %s .", init);
	must_sh("mkdir -p a/b/c d 'with space' && "
		"for i in 1 12 123 1234 12345 123456 1234567 12345678; do "
		"echo $i >$i; echo $i >a/$i; echo $i >a/b/c/deep$i; done && "
		"echo x >d/x && chmod +x d/x && ln -s x d/link && "
		"echo q >\"d/$(printf 'new\\nline')\" && echo s >'with space/s' && "
		"printf '%%0200d\\n' 1 >d/long && cp d/long d/$(head -c 180 <d/long)");
	must_sh("git add -A && git commit -q -m one");
}

/* One entry as `git ls-files --stage -z` has it. */
static void entry_text(const struct dv_gitindex *ix,
		       const struct dv_gitentry *e, struct dv_buf *out)
{
	struct dv_err err = { 0 };
	char hex[65];

	dv_hex_encode(hex, e->oid, ix->hash_size);
	assert_ok(dv_buf_addf(out, &err, "%06o %s %d\t%s", (unsigned int)e->mode,
			      hex, e->stage, e->path));
	assert_ok(dv_buf_add(out, "", 1, &err));
}

static void assert_parsed(int algo, int version)
{
	struct dv_buf mine = { 0 }, git;
	struct dv_gitindex ix;
	struct dv_err err = { 0 };

	assert_ok(dv_gitindex_read(&ix, INDEX, algo, &err));
	if (version)
		assert_int_equal(ix.version, version);
	for (size_t i = 0; i < ix.n; i++) {
		struct dv_gitentry *e = &ix.v[i];

		entry_text(&ix, e, &mine);
		if (e->stage)
			assert_null(dv_gitindex_find(&ix, e->path));
		else
			assert_ptr_equal(dv_gitindex_find(&ix, e->path), e);
	}
	assert_null(dv_gitindex_find(&ix, "nothing of this name"));
	assert_null(dv_gitindex_find(&ix, ""));
	git = output_of(ix.sparse ? "git ls-files --sparse --stage -z" :
			"git ls-files --stage -z");
	assert_int_equal(mine.n, git.n);
	assert_memory_equal(mine.p, git.p, git.n);
	dv_buf_release(&mine);
	dv_buf_release(&git);
	dv_gitindex_release(&ix);
}

/*
 * Give every file another time, tell the index, and see that git believes it
 * without reading a file; nothing but stat data may have changed.
 */
static void assert_patch(int algo)
{
	struct dv_buf was, now, said;
	struct dv_gitindex ix;
	struct dv_err err = { 0 };
	size_t patched = 0, tail = algo == 2 ? 32 : 20;
	static int day;
	int fd;

	was = file_bytes(INDEX);
	must_sh("find . -name .git -prune -o -exec touch -h -d '2001-02-%02d 04:05:06' {} +",
		++day);
	assert_ok(dv_gitindex_lock(INDEX, 0, &fd, &err));
	assert_ok(dv_gitindex_read(&ix, INDEX, algo, &err));
	for (size_t i = 0; i < ix.n; i++) {
		struct stat st;

		if (ix.v[i].skip_worktree || lstat(ix.v[i].path, &st) ||
		    S_ISDIR(st.st_mode))
			continue;
		assert_int_equal(dv_gitentry_size(&ix, &ix.v[i]), st.st_size);
		assert_false(dv_gitentry_fits(&ix, &ix.v[i], &st));
		dv_gitentry_set_stat(&ix, &ix.v[i], &st);
		assert_true(dv_gitentry_fits(&ix, &ix.v[i], &st));
		patched++;
	}
	assert_true(patched > 0);
	assert_ok(dv_gitindex_commit(&ix, INDEX, fd, algo, &err));
	assert_false(dv_file_exists(INDEX ".lock"));
	now = file_bytes(INDEX);
	assert_int_equal(now.n, was.n);
	for (size_t i = 0, e = 0; i < now.n - tail; i++) {
		while (e < ix.n && i >= ix.v[e].off + 40)
			e++;
		/* Inside the ten stat words, but for the mode. */
		if (e < ix.n && i >= ix.v[e].off &&
		    (i < ix.v[e].off + 24 || i >= ix.v[e].off + 28))
			continue;
		assert_int_equal(now.p[i], was.p[i]);
	}
	dv_gitindex_release(&ix);
	dv_buf_release(&now);
	/* diff-files compares stat data alone; fsck checks the checksum. */
	said = output_of("git diff-files --name-only -z");
	assert_int_equal(said.n, 0);
	dv_buf_release(&said);
	must_sh("git fsck --no-dangling >fsck.out 2>&1; "
		"grep -v ^hint: fsck.out | grep -i index; test $? = 1 && rm fsck.out");
	said = output_of("git status --porcelain");
	assert_int_equal(said.n, 0);
	dv_buf_release(&said);
	dv_buf_release(&was);
}

static void version_2(void **state)
{
	(void)state;
	make_tree("");
	assert_parsed(1, 2);
	assert_patch(1);
	assert_parsed(1, 2);
}

static void version_3(void **state)
{
	struct dv_gitindex ix;
	struct dv_err err = { 0 };

	(void)state;
	make_tree("");
	must_sh("git update-index --skip-worktree 123 && echo i >ita && "
		"git add -N ita");
	assert_parsed(1, 3);
	assert_ok(dv_gitindex_read(&ix, INDEX, 1, &err));
	assert_true(dv_gitindex_find(&ix, "123")->skip_worktree);
	assert_false(dv_gitindex_find(&ix, "123")->intent_to_add);
	assert_true(dv_gitindex_find(&ix, "ita")->intent_to_add);
	assert_false(dv_gitindex_find(&ix, "12")->skip_worktree);
	dv_gitindex_release(&ix);
	must_sh("git rm -q --cached ita && rm ita");
	assert_patch(1);
}

static void version_4(void **state)
{
	(void)state;
	make_tree("");
	must_sh("git update-index --index-version 4");
	assert_parsed(1, 4);
	assert_patch(1);
	must_sh("git update-index --skip-worktree a/b/c/deep12");
	assert_parsed(1, 4);
}

static void sha256(void **state)
{
	(void)state;
	make_tree("--object-format=sha256");
	assert_parsed(2, 2);
	assert_patch(2);
	must_sh("git update-index --index-version 4");
	assert_parsed(2, 4);
	assert_patch(2);
}

static void skip_hash(void **state)
{
	static const uint8_t zeros[20];
	struct dv_buf b;

	(void)state;
	make_tree("");
	/* As index.skipHash leaves it; not every git can write that. */
	b = file_bytes(INDEX);
	memset(b.p + b.n - 20, 0, 20);
	write_file(INDEX, b.p, b.n);
	dv_buf_release(&b);
	assert_parsed(1, 2);
	if (!sh("git -c index.skipHash=true ls-files >/dev/null 2>&1 && "
		"git version | awk '{ split($3, v, \".\"); exit !(v[1] > 2 || v[2] >= 40) }'"))
		assert_patch(1);
	{
		struct dv_gitindex ix;
		struct dv_err err = { 0 };
		int fd;

		assert_ok(dv_gitindex_lock(INDEX, 0, &fd, &err));
		assert_ok(dv_gitindex_read(&ix, INDEX, 1, &err));
		assert_ok(dv_gitindex_commit(&ix, INDEX, fd, 1, &err));
		dv_gitindex_release(&ix);
	}
	b = file_bytes(INDEX);
	assert_memory_equal(b.p + b.n - 20, zeros, 20);
	dv_buf_release(&b);
}

static void conflict(void **state)
{
	(void)state;
	make_tree("");
	must_sh("git checkout -q -b side && echo side >123 && echo s >a/12 && "
		"git commit -qam side && git checkout -q - && echo main >123 && "
		"echo m >a/12 && git commit -qam main");
	assert_int_equal(sh("git merge side >/dev/null 2>&1"), 1);
	assert_parsed(1, 2);
}

/* Untracked cache, resolve-undo, cache tree, end of index: all stay. */
static void extensions(void **state)
{
	(void)state;
	make_tree("");
	must_sh("git config index.threads 2 && git update-index --force-untracked-cache "
		"&& git status >/dev/null && git write-tree >/dev/null");
	must_sh("grep -aq UNTR .git/index && grep -aq TREE .git/index");
	assert_parsed(1, 2);
	assert_patch(1);
	must_sh("grep -aq UNTR .git/index");
}

static void split(void **state)
{
	struct dv_gitindex ix;
	struct dv_err err = { 0 };

	(void)state;
	make_tree("");
	must_sh("git update-index --split-index && echo more >more && git add more");
	assert_ok(dv_gitindex_read(&ix, INDEX, 1, &err));
	assert_true(ix.split);
	dv_gitindex_release(&ix);
	must_sh("git update-index --no-split-index");
	assert_ok(dv_gitindex_read(&ix, INDEX, 1, &err));
	assert_false(ix.split);
	dv_gitindex_release(&ix);
	assert_parsed(1, 0);
}

static void sparse(void **state)
{
	struct dv_gitindex ix;
	struct dv_err err = { 0 };

	(void)state;
	make_tree("");
	must_sh("git sparse-checkout set --cone --sparse-index a/b >/dev/null 2>&1");
	assert_ok(dv_gitindex_read(&ix, INDEX, 1, &err));
	assert_true(ix.sparse);
	assert_null(dv_gitindex_find(&ix, "d/x"));
	assert_non_null(dv_gitindex_find(&ix, "a/b/c/deep12"));
	dv_gitindex_release(&ix);
	assert_parsed(1, 0);
	assert_patch(1);
}

static void empty_and_absent(void **state)
{
	struct dv_gitindex ix;
	struct dv_err err = { 0 };

	(void)state;
	must_sh("git init -q .");
	assert_fails(dv_gitindex_read(&ix, INDEX, 1, &err), DV_ENOTFOUND);
	must_sh("git read-tree --empty");
	assert_ok(dv_gitindex_read(&ix, INDEX, 1, &err));
	assert_int_equal(ix.n, 0);
	assert_null(dv_gitindex_find(&ix, "a"));
	dv_gitindex_release(&ix);
}

/* A cut-off index is refused; a changed byte never leads out of it. */
static void damaged(void **state)
{
	static const int versions[] = { 2, 4 };
	struct dv_gitindex ix;
	struct dv_err err = { 0 };

	(void)state;
	make_tree("");
	for (size_t k = 0; k < DV_ARRAY_SIZE(versions); k++) {
		struct dv_buf b;

		must_sh("git update-index --index-version %d", versions[k]);
		b = file_bytes(INDEX);
		for (size_t n = 0; n < b.n; n += n < 200 ? 1 : 37) {
			int rc;

			write_file("bad", b.p, n);
			rc = dv_gitindex_read(&ix, "bad", 1, &err);
			/* Behind a whole extension a cut cannot be seen. */
			if (!rc) {
				assert_true(n > b.n - 600);
				dv_gitindex_release(&ix);
			} else {
				assert_fails(rc, DV_ECORRUPT);
			}
		}
		for (size_t i = 0; i < b.n; i += i < 300 ? 1 : 13) {
			b.p[i] ^= 0x81;
			write_file("bad", b.p, b.n);
			b.p[i] ^= 0x81;
			if (dv_gitindex_read(&ix, "bad", 1, &err))
				continue;
			assert_true(i >= 12);
			for (size_t e = 0; e < ix.n; e++)
				assert_true(strlen(ix.v[e].path) < 4096);
			dv_gitindex_release(&ix);
		}
		dv_buf_release(&b);
	}
}

/* A changed byte must not get a new checksum that says it is right. */
static void damage_is_not_sealed(void **state)
{
	struct dv_gitindex ix;
	struct dv_err err = { 0 };
	struct dv_buf b;
	int fd, rc;

	(void)state;
	make_tree("");
	b = file_bytes(INDEX);
	b.p[12 + 40 + 5] ^= 1;		/* an object id */
	write_file(INDEX, b.p, b.n);
	assert_ok(dv_gitindex_lock(INDEX, 0, &fd, &err));
	rc = dv_gitindex_read(&ix, INDEX, 1, &err);
	if (rc) {
		assert_fails(rc, DV_ECORRUPT);
		dv_gitindex_unlock(INDEX, fd);
	} else {
		rc = dv_gitindex_commit(&ix, INDEX, fd, 1, &err);
		assert_fails(rc, DV_ECORRUPT);
		dv_gitindex_release(&ix);
	}
	assert_false(dv_file_exists(INDEX ".lock"));
	dv_buf_release(&b);
}

static void locks(void **state)
{
	struct dv_err err = { 0 };
	int fd, other;

	(void)state;
	make_tree("");
	assert_ok(dv_gitindex_lock(INDEX, 0, &fd, &err));
	assert_int_not_equal(sh("git add 12 2>/dev/null; "
				"git update-index --refresh --force-remove 12 2>/dev/null"),
			     0);
	assert_fails(dv_gitindex_lock(INDEX, 0, &other, &err), DV_EAGAIN);
	assert_non_null(strstr(err.msg, "index.lock"));
	assert_fails(dv_gitindex_lock(INDEX, 30, &other, &err), DV_EAGAIN);
	dv_gitindex_unlock(INDEX, fd);
	assert_false(dv_file_exists(INDEX ".lock"));
	must_sh("git add 12");
	assert_fails(dv_gitindex_lock("no/such/index", 0, &other, &err),
		     DV_ENOTFOUND);
}

/* An edit in the second of the commit must still be seen by git. */
static void keeps_its_time(void **state)
{
	struct dv_gitindex ix;
	struct dv_err err = { 0 };
	struct stat a, b;
	int fd;

	(void)state;
	make_tree("");
	assert_int_equal(chmod(INDEX, 0640), 0);
	assert_int_equal(stat(INDEX, &a), 0);
	assert_ok(dv_gitindex_lock(INDEX, 0, &fd, &err));
	assert_ok(dv_gitindex_read(&ix, INDEX, 1, &err));
	assert_ok(dv_gitindex_commit(&ix, INDEX, fd, 1, &err));
	dv_gitindex_release(&ix);
	assert_int_equal(stat(INDEX, &b), 0);
	assert_int_equal(a.st_mtim.tv_sec, b.st_mtim.tv_sec);
	assert_int_equal(a.st_mtim.tv_nsec, b.st_mtim.tv_nsec);
	assert_int_equal(a.st_mode, b.st_mode);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_GIT(version_2),
		WITH_GIT(version_3),
		WITH_GIT(version_4),
		WITH_GIT(sha256),
		WITH_GIT(skip_hash),
		WITH_GIT(conflict),
		WITH_GIT(extensions),
		WITH_GIT(split),
		WITH_GIT(sparse),
		WITH_GIT(empty_and_absent),
		WITH_GIT(damaged),
		WITH_GIT(damage_is_not_sealed),
		WITH_GIT(locks),
		WITH_GIT(keeps_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
