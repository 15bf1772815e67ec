#ifndef CACHEFS_MOUNT_TABLE_H
#define CACHEFS_MOUNT_TABLE_H

/* The entries of /proc/PID/mountinfo. No function asks a file system, so none waits for one. */

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct mount_entry {
	int id;              /* in our mount namespace */
	unsigned connection; /* the minor device number, by which fusectl knows a fuse mount */
	char type[64];       /* fuse.cachefs */
	char point[PATH_MAX];
};

/* The mount of a descriptor (O_PATH will do). 0 or -errno. */
int mount_entry_of(int fd, struct mount_entry *entry);

/* True if the descriptor is the root of that mount. */
bool mount_entry_is_root(const struct mount_entry *entry, int fd);

/* True if the mount is a cachefs. */
bool mount_entry_is_cachefs(const struct mount_entry *entry);

/* The connection of the cachefs whose root is at the path now; 0: there is none. */
unsigned mount_connection_at(const char *path);

/* The whole entry of that mount. False: there is none. */
bool mount_cachefs_at(const char *path, struct mount_entry *entry);

/* The connection of the cachefs that has this mount id in the mount namespace of a process; 0: none
 * has it, or we may not look. */
unsigned mount_connection_of(pid_t pid, int id);

#endif
