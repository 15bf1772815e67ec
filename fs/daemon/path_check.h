#ifndef CACHEFS_PATH_CHECK_H
#define CACHEFS_PATH_CHECK_H

/* A daemon that stores below its own mount point would wait for itself. */

#include "config/config.h"

/* Whether a layer, the state or the log would lie below mountpoint, which is canonical. 0, or
 * -EINVAL with the problem set. */
int path_check(const struct config *config, const char *mountpoint, struct problem *problem);

#endif
