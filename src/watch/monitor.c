#include "config.h"

#include "watch/monitor-priv.h"

#ifdef HAVE_SYS_INOTIFY_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"

#define ANSWER_MAX ((size_t)4 << 20)

/* --- what the coalescing asks --- */

void dv_monitor_look(void *arg, const char *path, struct dv_print *out)
{
	struct dv_monitor *m = arg;
	const char *name;
	struct stat st;
	int fd = dv_scan_parent(m, path, &name);

	int e = errno, is = 0;

	memset(out, 0, sizeof(*out));
	if (fd >= 0) {
		is = !fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW);
		e = errno;
		close(fd);
	}
	if (is)
		dv_scan_print(&st, out);
	else if (!dv_errno_gone(e))
		dv_scan_unseen(m, path, out);
}

/* A read lease is refused exactly where somebody has the file open to write. */
static int writer(void *arg, const char *path)
{
	struct dv_monitor *m = arg;
	const char *name;
	int dir = dv_scan_parent(m, path, &name), fd, is = -1;

	if (dir < 0)
		return 0;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC |
			       O_NOCTTY);
	if (fd < 0 && (errno == ENOENT || errno == ELOOP))
		is = 0;
	close(dir);
	if (fd < 0)
		return is;
	if (!fcntl(fd, F_SETLEASE, F_RDLCK)) {
		fcntl(fd, F_SETLEASE, F_UNLCK);
		is = 0;
	} else if (errno == EAGAIN || errno == EBUSY) {
		is = 1;
	}
	close(fd);
	return is;
}

static int told(void *arg, const struct dv_change *change)
{
	struct dv_monitor *m = arg;

	return m->o.told(m->o.arg, change);
}

/* What was seen last is what the next change is compared with. */
static void over(void *arg, const char *path, const struct dv_print *now)
{
	struct dv_monitor *m = arg;
	const char *name = strrchr(path, '/');
	struct dv_node *dir = m->tree.root, *n;
	struct dv_buf up = { 0 };

	if (name && !dv_buf_add(&up, path, (size_t)(name - path), NULL))
		dir = dv_tree_find(&m->tree, dv_buf_str(&up));
	dv_buf_release(&up);
	if (!dir || !dir->dir)
		return;
	name = name ? name + 1 : path;
	n = dv_tree_child(&m->tree, dir, name);
	if (n && n->dir)
		return;
	if (!n && now->exists)
		n = dv_tree_add(&m->tree, dir, name, 0);
	if (n && now->linked && !dv_print_same(now, &n->print) &&
	    dv_event_link(m, now, NULL))
		m->lost = 1;
	if (n && now->exists)
		dv_tree_set_print(&m->tree, n, now);
	else if (n)
		dv_tree_remove(&m->tree, n);
}

static const struct dv_coalesce_ops coalesce_ops = { dv_monitor_look, writer,
						     told, over };

/* --- mounts --- */

static uint64_t hash_mounts(struct dv_monitor *m)
{
	size_t n = strlen(m->top_escaped);
	XXH3_state_t *h;
	uint64_t sum;
	char *line = NULL;
	size_t cap = 0;
	FILE *f;
	int fd;

	if (m->mounts_fd < 0)
		return 0;
	/* Reading it from the start makes poll wait for the next change. */
	fd = fcntl(m->mounts_fd, F_DUPFD_CLOEXEC, 0);
	lseek(m->mounts_fd, 0, SEEK_SET);
	f = fd < 0 ? NULL : fdopen(fd, "r");
	h = XXH3_createState();
	if (!f || !h) {
		if (f)
			fclose(f);
		XXH3_freeState(h);
		return 0;
	}
	XXH3_64bits_reset(h);
	while (getline(&line, &cap, f) > 0) {
		char *at = line;

		/* id, parent, device, root, mount point */
		for (int i = 0; i < 4 && at; i++) {
			at = strchr(at, ' ');
			at = at ? at + 1 : NULL;
		}
		if (at && !strncmp(at, m->top_escaped, n) &&
		    (at[n] == '/' || at[n] == ' '))
			XXH3_64bits_update(h, line, strlen(line));
	}
	sum = XXH3_64bits_digest(h);
	XXH3_freeState(h);
	free(line);
	fclose(f);
	return sum;
}

static char *escape(const char *s)
{
	struct dv_buf b = { 0 };
	int rc = 0;

	for (; *s && !rc; s++)
		rc = strchr(" \t\n\\", *s) ?
		     dv_buf_addf(&b, NULL, "\\%03o", (unsigned char)*s) :
		     dv_buf_add(&b, s, 1, NULL);
	if (rc) {
		dv_buf_release(&b);
		return NULL;
	}
	return dv_buf_detach(&b);
}

void dv_monitor_check_top(struct dv_monitor *m)
{
	struct stat st;

	if (stat(m->top, &st) ? dv_errno_gone(errno) :
				st.st_dev != m->top_st.st_dev ||
				st.st_ino != m->top_st.st_ino)
		m->gone = 1;
}

void dv_monitor_mounts(struct dv_monitor *m)
{
	uint64_t now = hash_mounts(m);

	if (now != m->mounts)
		m->lost = 1;
	m->mounts = now;
	dv_monitor_check_top(m);
}

static int rescan(struct dv_monitor *m, struct dv_err *err)
{
	int rc;

	m->lost = 0;
	m->few_watches = 0;
	m->rescans++;
	dv_log_debug("looking at all files again");
	dv_coalesce_doubt(m->coalesce);
	rc = dv_event_expire(m, 0, 1, err);
	if (!rc)
		rc = dv_scan(m, m->tree.root, DV_SCAN_CHECK, err);
	if (m->journal)
		dv_journal_reset(m->journal);
	return rc;
}

static int gone(const struct dv_monitor *m, struct dv_err *err)
{
	return dv_err_set(err, DV_ENOTFOUND,
			  "the worktree '%s' was removed, moved or unmounted",
			  m->top);
}

int dv_monitor_read(struct dv_monitor *m, struct dv_err *err)
{
	char buf[65536] __attribute__((aligned(8)));
	struct pollfd mounts = { .fd = m->mounts_fd, .events = POLLPRI };
	int queued = 0, rc = 0;

	if (m->mounts_fd >= 0 && poll(&mounts, 1, 0) > 0)
		dv_monitor_mounts(m);
	/* What is queued now; more comes with the next call. */
	if (ioctl(m->fd, FIONREAD, &queued))
		queued = 0;
	while (!rc && queued > 0) {
		ssize_t n = read(m->fd, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		queued -= (int)n;
		for (char *p = buf; !rc && p < buf + n;) {
			const struct inotify_event *e = (const void *)p;

			rc = dv_event(m, e, err);
			p += sizeof(*e) + e->len;
		}
	}
	/* A folder far above it moves without an event here. */
	dv_monitor_check_top(m);
	if (!rc && m->gone)
		return gone(m, err);
	if (!rc && (m->lost || (m->few_watches && dv_now_ms() >= m->retry)))
		rc = rescan(m, err);
	return rc;
}

int64_t dv_monitor_due(const struct dv_monitor *m)
{
	int64_t due = dv_coalesce_due(m->coalesce);

	if (m->limbo)
		due = DV_MIN(due, m->limbo->since + LIMBO_MS);
	if (m->few_watches)
		due = DV_MIN(due, m->retry);
	return m->lost ? 0 : due;
}

int dv_monitor_settle(struct dv_monitor *m, int all, struct dv_err *err)
{
	int64_t now = dv_now_ms();
	int rc = dv_event_expire(m, now, all, err);

	if (!rc)
		rc = dv_coalesce_settle(m->coalesce, now, all);
	if (!rc && m->nlinks) {
		rc = dv_event_links(m, err);
		if (!rc && all)
			rc = dv_coalesce_settle(m->coalesce, now, all);
	}
	return rc;
}

/* Paths that no event would tell of: they are always among the changed. */
static int add_uncertain(struct dv_monitor *m, struct dv_buf *out,
			 struct dv_err *err)
{
	struct dv_buf path = { 0 };
	int rc = dv_event_links(m, err);

	if (!m->tree.blind && !m->tree.linked)
		return 0;
	for (struct dv_node *n = m->tree.root; n && !rc;
	     n = dv_tree_walk(m->tree.root, n)) {
		if (n == m->tree.root || (!n->blind && !n->linked))
			continue;
		path.n = 0;
		rc = dv_tree_path(n, &path, err);
		if (!rc)
			rc = dv_journal_say(out, dv_buf_str(&path), n->dir,
					    err);
	}
	dv_buf_release(&path);
	return rc;
}

int dv_monitor_since(struct dv_monitor *m, const char *token,
		     struct dv_buf *out, struct dv_err *err)
{
	char next[DV_JOURNAL_TOKEN_MAX];
	int rc = dv_monitor_read(m, err), known;
	size_t at;

	if (rc)
		return rc;
	if (!m->journal)
		return dv_err_set(err, DV_EINVAL, "no journal is kept");
	dv_journal_token(m->journal, next);
	rc = dv_buf_add(out, next, strlen(next) + 1, err);
	at = out->n;
	if (rc)
		return rc;
	out->max = out->n + ANSWER_MAX;
	known = !m->lost && !m->tree.root->blind &&
		dv_journal_since(m->journal, token, out) &&
		!add_uncertain(m, out, NULL);
	out->max = 0;
	if (!known) {
		out->n = at;
		rc = dv_buf_add(out, "/", 2, err);
	}
	return rc;
}

int dv_monitor_nested(const struct dv_monitor *m, const char *path)
{
	const struct dv_node *n = m->tree.root;
	char part[256];

	while (n) {
		size_t len = strcspn(path, "/");

		if (n->nested)
			return 1;
		if (len >= sizeof(part) || !path[len])
			break;
		memcpy(part, path, len);
		part[len] = '\0';
		n = dv_tree_child(&m->tree, n, part);
		path += len + 1;
	}
	return 0;
}

/* --- open and close --- */

static int open_inotify(struct dv_monitor *m, struct dv_err *err)
{
	char *up = dv_path_dir(m->top);

	m->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	/* Nothing in the top tells that it is removed while it is open. */
	if (m->fd >= 0 && up)
		m->up_wd = inotify_add_watch(m->fd, up, IN_DELETE |
					     IN_MOVED_FROM | IN_MOVE_SELF |
					     IN_ONLYDIR);
	free(up);
	if (m->fd >= 0)
		return 0;
	if (errno == EMFILE)
		return dv_err_set(err, DV_EIO,
				  "the system gives this user no more inotify instances; end another monitor or raise the limit with 'sysctl fs.inotify.max_user_instances=1024' (in a container also user.max_inotify_instances)");
	return dv_err_errno(err, "inotify cannot be used");
}

int dv_monitor_open(struct dv_monitor **out, const struct dv_monitor_opts *o,
		    struct dv_err *err)
{
	struct dv_monitor *m = calloc(1, sizeof(*m));
	int rc;

	*out = NULL;
	if (!m)
		return dv_err_nomem(err);
	m->o = *o;
	m->fd = m->top_fd = m->mounts_fd = m->up_wd = -1;
	m->top = strdup(o->top);
	m->top_escaped = escape(o->top);
	rc = m->top && m->top_escaped ? dv_tree_open(&m->tree, err) :
					dv_err_nomem(err);
	if (!rc)
		rc = dv_coalesce_open(&m->coalesce, o->quiet_ms,
				      &coalesce_ops, m, err);
	if (!rc && o->journal)
		rc = dv_journal_open(&m->journal, o->journal, err);
	if (rc)
		goto fail;
	m->top_fd = open(o->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->top_fd < 0 || fstat(m->top_fd, &m->top_st)) {
		rc = dv_err_errno(err, "cannot open '%s'", o->top);
		goto fail;
	}
	m->remote = dv_scan_remote(m->top_fd);
	m->mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	m->mounts = hash_mounts(m);
	/* A lease that is broken while it is asked for would say so by it. */
	signal(SIGIO, SIG_IGN);
	rc = open_inotify(m, err);
	if (rc)
		goto fail;
	m->starting = 1;
	rc = dv_scan(m, m->tree.root, DV_SCAN_FIRST, err);
	m->starting = 0;
	if (rc)
		goto fail;
	*out = m;
	return 0;
fail:
	dv_monitor_close(m);
	return rc;
}

void dv_monitor_close(struct dv_monitor *m)
{
	if (!m)
		return;
	while (m->limbo) {
		struct limbo *l = m->limbo;

		m->limbo = l->next;
		if (dv_scan_drop(m, l->node, 0, NULL))
			dv_log_debug("out of memory");
		free(l);
	}
	dv_coalesce_close(m->coalesce);
	dv_journal_close(m->journal);
	dv_tree_close(&m->tree);
	dv_buf_release(&m->path);
	free(m->links);
	for (int i = 0; i < 3; i++) {
		int fd = i == 0 ? m->fd : i == 1 ? m->top_fd : m->mounts_fd;

		if (fd >= 0)
			close(fd);
	}
	free(m->top);
	free(m->top_escaped);
	free(m);
}

int dv_monitor_fd(const struct dv_monitor *m)
{
	return m->fd;
}

int dv_monitor_mounts_fd(const struct dv_monitor *m)
{
	return m->mounts_fd;
}

const char *dv_monitor_remote(const struct dv_monitor *m)
{
	return m->remote;
}

void dv_monitor_identity(const struct dv_monitor *m, uint64_t *dev,
			 uint64_t *ino)
{
	*dev = (uint64_t)m->top_st.st_dev;
	*ino = (uint64_t)m->top_st.st_ino;
}

void dv_monitor_count(const struct dv_monitor *m,
		      struct dv_monitor_counts *out)
{
	out->folders = m->tree.watches;
	out->files = m->tree.n;
	out->rescans = m->rescans;
}

#endif
