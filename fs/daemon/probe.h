#ifndef CACHEFS_PROBE_H
#define CACHEFS_PROBE_H

/*
 * What is at a path, found out by a thread of its own, because a mount whose daemon does not answer
 * would hold the caller for ever. A thread that hangs is left behind.
 */

#include <stdint.h>
#include <sys/stat.h>

struct probe {
	int opened; /* 0, -errno, or -ETIMEDOUT */
	int fd;     /* O_PATH, the caller's to close; -1 if not opened */
	int looked; /* whether its file system answers: 0, -errno, or -ETIMEDOUT */
	struct statx st;
};

void probe_path(const char *path, int64_t deadline_ms, struct probe *probe);

#endif
