#ifndef CACHEFS_SERVER_H
#define CACHEFS_SERVER_H

/* A mounted cache from its start to its end: the file system, the mount, and the threads that serve
 * it. Each is made after the things that it needs, and ended before them. */

#include <stdbool.h>

#include "config/config.h"

struct server_conf {
	const struct config *config;
	const char *mountpoint; /* absolute, and found good: mount_check.h, path_check.h */
	const char *options;    /* the options for fuse's -o; may be NULL */
	bool debug;
	void (*ready)(void *self); /* once, in the thread that answers INIT: the mount answers */
	void *self;
};

/*
 * Serves until the mount ends, or SIGTERM or SIGINT comes. Uses these two, SIGUSR1 and SIGHUP
 * (signals.h). Call it in the process's only thread. 0, or -errno with the problem set.
 */
int server_run(const struct server_conf *conf, struct problem *problem);

#endif
