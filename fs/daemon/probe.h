#ifndef CACHEFS_PROBE_H
#define CACHEFS_PROBE_H

/*
 * What is at a path, found out by a thread of its own, because a mount whose daemon does not answer
 * would hold the caller for ever. A thread that hangs is left behind.
 */

#include <sys/stat.h>

#include "base/time_source.h"

struct probe {
	int opened; /* 0, -errno, or -ETIMEDOUT */
	int fd;     /* O_PATH, the caller's to close; -1 if not opened */
	int looked; /* whether its file system answers: 0, -errno, or -ETIMEDOUT */
	struct statx st;
};

/* Returns when both are known or the deadline has come; what is not known then is -ETIMEDOUT. */
void probe_path(const char *path, const struct deadline *deadline, struct probe *probe);

#endif
