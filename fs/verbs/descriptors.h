#ifndef CACHEFS_DESCRIPTORS_H
#define CACHEFS_DESCRIPTORS_H

/*
 * Which descriptors of a file of ours another process has open for writing, or for reading: what
 * /proc/PID/fdinfo/N shows as `flags:`, `ino:` and `mnt_id:`. Not by path, which another mount
 * namespace, or an unlinked or replaced name, shows differently. Nothing here asks a file system
 * (we would be asked ourselves), or waits for an execve(2).
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How a process's mountinfo knows our mount. */
struct our_mount {
	int id;              /* in our own mount namespace */
	unsigned connection; /* its minor device number, in every namespace; 0: not known */
};

/*
 * One look at any number of processes, bounded for all of them together: so many descriptors, or so
 * long (but the first 64 are looked at however long it takes). Hands the request loop over when it
 * takes longer, so call it with no lock held.
 */
enum { LOOK_DESCRIPTORS = 256, LOOK_US = 200 };

struct look {
	const struct our_mount *mount;
	bool readers;   /* descriptors open for reading alone, not those open for writing */
	uint64_t ino;   /* of the file, as stat shows it */
	unsigned left;  /* descriptors that may still be looked at; 0: enough was done */
	int64_t end_ns; /* from when on it is enough, after the first few */
};

void look_begin(struct look *look, const struct our_mount *mount, uint64_t ino);

/*
 * Whether a process has more than `count` such descriptors. False also for one that cannot be
 * looked at (it is gone, or another user's and we are not root), and when the look has come to its
 * bound.
 */
bool look_finds_more_than(struct look *look, pid_t pid, unsigned count);

#endif
