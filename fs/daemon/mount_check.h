#ifndef CACHEFS_MOUNT_CHECK_H
#define CACHEFS_MOUNT_CHECK_H

/* Why a mount would not work, or has not: each cause a sentence with its remedy. */

#include <limits.h>
#include <stdbool.h>

#include "base/problem.h"

/*
 * The mount point, before anything is started; a dead cachefs there is removed, unless only_look.
 * Its absolute path into point. 0 or -EINVAL with the problem set.
 */
int mount_check_point(const char *given, bool only_look, char point[PATH_MAX],
		      struct problem *problem);

/* What this user needs to mount there with these options: /dev/fuse, fusermount3, rights. */
int mount_check_rights(const char *point, const char *options, struct problem *problem);

/* After libfuse has failed with this message: what is behind it. Always -EINVAL. */
int mount_check_failure(const char *point, const char *message, struct problem *problem);

#endif
