#ifndef CACHEFS_REDIS_DIRS_H
#define CACHEFS_REDIS_DIRS_H

/*
 * Directories: listings, which merge the two sets, and markers, which lie in one of them alone.
 * `state` is a struct redis. The functions have the contracts of struct backend (cache.h).
 * Thread-safe.
 */

#include "cache.h"

int redis_list(void *state, struct key dir, struct key after, bool after_is_dir,
	       struct children *batch);
int redis_dir_stat(void *state, struct key dir, struct meta *meta);
int redis_dir_set(void *state, struct key dir, const struct meta *meta);
int redis_dir_remove(void *state, struct key dir);

#endif
