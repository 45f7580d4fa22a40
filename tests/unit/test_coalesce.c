/* Events and a clock by hand: what becomes of them. */
#include "testlib.h"

#include "watch/coalesce.h"

#define QUIET 200
#define FILES 8

/* A worktree of a few files, and the log of what was told. */
struct world {
	struct dv_coalesce *c;
	struct {
		const char *path;
		struct dv_print print;
		int writer;
	} f[FILES];
	uint64_t stamp;
	char said[1024];
	int64_t now;
};

static int find(const struct world *w, const char *path)
{
	for (int i = 0; i < FILES; i++)
		if (w->f[i].path && !strcmp(w->f[i].path, path))
			return i;
	return -1;
}

static struct dv_print print_of(const struct world *w, const char *path)
{
	struct dv_print none = { 0 };
	int i = find(w, path);

	return i < 0 ? none : w->f[i].print;
}

static void look(void *arg, const char *path, struct dv_print *out)
{
	*out = print_of(arg, path);
}

static int writer(void *arg, const char *path)
{
	struct world *w = arg;
	int i = find(w, path);

	return i < 0 ? 0 : w->f[i].writer;
}

static int told(void *arg, const struct dv_change *c)
{
	static const char letters[] = "CMDV";
	struct world *w = arg;
	size_t n = strlen(w->said);

	snprintf(w->said + n, sizeof(w->said) - n, "%s%c %s%s%s%s",
		 n ? ", " : "", letters[c->type], c->from ? c->from : "",
		 c->from ? ">" : "", c->path, c->open ? " open" : "");
	return 0;
}

static void over(void *arg, const char *path, const struct dv_print *now)
{
	(void)arg;
	(void)path;
	(void)now;
}

static const struct dv_coalesce_ops ops = { look, writer, told, over };

/* What the file system does; no event yet. */
static void put(struct world *w, const char *path)
{
	int i = find(w, path);

	for (int k = 0; i < 0 && k < FILES; k++)
		if (!w->f[k].path)
			i = k;
	assert_true(i >= 0);
	w->f[i].path = path;
	w->f[i].writer = 0;
	w->f[i].print = (struct dv_print){ .exists = 1, .size = 10,
		.ino = ++w->stamp, .mtime_ns = (int64_t)w->stamp };
}

static void drop(struct world *w, const char *path)
{
	int i = find(w, path);

	if (i >= 0)
		memset(&w->f[i], 0, sizeof(w->f[i]));
}

static void note(struct world *w, enum dv_note what, const char *path,
		 const struct dv_print *base)
{
	struct dv_err err = { 0 };

	assert_ok(dv_coalesce_note(w->c, what, path, base, w->now, &err));
}

/* The usual stories, with their events. */
static void write_new(struct world *w, const char *path)
{
	put(w, path);
	note(w, DV_NOTE_FOUND, path, NULL);
	note(w, DV_NOTE_WROTE, path, NULL);
	note(w, DV_NOTE_CLOSED, path, NULL);
}

static void rewrite(struct world *w, const char *path)
{
	struct dv_print base = print_of(w, path);

	put(w, path);
	note(w, DV_NOTE_WROTE, path, &base);
	note(w, DV_NOTE_CLOSED, path, &base);
}

static void delete(struct world *w, const char *path)
{
	struct dv_print base = print_of(w, path);

	drop(w, path);
	note(w, DV_NOTE_GONE, path, &base);
}

static void rename_to(struct world *w, const char *from, const char *to)
{
	struct dv_print a = print_of(w, from), b = print_of(w, to);
	struct dv_err err = { 0 };
	int i;

	put(w, to);
	i = find(w, to);
	w->f[i].print = a;
	drop(w, from);
	assert_ok(dv_coalesce_moved(w->c, from, &a, to, &b, w->now, &err));
}

static const char *after(struct world *w, int64_t ms)
{
	w->now += ms;
	w->said[0] = '\0';
	assert_int_equal(dv_coalesce_settle(w->c, w->now, 0), 0);
	return w->said;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct dv_err err = { 0 };

	assert_non_null(w);
	w->now = 1000000;
	assert_ok(dv_coalesce_open(&w->c, QUIET, &ops, w, &err));
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	dv_coalesce_close(w->c);
	free(w);
	return 0;
}

static void nothing_is_due_at_first(void **state)
{
	struct world *w = *state;

	assert_true(dv_coalesce_due(w->c) == DV_COALESCE_NEVER);
	assert_string_equal(after(w, 10000), "");
}

static void many_events_are_one_change(void **state)
{
	struct world *w = *state;

	write_new(w, "a");
	assert_true(dv_coalesce_due(w->c) == w->now + QUIET);
	assert_string_equal(after(w, QUIET - 1), "");
	rewrite(w, "a");
	assert_string_equal(after(w, QUIET - 1), "");
	assert_string_equal(after(w, 1), "C a");
	assert_int_equal(dv_coalesce_pending(w->c), 0);
	rewrite(w, "a");
	assert_string_equal(after(w, QUIET), "M a");
	delete(w, "a");
	assert_string_equal(after(w, QUIET), "D a");
}

static void what_came_and_went_is_nothing(void **state)
{
	struct world *w = *state;

	write_new(w, "tmp");
	delete(w, "tmp");
	assert_string_equal(after(w, QUIET), "");
	assert_int_equal(dv_coalesce_pending(w->c), 0);
}

static void deleted_and_made_again_is_modified(void **state)
{
	struct world *w = *state;

	put(w, "a");
	delete(w, "a");
	write_new(w, "a");
	assert_string_equal(after(w, QUIET), "M a");
}

static void attributes_alone_are_nothing(void **state)
{
	struct world *w = *state;
	struct dv_print base;

	put(w, "a");
	base = print_of(w, "a");
	note(w, DV_NOTE_TOUCHED, "a", &base);
	assert_string_equal(after(w, QUIET), "");
}

static void a_write_that_hides_is_modified(void **state)
{
	struct world *w = *state;
	struct dv_print base;

	put(w, "a");
	base = print_of(w, "a");
	w->f[find(w, "a")].print.ctime_ns++;
	note(w, DV_NOTE_TOUCHED, "a", &base);
	note(w, DV_NOTE_CLOSED, "a", &base);
	assert_string_equal(after(w, QUIET), "");
	note(w, DV_NOTE_WROTE, "a", &base);
	note(w, DV_NOTE_CLOSED, "a", &base);
	note(w, DV_NOTE_TOUCHED, "a", &base);
	assert_string_equal(after(w, QUIET), "M a");
	/* An event of what was known is none. */
	base = print_of(w, "a");
	note(w, DV_NOTE_WROTE, "a", &base);
	note(w, DV_NOTE_CLOSED, "a", &base);
	assert_string_equal(after(w, QUIET), "");
}

static void a_writer_is_waited_for(void **state)
{
	struct world *w = *state;

	put(w, "a");
	w->f[find(w, "a")].writer = 1;
	note(w, DV_NOTE_FOUND, "a", NULL);
	note(w, DV_NOTE_WROTE, "a", NULL);
	for (int i = 0; i < 20; i++)
		assert_string_equal(after(w, 3000), "");
	note(w, DV_NOTE_CLOSED, "a", NULL);
	assert_string_equal(after(w, QUIET), "C a");
}

/* Created, and held open without a byte; or its close was lost. */
static void a_silent_writer_is_asked_for(void **state)
{
	struct world *w = *state;

	put(w, "a");
	w->f[find(w, "a")].writer = 1;
	note(w, DV_NOTE_FOUND, "a", NULL);
	assert_string_equal(after(w, QUIET), "");
	assert_true(dv_coalesce_due(w->c) > w->now);
	assert_string_equal(after(w, 5000), "");
	w->f[find(w, "a")].writer = 0;
	assert_string_equal(after(w, 5000), "C a");
	note(w, DV_NOTE_WROTE, "a", NULL);
	put(w, "a");
	assert_string_equal(after(w, 6000), "");
	assert_string_equal(after(w, 6000), "C a");
}

static void an_unknown_writer_is_waited_for(void **state)
{
	struct world *w = *state;

	put(w, "a");
	w->f[find(w, "a")].writer = -1;
	note(w, DV_NOTE_WROTE, "a", NULL);
	assert_string_equal(after(w, 60000), "");
	note(w, DV_NOTE_CLOSED, "a", NULL);
	assert_string_equal(after(w, QUIET), "C a");
	/* But one that nobody saw is no reason to wait. */
	put(w, "b");
	w->f[find(w, "b")].writer = -1;
	note(w, DV_NOTE_FOUND, "b", NULL);
	assert_string_equal(after(w, QUIET), "C b");
}

static void a_file_that_is_never_quiet_is_told_of(void **state)
{
	struct world *w = *state;
	int times = 0;

	put(w, "a");
	for (int i = 0; i < 1000; i++) {
		rewrite(w, "a");
		times += *after(w, QUIET / 4) != '\0';
	}
	assert_within(times, 2, 20);
}

static void a_rename_is_one_change(void **state)
{
	struct world *w = *state;

	put(w, "a");
	rename_to(w, "a", "b");
	assert_string_equal(after(w, QUIET), "V a>b");
	assert_int_equal(dv_coalesce_pending(w->c), 0);
	rename_to(w, "b", "c");
	rename_to(w, "c", "d");
	assert_string_equal(after(w, QUIET), "V b>d");
	rename_to(w, "d", "e");
	rename_to(w, "e", "d");
	assert_string_equal(after(w, QUIET), "");
	assert_int_equal(dv_coalesce_pending(w->c), 0);
}

static void a_new_file_that_is_renamed_is_created(void **state)
{
	struct world *w = *state;

	write_new(w, "tmp");
	rename_to(w, "tmp", "a");
	assert_string_equal(after(w, QUIET), "C a");
}

static void saving_by_rename_is_modified(void **state)
{
	struct world *w = *state;

	put(w, "a");
	write_new(w, "a.tmp");
	rename_to(w, "a.tmp", "a");
	assert_string_equal(after(w, QUIET), "M a");
	/* As editors do that keep the old file until the new one is whole. */
	rename_to(w, "a", "a~");
	write_new(w, "a");
	delete(w, "a~");
	assert_string_equal(after(w, QUIET), "M a");
	/* And for good. */
	rename_to(w, "a", "a~");
	write_new(w, "a");
	assert_string_equal(after(w, QUIET), "C a~, M a");
	assert_int_equal(dv_coalesce_pending(w->c), 0);
}

static void moved_and_gone_is_deleted(void **state)
{
	struct world *w = *state;

	put(w, "a");
	rename_to(w, "a", "b");
	delete(w, "b");
	assert_string_equal(after(w, QUIET), "D a");
	/* Also where its first name settles before the other is gone. */
	put(w, "a");
	rename_to(w, "a", "b");
	note(w, DV_NOTE_WROTE, "b", NULL);
	assert_string_equal(after(w, QUIET), "");
	delete(w, "b");
	after(w, 0);
	assert_string_equal(w->said, "D a");
	assert_string_equal(after(w, QUIET), "");
	assert_int_equal(dv_coalesce_pending(w->c), 0);
}

static void moved_over_another_is_moved(void **state)
{
	struct world *w = *state;

	put(w, "a");
	put(w, "b");
	rename_to(w, "a", "b");
	assert_string_equal(after(w, QUIET), "V a>b");
}

static void exchanged_files_are_both_modified(void **state)
{
	struct world *w = *state;

	put(w, "a");
	put(w, "b");
	rename_to(w, "a", "t");
	rename_to(w, "b", "a");
	rename_to(w, "t", "b");
	after(w, QUIET);
	assert_non_null(strstr(w->said, "M a"));
	assert_non_null(strstr(w->said, "M b"));
	assert_int_equal(dv_coalesce_pending(w->c), 0);
}

static void everything_is_told_at_the_end(void **state)
{
	struct world *w = *state;

	put(w, "a");
	w->f[find(w, "a")].writer = 1;
	note(w, DV_NOTE_WROTE, "a", NULL);
	write_new(w, "b");
	put(w, "c");
	rename_to(w, "c", "d");
	assert_int_equal(dv_coalesce_settle(w->c, w->now, 1), 0);
	assert_non_null(strstr(w->said, "C a open"));
	assert_non_null(strstr(w->said, "C b"));
	assert_null(strstr(w->said, "C b open"));
	assert_non_null(strstr(w->said, "V c>d"));
	assert_int_equal(dv_coalesce_pending(w->c), 0);
}

static void in_doubt_writers_are_asked_for(void **state)
{
	struct world *w = *state;

	put(w, "a");
	put(w, "b");
	w->f[find(w, "b")].writer = 1;
	note(w, DV_NOTE_WROTE, "a", NULL);
	note(w, DV_NOTE_WROTE, "b", NULL);
	dv_coalesce_doubt(w->c);
	assert_string_equal(after(w, QUIET), "C a");
	w->f[find(w, "b")].writer = 0;
	assert_string_equal(after(w, 2000), "C b");
}

/* Noise in, and the final state out: a model with a reader of the changes. */
static void random_stories_end_right(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d", "e" };
	struct world *w = *state;
	uint64_t seed = 7;

	for (int round = 0; round < 3000; round++) {
		int had[5], have[5];
		char *p, *save = NULL;

		for (int i = 0; i < 5; i++)
			had[i] = print_of(w, names[i]).exists;
		for (int k = 0; k < 6; k++) {
			const char *a = names[test_rand(&seed) % 5];
			const char *b = names[test_rand(&seed) % 5];
			int is = print_of(w, a).exists;

			switch (test_rand(&seed) % 3) {
			case 0:
				if (is)
					rewrite(w, a);
				else
					write_new(w, a);
				break;
			case 1:
				if (is)
					delete(w, a);
				break;
			case 2:
				if (is && strcmp(a, b))
					rename_to(w, a, b);
				break;
			}
			w->now += 7;
		}
		after(w, 10 * QUIET);
		assert_int_equal(dv_coalesce_pending(w->c), 0);
		memcpy(have, had, sizeof(have));
		for (p = strtok_r(w->said, ",", &save); p;
		     p = strtok_r(NULL, ",", &save)) {
			char *s = p + (*p == ' '), type = *s;

			s += 2;
			if (type == 'V') {
				assert_int_equal(had[s[0] - 'a'], 1);
				have[s[0] - 'a'] = 0;
				s += 2;
			}
			if (type == 'C')
				assert_int_equal(had[s[0] - 'a'], 0);
			have[s[0] - 'a'] = type != 'D';
		}
		for (int i = 0; i < 5; i++)
			assert_int_equal(have[i],
					 print_of(w, names[i]).exists);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_is_due_at_first),
		T(many_events_are_one_change),
		T(what_came_and_went_is_nothing),
		T(deleted_and_made_again_is_modified),
		T(attributes_alone_are_nothing),
		T(a_write_that_hides_is_modified),
		T(a_writer_is_waited_for),
		T(a_silent_writer_is_asked_for),
		T(an_unknown_writer_is_waited_for),
		T(a_file_that_is_never_quiet_is_told_of),
		T(a_rename_is_one_change),
		T(a_new_file_that_is_renamed_is_created),
		T(saving_by_rename_is_modified),
		T(moved_and_gone_is_deleted),
		T(moved_over_another_is_moved),
		T(exchanged_files_are_both_modified),
		T(everything_is_told_at_the_end),
		T(in_doubt_writers_are_asked_for),
		T(random_stories_end_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
