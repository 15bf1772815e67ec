#ifndef CACHEFS_REDIS_PREFIX_H
#define CACHEFS_REDIS_PREFIX_H

/*
 * What is done to all keys that begin with a prefix: page by page, each in a transaction and a turn
 * of its own, so that the server is never kept from others for long. `state` is a struct redis;
 * contracts are those of struct backend (cache.h). Thread-safe.
 */

#include "cache.h"

int redis_remove_prefix(void *state, struct key prefix);
int redis_rename_prefix(void *state, struct key from, struct key to);
int redis_check_rename_prefix(void *state, struct key from, struct key to);

#endif
