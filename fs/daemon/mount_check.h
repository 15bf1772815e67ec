#ifndef CACHEFS_MOUNT_CHECK_H
#define CACHEFS_MOUNT_CHECK_H

/* Finds out why a mount would not work, or has failed. Each cause is a sentence with its remedy. */

#include <limits.h>
#include <stdbool.h>

#include "base/problem.h"

/*
 * Checks the mount point before anything is started. A dead cachefs there is removed, unless
 * only_look. Writes the absolute path into point. 0 or -EINVAL with the problem set.
 */
int mount_check_point(const char *given, bool only_look, char point[PATH_MAX],
		      struct problem *problem);

/* Checks what this user needs to mount there with these options: /dev/fuse, fusermount3, rights. */
int mount_check_rights(const char *point, const char *options, struct problem *problem);

/* Finds the cause after libfuse has failed with this message. Always -EINVAL. */
int mount_check_failure(const char *point, const char *message, struct problem *problem);

#endif
