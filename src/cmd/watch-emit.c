/* Changes as lines of JSON: which are shown, what is known of them. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "cmd/watch-state.h"
#include "repo/attrs.h"
#include "repo/gitindex.h"

#define OUT_MAX ((size_t)4 << 20)
#define OUT_PART 4096	/* what a pipe that is ready takes without blocking */

int dv_watch_told(void *arg, const struct dv_change *change)
{
	struct dv_watch *w = arg;
	struct dv_told *t = dv_grow(w->told, &w->cap, w->ntold + 1,
				    sizeof(*t));

	if (!t)
		return DV_ENOMEM;
	w->told = t;
	t += w->ntold;
	memset(t, 0, sizeof(*t));
	t->c = *change;
	t->path = strdup(change->path);
	t->from = change->from ? strdup(change->from) : NULL;
	if (!t->path || (change->from && !t->from)) {
		free(t->path);
		free(t->from);
		return DV_ENOMEM;
	}
	w->ntold++;
	return 0;
}

/* --- which --- */

/* 1, 0, or -1: the attributes decide. */
static int is_seen(const struct dv_watch *w, const char *path)
{
	if (dv_watch_is_log(w, path) || dv_monitor_nested(w->m, path))
		return 0;
	if (dv_data_in_folder(&w->rules, path))
		return 1;
	for (size_t i = 0; i < w->under.n; i++) {
		const char *u = w->under.v[i];
		size_t n = strlen(u);

		if (!n || (!strncmp(path, u, n) && (!path[n] || path[n] == '/')))
			return 1;
	}
	return -1;
}

static int find_seen(struct dv_watch *w, struct dv_err *err)
{
	struct dv_strs ask = { 0 };
	uint8_t **where = calloc(2 * w->ntold, sizeof(*where)), *yes = NULL;
	int rc = where ? 0 : dv_err_nomem(err);

	for (size_t i = 0; i < w->ntold && !rc; i++) {
		struct dv_told *t = &w->told[i];

		for (int k = 0; k < 2 && !rc; k++) {
			const char *path = k ? t->from : t->path;
			uint8_t *at = k ? &t->seen_from : &t->seen;
			int seen = path ? is_seen(w, path) : 0;

			*at = seen == 1;
			if (seen >= 0)
				continue;
			where[ask.n] = at;
			rc = dv_strs_add(&ask, path, err);
		}
	}
	if (!rc && ask.n) {
		struct dv_err why = { 0 };

		yes = calloc(ask.n, 1);
		if (!yes) {
			rc = dv_err_nomem(err);
		} else if (dv_watch_top_gone()) {
			dv_log_debug("attributes are gone with the worktree");
		} else if (dv_attrs_check(&ask, yes, &why)) {
			/* Rather too many than none. */
			dv_log_warn("%s; all changed files are shown", why.msg);
			memset(yes, 1, ask.n);
		}
		for (size_t i = 0; i < ask.n && !rc; i++)
			*where[i] = yes[i];
	}
	free(yes);
	free(where);
	dv_strs_release(&ask);
	return rc;
}

/* A move across the border of what is shown is a coming or a going. */
static int settle_type(struct dv_told *t)
{
	if (t->c.type != DV_MOVED)
		return t->seen;
	if (t->seen && !t->seen_from) {
		t->c.type = t->c.base.exists ? DV_MODIFIED : DV_CREATED;
	} else if (!t->seen && t->seen_from) {
		t->c.type = DV_DELETED;
		memset(&t->c.now, 0, sizeof(t->c.now));
		free(t->path);
		t->path = t->from;
		t->from = NULL;
	}
	return t->seen || t->seen_from;
}

/* --- what is known of the content --- */

struct known {
	struct dv_cache *cache;
	struct dv_gitindex ix;
	int index_tried, have_index;
};

static void read_index(struct dv_watch *w, struct known *k,
		       const struct stat *file)
{
	char *path = dv_repo_index_path(&w->c.repo);
	struct stat st;

	/* An index that is older than the file does not know it. */
	if (path && !stat(path, &st) &&
	    (st.st_mtim.tv_sec > file->st_ctim.tv_sec ||
	     (st.st_mtim.tv_sec == file->st_ctim.tv_sec &&
	      st.st_mtim.tv_nsec >= file->st_ctim.tv_nsec))) {
		k->index_tried = 1;
		k->have_index = !dv_gitindex_read(&k->ix, path,
						  w->c.repo.algo, NULL);
	}
	free(path);
}

/* Asked for: read the file. */
static int compute(const char *path, struct dv_oid *oid)
{
	char *arg = dv_fmt("./%s", path);
	const char *argv[] = { "git", "dv", "pointer", arg, NULL };
	struct dv_buf out = { 0 };
	int code = 1, is = 0;

	if (arg && !dv_proc_capture(argv, NULL, DV_PROC_QUIET, 4096, &out,
				    &code, NULL) && !code)
		is = dv_pointer_parse(out.p, out.n, oid) == DV_PTR_OK;
	dv_buf_release(&out);
	free(arg);
	return is;
}

static int find_oid(struct dv_watch *w, struct known *k,
		    const struct dv_told *t, struct dv_oid *oid)
{
	struct dv_gitentry *entry;
	struct dv_stat_entry e;
	struct stat st;

	/* The file may be another one by now. */
	if (lstat(t->path, &st) || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size != t->c.now.size ||
	    (uint64_t)st.st_ino != t->c.now.ino)
		return 0;
	if (dv_cache_stat_get(k->cache, t->path, &e) &&
	    dv_stat_entry_fits(&e, &st) && e.oid.scheme) {
		*oid = e.oid;
		return 1;
	}
	/* A rename changes but the time of status. */
	if (t->from && dv_cache_stat_get(k->cache, t->from, &e) &&
	    e.oid.scheme && e.dev == (uint64_t)st.st_dev &&
	    e.ino == (uint64_t)st.st_ino && e.size == (uint64_t)st.st_size &&
	    e.mtime_s == st.st_mtim.tv_sec &&
	    e.mtime_ns == (uint32_t)st.st_mtim.tv_nsec &&
	    e.when_s - e.mtime_s >= 2) {
		*oid = e.oid;
		return 1;
	}
	if (!k->index_tried)
		read_index(w, k, &st);
	entry = k->have_index ? dv_gitindex_find(&k->ix, t->path) : NULL;
	if (entry && dv_gitentry_fits(&k->ix, entry, &st) &&
	    (uint64_t)st.st_mtim.tv_sec < (uint64_t)k->ix.st.st_mtim.tv_sec &&
	    dv_cache_blob_get(k->cache, entry->oid, k->ix.hash_size, oid) == 1)
		return 1;
	return w->oids && compute(t->path, oid);
}

/* --- lines --- */

static void timestamp(int64_t when_ms, char out[40])
{
	struct timespec now;
	struct tm tm;
	int64_t ms;
	time_t s;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 -
	     (dv_now_ms() - when_ms);
	s = (time_t)(ms / 1000);
	localtime_r(&s, &tm);
	n = strftime(out, 24, "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(out + n, 6, ".%03d", (int)(ms % 1000));
	n += strftime(out + n, 8, "%z", &tm);
	/* +hhmm to +hh:mm */
	memmove(out + n - 1, out + n - 2, 3);
	out[n - 2] = ':';
}

static char *line_of(struct dv_watch *w, struct known *k,
		     const struct dv_told *t)
{
	static const char *const names[] = { "created", "modified", "deleted",
					     "moved" };
	cJSON *o = cJSON_CreateObject();
	struct dv_oid oid = { 0 };
	char when[40], *text;

	timestamp(t->c.when_ms, when);
	cJSON_AddStringToObject(o, "timestamp", when);
	dv_json_path_as(o, "file_path", "path_hex", t->path);
	cJSON_AddStringToObject(o, "change_type", names[t->c.type]);
	if (t->c.type == DV_MOVED && t->from)
		dv_json_path_as(o, "from_path", "from_path_hex", t->from);
	if (t->c.type != DV_DELETED) {
		cJSON_AddNumberToObject(o, "size_bytes", (double)t->c.now.size);
		if (find_oid(w, k, t, &oid))
			cJSON_AddStringToObject(o, "oid", dv_oid_text(&oid).s);
		if (t->c.open)
			cJSON_AddTrueToObject(o, "open");
	}
	text = o ? cJSON_PrintUnformatted(o) : NULL;
	cJSON_Delete(o);
	return text;
}

static int put_line(struct dv_watch *w, const char *text, struct dv_err *err)
{
	struct dv_buf line = { 0 };
	int rc = dv_buf_addf(&line, err, "%s\n", text);

	if (!rc)
		dv_changelog_add(&w->log, (char *)line.p, line.n);
	if (!rc && !w->out_gone) {
		if (w->out.n + line.n > OUT_MAX)
			w->unsaid++;
		else
			rc = dv_buf_add(&w->out, line.p, line.n, err);
	}
	dv_buf_release(&line);
	return rc;
}

/* What is open still is left to the change that tells of its end. */
static int remember(struct dv_watch *w, const struct dv_told *t,
		    struct dv_err *err)
{
	int rc = 0;

	if ((!w->exec && !w->add && !w->version) || t->c.open)
		return 0;
	if (t->c.type == DV_DELETED)
		return dv_strs_add(&w->removed, t->path, err);
	if (t->from && t->c.type == DV_MOVED)
		rc = dv_strs_add(&w->removed, t->from, err);
	return rc ? rc : dv_strs_add(&w->changed, t->path, err);
}

int dv_watch_emit(struct dv_watch *w, struct dv_err *err)
{
	struct known k = { 0 };
	int rc = 0;

	if (!w->ntold)
		return 0;
	dv_watch_log_check(w);
	rc = find_seen(w, err);
	/* Opened for each batch: it is shared, and may be thrown away. */
	if (!w->gone && !rc)
		k.cache = dv_cache_open(w->c.repo.common_dir,
					w->c.repo.git_dir);
	k.index_tried = w->gone;
	for (size_t i = 0; i < w->ntold; i++) {
		struct dv_told *t = &w->told[i];
		char *text;

		if (!rc && settle_type(t)) {
			text = line_of(w, &k, t);
			rc = text ? put_line(w, text, err) : dv_err_nomem(err);
			cJSON_free(text);
			if (!rc)
				rc = remember(w, t, err);
			w->emitted++;
		}
		free(t->path);
		free(t->from);
	}
	w->ntold = 0;
	dv_gitindex_release(&k.ix);
	dv_cache_close(k.cache);
	dv_changelog_flush(&w->log, 0);
	dv_watch_flush(w, 0);
	return rc;
}

void dv_watch_flush(struct dv_watch *w, int wait)
{
	size_t at = 0;

	while (at < w->out.n && !w->out_gone) {
		struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };
		const struct timespec at_once = { 0 };
		ssize_t n;
		int r = ppoll(&p, 1, wait ? NULL : &at_once, &w->mask);

		if (r == 0 || (r < 0 && (errno != EINTR || dv_cancelled())))
			break;
		if (r < 0)
			continue;
		n = write(STDOUT_FILENO, w->out.p + at,
			  DV_MIN(w->out.n - at, (size_t)OUT_PART));
		if (n > 0)
			at += (size_t)n;
		else if (n < 0 && errno != EINTR && errno != EAGAIN)
			w->out_gone = errno;
	}
	if (at)
		memmove(w->out.p, w->out.p + at, w->out.n - at);
	w->out.n -= at;
	if (!w->out.n && w->unsaid) {
		dv_log_warn("%zu lines were not shown, as standard output was not read",
			    w->unsaid);
		w->unsaid = 0;
	}
}
