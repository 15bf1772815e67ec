#ifndef CACHEFS_ARGUMENTS_H
#define CACHEFS_ARGUMENTS_H

/* The command line: cachefs [OPTIONS] [CONFIG] MOUNTPOINT, and the switches that mount nothing. */

#include <stdbool.h>

#include "../backends/problem.h"

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
	bool help; /* -h or -V: nothing else is set */
	bool version;
	char *options;      /* what fuse is to get with -o, joined; NULL: nothing */
	const char *config; /* NULL: the built-in one */
	const char *mountpoint;
};

/* Both strings point into argv. 0 or -EINVAL with the problem set; ended with arguments_fini()
 * either way. */
int arguments_parse(int argc, char **argv, struct arguments *arguments, struct problem *problem);
void arguments_fini(struct arguments *arguments);

extern const char arguments_usage[];

#endif
