#include "testlib.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "codec/pktline.h"

/*
 * A writer in another process, so that the pipe fills and runs empty as it
 * does with Git. `step` bytes go out by one write; 0 writes all at once.
 */
struct feed {
	pid_t pid;
	struct dv_pkt_in in;
};

static void feed_start(struct feed *f, const void *p, size_t n, size_t step)
{
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	f->pid = fork();
	assert_true(f->pid >= 0);
	if (!f->pid) {
		const uint8_t *b = p;

		close(fd[0]);
		signal(SIGPIPE, SIG_DFL);
		for (size_t at = 0, m; at < n; at += m) {
			m = step ? DV_MIN(step, n - at) : n;
			if (dv_write_full(fd[1], b + at, m))
				_exit(1);
		}
		_exit(0);
	}
	close(fd[1]);
	dv_pkt_in_init(&f->in, fd[0]);
}

static void feed_end(struct feed *f)
{
	int st;

	close(f->in.fd);
	dv_pkt_in_release(&f->in);
	assert_int_equal(waitpid(f->pid, &st, 0), f->pid);
}

static void add_packet(struct dv_buf *b, const void *p, size_t n)
{
	struct dv_err err = { 0 };

	assert_ok(dv_buf_addf(b, &err, "%04zx", n + 4));
	assert_ok(dv_buf_add(b, p, n, &err));
}

static void add_flush(struct dv_buf *b)
{
	struct dv_err err = { 0 };

	assert_ok(dv_buf_addstr(b, "0000", &err));
}

/* Read content to its end in pieces of `cap`; everything must be `want`. */
static void expect_content(struct dv_pkt_in *in, const uint8_t *want,
			   size_t n, size_t cap)
{
	uint8_t *dst = test_alloc(cap);
	struct dv_err err = { 0 };
	size_t at = 0, got;
	int end = 0;

	while (!end) {
		assert_ok(dv_pkt_read_content(in, dst, cap, &got, &end, &err));
		assert_true(got <= cap && at + got <= n);
		assert_true(got || end);
		assert_memory_equal(dst, want + at, got);
		at += got;
	}
	assert_int_equal(at, n);
	free(dst);
}

/* A stream of packets of these sizes, then a flush and one line behind. */
static void stream(const size_t *sizes, size_t count, size_t step, size_t cap)
{
	struct dv_buf raw = { 0 }, content = { 0 };
	struct dv_err err = { 0 };
	static uint8_t body[DV_PKT_MAX];
	char *line = test_alloc(DV_PKT_MAX + 1);
	struct feed f;

	for (size_t i = 0; i < count; i++) {
		test_noise(body, sizes[i], i + count);
		add_packet(&raw, body, sizes[i]);
		assert_ok(dv_buf_add(&content, body, sizes[i], &err));
	}
	add_flush(&raw);
	add_packet(&raw, "next\n", 5);
	add_flush(&raw);
	feed_start(&f, raw.p, raw.n, step);
	expect_content(&f.in, content.p, content.n, cap);
	/* The content's end is where the next message starts. */
	assert_int_equal(dv_pkt_read_line(&f.in, line, &err), 4);
	assert_string_equal(line, "next");
	assert_int_equal(dv_pkt_read_line(&f.in, line, &err), DV_PKT_FLUSH);
	assert_int_equal(dv_pkt_read_line(&f.in, line, &err), DV_PKT_EOF);
	feed_end(&f);
	dv_buf_release(&raw);
	dv_buf_release(&content);
	free(line);
}

#define F DV_PKT_MAX

static void packets_of_all_sizes(void **state)
{
	static const size_t none[] = { 0 };
	static const size_t full[] = { F, F, F, F, F, F, F, F, F, F, F, F, F, F,
				       F, F, F, F, F, F, F, F, F, F, F };
	static const size_t odd[] = { 1, F, 2, F, F, 0, 3, F - 1, F, F, 65535 -
				      F, F, 4096, 0, 0, F };
	static const size_t small[] = { 1, 1, 0, 1, 7, 100, 4, 3 };
	static const size_t caps[] = { 4 << 20, 1 << 20, F, F + 1, F - 1,
				       2 * F + 3, 65536, 1000 };

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(caps); i++) {
		stream(none, 0, 0, caps[i]);
		stream(none, 1, 0, caps[i]);
		stream(full, DV_ARRAY_SIZE(full), 0, caps[i]);
		stream(odd, DV_ARRAY_SIZE(odd), 0, caps[i]);
		stream(small, DV_ARRAY_SIZE(small), 0, caps[i]);
	}
	for (size_t k = 1; k <= DV_ARRAY_SIZE(full); k++)
		stream(full, k, 0, 4 << 20);
	stream(small, DV_ARRAY_SIZE(small), 0, 1);
}

static void writes_that_cut_packets(void **state)
{
	static const size_t sizes[] = { F, F, F, 5, F, 1, F, F };
	static const size_t steps[] = { 65520, 65519, 65521, 65536, 4096, 65524,
					131040, 131043, 9973 };

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(steps); i++) {
		stream(sizes, DV_ARRAY_SIZE(sizes), steps[i], 4 << 20);
		stream(sizes, DV_ARRAY_SIZE(sizes), steps[i], 100000);
	}
}

static void single_bytes(void **state)
{
	static const size_t sizes[] = { 3, 0, 700, 1 };
	static const size_t full[] = { F, 2 };

	(void)state;
	stream(sizes, DV_ARRAY_SIZE(sizes), 1, 1 << 20);
	stream(sizes, DV_ARRAY_SIZE(sizes), 1, 1);
	stream(full, DV_ARRAY_SIZE(full), 1, 1 << 20);
}

static void random_shapes(void **state)
{
	uint64_t seed = 77;

	(void)state;
	for (int round = 0; round < 60; round++) {
		size_t sizes[40], n = test_rand(&seed) % 40, step, cap;

		for (size_t i = 0; i < n; i++) {
			uint64_t r = test_rand(&seed);

			sizes[i] = r & 3 ? F : (r >> 8) % (F + 1);
		}
		step = test_rand(&seed) % 200000;
		cap = 65536 + test_rand(&seed) % 3000000;
		stream(sizes, n, step, cap);
	}
}

static void lines(void **state)
{
	struct dv_buf raw = { 0 };
	struct dv_err err = { 0 };
	static uint8_t big[DV_PKT_MAX];
	char *line = test_alloc(DV_PKT_MAX + 1);
	struct feed f;

	(void)state;
	memset(big, 'b', sizeof(big));
	add_packet(&raw, "plain\n", 6);
	add_packet(&raw, "no lf", 5);
	add_packet(&raw, "two\n\n", 5);
	add_packet(&raw, "\n", 1);
	add_packet(&raw, "", 0);
	add_packet(&raw, big, sizeof(big));
	assert_ok(dv_buf_addstr(&raw, "000Aupper\n", &err));
	feed_start(&f, raw.p, raw.n, 0);
	assert_int_equal(dv_pkt_read_line(&f.in, line, &err), 5);
	assert_string_equal(line, "plain");
	assert_int_equal(dv_pkt_read_line(&f.in, line, &err), 5);
	assert_string_equal(line, "no lf");
	assert_int_equal(dv_pkt_read_line(&f.in, line, &err), 4);
	assert_string_equal(line, "two\n");
	assert_int_equal(dv_pkt_read_line(&f.in, line, &err), 0);
	assert_string_equal(line, "");
	assert_int_equal(dv_pkt_read_line(&f.in, line, &err), 0);
	assert_int_equal(dv_pkt_read_line(&f.in, line, &err), DV_PKT_MAX);
	assert_int_equal(strlen(line), DV_PKT_MAX);
	assert_int_equal(dv_pkt_read_line(&f.in, line, &err), 5);
	assert_string_equal(line, "upper");
	assert_int_equal(dv_pkt_read_line(&f.in, line, &err), DV_PKT_EOF);
	feed_end(&f);
	dv_buf_release(&raw);
	free(line);
}

static void bad_streams(void **state)
{
	static const char *const bad[] = { "0001", "0002", "0003", "fff1x",
		"ffff", "00g0", " 005", "0x05", "-001", "00", "0005", "0009abc",
		"\xff\xff\xff\xff" };
	char *line = test_alloc(DV_PKT_MAX + 1);
	uint8_t dst[100];

	(void)state;
	for (size_t i = 0; i < DV_ARRAY_SIZE(bad); i++) {
		struct dv_err err = { 0 };
		struct feed f;
		size_t n;
		int end;

		feed_start(&f, bad[i], strlen(bad[i]), 0);
		assert_int_equal(dv_pkt_read_line(&f.in, line, &err),
				 DV_PKT_ERR);
		assert_int_equal(err.status, DV_EINVAL);
		feed_end(&f);
		feed_start(&f, bad[i], strlen(bad[i]), 0);
		assert_fails(dv_pkt_read_content(&f.in, dst, sizeof(dst), &n,
						 &end, &err), DV_EINVAL);
		assert_false(end);
		feed_end(&f);
	}
	free(line);
}

/* Content that ends without a flush packet is never taken for whole. */
static void cut_content(void **state)
{
	static uint8_t body[DV_PKT_MAX], dst[1 << 20];
	struct dv_buf raw = { 0 };

	(void)state;
	memset(body, 1, sizeof(body));
	add_packet(&raw, body, sizeof(body));
	add_packet(&raw, body, sizeof(body));
	add_packet(&raw, body, 10);
	for (size_t keep = 1; keep <= raw.n; keep += keep < 9 ? 1 : 6101) {
		struct dv_err err = { 0 };
		struct feed f;
		size_t n, sum = 0;
		int end = 0, rc;

		feed_start(&f, raw.p, keep, 0);
		do {
			rc = dv_pkt_read_content(&f.in, dst, sizeof(dst), &n,
						 &end, &err);
			assert_true(n <= sizeof(dst));
			sum += n;
		} while (!rc && !end);
		assert_int_equal(rc, DV_EINVAL);
		assert_false(end);
		assert_true(sum <= keep);
		feed_end(&f);
	}
	dv_buf_release(&raw);
}

static void writers(void **state)
{
	size_t n = 3 * DV_PKT_MAX + 17;
	uint8_t *content = test_alloc(n);
	char *line = test_alloc(DV_PKT_MAX + 1), longer[1100];
	struct dv_pkt_out out;
	struct dv_pkt_in in;
	struct dv_err err = { 0 };
	int fd[2], st;
	pid_t pid;

	(void)state;
	test_noise(content, n, 3);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(pipe(fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		int bad = 0;

		close(fd[0]);
		dv_pkt_out_init(&out, fd[1]);
		bad |= dv_pkt_write_str(&out, "status=success");
		bad |= dv_pkt_write_flush(&out);
		bad |= dv_pkt_write_content(&out, content, n);
		bad |= dv_pkt_write_flush(&out);
		bad |= dv_pkt_write_content(&out, "", 0);
		bad |= dv_pkt_write_flush(&out);
		bad |= dv_pkt_write(&out, "", 0);
		bad |= dv_pkt_send(&out);
		_exit(bad ? 1 : 0);
	}
	close(fd[1]);
	dv_pkt_in_init(&in, fd[0]);
	assert_int_equal(dv_pkt_read_line(&in, line, &err), 14);
	assert_string_equal(line, "status=success");
	assert_int_equal(dv_pkt_read_line(&in, line, &err), DV_PKT_FLUSH);
	expect_content(&in, content, n, 50000);
	assert_int_equal(dv_pkt_read_line(&in, line, &err), DV_PKT_FLUSH);
	assert_int_equal(dv_pkt_read_line(&in, line, &err), 0);
	assert_int_equal(dv_pkt_read_line(&in, line, &err), DV_PKT_EOF);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_int_equal(st, 0);
	dv_pkt_out_init(&out, 1);
	assert_int_equal(dv_pkt_write_str(&out, longer), -1);
	assert_int_equal(errno, EMSGSIZE);
	dv_pkt_in_release(&in);
	close(fd[0]);
	/* An end that nobody reads is an error, not a signal. */
	assert_int_equal(pipe(fd), 0);
	close(fd[0]);
	dv_pkt_out_init(&out, fd[1]);
	assert_int_equal(dv_pkt_write_content(&out, content, n), -1);
	assert_int_equal(errno, EPIPE);
	close(fd[1]);
	free(content);
	free(line);
}

/* Small packets wait for each other, in their order, whatever fits. */
static void answers_are_one_write(void **state)
{
	struct dv_pkt_out out;
	char got[20000], want[20000], text[3000];
	size_t w = 0, r = 0;
	int fd[2];

	(void)state;
	memset(text, 'y', sizeof(text));
	assert_int_equal(pipe(fd), 0);
	dv_pkt_out_init(&out, fd[1]);
	for (size_t n = 0; n < sizeof(text); n = n * 2 + 1) {
		assert_int_equal(dv_pkt_write(&out, text, n), 0);
		w += (size_t)sprintf(want + w, "%04zx", n + 4);
		memcpy(want + w, text, n);
		w += n;
		assert_int_equal(dv_pkt_write_flush(&out), 0);
		w += (size_t)sprintf(want + w, "0000");
	}
	assert_int_equal(dv_pkt_send(&out), 0);
	assert_int_equal(dv_pkt_send(&out), 0);
	close(fd[1]);
	for (ssize_t n; (n = read(fd[0], got + r, sizeof(got) - r)) > 0;)
		r += (size_t)n;
	assert_int_equal(r, w);
	assert_memory_equal(got, want, w);
	close(fd[0]);
	/* One answer of a clean: nothing goes out before it is whole. */
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	dv_pkt_out_init(&out, fd[1]);
	assert_int_equal(dv_pkt_write_str(&out, "status=success"), 0);
	assert_int_equal(dv_pkt_write_flush(&out), 0);
	assert_int_equal(dv_pkt_write_content(&out, text, 130), 0);
	assert_int_equal(read(fd[0], got, 1), -1);
	assert_int_equal(dv_pkt_write_flush(&out), 0);
	assert_int_equal(dv_pkt_send(&out), 0);
	assert_int_equal(read(fd[0], got, sizeof(got)), 19 + 4 + 134 + 4);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_of_all_sizes),
		cmocka_unit_test(writes_that_cut_packets),
		cmocka_unit_test(single_bytes),
		cmocka_unit_test(random_shapes),
		cmocka_unit_test(lines),
		cmocka_unit_test(bad_streams),
		cmocka_unit_test(cut_content),
		cmocka_unit_test(writers),
		cmocka_unit_test(answers_are_one_write),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
