#ifndef CACHEFS_MOUNT_TABLE_H
#define CACHEFS_MOUNT_TABLE_H

/* What /proc/self/mountinfo says of a mount. Asks no file system, so it never waits for one. */

#include <limits.h>
#include <stdbool.h>

struct mount_entry {
	unsigned connection; /* the minor device number, by which fusectl knows a fuse mount */
	char type[64];       /* fuse.cachefs */
	char point[PATH_MAX];
};

/* The mount that a descriptor (O_PATH will do) is on. 0 or -errno. */
int mount_entry_of(int fd, struct mount_entry *entry);

/* Whether the descriptor is the root of that mount. */
bool mount_entry_is_root(const struct mount_entry *entry, int fd);

/* Whether it is one of ours. */
bool mount_entry_is_cachefs(const struct mount_entry *entry);

/* The connection of the cachefs whose root is at the path now; 0: there is none. */
unsigned mount_connection_at(const char *path);

#endif
