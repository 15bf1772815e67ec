#ifndef CACHEFS_PROBE_H
#define CACHEFS_PROBE_H

/*
 * Finds out what is at a path, in a thread of its own, because a mount whose daemon does not answer
 * would block the caller for ever. A thread that hangs is left behind.
 */

#include <sys/stat.h>

#include "base/time_source.h"

struct probe {
	int opened; /* 0, -errno, or -ETIMEDOUT */
	int fd;     /* O_PATH, the caller's to close; -1 if not opened */
	int looked; /* 0: its file system answers; -errno; or -ETIMEDOUT */
	struct statx st;
};

/* Returns when both are known, or at the deadline; a result that is unknown then is -ETIMEDOUT. */
void probe_path(const char *path, const struct deadline *deadline, struct probe *probe);

#endif
