#include "base/log.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/quote.h"

static int verbosity;
static volatile sig_atomic_t cancelled;

void dv_log_set_verbosity(int level)
{
	verbosity = level;
}

int dv_log_verbosity(void)
{
	return verbosity;
}

/*
 * One write(2) a line, so that several processes do not mix theirs. Messages name
 * files, which strangers have named. As git does; a message may have several lines.
 */
static void say(const char *prefix, const char *fmt, va_list ap)
{
	char line[2048];
	size_t n = strlen(prefix);
	int r;

	memcpy(line, prefix, n);
	r = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	if (r < 0)
		return;
	n += DV_MIN((size_t)r, sizeof(line) - n - 2);
	dv_disarm(line, n);
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		return;	/* nowhere left to say it */
}

void dv_log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("error: ", fmt, ap);
	va_end(ap);
}

void dv_log_warn(const char *fmt, ...)
{
	va_list ap;

	if (verbosity < 0)
		return;
	va_start(ap, fmt);
	say("warning: ", fmt, ap);
	va_end(ap);
}

void dv_log_note(const char *fmt, ...)
{
	va_list ap;

	if (verbosity < 0)
		return;
	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
}

void dv_log_debug(const char *fmt, ...)
{
	va_list ap;

	if (verbosity < 1)
		return;
	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
}

int64_t dv_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct dv_human_text dv_human(uint64_t bytes)
{
	static const char *const unit[] = { "bytes", "KiB", "MiB", "GiB",
					    "TiB", "PiB", "EiB" };
	struct dv_human_text t;
	double v = (double)bytes;
	int u = 0;

	while (v >= 1023.95 && u < 6) {
		v /= 1024;
		u++;
	}
	if (u)
		snprintf(t.s, sizeof(t.s), "%.1f %s", v, unit[u]);
	else
		snprintf(t.s, sizeof(t.s), "%u byte%s", (unsigned int)bytes,
			 bytes == 1 ? "" : "s");
	return t;
}

void dv_progress_start(struct dv_progress *p, const char *title,
		       uint64_t total)
{
	memset(p, 0, sizeof(*p));
	p->title = title;
	p->total = total;
	p->start_ms = dv_now_ms();
	p->on = verbosity >= 0 && isatty(STDERR_FILENO);
}

void dv_progress_add(struct dv_progress *p, uint64_t n)
{
	__atomic_fetch_add(&p->done, n, __ATOMIC_RELAXED);
}

void dv_progress_draw(struct dv_progress *p)
{
	uint64_t done = __atomic_load_n(&p->done, __ATOMIC_RELAXED);
	int64_t now;
	double secs;

	if (!p->on)
		return;
	now = dv_now_ms();
	if (now - p->start_ms < 1000 || now - p->shown_ms < 200)
		return;
	p->shown_ms = now;
	secs = (double)(now - p->start_ms) / 1000;
	fprintf(stderr, "\r%s: %s", p->title, dv_human(done).s);
	if (p->total)
		fprintf(stderr, " of %s (%u%%)", dv_human(p->total).s,
			(unsigned int)((double)done * 100 / (double)p->total));
	fprintf(stderr, ", %s/s\033[K",
		dv_human((uint64_t)((double)done / secs)).s);
	fflush(stderr);
	p->drawn = 1;
}

void dv_progress_stop(struct dv_progress *p)
{
	if (p->drawn) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
	}
	p->on = p->drawn = 0;
}

/*
 * The first signal asks to stop in good order, one some seconds later ends
 * it. In between they come from git, which hands on to its helper what the
 * terminal has sent to both.
 */
static void on_signal(int sig)
{
	static volatile sig_atomic_t first;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!cancelled)
		first = (sig_atomic_t)now.tv_sec;
	else if ((sig_atomic_t)now.tv_sec - first > 1)
		_exit(128 + sig);
	cancelled = sig;
}

void dv_cancel_install(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	/* No SA_RESTART: a blocked read returns EINTR and is looked at. */
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	/* Writes that fail say so; dv_proc_signals undoes this. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

void dv_cancel_on(int sig)
{
	struct sigaction sa = { .sa_handler = on_signal }, old;

	if (!sigaction(sig, NULL, &old) && old.sa_handler != SIG_IGN)
		sigaction(sig, &sa, NULL);
}

int dv_cancelled(void)
{
	return cancelled != 0;
}

int dv_cancel_check(struct dv_err *err)
{
	if (!cancelled)
		return 0;
	return dv_err_set(err, DV_ECANCEL, "interrupted");
}
