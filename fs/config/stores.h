#ifndef CACHEFS_CONFIG_STORES_H
#define CACHEFS_CONFIG_STORES_H

/*
 * No two layers share a store: each would take the other's entries for its own, and drop with its
 * copy the other's. Files and directories are compared by what they are, whatever they are called:
 * spelling, symbolic and hard links make no difference, nor whether they exist yet.
 */

#include "config/layer.h"

struct config;

/* 0, or -EINVAL with a problem for each layer that is given another one's store. */
int config_stores_check(const struct layer_draft drafts[], size_t count);

/* The same of what the daemon has for itself: state_dir, the database in it, log_file. */
int config_stores_check_own(const struct config_reader *reader, const struct config *config);

#endif
