/*
 * What is wrong with changes that are about to be committed or pushed: content
 * that would enter Git itself, and pointers that lead nowhere.
 */
#ifndef DV_REPO_FINDINGS_H
#define DV_REPO_FINDINGS_H

#include "repo/datafiles.h"
#include "repo/staged.h"

enum dv_finding_kind {
	DV_FOUND_DATA,		/* data that git-dv does not version */
	DV_FOUND_RAW,		/* tracked by git-dv, yet no pointer */
	DV_FOUND_DAMAGED,	/* begins like a pointer and is none */
	DV_FOUND_NOWHERE,	/* content neither here nor known on a store */
	DV_FOUND_UNCOVERED,	/* a pointer that no .gitattributes will fill */
	DV_FOUND_KINDS,
};

struct dv_finding {
	const struct dv_diff_entry *change;	/* borrowed */
	uint64_t size;			/* of the blob, or of the content */
	enum dv_finding_kind kind;
	enum dv_data_why why;		/* of DV_FOUND_DATA */
};

struct dv_findings {
	struct dv_finding *v;
	size_t n, cap;
	struct dv_data_rules rules;	/* loaded where something was found */
};

/*
 * Look at all changes. Settings, caches, attributes and the store are opened
 * only where a change needs them: *cache may be NULL, and is opened then.
 * Content of pointers is asked for where `content` is set, and whether the
 * .gitattributes of the index cover those that are staged.
 */
int dv_findings_look(struct dv_repo *r, struct dv_objects *o,
		     struct dv_cache **cache, const struct dv_changes *changes,
		     int content, struct dv_findings *out, struct dv_err *err)
	DV_MUST_USE;
void dv_findings_release(struct dv_findings *f);

#endif
