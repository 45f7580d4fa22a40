#include "cmd/cmd.h"

#define SETUP "set-up"
#define DAILY "every day"
#define NAMED "named versions"
#define CARE "care"
#define PLUMBING "plumbing"

const struct dv_cmd dv_cmds[] = {
	{ "init", SETUP, "set up git-dv in this repository", dv_cmd_init },
	{ "install", SETUP, "make git use git-dv's filters, for every repository", dv_cmd_install },
	{ "uninstall", SETUP, "undo install or init", dv_cmd_uninstall },
	{ "track", SETUP, "version files by pattern or size", dv_cmd_track },
	{ "untrack", SETUP, "stop versioning a pattern", dv_cmd_untrack },
	{ "remote", SETUP, "add, list and remove stores for content", dv_cmd_remote },
	{ "env", SETUP, "show what git-dv uses here", dv_cmd_env },
	{ "status", DAILY, "show what is changed, unversioned, not pushed, missing", dv_cmd_status },
	{ "ls-files", DAILY, "list versioned files", dv_cmd_ls_files },
	{ "add", DAILY, "stage large files, faster than through git's pipe", dv_cmd_add },
	{ "checkout", DAILY, "put content in place of pointers", dv_cmd_checkout_main },
	{ "fetch", DAILY, "bring content into the local store", dv_cmd_fetch_main },
	{ "pull", DAILY, "fetch, then checkout", dv_cmd_pull },
	{ "push", DAILY, "send content to a store", dv_cmd_push_main },
	{ "cat", DAILY, "write a file's content to standard output", dv_cmd_cat },
	{ "watch", DAILY, "tell of changes to data while they happen", dv_cmd_watch },
	{ "version", NAMED, "record a file's content under a name", dv_cmd_version },
	{ "list", NAMED, "list the names, or the versions of one", dv_cmd_list },
	{ "info", NAMED, "show what a version is", dv_cmd_info },
	{ "get", NAMED, "write a version's content to a file", dv_cmd_get },
	{ "diff", NAMED, "compare two versions", dv_cmd_diff },
	{ "alias", NAMED, "point an alias, such as prod, at a version", dv_cmd_alias },
	{ "rename", NAMED, "give a name's versions another name", dv_cmd_rename },
	{ "remove", NAMED, "remove a name, or one version", dv_cmd_remove },
	{ "registry", NAMED, "import and check registries", dv_cmd_registry },
	{ "du", CARE, "show what files and their versions take in the store", dv_cmd_du },
	{ "verify", CARE, "read everything in the store again", dv_cmd_verify },
	{ "gc", CARE, "remove from the local store what nothing needs", dv_cmd_gc },
	{ "prune", CARE, "remove old content that is safe on the remote", dv_cmd_prune },
	{ "pointer", PLUMBING, "print the pointer of a file's content", dv_cmd_pointer },
	{ "hook", PLUMBING, "what the installed hooks run", dv_cmd_hook },
	{ "merge-driver", NULL, "what git runs as merge.dv.driver", dv_cmd_merge_driver },
	{ "merge-registry", NULL, "what git runs as merge.dvregistry.driver", dv_cmd_merge_registry },
	{ "help", NULL, "list the commands, or show a manual page", dv_cmd_help },
	{ NULL, NULL, NULL, NULL },
};
