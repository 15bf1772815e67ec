#ifndef CACHEFS_LOAD_H
#define CACHEFS_LOAD_H

/* The configuration from a file. */

#include "config/config.h"

/*
 * Reads and parses a file of up to 1 MiB, which may be a pipe. Relative paths in it begin at its
 * directory. The log warns of a password in a file that others can read. 0, or -EINVAL with every
 * problem added; config is then empty. config_fini() ends config.
 */
int config_load(const char *path, struct config *config, struct problems *problems);

#endif
