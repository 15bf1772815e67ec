#ifndef CACHEFS_ARGUMENTS_H
#define CACHEFS_ARGUMENTS_H

/*
 * The command line. As a program: cachefs [OPTIONS] [CONFIG] MOUNTPOINT. As a helper of mount(8),
 * which is recognised by its name: mount.cachefs CONFIG MOUNTPOINT [-sfnv] [-N NAMESPACE] [-t TYPE]
 * [-o OPTIONS]. In both, the CONFIG "none" or "cachefs" is the built-in one. Long switches, for
 * example --check-config, mount nothing.
 */

#include <stdbool.h>

#include "base/problem.h"

enum task {
	TASK_MOUNT,
	TASK_CHECK_CONFIG, /* may have a config, has no mount point; likewise the next one */
	TASK_PRINT_CONFIG,
	TASK_EXAMPLE_CONFIG, /* has neither; likewise the next one */
	TASK_PRINT_OPTIONS,
};

struct arguments {
	enum task task;
	bool foreground; /* -f, also with -d */
	bool debug;
	bool fake;    /* -f of the helper: check everything, mount nothing */
	bool verbose; /* -v of the helper: prints what it does */
	bool help;    /* -h or -V: nothing else is set */
	bool version;
	char *options;      /* for fuse's -o, joined; has an fsname */
	const char *config; /* NULL: the built-in one */
	const char *mountpoint;
	const char *namespace; /* the mount namespace to enter first (a path or a pid), or NULL */
};

/* All strings except options point into argv. 0 or -EINVAL with the problem set; arguments_fini()
 * ends it either way. */
int arguments_parse(int argc, char **argv, struct arguments *arguments, struct problem *problem);
void arguments_fini(struct arguments *arguments);

extern const char arguments_usage[];

#endif
