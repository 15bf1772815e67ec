#ifndef CACHEFS_DESCRIPTORS_H
#define CACHEFS_DESCRIPTORS_H

/*
 * Counts the descriptors of one of our files that another process has open for writing, or for
 * reading. /proc/PID/fdinfo/N shows them as `flags:`, `ino:` and `mnt_id:`. Paths are not compared:
 * another mount namespace, or an unlinked or replaced name, shows a different path. No function
 * here asks a file system (the request would come to us), or waits for an execve(2).
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How the mountinfo of a process names our mount. */
struct our_mount {
	int id;              /* in our own mount namespace */
	unsigned connection; /* its minor device number, in every namespace; 0: unknown */
};

/*
 * One look at any number of processes. All of them together have one bound: so many descriptors, or
 * so much time (but the first 64 descriptors are always looked at). A longer look hands the request
 * loop over, so call it with no lock held.
 */
enum { LOOK_DESCRIPTORS = 256, LOOK_US = 200 };

struct look {
	const struct our_mount *mount;
	bool readers;   /* count descriptors open only for reading, not those open for writing */
	uint64_t ino;   /* of the file, as stat shows it */
	unsigned left;  /* descriptors that may still be looked at; 0: the bound is reached */
	int64_t end_ns; /* when the time is up; the first descriptors are always looked at */
};

void look_begin(struct look *look, const struct our_mount *mount, uint64_t ino);

/*
 * True if a process has more than `count` such descriptors. False also for a process that cannot be
 * looked at (it has ended, or it is another user's and we are not root), and when the look has
 * reached its bound.
 */
bool look_finds_more_than(struct look *look, pid_t pid, unsigned count);

#endif
