#ifndef CACHEFS_ARGUMENTS_H
#define CACHEFS_ARGUMENTS_H

/*
 * The command line. The program's own: cachefs [OPTIONS] [CONFIG] MOUNTPOINT. As mount(8) calls a
 * mount helper, known by its name: mount.cachefs CONFIG MOUNTPOINT [-sfnv] [-N NAMESPACE]
 * [-t TYPE] [-o OPTIONS]. In both a CONFIG "none" or "cachefs" is the built-in one.
 * The long switches, as --check-config, mount nothing.
 */

#include <stdbool.h>

#include "base/problem.h"

enum task {
	TASK_MOUNT,
	TASK_CHECK_CONFIG, /* may have a config, has no mount point; so has the next */
	TASK_PRINT_CONFIG,
	TASK_EXAMPLE_CONFIG, /* has neither; so has the next */
	TASK_PRINT_OPTIONS,
};

struct arguments {
	enum task task;
	bool foreground; /* -f, also with -d */
	bool debug;
	bool fake;    /* -f of the helper: check everything, mount nothing */
	bool verbose; /* -v of the helper: say what is done */
	bool help;    /* -h or -V: nothing else is set */
	bool version;
	char *options;      /* what fuse is to get with -o, joined; has an fsname */
	const char *config; /* NULL: the built-in one */
	const char *mountpoint;
	const char *namespace; /* the mount namespace to enter first (a path or a pid), or NULL */
};

/* The strings point into argv, but options. 0 or -EINVAL with the problem set; ended with
 * arguments_fini() either way. */
int arguments_parse(int argc, char **argv, struct arguments *arguments, struct problem *problem);
void arguments_fini(struct arguments *arguments);

extern const char arguments_usage[];

#endif
