/* What an event does: to the tree of names, to the journal, to the changes. */
#include "config.h"

#include "watch/monitor-priv.h"

#ifdef HAVE_SYS_INOTIFY_H

#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/log.h"

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

int dv_event_expire(struct dv_monitor *m, int64_t now, int all,
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

/*
 * A file with several names is written through one of them, and an event names
 * but that. What has such an inode is always told to Git as changed; to people,
 * when the name that an event had is settled, and another is not as it is.
 */
int dv_event_link(struct dv_monitor *m, const struct dv_print *now,
		  struct dv_err *err)
{
	struct dv_print *v = dv_grow(m->links, &m->links_cap, m->nlinks + 1,
				     sizeof(*v));

	if (!v)
		return dv_err_nomem(err);
	m->links = v;
	m->links[m->nlinks++] = *now;
	return 0;
}

/* At once: Git may ask before it is settled. */
static int note_link(struct dv_monitor *m, struct dv_node *n,
		     const char *path, struct dv_err *err)
{
	struct dv_print now;

	dv_monitor_look(m, path, &now);
	if (!now.linked || n->linked)
		return 0;
	dv_tree_set_linked(&m->tree, n, 1);
	return dv_event_link(m, &now, err);
}

static int cmp_ino(const void *a, const void *b)
{
	const struct dv_print *x = a, *y = b;

	return (x->ino > y->ino) - (x->ino < y->ino);
}

int dv_event_links(struct dv_monitor *m, struct dv_err *err)
{
	struct dv_print *now;
	int rc = 0;

	if (!m->nlinks)
		return 0;
	qsort(m->links, m->nlinks, sizeof(*m->links), cmp_ino);
	for (struct dv_node *n = m->tree.root; n && !rc;
	     n = dv_tree_walk(m->tree.root, n)) {
		now = n->dir ? NULL : bsearch(&n->print, m->links, m->nlinks,
					      sizeof(*m->links), cmp_ino);
		if (!now)
			continue;
		dv_tree_set_linked(&m->tree, n, 1);
		if (dv_print_same(now, &n->print))
			continue;
		m->path.n = 0;
		rc = dv_tree_path(n, &m->path, err);
		if (!rc)
			rc = note(m, DV_NOTE_TOUCHED, dv_buf_str(&m->path),
				  &n->print, err);
	}
	m->nlinks = 0;
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
	if (!rc && m->journal && (e->mask & (IN_CREATE | IN_MOVED_TO)))
		rc = note_link(m, n, path, err);
	if (!rc)
		rc = note(m, what, path, &base, err);
	return rc;
}

/* Whether a folder is a repository changes what Git shows of it. */
static int on_git_dir(struct dv_monitor *m, struct dv_node *dir,
		      const struct inotify_event *e, struct dv_err *err)
{
	int rc;

	dir->nested = !(e->mask & (IN_DELETE | IN_MOVED_FROM));
	if (!m->journal || dv_tree_top(dir) != m->tree.root)
		return 0;
	m->path.n = 0;
	rc = dv_tree_path(dir, &m->path, err);
	if (!rc)
		dv_journal_note(m->journal, dv_buf_str(&m->path), 1);
	return rc;
}

int dv_event(struct dv_monitor *m, const struct inotify_event *e,
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
			dv_monitor_check_top(m);
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
	/* Of other folders the one above tells. */
	if (dir == m->tree.root && dir->blind && (e->mask & IN_ATTRIB) &&
	    !e->len)
		m->lost = 1;
	if (!e->len)
		return 0;
	if (!strcmp(e->name, ".git")) {
		return dir == m->tree.root ? 0 : on_git_dir(m, dir, e, err);
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

#endif
