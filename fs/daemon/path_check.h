#ifndef CACHEFS_PATH_CHECK_H
#define CACHEFS_PATH_CHECK_H

/* Refuses a store below the daemon's own mount point, because the daemon would wait for itself. */

#include "config/config.h"

/* 0; or -EINVAL with the problem set if a layer, the state or the log would be below mountpoint,
 * which is canonical. */
int path_check(const struct config *config, const char *mountpoint, struct problem *problem);

#endif
