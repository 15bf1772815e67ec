#ifndef CACHEFS_REDIS_PREFIX_H
#define CACHEFS_REDIS_PREFIX_H

/*
 * Changes of all keys that begin with a prefix. They run page by page, each page in a transaction
 * and a turn of its own, so that the server is never blocked for long. `state` is a struct redis.
 * The functions have the contracts of struct backend (cache.h). Thread-safe.
 */

#include "cache.h"

int redis_remove_prefix(void *state, struct key prefix);
int redis_rename_prefix(void *state, struct key from, struct key to);
int redis_check_rename_prefix(void *state, struct key from, struct key to);

#endif
