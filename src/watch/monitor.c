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

#define LIMBO_MS 100	/* the two ends of a move come together, or nearly */
#define ANSWER_MAX ((size_t)4 << 20)

/* --- what the coalescing asks --- */

static void look(void *arg, const char *path, struct dv_print *out)
{
	struct dv_monitor *m = arg;
	const char *name;
	struct stat st;
	int fd = dv_scan_parent(m, path, &name);

	memset(out, 0, sizeof(*out));
	if (fd < 0)
		return;
	if (!fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW))
		dv_scan_print(&st, out);
	close(fd);
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
	if (n && now->exists)
		dv_tree_set_print(&m->tree, n, now);
	else if (n)
		dv_tree_remove(&m->tree, n);
}

static const struct dv_coalesce_ops coalesce_ops = { look, writer, told,
						     over };

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

/* Is the top still what its path leads to? */
static void check_top(struct dv_monitor *m)
{
	struct stat st;

	if (stat(m->top, &st) || st.st_dev != m->top_st.st_dev ||
	    st.st_ino != m->top_st.st_ino)
		m->gone = 1;
}

void dv_monitor_mounts(struct dv_monitor *m)
{
	uint64_t now = hash_mounts(m);

	if (now != m->mounts)
		m->lost = 1;
	m->mounts = now;
	check_top(m);
}

/* --- events --- */

static struct dv_node *spot(struct dv_monitor *m, struct dv_node *dir,
			    const char *name, int is_dir)
{
	struct dv_node *n = dv_tree_child(&m->tree, dir, name);

	return n && n->dir == is_dir ? n : NULL;
}

/* The node of this name and kind, made where there is none. */
static int place(struct dv_monitor *m, struct dv_node *dir, const char *name,
		 int is_dir, struct dv_node **out, struct dv_err *err)
{
	struct dv_node *n = dv_tree_child(&m->tree, dir, name);
	int rc = 0;

	if (n && n->dir != is_dir) {
		rc = dv_scan_drop(m, n, 1, err);
		n = NULL;
	}
	if (!rc && !n) {
		n = dv_tree_add(&m->tree, dir, name, is_dir);
		rc = n ? 0 : dv_err_nomem(err);
	}
	*out = n;
	return rc;
}

static int note(struct dv_monitor *m, enum dv_note what, const char *path,
		const struct dv_print *base, struct dv_err *err)
{
	return dv_coalesce_note(m->coalesce, what, path, base, dv_now_ms(),
				err);
}

/* The path of a file below a folder that had or has this path. */
static int below(struct dv_buf *b, const char *folder,
		 const struct dv_node *top, const struct dv_node *n,
		 struct dv_err *err)
{
	struct dv_buf rest = { 0 };
	int rc = 0;

	b->n = 0;
	if (n != top) {
		/* From the top's own place on. */
		size_t skip = 0;

		rc = dv_tree_path(n, &rest, err);
		for (const struct dv_node *p = top; p->parent; p = p->parent)
			skip += strlen(p->name) + 1;
		if (!rc)
			rc = dv_buf_addf(b, err, "%s/%s", folder,
					 dv_buf_str(&rest) + skip);
	} else {
		rc = dv_buf_addstr(b, folder, err);
	}
	dv_buf_release(&rest);
	return rc;
}

/* Note all files of a subtree by the path that its top has or had. */
static int note_all(struct dv_monitor *m, enum dv_note what,
		    struct dv_node *top, const char *folder,
		    struct dv_err *err)
{
	struct dv_buf b = { 0 };
	int rc = 0;

	for (struct dv_node *n = top; n && !rc; n = dv_tree_walk(top, n)) {
		if (n->dir)
			continue;
		rc = below(&b, folder, top, n, err);
		if (!rc)
			rc = note(m, what, dv_buf_str(&b), &n->print, err);
	}
	dv_buf_release(&b);
	return rc;
}

static int to_limbo(struct dv_monitor *m, struct dv_node *n, const char *path,
		    uint32_t cookie, struct dv_err *err)
{
	size_t len = strlen(path) + 1;
	struct limbo *l = malloc(sizeof(*l) + len), **end = &m->limbo;

	if (!l)
		return dv_err_nomem(err);
	memcpy(l->path, path, len);
	l->cookie = cookie;
	l->since = dv_now_ms();
	l->node = n;
	l->next = NULL;
	/* What stands at these paths next is no file that was never told of. */
	if (note_all(m, DV_NOTE_TOUCHED, n, path, err)) {
		free(l);
		return DV_ENOMEM;
	}
	dv_tree_detach(&m->tree, n);
	while (*end)
		end = &(*end)->next;
	*end = l;
	return 0;
}

static struct limbo *from_limbo(struct dv_monitor *m, uint32_t cookie,
				int is_dir)
{
	for (struct limbo **p = &m->limbo; *p; p = &(*p)->next) {
		struct limbo *l = *p;

		if (l->cookie == cookie && l->node->dir == is_dir) {
			*p = l->next;
			return l;
		}
	}
	return NULL;
}

/* It went out of the worktree. */
static int drop_limbo(struct dv_monitor *m, struct limbo *l,
		      struct dv_err *err)
{
	struct dv_buf b = { 0 };
	int rc = 0;

	for (struct dv_node *n = l->node; n && !rc;
	     n = dv_tree_walk(l->node, n)) {
		struct dv_node *now;

		if (n->dir)
			continue;
		rc = below(&b, l->path, l->node, n, err);
		if (!rc)
			rc = note(m, DV_NOTE_GONE, dv_buf_str(&b), &n->print,
				  err);
		now = rc ? NULL : dv_tree_find(&m->tree, dv_buf_str(&b));
		if (now && !now->dir)
			rc = note(m, DV_NOTE_FOUND, dv_buf_str(&b), NULL, err);
	}
	dv_buf_release(&b);
	if (dv_scan_drop(m, l->node, 0, err) && !rc)
		rc = DV_ENOMEM;
	free(l);
	return rc;
}

static int expire_limbo(struct dv_monitor *m, int64_t now, int all,
			struct dv_err *err)
{
	int rc = 0;

	while (!rc && m->limbo && (all || now - m->limbo->since >= LIMBO_MS)) {
		struct limbo *l = m->limbo;

		m->limbo = l->next;
		rc = drop_limbo(m, l, err);
	}
	return rc;
}

static int arrive(struct dv_monitor *m, struct dv_node *dir, const char *name,
		  const char *path, struct limbo *l, struct dv_err *err)
{
	struct dv_node *old = dv_tree_child(&m->tree, dir, name), *n;
	struct dv_print base = { 0 };
	struct dv_buf from = { 0 }, to = { 0 };
	int64_t now = dv_now_ms();
	int rc = 0;

	if (old) {
		/* Only an empty folder is overwritten: else they were exchanged. */
		if (old->child)
			m->lost = 1;
		if (!old->dir)
			base = old->print;
		rc = dv_scan_drop(m, old, old->dir || l->node->dir, err);
	}
	n = rc ? NULL : dv_tree_attach(&m->tree, dir, l->node, name);
	if (!n) {
		free(l);
		return rc ? rc : dv_err_nomem(err);
	}
	for (struct dv_node *f = n; f && !rc; f = dv_tree_walk(n, f)) {
		if (f->dir)
			continue;
		rc = below(&from, l->path, n, f, err);
		if (!rc)
			rc = below(&to, path, n, f, err);
		if (!rc)
			rc = dv_coalesce_moved(m->coalesce, dv_buf_str(&from),
					       &f->print, dv_buf_str(&to),
					       &base, now, err);
	}
	/* What changed on the way was not told. */
	if (!rc && n->dir)
		rc = dv_scan(m, n, DV_SCAN_CHECK, err);
	dv_buf_release(&from);
	dv_buf_release(&to);
	free(l);
	return rc;
}

static int on_folder(struct dv_monitor *m, struct dv_node *dir,
		     const struct inotify_event *e, const char *path,
		     struct dv_err *err)
{
	struct dv_node *n = spot(m, dir, e->name, 1);
	struct limbo *l;
	int rc = 0;

	if (e->mask & IN_MOVED_FROM)
		return n ? to_limbo(m, n, path, e->cookie, err) : 0;
	if (e->mask & IN_DELETE)
		return n ? dv_scan_drop(m, n, 1, err) : 0;
	if (e->mask & IN_MOVED_TO) {
		l = from_limbo(m, e->cookie, 1);
		if (l)
			return arrive(m, dir, e->name, path, l, err);
	}
	if (e->mask & (IN_CREATE | IN_MOVED_TO)) {
		rc = place(m, dir, e->name, 1, &n, err);
		if (!rc)
			rc = dv_scan(m, n, DV_SCAN_NEW, err);
	} else if (n && n->blind && (e->mask & IN_ATTRIB)) {
		rc = dv_scan(m, n, DV_SCAN_CHECK, err);
	}
	return rc;
}

static int on_file(struct dv_monitor *m, struct dv_node *dir,
		   const struct inotify_event *e, const char *path,
		   struct dv_err *err)
{
	struct dv_node *n = spot(m, dir, e->name, 0);
	struct dv_print base = { 0 };
	enum dv_note what = DV_NOTE_TOUCHED;
	struct limbo *l;
	int rc;

	if (n)
		base = n->print;
	if (e->mask & IN_MOVED_FROM)
		return n ? to_limbo(m, n, path, e->cookie, err) : 0;
	if (e->mask & IN_DELETE) {
		rc = note(m, DV_NOTE_GONE, path, &base, err);
		if (n)
			dv_tree_remove(&m->tree, n);
		return rc;
	}
	if (e->mask & IN_MOVED_TO) {
		l = from_limbo(m, e->cookie, 0);
		if (l)
			return arrive(m, dir, e->name, path, l, err);
		what = DV_NOTE_FOUND;
	}
	if (e->mask & IN_CREATE)
		what = DV_NOTE_FOUND;
	if (e->mask & IN_MODIFY)
		what = DV_NOTE_WROTE;
	if (e->mask & IN_CLOSE_WRITE)
		what = DV_NOTE_CLOSED;
	rc = place(m, dir, e->name, 0, &n, err);
	if (!rc)
		rc = note(m, what, path, &base, err);
	return rc;
}

static int on_event(struct dv_monitor *m, const struct inotify_event *e,
		    struct dv_err *err)
{
	struct dv_node *dir = dv_tree_by_wd(&m->tree, e->wd);
	char *path;
	int rc;

	if (e->mask & IN_Q_OVERFLOW) {
		m->lost = 1;
		return 0;
	}
	if (!dir) {
		if (e->wd == m->up_wd)
			check_top(m);
		return 0;
	}
	if (e->mask & IN_UNMOUNT)
		m->lost = 1;
	if (dir == m->tree.root &&
	    (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)))
		m->gone = 1;
	if (e->mask & IN_IGNORED) {
		dv_tree_set_wd(&m->tree, dir, -1);
		return 0;
	}
	if (!e->len)
		return 0;
	if (!strcmp(e->name, ".git")) {
		if (dir != m->tree.root)
			dir->nested = !(e->mask & (IN_DELETE | IN_MOVED_FROM));
		return 0;
	}
	if (dv_tree_top(dir) != m->tree.root)
		return 0;	/* on its way: looked at when it arrives */
	m->path.n = 0;
	rc = dv_tree_path(dir, &m->path, err);
	if (!rc)
		rc = dv_buf_addf(&m->path, err, "%s%s", m->path.n ? "/" : "",
				 e->name);
	if (rc)
		return rc;
	path = strdup(dv_buf_str(&m->path));
	if (!path)
		return dv_err_nomem(err);
	if (m->journal)
		dv_journal_note(m->journal, path, (e->mask & IN_ISDIR) != 0);
	rc = e->mask & IN_ISDIR ? on_folder(m, dir, e, path, err) :
				  on_file(m, dir, e, path, err);
	free(path);
	return rc;
}

static int rescan(struct dv_monitor *m, struct dv_err *err)
{
	int rc;

	m->lost = 0;
	m->few_watches = 0;
	m->rescans++;
	dv_log_debug("looking at all files again");
	dv_coalesce_doubt(m->coalesce);
	rc = expire_limbo(m, 0, 1, err);
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

			rc = on_event(m, e, err);
			p += sizeof(*e) + e->len;
		}
	}
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
	int rc = expire_limbo(m, now, all, err);

	if (!rc)
		rc = dv_coalesce_settle(m->coalesce, now, all);
	return rc;
}

/* Paths that no event would tell of: they are always among the changed. */
static int add_uncertain(struct dv_monitor *m, struct dv_buf *out,
			 struct dv_err *err)
{
	int rc = 0;

	if (!m->tree.blind && !m->tree.linked)
		return 0;
	for (struct dv_node *n = m->tree.root; n && !rc;
	     n = dv_tree_walk(m->tree.root, n)) {
		if (n == m->tree.root || (!n->blind && !n->linked))
			continue;
		rc = dv_tree_path(n, out, err);
		if (!rc && n->dir)
			rc = dv_buf_addstr(out, "/", err);
		if (!rc)
			rc = dv_buf_add(out, "", 1, err);
	}
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
					     IN_MOVED_FROM | IN_ONLYDIR);
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
