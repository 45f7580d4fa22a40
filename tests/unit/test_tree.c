#include "testlib.h"

#include "watch/tree.h"

static const char *path_of(const struct dv_node *n, struct dv_buf *b)
{
	struct dv_err err = { 0 };

	b->n = 0;
	assert_ok(dv_tree_path(n, b, &err));
	return dv_buf_str(b);
}

static struct dv_node *add(struct dv_tree *t, struct dv_node *up,
			   const char *name, int dir)
{
	struct dv_node *n = dv_tree_add(t, up, name, dir);

	assert_non_null(n);
	return n;
}

static void names_and_paths(void **state)
{
	struct dv_tree t;
	struct dv_buf b = { 0 };
	struct dv_err err = { 0 };
	struct dv_node *d, *e, *f;

	(void)state;
	assert_ok(dv_tree_open(&t, &err));
	assert_string_equal(path_of(t.root, &b), "");
	d = add(&t, t.root, "d", 1);
	e = add(&t, d, "e", 1);
	f = add(&t, e, "f", 0);
	assert_string_equal(path_of(f, &b), "d/e/f");
	assert_ptr_equal(dv_tree_find(&t, "d/e/f"), f);
	assert_ptr_equal(dv_tree_find(&t, ""), t.root);
	assert_null(dv_tree_find(&t, "d/f"));
	/* Elsewhere, under another name, with all below it. */
	dv_tree_set_wd(&t, e, 7);
	dv_tree_detach(&t, e);
	assert_null(dv_tree_find(&t, "d/e"));
	assert_ptr_equal(dv_tree_top(f), e);
	assert_string_equal(path_of(f, &b), "f");
	e = dv_tree_attach(&t, t.root, e, "other name");
	assert_non_null(e);
	assert_string_equal(path_of(f, &b), "other name/f");
	assert_ptr_equal(dv_tree_find(&t, "other name/f"), f);
	assert_ptr_equal(dv_tree_by_wd(&t, 7), e);
	assert_ptr_equal(dv_tree_top(f), t.root);
	dv_tree_remove(&t, f);
	assert_null(dv_tree_find(&t, "other name/f"));
	dv_tree_close(&t);
	dv_buf_release(&b);
}

static void a_watch_has_one_folder(void **state)
{
	struct dv_tree t;
	struct dv_err err = { 0 };
	struct dv_node *a, *b;

	(void)state;
	assert_ok(dv_tree_open(&t, &err));
	a = add(&t, t.root, "a", 1);
	b = add(&t, t.root, "b", 1);
	dv_tree_set_wd(&t, a, 3);
	dv_tree_set_wd(&t, b, 3);
	assert_int_equal(a->wd, -1);
	assert_ptr_equal(dv_tree_by_wd(&t, 3), b);
	assert_int_equal(t.watches, 1);
	dv_tree_remove(&t, b);
	assert_null(dv_tree_by_wd(&t, 3));
	assert_int_equal(t.watches, 0);
	dv_tree_close(&t);
}

/* More than the tables begin with. */
static void many_nodes(void **state)
{
	struct dv_tree t;
	struct dv_err err = { 0 };
	struct dv_buf b = { 0 };
	size_t seen = 0;
	char name[32];

	(void)state;
	assert_ok(dv_tree_open(&t, &err));
	for (int i = 0; i < 5000; i++) {
		struct dv_node *d;

		snprintf(name, sizeof(name), "d%d", i);
		d = add(&t, t.root, name, 1);
		dv_tree_set_wd(&t, d, i + 1);
		add(&t, d, "f", 0);
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "d%d/f", i);
		assert_non_null(dv_tree_find(&t, name));
		assert_string_equal(path_of(dv_tree_by_wd(&t, i + 1)->child, &b),
				    name);
	}
	for (struct dv_node *n = t.root; n; n = dv_tree_walk(t.root, n))
		seen++;
	assert_int_equal(seen, 10001);
	dv_tree_close(&t);
	dv_buf_release(&b);
}

static void uncertain_nodes_are_counted(void **state)
{
	struct dv_print p = { .exists = 1, .linked = 1 };
	struct dv_tree t;
	struct dv_err err = { 0 };
	struct dv_node *d, *f;

	(void)state;
	assert_ok(dv_tree_open(&t, &err));
	d = add(&t, t.root, "d", 1);
	f = add(&t, t.root, "f", 0);
	dv_tree_set_blind(&t, d, 1);
	dv_tree_set_blind(&t, d, 1);
	dv_tree_set_print(&t, f, &p);
	dv_tree_set_print(&t, f, &p);
	assert_int_equal(t.blind, 1);
	assert_int_equal(t.linked, 1);
	p.linked = 0;
	dv_tree_set_print(&t, f, &p);
	assert_int_equal(t.linked, 0);
	dv_tree_remove(&t, d);
	assert_int_equal(t.blind, 0);
	dv_tree_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_paths),
		cmocka_unit_test(a_watch_has_one_folder),
		cmocka_unit_test(many_nodes),
		cmocka_unit_test(uncertain_nodes_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
