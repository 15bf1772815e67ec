#ifndef CACHEFS_ARGUMENTS_H
#define CACHEFS_ARGUMENTS_H

/* The command line: cachefs [OPTIONS] [CONFIG] MOUNTPOINT */

#include <stdbool.h>

#include "../backends/problem.h"

struct arguments {
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
