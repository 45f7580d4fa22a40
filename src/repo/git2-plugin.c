#include <git2.h>
#include <stdlib.h>
#include <string.h>

#include "repo/git2.h"

struct dv_git2 {
	git_repository *repo;
	git_odb *odb;
};

extern const struct dv_git2_ops dv_git2_ops;

static void plugin_close(struct dv_git2 *g)
{
	git_odb_free(g->odb);
	git_repository_free(g->repo);
	free(g);
	git_libgit2_shutdown();
}

static struct dv_git2 *plugin_open(const char *git_dir)
{
	struct dv_git2 *g;

	if (git_libgit2_init() < 0)
		return NULL;
	g = calloc(1, sizeof(*g));
	if (!g) {
		git_libgit2_shutdown();
		return NULL;
	}
	if (git_repository_open_bare(&g->repo, git_dir) ||
	    git_repository_odb(&g->odb, g->repo)) {
		plugin_close(g);
		return NULL;
	}
	return g;
}

static long plugin_read_small(struct dv_git2 *g, const uint8_t id[20],
			      void *out, size_t cap)
{
	git_odb_object *obj;
	git_object_t type;
	git_oid oid;
	size_t size;

	memcpy(&oid, id, 20);
	if (git_odb_read_header(&size, &type, g->odb, &oid))
		return DV_GIT2_ABSENT;
	if (type != GIT_OBJECT_BLOB || size > cap)
		return DV_GIT2_OTHER;
	if (git_odb_read(&obj, g->odb, &oid))
		return DV_GIT2_ABSENT;
	memcpy(out, git_odb_object_data(obj), size);
	git_odb_object_free(obj);
	return (long)size;
}

const struct dv_git2_ops dv_git2_ops = {
	.open = plugin_open,
	.close = plugin_close,
	.read_small = plugin_read_small,
};
