#include "store/packset.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"

#define FDS_MAX 128

static int cmp_name(const void *a, const void *b)
{
	return strcmp((*(struct dv_pack *const *)a)->name,
		      (*(struct dv_pack *const *)b)->name);
}

static struct dv_pack *find_name(struct dv_packset *s, size_t n,
				 const char *name)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = strcmp(s->v[mid]->name, name);

		if (!c)
			return s->v[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

char *dv_pack_path(const struct dv_packset *s, const struct dv_pack *p)
{
	return dv_fmt("%s/%s", s->dir, p->name);
}

/* Under fd_mu: make room by closing what nobody uses. */
static void close_idle(struct dv_packset *s)
{
	struct dv_pack **at = &s->opened, *p;

	while ((p = *at) && s->open_fds >= FDS_MAX) {
		if (p->users) {
			at = &p->next_open;
			continue;
		}
		*at = p->next_open;
		close(p->fd);
		p->fd = -1;
		s->open_fds--;
	}
}

int dv_packset_fd(struct dv_packset *s, struct dv_pack *p, int *fd,
		  struct dv_err *err)
{
	struct stat st;
	int rc = 0;

	pthread_mutex_lock(&s->fd_mu);
	if (p->fd < 0) {
		char *path = dv_pack_path(s, p);

		if (s->open_fds >= FDS_MAX)
			close_idle(s);
		if (!path) {
			rc = dv_err_nomem(err);
		} else {
			/* A FIFO would wait for a writer. */
			p->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
						   O_NONBLOCK);
			if (p->fd < 0) {
				if (errno == ENOENT)
					__atomic_store_n(&p->gone, 1,
							 __ATOMIC_RELAXED);
				rc = dv_err_errno(err, "cannot open pack '%s'",
						  path);
			} else if (fstat(p->fd, &st) || !S_ISREG(st.st_mode)) {
				rc = dv_err_set(err, DV_ECORRUPT,
						"'%s' is not a regular file",
						path);
				close(p->fd);
				p->fd = -1;
			} else {
				p->size = (uint64_t)st.st_size;
				p->next_open = s->opened;
				s->opened = p;
				s->open_fds++;
			}
			free(path);
		}
	}
	if (!rc) {
		p->users++;
		*fd = p->fd;
	}
	pthread_mutex_unlock(&s->fd_mu);
	return rc;
}

void dv_packset_fd_done(struct dv_packset *s, struct dv_pack *p)
{
	pthread_mutex_lock(&s->fd_mu);
	p->users--;
	pthread_mutex_unlock(&s->fd_mu);
}

void dv_packset_leave(struct dv_packset *s, struct dv_pack *p, int leaving)
{
	pthread_rwlock_wrlock(&s->mu);
	p->leaving = leaving;
	__atomic_store_n(&p->gone, leaving, __ATOMIC_RELAXED);
	pthread_rwlock_unlock(&s->mu);
}

void dv_packset_touch(struct dv_packset *s, struct dv_pack *p)
{
	char *path;

	if (__atomic_exchange_n(&p->touched, 1, __ATOMIC_RELAXED))
		return;
	path = dv_pack_path(s, p);
	if (path)
		utimensat(AT_FDCWD, path, NULL, 0);
	free(path);
}

int dv_pack_read_table(const struct dv_packset *cs, struct dv_pack *p,
		       uint8_t **table, uint32_t *count, struct dv_err *err)
{
	struct dv_packset *s = (struct dv_packset *)cs;
	uint8_t head[DV_PACK_HEAD], foot[DV_PACK_FOOT], *t = NULL;
	struct dv_sha256 *sha = NULL;
	uint64_t off;
	size_t len;
	int fd, rc;

	rc = dv_packset_fd(s, p, &fd, err);
	if (rc)
		return rc;
	if (p->size < DV_PACK_HEAD + DV_PACK_FOOT ||
	    dv_pread_full(fd, head, sizeof(head), 0) != sizeof(head) ||
	    dv_pread_full(fd, foot, sizeof(foot), p->size - DV_PACK_FOOT) !=
		    sizeof(foot)) {
		rc = dv_err_set(err, DV_ECORRUPT, "it is cut off");
		goto out;
	}
	rc = dv_pack_head_check(head, err);
	if (!rc)
		rc = dv_pack_foot_parse(foot, p->size, &off, count, err);
	if (rc)
		goto out;
	len = (size_t)*count * DV_PACK_ROW;
	t = malloc(len ? len : 1);
	sha = dv_sha256_open();
	if (!t || !sha)
		rc = dv_err_nomem(err);
	else if (dv_pread_full(fd, t, len, off) != (ssize_t)len)
		rc = dv_err_set(err, DV_ECORRUPT, "its table cannot be read");
	else
		rc = dv_pack_table_check(sha, head, t, *count, off, foot, err);
	if (!rc)
		p->table_off = off;
out:
	dv_sha256_close(sha);
	dv_packset_fd_done(s, p);
	if (rc) {
		free(t);
		dv_err_prefix(err, "pack '%s/%s'", s->dir, p->name);
		return rc;
	}
	*table = t;
	return 0;
}

static void pack_free(struct dv_pack *p)
{
	if (p->fd >= 0)
		close(p->fd);
	free(p->table);
	free(p);
}

static void index_release(struct dv_index_file *f)
{
	if (f->map)
		munmap(f->map, f->size);
	free(f->packs);
	memset(f, 0, sizeof(*f));
}

static int append_pack(struct dv_packset *s, const char *name,
		       struct dv_err *err)
{
	struct dv_pack **v, *p;

	v = dv_grow(s->v, &s->cap, s->n + 1, sizeof(*v));
	if (!v)
		return dv_err_nomem(err);
	s->v = v;
	p = calloc(1, sizeof(*p));
	if (!p)
		return dv_err_nomem(err);
	memcpy(p->name, name, 33);
	dv_hex_decode(p->raw_name, name, 16);
	p->fd = -1;
	s->v[s->n++] = p;
	return 0;
}

static int scan_packs(struct dv_packset *s, struct dv_err *err)
{
	struct dv_strs names = { 0 };
	size_t known = s->n;
	int rc;

	rc = dv_dir_list(s->dir, &names, err);
	dv_strs_sort(&names);
	for (size_t i = 0; !rc && i < names.n; i++) {
		const char *name = names.v[i];

		if (strlen(name) == 32 && dv_hex_valid(name, 32) &&
		    !find_name(s, known, name))
			rc = append_pack(s, name, err);
	}
	for (size_t i = 0, j = 0; !rc && i < known; i++) {
		while (j < names.n && strcmp(names.v[j], s->v[i]->name) < 0)
			j++;
		__atomic_store_n(&s->v[i]->gone, s->v[i]->leaving ||
				 j == names.n || strcmp(names.v[j], s->v[i]->name) != 0,
				 __ATOMIC_RELAXED);
	}
	if (s->n > known)
		qsort(s->v, s->n, sizeof(*s->v), cmp_name);
	dv_strs_release(&names);
	return rc;
}

/* An index that cannot be used is passed over: the packs' tables serve. */
static int map_index(struct dv_packset *s, const char *name,
		     struct dv_index_file *f)
{
	char *path = dv_fmt("%s/%s", s->index_dir, name);
	struct dv_err why = { 0 };
	struct stat st;
	int fd, rc = -1;

	memset(f, 0, sizeof(*f));
	if (!path)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) || !st.st_size)
		goto out;
	f->size = (uint64_t)st.st_size;
	f->map = mmap(NULL, f->size, PROT_READ, MAP_SHARED, fd, 0);
	if (f->map == MAP_FAILED) {
		f->map = NULL;
		goto out;
	}
	if (dv_index_view(f->map, f->size, &f->view, &why)) {
		dv_log_warn("index '%s' is not used: %s; 'git dv verify' removes it",
			    path, why.msg);
		goto out;
	}
	f->packs = calloc(f->view.npacks ? f->view.npacks : 1,
			  sizeof(*f->packs));
	if (!f->packs)
		goto out;
	memcpy(f->name, name, 33);
	rc = 0;
out:
	if (fd >= 0)
		close(fd);
	free(path);
	if (rc)
		index_release(f);
	return rc;
}

static int scan_indexes(struct dv_packset *s, struct dv_err *err)
{
	struct dv_strs names = { 0 };
	int rc = s->no_index ? 0 : dv_dir_list(s->index_dir, &names, err);

	if (rc == DV_ENOTFOUND)
		rc = 0;
	for (size_t i = 0; i < s->nidx; i++)
		index_release(&s->idx[i]);
	s->nidx = 0;
	for (size_t i = 0; i < s->n; i++)
		s->v[i]->indexed = 0;
	for (size_t i = 0; !rc && i < names.n; i++) {
		struct dv_index_file *idx;

		if (strlen(names.v[i]) != 32 || !dv_hex_valid(names.v[i], 32))
			continue;
		idx = dv_grow(s->idx, &s->idx_cap, s->nidx + 1, sizeof(*idx));
		if (!idx) {
			rc = dv_err_nomem(err);
			break;
		}
		s->idx = idx;
		idx += s->nidx;
		if (map_index(s, names.v[i], idx))
			continue;
		s->nidx++;
		for (uint32_t k = 0; k < idx->view.npacks; k++) {
			char name[33];
			struct dv_pack *p;

			dv_hex_encode(name, idx->view.names + 16 * (size_t)k,
				      16);
			p = find_name(s, s->n, name);
			if (p && !p->gone) {
				idx->packs[k] = p;
				p->indexed = 1;
			}
		}
	}
	dv_strs_release(&names);
	return rc;
}

/* A pack without index whose table cannot be read is reported and left out. */
static int load_tables(struct dv_packset *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct dv_pack *p = s->v[i];
		struct dv_err why = { 0 };

		if (p->indexed || p->gone || p->table || p->broken)
			continue;
		if (dv_pack_read_table(s, p, &p->table, &p->count, &why) &&
		    !p->gone) {
			dv_log_warn("%s; run 'git dv verify'", why.msg);
			p->broken = 1;
		}
	}
	return 0;
}

int dv_packset_rescan(struct dv_packset *s, struct dv_err *err)
{
	int rc;

	pthread_rwlock_wrlock(&s->mu);
	rc = scan_packs(s, err);
	if (!rc)
		rc = scan_indexes(s, err);
	if (!rc)
		rc = load_tables(s);
	pthread_rwlock_unlock(&s->mu);
	return rc;
}

int dv_packset_add(struct dv_packset *s, const char *name,
		   struct dv_err *err)
{
	struct dv_pack *p;
	int rc;

	pthread_rwlock_wrlock(&s->mu);
	rc = append_pack(s, name, err);
	if (!rc) {
		p = s->v[s->n - 1];
		rc = dv_pack_read_table(s, p, &p->table, &p->count, err);
		p->gone = rc != 0;
		p->touched = 1;
		qsort(s->v, s->n, sizeof(*s->v), cmp_name);
	}
	pthread_rwlock_unlock(&s->mu);
	return rc;
}

int dv_packset_open(struct dv_packset *s, const char *store_path,
		    struct dv_err *err)
{
	pthread_rwlockattr_t attr;
	int rc;

	memset(s, 0, sizeof(*s));
	/* Readers that follow each other closely must not keep a rescan out. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr,
		PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&s->mu, &attr);
	pthread_rwlockattr_destroy(&attr);
	pthread_mutex_init(&s->fd_mu, NULL);
	s->dir = dv_fmt("%s/packs", store_path);
	s->index_dir = dv_fmt("%s/index", store_path);
	rc = s->dir && s->index_dir ? dv_packset_rescan(s, err) :
				      dv_err_nomem(err);
	if (rc)
		dv_packset_close(s);
	return rc;
}

void dv_packset_close(struct dv_packset *s)
{
	if (!s->dir && !s->index_dir)
		return;
	for (size_t i = 0; i < s->nidx; i++)
		index_release(&s->idx[i]);
	for (size_t i = 0; i < s->n; i++)
		pack_free(s->v[i]);
	free(s->idx);
	free(s->v);
	free(s->dir);
	free(s->index_dir);
	pthread_rwlock_destroy(&s->mu);
	pthread_mutex_destroy(&s->fd_mu);
	memset(s, 0, sizeof(*s));
}

static int find_in_index(struct dv_index_file *f, enum dv_kind kind,
			 const struct dv_id *id, unsigned int *skip,
			 struct dv_loc *loc)
{
	int64_t i = dv_index_find(&f->view, id);
	uint32_t pack;

	for (; i >= 0 && i < f->view.nrows; i++) {
		if (dv_index_row(&f->view, (uint64_t)i, &loc->row, &pack) ||
		    !dv_id_eq(&loc->row.id, id))
			return 0;
		loc->pack = f->packs[pack];
		if (loc->row.kind != kind || !loc->pack ||
		    dv_pack_gone(loc->pack))
			continue;
		if (!*skip)
			return 1;
		--*skip;
	}
	return 0;
}

static int find_in_table(struct dv_pack *p, enum dv_kind kind,
			 const struct dv_id *id, unsigned int *skip,
			 struct dv_loc *loc)
{
	int64_t i = dv_rows_find(p->table, 0, p->count, id);

	for (; i >= 0 && i < p->count; i++) {
		dv_row_parse(p->table + (size_t)i * DV_PACK_ROW, &loc->row);
		if (!dv_id_eq(&loc->row.id, id))
			return 0;
		if (loc->row.kind != kind)
			continue;
		loc->pack = p;
		if (!*skip)
			return 1;
		--*skip;
	}
	return 0;
}

int dv_packset_find_nth(struct dv_packset *s, enum dv_kind kind,
			const struct dv_id *id, unsigned int skip,
			struct dv_loc *loc)
{
	int found = 0;

	pthread_rwlock_rdlock(&s->mu);
	for (size_t i = 0; !found && i < s->nidx; i++)
		found = find_in_index(&s->idx[i], kind, id, &skip, loc);
	for (size_t i = 0; !found && i < s->n; i++) {
		struct dv_pack *p = s->v[i];

		if (!p->indexed && !dv_pack_gone(p) && p->table)
			found = find_in_table(p, kind, id, &skip, loc);
	}
	pthread_rwlock_unlock(&s->mu);
	return found;
}

int dv_packset_find(struct dv_packset *s, enum dv_kind kind,
		    const struct dv_id *id, struct dv_loc *loc)
{
	return dv_packset_find_nth(s, kind, id, 0, loc);
}

int dv_packset_own_row(struct dv_packset *s, enum dv_kind kind,
		       const struct dv_id *id, struct dv_loc *loc)
{
	struct dv_row row;
	uint8_t *table;
	uint32_t n;
	int found = 0;

	if (!loc->pack->indexed ||
	    dv_pack_read_table(s, loc->pack, &table, &n, NULL))
		return 0;
	for (int64_t i = dv_rows_find(table, 0, n, id);
	     !found && i >= 0 && i < n; i++) {
		dv_row_parse(table + (size_t)i * DV_PACK_ROW, &row);
		if (!dv_id_eq(&row.id, id))
			break;
		found = row.kind == kind;
	}
	free(table);
	if (found)
		found = row.off != loc->row.off || row.enc != loc->row.enc ||
			row.raw != loc->row.raw ||
			row.codec != loc->row.codec ||
			row.transform != loc->row.transform;
	if (found)
		loc->row = row;
	return found;
}
