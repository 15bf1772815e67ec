#ifndef CACHEFS_MEMORY_DIRS_H
#define CACHEFS_MEMORY_DIRS_H

/*
 * Directories of a layer on the heap: markers, listings, and operations on all keys below a prefix,
 * a bounded number of keys in each pass. `state` is a struct memory (memory/store.h). The contracts
 * are those of struct backend (cache.h). Thread-safe.
 */

#include "cache.h"

int memory_dir_stat(void *state, struct key dir, struct meta *meta);
int memory_dir_set(void *state, struct key dir, const struct meta *meta);
int memory_dir_remove(void *state, struct key dir);
int memory_list(void *state, struct key dir, struct key after, bool after_is_dir,
		struct children *batch);
int memory_remove_prefix(void *state, struct key prefix);
int memory_rename_prefix(void *state, struct key from, struct key to);
int memory_check_rename_prefix(void *state, struct key from, struct key to);

#endif
