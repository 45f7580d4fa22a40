/*
 * git dv status. Git itself says what is staged and modified, in a process
 * that runs beside us; the index, the caches and the local store say the rest.
 * No remote is asked.
 */
#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/proc.h"
#include "cmd/cmd.h"
#include "filter/place.h"
#include "repo/attrs.h"
#include "repo/datafiles.h"
#include "repo/gitindex.h"
#include "repo/objects.h"

#define STATUS_MAX ((size_t)1 << 30)

enum section { STAGED, MODIFIED, UNVERSIONED, RAW, NOT_PUSHED, MISSING,
	       POINTERS, SECTIONS };

static const struct {
	const char *title, *hint, *json;
	char code;
} sections[SECTIONS] = {
	{ "Changes to be committed:", NULL, "staged", 'S' },
	{ "Changes not staged for commit:", "use \"git add <file>...\" to stage them", "modified", 'M' },
	{ "Data that git-dv does not version:", "use \"git dv track <pattern>\" to version it", "unversioned", 'U' },
	{ "Tracked files that Git holds as raw content:", "use \"git dv track --renormalize\" to stage them as pointers", "raw", 'R' },
	{ "Content not pushed to '%s':", "\"git push\" or \"git dv push\" sends it", "not_pushed", 'P' },
	{ "Content that is not here:", "use \"git dv fetch\" to bring it here", "missing", 'X' },
	{ "Files left as pointers:", "use \"git dv pull\" to put their content in place", "pointers", 'L' },
};

struct item {
	char *path;
	uint64_t size;
	char change;		/* A, M, D, ... or 0 */
	/* Before drop_tracked, of UNVERSIONED: */
	char data;		/* by the rules */
	const uint8_t *blob;	/* in the index; borrowed from it */
};

struct list {
	struct item *v;
	size_t n, cap;
};

struct status {
	struct dv_ctx c;
	struct dv_gitindex ix;
	uint8_t empty[32];	/* id of the empty blob */
	int damaged;		/* verify set records aside */
	struct list list[SECTIONS];
	const struct dv_remote_info *remote;
	struct dv_remotes remotes;
	struct dv_data_rules rules;
};

static int add(struct list *l, const char *path, uint64_t size, char change,
	       struct dv_err *err)
{
	struct item *v = dv_grow(l->v, &l->cap, l->n + 1, sizeof(*v));

	if (!v)
		return dv_err_nomem(err);
	l->v = v;
	v += l->n;
	memset(v, 0, sizeof(*v));
	v->path = strdup(path);
	v->size = size;
	v->change = change;
	if (!v->path)
		return dv_err_nomem(err);
	l->n++;
	return 0;
}

static int maybe_data(struct status *s, const char *path, uint64_t size,
		      const uint8_t *blob, struct dv_err *err)
{
	struct list *l = &s->list[UNVERSIONED];
	int rc = add(l, path, size, 0, err);

	if (!rc) {
		l->v[l->n - 1].data =
			dv_data_classify(&s->rules, path, size) != DV_DATA_NO;
		l->v[l->n - 1].blob = blob;
	}
	return rc;
}

/*
 * The list of a file stays when one of its chunks is set aside. Looking for all
 * chunks costs too much where nothing ever was.
 */
static int is_here(struct status *s, const struct dv_oid *oid)
{
	return dv_store_has_file(&s->c.store, oid) &&
	       (!s->damaged || dv_content_complete(&s->c.store, &s->c.coder,
						   oid, NULL) == 1);
}

/* Git has recorded the pointer's size for the file, and it still is one. */
static int is_left(const struct status *s, const struct dv_gitentry *e,
		   const struct dv_oid *oid)
{
	uint32_t size = dv_gitentry_size(&s->ix, e);
	struct stat st;

	if (size == (uint32_t)oid->size || e->skip_worktree ||
	    size > DV_POINTER_MAX + 8 || size < 90 || lstat(e->path, &st))
		return 0;
	return dv_gitentry_fits(&s->ix, e, &st) ||
	       dv_is_pointer_file(AT_FDCWD, e->path, oid, &st) == 1;
}

/* Of the blob with this id (hex); 0 where it is not here. */
static uint64_t blob_size(struct dv_objects *o, const char *hex)
{
	uint64_t size;
	char type[32];

	return dv_objects_info(o, hex, NULL, type, &size, NULL) ||
	       strcmp(type, "blob") ? 0 : size;
}

/* A blob that is no pointer: is it data, or raw content of what has filter=dv? */
static int scan_blob(struct status *s, struct dv_objects *o,
		     const struct dv_gitentry *e,
		     struct dv_attrs_guess *guess, struct dv_err *err)
{
	uint64_t size = dv_gitentry_size(&s->ix, e);
	int may = !dv_attrs_never(e->path) &&
		  dv_attrs_may(guess, &s->c.repo, e->path);
	char hex[65];

	/*
	 * The index has size 0 for what may have changed, and for what never was
	 * in the worktree.
	 */
	if (!size && (may || !e->skip_worktree) &&
	    memcmp(e->oid, s->empty, s->ix.hash_size)) {
		dv_hex_encode(hex, e->oid, s->ix.hash_size);
		hex[2 * s->ix.hash_size] = '\0';
		size = blob_size(o, hex);
	}
	if (!may && !dv_data_classify(&s->rules, e->path, size))
		return 0;
	return maybe_data(s, e->path, size, e->oid, err);
}

/* What the index and the store say. */
static int scan_index(struct status *s, struct dv_err *err)
{
	char *path = dv_repo_index_path(&s->c.repo);
	const char *uuid = s->remote ? s->remote->uuid : NULL;
	struct dv_attrs_guess guess = { 0 };
	struct dv_objects *o = NULL;
	int rc;

	if (!path)
		return dv_err_nomem(err);
	rc = dv_gitindex_read(&s->ix, path, s->c.repo.algo, err);
	free(path);
	if (rc)
		return rc == DV_ENOTFOUND ? 0 : rc;
	if (dv_git_hash(s->c.repo.algo, "blob 0", 7, "", 0, s->empty))
		return dv_err_nomem(err);
	rc = dv_objects_open(&o, &s->c.repo, 0, err);
	for (size_t i = 0; !rc && i < s->ix.n; i++) {
		const struct dv_gitentry *e = &s->ix.v[i];
		struct dv_oid oid;
		int is;

		if (e->stage || (e->mode & 0170000) != 0100000 ||
		    e->intent_to_add)
			continue;
		is = dv_cache_blob_get(s->c.cache, e->oid, s->ix.hash_size,
				       &oid);
		if (is < 0) {
			is = dv_objects_pointer(o, s->c.cache, e->oid, &oid,
						err);
			if (is == DV_ENOTFOUND)
				continue;
			if (is < 0) {
				rc = is;
				break;
			}
		}
		if (!is) {
			rc = scan_blob(s, o, e, &guess, err);
			continue;
		}
		if (!is_here(s, &oid))
			rc = add(&s->list[MISSING], e->path, oid.size, 0, err);
		else if (uuid && !dv_cache_pushed_get(s->c.cache, uuid, &oid))
			rc = add(&s->list[NOT_PUSHED], e->path, oid.size, 0,
				 err);
		if (!rc && is_left(s, e, &oid))
			rc = add(&s->list[POINTERS], e->path, oid.size, 0,
				 err);
	}
	dv_attrs_guess_release(&guess);
	dv_objects_close(o);
	return rc;
}

/* Is the blob with this id (hex) a pointer? */
static int is_pointer(struct status *s, struct dv_objects *o, const char *hex,
		      struct dv_oid *oid)
{
	uint8_t id[32];

	if (dv_hex_decode(id, hex, dv_repo_oid_size(&s->c.repo)))
		return 0;
	return dv_objects_pointer(o, s->c.cache, id, oid, NULL) == 1;
}

static uint64_t file_size(struct status *s, const char *path)
{
	char *full = dv_fmt("%s/%s", s->c.repo.top, path);
	struct stat st;
	uint64_t size = 0;

	if (full && !lstat(full, &st) && S_ISREG(st.st_mode))
		size = (uint64_t)st.st_size;
	free(full);
	return size;
}

/* 'git add' would refuse it. */
static void warn_spoilt(struct status *s, const char *path)
{
	if (dv_file_is_spoilt(AT_FDCWD, path))
		dv_log_warn("%s is a pointer that was written to, or merged as text; 'git checkout -- FILE' or, in a merge, 'git checkout --ours FILE' puts it right",
			    dv_ctx_named(&s->c, path));
}

/* "1 XY sub mH mI mW hH hI path" of porcelain version 2. */
static int changed(struct status *s, struct dv_objects *o, char *rec,
		   int rename, struct dv_err *err)
{
	char *f[10], *p = rec + 2;
	int fields = rename ? 9 : 8, n = 0, rc = 0, head, index;
	struct dv_oid old = { 0 }, now = { 0 };

	for (; n < fields - 1; n++) {
		f[n] = p;
		p = strchr(p, ' ');
		if (!p)
			return 0;
		*p++ = '\0';
	}
	f[n] = p;	/* the path: XY sub mH mI mW hH hI [score] path */
	head = is_pointer(s, o, f[5], &old);
	index = is_pointer(s, o, f[6], &now);
	if (!head && !index)
		return 0;
	if (f[0][0] != '.')
		rc = add(&s->list[STAGED], p,
			 index || f[0][0] == 'D' ? now.size : blob_size(o, f[6]),
			 f[0][0], err);
	if (f[0][1] == 'M')
		warn_spoilt(s, p);
	if (!rc && f[0][1] != '.')
		rc = add(&s->list[MODIFIED], p,
			 f[0][1] == 'D' ? 0 : file_size(s, p), f[0][1], err);
	return rc;
}

static int parse_git(struct status *s, struct dv_buf *out,
		     struct dv_strs *untracked, struct dv_err *err)
{
	char *p = (char *)out->p, *end = p + out->n;
	struct dv_objects *o;
	int rc = dv_objects_open(&o, &s->c.repo, 0, err);

	for (; !rc && p < end;) {
		char *rec = p;

		p += strlen(p) + 1;
		if (rec[0] == '1') {
			rc = changed(s, o, rec, 0, err);
		} else if (rec[0] == '2') {
			if (p < end)
				p += strlen(p) + 1;	/* where it was */
			rc = changed(s, o, rec, 1, err);
		} else if (rec[0] == 'u') {
			/* XY sub m1 m2 m3 mW h1 h2 h3 path */
			char *path = rec + 2;

			for (int i = 0; i < 9 && path; i++)
				path = strchr(path, ' ') ?
				       strchr(path, ' ') + 1 : NULL;
			if (path)
				warn_spoilt(s, path);
			if (path)
				rc = add(&s->list[MODIFIED], path,
					 file_size(s, path), 'U', err);
		} else if (rec[0] == '?') {
			rc = dv_strs_add(untracked, rec + 2, err);
		}
	}
	dv_objects_close(o);
	return rc;
}

/*
 * Untracked data. What already has filter=dv only waits for git add; of the
 * rest the pre-commit hook would say the same.
 */
static int scan_untracked(struct status *s, const struct dv_strs *untracked,
			  struct dv_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < untracked->n; i++) {
		uint64_t size = file_size(s, untracked->v[i]);

		if (dv_data_classify(&s->rules, untracked->v[i], size))
			rc = maybe_data(s, untracked->v[i], size, NULL, err);
	}
	return rc;
}

/* An empty file is an empty blob, and another tool's pointer stays one. */
static int is_raw(struct dv_objects *o, const struct item *it)
{
	struct dv_buf text = { 0 };
	struct dv_oid oid;
	int yes;

	if (!it->size || it->size > DV_FOREIGN_MAX)
		return it->size != 0;
	yes = !dv_objects_read_small(o, it->blob, &text, NULL) &&
	      dv_pointer_parse(text.p, text.n, &oid) == DV_PTR_NONE;
	dv_buf_release(&text);
	return yes;
}

/* Of what may be data: what has filter=dv and is none in the index is raw. */
static int drop_tracked(struct status *s, struct dv_err *err)
{
	struct list *l = &s->list[UNVERSIONED];
	struct dv_objects *o = NULL;
	struct dv_strs paths = { 0 };
	uint8_t *dv = calloc(l->n + 1, 1);
	size_t k = 0;
	int rc = dv ? 0 : dv_err_nomem(err);

	if (!l->n) {
		free(dv);
		return rc;
	}
	for (size_t i = 0; !rc && i < l->n; i++)
		rc = dv_strs_add(&paths, l->v[i].path, err);
	if (!rc)
		rc = dv_attrs_check(&paths, dv, err);
	if (!rc)
		rc = dv_objects_open(&o, &s->c.repo, 0, err);
	for (size_t i = 0; !rc && i < l->n; i++) {
		struct item *it = &l->v[i];

		if (!dv[i] && it->data) {
			l->v[k++] = *it;
			continue;
		}
		if (dv[i] && it->blob && is_raw(o, it))
			rc = add(&s->list[RAW], it->path, it->size, 0, err);
		free(it->path);
		it->path = NULL;
	}
	if (!rc)
		l->n = k;
	free(dv);
	dv_objects_close(o);
	dv_strs_release(&paths);
	return rc;
}

/* Did verify set damaged content aside here? */
static int has_quarantine(const struct status *s)
{
	char *dir = dv_fmt("%s/quarantine", s->c.store.path);
	struct dv_strs names = { 0 };
	int yes = !dir || (!dv_dir_list(dir, &names, NULL) && names.n);

	dv_strs_release(&names);
	free(dir);
	return yes;
}

static int gather(struct status *s, struct dv_err *err)
{
	static const char *const argv[] = { "git", "--no-optional-locks",
		"status", "--porcelain=v2", "-z", "--untracked-files=all",
		"--ignore-submodules=all", NULL };
	struct dv_strs untracked = { 0 };
	struct dv_buf out = { 0 };
	struct dv_proc git;
	int rc, code;

	rc = dv_proc_start(&git, argv, NULL, DV_PROC_OUT, err);
	if (rc)
		return rc;
	rc = scan_index(s, err);
	while (!rc) {
		ssize_t n;

		rc = dv_buf_reserve(&out, 1u << 16, err);
		if (rc)
			break;
		n = dv_read_full(git.out, out.p + out.n, 1u << 16);
		if (n < 0)
			rc = dv_err_errno(err, "cannot read from git");
		if (n <= 0)
			break;
		out.n += (size_t)n;
		if (out.n > STATUS_MAX)
			rc = dv_err_set(err, DV_EINVAL,
					"git status says too much");
	}
	code = dv_proc_wait(&git);
	if (!rc && code)
		rc = dv_err_set(err, DV_EIO, "git status failed");
	if (!rc)
		rc = parse_git(s, &out, &untracked, err);
	if (!rc)
		rc = scan_untracked(s, &untracked, err);
	if (!rc)
		rc = drop_tracked(s, err);
	dv_strs_release(&untracked);
	dv_buf_release(&out);
	return rc;
}

static const char *change_name(char change)
{
	switch (change) {
	case 'A': return "new file";
	case 'D': return "deleted";
	case 'R': return "renamed";
	case 'C': return "copied";
	case 'T': return "type changed";
	case 'U': return "both changed";
	}
	return "modified";
}

/* As git status: from where the person stands, so that hints can be typed. */
static const char *from_here(struct status *s, const char *path,
			     struct dv_buf *out)
{
	const char *here = s->c.repo.prefix;
	size_t same = 0;
	int rc = 0;

	for (size_t i = 0; path[i] && path[i] == here[i]; i++)
		if (path[i] == '/')
			same = i + 1;
	out->n = 0;
	for (const char *p = here + same; !rc && (p = strchr(p, '/')); p++)
		rc = dv_buf_addstr(out, "../", NULL);
	if (!rc)
		rc = dv_buf_addstr(out, path + same, NULL);
	return dv_ctx_path(&s->c, rc ? path : dv_buf_str(out));
}

static void print_human(struct status *s)
{
	int relative = dv_config_bool(&s->c.repo, "status.relativepaths", 1);
	const char *red = "", *end = "";
	struct dv_buf room = { 0 };
	int any = 0;

	if (isatty(STDOUT_FILENO) && !getenv("NO_COLOR")) {
		red = "\033[31m";
		end = "\033[m";
	}
	if (s->remote)
		printf("Store: %s (%s)\n", s->remote->name,
		       dv_ctx_path(&s->c, s->remote->url));
	else
		printf("Store: none; 'git dv remote add NAME URL' adds one\n");
	for (int k = 0; k < SECTIONS; k++) {
		const struct list *l = &s->list[k];

		if (!l->n)
			continue;
		any = 1;
		putchar('\n');
		if (k == NOT_PUSHED)
			printf("Content not pushed to '%s':\n",
			       s->remote->name);
		else
			puts(sections[k].title);
		if (sections[k].hint)
			printf("  (%s)\n", sections[k].hint);
		for (size_t i = 0; i < l->n; i++) {
			printf("\t%s", k == STAGED ? "" : red);
			if (l->v[i].change)
				printf("%-14s", change_name(l->v[i].change));
			printf("%s%s", relative ?
			       from_here(s, l->v[i].path, &room) :
			       dv_ctx_path(&s->c, l->v[i].path),
			       k == STAGED ? "" : end);
			if (l->v[i].change != 'D')
				printf(" (%s)", dv_human(l->v[i].size).s);
			putchar('\n');
		}
	}
	dv_buf_release(&room);
	if (!any)
		printf("\nnothing to do: all data is versioned%s\n",
		       s->remote ? ", here, and pushed" : " and here");
}

static void print_porcelain(struct status *s, int zero)
{
	for (int k = 0; k < SECTIONS; k++)
		for (size_t i = 0; i < s->list[k].n; i++) {
			const struct item *it = &s->list[k].v[i];

			printf("%c%c %s%c", sections[k].code,
			       it->change ? it->change : '.',
			       zero ? it->path : dv_ctx_path(&s->c, it->path),
			       zero ? '\0' : '\n');
		}
}

static int print_json(const struct status *s)
{
	cJSON *root = dv_json_root(), *store;
	struct dv_err err = { 0 };

	store = cJSON_AddObjectToObject(root, "store");
	if (s->remote && store) {
		cJSON_AddStringToObject(store, "name", s->remote->name);
		cJSON_AddStringToObject(store, "url", s->remote->url);
	}
	for (int k = 0; k < SECTIONS; k++) {
		cJSON *a = cJSON_AddArrayToObject(root, sections[k].json);

		for (size_t i = 0; a && i < s->list[k].n; i++) {
			const struct item *it = &s->list[k].v[i];
			cJSON *o = cJSON_CreateObject();
			char change[2] = { it->change, 0 };

			dv_json_path(o, it->path);
			cJSON_AddNumberToObject(o, "size", (double)it->size);
			if (it->change)
				cJSON_AddStringToObject(o, "change", change);
			cJSON_AddItemToArray(a, o);
		}
	}
	return dv_json_show(root, &err) ? dv_fail(&err) : 0;
}

int dv_cmd_status(int argc, char **argv)
{
	static const struct dv_opt_cmd cmd = { "git dv status",
		"git-dv-status", "[--porcelain[=v1] [-z] | --json]" };
	const char *porcelain = NULL;
	int zero = 0, json = 0, n, rc;
	const struct dv_opt opts[] = {
		{ DV_OPT_OPTSTR, 0, "porcelain", &porcelain, "version", "lines for scripts", 0 },
		{ DV_OPT_FLAG, 'z', NULL, &zero, NULL, "end lines by NUL; implies --porcelain", 0 },
		{ DV_OPT_FLAG, 0, "json", &json, NULL, "as JSON", 0 },
		{ 0 },
	};
	struct dv_err err = { 0 };
	struct status s = { 0 };

	n = dv_opt_parse(&cmd, opts, argc, argv, NULL);
	if (n < 0)
		return dv_opt_exit(n);
	if (n || (porcelain && *porcelain && strcmp(porcelain, "v1"))) {
		if (!n)
			dv_log_error("the only porcelain version is v1, not '%s'",
				     porcelain);
		dv_opt_usage(&cmd, opts, 1);
		return 129;
	}
	rc = dv_ctx_worktree(&s.c);
	if (!rc)
		rc = dv_ctx_at_top(&s.c);	/* paths are from there */
	if (!rc)
		rc = dv_ctx_store(&s.c, 1);
	if (rc)
		goto out;
	dv_have_filter(&s.c.repo, NULL);
	rc = dv_data_rules_load(&s.rules, &s.c.repo, &err);
	if (!rc)
		rc = dv_remotes_load(&s.c.repo, &s.remotes, &err);
	if (!rc) {
		s.remote = dv_remotes_find(&s.remotes, NULL);
		s.damaged = has_quarantine(&s);
		rc = gather(&s, &err);
	}
	if (rc)
		rc = dv_fail(&err);
	else if (json)
		rc = print_json(&s);
	else if (porcelain || zero)
		print_porcelain(&s, zero);
	else
		print_human(&s);
	dv_remotes_release(&s.remotes);
	dv_data_rules_release(&s.rules);
out:
	for (int k = 0; k < SECTIONS; k++) {
		for (size_t i = 0; i < s.list[k].n; i++)
			free(s.list[k].v[i].path);
		free(s.list[k].v);
	}
	dv_gitindex_release(&s.ix);
	dv_ctx_close(&s.c);
	return rc;
}
