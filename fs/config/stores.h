#ifndef CACHEFS_CONFIG_STORES_H
#define CACHEFS_CONFIG_STORES_H

/*
 * Checks that no two layers share a store. Each layer would take the other's entries for its own,
 * and dropping its copy would drop the other's. Files and directories are compared by identity, not
 * by name: spelling, symbolic and hard links make no difference. They need not exist yet.
 */

#include "config/layer.h"

struct config;

/* 0, or -EINVAL with a problem for each layer that is given another one's store. */
int config_stores_check(const struct layer_draft drafts[], size_t count);

/* Likewise for the daemon's own stores: state_dir, the database in it, log_file. */
int config_stores_check_own(const struct config_reader *reader, const struct config *config);

#endif
