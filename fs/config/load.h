#ifndef CACHEFS_LOAD_H
#define CACHEFS_LOAD_H

/* The configuration from a file. */

#include "config/config.h"

/*
 * Reads and parses a file of up to 1 MiB, which may be a pipe; relative paths in it are of its
 * directory. Warns in the log of a password in a file that others can read. 0, or -EINVAL with
 * every problem added; config is then empty. Ended with config_fini().
 */
int config_load(const char *path, struct config *config, struct problems *problems);

#endif
